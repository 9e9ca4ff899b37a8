// SPDX-License-Identifier: MIT

//! The package of Red Hat's kind: installed, used as systemd and people would, and removed
//! again.

use std::path::Path;

use super::red_hat::{PACKAGE, RedHat, THEIR_SETTINGS};
use super::system::{UNIT, WANTED};
use crate::ipvsadm;

const SETTINGS: &str = "/etc/sysconfig/ipvsadm-config";
const RULES: &str = "/etc/sysconfig/ipvsadm";
/// What «service ipvsadm save» runs (`/usr/sbin/service` of Fedora's initscripts).
const SAVE: &str = "/usr/libexec/initscripts/legacy-actions/ipvsadm/save";

const TABLE: &str = "\
-A -t 10.0.0.1:80 -s wrr -p 60
-a -t 10.0.0.1:80 -r 10.0.0.2:8080 -m -w 3
-a -t 10.0.0.1:80 -r 10.0.0.3:8080 -m -w 0 -x 100 -y 50
-A -f 4294967295 -s rr
";

#[test]
fn every_file_is_where_it_belongs_and_the_links_work() {
    let system = RedHat::with_package();
    let format = "[%{FILEMODES:octal} %{FILENAMES} %{FILELINKTOS}\\n]";
    let files = system.rpm(&format!(
        "--query --queryformat {} ipvsadm",
        format.replace(' ', ":")
    ));
    let mut files: Vec<_> = files
        .lines()
        .filter(|line| !line.starts_with("40755:"))
        .map(|line| line.replace(':', " "))
        .collect();
    files.sort();
    let expected = [
        "100644 /etc/sysconfig/ipvsadm-config",
        "100644 /usr/lib/systemd/system/ipvsadm.service",
        "100644 /usr/lib/systemd/system/lvs-realserver@.service",
        "100644 /usr/libexec/ipvsadm/sysconfig",
        "100644 /usr/share/bash-completion/completions/ipvsadm",
        "100644 /usr/share/doc/ipvsadm/CHANGELOG.md",
        "100644 /usr/share/doc/ipvsadm/README.md",
        "100644 /usr/share/doc/ipvsadm/ipvsadm.cdx.json",
        "100644 /usr/share/fish/vendor_completions.d/ipvsadm.fish",
        "100644 /usr/share/licenses/ipvsadm/COPYRIGHT-library.html",
        "100644 /usr/share/licenses/ipvsadm/LICENSE",
        "100644 /usr/share/licenses/ipvsadm/LICENSES.txt",
        "100644 /usr/share/man/man8/ipvsadm-restore.8.gz",
        "100644 /usr/share/man/man8/ipvsadm-save.8.gz",
        "100644 /usr/share/man/man8/ipvsadm.8.gz",
        "100644 /usr/share/man/zh_CN/man8/ipvsadm.8.gz",
        "100644 /usr/share/zsh/site-functions/_ipvsadm",
        "100755 /usr/libexec/initscripts/legacy-actions/ipvsadm/save",
        "100755 /usr/libexec/ipvsadm/real-server",
        "100755 /usr/libexec/ipvsadm/service",
        "100755 /usr/sbin/ipvsadm",
        "120777 /usr/sbin/ipvsadm-restore ipvsadm",
        "120777 /usr/sbin/ipvsadm-save ipvsadm",
    ];
    let files: Vec<_> = files.iter().map(|line| line.trim_end()).collect();
    for file in expected {
        assert!(files.contains(&file), "{file} of {files:#?}");
    }
    // What is installed is what the package says.
    assert_eq!(system.rpm("--verify ipvsadm"), "");
    assert_eq!(
        system.rpm("--query --configfiles ipvsadm"),
        format!("{SETTINGS}\n")
    );
    let page = system.run("zcat /usr/share/man/man8/ipvsadm.8.gz");
    assert!(page == include_str!("../../../man/ipvsadm.8"));
    assert!(!system.exists(WANTED));

    assert!(system.run("ipvsadm --version").starts_with("ipvsadm "));
    let answer = system.try_run_reading("ipvsadm-restore", TABLE);
    assert_eq!((answer.stderr.as_str(), answer.status), ("", 0));
    assert_eq!(system.run("ipvsadm-save -n"), TABLE);
}

