// SPDX-License-Identifier: MIT

//! Virtual services: their names, settings and counters.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    num::NonZeroU32,
    str::FromStr,
};

use super::{AddressFamily, ParseIdError, SchedulerFlags, Stats, endpoint};

/// The protocol of a virtual service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Protocol {
    /// `IPPROTO_TCP`
    Tcp,
    /// `IPPROTO_UDP`
    Udp,
    /// `IPPROTO_SCTP`
    Sctp,
    /// Any other protocol number. The kernel takes such a service from any
    /// program, so a table can hold one; it balances nothing for it.
    Other(u16),
}

impl Protocol {
    /// The protocol number that packets carry.
    #[must_use]
    pub const fn number(self) -> u16 {
        match self {
            Self::Tcp => 6,
            Self::Udp => 17,
            Self::Sctp => 132,
            Self::Other(number) => number,
        }
    }
}

impl From<u16> for Protocol {
    fn from(number: u16) -> Self {
        match number {
            6 => Self::Tcp,
            17 => Self::Udp,
            132 => Self::Sctp,
            number => Self::Other(number),
        }
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp => f.write_str("TCP"),
            Self::Udp => f.write_str("UDP"),
            Self::Sctp => f.write_str("SCTP"),
            Self::Other(number) => write!(f, "protocol {number}"),
        }
    }
}

/// Reads what [`Display`](fmt::Display) writes, in capitals or not: `TCP`, `udp`,
/// `protocol 47`.
impl FromStr for Protocol {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, ParseIdError> {
        let names = [Self::Tcp, Self::Udp, Self::Sctp];
        let named = names
            .into_iter()
            .find(|protocol| protocol.to_string().eq_ignore_ascii_case(text));
        let numbered = || text.strip_prefix("protocol ")?.parse().ok();
        named
            .or_else(|| numbered().map(|number: u16| Self::from(number)))
            .ok_or_else(|| ParseIdError::new(text, "TCP, UDP, SCTP or protocol NUMBER"))
    }
}

/// The name of a virtual service: the packets that it takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ServiceId {
    /// The packets of a protocol to an address and port.
    Address {
        /// The protocol.
        protocol: Protocol,
        /// The virtual address.
        address: IpAddr,
        /// The port; 0 takes every port, which needs persistence to be useful.
        port: u16,
    },
    /// The packets that carry a firewall mark, whatever they are addressed to.
    Fwmark {
        /// The mark. The kernel takes mark 0 for no mark at all.
        mark: NonZeroU32,
        /// The same mark can name one service of each family.
        family: AddressFamily,
    },
}

impl ServiceId {
    /// Names the TCP service of an address and port.
    ///
    /// ```
    /// use ipvs_client::ServiceId;
    ///
    /// let web = ServiceId::tcp(([192, 0, 2, 1], 80));
    /// assert_eq!(web.to_string(), "TCP 192.0.2.1:80");
    /// ```
    #[must_use]
    pub fn tcp(address: impl Into<SocketAddr>) -> Self {
        Self::address(Protocol::Tcp, address)
    }

    /// Names the UDP service of an address and port.
    #[must_use]
    pub fn udp(address: impl Into<SocketAddr>) -> Self {
        Self::address(Protocol::Udp, address)
    }

    /// Names the SCTP service of an address and port.
    #[must_use]
    pub fn sctp(address: impl Into<SocketAddr>) -> Self {
        Self::address(Protocol::Sctp, address)
    }

    /// Names the service of a protocol, address and port.
    #[must_use]
    pub fn address(protocol: Protocol, address: impl Into<SocketAddr>) -> Self {
        let address = address.into();
        Self::Address {
            protocol,
            address: address.ip(),
            port: address.port(),
        }
    }

    /// Names the service of the packets of a family that carry a firewall mark.
    #[must_use]
    pub const fn fwmark(mark: NonZeroU32, family: AddressFamily) -> Self {
        Self::Fwmark { mark, family }
    }

    /// The family of the packets that the service takes.
    #[must_use]
    pub fn family(&self) -> AddressFamily {
        match *self {
            Self::Address { address, .. } => address.into(),
            Self::Fwmark { family, .. } => family,
        }
    }
}

/// As operators write it: `TCP 192.0.2.1:80`, `UDP [2001:db8::1]:53`,
/// `fwmark 5`, `fwmark 5 IPv6`.
impl fmt::Display for ServiceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Address {
                protocol,
                address,
                port,
            } => {
                write!(f, "{protocol} {}", SocketAddr::new(address, port))
            }
            Self::Fwmark { mark, family } => {
                write!(f, "fwmark {mark}")?;
                match family {
                    AddressFamily::Ipv4 => Ok(()),
                    AddressFamily::Ipv6 => f.write_str(" IPv6"),
                }
            }
        }
    }
}

