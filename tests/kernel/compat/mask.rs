// SPDX-License-Identifier: MIT

//! Makes the same what cannot be the same twice. Nothing else is masked, and
//! only in the cases that ask for it.

use super::notation::Answer;

/// A part of an answer that depends on more than the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mask {
    /// The time that a connection has left: it runs while the programs start.
    Expiry,
    /// The order of connections, and of services with --nosort: the kernel
    /// hashes them with a number of its own for each boot and namespace.
    Order,
    /// The words of the original's help, which are not ours to keep. Not applied
    /// to ours.
    Words,
    /// The same on standard error, where `ipvsadm-save` shows its help.
    ErrorWords,
}

impl Mask {
    pub(super) fn named(name: &str) -> Option<Self> {
        match name {
            "expiry" => Some(Self::Expiry),
            "order" => Some(Self::Order),
            "words" => Some(Self::Words),
            "error-words" => Some(Self::ErrorWords),
            _ => None,
        }
    }

    /// Masks an answer of the original's, or of ours.
    pub(super) fn apply(self, answer: &mut Answer, original: bool) {
        let words = |text: &[u8]| format!("{} bytes\n", text.len()).into_bytes();
        match self {
            Self::Expiry => {
                let lines = answer.stdout.split_inclusive(is_newline);
                answer.stdout = lines.flat_map(expiry).collect();
            }
            Self::Order => answer.stdout = order(&answer.stdout),
            Self::Words if original => answer.stdout = words(&answer.stdout),
            Self::ErrorWords if original => answer.stderr = words(&answer.stderr),
            Self::Words | Self::ErrorWords => {}
        }
    }
}

fn is_newline(byte: &u8) -> bool {
    *byte == b'\n'
}

/// `UDP 04:59  UDP ...` with `mm:ss`, and `TCP 179:59 NONE ...` with `mmm:ss`
/// instead: the digits alone, so that the width of the column is compared.
fn expiry(line: &[u8]) -> Vec<u8> {
    let mut line = line.to_vec();
    if let Some((_, time)) = line.split_at_mut_checked(4)
        && let Some(colon) = time.iter().position(|byte| *byte == b':')
        && let Some((minutes, [_, seconds @ ..])) = time.split_at_mut_checked(colon)
        && let Some((seconds, [b' ', ..])) = seconds.split_at_mut_checked(2)
        && minutes.iter().chain(&*seconds).all(u8::is_ascii_digit)
    {
        minutes.fill(b'm');
        seconds.fill(b's');
    }
    line
}

/// Sorts what comes after the headings; destinations stay behind their service.
fn order(stdout: &[u8]) -> Vec<u8> {
    let lines: Vec<&[u8]> = stdout.split_inclusive(is_newline).collect();
    let is_last_heading =
        |line: &&[u8]| line.starts_with(b"  -> RemoteAddress") || line.starts_with(b"pro expire");
    let headings = lines
        .iter()
        .position(is_last_heading)
        .map_or(0, |last| last + 1);
    let (headings, rest) = lines.split_at(headings);
    let mut blocks: Vec<Vec<u8>> = Vec::new();
    for line in rest {
        match blocks.last_mut() {
            Some(block) if line.starts_with(b" ") => block.extend_from_slice(line),
            _ => blocks.push(line.to_vec()),
        }
    }
    blocks.sort();
    [headings.concat(), blocks.concat()].concat()
}

#[test]
fn masks_change_only_what_they_are_for() {
    let masked = |mask: Mask, stdout: &[u8], original| {
        let mut answer = Answer {
            stdout: stdout.to_vec(),
            stderr: b"wrong\n".to_vec(),
            status: 1,
        };
        mask.apply(&mut answer, original);
        (answer.stdout, answer.stderr)
    };
    let stderr = b"wrong\n".to_vec();
    let connections =
        b"IPVS connection entries\npro expire state\nUDP 04:59  b 04:59\nTCP 100:00 a\nTCP 1:000 x:1\n";
    let wanted = b"IPVS connection entries\npro expire state\nUDP mm:ss  b 04:59\nTCP mmm:ss a\nTCP 1:000 x:1\n";
    assert_eq!(
        masked(Mask::Expiry, connections, false),
        (wanted.to_vec(), stderr.clone())
    );
    let listing = b"Prot\n  -> RemoteAddress\nTCP  2\n  -> b\n  -> a\nTCP  1\n";
    let wanted = b"Prot\n  -> RemoteAddress\nTCP  1\nTCP  2\n  -> b\n  -> a\n";
    assert_eq!(
        masked(Mask::Order, listing, false),
        (wanted.to_vec(), stderr.clone())
    );
    for (mask, wanted) in [
        (Mask::Words, (b"5 bytes\n".to_vec(), stderr.clone())),
        (
            Mask::ErrorWords,
            (b"help\n".to_vec(), b"6 bytes\n".to_vec()),
        ),
    ] {
        assert_eq!(masked(mask, b"help\n", true), wanted);
        assert_eq!(
            masked(mask, b"help\n", false),
            (b"help\n".to_vec(), stderr.clone())
        );
    }
}
