// SPDX-License-Identifier: MIT

//! The Debian package: installed, used as systemd would, and removed again.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use ipvs_lab::cluster::Cluster;
use ipvs_lab::http::{KeptOpen, PORT};
use ipvs_lab::wait;

use super::debian::{Debian, INIT_SCRIPT};
use super::system::{UNIT, WANTED};
use crate::ipvsadm;

const SETTINGS: &str = "/etc/default/ipvsadm";
const RULES: &str = "/etc/ipvsadm.rules";

const TABLE: &str = "\
-A -t 10.0.0.1:80 -s wrr -p 60
-a -t 10.0.0.1:80 -r 10.0.0.2:8080 -m -w 3
-a -t 10.0.0.1:80 -r 10.0.0.3:8080 -m -w 0 -x 100 -y 50
-A -f 4294967295 -s rr
";

#[test]
fn every_file_is_where_it_belongs_and_the_links_work() {
    let debian = Debian::with_package();
    let paths = debian.run("dpkg --listfiles ipvsadm");
    let mut files = debian.inside(|| {
        let files = paths.lines().filter_map(|path| {
            let file = Path::new(path).symlink_metadata().unwrap();
            let owner = (file.uid(), file.gid());
            assert_eq!(owner, (0, 0), "{path}");
            let mode = file.mode() & 0o7777;
            if file.is_dir() {
                assert_eq!(mode, 0o755, "{path}");
            }
            // In a system with one /usr, /sbin is a link to a directory.
            if Path::new(path).is_dir() {
                return None;
            }
            Some(match fs::read_link(path) {
                Ok(target) => format!("{path} -> {}", target.display()),
                Err(_) => format!("{path} {mode:o}"),
            })
        });
        files.collect::<Vec<_>>()
    });
    files.sort();
    assert_eq!(
        files,
        [
            "/etc/default/ipvsadm 644",
            "/usr/lib/systemd/system/ipvsadm.service 644",
            "/usr/lib/systemd/system/lvs-realserver@.service 644",
            "/usr/libexec/ipvsadm/real-server 755",
            "/usr/libexec/ipvsadm/service 755",
            "/usr/sbin/ipvsadm 755",
            "/usr/sbin/ipvsadm-restore -> ipvsadm",
            "/usr/sbin/ipvsadm-save -> ipvsadm",
            "/usr/share/bash-completion/completions/ipvsadm 644",
            "/usr/share/doc/ipvsadm/README.md 644",
            "/usr/share/doc/ipvsadm/changelog.Debian.gz 644",
            "/usr/share/doc/ipvsadm/changelog.gz 644",
            "/usr/share/doc/ipvsadm/copyright 644",
            "/usr/share/doc/ipvsadm/docs/architecture.md 644",
            "/usr/share/doc/ipvsadm/docs/compatibility.md 644",
            "/usr/share/doc/ipvsadm/docs/cookbook.md 644",
            "/usr/share/doc/ipvsadm/docs/examples/ansible/README.md 644",
            "/usr/share/doc/ipvsadm/docs/examples/ansible/inventory.ini 644",
            "/usr/share/doc/ipvsadm/docs/examples/ansible/roles/ipvs/defaults/main.yml 644",
            "/usr/share/doc/ipvsadm/docs/examples/ansible/roles/ipvs/tasks/main.yml 644",
            "/usr/share/doc/ipvsadm/docs/examples/ansible/roles/ipvs/vars/main.yml 644",
            "/usr/share/doc/ipvsadm/docs/examples/ansible/rolling-update.yml 644",
            "/usr/share/doc/ipvsadm/docs/examples/ansible/site.yml 644",
            "/usr/share/doc/ipvsadm/docs/examples/ansible/templates/table.j2 644",
            "/usr/share/doc/ipvsadm/docs/examples/ansible/update.yml 644",
            "/usr/share/doc/ipvsadm/docs/examples/container/Containerfile 644",
            "/usr/share/doc/ipvsadm/docs/examples/metrics/README.md 644",
            "/usr/share/doc/ipvsadm/docs/examples/metrics/ipvs-alerts-test.yml 644",
            "/usr/share/doc/ipvsadm/docs/examples/metrics/ipvs-alerts.yml 644",
            "/usr/share/doc/ipvsadm/docs/examples/metrics/ipvs-dashboard.json 644",
            "/usr/share/doc/ipvsadm/docs/examples/metrics/ipvsadm-metrics-http 755",
            "/usr/share/doc/ipvsadm/docs/examples/metrics/ipvsadm-metrics-http.socket 644",
            "/usr/share/doc/ipvsadm/docs/examples/metrics/ipvsadm-metrics-http@.service 644",
            "/usr/share/doc/ipvsadm/docs/examples/metrics/ipvsadm-metrics.service 644",
            "/usr/share/doc/ipvsadm/docs/examples/metrics/ipvsadm-metrics.timer 644",
            "/usr/share/doc/ipvsadm/docs/examples/openrc/ipvsadm 755",
            "/usr/share/doc/ipvsadm/docs/examples/pacemaker/directors.xml 644",
            "/usr/share/doc/ipvsadm/docs/examples/pacemaker/ldirectord.cf 644",
            "/usr/share/doc/ipvsadm/docs/examples/real-server/90-realserver.conf 644",
            "/usr/share/doc/ipvsadm/docs/guides/README.md 644",
            "/usr/share/doc/ipvsadm/docs/guides/changing-a-live-director.md 644",
            "/usr/share/doc/ipvsadm/docs/guides/ci.md 644",
            "/usr/share/doc/ipvsadm/docs/guides/connections.md 644",
            "/usr/share/doc/ipvsadm/docs/guides/direct-routing.md 644",
            "/usr/share/doc/ipvsadm/docs/guides/doctor.md 644",
            "/usr/share/doc/ipvsadm/docs/guides/failover.md 644",
            "/usr/share/doc/ipvsadm/docs/guides/full-nat.md 644",
            "/usr/share/doc/ipvsadm/docs/guides/health-checks.md 644",
            "/usr/share/doc/ipvsadm/docs/guides/moving-from-ipvsadm.md 644",
            "/usr/share/doc/ipvsadm/docs/guides/nat.md 644",
            "/usr/share/doc/ipvsadm/docs/guides/persistence.md 644",
            "/usr/share/doc/ipvsadm/docs/guides/schedulers.md 644",
            "/usr/share/doc/ipvsadm/docs/guides/tunneling.md 644",
            "/usr/share/doc/ipvsadm/docs/guides/watching.md 644",
            "/usr/share/doc/ipvsadm/docs/ipvsadm.schema.json 644",
            "/usr/share/doc/ipvsadm/docs/json.md 644",
            "/usr/share/doc/ipvsadm/docs/openmetrics.md 644",
            "/usr/share/doc/ipvsadm/docs/package.md 644",
            "/usr/share/doc/ipvsadm/docs/performance.md 644",
            "/usr/share/doc/ipvsadm/docs/pictures/demo.svg 644",
            "/usr/share/doc/ipvsadm/docs/pictures/growth.svg 644",
            "/usr/share/doc/ipvsadm/docs/pictures/packets.svg 644",
            "/usr/share/doc/ipvsadm/docs/reliability.md 644",
            "/usr/share/doc/ipvsadm/docs/testing.md 644",
            "/usr/share/doc/ipvsadm/docs/zh-CN/README.md 644",
            "/usr/share/doc/ipvsadm/docs/zh-CN/guide.md 644",
            "/usr/share/doc/ipvsadm/ipvsadm.cdx.json 644",
            "/usr/share/fish/vendor_completions.d/ipvsadm.fish 644",
            "/usr/share/lintian/overrides/ipvsadm 644",
            "/usr/share/man/man5/ipvsadm-json.5.gz 644",
            "/usr/share/man/man5/ipvsadm-openmetrics.5.gz 644",
            "/usr/share/man/man8/ipvsadm-restore.8.gz 644",
            "/usr/share/man/man8/ipvsadm-save.8.gz 644",
            "/usr/share/man/man8/ipvsadm.8.gz 644",
            "/usr/share/man/zh_CN/man8/ipvsadm.8.gz 644",
            "/usr/share/zsh/vendor-completions/_ipvsadm 644",
        ]
    );
    for (file, text) in [
        (
            "man/man8/ipvsadm.8.gz",
            include_str!("../../../man/ipvsadm.8"),
        ),
        (
            "man/man8/ipvsadm-save.8.gz",
            include_str!("../../../man/ipvsadm-save.8"),
        ),
        (
            "man/man8/ipvsadm-restore.8.gz",
            include_str!("../../../man/ipvsadm-restore.8"),
        ),
        (
            "doc/ipvsadm/changelog.gz",
            include_str!("../../../CHANGELOG.md"),
        ),
    ] {
        assert!(
            debian.run(&format!("zcat /usr/share/{file}")) == text,
            "{file}"
        );
    }
    // Where people look for examples in Debian.
    assert!(debian.exists("/usr/share/doc/ipvsadm/examples/metrics/README.md"));
    // What the manual pages point to is there.
    let pages = "ipvsadm.8 ipvsadm-save.8 ipvsadm-restore.8 ipvsadm-json.5 ipvsadm-openmetrics.5";
    for page in pages.split(' ') {
        let (_, section) = page.split_once('.').unwrap();
        let text = debian.run(&format!("zcat /usr/share/man/man{section}/{page}.gz"));
        let documents = text.split_whitespace().filter_map(|word| {
            let (_, path) = word.split_once("/usr/share/doc/")?;
            // Without the end of a font.
            let path = path.split("\\f").next().unwrap();
            Some(path.replace('\\', ""))
        });
        for document in documents {
            let document = document.trim_end_matches([')', '.', ',']);
            let document = format!("/usr/share/doc/{document}");
            assert!(debian.exists(&document), "{page}: {document}");
        }
        let names = text.lines().filter_map(|line| line.strip_prefix(".Xr "));
        for name in names.filter(|name| name.starts_with("ipvsadm")) {
            let (name, rest) = name.split_once(' ').unwrap();
            let section = rest.split(' ').next().unwrap();
            assert!(
                pages.contains(&format!("{name}.{section}")),
                "{page}: {name}"
            );
        }
    }
    for (file, text) in [
        (
            "bash-completion/completions/ipvsadm",
            include_str!("../../../completions/ipvsadm.bash"),
        ),
        (
            "zsh/vendor-completions/_ipvsadm",
            include_str!("../../../completions/_ipvsadm"),
        ),
        (
            "fish/vendor_completions.d/ipvsadm.fish",
            include_str!("../../../completions/ipvsadm.fish"),
        ),
    ] {
        assert!(debian.read(&format!("/usr/share/{file}")) == text, "{file}");
    }
    let configuration = debian.run("dpkg-query --show --showformat ${Conffiles} ipvsadm");
    let configuration: Vec<_> = configuration.split_ascii_whitespace().step_by(2).collect();
    assert_eq!(configuration, [SETTINGS]);
    assert!(debian.run("ipvsadm --version").starts_with("ipvsadm "));
    let answer = debian.try_run_reading("ipvsadm-restore", TABLE);
    assert_eq!((answer.stderr.as_str(), answer.status), ("", 0));
    assert_eq!(debian.run("ipvsadm-save -n"), TABLE);
}

