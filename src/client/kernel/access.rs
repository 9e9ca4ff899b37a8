// SPDX-License-Identifier: MIT

//! A kernel as one network namespace has it: sockets and files are opened there.

use std::{
    fs::File,
    io::{self, Read, Seek},
    path::Path,
};

use super::{
    namespace::{self, NetworkNamespace},
    netlink::socket::{NetlinkSocket, Transport},
    sockopt::socket::{Ipv4Socket, SocketOptions},
};

/// The files of `/proc/net` in the network namespace of the calling thread.
const FILES: &str = "/proc/thread-self/net";

/// A file of `/proc/net`, or in tests a text.
#[cfg_attr(
    not(any(test, feature = "test-util")),
    expect(unreachable_pub, reason = "only tests bring another")
)]
pub trait ProcFile: Read + Seek + Send {}

impl<F: Read + Seek + Send> ProcFile for F {}

/// Opens what there is to ask a kernel by, in one network namespace.
#[cfg_attr(
    not(any(test, feature = "test-util")),
    expect(unreachable_pub, reason = "only tests bring another")
)]
pub trait Kernel: Send + Sync {
    /// Opens a generic netlink socket.
    fn open_netlink(&self) -> io::Result<Box<dyn Transport>>;

    /// Opens a socket that has the options of IPVS.
    fn open_socket_options(&self) -> io::Result<Box<dyn SocketOptions>>;

    /// Opens a file of `/proc/net` by its name.
    fn open_file(&self, name: &str) -> io::Result<Box<dyn ProcFile>>;

    /// Names the network namespace.
    fn namespace(&self) -> io::Result<NetworkNamespace>;

    /// Keeps others who ask for the same from the table until what is returned is
    /// dropped; `None` where that is not possible.
    fn lock(&self) -> Option<File>;
}

/// The running Linux, from inside a network namespace.
pub(crate) struct Linux {
    /// Or why it cannot be named.
    namespace: io::Result<File>,
}

impl Linux {
    /// Stays in the network namespace of the calling thread.
    pub(crate) fn here() -> Self {
        Self {
            namespace: namespace::open_current(),
        }
    }

    /// Goes into another network namespace for whatever is opened.
    pub(crate) fn inside(namespace: File) -> Self {
        Self {
            namespace: Ok(namespace),
        }
    }

    fn open_namespace(&self) -> io::Result<&File> {
        // The error stays for the next call.
        let copy = |error: &io::Error| match error.raw_os_error() {
            Some(errno) => io::Error::from_raw_os_error(errno),
            None => error.kind().into(),
        };
        self.namespace.as_ref().map_err(copy)
    }

    /// Opens something in the network namespace.
    fn open<T: Send>(&self, open: impl FnOnce() -> io::Result<T> + Send) -> io::Result<T> {
        match self.open_namespace() {
            // Only another namespace takes a thread, and the right to enter it.
            Ok(namespace) if !is_current(namespace)? => namespace::inside(namespace, open),
            Ok(_) => open(),
            // A kernel that was built without network namespaces has no file for the
            // only one.
            Err(error) if error.kind() == io::ErrorKind::NotFound => open(),
            Err(error) => Err(error),
        }
    }
}

fn is_current(namespace: &File) -> io::Result<bool> {
    Ok(NetworkNamespace::of(namespace)? == NetworkNamespace::current()?)
}

impl Kernel for Linux {
    fn open_netlink(&self) -> io::Result<Box<dyn Transport>> {
        Ok(Box::new(self.open(NetlinkSocket::open)?))
    }

    fn open_socket_options(&self) -> io::Result<Box<dyn SocketOptions>> {
        Ok(Box::new(self.open(Ipv4Socket::open)?))
    }

    fn open_file(&self, name: &str) -> io::Result<Box<dyn ProcFile>> {
        let path = Path::new(FILES).join(name);
        Ok(Box::new(self.open(|| File::open(path))?))
    }

    fn namespace(&self) -> io::Result<NetworkNamespace> {
        NetworkNamespace::of(self.open_namespace()?)
    }

    fn lock(&self) -> Option<File> {
        namespace::lock(self.open_namespace().ok()?)
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use rustix::io::Errno;

    use super::*;

    #[test]
    fn what_is_opened_here_needs_no_right() {
        let mut devices = String::new();
        let file = Linux::here().open_file("dev");
        file.unwrap().read_to_string(&mut devices).unwrap();
        assert!(devices.contains("lo:"), "{devices}");
        assert_eq!(
            Linux::here().namespace().unwrap(),
            NetworkNamespace::current().unwrap()
        );
    }

    /// Entering a namespace takes a right, which a caller in it need not have.
    #[test]
    fn what_is_opened_here_is_opened_by_the_thread_that_asks() {
        let opener = Linux::here().open(|| Ok(thread::current().id()));
        assert_eq!(opener.unwrap(), thread::current().id());
    }

    #[test]
    fn a_file_that_is_no_namespace_cannot_be_entered_but_locked() {
        let linux = Linux::inside(File::open("/dev/null").unwrap());
        let error = linux.open_file("dev").err().unwrap();
        assert_eq!(Errno::from_io_error(&error), Some(Errno::INVAL));
        assert!(linux.lock().is_some());
    }

    /// A kernel without network namespaces has no file for one.
    #[test]
    fn where_there_is_no_file_of_a_namespace_there_is_one_namespace() {
        for (reason, outcome) in [
            (io::ErrorKind::NotFound, Ok(7)),
            (
                io::ErrorKind::PermissionDenied,
                Err(io::ErrorKind::PermissionDenied),
            ),
        ] {
            let linux = Linux {
                namespace: Err(reason.into()),
            };
            let opened = linux.open(|| Ok(7)).map_err(|error| error.kind());
            assert_eq!(opened, outcome);
            assert!(linux.lock().is_none());
        }
    }
}
