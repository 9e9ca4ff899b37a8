// SPDX-License-Identifier: MIT

//! The table of virtual services and destinations, from `/proc/net/ip_vs`.

use std::{
    fmt,
    io::{self, BufRead, BufReader, Read},
    net::{IpAddr, Ipv4Addr, SocketAddr},
    num::NonZeroU32,
};

use crate::{
    AddressFamily, DestinationId, Error, Info, Netmask, Operation, Protocol, Result, ServiceId,
    Version,
};

/// The name of the file.
pub(crate) const FILE: &str = "ip_vs";

/// Size of the read buffer. The kernel fills a page of it, and more only for a service
/// whose destinations do not fit one.
pub(crate) const BUFFER: usize = 64 * 1024;

/// Bytes of a line that are read at most. The longest that the kernel writes, of a
/// destination with an IPv6 address, has less than half of them.
const LONGEST_LINE: u64 = 256;

/// The table as everyone may read it, from `/proc/net/ip_vs`:
/// [`Client::table_file`](crate::Client::table_file) opens it.
///
/// The file says less than the kernel's answers do: it has no counters, thresholds,
/// flags for schedulers, persistence engines, kinds of tunnels, and no address family
/// of a firewall mark. Its types have what it says and nothing else.
///
/// One line is in memory at a time. The kernel writes the file a page at a time while
/// it is read, a virtual service with all its destinations in one piece. After each
/// page it finds its place again by counting services: when some are added or removed
/// meanwhile, or other network namespaces have services of their own, some can be
/// missing or come twice. The destinations of a service are those that it had at one
/// time.
pub struct TableFile<R = BufReader<Box<dyn Read + Send>>> {
    reader: R,
    line: Vec<u8>,
    info: Info,
}

/// A line of the table: a virtual service, or a destination of the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TableEntry<'a> {
    /// A virtual service.
    Service(TableService<'a>),
    /// A destination of the last virtual service.
    Destination(TableDestination),
}

/// A virtual service, as the file has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TableService<'a> {
    /// The packets that it takes.
    pub name: TableServiceName,
    /// The name of the scheduler; `none` is none.
    pub scheduler: &'a str,
    /// Schedules each UDP datagram on its own; `None` with an IPv6 address, where the
    /// file does not say it.
    pub one_packet: Option<bool>,
    /// Lets clients stay with their destination, if there is one.
    pub persistence: Option<TablePersistence>,
}

/// The name of a virtual service, as the file has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TableServiceName {
    /// A protocol, an address and a port.
    Address {
        /// The protocol.
        protocol: Protocol,
        /// The virtual address.
        address: IpAddr,
        /// The port.
        port: u16,
    },
    /// A firewall mark, of either address family.
    Fwmark(NonZeroU32),
}

/// The persistence of a virtual service, as the file has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct TablePersistence {
    /// The time after a client's last connection until it is forgotten, in ticks of
    /// the kernel's clock, of which [`ticks_per_second`] tells the length.
    pub ticks: u32,
    /// The mask of the clients' addresses, in a form that depends on their family.
    mask: u32,
}

/// A destination, as the file has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct TableDestination {
    /// The name.
    pub id: DestinationId,
    /// The word for its forwarding method.
    pub forwarding_method: ForwardingWord,
    /// Its share of new connections; 0 quiesces it.
    pub weight: u32,
    /// Connections of TCP and SCTP that are established or being set up.
    pub active_connections: u32,
    /// Connections in any other state.
    pub inactive_connections: u32,
}

/// A word of the kernel for a way of packets to a destination.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ForwardingWord {
    /// `Masq`: NAT. The kernel also says so for the numbers from 4 on, which no
    /// program for IPVS sets.
    Masquerading,
    /// `Local`: the director itself is the server.
    LocalNode,
    /// `Tunnel`: a tunnel of any kind.
    Tunneling,
    /// `Route`: direct routing.
    DirectRouting,
}

