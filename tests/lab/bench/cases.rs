// SPDX-License-Identifier: MIT

//! The cases that are measured, and the figures that are wanted.

use std::fmt;

use super::growth;
use super::rules::Table;
use crate::kernels::Kernel;

/// Something that every contestant does.
#[derive(Debug)]
pub(crate) struct Case {
    /// The name on the command line.
    pub(crate) name: &'static str,
    pub(crate) work: Work,
    /// The table that the work makes or finds.
    pub(crate) table: Table,
    pub(crate) figure: Figure,
    /// The kernel for which the wanted figures hold.
    pub(crate) kernel: Kernel,
    pub(crate) wanted: Wanted,
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum Work {
    /// `-R` from a file, into an empty table.
    Restore,
    /// The first rule of the table as a command, with an empty table.
    Add,
    /// These words, with the table full.
    Print(&'static [&'static str]),
    /// These words, with so many connections of one service.
    Connections(u32, &'static [&'static str]),
    /// `-R --check` of the file that describes the table.
    Check,
    /// A command that compares a file with the full table.
    Compare(Compare, File),
}

/// A command that compares a file with the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Compare {
    /// `--apply`, which makes the table what the file says.
    Apply,
    /// `--diff`, which shows what that would do.
    Diff,
}

impl Compare {
    pub(crate) fn option(self) -> &'static str {
        match self {
            Self::Apply => "--apply",
            Self::Diff => "--diff",
        }
    }
}

/// A file that describes a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum File {
    /// The table as it is.
    Same,
    /// With other weights for one destination of a hundred.
    Changed,
}

/// The quantity that is measured of a contestant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Figure {
    /// From its start to its end, in microseconds.
    Time,
    /// The same, less the time that it takes with an empty table.
    BeyondStart,
    /// Its peak resident memory, in KiB.
    Peak,
}

/// The figures that this tree's program should reach.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Wanted {
    /// The original's figure divided by ours, at least.
    pub(crate) against_original: Option<f64>,
    /// Our figure divided by the floor's, at most.
    pub(crate) against_floor: Option<f64>,
    /// Our own figure, at most.
    pub(crate) most: Option<f64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Contestant {
    Original,
    Ours,
    /// See [`super::floor`]; for the plain listing [`READ_TABLE`], for connections
    /// `cat /proc/net/ip_vs_conn`. For commands that compare see [`super::compare`].
    Floor,
}

impl Contestant {
    /// The name between the inside and the outside of the kernel.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Original => "original",
            Self::Ours => "ours",
            Self::Floor => "floor",
        }
    }
}

/// The cases whose names contain the pattern. Those about growth have to be asked for.
pub(crate) fn matching(pattern: &str) -> impl Iterator<Item = &'static Case> {
    let cases = match pattern.starts_with(growth::PREFIX) {
        true => growth::CASES,
        false => CASES,
    };
    cases.iter().filter(move |case| case.name.contains(pattern))
}