#[test]
fn the_unit_restores_the_rules_clears_the_table_and_saves_it_if_told_to() {
    let debian = Debian::with_package();
    // Without rules there is nothing to do.
    debian.run("ipvsadm -A -t 10.0.0.9:80 -s rr");
    debian.unit("ExecStart");
    assert_eq!(debian.table(), "-A -t 10.0.0.9:80 -s rr\n");

    debian.write(RULES, &format!("# rules\n{TABLE}"));
    debian.unit("ExecStart");
    assert_eq!(debian.table(), TABLE);
    debian.run("ipvsadm -D -f 4294967295");
    debian.run("ipvsadm -A -t 10.0.0.9:80 -s rr");
    debian.unit("ExecReload");
    assert_eq!(debian.table(), TABLE);
    debian.unit("ExecStop");
    assert_eq!(debian.table(), "");
    assert_eq!(debian.read(RULES), format!("# rules\n{TABLE}"));

    debian.write(SETTINGS, "SAVE_ON_STOP=\"true\"\n");
    debian.unit("ExecStart");
    debian.run("ipvsadm -D -f 4294967295");
    let changed = debian.table();
    debian.unit("ExecStop");
    assert_eq!(debian.table(), "");
    assert_eq!(debian.read(RULES), changed);
    assert_eq!(
        debian.run(&format!("stat --format %a:%U {RULES}")),
        "644:root\n"
    );
    debian.unit("ExecStart");
    assert_eq!(debian.table(), changed);

    // What cannot be saved is not cleared.
    debian.run(&format!("rm {RULES}"));
    debian.run(&format!("mkdir {RULES}"));
    let answer = debian.try_unit("ExecStop");
    assert_eq!(answer.status, 1, "{answer:?}");
    assert_eq!(debian.table(), changed);
    assert_eq!(
        debian.run("find /etc -name ipvsadm.rules*"),
        format!("{RULES}\n")
    );
}

