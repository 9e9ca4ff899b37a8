// SPDX-License-Identifier: MIT

//! Devices that change packets before the kernel sees them.

#![expect(
    unsafe_code,
    reason = "no safe crate asks a device for its flags but by a runtime of its own"
)]

use std::{
    collections::BTreeSet,
    io, mem,
    os::fd::{AsRawFd as _, OwnedFd},
};

use rustix::net::{AddressFamily, SocketFlags, SocketType, socket_with};

/// The question for the flags of a device, and one of the flags: it puts packets that arrive
/// together (`linux/ethtool.h`). Every user may ask.
const ETHTOOL_GFLAGS: u32 = 0x25;
const ETH_FLAG_LRO: u32 = 1 << 15;

/// `struct ethtool_value` of the same header.
#[repr(C)]
struct EthtoolValue {
    command: u32,
    data: u32,
}

/// Returns those of these interfaces that put packets together when they arrive (large
/// receive offload). An interface that is gone does not.
pub(crate) fn find_large_receive<'a>(
    interfaces: impl IntoIterator<Item = &'a str>,
) -> io::Result<BTreeSet<String>> {
    // Any socket of the network namespace will do.
    let flags = SocketFlags::CLOEXEC;
    let socket = socket_with(AddressFamily::INET, SocketType::DGRAM, flags, None)?;
    let mut found = BTreeSet::new();
    for interface in interfaces {
        if read_flags(&socket, interface)? & ETH_FLAG_LRO != 0 {
            found.insert(interface.to_owned());
        }
    }
    Ok(found)
}

/// Reads the flags of an interface; none of them where it has gone, or has none to tell.
fn read_flags(socket: &OwnedFd, interface: &str) -> io::Result<u32> {
    let mut value = EthtoolValue {
        command: ETHTOOL_GFLAGS,
        data: 0,
    };
    // SAFETY: the structure is plain numbers, bytes and pointers, for which zero is valid.
    let mut request: libc::ifreq = unsafe { mem::zeroed() };
    let (last, name) = match request.ifr_name.split_last_mut() {
        Some(split) => split,
        None => return Ok(0),
    };
    *last = 0;
    for (to, from) in name.iter_mut().zip(interface.bytes()) {
        // A character of C has a sign on some processors only.
        *to = libc::c_char::from_ne_bytes([from]);
    }
    request.ifr_ifru.ifru_data = (&raw mut value).cast();
    // Each C library has a type of its own for the number of a question.
    let question = libc::SIOCETHTOOL as libc::Ioctl;
    // SAFETY: the socket is open, the request is a structure ifreq, and the question reads
    // and writes the structure that it points to, which lives until the call has ended.
    let outcome = unsafe { libc::ioctl(socket.as_raw_fd(), question, &raw mut request) };
    if outcome == 0 {
        return Ok(value.data);
    }
    let error = io::Error::last_os_error();
    match error.raw_os_error() {
        Some(libc::ENODEV | libc::EOPNOTSUPP) => Ok(0),
        _ => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interface_that_is_not_there_puts_nothing_together() {
        let found = find_large_receive(["no-such-one", "a-name-that-is-too-long"]).unwrap();
        assert_eq!(found, BTreeSet::new());
    }
}
