// SPDX-License-Identifier: MIT

//! Reads all of `/proc/net/ip_vs` although the kernel loses its place in it.

use std::io::{self, Read, Seek, SeekFrom};

use super::table::BUFFER;

/// Reads the file to its end.
///
/// After each page the kernel goes on behind as many services of its network
/// namespace as it has passed of all namespaces, so that it leaves some out where
/// others have services as well. When it looks for a position inside a record, a
/// service with its destinations, it goes from one record to the next and finds the
/// right one. So a record behind the end tells that some are missing, and then all
/// behind the first page are read one by one, each from its second byte on.
pub(crate) fn read_whole(mut file: impl Read + Seek) -> io::Result<Vec<u8>> {
    let mut page = vec![0; BUFFER];
    let mut text = Vec::new();
    let mut first_page = None;
    loop {
        let length = file.read(&mut page)?;
        if length == 0 {
            break;
        }
        text.extend_from_slice(page.get(..length).unwrap_or_default());
        first_page.get_or_insert(length);
    }
    if seek_behind(&mut file, &text)? && file.read(&mut page)? > 0 {
        text.truncate(first_page.unwrap_or_default());
        while read_record(&mut file, &mut page, &mut text)? {}
    }
    Ok(text)
}

/// Goes to the second byte behind the text, where there is one.
fn seek_behind(file: &mut impl Seek, text: &[u8]) -> io::Result<bool> {
    let position = u64::try_from(text.len()).unwrap_or(u64::MAX);
    file.seek(SeekFrom::Start(position.saturating_add(1)))?;
    Ok(!text.is_empty())
}

/// Appends the record behind the text; returns whether there is one.
fn read_record(
    file: &mut (impl Read + Seek),
    page: &mut [u8],
    text: &mut Vec<u8>,
) -> io::Result<bool> {
    seek_behind(file, text)?;
    let mut record = Vec::new();
    let end = loop {
        let length = file.read(page)?;
        record.extend_from_slice(page.get(..length).unwrap_or_default());
        // What follows may be any record.
        if let Some(end) = find_end(&record) {
            break end;
        }
        if length == 0 {
            break record.len();
        }
    };
    record.truncate(end);
    if record.is_empty() {
        return Ok(false);
    }
    text.push(first_byte(&record));
    text.extend_from_slice(&record);
    Ok(true)
}

/// Finds the end of a record: lines of destinations begin with blanks, those of
/// services do not.
fn find_end(record: &[u8]) -> Option<usize> {
    let next = record
        .windows(2)
        .position(|pair| matches!(pair, [b'\n', next] if *next != b' '))?;
    Some(next + 1)
}

