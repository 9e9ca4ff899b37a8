// SPDX-License-Identifier: MIT

//! The script for OpenRC in docs/examples, run by OpenRC.

use std::path::Path;

use ipvs_lab::machine::Machine;
use ipvs_lab::{Answer, Namespace};

use crate::namespace;

const RULES: &str = "-A -t 192.0.2.1:80 -s rr\n-a -t 192.0.2.1:80 -r 10.0.0.2:80 -m -w 1\n";
const OTHER_RULES: &str = "-A -t 192.0.2.1:80 -s rr\n-a -t 192.0.2.1:80 -r 10.0.0.3:80 -m -w 1\n";

/// A machine that OpenRC has started.
struct Alpine {
    machine: Machine,
    network: Namespace,
}

impl Alpine {
    fn new() -> Self {
        let alpine = Self {
            machine: Machine::new().unwrap(),
            network: namespace("openrc"),
        };
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/examples/openrc/ipvsadm");
        // The network that the script needs is there, as far as OpenRC knows.
        let set_up = format!(
            "mkdir -p /etc/conf.d && touch /etc/rc.conf
             for state in starting started stopping inactive exclusive options tmp; do
                 mkdir -p /run/openrc/$state
             done
             touch /run/openrc/softlevel
             install -m 755 {} /etc/init.d/ipvsadm
             printf '#!/sbin/openrc-run\\ndepend() {{ provide net; }}\\nstart() {{ :; }}\\n' \
                 > /etc/init.d/loopback
             chmod 755 /etc/init.d/loopback",
            script.display()
        );
        alpine.assert_run(&set_up);
        alpine
    }

    fn run(&self, command: &str, input: &str) -> Answer {
        let mut shell = self.machine.command(&self.network, "/bin/sh");
        shell.args(["-c", &format!("exec 2>&1\n{command}")]);
        Answer::of(shell, input).unwrap()
    }

    fn assert_run(&self, command: &str) -> String {
        let answer = self.run(command, "");
        assert_eq!(answer.status, 0, "{command}: {}", answer.stdout);
        answer.stdout
    }

    fn write_rules(&self, rules: &str) {
        let answer = self.run("cat > /etc/ipvsadm.rules", rules);
        assert_eq!(answer.status, 0, "{}", answer.stdout);
    }

    fn table(&self) -> String {
        self.assert_run("ipvsadm -S -n")
    }
}

#[test]
fn the_script_restores_reloads_and_clears() {
    let alpine = Alpine::new();
    alpine.write_rules(RULES);
    alpine.assert_run("rc-service ipvsadm start");
    assert_eq!(alpine.table(), RULES);
    alpine.write_rules(OTHER_RULES);
    alpine.assert_run("rc-service ipvsadm reload");
    assert_eq!(alpine.table(), OTHER_RULES);
    alpine.assert_run("ipvsadm -C && rc-service ipvsadm stop");
    assert_eq!(alpine.table(), "");
    assert_eq!(alpine.assert_run("cat /etc/ipvsadm.rules"), OTHER_RULES);
}

#[test]
fn the_script_saves_when_told_so() {
    let alpine = Alpine::new();
    alpine.assert_run("rc-service ipvsadm start");
    assert_eq!(alpine.run("ipvsadm -R", RULES).status, 0);
    alpine.assert_run("rc-service ipvsadm save");
    assert_eq!(alpine.assert_run("cat /etc/ipvsadm.rules"), RULES);
    alpine.assert_run("ipvsadm -C && rc-service ipvsadm save");
    assert_eq!(alpine.assert_run("cat /etc/ipvsadm.rules"), "-C\n");
    assert_eq!(alpine.run("ipvsadm -R", OTHER_RULES).status, 0);
    alpine.assert_run("echo 'IPVSADM_SAVE_ON_STOP=yes' > /etc/conf.d/ipvsadm");
    alpine.assert_run("rc-service ipvsadm stop");
    assert_eq!(alpine.table(), "");
    assert_eq!(alpine.assert_run("cat /etc/ipvsadm.rules"), OTHER_RULES);
}

#[test]
fn the_script_leaves_the_table_if_rules_are_wrong_or_cannot_be_saved() {
    let alpine = Alpine::new();
    alpine.write_rules(RULES);
    alpine.assert_run("rc-service ipvsadm start");
    alpine.write_rules("-A -t 192.0.2.1:80 -s rr\n-A -t nonsense\n");
    let answer = alpine.run("rc-service ipvsadm reload", "");
    assert_ne!(answer.status, 0);
    assert!(answer.stdout.contains("line 2"), "{}", answer.stdout);
    assert_eq!(alpine.table(), RULES);
    let settings = "IPVSADM_SAVE_ON_STOP=yes IPVSADM_RULES=/nowhere/rules";
    alpine.assert_run(&format!("printf '%s\\n' {settings} > /etc/conf.d/ipvsadm"));
    assert_ne!(alpine.run("rc-service ipvsadm stop", "").status, 0);
    assert_eq!(alpine.table(), RULES);
}
