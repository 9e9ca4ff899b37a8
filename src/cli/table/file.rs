// SPDX-License-Identifier: MIT

//! The destinations of a whole table from its file, in the place of a dump for each
//! service.

use ipvs_client::{
    Client, Destination, DestinationSettings, ForwardingMethod, ForwardingWord, ServiceId,
    TableDestination, TableEntry, TableFile, Tunnel,
};

/// Reading the file is not worth its while for fewer services: dumps are as fast, and
/// they have a name for every forwarding method.
const FEWEST_SERVICES: usize = 16;

/// Nor for more: the kernel goes through its table once more for each page of the file, and
/// a page holds an eighth of what an answer does. (`docs/performance.md`, How costs grow.)
const MOST_SERVICES: usize = 30_000;

/// Returns whether reading the file beats asking for the destinations of so many services,
/// one service after the other.
pub(super) fn is_worth_reading(services: usize) -> bool {
    (FEWEST_SERVICES..=MOST_SERVICES).contains(&services)
}

/// The outcome of reading the file.
pub(super) enum Outcome {
    /// It names the same services in the same order.
    Same(DestinationLists),
    /// It does not: either was read while something changed, or the file lacks some.
    Different,
    /// It cannot be read, or does not tell the services apart.
    Unreadable,
}

/// The destinations of services that are known by their places in the table.
pub(super) struct DestinationLists {
    /// Those of one service after those of another.
    destinations: Vec<TableDestination>,
    /// The number of destinations up to and with those of the service.
    ends: Vec<u32>,
}

impl DestinationLists {
    /// Reads the file, and compares its services one by one with those that a dump had.
    ///
    /// The kernel finds the next of them by counting in both, after every piece, but
    /// the pieces of the one do not end where those of the other do. So what is the
    /// same in both has nothing missing and nothing twice, as what two dumps agree on.
    /// The destinations of a service are in one piece.
    pub(super) fn read<'a>(
        client: &Client,
        services: impl Iterator<Item = &'a ServiceId> + Clone,
    ) -> Outcome {
        if has_mark_of_both_families(services.clone()) {
            return Outcome::Unreadable;
        }
        let Ok(file) = client.table_file() else {
            return Outcome::Unreadable;
        };
        let mut lists = Self {
            destinations: Vec::new(),
            ends: Vec::new(),
        };
        match lists.fill(file, services) {
            Ok(true) => Outcome::Same(lists),
            Ok(false) => Outcome::Different,
            Err(_) => Outcome::Unreadable,
        }
    }

    /// Returns whether the file is the same to its end.
    fn fill<'a>(
        &mut self,
        mut file: TableFile,
        mut services: impl Iterator<Item = &'a ServiceId>,
    ) -> ipvs_client::Result<bool> {
        let mut is_first = true;
        while let Some(entry) = file.next_entry()? {
            match entry {
                TableEntry::Service(service) => {
                    if !services.next().is_some_and(|id| service.name.may_name(id)) {
                        return Ok(false);
                    }
                    if !std::mem::take(&mut is_first) {
                        self.end_list();
                    }
                }
                TableEntry::Destination(destination) => self.destinations.push(destination),
            }
        }
        self.end_list();
        Ok(services.next().is_none())
    }

    fn end_list(&mut self) {
        // A table of more than 2^32 destinations does not fit the kernel's memory.
        let end = u32::try_from(self.destinations.len()).unwrap_or(u32::MAX);
        self.ends.push(end);
    }

    /// Returns the destinations of the service at this place, as far as the plain
    /// listing shows them: all else is as in a new one.
    pub(super) fn of(&self, place: usize) -> impl Iterator<Item = Destination> {
        let end = |place: usize| self.ends.get(place).map_or(0, |end| *end as usize);
        let start = place.checked_sub(1).map_or(0, end);
        let list = self.destinations.get(start..end(place));
        list.unwrap_or_default().iter().map(shown)
    }
}

/// Makes a destination of what the file has; all else is as in a new one.
pub(super) fn shown(row: &TableDestination) -> Destination {
    let method = match row.forwarding_method {
        ForwardingWord::Masquerading => ForwardingMethod::Masquerading,
        ForwardingWord::LocalNode => ForwardingMethod::LocalNode,
        ForwardingWord::Tunneling => ForwardingMethod::Tunneling(Tunnel::Ipip),
        ForwardingWord::DirectRouting => ForwardingMethod::DirectRouting,
    };
    let settings = DestinationSettings::new(method).weight(row.weight);
    let mut destination = Destination::new(row.id, settings);
    destination.active_connections = row.active_connections;
    destination.inactive_connections = row.inactive_connections;
    destination
}

