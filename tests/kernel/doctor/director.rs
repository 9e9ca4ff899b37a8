// SPDX-License-Identifier: MIT

//! The checks of a director. The networks are those of the guides.

use ipvs_lab::wait;

use super::{NAT_ONE, Patient};

/// Two requests reach both servers of the virtual service with address IPv4.
const BOTH: &str = "for i in 1 2; do curl -s --max-time 2 http://198.51.100.100/ || exit 1; done \
    | sort | uniq | wc -l | grep -qx 2";
/// Two requests are answered.
const BOTH_OR_ONE: &str =
    "for i in 1 2; do curl -s --max-time 2 -o /dev/null http://198.51.100.100/ || exit 1; done";
/// As the first, of IPv6.
const BOTH_V6: &str = "for i in 1 2; do curl -s --max-time 2 'http://[2001:db8:1::100]/' || exit 1; \
    done | sort | uniq | wc -l | grep -qx 2";

/// As in docs/guides/nat.md.
const NAT: &str = "\
    director# sysctl -w net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
    director# ip address add 198.51.100.100/32 dev front
    director# ip address add 2001:db8:1::100/128 dev front nodad preferred_lft 0
    director# ipvsadm -A -t 198.51.100.100:80 -s rr
    director# ipvsadm -a -t 198.51.100.100:80 -r 10.0.0.2:80 -m
    director# ipvsadm -a -t 198.51.100.100:80 -r 10.0.0.3:80 -m
    director# ipvsadm -A -t [2001:db8:1::100]:80 -s rr
    director# ipvsadm -a -t [2001:db8:1::100]:80 -r [fd00::2]:80 -m
    director# ipvsadm -a -t [2001:db8:1::100]:80 -r [fd00::3]:80 -m";

fn nat(works: &'static str) -> Patient {
    Patient::new("behind behind", NAT, works)
}

#[test]
fn a_virtual_address_that_is_missing() {
    let mut v4 = nat(BOTH);
    v4.break_and_mend(
        "director# ip address del 198.51.100.100/32 dev front",
        "virtual-address",
        "virtual address 198.51.100.100 of TCP 198.51.100.100:80 is not on this director",
    );
    let mut v6 = nat(BOTH_V6);
    v6.break_and_mend(
        "director# ip address del 2001:db8:1::100/128 dev front",
        "virtual-address",
        "virtual address 2001:db8:1::100 of TCP [2001:db8:1::100]:80 is not on this director",
    );
}

#[test]
fn servers_that_are_all_quiesced() {
    let mut patient = nat(BOTH);
    patient.break_and_mend(
        "director# ipvsadm --drain -r 10.0.0.2
         director# ipvsadm --drain -r 10.0.0.3",
        "usable-server",
        "TCP 198.51.100.100:80 has no real server with a weight above 0",
    );
}

#[test]
fn forwarding_that_is_off() {
    let mut v4 = nat(BOTH);
    v4.break_and_mend(
        "director# sysctl -w net.ipv4.ip_forward=0",
        "ip-forward",
        "IPv4 forwarding is off, and TCP 198.51.100.100:80 masquerades",
    );
    v4.break_and_mend(
        "director# sysctl -w net.ipv4.conf.back.forwarding=0",
        "ip-forward",
        "IPv4 forwarding from back is off, and TCP 198.51.100.100:80 masquerades",
    );
    let mut v6 = nat(BOTH_V6);
    v6.break_and_mend(
        "director# sysctl -w net.ipv6.conf.all.forwarding=0",
        "ip-forward",
        "IPv6 forwarding is off, and TCP [2001:db8:1::100]:80 masquerades",
    );
}

/// One request is answered.
const ONE: &str = "curl -s --max-time 2 http://198.51.100.100/";

/// As in docs/guides/direct-routing.md, with one server.
const DIRECT_ROUTING: &str = "\
    server1# sysctl -w net.ipv4.conf.all.arp_ignore=1 net.ipv4.conf.all.arp_announce=2
    server1# ip address add 198.51.100.100/32 dev lo
    director# ip address add 198.51.100.100/32 dev front
    director# ipvsadm -A -t 198.51.100.100:80 -s rr
    director# ipvsadm -a -t 198.51.100.100:80 -r 198.51.100.11 -g";

