// SPDX-License-Identifier: MIT

//! The role and the playbooks for Ansible in docs/examples, run by Ansible.

use std::fs;
use std::path::Path;

use ipvs_lab::cluster::Cluster;
use ipvs_lab::machine::Machine;
use ipvs_lab::{Answer, Namespace, packages};

use crate::program::restore;
use crate::{ipvsadm, namespace};

/// The folder of the examples, as the machine that plays them has it.
const FOLDER: &str = "/run/ansible";
/// The hosts of the playbooks, which are this machine.
const INVENTORY: &str = "\
[directors]
lvs1
[web]
web1 address=10.0.0.2 weight=3
web2 address=10.0.0.3 weight=1
[all:vars]
ansible_connection=local
ansible_python_interpreter=/usr/bin/python3
ansible_remote_tmp=/run/remote
ansible_pipelining=true
ipvs_enable=false
";
/// The table that site.yml makes of these hosts.
const TABLE: &str = "\
-A -t 198.51.100.100:80 -s wrr
-a -t 198.51.100.100:80 -r 10.0.0.2:80 -m -w 3
-a -t 198.51.100.100:80 -r 10.0.0.3:80 -m -w 1
";
/// A playbook with a table as data.
const DOCUMENT: &str = "\
- hosts: directors
  gather_facts: false
  roles:
    - ipvs
  vars:
    ipvs_table:
      schema_version: 1
      services:
        - protocol: tcp
          address: 198.51.100.100
          port: 80
          scheduler: wrr
          destinations:
            - {address: 10.0.0.2, port: 80, forwarding_method: masquerading, weight: 3}
            - {address: 10.0.0.3, port: 80, forwarding_method: masquerading, weight: 1}
";

/// A director that Ansible sets up from itself.
struct Controller {
    machine: Machine,
    director: Namespace,
}

impl Controller {
    fn new(director: &Namespace) -> Self {
        let controller = Self {
            machine: Machine::new().unwrap(),
            director: director.try_clone().unwrap(),
        };
        let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/examples/ansible");
        let copy = format!("cp -r '{}' {FOLDER}", examples.display());
        assert_eq!(controller.run(&copy).status, 0);
        controller.write("inventory.ini", INVENTORY);
        controller
    }

    fn run(&self, command: &str) -> Answer {
        let mut shell = self.machine.command(&self.director, "/bin/sh");
        shell.args(["-c", command]);
        // What Ansible writes for itself stays on the machine.
        shell.env("HOME", "/run").env("ANSIBLE_NOCOLOR", "1");
        shell.env("SYSTEMD_OFFLINE", "1");
        // Its package was not installed, so that nothing of it is compiled.
        shell.env("PYTHONPYCACHEPREFIX", "/run/python");
        Answer::of(shell, "").unwrap()
    }

    fn write(&self, name: &str, text: &str) {
        let folder = self.machine.run_directory().join("ansible");
        fs::write(folder.join(name), text).unwrap();
    }

    /// Runs a playbook, which must count these changed and failed tasks for a host.
    fn play(&self, words: &str, counts: &[(&str, &str)]) -> String {
        let program = packages::ANSIBLE_PLAYBOOK.places[0];
        let command = format!("cd {FOLDER} && {program} -i inventory.ini {words}");
        let answer = self.run(&command);
        for (host, wanted) in counts {
            let mut lines = answer.stdout.lines().filter_map(|it| it.split_once(':'));
            let line = lines.rfind(|(name, _)| name.trim() == *host);
            let (_, line) = line.unwrap_or_else(|| panic!("{answer:?}"));
            let counted = line.split_whitespace();
            let counted =
                counted.filter(|it| it.starts_with("changed") || it.starts_with("failed"));
            let counted = counted.collect::<Vec<_>>().join(" ");
            assert_eq!(counted, *wanted, "{words}: {}", answer.stdout);
        }
        answer.stdout
    }

    fn table(&self) -> String {
        ipvsadm(&self.director, "-S -n")
    }
}

#[test]
fn a_difference_is_shown_in_check_mode_then_applied_and_then_gone() {
    let controller = Controller::new(&namespace("lvs1"));
    let other = TABLE.replace("-w 3", "-w 2");
    restore(&controller.director, &other);
    // As --diff writes it.
    fs::write(controller.machine.run_directory().join("wanted"), TABLE).unwrap();
    let difference = controller.run("ipvsadm --diff /run/wanted").stdout;
    assert_eq!(difference.lines().count(), 2, "{difference:?}");
    let shows = |text: &str| {
        let shown = |line| text.contains(&format!("\"{line}\""));
        difference.lines().map(shown).collect::<Vec<_>>()
    };
    // What changes is the table and the file of the unit.
    let text = controller.play("site.yml --check --diff", &[("lvs1", "changed=2 failed=0")]);
    assert_eq!(shows(&text), [true, true], "{text}");
    assert_eq!(controller.table(), other);
    assert_ne!(controller.run("test -e /etc/ipvsadm.rules").status, 0);
    let text = controller.play("site.yml --diff", &[("lvs1", "changed=2 failed=0")]);
    assert_eq!(shows(&text), [true, true], "{text}");
    assert_eq!(controller.table(), TABLE);
    assert_eq!(controller.run("cat /etc/ipvsadm.rules").stdout, TABLE);
    let text = controller.play("site.yml --diff", &[("lvs1", "changed=0 failed=0")]);
    assert_eq!(shows(&text), [false, false], "{text}");
    assert_eq!(controller.table(), TABLE);
}

