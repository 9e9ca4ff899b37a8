// SPDX-License-Identifier: MIT

//! Mistakes in command lines: the expected words and statuses are those of ipvsadm
//! 1.31.

use super::wrong;

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
