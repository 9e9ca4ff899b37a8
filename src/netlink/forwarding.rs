// SPDX-License-Identifier: MIT

//! The ways in which packets reach a destination: forwarding methods and
//! tunnels.

use bitflags::bitflags;

const IP_VS_CONN_F_FWD_MASK: u32 = 0x0007;
const IP_VS_CONN_F_MASQ: u32 = 0;
const IP_VS_CONN_F_LOCALNODE: u32 = 1;
const IP_VS_CONN_F_TUNNEL: u32 = 2;
const IP_VS_CONN_F_DROUTE: u32 = 3;
const IP_VS_CONN_F_BYPASS: u32 = 4;

const IP_VS_CONN_F_TUNNEL_TYPE_IPIP: u8 = 0;
const IP_VS_CONN_F_TUNNEL_TYPE_GUE: u8 = 1;
const IP_VS_CONN_F_TUNNEL_TYPE_GRE: u8 = 2;

const IP_VS_TUNNEL_ENCAP_FLAG_CSUM: u16 = 1;
const IP_VS_TUNNEL_ENCAP_FLAG_REMCSUM: u16 = 2;

/// A forwarding method (`IP_VS_CONN_F_*`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ForwardingMethod {
    /// Masquerading, which rewrites addresses (`IP_VS_CONN_F_MASQ`).
    Masquerading,
    /// The director itself is the server (`IP_VS_CONN_F_LOCALNODE`).
    LocalNode,
    /// Tunneling: packets travel encapsulated (`IP_VS_CONN_F_TUNNEL`).
    Tunneling,
    /// Direct routing: packets get a new link-layer address
    /// (`IP_VS_CONN_F_DROUTE`).
    DirectRouting,
    /// Packets go on to the address that they already have
    /// (`IP_VS_CONN_F_BYPASS`).
    Bypass,
    /// A number that this crate has no name for.
    Other(u32),
}

impl ForwardingMethod {
    /// Returns the method that the kernel makes of this number: it looks at the
    /// bits of `IP_VS_CONN_F_FWD_MASK` and at no others.
    #[must_use]
    pub fn masked(self) -> Self {
        (u32::from(self) & IP_VS_CONN_F_FWD_MASK).into()
    }
}

impl From<u32> for ForwardingMethod {
    fn from(number: u32) -> Self {
        match number {
            IP_VS_CONN_F_MASQ => Self::Masquerading,
            IP_VS_CONN_F_LOCALNODE => Self::LocalNode,
            IP_VS_CONN_F_TUNNEL => Self::Tunneling,
            IP_VS_CONN_F_DROUTE => Self::DirectRouting,
            IP_VS_CONN_F_BYPASS => Self::Bypass,
            number => Self::Other(number),
        }
    }
}

impl From<ForwardingMethod> for u32 {
    fn from(method: ForwardingMethod) -> Self {
        match method {
            ForwardingMethod::Masquerading => IP_VS_CONN_F_MASQ,
            ForwardingMethod::LocalNode => IP_VS_CONN_F_LOCALNODE,
            ForwardingMethod::Tunneling => IP_VS_CONN_F_TUNNEL,
            ForwardingMethod::DirectRouting => IP_VS_CONN_F_DROUTE,
            ForwardingMethod::Bypass => IP_VS_CONN_F_BYPASS,
            ForwardingMethod::Other(number) => number,
        }
    }
}

/// The encapsulation of a tunnel (`IP_VS_CONN_F_TUNNEL_TYPE_*`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TunnelType {
    /// IP in IP (`IP_VS_CONN_F_TUNNEL_TYPE_IPIP`).
    Ipip,
    /// Generic UDP encapsulation, which needs a tunnel port
    /// (`IP_VS_CONN_F_TUNNEL_TYPE_GUE`). Since Linux 5.2.
    Gue,
    /// Generic routing encapsulation (`IP_VS_CONN_F_TUNNEL_TYPE_GRE`). Since
    /// Linux 5.3.
    Gre,
    /// A number that this crate has no name for.
    Other(u8),
}

impl From<u8> for TunnelType {
    fn from(number: u8) -> Self {
        match number {
            IP_VS_CONN_F_TUNNEL_TYPE_IPIP => Self::Ipip,
            IP_VS_CONN_F_TUNNEL_TYPE_GUE => Self::Gue,
            IP_VS_CONN_F_TUNNEL_TYPE_GRE => Self::Gre,
            number => Self::Other(number),
        }
    }
}

impl From<TunnelType> for u8 {
    fn from(tunnel_type: TunnelType) -> Self {
        match tunnel_type {
            TunnelType::Ipip => IP_VS_CONN_F_TUNNEL_TYPE_IPIP,
            TunnelType::Gue => IP_VS_CONN_F_TUNNEL_TYPE_GUE,
            TunnelType::Gre => IP_VS_CONN_F_TUNNEL_TYPE_GRE,
            TunnelType::Other(number) => number,
        }
    }
}

bitflags! {
    /// Flags of a tunnel (`IP_VS_TUNNEL_ENCAP_FLAG_*`). None set means no
    /// checksum (`IP_VS_TUNNEL_ENCAP_FLAG_NOCSUM`). Bits without a name are
    /// kept.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
    pub struct TunnelFlags: u16 {
        /// A checksum of the outer header.
        const CHECKSUM = IP_VS_TUNNEL_ENCAP_FLAG_CSUM;
        /// Remote checksum offload.
        const REMOTE_CHECKSUM = IP_VS_TUNNEL_ENCAP_FLAG_REMCSUM;
        const _ = !0;
    }
}
