// SPDX-License-Identifier: MIT

//! What the program does with rights that whoever starts it may not have: the programs that
//! it starts.

use std::{fs, os::unix::fs::PermissionsExt as _, process::Command};

use ipvs_lab::{Answer, Namespace, program};
use tempfile::TempDir;

use crate::{ipvsadm, namespace};

/// Runs a shell script that sees mounts of its own, with this tree's program as `$1`.
fn run(network: &Namespace, script: &str) -> Answer {
    let mut command = network.command("unshare");
    command
        .args(["--mount", "sh", "-c", script, "sh"])
        .arg(program::path().unwrap());
    Answer::of(command, "").unwrap()
}

/// A folder of the system with one program, which notes what it has been given.
struct StandIn {
    folder: TempDir,
}

impl StandIn {
    /// Makes one that prints this.
    fn new(name: &str, prints: &str) -> Self {
        let folder = TempDir::new().unwrap();
        let had = folder.path().join("had");
        let path = folder.path().join(name);
        let script = format!(
            "#!/bin/sh
             (
                 /usr/bin/tr '\\0' '\\n' </proc/$$/environ
                 pwd -P
                 for file in /proc/$$/fd/*; do
                     target=$(/usr/bin/readlink $file)
                     # The shell has its script open.
                     [ $file -ef $0 ] || echo ${{file##*/}} ${{target%%:*}}
                 done
             ) >{}
             echo '{prints}'
             ",
            had.display()
        );
        fs::write(&path, script).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        Self { folder }
    }

    /// Returns what it has noted.
    fn had(&self) -> String {
        fs::read_to_string(self.folder.path().join("had")).unwrap()
    }
}

#[test]
fn the_programs_of_the_firewall_have_nothing_of_the_caller_s() {
    let network = namespace("director");
    let modprobe = fs::read_to_string("/proc/sys/kernel/modprobe").unwrap();
    let mut load = Command::new(modprobe.trim_end());
    assert!(load.arg("nf_tables").status().unwrap().success());
    // The rules matter to those with a mark.
    ipvsadm(&network, "-A -f 5 -s rr");
    let nft = StandIn::new("nft", r#"{"nftables": []}"#);
    let answer = run(
        &network,
        &format!(
            "mount --bind {} /usr/sbin
             exec 5</etc/passwd 7>/run/secret
             export PATH=/nonexistent XTABLES_LIBDIR=/nonexistent LD_LIBRARY_PATH=/nonexistent
             cd /tmp
             \"$1\" --report >/run/report",
            nft.folder.path().display()
        ),
    );
    assert_eq!((answer.stderr.as_str(), answer.status), ("", 0));
    assert_eq!(
        nft.had(),
        "PATH=/usr/sbin:/sbin:/usr/local/sbin\n/\n0 /dev/null\n1 pipe\n2 /dev/null\n"
    );
}
