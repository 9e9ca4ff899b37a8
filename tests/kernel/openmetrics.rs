// SPDX-License-Identifier: MIT

//! OpenMetrics text, read by Prometheus' own parser and held against the real
//! node_exporter.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::PermissionsExt,
    path::Path,
    process::{Child, Command, Stdio},
};

use ipvs_lab::{Answer, Namespace, cluster::Cluster, http::PORT, machine::Machine, packages, wait};
use serde_json::Value;
use tempfile::TempDir;

use crate::{
    connections::await_connections_counted,
    ipvsadm, namespace,
    program::{RULES, restore},
};

/// The value of each series by its name with its labels.
pub(crate) type Series = BTreeMap<(String, BTreeMap<String, String>), f64>;

/// Reads a text with `parser`, a module of Prometheus' Python library, and
/// writes a list for each series.
const READ: &str = "
import json, sys
from prometheus_client.PARSER import text_string_to_metric_families
print(json.dumps([
    [family.type, family.unit, sample.name, sample.labels, sample.value]
    for family in text_string_to_metric_families(sys.stdin.read())
    for sample in family.samples
]))
";

/// Has the parser read the text: type, unit, name, labels and value.
pub(crate) fn parse(
    machine: &Machine,
    network: &Namespace,
    parser: &str,
    text: &str,
) -> Vec<Value> {
    let python = packages::PYTHON.places.first().unwrap();
    let mut command = machine.command(network, python);
    command.args(["-I", "-B", "-c", &READ.replace("PARSER", parser)]);
    let answer = Answer::of(command, text).unwrap();
    assert_eq!((answer.stderr.as_str(), answer.status), ("", 0), "{text}");
    serde_json::from_str(&answer.stdout).unwrap()
}

/// None may be there twice.
pub(crate) fn series(parsed: &[Value]) -> Series {
    let series: Series = parsed
        .iter()
        .map(|sample| {
            let name = sample[2].as_str().unwrap().to_owned();
            let labels = serde_json::from_value(sample[3].clone()).unwrap();
            ((name, labels), sample[4].as_f64().unwrap())
        })
        .collect();
    assert_eq!(series.len(), parsed.len());
    series
}

fn ours(machine: &Machine, director: &Namespace, arguments: &str) -> Series {
    let text = ipvsadm(director, &format!("-L --output openmetrics {arguments}"));
    series(&parse(machine, director, "openmetrics.parser", &text))
}

/// Counts the series of each name.
fn counts(series: &Series) -> BTreeMap<&str, usize> {
    let mut counts = BTreeMap::new();
    for (name, _) in series.keys() {
        *counts.entry(name.as_str()).or_default() += 1;
    }
    counts
}

#[test]
fn a_strict_parser_takes_a_table_with_something_of_everything() {
    let director = namespace("director");
    restore(&director, RULES);
    let machine = Machine::new().unwrap();
    let text = ipvsadm(&director, "-L --output openmetrics");
    let parsed = parse(&machine, &director, "openmetrics.parser", &text);
    for sample in &parsed {
        let (kind, unit) = (sample[0].as_str().unwrap(), sample[1].as_str().unwrap());
        let name = sample[2].as_str().unwrap();
        let base = name.strip_suffix("_total");
        assert_eq!(
            kind,
            if base.is_some() { "counter" } else { "gauge" },
            "{name}"
        );
        let wanted = ["bytes", "packets"]
            .into_iter()
            .find(|unit| base.is_some_and(|base| base.ends_with(unit)));
        assert_eq!(unit, wanted.unwrap_or_default(), "{name}");
    }
    let rules = |start: &str| RULES.lines().filter(|line| line.contains(start)).count();
    let (services, destinations) = (rules("-A "), rules("-a "));
    let series = series(&parsed);
    for (name, count) in counts(&series) {
        let wanted = match name {
            _ if name.ends_with("_threshold") => 1,
            _ if name.starts_with("node_ipvs_service_") => services,
            _ if name.starts_with("node_ipvs_backend_") => destinations,
            _ => 1,
        };
        assert_eq!(count, wanted, "{name}");
    }
    assert_eq!(counts(&series).len(), 29);

    let totals = ours(&machine, &director, "--totals");
    let mut without = series;
    without.retain(|(name, _), _| !name.starts_with("node_ipvs_backend_"));
    assert_eq!(totals, without);

    let one = ours(&machine, &director, "-f 5 -6");
    assert_eq!(one.len(), 11 + 9);
    for (_, labels) in one.keys() {
        assert_eq!(labels["local_mark"], "00000005");
        assert_eq!(labels["family"], "ipv6");
    }

    ipvsadm(&director, "-C");
    assert_eq!(ours(&machine, &director, "").len(), 7);
}

