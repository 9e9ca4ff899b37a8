// SPDX-License-Identifier: MIT

//! States that no traffic makes, in the outputs that the original lacks: the
//! kernel's replies are rewritten (`tests/replies`), and each number must come
//! out as the output's own rule has it. `compat/cases/replies_*.txt` has the
//! outputs that both programs have. And replies that never arrive.

use std::num::{NonZeroU16, NonZeroU32};
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

use ipvs_client::{
    AddressFamily, Client, DestinationId, DestinationSettings, Errno, ForwardingMethod, Protocol,
    ServiceId, ServiceSettings, Tunnel, TunnelChecksum,
};
use ipvs_lab::{Answer, Namespace, program};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use serde_json::{Value, json};

const COUNTERS: &str = "conns,inpkts,outpkts,inbytes,outbytes,cps,inpps,outpps,inbps,outbps";
/// Around each border of a column or of an integer.
const VALUES: [u64; 15] = [
    0,
    1,
    999,
    1000,
    99_999_999,
    100_000_000,
    (1 << 31) - 1,
    1 << 31,
    (1 << 32) - 1,
    1 << 32,
    100_000_000_000,
    100_000_000_000_000,
    i64::MAX as u64,
    1 << 63,
    u64::MAX,
];

/// This tree's program with the library that stands between it and the kernel, which is
/// told by a variable what to do.
fn preloaded(namespace: &Namespace, variable: &str, value: &str, arguments: &str) -> Command {
    let library = program::replies().unwrap();
    let (folder, name) = (library.parent().unwrap(), library.file_name().unwrap());
    let mut command = namespace.command(program::path().unwrap());
    command
        .args(arguments.split_ascii_whitespace())
        // Libraries to preload are separated by blanks, which the path may have.
        .current_dir(folder)
        .env("LD_PRELOAD", Path::new(".").join(name))
        .env(variable, value);
    command
}

/// This tree's program with a time of day that is by turns a year too late and too early.
pub(crate) fn with_jumping_clock(namespace: &Namespace, arguments: &str) -> Command {
    preloaded(namespace, program::CLOCK_JUMP, "31536000", arguments)
}

/// Runs this tree's program and rewrites what the kernel says by the rules.
fn rewritten(namespace: &Namespace, rules: &str, arguments: &str) -> Answer {
    let command = preloaded(namespace, program::REPLIES, rules, arguments);
    let answer = Answer::of(command, "").unwrap();
    assert!(!answer.stderr.contains("replies: "), "{}", answer.stderr);
    answer
}

fn shown(namespace: &Namespace, rules: &str, arguments: &str) -> String {
    let answer = rewritten(namespace, rules, arguments);
    assert_eq!((answer.stderr.as_str(), answer.status), ("", 0), "{rules}");
    answer.stdout
}

fn shown_json(namespace: &Namespace, rules: &str, arguments: &str) -> Value {
    serde_json::from_str(&shown(namespace, rules, arguments)).unwrap()
}

fn with_a_server(name: &str) -> Namespace {
    let namespace = crate::namespace(name);
    crate::ipvsadm(&namespace, "-A -t 10.0.0.1:80 -s wlc -p 300");
    crate::ipvsadm(&namespace, "-a -t 10.0.0.1:80 -r 10.0.0.2:80 -m");
    namespace
}

#[test]
fn json_has_every_counter_with_all_its_digits() {
    let namespace = with_a_server("replies");
    let names = [
        "connections",
        "in_packets",
        "out_packets",
        "in_bytes",
        "out_bytes",
        "connections_per_second",
        "in_packets_per_second",
        "out_packets_per_second",
        "in_bytes_per_second",
        "out_bytes_per_second",
    ];
    for value in VALUES {
        // Each counter is told from the others by what is added to it.
        let rules: Vec<String> = COUNTERS
            .split(',')
            .zip(0..)
            .map(|(name, place)| {
                let value = value.saturating_sub(place);
                format!("service,destination {name} {value}")
            })
            .collect();
        let table = shown_json(&namespace, &rules.join("\n"), "-L --json");
        let service = &table["services"][0];
        for stats in [&service["stats"], &service["destinations"][0]["stats"]] {
            for (name, place) in names.iter().zip(0..) {
                assert_eq!(stats[name], json!(value.saturating_sub(place)), "{name}");
            }
        }
    }
}

