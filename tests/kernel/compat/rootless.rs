// SPDX-License-Identifier: MIT

//! The same cases where this tree's program is not root: an ordinary user acts in a
//! network namespace of their own. What the original answered to root has to be
//! answered there too, but for what takes netlink, which is refused by name.

use anyhow::{Context as _, Result, ensure};
use ipvs_lab::comparison::Comparison;

use super::case::{Case, Step};
use super::notation::Answer;
use super::recorded::Book;
use super::stage::Stage;
use super::table::{cases, differences};

const SUITE: &str = "suite rootless";

/// The words of this program about what the socket options do not know: IPv6, tunnels of
/// other types, persistence engines, other protocols, and settings of daemons.
const REFUSALS: [&str; 3] = [
    " needs the netlink interface of the kernel, which is for root in the first user namespace\n",
    " of IPv6, which only root in the first user namespace can see\n",
    " of IPv6 too, which the kernel shows only over netlink, to root in the first user namespace\n",
];

/// Cases that send packets to a server which is refused: they end before that.
const WITHOUT_SERVER: [&str; 2] = [
    "a datagram with -i --tun-type gre to 10.0.0.2",
    "a datagram with -i --tun-type gre to 10.0.0.5",
];

macro_rules! tables {
    ($($name:ident)*) => {
        $(#[test] fn $name() {
            let failures = compare(stringify!($name)).unwrap();
            assert!(failures.is_empty(), "\n{}", failures.join("\n"));
        })*
    };
}

// Those with rewritten replies are about netlink. Most of those about daemons wait for one
// whose settings only netlink has; `rootless` tests daemons. What stands in the other files
// is decided before the kernel is asked.
tables! {
    connections counters listing persistence refusals restoring servers
}

/// Reports the counts; returns what is wrong.
fn compare(name: &str) -> Result<Vec<String>> {
    let mut book = Book::open_records(name)?;
    let stage = Stage::rootless()?;
    let mut count = Comparison::default();
    let mut failures = Vec::new();
    for mut case in cases(name)? {
        // Who is nobody in the user namespace too has no rights at all.
        if case.runs().any(|run| run.as_nobody) {
            continue;
        }
        let is_refused = WITHOUT_SERVER.contains(&case.title.as_str());
        if is_refused {
            let mut steps = case.steps.iter();
            let end = steps.position(|step| matches!(step, Step::Udp { .. }));
            case.steps.truncate(end.context("no datagram")?);
        }
        match one(&case, &stage, &mut book) {
            Ok(Verdict::Same) if is_refused => {
                count.different += 1;
                failures.push(format!("== {}\nit is not refused\n", case.title));
            }
            Ok(Verdict::Same) => count.same += 1,
            Ok(Verdict::Refused) => count.deliberate += 1,
            Err(error) => {
                count.different += 1;
                failures.push(format!("== {}\n{error:#}\n", case.title));
            }
        }
    }
    count.report(SUITE)?;
    Ok(failures)
}

enum Verdict {
    Same,
    /// A command was refused by name, or told what it does not show.
    Refused,
}

/// # Errors
/// When an answer is neither the same nor a refusal by name.
fn one(case: &Case, stage: &Stage, book: &mut Book) -> Result<Verdict> {
    let wanted: Vec<Answer> = match case.deliberate {
        Some(_) => case.runs().map(|run| run.ours.clone()).collect(),
        None => book.answers(&case.title, |original| original.play(case))?,
    };
    let ours = stage.play(case)?;
    let ours: Vec<Answer> = ours.into_iter().map(without_interface).collect();
    if wanted
        .iter()
        .zip(&ours)
        .all(|(wanted, ours)| wanted.admits(ours))
    {
        return Ok(Verdict::Same);
    }
    let is_refused = ours.iter().any(|answer| {
        let errors = String::from_utf8_lossy(&answer.stderr);
        REFUSALS.iter().any(|refusal| errors.contains(refusal))
    });
    ensure!(is_refused, "{}", differences(case, &wanted, &ours));
    Ok(Verdict::Refused)
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