#[test]
fn it_requires_what_every_such_system_has_and_no_version_of_a_library() {
    let system = RedHat::with_package();
    let requires = system.rpm("--query --requires ipvsadm");
    let mut requires: Vec<_> = requires
        .lines()
        .filter(|line| !line.starts_with("rpmlib("))
        .collect();
    requires.dedup();
    assert_eq!(
        requires,
        ["/bin/sh", "config(ipvsadm) = 1:0.1.0-1", "systemd"]
    );
}

#[test]
fn the_unit_restores_the_rules_and_saves_the_table_when_it_stops() {
    let system = RedHat::with_package();
    // Without rules there is nothing to do.
    system.unit("ExecStart");
    assert_eq!(system.table(), "");

    system.write(RULES, TABLE);
    system.unit("ExecStart");
    assert_eq!(system.table(), TABLE);
    system.run("ipvsadm -D -f 4294967295");
    let changed = system.table();
    system.unit("ExecReload");
    assert_eq!(system.table(), TABLE);

    system.run("ipvsadm -D -f 4294967295");
    system.unit("ExecStop");
    assert_eq!(system.table(), "");
    assert_eq!(system.read(RULES), changed);
    system.unit("ExecStart");
    assert_eq!(system.table(), changed);
}

#[test]
fn stop_saves_only_if_the_settings_say_so_with_the_names_of_red_hats_package() {
    let system = RedHat::with_package();
    for (stop, restart, saves) in [
        ("no", "no", false),
        ("yes", "no", true),
        ("no", "yes", true),
        ("yes", "yes", true),
    ] {
        system.write(RULES, TABLE);
        system.write(
            SETTINGS,
            &format!("IPVS_SAVE_ON_STOP=\"{stop}\"\nIPVS_SAVE_ON_RESTART=\"{restart}\"\n"),
        );
        system.unit("ExecStart");
        system.run("ipvsadm -D -f 4294967295");
        let changed = system.table();
        system.unit("ExecStop");
        assert_eq!(system.table(), "", "{stop} {restart}");
        let expected = if saves { changed.as_str() } else { TABLE };
        assert_eq!(system.read(RULES), expected, "{stop} {restart}");
    }
}

#[test]
fn the_action_save_of_the_command_service_writes_the_rules() {
    let system = RedHat::with_package();
    let answer = system.try_run_reading("ipvsadm-restore", TABLE);
    assert_eq!((answer.stderr.as_str(), answer.status), ("", 0));
    assert_eq!(system.run(SAVE), "");
    assert_eq!(system.read(RULES), TABLE);
    assert_eq!(
        system.run(&format!("stat --format %a:%U {RULES}")),
        "644:root\n"
    );
    assert_eq!(system.table(), TABLE);
}

#[test]
fn wrong_rules_are_told_with_their_place_and_leave_the_table_alone() {
    let system = RedHat::with_package();
    system.write(RULES, TABLE);
    system.unit("ExecStart");
    system.write(RULES, "-A -t 10.0.0.1:80 -s rr\n-a -t 10.0.0.1:80 -q\n");
    let answer = system.try_unit("ExecReload");
    assert_eq!(answer.status, 1);
    assert!(
        answer.stderr.starts_with(&format!("{RULES}: line 2: ")),
        "{answer:?}"
    );
    assert_eq!(system.table(), TABLE);
}

