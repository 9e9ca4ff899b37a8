// SPDX-License-Identifier: MIT

//! A system with rpm to install the package in.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;

use ipvs_lab::package::Format;
use ipvs_lab::root::Root;
use ipvs_lab::{Answer, Namespace};

use crate::namespace;

/// The package.
pub(crate) const PACKAGE: &str = "/tmp/ipvsadm.rpm";

/// What the package requires of other packages, as a package.
const SYSTEM: &str = "\
Name: system
Version: 1
Release: 1
Summary: stand-in
License: none
BuildArch: noarch
Provides: /bin/sh
Provides: systemd
%description
stand-in
%files
";

/// The values that their file of settings has when it is delivered.
pub(crate) const THEIR_SETTINGS: &str = "\
IPVS_MODULES_UNLOAD=\"yes\"
IPVS_SAVE_ON_STOP=\"no\"
IPVS_SAVE_ON_RESTART=\"no\"
IPVS_STATUS_NUMERIC=\"yes\"
";

/// A system with an rpm database in which only the stand-in for a system is installed.
/// Programs are the host's.
pub(crate) struct RedHat {
    root: Root,
    pub(crate) network: Namespace,
}

impl RedHat {
    pub(crate) fn bare() -> Self {
        let system = Self {
            root: Root::new().unwrap(),
            network: namespace("director"),
        };
        let file = Format::Rpm.path().unwrap();
        let package = fs::read(&file).unwrap();
        system.inside(|| {
            for place in ["sbin", "usr/sbin"] {
                for name in ["ipvsadm", "ipvsadm-save", "ipvsadm-restore"] {
                    let _ = fs::remove_file(Path::new("/").join(place).join(name));
                }
            }
            for directory in [
                "/etc/rpm",
                "/etc/sysconfig",
                "/etc/systemd/system-preset",
                "/var/tmp",
            ] {
                fs::create_dir_all(directory).unwrap();
            }
            // Debian's rpm has its database in the home directory.
            let macros = "%_dbpath /var/lib/rpm\n%_topdir /tmp/made\n%_buildhost localhost\n%__os_install_post %{nil}\n%_rpmfilename made.rpm\n";
            fs::write("/etc/rpm/macros", macros).unwrap();
            let preset = "/etc/systemd/system-preset/99-default-disable.preset";
            fs::write(preset, "disable *\n").unwrap();
            let path = Path::new("/tmp").join(file.file_name().unwrap());
            fs::write(&path, package).unwrap();
            symlink(path, PACKAGE).unwrap();
        });
        system.install_made(SYSTEM, &[]);
        system
    }