impl TableServiceName {
    /// Returns whether this may be the name of that service: a mark may belong to
    /// either address family.
    ///
    /// ```
    /// use ipvs_client::{AddressFamily, ServiceId, TableServiceName};
    ///
    /// let five = 5.try_into()?;
    /// let name = TableServiceName::Fwmark(five);
    /// assert!(name.may_name(&ServiceId::fwmark(five, AddressFamily::Ipv4)));
    /// assert!(name.may_name(&ServiceId::fwmark(five, AddressFamily::Ipv6)));
    /// assert!(!name.may_name(&ServiceId::tcp(([192, 0, 2, 1], 5))));
    /// # Ok::<(), std::num::TryFromIntError>(())
    /// ```
    #[must_use]
    pub fn may_name(&self, service: &ServiceId) -> bool {
        self.in_family(service.family()) == *service
    }

    /// Names the service in full: a mark, of which the file does not tell the address
    /// family, is that of the given one.
    #[must_use]
    pub const fn in_family(self, family: AddressFamily) -> ServiceId {
        match self {
            Self::Address {
                protocol,
                address,
                port,
            } => ServiceId::Address {
                protocol,
                address,
                port,
            },
            Self::Fwmark(mark) => ServiceId::Fwmark { mark, family },
        }
    }
}

impl TablePersistence {
    /// The mask of clients whose addresses have this family.
    #[must_use]
    pub const fn netmask(&self, family: AddressFamily) -> Netmask {
        match family {
            AddressFamily::Ipv4 => Netmask::Ipv4(Ipv4Addr::from_bits(self.mask)),
            // The kernel takes the length of the prefix for an address in the order of
            // the network.
            AddressFamily::Ipv6 => Netmask::Ipv6(u32::from_be(self.mask)),
        }
    }
}

impl<R> fmt::Debug for TableFile<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TableFile")
            .field("info", &self.info)
            .finish_non_exhaustive()
    }
}

impl<R: BufRead> TableFile<R> {
    /// Reads a table in the form of `/proc/net/ip_vs`, headings first.
    ///
    /// # Errors
    /// [`Error::Io`] when it cannot be read or begins with another line.
    pub fn new(reader: R) -> Result<Self> {
        let mut file = Self {
            reader,
            line: Vec::new(),
            info: Info::new(Version(0), 0),
        };
        file.read_line()?;
        file.info = parse_info(&file.line).ok_or_else(|| file.unknown_line())?;
        // Two lines of headings.
        file.read_line()?;
        file.read_line()?;
        Ok(file)
    }

    /// The version of IPVS and the size of its connection table.
    #[must_use]
    pub const fn info(&self) -> Info {
        self.info
    }

    /// The next virtual service or destination, or `None` after the last.
    ///
    /// # Errors
    /// [`Error::Io`] when the file cannot be read or has a line of another form.
    pub fn next_entry(&mut self) -> Result<Option<TableEntry<'_>>> {
        if self.read_line()? == 0 {
            return Ok(None);
        }
        match parse_entry(&self.line) {
            Some(entry) => Ok(Some(entry)),
            None => Err(unknown_line(&self.line)),
        }
    }

    /// Reads the next line, or as much of it as the longest has, in the place of the
    /// last. Returns its length.
    fn read_line(&mut self) -> Result<usize> {
        self.line.clear();
        let mut reader = (&mut self.reader).take(LONGEST_LINE);
        reader.read_until(b'\n', &mut self.line).map_err(failed)
    }

    fn unknown_line(&self) -> Error {
        unknown_line(&self.line)
    }
}

/// The number of the kernel's ticks in a second, by which the file measures
/// [times](TablePersistence::ticks).
#[must_use]
pub fn ticks_per_second() -> NonZeroU32 {
    // The coarse clocks go forward by one at each tick.
    let resolution = rustix::time::clock_getres(rustix::time::ClockId::MonotonicCoarse);
    ticks_of(u32::try_from(resolution.tv_nsec).unwrap_or(u32::MAX))
}

/// The number of ticks in a second when one takes so many nanoseconds: the kernel rounds
/// that to the nearest (`TICK_NSEC` in linux/jiffies.h).
fn ticks_of(nanoseconds: u32) -> NonZeroU32 {
    let ticks = 1_000_000_000_u32
        .saturating_add(nanoseconds / 2)
        .checked_div(nanoseconds);
    ticks.and_then(NonZeroU32::new).unwrap_or(NonZeroU32::MIN)
}