#[test]
fn it_takes_the_place_of_the_distributions_packages_without_touching_the_table() {
    let system = RedHat::bare();
    system.install_original();
    let changed = THEIR_SETTINGS.replace("ON_STOP=\"no\"", "ON_STOP=\"yes\"");
    system.write(SETTINGS, &changed);
    system.write(RULES, TABLE);
    system.run("systemctl --quiet enable ipvsadm.service");
    ipvsadm(&system.network, "-A -t 10.0.0.9:80 -s rr");

    let answer = system.try_run(&format!("rpm --force-debian --upgrade {PACKAGE}"));
    assert_eq!(answer.status, 0, "{answer:?}");
    assert_eq!(
        answer.stderr,
        format!("warning: {SETTINGS} created as {SETTINGS}.rpmnew\n")
    );
    assert!(!system.exists("/run/removed"));
    assert_eq!(system.table(), "-A -t 10.0.0.9:80 -s rr\n");
    // The package of manual pages is gone, and what required the original is served.
    let names = system.rpm("--query --all --queryformat %{NAME}:%{EPOCHNUM}:%{VERSION}\\n");
    let mut names: Vec<_> = names.lines().collect();
    names.sort_unstable();
    assert_eq!(names, ["ipvsadm:1:0.1.0", "monitor:0:1", "system:0:1"]);
    assert_eq!(system.rpm("--verify monitor"), "");
    // The settings, the rules, and that the unit is started with the machine are kept.
    assert_eq!(system.read(SETTINGS), changed);
    assert_eq!(system.read(RULES), TABLE);
    assert!(system.exists(WANTED));
    system.unit("ExecStart");
    assert_eq!(system.table(), TABLE);
}

#[test]
fn removing_leaves_the_rules_and_the_table() {
    let system = RedHat::with_package();
    let files = system.rpm("--query --list ipvsadm");
    system.run("systemctl --quiet enable ipvsadm.service");
    system.write(RULES, TABLE);
    ipvsadm(&system.network, "-A -t 10.0.0.9:80 -s rr");

    system.rpm("--erase ipvsadm");
    // A directory may be the host's too.
    let is_left = |file: &&str| system.exists(file) && !system.inside(|| Path::new(file).is_dir());
    let left: Vec<_> = files.lines().filter(is_left).collect();
    assert_eq!(left, [""; 0]);
    assert_eq!(system.read(RULES), TABLE);
    assert!(!system.exists(WANTED));
    // The scripts leave the table alone: it is the unit's to clear.
    assert_eq!(
        ipvsadm(&system.network, "-S -n"),
        "-A -t 10.0.0.9:80 -s rr\n"
    );
}

#[test]
fn systemd_finds_nothing_wrong_with_the_unit() {
    let system = RedHat::with_package();
    assert_eq!(system.find_faults(UNIT), (vec![], 0));
}

#[test]
fn rpmlint_finds_nothing_but_what_its_settings_give_a_reason_for() {
    let system = RedHat::bare();
    let settings = include_str!("../../../src/cli/rpm/rpmlint.toml");
    let lint = |settings: &str| {
        system.write("/tmp/rpmlint.toml", settings);
        let file = system.run(&format!("readlink {PACKAGE}"));
        let answer = system.try_run(&format!("rpmlint -c /tmp/rpmlint.toml {file}"));
        let found = answer
            .stdout
            .lines()
            .filter_map(|line| Some(line.strip_prefix("ipvsadm.x86_64: ")?.to_owned()));
        (found.collect::<Vec<_>>(), answer)
    };
    let (found, answer) = lint(settings);
    assert!(found.is_empty(), "{answer:?}");
    assert!(answer.stdout.contains("0 errors, 0 warnings"), "{answer:?}");
    // Each of the reasons is needed.
    let is_reason = |line: &&str| line.starts_with("    \"");
    let reasons: Vec<&str> = settings.lines().filter(is_reason).collect();
    let without = settings
        .lines()
        .filter(|line| !is_reason(line))
        .collect::<Vec<_>>();
    let (found, _) = lint(&without.join("\n"));
    for line in reasons {
        let reason = line.trim_matches([' ', '"', ',']);
        assert!(
            found.iter().any(|words| words.starts_with(reason)),
            "{reason}: {found:#?}"
        );
    }
}
