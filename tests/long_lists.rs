// SPDX-License-Identifier: MIT

//! Lists of a million entries, and lists without an end: what they take of memory.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::{
    fs::{self, File},
    io,
};

use ipvs_client::{
    Client, Consistency, Counters, Errno, NetworkNamespace, ServiceId,
    testing::{FakeKernel, Kernel, ProcFile, SocketOptions, Transport},
};

const MILLION: u32 = 1_000_000;

/// The bytes of a piece of a list, about what Linux makes.
const PIECE: usize = 16 * 1024;

/// A kernel with so many services, each of which has as many destinations; with as many
/// different ones.
#[derive(Clone, Copy)]
struct Table {
    entries: u32,
    different: u32,
}

impl Kernel for Table {
    fn open_netlink(&self) -> io::Result<Box<dyn Transport>> {
        Ok(Box::new(Lists {
            table: *self,
            small: FakeKernel::new().open_netlink()?,
            list: None,
        }))
    }

    fn open_socket_options(&self) -> io::Result<Box<dyn SocketOptions>> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn open_file(&self, _: &str) -> io::Result<Box<dyn ProcFile>> {
        Err(io::ErrorKind::NotFound.into())
    }

    fn namespace(&self) -> io::Result<NetworkNamespace> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn lock(&self) -> Option<File> {
        None
    }
}

/// Makes lists as they are received, so that they take no memory.
struct Lists {
    table: Table,
    /// The kernel that has the number of the family.
    small: Box<dyn Transport>,
    list: Option<List>,
}

struct List {
    sequence: u32,
    /// A message with an entry, and the place of its address.
    entry: Vec<u8>,
    address: usize,
    given: u32,
    is_over: bool,
}

impl Transport for Lists {
    fn send(&mut self, datagram: &[u8]) -> io::Result<()> {
        // After the netlink header: IPVS_CMD_GET_SERVICE, IPVS_CMD_GET_DEST
        let is_lookup = u16::from_ne_bytes([datagram[4], datagram[5]]) == 16;
        if is_lookup {
            return self.small.send(datagram);
        }
        let sequence = u32::from_ne_bytes(datagram[8..12].try_into().unwrap());
        let address = [0xff; 4];
        let entry = describe_entry(datagram[16] == 4, sequence, address);
        let place = entry.windows(4).position(|bytes| bytes == address);
        self.list = Some(List {
            sequence,
            entry,
            address: place.unwrap(),
            given: 0,
            is_over: false,
        });
        Ok(())
    }

    fn receive(&mut self, buffer: &mut Vec<u8>) -> io::Result<usize> {
        let Some(list) = &mut self.list else {
            return self.small.receive(buffer);
        };
        if list.is_over {
            return Err(Errno::AGAIN.into());
        }
        buffer.clear();
        while buffer.len() < PIECE - 512 && list.given < self.table.entries {
            let number = list.given % self.table.different;
            let start = buffer.len() + list.address;
            buffer.extend_from_slice(&list.entry);
            buffer[start..start + 4].copy_from_slice(&number.to_be_bytes());
            list.given += 1;
        }
        if buffer.is_empty() {
            // NLMSG_DONE
            append_message(buffer, 3, list.sequence, &[0; 4]);
            list.is_over = true;
        }
        Ok(buffer.len())
    }
}

fn append_message(datagram: &mut Vec<u8>, kind: u16, sequence: u32, payload: &[u8]) {
    const NLM_F_MULTI: u16 = 2;
    datagram.extend((16 + payload.len() as u32).to_ne_bytes());
    datagram.extend(kind.to_ne_bytes());
    datagram.extend(NLM_F_MULTI.to_ne_bytes());
    datagram.extend(sequence.to_ne_bytes());
    datagram.extend([0; 4]);
    datagram.extend(payload);
}

fn append_attribute(bytes: &mut Vec<u8>, kind: u16, value: &[u8]) {
    bytes.extend((4 + value.len() as u16).to_ne_bytes());
    bytes.extend(kind.to_ne_bytes());
    bytes.extend(value);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
}

