// SPDX-License-Identifier: MIT

//! Carries out edits that keep what they do not name. The rules between options hold
//! for the settings that come out, in the words that they have for a command line.

use std::num::NonZeroU16;

use ipvs_client::{
    AddressFamily, Client, Consistency, Counters, DestinationId, DestinationSettings,
    ForwardingMethod, Persistence, ServiceId, ServiceSettings, Tunnel, TunnelChecksum,
};

use crate::{
    args::{
        error::UsageError,
        name::{self, CommandName, Groups},
        rules,
    },
    command::{
        Forwarding, TunnelKind,
        update::{ServerName, ServerUpdate, ServiceUpdate, TunnelUpdate, Update},
    },
    scheduler_flags,
};

/// Edits the entry that an update is about.
///
/// # Errors
/// Those of the edit; a [`UsageError`] where what is named does not go with what the
/// entry has, or the server is not the only one of its address.
pub(super) fn carry_out(update: &Update, client: &mut Client) -> anyhow::Result<()> {
    let mut wrong = None;
    // What is wrong is not written.
    match update {
        Update::Service(id, update) => {
            client.update_service(id, |now| {
                let new = update_service(id, update, now);
                wrong = new.as_ref().err().cloned();
                new.unwrap_or_else(|_| now.clone())
            })?;
        }
        Update::Server(service, name, update) => {
            let id = find_server(service, name, client)?;
            client.update_destination(service, &id, |now| {
                let new = update_server(service, &id, update, now);
                wrong = new.as_ref().err().cloned();
                new.unwrap_or(*now)
            })?;
        }
    }
    match wrong {
        Some(error) => Err(error.into()),
        None => Ok(()),
    }
}

/// Finds the server that is meant: without a port that with the port of the service,
/// if there is one, or else the only one of the address.
fn find_server(
    service: &ServiceId,
    name: &ServerName,
    client: &mut Client,
) -> anyhow::Result<DestinationId> {
    let ServerName { address, port } = *name;
    if let Some(port) = port {
        return Ok(DestinationId::new(address, port));
    }
    let own = DestinationId::new(address, own_port(service));
    let servers = client.destinations_with(service, Counters::Skip, Consistency::Agreed)?;
    let mut ports: Vec<u16> = servers
        .iter()
        .filter(|server| server.id.address == address)
        .map(|server| server.id.port)
        .collect();
    ports.sort_unstable();
    match ports.as_slice() {
        ports if ports.contains(&own.port) => Ok(own),
        // The edit says what is not there.
        [] => Ok(own),
        [port] => Ok(DestinationId::new(address, *port)),
        _ => Err(UsageError::SeveralPorts { address, ports }.into()),
    }
}

/// Returns the port of servers that are given without one.
fn own_port(service: &ServiceId) -> u16 {
    match service {
        ServiceId::Address { port, .. } => *port,
        ServiceId::Fwmark { .. } => 0,
    }
}

fn update_service(
    id: &ServiceId,
    update: &ServiceUpdate,
    now: &ServiceSettings,
) -> Result<ServiceSettings, UsageError> {
    let mut new = now.clone();
    if let Some(scheduler) = &update.scheduler {
        new.scheduler_flags =
            scheduler_flags::carry_flags(now.scheduler_flags, &now.scheduler, scheduler);
        new.scheduler.clone_from(scheduler);
    }
    if let Some(flags) = &update.scheduler_flags {
        new.scheduler_flags = scheduler_flags::combine_flags(flags, &new.scheduler)?;
    }
    let timeout = now.persistence.map(|persistence| persistence.timeout);
    // -M without persistence has always been taken and left alone.
    new.persistence = update.persistence.or(timeout).map(|timeout| {
        let netmask = now
            .persistence
            .and_then(|persistence| persistence.netmask());
        match update.netmask.or(netmask) {
            Some(netmask) => Persistence::new(timeout).with_netmask(netmask),
            None => Persistence::new(timeout),
        }
    });
    if let Some(engine) = &update.persistence_engine {
        new.persistence_engine = (!engine.is_empty()).then(|| engine.as_str().into());
    }
    new.one_packet |= update.one_packet;
    match id {
        ServiceId::Address {
            address, port: 0, ..
        } if new.persistence.is_none() => Err(UsageError::ZeroPort(address.to_string())),
        _ => Ok(new),
    }
}

