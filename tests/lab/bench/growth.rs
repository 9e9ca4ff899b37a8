// SPDX-License-Identifier: MIT

//! The growth of costs with the table: cases of the same work with more and more virtual
//! services, their exponents, and a picture.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Context as _, Result};
use plotters::prelude::*;

use super::cases::{Case, Contestant, Figure, LIST, NOTHING, SAVE, Work, thousands};
use super::report::aligned;
use super::rules::Table;
use super::sample::Sample;
use crate::kernels::Kernel;

/// The beginning of the names of these cases. Only who asks for them gets them: the
/// original takes minutes for the largest tables.
pub(crate) const PREFIX: &str = "growth-";

pub(crate) const CASES: &[Case] = &[
    case("growth-restore-1000", Work::Restore, 1_000),
    case("growth-restore-3000", Work::Restore, 3_000),
    case("growth-restore-10000", Work::Restore, 10_000),
    case("growth-restore-30000", Work::Restore, 30_000),
    case("growth-restore-100000", Work::Restore, 100_000),
    case("growth-save-1000", Work::Print(SAVE), 1_000),
    case("growth-save-3000", Work::Print(SAVE), 3_000),
    case("growth-save-10000", Work::Print(SAVE), 10_000),
    case("growth-save-30000", Work::Print(SAVE), 30_000),
    case("growth-save-100000", Work::Print(SAVE), 100_000),
    case("growth-list-1000", Work::Print(LIST), 1_000),
    case("growth-list-3000", Work::Print(LIST), 3_000),
    case("growth-list-10000", Work::Print(LIST), 10_000),
    case("growth-list-30000", Work::Print(LIST), 30_000),
    case("growth-list-100000", Work::Print(LIST), 100_000),
];

const fn case(name: &'static str, work: Work, services: u32) -> Case {
    Case {
        name,
        work,
        table: Table {
            services,
            destinations: 1,
        },
        figure: Figure::Time,
        kernel: Kernel::Uml,
        wanted: NOTHING,
    }
}

/// The smallest table of which an exponent is made: with fewer services, the start of a
/// program counts as well.
const LEAST: u32 = 10_000;

/// What was measured of one contestant doing one work: seconds, by services.
type Line = BTreeMap<u32, f64>;

/// The lines of each work.
pub(crate) struct Growth(BTreeMap<String, BTreeMap<Contestant, Line>>);

