// SPDX-License-Identifier: MIT

//! What the program does with rights that whoever starts it may not have: the programs that
//! it starts, files with a capability, set-uid files, links that others have planted, names
//! that a terminal would obey.

use std::{fs, os::unix::fs::PermissionsExt as _};

use ipvs_lab::{Answer, Namespace, packages::machine::Machine, program};
use tempfile::TempDir;

use crate::{add_sync_interface, ipvsadm, namespace, watch::Terminal};

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

/// The folder of [`Installed`].
const FOLDER: &str = "/mnt";

/// Gives the network namespace rules of iptables, which are then read.
const TABLE: &str = "iptables-legacy -t mangle -n -L >/dev/null";

/// An ordinary user, and the group of those who may use the program.
const USER: &str = "1000";
const GROUP: &str = "2000";

/// A machine with a copy of the program in a file system where a file can have more than a
/// mode.
struct Installed {
    machine: Machine,
    network: Namespace,
}

impl Installed {
    /// Makes the copy, and does what these commands say with it.
    fn new(commands: &str) -> Self {
        let installed = Self {
            machine: Machine::new().unwrap(),
            network: namespace("director"),
        };
        let answer = installed.shell(&format!(
            "set -e
             mount -t tmpfs none {FOLDER}
             chmod 755 {FOLDER}
             cp /usr/sbin/ipvsadm {FOLDER}
             cd {FOLDER}
             {commands}"
        ));
        assert_eq!((answer.stderr.as_str(), answer.status), ("", 0));
        installed
    }

    /// The copy as ipvsadm(8) says.
    fn with_capability() -> Self {
        Self::new(&format!(
            "chown 0:{GROUP} ipvsadm
             chmod 750 ipvsadm
             setcap cap_net_admin+ep ipvsadm"
        ))
    }

    fn shell(&self, script: &str) -> Answer {
        let mut command = self.machine.command(&self.network, "sh");
        command.args(["-c", script]);
        Answer::of(command, "").unwrap()
    }

    /// Runs the copy with a variable, as root or as a user who may.
    fn answer_with(&self, is_root: bool, variable: (&str, &str), line: &(&str, &str)) -> Answer {
        let mut command = self.machine.command(&self.network, "setpriv");
        command.args(match is_root {
            true => &["--reuid", "0"][..],
            false => &["--reuid", USER, "--regid", GROUP, "--clear-groups"],
        });
        // Only the program has it, and nothing else.
        command
            .args(["/usr/bin/env", "-i"])
            .arg(format!("{}={}", variable.0, variable.1))
            .arg(format!("{FOLDER}/ipvsadm"));
        command.args(line.0.split_ascii_whitespace());
        Answer::of(command, line.1).unwrap()
    }

