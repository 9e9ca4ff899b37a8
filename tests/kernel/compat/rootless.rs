// SPDX-License-Identifier: MIT

//! The same cases where this tree's program is not root: an ordinary user acts in a
//! network namespace of their own. What the original answers to root has to be answered
//! there too. Each answer that differs is on record ([`super::exceptions`]), and the first
//! of a case has a reason that is known here. With `IPVS_LAB_ASK=1` the rest of such a case
//! is compared with what root is answered without the commands that are refused
//! ([`super::reduced`]).

use anyhow::{Result, ensure};
use ipvs_lab::comparison::Comparison;

use super::case::{Case, Run};
use super::exceptions::{self, Differing, Exceptions, Kind};
use super::notation::Answer;
use super::recorded::{Book, is_asking, is_recording};
use super::reduced::Reduced;
use super::refusal::has_refusal;
use super::stage::{Program, Stage};
use super::table::{self, cases, differences};

const SUITE: &str = "suite rootless";

macro_rules! tables {
    ($($name:ident)*) => {
        /// The files of cases that run without root.
        const TABLES: &[&str] = &[$(stringify!($name)),*];
        $(#[test] fn $name() {
            let failures = compare(stringify!($name)).unwrap();
            assert!(failures.is_empty(), "\n{}", failures.join("\n"));
        })*
    };
}

// Those that are missing rewrite replies of netlink, which is for root alone.
tables! {
    addresses connections counters daemons deliberate first_words listing names
    pairs_listing pairs_others pairs_servers pairs_services persistence
    pipes refusals restoring servers values
}

#[test]
fn every_table_without_rewritten_replies_runs_without_root() {
    let mut others = super::TABLES.to_vec();
    others.retain(|name| !name.starts_with(table::REPLIES_FILES));
    assert_eq!(TABLES, others);
}

#[test]
fn every_file_of_exceptions_belongs_to_a_table() {
    for name in exceptions::names(Kind::Rootless).unwrap() {
        assert!(TABLES.contains(&name.as_str()), "{name}");
    }
}

/// Reports the counts; returns what is wrong.
fn compare(name: &str) -> Result<Vec<String>> {
    let mut book = match is_recording() {
        // Those on record are being written at the same time.
        true => Book::without_records(name)?,
        false => Book::open_records(name)?,
    };
    let mut exceptions = Exceptions::open(Kind::Rootless, name)?;
    let of_static = table::static_exceptions(name)?;
    let stage = Stage::rootless()?;
    let root = match is_asking() || is_recording() {
        true => Some(Root::new()?),
        false => None,
    };
    let mut count = Comparison::default();
    let mut failures = Vec::new();
    let cases = cases(name)?;
    for case in &cases {
        let wanted = || -> Result<Vec<Answer>> {
            let mut wanted = match case.deliberate {
                Some(_) => case.runs().map(|run| run.ours.clone()).collect(),
                None => book.answers(&case.title, |original| original.play(case))?,
            };
            if let Some(exceptions) = &of_static {
                exceptions.replace(&case.title, &mut wanted);
            }
            Ok(wanted)
        };
        match one(case, &stage, wanted, &mut exceptions, root.as_ref()) {
            Ok(Verdict::Same) => count.same += 1,
            Ok(Verdict::Exception) => count.deliberate += 1,
            Err(error) => {
                count.different += 1;
                failures.push(format!("== {}\n{error:#}\n", case.title));
            }
        }
    }
    count.report(SUITE)?;
    failures.extend(exceptions.close(cases.iter().map(|case| case.title.as_str()))?);
    Ok(failures)
}

enum Verdict {
    Same,
    Exception,
}

/// # Errors
/// When an answer is neither the one that root gets nor on record, or differs without
/// a reason.
fn one(
    case: &Case,
    stage: &Stage,
    wanted: impl FnOnce() -> Result<Vec<Answer>>,
    exceptions: &mut Exceptions,
    root: Option<&Root>,
) -> Result<Verdict> {
    let all_wanted = wanted()?;
    let all_ours = stage.play(case)?;
    let all_ours: Vec<Answer> = all_ours.into_iter().map(without_interface).collect();
    ensure!(
        all_wanted.len() == all_ours.len(),
        "the record has other commands"
    );
    let mut differing = Differing::new();
    for (place, ((run, wanted), ours)) in case.runs().zip(&all_wanted).zip(&all_ours).enumerate() {
        if wanted.admits(ours) {
            continue;
        }
        // What follows may depend on what is refused.
        let has_reason =
            !differing.is_empty() || has_refusal(ours) || shows_less_of_daemons(run, wanted, ours);
        ensure!(
            has_reason,
            "without a reason:\n{}",
            differences(case, &all_wanted, &all_ours)
        );
        differing.insert(place + 1, ours.clone());
    }
    let verdict = match differing.is_empty() {
        true => Verdict::Same,
        false => Verdict::Exception,
    };
    exceptions.check(&case.title, differing)?;
    if let (Verdict::Exception, Some(root)) = (&verdict, root) {
        root.check_rest(case, &all_ours)?;
    }
    Ok(verdict)
}

/// The places of both programs where they are root.
struct Root {
    original: Stage,
    ours: Stage,
}

impl Root {
    fn new() -> Result<Self> {
        Ok(Self {
            original: Stage::new(Program::Original)?,
            ours: Stage::new(Program::Ours)?,
        })
    }

    /// Compares answers to a case, but for what is refused in them, with those that root
    /// gets to the rest of the case: from the original, or from this tree's program where
    /// it differs from that.
    ///
    /// # Errors
    /// When they are not the same.
    fn check_rest(&self, case: &Case, answers: &[Answer]) -> Result<()> {
        let rest = Reduced::new(case, answers);
        let stage = match case.deliberate {
            Some(_) => &self.ours,
            None => &self.original,
        };
        let roots = rest.without_statuses_of_refusals(stage.play(&rest.case)?);
        let mut pairs = rest.case.runs().zip(roots.iter().zip(&rest.answers));
        let is_same =
            pairs.all(|(run, (root, ours))| root == ours || shows_less_of_daemons(run, root, ours));
        ensure!(
            is_same,
            "without what is refused, root gets other answers:\n{}",
            differences(&rest.case, &roots, &rest.answers)
        );
        Ok(())
    }
}

/// Returns whether these are the same daemons, and only what the socket options tell of
/// them: the interface and the syncid.
fn shows_less_of_daemons(run: &Run, wanted: &Answer, ours: &Answer) -> bool {
    let lists_daemons = run.words.iter().any(|word| word == b"--daemon");
    let [all, some] = [wanted, ours].map(|answer| String::from_utf8_lossy(&answer.stdout));
    lists_daemons
        && all.lines().count() == some.lines().count()
        && all.lines().zip(some.lines()).all(|(all, some)| {
            let rest = some
                .strip_suffix(')')
                .and_then(|some| all.strip_prefix(some));
            rest.is_some_and(|rest| rest.starts_with(", maxlen="))
        })
        && (&wanted.stderr, wanted.status) == (&ours.stderr, ours.status)
}

/// Leaves out the interface that a JSON document names.
fn without_interface(answer: Answer) -> Answer {
    let text = String::from_utf8_lossy(&answer.stdout);
    match text.split_once(",\"interface\":\"sockopt\"") {
        Some((start, end)) => Answer {
            stdout: format!("{start}{end}").into_bytes(),
            ..answer
        },
        None => answer,
    }
}
