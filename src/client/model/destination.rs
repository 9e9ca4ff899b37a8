// SPDX-License-Identifier: MIT

//! Destinations (real servers): their names, settings and counters.

use std::{
    fmt,
    net::{IpAddr, SocketAddr},
    num::NonZeroU16,
    str::FromStr,
};

use super::{ParseIdError, Stats, endpoint};

/// The name of a destination (real server) within its virtual service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DestinationId {
    /// The address; it may have the other family than the service when the
    /// forwarding method is tunneling.
    pub address: IpAddr,
    /// The port.
    pub port: u16,
}

impl DestinationId {
    /// Names the destination of an address and port.
    #[must_use]
    pub fn new(address: impl Into<IpAddr>, port: u16) -> Self {
        Self {
            address: address.into(),
            port,
        }
    }
}

impl From<SocketAddr> for DestinationId {
    fn from(address: SocketAddr) -> Self {
        Self::new(address.ip(), address.port())
    }
}

impl From<DestinationId> for SocketAddr {
    fn from(id: DestinationId) -> Self {
        Self::new(id.address, id.port)
    }
}

/// Reads what [`Display`](fmt::Display) writes, which is what ipvsadm takes after
/// `-r`: an address and port in numbers, an IPv6 address in brackets.
///
/// ```
/// use ipvs_client::DestinationId;
///
/// # fn main() -> Result<(), ipvs_client::ParseIdError> {
/// let server: DestinationId = "[2001:db8::2]:80".parse()?;
/// assert_eq!(server.port, 80);
/// # Ok(())
/// # }
/// ```
impl FromStr for DestinationId {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, ParseIdError> {
        endpoint(text)
            .map(Self::from)
            .ok_or_else(|| ParseIdError::new(text, "ADDRESS:PORT or [IPV6-ADDRESS]:PORT"))
    }
}

/// `10.0.0.2:80` or `[2001:db8::2]:80`
impl fmt::Display for DestinationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        SocketAddr::new(self.address, self.port).fmt(f)
    }
}

/// A way of packets of the service to the destination.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ForwardingMethod {
    /// NAT: addresses are rewritten, replies come back through the director.
    Masquerading,
    /// The director itself is the server.
    LocalNode,
    /// Packets travel encapsulated, replies go to the client by themselves.
    Tunneling(Tunnel),
    /// Packets get a new link-layer address, replies go to the client by
    /// themselves.
    DirectRouting,
    /// Packets go where they are addressed (`IP_VS_CONN_F_BYPASS`).
    Bypass,
    /// A number that has no meaning, though the kernel takes it: 5 to 7.
    Other(u32),
}

impl ForwardingMethod {
    /// The number that the kernel has for it (`IP_VS_CONN_F_*`).
    #[must_use]
    pub const fn number(self) -> u32 {
        match self {
            Self::Masquerading => 0,
            Self::LocalNode => 1,
            Self::Tunneling(_) => 2,
            Self::DirectRouting => 3,
            Self::Bypass => 4,
            Self::Other(number) => number,
        }
    }
}

/// The encapsulation of a tunnel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Tunnel {
    /// IP in IP.
    Ipip,
    /// Generic UDP encapsulation.
    Gue {
        /// The UDP port of the tunnel's far end.
        port: NonZeroU16,
        /// The outer checksum.
        checksum: TunnelChecksum,
    },
    /// Generic routing encapsulation.
    Gre {
        /// The outer checksum.
        checksum: TunnelChecksum,
    },
    /// Anything that this crate has no name for, as the kernel has it: another
    /// type, or GUE and GRE with other flags.
    Other {
        /// `IPVS_DEST_ATTR_TUN_TYPE`
        kind: u8,
        /// `IPVS_DEST_ATTR_TUN_PORT`
        port: u16,
        /// `IPVS_DEST_ATTR_TUN_FLAGS`
        flags: u16,
    },
}

impl Tunnel {
    /// The number that the kernel has for its type (`IP_VS_CONN_F_TUNNEL_TYPE_*`).
    #[must_use]
    pub const fn kind(self) -> u8 {
        match self {
            Self::Ipip => 0,
            Self::Gue { .. } => 1,
            Self::Gre { .. } => 2,
            Self::Other { kind, .. } => kind,
        }
    }
}

/// The outer checksum of a tunnel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TunnelChecksum {
    /// `IP_VS_TUNNEL_ENCAP_FLAG_NOCSUM`
    None,
    /// `IP_VS_TUNNEL_ENCAP_FLAG_CSUM`
    Full,
    /// `IP_VS_TUNNEL_ENCAP_FLAG_REMCSUM`: remote checksum offload.
    Remote,
}

/// The settings of a destination.
///
/// The weight and the thresholds are plain numbers: the kernel judges them when
/// they are set, and what it says of them is shown as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct DestinationSettings {
    /// The way of packets to it.
    pub forwarding_method: ForwardingMethod,
    /// Its share of new connections, 0 to `i32::MAX`; 0 quiesces it.
    pub weight: u32,
    /// Connections at which it takes no new ones; 0 is no limit.
    pub upper_threshold: u32,
    /// Connections below which it takes new ones again; 0 is three quarters
    /// of the upper threshold.
    pub lower_threshold: u32,
}