impl Case {
    pub(crate) fn contestants(&self) -> &'static [Contestant] {
        match (self.work, self.figure) {
            (Work::Check, _) | (Work::Compare(..), Figure::Peak) => &[Contestant::Ours],
            (Work::Compare(..), Figure::Time) => &[Contestant::Ours, Contestant::Floor],
            (_, Figure::BeyondStart) => &[Contestant::Ours, Contestant::Floor],
            // The original can do neither.
            (Work::Connections(_, OF_ONE_SERVICE | SUMMARY), _) => {
                &[Contestant::Ours, Contestant::Floor]
            }
            (_, Figure::Time) => &[Contestant::Original, Contestant::Ours, Contestant::Floor],
            (_, Figure::Peak) => &[Contestant::Original, Contestant::Ours],
        }
    }

    /// Returns whether this is about describing a whole table in a file, which has a
    /// table of figures of its own.
    pub(crate) fn is_about_files(&self) -> bool {
        self.name.starts_with("apply-")
    }

    /// The number of measurements when `runs` are asked for. A peak varies by
    /// next to nothing, and the tables for it are large.
    pub(crate) fn runs(&self, runs: usize) -> usize {
        match self.figure {
            Figure::Time | Figure::BeyondStart => runs,
            Figure::Peak => runs.min(3),
        }
    }

    /// The command line that is measured.
    pub(crate) fn command(&self) -> String {
        match self.work {
            Work::Restore => "ipvsadm -R < FILE".to_owned(),
            Work::Add => format!("ipvsadm {}", self.table.text().trim_end()),
            Work::Print(words) => format!("ipvsadm {}", words.join(" ")),
            Work::Connections(_, words) => format!("ipvsadm {}", words.join(" ")),
            Work::Check => "ipvsadm -R --check FILE".to_owned(),
            Work::Compare(compare, _) => format!("ipvsadm {} FILE", compare.option()),
        }
    }
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = match self.work {
            Work::Restore => "-R".to_owned(),
            Work::Add => "one -A".to_owned(),
            Work::Print(words) => words.join(" "),
            Work::Connections(_, words) => words.join(" "),
            Work::Check => "-R --check".to_owned(),
            Work::Compare(compare, File::Same) => format!("{}, unchanged", compare.option()),
            Work::Compare(compare, File::Changed) => format!("{}, 1 % changed", compare.option()),
        };
        f.write_str(&words)?;
        let Table {
            services,
            destinations,
        } = self.table;
        match self.work {
            Work::Connections(number, _) => {
                write!(f, ", {} connections", thousands(number.into()))?
            }
            Work::Add => {}
            Work::Print(_) if services == 1 => f.write_str(", one service")?,
            _ => write!(f, ", {} x {destinations}", thousands(services.into()))?,
        }
        match self.figure {
            Figure::Time => Ok(()),
            Figure::BeyondStart => f.write_str(", beyond its start"),
            Figure::Peak => f.write_str(", peak memory"),
        }
    }
}

/// Writes a number with a comma before every three digits.
pub(crate) fn thousands(number: u64) -> String {
    match (number / 1000, number % 1000) {
        (0, rest) => rest.to_string(),
        (more, rest) => format!("{},{rest:03}", thousands(more)),
    }
}

pub(crate) const LIST: &[&str] = &["-L", "-n"];
pub(crate) const SAVE: &[&str] = &["-S", "-n"];
pub(crate) const STATS: &[&str] = &["-L", "-n", "--stats"];
const CONNECTIONS: &[&str] = &["-L", "-n", "-c"];
/// The one service that they are of: those of the lab have this address.
const OF_ONE_SERVICE: &[&str] = &["-L", "-n", "-c", "-u", "10.0.0.1:80"];
const SUMMARY: &[&str] = &["-L", "-n", "-c", "--summary"];

/// The least that a plain listing can do: the file has the whole table.
pub(crate) const READ_TABLE: [&str; 4] = [
    "/bin/dd",
    "if=/proc/self/net/ip_vs",
    "bs=64k",
    // Its figures are not read.
    "status=none",
];

const fn table(services: u32, destinations: u32) -> Table {
    Table {
        services,
        destinations,
    }
}

const fn wanted(original: f64, floor: Option<f64>) -> Wanted {
    Wanted {
        against_original: Some(original),
        against_floor: floor,
        most: None,
    }
}

pub(crate) const NOTHING: Wanted = Wanted {
    against_original: None,
    against_floor: None,
    most: None,
};

const PEAK_OF_A_COMPARISON: Wanted = Wanted {
    // 40 MB.
    most: Some(40_000_000.0 / 1024.0),
    ..NOTHING
};

