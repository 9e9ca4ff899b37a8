// SPDX-License-Identifier: MIT

//! The form for people.

use ipvs_lab::{Namespace, cluster::Cluster, http::PORT};

use crate::{
    connections::await_connections_counted, ipvsadm, namespace, program::restore, watch::Terminal,
};

/// Something of everything that a line can show.
const RULES: &str = "\
-A -t 10.0.0.1:80 -s wrr
-a -t 10.0.0.1:80 -r 10.0.0.2:8080 -m -w 3
-a -t 10.0.0.1:80 -r 10.0.0.3:80 -g -w 0 -x 100 -y 50
-a -t 10.0.0.1:80 -r 10.0.0.4:80 -i -w 2 --tun-type ipip
-a -t 10.0.0.1:80 -r 10.0.0.5:80 -i -w 1 --tun-type gue --tun-port 6080 --tun-remcsum
-a -t 10.0.0.1:80 -r [2001:db8::2]:80 -i -w 1 --tun-type gre --tun-csum
-A -t 200.0.0.1:0 -s wlc -p 60 -M 255.255.255.0
-A -u 10.0.0.1:5060 -s wlc -p 360 --pe sip -o
-A --sctp-service 10.0.0.1:132 -s sh -b sh-fallback,sh-port
-A -t [2001:db8:1111:2222:3333:4444:5555:6666]:80 -s rr
-a -t [2001:db8:1111:2222:3333:4444:5555:6666]:80 -r [2001:db8:1111:2222:3333:4444:5555:7777]:8080 -m -w 1
-A -u [2001:db8::1]:53 -s wlc -p 100 -M 64
-A -f 5 -s rr
-A -f 5 -6 -s rr
";

#[test]
fn nothing_is_cut_and_every_column_is_aligned() {
    let director = namespace("director");
    restore(&director, RULES);
    assert_eq!(
        ipvsadm(&director, "-L -n --output wide"),
        "\
IP Virtual Server 1.2.1, connection table of 4096 buckets

Service                                          Scheduler
  Server                                         Forwarding      Weight      %  Active  Inactive  %  Details
TCP 10.0.0.1:80                                  wrr                  7      -       0         0  -
  10.0.0.2:8080                                  masquerading         3   42.9       0         0  -
  10.0.0.3:80                                    direct routing       0    0.0       0         0  -  quiesced
  10.0.0.4:80                                    tunneling            2   28.6       0         0  -  ipip
  10.0.0.5:80                                    tunneling            1   14.3       0         0  -  gue port 6080, remote checksum
  [2001:db8::2]:80                               tunneling            1   14.3       0         0  -  gre, checksum
TCP 200.0.0.1:0                                  wlc                  0      -       0         0  -  persistent 60 s, mask 255.255.255.0, no servers
UDP 10.0.0.1:5060                                wlc                  0      -       0         0  -  persistent 360 s, engine sip, one-packet, no servers
SCTP 10.0.0.1:132                                sh                   0      -       0         0  -  sh-fallback, sh-port, no servers
TCP [2001:db8:1111:2222:3333:4444:5555:6666]:80  rr                   1      -       0         0  -
  [2001:db8:1111:2222:3333:4444:5555:7777]:8080  masquerading         1  100.0       0         0  -
UDP [2001:db8::1]:53                             wlc                  0      -       0         0  -  persistent 100 s, mask /64, no servers
FWM 5                                            rr                   0      -       0         0  -  no servers
FWM 5 IPv6                                       rr                   0      -       0         0  -  no servers
"
    );
}

#[test]
fn views_choose_the_columns_of_one_service() {
    let director = namespace("director");
    restore(&director, RULES);
    ipvsadm(&director, "-D -t 10.0.0.1:80");
    restore(
        &director,
        "-A -t 10.0.0.1:80 -s wlc -p 60\n\
         -a -t 10.0.0.1:80 -r 10.0.0.5:80 -i -w 0 --tun-type gre --tun-nocsum -x 7 -y 3\n",
    );
    let first = "IP Virtual Server 1.2.1, connection table of 4096 buckets\n\n";
    for (view, text) in [
        (
            "--stats",
            "\
Service                         In      Out     In    Out
  Server         Conns  %  packets  packets  bytes  bytes  Details
TCP 10.0.0.1:80      0  -        0        0      0      0  wlc, persistent 60 s
  10.0.0.5:80        0  -        0        0      0      0  quiesced
",
        ),
        (
            "--rate",
            "\
Service                             In        Out       In      Out
  Server         Conns/s  %  packets/s  packets/s  bytes/s  bytes/s  Details
TCP 10.0.0.1:80        0  -          0          0        0        0  wlc, persistent 60 s
  10.0.0.5:80          0  -          0          0        0        0  quiesced
",
        ),
        (
            "--rate --stats",
            "\
Service                         In      Out     In    Out                     In        Out       In      Out
  Server         Conns  %  packets  packets  bytes  bytes  Conns/s  %  packets/s  packets/s  bytes/s  bytes/s  Details
TCP 10.0.0.1:80      0  -        0        0      0      0        0  -          0          0        0        0  wlc, persistent 60 s
  10.0.0.5:80        0  -        0        0      0      0        0  -          0          0        0        0  quiesced
",
        ),
        (
            "--tun-info --nosort",
            "\
Service          Scheduler
  Server         Forwarding  Tunnel            Weight  %  Active  Inactive  %  Details
TCP 10.0.0.1:80  wlc         -                      0  -       0         0  -  persistent 60 s
  10.0.0.5:80    tunneling   gre, no checksum       0  -       0         0  -  quiesced
",
        ),
        (
            "--thresholds",
            "\
Service          Upper  Lower
  Server         limit  limit  Active  Inactive  %  Details
TCP 10.0.0.1:80      -      -       0         0  -  wlc, persistent 60 s
  10.0.0.5:80        7      3       0         0  -  quiesced
",
        ),
        (
            "--persistent-conn",
            "\
Service
  Server         Weight  %  Persistent  Active  Inactive  %  Details
TCP 10.0.0.1:80       0  -           0       0         0  -  wlc, persistent 60 s
  10.0.0.5:80         0  -           0       0         0  -  quiesced
",
        ),
    ] {
        assert_eq!(
            ipvsadm(
                &director,
                &format!("-L -n --output wide -t 10.0.0.1:80 {view}")
            ),
            format!("{first}{text}"),
            "{view}"
        );
    }
}

