// SPDX-License-Identifier: MIT

//! Messages of the lab and its init program inside the embedded kernel to each
//! other over the kernel's first serial line.
//!
//! Inside to outside: frames of one byte kind, four bytes length (little
//! endian) and the data. Outside to inside: the single bytes [`CHUNK`] and
//! [`END`], because the serial driver reads a byte per system call; the data
//! itself waits in a file of the exchange directory.

use std::io::{self, Read, Write};

/// Outside to inside: the file `stdin` holds the next piece of standard input.
pub(crate) const CHUNK: u8 = b'c';
/// Outside to inside: standard input has ended.
pub(crate) const END: u8 = b'e';

/// Files of the exchange directory.
pub(crate) mod file {
    /// The command and its arguments, each ended by NUL.
    pub(crate) const ARGUMENTS: &str = "arguments";
    /// NAME=value, each ended by NUL.
    pub(crate) const ENVIRONMENT: &str = "environment";
    /// The directory to run the command in.
    pub(crate) const DIRECTORY: &str = "directory";
    /// Present when the kernel's files are its own, not the host's.
    pub(crate) const OWN_FILES: &str = "own-files";
    /// Present when the command gets the terminal.
    pub(crate) const TERMINAL: &str = "terminal";
    /// The next piece of standard input.
    pub(crate) const STDIN: &str = "stdin";
    /// The name under which the kernel starts this program.
    pub(crate) const INIT: &str = "init";
    /// All that the kernel prints.
    pub(crate) const KERNEL_LOG: &str = "kernel.log";
    /// First in PATH after this tree's programs: holds `modprobe`.
    pub(crate) const PROGRAMS: &str = "bin";
}

/// One message from inside.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Frame {
    /// The command is about to start. It is answered by the first piece of
    /// standard input or by its end; for a command that gets the terminal the
    /// latter says that the terminal is its own now.
    Ready,
    /// The command wrote this to standard output.
    Stdout(Vec<u8>),
    /// The command wrote this to standard error.
    Stderr(Vec<u8>),
    /// The piece of standard input was handed to the command.
    Taken,
    /// The command ended with this status.
    Status(u8),
    /// The command could not be started, in words.
    Failed(String),
}

impl Frame {
    pub(crate) fn write(&self, to: &mut impl Write) -> io::Result<()> {
        let (kind, data): (u8, &[u8]) = match self {
            Self::Ready => (0, &[]),
            Self::Stdout(data) => (1, data),
            Self::Stderr(data) => (2, data),
            Self::Taken => (3, &[]),
            Self::Status(status) => (4, std::slice::from_ref(status)),
            Self::Failed(words) => (5, words.as_bytes()),
        };
        let length = u32::try_from(data.len()).map_err(io::Error::other)?;
        let mut bytes = Vec::with_capacity(5 + data.len());
        bytes.push(kind);
        bytes.extend_from_slice(&length.to_le_bytes());
        bytes.extend_from_slice(data);
        to.write_all(&bytes)?;
        to.flush()
    }

    /// # Errors
    /// `UnexpectedEof` when the line was closed, `InvalidData` for a kind that
    /// does not exist.
    pub(crate) fn read(from: &mut impl Read) -> io::Result<Self> {
        let mut kind = [0];
        from.read_exact(&mut kind)?;
        let mut length = [0; 4];
        from.read_exact(&mut length)?;
        let length = u32::from_le_bytes(length);
        let mut data = Vec::new();
        from.take(length.into()).read_to_end(&mut data)?;
        if data.len() as u64 != u64::from(length) {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        match (kind, data.as_slice()) {
            ([0], []) => Ok(Self::Ready),
            ([1], _) => Ok(Self::Stdout(data)),
            ([2], _) => Ok(Self::Stderr(data)),
            ([3], []) => Ok(Self::Taken),
            ([4], &[status]) => Ok(Self::Status(status)),
            ([5], _) => Ok(Self::Failed(String::from_utf8_lossy(&data).into_owned())),
            _ => Err(io::Error::new(
                io::ErrorKind::InvalidData,
                format!("unknown message {kind:?} from inside the kernel"),
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_frame_is_read_as_it_was_written() {
        let frames = [
            Frame::Ready,
            Frame::Stdout(b"a\r\n\0b".to_vec()),
            Frame::Stderr(Vec::new()),
            Frame::Taken,
            Frame::Status(255),
            Frame::Failed("no such file".to_owned()),
        ];
        let mut bytes = Vec::new();
        for frame in &frames {
            frame.write(&mut bytes).unwrap();
        }
        let mut rest = bytes.as_slice();
        for frame in &frames {
            assert_eq!(&Frame::read(&mut rest).unwrap(), frame);
        }
        assert!(rest.is_empty());
    }

    #[test]
    fn a_cut_or_unknown_frame_is_an_error() {
        let cut = Frame::read(&mut [1_u8, 5, 0, 0, 0, b'a'].as_slice());
        assert_eq!(cut.unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
        let unknown = Frame::read(&mut [9_u8, 0, 0, 0, 0].as_slice());
        assert_eq!(unknown.unwrap_err().kind(), io::ErrorKind::InvalidData);
    }
}