#[test]
fn a_reload_keeps_connections_and_counters_and_if_told_to_weights() {
    let mut debian = Debian::with_package();
    let cluster = Cluster::new(3).unwrap();
    debian.network = cluster.director.try_clone().unwrap();
    let service = cluster.address();
    let rules = |weights: &[u32]| {
        let mut rules = format!("-A -t {service} -s wrr\n");
        for (server, weight) in cluster.servers.iter().zip(weights) {
            let address = server.address;
            rules += &format!("-a -t {service} -r {address}:{PORT} -m -w {weight}\n");
        }
        rules
    };
    // The connections of the service and of its first server.
    let connections = || {
        let listing = debian.run("ipvsadm -L -n --stats");
        let rows = listing.lines().map(str::split_ascii_whitespace);
        let mut rows = rows.filter(|row| row.clone().any(|word| word.ends_with(":80")));
        let service = rows.next().unwrap().nth(2).unwrap();
        (
            service.to_owned(),
            rows.next().unwrap().nth(2).unwrap().to_owned(),
        )
    };
    debian.write(RULES, &rules(&[1, 0]));
    debian.unit("ExecStart");
    let held = cluster.client.run(|| KeptOpen::begin(service));
    let held = held.unwrap().unwrap();
    assert_eq!(held.ask().unwrap(), "server1");
    // The kernel counts every two seconds.
    let counted = ("1".to_owned(), "1".to_owned());
    assert_eq!(wait::for_value(&counted, connections), counted);

    // Somebody drains the server, and two others are to serve.
    let drain = format!(
        "ipvsadm -e -t {service} -r {}:{PORT} -m -w 0",
        cluster.servers[0].address
    );
    debian.run(&drain);
    debian.write(RULES, &rules(&[1, 2, 3]));
    debian.unit("ExecReload");
    assert_eq!(debian.table(), rules(&[1, 2, 3]));
    assert_eq!(connections(), counted);
    assert_eq!(held.ask().unwrap(), "server1");

    debian.write(SETTINGS, "KEEP_WEIGHTS=\"true\"\n");
    debian.run(&drain);
    debian.write(RULES, &rules(&[1, 5]));
    debian.unit("ExecReload");
    assert_eq!(debian.table(), rules(&[0, 2]));
    debian.write(RULES, &rules(&[1, 5, 6]));
    debian.unit("ExecReload");
    assert_eq!(debian.table(), rules(&[0, 2, 6]));
    assert_eq!(connections(), counted);
    assert_eq!(held.ask().unwrap(), "server1");
}

