// SPDX-License-Identifier: MIT

//! The interfaces of the kernel that show the table, or change it.

use std::fmt;

/// An interface of the kernel's IPVS.
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Interface {
    /// Generic netlink: all that IPVS can do. It takes `CAP_NET_ADMIN` in the first
    /// user namespace.
    #[default]
    #[cfg_attr(feature = "serde", serde(rename = "netlink"))]
    Netlink,
    /// Socket options (`IP_VS_SO_GET_*`, `IP_VS_SO_SET_*`): IPv4 only, and what there
    /// was of IPVS before netlink. They take `CAP_NET_ADMIN` in the user namespace
    /// that owns the network namespace.
    #[cfg_attr(feature = "serde", serde(rename = "sockopt"))]
    SocketOptions,
    /// The files of `/proc/net`, which everybody may read.
    #[cfg_attr(feature = "serde", serde(rename = "proc"))]
    Proc,
}

impl Interface {
    /// Returns the name that `ipvsadm --interface` and the JSON have for it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Netlink => "netlink",
            Self::SocketOptions => "sockopt",
            Self::Proc => "proc",
        }
    }
}

/// `netlink`, `sockopt` or `proc`.
impl fmt::Display for Interface {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::Interface;

    #[test]
    fn an_interface_reads_as_its_option_is_written() {
        let names = [
            Interface::Netlink,
            Interface::SocketOptions,
            Interface::Proc,
        ]
        .map(|it| it.to_string());
        assert_eq!(names, ["netlink", "sockopt", "proc"]);
    }
}
