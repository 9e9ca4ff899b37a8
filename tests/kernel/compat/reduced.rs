// SPDX-License-Identifier: MIT

//! A case without the commands that are refused without root: what the others answer
//! then has to be what the original answers to root when it is not given those either.

use super::case::{Case, Run, Step};
use super::notation::Answer;
use super::refusal::{has_refusal, is_refusal, needs_netlink};

/// A case without the commands that were refused, and what this tree's program answered
/// to the others, without the refusals.
pub(super) struct Reduced {
    pub(super) case: Case,
    pub(super) answers: Vec<Answer>,
    /// The commands whose last line of input was refused, so that their statuses are
    /// those of refusals.
    ends_refused: Vec<bool>,
}

impl Reduced {
    /// Leaves out of a case what was refused in these answers to it.
    pub(super) fn new(case: &Case, answers: &[Answer]) -> Self {
        let mut reduced = Self {
            case: Case {
                steps: Vec::new(),
                ..case.clone()
            },
            answers: Vec::new(),
            ends_refused: Vec::new(),
        };
        let mut answers = answers.iter();
        let mut was_refused = false;
        for step in &case.steps {
            match step {
                Step::Run(run) => {
                    let Some(answer) = answers.next() else { break };
                    was_refused |= has_refusal(answer);
                    reduced.take(run, answer);
                }
                // There may be no server for it.
                Step::Udp { .. } if was_refused => {}
                other => reduced.case.steps.push(other.clone()),
            }
        }
        reduced
    }

    fn take(&mut self, run: &Run, answer: &Answer) {
        let mut run = run.clone();
        let mut answer = answer.clone();
        let mut ends_refused = false;
        if has_refusal(&answer) {
            if run.input.is_empty() {
                return;
            }
            let told = || answer.stderr.split_inclusive(|byte| *byte == b'\n');
            // As many as are told of: a later one may have had a mistake in its words.
            let mut refusals = told().filter(|line| is_refusal(line)).count();
            let mut kept = Vec::new();
            for line in run.input.split_inclusive(|byte| *byte == b'\n') {
                ends_refused = refusals > 0 && needs_netlink(line);
                if ends_refused {
                    refusals -= 1;
                } else {
                    kept.extend_from_slice(line);
                }
            }
            run.input = kept;
            answer.stderr = told()
                .filter(|line| !is_refusal(line))
                .flatten()
                .copied()
                .collect();
        }
        // It may be what was refused that it waits for.
        run.until.clear();
        self.case.steps.push(Step::Run(run));
        self.answers.push(answer);
        self.ends_refused.push(ends_refused);
    }

    /// Gives the statuses that are those of refusals in the place of those that root
    /// gets without them.
    pub(super) fn without_statuses_of_refusals(&self, mut roots: Vec<Answer>) -> Vec<Answer> {
        for ((root, ours), ends_refused) in
            roots.iter_mut().zip(&self.answers).zip(&self.ends_refused)
        {
            if *ends_refused {
                root.status = ours.status;
            }
        }
        roots
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compat::case;

    const REFUSED: &str = "cannot add: IPv6 needs the netlink interface of the kernel, which is \
                           for root in the first user namespace\n";

    fn answer(stdout: &str, stderr: &str, status: u8) -> Answer {
        Answer {
            stdout: stdout.into(),
            stderr: stderr.into(),
            status,
        }
    }

    #[test]
    fn only_what_was_refused_is_left_out() {
        let text = "\
== title
$ -A -t [::1]:80
$ -R
< -A -f 1
< -a -f 1 -r ::1 -i
< -A -f 1
< -A -f 2 -6 -M 999
udp 10.0.0.1:1 10.0.0.2:2 x
$ -L
until ::1
";
        let case = case::parse(text).unwrap().remove(0);
        let answers = [
            answer("", REFUSED, 2),
            answer("", &format!("{REFUSED}exists\nwrong\n"), 2),
            answer("list\n", "", 0),
        ];
        let reduced = Reduced::new(&case, &answers);
        assert_eq!(reduced.case.steps.len(), 2);
        let runs: Vec<&Run> = reduced.case.runs().collect();
        assert_eq!(runs[0].input, b"-A -f 1\n-A -f 1\n-A -f 2 -6 -M 999\n");
        assert!(runs[1].until.is_empty());
        let left = [answer("", "exists\nwrong\n", 2), answer("list\n", "", 0)];
        assert_eq!(reduced.answers, left);
        let roots = vec![answer("", "", 0)];
        assert_eq!(reduced.without_statuses_of_refusals(roots.clone()), roots);
    }

    #[test]
    fn the_status_of_a_refused_last_line_is_not_compared() {
        let case = case::parse("== title\n$ -R\n< -A -f 1\n< -A -f 1 -6\n");
        let answers = [answer("", REFUSED, 2)];
        let reduced = Reduced::new(&case.unwrap().remove(0), &answers);
        let roots = reduced.without_statuses_of_refusals(vec![answer("", "", 0)]);
        assert_eq!(roots, reduced.answers);
    }
}
