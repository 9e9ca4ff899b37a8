// SPDX-License-Identifier: MIT

//! Replies that are decoded as far as somebody asks: in a dump of a large table
//! most of the bytes are counters, which most readers throw away.

use netlink_packet_core::{
    DecodeError, ErrorContext, NLA_HEADER_SIZE, NlaBuffer, NlasIterator, Parseable,
};

use crate::{
    DestinationAttribute, ServiceAttribute, StatsAttribute,
    attribute::{IPVS_CMD_ATTR_DEST, IPVS_CMD_ATTR_SERVICE},
    destination::{IPVS_DEST_ATTR_STATS, IPVS_DEST_ATTR_STATS64},
    service::{IPVS_SVC_ATTR_STATS, IPVS_SVC_ATTR_STATS64},
};

/// The counters of a service or destination, not decoded yet.
#[derive(Clone, Copy, Debug)]
pub struct UnreadStats<'a> {
    stats: Option<&'a [u8]>,
    stats64: Option<&'a [u8]>,
}

impl<'a> UnreadStats<'a> {
    /// The counters in their 32-bit form, if the reply has them.
    pub fn stats(
        &self,
    ) -> Option<impl Iterator<Item = Result<StatsAttribute<u32>, DecodeError>> + use<'a>> {
        self.stats.map(each)
    }

    /// The counters in their 64-bit form, if the reply has them.
    pub fn stats64(
        &self,
    ) -> Option<impl Iterator<Item = Result<StatsAttribute<u64>, DecodeError>> + use<'a>> {
        self.stats64.map(each)
    }
}

/// Decodes the virtual service of a reply: calls `take` with every attribute but
/// the counters, in the order of the bytes, and returns those as they came.
///
/// `payload` is what follows the generic netlink header. The result is `None`
/// when it has no service.
///
/// # Errors
/// Those of decoding an [`IpvsMessage`](crate::IpvsMessage), as far as it is
/// decoded.
pub fn read_service(
    payload: &[u8],
    take: impl FnMut(ServiceAttribute),
) -> Result<Option<UnreadStats<'_>>, DecodeError> {
    let counters = [IPVS_SVC_ATTR_STATS, IPVS_SVC_ATTR_STATS64];
    match find(payload, IPVS_CMD_ATTR_SERVICE)? {
        Some(set) => read(set, counters, take)
            .context("invalid IPVS_CMD_ATTR_SERVICE value")
            .map(Some),
        None => Ok(None),
    }
}

/// Decodes the destination of a reply, as [`read_service`] does a service.
///
/// # Errors
/// Those of [`read_service`].
pub fn read_destination(
    payload: &[u8],
    take: impl FnMut(DestinationAttribute),
) -> Result<Option<UnreadStats<'_>>, DecodeError> {
    let counters = [IPVS_DEST_ATTR_STATS, IPVS_DEST_ATTR_STATS64];
    match find(payload, IPVS_CMD_ATTR_DEST)? {
        Some(set) => read(set, counters, take)
            .context("invalid IPVS_CMD_ATTR_DEST value")
            .map(Some),
        None => Ok(None),
    }
}

/// The value of the first top-level attribute of this kind.
fn find(payload: &[u8], kind: u16) -> Result<Option<&[u8]>, DecodeError> {
    for attribute in NlasIterator::new(payload) {
        let attribute = attribute.context("invalid IPVS top-level attribute")?;
        if attribute.kind() == kind {
            return Ok(Some(value(attribute)));
        }
    }
    Ok(None)
}

fn read<'a, T>(
    set: &'a [u8],
    [stats, stats64]: [u16; 2],
    mut take: impl FnMut(T),
) -> Result<UnreadStats<'a>, DecodeError>
where
    T: for<'b> Parseable<NlaBuffer<&'b [u8]>>,
{
    let mut unread = UnreadStats {
        stats: None,
        stats64: None,
    };
    for attribute in NlasIterator::new(set) {
        let attribute = attribute?;
        let kind = attribute.kind();
        if kind == stats {
            unread.stats = Some(value(attribute));
        } else if kind == stats64 {
            unread.stats64 = Some(value(attribute));
        } else {
            take(T::parse(&attribute)?);
        }
    }
    Ok(unread)
}

fn each<T>(set: &[u8]) -> impl Iterator<Item = Result<T, DecodeError>>
where
    T: for<'b> Parseable<NlaBuffer<&'b [u8]>>,
{
    NlasIterator::new(set).map(|attribute| T::parse(&attribute?))
}

/// The value of an attribute, which lives as long as the bytes that it is in.
fn value(attribute: NlaBuffer<&[u8]>) -> &[u8] {
    let length = usize::from(attribute.length());
    let bytes = attribute.into_inner();
    bytes.get(NLA_HEADER_SIZE..length).unwrap_or_default()
}