fn update_server(
    service: &ServiceId,
    id: &DestinationId,
    update: &ServerUpdate,
    now: &DestinationSettings,
) -> Result<DestinationSettings, UsageError> {
    let mut new = *now;
    match (update.forwarding, now.forwarding_method) {
        (Some(Forwarding::Masquerading), _) => {
            new.forwarding_method = ForwardingMethod::Masquerading;
        }
        (Some(Forwarding::DirectRouting), _) => {
            new.forwarding_method = ForwardingMethod::DirectRouting;
        }
        (_, ForwardingMethod::Tunneling(tunnel)) => {
            let tunnel = update_tunnel(&update.tunnel, tunnel)?;
            new.forwarding_method = ForwardingMethod::Tunneling(tunnel);
        }
        (Some(Forwarding::Tunneling), _) => {
            let tunnel = update_tunnel(&update.tunnel, Tunnel::Ipip)?;
            new.forwarding_method = ForwardingMethod::Tunneling(tunnel);
        }
        (None, _) if update.tunnel != TunnelUpdate::default() => {
            return Err(UsageError::NotTunneling);
        }
        (None, _) => {}
    }
    new.weight = update.weight.unwrap_or(now.weight);
    new.upper_threshold = update.upper_threshold.unwrap_or(now.upper_threshold);
    new.lower_threshold = update.lower_threshold.unwrap_or(now.lower_threshold);

    let is_tunnel = matches!(new.forwarding_method, ForwardingMethod::Tunneling(_));
    if !is_tunnel && AddressFamily::from(id.address) != service.family() {
        return Err(UsageError::FamiliesDiffer);
    }
    // The packets keep the port that they have come to.
    if new.forwarding_method != now.forwarding_method
        && new.forwarding_method != ForwardingMethod::Masquerading
        && matches!(service, ServiceId::Address { port, .. } if *port != id.port)
    {
        return Err(UsageError::OwnPort);
    }
    Ok(new)
}

fn update_tunnel(update: &TunnelUpdate, now: Tunnel) -> Result<Tunnel, UsageError> {
    if *update == TunnelUpdate::default() {
        return Ok(now);
    }
    let known = match now {
        Tunnel::Ipip => Some(TunnelKind::Ipip),
        Tunnel::Gue { .. } => Some(TunnelKind::Gue),
        Tunnel::Gre { .. } => Some(TunnelKind::Gre),
        _ => None,
    };
    let kind = update.kind.or(known).ok_or(UsageError::Compulsory {
        owner: rules::name_owner(CommandName::EditServer),
        group: name::TUNNEL_TYPE,
    })?;
    let (port, checksum) = match now {
        Tunnel::Gue { port, checksum } => (Some(port), Some(checksum)),
        Tunnel::Gre { checksum } => (None, Some(checksum)),
        _ => (None, None),
    };
    // Only what the new type has can stay.
    let port = match kind {
        TunnelKind::Gue => update.port.or(port),
        TunnelKind::Ipip | TunnelKind::Gre => update.port,
    };
    let checksum = update.checksum.or(match (kind, checksum) {
        (TunnelKind::Ipip, _) | (TunnelKind::Gre, Some(TunnelChecksum::Remote)) => None,
        (_, checksum) => checksum,
    });
    rules::check_tunnel(kind, name_tunnel_options(port, checksum))?;
    let checksum = checksum.unwrap_or(TunnelChecksum::None);
    match (kind, port) {
        (TunnelKind::Gue, Some(port)) => Ok(Tunnel::Gue { port, checksum }),
        (TunnelKind::Gre, _) => Ok(Tunnel::Gre { checksum }),
        _ => Ok(Tunnel::Ipip),
    }
}

