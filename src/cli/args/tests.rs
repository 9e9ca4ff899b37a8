// SPDX-License-Identifier: MIT

//! What command lines ask for, and what is wrong with others: the expected
//! words and statuses are those of ipvsadm 1.31.

use std::{
    net::IpAddr,
    num::{NonZeroU8, NonZeroU16, NonZeroU32},
};

use ipvs_client::{
    AddressFamily, Change, DaemonRole, DestinationId, DestinationSettings, ForwardingMethod,
    Netmask, Persistence, Protocol, SchedulerFlags, ServiceId, ServiceSettings, SyncDaemonSettings,
    Timeouts, Tunnel, TunnelChecksum,
};

use super::*;
use crate::{
    args,
    command::{Command, Form, ListTable, Restore, TableForm, View},
};

fn request(line: &str) -> Result<Request, UsageError> {
    args::parse(&line.split_whitespace().collect::<Vec<_>>())
}

fn parse(line: &str) -> Result<Command, UsageError> {
    match request(line)? {
        Request::Run(command) => Ok(command),
        other => panic!("{other:?}"),
    }
}

/// What is wrong with the line, and the exit status.
fn wrong(line: &str) -> (String, u8) {
    let error = parse(line).expect_err(line);
    (error.to_string(), error.status())
}

fn web() -> ServiceId {
    ServiceId::Address {
        protocol: Protocol::Tcp,
        address: [10, 0, 0, 1].into(),
        port: 80,
    }
}

fn settings(scheduler: &str) -> ServiceSettings {
    ServiceSettings::new(scheduler)
}

fn server(address: [u8; 4], port: u16) -> DestinationId {
    DestinationId {
        address: address.into(),
        port,
    }
}

fn server_settings(forwarding_method: ForwardingMethod) -> DestinationSettings {
    DestinationSettings::new(forwarding_method)
}

