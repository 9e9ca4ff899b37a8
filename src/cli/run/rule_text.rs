// SPDX-License-Identifier: MIT

//! The text of a file of rules, piece by piece: it can be without an end, and come slowly.

use std::io::{self, BufRead, BufReader, Cursor, Read};

/// Bytes of a line at most. No rule comes near; what is longer has no lines.
const LONGEST_LINE: usize = 16 << 20;

/// Bytes that are asked for at a time.
const READ_BUFFER: usize = 64 * 1024;

/// Begins to read. Returns also whether the text is a JSON document, for which no more is
/// read than up to the end of the line that tells.
pub(super) fn begin(rules: impl Read) -> io::Result<(bool, BufReader<impl Read>)> {
    let mut rules = BufReader::with_capacity(READ_BUFFER, rules);
    let mut beginning = Vec::new();
    // Its first two characters that are not blank.
    let mut first = Vec::new();
    while beginning.len() <= LONGEST_LINE && matches!(first.as_slice(), [] | [b'[']) {
        let start = beginning.len();
        let room = (LONGEST_LINE + 1).saturating_sub(start);
        let mut rest = rules.by_ref().take(room as u64);
        if rest.read_until(b'\n', &mut beginning)? == 0 {
            break;
        }
        let line = beginning.get(start..).unwrap_or_default().iter();
        let visible = line.filter(|byte| !byte.is_ascii_whitespace());
        first.extend(visible.take(2 - first.len()));
    }
    let all = Cursor::new(beginning).chain(rules);
    Ok((is_json(&first), BufReader::with_capacity(READ_BUFFER, all)))
}

/// Tells a JSON document, be it of the wrong form, from lines of commands. A line
/// can begin with an address in brackets, which the original takes for a wrong
/// word.
fn is_json(first: &[u8]) -> bool {
    matches!(first, [b'{', ..] | [b'[', b'{' | b'[' | b'"' | b']'])
}

/// Reads the rest of the line of that number, with its end.
///
/// # Errors
/// When it cannot be read, or is longer than a line can be.
pub(super) fn read_line(
    rules: &mut impl BufRead,
    line: &mut Vec<u8>,
    number: u64,
) -> io::Result<()> {
    let room = (LONGEST_LINE + 1).saturating_sub(line.len());
    rules.take(room as u64).read_until(b'\n', line)?;
    if line.len() > LONGEST_LINE {
        let reason = format!("line {number} is longer than 16 MiB, as no rule is");
        return Err(io::Error::new(io::ErrorKind::InvalidData, reason));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_told_from_rules_by_the_first_line_that_tells() {
        for (text, wanted) in [
            (&b""[..], false),
            (b"\n", false),
            (b"-A -f 1", false),
            (b"{", true),
            (b"\n \t\n{\n", true),
            (b"\n\n\n\n-C\n\n", false),
            (b"[\n\n{}]", true),
            (b"[", false),
            (b"[::1]:80\n{", false),
            (b"#\n{", false),
        ] {
            let (is_json, mut rules) = begin(text).unwrap();
            assert_eq!(is_json, wanted, "{text:?}");
            let mut all = Vec::new();
            rules.read_to_end(&mut all).unwrap();
            assert_eq!(all, text);
        }
    }

    #[test]
    fn a_text_without_an_end_of_a_line_is_not_read_for_ever() {
        for byte in [0, b' ', b'a'] {
            let (is_json, mut rules) = begin(io::repeat(byte)).unwrap();
            assert!(!is_json);
            let mut line = Vec::new();
            let error = read_line(&mut rules, &mut line, 1).unwrap_err();
            assert_eq!(
                error.to_string(),
                "line 1 is longer than 16 MiB, as no rule is"
            );
            assert_eq!(line.len(), LONGEST_LINE + 1);
        }
    }

    #[test]
    fn a_line_may_be_as_long_as_the_longest() {
        let text = [vec![b'a'; LONGEST_LINE - 1], b"\n-C\n".to_vec()].concat();
        let (_, mut rules) = begin(&text[..]).unwrap();
        for (number, length) in [(1, LONGEST_LINE), (2, 3), (3, 0)] {
            let mut line = Vec::new();
            read_line(&mut rules, &mut line, number).unwrap();
            assert_eq!(line.len(), length);
        }
    }
}