/// Names the options that a tunnel of these settings has.
fn name_tunnel_options(port: Option<NonZeroU16>, checksum: Option<TunnelChecksum>) -> Groups {
    let port = port.map(|_| name::TUNNEL_PORT);
    let checksum = checksum.map(|checksum| match checksum {
        TunnelChecksum::None => name::TUNNEL_NO_CHECKSUM,
        TunnelChecksum::Full => name::TUNNEL_CHECKSUM,
        TunnelChecksum::Remote => name::TUNNEL_REMOTE_CHECKSUM,
    });
    let options = [port, checksum].into_iter().flatten();
    options.fold(Groups::NONE, Groups::with)
}

#[cfg(test)]
mod tests {
    use ipvs_client::testing::FakeKernel;

    use super::*;
    use crate::{args::parse_command, command::Command, failure::exit_status};

    /// Carries lines out in a kernel with an empty table, the last of which keeps what
    /// it does not name. Returns the client, or what is wrong with the last, and its
    /// exit status.
    fn run(lines: &[&str]) -> Result<Client, (String, u8)> {
        let mut client = FakeKernel::new().client().unwrap();
        for line in lines {
            match parse_command(line) {
                Command::Change(change) => client.change(&change).unwrap(),
                Command::Update(update) => carry_out(&update, &mut client)
                    .map_err(|error| (error.to_string(), exit_status(&error)))?,
                other => panic!("{other:?}"),
            }
        }
        Ok(client)
    }

    /// Checks that an edit of the service that the first line adds makes it what the
    /// third would add.
    fn check_service(added: &str, edit: &str, wanted: &str) {
        let settings = |lines: &[&str]| {
            let mut client = run(lines).unwrap();
            client.services().unwrap().remove(0).settings
        };
        assert_eq!(settings(&[added, edit]), settings(&[wanted]), "{edit}");
    }

    /// Checks the same of a server of this service.
    fn check_server(service: &str, [added, edit, wanted]: [&str; 3]) {
        let servers = |lines: &[&str]| {
            let mut client = run(&[&[&*format!("-A {service} -s rr -p")], lines].concat()).unwrap();
            let id = client.services().unwrap().remove(0).id;
            let servers = client.destinations(&id).unwrap().into_iter();
            servers
                .map(|server| (server.id, server.settings))
                .collect::<Vec<_>>()
        };
        let [added, edit, wanted] = [("-a", added), ("-e --keep", edit), ("-a", wanted)]
            .map(|(command, words)| format!("{command} {service} {words}"));
        assert_eq!(servers(&[&added, &edit]), servers(&[&wanted]), "{edit}");
    }

    #[test]
    fn each_setting_of_a_service_is_changed_by_itself() {
        for id in ["-u 10.0.0.1:53", "-u [2001:db8::1]:53", "-f 7", "-f 7 -6"] {
            let mask = if id.contains("-6") || id.contains("2001") {
                "64"
            } else {
                "24"
            };
            let with = |scheduler: &str, rest: &str| format!("-A {id} -s {scheduler} {rest}");
            let all = format!("-b sh-port -p 60 -M {mask} --pe sip -o");
            let added = with("sh", &all);
            for (edit, wanted) in [
                ("-p 90", with("sh", &all.replace("60", "90"))),
                ("-M 32", with("sh", &all.replace(mask, "32"))),
                (
                    "-b sh-fallback",
                    with("sh", &all.replace("sh-port", "sh-fallback")),
                ),
                ("-s mh", with("mh", &all.replace("sh-port", "mh-port"))),
                (
                    "-s mh -b flag-3",
                    with("mh", &all.replace("sh-port", "flag-3")),
                ),
                ("-s rr", with("rr", &all.replace("-b sh-port ", ""))),
                ("-s sh", added.clone()),
                ("--pe sip -o", added.clone()),
                ("", added.clone()),
            ] {
                let edit = format!("-E --keep {id} {edit}");
                check_service(&added, edit.trim_end(), &wanted);
            }
        }
    }

