// SPDX-License-Identifier: MIT

//! The program without root: an ordinary user, who is root only in a user namespace
//! of their own, administers the network namespace that goes with it. What root sees
//! there over netlink is what has to be true.

mod drain;
mod marks;

use std::{
    fs::{self, Permissions},
    os::unix::{fs::PermissionsExt as _, process::CommandExt as _},
    process::Command,
};

use ipvs_lab::{Answer, Namespace, program};
use serde_json::Value;
use tempfile::TempDir;

use crate::{add_sync_interface, ipvsadm, json::checked, program::restore};

/// The words that the netlink interface is asked for with.
const NEEDS_NETLINK: &str =
    "needs the netlink interface of the kernel, which is for root in the first user namespace\n";

/// The user, and the network namespace.
struct User {
    namespace: Namespace,
    /// The program, where everybody may reach it, and a folder of the user's own.
    folder: TempDir,
}

impl User {
    fn new() -> Self {
        let path = program::path().unwrap();
        let namespace = Namespace::of_user("director").unwrap();
        let folder = tempfile::tempdir().unwrap();
        let everybody = Permissions::from_mode(0o755);
        fs::set_permissions(folder.path(), everybody.clone()).unwrap();
        let copy = folder.path().join("ipvsadm");
        fs::copy(path, &copy).unwrap();
        fs::set_permissions(copy, everybody).unwrap();
        let runtime = folder.path().join("runtime");
        fs::create_dir(&runtime).unwrap();
        fs::set_permissions(runtime, Permissions::from_mode(0o777)).unwrap();
        Self { namespace, folder }
    }

    fn command(&self, arguments: &str) -> Command {
        let mut command = Command::new(self.folder.path().join("ipvsadm"));
        command
            .args(arguments.split_ascii_whitespace())
            .env("XDG_RUNTIME_DIR", self.folder.path().join("runtime"))
            .current_dir("/");
        self.namespace.as_owner(command).unwrap()
    }

    fn answer_reading(&self, arguments: &str, input: &str) -> Answer {
        Answer::of(self.command(arguments), input).unwrap()
    }

    fn answer(&self, arguments: &str) -> Answer {
        self.answer_reading(arguments, "")
    }

    /// Runs the program; it must succeed without a word on standard error. Returns
    /// its standard output.
    fn succeed(&self, arguments: &str) -> String {
        let answer = self.answer(arguments);
        assert_eq!(
            (answer.stderr.as_str(), answer.status),
            ("", 0),
            "ipvsadm {arguments}"
        );
        answer.stdout
    }

    /// The rules of the table as root sees it.
    fn rules(&self) -> String {
        ipvsadm(&self.namespace, "-S -n")
    }
}

/// What the socket options can say.
const RULES: &str = "\
-A -t 10.0.0.1:80 -s wrr
-a -t 10.0.0.1:80 -r 10.0.0.2:8080 -m -w 3
-a -t 10.0.0.1:80 -r 10.0.0.3:80 -g -w 0 -x 100 -y 50
-a -t 10.0.0.1:80 -r 10.0.0.4:80 -i -w 65535 --tun-type ipip
-A -t 200.0.0.1:0 -s wlc -p 60 -M 255.255.255.0
-A -u 10.0.0.1:53 -s rr -o
-A --sctp-service 10.0.0.1:132 -s sh -b sh-fallback,sh-port
-A -f 5 -s wlc -b flag-1
-a -f 5 -r 10.0.0.2:0 -m -w 1
-A -f 4294967295 -s rr
";

#[test]
fn a_report_names_what_it_does_not_have() {
    let user = User::new();
    restore(
        &user.namespace,
        "-A -t 10.0.0.1:80 -s rr\n-A -t [2001:db8::1]:80 -s rr\n",
    );
    let report = checked(&user.succeed("--report"));
    assert_eq!(report["interface"], "sockopt");
    assert_eq!(report["services"].as_array().unwrap().len(), 1);
    assert_eq!(
        report["not_read"],
        serde_json::json!([{
            "part": "services",
            "reason": "not shown: 1 virtual service of IPv6, which only root in the first user \
                       namespace can see",
        }])
    );
}