#[test]
fn a_reload_with_a_mistake_in_the_rules_changes_nothing() {
    let debian = Debian::with_package();
    debian.write(RULES, TABLE);
    debian.unit("ExecStart");
    for (rules, words) in [
        // Wrong in itself, refused by the kernel though not in the last line,
        // and not there.
        (
            "-A -t 10.0.0.8:80 -s rr\n-A -t 10.0.0.9:80 -w 1\n",
            "line 2: ",
        ),
        (
            "# rules\n-A -t 10.0.0.8:80 -s no-such\n-A -t 10.0.0.9:80\n",
            "line 2: ",
        ),
        ("", ""),
    ] {
        match rules {
            "" => drop(debian.run(&format!("rm {RULES}"))),
            rules => debian.write(RULES, rules),
        }
        let answer = debian.try_unit("ExecReload");
        assert_eq!(answer.status, 1, "{answer:?}");
        assert!(answer.stderr.contains(words), "{answer:?}");
        let ending = format!("{RULES} cannot be restored: the table stays as it was\n");
        assert!(answer.stderr.ends_with(&ending), "{answer:?}");
        assert_eq!(debian.table(), TABLE, "{rules}");
    }
}

#[test]
fn a_start_with_a_mistake_in_the_rules_fails_and_keeps_what_was_right() {
    let debian = Debian::with_package();
    debian.write(RULES, &format!("-A -t 10.0.0.9:80 -s no-such\n{TABLE}"));
    let answer = debian.try_unit("ExecStart");
    assert_eq!(answer.status, 1, "{answer:?}");
    assert!(answer.stderr.contains("line 1: "), "{answer:?}");
    assert_eq!(debian.table(), TABLE);
}