/// The netmask that a line gives its service, if clients are not each alone.
fn netmask(line: &str) -> Option<Netmask> {
    match parse(line).unwrap() {
        Command::Change(Change::AddService(_, settings)) => settings.persistence.unwrap().netmask(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn no_words_list_the_table_with_names() {
    assert_eq!(
        args::parse(&[]),
        Ok(Request::Run(Command::Table(
            ListTable {
                service: None,
                view: View::Plain,
                numeric: false,
                exact: false,
                sorted: true,
            },
            TableForm::Classic
        )))
    );
}

#[test]
fn a_service_has_the_original_s_defaults() {
    assert_eq!(
        parse("-A -t 10.0.0.1:80"),
        Ok(Command::Change(Change::AddService(web(), settings("wlc"))))
    );
    assert_eq!(
        parse("-E -t 10.0.0.1:80 -p"),
        Ok(Command::Change(Change::EditService(
            web(),
            settings("wlc").persistent(360)
        )))
    );
}

#[test]
fn every_option_of_a_service_arrives() {
    assert_eq!(
        parse("-A -u 10.0.0.1:5060 -s sh -b sh-port -p 60 -M 255.255.255.0 --pe sip -o"),
        Ok(Command::Change(Change::AddService(
            ServiceId::Address {
                protocol: Protocol::Udp,
                address: [10, 0, 0, 1].into(),
                port: 5060,
            },
            settings("sh")
                .scheduler_flags(SchedulerFlags::FLAG_2)
                .one_packet()
                .persistence(
                    Persistence::new(60).with_netmask(Netmask::Ipv4([255, 255, 255, 0].into()))
                )
                .persistence_engine("sip")
        )))
    );
}

#[test]
fn firewall_marks_name_services_of_either_family() {
    for (line, family) in [
        ("-D -f 4294967295", AddressFamily::Ipv4),
        ("-D -f 4294967295 -6", AddressFamily::Ipv6),
    ] {
        assert_eq!(
            parse(line),
            Ok(Command::Change(Change::DeleteService(ServiceId::Fwmark {
                mark: NonZeroU32::MAX,
                family,
            })))
        );
    }
    for line in ["-D -6 -f 1", "-D -t 10.0.0.1:80 -6"] {
        assert_eq!(wrong(line), ("-6 used before -f\n".to_owned(), 2));
    }
}

#[test]
fn a_netmask_fits_the_service_wherever_it_stands() {
    for line in [
        "-A -t [2001:db8::1]:80 -p -M 64",
        "-A -M 64 -t [2001:db8::1]:80 -p",
        "-A -f 1 -M 64 -6 -p",
        "-A -f 1 -6 -p -M 64",
    ] {
        assert_eq!(netmask(line), Some(Netmask::Ipv6(64)), "{line}");
    }
    for line in ["-A -t 10.0.0.1:80 -p -M 24", "-A -M 24 -f 1 -p"] {
        assert_eq!(
            netmask(line),
            Some(Netmask::Ipv4([255, 255, 255, 0].into())),
            "{line}"
        );
    }
    assert_eq!(
        wrong("-A -f 1 -6 -M 255.0.0.0"),
        ("illegal ipv6 netmask specified".to_owned(), 2)
    );
}

#[test]
fn a_server_takes_the_port_of_its_service_unless_masquerading_maps_it() {
    for (line, id, method) in [
        (
            "-a -t 10.0.0.1:80 -r 10.0.0.2 -m",
            server([10, 0, 0, 2], 80),
            ForwardingMethod::Masquerading,
        ),
        (
            "-a -r 10.0.0.2 -t 10.0.0.1:80 -m",
            server([10, 0, 0, 2], 80),
            ForwardingMethod::Masquerading,
        ),
        (
            "-a -t 10.0.0.1:80 -r 10.0.0.2:8080 -m",
            server([10, 0, 0, 2], 8080),
            ForwardingMethod::Masquerading,
        ),
        (
            "-a -t 10.0.0.1:80 -r 10.0.0.2:8080",
            server([10, 0, 0, 2], 80),
            ForwardingMethod::DirectRouting,
        ),
        (
            "-a -t 10.0.0.1:80 -r 10.0.0.2:8080 -i",
            server([10, 0, 0, 2], 80),
            ForwardingMethod::Tunneling(Tunnel::Ipip),
        ),
    ] {
        assert_eq!(
            parse(line),
            Ok(Command::Change(Change::AddDestination(
                web(),
                id,
                server_settings(method)
            ))),
            "{line}"
        );
    }
    assert_eq!(
        parse("-d -t 10.0.0.1:80 -r 10.0.0.2:8080"),
        Ok(Command::Change(Change::DeleteDestination(
            web(),
            server([10, 0, 0, 2], 8080)
        ))),
        "which may be masqueraded"
    );
}

#[test]
fn a_server_of_a_firewall_mark_keeps_its_own_port() {
    let mark = ServiceId::Fwmark {
        mark: NonZeroU32::MIN,
        family: AddressFamily::Ipv4,
    };
    for (line, port) in [
        ("-e -f 1 -r 10.0.0.2:8080", 8080),
        ("-e -f 1 -r 10.0.0.2", 0),
    ] {
        assert_eq!(
            parse(line),
            Ok(Command::Change(Change::EditDestination(
                mark,
                server([10, 0, 0, 2], port),
                server_settings(ForwardingMethod::DirectRouting)
            )))
        );
    }
}

#[test]
fn every_tunnel_can_be_described() {
    let gue = |checksum| Tunnel::Gue {
        port: 6080.try_into().unwrap(),
        checksum,
    };
    for (options, tunnel) in [
        ("", Tunnel::Ipip),
        ("--tun-type ipip", Tunnel::Ipip),
        ("--tun-type gue --tun-port 6080", gue(TunnelChecksum::None)),
        (
            "--tun-type gue --tun-port 6080 --tun-csum",
            gue(TunnelChecksum::Full),
        ),
        (
            "--tun-type gue --tun-port 6080 --tun-remcsum",
            gue(TunnelChecksum::Remote),
        ),
        (
            "--tun-type gre --tun-nocsum",
            Tunnel::Gre {
                checksum: TunnelChecksum::None,
            },
        ),
        (
            "--tun-type gre --tun-csum",
            Tunnel::Gre {
                checksum: TunnelChecksum::Full,
            },
        ),
    ] {
        assert_eq!(
            parse(&format!("-a -t 10.0.0.1:80 -r 10.0.0.2 -i {options}")),
            Ok(Command::Change(Change::AddDestination(
                web(),
                server([10, 0, 0, 2], 80),
                server_settings(ForwardingMethod::Tunneling(tunnel))
            ))),
            "{options}"
        );
    }
}

#[test]
fn the_first_of_several_views_wins() {
    let view = |line| match parse(line).unwrap() {
        Command::Table(table, _) => table.view,
        other => panic!("{other:?}"),
    };
    for (line, expected) in [
        (
            "-L --tun-info --persistent-conn --thresholds --rate --stats",
            View::Stats,
        ),
        (
            "-L --tun-info --persistent-conn --thresholds --rate",
            View::Rate,
        ),
        (
            "-L --tun-info --persistent-conn --thresholds",
            View::Thresholds,
        ),
        (
            "-L --tun-info --persistent-conn",
            View::PersistentConnections,
        ),
        ("-L --tun-info", View::TunnelInfo),
    ] {
        assert_eq!(view(line), expected, "{line}");
    }
}

#[test]
fn timeouts_may_stand_anywhere() {
    for line in [
        "--set 1 2 3",
        "--set 1 2 -- 3",
        "--set 1 --sort 2 3",
        "1 --set 2 3",
        "1 2 3 --set",
    ] {
        assert_eq!(
            parse(line),
            Ok(Command::Change(Change::SetTimeouts(
                Timeouts::default().tcp(1).tcp_fin(2).udp(3)
            ))),
            "{line}"
        );
    }
}

#[test]
fn a_daemon_has_the_original_s_defaults_and_all_its_options() {
    assert_eq!(
        parse("--start-daemon master"),
        Ok(Command::StartDaemon(SyncDaemonSettings::new(
            DaemonRole::Master,
            "eth0"
        )))
    );
    assert_eq!(
        parse(
            "--start-daemon=backup --mcast-interface eth1 --syncid 255 --sync-maxlen 65507 \
             --mcast-group ff02::5 --mcast-port 65535 --mcast-ttl 255"
        ),
        Ok(Command::StartDaemon(
            SyncDaemonSettings::new(DaemonRole::Backup, "eth1")
                .sync_id(255)
                .sync_maxlen(NonZeroU16::new(65507).unwrap())
                .group("ff02::5".parse::<IpAddr>().unwrap())
                .port(NonZeroU16::MAX)
                .ttl(NonZeroU8::MAX)
        ))
    );
    assert_eq!(
        parse("--stop-daemon backup --syncid 7"),
        Ok(Command::StopDaemon(DaemonRole::Backup))
    );
}

#[test]
fn restoring_is_strict_only_a_check_or_from_a_file_when_asked_for() {
    let restore = |strict, check, file: Option<&str>| {
        Ok(Request::Restore(Restore {
            strict,
            check,
            file: file.map(Into::into),
        }))
    };
    for (line, wanted) in [
        ("-R", restore(false, false, None)),
        ("--restore --strict", restore(true, false, None)),
        ("-R --check --json", restore(false, true, None)),
        ("-R -", restore(false, false, None)),
        ("-R --", restore(false, false, None)),
        ("-R rules", restore(false, false, Some("rules"))),
        (
            "-R --strict dir/rules",
            restore(true, false, Some("dir/rules")),
        ),
        ("rules -R", restore(false, false, Some("rules"))),
        ("-R -- -rules", restore(false, false, Some("-rules"))),
    ] {
        assert_eq!(request(line), wanted, "{line}");
    }
    for line in ["-R rules more", "-R - rules"] {
        assert!(request(line).is_err(), "{line}");
    }
}

#[test]
fn every_command_can_answer_in_json() {
    for line in [
        "-A -t 10.0.0.1:80",
        "-E -t 10.0.0.1:80",
        "-D -t 10.0.0.1:80",
        "-C",
        "-R",
        "-S",
        "-a -t 10.0.0.1:80 -r 10.0.0.2",
        "-e -t 10.0.0.1:80 -r 10.0.0.2",
        "-d -t 10.0.0.1:80 -r 10.0.0.2",
        "-L",
        "-Z",
        "--set 1 2 3",
        "--start-daemon master",
        "--stop-daemon backup",
        "-v",
    ] {
        let command = request(&format!("{line} --json"));
        assert!(command.is_ok(), "{line}: {command:?}");
    }
}

#[test]
fn help_and_version_are_given_whatever_follows() {
    assert_eq!(request("-h -Q foo"), Ok(Request::Help));
    assert_eq!(request("--version -L"), Ok(Request::Version(Form::Classic)));
}

#[test]
fn the_first_word_is_the_command() {
    let hint = "Try `ipvsadm -h' or 'ipvsadm --help' for more information.";
    for line in [
        "-n -L",
        "--stats",
        "foo",
        "foo -n",
        "foo -Q",
        "foo -- -L",
        "-Q",
        "--nope",
        "-",
        "--",
        "-- -L",
        "--start-daemon",
        "--list=5",
        "--flush",
    ] {
        assert_eq!(wrong(line), (hint.to_owned(), 255), "{line}");
    }
}

#[test]
fn each_mistake_has_the_original_s_words_and_status() {
    for (line, words, status) in [
        ("-L -Q", "-Q: unknown option", 255),
        ("-A -t", "-t: missing argument", 255),
        ("-L foo", "unexpected argument foo", 2),
        ("foo -A -t 10.0.0.1:80", "unexpected argument foo", 2),
        ("foo -A", "unexpected argument foo", 2),
        ("foo -A -Q", "-Q: unknown option", 255),
        (
            "-L --strict",
            "Illegal 'strict' option with the 'list' command",
            2,
        ),
        (
            "-R -n --strict",
            "Illegal 'numeric' option with the 'restore' command",
            2,
        ),
        ("-A -t 10.0.0.1:80 -D", "invalid option `-D'", 2),
        ("-L --start-daemon master", "invalid option `master'", 2),
        (
            "-L --start-daemon=master",
            "invalid option `--start-daemon=master'",
            2,
        ),
        (
            "-A -t 10.0.0.1:80 -u 10.0.0.1:80",
            "multiple 'service-address' options specified",
            2,
        ),
        (
            "-A",
            "You need to supply the 'service-address' option for the 'add-service' command",
            2,
        ),
        (
            "-a -t 10.0.0.1:80",
            "You need to supply the 'real-server' option for the 'add-server' command",
            2,
        ),
        (
            "-C -n",
            "Illegal 'numeric' option with the 'flush' command",
            2,
        ),
        (
            "-L --timeout -c",
            "The option 'timeout' conflicts with the 'connection' option in the 'list' command",
            2,
        ),
        ("-L -c --stats", "options conflicts in the list command", 2),
        (
            "-A -t 10.0.0.1:70000",
            "illegal virtual server address[:port] specified",
            2,
        ),
        ("-A -f 0", "invalid fwmark value `0' specified", 2),
        (
            "-A -f 4294967296",
            "invalid fwmark value `4294967296' specified",
            2,
        ),
        (
            "-A -t 10.0.0.1",
            "Zero port specified for non-persistent service",
            2,
        ),
        (
            "-A -t 10.0.0.1:80 -p 0",
            "invalid timeout value `0' specified",
            2,
        ),
        (
            "-A -t 10.0.0.1:80 -o",
            "One-Packet Scheduling is only for UDP virtual services",
            2,
        ),
        (
            "-A -t 10.0.0.1:80 -s rr -b sh-port",
            "incompatible scheduler flag `sh-port'",
            2,
        ),
        ("-A -t 10.0.0.1:80 -b no", "invalid scheduler flag `no'", 2),
        ("-L -b no", "invalid scheduler flag `no'", 2),
        ("-D -b sh-port", "incompatible scheduler flag `sh-port'", 2),
        (
            "-a -t 10.0.0.1:80 -r 10.0.0.2:99999",
            "illegal real server address[:port] specified",
            2,
        ),
        (
            // A name needs the protocol of a service before it.
            "-a -r 10.0.0.2:http -t 10.0.0.1:80",
            "illegal real server address[:port] specified",
            2,
        ),
        (
            "-a -t 10.0.0.1:80 -r 10.0.0.2 -w -1",
            "illegal weight specified",
            2,
        ),
        (
            "-a -t 10.0.0.1:80 -r 10.0.0.2 -x 2147483648",
            "illegal u_threshold specified",
            2,
        ),
        (
            "-a -t 10.0.0.1:80 -r 10.0.0.2 -y abc",
            "illegal l_threshold specified",
            2,
        ),
        (
            "-a -t 10.0.0.1:80 -r 10.0.0.2 -m -g",
            "multiple 'forwarding-method' options specified",
            2,
        ),
        (
            "-a -t 10.0.0.1:80 -r 2001:db8::2 -m",
            "Different address family is allowed only for tunneling servers",
            2,
        ),
        (
            "-a -t 10.0.0.1:80 -r 10.0.0.2 -m --tun-type gre",
            "Tunnel options conflict with forward method",
            2,
        ),
        (
            "-a -t 10.0.0.1:80 -r 10.0.0.2 -i --tun-type gue",
            "You need to supply the 'tun-port' option for the 'gue' tunnel type",
            2,
        ),
        (
            "-a -t 10.0.0.1:80 -r 10.0.0.2 -i --tun-type gre --tun-remcsum",
            "Illegal 'tun-remcsum' option with the 'gre' tunnel type",
            2,
        ),
        (
            "-a -t 10.0.0.1:80 -r 10.0.0.2 -i --tun-type gre --tun-csum --tun-nocsum",
            "The option 'tun-csum' conflicts with the 'tun-nocsum' option in the 'gre' tunnel type",
            2,
        ),
        (
            "-a -t 10.0.0.1:80 -r 10.0.0.2 -i --tun-type no",
            "illegal tunnel type specified",
            2,
        ),
        (
            "-a -t 10.0.0.1:80 -r 10.0.0.2 -i --tun-port 0",
            "illegal tunnel port specified",
            2,
        ),
        ("--set 1 2", "--set option requires 3 timeout values", 2),
        ("--set 1 2 3 4", "unexpected argument 4", 2),
        ("--set 1 x 3", "invalid timeout value `x' specified", 2),
        (
            "--start-daemon no",
            "illegal start-daemon parameter specified",
            2,
        ),
        ("--stop-daemon no", "illegal start_daemon specified", 2),
        (
            "--start-daemon master --syncid 256",
            "illegal syncid specified",
            2,
        ),
        (
            "--start-daemon master --sync-maxlen 65508",
            "illegal sync-maxlen specified",
            2,
        ),
        (
            "--start-daemon master --mcast-port 0",
            "illegal mcast-port specified",
            2,
        ),
        (
            "--start-daemon master --mcast-ttl 256",
            "illegal mcast-ttl specified",
            2,
        ),
        (
            "--start-daemon master --mcast-group 10.0.0.1",
            "invalid IPv4 mcast-group `10.0.0.1'",
            2,
        ),
        (
            "--start-daemon master --mcast-group fe80::1",
            "invalid IPv6 mcast-group `fe80::1'",
            2,
        ),
    ] {
        assert_eq!(wrong(line), (words.to_owned(), status), "{line}");
    }
}

#[test]
fn the_first_wrong_word_decides_then_the_rules_in_their_order() {
    for (line, words) in [
        (
            "-A -t x:-1 -Q",
            "illegal virtual server address[:port] specified",
        ),
        ("-A -Q -t 10.0.0.1:-1", "-Q: unknown option"),
        ("-A foo -Q", "-Q: unknown option"),
        ("--set 1 2 3 4 -n", "unexpected argument 4"),
        ("-Z foo -n", "unexpected argument foo"),
        (
            "-A -r 10.0.0.1 -n",
            "Illegal 'numeric' option with the 'add-service' command",
        ),
        (
            "-a -s rr",
            "You need to supply the 'service-address' option for the 'add-server' command",
        ),
        (
            "-A -t 10.0.0.1:0 -o -b sh-port",
            "incompatible scheduler flag `sh-port'",
        ),
        (
            "-A -t 10.0.0.1:0 -o",
            "Zero port specified for non-persistent service",
        ),
        (
            "-a -t 10.0.0.1:80 -r 2001:db8::1 --tun-type gre",
            "Different address family is allowed only for tunneling servers",
        ),
    ] {
        assert_eq!(wrong(line).0, words, "{line}");
    }
}
