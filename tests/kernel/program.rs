// SPDX-License-Identifier: MIT

//! Each command of the program against a real kernel.

use std::{fs, io::Write, process::Stdio};

use ipvs_lab::wait;

use crate::{ipvsadm, namespace, watch::Terminal};

/// A table with something of everything that -S can write.
pub(crate) const RULES: &str = "\
-A -t 10.0.0.1:80 -s wrr
-a -t 10.0.0.1:80 -r 10.0.0.2:8080 -m -w 3
-a -t 10.0.0.1:80 -r 10.0.0.3:80 -g -w 0 -x 100 -y 50
-a -t 10.0.0.1:80 -r 10.0.0.4:80 -i -w 65535 --tun-type ipip
-a -t 10.0.0.1:80 -r 10.0.0.5:80 -i -w 1 --tun-type gue --tun-port 6080 --tun-nocsum
-a -t 10.0.0.1:80 -r 10.0.0.6:80 -i -w 1 --tun-type gue --tun-port 6080 --tun-csum
-a -t 10.0.0.1:80 -r 10.0.0.7:80 -i -w 1 --tun-type gue --tun-port 6080 --tun-remcsum
-a -t 10.0.0.1:80 -r 10.0.0.8:80 -i -w 1 --tun-type gre --tun-nocsum
-a -t 10.0.0.1:80 -r 10.0.0.9:80 -i -w 1 --tun-type gre --tun-csum
-a -t 10.0.0.1:80 -r [2001:db8::2]:80 -i -w 1 --tun-type ipip
-A -t 200.0.0.1:0 -s wlc -p 60 -M 255.255.255.0
-A -u 10.0.0.1:53 -s rr -o
-A -u 10.0.0.1:5060 -s wlc -p 360 --pe sip
-A --sctp-service 10.0.0.1:132 -s sh -b sh-fallback,sh-port
-A -t [2001:db8::1]:80 -s mh -b mh-port
-a -t [2001:db8::1]:80 -r 10.0.0.2:80 -i -w 1 --tun-type ipip
-a -t [2001:db8::1]:80 -r [2001:db8::2]:8080 -m -w 1
-A -u [2001:db8::1]:53 -s wlc -p 100 -M 64
-A -f 5 -s wlc -b flag-1
-a -f 5 -r 10.0.0.2:0 -m -w 1
-a -f 5 -r 10.0.0.2:8080 -g -w 1
-A -f 5 -6 -s wlc -p 360
-a -f 5 -6 -r [2001:db8::2]:0 -m -w 1
-A -f 4294967295 -s rr
";

pub(crate) fn restore(director: &ipvs_lab::Namespace, rules: &str) {
    let answer = ipvs_lab::ipvsadm_reading(director, ["-R"], rules).unwrap();
    assert_eq!((answer.stderr.as_str(), answer.status), ("", 0));
}

#[test]
fn what_is_restored_is_saved_again_to_the_letter() {
    let director = namespace("director");
    restore(&director, RULES);
    assert_eq!(ipvsadm(&director, "-S -n"), RULES);
    ipvsadm(&director, "-C");
    assert_eq!(ipvsadm(&director, "-S -n"), "");
    restore(&director, RULES);
    assert_eq!(ipvsadm(&director, "-S -n"), RULES);
}

#[test]
fn what_is_saved_with_names_restores_the_same_table() {
    let director = namespace("director");
    restore(&director, RULES);
    let named = ipvsadm(&director, "-S");
    assert!(named.contains("-A -t 10.0.0.1:http -s wrr\n"), "{named}");
    ipvsadm(&director, "-C");
    restore(&director, &named);
    assert_eq!(ipvsadm(&director, "-S -n"), RULES);
}

