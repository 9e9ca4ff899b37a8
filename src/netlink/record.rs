// SPDX-License-Identifier: MIT

//! The fast way from bytes to virtual services and destinations and back.
//!
//! There are two ways because they serve two needs. An
//! [`IpvsMessage`](crate::IpvsMessage) keeps everything that a message has, in
//! its order and with the attributes that this crate does not know, so that it
//! shows what is there and encodes to the same bytes. For that it allocates a
//! list for each set and a text for each name, and decodes counters in both of
//! their widths.
//!
//! A large table has many thousand entries, of which a reader wants a few
//! numbers each. A record has a field for each attribute, borrows names from
//! the bytes, leaves counters undecoded until they are asked for, and is
//! written into a buffer in one pass; it allocates nothing. What it does not
//! know it passes over. The tests hold one way against the other.

use netlink_packet_core::{
    DecodeError, ErrorContext, NLA_ALIGNTO, NLA_F_NESTED, NLA_HEADER_SIZE, NLA_TYPE_MASK,
    NlaBuffer, nla_align,
};

use crate::{
    ForwardingMethod, ServiceFlags, TunnelFlags, TunnelType,
    attribute::{IPVS_CMD_ATTR_DEST, IPVS_CMD_ATTR_SERVICE},
    destination::*,
    service::*,
    stats::*,
    value::{parse_be16, parse_bytes, parse_name, parse_u8, parse_u16, parse_u32, parse_u64, sent},
};

/// A virtual service with a field for each attribute that
/// [`ServiceAttribute`](crate::ServiceAttribute) describes. A field is `None`
/// where a reply does not have the attribute, or a request shall not have it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ServiceRecord<'a> {
    /// `IPVS_SVC_ATTR_AF`
    pub address_family: Option<u16>,
    /// `IPVS_SVC_ATTR_PROTOCOL`
    pub protocol: Option<u16>,
    /// `IPVS_SVC_ATTR_ADDR`
    pub address: Option<[u8; 16]>,
    /// `IPVS_SVC_ATTR_PORT`
    pub port: Option<u16>,
    /// `IPVS_SVC_ATTR_FWMARK`
    pub fwmark: Option<u32>,
    /// `IPVS_SVC_ATTR_SCHED_NAME`
    pub scheduler_name: Option<&'a str>,
    /// `IPVS_SVC_ATTR_FLAGS`: the flags, and the mask of those that count.
    pub flags: Option<(ServiceFlags, u32)>,
    /// `IPVS_SVC_ATTR_TIMEOUT`
    pub timeout: Option<u32>,
    /// `IPVS_SVC_ATTR_NETMASK`
    pub netmask: Option<[u8; 4]>,
    /// `IPVS_SVC_ATTR_PE_NAME`
    pub persistence_engine_name: Option<&'a str>,
    /// The counters of a reply, in the widest form that it has. They are not
    /// written.
    pub stats: Option<UnreadStats<'a>>,
}

/// A destination with a field for each attribute that
/// [`DestinationAttribute`](crate::DestinationAttribute) describes. A field is
/// `None` where a reply does not have the attribute, or a request shall not have
/// it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct DestinationRecord<'a> {
    /// `IPVS_DEST_ATTR_ADDR_FAMILY`
    pub address_family: Option<u16>,
    /// `IPVS_DEST_ATTR_ADDR`
    pub address: Option<[u8; 16]>,
    /// `IPVS_DEST_ATTR_PORT`
    pub port: Option<u16>,
    /// `IPVS_DEST_ATTR_FWD_METHOD`
    pub forwarding_method: Option<ForwardingMethod>,
    /// `IPVS_DEST_ATTR_WEIGHT`
    pub weight: Option<u32>,
    /// `IPVS_DEST_ATTR_U_THRESH`
    pub upper_threshold: Option<u32>,
    /// `IPVS_DEST_ATTR_L_THRESH`
    pub lower_threshold: Option<u32>,
    /// `IPVS_DEST_ATTR_ACTIVE_CONNS`
    pub active_connections: Option<u32>,
    /// `IPVS_DEST_ATTR_INACT_CONNS`
    pub inactive_connections: Option<u32>,
    /// `IPVS_DEST_ATTR_PERSIST_CONNS`
    pub persistent_connections: Option<u32>,
    /// `IPVS_DEST_ATTR_TUN_TYPE`
    pub tunnel_type: Option<TunnelType>,
    /// `IPVS_DEST_ATTR_TUN_PORT`
    pub tunnel_port: Option<u16>,
    /// `IPVS_DEST_ATTR_TUN_FLAGS`
    pub tunnel_flags: Option<TunnelFlags>,
    /// The counters of a reply, in the widest form that it has. They are not
    /// written.
    pub stats: Option<UnreadStats<'a>>,
}

