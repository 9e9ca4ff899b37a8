// SPDX-License-Identifier: MIT

//! Reads numbers as C's library does.

use std::{ops::RangeInclusive, time::Duration};

/// The characters that C's isspace takes for a blank.
pub(crate) const BLANKS: [char; 6] = [' ', '\t', '\n', '\x0b', '\x0c', '\r'];

/// Reads a decimal number in the range, as laxly as C's strtol reads it: blanks and
/// a sign may come first, nothing may come after.
pub(crate) fn parse_number(text: &str, range: RangeInclusive<u32>) -> Option<u32> {
    let digits = text.trim_start_matches(BLANKS);
    let (negative, digits) = match digits.as_bytes().first()? {
        b'-' => (true, digits.get(1..)?),
        b'+' => (false, digits.get(1..)?),
        _ => (false, digits),
    };
    // What parse() takes beyond digits is a sign.
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let number: u32 = digits.parse().ok()?;
    (range.contains(&number) && !(negative && number != 0)).then_some(number)
}

/// Reads a number in a range that fits 16 bits, made into a type for it.
pub(crate) fn parse_u16<T>(
    text: &str,
    range: RangeInclusive<u32>,
    make: fn(u16) -> Option<T>,
) -> Option<T> {
    make(u16::try_from(parse_number(text, range)?).ok()?)
}

/// Reads a number in a range that fits 8 bits, made into a type for it.
pub(super) fn parse_u8<T>(
    text: &str,
    range: RangeInclusive<u32>,
    make: fn(u8) -> Option<T>,
) -> Option<T> {
    make(u8::try_from(parse_number(text, range)?).ok()?)
}

/// Reads a decimal number as laxly as C's atoi does: what follows the digits is
/// not looked at, and of a large one the low 32 bits count. Without digits it is
/// 0.
pub(super) fn parse_c_int(text: &str) -> i32 {
    let text = text.trim_start_matches(BLANKS);
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let end = digits
        .find(|letter: char| !letter.is_ascii_digit())
        .unwrap_or(digits.len());
    let (digits, _) = digits.split_at(end);
    let number = digits.bytes().try_fold(0_i64, |number, digit| {
        number.checked_mul(10)?.checked_add(i64::from(digit - b'0'))
    });
    let number = number.unwrap_or(i64::MAX);
    if text.starts_with('-') {
        number.wrapping_neg() as i32
    } else {
        number as i32
    }
}

/// Reads a time in the range, in seconds, of which there may be a fraction.
pub(crate) fn parse_interval(text: &str, range: RangeInclusive<f64>) -> Option<Duration> {
    let seconds: f64 = text.parse().ok()?;
    range
        .contains(&seconds)
        .then(|| Duration::from_secs_f64(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_strtol_reads_them() {
        let read = |text| parse_number(text, 0..=i32::MAX as u32);
        for (text, value) in [
            ("5", 5),
            (" 5", 5),
            ("\t6", 6),
            ("+5", 5),
            ("-0", 0),
            ("00005", 5),
            ("2147483647", 2_147_483_647),
        ] {
            assert_eq!(read(text), Some(value), "{text:?}");
        }
        for text in [
            "",
            " ",
            "+",
            "-",
            "5 ",
            "6\n",
            "-1",
            "0x5",
            "+-5",
            "2147483648",
            "99999999999999999999",
            "５",
        ] {
            assert_eq!(read(text), None, "{text:?}");
        }
    }
}
