// SPDX-License-Identifier: MIT

//! The archive with the static program, in a root directory that has nothing else.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use ipvs_lab::package::Format;
use ipvs_lab::{Answer, Namespace};
use tempfile::TempDir;

use crate::namespace;

const TABLE: &str = "\
-A -t 10.0.0.1:80 -s wrr -p 60
-a -t 10.0.0.1:80 -r 10.0.0.2:8080 -m -w 3
-a -t 10.0.0.1:80 -r 10.0.0.3:8080 -m -w 0 -x 100 -y 50
-A -f 4294967295 -s rr
";

/// A root directory with the files of the archive, and no other.
struct Bare {
    root: TempDir,
    network: Namespace,
}

/// Unpacks the archive into a directory.
pub(super) fn unpack() -> TempDir {
    let directory = TempDir::new().unwrap();
    let mut tar = Command::new("tar");
    tar.arg("--extract").arg("--file");
    tar.arg(Format::Tar.path().unwrap()).arg("--directory");
    tar.arg(directory.path()).arg("--strip-components=1");
    let answer = Answer::of(tar, "").unwrap();
    assert_eq!((answer.stderr.as_str(), answer.status), ("", 0));
    directory
}

impl Bare {
    fn new() -> Self {
        Self {
            root: unpack(),
            network: namespace("director"),
        }
    }

    fn path(&self, place: &str) -> PathBuf {
        self.root.path().join(place)
    }

    fn files(&self) -> Vec<String> {
        let mut find = Command::new("find");
        find.args([".", "!", "-type", "d", "-printf", "%P %m %l\\n"]);
        let answer = Answer::of(inside(find, self.root.path()), "").unwrap();
        let mut files: Vec<_> = answer
            .stdout
            .lines()
            .map(|it| it.trim_end().into())
            .collect();
        files.sort();
        files
    }

    /// Runs a command line whose words are separated by spaces, with this root directory.
    fn try_run_reading(&self, line: &str, input: &str) -> Answer {
        let mut command = Command::new("/usr/sbin/chroot");
        command
            .arg(self.root.path())
            .args(line.split(' '))
            .env_clear();
        self.network.answer(command, input).unwrap()
    }

    fn run(&self, line: &str) -> String {
        self.run_reading(line, "")
    }

    fn run_reading(&self, line: &str, input: &str) -> String {
        let answer = self.try_run_reading(line, input);
        assert_eq!((answer.stderr.as_str(), answer.status), ("", 0), "{line}");
        answer.stdout
    }
}

fn inside(mut command: Command, directory: &Path) -> Command {
    command.current_dir(directory);
    command
}

#[test]
fn the_archive_has_the_program_with_its_pages_completions_and_licence() {
    let bare = Bare::new();
    let files = bare.files();
    for file in [
        "SHA256SUMS 644",
        "sbin/ipvsadm 755",
        "sbin/ipvsadm-restore 777 ipvsadm",
        "sbin/ipvsadm-save 777 ipvsadm",
        "share/bash-completion/completions/ipvsadm 644",
        "share/doc/ipvsadm/CHANGELOG.md 644",
        "share/doc/ipvsadm/COPYRIGHT-library.html 644",
        "share/doc/ipvsadm/LICENSE 644",
        "share/doc/ipvsadm/LICENSES.txt 644",
        "share/doc/ipvsadm/README.md 644",
        "share/doc/ipvsadm/ipvsadm.cdx.json 644",
        "share/fish/vendor_completions.d/ipvsadm.fish 644",
        "share/man/man8/ipvsadm-restore.8 644",
        "share/man/man8/ipvsadm-save.8 644",
        "share/man/man8/ipvsadm.8 644",
        "share/zsh/site-functions/_ipvsadm 644",
    ] {
        assert!(files.contains(&file.to_owned()), "{file} of {files:#?}");
    }
    for (file, text) in [
        ("man/man8/ipvsadm.8", include_str!("../../../man/ipvsadm.8")),
        ("doc/ipvsadm/LICENSE", include_str!("../../../LICENSE")),
        (
            "zsh/site-functions/_ipvsadm",
            include_str!("../../../completions/_ipvsadm"),
        ),
    ] {
        let file = bare.path("share").join(file);
        assert!(fs::read_to_string(&file).unwrap() == text, "{file:?}");
    }
    // A crate of each way to name its licence, and one that only other systems have.
    let licences = fs::read_to_string(bare.path("share/doc/ipvsadm/LICENSES.txt")).unwrap();
    let has = |name: &str| licences.lines().any(|line| line.starts_with(name));
    for linked in ["musl", "anyhow 1.", "comfy-table 8.", "netlink-sys 0."] {
        assert!(has(linked), "{linked} in {licences}");
    }
    assert!(!has("ipvs") && !has("windows"), "{licences}");
    assert!(licences.contains(include_str!("../../../src/cli/musl/COPYRIGHT").trim_matches('\n')));
    let library = bare.path("share/doc/ipvsadm/COPYRIGHT-library.html");
    let library = fs::read_to_string(library).unwrap();
    assert!(library.contains("The Rust Project Developers"));
    // What belongs to a system with packages is not there.
    let others = |file: &&String| !file.starts_with("sbin/") && !file.starts_with("share/");
    let others: Vec<_> = files.iter().filter(others).collect();
    assert_eq!(others, ["SHA256SUMS 644"]);
}