/// Makes the message with a service or destination of this address, as Linux describes
/// it.
fn describe_entry(is_service: bool, sequence: u32, address: [u8; 4]) -> Vec<u8> {
    let mut whole = [0; 16];
    whole[..4].copy_from_slice(&address);
    let port = 80_u16.to_be_bytes();
    let mut counters = Vec::new();
    for kind in 1..=10 {
        append_attribute(&mut counters, kind, &7_u64.to_ne_bytes());
    }
    let mut entry = Vec::new();
    let mut add = |kind, value: &[u8]| append_attribute(&mut entry, kind, value);
    if is_service {
        add(1, &2_u16.to_ne_bytes());
        add(2, &6_u16.to_ne_bytes());
        add(3, &whole);
        add(4, &port);
        add(6, b"wlc\0");
        add(7, &[2, 0, 0, 0, 255, 255, 255, 255]);
        add(8, &[0; 4]);
        add(9, &[255; 4]);
    } else {
        add(1, &whole);
        add(2, &port);
        // Method, weight, thresholds and connections.
        for kind in 3..=9 {
            add(kind, &1_u32.to_ne_bytes());
        }
        add(11, &2_u16.to_ne_bytes());
    }
    add(12, &counters);
    // IPVS_CMD_NEW_SERVICE, IPVS_CMD_NEW_DEST, version 1; the entry.
    let (command, place) = if is_service { (1, 1) } else { (5, 2) };
    let mut payload = vec![command, 1, 0, 0];
    append_attribute(&mut payload, place, &entry);
    // The number that the small kernel gives the family.
    let mut message = Vec::new();
    append_message(&mut message, 0x1c, sequence, &payload);
    message
}

/// Returns the most memory that the process has had, in bytes.
fn peak() -> usize {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let number = line.unwrap().trim().strip_suffix(" kB").unwrap();
    number.parse::<usize>().unwrap() * 1024
}

/// Opens a client of a table.
fn client(entries: u32, different: u32) -> Client {
    Client::with_kernel(Table { entries, different }).unwrap()
}

/// Says how much more memory than before the most is, in megabytes.
fn tell(what: &str, before: usize) -> usize {
    let megabytes = (peak() - before) / 1_000_000;
    println!("{what}: {megabytes} MB");
    megabytes
}

fn assert_endless<T: std::fmt::Debug>(outcome: ipvs_client::Result<Vec<T>>, operation: &str) {
    let text = format!("cannot {operation}: the kernel's list does not end");
    match outcome {
        Err(error) => assert_eq!(error.to_string(), text),
        Ok(entries) => panic!("{} entries", entries.len()),
    }
}

/// One after the other, because what a process has had at most never becomes less: the
/// smallest first.
#[test]
fn a_million_entries_fit_and_a_list_without_an_end_takes_no_more() {
    let web = ServiceId::tcp(([192, 0, 2, 1], 80));
    let before = peak();

    // The same 1,000 again and again.
    assert_endless(
        client(u32::MAX, 1000).services(),
        "list the virtual services",
    );
    let repeated = tell("1,000 services again and again", before);
    assert!(repeated < 32, "{repeated} MB");

    // Each entry of a list of a million is there, in its place.
    let expected = |number: u32| ServiceId::tcp((number.to_be_bytes(), 80));
    let services = client(MILLION, MILLION)
        .map_services(Counters::Skip, Consistency::Agreed, drop)
        .unwrap();
    assert!(
        services
            .iter()
            .map(|(id, ())| *id)
            .eq((0..MILLION).map(expected))
    );
    drop(services);
    let names = tell("the names of a million services, agreed", before);
    assert!(names < 128, "{names} MB");

    let services = client(MILLION, MILLION).services().unwrap();
    assert!(
        services
            .iter()
            .map(|service| service.id)
            .eq((0..MILLION).map(expected))
    );
    drop(services);
    let all = tell("a million services", before);
    assert!(all < 400, "{all} MB");

    // All different, and no end.
    assert_endless(
        client(u32::MAX, u32::MAX).destinations(&web),
        "list the destinations of TCP 192.0.2.1:80",
    );
    let endless = tell("destinations without an end", before);
    assert!(endless < 400, "{endless} MB");
}