#[test]
fn a_listing_shows_services_in_order_with_their_destinations() {
    let director = namespace("director");
    restore(&director, RULES);
    let listing = ipvsadm(&director, "-L -n");
    assert_eq!(
        listing,
        "\
IP Virtual Server version 1.2.1 (size=4096)
Prot LocalAddress:Port Scheduler Flags
  -> RemoteAddress:Port           Forward Weight ActiveConn InActConn
TCP  10.0.0.1:80 wrr
  -> 10.0.0.2:8080                Masq    3      0          0         
  -> 10.0.0.3:80                  Route   0      0          0         
  -> 10.0.0.4:80                  Tunnel  65535  0          0         
  -> 10.0.0.5:80                  Tunnel  1      0          0         
  -> 10.0.0.6:80                  Tunnel  1      0          0         
  -> 10.0.0.7:80                  Tunnel  1      0          0         
  -> 10.0.0.8:80                  Tunnel  1      0          0         
  -> 10.0.0.9:80                  Tunnel  1      0          0         
  -> [2001:db8::2]:80             Tunnel  1      0          0         
TCP  200.0.0.1:0 wlc persistent 60 mask 255.255.255.0
UDP  10.0.0.1:53 rr ops
UDP  10.0.0.1:5060 wlc persistent 360 pe sip
SCTP 10.0.0.1:132 sh (sh-fallback,sh-port)
TCP  [2001:db8::1]:80 mh (mh-port)
  -> 10.0.0.2:80                  Tunnel  1      0          0         
  -> [2001:db8::2]:8080           Masq    1      0          0         
UDP  [2001:db8::1]:53 wlc persistent 100 mask 64
FWM  5 wlc (flag-1)
  -> 10.0.0.2:0                   Masq    1      0          0         
  -> 10.0.0.2:8080                Route   1      0          0         
FWM  5 IPv6 wlc persistent 360
  -> [2001:db8::2]:0              Masq    1      0          0         
FWM  4294967295 rr
"
    );
    assert_eq!(ipvsadm(&director, "-l -n"), listing);
}

#[test]
fn every_view_has_its_columns() {
    let director = namespace("director");
    restore(
        &director,
        "-A -t 10.0.0.1:80 -s rr\n\
         -a -t 10.0.0.1:80 -r 10.0.0.2 -i --tun-type gue --tun-port 6080 --tun-remcsum -x 7 -y 3\n",
    );
    for (view, text) in [
        (
            "--stats",
            "\
Prot LocalAddress:Port               Conns   InPkts  OutPkts  InBytes OutBytes
  -> RemoteAddress:Port
TCP  10.0.0.1:80                         0        0        0        0        0
  -> 10.0.0.2:80                         0        0        0        0        0
",
        ),
        (
            "--rate --exact",
            "\
Prot LocalAddress:Port                 CPS    InPPS   OutPPS    InBPS   OutBPS
  -> RemoteAddress:Port
TCP  10.0.0.1:80                         0        0        0        0        0
  -> 10.0.0.2:80                         0        0        0        0        0
",
        ),
        (
            "--thresholds",
            "\
Prot LocalAddress:Port            Uthreshold Lthreshold ActiveConn InActConn 
  -> RemoteAddress:Port
TCP  10.0.0.1:80 rr
  -> 10.0.0.2:80                  7          3          0          0         
",
        ),
        (
            "--persistent-conn",
            "\
Prot LocalAddress:Port            Weight    PersistConn ActiveConn InActConn 
  -> RemoteAddress:Port
TCP  10.0.0.1:80 rr
  -> 10.0.0.2:80                  1         0           0          0         
",
        ),
        (
            "--tun-info --nosort",
            "\
Prot LocalAddress:Port Scheduler Flags
  -> RemoteAddress:Port           Forward TunnelInfo    Weight ActiveConn InActConn
TCP  10.0.0.1:80 rr
  -> 10.0.0.2:80                  Tunnel  gue:6080:r+c  1      0          0         
",
        ),
    ] {
        assert_eq!(
            ipvsadm(&director, &format!("-L -n -t 10.0.0.1:80 {view}")),
            text,
            "{view}"
        );
    }
}

#[test]
fn editing_replaces_every_setting() {
    let director = namespace("director");
    ipvsadm(
        &director,
        "-A -u 10.0.0.1:80 -s rr -p 60 --pe sip -o -b flag-2",
    );
    ipvsadm(&director, "-a -u 10.0.0.1:80 -r 10.0.0.2 -m -w 9 -x 5");
    ipvsadm(&director, "-E -u 10.0.0.1:80");
    ipvsadm(&director, "-e -u 10.0.0.1:80 -r 10.0.0.2");
    assert_eq!(
        ipvsadm(&director, "-S -n"),
        "-A -u 10.0.0.1:80 -s wlc\n-a -u 10.0.0.1:80 -r 10.0.0.2:80 -g -w 1\n"
    );
}

