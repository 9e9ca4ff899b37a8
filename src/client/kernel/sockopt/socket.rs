// SPDX-License-Identifier: MIT

//! The border to the kernel for socket options.

#![expect(
    unsafe_code,
    reason = "rustix has no call for options without a name in it"
)]

use std::{
    io,
    os::fd::{AsRawFd, OwnedFd},
};

use rustix::{
    io::Errno,
    net::{AddressFamily, SocketFlags, SocketType},
};

/// Gets and sets socket options of IPVS (`IP_VS_SO_GET_*`, `IP_VS_SO_SET_*`), which are
/// at the level of IPv4.
#[cfg_attr(
    not(any(test, feature = "test-util")),
    expect(unreachable_pub, reason = "only tests bring another")
)]
pub trait SocketOptions: Send + Sync {
    /// Gets an option. The value tells the kernel what is wanted, and the kernel writes
    /// its answer over it.
    ///
    /// # Errors
    /// The kernel's reason.
    fn get(&mut self, option: i32, value: &mut [u8]) -> Result<(), Errno>;

    /// Sets an option.
    ///
    /// # Errors
    /// The kernel's reason.
    fn set(&mut self, option: i32, value: &[u8]) -> Result<(), Errno>;
}

/// A socket of IPv4. Any is good for the options of IPVS; one of UDP takes no right to
/// open.
pub(crate) struct Ipv4Socket(OwnedFd);

impl Ipv4Socket {
    /// Opens a socket in the network namespace of the calling thread.
    pub(crate) fn open() -> io::Result<Self> {
        let socket = rustix::net::socket_with(
            AddressFamily::INET,
            SocketType::DGRAM,
            SocketFlags::CLOEXEC,
            None,
        )?;
        Ok(Self(socket))
    }
}

impl SocketOptions for Ipv4Socket {
    fn get(&mut self, option: i32, value: &mut [u8]) -> Result<(), Errno> {
        let mut length = to_length(value)?;
        // SAFETY: the kernel writes no more bytes than the length says, and the value
        // has as many; both live until the call returns. Every byte that it may leave
        // unwritten was written before.
        let outcome = unsafe {
            libc::getsockopt(
                self.0.as_raw_fd(),
                libc::SOL_IP,
                option,
                value.as_mut_ptr().cast(),
                &raw mut length,
            )
        };
        check(outcome)
    }

    fn set(&mut self, option: i32, value: &[u8]) -> Result<(), Errno> {
        // SAFETY: the kernel reads as many bytes as the value has, which lives until
        // the call returns.
        let outcome = unsafe {
            libc::setsockopt(
                self.0.as_raw_fd(),
                libc::SOL_IP,
                option,
                value.as_ptr().cast(),
                to_length(value)?,
            )
        };
        check(outcome)
    }
}

/// Returns the length of a value. The kernel's is signed.
fn to_length(value: &[u8]) -> Result<libc::socklen_t, Errno> {
    i32::try_from(value.len())
        .map(i32::cast_unsigned)
        .map_err(|_| Errno::TOOBIG)
}

fn check(outcome: libc::c_int) -> Result<(), Errno> {
    if outcome == 0 {
        Ok(())
    } else {
        let error = io::Error::last_os_error();
        Err(Errno::from_io_error(&error).unwrap_or(Errno::IO))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An option of the same level that every socket has.
    #[test]
    fn an_option_is_what_it_was_set_to_and_an_unknown_one_is_refused() {
        let mut socket = Ipv4Socket::open().unwrap();
        socket.set(libc::IP_TTL, &7_i32.to_ne_bytes()).unwrap();
        let mut value = [0xff; 4];
        socket.get(libc::IP_TTL, &mut value).unwrap();
        assert_eq!(i32::from_ne_bytes(value), 7);
        let unknown = 0x7fff;
        assert_eq!(socket.set(unknown, &value), Err(Errno::NOPROTOOPT));
        assert_eq!(socket.get(unknown, &mut value), Err(Errno::NOPROTOOPT));
    }
}
