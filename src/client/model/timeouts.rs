// SPDX-License-Identifier: MIT

//! How long connections live without traffic.

/// How long connections live without traffic, in seconds.
///
/// Read, all three are what holds. Written, 0 leaves a timeout as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// An established TCP connection.
    pub tcp: u32,
    /// A TCP connection after a FIN.
    pub tcp_fin: u32,
    /// A UDP exchange.
    pub udp: u32,
}