impl DestinationSettings {
    /// Weight 1 and no thresholds.
    #[must_use]
    pub const fn new(forwarding_method: ForwardingMethod) -> Self {
        Self {
            forwarding_method,
            weight: 1,
            upper_threshold: 0,
            lower_threshold: 0,
        }
    }

    /// NAT, weight 1 and no thresholds.
    ///
    /// ```
    /// use ipvs_client::DestinationSettings;
    ///
    /// let settings = DestinationSettings::masquerading().weight(3).upper_threshold(1000);
    /// assert_eq!((settings.weight, settings.upper_threshold), (3, 1000));
    /// ```
    #[must_use]
    pub const fn masquerading() -> Self {
        Self::new(ForwardingMethod::Masquerading)
    }

    /// Direct routing, weight 1 and no thresholds.
    #[must_use]
    pub const fn direct_routing() -> Self {
        Self::new(ForwardingMethod::DirectRouting)
    }

    /// A tunnel, weight 1 and no thresholds.
    #[must_use]
    pub const fn tunneling(tunnel: Tunnel) -> Self {
        Self::new(ForwardingMethod::Tunneling(tunnel))
    }

    /// Puts another weight in place: the share of new connections, 0 to
    /// `i32::MAX`. 0 quiesces the destination.
    #[must_use]
    pub const fn weight(mut self, weight: u32) -> Self {
        self.weight = weight;
        self
    }

    /// Puts another upper threshold in place, in connections; 0 is no limit.
    #[must_use]
    pub const fn upper_threshold(mut self, connections: u32) -> Self {
        self.upper_threshold = connections;
        self
    }

    /// Puts another lower threshold in place, in connections; 0 is three
    /// quarters of the upper.
    #[must_use]
    pub const fn lower_threshold(mut self, connections: u32) -> Self {
        self.lower_threshold = connections;
        self
    }
}

/// Direct routing and weight 1, as ipvsadm has it when it is not told.
impl Default for DestinationSettings {
    fn default() -> Self {
        Self::direct_routing()
    }
}

/// A destination as the kernel has it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Destination {
    /// The name.
    pub id: DestinationId,
    /// The settings.
    pub settings: DestinationSettings,
    /// Connections of TCP and SCTP that are established or being set up.
    pub active_connections: u32,
    /// Connections in any other state.
    pub inactive_connections: u32,
    /// Clients that persistence keeps here.
    pub persistent_connections: u32,
    /// Its counters, if they were read.
    pub stats: Option<Stats>,
}

impl Destination {
    /// A destination without connections, before its counters are read, for
    /// tests of programs that are given one.
    #[must_use]
    pub const fn new(id: DestinationId, settings: DestinationSettings) -> Self {
        Self {
            id,
            settings,
            active_connections: 0,
            inactive_connections: 0,
            persistent_connections: 0,
            stats: None,
        }
    }

    /// Returns the number of its connections in whatever state, which the kernel compares
    /// with the thresholds.
    #[must_use]
    pub fn present_connections(&self) -> u64 {
        u64::from(self.active_connections) + u64::from(self.inactive_connections)
    }

    /// Returns whether it has as many connections as its upper threshold allows.
    ///
    /// ```
    /// use ipvs_client::{Destination, DestinationId, DestinationSettings};
    ///
    /// let id = DestinationId::new([10, 0, 0, 2], 80);
    /// let settings = DestinationSettings::masquerading().upper_threshold(2);
    /// let mut destination = Destination::new(id, settings);
    /// destination.active_connections = 1;
    /// assert!(!destination.is_full());
    /// destination.inactive_connections = 1;
    /// assert!(destination.is_full());
    /// assert!(!destination.is_usable());
    /// ```
    #[must_use]
    pub fn is_full(&self) -> bool {
        let limit = self.settings.upper_threshold;
        limit > 0 && self.present_connections() >= limit.into()
    }

    /// Returns whether it takes new connections: it is neither quiesced nor full.
    #[must_use]
    pub fn is_usable(&self) -> bool {
        self.settings.weight > 0 && !self.is_full()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The kernel takes connections in whatever state for present ones (include/net/ip_vs.h,
    /// `ip_vs_dest_totalconns`), and an upper threshold of 0 for none.
    #[test]
    fn a_destination_is_usable_with_a_weight_and_less_connections_than_its_threshold() {
        for (weight, upper_threshold, active_connections, inactive_connections, full, usable) in [
            (1, 0, 0, 0, false, true),
            (1, 0, 7, 7, false, true),
            (0, 0, 0, 0, false, false),
            (1, 5, 2, 2, false, true),
            (1, 5, 3, 2, true, false),
            (1, 5, 0, 5, true, false),
            (2, 5, 3, 3, true, false),
            (0, 5, 2, 2, false, false),
            (0, 5, 3, 2, true, false),
        ] {
            let settings = DestinationSettings::masquerading()
                .weight(weight)
                .upper_threshold(upper_threshold);
            let destination = Destination {
                active_connections,
                inactive_connections,
                ..Destination::new(DestinationId::new([10, 0, 0, 2], 80), settings)
            };
            let present = active_connections + inactive_connections;
            assert_eq!(destination.present_connections(), u64::from(present));
            assert_eq!(destination.is_full(), full, "{destination:?}");
            assert_eq!(destination.is_usable(), usable, "{destination:?}");
        }
    }
}
