// SPDX-License-Identifier: MIT

//! Checks of virtual services: they exist, have a server that takes connections, and
//! a scheduler that can use their servers.

use ipvs_client::{Destination, Protocol, Service, ServiceId};

use super::{
    check::{Finding, Unknown},
    commands::{SERVER_WORDS, add_server, add_service, edit_server, edit_service},
    director::Director,
};

pub(super) fn find_missing_service(director: &Director) -> Result<Vec<Finding>, Unknown> {
    let (table, Some(asked)) = (director.table()?, director.asked) else {
        return Ok(Vec::new());
    };
    if !table.is_empty() {
        return Ok(Vec::new());
    }
    let commands = [add_service(&asked), add_server(&asked)];
    Ok(vec![Finding {
        object: asked.to_string(),
        message: "does not exist".to_owned(),
        why: format!(
            "Its packets are for the director itself, which refuses them if nothing listens \
             there. {SERVER_WORDS}"
        ),
        commands: commands.into_iter().flatten().collect(),
    }])
}

pub(super) fn find_unusable_servers(director: &Director) -> Result<Vec<Finding>, Unknown> {
    let table = director.table()?;
    let unusable = table
        .iter()
        .filter(|(_, servers)| !servers.iter().any(Destination::is_usable));
    let describe = |(service, servers): &(Service, Vec<Destination>)| {
        let full = servers.iter().filter(|server| server.settings.weight > 0);
        let full: Vec<_> = full.collect();
        let edit = |servers: Vec<&Destination>, options| {
            let servers = servers.into_iter();
            servers
                .filter_map(|server| edit_server(&service.id, &server.id, options))
                .collect()
        };
        let refused = "New connections are refused.";
        let (message, why, commands) = match (servers.is_empty(), full.is_empty()) {
            (true, _) => (
                "has no real server",
                format!("{refused} {SERVER_WORDS}"),
                add_server(&service.id).into_iter().collect(),
            ),
            (false, true) => (
                "has no real server with a weight above 0",
                refused.to_owned(),
                edit(servers.iter().collect(), "-w 1"),
            ),
            (false, false) => (
                "has no real server that is below its upper threshold",
                refused.to_owned(),
                // A lower threshold above the upper one is refused.
                edit(full, "-x 0 -y 0"),
            ),
        };
        Finding {
            object: service.id.to_string(),
            message: message.to_owned(),
            why,
            commands,
        }
    };
    let findings: Vec<_> = unusable.map(describe).collect();
    if findings.is_empty() && director.table.as_ref().is_ok_and(|table| table.is_partial) {
        let reason = "only root can see which servers have reached their upper thresholds";
        return Err(Unknown(reason.to_owned()));
    }
    Ok(findings)
}

pub(super) fn find_unfit_schedulers(director: &Director) -> Result<Vec<Finding>, Unknown> {
    let table = director.table()?;
    Ok(table
        .iter()
        .filter_map(|(service, servers)| {
            let (message, why) = describe_unfit(service, servers)?;
            Some(Finding {
                object: service.id.to_string(),
                message,
                why: why.to_owned(),
                commands: edit_service(&service.id, "-s wlc").into_iter().collect(),
            })
        })
        .collect())
}

