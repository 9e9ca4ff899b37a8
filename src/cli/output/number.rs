// SPDX-License-Identifier: MIT

use std::fmt;

/// A counter in at most eight digits and a unit of thousands, or all of it.
pub(super) struct Counter {
    digits: u64,
    unit: Option<char>,
}

impl Counter {
    pub(super) fn new(value: u64, exact: bool) -> Self {
        let mut counter = Self {
            digits: value,
            unit: None,
        };
        if !exact {
            for unit in ['K', 'M', 'G', 'T'] {
                if counter.digits < 100_000_000 {
                    break;
                }
                counter.digits /= 1000;
                counter.unit = Some(unit);
            }
        }
        counter
    }
}

/// Right-aligned in nine columns; more digits than fit make it wider.
impl fmt::Display for Counter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.unit {
            None => write!(f, "{:>9}", self.digits),
            Some(unit) => write!(f, "{:>8}{unit}", self.digits),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Counter;

    #[test]
    fn large_counters_lose_thousands_until_eight_digits_are_left() {
        for (value, text) in [
            (0, "0"),
            (99_999_999, "99999999"),
            (100_000_000, "100000K"),
            (99_999_999_999, "99999999K"),
            (100_000_000_000, "100000M"),
            (99_999_999_999_999, "99999999M"),
            (100_000_000_000_000, "100000G"),
            (99_999_999_999_999_999, "99999999G"),
            (100_000_000_000_000_000, "100000T"),
            (1 << 63, "9223372T"),
            (u64::MAX, "18446744T"),
        ] {
            assert_eq!(Counter::new(value, false).to_string(), format!("{text:>9}"));
        }
    }

    #[test]
    fn exact_counters_keep_every_digit() {
        assert_eq!(
            Counter::new(u64::MAX, true).to_string(),
            "18446744073709551615"
        );
    }
}