/// As in docs/guides/tunneling.md, with one server.
const TUNNELING: &str = "\
    server1# ip link add ipip1 type ipip local 203.0.113.11
    server1# ip address add 198.51.100.100/32 dev ipip1
    server1# ip link set ipip1 up
    server1# sysctl -w net.ipv4.conf.all.rp_filter=2
    director# ip address add 198.51.100.100/32 dev front
    director# ipvsadm -A -t 198.51.100.100:80 -s rr
    director# ipvsadm -a -t 198.51.100.100:80 -r 203.0.113.11 -i";

#[test]
fn a_service_that_does_not_exist() {
    let mut patient = Patient::new("behind", NAT_ONE, ONE);
    patient.words = "-t 198.51.100.100:80";
    patient.expect_health();
    patient.run("director# ipvsadm -D -t 198.51.100.100:80");
    let finding = patient.find("service", "TCP 198.51.100.100:80 does not exist");
    patient.mend_with(&finding, &[("SERVER", "10.0.0.2"), ("METHOD", "-m")]);
}

#[test]
fn a_service_without_a_server() {
    let mut patient = Patient::new("behind", NAT_ONE, ONE);
    patient.run("director# ipvsadm -d -t 198.51.100.100:80 -r 10.0.0.2:80");
    assert!(!patient.is_working());
    let finding = patient.find("usable-server", "TCP 198.51.100.100:80 has no real server");
    patient.mend_with(&finding, &[("SERVER", "10.0.0.2:80"), ("METHOD", "-m")]);
}

#[test]
fn servers_that_are_full() {
    let mut patient = Patient::new("behind", NAT_ONE, ONE);
    // The connection of a request that has ended is still counted, and Linux 6.1 lets one
    // more come (docs/testing.md).
    patient.break_and_mend(
        "director# ipvsadm -e --keep -t 198.51.100.100:80 -r 10.0.0.2:80 -x 1
         client# curl -s --max-time 2 http://198.51.100.100/ || true",
        "usable-server",
        "TCP 198.51.100.100:80 has no real server that is below its upper threshold",
    );
}

#[test]
fn schedulers_that_leave_a_server_out() {
    let shared = "for i in 1 2 3 4 5 6 7 8; do curl -s --max-time 2 http://198.51.100.100/; done \
        | sort -u | wc -l | grep -qx 2";
    let mut patient = nat(shared);
    patient.break_and_mend(
        "director# ipvsadm -E --keep -t 198.51.100.100:80 -s dh",
        "scheduler",
        "TCP 198.51.100.100:80 chooses by the destination address (dh), which is always the same",
    );
    patient.break_and_mend(
        "director# ipvsadm -E --keep -t 198.51.100.100:80 -s lblc",
        "scheduler",
        "TCP 198.51.100.100:80 chooses by the destination address (lblc), which is always the same",
    );
    patient.break_and_mend(
        "director# ipvsadm -E --keep -t 198.51.100.100:80 -s none",
        "scheduler",
        "TCP 198.51.100.100:80 has no scheduler",
    );
}

#[test]
fn an_interface_to_the_servers_that_is_down() {
    let mut patient = Patient::new("behind", NAT_ONE, ONE);
    patient.break_and_mend(
        "director# ip link set back down",
        "server-route",
        "server 10.0.0.2:80 of TCP 198.51.100.100:80 is behind back, which is down",
    );
}

#[test]
fn servers_without_a_route() {
    let mut away = Patient::new("away", TUNNELING, ONE);
    away.run("director# ip route add unreachable 203.0.113.11/32");
    assert!(!away.is_working());
    let finding = away.find(
        "server-route",
        "server 203.0.113.11:80 of TCP 198.51.100.100:80 has no route",
    );
    away.mend_with(&finding, &[("ROUTER", "198.51.100.254")]);

    let mut beside = Patient::new("beside", DIRECT_ROUTING, ONE);
    beside.run("director# ip route add unreachable 198.51.100.11/32");
    assert!(!beside.is_working());
    let finding = beside.find(
        "server-route",
        "server 198.51.100.11:80 of TCP 198.51.100.100:80 has no route",
    );
    beside.mend_with(&finding, &[("INTERFACE", "front")]);
}

