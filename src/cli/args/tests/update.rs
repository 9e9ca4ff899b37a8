// SPDX-License-Identifier: MIT

//! Edits that keep what they do not name, and changes whatever is there.

use std::num::NonZeroU16;

use ipvs_client::{Change, DestinationId, Netmask, ServiceId, ServiceSettings, TunnelChecksum};

use super::{parse, request, wrong};
use crate::command::{
    Command, Forwarding, Request, Restore, TunnelKind,
    update::{ServerName, ServerUpdate, ServiceUpdate, TunnelUpdate, Update},
};

fn web() -> ServiceId {
    ServiceId::tcp(([10, 0, 0, 1], 80))
}

fn service_update(line: &str) -> ServiceUpdate {
    match parse(line) {
        Ok(Command::Update(Update::Service(_, update))) => update,
        other => panic!("{line}: {other:?}"),
    }
}

fn server_update(line: &str) -> ServerUpdate {
    match parse(line) {
        Ok(Command::Update(Update::Server(_, _, update))) => update,
        other => panic!("{line}: {other:?}"),
    }
}

#[test]
fn an_edit_of_a_service_that_keeps_the_rest_has_only_what_it_names() {
    assert_eq!(
        parse("-E -t 10.0.0.1:80 --keep"),
        Ok(Command::Update(Update::Service(
            web(),
            ServiceUpdate::default()
        )))
    );
    let update = service_update("-E --keep -u 10.0.0.1:80 -s sh -b sh-port -p -M 24 --pe sip -o");
    let flags: Vec<_> = update.scheduler_flags.iter().flatten().collect();
    let flags: Vec<_> = flags.iter().map(|known| known.name).collect();
    assert_eq!(flags, ["sh-port"]);
    assert_eq!(
        ServiceUpdate {
            scheduler_flags: None,
            ..update
        },
        ServiceUpdate {
            scheduler: Some("sh".to_owned()),
            scheduler_flags: None,
            persistence: Some(360),
            netmask: Some(Netmask::Ipv4([255, 255, 255, 0].into())),
            persistence_engine: Some("sip".to_owned()),
            one_packet: true,
        }
    );
}

#[test]
fn an_empty_name_takes_an_engine_or_the_flags_away() {
    let words = ["-E", "-f", "1", "--keep", "--pe", "", "-b", "", "-s", ""];
    let update = match crate::args::parse(&words) {
        Ok(Request::Run(Command::Update(Update::Service(_, update)))) => update,
        other => panic!("{other:?}"),
    };
    assert_eq!(
        update,
        ServiceUpdate {
            // As without --keep.
            scheduler: Some("wlc".to_owned()),
            scheduler_flags: Some(vec![]),
            persistence_engine: Some(String::new()),
            ..ServiceUpdate::default()
        }
    );
}

#[test]
fn an_edit_of_a_server_that_keeps_the_rest_has_only_what_it_names() {
    let name = ServerName {
        address: [10, 0, 0, 2].into(),
        port: None,
    };
    assert_eq!(
        parse("-e -t 10.0.0.1:80 -r 10.0.0.2 --keep"),
        Ok(Command::Update(Update::Server(
            web(),
            name,
            ServerUpdate::default()
        )))
    );
    assert_eq!(
        parse("-e -t 10.0.0.1:80 -r 10.0.0.2:8080 --keep -w 0"),
        Ok(Command::Update(Update::Server(
            web(),
            ServerName {
                port: Some(8080),
                ..name
            },
            ServerUpdate {
                weight: Some(0),
                ..ServerUpdate::default()
            }
        )))
    );
    let line = "-e -t 10.0.0.1:80 -r 10.0.0.2 --keep -i --tun-type gue --tun-port 6080 --tun-csum \
                -w 3 -x 9 -y 5";
    assert_eq!(
        server_update(line),
        ServerUpdate {
            forwarding: Some(Forwarding::Tunneling),
            tunnel: TunnelUpdate {
                kind: Some(TunnelKind::Gue),
                port: NonZeroU16::new(6080),
                checksum: Some(TunnelChecksum::Full),
            },
            weight: Some(3),
            upper_threshold: Some(9),
            lower_threshold: Some(5),
        }
    );
    // The port may be there.
    let line = "-e -t 10.0.0.1:80 -r 10.0.0.2 --keep --tun-type gue --tun-nocsum";
    assert_eq!(
        server_update(line).tunnel.checksum,
        Some(TunnelChecksum::None)
    );
}

#[test]
fn what_never_goes_together_is_wrong_before_the_table_is_read() {
    let edit = "-e -t 10.0.0.1:80 -r 10.0.0.2 --keep";
    for (line, words) in [
        (
            "-E -t 10.0.0.1:80 --keep -o".to_owned(),
            "One-Packet Scheduling is only for UDP virtual services",
        ),
        (
            "-E -t 10.0.0.1:80 --keep -b sh-hash".to_owned(),
            "invalid scheduler flag `sh-hash'",
        ),
        (
            "-E -t 10.0.0.1:80 --keep -s mh -b sh-port".to_owned(),
            "incompatible scheduler flag `sh-port'",
        ),
        (
            "-E --keep -M 24".to_owned(),
            "You need to supply the 'service-address' option for the 'edit-service' command",
        ),
        (
            "-e -t 10.0.0.1:80 --keep".to_owned(),
            "You need to supply the 'real-server' option for the 'edit-server' command",
        ),
        (
            format!("{edit} -m --tun-csum"),
            "Tunnel options conflict with forward method",
        ),
        (
            format!("{edit} --tun-csum --tun-nocsum"),
            "The option 'tun-csum' conflicts with the 'tun-nocsum' option in the 'gue' tunnel type",
        ),
        (
            format!("{edit} --tun-type gre --tun-remcsum"),
            "Illegal 'tun-remcsum' option with the 'gre' tunnel type",
        ),
        (
            format!("{edit} --tun-type ipip --tun-port 9"),
            "Illegal 'tun-port' option with the 'ipip' tunnel type",
        ),
        (
            "-A -t 10.0.0.1:80 --keep".to_owned(),
            "Illegal 'keep' option with the 'add-service' command",
        ),
        (
            "-d -t 10.0.0.1:80 -r 10.0.0.2 --keep".to_owned(),
            "Illegal 'keep' option with the 'delete-server' command",
        ),
        (
            "-E -t 10.0.0.1:80 --exist".to_owned(),
            "Illegal 'exist' option with the 'edit-service' command",
        ),
    ] {
        assert_eq!(wrong(&line), (words.to_owned(), 2), "{line}");
    }
}

#[test]
fn additions_and_deletions_may_find_it_done() {
    let server = DestinationId::new([10, 0, 0, 2], 80);
    assert_eq!(
        parse("-A -t 10.0.0.1:80 -s rr --exist"),
        Ok(Command::Ensure(Change::AddService(
            web(),
            ServiceSettings::new("rr")
        )))
    );
    assert!(matches!(
        parse("-a -t 10.0.0.1:80 -r 10.0.0.2 --exist"),
        Ok(Command::Ensure(Change::AddDestination(service, id, _)))
            if service == web() && id == server
    ));
    assert_eq!(
        parse("-D --exist -t 10.0.0.1:80"),
        Ok(Command::Ensure(Change::DeleteService(web())))
    );
    assert_eq!(
        parse("-d -t 10.0.0.1:80 -r 10.0.0.2 --exist"),
        Ok(Command::Ensure(Change::DeleteDestination(web(), server)))
    );
    assert_eq!(
        request("-R --exist"),
        Ok(Request::Restore(Restore {
            exist: true,
            ..Restore::default()
        }))
    );
}