#[test]
fn names_are_shown_in_full_unless_numbers_are_wanted() {
    let director = namespace("director");
    restore(&director, "-A -t 127.0.0.1:80 -s rr\n");
    let listing = ipvsadm(&director, "-L --output wide");
    assert!(listing.contains("TCP localhost:http "), "{listing}");
    let listing = ipvsadm(&director, "-L -n --output wide");
    assert!(listing.contains("TCP 127.0.0.1:80 "), "{listing}");
}

#[test]
fn an_empty_table_says_so() {
    let director = namespace("director");
    assert_eq!(
        ipvsadm(&director, "-L --output wide"),
        "IP Virtual Server 1.2.1, connection table of 4096 buckets\n\n\
         There are no virtual services.\n"
    );
}

/// The words of the line about this service or server.
fn words(listing: &str, name: &str) -> Vec<String> {
    let line = listing.lines().find(|line| line.contains(name));
    line.unwrap()
        .split_ascii_whitespace()
        .map(str::to_owned)
        .collect()
}

#[test]
fn connections_are_shared_out_and_full_servers_are_marked() {
    ipvs_lab::program::path().unwrap();
    let cluster = Cluster::new(2).unwrap();
    let director = &cluster.director;
    let service = cluster.address();
    ipvsadm(director, &format!("-A -t {service} -s wrr"));
    for (server, weight) in cluster.servers.iter().zip([3, 1]) {
        let address = server.address;
        ipvsadm(
            director,
            &format!("-a -t {service} -r {address}:{PORT} -m -w {weight}"),
        );
    }
    let [first, second] = [0, 1].map(|number: usize| cluster.servers[number].address.to_string());
    cluster.requests(8, || ()).unwrap();
    await_connections_counted(&cluster, 8);

    let listing = ipvsadm(director, "-L -n --output wide");
    let columns = |name| words(&listing, name);
    assert_eq!(columns(&first)[1..4], ["masquerading", "3", "75.0"]);
    assert_eq!(columns(&second)[1..4], ["masquerading", "1", "25.0"]);
    assert_eq!(columns(&first)[6], "75.0", "{listing}");
    assert_eq!(columns(&second)[6], "25.0", "{listing}");

    let listing = ipvsadm(director, "-L -n --output wide --stats");
    assert_eq!(words(&listing, "TCP ")[2..4], ["8", "-"]);
    assert_eq!(words(&listing, &first)[1..3], ["6", "75.0"]);
    assert_eq!(words(&listing, &second)[1..3], ["2", "25.0"]);
    let human = words(&listing, "TCP ");
    let exact = ipvsadm(director, "-L -n --output wide --stats --exact");
    let exact = words(&exact, "TCP ");
    // Eight requests are thousands of bytes.
    let bytes: u64 = exact[6].parse().unwrap();
    assert!((1000..100_000).contains(&bytes), "{exact:?}");
    let tenths = (bytes + 50) / 100;
    assert_eq!(human[6], format!("{}.{}k", tenths / 10, tenths % 10));

    ipvsadm(
        director,
        &format!("-e -t {service} -r {second}:{PORT} -m -w 1 -x 2"),
    );
    let listing = ipvsadm(director, "-L -n --output wide");
    assert_eq!(
        words(&listing, &second)[7..].join(" "),
        "upper threshold 2 reached"
    );
    assert_eq!(words(&listing, &first).len(), 7, "{listing}");
}

fn on_terminal(director: &Namespace, environment: &str) -> String {
    let program = ipvs_lab::program::path().unwrap();
    let command = format!("{environment} '{}' -L -n --output wide", program.display());
    Terminal::start(director, &command).end()
}

#[test]
fn colour_is_for_terminals_whose_owner_wants_it() {
    let director = namespace("director");
    restore(&director, RULES);
    let plain = ipvsadm(&director, "-L -n --output wide");
    assert!(!plain.contains('\x1b'), "{plain}");
    let coloured = plain.replace("quiesced", "\x1b[0;33mquiesced\x1b[0m");
    for (environment, text) in [
        ("", &coloured),
        ("NO_COLOR=", &coloured),
        ("NO_COLOR=1", &plain),
        ("TERM=dumb", &plain),
    ] {
        let shown = on_terminal(&director, environment).replace("\r\n", "\n");
        assert_eq!(&shown, text, "{environment}");
    }
}
