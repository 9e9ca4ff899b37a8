// SPDX-License-Identifier: MIT

//! Lists of words as bytes: the number of words, and the words, each with a NUL behind it.

use std::io::{self, BufRead, Write};

/// Writes a list. No word has a NUL inside.
pub(crate) fn write_list(to: &mut impl Write, words: &[impl AsRef<[u8]>]) -> io::Result<()> {
    let mut bytes = words.len().to_string().into_bytes();
    bytes.push(0);
    for word in words {
        bytes.extend_from_slice(word.as_ref());
        bytes.push(0);
    }
    to.write_all(&bytes)?;
    to.flush()
}

/// Reads a list; `None` at the end of the input.
pub(crate) fn read_list(from: &mut impl BufRead) -> io::Result<Option<Vec<Vec<u8>>>> {
    let Some(number) = read_word(from)? else {
        return Ok(None);
    };
    let number = String::from_utf8_lossy(&number).parse::<usize>();
    let number = number.map_err(io::Error::other)?;
    let cut = || io::Error::from(io::ErrorKind::UnexpectedEof);
    let words = (0..number).map(|_| read_word(from)?.ok_or_else(cut));
    words.collect::<io::Result<_>>().map(Some)
}

fn read_word(from: &mut impl BufRead) -> io::Result<Option<Vec<u8>>> {
    let mut word = Vec::new();
    from.read_until(0, &mut word)?;
    Ok(word.pop().map(|_| word))
}
