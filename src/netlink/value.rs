// SPDX-License-Identifier: MIT

//! Values that several sets of attributes have: numbers, names, nested sets.
//!
//! A value that cannot be read is an error with the kernel's name of its
//! attribute.

use netlink_packet_core::{DecodeError, ErrorContext, NlaBuffer, NlasIterator, Parseable};

/// The longest name that is sent, in bytes without its NUL.
///
/// The kernel takes 15 or 16 bytes. A name cut here is still too long for it,
/// so the request is refused all the same, and the 16-bit length of the
/// attribute and of the set around it cannot overflow.
const NAME_LIMIT: usize = 255;

/// Reads a value that has exactly `N` bytes.
pub(crate) fn parse_bytes<const N: usize>(
    payload: &[u8],
    attribute: &str,
) -> Result<[u8; N], DecodeError> {
    payload
        .try_into()
        .map_err(|_| wrong_length(N, payload.len(), attribute))
}

#[cold]
fn wrong_length(expected: usize, received: usize, attribute: &str) -> DecodeError {
    let reason = format!("expected {expected} bytes, received {received}");
    invalid(attribute, DecodeError::from(reason))
}

/// Reads a byte.
pub(crate) fn parse_u8(payload: &[u8], attribute: &str) -> Result<u8, DecodeError> {
    parse_bytes(payload, attribute).map(u8::from_ne_bytes)
}

/// Reads a number in the order of the machine.
pub(crate) fn parse_u16(payload: &[u8], attribute: &str) -> Result<u16, DecodeError> {
    parse_bytes(payload, attribute).map(u16::from_ne_bytes)
}

/// Reads a number in the order of the network.
pub(crate) fn parse_be16(payload: &[u8], attribute: &str) -> Result<u16, DecodeError> {
    parse_bytes(payload, attribute).map(u16::from_be_bytes)
}

/// Reads a number in the order of the machine.
pub(crate) fn parse_u32(payload: &[u8], attribute: &str) -> Result<u32, DecodeError> {
    parse_bytes(payload, attribute).map(u32::from_ne_bytes)
}

/// Reads a number in the order of the machine.
pub(crate) fn parse_u64(payload: &[u8], attribute: &str) -> Result<u64, DecodeError> {
    parse_bytes(payload, attribute).map(u64::from_ne_bytes)
}

/// Reads the text before the first NUL, which must be there.
pub(crate) fn parse_name<'a>(payload: &'a [u8], attribute: &str) -> Result<&'a str, DecodeError> {
    let (name, _) = payload
        .iter()
        .position(|&byte| byte == 0)
        .and_then(|end| payload.split_at_checked(end))
        .ok_or_else(|| {
            invalid(
                attribute,
                DecodeError::from("no NUL at the end of the name"),
            )
        })?;
    std::str::from_utf8(name).map_err(|error| {
        let reason = format!("Invalid UTF-8 sequence: {error}");
        invalid(attribute, DecodeError::from(reason))
    })
}

fn invalid(attribute: &str, reason: DecodeError) -> DecodeError {
    reason.context(format!("invalid {attribute} value"))
}

/// Returns the bytes of a name that are sent, without its NUL.
pub(crate) fn sent(name: &str) -> &[u8] {
    let bytes = name.as_bytes();
    bytes.get(..NAME_LIMIT).unwrap_or(bytes)
}

/// Returns the length of a name as a value, with its NUL.
pub(crate) fn name_len(name: &str) -> usize {
    sent(name).len() + 1
}

/// Writes a name and its NUL; `buffer` has [`name_len`] bytes.
pub(crate) fn emit_name(buffer: &mut [u8], name: &str) {
    if let Some((nul, text)) = buffer.split_last_mut() {
        text.copy_from_slice(sent(name));
        *nul = 0;
    }
}

/// Reads every attribute of a nested set, in the order of the bytes.
pub(crate) fn parse_set<T>(payload: &[u8], attribute: &str) -> Result<Vec<T>, DecodeError>
where
    T: for<'a> Parseable<NlaBuffer<&'a [u8]>>,
{
    NlasIterator::new(payload)
        .map(|nla| T::parse(&nla?))
        .collect::<Result<_, _>>()
        .map_err(|error| invalid(attribute, error))
}
