// SPDX-License-Identifier: MIT

//! The machine of the guide to tests in CI: a runner with root and IPVS, and on it an
//! ordinary user and a container.

use std::collections::BTreeSet;
use std::env;
use std::path::Path;

use ipvs_lab::machine::Machine;
use ipvs_lab::{Answer, Namespace, program};

/// Where the files of the project are that is tested.
const PROJECT: &str = "/run/project";
/// The capabilities that Docker gives to a container (its documentation, "Runtime
/// privilege and Linux capabilities"), with that of `--cap-add NET_ADMIN`.
pub(crate) const CONTAINER: &str = "-all,+audit_write,+chown,+dac_override,+fowner,+fsetid,+kill,+mknod,\
                         +net_bind_service,+net_raw,+setfcap,+setgid,+setpcap,+setuid,\
                         +sys_chroot,+net_admin";
/// Starts a program as the user `nobody` of Debian.
const ORDINARY_USER: [&str; 4] = [
    "setpriv",
    "--reuid=65534",
    "--regid=65534",
    "--clear-groups",
];
/// Commands of a job that only prepare its runner: beginnings of them.
const PREPARATIONS: [&str; 4] = [
    "apt-get ",
    "cargo install ",
    "cp ~/.cargo/bin/",
    "git clone ",
];

pub(super) struct Runner {
    machine: Machine,
    network: Namespace,
}

impl Runner {
    pub(super) fn new() -> Self {
        program::path().unwrap();
        Self {
            machine: Machine::new().unwrap(),
            network: Namespace::new("runner").unwrap(),
        }
    }

    /// Runs a command of the shell in the project's directory; what it writes to
    /// standard error comes with its output.
    pub(super) fn run(&self, place: &str, command: &str, input: &str) -> Answer {
        let mut words = match place {
            "runner" => vec![],
            "container" => vec!["setpriv", "--bounding-set", CONTAINER],
            "user" => ORDINARY_USER.to_vec(),
            _ => panic!("{place} is neither the runner nor on it"),
        };
        words.push("/bin/sh");
        let mut shell = self.machine.command(&self.network, words.remove(0));
        let script = format!("exec 2>&1\nmkdir -p {PROJECT}\ncd {PROJECT}\n{command}");
        shell.args(words).args(["-c", &script]);
        // The lab's own program is installed, and in this tree beside another ipvsadm.
        let lab = Path::new(env!("CARGO_BIN_EXE_ipvs-lab")).parent().unwrap();
        let path = env::var("PATH").unwrap();
        shell.env("PATH", format!("{path}:{}", lab.display()));
        Answer::of(shell, input).unwrap()
    }
}

/// Asserts that each command of the jobs in a guide is one that the guide shows, and
/// so one that was run; what prepares a runner is not, because the machine is prepared.
pub(super) fn assert_jobs_run(guide: &str, shown: &BTreeSet<String>) {
    let mut number = 0;
    for block in guide.split("\n```yaml\n").skip(1) {
        let (job, _) = block.split_once("\n```").unwrap();
        let items = job
            .lines()
            .filter_map(|line| line.trim().strip_prefix("- "));
        for item in items.filter(|item| !item.starts_with("uses: ")) {
            let command = item.strip_prefix("run: ").unwrap_or(item);
            let command = command.replace("sudo ", "");
            let prepares = |start: &&str| command.starts_with(*start);
            assert!(
                shown.contains(&command) || PREPARATIONS.iter().any(prepares),
                "a job runs `{command}`, which the guide does not show"
            );
            number += 1;
        }
    }
    assert!(number > 0, "the guide shows no job");
}
