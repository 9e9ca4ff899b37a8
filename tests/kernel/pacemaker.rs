// SPDX-License-Identifier: MIT

//! The example of a cluster in docs/examples/pacemaker: Pacemaker's own programs judge it,
//! say what a cluster would do with it, and run the resource agents as a cluster does.

use ipvs_lab::wait;

use crate::guides::Scene;

/// Exit statuses of resource agents (the OCF resource agent API).
const OK: u8 = 0;
const NOT_RUNNING: u8 = 7;

/// The network of docs/guides/failover.md.
const NETWORK: &str = "<!-- network: behind behind backup -->";
const EXAMPLE: &str = "/usr/share/doc/ipvsadm/docs/examples/pacemaker";
/// A cluster's configuration that has the example and both directors.
const CONFIGURE: &str = r#"
set -e
cibadmin --empty > /run/cib.xml
mkdir -p /etc/ha.d
cp "$EXAMPLE/ldirectord.cf" /etc/ha.d
cibadmin --modify --allow-create --scope configuration --xml-file "$EXAMPLE/directors.xml"
cibadmin --modify --allow-create --scope nodes --xml-text \
    '<nodes><node id="1" uname="director"/><node id="2" uname="backup"/></nodes>'
crm_attribute --name stonith-enabled --update false
crm_verify --verbose --xml-file /run/cib.xml
"#;
const TABLE: &str = "\
-A -t 198.51.100.100:80 -s rr
-a -t 198.51.100.100:80 -r 10.0.0.2:80 -m -w 1
-a -t 198.51.100.100:80 -r 10.0.0.3:80 -m -w 1
-A -t [2001:db8:1::100]:80 -s rr
-a -t [2001:db8:1::100]:80 -r [fd00::2]:80 -m -w 1
-a -t [2001:db8:1::100]:80 -r [fd00::3]:80 -m -w 1
";
/// Each with the one that it needs before it.
const ADDRESSES: [&str; 4] = ["vip", "gateway", "vip6", "gateway6"];

/// Two directors with the example.
struct Cluster(Scene);

impl Cluster {
    fn new() -> Self {
        let mut cluster = Self(Scene::new(NETWORK));
        for director in ["director", "backup"] {
            assert_eq!(cluster.run(director, CONFIGURE), (String::new(), 0));
        }
        cluster
    }

    fn run(&mut self, place: &str, command: &str) -> (String, u8) {
        let environment = format!("export CIB_file=/run/cib.xml EXAMPLE={EXAMPLE}");
        let answer = self.0.run(place, &format!("{environment}\n{command}"), "");
        (answer.stdout, answer.status)
    }

    fn assert_run(&mut self, place: &str, command: &str) -> String {
        let (output, status) = self.run(place, command);
        assert_eq!(status, 0, "{place}# {command}\n{output}");
        output
    }

    /// Has a resource agent do something, with the parameters of the example and the
    /// environment of a cluster.
    fn act(&mut self, place: &str, action: &str, resource: &str) -> u8 {
        // 20 seconds are usual, and too few for a machine with other work.
        let command = format!("crm_resource --resource {resource} --{action} --timeout 300s");
        let (output, status) = self.run(place, &command);
        let says = format!(" returned {status} (");
        assert!(output.contains(&says), "{place}# {command}\n{output}");
        status
    }

    /// Starts everything in the order of the example.
    fn start(&mut self, place: &str) {
        assert_eq!(self.act(place, "force-start", "ldirectord"), OK);
        self.await_table(place);
        for address in ADDRESSES {
            assert_eq!(self.act(place, "force-start", address), OK);
            assert_eq!(self.act(place, "force-check", address), OK);
        }
    }

    fn await_table(&mut self, place: &str) {
        let wanted = TABLE.to_owned();
        let seen = wait::for_value(&wanted, || self.assert_run(place, "ipvsadm -S -n"));
        assert_eq!(seen, wanted);
    }

    /// Asks each virtual address twice: both servers must answer.
    fn assert_balanced(&mut self) {
        for host in ["198.51.100.100", "[2001:db8:1::100]"] {
            let ask = format!("for i in 1 2; do curl -s 'http://{host}/'; done | sort");
            let wanted = "server1\nserver2\n";
            let seen = wait::for_value(&wanted.to_owned(), || self.run("client", &ask).0);
            assert_eq!(seen, wanted, "{host}");
        }
    }

    /// Returns what a cluster in the state of one file would start and stop after an
    /// event, in this order. The state after it goes into another file.
    fn simulate(&mut self, from: &str, event: &str, to: &str) -> Vec<String> {
        let output = self.assert_run(
            "director",
            &format!("crm_simulate --xml-file {from} {event} --simulate --save-output {to}"),
        );
        let actions = output
            .lines()
            .filter_map(|line| line.trim().strip_prefix("* Resource action: "));
        let words = actions.map(|action| action.split_whitespace().collect::<Vec<_>>());
        // A clone's instances have numbers.
        let named = words.map(|words| (words[0].split(':').next().unwrap(), words[1], words[3]));
        named
            .filter(|(_, action, _)| ["start", "stop"].contains(action))
            .map(|(name, action, place)| format!("{action} {name} on {place}"))
            .collect()
    }
}

fn lines<'a>(action: &str, place: &str, names: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let names = names.into_iter();
    names
        .map(|name| format!("{action} {name} on {place}"))
        .collect()
}