/// Returns whether a mark names two services: the file does not tell which is which.
fn has_mark_of_both_families<'a>(services: impl Iterator<Item = &'a ServiceId>) -> bool {
    let mut marks: Vec<_> = services
        .filter_map(|id| match id {
            ServiceId::Fwmark { mark, .. } => Some(*mark),
            ServiceId::Address { .. } => None,
        })
        .collect();
    marks.sort_unstable();
    !marks.is_sorted_by(|a, b| a < b)
}

#[cfg(test)]
mod tests {
    use ipvs_client::{AddressFamily, testing::FakeKernel};

    use super::*;

    const TABLE: &str = "IP Virtual Server version 1.2.1 (size=4096)\n\
        Prot LocalAddress:Port Scheduler Flags\n  \
        -> RemoteAddress:Port Forward Weight ActiveConn InActConn\n\
        TCP  0A000001:0050 rr  \n  \
        -> 0A000003:0050      Masq    1      7          0         \n  \
        -> 0A000002:0050      Route   2      0          8         \n\
        FWM  00000005 rr \n\
        UDP  [2001:0db8:0000:0000:0000:0000:0000:0001]:0035 rr \n  \
        -> 0A000004:0035      Tunnel  0      0          0         \n";

    /// Returns the rows of each service, or why there are none.
    fn read(text: Option<&str>, services: &[&str]) -> Result<Vec<Vec<String>>, &'static str> {
        let kernel = FakeKernel::new();
        if let Some(text) = text {
            kernel.set_file("ip_vs", text);
        }
        let services: Vec<ServiceId> = services.iter().map(|id| id.parse().unwrap()).collect();
        match DestinationLists::read(&kernel.client().unwrap(), services.iter()) {
            Outcome::Same(lists) => Ok((0..services.len())
                .map(|place| lists.of(place).map(|one| row(&one)).collect())
                .collect()),
            Outcome::Different => Err("different"),
            Outcome::Unreadable => Err("unreadable"),
        }
    }

    fn row(one: &Destination) -> String {
        format!(
            "{} {} {} {} {}",
            one.id,
            one.settings.forwarding_method.number(),
            one.settings.weight,
            one.active_connections,
            one.inactive_connections
        )
    }

    #[test]
    fn each_service_has_its_own_destinations_in_the_order_of_the_file() {
        for mark in ["fwmark 5", "fwmark 5 IPv6"] {
            let lists = read(
                Some(TABLE),
                &["TCP 10.0.0.1:80", mark, "UDP [2001:db8::1]:53"],
            );
            let web = vec![
                "10.0.0.3:80 0 1 7 0".to_owned(),
                "10.0.0.2:80 3 2 0 8".to_owned(),
            ];
            let dns = vec!["10.0.0.4:53 2 0 0 0".to_owned()];
            assert_eq!(lists, Ok(vec![web, Vec::new(), dns]));
        }
    }

    #[test]
    fn other_services_or_another_order_are_noticed() {
        let [web, mark, dns] = ["TCP 10.0.0.1:80", "fwmark 5", "UDP [2001:db8::1]:53"];
        for services in [
            &[web, mark] as &[_],
            &[web, dns],
            &[mark, web, dns],
            &[web, mark, dns, web],
            &[web, mark, "UDP [2001:db8::1]:54"],
            &[web, "fwmark 6", dns],
            &["UDP 10.0.0.1:80", mark, dns],
            &[],
        ] {
            assert_eq!(
                read(Some(TABLE), services),
                Err("different"),
                "{services:?}"
            );
        }
    }

    #[test]
    fn a_mark_of_both_families_cannot_be_told_apart() {
        let twice = TABLE.replace(
            "FWM  00000005 rr \n",
            "FWM  00000005 rr \nFWM  00000005 rr \n",
        );
        let services = [
            "TCP 10.0.0.1:80",
            "fwmark 5",
            "fwmark 5 IPv6",
            "UDP [2001:db8::1]:53",
        ];
        assert_eq!(read(Some(&twice), &services), Err("unreadable"));
    }

    #[test]
    fn what_is_no_table_is_unreadable() {
        let unknown = TABLE.replace("Tunnel", "Teleport");
        for text in [None, Some(""), Some(unknown.as_str())] {
            let services = ["TCP 10.0.0.1:80", "fwmark 5", "UDP [2001:db8::1]:53"];
            assert_eq!(read(text, &services), Err("unreadable"));
        }
    }

    #[test]
    fn marks_are_compared_wherever_they_stand() {
        let mark = |mark: u32, family| ServiceId::fwmark(mark.try_into().unwrap(), family);
        let (v4, v6) = (AddressFamily::Ipv4, AddressFamily::Ipv6);
        let both = |services: &[ServiceId]| has_mark_of_both_families(services.iter());
        assert!(both(&[mark(5, v4), mark(6, v4), mark(5, v6)]));
        assert!(!both(&[mark(5, v4), mark(6, v6), mark(7, v4)]));
    }
}