/// The counters of a virtual service or destination, not decoded yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum UnreadStats<'a> {
    /// The set of the attributes named `Stats`.
    Narrow(&'a [u8]),
    /// The set of the attributes named `Stats64`, which has the same counters
    /// and no bits cut off.
    Wide(&'a [u8]),
}

/// Counters and rates, with a field for each that
/// [`StatsAttribute`](crate::StatsAttribute) describes. The kernel sends all of
/// them; one that is missing in the bytes is 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct StatsRecord {
    /// `IPVS_STATS_ATTR_CONNS`
    pub connections: u64,
    /// `IPVS_STATS_ATTR_INPKTS`
    pub in_packets: u64,
    /// `IPVS_STATS_ATTR_OUTPKTS`
    pub out_packets: u64,
    /// `IPVS_STATS_ATTR_INBYTES`
    pub in_bytes: u64,
    /// `IPVS_STATS_ATTR_OUTBYTES`
    pub out_bytes: u64,
    /// `IPVS_STATS_ATTR_CPS`
    pub connections_per_second: u64,
    /// `IPVS_STATS_ATTR_INPPS`
    pub in_packets_per_second: u64,
    /// `IPVS_STATS_ATTR_OUTPPS`
    pub out_packets_per_second: u64,
    /// `IPVS_STATS_ATTR_INBPS`
    pub in_bytes_per_second: u64,
    /// `IPVS_STATS_ATTR_OUTBPS`
    pub out_bytes_per_second: u64,
}

impl<'a> ServiceRecord<'a> {
    /// Reads the virtual service of a reply. `payload` is what follows the
    /// generic netlink header; `None` says that it has no service.
    ///
    /// # Errors
    /// Those of decoding an [`IpvsMessage`](crate::IpvsMessage), as far as the
    /// record decodes it.
    pub fn read(payload: &'a [u8]) -> Result<Option<Self>, DecodeError> {
        match find(payload, IPVS_CMD_ATTR_SERVICE)? {
            Some(set) => Self::read_set(set)
                .context("invalid IPVS_CMD_ATTR_SERVICE value")
                .map(Some),
            None => Ok(None),
        }
    }

    fn read_set(mut set: &'a [u8]) -> Result<Self, DecodeError> {
        let mut record = Self::default();
        while !set.is_empty() {
            let (kind, value) = split_first(&mut set)?;
            match kind {
                IPVS_SVC_ATTR_AF => {
                    record.address_family = Some(parse_u16(value, "IPVS_SVC_ATTR_AF")?);
                }
                IPVS_SVC_ATTR_PROTOCOL => {
                    record.protocol = Some(parse_u16(value, "IPVS_SVC_ATTR_PROTOCOL")?);
                }
                IPVS_SVC_ATTR_ADDR => {
                    record.address = Some(parse_bytes(value, "IPVS_SVC_ATTR_ADDR")?);
                }
                IPVS_SVC_ATTR_PORT => {
                    record.port = Some(parse_be16(value, "IPVS_SVC_ATTR_PORT")?);
                }
                IPVS_SVC_ATTR_FWMARK => {
                    record.fwmark = Some(parse_u32(value, "IPVS_SVC_ATTR_FWMARK")?);
                }
                IPVS_SVC_ATTR_SCHED_NAME => {
                    record.scheduler_name = Some(parse_name(value, "IPVS_SVC_ATTR_SCHED_NAME")?);
                }
                IPVS_SVC_ATTR_FLAGS => record.flags = Some(parse_flags(value)?),
                IPVS_SVC_ATTR_TIMEOUT => {
                    record.timeout = Some(parse_u32(value, "IPVS_SVC_ATTR_TIMEOUT")?);
                }
                IPVS_SVC_ATTR_NETMASK => {
                    record.netmask = Some(parse_bytes(value, "IPVS_SVC_ATTR_NETMASK")?);
                }
                IPVS_SVC_ATTR_PE_NAME => {
                    record.persistence_engine_name =
                        Some(parse_name(value, "IPVS_SVC_ATTR_PE_NAME")?);
                }
                IPVS_SVC_ATTR_STATS => record.stats = widest(record.stats, value),
                IPVS_SVC_ATTR_STATS64 => record.stats = Some(UnreadStats::Wide(value)),
                _ => {}
            }
        }
        Ok(record)
    }

