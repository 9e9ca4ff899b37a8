// SPDX-License-Identifier: MIT

/// A counter in at most eight digits and a unit of thousands, or all of it.
pub(super) fn counter(value: u64, exact: bool) -> String {
    const UNITS: [(u64, char); 4] = [
        (1_000, 'K'),
        (1_000_000, 'M'),
        (1_000_000_000, 'G'),
        (1_000_000_000_000, 'T'),
    ];
    if exact || value < 100_000_000 {
        return value.to_string();
    }
    let mut text = String::new();
    for (factor, unit) in UNITS {
        text = format!("{}{unit}", value / factor);
        if value / factor < 100_000_000 {
            break;
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::counter;

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
            assert_eq!(counter(value, false), text);
        }
    }

    #[test]
    fn exact_counters_keep_every_digit() {
        assert_eq!(counter(u64::MAX, true), "18446744073709551615");
    }
}