/// Completes the word that a service begins with: `TCP`, `UDP`, `SCTP`, `FWM`, or one
/// of `IP`, `ICMP`, `ICMPv6` and `IP_47`.
fn first_byte(rest: &[u8]) -> u8 {
    match rest {
        [b'C', b'P', b' ', ..] => b'T',
        [b'D', b'P', b' ', ..] => b'U',
        [b'C', b'T', b'P', b' ', ..] => b'S',
        [b'W', b'M', b' ', ..] => b'F',
        _ => b'I',
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The side of the kernel (`seq_file` of Linux 6.1 over the services of all
    /// namespaces), with pages of so many bytes.
    struct Kernel {
        /// Records of this namespace, and `None` for those of others.
        records: Vec<Option<&'static str>>,
        page: usize,
        position: u64,
        index: usize,
        rest: Vec<u8>,
    }

    impl Kernel {
        fn new(page: usize, records: &[Option<&'static str>]) -> Self {
            Self {
                records: records.to_vec(),
                page,
                position: 0,
                index: 0,
                rest: Vec::new(),
            }
        }

        /// The place in the list of the record of this namespace that has this number.
        fn find(&self, number: usize) -> Option<usize> {
            let own = |place: &usize| self.records[*place].is_some();
            (0..self.records.len()).filter(own).nth(number)
        }
    }

    impl Read for Kernel {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let mut out = std::mem::take(&mut self.rest);
            let mut place = self.find(self.index);
            while let Some(record) = place.and_then(|place| self.records.get(place)) {
                if let Some(record) = record {
                    if !out.is_empty() && out.len() + record.len() > self.page {
                        break;
                    }
                    out.extend_from_slice(record.as_bytes());
                }
                self.index += 1;
                place = place.map(|place| place + 1);
            }
            let length = out.len().min(buffer.len());
            buffer[..length].copy_from_slice(&out[..length]);
            self.rest = out.split_off(length);
            self.position += length as u64;
            Ok(length)
        }
    }

    impl Seek for Kernel {
        fn seek(&mut self, position: SeekFrom) -> io::Result<u64> {
            let SeekFrom::Start(position) = position else {
                return Err(io::ErrorKind::Unsupported.into());
            };
            if position == self.position {
                return Ok(position);
            }
            self.rest.clear();
            let mut left = position as usize;
            self.index = 0;
            for record in &self.records {
                self.index += 1;
                let Some(record) = record else { continue };
                if left < record.len() {
                    self.rest = record.as_bytes()[left..].to_vec();
                    break;
                }
                left -= record.len();
            }
            self.position = position;
            Ok(position)
        }
    }

    const HEADINGS: Option<&str> = Some("headings\n");
    const OWN: [Option<&str>; 8] = [
        Some("TCP  1 rr\n"),
        Some("UDP  2 rr\n  -> a\n  -> b\n"),
        Some("SCTP  3 rr\n"),
        Some("FWM  4 rr\n  -> c\n"),
        Some("IP  5 rr\n"),
        Some("ICMP  6 rr\n"),
        Some("ICMPv6  7 rr\n  -> d\n"),
        Some("IP_47  8 rr\n"),
    ];

    fn table(foreign: usize) -> Vec<Option<&'static str>> {
        let own = OWN.into_iter();
        let mixed = own.flat_map(|own| std::iter::repeat_n(None, foreign).chain([own]));
        std::iter::once(HEADINGS).chain(mixed).collect()
    }

    fn read_in_pages(mut file: Kernel) -> Vec<u8> {
        let mut text = Vec::new();
        let mut page = [0; 1000];
        loop {
            match file.read(&mut page).unwrap() {
                0 => return text,
                length => text.extend_from_slice(&page[..length]),
            }
        }
    }

    #[test]
    fn the_table_is_whole_whatever_others_have() {
        let whole: String = table(0).into_iter().flatten().collect();
        for foreign in [0, 1, 2, 50] {
            for page in [1, 20, 40, 60, 1000] {
                let read = read_whole(Kernel::new(page, &table(foreign))).unwrap();
                let read = String::from_utf8(read).unwrap();
                assert_eq!(read, whole, "{foreign} others, pages of {page}");
            }
        }
        let pages = read_in_pages(Kernel::new(40, &table(2)));
        assert!(
            pages.len() < whole.len(),
            "the kernel of this test is right"
        );
    }

    /// A file that counts the bytes that are read of it.
    struct Counted(io::Cursor<Vec<u8>>, usize);

    impl Read for Counted {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let length = self.0.read(buffer)?;
            self.1 += length;
            Ok(length)
        }
    }

    impl Seek for Counted {
        fn seek(&mut self, position: SeekFrom) -> io::Result<u64> {
            self.0.seek(position)
        }
    }

    #[test]
    fn what_lacks_nothing_is_read_once() {
        let text: String = table(0).into_iter().flatten().collect();
        for whole in [String::new(), text.clone(), text.repeat(BUFFER / 64)] {
            let mut file = Counted(io::Cursor::new(whole.clone().into_bytes()), 0);
            assert_eq!(read_whole(&mut file).unwrap(), whole.as_bytes());
            assert_eq!(file.1, whole.len());
        }
    }
}
