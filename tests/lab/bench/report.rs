// SPDX-License-Identifier: MIT

//! The figures as a table, beside the ones that are wanted.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::cases::{Case, Contestant, Figure, Wanted};
use super::sample::Sample;
use crate::kernels::Kernel;

/// All that was measured.
#[derive(Debug)]
pub(crate) struct Report {
    pub(crate) kernel: Kernel,
    /// Cases in the order in which they were measured.
    pub(crate) rows: Vec<(&'static Case, BTreeMap<Contestant, Sample>)>,
    /// Remarks about the measuring, one item each.
    pub(crate) facts: Vec<String>,
}

const HEADING: [&str; 9] = [
    "case",
    "ipvsadm 1.31",
    "ours",
    "floor",
    "1.31 / ours",
    "wanted",
    "ours / floor",
    "wanted",
    "reached",
];

impl Report {
    /// Takes a run in.
    pub(crate) fn add(&mut self, case: &'static Case, contestant: Contestant, figure: u64) {
        let is_case = |(other, _): &(&Case, _)| other.name == case.name;
        if !self.rows.iter().any(is_case) {
            self.rows.push((case, BTreeMap::new()));
        }
        if let Some((_, samples)) = self.rows.iter_mut().find(|row| is_case(row)) {
            samples.entry(contestant).or_default().add(figure);
        }
    }

    /// Splits the report in two: the cases for which `is_second` is false, and the
    /// others.
    pub(crate) fn split(self, is_second: impl Fn(&Case) -> bool) -> [Self; 2] {
        let with = |rows| Self {
            kernel: self.kernel,
            rows,
            facts: self.facts.clone(),
        };
        let (second, first) = self.rows.into_iter().partition(|(case, _)| is_second(case));
        [with(first), with(second)]
    }

    /// The table, which is Markdown and can be read as it is. Columns in which
    /// nothing stands are left out.
    pub(crate) fn table(&self) -> String {
        let mut rows = vec![HEADING.map(str::to_owned)];
        rows.extend(
            self.rows
                .iter()
                .map(|(case, samples)| self.row(case, samples)),
        );
        let is_used = |column: &usize| {
            let mut cells = rows.iter().skip(1).filter_map(|row| row.get(*column));
            cells.any(|cell| !cell.is_empty())
        };
        let used: Vec<_> = (0..HEADING.len()).filter(is_used).collect();
        let rows = rows.iter().map(|row| {
            let cells = used.iter().filter_map(|column| row.get(*column));
            cells.cloned().collect::<Vec<_>>()
        });
        aligned(&rows.collect::<Vec<_>>())
    }

    /// The table with all that one needs to know about it.
    pub(crate) fn markdown(&self) -> String {
        let mut text = self.table();
        text.push('\n');
        for fact in &self.facts {
            let _ = writeln!(text, "- {fact}");
        }
        text.push_str("\nThe commands:\n\n");
        for (case, _) in &self.rows {
            let _ = writeln!(
                text,
                "- {case} (`--cases {}`): `{}`",
                case.name,
                case.command()
            );
        }
        text
    }

    fn row(&self, case: &Case, samples: &BTreeMap<Contestant, Sample>) -> [String; HEADING.len()] {
        let ratio_of = |one, other| samples.get(&one)?.ratio(samples.get(&other)?);
        let shown = |contestant| {
            let sample = samples.get(&contestant);
            sample.map_or_else(String::new, |sample| show(sample, case.figure))
        };
        let wanted = match self.kernel == case.kernel {
            true => case.wanted,
            false => Wanted::default(),
        };
        let ours = samples.get(&Contestant::Ours).and_then(Sample::median);
        let faster = ratio_of(Contestant::Original, Contestant::Ours);
        let slower = ratio_of(Contestant::Ours, Contestant::Floor);
        let least = |figure: f64| format!("at least {figure}");
        let most = |figure: f64| format!("at most {figure}");
        [
            case.to_string(),
            shown(Contestant::Original),
            shown(Contestant::Ours),
            shown(Contestant::Floor),
            faster.map_or_else(String::new, ratio),
            match wanted.most {
                Some(figure) => format!("ours at most {}", amount(figure, case.figure)),
                None => wanted.against_original.map_or_else(String::new, least),
            },
            slower.map_or_else(String::new, ratio),
            wanted.against_floor.map_or_else(String::new, most),
            mark(wanted, faster, slower, ours).to_owned(),
        ]
    }
}

/// Tells whether all is reached that is wanted; nothing where nothing is.
fn mark(
    wanted: Wanted,
    faster: Option<f64>,
    slower: Option<f64>,
    ours: Option<f64>,
) -> &'static str {
    let at_least = |reached: Option<f64>, least: f64| reached.is_some_and(|it| it >= least);
    let at_most = |reached: Option<f64>, most: f64| reached.is_some_and(|it| it <= most);
    let checks = [
        wanted.against_original.map(|it| at_least(faster, it)),
        wanted.against_floor.map(|it| at_most(slower, it)),
        wanted.most.map(|it| at_most(ours, it)),
    ];
    let mut checks = checks.into_iter().flatten().peekable();
    if checks.peek().is_none() {
        return "";
    }
    if checks.all(|reached| reached) {
        "yes"
    } else {
        "no"
    }
}

fn ratio(figure: f64) -> String {
    match figure {
        100.0.. => format!("{figure:.0}"),
        10.0.. => format!("{figure:.1}"),
        _ => format!("{figure:.2}"),
    }
}