#[test]
fn openmetrics_has_every_counter_and_count_with_all_its_digits() {
    let namespace = with_a_server("replies");
    for value in VALUES {
        let rules = format!("service,destination conns,inpkts,outpkts,inbytes,outbytes {value}");
        let text = shown(&namespace, &rules, "-L --output openmetrics");
        let count = u32::try_from(value).unwrap_or(u32::MAX);
        let label = "remote_address=\"10.0.0.2\"";
        let samples: Vec<&str> = text
            .lines()
            .filter(|line| line.contains("_total{") && line.contains(label))
            .collect();
        assert_eq!(samples.len(), 5, "{text}");
        for sample in samples {
            assert!(sample.ends_with(&format!(" {value}")), "{sample}");
        }
        let rules = format!("destination weight,active,inactive,persistent {count}");
        let text = shown(&namespace, &rules, "-L --output openmetrics");
        let gauges: Vec<&str> = text
            .lines()
            .filter(|line| line.contains(label) && line.ends_with(&format!(" {count}")))
            .filter(|line| !line.contains("_total{"))
            .collect();
        assert!(gauges.len() >= 4, "{count}: {text}");
    }
}

#[test]
fn wide_shows_large_counters_with_one_decimal_and_exactly_all_digits() {
    let namespace = with_a_server("replies");
    for (value, human) in [
        (999_u64, "999"),
        (1_000, "1.0k"),
        (100_000_000, "100.0M"),
        (1 << 32, "4.3G"),
        (100_000_000_000_000, "100.0T"),
        (u64::MAX, "18.4E"),
    ] {
        let rules = format!("service,destination {COUNTERS} {value}");
        for view in ["--stats", "--rate"] {
            let line = format!("-L -n --output wide {view}");
            for (options, text) in [("", human), (" --exact", &*value.to_string())] {
                let table = shown(&namespace, &rules, &format!("{line}{options}"));
                for name in ["TCP 10.0.0.1:80", "  10.0.0.2:80"] {
                    let row = table.lines().find(|line| line.starts_with(name)).unwrap();
                    let cells = row.split_ascii_whitespace();
                    let count = cells.filter(|cell| *cell == text).count();
                    assert_eq!(count, 5, "{row}");
                }
            }
        }
    }
}

#[test]
fn wide_and_json_show_weights_thresholds_and_counts_of_32_bits() {
    let namespace = with_a_server("replies");
    for value in [(1 << 31) - 1, 1 << 31, u32::MAX] {
        let attributes = "weight,upper-threshold,lower-threshold,active,inactive,persistent";
        let rules = format!("destination {attributes} {value}");
        let table = shown_json(&namespace, &rules, "-L --json");
        let server = &table["services"][0]["destinations"][0];
        for name in [
            "weight",
            "upper_threshold",
            "lower_threshold",
            "active_connections",
            "inactive_connections",
            "persistent_connections",
        ] {
            assert_eq!(server[name], json!(value), "{name}");
        }
        let table = shown(&namespace, &rules, "-L -n --output wide");
        let row = table.lines().find(|line| line.contains("10.0.0.2:80"));
        let cells = row.unwrap().split_ascii_whitespace();
        let text = value.to_string();
        // Weight, active, inactive, and the threshold that is reached.
        assert_eq!(cells.filter(|cell| *cell == text).count(), 4, "{table}");
    }
}

