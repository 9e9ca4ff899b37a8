// SPDX-License-Identifier: MIT

//! The origin of connections, from `/proc/net/ip_vs_conn_sync`: this director's own
//! traffic, or the messages of a master.

use std::io::BufRead;

use super::{connections::failed, unknown_line};
use crate::Result;

/// The name of the file.
pub(crate) const FILE: &str = "ip_vs_conn_sync";

/// Counts the connections that a master has told of, one line in memory at a time.
///
/// # Errors
/// [`Error::Io`](crate::Error::Io) when the file cannot be read or has a line of another
/// form.
pub(crate) fn count_received(mut file: impl BufRead) -> Result<u64> {
    let mut line = Vec::new();
    let mut is_heading = true;
    let mut received = 0;
    loop {
        line.clear();
        if file.read_until(b'\n', &mut line).map_err(failed)? == 0 {
            return Ok(received);
        }
        if std::mem::take(&mut is_heading) {
            continue;
        }
        match origin(&line) {
            Some(b"SYNC") => received += 1,
            Some(b"LOCAL") => {}
            _ => return Err(failed(unknown_line(FILE, &line))),
        }
    }
}

/// Returns the word before the expiry, which is the last one.
fn origin(line: &[u8]) -> Option<&[u8]> {
    let words = line.split(u8::is_ascii_whitespace);
    words.filter(|word| !word.is_empty()).nth(8)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// In the form of Linux 6.1.
    const FILE: &str = "\
Pro FromIP   FPrt ToIP     TPrt DestIP   DPrt State       Origin Expires
TCP C6336402 D431 C6336464 0050 0A000002 0050 ESTABLISHED SYNC       178
TCP 2001:0db8:0001:0000:0000:0000:0000:0002 D432 2001:0db8:0001:0000:0000:0000:0000:0100 0050 \
fd00:0000:0000:0000:0000:0000:0000:0003 0050 ESTABLISHED LOCAL      899
TCP C6336402 D433 C6336464 0050 0A000002 0050 FIN_WAIT    SYNC       118
";

    #[test]
    fn connections_of_a_master_are_counted_and_others_are_not() {
        assert_eq!(count_received(FILE.as_bytes()).unwrap(), 2);
        let headings = FILE.split_inclusive('\n').next().unwrap();
        assert_eq!(count_received(headings.as_bytes()).unwrap(), 0);
    }

    #[test]
    fn a_line_of_another_form_is_an_error_that_shows_it() {
        let error = count_received(&b"headings\nTCP C6336402 D431\n"[..]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "cannot list the connections: /proc/thread-self/net/ip_vs_conn_sync has a line of an \
             unknown form: TCP C6336402 D431"
        );
    }
}
