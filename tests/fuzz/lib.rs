// SPDX-License-Identifier: MIT

//! A kernel that says whatever the input of a target says.

use std::fs::File;
use std::io::{self, Cursor};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ipvs_client::testing::{Kernel, ProcFile, SocketOptions, Transport};
use ipvs_client::{Client, DaemonRole, Errno, Interface, NetworkNamespace, ServiceId};

/// Errors that a system call gives; the input chooses one.
const ERRORS: [Errno; 8] = [
    Errno::AGAIN,
    Errno::INTR,
    Errno::NOBUFS,
    Errno::NOENT,
    Errno::PERM,
    Errno::INVAL,
    Errno::NOMEM,
    Errno::SRCH,
];
/// Number of the family in the answers.
const FAMILY: u16 = 0x1c;
/// Types of messages: of the family, an error, the end of a dump, of the controller, and
/// what the family never sends.
const TYPES: [u16; 6] = [FAMILY, 2, 3, 16, 4, 0x1d];

/// A kernel whose answers and files are made of the input, each of the bytes behind the
/// last. When none are left, no answer comes and files are empty.
#[derive(Clone, Debug)]
pub struct InputKernel(Arc<Mutex<Unread>>);

/// The rest of the input.
#[derive(Debug)]
struct Unread(Vec<u8>);

impl Unread {
    fn take(&mut self, length: usize) -> Vec<u8> {
        let length = length.min(self.0.len());
        self.0.drain(..length).collect()
    }

    fn byte(&mut self) -> Option<u8> {
        self.take(1).first().copied()
    }

    fn number(&mut self) -> Option<u16> {
        Some(u16::from_le_bytes([self.byte()?, self.byte()?]))
    }

    fn error(&mut self) -> Errno {
        let chosen = usize::from(self.byte().unwrap_or_default()) % ERRORS.len();
        ERRORS[chosen]
    }
}

impl InputKernel {
    /// Makes a kernel of the input.
    pub fn new(input: &[u8]) -> Self {
        Self(Arc::new(Mutex::new(Unread(input.to_vec()))))
    }

    /// Opens a client over an interface, if the kernel lets it.
    pub fn client(&self, interface: Interface) -> Option<Client> {
        match interface {
            Interface::SocketOptions => Client::with_kernel(OnlyOptions(self.clone())).ok(),
            _ => Client::with_kernel(self.clone()).ok(),
        }
    }

    fn unread(&self) -> MutexGuard<'_, Unread> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kernel for InputKernel {
    fn open_netlink(&self) -> io::Result<Box<dyn Transport>> {
        Ok(Box::new(Answers {
            kernel: self.clone(),
            sequence: 0,
            is_found: false,
        }))
    }

    fn open_socket_options(&self) -> io::Result<Box<dyn SocketOptions>> {
        Ok(Box::new(Options(self.clone())))
    }

    fn open_file(&self, _: &str) -> io::Result<Box<dyn ProcFile>> {
        let all = self.unread().take(usize::MAX);
        Ok(Box::new(Cursor::new(all)))
    }

    fn namespace(&self) -> io::Result<NetworkNamespace> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn lock(&self) -> Option<File> {
        None
    }
}

/// The same kernel where netlink is refused.
struct OnlyOptions(InputKernel);

impl Kernel for OnlyOptions {
    fn open_netlink(&self) -> io::Result<Box<dyn Transport>> {
        Ok(Box::new(Refusal(0)))
    }

    fn open_socket_options(&self) -> io::Result<Box<dyn SocketOptions>> {
        self.0.open_socket_options()
    }

    fn open_file(&self, name: &str) -> io::Result<Box<dyn ProcFile>> {
        self.0.open_file(name)
    }

    fn namespace(&self) -> io::Result<NetworkNamespace> {
        self.0.namespace()
    }

    fn lock(&self) -> Option<File> {
        None
    }
}

/// Netlink that finds the family and lets nobody use it.
struct Refusal(u32);

impl Transport for Refusal {
    fn send(&mut self, datagram: &[u8]) -> io::Result<()> {
        self.0 = last_sequence(datagram);
        Ok(())
    }

    fn receive(&mut self, buffer: &mut Vec<u8>) -> io::Result<usize> {
        // The first request asks for the family, with two answers.
        let answer = match self.0 {
            1 => family(),
            _ => error(Errno::PERM),
        };
        fill(buffer, &acknowledge(answer, self.0))
    }
}

/// Answers of netlink that come out of the input.
#[derive(Debug)]
struct Answers {
    kernel: InputKernel,
    /// Number of the last request.
    sequence: u32,
    /// The family has been asked for, which comes first, and found.
    is_found: bool,
}

impl Transport for Answers {
    fn send(&mut self, datagram: &[u8]) -> io::Result<()> {
        self.sequence = last_sequence(datagram);
        Ok(())
    }

