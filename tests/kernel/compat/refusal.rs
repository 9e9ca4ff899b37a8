// SPDX-License-Identifier: MIT

//! The words by which this tree's program refuses a caller who is not root in the first
//! user namespace, or tells what it does not show.

use super::notation::Answer;

/// The words about what the socket options do not know: IPv6, tunnels of other types,
/// persistence engines, other protocols, and settings of daemons.
const REFUSALS: [&str; 3] = [
    " needs the netlink interface of the kernel, which is for root in the first user namespace",
    " of IPv6, which only root in the first user namespace can see",
    " of IPv6 too, which the kernel shows only over netlink, to root in the first user namespace",
];

/// Returns whether something is refused in an answer, or told, by its name.
pub(super) fn has_refusal(answer: &Answer) -> bool {
    let mut lines = answer.stderr.split_inclusive(|byte| *byte == b'\n');
    lines.any(is_refusal)
}

/// Returns whether a line of standard error is such a refusal.
pub(super) fn is_refusal(line: &[u8]) -> bool {
    let line = String::from_utf8_lossy(line);
    REFUSALS.iter().any(|refusal| line.contains(refusal))
}

/// Returns whether a line of rules is about something that only netlink knows.
pub(super) fn needs_netlink(line: &[u8]) -> bool {
    let line = String::from_utf8_lossy(line);
    line.split_ascii_whitespace().any(|word| {
        word.matches(':').count() > 1
            || word.starts_with("-6")
            || ["--pe", "gre", "gue"].contains(&word)
    })
}