/// What the original lists, where it is here.
fn classic(director: &Namespace, words: &str) -> String {
    match ipvs_lab::original_available() {
        true => {
            let words = words.split(' ');
            ipvs_lab::original(director, words).unwrap().stdout
        }
        false => ipvsadm(director, words),
    }
}

/// The synchronization daemons by their labels, and their number.
fn daemons(series: &Series) -> (Vec<Vec<String>>, f64) {
    let of_one = series.iter().filter(|((name, _), value)| {
        assert!(name != "node_ipvs_sync_daemon" || **value == 1.0);
        name == "node_ipvs_sync_daemon"
    });
    let labels = of_one.map(|((_, labels), _)| {
        let labels = labels.iter().map(|(name, value)| format!("{name}={value}"));
        labels.collect()
    });
    let number = ("node_ipvs_sync_daemons".to_owned(), BTreeMap::new());
    (labels.collect(), series[&number])
}

#[test]
fn the_table_size_and_the_daemons_are_those_of_the_classic_listings() {
    let director = namespace("director");
    crate::add_sync_interface(&director);
    let machine = Machine::new().unwrap();
    assert_eq!(daemons(&ours(&machine, &director, "")), (vec![], 0.0));
    let mut started = Vec::new();
    for (role, sync_id) in [("backup", 255), ("master", 7)] {
        let words = "--mcast-interface sync0 --syncid";
        ipvsadm(
            &director,
            &format!("--start-daemon {role} {words} {sync_id}"),
        );
        let labels = [
            "interface=sync0",
            &format!("role={role}"),
            &format!("sync_id={sync_id}"),
        ];
        started.push(labels.map(str::to_owned).to_vec());

        let series = ours(&machine, &director, "");
        assert_eq!(daemons(&series), (started.clone(), started.len() as f64));
        let listing = classic(&director, "-L --daemon");
        assert_eq!(listing.lines().count(), started.len(), "{listing}");
        assert!(
            listing.contains(&format!(
                "{role} sync daemon (mcast=sync0, syncid={sync_id},"
            )),
            "{listing}"
        );
        let size = (
            "node_ipvs_connection_table_size".to_owned(),
            BTreeMap::new(),
        );
        let first = format!("(size={})\n", series[&size]);
        let listing = classic(&director, "-L -n");
        assert!(listing.contains(&first), "{listing}");
    }
    ipvsadm(&director, "--stop-daemon backup");
    ipvsadm(&director, "--stop-daemon master");
    assert_eq!(daemons(&ours(&machine, &director, "")), (vec![], 0.0));
}

/// The five counters of the whole table, of the service and of its destination.
fn counters(series: &Series) -> [Vec<f64>; 3] {
    ["node_ipvs_", "node_ipvs_service_", "node_ipvs_backend_"].map(|prefix| {
        [
            "connections_total",
            "incoming_packets_total",
            "outgoing_packets_total",
            "incoming_bytes_total",
            "outgoing_bytes_total",
        ]
        .iter()
        .flat_map(|name| {
            let name = format!("{prefix}{name}");
            series.iter().filter(move |((of, _), _)| *of == name)
        })
        .map(|(_, value)| *value)
        .collect()
    })
}

/// The same out of a classic listing: the original's, where it is here.
fn classic_counters(director: &Namespace) -> [Vec<f64>; 3] {
    let listing = classic(director, "-L -n --stats --exact");
    let line = |start: &str| -> Vec<f64> {
        let line = listing.lines().rfind(|line| line.starts_with(start));
        let columns = line.unwrap().split_ascii_whitespace().skip(2);
        columns.map(|column| column.parse().unwrap()).collect()
    };
    // All that the table has done, this one service has.
    [line("TCP"), line("TCP"), line("  ->")]
}