pub(crate) fn failed(reason: io::Error) -> Error {
    Error::Io {
        operation: Operation::ReadTableFile,
        reason,
    }
}

fn unknown_line(line: &[u8]) -> Error {
    failed(super::unknown_line(FILE, line))
}

/// `IP Virtual Server version 1.2.1 (size=4096)`
fn parse_info(line: &[u8]) -> Option<Info> {
    let rest = line.strip_prefix(b"IP Virtual Server version ")?;
    let (version, size) = split_once(rest, b' ')?;
    let mut numbers = version.split(|byte| *byte == b'.');
    let mut number = 0;
    for _ in 0..3 {
        let part: u8 = decimal(numbers.next()?)?;
        number = number << 8 | u32::from(part);
    }
    if numbers.next().is_some() {
        return None;
    }
    let size = size.strip_prefix(b"(size=")?.strip_suffix(b")\n")?;
    Some(Info::new(Version(number), signed(size)?))
}

fn parse_entry(line: &[u8]) -> Option<TableEntry<'_>> {
    let line = line.strip_suffix(b"\n")?;
    Some(match line.strip_prefix(b"  -> ") {
        Some(destination) => TableEntry::Destination(parse_destination(destination)?),
        None => TableEntry::Service(parse_service(line)?),
    })
}

fn parse_service(line: &[u8]) -> Option<TableService<'_>> {
    let (kind, rest) = split_once(line, b' ')?;
    let rest = rest.strip_prefix(b" ")?;
    let (name, mut rest) = split_once(rest, b' ')?;
    let (name, one_packet) = if kind == b"FWM" {
        let mark = NonZeroU32::new(hexadecimal(name, 8)?)?;
        (TableServiceName::Fwmark(mark), Some(false))
    } else {
        let DestinationId { address, port } = parse_endpoint(name)?;
        let name = TableServiceName::Address {
            protocol: parse_protocol(kind)?,
            address,
            port,
        };
        (name, address.is_ipv4().then_some(false))
    };
    let mut service = TableService {
        name,
        scheduler: std::str::from_utf8(take_word(&mut rest)?).ok()?,
        one_packet,
        persistence: None,
    };
    let mut word = take_word(&mut rest);
    if word == Some(b"ops") {
        service.one_packet = Some(true);
        word = take_word(&mut rest);
    }
    if word == Some(b"persistent") {
        service.persistence = Some(TablePersistence {
            ticks: signed(take_word(&mut rest)?)?,
            mask: hexadecimal(take_word(&mut rest)?, 8)?,
        });
        word = take_word(&mut rest);
    }
    word.is_none().then_some(service)
}

fn parse_protocol(word: &[u8]) -> Option<Protocol> {
    Some(match word {
        b"TCP" => Protocol::Tcp,
        b"UDP" => Protocol::Udp,
        b"SCTP" => Protocol::Sctp,
        b"IP" => Protocol::Other(0),
        b"ICMP" => Protocol::Other(1),
        b"ICMPv6" => Protocol::Other(58),
        other => Protocol::from(decimal::<u16>(other.strip_prefix(b"IP_")?)?),
    })
}

fn parse_destination(mut line: &[u8]) -> Option<TableDestination> {
    let destination = TableDestination {
        id: parse_endpoint(take_word(&mut line)?)?,
        forwarding_method: match take_word(&mut line)? {
            b"Masq" => ForwardingWord::Masquerading,
            b"Local" => ForwardingWord::LocalNode,
            b"Tunnel" => ForwardingWord::Tunneling,
            b"Route" => ForwardingWord::DirectRouting,
            _ => return None,
        },
        weight: signed(take_word(&mut line)?)?,
        active_connections: signed(take_word(&mut line)?)?,
        inactive_connections: signed(take_word(&mut line)?)?,
    };
    take_word(&mut line).is_none().then_some(destination)
}

