// SPDX-License-Identifier: MIT

use std::fmt;

use ipvs_client::Stats;
use itoa::Buffer;

use super::text;

/// In the order of the columns.
pub(super) fn totals(stats: &Stats) -> [u64; 5] {
    [
        stats.connections,
        stats.in_packets,
        stats.out_packets,
        stats.in_bytes,
        stats.out_bytes,
    ]
}

/// A second, in the same order.
pub(super) fn rates(stats: &Stats) -> [u64; 5] {
    [
        stats.connections_per_second,
        stats.in_packets_per_second,
        stats.out_packets_per_second,
        stats.in_bytes_per_second,
        stats.out_bytes_per_second,
    ]
}

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

    /// Appends it right-aligned in nine columns; more digits than fit make it
    /// wider.
    pub(super) fn push(&self, buffer: &mut String) {
        let mut digits = Buffer::new();
        let digits = digits.format(self.digits);
        match self.unit {
            None => text::push_right(buffer, digits, 9),
            Some(unit) => {
                text::push_right(buffer, digits, 8);
                buffer.push(unit);
            }
        }
    }
}

/// A counter as people say it: up to three digits before the point and one
/// behind it, or all of it.
pub(super) struct Human {
    value: u64,
    exact: bool,
}

impl Human {
    pub(super) fn new(value: u64, exact: bool) -> Self {
        Self { value, exact }
    }
}

impl fmt::Display for Human {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { value, exact } = *self;
        if exact || value < 1000 {
            return write!(f, "{value}");
        }
        // Tenths of the unit, rounded to the nearest.
        let mut divisor = 100;
        for unit in ["k", "M", "G", "T", "P"] {
            let tenths = value.saturating_add(divisor / 2) / divisor;
            if tenths < 10_000 {
                return write!(f, "{}.{}{unit}", tenths / 10, tenths % 10);
            }
            divisor *= 1000;
        }
        let tenths = value.saturating_add(divisor / 2) / divisor;
        write!(f, "{}.{}E", tenths / 10, tenths % 10)
    }
}

#[cfg(test)]
mod tests {
    use super::{Counter, Human};

    fn shown(value: u64, exact: bool) -> String {
        let mut text = String::new();
        Counter::new(value, exact).push(&mut text);
        text
    }

    #[test]
    fn people_read_one_decimal_and_a_unit() {
        for (value, text) in [
            (0, "0"),
            (999, "999"),
            (1000, "1.0k"),
            (1049, "1.0k"),
            (1050, "1.1k"),
            (999_949, "999.9k"),
            (999_950, "1.0M"),
            (12_345_678, "12.3M"),
            (5_000_000_000, "5.0G"),
            (999_949_999_999, "999.9G"),
            (999_950_000_000, "1.0T"),
            (1 << 60, "1.2E"),
            (u64::MAX, "18.4E"),
        ] {
            assert_eq!(Human::new(value, false).to_string(), text);
            assert_eq!(Human::new(value, true).to_string(), value.to_string());
        }
    }

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
            assert_eq!(shown(value, false), format!("{text:>9}"));
        }
    }

    #[test]
    fn exact_counters_keep_every_digit() {
        assert_eq!(shown(u64::MAX, true), "18446744073709551615");
        assert_eq!(shown(7, true), "        7");
    }
}