    /// Receives the next datagram. Its first byte is the number of messages, or says that
    /// the system call fails. Each message has a byte for its type, one for its flags, one
    /// for its sequence number, one that changes the length in its header, two for its own
    /// length, and its payload.
    fn receive(&mut self, buffer: &mut Vec<u8>) -> io::Result<usize> {
        if !self.is_found {
            self.is_found = true;
            return fill(buffer, &acknowledge(family(), self.sequence));
        }
        let mut datagram = Vec::new();
        let mut unread = self.kernel.unread();
        let count = match unread.byte() {
            None => return Err(Errno::AGAIN.into()),
            Some(0..32) => return Err(unread.error().into()),
            Some(more) => more % 4,
        };
        for _ in 0..=count {
            let kind = TYPES[usize::from(unread.byte().unwrap_or_default()) % TYPES.len()];
            let flags = u16::from(unread.byte().unwrap_or_default());
            // Most are for the request.
            let back = match unread.byte().unwrap_or_default() {
                back @ 0..16 => u32::from(back),
                _ => 0,
            };
            let claim = unread.byte().unwrap_or_default();
            let length = usize::from(unread.number().unwrap_or_default() % 2048);
            let payload = unread.take(length);
            let start = datagram.len();
            append_message(
                &mut datagram,
                kind,
                flags,
                self.sequence.wrapping_sub(back),
                &payload,
            );
            if claim < 16
                && let Some(first) = datagram.get_mut(start)
            {
                *first = first.wrapping_add(claim);
            }
        }
        fill(buffer, &datagram)
    }
}

/// Socket options whose values come out of the input.
#[derive(Debug)]
struct Options(InputKernel);

impl SocketOptions for Options {
    fn get(&mut self, _: i32, value: &mut [u8]) -> Result<(), Errno> {
        let mut unread = self.0.unread();
        if unread.byte().is_none_or(|chosen| chosen < 16) {
            return Err(unread.error());
        }
        let bytes = unread.take(value.len());
        for (place, byte) in value.iter_mut().zip(bytes) {
            *place = byte;
        }
        Ok(())
    }

    fn set(&mut self, _: i32, _: &[u8]) -> Result<(), Errno> {
        let mut unread = self.0.unread();
        match unread.byte() {
            Some(16..) => Ok(()),
            _ => Err(unread.error()),
        }
    }
}

/// Returns the sequence number of the last request of a datagram.
fn last_sequence(mut datagram: &[u8]) -> u32 {
    let number = |bytes: &[u8], at: usize| {
        let bytes = bytes
            .get(at..at + 4)
            .and_then(|bytes| bytes.try_into().ok());
        u32::from_ne_bytes(bytes.unwrap_or_default())
    };
    let mut sequence = 0;
    while datagram.len() >= 16 {
        sequence = number(datagram, 8);
        let length = (number(datagram, 0) as usize).max(16);
        datagram = datagram.get(length..).unwrap_or_default();
    }
    sequence
}

fn append_message(datagram: &mut Vec<u8>, kind: u16, flags: u16, sequence: u32, payload: &[u8]) {
    let length = (16 + payload.len()) as u32;
    datagram.extend(length.to_ne_bytes());
    datagram.extend(kind.to_ne_bytes());
    datagram.extend(flags.to_ne_bytes());
    datagram.extend(sequence.to_ne_bytes());
    datagram.extend([0; 4]);
    datagram.extend(payload);
    datagram.resize(datagram.len().next_multiple_of(4), 0);
}

/// Makes a datagram of an answer, its type and its payload, and the acknowledgement.
fn acknowledge((kind, payload): (u16, Vec<u8>), sequence: u32) -> Vec<u8> {
    let mut datagram = Vec::new();
    append_message(&mut datagram, kind, 0, sequence, &payload);
    append_message(&mut datagram, 2, 0, sequence, &[0; 20]);
    datagram
}

/// Type and payload of the answer that names the family.
fn family() -> (u16, Vec<u8>) {
    // CTRL_CMD_NEWFAMILY, version 2; CTRL_ATTR_FAMILY_ID (1), CTRL_ATTR_FAMILY_NAME (2).
    let mut payload = vec![1, 2, 0, 0];
    for (number, value) in [
        (1_u16, FAMILY.to_ne_bytes().to_vec()),
        (2, b"IPVS\0".to_vec()),
    ] {
        payload.extend((value.len() as u16 + 4).to_ne_bytes());
        payload.extend(number.to_ne_bytes());
        payload.extend(value);
        payload.resize(payload.len().next_multiple_of(4), 0);
    }
    (16, payload)
}

/// Type and payload of a refusal.
fn error(errno: Errno) -> (u16, Vec<u8>) {
    let mut payload = (-errno.raw_os_error()).to_ne_bytes().to_vec();
    payload.extend([0; 16]);
    (2, payload)
}

/// Hands a datagram out as far as there is room, as the kernel does.
fn fill(buffer: &mut Vec<u8>, datagram: &[u8]) -> io::Result<usize> {
    let fits = datagram.len().min(buffer.capacity());
    buffer.clear();
    buffer.extend_from_slice(&datagram[..fits]);
    Ok(datagram.len())
}

/// Asks a client everything that reads, and for a change of each kind. Whatever a kernel
/// answers ends in a value or in an error.
pub fn ask_everything(client: &mut Client) {
    let web = ServiceId::tcp(([192, 0, 2, 1], 80));
    let _ = client.info();
    if let Ok(services) = client.services() {
        for service in services.iter().take(4) {
            let _ = format!("{} {:?}", service.id, serde_json::to_string(service));
            for destination in client.destinations(&service.id).unwrap_or_default() {
                let _ = format!(
                    "{} {:?}",
                    destination.id,
                    serde_json::to_string(&destination)
                );
            }
        }
    }
    let _ = client.agreed_services();
    let _ = client.service(&web);
    let _ = client.destinations(&web);
    let _ = client.agreed_destinations(&web);
    let _ = client.timeouts();
    if let Ok(daemons) = client.daemons() {
        let _ = serde_json::to_string(&daemons);
    }
    let _ = client.zero_all();
    let _ = client.delete_service(&web);
    let _ = client.stop_daemon(DaemonRole::Backup);
}
