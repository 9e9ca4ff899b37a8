// SPDX-License-Identifier: MIT

//! The alerts and the dashboard: judged by promtool, and made of metrics that exist.

use std::collections::BTreeSet;
use std::fs;

use ipvs_lab::machine::Machine;
use ipvs_lab::{Answer, Namespace, packages};
use serde_json::Value;
use tempfile::TempDir;

use super::read;
use crate::openmetrics::{Exporter, parse};
use crate::program::restore;
use crate::{add_sync_interface, ipvsadm, namespace};

const ALERTS: &str = "ipvs-alerts.yml";
const TESTS: &str = "ipvs-alerts-test.yml";

/// A table in which every metric has a value.
const RULES: &str = "\
-A -t 10.0.0.9:80 -s wrr -p 60
-a -t 10.0.0.9:80 -r 10.0.0.2 -m -w 3 -x 100 -y 50
-a -t 10.0.0.9:80 -r 10.0.0.3 -m -w 0
";

/// promtool, with files of its own to judge.
struct Promtool {
    machine: Machine,
    network: Namespace,
    folder: TempDir,
}

impl Promtool {
    fn new() -> Self {
        Self {
            machine: Machine::new().unwrap(),
            network: namespace("monitor"),
            folder: TempDir::new().unwrap(),
        }
    }

    /// Writes the files, and runs a command that takes the first of them.
    fn run(&self, command: &str, files: &[(&str, &str)]) -> Answer {
        for (name, text) in files {
            fs::write(self.folder.path().join(name), text).unwrap();
        }
        let program = packages::PROMTOOL.places.first().unwrap();
        let mut promtool = self.machine.command(&self.network, program);
        promtool.args(command.split(' '));
        promtool.arg(self.folder.path().join(files.first().unwrap().0));
        Answer::of(promtool, "").unwrap()
    }

    fn test(&self, alerts: &str) -> Answer {
        self.run("test rules", &[(TESTS, &read(TESTS)), (ALERTS, alerts)])
    }
}

/// The names and expressions of the alerts, as promtool will take them: a folded text is
/// a line.
fn alerts() -> Vec<(String, String)> {
    let alerts = read(ALERTS);
    let rules = alerts.split("\n      - alert: ").skip(1);
    let rules = rules.map(|rule| {
        let (name, rest) = rule.split_once('\n').unwrap();
        let (_, expression) = rest.split_once("        expr: ").unwrap();
        let (expression, _) = expression.split_once("\n        labels:").unwrap();
        let expression = expression.split("\n        for:").next().unwrap();
        let expression = expression.trim_start_matches(">-").trim();
        let words: Vec<&str> = expression.split_whitespace().collect();
        (name.to_owned(), words.join(" "))
    });
    rules.collect()
}

#[test]
fn every_alert_fires_when_it_should_and_not_before() {
    let promtool = Promtool::new();
    let text = read(ALERTS);
    let judged = promtool.run("check rules", &[(ALERTS, &text)]);
    let alerts = alerts();
    let found = format!("SUCCESS: {} rules found", alerts.len());
    assert_eq!(judged.status, 0, "{judged:?}");
    assert!(judged.stdout.contains(&found), "{judged:?}");
    let tested = promtool.test(&text);
    assert_eq!(tested.status, 0, "{tested:?}");

    // If they fire always, or never, it finds that of each.
    for instead in ["vector(1) or", "vector(1) > 2 and"] {
        let other = text.replace("expr: >-\n         ", "expr:");
        let other = other.replace("expr: ", &format!("expr: >-\n          {instead} "));
        let tested = promtool.test(&other);
        assert_eq!(tested.status, 1, "{tested:?}");
        let told = tested.stdout + &tested.stderr;
        for (name, _) in &alerts {
            let failed = format!("alertname: {name},");
            assert!(told.contains(&failed), "{instead} {name}: {told}");
        }
    }
}

