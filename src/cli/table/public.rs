// SPDX-License-Identifier: MIT

//! Reads the table from the file that everybody may read, as far as it tells.

use std::io::BufRead;

use ipvs_client::{
    AddressFamily, Client, Destination, Errno, Error, Info, Operation, Persistence, Service,
    ServiceId, ServiceSettings, TableEntry, TableFile, TableService, ticks_per_second,
};

use super::{Entry, compare_services, file::shown, sort_destinations};

/// Reads one service or all, and the version of IPVS.
///
/// Of the services, flags for schedulers, persistence engines and counters are not
/// known, nor the family and the netmask of a firewall mark, nor whether a service
/// of an IPv6 address is scheduled by packet; of destinations, kinds of tunnels,
/// thresholds, persistent connections and counters. In these places stands what a new
/// entry has, and nobody is to look there.
///
/// # Errors
/// `ESRCH` when there is no such service.
pub(crate) fn read_public_entries(
    client: &Client,
    service: Option<&ServiceId>,
    sorted: bool,
) -> ipvs_client::Result<(Info, Vec<Entry>)> {
    let file = client.whole_table_file()?;
    let info = file.info();
    let mut entries = read(file)?;
    if let Some(wanted) = service {
        entries.retain(|(service, destinations)| may_be(service, destinations, wanted));
        if entries.is_empty() {
            return Err(Error::Kernel {
                operation: Operation::ReadService(*wanted),
                errno: Errno::SRCH,
            });
        }
    }
    if sorted {
        entries.sort_by(|(a, _), (b, _)| compare_services(&a.id, &b.id));
    }
    let entries = entries
        .into_iter()
        .map(|(service, destinations)| (service, sort_destinations(destinations, sorted)));
    Ok((info, entries.collect()))
}

fn read(mut file: TableFile<impl BufRead>) -> ipvs_client::Result<Vec<Entry>> {
    let ticks = ticks_per_second().get();
    let mut entries: Vec<Entry> = Vec::new();
    while let Some(entry) = file.next_entry()? {
        match entry {
            TableEntry::Service(service) => {
                entries.push((make_service(&service, ticks), Vec::new()))
            }
            TableEntry::Destination(destination) => {
                if let Some((_, destinations)) = entries.last_mut() {
                    destinations.push(shown(&destination));
                }
            }
        }
    }
    Ok(entries)
}

fn make_service(row: &TableService<'_>, ticks_per_second: u32) -> Service {
    let id = row.name.in_family(AddressFamily::Ipv4);
    let mut settings = ServiceSettings::new(row.scheduler);
    settings.one_packet = row.one_packet.unwrap_or_default();
    settings.persistence = row.persistence.map(|persistence| {
        let timeout = persistence.ticks.checked_div(ticks_per_second);
        let known = Persistence::new(timeout.unwrap_or_default());
        match id {
            ServiceId::Address { .. } => known.with_netmask(persistence.netmask(id.family())),
            // The form of the mask depends on the family.
            ServiceId::Fwmark { .. } => known,
        }
    });
    Service::new(id, settings)
}

/// Returns whether an entry may be the service that was asked for. Of a mark, a
/// destination tells the family unless packets travel to it in a tunnel.
fn may_be(service: &Service, destinations: &[Destination], wanted: &ServiceId) -> bool {
    match (service.id, *wanted) {
        (
            ServiceId::Fwmark { mark, .. },
            ServiceId::Fwmark {
                mark: other,
                family,
            },
        ) => {
            let is_of_another = |one: &Destination| {
                !is_tunneling(one) && AddressFamily::from(one.id.address) != family
            };
            mark == other && !destinations.iter().any(is_of_another)
        }
        (id, wanted) => id == wanted,
    }
}

/// Returns whether packets travel to a destination in a tunnel.
pub(crate) fn is_tunneling(destination: &Destination) -> bool {
    destination.settings.forwarding_method.number() == TUNNELING
}

/// `IP_VS_CONN_F_TUNNEL`
const TUNNELING: u32 = 2;

#[cfg(test)]
mod tests {
    use ipvs_client::testing::FakeKernel;

    use super::*;

