// SPDX-License-Identifier: MIT

//! Writes counters: cut to the columns of ipvsadm 1.31, or as people say them.

use std::fmt;

use super::text;

/// The form of a counter that takes more than eight digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Large {
    /// All digits, behind a blank.
    Whole,
    /// Cut to thousands and so on, with a unit.
    Cut,
}

/// The units of [`Large::Cut`]: a limit, what a counter below it is divided by, and
/// the letter that follows.
const UNITS: [(u64, u64, char); 3] = [
    (1_000_000_000, 1_000, 'K'),
    (100_000_000_000, 1_000_000, 'M'),
    (100_000_000_000_000, 1_000_000_000, 'G'),
];
const LARGEST_UNIT: (u64, char) = (1_000_000_000_000, 'T');

/// Appends a counter in its column of nine. A number of nine digits and more
/// follows one blank; one of eight digits and a unit, from 10^19 on, fills the
/// column, as in the original. One that is not known is a dash.
pub(super) fn push_counter(row: &mut String, value: Option<u64>, large: Large) {
    let Some(value) = value else {
        row.push_str("        -");
        return;
    };
    if value < 100_000_000 {
        text::push_number_right(row, value, 9);
        return;
    }
    if large == Large::Whole {
        row.push(' ');
        text::push_number(row, value);
        return;
    }
    let (divisor, unit) = UNITS
        .into_iter()
        .find(|&(limit, ..)| value < limit)
        .map_or(LARGEST_UNIT, |(_, divisor, unit)| (divisor, unit));
    text::push_number_right(row, value / divisor, 8);
    row.push(unit);
}

/// Shows a counter as people say it: up to three digits before the point and one
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
    use super::{Human, Large, push_counter};

    fn shown(value: u64, large: Large) -> String {
        let mut text = String::new();
        push_counter(&mut text, Some(value), large);
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

    /// As ipvsadm 1.31 shows them; the suite asks it with rewritten replies
    /// (`replies_counters.txt`).
    #[test]
    fn large_counters_are_cut_at_the_original_s_limits() {
        for (value, text) in [
            (0, "        0"),
            (99_999_999, " 99999999"),
            (100_000_000, "  100000K"),
            (999_999_999, "  999999K"),
            (1_000_000_000, "    1000M"),
            (99_999_999_999, "   99999M"),
            (100_000_000_000, "     100G"),
            (99_999_999_999_999, "   99999G"),
            (100_000_000_000_000, "     100T"),
            (1 << 63, " 9223372T"),
            (u64::MAX, "18446744T"),
        ] {
            assert_eq!(shown(value, Large::Cut), text);
        }
    }

    #[test]
    fn a_blank_comes_before_every_whole_counter() {
        for (value, text) in [
            (7, "        7"),
            (99_999_999, " 99999999"),
            (100_000_000, " 100000000"),
            (u64::MAX, " 18446744073709551615"),
        ] {
            assert_eq!(shown(value, Large::Whole), text);
        }
    }
}