#[test]
fn services_and_servers_are_removed_one_by_one() {
    let director = namespace("director");
    restore(&director, RULES);
    ipvsadm(&director, "-d -t 10.0.0.1:80 -r 10.0.0.2:8080");
    ipvsadm(&director, "-d -t [2001:db8::1]:80 -r 10.0.0.2:80");
    ipvsadm(&director, "-D -f 5 -6");
    ipvsadm(&director, "-D --sctp-service 10.0.0.1:132");
    let gone = [
        "-a -t 10.0.0.1:80 -r 10.0.0.2:8080 ",
        "-a -t [2001:db8::1]:80 -r 10.0.0.2:80 ",
        "-A -f 5 -6 ",
        "-a -f 5 -6 ",
        "-A --sctp-service ",
    ];
    let left: String = RULES
        .lines()
        .filter(|line| !gone.iter().any(|start| line.starts_with(start)))
        .map(|line| format!("{line}\n"))
        .collect();
    assert_eq!(ipvsadm(&director, "-S -n"), left);
}

#[test]
fn timeouts_are_set_and_zero_leaves_one_as_it_is() {
    let director = namespace("director");
    assert_eq!(
        ipvsadm(&director, "-L --timeout"),
        "Timeout (tcp tcpfin udp): 900 120 300\n"
    );
    ipvsadm(&director, "--set 7200 0 60");
    assert_eq!(
        ipvsadm(&director, "-L --timeout"),
        "Timeout (tcp tcpfin udp): 7200 120 60\n"
    );
}

#[test]
fn both_synchronization_daemons_start_show_and_stop() {
    let director = namespace("director");
    crate::add_sync_interface(&director);
    ipvsadm(
        &director,
        "--start-daemon master --mcast-interface sync0 --syncid 3",
    );
    ipvsadm(
        &director,
        "--start-daemon backup --mcast-interface sync0 --syncid 5 --sync-maxlen 1400 \
         --mcast-group 224.0.0.82 --mcast-port 9000 --mcast-ttl 3",
    );
    assert_eq!(
        ipvsadm(&director, "-L --daemon"),
        "master sync daemon (mcast=sync0, syncid=3, maxlen=1472, group=224.0.0.81, port=8848, \
         ttl=1)\n\
         backup sync daemon (mcast=sync0, syncid=5, maxlen=1400, group=224.0.0.82, port=9000, \
         ttl=3)\n"
    );
    ipvsadm(&director, "--stop-daemon master");
    assert!(ipvsadm(&director, "-L --daemon").starts_with("backup"));
    ipvsadm(&director, "--stop-daemon backup");
    assert_eq!(ipvsadm(&director, "-L --daemon"), "");
}

#[test]
fn a_daemon_that_is_stopped_at_once_is_stopped() {
    let director = namespace("director");
    crate::add_sync_interface(&director);
    restore(
        &director,
        "--start-daemon backup --mcast-interface sync0\n--stop-daemon backup\n",
    );
    assert_eq!(ipvsadm(&director, "-L --daemon"), "");
}

#[test]
fn rules_are_tried_to_the_end_and_the_last_decides_the_status() {
    let director = namespace("director");
    let rules = "# rules\n\
                 ipvsadm -A -t 10.0.0.1:80 -s rr\r\n\
                 \n\
                 -D -t 10.0.0.9:80\n\
                 \t-A -t 10.0.0.2:80 -s rr";
    let answer = ipvs_lab::ipvsadm_reading(&director, ["-R"], rules).unwrap();
    assert_eq!(
        (answer.stderr.as_str(), answer.status),
        ("No such service\n", 0)
    );
    let answer = ipvs_lab::ipvsadm_reading(&director, ["-R"], "-D -t 10.0.0.9:80\n").unwrap();
    assert_eq!(
        (answer.stderr.as_str(), answer.status),
        ("No such service\n", 255)
    );
    assert_eq!(
        ipvsadm(&director, "-S -n"),
        "-A -t 10.0.0.1:80 -s rr\n-A -t 10.0.0.2:80 -s rr\n"
    );
}

