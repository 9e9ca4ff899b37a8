// SPDX-License-Identifier: MIT

//! The notation of words and answers in the files of cases and of
//! recorded answers.
//!
//! Bytes that are not printable ASCII are `\n`, `\t`, `\r` or `\xNN`; a
//! backslash is `\\`. Words are separated by blanks; quotation marks (`'`) keep
//! blanks inside a word and make an empty one.
//!
//! An answer is a line `| ...` for each line of standard output, `! ...` for
//! each of standard error, and `= STATUS` unless that is 0. A last line that
//! does not end in a newline ends in a backslash. A line `| ...` with nothing
//! but the three dots stands for any further lines; only cases have it.

use std::fmt::Write as _;

use anyhow::{Context as _, Result, bail};

/// The outputs of a program and its exit status.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) stdout: Vec<u8>,
    pub(super) stderr: Vec<u8>,
    /// The exit status; 128 and the signal's number when a signal ended it.
    pub(super) status: u8,
}

const ANY_MORE: &[u8] = b"...\n";

impl Answer {
    /// Returns whether `other` is what this one, as it stands in a case, asks for.
    pub(super) fn admits(&self, other: &Self) -> bool {
        let stdout = match self.stdout.strip_suffix(ANY_MORE) {
            Some(beginning) => other.stdout.starts_with(beginning),
            None => self.stdout == other.stdout,
        };
        stdout && self.stderr == other.stderr && self.status == other.status
    }

    /// Takes one line of the notation; `false` when it is none of an answer's.
    pub(super) fn take(&mut self, line: &str) -> Result<bool> {
        if let Some(status) = line.strip_prefix("= ") {
            self.status = status.parse().context("a status is 0 to 255")?;
            return Ok(true);
        }
        let (stream, text) = match (line.get(..1), line.get(1..)) {
            (Some("|"), Some(text)) => (&mut self.stdout, text),
            (Some("!"), Some(text)) => (&mut self.stderr, text),
            _ => return Ok(false),
        };
        stream.extend(input_line(text.strip_prefix(' ').unwrap_or(text))?);
        Ok(true)
    }

    /// The lines of the notation.
    pub(super) fn write(&self, to: &mut String) {
        for (mark, stream) in [('|', &self.stdout), ('!', &self.stderr)] {
            for line in stream.split_inclusive(|byte| *byte == b'\n') {
                to.push(mark);
                let (text, end) = match line.strip_suffix(b"\n") {
                    Some(text) => (text, ""),
                    None => (line, "\\"),
                };
                let text = escape(text);
                if !(text.is_empty() && end.is_empty()) {
                    to.push(' ');
                }
                // Editors and version control do not like blanks at the end.
                match text.strip_suffix(' ') {
                    Some(text) if end.is_empty() => {
                        to.push_str(text);
                        to.push_str("\\x20");
                    }
                    _ => to.push_str(&text),
                }
                to.push_str(end);
                to.push('\n');
            }
        }
        if self.status != 0 {
            let _ = writeln!(to, "= {}", self.status);
        }
    }
}

/// A line of input or output, with its newline unless it ends in a backslash.
pub(super) fn input_line(text: &str) -> Result<Vec<u8>> {
    let backslashes = text.len() - text.trim_end_matches('\\').len();
    if backslashes % 2 == 1 {
        return unescape(text.get(..text.len() - 1).unwrap_or_default());
    }
    let mut line = unescape(text)?;
    line.push(b'\n');
    Ok(line)
}

/// The bytes that a text of the notation stands for.
pub(super) fn unescape(text: &str) -> Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'\\' {
            bytes.push(byte);
            continue;
        }
        bytes.push(match rest.next() {
            Some(b'n') => b'\n',
            Some(b't') => b'\t',
            Some(b'r') => b'\r',
            Some(b'\\') => b'\\',
            Some(b'x') => {
                let digits: Option<Vec<u8>> = (0..2).map(|_| rest.next()).collect();
                let digits = String::from_utf8(digits.context("\\x needs two digits")?)?;
                u8::from_str_radix(&digits, 16).context("\\x needs two hexadecimal digits")?
            }
            _ => bail!("unknown escape in {text}"),
        });
    }
    Ok(bytes)
}

/// The text of the notation for the bytes.
pub(super) fn escape(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for &byte in bytes {
        match byte {
            b'\n' => text.push_str("\\n"),
            b'\t' => text.push_str("\\t"),
            b'\r' => text.push_str("\\r"),
            b'\\' => text.push_str("\\\\"),
            b' '..=b'~' => text.push(char::from(byte)),
            _ => {
                let _ = write!(text, "\\x{byte:02x}");
            }
        }
    }
    text
}

/// The words of a command line.
pub(super) fn words(line: &str) -> Result<Vec<Vec<u8>>> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quoted = false;
    for letter in line.chars() {
        match letter {
            '\'' => {
                quoted = !quoted;
                word.get_or_insert_default();
            }
            ' ' if !quoted => words.extend(word.take()),
            _ => word.get_or_insert_default().push(letter),
        }
    }
    if quoted {
        bail!("a quotation mark is open in {line}");
    }
    words.extend(word);
    words.iter().map(|word| unescape(word)).collect()
}

/// A command line that [`words`] reads as these words.
pub(super) fn line(words: &[Vec<u8>]) -> String {
    let quoted = words.iter().map(|word| {
        let text = escape(word).replace('\'', "\\x27");
        if text.is_empty() || text.contains(' ') {
            format!("'{text}'")
        } else {
            text
        }
    });
    quoted.collect::<Vec<_>>().join(" ")
}

#[test]
fn words_are_read_back_as_they_were_written() {
    let all = [
        &b""[..],
        b"-L",
        b"a b",
        b"it's",
        b"\\n",
        b"\n\t\xff\xc3\xa9",
        b" ",
    ];
    let all = all.map(<[u8]>::to_vec);
    assert_eq!(words(&line(&all)).unwrap(), all);
    assert_eq!(
        words("  -A  'a b'c ''").unwrap(),
        [&b"-A"[..], b"a bc", b""]
    );
    assert!(words("'").is_err() && words("\\q").is_err() && words("\\x0g").is_err());
}

#[test]
fn an_answer_is_read_back_as_it_was_written() {
    for (stdout, stderr, status) in [
        (&b""[..], &b""[..], 0),
        (b"a \n\n\tb\n", b"no newline", 255),
        (b"ends in a backslash\\\n", b"ends in one\\", 2),
        (b"\n", b" ", 1),
    ] {
        let answer = Answer {
            stdout: stdout.to_vec(),
            stderr: stderr.to_vec(),
            status,
        };
        let mut text = String::new();
        answer.write(&mut text);
        let mut read = Answer::default();
        for line in text.lines() {
            assert!(!line.ends_with(' '), "{text}");
            assert!(read.take(line).unwrap(), "{text}");
        }
        assert_eq!(read, answer, "{text}");
        assert!(answer.admits(&read));
    }
}

#[test]
fn three_dots_admit_any_further_output() {
    let answer = |stdout: &[u8]| Answer {
        stdout: stdout.to_vec(),
        ..Answer::default()
    };
    let wanted = answer(b"first\n...\n");
    assert!(wanted.admits(&answer(b"first\n")) && wanted.admits(&answer(b"first\nsecond\n")));
    assert!(!wanted.admits(&answer(b"second\n")));
}