/// `0A000001:0050` or `[2001:0db8:0000:0000:0000:0000:0000:0001]:0050`
fn parse_endpoint(word: &[u8]) -> Option<DestinationId> {
    let colon = word.iter().rposition(|byte| *byte == b':')?;
    let (address, port) = word.split_at_checked(colon)?;
    let address = match address.strip_prefix(b"[") {
        Some(address) => {
            let address = std::str::from_utf8(address.strip_suffix(b"]")?).ok()?;
            IpAddr::V6(address.parse().ok()?)
        }
        None => IpAddr::V4(Ipv4Addr::from_bits(hexadecimal(address, 8)?)),
    };
    let port = hexadecimal(port.strip_prefix(b":")?, 4)?;
    Some(SocketAddr::new(address, port.try_into().ok()?).into())
}

/// Takes the next word off the front.
fn take_word<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let begin = rest.iter().position(|byte| *byte != b' ')?;
    let (_, word) = rest.split_at_checked(begin)?;
    let end = word.iter().position(|byte| *byte == b' ');
    let (word, after) = word.split_at_checked(end.unwrap_or(word.len()))?;
    *rest = after;
    Some(word)
}

fn split_once(bytes: &[u8], separator: u8) -> Option<(&[u8], &[u8])> {
    let place = bytes.iter().position(|byte| *byte == separator)?;
    let (before, after) = bytes.split_at_checked(place)?;
    Some((before, after.get(1..)?))
}

/// A number of exactly so many hexadecimal digits, eight at most.
fn hexadecimal(digits: &[u8], count: usize) -> Option<u32> {
    if digits.len() != count {
        return None;
    }
    digits.iter().try_fold(0, |number, digit| {
        Some(number << 4 | char::from(*digit).to_digit(16)?)
    })
}

/// A number that has none but decimal digits.
fn decimal<T: TryFrom<u32>>(digits: &[u8]) -> Option<T> {
    if digits.is_empty() {
        return None;
    }
    let number = digits.iter().try_fold(0_u32, |number, digit| {
        let digit = char::from(*digit).to_digit(10)?;
        number.checked_mul(10)?.checked_add(digit)
    })?;
    number.try_into().ok()
}

