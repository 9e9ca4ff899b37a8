// SPDX-License-Identifier: MIT

//! Opening a client: here or in another network namespace, over the interface that lets
//! the caller in or one of the caller's choice.

use std::os::fd::{AsFd, OwnedFd};

use crate::{
    Client, Interface, Result,
    client::not_open,
    kernel::{access::Linux, netlink::family},
};

impl Client {
    /// Opens a socket and finds IPVS, which makes the kernel load its module
    /// if it can. If it cannot, the program named in
    /// `/proc/sys/kernel/modprobe` is asked to, and then `/sbin/modprobe`.
    ///
    /// The client uses generic netlink. When that refuses its first operation because
    /// the caller is not root in the first user namespace, but the socket options of
    /// IPVS let it in, it uses those from then on, as far as they go:
    /// [`interface`](Self::interface) tells. [`OpenOptions`] can rule that out.
    ///
    /// # Errors
    /// [`Error::Unavailable`](crate::Error::Unavailable) when the kernel has no IPVS after all that.
    pub fn open() -> Result<Self> {
        OpenOptions::new().open()
    }

    /// Opens a client of another network namespace: one of those in `/run/netns`,
    /// which `ip netns` makes, or that of a process, `/proc/PID/ns/net`;
    /// [`NamespaceReference`](crate::NamespaceReference) finds them by the words of a
    /// person. The calling thread stays where it is. Otherwise as [`open`](Self::open).
    ///
    /// ```
    /// use std::fs::File;
    ///
    /// use ipvs_client::{Client, NetworkNamespace};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let namespace = File::open("/proc/self/ns/net")?;
    /// let client = Client::open_in(&namespace)?;
    /// assert_eq!(client.namespace()?, NetworkNamespace::of(&namespace)?);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::Io`](crate::Error::Io) when the namespace cannot be entered, which
    /// takes `CAP_SYS_ADMIN`, or the file is none; those of [`open`](Self::open).
    pub fn open_in(namespace: impl AsFd) -> Result<Self> {
        OpenOptions::new().namespace(namespace)?.open()
    }
}

/// The ways in which a client can be opened.
///
/// ```
/// use std::fs::File;
///
/// use ipvs_client::{Interface, OpenOptions};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let namespace = File::open("/proc/self/ns/net")?;
/// let client = OpenOptions::new()
///     .namespace(&namespace)?
///     .interface(Interface::SocketOptions)
///     .open()?;
/// assert_eq!(client.interface(), Interface::SocketOptions);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Default)]
pub struct OpenOptions {
    namespace: Option<OwnedFd>,
    interface: Option<Interface>,
}

impl OpenOptions {
    /// The namespace of the calling thread, over whichever interface lets the caller
    /// in: what [`Client::open`] does.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Opens the client in another network namespace: one of those in `/run/netns`,
    /// which `ip netns` makes, or that of a process, `/proc/PID/ns/net`. The calling
    /// thread stays where it is.
    ///
    /// # Errors
    /// [`Error::Io`](crate::Error::Io) when the process has too many open files.
    pub fn namespace(mut self, namespace: impl AsFd) -> Result<Self> {
        let namespace = namespace.as_fd().try_clone_to_owned();
        self.namespace = Some(namespace.map_err(not_open)?);
        Ok(self)
    }

    /// Uses this interface, and no other when it does not let the caller in.
    #[must_use]
    pub fn interface(mut self, interface: Interface) -> Self {
        self.interface = Some(interface);
        self
    }

    /// Opens the client.
    ///
    /// # Errors
    /// [`Error::Unavailable`](crate::Error::Unavailable) when the kernel has no IPVS.
    /// [`Error::Io`](crate::Error::Io) when the namespace cannot be entered, which
    /// takes `CAP_SYS_ADMIN`, or is none.
    pub fn open(self) -> Result<Client> {
        let kernel = match self.namespace {
            Some(namespace) => Linux::inside(namespace.into()),
            None => Linux::here(),
        };
        Client::over(Box::new(kernel), self.interface, family::load_module())
    }
}