const CASES: &[Case] = &[
    Case {
        name: "restore-5000x2",
        work: Work::Restore,
        table: table(5_000, 2),
        figure: Figure::Time,
        kernel: Kernel::Uml,
        wanted: wanted(60.0, Some(4.0)),
    },
    Case {
        name: "restore-60x200",
        work: Work::Restore,
        table: table(60, 200),
        figure: Figure::Time,
        kernel: Kernel::Uml,
        wanted: wanted(60.0, Some(4.0)),
    },
    Case {
        name: "restore-10000x1",
        work: Work::Restore,
        table: table(10_000, 1),
        figure: Figure::Time,
        kernel: Kernel::Qemu,
        wanted: wanted(12.0, Some(1.6)),
    },
    Case {
        name: "save-5000x2",
        work: Work::Print(SAVE),
        table: table(5_000, 2),
        figure: Figure::Time,
        kernel: Kernel::Uml,
        wanted: wanted(6.0, Some(1.3)),
    },
    Case {
        name: "list-5000x2",
        work: Work::Print(LIST),
        table: table(5_000, 2),
        figure: Figure::Time,
        kernel: Kernel::Uml,
        wanted: wanted(25.0, None),
    },
    Case {
        name: "list-5000x2-beyond-start",
        work: Work::Print(LIST),
        table: table(5_000, 2),
        figure: Figure::BeyondStart,
        kernel: Kernel::Uml,
        wanted: Wanted {
            against_floor: Some(2.0),
            ..NOTHING
        },
    },
    Case {
        name: "list-100000x1-beyond-start",
        work: Work::Print(LIST),
        table: table(100_000, 1),
        figure: Figure::BeyondStart,
        kernel: Kernel::Uml,
        wanted: Wanted {
            against_floor: Some(1.5),
            ..NOTHING
        },
    },
    Case {
        name: "stats-5000x2",
        work: Work::Print(STATS),
        table: table(5_000, 2),
        figure: Figure::Time,
        kernel: Kernel::Uml,
        wanted: wanted(6.0, Some(1.3)),
    },
    Case {
        name: "list-60x200",
        work: Work::Print(LIST),
        table: table(60, 200),
        figure: Figure::Time,
        kernel: Kernel::Uml,
        wanted: wanted(4.0, None),
    },
    Case {
        name: "list-one",
        work: Work::Print(LIST),
        table: table(1, 2),
        figure: Figure::Time,
        kernel: Kernel::Uml,
        // 0.8 of its time.
        wanted: wanted(1.25, None),
    },
    Case {
        name: "add-one",
        work: Work::Add,
        table: table(1, 0),
        figure: Figure::Time,
        kernel: Kernel::Uml,
        wanted: NOTHING,
    },
    Case {
        name: "restore-20000x1-peak",
        work: Work::Restore,
        table: table(20_000, 1),
        figure: Figure::Peak,
        kernel: Kernel::Uml,
        wanted: Wanted {
            // 6 MB.
            most: Some(6_000_000.0 / 1024.0),
            ..NOTHING
        },
    },
    Case {
        name: "list-20000x1-peak",
        work: Work::Print(LIST),
        table: table(20_000, 1),
        figure: Figure::Peak,
        kernel: Kernel::Uml,
        wanted: wanted(2.0, None),
    },
    Case {
        name: "connections-100000",
        work: Work::Connections(100_000, CONNECTIONS),
        table: table(1, 1),
        figure: Figure::Time,
        kernel: Kernel::Uml,
        wanted: Wanted {
            against_floor: Some(1.15),
            ..NOTHING
        },
    },
    Case {
        name: "connections-100000-service",
        work: Work::Connections(100_000, OF_ONE_SERVICE),
        table: table(1, 1),
        figure: Figure::Time,
        kernel: Kernel::Uml,
        // As all of them.
        wanted: Wanted {
            against_floor: Some(1.15),
            ..NOTHING
        },
    },
    Case {
        name: "connections-100000-summary",
        work: Work::Connections(100_000, SUMMARY),
        table: table(1, 1),
        figure: Figure::Time,
        kernel: Kernel::Uml,
        wanted: Wanted {
            against_floor: Some(1.3),
            ..NOTHING
        },
    },
    Case {
        name: "apply-save",
        work: Work::Print(SAVE),
        table: table(20_000, 1),
        figure: Figure::Time,
        kernel: Kernel::Uml,
        wanted: NOTHING,
    },
    Case {
        name: "apply-check",
        work: Work::Check,
        table: table(20_000, 1),
        figure: Figure::Time,
        kernel: Kernel::Uml,
        wanted: NOTHING,
    },
    Case {
        name: "apply-same",
        work: Work::Compare(Compare::Apply, File::Same),
        table: table(20_000, 1),
        figure: Figure::Time,
        kernel: Kernel::Uml,
        wanted: Wanted {
            against_floor: Some(1.3),
            ..NOTHING
        },
    },
    Case {
        name: "apply-changed",
        work: Work::Compare(Compare::Apply, File::Changed),
        table: table(20_000, 1),
        figure: Figure::Time,
        kernel: Kernel::Uml,
        wanted: Wanted {
            against_floor: Some(1.1),
            ..NOTHING
        },
    },
    Case {
        name: "apply-diff-same",
        work: Work::Compare(Compare::Diff, File::Same),
        table: table(20_000, 1),
        figure: Figure::Time,
        kernel: Kernel::Uml,
        wanted: Wanted {
            against_floor: Some(1.3),
            ..NOTHING
        },
    },
    Case {
        name: "apply-diff-changed",
        work: Work::Compare(Compare::Diff, File::Changed),
        table: table(20_000, 1),
        figure: Figure::Time,
        kernel: Kernel::Uml,
        wanted: Wanted {
            against_floor: Some(1.1),
            ..NOTHING
        },
    },
    Case {
        name: "apply-save-peak",
        work: Work::Print(SAVE),
        table: table(20_000, 1),
        figure: Figure::Peak,
        kernel: Kernel::Uml,
        wanted: NOTHING,
    },
    Case {
        name: "apply-check-peak",
        work: Work::Check,
        table: table(20_000, 1),
        figure: Figure::Peak,
        kernel: Kernel::Uml,
        wanted: NOTHING,
    },
    Case {
        name: "apply-same-peak",
        work: Work::Compare(Compare::Apply, File::Same),
        table: table(20_000, 1),
        figure: Figure::Peak,
        kernel: Kernel::Uml,
        wanted: PEAK_OF_A_COMPARISON,
    },
    Case {
        name: "apply-changed-peak",
        work: Work::Compare(Compare::Apply, File::Changed),
        table: table(20_000, 1),
        figure: Figure::Peak,
        kernel: Kernel::Uml,
        wanted: PEAK_OF_A_COMPARISON,
    },
    Case {
        name: "apply-diff-same-peak",
        work: Work::Compare(Compare::Diff, File::Same),
        table: table(20_000, 1),
        figure: Figure::Peak,
        kernel: Kernel::Uml,
        wanted: PEAK_OF_A_COMPARISON,
    },
    Case {
        name: "apply-diff-changed-peak",
        work: Work::Compare(Compare::Diff, File::Changed),
        table: table(20_000, 1),
        figure: Figure::Peak,
        kernel: Kernel::Uml,
        wanted: PEAK_OF_A_COMPARISON,
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cases_are_found_by_a_part_of_their_names() {
        let names: Vec<_> = matching("5000x2").map(|case| case.name).collect();
        let wanted = [
            "restore-5000x2",
            "save-5000x2",
            "list-5000x2",
            "list-5000x2-beyond-start",
            "stats-5000x2",
        ];
        assert_eq!(names, wanted);
        assert_eq!(matching("").count(), CASES.len());
    }

    #[test]
    fn a_case_says_what_it_does_in_words() {
        let titles: Vec<_> = [
            "connections",
            "20000x1-peak",
            "-one",
            "apply-c",
            "apply-diff",
        ]
        .iter()
        .flat_map(|pattern| matching(pattern))
        .map(Case::to_string)
        .collect();
        assert_eq!(
            titles,
            [
                "-L -n -c, 100,000 connections",
                "-L -n -c -u 10.0.0.1:80, 100,000 connections",
                "-L -n -c --summary, 100,000 connections",
                "-R, 20,000 x 1, peak memory",
                "-L -n, 20,000 x 1, peak memory",
                "-L -n, one service",
                "one -A",
                "-R --check, 20,000 x 1",
                "--apply, 1 % changed, 20,000 x 1",
                "-R --check, 20,000 x 1, peak memory",
                "--apply, 1 % changed, 20,000 x 1, peak memory",
                "--diff, unchanged, 20,000 x 1",
                "--diff, 1 % changed, 20,000 x 1",
                "--diff, unchanged, 20,000 x 1, peak memory",
                "--diff, 1 % changed, 20,000 x 1, peak memory",
            ]
        );
    }
}