#[test]
fn a_cluster_starts_the_table_on_both_directors_and_then_the_addresses_on_one() {
    let mut cluster = Cluster::new();
    let begin = "--quorum true --node-up director --node-up backup";
    let started = cluster.simulate("/run/cib.xml", begin, "/run/started.xml");
    let both = ["start ldirectord on backup", "start ldirectord on director"];
    assert_eq!(started[..2], both);
    assert_eq!(started[2..], lines("start", "backup", ADDRESSES));

    let failed = cluster.simulate("/run/started.xml", "--node-fail backup", "/run/failed.xml");
    assert_eq!(failed, lines("start", "director", ADDRESSES));

    // A director that comes back does not take them.
    let standby = |file, value| {
        format!("CIB_file={file} crm_attribute --type nodes --node backup --name standby {value}")
    };
    let leave = standby("/run/leaving.xml", "--update on");
    cluster.assert_run(
        "director",
        &format!("cp /run/started.xml /run/leaving.xml\n{leave}"),
    );
    let moved = cluster.simulate("/run/leaving.xml", "", "/run/moved.xml");
    let starts = moved.iter().filter(|action| action.starts_with("start "));
    assert!(
        starts.eq(&lines("start", "director", ADDRESSES)),
        "{moved:?}"
    );
    cluster.assert_run("director", &standby("/run/moved.xml", "--update off"));
    let back = cluster.simulate("/run/moved.xml", "", "/run/back.xml");
    assert_eq!(back, ["start ldirectord on backup"]);

    // The addresses are nowhere while there is no table.
    let ended = "--op-inject ldirectord_monitor_20000@backup=7";
    let recovered = cluster.simulate("/run/started.xml", ended, "/run/recovered.xml");
    let all = || ["ldirectord"].into_iter().chain(ADDRESSES);
    let mut wanted: Vec<_> = lines("stop", "backup", all());
    wanted.reverse();
    wanted.extend(lines("start", "backup", all()));
    assert_eq!(recovered, wanted);

    // The director without the addresses does not touch those of the other.
    let ended = "--op-inject ldirectord_monitor_20000@director=7";
    let recovered = cluster.simulate("/run/started.xml", ended, "/run/recovered.xml");
    let only = [
        "stop ldirectord on director",
        "start ldirectord on director",
    ];
    assert_eq!(recovered, only);
}

#[test]
fn the_agents_have_the_parameters_of_the_example() {
    let mut cluster = Cluster::new();
    let example = cluster.assert_run("director", "cat $EXAMPLE/directors.xml");
    let mut number = 0;
    for primitive in example.split("<primitive ").skip(1) {
        let (_, agent) = primitive.split_once(" type=\"").unwrap();
        let (agent, _) = agent.split_once('"').unwrap();
        let (attributes, _) = primitive.split_once("</instance_attributes>").unwrap();
        let show = format!("crm_resource --show-metadata ocf:heartbeat:{agent}");
        let metadata = cluster.assert_run("director", &show);
        for attribute in attributes.split("<nvpair ").skip(1) {
            let (_, name) = attribute.split_once(" name=\"").unwrap();
            let (name, _) = name.split_once('"').unwrap();
            let parameter = format!("<parameter name=\"{name}\"");
            assert!(metadata.contains(&parameter), "{agent}: {name}");
            number += 1;
        }
    }
    assert_eq!(number, 13);
}

#[test]
fn the_agents_set_a_director_up_and_hand_it_over_to_the_other() {
    let mut cluster = Cluster::new();
    for place in ["director", "backup"] {
        let forward = "sysctl -q -w net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1";
        cluster.assert_run(place, forward);
    }
    for server in ["server1", "server2"] {
        let route = "ip route replace default via 10.0.0.254
                     ip -6 route replace default via fd00::254";
        cluster.assert_run(server, route);
    }
    assert_eq!(cluster.act("director", "validate", "ldirectord"), OK);
    assert_eq!(
        cluster.act("director", "force-check", "ldirectord"),
        NOT_RUNNING
    );
    cluster.start("director");
    cluster.assert_balanced();

    for address in ADDRESSES.into_iter().rev() {
        assert_eq!(cluster.act("director", "force-stop", address), OK);
        assert_eq!(cluster.act("director", "force-check", address), NOT_RUNNING);
    }
    assert_eq!(cluster.act("director", "force-stop", "ldirectord"), OK);
    let gone = wait::for_value(&String::new(), || {
        cluster.assert_run("director", "ipvsadm -S -n")
    });
    assert_eq!(gone, "");
    cluster.start("backup");
    cluster.assert_balanced();
}

#[test]
fn a_dead_ldirectord_is_noticed_and_started_again() {
    let mut cluster = Cluster::new();
    assert_eq!(cluster.act("director", "force-start", "ldirectord"), OK);
    cluster.await_table("director");
    assert_eq!(cluster.act("director", "force-check", "ldirectord"), OK);
    cluster.assert_run(
        "director",
        "kill -9 $(cat /run/ldirectord.ldirectord.cf.pid)",
    );
    assert_eq!(
        cluster.act("director", "force-check", "ldirectord"),
        NOT_RUNNING
    );
    // It died, and so has left its table.
    cluster.await_table("director");
    assert_eq!(cluster.act("director", "force-start", "ldirectord"), OK);
    cluster.await_table("director");
    assert_eq!(cluster.act("director", "force-check", "ldirectord"), OK);
}