#[test]
fn json_has_timeouts_daemons_and_the_kernel_as_they_are() {
    let namespace = with_a_server("replies");
    let rules = "timeouts tcp 2147483648\ntimeouts tcpfin 4294967295\ntimeouts udp 0";
    let document = shown_json(&namespace, rules, "-L --timeout --json");
    let wanted = json!({"tcp": 2_147_483_648_u32, "tcp_fin": u32::MAX, "udp": 0});
    assert_eq!(document["timeouts"], wanted);

    let rules = "info version 0xffffff\ninfo size 4294967295";
    let document = shown_json(&namespace, rules, "-L --json");
    let wanted = json!({"version": "255.255.255", "connection_table_size": u32::MAX});
    assert_eq!(document["ipvs"], wanted);

    namespace.ip("link add d0 type dummy").unwrap();
    namespace.ip("link set d0 up").unwrap();
    crate::ipvsadm(&namespace, "--start-daemon master --mcast-interface d0");
    let rules = "daemon syncid 4294967295\ndaemon maxlen,port,ttl 255";
    let document = shown_json(&namespace, rules, "-L --daemon --json");
    let wanted = json!({
        "role": "master", "interface": "d0", "sync_id": u32::MAX, "sync_maxlen": 255,
        "group": "224.0.0.81", "port": 255, "ttl": 255, "interface_state": "up",
    });
    let mut daemon = document["daemons"][0].clone();
    // Its thread is there, as far as no other namespace has a master at the time.
    daemon.as_object_mut().unwrap().remove("threads");
    assert_eq!(daemon, wanted);
}

#[test]
fn save_says_under_both_names_what_it_leaves_out_and_json_leaves_nothing_out() {
    let namespace = crate::namespace("replies");
    let gre = ServiceId::Address {
        protocol: 47.into(),
        address: [10, 0, 0, 1].into(),
        port: 0,
    };
    let settings = ServiceSettings::new("rr");
    let tunnel =
        |kind, port, flags| ForwardingMethod::Tunneling(Tunnel::Other { kind, port, flags });
    let gue = Tunnel::Gue {
        port: NonZeroU16::new(6080).unwrap(),
        checksum: TunnelChecksum::Remote,
    };
    let methods = [
        ForwardingMethod::LocalNode,
        ForwardingMethod::Bypass,
        ForwardingMethod::Other(5),
        ForwardingMethod::Other(7),
        tunnel(3, 1, 2),
        tunnel(2, 0, 3),
        ForwardingMethod::Tunneling(gue),
    ];
    let is_limited = namespace
        .run(|| {
            let mut client = Client::open().unwrap();
            client.add_service(&gre, &settings).unwrap();
            for (forwarding_method, last) in methods.into_iter().zip(2..) {
                let id = DestinationId {
                    address: [10, 0, 0, last].into(),
                    port: 0,
                };
                let settings = DestinationSettings::new(forwarding_method);
                client.add_destination(&gre, &id, &settings).unwrap();
            }
            // The kernel takes these, and the command line refuses them.
            let web = ServiceId::Address {
                protocol: Protocol::Tcp,
                address: [10, 0, 0, 1].into(),
                port: 0,
            };
            let odd = settings.clone().one_packet();
            client.add_service(&web, &odd).unwrap();
            let marked = ServiceId::Fwmark {
                mark: NonZeroU32::MIN,
                family: AddressFamily::Ipv4,
            };
            let long = settings.clone().persistent(u32::MAX);
            client.add_service(&marked, &long).unwrap();
            let server = DestinationId {
                address: [10, 0, 0, 2].into(),
                port: 0,
            };
            let limited = DestinationSettings::masquerading()
                .upper_threshold(u32::MAX)
                .lower_threshold(1);
            // Linux 6.12 refuses more than an i32 holds.
            let refusal = client.add_destination(&web, &server, &limited).err();
            let errno = refusal.as_ref().and_then(|refusal| refusal.errno());
            assert!(matches!(errno, None | Some(Errno::INVAL)), "{refusal:?}");
            refusal.is_none()
        })
        .unwrap();
    let number = 3 + usize::from(is_limited) + methods.len();

    let words: Vec<String> = ["-S", "-n"].map(str::to_owned).to_vec();
    let saved = ipvs_lab::ipvsadm(&namespace, &words).unwrap();
    assert_eq!(saved.status, 1);
    for text in [&saved.stdout, &saved.stderr] {
        assert_eq!(text.lines().count(), number, "{text}");
    }
    let folder = tempfile::tempdir().unwrap();
    let link = folder.path().join("ipvsadm-save");
    std::os::unix::fs::symlink(program::path().unwrap(), &link).unwrap();
    let mut command = namespace.command(link);
    command.arg("-n");
    let by_script = Answer::of(command, "").unwrap();
    assert_eq!(by_script.stdout, saved.stdout);
    assert_eq!(by_script.stderr, saved.stderr);
    assert_eq!(by_script.status, 1);

    let before = crate::ipvsadm(&namespace, "-S --json");
    crate::ipvsadm(&namespace, "-C");
    let restored = ipvs_lab::ipvsadm_reading(&namespace, ["-R"], &before).unwrap();
    assert_eq!((restored.stderr.as_str(), restored.status), ("", 0));
    assert_eq!(crate::ipvsadm(&namespace, "-S --json"), before);
}

