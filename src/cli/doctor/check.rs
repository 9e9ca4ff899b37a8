// SPDX-License-Identifier: MIT

//! The form of a check, and of what it finds.

/// A reason why a virtual service does not work, or will not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Finding {
    /// The virtual service, real server, interface or setting that it is about.
    pub(crate) object: String,
    /// The fault of the object, as the end of a sentence that begins with it.
    pub(crate) message: String,
    /// The consequence, in whole sentences.
    pub(crate) why: String,
    /// The commands that mend it, as a shell reads them; none where no command can.
    pub(crate) commands: Vec<String>,
}

/// The reason why a check cannot look, or not at everything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Unknown(pub(crate) String);

/// One thing that is looked at, on a machine whose facts are a `T`.
pub(crate) struct Check<T> {
    /// The name, in small letters and hyphens, which stays the same.
    pub(crate) name: &'static str,
    pub(crate) find: fn(&T) -> Result<Vec<Finding>, Unknown>,
}

/// A finding, with the name of the check that has made it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) check: &'static str,
    pub(crate) finding: Finding,
}

/// Checks that could not look, for one reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Skipped {
    pub(crate) checks: Vec<&'static str>,
    pub(crate) reason: String,
}

/// Everything that the checks have to say about a machine.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Report {
    pub(crate) findings: Vec<Found>,
    pub(crate) skipped: Vec<Skipped>,
    /// The number of checks that have looked.
    pub(crate) looked: usize,
}

/// Makes every check of a machine, in their order.
pub(crate) fn examine<T>(checks: &[Check<T>], machine: &T) -> Report {
    let mut report = Report::default();
    for check in checks {
        match (check.find)(machine) {
            Ok(findings) => {
                report.looked += 1;
                let found = findings.into_iter().map(|finding| Found {
                    check: check.name,
                    finding,
                });
                report.findings.extend(found);
            }
            Err(Unknown(reason)) => report.skip(check.name, &reason),
        }
    }
    report
}

impl Report {
    /// Adds what there is to say about the machine in another role.
    pub(crate) fn append(&mut self, other: Self) {
        self.findings.extend(other.findings);
        self.looked += other.looked;
        for Skipped { checks, reason } in other.skipped {
            for check in checks {
                self.skip(check, &reason);
            }
        }
    }

    fn skip(&mut self, check: &'static str, reason: &str) {
        let same = |skipped: &&mut Skipped| skipped.reason == reason;
        match self.skipped.iter_mut().find(same) {
            Some(skipped) => skipped.checks.push(check),
            None => self.skipped.push(Skipped {
                checks: vec![check],
                reason: reason.to_owned(),
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_looked_at_is_told_once_for_each_reason() {
        let check = |name, find| Check { name, find };
        let checks: [Check<&str>; 4] = [
            check("first", |_| Err(Unknown("no table".to_owned()))),
            check("second", |object| {
                Ok(vec![Finding {
                    object: (*object).to_owned(),
                    message: String::new(),
                    why: String::new(),
                    commands: Vec::new(),
                }])
            }),
            check("third", |_| Ok(Vec::new())),
            check("fourth", |_| Err(Unknown("no table".to_owned()))),
        ];
        let report = examine(&checks, &"it");
        assert_eq!(
            report.skipped,
            [Skipped {
                checks: vec!["first", "fourth"],
                reason: "no table".to_owned()
            }]
        );
        let found: Vec<_> = report
            .findings
            .iter()
            .map(|found| (found.check, found.finding.object.as_str()))
            .collect();
        assert_eq!((found, report.looked), (vec![("second", "it")], 2));
    }
}