    /// Runs the copy as the user, who is in a group.
    fn answer_of(&self, group: &str, arguments: &str, input: &str) -> (String, String, u8) {
        let mut command = self.machine.command(&self.network, "setpriv");
        command
            .args(["--reuid", USER, "--regid", group, "--clear-groups"])
            // setpriv itself starts what the user may not start.
            .args(["sh", "-c", r#"exec "$0" "$@""#])
            .arg(format!("{FOLDER}/ipvsadm"))
            .args(arguments.split_ascii_whitespace());
        let answer = Answer::of(command, input).unwrap();
        (answer.stdout, answer.stderr, answer.status)
    }

    /// Runs the copy as a user who may.
    fn answer(&self, arguments: &str, input: &str) -> (String, String, u8) {
        self.answer_of(GROUP, arguments, input)
    }

    /// Runs the copy as a user who may; it must succeed without a word on standard error.
    fn succeed(&self, arguments: &str) -> String {
        let (stdout, stderr, status) = self.answer(arguments, "");
        assert_eq!((stderr.as_str(), status), ("", 0), "ipvsadm {arguments}");
        stdout
    }
}

/// Everything for which the netlink interface is needed.
const RULES: &str = "\
-A -t 10.0.0.1:80 -s wrr -p 60
-a -t 10.0.0.1:80 -r 10.0.0.2:80 -i -w 3 --tun-type gue --tun-port 6080 --tun-nocsum
-A -u [2001:db8::1]:53 -s rr -o
-a -u [2001:db8::1]:53 -r [2001:db8::2]:53 -m -w 1
-A -f 9 -6 -s mh -b mh-port
";

#[test]
fn with_the_capability_a_user_of_the_group_has_the_whole_table() {
    let installed = Installed::with_capability();
    let table = || ipvsadm(&installed.network, "-S -n");
    assert_eq!(
        installed.answer("-R", RULES),
        (String::new(), String::new(), 0)
    );
    assert_eq!(table(), RULES);
    for listing in [
        "-L -n",
        "-L -n --stats",
        "-S -n",
        "-L --timeout",
        "-L -n -c",
        "-L --json",
    ] {
        let root = ipvsadm(&installed.network, listing);
        assert_eq!(installed.succeed(listing), root, "{listing}");
    }
    installed.succeed("-e -t 10.0.0.1:80 -r 10.0.0.2 -w 7 --keep");
    assert!(table().contains("-w 7"));
    installed.succeed("--drain -r [2001:db8::2]");
    assert!(table().contains("-r [2001:db8::2]:53 -m -w 0"));
    installed.succeed("--drain --undo -r [2001:db8::2]");
    installed.succeed("--set 100 0 0");
    installed.succeed("-Z");
    add_sync_interface(&installed.network);
    installed.succeed("--start-daemon backup --mcast-interface sync0");
    assert!(ipvsadm(&installed.network, "-L --daemon").contains("mcast=sync0"));
    installed.succeed("--stop-daemon backup");
    assert_eq!(installed.answer("--apply", RULES).2, 0);
    assert_eq!(table(), RULES);
    installed.succeed("-C");
    assert_eq!(table(), "");

    let (_, error, status) = installed.answer_of(USER, "-C", "");
    assert!(error.contains("Permission denied"), "{status} {error}");
    assert_eq!(status, 126, "who is not in the group cannot start it");
}

#[test]
fn the_capability_is_for_nothing_else() {
    let installed = Installed::with_capability();
    let secret = format!("{FOLDER}/secret");
    installed.shell(&format!("umask 077; echo '-A -f 1' >{secret}"));
    let told = |arguments: &str| {
        let (stdout, stderr, status) = installed.answer(arguments, "");
        assert_eq!(stdout, "", "{arguments}");
        (stderr, status)
    };
    for command in ["-R", "--apply"] {
        assert_eq!(
            told(&format!("{command} {secret}")),
            (
                format!("cannot read {secret}: Permission denied (os error 13)\n"),
                2
            )
        );
    }
    for path in [secret.clone(), format!("{FOLDER}/new")] {
        let (error, status) = told(&format!("-L --output openmetrics --output-file {path}"));
        let beginning = format!("cannot write {path}: Permission denied");
        assert!(error.starts_with(&beginning), "{error}");
        assert_eq!(status, 1);
    }
    let there = std::process::id();
    assert_eq!(
        told(&format!("--netns {there} -L")),
        (
            format!("entering the network namespace of process {there} is not permitted\n"),
            2
        )
    );
}

/// Reads the variables of docs/reliability.md.
fn list_variables() -> Vec<&'static str> {
    let text = include_str!("../../docs/reliability.md");
    let (_, table) = text.split_once("| variable | read by |").unwrap();
    let (table, _) = table.split_once("\n\n").unwrap();
    let cells = table
        .lines()
        .skip(2)
        .filter_map(|row| row.split('|').nth(1));
    let names = cells.flat_map(|cell| cell.split(','));
    names.map(|name| name.trim().trim_matches('`')).collect()
}

/// Each with its standard input.
const LINES: [(&str, &str); 4] = [
    (
        "--apply",
        "-A -t localhost:http -s wrr\n-a -t 127.0.0.1:80 -r 127.0.0.2 -m\n",
    ),
    ("--drain -r 127.0.0.2", ""),
    ("-L --output wide", ""),
    ("-a -t 127.0.0.1:80 -r nonsense:http -w many", ""),
];

#[test]
fn no_variable_changes_what_is_done_or_said() {
    let installed = Installed::with_capability();
    let variables = list_variables();
    assert!(variables.len() > 30, "{variables:?}");
    for is_root in [true, false] {
        let answers = |variable| LINES.map(|line| installed.answer_with(is_root, variable, &line));
        let without = answers(("UNUSED", ""));
        assert_eq!(without[0].stderr, "", "localhost and http are names");
        assert!(without[2].stdout.contains("quiesced"), "{without:?}");
        for &name in &variables {
            // What they do is what they are for.
            let is_meant = match is_root {
                true => name.starts_with("LD_"),
                false => name == "XDG_RUNTIME_DIR",
            };
            if is_meant {
                continue;
            }
            let value = "/nonexistent\x1b[2J;7";
            let mut with = answers((name, value));
            // The C library itself complains in every program.
            let is_kept = |line: &&str| !line.contains(value);
            for Answer { stderr, .. } in &mut with {
                *stderr = stderr.split_inclusive('\n').filter(is_kept).collect();
            }
            assert_eq!(with, without, "{name}");
        }
    }
}

#[test]
fn a_library_is_preloaded_for_root_and_not_into_a_file_with_the_capability() {
    let installed = Installed::with_capability();
    ipvsadm(&installed.network, "-A -f 5 -s rr");
    let library = program::replies().unwrap();
    let copy = format!("{FOLDER}/replies.so");
    let copied = installed.shell(&format!(
        "cp '{}' {copy} && chmod 755 {copy}",
        library.display()
    ));
    assert_eq!((copied.stderr.as_str(), copied.status), ("", 0));
    let listed = |is_root| {
        let mut command = installed.machine.command(&installed.network, "sh");
        let privileges = match is_root {
            true => "--reuid 0",
            false => "--reuid 1000 --regid 2000 --clear-groups",
        };
        command.args([
            "-c",
            &format!(
                "LD_PRELOAD={copy} exec setpriv {privileges} \
            sh -c 'exec {FOLDER}/ipvsadm -L -n --stats --exact -f 5'"
            ),
        ]);
        command.env(program::REPLIES, "service conns 77");
        Answer::of(command, "").unwrap().stdout.contains(" 77 ")
    };
    assert!(listed(true));
    assert!(!listed(false));
}

#[test]
fn a_file_that_is_set_uid_or_set_gid_does_nothing() {
    for mode in ["4755", "2755", "6755"] {
        let installed = Installed::new(&format!("chmod {mode} ipvsadm"));
        ipvsadm(&installed.network, "-A -f 5 -s rr");
        for arguments in [
            "",
            "-L -n",
            "-C",
            "-R",
            "-h",
            "-v",
            "--nonsense",
            "--doctor",
        ] {
            assert_eq!(
                installed.answer(arguments, "-C\n"),
                (
                    String::new(),
                    "ipvsadm must not be set-uid or set-gid: let users of it have sudo, or give \
                     a copy of it the capability cap_net_admin (WITHOUT ROOT in ipvsadm(8))\n"
                        .to_owned(),
                    2
                ),
                "{mode} {arguments}"
            );
        }
        assert_eq!(ipvsadm(&installed.network, "-S -n"), "-A -f 5 -s rr\n");
        // Started by its owner it is not that.
        let answer = installed.shell(&format!("{FOLDER}/ipvsadm -C"));
        assert_eq!((answer.stderr.as_str(), answer.status), ("", 0));
        assert_eq!(ipvsadm(&installed.network, "-S -n"), "");
    }
}

#[test]
fn the_programs_of_the_firewall_have_nothing_of_the_caller_s() {
    let network = namespace("director");
    // The rules matter to those with a mark.
    ipvsadm(&network, "-A -f 5 -s rr");
    let firewall = StandIn::new("iptables-legacy-save", "");
    let machine = Machine::new().unwrap();
    let mut command = machine.command(&network, "sh");
    command.args([
        "-ec",
        &format!(
            "{TABLE}
             mount --bind {} /usr/sbin
             exec 5</etc/passwd 7>/run/secret
             export PATH=/nonexistent XTABLES_LIBDIR=/nonexistent LD_LIBRARY_PATH=/nonexistent
             cd /tmp
             '{}' --report >/run/report",
            firewall.folder.path().display(),
            program::path().unwrap().display()
        ),
    ]);
    let answer = Answer::of(command, "").unwrap();
    assert_eq!((answer.stderr.as_str(), answer.status), ("", 0));
    assert_eq!(
        firewall.had(),
        "PATH=/usr/sbin:/sbin:/usr/local/sbin\n/\n0 /dev/null\n1 pipe\n2 /dev/null\n"
    );
}

/// Runs a shell script as root where /run and /mnt are folders like /tmp, after another user
/// has done something there; returns what it says in the end.
fn after_plant(planted: &str, script: &str) -> (String, String, u8) {
    let network = namespace("director");
    ipvsadm(&network, "-A -f 5 -s rr");
    let answer = run(
        &network,
        &format!(
            "set -e
             # Linux itself may follow any link, until this ends.
             links=$(cat /proc/sys/fs/protected_symlinks)
             trap 'echo $links >/proc/sys/fs/protected_symlinks' EXIT
             echo 0 >/proc/sys/fs/protected_symlinks
             mount -t tmpfs -o mode=1777 none /run
             mount -t tmpfs -o mode=1777 none /mnt
             mkdir -m 700 /mnt/root
             echo precious >/mnt/root/file
             setpriv --reuid {USER} --regid {USER} --clear-groups sh -ec '{planted}'
             set +e
             {script}
             status=$?
             cat /mnt/root/file
             ls /mnt/root
             exit $status"
        ),
    );
    (answer.stdout, answer.stderr, answer.status)
}

/// Nothing has become of the files of root.
const UNTOUCHED: &str = "precious\nfile\n";

#[test]
fn a_folder_below_run_that_another_user_has_planted_is_not_used() {
    for (planted, reason) in [
        (
            "ln -s /mnt/root /run/ipvsadm",
            "Not a directory (os error 20)",
        ),
        ("touch /run/ipvsadm", "Not a directory (os error 20)"),
        ("mkdir /run/ipvsadm", "it belongs to another user"),
        (
            "mkdir -m 777 /run/ipvsadm",
            "others than its owner may write to it",
        ),
    ] {
        for (command, status) in [("--apply", 2), ("--drain -r 10.0.0.2", 255)] {
            let script = format!("echo \"-A -f 6\" | \"$1\" {command}; echo $? $(\"$1\" -S -n)");
            let (stdout, stderr, _) = after_plant(planted, &script);
            assert_eq!(
                stdout,
                format!("{status} -A -f 5 -s rr\n{UNTOUCHED}"),
                "{planted}"
            );
            if status == 2 {
                let told = format!("cannot use /run/ipvsadm: {reason}\n");
                assert_eq!(stderr, told, "{planted}");
            }
        }
    }
}

#[test]
fn a_link_that_another_user_has_planted_does_not_have_its_target_replaced() {
    let write = "\"$1\" -L --output openmetrics --output-file /mnt/ipvs.prom";
    let planted = "ln -s /mnt/root/file /mnt/ipvs.prom";
    let told = "cannot write /mnt/ipvs.prom: it is a link in a folder that everybody may write to; \
                name the file itself\n";
    let refused = (UNTOUCHED.to_owned(), told.to_owned(), 1);
    assert_eq!(after_plant(planted, write), refused);
    // Nor one that leads nowhere yet.
    let dangling = "ln -s /mnt/root/new /mnt/ipvs.prom";
    assert_eq!(after_plant(dangling, write), refused);
    // A file of the user's is replaced and not written to.
    let script = format!("ln /mnt/ipvs.prom /mnt/held; {write}; cat /mnt/held");
    let own = after_plant("echo planted >/mnt/ipvs.prom", &script);
    assert_eq!(own, (format!("planted\n{UNTOUCHED}"), String::new(), 0));
    // A link of root's own stays one.
    let script = format!("ln -s /mnt/root/file /mnt/ipvs.prom; {write}; head -c 6 /mnt/root/file");
    let (stdout, stderr, _) = after_plant("true", &script);
    assert!(stdout.starts_with("# HELP"), "{stdout}");
    assert_eq!(stderr, "");
}

#[test]
fn a_link_that_is_no_network_namespace_is_not_entered() {
    for (planted, words, told) in [
        (
            "ln -s /mnt/root/file /mnt/blue",
            "/mnt/blue",
            "/mnt/blue is not a network namespace\n",
        ),
        (
            "mkdir /run/netns; ln -s /mnt/root/file /run/netns/blue",
            "blue",
            "/run/netns/blue is not a network namespace\n",
        ),
        (
            "mkdir -p /run/netns; ln -s /mnt/root/file /run/blue",
            "..",
            "illegal network namespace specified\n",
        ),
    ] {
        let script = format!("\"$1\" --netns {words} -C");
        let (stdout, stderr, status) = after_plant(planted, &script);
        assert_eq!((stdout.as_str(), status), (UNTOUCHED, 2), "{planted}");
        assert_eq!(stderr, told, "{planted}");
    }
}

/// Clears a screen, in seven and in eight bits, and rings (ECMA-48: ED; ISO 6429).
const CONTROLS: &str = "\x1b[2J\u{9b}3J\x07";

/// How a terminal is to show that.
const SHOWN: &str = "\\u001b[2J\\u009b3J\\u0007";

/// Names with control characters, for a host, a service and an interface.
struct Hostile {
    network: Namespace,
    folder: TempDir,
}

impl Hostile {
    fn new() -> Self {
        let network = namespace("director");
        let folder = TempDir::new().unwrap();
        let write = |name, text: String| fs::write(folder.path().join(name), text).unwrap();
        write(
            "hosts",
            format!("10.9.8.7 host{CONTROLS}\n10.9.8.6 other\n"),
        );
        write("services", format!("service{CONTROLS} 80/tcp\n"));
        write(
            "rules",
            format!("-A -t 10.9.8.7:80 -s{CONTROLS}\n-A -t{CONTROLS}:80\n"),
        );
        write(
            "document",
            // As JSON has them: RFC 8259, 7.
            format!("{{\"schema_version\": 1, \"x{SHOWN}\": 1}}"),
        );
        ipvsadm(&network, "-A -t 10.9.8.7:80 -s rr");
        ipvsadm(&network, "-a -t 10.9.8.7:80 -r 10.9.8.6 -m");
        // A name of 15 bytes at most, without blanks and slashes, is one to Linux.
        network
            .ip(&format!(
                "link add if{CONTROLS} type dummy\nlink set if{CONTROLS} up"
            ))
            .unwrap();
        let interface = format!("if{CONTROLS}");
        let daemon = ["--start-daemon", "backup", "--mcast-interface", &interface];
        let started = ipvs_lab::ipvsadm(&network, daemon).unwrap();
        assert_eq!((started.stderr.as_str(), started.status), ("", 0));
        Self { network, folder }
    }