impl Growth {
    /// Sorts what was measured by work and contestant.
    pub(crate) fn new(rows: &[(&'static Case, BTreeMap<Contestant, Sample>)]) -> Self {
        let mut works = BTreeMap::<_, BTreeMap<_, Line>>::new();
        for (case, samples) in rows {
            let lines = works.entry(case.command()).or_default();
            for (contestant, sample) in samples {
                if let Some(median) = sample.median() {
                    let line = lines.entry(*contestant).or_default();
                    line.insert(case.table.services, median / 1e6);
                }
            }
        }
        Self(works)
    }

    /// Returns the exponents as a table.
    pub(crate) fn markdown(&self) -> String {
        let contestants = [Contestant::Original, Contestant::Ours, Contestant::Floor];
        let mut rows = vec![["exponent", "ipvsadm 1.31", "ours", "floor"].map(str::to_owned)];
        for (work, lines) in &self.0 {
            let [original, ours, floor] = contestants.map(|contestant| {
                let exponent = lines.get(&contestant).and_then(exponent);
                exponent.map_or_else(String::new, |exponent| format!("{exponent:.2}"))
            });
            rows.push([format!("`{work}`"), original, ours, floor]);
        }
        let mut text = String::new();
        let _ = writeln!(
            text,
            "A time is about a constant times the number of services to this power (the \
             straight line of least squares through the logarithms, from {} services on):\n",
            thousands(LEAST.into())
        );
        text + &aligned(&rows)
    }

    /// Draws the lines into an SVG file, one chart for each work.
    pub(crate) fn draw(&self, path: &Path) -> Result<()> {
        let image = SVGBackend::new(path, (SIZE.0 * self.0.len() as u32, SIZE.1));
        let image = image.into_drawing_area();
        image.fill(&WHITE)?;
        for (area, (work, lines)) in image.split_evenly((1, self.0.len())).iter().zip(&self.0) {
            draw_chart(area, work, lines)?;
        }
        image
            .present()
            .with_context(|| format!("cannot write {}", path.display()))
    }
}

/// Pixels of a chart.
const SIZE: (u32, u32) = (320, 320);

/// Draws one chart. All have the same range, so that they can be compared.
fn draw_chart(
    area: &DrawingArea<SVGBackend<'_>, plotters::coord::Shift>,
    work: &str,
    lines: &BTreeMap<Contestant, Line>,
) -> Result<()> {
    let mut chart = ChartBuilder::on(area)
        .caption(work, ("sans-serif", 15))
        .margin(10)
        // Half of the last number stands beyond the axis.
        .margin_right(35)
        .x_label_area_size(40)
        .y_label_area_size(55)
        .build_cartesian_2d(
            (900_f64..110_000_f64).log_scale(),
            (0.002_f64..500_f64).log_scale(),
        )?;
    chart
        .configure_mesh()
        .x_desc("services, each with one destination")
        .y_desc("seconds")
        .x_label_formatter(&|services| thousands(*services as u64))
        .y_label_formatter(&|seconds| seconds.to_string())
        .light_line_style(TRANSPARENT)
        .draw()?;
    for (contestant, line) in lines {
        let (name, colour) = match contestant {
            Contestant::Original => ("ipvsadm 1.31", RGBColor(190, 60, 30)),
            Contestant::Ours => ("ours", RGBColor(20, 90, 190)),
            Contestant::Floor => ("floor", RGBColor(120, 120, 120)),
        };
        let points = || {
            line.iter()
                .map(|(services, time)| ((*services).into(), *time))
        };
        let name = match exponent(line) {
            Some(exponent) => format!("{name}: n^{exponent:.2}"),
            None => name.to_owned(),
        };
        chart
            .draw_series(LineSeries::new(points(), colour.stroke_width(2)).point_size(3))?
            .label(name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 15, y)], colour.stroke_width(2)));
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperLeft)
        .background_style(WHITE.mix(0.8))
        .draw()?;
    Ok(())
}

/// Returns the slope of the straight line of least squares through the logarithms.
fn exponent(line: &Line) -> Option<f64> {
    let points = line.range(LEAST..);
    let points = points.map(|(services, time)| (f64::from(*services).ln(), time.ln()));
    let points: Vec<_> = points.collect();
    let count = points.len() as f64;
    let mean = |of: fn(&(f64, f64)) -> f64| points.iter().map(of).sum::<f64>() / count;
    let (x, y) = (mean(|point| point.0), mean(|point| point.1));
    let of_both = points.iter().map(|point| (point.0 - x) * (point.1 - y));
    let of_one = points.iter().map(|point| (point.0 - x).powi(2));
    (points.len() > 1).then(|| of_both.sum::<f64>() / of_one.sum::<f64>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exponent_is_that_of_the_larger_tables() {
        let square = |services: u32| f64::from(services).powi(2) * 7e-9;
        let line = [10_000, 30_000, 100_000].map(|services| (services, square(services)));
        let mut line = Line::from(line);
        line.insert(1_000, 1.0);
        let found = exponent(&line).unwrap();
        assert!((found - 2.0).abs() < 1e-9, "{found}");
        assert_eq!(exponent(&Line::from([(10_000, 1.0)])), None);
    }

    #[test]
    fn a_picture_has_a_line_for_each_contestant_of_each_work() {
        let mut sample = Sample::default();
        sample.add(1_000_000);
        let samples = [Contestant::Original, Contestant::Ours];
        let samples = BTreeMap::from(samples.map(|contestant| (contestant, sample.clone())));
        let rows: Vec<_> = CASES.iter().map(|case| (case, samples.clone())).collect();
        let growth = Growth::new(&rows);
        let file = tempfile::NamedTempFile::new().unwrap();
        growth.draw(file.path()).unwrap();
        let picture = std::fs::read_to_string(file.path()).unwrap();
        for (name, count) in [("ours: n^0.00", 3), ("ipvsadm 1.31: n^0.00", 3)] {
            assert_eq!(picture.matches(name).count(), count, "{picture}");
        }
        assert!(growth.markdown().contains("`ipvsadm -R < FILE`"));
    }
}