#[test]
fn every_change_of_ipv4_does_what_root_sees() {
    let user = User::new();
    for (change, rules) in [
        ("-A -t 10.0.0.1:80 -s rr", "-A -t 10.0.0.1:80 -s rr\n"),
        (
            "-E -t 10.0.0.1:80 -s sh -b sh-port -p 60",
            "-A -t 10.0.0.1:80 -s sh -p 60 -b sh-port\n",
        ),
        (
            "-a -t 10.0.0.1:80 -r 10.0.0.2:8080 -m -w 7",
            "-A -t 10.0.0.1:80 -s sh -p 60 -b sh-port\n\
             -a -t 10.0.0.1:80 -r 10.0.0.2:8080 -m -w 7\n",
        ),
        (
            "-e --keep -t 10.0.0.1:80 -r 10.0.0.2 -w 2",
            "-A -t 10.0.0.1:80 -s sh -p 60 -b sh-port\n\
             -a -t 10.0.0.1:80 -r 10.0.0.2:8080 -m -w 2\n",
        ),
        (
            "-E --keep -t 10.0.0.1:80 -s wrr",
            "-A -t 10.0.0.1:80 -s wrr -p 60\n\
             -a -t 10.0.0.1:80 -r 10.0.0.2:8080 -m -w 2\n",
        ),
        (
            "-e -t 10.0.0.1:80 -r 10.0.0.2:8080 -m -x 9 -y 4",
            "-A -t 10.0.0.1:80 -s wrr -p 60\n\
             -a -t 10.0.0.1:80 -r 10.0.0.2:8080 -m -w 1 -x 9 -y 4\n",
        ),
        (
            "-d -t 10.0.0.1:80 -r 10.0.0.2:8080",
            "-A -t 10.0.0.1:80 -s wrr -p 60\n",
        ),
        (
            "-A --exist -t 10.0.0.1:80 -s lc",
            "-A -t 10.0.0.1:80 -s lc\n",
        ),
        ("-Z", "-A -t 10.0.0.1:80 -s lc\n"),
        ("-Z -t 10.0.0.1:80", "-A -t 10.0.0.1:80 -s lc\n"),
        ("-D -t 10.0.0.1:80", ""),
        ("-D --exist -t 10.0.0.1:80", ""),
        ("-A -f 5 -s rr", "-A -f 5 -s rr\n"),
        ("-C", ""),
    ] {
        assert_eq!(user.succeed(change), "", "{change}");
        assert_eq!(user.rules(), rules, "{change}");
    }
}

#[test]
fn what_root_sees_is_saved_and_restored_to_the_letter() {
    let user = User::new();
    let restored = user.answer_reading("-R", RULES);
    assert_eq!((restored.stderr.as_str(), restored.status), ("", 0));
    assert_eq!(user.rules(), RULES);
    assert_eq!(user.succeed("-S -n"), RULES);
    let document = user.succeed("-S --json");
    user.succeed("-C");
    let restored = user.answer_reading("-R", &document);
    assert_eq!((restored.stderr.as_str(), restored.status), ("", 0));
    assert_eq!(user.rules(), RULES);
}

#[test]
fn every_view_has_the_bytes_that_root_gets() {
    let user = User::new();
    restore(&user.namespace, RULES);
    for view in [
        "-L -n",
        "-L",
        "-L -n --nosort",
        "-L -n -t 10.0.0.1:80",
        "-L -n --stats",
        "-L -n --stats --exact",
        "-L -n --rate",
        "-L -n --thresholds",
        "-L -n --persistent-conn",
        "-L -n --tun-info",
        "-L -n -c",
        "-L --timeout",
        "-L --daemon",
        "-L -n --output wide",
        "-L --output openmetrics",
        "-S -n",
    ] {
        assert_eq!(user.succeed(view), ipvsadm(&user.namespace, view), "{view}");
    }
    for view in [
        "-L --json",
        "-S --json",
        "-L --timeout --json",
        "-L --daemon --json",
    ] {
        let mut document = checked(&user.succeed(view));
        let interface = document.as_object_mut().unwrap().remove("interface");
        assert_eq!(interface, Some(Value::from("sockopt")), "{view}");
        assert_eq!(document, checked(&ipvsadm(&user.namespace, view)), "{view}");
    }
}

#[test]
fn a_large_table_is_listed_whole() {
    let user = User::new();
    let mut rules = String::new();
    for last in 1..=200 {
        rules += &format!("-A -t 10.0.1.{last}:80 -s rr\n");
    }
    for last in 1..=150 {
        rules += &format!("-a -t 10.0.1.1:80 -r 10.0.2.{last}:80 -m\n");
    }
    restore(&user.namespace, &rules);
    assert_eq!(user.succeed("-S -n"), user.rules());
    assert_eq!(user.rules().lines().count(), 350);
}