/// Rules that no start can restore, and what is said of them.
const WRONG_RULES: [(&str, &str); 5] = [
    (
        "",
        "no rules in /etc/ipvsadm.rules; to clear the table say ipvsadm -C\n",
    ),
    (
        "# rules\n\n#-A -f 1\n",
        "no rules in /etc/ipvsadm.rules; to clear the table say ipvsadm -C\n",
    ),
    (
        "-A -t 10.0.0.8:80 -s rr\n-A -t 10.0.0.9:80 -w 1\n",
        "/etc/ipvsadm.rules: line 2: Illegal 'weight' option with the 'add-service' command\n",
    ),
    (
        "-A -t 10.0.0.8:80 -s rr\n-A -t\n-Q\n",
        "/etc/ipvsadm.rules: line 2: -t: missing argument\n\
         /etc/ipvsadm.rules: line 3: Try `ipvsadm -h' or 'ipvsadm --help' for more information.\n",
    ),
    (
        "{\"schema_version\":1,\"services\":[{\"fwmark\":1,\"shceduler\":\"rr\"}]}\n",
        "/etc/ipvsadm.rules: services[0]: unknown field shceduler; did you mean scheduler?\n",
    ),
];

#[test]
fn a_start_or_reload_with_wrong_or_without_rules_keeps_the_table() {
    let debian = Debian::with_package();
    debian.write(RULES, TABLE);
    debian.unit("ExecStart");
    for (rules, words) in WRONG_RULES {
        debian.write(RULES, rules);
        let answer = debian.try_unit("ExecStart");
        assert_eq!((answer.stderr.as_str(), answer.status), (words, 1));
        assert_eq!(debian.table(), TABLE, "{rules}");
        let answer = debian.try_unit("ExecReload");
        assert_eq!(
            answer.stderr,
            format!("{words}{RULES} cannot be restored: the table stays as it was\n")
        );
        assert_eq!(answer.status, 1);
        assert_eq!(debian.table(), TABLE, "{rules}");
    }
}

#[test]
fn a_restart_with_wrong_or_without_rules_keeps_the_table() {
    let debian = Debian::with_package();
    debian.write(RULES, TABLE);
    debian.unit("ExecStart");
    for (rules, words) in WRONG_RULES {
        debian.write(RULES, rules);
        let answer = debian.try_unit("ExecStop");
        assert_eq!(
            answer.stderr,
            format!("{words}{RULES} could not be restored: the table is not cleared\n")
        );
        assert_eq!(answer.status, 1);
        assert_eq!(debian.table(), TABLE, "{rules}");
        // As systemd does next.
        assert_eq!(debian.try_unit("ExecStart").status, 1, "{rules}");
        assert_eq!(debian.table(), TABLE, "{rules}");
    }
    // Without a file there was nothing to restore in the first place.
    debian.run(&format!("rm {RULES}"));
    debian.unit("ExecStop");
    assert_eq!(debian.table(), "");
}

#[test]
fn an_empty_table_that_was_saved_is_restored() {
    let debian = Debian::with_package();
    debian.write(SETTINGS, "SAVE_ON_STOP=\"true\"\n");
    debian.unit("ExecStop");
    debian.run("ipvsadm -A -t 10.0.0.9:80 -s rr");
    debian.unit("ExecStart");
    assert_eq!(debian.table(), "");
}

#[test]
fn the_unit_takes_rules_in_json_too() {
    let debian = Debian::with_package();
    let answer = debian.try_run_reading("ipvsadm-restore", TABLE);
    assert_eq!((answer.stderr.as_str(), answer.status), ("", 0));
    debian.write(RULES, &debian.run("ipvsadm-save --json"));
    debian.unit("ExecStop");
    assert_eq!(debian.table(), "");
    debian.unit("ExecStart");
    assert_eq!(debian.table(), TABLE);
}