#[test]
fn the_sums_are_those_of_all_files_and_a_changed_file_is_found() {
    let bare = Bare::new();
    let check = || {
        let mut sum = Command::new("sha256sum");
        sum.args(["--check", "--quiet", "SHA256SUMS"]);
        Answer::of(inside(sum, bare.root.path()), "").unwrap()
    };
    let answer = check();
    assert_eq!(
        (answer.stdout.as_str(), answer.status),
        ("", 0),
        "{answer:?}"
    );
    let sums = fs::read_to_string(bare.path("SHA256SUMS")).unwrap();
    let named: Vec<_> = sums
        .lines()
        .map(|line| line.split_once("  ").unwrap().1)
        .collect();
    let files = bare.files();
    let plain = files.iter().filter_map(|file| {
        let (name, rest) = file.split_once(' ')?;
        (!rest.contains(' ') && name != "SHA256SUMS").then_some(name)
    });
    assert_eq!(named, plain.collect::<Vec<_>>());
    fs::write(bare.path("share/doc/ipvsadm/LICENSE"), "none").unwrap();
    assert_eq!(check().stdout, "share/doc/ipvsadm/LICENSE: FAILED\n");
}

#[test]
fn the_program_works_where_there_is_no_other_file() {
    let bare = Bare::new();
    assert!(bare.run("/sbin/ipvsadm --version").starts_with("ipvsadm "));
    for line in TABLE.lines() {
        assert_eq!(bare.run(&format!("/sbin/ipvsadm {line}")), "");
    }
    assert_eq!(bare.run("/sbin/ipvsadm-save -n"), TABLE);
    let listing = bare.run("/sbin/ipvsadm -Ln");
    assert_eq!(
        listing.lines().skip(3).collect::<Vec<_>>(),
        [
            "TCP  10.0.0.1:80 wrr persistent 60",
            "  -> 10.0.0.2:8080                Masq    3      0          0         ",
            "  -> 10.0.0.3:8080                Masq    0      0          0         ",
            "FWM  4294967295 rr",
        ]
    );
    bare.run("/sbin/ipvsadm -C");
    assert_eq!(bare.run("/sbin/ipvsadm -S -n"), "");
    assert_eq!(bare.run_reading("/sbin/ipvsadm-restore", TABLE), "");
    assert_eq!(bare.run("/sbin/ipvsadm-save -n"), TABLE);
    let json = bare.run("/sbin/ipvsadm -L -n --json");
    bare.run("/sbin/ipvsadm -C");
    bare.run_reading("/sbin/ipvsadm -R", &json);
    assert_eq!(bare.run("/sbin/ipvsadm-save -n"), TABLE);
    let answer = bare.try_run_reading("/sbin/ipvsadm -D -t 10.0.0.9:80", "");
    assert_eq!(
        (answer.stderr.as_str(), answer.status),
        ("No such service\n", 255)
    );
}

#[test]
fn names_come_from_the_files_of_the_root_directory() {
    let bare = Bare::new();
    fs::create_dir(bare.path("etc")).unwrap();
    fs::write(bare.path("etc/hosts"), "10.0.0.1 shop.example shop\n").unwrap();
    let services = "http 80/tcp\nhttp 80/sctp\ndomain 53/udp\n";
    fs::write(bare.path("etc/services"), services).unwrap();
    bare.run("/sbin/ipvsadm -A -t shop:http -s rr");
    bare.run("/sbin/ipvsadm -A -u shop.example:domain -s rr");
    bare.run("/sbin/ipvsadm -A --sctp-service 10.1:80 -s rr");
    let listing = bare.run("/sbin/ipvsadm -L");
    assert_eq!(
        listing.lines().skip(3).collect::<Vec<_>>(),
        // musl knows the names of services for TCP and UDP only.
        [
            "TCP  shop.example:http rr",
            "UDP  shop.example:domain rr",
            "SCTP shop.example:80 rr",
        ]
    );
}
