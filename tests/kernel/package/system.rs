// SPDX-License-Identifier: MIT

//! A system to install packages in, with a root directory of its own.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use ipvs_lab::root::Root;
use ipvs_lab::{Answer, Namespace};

use crate::{namespace, unit};

pub(crate) const UNIT: &str = "/usr/lib/systemd/system/ipvsadm.service";
/// The link that is there while the unit is enabled.
pub(crate) const WANTED: &str = "/etc/systemd/system/multi-user.target.wants/ipvsadm.service";

/// A root directory and a network. The programs are the host's, or those of another
/// system.
pub(crate) struct System {
    root: Root,
    pub(crate) network: Namespace,
}

impl System {
    pub(crate) fn new() -> Self {
        Self::of(Root::new().unwrap())
    }

    pub(crate) fn of(root: Root) -> Self {
        Self {
            root,
            network: namespace("director"),
        }
    }

    pub(crate) fn inside<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        self.root.run(work).unwrap()
    }

    pub(crate) fn exists(&self, path: &str) -> bool {
        self.inside(|| Path::new(path).symlink_metadata().is_ok())
    }

    pub(crate) fn read(&self, path: &str) -> String {
        self.inside(|| fs::read_to_string(path).unwrap())
    }

    pub(crate) fn write(&self, path: &str, text: &str) {
        self.inside(|| fs::write(path, text).unwrap());
    }

    /// Runs a command line, with words separated by spaces, in the environment
    /// that systemd gives to a service.
    pub(crate) fn try_run(&self, line: &str) -> Answer {
        self.try_run_reading(line, "")
    }

    pub(crate) fn try_run_reading(&self, line: &str, input: &str) -> Answer {
        let mut words = line.split_ascii_whitespace();
        let mut command = self.network.command(words.next().unwrap());
        let path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
        command.args(words).env_clear();
        command.env("LANG", "C.UTF-8").env("PATH", path);
        self.inside(|| Answer::of(command, input).unwrap())
    }

    /// Runs a command line that must succeed without a word on standard error.
    pub(crate) fn run(&self, line: &str) -> String {
        let answer = self.try_run(line);
        assert_eq!((answer.stderr.as_str(), answer.status), ("", 0), "{line}");
        answer.stdout
    }

    /// Runs what systemd would run for this line of the unit.
    pub(crate) fn try_unit(&self, key: &str) -> Answer {
        self.try_run(unit::setting(&self.read(UNIT), key))
    }

    pub(crate) fn unit(&self, key: &str) {
        let answer = self.try_unit(key);
        let words = (answer.stdout.as_str(), answer.stderr.as_str());
        assert_eq!((words, answer.status), (("", ""), 0), "{key}");
    }

    /// Returns the faults that systemd finds in a unit of this tree, and the status of its
    /// search. It also judges units that this one names, if they are there.
    pub(crate) fn find_faults(&self, unit: &str) -> (Vec<String>, u8) {
        let answer = self.try_run(&format!("systemd-analyze verify --man=no {unit}"));
        let lines = answer.stderr.lines();
        let faults =
            lines.filter(|line| line.contains("ipvsadm") || line.contains("lvs-realserver"));
        (faults.map(str::to_owned).collect(), answer.status)
    }

    pub(crate) fn table(&self) -> String {
        self.run("/sbin/ipvsadm -S -n")
    }

    /// Writes the files of a package that is to be made below /tmp/tree; `files` are pairs
    /// of a path and a text.
    pub(crate) fn write_tree(&self, files: &[(&str, &str)]) {
        self.inside(|| {
            let tree = Path::new("/tmp/tree");
            let _ = fs::remove_dir_all(tree);
            fs::create_dir(tree).unwrap();
            for (path, text) in files {
                let path = tree.join(path);
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(&path, text).unwrap();
                let mode = if text.starts_with("#!") { 0o755 } else { 0o644 };
                fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            }
        });
    }
}