/// A daemon may have another group than the kernel's own, and the interface does not tell it.
#[test]
fn of_a_daemons_group_nothing_is_said() {
    let user = User::new();
    add_sync_interface(&user.namespace);
    for (role, group) in [("master", "224.0.0.99"), ("backup", "224.0.0.98")] {
        let start = format!("--start-daemon {role} --mcast-interface sync0 --mcast-group {group}");
        ipvsadm(&user.namespace, &start);
    }
    let look = |text: String| checked(&text)["daemons"].take();
    let roots = look(ipvsadm(&user.namespace, "-L --daemon --json"));
    assert_eq!(roots[1]["group_joined"], true);
    assert!(roots[0]["queued_bytes"].is_number() && roots[1]["dropped_messages"].is_number());
    let users = look(user.succeed("-L --daemon --json"));
    for daemon in users.as_array().unwrap() {
        for field in ["group_joined", "queued_bytes", "dropped_messages"] {
            assert_eq!(daemon.get(field), None, "{daemon}");
        }
        assert_eq!(daemon["interface_state"], "up");
    }
    let wide = user.succeed("-L --daemon --output wide");
    for word in ["joined", "queued", "dropped"] {
        assert!(!wide.contains(word), "{wide}");
    }
    for role in ["master", "backup"] {
        user.succeed(&format!("--stop-daemon {role}"));
    }
}

#[test]
fn timeouts_and_daemons_are_those_of_the_namespace() {
    let user = User::new();
    add_sync_interface(&user.namespace);
    user.succeed("--set 100 0 30");
    let timeouts = "Timeout (tcp tcpfin udp): 100 120 30\n";
    assert_eq!(ipvsadm(&user.namespace, "-L --timeout"), timeouts);
    assert_eq!(user.succeed("-L --timeout"), timeouts);
    for role in ["master", "backup"] {
        user.succeed(&format!(
            "--start-daemon {role} --mcast-interface sync0 --syncid 3"
        ));
    }
    // What its interface does not tell is left out.
    assert_eq!(
        user.succeed("-L --daemon"),
        "master sync daemon (mcast=sync0, syncid=3)\n\
         backup sync daemon (mcast=sync0, syncid=3)\n"
    );
    let roots = ipvsadm(&user.namespace, "-L --daemon");
    assert!(
        roots.starts_with("master sync daemon (mcast=sync0, syncid=3, "),
        "{roots}"
    );
    // The metrics have nothing that only netlink tells.
    let metrics = user.succeed("-L --output openmetrics");
    assert!(metrics.contains("\nnode_ipvs_sync_daemons 2\n"));
    assert_eq!(ipvsadm(&user.namespace, "-L --output openmetrics"), metrics);
    let again = user.answer("--start-daemon backup --mcast-interface sync0");
    let refused = ("Daemon has already run\n", 255);
    assert_eq!((again.stderr.as_str(), again.status), refused);
    for role in ["master", "backup"] {
        user.succeed(&format!("--stop-daemon {role}"));
    }
    assert_eq!(ipvsadm(&user.namespace, "-L --daemon"), "");
}

#[test]
fn a_file_is_compared_applied_and_compared_again() {
    let user = User::new();
    restore(&user.namespace, RULES);
    let wanted = RULES.replace("-r 10.0.0.2:8080 -m -w 3", "-r 10.0.0.2:8080 -m -w 4");
    let different = user.answer_reading("--diff", &wanted);
    assert_eq!(
        (
            different.stdout.as_str(),
            different.stderr.as_str(),
            different.status
        ),
        (
            "- -a -t 10.0.0.1:80 -r 10.0.0.2:8080 -m -w 3\n\
             + -a -t 10.0.0.1:80 -r 10.0.0.2:8080 -m -w 4\n",
            "",
            1
        )
    );
    for _ in 0..2 {
        let applied = user.answer_reading("--apply", &wanted);
        assert_eq!((applied.stderr.as_str(), applied.status), ("", 0));
        assert_eq!(user.rules(), wanted);
    }
    assert_eq!(user.answer_reading("--diff", &wanted).status, 0);
}