#[test]
fn settings_of_debians_package_mean_what_they_did() {
    let debian = Debian::with_package();
    crate::add_sync_interface(&debian.network);
    debian.write(RULES, TABLE);
    let kept = "-A -t 10.0.0.9:80 -s rr\n";
    debian.run("ipvsadm -A -t 10.0.0.9:80 -s rr");
    let daemon = |role| {
        format!(
            "{role} sync daemon (mcast=sync0, syncid=7, maxlen=1472, group=224.0.0.81, \
             port=8848, ttl=1)\n"
        )
    };
    for (setting, roles) in [
        ("none", String::new()),
        ("master", daemon("master")),
        ("backup", daemon("backup")),
        ("both", daemon("master") + &daemon("backup")),
    ] {
        debian.write(
            SETTINGS,
            &format!(
                "# ipvsadm\nAUTO=\"false\"\n\nDAEMON=\"{setting}\" # method\n\
                 IFACE=\"sync0\"\t\nSYNCID=\"7\"\n"
            ),
        );
        debian.unit("ExecStart");
        assert_eq!(debian.run("ipvsadm -L --daemon"), roles, "{setting}");
        debian.unit("ExecReload");
        assert_eq!(debian.run("ipvsadm -L --daemon"), roles, "{setting}");
        debian.unit("ExecStop");
        assert_eq!(debian.run("ipvsadm -L --daemon"), "", "{setting}");
        assert_eq!(debian.table(), kept, "{setting}");
    }

    debian.write(SETTINGS, "AUTO=\"true\"\nDAEMON=\"slave\"\n");
    let answer = debian.try_unit("ExecStart");
    assert_eq!(
        (answer.stderr.as_str(), answer.status),
        (
            "/etc/default/ipvsadm: DAEMON is none, master, backup or both, not slave\n",
            1
        )
    );
    assert_eq!(debian.table(), kept);
}

#[test]
fn removing_keeps_the_settings_and_purging_leaves_nothing() {
    let debian = Debian::with_package();
    let files = debian.run("dpkg --listfiles ipvsadm");
    let left = || {
        debian.inside(|| {
            let files = files.lines().map(Path::new);
            let files = files.filter(|path| path.symlink_metadata().is_ok() && !path.is_dir());
            files
                .map(|path| path.to_str().unwrap().to_owned())
                .collect::<Vec<_>>()
        })
    };
    debian.run("systemctl --quiet enable ipvsadm.service");
    assert!(debian.exists(WANTED));
    debian.write(RULES, TABLE);
    ipvsadm(&debian.network, "-A -t 10.0.0.9:80 -s rr");

    debian.run("dpkg --force-unsafe-io --remove ipvsadm");
    assert_eq!(left(), [SETTINGS]);
    assert_eq!(debian.read(RULES), TABLE);
    // Installed again, it is as it was.
    debian.install("/tmp/ipvsadm.deb");
    assert!(debian.exists(WANTED));

    debian.run("dpkg --force-unsafe-io --purge ipvsadm");
    assert_eq!(left(), [""; 0]);
    assert_eq!(debian.traces(), [""; 0]);
    assert!(!debian.exists("/usr/libexec/ipvsadm"));
    assert!(!debian.exists("/usr/share/doc/ipvsadm"));
    // The scripts leave the table alone: it is the unit's to clear.
    assert_eq!(
        ipvsadm(&debian.network, "-S -n"),
        "-A -t 10.0.0.9:80 -s rr\n"
    );
}

#[test]
fn it_takes_the_place_of_debians_package_without_touching_the_table() {
    let debian = Debian::bare();
    debian.install_original();
    assert!(debian.exists("/etc/rc2.d/S01ipvsadm"));
    ipvsadm(&debian.network, "-A -t 10.0.0.9:80 -s rr");

    // It may warn that /etc/init.d belonged to the other one too.
    let answer = debian.try_install("/tmp/ipvsadm.deb");
    assert_eq!(answer.status, 0, "{answer:?}");
    assert!(
        answer.stdout.contains(" over (1:1.31-1+b1) ..."),
        "{answer:?}"
    );
    assert!(!debian.exists("/run/removed"));
    assert_eq!(debian.table(), "-A -t 10.0.0.9:80 -s rr\n");
    let version = debian.status("ipvsadm");
    assert!(version.ends_with(":ii "), "{version}");
    let version = version.trim_end_matches(":ii ");
    debian.run(&format!("dpkg --compare-versions {version} gt 1:99"));
    // What depends on either is satisfied, now and later.
    assert_eq!(debian.status("monitor"), "1:ii ");
    debian.install_made(
        "Package: other\nVersion: 1\nArchitecture: all\nMaintainer: Debian\n\
         Description: stand-in\nDepends: ipvsadm (<< 1:1.32)\n",
        &[],
    );
    // The settings were as delivered, so the new ones are in place; nothing
    // was to be started, so nothing will be.
    assert!(debian.read(SETTINGS).contains("SAVE_ON_STOP"));
    assert!(!debian.exists(WANTED));
    assert!(!debian.exists("/etc/init.d/ipvsadm"));
    assert!(!debian.exists("/etc/rc2.d/S01ipvsadm"));
}