#[test]
fn a_device_that_puts_packets_together() {
    // A bond does that from the beginning where forwarding is off. No device of the lab has
    // packets for it to put together, so that traffic goes on.
    let mut patient = Patient::new("beside", DIRECT_ROUTING, ONE);
    patient.run(
        "director# ip link add bond0 type bond
         director# ip link set bond0 up",
    );
    let finding = patient.find(
        "large-receive",
        "bond0 puts arriving packets together (large receive offload)",
    );
    patient.mend(&finding);
}

#[test]
fn servers_whose_replies_go_another_way() {
    let mut patient = Patient::new("behind", NAT_ONE, ONE);
    // The kernel brings the counters up to date every two seconds: what came before counts
    // for a while after they were zeroed.
    patient.run(
        "server1# ip route replace default via 10.0.0.99
         director# until ipvsadm -Z && sleep 3 && ipvsadm -Ln --stats \
            | awk '$2 == \"10.0.0.2:80\" { exit $3 + $4 + $5 != 0 }'; do :; done",
    );
    let found = wait::for_value(&1, || {
        assert!(!patient.is_working());
        patient.look("").status
    });
    // Until the last packets are counted too.
    let counters = "sleep 3; ipvsadm -Ln --stats";
    let counters = patient.scene.run("director", counters, "");
    assert_eq!(found, 1, "{}", counters.stdout);
    let packets = "ipvsadm -L --json --stats | python3 -c 'import json, sys; \
        print(json.load(sys.stdin)[\"services\"][0][\"destinations\"][0][\"stats\"][\"in_packets\"])'";
    let packets = patient.scene.run("director", packets, "").stdout;
    let finding = patient.find(
        "server-replies",
        &format!(
            "server 10.0.0.2:80 of TCP 198.51.100.100:80 has got {} packets, and no reply came \
             back through this director",
            packets.trim()
        ),
    );
    // What mends it is for the server.
    assert_eq!(finding["commands"], serde_json::json!([]));
    let command = "ip route replace default via 10.0.0.1";
    let why = finding["why"].as_str().unwrap();
    assert!(why.contains(&format!("there: {command}")), "{why}");
    patient.run(&format!("server1# {command}"));
    assert!(patient.is_working());
    assert_eq!(wait::for_value(&0, || patient.look("").status), 0);
    patient.expect_health();
}

#[test]
fn an_interface_whose_name_a_shell_would_not_take() {
    let set_up = format!(
        "director# ip link set back down
         director# ip link set back name 'b;$HOME'
         director# ip link set 'b;$HOME' up
         {NAT_ONE}"
    );
    let mut patient = Patient::new("behind", &set_up, ONE);
    patient.break_and_mend(
        "director# ip link set 'b;$HOME' down",
        "server-route",
        "server 10.0.0.2:80 of TCP 198.51.100.100:80 is behind b;$HOME, which is down",
    );
    patient.break_and_mend(
        "director# sysctl -w 'net.ipv4.conf.b;$HOME.forwarding=0'",
        "ip-forward",
        "IPv4 forwarding from b;$HOME is off, and TCP 198.51.100.100:80 masquerades",
    );
}

#[test]
fn direct_routing_to_another_network() {
    let mut patient = Patient::new("away", TUNNELING, ONE);
    patient.break_and_mend(
        "director# ipvsadm -e --keep -t 198.51.100.100:80 -r 203.0.113.11 -g",
        "same-link",
        "server 203.0.113.11:80 of TCP 198.51.100.100:80 is behind the router 198.51.100.254, and \
         direct routing stays on one link",
    );
}