    /// Appends the service as an attribute of a message, without counters.
    pub fn append_to(&self, buffer: &mut Vec<u8>) {
        append_set(buffer, IPVS_CMD_ATTR_SERVICE, |set| {
            append(
                set,
                IPVS_SVC_ATTR_AF,
                self.address_family.map(u16::to_ne_bytes),
            );
            append(
                set,
                IPVS_SVC_ATTR_PROTOCOL,
                self.protocol.map(u16::to_ne_bytes),
            );
            append(set, IPVS_SVC_ATTR_ADDR, self.address);
            append(set, IPVS_SVC_ATTR_PORT, self.port.map(u16::to_be_bytes));
            append(set, IPVS_SVC_ATTR_FWMARK, self.fwmark.map(u32::to_ne_bytes));
            append_name(set, IPVS_SVC_ATTR_SCHED_NAME, self.scheduler_name);
            append(set, IPVS_SVC_ATTR_FLAGS, self.flags.map(flags_bytes));
            append(
                set,
                IPVS_SVC_ATTR_TIMEOUT,
                self.timeout.map(u32::to_ne_bytes),
            );
            append(set, IPVS_SVC_ATTR_NETMASK, self.netmask);
            append_name(set, IPVS_SVC_ATTR_PE_NAME, self.persistence_engine_name);
        });
    }
}

impl<'a> DestinationRecord<'a> {
    /// Reads the destination of a reply, as [`ServiceRecord::read`] does a
    /// virtual service.
    ///
    /// # Errors
    /// Those of [`ServiceRecord::read`].
    pub fn read(payload: &'a [u8]) -> Result<Option<Self>, DecodeError> {
        match find(payload, IPVS_CMD_ATTR_DEST)? {
            Some(set) => Self::read_set(set)
                .context("invalid IPVS_CMD_ATTR_DEST value")
                .map(Some),
            None => Ok(None),
        }
    }

    fn read_set(mut set: &'a [u8]) -> Result<Self, DecodeError> {
        let mut record = Self::default();
        while !set.is_empty() {
            let (kind, value) = split_first(&mut set)?;
            match kind {
                IPVS_DEST_ATTR_ADDR => {
                    record.address = Some(parse_bytes(value, "IPVS_DEST_ATTR_ADDR")?);
                }
                IPVS_DEST_ATTR_PORT => {
                    record.port = Some(parse_be16(value, "IPVS_DEST_ATTR_PORT")?);
                }
                IPVS_DEST_ATTR_FWD_METHOD => {
                    let number = parse_u32(value, "IPVS_DEST_ATTR_FWD_METHOD")?;
                    record.forwarding_method = Some(number.into());
                }
                IPVS_DEST_ATTR_WEIGHT => {
                    record.weight = Some(parse_u32(value, "IPVS_DEST_ATTR_WEIGHT")?);
                }
                IPVS_DEST_ATTR_U_THRESH => {
                    record.upper_threshold = Some(parse_u32(value, "IPVS_DEST_ATTR_U_THRESH")?);
                }
                IPVS_DEST_ATTR_L_THRESH => {
                    record.lower_threshold = Some(parse_u32(value, "IPVS_DEST_ATTR_L_THRESH")?);
                }
                IPVS_DEST_ATTR_ACTIVE_CONNS => {
                    record.active_connections =
                        Some(parse_u32(value, "IPVS_DEST_ATTR_ACTIVE_CONNS")?);
                }
                IPVS_DEST_ATTR_INACT_CONNS => {
                    record.inactive_connections =
                        Some(parse_u32(value, "IPVS_DEST_ATTR_INACT_CONNS")?);
                }
                IPVS_DEST_ATTR_PERSIST_CONNS => {
                    record.persistent_connections =
                        Some(parse_u32(value, "IPVS_DEST_ATTR_PERSIST_CONNS")?);
                }
                IPVS_DEST_ATTR_ADDR_FAMILY => {
                    record.address_family = Some(parse_u16(value, "IPVS_DEST_ATTR_ADDR_FAMILY")?);
                }
                IPVS_DEST_ATTR_TUN_TYPE => {
                    let number = parse_u8(value, "IPVS_DEST_ATTR_TUN_TYPE")?;
                    record.tunnel_type = Some(number.into());
                }
                IPVS_DEST_ATTR_TUN_PORT => {
                    record.tunnel_port = Some(parse_be16(value, "IPVS_DEST_ATTR_TUN_PORT")?);
                }
                IPVS_DEST_ATTR_TUN_FLAGS => {
                    let bits = parse_u16(value, "IPVS_DEST_ATTR_TUN_FLAGS")?;
                    record.tunnel_flags = Some(TunnelFlags::from_bits_retain(bits));
                }
                IPVS_DEST_ATTR_STATS => record.stats = widest(record.stats, value),
                IPVS_DEST_ATTR_STATS64 => record.stats = Some(UnreadStats::Wide(value)),
                _ => {}
            }
        }
        Ok(record)
    }

