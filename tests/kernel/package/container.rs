// SPDX-License-Identifier: MIT

//! The container of docs/examples: its files are put together as the Containerfile of the
//! archive says, and its program runs with the rights that a container has.

use std::fs;
use std::process::Command;

use ipvs_lab::{Answer, Namespace};
use tempfile::TempDir;

use super::tar;
use crate::guides::CONTAINER;
use crate::namespace;

const CONTAINERFILE: &str = "share/doc/ipvsadm/docs/examples/container/Containerfile";
const TABLE: &str = "-A -t 10.0.0.1:80 -s rr\n-a -t 10.0.0.1:80 -r 10.0.0.2:80 -m -w 1\n";

/// What an engine would have built, and the network of the machine that it runs on.
struct Container {
    root: TempDir,
    entry_point: Vec<String>,
    network: Namespace,
}

impl Container {
    fn build() -> Self {
        let (context, root) = (tar::unpack(), TempDir::new().unwrap());
        let text = fs::read_to_string(context.path().join(CONTAINERFILE)).unwrap();
        let mut entry_point = None;
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        for line in lines {
            match line.split_once(' ').unwrap() {
                ("FROM", base) => assert_eq!(base, "scratch"),
                ("COPY", places) => {
                    let (from, to) = places.split_once(' ').unwrap();
                    let mut copy = Command::new("cp");
                    copy.args(["--archive", "--no-target-directory"]);
                    copy.arg(context.path().join(from));
                    copy.arg(root.path().join(to.trim_start_matches('/')));
                    assert_eq!(Answer::of(copy, "").unwrap().status, 0, "{line}");
                }
                ("ENTRYPOINT", words) => entry_point = Some(serde_json::from_str(words).unwrap()),
                other => panic!("no engine here knows {other:?}"),
            }
        }
        // Engines make these in every container.
        for directory in ["proc", "run"] {
            fs::create_dir(root.path().join(directory)).unwrap();
        }
        Self {
            root,
            entry_point: entry_point.unwrap(),
            network: namespace("machine"),
        }
    }

    /// Runs the container once, as `--rm --interactive --network host` with
    /// `--cap-add NET_ADMIN`, or without that.
    fn run(&self, capabilities: &str, arguments: &str, input: &str) -> Answer {
        let root = self.root.path().display();
        let entry_point = self.entry_point.join(" ");
        let script = format!(
            "mount -t proc proc {root}/proc && exec setpriv --bounding-set {capabilities} \
             chroot {root} {entry_point} {arguments}"
        );
        let mut command = Command::new("unshare");
        command.args(["--mount", "/bin/sh", "-c", &script]);
        self.network.answer(command, input).unwrap()
    }
}

#[test]
fn with_the_right_to_do_so_the_container_manages_the_machines_table() {
    let container = Container::build();
    for (arguments, input, wanted) in [
        ("--restore", TABLE, ""),
        ("--save --numeric", "", TABLE),
        // What --apply locks lies in /run.
        ("--apply", TABLE, ""),
        ("--zero", "", ""),
    ] {
        let answer = container.run(CONTAINER, arguments, input);
        let got = (
            answer.stdout.as_str(),
            answer.stderr.as_str(),
            answer.status,
        );
        assert_eq!(got, (wanted, "", 0), "{arguments}");
    }
    let listed = container.run(CONTAINER, "-L -n", "");
    assert!(
        listed.stdout.contains("TCP  10.0.0.1:80 rr"),
        "{}",
        listed.stdout
    );
    // The machine sees the same table.
    assert_eq!(crate::ipvsadm(&container.network, "-S -n"), TABLE);
}

#[test]
fn without_the_right_the_container_shows_the_table_and_changes_nothing() {
    let container = Container::build();
    assert_eq!(container.run(CONTAINER, "--restore", TABLE).status, 0);
    let without = CONTAINER.replace(",+net_admin", "");
    let listed = container.run(&without, "-L -n", "");
    assert_eq!(listed.status, 0, "{}", listed.stderr);
    assert!(
        listed.stdout.contains("TCP  10.0.0.1:80 rr"),
        "{}",
        listed.stdout
    );
    assert_ne!(container.run(&without, "--clear", "").status, 0);
    assert_eq!(crate::ipvsadm(&container.network, "-S -n"), TABLE);
}