/// A number of 32 bits. From 2^31 on the kernel writes it as a negative one.
fn signed(word: &[u8]) -> Option<u32> {
    match word.strip_prefix(b"-") {
        Some(digits) => {
            let number: u32 = decimal(digits)?;
            (1..=1 << 31)
                .contains(&number)
                .then(|| number.wrapping_neg())
        }
        None => decimal::<i32>(word).map(i32::cast_unsigned),
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use proptest::prelude::*;

    use super::*;

    const HEADINGS: &str = "IP Virtual Server version 1.2.1 (size=4096)\n\
                            Prot LocalAddress:Port Scheduler Flags\n  \
                            -> RemoteAddress:Port Forward Weight ActiveConn InActConn\n";

    /// Returns the lines as the file is read, up to the first of another form.
    fn read(text: &str) -> Result<Vec<(TableServiceName, String, Option<bool>)>> {
        let mut file = TableFile::new(text.as_bytes())?;
        let mut services = Vec::new();
        while let Some(entry) = file.next_entry()? {
            if let TableEntry::Service(service) = entry {
                let TableService {
                    name,
                    scheduler,
                    one_packet,
                    ..
                } = service;
                services.push((name, scheduler.to_owned(), one_packet));
            }
        }
        Ok(services)
    }

    fn service(line: &str) -> TableService<'_> {
        parse_service(line.as_bytes()).unwrap()
    }

    fn address(protocol: Protocol, address: &str, port: u16) -> TableServiceName {
        TableServiceName::Address {
            protocol,
            address: address.parse().unwrap(),
            port,
        }
    }

    fn mark(mark: u32) -> TableServiceName {
        TableServiceName::Fwmark(mark.try_into().unwrap())
    }

    /// The lines of this and the next tests are those of Linux 6.1.
    #[test]
    fn a_service_has_its_name_its_scheduler_and_whether_it_is_scheduled_by_packet() {
        let text = format!(
            "{HEADINGS}\
             TCP  0A000001:0050 wlc  persistent 36000 FFFFFFFF\n  \
             -> 7F000001:0050      Masq    1      0          0         \n\
             UDP  0A000001:0035 rr ops  \n  \
             -> [2001:0db8:0000:0000:0000:0000:0000:0005]:0035      Tunnel  1      0          0         \n\
             TCP  [2001:0db8:0000:0000:0000:0000:0000:0001]:0035 mh \n\
             FWM  00000009 wlc persistent 700 80000000\n\
             FWM  00000009 rr ops \n\
             FWM  FFFFFFFE none ops persistent 36000 FFFFFFFF\n"
        );
        assert_eq!(
            read(&text).unwrap(),
            [
                (address(Protocol::Tcp, "10.0.0.1", 80), "wlc", Some(false)),
                (address(Protocol::Udp, "10.0.0.1", 53), "rr", Some(true)),
                (address(Protocol::Tcp, "2001:db8::1", 53), "mh", None),
                (mark(9), "wlc", Some(false)),
                (mark(9), "rr", Some(true)),
                (mark(0xffff_fffe), "none", Some(true)),
            ]
            .map(|(name, scheduler, one_packet)| (
                name,
                scheduler.to_owned(),
                one_packet
            ))
        );
        let file = TableFile::new(text.as_bytes()).unwrap();
        let info = file.info();
        assert_eq!(info, Info::new(Version(0x01_02_01), 4096));
        assert_eq!(
            format!("{file:?}"),
            format!("TableFile {{ info: {info:?}, .. }}")
        );
    }

    #[test]
    fn a_mark_may_name_the_service_of_either_family_and_an_address_its_own_alone() {
        let five = mark(5);
        for family in [AddressFamily::Ipv4, AddressFamily::Ipv6] {
            assert!(five.may_name(&five.in_family(family)));
            assert!(!five.may_name(&mark(6).in_family(family)));
        }
        let web = address(Protocol::Tcp, "10.0.0.1", 80);
        assert!(web.may_name(&ServiceId::tcp(([10, 0, 0, 1], 80))));
        assert!(!web.may_name(&ServiceId::udp(([10, 0, 0, 1], 80))));
        assert!(!web.may_name(&five.in_family(AddressFamily::Ipv4)));
    }

    #[test]
    fn a_protocol_is_a_word_or_a_number() {
        for (word, number) in [
            ("TCP", 6),
            ("UDP", 17),
            ("SCTP", 132),
            ("IP", 0),
            ("ICMP", 1),
            ("ICMPv6", 58),
            ("IP_47", 47),
            ("IP_65535", 65535),
        ] {
            let line = format!("{word}  0A000001:0000 rr  ");
            let name = address(Protocol::from(number), "10.0.0.1", 0);
            assert_eq!(service(&line).name, name, "{word}");
        }
    }

    #[test]
    fn persistence_has_ticks_and_a_mask_for_either_family() {
        let persistence = |line: &str| service(line).persistence.unwrap();
        let v4 = persistence("UDP  0A000002:0035 rr ops  persistent 500 FFFFFF00");
        assert_eq!(v4.ticks, 500);
        let netmask = Netmask::Ipv4([255, 255, 255, 0].into());
        assert_eq!(v4.netmask(AddressFamily::Ipv4), netmask);
        // -M 64, which the kernel writes as if it were in network byte order, and a timeout
        // that is too large for a signed number.
        let mask = u32::from_be(64);
        let line = format!("FWM  0000000A wlc persistent -1616567296 {mask:08X}");
        let v6 = persistence(&line);
        assert_eq!(v6.ticks, 2_678_400_000);
        assert_eq!(v6.netmask(AddressFamily::Ipv6), Netmask::Ipv6(64));
        assert_eq!(service("FWM  0000000A wlc ").persistence, None);
    }

    #[test]
    fn a_destination_has_its_word_weight_and_connections() {
        let destination = |line: &str| parse_destination(line.as_bytes()).unwrap();
        let row = TableDestination {
            id: DestinationId::new([10, 0, 0, 6], 0),
            forwarding_method: ForwardingWord::DirectRouting,
            weight: i32::MAX as u32,
            active_connections: 3,
            inactive_connections: 1_234_567_890,
        };
        let line = "0A000006:0000      Route   2147483647 3          1234567890";
        assert_eq!(destination(line), row);
        for (word, method) in [
            ("Masq", ForwardingWord::Masquerading),
            ("Local", ForwardingWord::LocalNode),
            ("Tunnel", ForwardingWord::Tunneling),
        ] {
            let line = line.replace("Route", word);
            assert_eq!(destination(&line).forwarding_method, method);
        }
    }

    #[test]
    fn a_line_of_another_form_is_an_error_that_shows_it() {
        for line in [
            "TCP 0A000001:0050 rr ",
            "TCP  0A000001:50 rr ",
            "TCP  A000001:0050 rr ",
            "TCP  +A000001:0050 rr ",
            "TCP  [2001:db8::1:0050 rr ",
            "TCP  0A000001:0050",
            "TCP  0A000001:0050 ",
            "TCP  0A000001:0050 rr more",
            "TCP  0A000001:0050 rr persistent 5",
            "TCP  0A000001:0050 rr persistent -0 FFFFFFFF",
            "TCP  0A000001:0050 rr persistent 2147483648 FFFFFFFF",
            "IP_65536  0A000001:0050 rr ",
            "IP_  0A000001:0050 rr ",
            "FWM  00000000 rr ",
            "FWM  9 rr ",
            "  -> 0A000001:0050      Masq    1      0",
            "  -> 0A000001:0050      Masq    1      0          0          0",
            "  -> 0A000001:0050      Bypass  1      0          0",
            "  -> 0A000001:0050      Masq    4294967296      0          0",
            "",
        ] {
            let error = read(&format!("{HEADINGS}{line}\n")).unwrap_err();
            assert_eq!(
                error.to_string(),
                format!(
                    "cannot read the table from its file: /proc/thread-self/net/ip_vs has \
                     a line of an unknown form: {}",
                    line.trim_end()
                )
            );
        }
    }

    #[test]
    fn what_is_cut_or_too_long_is_an_error() {
        let whole = format!("{HEADINGS}TCP  0A000001:0050 rr  \n");
        assert_eq!(read(&whole).unwrap().len(), 1);
        read(whole.trim_end()).unwrap_err();
        let long = format!("{HEADINGS}TCP  0A000001:0050 {}\n", "r".repeat(500));
        let error = read(&long).unwrap_err().to_string();
        assert!(error.len() < 400, "{error}");
    }

    #[test]
    fn another_first_line_is_an_error() {
        for line in [
            "",
            "IP Virtual Server version 1.2.1\n",
            "IP Virtual Server version 1.2.256 (size=4096)\n",
            "IP Virtual Server version 1.2 (size=4096)\n",
            "IP Virtual Server version 1.2.1.0 (size=4096)\n",
            "IP Virtual Server version 1.2.1 (size=)\n",
            "Pro FromIP   FPrt ToIP     TPrt DestIP   DPrt State       Expires PEName PEData\n",
        ] {
            read(line).unwrap_err();
        }
    }

    #[test]
    fn the_length_of_a_tick_tells_how_many_a_second_has() {
        for ticks in 24..=1200 {
            // TICK_NSEC in linux/jiffies.h, for as few and as many as any architecture has
            // (CONFIG_HZ).
            let nanoseconds = (1_000_000_000 + ticks / 2) / ticks;
            assert_eq!(ticks_of(nanoseconds).get(), ticks);
        }
        assert_eq!(ticks_of(0).get(), 1);
        assert_eq!(ticks_of(u32::MAX).get(), 1);
    }

    #[test]
    fn a_second_has_as_many_ticks_as_a_kernel_can_be_built_with() {
        let ticks = ticks_per_second().get();
        assert!((24..=1200).contains(&ticks), "{ticks}");
    }

    /// Writes a service as the kernel's `ip_vs_info_seq_show` does.
    fn write_service(text: &mut String, service: &TableService<'_>) {
        let ops = match service.one_packet {
            Some(true) => "ops ",
            _ => "",
        };
        let scheduler = service.scheduler;
        match service.name {
            TableServiceName::Address {
                protocol,
                address,
                port,
            } => {
                let protocol = match protocol.number() {
                    0 => "IP".to_owned(),
                    1 => "ICMP".to_owned(),
                    6 => "TCP".to_owned(),
                    17 => "UDP".to_owned(),
                    58 => "ICMPv6".to_owned(),
                    132 => "SCTP".to_owned(),
                    number => format!("IP_{number}"),
                };
                let address = written(address);
                let ops = if address.starts_with('[') {
                    String::new()
                } else {
                    format!("{ops} ")
                };
                write!(text, "{protocol}  {address}:{port:04X} {scheduler} {ops}").unwrap();
            }
            TableServiceName::Fwmark(mark) => {
                write!(text, "FWM  {mark:08X} {scheduler} {ops}").unwrap();
            }
        }
        match service.persistence {
            Some(TablePersistence { ticks, mask }) => {
                let ticks = ticks.cast_signed();
                writeln!(text, "persistent {ticks} {mask:08X}").unwrap();
            }
            None => text.push('\n'),
        }
    }

    fn written(address: IpAddr) -> String {
        match address {
            IpAddr::V4(address) => format!("{:08X}", address.to_bits()),
            IpAddr::V6(address) => {
                let groups = address.segments().map(|group| format!("{group:04x}"));
                format!("[{}]", groups.join(":"))
            }
        }
    }

    fn any_service() -> impl Strategy<Value = TableService<'static>> {
        let name = prop_oneof![
            (any::<u16>(), any::<IpAddr>(), any::<u16>()).prop_map(|(protocol, address, port)| {
                TableServiceName::Address {
                    protocol: protocol.into(),
                    address,
                    port,
                }
            }),
            any::<NonZeroU32>().prop_map(TableServiceName::Fwmark),
        ];
        let schedulers = prop::sample::select(vec!["none", "rr", "ops", "persistent", "lblcr"]);
        let persistence =
            any::<(u32, u32)>().prop_map(|(ticks, mask)| TablePersistence { ticks, mask });
        let persistence = prop::option::of(persistence);
        (name, schedulers, any::<bool>(), persistence).prop_map(
            |(name, scheduler, one_packet, persistence)| TableService {
                name,
                scheduler,
                one_packet: match name {
                    TableServiceName::Address {
                        address: IpAddr::V6(_),
                        ..
                    } => None,
                    _ => Some(one_packet),
                },
                persistence,
            },
        )
    }

    fn any_destination() -> impl Strategy<Value = (TableDestination, String)> {
        let methods = prop::sample::select(vec![
            (ForwardingWord::Masquerading, "Masq"),
            (ForwardingWord::LocalNode, "Local"),
            (ForwardingWord::Tunneling, "Tunnel"),
            (ForwardingWord::DirectRouting, "Route"),
        ]);
        (any::<IpAddr>(), any::<u16>(), methods, any::<[i32; 3]>()).prop_map(
            |(address, port, (forwarding_method, word), numbers)| {
                let [weight, active, inactive] = numbers;
                let line = format!(
                    "  -> {}:{port:04X}      {word:<7} {weight:<6} {active:<10} {inactive:<10}\n",
                    written(address)
                );
                let [weight, active_connections, inactive_connections] =
                    numbers.map(i32::cast_unsigned);
                let destination = TableDestination {
                    id: DestinationId::new(address, port),
                    forwarding_method,
                    weight,
                    active_connections,
                    inactive_connections,
                };
                (destination, line)
            },
        )
    }

    proptest! {
        #[test]
        fn any_table_is_read_as_the_kernel_writes_it(
            table in prop::collection::vec(
                (any_service(), prop::collection::vec(any_destination(), 0..4)),
                0..6,
            ),
        ) {
            let mut text = HEADINGS.to_owned();
            for (service, destinations) in &table {
                write_service(&mut text, service);
                text.extend(destinations.iter().map(|(_, line)| line.as_str()));
            }
            let mut file = TableFile::new(text.as_bytes()).unwrap();
            for (service, destinations) in &table {
                prop_assert_eq!(file.next_entry().unwrap(), Some(TableEntry::Service(*service)));
                for (destination, _) in destinations {
                    let read = file.next_entry().unwrap();
                    prop_assert_eq!(read, Some(TableEntry::Destination(*destination)));
                }
            }
            prop_assert_eq!(file.next_entry().unwrap(), None);
        }

        #[test]
        fn any_text_is_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let text = [HEADINGS.as_bytes(), &bytes].concat();
            let mut file = TableFile::new(text.as_slice()).unwrap();
            while let Ok(Some(_)) = file.next_entry() {}
        }
    }
}
