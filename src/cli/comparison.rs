// SPDX-License-Identifier: MIT

//! Compares the connections of two directors. Nothing here asks the kernel.

use std::{
    collections::HashMap,
    hash::Hash,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    num::NonZeroU32,
};

use ipvs_client::{Connection, ConnectionService};

/// The connections of this director, each held in a few bytes, which those of the other
/// director are looked up in as they come.
///
/// A connection is known by its protocol, client, virtual address and destination. Its
/// state and expiry come along: they differ between directors that know all the same.
#[derive(Debug, Default)]
pub(crate) struct Comparison {
    words: Words,
    ipv4: Half<Ipv4Addr>,
    /// Connections that have an IPv6 address at one end at least.
    mixed: Half<IpAddr>,
    there: u64,
}

/// The connections with addresses of one type.
#[derive(Debug)]
struct Half<A> {
    here: HashMap<Ends<A>, Held>,
    /// Those of the other director that are not here.
    missing_here: Vec<(Ends<A>, Held)>,
    same: u64,
    other_state: u64,
}

/// The ends by which two directors know the same connection. Of IPv4 they take 20 bytes,
/// because none of the fields needs a gap before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Ends<A> {
    protocol: WordIndex,
    client: End<A>,
    service: End<A>,
    destination: End<A>,
    /// The address of the service is a firewall mark, in its first four bytes.
    is_mark: bool,
}

/// An address, and a port in the byte order of the network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct End<A> {
    address: A,
    port: [u8; 2],
}

/// A connection beyond its ends. The expiry is in seconds, as bytes for the same reason.
#[derive(Clone, Copy, Debug)]
struct Held {
    state: WordIndex,
    /// The other director has it too.
    is_met: bool,
    expires: [u8; 4],
}

/// The place of a word among those that were met.
type WordIndex = u8;

/// The names of protocols and states, each kept once. A kernel has a few dozens.
#[derive(Debug, Default)]
struct Words(Vec<String>);

/// The differences between two directors.
#[derive(Debug)]
pub(crate) struct MissingConnections {
    /// The number of connections of this director.
    pub(crate) here: u64,
    /// The number of connections of the other director.
    pub(crate) there: u64,
    /// The number of those that both have.
    pub(crate) same: u64,
    /// The number of those that both have, in different states.
    pub(crate) other_state: u64,
    missing_here: Missing,
    missing_there: Missing,
    words: Words,
}

/// Connections that one director does not have.
#[derive(Debug)]
struct Missing {
    ipv4: Vec<(Ends<Ipv4Addr>, Held)>,
    mixed: Vec<(Ends<IpAddr>, Held)>,
}

impl Comparison {
    /// Adds a connection of this director.
    pub(crate) fn add_here(&mut self, connection: &Connection<'_>) {
        let held = self.hold(connection);
        let ends = self.ends(connection);
        match ends.narrow() {
            Some(ends) => drop(self.ipv4.here.insert(ends, held)),
            None => drop(self.mixed.here.insert(ends, held)),
        }
    }

    /// Looks up a connection of the other director, when all of this one have been added.
    pub(crate) fn add_there(&mut self, connection: &Connection<'_>) {
        self.there += 1;
        let held = self.hold(connection);
        let ends = self.ends(connection);
        match ends.narrow() {
            Some(ends) => self.ipv4.meet(ends, held),
            None => self.mixed.meet(ends, held),
        }
    }

    /// Returns what each director does not have.
    pub(crate) fn finish(mut self) -> MissingConnections {
        self.ipv4.sort();
        self.mixed.sort();
        MissingConnections {
            here: (self.ipv4.here.len() + self.mixed.here.len()) as u64,
            there: self.there,
            same: self.ipv4.same + self.mixed.same,
            other_state: self.ipv4.other_state + self.mixed.other_state,
            missing_there: Missing {
                ipv4: self.ipv4.list_missing_there(),
                mixed: self.mixed.list_missing_there(),
            },
            missing_here: Missing {
                ipv4: self.ipv4.missing_here,
                mixed: self.mixed.missing_here,
            },
            words: self.words,
        }
    }

    fn hold(&mut self, connection: &Connection<'_>) -> Held {
        Held {
            state: self.words.find(connection.state),
            is_met: false,
            expires: connection.expires.to_ne_bytes(),
        }
    }

    fn ends(&mut self, connection: &Connection<'_>) -> Ends<IpAddr> {
        let (service, is_mark) = match connection.service {
            ConnectionService::Address(service) => (service, false),
            ConnectionService::Fwmark(mark) => ((Ipv4Addr::from(mark.get()), 0).into(), true),
        };
        Ends {
            protocol: self.words.find(connection.protocol),
            client: connection.client.into(),
            service: service.into(),
            destination: connection.destination.into(),
            is_mark,
        }
    }
}

