// SPDX-License-Identifier: MIT

//! Timeouts of connections.

use std::num::NonZeroU32;

/// The seconds for which connections live without traffic.
///
/// Read, all three are what holds; `None` is of a protocol that the kernel's IPVS
/// was built without. Written, `None` leaves a timeout as it is.
///
/// ```
/// use ipvs_client::Timeouts;
///
/// let longer_tcp = Timeouts::default().tcp(7200);
/// assert_eq!(longer_tcp.udp, None);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Timeouts {
    /// An established TCP connection.
    pub tcp: Option<NonZeroU32>,
    /// A TCP connection after a FIN.
    pub tcp_fin: Option<NonZeroU32>,
    /// A UDP exchange.
    pub udp: Option<NonZeroU32>,
}

impl Timeouts {
    /// Sets the timeout of established TCP connections; 0 leaves it as it is.
    #[must_use]
    pub const fn tcp(mut self, seconds: u32) -> Self {
        self.tcp = NonZeroU32::new(seconds);
        self
    }

    /// Sets the timeout of TCP connections after a FIN; 0 leaves it as it is.
    #[must_use]
    pub const fn tcp_fin(mut self, seconds: u32) -> Self {
        self.tcp_fin = NonZeroU32::new(seconds);
        self
    }

    /// Sets the timeout of UDP exchanges; 0 leaves it as it is.
    #[must_use]
    pub const fn udp(mut self, seconds: u32) -> Self {
        self.udp = NonZeroU32::new(seconds);
        self
    }
}
