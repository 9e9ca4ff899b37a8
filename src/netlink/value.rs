// SPDX-License-Identifier: MIT

//! What the attribute sets share: values of a fixed length, names, nested sets.

use netlink_packet_core::{
    DecodeError, Emitable, NLA_ALIGNTO, NLA_HEADER_SIZE, Nla, NlaBuffer, NlasIterator, Parseable,
};

/// The longest name that is sent, in bytes without its NUL.
///
/// The kernel takes 15 or 16 bytes. A name cut here is still too long for it,
/// so the request is refused all the same, and the 16-bit length of the
/// attribute and of the set around it cannot overflow.
const NAME_LIMIT: usize = 255;

/// Takes a value that has exactly `N` bytes.
pub(crate) fn parse_array<const N: usize>(payload: &[u8]) -> Result<[u8; N], DecodeError> {
    payload
        .try_into()
        .map_err(|_| DecodeError::from(format!("expected {N} bytes, received {}", payload.len())))
}

/// Takes the text before the first NUL, which must be there.
pub(crate) fn parse_name(payload: &[u8]) -> Result<String, DecodeError> {
    let (name, _) = payload
        .iter()
        .position(|&byte| byte == 0)
        .and_then(|end| payload.split_at_checked(end))
        .ok_or_else(|| DecodeError::from("no NUL at the end of the name"))?;
    Ok(String::from_utf8(name.to_vec())?)
}

/// The bytes of a name that are sent, its NUL not among them.
fn sent(name: &str) -> &[u8] {
    let bytes = name.as_bytes();
    bytes.get(..NAME_LIMIT).unwrap_or(bytes)
}

/// The length of a name as a value, its NUL included.
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

/// Takes every attribute of a nested set, in the order of the bytes.
pub(crate) fn parse_set<T>(payload: &[u8]) -> Result<Vec<T>, DecodeError>
where
    T: for<'a> Parseable<NlaBuffer<&'a [u8]>>,
{
    // Few attributes are shorter than eight bytes: the set seldom grows.
    let mut set = Vec::with_capacity(payload.len() / 8);
    for attribute in NlasIterator::new(payload) {
        set.push(T::parse(&attribute?)?);
    }
    Ok(set)
}

/// The length of a set.
///
/// With [`emit_set`], does what `Emitable` for slices does. That asks for each
/// length twice over on every level, which adds up in a batch of many thousand
/// messages.
pub(crate) fn set_len<T: Nla>(set: &[T]) -> usize {
    set.iter().map(Emitable::buffer_len).sum()
}

/// Appends an attribute: header, value and padding.
///
/// Does what `Emitable::emit` does, which asks for the length and the kind
/// several times over.
pub(crate) fn append<T: Nla>(buffer: &mut Vec<u8>, attribute: &T) {
    let length = NLA_HEADER_SIZE + attribute.value_len();
    let start = buffer.len();
    buffer.extend_from_slice(&header(length, attribute.kind()));
    buffer.resize(start + length.next_multiple_of(NLA_ALIGNTO), 0);
    let value = start + NLA_HEADER_SIZE..start + length;
    attribute.emit_value(buffer.get_mut(value).unwrap_or_default());
}

/// # Panics
/// When the length does not fit.
fn header(length: usize, kind: u16) -> [u8; NLA_HEADER_SIZE] {
    assert!(
        length <= usize::from(u16::MAX),
        "an attribute of {length} bytes"
    );
    let [l0, l1] = (length as u16).to_ne_bytes();
    let [k0, k1] = kind.to_ne_bytes();
    [l0, l1, k0, k1]
}

/// Appends a nested attribute that holds a set.
pub(crate) fn append_set<T: Nla>(buffer: &mut Vec<u8>, kind: u16, set: &[T]) {
    let start = buffer.len();
    buffer.extend_from_slice(&[0; NLA_HEADER_SIZE]);
    for attribute in set {
        append(buffer, attribute);
    }
    let header = header(buffer.len() - start, kind);
    if let Some(place) = buffer.get_mut(start..start + NLA_HEADER_SIZE) {
        place.copy_from_slice(&header);
    }
}

/// Writes the attributes of a set; `buffer` has [`set_len`] bytes.
pub(crate) fn emit_set<T: Nla>(buffer: &mut [u8], set: &[T]) {
    let mut rest = buffer;
    for attribute in set {
        let (bytes, next) = rest.split_at_mut(attribute.buffer_len());
        attribute.emit(bytes);
        rest = next;
    }
}