/// The median with the least and the most.
fn show(sample: &Sample, figure: Figure) -> String {
    match (sample.median(), sample.spread()) {
        (Some(median), Some((least, most))) => format!(
            "{} ({} to {})",
            amount(median, figure),
            number(least, figure),
            number(most, figure)
        ),
        _ => String::new(),
    }
}

fn amount(value: f64, figure: Figure) -> String {
    let unit = match figure {
        Figure::Time | Figure::BeyondStart => "ms",
        Figure::Peak => "MB",
    };
    format!("{} {unit}", number(value, figure))
}

/// Microseconds as milliseconds, KiB as millions of bytes, with three digits
/// or more.
fn number(value: f64, figure: Figure) -> String {
    let value = match figure {
        Figure::Time | Figure::BeyondStart => value / 1000.0,
        Figure::Peak => value * 1024.0 / 1_000_000.0,
    };
    match value {
        100.0.. => format!("{value:.0}"),
        10.0.. => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

/// A Markdown table whose columns are as wide as their widest cells: words to
/// the left, figures to the right.
pub(crate) fn aligned(rows: &[impl AsRef<[String]>]) -> String {
    let mut widths = Vec::new();
    for row in rows {
        widths.resize(row.as_ref().len().max(widths.len()), 0);
        for (width, cell) in widths.iter_mut().zip(row.as_ref()) {
            *width = cell.chars().count().max(*width);
        }
    }
    let mut text = String::new();
    for (line, row) in rows.iter().enumerate() {
        for (column, (cell, width)) in row.as_ref().iter().zip(&widths).enumerate() {
            let _ = match column {
                0 => write!(text, "| {cell:<width$} "),
                _ => write!(text, "| {cell:>width$} "),
            };
        }
        text.push_str("|\n");
        if line == 0 {
            for (column, width) in widths.iter().enumerate() {
                let _ = match column {
                    0 => write!(text, "|{:-<1$}", "", width + 2),
                    _ => write!(text, "|{:-<1$}:", "", width + 1),
                };
            }
            text.push_str("|\n");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::super::cases::matching;
    use super::*;

    fn report(kernel: Kernel, name: &str, runs: [&[u64]; 3]) -> Report {
        let mut report = Report {
            kernel,
            rows: Vec::new(),
            facts: Vec::new(),
        };
        let case = matching(name).next().unwrap();
        let contestants = [Contestant::Original, Contestant::Ours, Contestant::Floor];
        for (contestant, figures) in contestants.into_iter().zip(runs) {
            for figure in figures {
                report.add(case, contestant, *figure);
            }
        }
        report
    }

    fn cells(report: &Report) -> Vec<String> {
        let table = report.table();
        let line = table.lines().nth(2).unwrap();
        line.trim_matches('|')
            .split('|')
            .map(|cell| cell.trim().to_owned())
            .collect()
    }

    #[test]
    fn a_row_has_medians_ratios_and_what_is_wanted() {
        let runs: [&[u64]; 3] = [
            &[3_600_000, 3_700_000, 3_600_000],
            &[60_000, 60_000, 61_000],
            &[15_000, 15_000, 15_000],
        ];
        assert_eq!(
            cells(&report(Kernel::Uml, "restore-5000x2", runs)),
            [
                "-R, 5,000 x 2",
                "3600 ms (3600 to 3700)",
                "60.0 ms (60.0 to 61.0)",
                "15.0 ms (15.0 to 15.0)",
                "60.0",
                "at least 60",
                "4.00",
                "at most 4",
                "yes",
            ]
        );
    }

    #[test]
    fn one_ratio_out_of_reach_is_enough_for_a_no() {
        let runs: [&[u64]; 3] = [&[3_600_000], &[60_000], &[14_000]];
        let report = report(Kernel::Uml, "restore-5000x2", runs);
        assert_eq!(cells(&report).last().unwrap(), "no");
    }

    #[test]
    fn nothing_is_wanted_of_another_kernel() {
        let runs: [&[u64]; 3] = [&[3_600_000], &[60_000], &[15_000]];
        let report = report(Kernel::Qemu, "restore-5000x2", runs);
        let table = report.table();
        assert!(!table.contains("wanted") && !table.contains("reached"));
        assert_eq!(cells(&report).len(), HEADING.len() - 3);
    }

    #[test]
    fn a_peak_is_wanted_in_megabytes() {
        let runs: [&[u64]; 3] = [&[20_000], &[6_000], &[]];
        let cells = cells(&report(Kernel::Uml, "restore-20000x1-peak", runs));
        assert_eq!(cells[2], "6.14 MB (6.14 to 6.14)");
        assert_eq!([&cells[4], &cells[5]], ["ours at most 6.00 MB", "no"]);
    }

    #[test]
    fn the_cases_about_files_have_a_table_of_their_own() {
        let mut all = report(Kernel::Uml, "restore-5000x2", [&[1], &[1], &[1]]);
        let case = matching("apply-same").next().unwrap();
        all.add(case, Contestant::Ours, 130_000);
        all.add(case, Contestant::Floor, 100_000);
        let [first, second] = all.split(Case::is_about_files);
        assert_eq!(cells(&first)[0], "-R, 5,000 x 2");
        assert_eq!(
            cells(&second),
            [
                "--apply, unchanged, 20,000 x 1",
                "130 ms (130 to 130)",
                "100 ms (100 to 100)",
                "1.30",
                "at most 1.3",
                "yes",
            ]
        );
    }
}