    const TABLE: &str = "IP Virtual Server version 1.2.1 (size=4096)\n\
        Prot LocalAddress:Port Scheduler Flags\n  \
        -> RemoteAddress:Port Forward Weight ActiveConn InActConn\n\
        UDP  0A000002:0050 rr ops  \n\
        TCP  0A000001:0050 wlc  persistent 36000 FFFFFF00\n  \
        -> 0A000003:0050      Masq    1      7          0         \n  \
        -> 0A000002:0050      Route   2      0          8         \n\
        FWM  00000005 rr persistent 100 80000000\n  \
        -> [2001:0db8:0000:0000:0000:0000:0000:0005]:0000      Route   1      0          0         \n\
        FWM  00000005 lc \n  \
        -> [2001:0db8:0000:0000:0000:0000:0000:0006]:0000      Tunnel  1      0          0         \n";

    fn list(service: Option<&str>, sorted: bool) -> ipvs_client::Result<Vec<String>> {
        let kernel = FakeKernel::new();
        kernel.set_file("ip_vs", TABLE);
        let service = service.map(|service| service.parse().unwrap());
        let client = kernel.client().unwrap();
        let (_, entries) = read_public_entries(&client, service.as_ref(), sorted)?;
        let text = |(service, destinations): Entry| {
            let destinations: Vec<_> = destinations.iter().map(|one| one.id.to_string()).collect();
            let scheduler = service.settings.scheduler;
            format!("{} {scheduler} {}", service.id, destinations.join(" "))
        };
        Ok(entries.into_iter().map(text).collect())
    }

    #[test]
    fn the_table_is_in_the_order_of_a_listing_or_of_the_kernel() {
        let web = "TCP 10.0.0.1:80 wlc";
        let dns = "UDP 10.0.0.2:80 rr ";
        let marks = ["fwmark 5 rr [2001:db8::5]:0", "fwmark 5 lc [2001:db8::6]:0"];
        assert_eq!(
            list(None, true).unwrap(),
            [
                &format!("{web} 10.0.0.2:80 10.0.0.3:80"),
                dns,
                marks[0],
                marks[1]
            ]
        );
        assert_eq!(
            list(None, false).unwrap(),
            [
                dns,
                &format!("{web} 10.0.0.3:80 10.0.0.2:80"),
                marks[0],
                marks[1]
            ]
        );
    }

    #[test]
    fn one_service_is_found_and_a_mark_where_its_destinations_allow_the_family() {
        assert_eq!(list(Some("UDP 10.0.0.2:80"), true).unwrap().len(), 1);
        assert_eq!(list(Some("fwmark 5 IPv6"), true).unwrap().len(), 2);
        assert_eq!(
            list(Some("fwmark 5"), true).unwrap(),
            ["fwmark 5 lc [2001:db8::6]:0"]
        );
        for missing in ["TCP 10.0.0.2:80", "fwmark 6"] {
            let error = list(Some(missing), true).unwrap_err();
            assert_eq!(error.errno(), Some(Errno::SRCH), "{missing}");
        }
    }

    #[test]
    fn settings_are_what_the_file_has_of_them() {
        let line = |text: &str| {
            let table = TABLE.split_inclusive('\n').take(3).collect::<String>() + text + "\n";
            let file = TableFile::new(table.as_bytes()).unwrap();
            let service = read(file).unwrap().pop().unwrap().0;
            (service.settings.one_packet, service.settings.persistence)
        };
        let seconds = 36000 / ticks_per_second().get();
        let networks = ipvs_client::Netmask::Ipv4([255, 255, 255, 0].into());
        assert_eq!(
            line("UDP  0A000001:0050 wlc ops  persistent 36000 FFFFFF00"),
            (true, Some(Persistence::new(seconds).with_netmask(networks)))
        );
        let hosts = Some(Persistence::new(seconds));
        let v6 =
            "TCP  [2001:0db8:0000:0000:0000:0000:0000:0005]:0050 wlc persistent 36000 80000000";
        assert_eq!(line(v6), (false, hosts));
        assert_eq!(
            line("FWM  00000005 wlc persistent 36000 FFFFFF00"),
            (false, hosts)
        );
        assert_eq!(line("FWM  00000005 wlc "), (false, None));
    }
}