/// Returns what is wrong with the scheduler of a service, and the consequence.
fn describe_unfit(service: &Service, servers: &[Destination]) -> Option<(String, &'static str)> {
    let name = service.settings.scheduler.as_str();
    let several = servers.iter().filter(|server| server.is_usable()).count() > 1;
    let is_by_address = |protocol| match service.id {
        ServiceId::Address {
            protocol: actual, ..
        } => protocol == actual,
        ServiceId::Fwmark { .. } => false,
    };
    match name {
        "none" => Some((
            "has no scheduler".to_owned(),
            "New connections are refused.",
        )),
        "dh" | "lblc" | "lblcr" if several && matches!(service.id, ServiceId::Address { .. }) => {
            Some((
                format!("chooses by the destination address ({name}), which is always the same"),
                "One real server gets everything, with lblc and lblcr until it is overloaded. \
                 These schedulers are for firewall marks.",
            ))
        }
        "sed" | "nq" | "ovf" if several && is_by_address(Protocol::Udp) => Some((
            format!("chooses by active connections ({name}), and UDP has none"),
            "One real server gets everything.",
        )),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use ipvs_client::{DestinationId, DestinationSettings, ServiceSettings};

    use super::*;
    use crate::{
        doctor::{
            director::tests::{director, told},
            machine::tests::machine,
        },
        table::Entry,
    };

    fn service(id: &str, scheduler: &str) -> Service {
        Service::new(id.parse().unwrap(), ServiceSettings::new(scheduler))
    }

    fn server(last: u8, settings: DestinationSettings, connections: u32) -> Destination {
        let id = DestinationId::new([10, 0, 0, last], 80);
        let mut server = Destination::new(id, settings);
        server.active_connections = connections;
        server
    }

    const PLAIN: DestinationSettings = DestinationSettings::masquerading();

    fn look_at(asked: Option<&str>, table: Vec<Entry>) -> Director {
        Director {
            asked: asked.map(|asked| asked.parse().unwrap()),
            ..director(machine(&[], []), table)
        }
    }

    #[test]
    fn only_a_service_that_was_named_can_be_missing() {
        let table = || vec![(service("TCP 192.0.2.1:80", "rr"), Vec::new())];
        assert_eq!(told(find_missing_service(&look_at(None, Vec::new()))), []);
        let there = look_at(Some("TCP 192.0.2.1:80"), table());
        assert_eq!(told(find_missing_service(&there)), []);
        let missing = look_at(Some("UDP [2001:db8::1]:53"), Vec::new());
        assert_eq!(
            told(find_missing_service(&missing)),
            [(
                "UDP [2001:db8::1]:53 does not exist".to_owned(),
                vec![
                    "ipvsadm -A -u [2001:db8::1]:53".to_owned(),
                    "ipvsadm -a -u [2001:db8::1]:53 -r SERVER METHOD".to_owned(),
                ]
            )]
        );
    }

    #[test]
    fn a_service_needs_a_server_with_a_weight_that_is_below_its_threshold() {
        let limited = PLAIN.upper_threshold(5);
        for (servers, message, commands) in [
            (
                vec![],
                Some("has no real server"),
                &["-a -t 192.0.2.1:80 -r SERVER METHOD"][..],
            ),
            (
                vec![server(2, PLAIN.weight(0), 0), server(3, PLAIN.weight(0), 9)],
                Some("has no real server with a weight above 0"),
                &[
                    "-e --keep -t 192.0.2.1:80 -r 10.0.0.2:80 -w 1",
                    "-e --keep -t 192.0.2.1:80 -r 10.0.0.3:80 -w 1",
                ],
            ),
            (
                vec![server(2, limited, 5), server(3, PLAIN.weight(0), 0)],
                Some("has no real server that is below its upper threshold"),
                &["-e --keep -t 192.0.2.1:80 -r 10.0.0.2:80 -x 0 -y 0"],
            ),
            (
                vec![server(2, limited, 4), server(3, PLAIN.weight(0), 0)],
                None,
                &[],
            ),
            (vec![server(2, PLAIN, 1000)], None, &[]),
        ] {
            let table = vec![(service("TCP 192.0.2.1:80", "rr"), servers)];
            let wanted = message.map(|message| {
                let commands = commands.iter();
                (
                    format!("TCP 192.0.2.1:80 {message}"),
                    commands.map(|rest| format!("ipvsadm {rest}")).collect(),
                )
            });
            let found = told(find_unusable_servers(&look_at(None, table)));
            assert_eq!(found, wanted.into_iter().collect::<Vec<_>>());
        }
    }

    #[test]
    fn without_thresholds_weights_are_looked_at_all_the_same() {
        let find = |weight| {
            let servers = vec![server(2, PLAIN.weight(weight), 0)];
            let table = vec![(service("TCP 192.0.2.1:80", "rr"), servers)];
            let mut director = look_at(None, table);
            director.table.as_mut().unwrap().is_partial = true;
            find_unusable_servers(&director)
        };
        assert_eq!(told(find(0)).len(), 1);
        assert!(find(1).is_err());
    }

    #[test]
    fn some_schedulers_cannot_share_out_what_some_services_take() {
        let two = || vec![server(2, PLAIN, 0), server(3, PLAIN, 0)];
        for (id, scheduler, servers, is_found) in [
            ("TCP 192.0.2.1:80", "none", Vec::new(), true),
            ("TCP 192.0.2.1:80", "dh", two(), true),
            ("TCP 192.0.2.1:80", "lblc", two(), true),
            ("TCP 192.0.2.1:80", "lblcr", two(), true),
            ("fwmark 1", "lblc", two(), false),
            ("TCP 192.0.2.1:80", "dh", vec![server(2, PLAIN, 0)], false),
            (
                "TCP 192.0.2.1:80",
                "dh",
                vec![server(2, PLAIN, 0), server(3, PLAIN.weight(0), 0)],
                false,
            ),
            ("fwmark 1", "dh", two(), false),
            ("UDP 192.0.2.1:53", "sed", two(), true),
            ("UDP 192.0.2.1:53", "nq", two(), true),
            ("UDP 192.0.2.1:53", "ovf", two(), true),
            ("TCP 192.0.2.1:53", "sed", two(), false),
            ("UDP 192.0.2.1:53", "wlc", two(), false),
        ] {
            let table = vec![(service(id, scheduler), servers)];
            let found = told(find_unfit_schedulers(&look_at(None, table)));
            assert_eq!(found.len(), usize::from(is_found), "{id} {scheduler}");
            for (_, commands) in found {
                assert_eq!(commands.len(), 1);
                assert!(commands[0].ends_with(" -s wlc"), "{commands:?}");
            }
        }
    }

    #[test]
    fn without_the_table_nothing_is_said_about_it() {
        let mut director = look_at(None, Vec::new());
        director.table = Err(Unknown("no IPVS".to_owned()));
        for find in [
            find_missing_service,
            find_unusable_servers,
            find_unfit_schedulers,
        ] {
            assert_eq!(find(&director), Err(Unknown("no IPVS".to_owned())));
        }
    }
}