#[test]
fn flags_that_json_has_no_field_for_are_told_when_it_is_saved() {
    let namespace = with_a_server("replies");
    let whole = crate::ipvsadm(&namespace, "-S --json");
    let saved = rewritten(&namespace, "service flags 0x143", "-S --json");
    assert_eq!(saved.stdout, whole);
    assert_eq!(saved.status, 1);
    let error: Value = serde_json::from_str(&saved.stderr).unwrap();
    assert_eq!(
        error["message"],
        "cannot save virtual service TCP 10.0.0.1:80: the document has no field for its flags"
    );
    // A listing has never shown them.
    shown(&namespace, "service flags 0x143", "-L --json");
}

/// The first datagram asks for the number of the family.
#[test]
fn a_command_says_what_the_kernel_does_not_answer_and_whether_it_may_be_done() {
    let director = crate::namespace("director");
    let web = "-t 192.0.2.1:80";
    for (datagrams, words, what, is_change) in [
        (0, "-A -t 192.0.2.1:80 -s rr", "reach IPVS", false),
        (1, "-A -t 192.0.2.1:80 -s rr", "add TCP 192.0.2.1:80", true),
        (
            1,
            "-a -t 192.0.2.1:80 -r 10.0.0.2:80 -m",
            "add 10.0.0.2:80 to TCP 192.0.2.1:80",
            true,
        ),
        (1, "-L -n", "read the version of IPVS", false),
        (1, "-S -n", "list the virtual services", false),
        (
            2,
            "-S -n",
            "list the destinations of TCP 192.0.2.1:80",
            false,
        ),
    ] {
        let command = preloaded(
            &director,
            program::SILENCE_AFTER,
            &datagrams.to_string(),
            words,
        );
        let Answer {
            stdout,
            stderr,
            status,
        } = Answer::of(command, "").unwrap();
        let open = if is_change {
            "; it may have been done all the same"
        } else {
            ""
        };
        let expected = format!("cannot {what}: the kernel does not answer{open}\n");
        assert_eq!((stdout.as_str(), stderr), ("", expected), "{words}");
        assert_ne!(status, 0, "{words}");
    }
    // They were done.
    assert_eq!(
        crate::ipvsadm(&director, "-S -n"),
        format!("-A {web} -s rr\n-a {web} -r 10.0.0.2:80 -m -w 1\n")
    );
}

#[test]
fn an_interrupt_ends_the_wait_for_an_answer() {
    let director = crate::namespace("director");
    let mut client = director.run(|| Client::open().unwrap()).unwrap();
    // A slow machine can take longer than the program waits.
    for port in 1..=20 {
        let words = format!("-A -t 192.0.2.1:{port} -s rr");
        let mut command = preloaded(&director, program::SILENCE_AFTER, "1", &words);
        let mut child = command.stderr(Stdio::null()).spawn().unwrap();
        let id = format!("TCP 192.0.2.1:{port}").parse().unwrap();
        while client.service(&id).is_err() {}
        // It is done, and the program waits for the answer.
        let pid = Pid::from_raw(child.id().try_into().unwrap());
        kill(pid, Signal::SIGINT).unwrap();
        if child.wait().unwrap().signal() == Some(Signal::SIGINT as i32) {
            return;
        }
    }
    panic!("no interrupt has ended it");
}