    /// Appends the destination as an attribute of a message, without counters.
    pub fn append_to(&self, buffer: &mut Vec<u8>) {
        append_set(buffer, IPVS_CMD_ATTR_DEST, |set| {
            let number = |value: Option<u32>| value.map(u32::to_ne_bytes);
            append(
                set,
                IPVS_DEST_ATTR_ADDR_FAMILY,
                self.address_family.map(u16::to_ne_bytes),
            );
            append(set, IPVS_DEST_ATTR_ADDR, self.address);
            append(set, IPVS_DEST_ATTR_PORT, self.port.map(u16::to_be_bytes));
            append(
                set,
                IPVS_DEST_ATTR_FWD_METHOD,
                number(self.forwarding_method.map(u32::from)),
            );
            append(set, IPVS_DEST_ATTR_WEIGHT, number(self.weight));
            append(set, IPVS_DEST_ATTR_U_THRESH, number(self.upper_threshold));
            append(set, IPVS_DEST_ATTR_L_THRESH, number(self.lower_threshold));
            append(
                set,
                IPVS_DEST_ATTR_ACTIVE_CONNS,
                number(self.active_connections),
            );
            append(
                set,
                IPVS_DEST_ATTR_INACT_CONNS,
                number(self.inactive_connections),
            );
            append(
                set,
                IPVS_DEST_ATTR_PERSIST_CONNS,
                number(self.persistent_connections),
            );
            append(
                set,
                IPVS_DEST_ATTR_TUN_TYPE,
                self.tunnel_type.map(|kind| [kind.into()]),
            );
            append(
                set,
                IPVS_DEST_ATTR_TUN_PORT,
                self.tunnel_port.map(u16::to_be_bytes),
            );
            let flags = self.tunnel_flags.map(|flags| flags.bits().to_ne_bytes());
            append(set, IPVS_DEST_ATTR_TUN_FLAGS, flags);
        });
    }
}

impl UnreadStats<'_> {
    /// Reads the counters.
    ///
    /// # Errors
    /// Those of decoding a [`StatsAttribute`](crate::StatsAttribute).
    pub fn read(self) -> Result<StatsRecord, DecodeError> {
        match self {
            Self::Narrow(set) => StatsRecord::read_set(set, |value, attribute| {
                parse_u32(value, attribute).map(u64::from)
            }),
            Self::Wide(set) => StatsRecord::read_set(set, parse_u64),
        }
    }
}

impl StatsRecord {
    /// `parse` reads the counters that are not of bytes: those have 64 bits in
    /// both forms.
    fn read_set(
        mut set: &[u8],
        parse: impl Fn(&[u8], &str) -> Result<u64, DecodeError>,
    ) -> Result<Self, DecodeError> {
        let mut record = Self::default();
        while !set.is_empty() {
            let (kind, value) = split_first(&mut set)?;
            match kind {
                IPVS_STATS_ATTR_CONNS => {
                    record.connections = parse(value, "IPVS_STATS_ATTR_CONNS")?;
                }
                IPVS_STATS_ATTR_INPKTS => {
                    record.in_packets = parse(value, "IPVS_STATS_ATTR_INPKTS")?;
                }
                IPVS_STATS_ATTR_OUTPKTS => {
                    record.out_packets = parse(value, "IPVS_STATS_ATTR_OUTPKTS")?;
                }
                IPVS_STATS_ATTR_INBYTES => {
                    record.in_bytes = parse_u64(value, "IPVS_STATS_ATTR_INBYTES")?;
                }
                IPVS_STATS_ATTR_OUTBYTES => {
                    record.out_bytes = parse_u64(value, "IPVS_STATS_ATTR_OUTBYTES")?;
                }
                IPVS_STATS_ATTR_CPS => {
                    record.connections_per_second = parse(value, "IPVS_STATS_ATTR_CPS")?;
                }
                IPVS_STATS_ATTR_INPPS => {
                    record.in_packets_per_second = parse(value, "IPVS_STATS_ATTR_INPPS")?;
                }
                IPVS_STATS_ATTR_OUTPPS => {
                    record.out_packets_per_second = parse(value, "IPVS_STATS_ATTR_OUTPPS")?;
                }
                IPVS_STATS_ATTR_INBPS => {
                    record.in_bytes_per_second = parse(value, "IPVS_STATS_ATTR_INBPS")?;
                }
                IPVS_STATS_ATTR_OUTBPS => {
                    record.out_bytes_per_second = parse(value, "IPVS_STATS_ATTR_OUTBPS")?;
                }
                _ => {}
            }
        }
        Ok(record)
    }
}