#[test]
fn a_wrong_rule_ends_it_and_what_came_before_stays() {
    let director = namespace("director");
    let rules = "-A -t 10.0.0.1:80 -s rr\n-A -t 10.0.0.2:80 -w 1\n-A -t 10.0.0.3:80 -s rr\n";
    let answer = ipvs_lab::ipvsadm_reading(&director, ["-R"], rules).unwrap();
    assert_eq!(
        (answer.stderr.as_str(), answer.status),
        (
            "Illegal 'weight' option with the 'add-service' command\n",
            2
        )
    );
    assert_eq!(ipvsadm(&director, "-S -n"), "-A -t 10.0.0.1:80 -s rr\n");
}

#[test]
fn a_terminal_is_told_that_there_were_no_rules_to_restore() {
    let director = namespace("director");
    restore(&director, RULES);
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("ipvsadm-restore");
    std::os::unix::fs::symlink(ipvs_lab::program::path().unwrap(), &program).unwrap();
    let command = format!("'{}' foo < /dev/null", program.display());
    assert_eq!(
        Terminal::start(&director, &command).end(),
        "ipvsadm-restore: warning: ignoring foo\r\n\
         no rules on standard input: the table has been cleared\r\n"
    );
    assert_eq!(ipvsadm(&director, "-S -n"), "");
}

#[test]
fn rules_may_list_what_the_rules_before_them_made() {
    let director = namespace("director");
    let rules = "-A -t 10.0.0.1:80 -s rr\n-S -n\n-C\n-S -n\n";
    let answer = ipvs_lab::ipvsadm_reading(&director, ["-R"], rules).unwrap();
    assert_eq!(answer.stdout, "-A -t 10.0.0.1:80 -s rr\n");
}

/// The socket to the kernel must not get their numbers: what is printed would
/// be sent to the kernel.
#[test]
fn closed_standard_streams_are_opened_before_the_socket_to_the_kernel_is() {
    let director = namespace("director");
    let mut child = director
        .command("sh")
        .args(["-c", "exec \"$0\" -R >&- 2>&-"])
        .arg(ipvs_lab::program::path().unwrap())
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(b"-A -f 1 -s rr\n").unwrap();
    let rule = "-A -f 1 -s rr\n".to_owned();
    assert_eq!(wait::for_value(&rule, || ipvsadm(&director, "-S -n")), rule);
    for stream in [1, 2] {
        let file = fs::read_link(format!("/proc/{}/fd/{stream}", child.id())).unwrap();
        assert_eq!(file.to_str(), Some("/dev/null"), "{stream}");
    }
    drop(stdin);
    assert!(child.wait().unwrap().success());
}

#[test]
fn a_full_disk_is_a_failure() {
    let director = namespace("director");
    restore(&director, RULES);
    let mut command = director.command("sh");
    command
        .args(["-c", "\"$0\" -S -n > /dev/full"])
        .arg(ipvs_lab::program::path().unwrap());
    let full = ipvs_lab::Answer::of(command, "").unwrap();
    assert_eq!(
        (full.stderr.as_str(), full.status),
        (
            "cannot write to standard output: No space left on device (os error 28)\n",
            1
        )
    );
}

#[test]
fn a_rule_takes_effect_before_the_next_one_comes() {
    let director = namespace("director");
    let mut command = director.command(ipvs_lab::program::path().unwrap());
    let mut child = command
        .arg("-R")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    for last in 1..=3 {
        let rule = format!("-A -t 10.0.0.{last}:80 -s rr\n");
        stdin.write_all(rule.as_bytes()).unwrap();
        let has_effect = wait::for_value(&true, || ipvsadm(&director, "-S -n").contains(&rule));
        assert!(has_effect, "{rule}");
    }
    drop(stdin);
    assert!(child.wait().unwrap().success());
}

#[test]
fn thousands_of_rules_all_arrive_and_each_refusal_is_told() {
    let director = namespace("director");
    let mut rules = String::new();
    for number in 0..3000 {
        // One in three is there already, all in the same batches.
        let (high, low) = (number / 3 * 2 / 250, number / 3 * 2 % 250 + number % 3 % 2);
        rules.push_str(&format!("-A -t 10.0.{high}.{low}:80 -s rr\n"));
    }
    let answer = ipvs_lab::ipvsadm_reading(&director, ["-R"], &rules).unwrap();
    assert_eq!(answer.stderr, "Service already exists\n".repeat(1000));
    assert_eq!(answer.status, 255);
    assert_eq!(ipvsadm(&director, "-S -n").lines().count(), 2000);
}