/// A cluster with one server that has had five requests.
fn used() -> Cluster {
    ipvs_lab::program::path().unwrap();
    let cluster = Cluster::new(1).unwrap();
    let service = cluster.address();
    let server = cluster.servers.first().unwrap().address;
    ipvsadm(&cluster.director, &format!("-A -t {service} -s rr"));
    ipvsadm(
        &cluster.director,
        &format!("-a -t {service} -r {server}:{PORT} -m"),
    );
    cluster.requests(5, || ()).unwrap();
    await_connections_counted(&cluster, 5);
    cluster
}

#[test]
fn counters_of_real_traffic_equal_the_classic_listing() {
    let cluster = used();
    let machine = Machine::new().unwrap();
    // Between two looks the kernel may bring its counters up to date.
    let differ = || {
        let ours = counters(&ours(&machine, &cluster.director, ""));
        let classic = classic_counters(&cluster.director);
        assert!(ours.iter().flatten().all(|count| *count > 0.0), "{ours:?}");
        (ours != classic).then_some((ours, classic))
    };
    assert_eq!(wait::for_value(&None, differ), None);
}

/// A running node_exporter; it ends with this value.
pub(crate) struct Exporter(Child);

impl Exporter {
    const ADDRESS: &str = "127.0.0.1:9100";

    pub(crate) fn start(machine: &Machine, network: &Namespace, arguments: &[&str]) -> Self {
        network.ip("link set lo up").unwrap();
        let program = packages::NODE_EXPORTER.places.first().unwrap();
        let process = machine
            .command(network, program)
            .args(["--collector.disable-defaults", "--log.level=error"])
            .arg(format!("--web.listen-address={}", Self::ADDRESS))
            .arg("--web.disable-exporter-metrics")
            .args(arguments)
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Self(process)
    }

    /// Returns what it exports, once it answers.
    pub(crate) fn scrape(network: &Namespace) -> String {
        let get = || {
            let mut answer = ureq::get(format!("http://{}/metrics", Self::ADDRESS)).call()?;
            answer.body_mut().read_to_string()
        };
        let mut answer = None;
        wait::for_value(&true, || {
            answer = network.run(get).unwrap().ok();
            answer.is_some()
        });
        answer.unwrap()
    }

    /// Returns how often it could not make sense of what it had, up to the scrape.
    fn faults(scraped: &Series) -> f64 {
        let labels = [("cause".to_owned(), "gathering".to_owned())];
        scraped[&(
            "promhttp_metric_handler_errors_total".to_owned(),
            labels.into(),
        )]
    }
}

impl Drop for Exporter {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn what_node_exporter_has_is_here_under_the_same_names_and_labels() {
    let cluster = used();
    let director = &cluster.director;
    // Besides the service with traffic, one of each kind.
    restore(director, RULES);
    let machine = Machine::new().unwrap();
    let _exporter = Exporter::start(&machine, director, &["--collector.ipvs"]);
    let differ = || {
        let text = Exporter::scrape(director);
        let mut theirs = series(&parse(&machine, director, "parser", &text));
        theirs.retain(|(name, _), _| name.starts_with("node_ipvs_"));
        assert_eq!(counts(&theirs).len(), 8, "{text}");
        let mut ours = ours(&machine, director, "");
        ours.retain(|(name, _), _| counts(&theirs).contains_key(name.as_str()));
        let number = ours.len();
        let ours: Series = ours
            .into_iter()
            .map(|((name, mut labels), value)| {
                labels.remove("family");
                ((name, labels), value)
            })
            .collect();
        assert_eq!(ours.len(), number, "the family is all that we add");
        (ours != theirs).then_some((ours, theirs))
    };
    assert_eq!(wait::for_value(&None, differ), None);
}

#[test]
fn node_exporter_collects_the_file_if_its_own_collector_is_off() {
    let director = namespace("director");
    restore(&director, RULES);
    let machine = Machine::new().unwrap();
    let directory = TempDir::new().unwrap();
    let place = directory.path().to_str().unwrap();
    let file = format!("--output-file {place}/ipvs.prom");
    assert_eq!(
        ipvsadm(&director, &format!("-L --output openmetrics {file}")),
        ""
    );
    let directory = format!("--collector.textfile.directory={place}");
    let textfile = ["--collector.textfile", &directory];
    let scrape = || {
        let text = Exporter::scrape(&director);
        series(&parse(&machine, &director, "parser", &text))
    };
    let exporter = Exporter::start(&machine, &director, &textfile);
    let mut collected = scrape();
    let error = ("node_textfile_scrape_error".to_owned(), BTreeMap::new());
    assert_eq!(collected[&error], 0.0);
    collected.retain(|(name, _), _| name.starts_with("node_ipvs_"));
    assert_eq!(collected, ours(&machine, &director, ""));
    assert_eq!(Exporter::faults(&scrape()), 0.0);
    drop(exporter);

    // Together they have the same names for things that differ.
    let both = [&textfile[..], &["--collector.ipvs"]].concat();
    let _exporter = Exporter::start(&machine, &director, &both);
    scrape();
    assert_eq!(Exporter::faults(&scrape()), 1.0);
}

/// The program with these words after `-L --output openmetrics --output-file
/// ipvs.prom`, in that directory, after a line of shell.
fn in_directory(director: &Namespace, directory: &Path, before: &str) -> Command {
    let mut command = director.command("sh");
    command.arg("-c").arg(format!(
        "{before}; exec \"$IPVSADM\" -L --output openmetrics --output-file ipvs.prom"
    ));
    command.env("IPVSADM", ipvs_lab::program::path().unwrap());
    command.current_dir(directory);
    command
}

fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).unwrap();
    entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect()
}

