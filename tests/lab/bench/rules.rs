// SPDX-License-Identifier: MIT

//! The tables that are measured: as rules for `ipvsadm -R` and as addresses for
//! the floor.

use std::fmt::Write as _;
use std::net::Ipv4Addr;

/// Virtual services with round robin, masquerading to their destinations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Table {
    /// The number of virtual services.
    pub services: u32,
    /// The number of destinations of each of them.
    pub destinations: u32,
}

/// The port of all services and destinations.
pub(crate) const PORT: u16 = 80;

impl Table {
    /// The addresses of the services. Their low bytes differ, because the
    /// kernel's 256 buckets are chosen by low bits: a table in one bucket would
    /// measure a linear search.
    pub(crate) fn services(self) -> impl Iterator<Item = Ipv4Addr> {
        addresses(Ipv4Addr::new(10, 0, 0, 1), 0, self.services)
    }

    /// The addresses of the destinations of one service, counted from 0.
    pub(crate) fn destinations(self, service: u32) -> impl Iterator<Item = Ipv4Addr> {
        addresses(
            Ipv4Addr::new(172, 16, 0, 1),
            service * self.destinations,
            self.destinations,
        )
    }

    /// Returns the number of rules that it takes, which is also the number of lines of
    /// `/proc/net/ip_vs` it has after the three of the heading.
    #[must_use]
    pub fn rules(self) -> usize {
        (self.services * (1 + self.destinations)) as usize
    }

    /// Returns what `ipvsadm -S -n` prints for it.
    #[must_use]
    pub fn text(self) -> String {
        self.text_with_weights(|_| 1)
    }

    /// Returns what `ipvsadm -S -n` prints for a table in which one service of a
    /// hundred has destinations of weight 2.
    pub(crate) fn changed_text(self) -> String {
        self.text_with_weights(|service| if service % 100 == 99 { 2 } else { 1 })
    }

    fn text_with_weights(self, weight: impl Fn(u32) -> u32) -> String {
        let mut text = String::new();
        for (number, service) in (0..).zip(self.services()) {
            let weight = weight(number);
            let _ = writeln!(text, "-A -t {service}:{PORT} -s rr");
            for destination in self.destinations(number) {
                let _ = writeln!(
                    text,
                    "-a -t {service}:{PORT} -r {destination}:{PORT} -m -w {weight}"
                );
            }
        }
        text
    }
}

fn addresses(first: Ipv4Addr, skip: u32, number: u32) -> impl Iterator<Item = Ipv4Addr> {
    let first = u32::from(first) + skip;
    (first..first + number).map(Ipv4Addr::from)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_table_has_a_rule_for_every_service_and_destination() {
        let table = Table {
            services: 2,
            destinations: 2,
        };
        assert_eq!(
            table.text(),
            "-A -t 10.0.0.1:80 -s rr\n\
             -a -t 10.0.0.1:80 -r 172.16.0.1:80 -m -w 1\n\
             -a -t 10.0.0.1:80 -r 172.16.0.2:80 -m -w 1\n\
             -A -t 10.0.0.2:80 -s rr\n\
             -a -t 10.0.0.2:80 -r 172.16.0.3:80 -m -w 1\n\
             -a -t 10.0.0.2:80 -r 172.16.0.4:80 -m -w 1\n"
        );
        assert_eq!(table.rules(), 6);
    }

    #[test]
    fn a_changed_table_has_other_weights_in_one_service_of_a_hundred() {
        let table = Table {
            services: 200,
            destinations: 1,
        };
        let (text, changed) = (table.text(), table.changed_text());
        let pairs = text.lines().zip(changed.lines());
        let changes: Vec<_> = pairs.filter(|(one, other)| one != other).collect();
        assert_eq!(
            changes,
            [
                (
                    "-a -t 10.0.0.100:80 -r 172.16.0.100:80 -m -w 1",
                    "-a -t 10.0.0.100:80 -r 172.16.0.100:80 -m -w 2"
                ),
                (
                    "-a -t 10.0.0.200:80 -r 172.16.0.200:80 -m -w 1",
                    "-a -t 10.0.0.200:80 -r 172.16.0.200:80 -m -w 2"
                ),
            ]
        );
    }

    #[test]
    fn the_low_bytes_of_the_services_are_spread_evenly() {
        let table = Table {
            services: 512,
            destinations: 0,
        };
        let bytes: BTreeSet<_> = table.services().map(|it| it.octets()[3]).collect();
        assert_eq!(bytes.len(), 256);
    }
}