#[test]
fn a_table_that_is_data_is_put_to_the_program_as_json() {
    let controller = Controller::new(&namespace("lvs1"));
    controller.write("document.yml", DOCUMENT);
    // The machine has the unit, which systemctl can enable without systemd.
    let unit = Path::new(env!("CARGO_MANIFEST_DIR")).join("../src/cli/service/ipvsadm.service");
    let install = format!(
        "mkdir -p /run/systemd/system && cp '{}' /etc/systemd/system",
        unit.display()
    );
    assert_eq!(controller.run(&install).status, 0);
    let playbook = "document.yml -e ipvs_enable=true";
    controller.play(playbook, &[("lvs1", "changed=3 failed=0")]);
    assert_eq!(controller.table(), TABLE);
    let enabled = controller.run("systemctl is-enabled ipvsadm");
    assert_eq!(enabled.stdout, "enabled\n");
    // The unit can restore the file.
    ipvsadm(&controller.director, "-C");
    let restored = controller.run("ipvsadm-restore < /etc/ipvsadm.rules");
    assert_eq!(restored.status, 0, "{restored:?}");
    assert_eq!(controller.table(), TABLE);
}

#[test]
fn a_wrong_table_fails_with_the_words_of_the_program_and_changes_nothing() {
    let controller = Controller::new(&namespace("lvs1"));
    restore(&controller.director, TABLE);
    let fails = |options: &str, playbook: &str, message: &str| {
        controller.write("wrong.yml", playbook);
        let words = format!("wrong.yml {options}");
        let told = controller.play(&words, &[("lvs1", "changed=0 failed=1")]);
        let message = format!("\"msg\": \"{message}");
        assert!(told.contains(&message), "{told}");
        assert_eq!(controller.table(), TABLE);
        assert_ne!(controller.run("test -e /etc/ipvsadm.rules").status, 0);
    };
    let wrong = DOCUMENT.replace("weight: 3", "wieght: 3");
    let message = "services[0].destinations[0]: unknown field wieght; did you mean weight?";
    fails("--check", &wrong, message);
    // The kernel has no such scheduler, after it has taken the weight.
    let refused = DOCUMENT.replace("weight: 3", "weight: 4");
    let refused = refused.replace("wrr", "shortest");
    let message = "services[0]: Scheduler or persistence engine not found";
    fails("", &refused, message);
    // Another ipvsadm, which knows no --apply and writes no JSON.
    let instead = "printf '#!/bin/sh\necho no such option >&2\nexit 255\n' > /run/other
                   chmod 755 /run/other && mount --bind /run/other /usr/sbin/ipvsadm";
    assert_eq!(controller.run(instead).status, 0);
    fails("", DOCUMENT, "no such option");
}

#[test]
fn what_others_look_after_is_left_alone() {
    let controller = Controller::new(&namespace("lvs1"));
    // Health checks have quiesced a server, and another team has a service.
    let other = "-A -u 192.0.2.1:53 -s rr\n";
    let quiesced = TABLE.replace("-w 3", "-w 0").replace("-s wrr", "-s wlc");
    restore(&controller.director, &format!("{quiesced}{other}"));
    let scope = "-e '{\"ipvs_scope\": [\"198.51.100.0/24\", \"2001:db8::/64\"]}'";
    let keep = format!("site.yml {scope} -e ipvs_keep_weights=true");
    controller.play(&keep, &[("lvs1", "changed=1 failed=0")]);
    let kept = TABLE.replace("-w 3", "-w 0");
    assert_eq!(controller.table(), format!("{kept}{other}"));
    let playbook = format!("site.yml {scope}");
    controller.play(&playbook, &[("lvs1", "changed=1 failed=0")]);
    assert_eq!(controller.table(), format!("{TABLE}{other}"));
    // Nor is the file of the unit written, which is for the whole table.
    assert_ne!(controller.run("test -e /etc/ipvsadm.rules").status, 0);
}

#[test]
fn servers_are_updated_one_after_the_other_while_they_are_out_of_use() {
    let cluster = Cluster::new(2).unwrap();
    let controller = Controller::new(&cluster.director);
    restore(&controller.director, TABLE);
    let update = "- ansible.builtin.shell: ipvsadm -S -n >> /run/tables && ";
    controller.write("update.yml", &format!("{update}false\n"));
    controller.play("rolling-update.yml", &[("web1", "changed=1 failed=1")]);
    let first = TABLE.replace("-w 3", "-w 0");
    assert_eq!(controller.table(), first);

    // The same once more continues where it was left.
    controller.write("update.yml", &format!("{update}true\n"));
    let all = "changed=3 failed=0";
    controller.play("rolling-update.yml", &[("web1", all), ("web2", all)]);
    let second = TABLE.replace("-w 1", "-w 0");
    let tables = controller.run("cat /run/tables").stdout;
    assert_eq!(tables, [first.as_str(), &first, &second].concat());
    assert_eq!(controller.table(), TABLE);
}
