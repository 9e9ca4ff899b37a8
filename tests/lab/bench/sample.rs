// SPDX-License-Identifier: MIT

//! The results of the runs of one contestant.

/// The figures of its runs, in the order of the rounds.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sample(Vec<f64>);

impl Sample {
    pub(crate) fn add(&mut self, figure: u64) {
        self.0.push(figure as f64);
    }

    /// The one in the middle, or the mean of both; nothing without a run.
    pub(crate) fn median(&self) -> Option<f64> {
        median(self.0.iter().copied())
    }

    /// The least and the most.
    pub(crate) fn spread(&self) -> Option<(f64, f64)> {
        let least = self.0.iter().copied().reduce(f64::min)?;
        let most = self.0.iter().copied().reduce(f64::max)?;
        Some((least, most))
    }

    /// Returns how many times the other's figures these are: the median of what each
    /// round gives, so that a machine that was slower in some rounds than in
    /// others does not matter.
    pub(crate) fn ratio(&self, other: &Self) -> Option<f64> {
        median(self.0.iter().zip(&other.0).map(|(a, b)| a / b))
    }
}

fn median(values: impl Iterator<Item = f64>) -> Option<f64> {
    let mut values: Vec<_> = values.collect();
    values.sort_by(f64::total_cmp);
    let upper = values.get(values.len() / 2)?;
    let lower = values.get((values.len() - 1) / 2)?;
    Some((lower + upper) / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(figures: &[u64]) -> Sample {
        let mut sample = Sample::default();
        figures.iter().for_each(|figure| sample.add(*figure));
        sample
    }

    #[test]
    fn the_median_is_in_the_middle() {
        assert_eq!(sample(&[9, 1, 5]).median(), Some(5.0));
        assert_eq!(sample(&[9, 1, 5, 6]).median(), Some(5.5));
        assert_eq!(sample(&[7]).median(), Some(7.0));
        assert_eq!(sample(&[]).median(), None);
    }

    #[test]
    fn the_spread_is_from_the_least_to_the_most() {
        assert_eq!(sample(&[9, 1, 5]).spread(), Some((1.0, 9.0)));
        assert_eq!(sample(&[]).spread(), None);
    }

    #[test]
    fn a_ratio_is_made_of_figures_from_the_same_round() {
        let slow_at_the_end = sample(&[20, 22, 100]);
        assert_eq!(slow_at_the_end.ratio(&sample(&[10, 11, 50])), Some(2.0));
        assert_eq!(slow_at_the_end.ratio(&sample(&[])), None);
    }
}