#[test]
fn another_port_with_direct_routing() {
    let mut patient = Patient::new(
        "behind",
        "director# sysctl -w net.ipv4.ip_forward=1
         director# ip address add 198.51.100.100/32 dev front
         director# ipvsadm -A -t 198.51.100.100:8080 -s rr
         director# ipvsadm -a -t 198.51.100.100:8080 -r 10.0.0.2:80 -m",
        "curl -s --max-time 2 http://198.51.100.100:8080/",
    );
    // No option asks for it: -g takes the port of the virtual service.
    patient.break_and_mend(
        "director# ipvsadm -S --json | sed s/masquerading/direct-routing/ > /run/table
         director# ipvsadm -C
         director# ipvsadm -R /run/table",
        "server-port",
        "server 10.0.0.2:80 of TCP 198.51.100.100:8080 gets packets for port 8080, because direct \
         routing keeps the port",
    );
}

#[test]
fn the_virtual_address_as_the_sender_of_a_tunnel() {
    let mut patient = Patient::new(
        "away",
        "server1# ip link add ip6tnl1 type ip6tnl mode ip6ip6 local 2001:db8:3::11
         server1# ip address add 2001:db8:1::100/128 dev ip6tnl1 nodad
         server1# ip link set ip6tnl1 up
         director# ip address add 2001:db8:1::100/128 dev front nodad preferred_lft 0
         director# ipvsadm -A -t [2001:db8:1::100]:80 -s rr
         director# ipvsadm -a -t [2001:db8:1::100]:80 -r 2001:db8:3::11 -i",
        "curl -s --max-time 2 'http://[2001:db8:1::100]/'",
    );
    patient.break_and_mend(
        "director# ip address del 2001:db8:1::100/128 dev front
         director# ip address add 2001:db8:1::100/128 dev front nodad",
        "tunnel-sender",
        "server [2001:db8:3::11]:80 of TCP [2001:db8:1::100]:80 is sent tunnel packets from \
         2001:db8:1::100, the virtual address",
    );
}

#[test]
fn a_director_that_is_its_own_server_and_hears_nothing() {
    let start = "director# cd /run; python3 -m http.server 80 > /run/log 2>&1 & echo $! > /run/web; \
         until curl -s -o /run/page http://198.51.100.100/; do sleep 0.2; done";
    let set_up = format!(
        "director# ip address add 198.51.100.100/32 dev front
         {start}
         director# ipvsadm -A -t 198.51.100.100:80 -s rr
         director# ipvsadm -a -t 198.51.100.100:80 -r 198.51.100.100 -g"
    );
    let mut patient = Patient::new("behind", &set_up, ONE);
    patient.run("director# kill $(cat /run/web)");
    assert!(!patient.is_working());
    let finding = patient.find(
        "local-server",
        "server 198.51.100.100:80 of TCP 198.51.100.100:80 is this director, and nothing listens \
         at 198.51.100.100:80",
    );
    // Nobody knows what should listen there.
    assert_eq!(finding["commands"], serde_json::json!([]));
    patient.run(start);
    patient.expect_health();

    // Where others take connections, it need not be asked.
    patient.works = BOTH_OR_ONE;
    patient.run(
        "director# sysctl -w net.ipv4.ip_forward=1
         director# ipvsadm -a -t 198.51.100.100:80 -r 10.0.0.2:80 -m",
    );
    patient.expect_health();
    patient.break_and_mend(
        "director# kill $(cat /run/web)",
        "local-server",
        "server 198.51.100.100:80 of TCP 198.51.100.100:80 is this director, and nothing listens \
         at 198.51.100.100:80",
    );
}

#[test]
fn a_mark_that_no_rule_sets() {
    let set = "director# iptables -t mangle -A PREROUTING -d 198.51.100.100 -p tcp --dport 80 \
        -j MARK --set-mark 1";
    let set_up = format!(
        "director# sysctl -w net.ipv4.ip_forward=1
         director# ip address add 198.51.100.100/32 dev front
         {set}
         director# ipvsadm -A -f 1 -s rr
         director# ipvsadm -a -f 1 -r 10.0.0.2 -m"
    );
    let mut patient = Patient::new("behind", &set_up, ONE);
    patient.run("director# iptables -t mangle -F");
    assert!(!patient.is_working());
    let finding = patient.find(
        "firewall-mark",
        "fwmark 1 is set by no rule of the firewall",
    );
    patient.mend_with(
        &finding,
        &[
            ("ADDRESS", "198.51.100.100"),
            ("PROTOCOL", "tcp"),
            ("PORT", "80"),
        ],
    );
}