    #[test]
    fn what_a_service_did_not_have_is_added_to_it() {
        let added = "-A -u 10.0.0.1:53 -s rr";
        for (edit, wanted) in [
            ("-p 60", "-A -u 10.0.0.1:53 -s rr -p 60"),
            ("-p 60 -M 24", "-A -u 10.0.0.1:53 -s rr -p 60 -M 24"),
            ("-o", "-A -u 10.0.0.1:53 -s rr -o"),
            ("--pe sip", "-A -u 10.0.0.1:53 -s rr --pe sip"),
            ("-b flag-1", "-A -u 10.0.0.1:53 -s rr -b flag-1"),
            // As without --keep.
            ("-M 24", added),
        ] {
            check_service(added, &format!("-E --keep -u 10.0.0.1:53 {edit}"), wanted);
        }
    }

    #[test]
    fn an_empty_name_takes_the_engine_away() {
        let mut client = run(&["-A -u 10.0.0.1:53 -s sh -b sh-port -p 60 --pe sip"]).unwrap();
        let id = ServiceId::udp(([10, 0, 0, 1], 53));
        let update = ServiceUpdate {
            persistence_engine: Some(String::new()),
            scheduler_flags: Some(Vec::new()),
            ..ServiceUpdate::default()
        };
        carry_out(&Update::Service(id, update), &mut client).unwrap();
        let settings = client.service(&id).unwrap().settings;
        assert_eq!(settings, ServiceSettings::new("sh").persistent(60));
    }

    #[test]
    fn each_setting_of_a_server_is_changed_by_itself() {
        for (service, server) in [
            ("-t 10.0.0.1:80", "10.0.0.2"),
            ("-t [2001:db8::1]:80", "2001:db8::2"),
            ("-f 7", "10.0.0.2"),
            ("-f 7 -6", "2001:db8::2"),
        ] {
            for method in [
                "-m",
                "-g",
                "-i",
                "-i --tun-type gue --tun-port 6080 --tun-remcsum",
                "-i --tun-type gre --tun-csum",
            ] {
                let all = format!("-r {server} {method} -w 3 -x 20 -y 10");
                for (edit, wanted) in [
                    ("-w 0", all.replace("-w 3", "-w 0")),
                    ("-x 30", all.replace("-x 20", "-x 30")),
                    ("-y 5", all.replace("-y 10", "-y 5")),
                    ("-g", all.replace(method, "-g")),
                    ("-m", all.replace(method, "-m")),
                    ("", all.clone()),
                ] {
                    let edit = format!("-r {server} {edit}");
                    check_server(service, [&all, edit.trim_end(), &wanted]);
                }
            }
        }
    }

    #[test]
    fn each_setting_of_a_tunnel_is_changed_by_itself() {
        let gue = "-i --tun-type gue --tun-port 6080 --tun-csum";
        for (method, edit, wanted) in [
            (gue, "-i", gue),
            (
                gue,
                "--tun-port 7",
                "-i --tun-type gue --tun-port 7 --tun-csum",
            ),
            (
                gue,
                "--tun-remcsum",
                "-i --tun-type gue --tun-port 6080 --tun-remcsum",
            ),
            (gue, "--tun-type gre", "-i --tun-type gre --tun-csum"),
            (gue, "--tun-type ipip", "-i"),
            (
                "-i --tun-type gue --tun-port 6080 --tun-remcsum",
                "--tun-type gre",
                "-i --tun-type gre",
            ),
            (
                "-i --tun-type gre --tun-csum",
                "--tun-type gue --tun-port 9",
                "-i --tun-type gue --tun-port 9 --tun-csum",
            ),
            ("-i", "--tun-type gre", "-i --tun-type gre"),
            (
                "-m",
                "-i --tun-type gre --tun-csum",
                "-i --tun-type gre --tun-csum",
            ),
            ("-g", "-i", "-i"),
        ] {
            let [method, edit, wanted] =
                [method, edit, wanted].map(|words| format!("-r 10.0.0.2 {words}"));
            check_server("-t 10.0.0.1:80", [&method, &edit, &wanted]);
        }
    }

