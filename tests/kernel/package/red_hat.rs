// SPDX-License-Identifier: MIT

//! A system with rpm to install the package in.

use std::fs;
use std::ops::Deref;
use std::os::unix::fs::symlink;
use std::path::Path;

use ipvs_lab::package::Format;

use super::system::System;

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
pub(crate) struct RedHat(System);

impl Deref for RedHat {
    type Target = System;

    fn deref(&self) -> &System {
        &self.0
    }
}

impl RedHat {
    pub(crate) fn bare() -> Self {
        let system = Self(System::new());
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

    /// Runs rpm, which Debian lets install packages only when told that it may.
    pub(crate) fn rpm(&self, words: &str) -> String {
        self.run(&format!("rpm --force-debian {words}"))
    }

    /// Builds a package from a spec and installs it; `files` are pairs of a path and a
    /// text.
    pub(crate) fn install_made(&self, spec: &str, files: &[(&str, &str)]) {
        self.write_tree(files);
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
}