impl<A: Copy + Eq + Hash + Ord> Half<A> {
    fn meet(&mut self, ends: Ends<A>, held: Held) {
        match self.here.get_mut(&ends) {
            // While connections come and go, the kernel can list one twice.
            Some(here) if here.is_met => {}
            Some(here) => {
                here.is_met = true;
                self.same += 1;
                self.other_state += u64::from(here.state != held.state);
            }
            None => self.missing_here.push((ends, held)),
        }
    }

    fn sort(&mut self) {
        self.missing_here.sort_unstable_by_key(|(ends, _)| *ends);
        self.missing_here.dedup_by_key(|(ends, _)| *ends);
    }

    fn list_missing_there(&self) -> Vec<(Ends<A>, Held)> {
        let here = self.here.iter().filter(|(_, held)| !held.is_met);
        let mut missing: Vec<_> = here.map(|(ends, held)| (*ends, *held)).collect();
        missing.sort_unstable_by_key(|(ends, _)| *ends);
        missing
    }
}

impl<A> Default for Half<A> {
    fn default() -> Self {
        Self {
            here: HashMap::new(),
            missing_here: Vec::new(),
            same: 0,
            other_state: 0,
        }
    }
}

impl Ends<IpAddr> {
    /// Returns them in fewer bytes; none if an address is IPv6.
    fn narrow(&self) -> Option<Ends<Ipv4Addr>> {
        let narrow = |end: End<IpAddr>| match end.address {
            IpAddr::V4(address) => Some(End {
                address,
                port: end.port,
            }),
            IpAddr::V6(_) => None,
        };
        Some(Ends {
            protocol: self.protocol,
            client: narrow(self.client)?,
            service: narrow(self.service)?,
            destination: narrow(self.destination)?,
            is_mark: self.is_mark,
        })
    }
}

impl From<SocketAddr> for End<IpAddr> {
    fn from(end: SocketAddr) -> Self {
        Self {
            address: end.ip(),
            port: end.port().to_be_bytes(),
        }
    }
}

impl<A: Copy + Into<IpAddr>> Ends<A> {
    fn show<'a>(&self, held: &Held, words: &'a Words) -> Connection<'a> {
        let end = |end: End<A>| SocketAddr::new(end.address.into(), u16::from_be_bytes(end.port));
        let service = end(self.service);
        let mark = match service {
            SocketAddr::V4(address) if self.is_mark => NonZeroU32::new(address.ip().to_bits()),
            _ => None,
        };
        Connection::new(
            words.get(self.protocol),
            end(self.client),
            mark.map_or(
                ConnectionService::Address(service),
                ConnectionService::Fwmark,
            ),
            end(self.destination),
            words.get(held.state),
            u32::from_ne_bytes(held.expires),
        )
    }
}

impl MissingConnections {
    /// Returns true if each director has the connections of the other.
    pub(crate) fn is_empty(&self) -> bool {
        self.missing_here.is_empty() && self.missing_there.is_empty()
    }

    /// Returns the connections that only the other director has: by protocol, client,
    /// service and destination, those of IPv4 first.
    pub(crate) fn missing_here(&self) -> impl Iterator<Item = Connection<'_>> {
        self.missing_here.list(&self.words)
    }

    /// Returns the connections that only this director has, in the same order.
    pub(crate) fn missing_there(&self) -> impl Iterator<Item = Connection<'_>> {
        self.missing_there.list(&self.words)
    }
}

impl Missing {
    fn is_empty(&self) -> bool {
        self.ipv4.is_empty() && self.mixed.is_empty()
    }

    fn list<'a>(&'a self, words: &'a Words) -> impl Iterator<Item = Connection<'a>> {
        let ipv4 = self.ipv4.iter().map(|(ends, held)| ends.show(held, words));
        let mixed = self.mixed.iter().map(|(ends, held)| ends.show(held, words));
        ipv4.chain(mixed)
    }
}

impl Words {
    /// Returns the place of a word, which is added if it is new.
    fn find(&mut self, word: &str) -> WordIndex {
        let place = self.0.iter().position(|known| known == word);
        let place = place.unwrap_or_else(|| {
            // No kernel has so many: the last place is for all others.
            if self.0.len() < usize::from(WordIndex::MAX) {
                self.0.push(word.to_owned());
            }
            self.0.len().saturating_sub(1)
        });
        WordIndex::try_from(place).unwrap_or(WordIndex::MAX)
    }