#[test]
fn what_is_missing_in_the_interface_is_refused_by_name_and_nothing_changes() {
    let user = User::new();
    restore(&user.namespace, RULES);
    add_sync_interface(&user.namespace);
    for (arguments, refusal) in [
        (
            "-A -t [2001:db8::1]:80 -s rr",
            "cannot add TCP [2001:db8::1]:80: IPv6",
        ),
        ("-D -f 7 -6", "cannot delete fwmark 7 IPv6: IPv6"),
        (
            "-L -n -t [2001:db8::1]:80",
            "cannot read TCP [2001:db8::1]:80: IPv6",
        ),
        (
            "-a -t 10.0.0.1:80 -r [2001:db8::2]:80 -i",
            "cannot add [2001:db8::2]:80 to TCP 10.0.0.1:80: IPv6",
        ),
        (
            "-a -t 10.0.0.1:80 -r 10.0.0.9 -i --tun-type gre",
            "cannot add 10.0.0.9:80 to TCP 10.0.0.1:80: a tunnel of another type than ipip",
        ),
        (
            "-A -u 10.0.0.1:5060 -p --pe sip",
            "cannot add UDP 10.0.0.1:5060: a persistence engine",
        ),
        (
            "--start-daemon master --mcast-interface sync0 --mcast-ttl 2",
            "cannot start the master daemon: a multicast group, port, TTL or message length of a \
             synchronization daemon",
        ),
    ] {
        let answer = user.answer(arguments);
        assert_eq!(
            (answer.stdout.as_str(), answer.stderr, answer.status),
            ("", format!("{refusal} {NEEDS_NETLINK}"), 2),
            "{arguments}"
        );
    }
    assert_eq!(user.rules(), RULES);
    assert_eq!(ipvsadm(&user.namespace, "-L --daemon"), "");
}

#[test]
fn a_rule_that_is_refused_by_name_does_not_stop_those_behind_it() {
    let user = User::new();
    let rules = "-A -f 1 -s rr\n-A -t [::1]:80 -s rr\n-A -f 2 -s rr\n";
    let answer = user.answer_reading("-R", rules);
    assert!(answer.stderr.ends_with(NEEDS_NETLINK), "{}", answer.stderr);
    assert_eq!(answer.stderr.lines().count(), 1, "{}", answer.stderr);
    // The status is that of the last line, as always.
    assert_eq!(answer.status, 0);
    assert_eq!(user.rules(), "-A -f 1 -s rr\n-A -f 2 -s rr\n");
}

#[test]
fn entries_of_ipv6_that_root_has_made_are_told_and_not_lost() {
    let user = User::new();
    let rules = "-A -t 10.0.0.1:80 -s rr\n\
                 -a -t 10.0.0.1:80 -r 10.0.0.2:80 -m -w 1\n\
                 -a -t 10.0.0.1:80 -r [2001:db8::2]:80 -i -w 1 --tun-type ipip\n\
                 -A -t [2001:db8::1]:80 -s rr\n\
                 -a -t [2001:db8::1]:80 -r [2001:db8::2]:80 -m -w 1\n\
                 -A -f 5 -6 -s rr\n";
    restore(&user.namespace, rules);
    let listing = user.answer("-L -n");
    let told = "not shown: 2 virtual services and 2 destinations of IPv6, which only root in the \
                first user namespace can see\n";
    assert_eq!((listing.stderr.as_str(), listing.status), (told, 0));
    let among_rules = user.answer_reading("-R", "-L -n\n");
    assert_eq!((among_rules.stderr.as_str(), among_rules.status), (told, 0));
    assert_eq!(among_rules.stdout, listing.stdout);
    assert!(
        listing.stdout.contains("  -> 10.0.0.2:80 "),
        "{}",
        listing.stdout
    );
    assert!(!listing.stdout.contains("2001"), "{}", listing.stdout);
    for arguments in ["-S -n", "-S --json", "--diff", "--apply"] {
        let answer = user.answer_reading(arguments, "-A -f 1 -s rr\n");
        assert_eq!(
            (answer.stdout.as_str(), answer.status),
            ("", 2),
            "{arguments}"
        );
        assert!(
            answer
                .stderr
                .contains("the table has 2 virtual services and 2 destinations of IPv6 too"),
            "{arguments}: {}",
            answer.stderr
        );
    }
    assert_eq!(user.rules(), rules);
}