    pub(crate) fn with_package() -> Self {
        let system = Self::bare();
        system.rpm(&format!("--install {PACKAGE}"));
        system
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

    /// Runs a command line, with words separated by spaces, in the environment that
    /// systemd gives to a service.
    pub(crate) fn try_run_reading(&self, line: &str, input: &str) -> Answer {
        let mut words = line.split_ascii_whitespace();
        let mut command = self.network.command(words.next().unwrap());
        let path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
        command.args(words).env_clear();
        command.env("LANG", "C.UTF-8").env("PATH", path);
        self.inside(|| Answer::of(command, input).unwrap())
    }

    pub(crate) fn try_run(&self, line: &str) -> Answer {
        self.try_run_reading(line, "")
    }

    /// Runs a command line that must succeed without a word on standard error.
    pub(crate) fn run(&self, line: &str) -> String {
        let answer = self.try_run(line);
        assert_eq!((answer.stderr.as_str(), answer.status), ("", 0), "{line}");
        answer.stdout
    }

    /// Runs rpm, which Debian lets install packages only when told that it may.
    pub(crate) fn rpm(&self, words: &str) -> String {
        self.run(&format!("rpm --force-debian {words}"))
    }

    /// Builds a package from a spec and installs it; `files` are pairs of a path and a
    /// text.
    pub(crate) fn install_made(&self, spec: &str, files: &[(&str, &str)]) {
        self.inside(|| {
            let _ = fs::remove_dir_all("/tmp/tree");
            fs::create_dir("/tmp/tree").unwrap();
            for (path, text) in files {
                let path = Path::new("/tmp/tree").join(path);
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(&path, text).unwrap();
                let mode = if text.starts_with("#!") { 0o755 } else { 0o644 };
                fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            }
        });
        self.write("/tmp/made.spec", spec);
        self.run("rpmbuild -bb --quiet /tmp/made.spec");
        self.rpm("--install /tmp/made/RPMS/made.rpm");
    }

    /// Installs packages with the names, versions, files and scripts of those of Red Hat's
    /// systems and openEuler, so far as they matter to one that takes their place.
    ///
    /// That they are these is from what `rpm -ql` says on RHEL 7 and 8, from Fedora's spec,
    /// and from the names of openEuler's packages.
    pub(crate) fn install_original(&self) {
        self.install_made(
            "Name: ipvsadm\nVersion: 1.31\nRelease: 1.el8\nSummary: stand-in\n\
             License: none\nBuildArch: noarch\n%description\nstand-in\n\
             %install\nmkdir -p %{buildroot}\ncp -a /tmp/tree/. %{buildroot}\n\
             %preun\n[ \"$1\" != 0 ] || touch /run/removed\n\
             %postun\n[ \"$1\" != 0 ] || touch /run/removed\n\
             %files\n%config(noreplace) /etc/sysconfig/ipvsadm-config\n\
             /usr/lib/systemd/system/ipvsadm.service\n/usr/sbin/*\n",
            &[
                ("usr/sbin/ipvsadm", "#!/bin/sh\nexit 0\n"),
                ("usr/sbin/ipvsadm-save", "#!/bin/sh\nexit 0\n"),
                ("usr/sbin/ipvsadm-restore", "#!/bin/sh\nexit 0\n"),
                ("etc/sysconfig/ipvsadm-config", THEIR_SETTINGS),
                (
                    "usr/lib/systemd/system/ipvsadm.service",
                    "[Service]\nType=oneshot\nExecStart=/bin/true\n\
                     [Install]\nWantedBy=multi-user.target\n",
                ),
            ],
        );
        self.install_made(
            "Name: ipvsadm-help\nVersion: 1.31\nRelease: 1\nSummary: stand-in\n\
             License: none\nBuildArch: noarch\n%description\nstand-in\n\
             %install\nmkdir -p %{buildroot}\ncp -a /tmp/tree/. %{buildroot}\n%files\n/usr/share/man/man8/*\n",
            &[("usr/share/man/man8/ipvsadm.8.gz", "page\n")],
        );
        // And something that requires it.
        self.install_made(
            "Name: monitor\nVersion: 1\nRelease: 1\nSummary: stand-in\nLicense: none\n\
             BuildArch: noarch\nRequires: ipvsadm >= 1.27, ipvsadm < 1.32\n\
             %description\nstand-in\n%files\n",
            &[],
        );
    }

    /// Runs what systemd would run for a line of the unit.
    pub(crate) fn try_unit(&self, key: &str) -> Answer {
        let unit = self.read("/usr/lib/systemd/system/ipvsadm.service");
        let lines = unit.lines().filter_map(|line| line.split_once('='));
        let mut values = lines.filter(|(name, _)| *name == key);
        let (_, line) = values.next().unwrap();
        assert_eq!(values.next(), None, "{key} in {unit}");
        self.try_run(line)
    }

    pub(crate) fn unit(&self, key: &str) {
        let answer = self.try_unit(key);
        let words = (answer.stdout.as_str(), answer.stderr.as_str());
        assert_eq!((words, answer.status), (("", ""), 0), "{key}");
    }

    pub(crate) fn table(&self) -> String {
        self.run("/sbin/ipvsadm -S -n")
    }
}