#[test]
fn what_debians_package_was_told_to_start_is_started_by_the_unit() {
    let debian = Debian::bare();
    debian.install_original();
    let settings = "AUTO=\"true\"\nDAEMON=\"none\"\n";
    debian.write(SETTINGS, settings);
    debian.write(RULES, TABLE);
    debian.write("/etc/init.d/ipvsadm", &format!("{INIT_SCRIPT}# changed\n"));

    // It tells which settings it keeps, and that it makes a link.
    let answer = debian.try_install("/tmp/ipvsadm.deb");
    assert_eq!(answer.status, 0, "{answer:?}");
    assert_eq!(debian.read(SETTINGS), settings);
    assert!(debian.exists(WANTED));
    assert!(!debian.exists("/etc/init.d/ipvsadm"));
    assert!(debian.exists("/etc/init.d/ipvsadm.dpkg-bak"));
    assert!(!debian.exists("/etc/rc2.d/S01ipvsadm"));
    debian.unit("ExecStart");
    assert_eq!(debian.table(), TABLE);
    debian.run("dpkg --force-unsafe-io --purge monitor ipvsadm");
    assert_eq!(debian.traces(), [""; 0]);
}

#[test]
fn systemd_finds_nothing_wrong_with_the_units() {
    let debian = Debian::with_package();
    let template = UNIT.replace("ipvsadm.service", "lvs-realserver@.service");
    // systemd-analyze takes what follows a colon for another name: no IPv6 address here.
    let instance = template.replace('@', "@198.51.100.100");
    for (file, unit) in [(UNIT, UNIT), (&template, &instance)] {
        assert_eq!(debian.find_faults(unit), (vec![], 0), "{unit}");
        let text = debian.read(file);
        debian.write(file, &text.replace("ExecStop=", "ExecStops="));
        assert!(
            debian.find_faults(unit).0[0].contains("ExecStops"),
            "{unit}"
        );
        debian.write(file, &text);
    }
}

/// Overrides that are not needed are findings too, so that each of the reasons in the
/// package is needed.
#[test]
fn lintian_finds_nothing_but_what_its_overrides_give_a_reason_for() {
    let debian = Debian::bare();
    // groff's own settings, which its package has in /etc.
    debian.inside(|| {
        fs::create_dir_all("/etc/groff").unwrap();
        fs::write("/etc/groff/mdoc.local", "").unwrap();
        fs::write("/etc/groff/man.local", "").unwrap();
    });
    let lint = |package: &str| {
        let line = "lintian --allow-root --profile debian --pedantic --display-info";
        let answer = debian.try_run(&format!("{line} {package}"));
        assert_eq!(answer.stderr, "", "{answer:?}");
        // Machine code that looks like words, which each compiler makes others of.
        let lines = answer.stdout.lines();
        let lines = lines.filter(|line| !line.contains("spelling-error-in-binary"));
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(lint("/tmp/ipvsadm.deb"), [""; 0]);

    // It sees what is wrong with a page, and with an override that is not needed.
    debian.run("dpkg-deb --raw-extract /tmp/ipvsadm.deb /tmp/tree");
    debian.write(
        "/tmp/tree/usr/share/man/man5/wrong.5",
        ".Dd 1\n.Bl -wrong\n",
    );
    let overrides = "/tmp/tree/usr/share/lintian/overrides/ipvsadm";
    let text = debian.read(overrides);
    debian.write(overrides, &format!("{text}ipvsadm: no-copyright-file\n"));
    debian.run("dpkg-deb --root-owner-group -Zgzip -z1 --build /tmp/tree /tmp/wrong.deb");
    let found = lint("/tmp/wrong.deb");
    for tag in [
        "groff-message",
        "uncompressed-manual-page",
        "unused-override",
    ] {
        assert!(
            found.iter().any(|line| line.contains(tag)),
            "{tag}: {found:#?}"
        );
    }
}