/// As in a box that has no /proc: nothing tells whether root has made such entries.
#[test]
fn without_proc_a_listing_tells_that_it_may_not_have_all_and_saving_fails() {
    let user = User::new();
    restore(&user.namespace, RULES);
    let without_proc = |arguments: &str| {
        let mut command = Command::new("unshare");
        command
            .args(["--mount", "sh", "-c"])
            .arg("mount -t tmpfs none /proc && exec \"$0\" \"$@\"")
            .arg(user.folder.path().join("ipvsadm"))
            .args(arguments.split_ascii_whitespace())
            .current_dir("/");
        let command = user.namespace.as_owner(command).unwrap();
        Answer::of(command, "").unwrap()
    };
    let listing = without_proc("-L -n");
    assert_eq!(
        (listing.stderr.as_str(), listing.status),
        (
            "not known: whether there are entries of IPv6 too, as there is no /proc/net/ip_vs \
             here\n",
            0
        )
    );
    assert_eq!(listing.stdout, ipvsadm(&user.namespace, "-L -n"));
    let saved = without_proc("-S -n");
    assert_eq!((saved.stdout.as_str(), saved.status), ("", 1));
    assert_eq!(
        saved.stderr,
        "cannot read the table from its file: /proc/thread-self/net/ip_vs: No such file or \
         directory (os error 2)\n"
    );
    let changed = without_proc("-D -f 5");
    assert_eq!((changed.stderr.as_str(), changed.status), ("", 0));
}

#[test]
fn the_scripts_use_the_interface_that_they_are_told() {
    let user = User::new();
    let script = |name: &str, arguments: &str, input: &str| {
        let mut command = Command::new(user.folder.path().join("ipvsadm"));
        command
            .arg0(name)
            .args(arguments.split_ascii_whitespace())
            .env("XDG_RUNTIME_DIR", user.folder.path().join("runtime"))
            .current_dir("/");
        let command = user.namespace.as_owner(command).unwrap();
        let answer = Answer::of(command, input).unwrap();
        (answer.stdout, answer.stderr, answer.status)
    };
    let done = |stdout: &str| (stdout.to_owned(), String::new(), 0);
    assert_eq!(
        script("ipvsadm-restore", "--interface sockopt", RULES),
        done("")
    );
    assert_eq!(user.rules(), RULES);
    assert_eq!(
        script("ipvsadm-save", "-n --interface=sockopt", ""),
        done(RULES)
    );
    for name in ["ipvsadm-restore", "ipvsadm-save"] {
        let (stdout, stderr, status) = script(name, "--interface netlink", "-A -f 9\n");
        assert_eq!((stdout.as_str(), status), ("", 2), "{name}");
        assert!(
            stderr.contains("Permission denied (you must be root)\n"),
            "{name}: {stderr}"
        );
        let wrong = script(name, "--interface proc", "-A -f 9\n");
        let told = "illegal interface specified: netlink and sockopt are known\n".to_owned();
        assert_eq!(wrong, (String::new(), told, 2), "{name}");
    }
    assert_eq!(user.rules(), RULES);
}

#[test]
fn only_the_interface_that_was_asked_for_is_used() {
    let user = User::new();
    let netlink = user.answer("-L -n --interface netlink");
    assert_eq!(
        (netlink.stderr.as_str(), netlink.status),
        (
            "Can't initialize ipvs: Permission denied (you must be root)\n\
             Are you sure that IP Virtual Server is built in the kernel or as module?\n",
            2
        )
    );
    restore(&user.namespace, RULES);
    // Root may use either, and sees the same.
    for view in ["-L -n --stats", "-S -n"] {
        let options = ipvsadm(&user.namespace, &format!("{view} --interface sockopt"));
        assert_eq!(options, ipvsadm(&user.namespace, view), "{view}");
    }
}

/// As in a user namespace without a network namespace of its own.
#[test]
fn the_table_of_a_network_namespace_of_roots_cannot_be_changed() {
    let user = User::new();
    let roots = Namespace::new("root").unwrap();
    let mut command = Command::new("unshare");
    command
        .args(["--user", "--map-root-user"])
        .arg(user.folder.path().join("ipvsadm"))
        .arg("-C")
        .current_dir("/")
        // Those of "nobody".
        .uid(65534)
        .gid(65534);
    let answer = roots.answer(command, "").unwrap();
    assert!(
        answer
            .stderr
            .starts_with("Can't initialize ipvs: Permission denied (you must be root)\n"),
        "{}",
        answer.stderr
    );
    assert_eq!((answer.stdout.as_str(), answer.status), ("", 2));
}