    #[test]
    fn what_comes_out_must_go_together() {
        for (service, server, edit, words) in [
            (
                "-t 10.0.0.1:80",
                "10.0.0.2 -m",
                "--tun-csum",
                "Tunnel options conflict with forward method",
            ),
            (
                "-t 10.0.0.1:80",
                "10.0.0.2 -i",
                "--tun-csum",
                "Illegal 'tun-csum' option with the 'ipip' tunnel type",
            ),
            (
                "-t 10.0.0.1:80",
                "10.0.0.2 -i",
                "--tun-type gue",
                "You need to supply the 'tun-port' option for the 'gue' tunnel type",
            ),
            (
                "-t 10.0.0.1:80",
                "10.0.0.2 -i --tun-type gre",
                "--tun-port 9",
                "Illegal 'tun-port' option with the 'gre' tunnel type",
            ),
            (
                "-t 10.0.0.1:80",
                "2001:db8::2 -i",
                "-m",
                "Different address family is allowed only for tunneling servers",
            ),
            (
                "-t 10.0.0.1:80",
                "10.0.0.2:8080 -m",
                "-g",
                "Only masquerading servers have a port of their own",
            ),
        ] {
            let (id, _) = server.split_once(' ').unwrap();
            let added = format!("-a {service} -r {server}");
            let edit = format!("-e --keep {service} -r {id} {edit}");
            let outcome = run(&[&format!("-A {service} -s rr"), &added, &edit]);
            assert_eq!(outcome.unwrap_err(), (words.to_owned(), 2), "{edit}");
        }
        let outcome = run(&[
            "-A -t 10.0.0.1:80 -s rr",
            "-E --keep -t 10.0.0.1:80 -b mh-port",
        ]);
        let words = "incompatible scheduler flag `mh-port'";
        assert_eq!(outcome.unwrap_err(), (words.to_owned(), 2));
    }

    #[test]
    fn a_server_without_a_port_is_that_of_the_services_port_or_the_only_one() {
        let service = "-A -t 10.0.0.1:80 -s rr";
        let add = |server: &str| format!("-a -t 10.0.0.1:80 -r {server} -m");
        let edit = "-e -t 10.0.0.1:80 -r 10.0.0.2 --keep -w 5";
        let edited = |servers: &[&str]| {
            let mut lines = vec![service.to_owned()];
            lines.extend(servers.iter().map(|server| add(server)));
            lines.push(edit.to_owned());
            let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
            let mut client = run(&lines)?;
            let servers = client.destinations(&ServiceId::tcp(([10, 0, 0, 1], 80)));
            let mut servers = servers.unwrap().into_iter();
            Ok(servers
                .find(|server| server.settings.weight == 5)
                .unwrap()
                .id
                .to_string())
        };
        let id = |text: &str| Ok(text.to_owned());
        assert_eq!(
            edited(&["10.0.0.2:8080", "10.0.0.3:80"]),
            id("10.0.0.2:8080")
        );
        assert_eq!(edited(&["10.0.0.2:8080", "10.0.0.2:80"]), id("10.0.0.2:80"));
        let several = "10.0.0.2 has several ports: 8080, 8081 and 9000; say which";
        assert_eq!(
            edited(&["10.0.0.2:9000", "10.0.0.2:8080", "10.0.0.2:8081"]),
            Err((several.to_owned(), 2))
        );
    }
}