    /// A shell's command that runs a program with these names.
    fn spell(&self, program: &str, words: &str) -> String {
        let folder = self.folder.path().display();
        format!(
            "exec unshare --mount sh -c 'mount --bind {folder}/hosts /etc/hosts
             mount --bind {folder}/services /etc/services
             cd {folder}
             {program} {words}
             true'"
        )
    }
}

#[test]
fn a_terminal_shows_the_control_characters_of_names_and_files_and_a_pipe_gets_them() {
    let hostile = Hostile::new();
    let path = program::path().unwrap();
    let program = path.to_str().unwrap();
    // What is only in a hint is not for a pipe, and colours are meant for a terminal.
    for (words, is_in_pipe) in [
        ("-L", true),
        ("-L --output wide", true),
        ("-L --output wide --color=always", false),
        ("-L --output wide --watch 0.1 --count 2", true),
        ("-S", true),
        ("-L --daemon", true),
        ("-L --daemon --output wide", true),
        ("--apply rules", false),
        ("--diff document", true),
        (&format!("-A -t 10.9.8.7:81 -s rr{CONTROLS}"), false),
        (&format!("-L --no{CONTROLS}"), true),
        (&format!("-R no{CONTROLS}"), true),
        (&format!("--netns /no{CONTROLS} -L"), true),
        (
            &format!("-L --output openmetrics --output-file /no{CONTROLS}/file"),
            true,
        ),
    ] {
        let command = hostile.spell(program, words);
        let screen = Terminal::start(&hostile.network, &command).end();
        for control in ["\x1b[2J", "\u{9b}", "\x07"] {
            assert!(!screen.contains(control), "{words}: {screen:?}");
        }
        assert!(screen.contains(SHOWN), "{words}: {screen:?}");
        let mut shell = hostile.network.command("sh");
        shell.args(["-c", &command]);
        let piped = Answer::of(shell, "").unwrap();
        let piped = piped.stdout + &piped.stderr;
        assert_eq!(piped.contains(CONTROLS), is_in_pipe, "{words}: {piped:?}");
    }
}
