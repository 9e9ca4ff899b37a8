// SPDX-License-Identifier: MIT

//! The Debian package in a system of Debian 13: with its dpkg, its tools for the scripts of
//! packages and its C library, on whichever kernel there is.

use std::fs;

use ipvs_lab::package::Format;
use ipvs_lab::root::Root;

use super::system::{System, UNIT, WANTED};

/// Debian 13's own package of the original, as it is in the system.
const ORIGINAL: &str = "/ipvsadm.deb";
const PACKAGE: &str = "/tmp/ours.deb";
const RULES: &str = "/etc/ipvsadm.rules";
const TABLE: &str = "-A -t 10.0.0.1:80 -s wrr\n-a -t 10.0.0.1:80 -r 10.0.0.2:80 -m -w 3\n";

fn system() -> System {
    let system = System::of(Root::debian_13().unwrap());
    let package = fs::read(Format::Deb.path().unwrap()).unwrap();
    system.inside(|| {
        fs::create_dir_all("/tmp").unwrap();
        fs::write(PACKAGE, package).unwrap();
    });
    assert!(system.read("/etc/debian_version").starts_with("13."));
    system
}

/// Installs a package, and returns what dpkg and the scripts say.
fn install(system: &System, package: &str) -> String {
    let answer = system.try_run(&format!(
        "dpkg --force-unsafe-io --force-confold --install {package}"
    ));
    assert_eq!(answer.status, 0, "{answer:?}");
    answer.stdout + &answer.stderr
}

/// Asserts that dpkg has the package in order, with every file as it was delivered.
fn assert_in_order(system: &System) {
    assert_eq!(system.run("dpkg --audit ipvsadm"), "");
    assert_eq!(system.run("dpkg --verify ipvsadm"), "");
}

fn traces(system: &System) -> String {
    system.run("find /etc /run /var /usr /sbin/ -name *ipvsadm*")
}

#[test]
fn it_is_installed_used_and_purged() {
    let system = system();
    let said = install(&system, PACKAGE);
    assert!(!said.contains("warning"), "{said}");
    assert_in_order(&system);
    for program in ["/usr/sbin/ipvsadm", "/sbin/ipvsadm", "ipvsadm"] {
        assert!(
            system
                .run(&format!("{program} --version"))
                .starts_with("ipvsadm ")
        );
    }
    let answer = system.try_run_reading("ipvsadm-restore", TABLE);
    assert_eq!((answer.stderr.as_str(), answer.status), ("", 0));
    assert_eq!(system.run("ipvsadm-save -n"), TABLE);
    system.write(RULES, TABLE);
    system.unit("ExecReload");
    // The names come from its C library.
    system.write("/etc/hosts", "10.0.0.2 server.example\n");
    assert!(system.run("ipvsadm -L").contains("server.example:"));

    system.run("dpkg --purge ipvsadm");
    assert_eq!(traces(&system), "");
}

#[test]
fn it_takes_the_place_of_debian_13s_package_without_touching_the_table() {
    let system = system();
    install(&system, ORIGINAL);
    assert!(system.exists(WANTED));
    let answer = system.try_run_reading("ipvsadm-restore", TABLE);
    assert_eq!((answer.stderr.as_str(), answer.status), ("", 0));

    // Its apt takes the package for an upgrade that brings nothing else.
    let plan = system.run(&format!("apt-get --simulate --quiet install {PACKAGE}"));
    assert!(
        plan.contains("1 upgraded, 0 newly installed, 0 to remove"),
        "{plan}"
    );
    let said = install(&system, PACKAGE);
    assert!(said.contains(" over (1:1.31-"), "{said}");
    assert_in_order(&system);
    assert!(system.run("ipvsadm --version").contains("compatible"));
    assert_eq!(system.table(), TABLE);
    for gone in ["/etc/init.d/ipvsadm", "/usr/libexec/ipvsadm/ipvsadm-start"] {
        assert!(!system.exists(gone), "{gone}");
    }
    assert!(
        system
            .read(UNIT)
            .contains("/usr/libexec/ipvsadm/service start")
    );
    assert!(system.read("/etc/default/ipvsadm").contains("SAVE_ON_STOP"));
    // Its unit was enabled, and had nothing to do.
    assert!(!system.exists(WANTED));

    system.run("dpkg --purge ipvsadm");
    assert_eq!(traces(&system), "");
}

#[test]
fn what_debian_13s_package_was_told_to_start_is_started_by_the_unit() {
    let system = system();
    install(&system, ORIGINAL);
    let settings = "AUTO=\"true\"\nDAEMON=\"none\"\n";
    system.write("/etc/default/ipvsadm", settings);
    system.write(RULES, TABLE);
    install(&system, PACKAGE);
    assert_eq!(system.read("/etc/default/ipvsadm"), settings);
    assert_eq!(
        system.run(&format!("readlink --canonicalize {WANTED}")),
        format!("{UNIT}\n")
    );
    system.unit("ExecStart");
    assert_eq!(system.table(), TABLE);
    system.run("dpkg --purge ipvsadm");
    assert_eq!(traces(&system), "");
}