#[test]
fn connections_that_are_not_tracked_where_the_firewall_needs_it() {
    // As in docs/guides/full-nat.md.
    let mut translated = Patient::new(
        "beside",
        "director# sysctl -w net.ipv4.ip_forward=1 net.ipv4.vs.conntrack=1
         director# ip address add 198.51.100.100/32 dev front
         director# ipvsadm -A -t 198.51.100.100:80 -s rr
         director# ipvsadm -a -t 198.51.100.100:80 -r 198.51.100.11:80 -m
         director# iptables -t nat -A POSTROUTING -m ipvs --vaddr 198.51.100.100 \
            -j SNAT --to-source 198.51.100.1",
        ONE,
    );
    translated.break_and_mend(
        "director# sysctl -w net.ipv4.vs.conntrack=0",
        "conntrack",
        "net.ipv4.vs.conntrack is 0, and the firewall translates the senders of packets that IPVS \
         forwards",
    );
    let set_up = format!(
        "{NAT_ONE}
         director# sysctl -w net.ipv4.vs.conntrack=1
         director# iptables -P FORWARD DROP
         director# iptables -A FORWARD -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT"
    );
    let mut judged = Patient::new("behind", &set_up, ONE);
    judged.break_and_mend(
        "director# sysctl -w net.ipv4.vs.conntrack=0",
        "conntrack",
        "net.ipv4.vs.conntrack is 0, and the firewall looks at the states of connections that are \
         forwarded",
    );
}

#[test]
fn clients_behind_another_interface() {
    // The client asks from an address to which the director has another way.
    let set_up = format!(
        "{DIRECT_ROUTING}
         client# ip address add 192.0.2.7/32 dev eth0
         server1# ip route add 192.0.2.7/32 via 198.51.100.2
         director# sysctl -w net.ipv4.conf.all.rp_filter=2
         director# ip route add 192.0.2.7/32 dev back"
    );
    let works = "curl -s --max-time 2 --interface 192.0.2.7 http://198.51.100.100/";
    let mut patient = Patient::new("beside", &set_up, works);
    patient.run("director# sysctl -w net.ipv4.conf.all.rp_filter=1");
    assert!(!patient.is_working());
    let dropped = patient.scene.run(
        "director",
        "nstat -asz TcpExtIPReversePathFilter | awk '/Reverse/ { print $2 }'",
        "",
    );
    let sentence = format!(
        "the reverse path filter is strict on front, back, and has dropped {} packets",
        dropped.stdout.trim()
    );
    let finding = patient.find("reverse-path", &sentence);
    patient.mend(&finding);
}

#[test]
fn a_director_that_stands_by_does_not_miss_the_addresses() {
    let mut patient = Patient::new("behind", NAT_ONE, ONE);
    patient.run(
        "director# ip address del 198.51.100.100/32 dev front
         director# ipvsadm --start-daemon backup --mcast-interface back",
    );
    let answer = patient.look("");
    assert_eq!(
        (answer.stdout.as_str(), answer.status),
        (
            "not looked at: virtual-address (198.51.100.100 is not on this director, and this one \
             only has the sync daemon of a backup)\n",
            0
        )
    );
}

#[test]
fn whoever_may_not_ask_the_kernel_is_told_what_was_not_looked_at() {
    let mut patient = Patient::new("behind", NAT_ONE, ONE);
    patient.run("director# ip address del 198.51.100.100/32 dev front");
    let command = "setpriv --reuid 65534 --regid 65534 --clear-groups ipvsadm --doctor";
    let answer = patient.scene.run("director", command, "");
    assert_eq!(answer.status, 1);
    for line in [
        "virtual-address: virtual address 198.51.100.100 of TCP 198.51.100.100:80 is not on this \
         director",
        "not looked at: usable-server (only root can see which servers have reached their upper \
         thresholds)",
    ] {
        assert!(
            answer.stdout.lines().any(|found| found == line),
            "{answer:?}"
        );
    }
}