    fn get(&self, place: WordIndex) -> &str {
        self.0.get(usize::from(place)).map_or("", String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connection(line: &str) -> Connection<'_> {
        let words: Vec<&str> = line.split(' ').collect();
        let [protocol, client, service, destination, state, expires] = words[..] else {
            panic!("{line}");
        };
        let service = match service.strip_prefix("mark:") {
            Some(mark) => ConnectionService::Fwmark(mark.parse().unwrap()),
            None => ConnectionService::Address(service.parse().unwrap()),
        };
        Connection::new(
            protocol,
            client.parse().unwrap(),
            service,
            destination.parse().unwrap(),
            state,
            expires.parse().unwrap(),
        )
    }

    fn compare(here: &[&str], there: &[&str]) -> MissingConnections {
        let mut comparison = Comparison::default();
        for line in here {
            comparison.add_here(&connection(line));
        }
        for line in there {
            comparison.add_there(&connection(line));
        }
        comparison.finish()
    }

    const LINES: [&str; 6] = [
        "IP 192.0.2.9:0 mark:3000000000 10.0.0.2:0 NONE 49",
        "TCP 192.0.2.9:40000 192.0.2.1:80 10.0.0.2:80 ESTABLISHED 899",
        "TCP 192.0.2.9:40001 192.0.2.1:80 10.0.0.2:80 FIN_WAIT 119",
        "UDP 192.0.2.9:40000 192.0.2.1:53 10.0.0.3:53 UDP 299",
        "IP [2001:db8::9]:0 mark:9 [2001:db8::2]:0 NONE 49",
        "TCP [2001:db8::9]:40000 [2001:db8::1]:80 10.0.0.2:80 ESTABLISHED 899",
    ];

    #[test]
    fn what_only_one_director_has_is_missing_at_the_other() {
        let [mark, first, second, udp, mark6, tcp6] = LINES;
        let differences = compare(&[mark, first, udp, tcp6], &[tcp6, mark6, second, udp]);
        assert_eq!(
            differences.missing_here().collect::<Vec<_>>(),
            [second, mark6].map(connection)
        );
        assert_eq!(
            differences.missing_there().collect::<Vec<_>>(),
            [mark, first].map(connection)
        );
        assert_eq!((differences.here, differences.there), (4, 4));
        assert_eq!((differences.same, differences.is_empty()), (2, false));
    }

    #[test]
    fn another_state_or_expiry_is_no_difference() {
        let differences = compare(
            &[LINES[1], LINES[3], LINES[5]],
            &[
                "UDP 192.0.2.9:40000 192.0.2.1:53 10.0.0.3:53 UDP 20",
                "TCP 192.0.2.9:40000 192.0.2.1:80 10.0.0.2:80 CLOSE 9",
                "TCP [2001:db8::9]:40000 [2001:db8::1]:80 10.0.0.2:80 CLOSE 9",
            ],
        );
        assert!(differences.is_empty());
        assert_eq!((differences.same, differences.other_state), (3, 2));
    }

    #[test]
    fn any_other_end_or_protocol_is_another_connection() {
        let one = "TCP 192.0.2.9:40000 192.0.2.1:80 10.0.0.2:80 NONE 9";
        for (from, to) in [
            ("TCP", "SCTP"),
            ("192.0.2.9", "192.0.2.8"),
            ("40000", "40001"),
            ("192.0.2.1", "192.0.2.2"),
            ("192.0.2.1:80", "192.0.2.1:81"),
            ("10.0.0.2", "10.0.0.3"),
            ("10.0.0.2:80", "10.0.0.2:81"),
            ("192.0.2.1:80", "mark:3221225985"),
            ("10.0.0.2:80", "[::ffff:10.0.0.2]:80"),
        ] {
            let other = one.replacen(from, to, 1);
            let differences = compare(&[one], &[&other]);
            let missing: Vec<_> = differences.missing_here().collect();
            assert_eq!(missing, [connection(&other)]);
            assert_eq!(differences.missing_there().count(), 1, "{other}");
        }
    }

    #[test]
    fn what_one_director_alone_lacks_is_a_difference() {
        assert!(!compare(&LINES, &LINES[1..]).is_empty());
        assert!(!compare(&LINES[1..], &LINES).is_empty());
        assert!(compare(&LINES, &LINES).is_empty());
    }

    #[test]
    fn a_connection_that_is_listed_twice_is_one() {
        let [_, first, second, ..] = LINES;
        let differences = compare(&[first, first], &[first, first, second, second]);
        assert_eq!(differences.missing_here().count(), 1);
        assert_eq!((differences.here, differences.same), (1, 1));
        assert_eq!(differences.missing_there().count(), 0);
    }

    #[test]
    fn what_is_held_of_a_connection_is_small() {
        assert_eq!(size_of::<(Ends<Ipv4Addr>, Held)>(), 26);
        assert_eq!(size_of::<(Ends<IpAddr>, Held)>(), 65);
    }
}