/// Returns the value of the first top-level attribute of this number.
fn find(payload: &[u8], wanted: u16) -> Result<Option<&[u8]>, DecodeError> {
    let mut rest = payload;
    while !rest.is_empty() {
        let (kind, value) = split_first(&mut rest).context("invalid IPVS top-level attribute")?;
        if kind == wanted {
            return Ok(Some(value));
        }
    }
    Ok(None)
}

/// Takes the first attribute off a set that is not empty: its number and its
/// value.
fn split_first<'a>(set: &mut &'a [u8]) -> Result<(u16, &'a [u8]), DecodeError> {
    let Some((length, after_length)) = set.split_first_chunk() else {
        return Err(malformed(set));
    };
    let length = usize::from(u16::from_ne_bytes(*length));
    let (Some(kind), Some(value)) = (after_length.first_chunk(), set.get(NLA_HEADER_SIZE..length))
    else {
        return Err(malformed(set));
    };
    // The padding of the last attribute may be missing.
    let end = set.len().min(nla_align!(length));
    *set = set.get(end..).unwrap_or_default();
    Ok((u16::from_ne_bytes(*kind) & NLA_TYPE_MASK, value))
}

/// Returns the words of the message decoder for an attribute that is too short
/// or too long.
#[cold]
fn malformed(set: &[u8]) -> DecodeError {
    let error = NlaBuffer::new_checked(set).err();
    error.unwrap_or_else(|| DecodeError::from("malformed attribute"))
}

/// Returns the narrow counters, unless there are wide ones already.
fn widest<'a>(stats: Option<UnreadStats<'a>>, narrow: &'a [u8]) -> Option<UnreadStats<'a>> {
    match stats {
        Some(UnreadStats::Wide(_)) => stats,
        _ => Some(UnreadStats::Narrow(narrow)),
    }
}

/// Appends a nested attribute whose set `append_attributes` appends.
fn append_set(buffer: &mut Vec<u8>, kind: u16, append_attributes: impl FnOnce(&mut Vec<u8>)) {
    let start = buffer.len();
    buffer.extend_from_slice(&[0; NLA_HEADER_SIZE]);
    append_attributes(buffer);
    let length = buffer.len() - start - NLA_HEADER_SIZE;
    if let Some(place) = buffer.get_mut(start..start + NLA_HEADER_SIZE) {
        place.copy_from_slice(&header(length, kind | NLA_F_NESTED));
    }
}

/// Appends an attribute, if there is a value.
fn append<const N: usize>(buffer: &mut Vec<u8>, kind: u16, value: Option<[u8; N]>) {
    if let Some(value) = value {
        // The longest value is an address; one copy is cheaper than three.
        let mut attribute = [0; NLA_HEADER_SIZE + 16];
        let (place, rest) = attribute.split_at_mut(NLA_HEADER_SIZE);
        place.copy_from_slice(&header(N, kind));
        rest.split_at_mut(N).0.copy_from_slice(&value);
        buffer.extend_from_slice(attribute.split_at(NLA_HEADER_SIZE + nla_align!(N)).0);
    }
}

/// Appends a name and its NUL, if there is one.
fn append_name(buffer: &mut Vec<u8>, kind: u16, name: Option<&str>) {
    if let Some(name) = name {
        let name = sent(name);
        let length = name.len() + 1;
        buffer.extend_from_slice(&header(length, kind));
        buffer.extend_from_slice(name);
        buffer.push(0);
        pad(buffer, length);
    }
}

/// Appends what aligns the attribute that follows a value of this length.
fn pad(buffer: &mut Vec<u8>, length: usize) {
    let padding = length.next_multiple_of(4) - length;
    buffer.extend_from_slice([0; 3].get(..padding).unwrap_or_default());
}

/// Returns the header of an attribute whose value has this length. A set of a
/// record has some hundred bytes, so that 16 bits are enough.
fn header(value_length: usize, kind: u16) -> [u8; NLA_HEADER_SIZE] {
    let [l0, l1] = ((NLA_HEADER_SIZE + value_length) as u16).to_ne_bytes();
    let [k0, k1] = kind.to_ne_bytes();
    [l0, l1, k0, k1]
}
