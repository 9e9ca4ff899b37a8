// SPDX-License-Identifier: MIT

//! Makes keys of the bytes that a terminal sends.

/// A key that was pressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Key {
    Up,
    Down,
    Left,
    Right,
    PageUp,
    PageDown,
    Home,
    End,
    Enter,
    Escape,
    Backspace,
    Character(char),
}

/// Takes the first key off the bytes; `None` if there is none, or only its beginning.
///
/// With `is_all`, nothing more is coming: an escape character alone is then the key Esc.
pub(super) fn take_key(bytes: &mut Vec<u8>, is_all: bool) -> Option<Key> {
    loop {
        let (key, length) = match read_key(bytes) {
            Read::Key(key, length) => (Some(key), length),
            Read::Unknown(length) => (None, length),
            Read::Incomplete if is_all && !bytes.is_empty() => match bytes.first() {
                Some(&ESCAPE) => (Some(Key::Escape), 1),
                _ => (None, 1),
            },
            Read::Incomplete => return None,
        };
        bytes.drain(..length.min(bytes.len()));
        if key.is_some() {
            return key;
        }
    }
}

const ESCAPE: u8 = 0x1b;

/// The beginning of some bytes, with its length.
enum Read {
    Key(Key, usize),
    Unknown(usize),
    Incomplete,
}

fn read_key(bytes: &[u8]) -> Read {
    match bytes {
        [] | [ESCAPE] => Read::Incomplete,
        // Two in a row: the first was the key.
        [ESCAPE, ESCAPE, ..] => Read::Key(Key::Escape, 1),
        [ESCAPE, b'[', rest @ ..] => read_sequence(rest),
        // The cursor keys of a terminal in application mode.
        [ESCAPE, b'O'] => Read::Incomplete,
        [ESCAPE, b'O', last, ..] => name_sequence(&[], *last, 3),
        // A key together with Alt.
        [ESCAPE, _, ..] => Read::Unknown(2),
        [b'\r' | b'\n', ..] => Read::Key(Key::Enter, 1),
        [0x7f | 0x08, ..] => Read::Key(Key::Backspace, 1),
        [0..=0x1f, ..] => Read::Unknown(1),
        _ => read_character(bytes),
    }
}

/// Reads what follows ESC [: parameters, then a letter (ECMA-48, 5.4).
fn read_sequence(bytes: &[u8]) -> Read {
    let end = bytes.iter().position(|byte| (0x40..=0x7e).contains(byte));
    match end.and_then(|end| Some((bytes.get(..end)?, *bytes.get(end)?))) {
        Some((parameters, last)) => name_sequence(parameters, last, parameters.len() + 3),
        None => Read::Incomplete,
    }
}

/// Names the keys of xterm, which other terminals send too; some send numbers for Home
/// and End.
fn name_sequence(parameters: &[u8], last: u8, length: usize) -> Read {
    let key = match (parameters, last) {
        (_, b'A') => Key::Up,
        (_, b'B') => Key::Down,
        (_, b'C') => Key::Right,
        (_, b'D') => Key::Left,
        (_, b'H') | (b"1" | b"7", b'~') => Key::Home,
        (_, b'F') | (b"4" | b"8", b'~') => Key::End,
        (b"5", b'~') => Key::PageUp,
        (b"6", b'~') => Key::PageDown,
        _ => return Read::Unknown(length),
    };
    Read::Key(key, length)
}

fn read_character(bytes: &[u8]) -> Read {
    let start = bytes.get(..4).unwrap_or(bytes);
    let valid = match std::str::from_utf8(start) {
        Ok(text) => Some(text),
        Err(error) if error.valid_up_to() > 0 => start
            .get(..error.valid_up_to())
            .and_then(|valid| std::str::from_utf8(valid).ok()),
        // The rest of it is on its way.
        Err(error) if error.error_len().is_none() => return Read::Incomplete,
        Err(_) => None,
    };
    match valid.and_then(|text| text.chars().next()) {
        Some(character) => Read::Key(Key::Character(character), character.len_utf8()),
        None => Read::Unknown(1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(text: &[u8]) -> Vec<Key> {
        let mut bytes = text.to_vec();
        std::iter::from_fn(|| take_key(&mut bytes, true)).collect()
    }

    /// As terminfo(5) has them for xterm, rxvt, linux and screen.
    #[test]
    fn the_sequences_of_usual_terminals_are_keys() {
        for (texts, key) in [
            (&["\x1b[A", "\x1bOA", "\x1b[1;5A"][..], Key::Up),
            (&["\x1b[B", "\x1bOB"], Key::Down),
            (&["\x1b[C", "\x1bOC"], Key::Right),
            (&["\x1b[D", "\x1bOD"], Key::Left),
            (&["\x1b[5~"], Key::PageUp),
            (&["\x1b[6~"], Key::PageDown),
            (&["\x1b[H", "\x1bOH", "\x1b[1~", "\x1b[7~"], Key::Home),
            (&["\x1b[F", "\x1bOF", "\x1b[4~", "\x1b[8~"], Key::End),
            (&["\r", "\n"], Key::Enter),
            (&["\x7f", "\x08"], Key::Backspace),
            (&["\x1b"], Key::Escape),
            (&["é"], Key::Character('é')),
        ] {
            for text in texts {
                assert_eq!(keys(text.as_bytes()), [key], "{text:?}");
            }
        }
    }

    #[test]
    fn keys_that_mean_nothing_are_left_out_as_a_whole() {
        // F5, Delete, Alt-x, Ctrl-A, a broken character.
        assert_eq!(
            keys(b"\x1b[15~\x1b[3~\x1bx\x01\xffq"),
            [Key::Character('q')]
        );
    }

    #[test]
    fn several_keys_come_one_after_the_other() {
        assert_eq!(
            keys("/wé\x1b\x1b[Bq".as_bytes()),
            [
                Key::Character('/'),
                Key::Character('w'),
                Key::Character('é'),
                Key::Escape,
                Key::Down,
                Key::Character('q')
            ]
        );
    }

    #[test]
    fn the_beginning_of_a_key_waits_for_its_rest() {
        for text in ["\x1b[5~", "\x1bOA", "é"] {
            let (last, start) = text.as_bytes().split_last().unwrap();
            for length in 1..=start.len() {
                let mut bytes = start[..length].to_vec();
                assert_eq!(take_key(&mut bytes, false), None, "{bytes:?}");
            }
            let mut bytes = start.to_vec();
            assert_eq!(take_key(&mut bytes, false), None);
            bytes.push(*last);
            assert!(take_key(&mut bytes, false).is_some());
            assert!(bytes.is_empty());
        }
    }
}