/// Reads what [`Display`](fmt::Display) writes, the names in capitals or not. What
/// follows the protocol is what ipvsadm takes after `-t`, `-u` and
/// `--sctp-service`: an address and port in numbers, an IPv6 address in brackets.
///
/// ```
/// use ipvs_client::ServiceId;
///
/// # fn main() -> Result<(), ipvs_client::ParseIdError> {
/// let web: ServiceId = "TCP 192.0.2.1:80".parse()?;
/// assert_eq!(web, ServiceId::tcp(([192, 0, 2, 1], 80)));
/// let dns: ServiceId = "udp [2001:db8::1]:53".parse()?;
/// assert_eq!(dns.to_string(), "UDP [2001:db8::1]:53");
/// let marked: ServiceId = "fwmark 5 IPv6".parse()?;
/// assert_eq!(marked.to_string(), "fwmark 5 IPv6");
/// # Ok(())
/// # }
/// ```
impl FromStr for ServiceId {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, ParseIdError> {
        let (kind, name) = text.rsplit_once(' ').unwrap_or(("", text));
        let marked = |mark: &str, family| {
            Some(Self::Fwmark {
                mark: mark.parse().ok()?,
                family,
            })
        };
        let addressed = || Some(Self::address(kind.parse().ok()?, endpoint(name)?));
        let id = match kind.split_once(' ') {
            Some((word, mark))
                if word.eq_ignore_ascii_case("fwmark") && name.eq_ignore_ascii_case("ipv6") =>
            {
                marked(mark, AddressFamily::Ipv6)
            }
            None if kind.eq_ignore_ascii_case("fwmark") => marked(name, AddressFamily::Ipv4),
            _ => addressed(),
        };
        id.ok_or_else(|| {
            ParseIdError::new(
                text,
                "PROTOCOL ADDRESS:PORT, PROTOCOL [IPV6-ADDRESS]:PORT, fwmark MARK or \
                 fwmark MARK IPv6",
            )
        })
    }
}

/// The part of a client's address by which a persistent service knows it: clients
/// with the same part count as one. It has the family of the service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Netmask {
    /// A mask, which need not be a prefix; 255.255.255.255 is a client each.
    Ipv4(Ipv4Addr),
    /// The length of a prefix, 1 to 128; 128 is a client each. The kernel takes
    /// no other, but whatever it says is shown as it is.
    Ipv6(u32),
}

impl Netmask {
    /// The mask that tells every client from every other.
    #[must_use]
    pub const fn host(family: AddressFamily) -> Self {
        match family {
            AddressFamily::Ipv4 => Self::Ipv4(Ipv4Addr::BROADCAST),
            AddressFamily::Ipv6 => Self::Ipv6(128),
        }
    }

    /// Returns whether the mask tells every client from every other.
    #[must_use]
    pub fn is_host(self) -> bool {
        matches!(self, Self::Ipv4(Ipv4Addr::BROADCAST) | Self::Ipv6(128))
    }

    /// The family of the addresses that the mask is for.
    #[must_use]
    pub const fn family(self) -> AddressFamily {
        match self {
            Self::Ipv4(_) => AddressFamily::Ipv4,
            Self::Ipv6(_) => AddressFamily::Ipv6,
        }
    }
}

/// As `-M` takes it: a dotted mask, or a prefix length.
impl fmt::Display for Netmask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ipv4(mask) => mask.fmt(f),
            Self::Ipv6(length) => length.fmt(f),
        }
    }
}

/// Connections of one client go to one destination for a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Persistence {
    /// Seconds after a client's last connection until it is forgotten.
    pub timeout: u32,
    /// The host mask of either family is always `None`.
    netmask: Option<Netmask>,
}

impl Persistence {
    /// Persistence of so many seconds, where each client is one by itself.
    #[must_use]
    pub const fn new(timeout: u32) -> Self {
        Self {
            timeout,
            netmask: None,
        }
    }

    /// Counts the clients as one whose addresses are the same under the mask,
    /// which must have the family of the service.
    ///
    /// ```
    /// use ipvs_client::{Netmask, Persistence};
    ///
    /// let networks = Persistence::new(360).with_netmask(Netmask::Ipv4([255, 255, 255, 0].into()));
    /// assert_eq!(networks.netmask(), Some(Netmask::Ipv4([255, 255, 255, 0].into())));
    /// // Under this mask each is one by itself, as without.
    /// let hosts = Persistence::new(360).with_netmask(Netmask::Ipv4([255, 255, 255, 255].into()));
    /// assert_eq!(hosts, Persistence::new(360));
    /// ```
    #[must_use]
    pub fn with_netmask(mut self, netmask: Netmask) -> Self {
        self.netmask = (!netmask.is_host()).then_some(netmask);
        self
    }

