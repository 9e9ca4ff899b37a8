// SPDX-License-Identifier: MIT

//! The kernel's cookie of a network namespace, which no other has until the next boot.
//! Its inode number goes to the next namespace that is made when it has ended.

#![expect(unsafe_code, reason = "no safe crate has SO_NETNS_COOKIE")]

use std::{
    mem,
    os::{fd::AsRawFd, unix::net::UnixDatagram},
};

/// Returns the cookie of the network namespace that the calling thread is in; `None`
/// before Linux 5.14, which has none.
pub(super) fn read_cookie() -> Option<u64> {
    let socket = UnixDatagram::unbound().ok()?;
    let mut cookie = 0_u64;
    let mut length = mem::size_of_val(&cookie) as libc::socklen_t;
    // SAFETY: the socket is open, and the kernel writes no more than `length` bytes
    // to `cookie`, which every value of them is valid for.
    let outcome = unsafe {
        libc::getsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_NETNS_COOKIE,
            (&raw mut cookie).cast(),
            &raw mut length,
        )
    };
    (outcome == 0).then_some(cookie)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_namespace_has_the_same_cookie_each_time() {
        assert_eq!(read_cookie(), read_cookie());
    }
}