#[test]
fn the_file_is_for_all_to_read_unless_the_umask_says_no() {
    let director = namespace("director");
    let directory = TempDir::new().unwrap();
    for (umask, mode) in [("umask 022", 0o644), ("umask 027", 0o640)] {
        let command = in_directory(&director, directory.path(), umask);
        let answer = Answer::of(command, "").unwrap();
        assert_eq!((answer.stderr.as_str(), answer.status), ("", 0));
        let file = directory.path().join("ipvs.prom");
        let permissions = fs::metadata(&file).unwrap().permissions();
        assert_eq!(permissions.mode() & 0o777, mode);
        assert_eq!(
            fs::read_to_string(file).unwrap(),
            ipvsadm(&director, "-L --output openmetrics")
        );
    }
    assert_eq!(names(directory.path()), ["ipvs.prom"]);
}

#[test]
fn a_file_that_cannot_be_written_stays_as_it_was() {
    let director = namespace("director");
    restore(&director, RULES);
    let directory = TempDir::new().unwrap();
    let script =
        "mount -t tmpfs -o size=8k none . && cd \"$PWD\" && echo old > ipvs.prom || exit 99
        \"$IPVSADM\" -L --output openmetrics --output-file ipvs.prom
        echo $? $(ls -A) $(cat ipvs.prom)";
    let mut command = director.command("unshare");
    command.args(["--mount", "sh", "-c", script]);
    command.env("IPVSADM", ipvs_lab::program::path().unwrap());
    command.current_dir(directory.path());
    let answer = Answer::of(command, "").unwrap();
    assert_eq!(answer.stdout, "1 ipvs.prom old\n", "{answer:?}");
    assert!(
        answer
            .stderr
            .starts_with("cannot write ipvs.prom: No space left on device"),
        "{answer:?}"
    );

    let absent = directory.path().join("absent/ipvs.prom");
    let path = absent.to_str().unwrap();
    let words = ["-L", "--output", "openmetrics", "--output-file", path];
    let answer = ipvs_lab::ipvsadm(&director, words).unwrap();
    let start = format!("cannot write {path}: No such file or directory");
    assert!(answer.stderr.starts_with(&start), "{answer:?}");
    assert_eq!((answer.stdout.as_str(), answer.status), ("", 1));
}

#[test]
fn many_at_the_same_time_leave_one_whole_file() {
    let director = namespace("director");
    restore(&director, RULES);
    let directory = TempDir::new().unwrap();
    let mut running: Vec<Child> = (0..12)
        .map(|_| in_directory(&director, directory.path(), ":"))
        .map(|mut command| command.spawn().unwrap())
        .collect();
    for child in &mut running {
        assert!(child.wait().unwrap().success());
    }
    assert_eq!(names(directory.path()), ["ipvs.prom"]);
    assert_eq!(
        fs::read_to_string(directory.path().join("ipvs.prom")).unwrap(),
        ipvsadm(&director, "-L --output openmetrics")
    );
}
