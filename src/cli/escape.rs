// SPDX-License-Identifier: MIT

//! Control characters on a terminal: what is in names, in files or in what the kernel says
//! is shown as `\u001b` there and not obeyed. Programs get every byte as it is.

use std::{
    borrow::Cow,
    fmt::Write as _,
    io::{self, IsTerminal, Write},
    sync::atomic::{AtomicBool, Ordering::Relaxed},
};

/// What is written may have colours, which are control sequences of the program's own.
static HAS_COLOURS: AtomicBool = AtomicBool::new(false);

/// Lets colours through. Whoever paints a text escapes it first.
pub(crate) fn expect_colours() {
    HAS_COLOURS.store(true, Relaxed);
}

/// Shows control characters by their numbers, which also JSON understands. Ends of lines
/// and tabs stay.
pub(crate) fn escape(text: &str) -> Cow<'_, str> {
    if !text.contains(is_hidden) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        push_shown(&mut shown, character);
    }
    Cow::Owned(shown)
}

/// Appends a character as [`escape`] shows it.
pub(crate) fn push_shown(shown: &mut String, character: char) {
    if is_hidden(character) {
        // Writing to a string does not fail.
        let _ = write!(shown, "\\u{:04x}", u32::from(character));
    } else {
        shown.push(character);
    }
}

/// The characters that Unicode calls control characters: those of ASCII and the second set
/// of ISO 6429, of which one alone begins a sequence.
fn is_hidden(character: char) -> bool {
    character.is_control() && !matches!(character, '\n' | '\t')
}

/// Writes to a terminal with control characters escaped, and to anything else all bytes.
/// No character and no colour may be in two writes.
pub(crate) struct TerminalWriter<W> {
    out: W,
    /// Not asked before there is something to write.
    is_terminal: Option<bool>,
}

impl<W: Write + IsTerminal> TerminalWriter<W> {
    pub(crate) fn new(out: W) -> Self {
        Self {
            out,
            is_terminal: None,
        }
    }
}

impl<W: Write + IsTerminal> Write for TerminalWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let out = &self.out;
        if !*self.is_terminal.get_or_insert_with(|| out.is_terminal()) {
            return self.out.write(bytes);
        }
        let shown = escape_bytes(bytes, HAS_COLOURS.load(Relaxed));
        self.out.write_all(shown.as_bytes())?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// Shows bytes as [`escape`] shows a text; those that are no text by their numbers.
fn escape_bytes(bytes: &[u8], keeps_colours: bool) -> String {
    let mut shown = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        let mut rest = chunk.valid();
        if keeps_colours {
            while let Some((before, after)) = rest.split_once("\x1b[") {
                shown.push_str(&escape(before));
                let colour = after.split_once('m').filter(|(codes, _)| is_colour(codes));
                if let Some((codes, behind)) = colour {
                    let _ = write!(shown, "\x1b[{codes}m");
                    rest = behind;
                } else {
                    shown.push_str("\\u001b[");
                    rest = after;
                }
            }
        }
        shown.push_str(&escape(rest));
        for byte in chunk.invalid() {
            let _ = write!(shown, "\\x{byte:02x}");
        }
    }
    shown
}

/// Tells whether these select no more than the program's own paint does: bold, faint,
/// underlined, reversed, and three colours (ECMA-48, 8.3.117).
fn is_colour(codes: &str) -> bool {
    let mut codes = codes.split(';');
    codes.all(|code| matches!(code, "0" | "1" | "2" | "4" | "7" | "31" | "32" | "33"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_control_character_is_shown_and_no_other_is_changed() {
        for character in '\0'..=char::MAX {
            let text = format!("a{character}b");
            let shown = escape(&text);
            // Unicode's category Cc: U+0000 to U+001F and U+007F to U+009F.
            let number = u32::from(character);
            let is_control = number < 0x20 || (0x7f..0xa0).contains(&number);
            if is_control && !matches!(number, 9 | 10) {
                assert_eq!(shown, format!("a\\u{number:04x}b"));
            } else {
                assert_eq!(shown, text);
            }
        }
    }

    #[test]
    fn of_the_sequences_only_colours_pass_and_only_where_they_are_expected() {
        let painted = "\x1b[0;4;31mred\x1b[0m\n";
        assert_eq!(escape_bytes(painted.as_bytes(), true), painted);
        assert_eq!(
            escape_bytes(painted.as_bytes(), false),
            "\\u001b[0;4;31mred\\u001b[0m\n"
        );
        for (bytes, shown) in [
            (&b"\x1b[2J"[..], "\\u001b[2J"),
            (b"\x1b[8mhidden\x1b[0m", "\\u001b[8mhidden\x1b[0m"),
            (b"\x1b]0;title\x07", "\\u001b]0;title\\u0007"),
            (b"\x1b[\x1b[2Jm", "\\u001b[\\u001b[2Jm"),
            (b"\x1b[31", "\\u001b[31"),
            (b"\x1b[m", "\\u001b[m"),
            (b"over\rwritten\x08", "over\\u000dwritten\\u0008"),
            (b"\xc2\x9b2J", "\\u009b2J"),
            (b"\x9b2J \xe2\x94", "\\x9b2J \\xe2\\x94"),
        ] {
            assert_eq!(escape_bytes(bytes, true), shown, "{bytes:?}");
        }
    }
}