/// The expressions of the dashboard by the titles of their panels, with an instance and
/// an interval that were chosen.
fn panels() -> Vec<(String, String)> {
    let dashboard: Value = serde_json::from_str(&read("ipvs-dashboard.json")).unwrap();
    let panels = dashboard["panels"].as_array().unwrap().iter();
    let expressions = panels.flat_map(|panel| {
        let title = panel["title"].as_str().unwrap().to_owned();
        let targets = panel["targets"].as_array().unwrap();
        assert!(!targets.is_empty(), "{title}");
        targets.iter().map(move |target| {
            let expression = target["expr"].as_str().unwrap();
            assert!(expression.contains("$instance"), "{title}: {expression}");
            let expression = expression
                .replace("$instance", "lvs1|lvs2")
                .replace("$__rate_interval", "1m");
            (title.clone(), expression)
        })
    });
    expressions.collect()
}

/// The metrics that an expression names.
fn metrics(expression: &str) -> BTreeSet<String> {
    let words = expression.split(|letter: char| !(letter.is_ascii_alphanumeric() || letter == '_'));
    let names = words.filter(|word| word.starts_with("node_"));
    names.map(str::to_owned).collect()
}

#[test]
fn prometheus_takes_every_expression_of_the_dashboard() {
    let promtool = Promtool::new();
    let panels = panels();
    assert!(!panels.is_empty());
    let mut rules = "groups: [{name: dashboard, rules: [\n".to_owned();
    for (number, (_, expression)) in panels.iter().enumerate() {
        let expression = Value::from(expression.as_str());
        rules += &format!("  {{record: 'panel:{number}', expr: {expression}}},\n");
    }
    rules += "]}]\n";
    let judged = promtool.run("check rules", &[("dashboard.yml", &rules)]);
    assert_eq!(judged.status, 0, "{judged:?}");
    let found = format!("SUCCESS: {} rules found", panels.len());
    assert!(judged.stdout.contains(&found), "{judged:?}");
    let wrong = rules.replacen("node_ipvs_", "node ipvs_", 1);
    let judged = promtool.run("check rules", &[("dashboard.yml", &wrong)]);
    assert_ne!(judged.status, 0, "{judged:?}");
}

#[test]
fn every_metric_of_the_alerts_and_the_dashboard_is_collected_by_node_exporter() {
    let director = namespace("director");
    add_sync_interface(&director);
    restore(&director, RULES);
    ipvsadm(&director, "--start-daemon master --mcast-interface sync0");
    let machine = Machine::new().unwrap();
    let folder = TempDir::new().unwrap();
    let place = folder.path().to_str().unwrap();
    let file = format!("--output-file {place}/ipvs.prom");
    ipvsadm(&director, &format!("-L --output openmetrics {file}"));
    let directory = format!("--collector.textfile.directory={place}");
    let _exporter = Exporter::start(&machine, &director, &["--collector.textfile", &directory]);
    let text = Exporter::scrape(&director);
    let collected: BTreeSet<String> = parse(&machine, &director, "parser", &text)
        .iter()
        .map(|sample| sample[2].as_str().unwrap().to_owned())
        .collect();

    let mut named = BTreeSet::new();
    for (of, expression) in alerts().into_iter().chain(panels()) {
        let metrics = metrics(&expression);
        assert!(!metrics.is_empty(), "{of}: {expression}");
        for metric in metrics {
            assert!(collected.contains(&metric), "{of}: {metric}");
            named.insert(metric);
        }
    }
    // Those that the alerts wait for are among them.
    for metric in ["node_ipvs_sync_daemons", "node_textfile_mtime_seconds"] {
        assert!(named.contains(metric), "{named:?}");
    }
    let dashboard: Value = serde_json::from_str(&read("ipvs-dashboard.json")).unwrap();
    let queries = dashboard["templating"]["list"].as_array().unwrap().iter();
    let chosen: BTreeSet<String> = queries
        .flat_map(|variable| metrics(variable["query"].as_str().unwrap()))
        .collect();
    assert!(chosen.is_subset(&collected), "{chosen:?}");
    assert_eq!(chosen.len(), 1);
}
