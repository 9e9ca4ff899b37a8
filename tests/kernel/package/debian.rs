// SPDX-License-Identifier: MIT

//! A Debian system to install the package in.

use std::fs;
use std::ops::{Deref, DerefMut};
use std::path::Path;
use std::process::Command;

use ipvs_lab::Answer;
use ipvs_lab::package::Format;

use super::system::System;

/// Directories that other packages of a Debian system have too, so that dpkg
/// does not try to remove them.
const SHARED: &str = "\
/.
/etc
/etc/default
/etc/init.d
/sbin
/usr
/usr/lib
/usr/lib/systemd
/usr/lib/systemd/system
/usr/libexec
/usr/sbin
/usr/share
/usr/share/bash-completion
/usr/share/bash-completion/completions
/usr/share/doc
/usr/share/fish
/usr/share/lintian
/usr/share/lintian/overrides
/usr/share/man
/usr/share/man/man5
/usr/share/man/man8
/usr/share/man/zh_CN
/usr/share/man/zh_CN/man8
/usr/share/zsh
/usr/share/zsh/vendor-completions
";

/// A Debian system with nothing installed but what the package depends on.
pub(crate) struct Debian(System);

impl Deref for Debian {
    type Target = System;

    fn deref(&self) -> &System {
        &self.0
    }
}

impl DerefMut for Debian {
    fn deref_mut(&mut self) -> &mut System {
        &mut self.0
    }
}

impl Debian {
    pub(crate) fn bare() -> Self {
        let debian = Self(System::new());
        debian.hide_the_hosts_ipvsadm();
        // The packages of the tests have it; `update-rc.d` would take this for a system
        // that OpenRC starts.
        debian.inside(|| fs::remove_file("/sbin/openrc").unwrap());
        let package = fs::read(Format::Deb.path().unwrap()).unwrap();
        debian.inside(|| fs::write("/tmp/ipvsadm.deb", package).unwrap());
        let depends = debian.run("dpkg-deb --field /tmp/ipvsadm.deb Depends");
        for one in depends.trim().split(", ") {
            let (name, _) = one.split_once(' ').unwrap_or((one, ""));
            debian.pretend_installed(name);
        }
        debian
    }

    pub(crate) fn with_package() -> Self {
        let debian = Self::bare();
        debian.install("/tmp/ipvsadm.deb");
        debian
    }

    /// The programs of the system are the host's, and the host may have the
    /// original.
    fn hide_the_hosts_ipvsadm(&self) {
        let files = fs::read_to_string("/var/lib/dpkg/info/ipvsadm.list").unwrap_or_default();
        // In a host with one /usr they are seen below it too.
        let files = files
            .lines()
            .flat_map(|file| [file.to_owned(), format!("/usr{file}")]);
        let files: Vec<String> = files.collect();
        self.inside(|| {
            for file in files.iter().map(Path::new) {
                // /sbin is a link to a directory.
                if file.symlink_metadata().is_ok() && !file.is_dir() {
                    fs::remove_file(file).unwrap();
                }
            }
            assert!(!Path::new("/sbin/ipvsadm").exists());
            assert!(!Path::new("/usr/sbin/ipvsadm").exists());
        });
    }

    /// Enters a package of the host into the empty package database.
    fn pretend_installed(&self, package: &str) {
        let mut query = Command::new("dpkg-query");
        query
            .args(["--show", "--showformat"])
            .arg(
                "Package: ${Package}\nStatus: ${Status}\nVersion: ${Version}\n\
             Architecture: ${Architecture}\nMaintainer: Debian\nDescription: ${Package}\n\n",
            )
            .arg(package);
        let answer = Answer::of(query, "").unwrap();
        assert_eq!(answer.status, 0, "{answer:?}");
        self.inside(|| {
            let status = "/var/lib/dpkg/status";
            let entries = fs::read_to_string(status).unwrap() + &answer.stdout;
            fs::write(status, entries).unwrap();
            let list = format!("/var/lib/dpkg/info/{package}.list");
            fs::write(list, SHARED).unwrap();
        });
    }

    pub(crate) fn try_install(&self, package: &str) -> Answer {
        self.try_run(&format!(
            "dpkg --force-unsafe-io --force-confold --install {package}"
        ))
    }

    pub(crate) fn install(&self, package: &str) -> String {
        let answer = self.try_install(package);
        assert_eq!(
            (answer.stderr.as_str(), answer.status),
            ("", 0),
            "{package}"
        );
        answer.stdout
    }

    pub(crate) fn status(&self, package: &str) -> String {
        self.run(&format!(
            "dpkg-query --show --showformat ${{Version}}:${{db:Status-Abbrev}} {package}"
        ))
    }

    /// Returns the files of the package in the places that belong to the machine.
    pub(crate) fn traces(&self) -> Vec<String> {
        let found = self.run("find /etc /run /var -name *ipvsadm*");
        let mut traces: Vec<_> = found.lines().map(str::to_owned).collect();
        traces.sort();
        traces
    }

    /// Makes a package from files and installs it; `files` are pairs of a path
    /// and a text.
    pub(crate) fn install_made(&self, control: &str, files: &[(&str, &str)]) {
        let control = [("DEBIAN/control", control)];
        self.write_tree(&[&control, files].concat());
        self.run("dpkg-deb --root-owner-group -Zgzip -z1 --build /tmp/tree /tmp/made.deb");
        self.install("/tmp/made.deb");
    }

    /// Installs something with the name, version, files and scripts of Debian's
    /// package, so far as they matter to a package that takes its place.
    pub(crate) fn install_original(&self) {
        self.install_made(
            "Package: ipvsadm\nVersion: 1:1.31-1+b1\nArchitecture: amd64\n\
             Maintainer: Debian\nDescription: stand-in\n",
            &[
                ("sbin/ipvsadm", "#!/bin/sh\nexit 0\n"),
                ("sbin/ipvsadm-save", "#!/bin/sh\nexit 0\n"),
                ("sbin/ipvsadm-restore", "#!/bin/sh\nexit 0\n"),
                ("etc/default/ipvsadm", "AUTO=\"false\"\nDAEMON=\"none\"\n"),
                ("etc/init.d/ipvsadm", INIT_SCRIPT),
                ("etc/ipvsadm.rules", "# rules\n"),
                (
                    "DEBIAN/conffiles",
                    "/etc/default/ipvsadm\n/etc/init.d/ipvsadm\n/etc/ipvsadm.rules\n",
                ),
                (
                    "DEBIAN/postinst",
                    "#!/bin/sh\nset -e\nupdate-rc.d ipvsadm defaults > /dev/null\n",
                ),
                // Here the original's clears the table.
                (
                    "DEBIAN/prerm",
                    "#!/bin/sh\n[ \"$1\" != remove ] || touch /run/removed\n",
                ),
                (
                    "DEBIAN/postrm",
                    "#!/bin/sh\n[ \"$1\" != purge ] || rm -f /etc/ipvsadm.rules\n",
                ),
            ],
        );
        // And something that depends on it.
        self.install_made(
            "Package: monitor\nVersion: 1\nArchitecture: all\nMaintainer: Debian\n\
             Description: stand-in\nDepends: ipvsadm (>= 1:1.28), ipvsadm (<< 1:1.32)\n",
            &[],
        );
    }
}

pub(crate) const INIT_SCRIPT: &str = "\
#!/bin/sh
### BEGIN INIT INFO
# Provides: ipvsadm
# Required-Start: $network
# Required-Stop: $network
# Default-Start: 2 3 4 5
# Default-Stop: 0 1 6
### END INIT INFO
";