    /// The mask under which clients count as one; `None` if each is one by
    /// itself.
    #[must_use]
    pub const fn netmask(&self) -> Option<Netmask> {
        self.netmask
    }
}

/// The settings of a virtual service: how it schedules connections.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct ServiceSettings {
    /// The scheduler's name; 15 bytes at most. `none` is no scheduler:
    /// existing connections go on, new ones are refused.
    pub scheduler: String,
    /// Flags for the scheduler.
    pub scheduler_flags: SchedulerFlags,
    /// Schedule each UDP datagram on its own.
    pub one_packet: bool,
    /// Lets clients stay with their destination, if there is one.
    pub persistence: Option<Persistence>,
    /// The name of the persistence engine that tells clients apart instead of their
    /// address; 16 bytes at most.
    // Not a String, so that a Service stays small: large tables have many.
    pub persistence_engine: Option<Box<str>>,
}

impl ServiceSettings {
    /// The scheduler of this name, and nothing else.
    ///
    /// ```
    /// use ipvs_client::ServiceSettings;
    ///
    /// let settings = ServiceSettings::new("wrr").persistent(360);
    /// assert_eq!(settings.persistence.map(|persistence| persistence.timeout), Some(360));
    /// ```
    #[must_use]
    pub fn new(scheduler: impl Into<String>) -> Self {
        Self {
            scheduler: scheduler.into(),
            scheduler_flags: SchedulerFlags::default(),
            one_packet: false,
            persistence: None,
            persistence_engine: None,
        }
    }

    /// Puts other flags for the scheduler in place.
    #[must_use]
    pub fn scheduler_flags(mut self, flags: SchedulerFlags) -> Self {
        self.scheduler_flags = flags;
        self
    }

    /// Schedules each UDP datagram on its own.
    #[must_use]
    pub fn one_packet(mut self) -> Self {
        self.one_packet = true;
        self
    }

    /// Lets each client stay with its destination until so many seconds after its
    /// last connection.
    #[must_use]
    pub fn persistent(self, timeout: u32) -> Self {
        self.persistence(Persistence::new(timeout))
    }

    /// Lets clients stay with their destination.
    #[must_use]
    pub fn persistence(mut self, persistence: Persistence) -> Self {
        self.persistence = Some(persistence);
        self
    }

    /// Tells persistent clients apart by the persistence engine of this name.
    #[must_use]
    pub fn persistence_engine(mut self, name: impl Into<Box<str>>) -> Self {
        self.persistence_engine = Some(name.into());
        self
    }
}

/// The scheduler `wlc`, as ipvsadm has it when it is not told.
impl Default for ServiceSettings {
    fn default() -> Self {
        Self::new("wlc")
    }
}

/// A virtual service as the kernel has it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Service {
    /// The name.
    pub id: ServiceId,
    /// The settings.
    pub settings: ServiceSettings,
    /// Flags that this crate has no name for, as the kernel has them: other
    /// programs and newer kernels set them. A request sets none.
    pub unknown_flags: u32,
    /// Its counters, if they were read.
    pub stats: Option<Stats>,
}

impl Service {
    /// A service as it is before its counters are read, for tests of programs
    /// that are given one.
    #[must_use]
    pub const fn new(id: ServiceId, settings: ServiceSettings) -> Self {
        Self {
            id,
            settings,
            unknown_flags: 0,
            stats: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A listing of a large table moves each service several times.
    #[test]
    fn a_service_is_small() {
        assert!(size_of::<Service>() <= 176, "{}", size_of::<Service>());
    }

    #[test]
    fn settings_are_those_that_were_put_in_place() {
        assert_eq!(
            ServiceSettings::new("sh")
                .scheduler_flags(SchedulerFlags::FLAG_2)
                .one_packet()
                .persistent(60)
                .persistence_engine("sip"),
            ServiceSettings {
                scheduler: "sh".to_owned(),
                scheduler_flags: SchedulerFlags::FLAG_2,
                one_packet: true,
                persistence: Some(Persistence {
                    timeout: 60,
                    netmask: None,
                }),
                persistence_engine: Some("sip".into()),
            }
        );
    }

    /// ipvsadm(8), `--netmask`.
    #[test]
    fn a_netmask_is_written_as_the_option_takes_it() {
        let masks = [Netmask::Ipv4([255, 255, 252, 0].into()), Netmask::Ipv6(64)];
        assert_eq!(masks.map(|mask| mask.to_string()), ["255.255.252.0", "64"]);
    }
}
