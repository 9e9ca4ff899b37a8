// SPDX-License-Identifier: MIT

//! The metrics over HTTP: the script of the socket unit, started for each connection.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpStream};

use ipvs_lab::machine::Machine;
use ipvs_lab::{Answer, Namespace, packages, wait};
use serde_json::Value;

use super::{Running, path, read};
use crate::openmetrics::{parse, series};
use crate::program::{RULES, restore};
use crate::unit::setting;
use crate::{ipvsadm, namespace};

const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// A director on which the socket unit listens.
pub(crate) struct Endpoint {
    machine: Machine,
    pub(crate) director: Namespace,
    address: String,
    pub(crate) listener: Running,
}

impl Endpoint {
    /// Does what systemd does with the two units: it listens at the address of the one, and
    /// starts the program of the other for each connection, as a user with its rights.
    pub(crate) fn start(rules: &str) -> Self {
        let director = namespace("director");
        restore(&director, rules);
        let machine = Machine::new().unwrap();
        let program = "/run/ipvsadm-metrics-http";
        let copy = machine.run_directory().join("ipvsadm-metrics-http");
        fs::copy(path("ipvsadm-metrics-http"), copy).unwrap();
        let service = read("ipvsadm-metrics-http@.service");
        let socket = read("ipvsadm-metrics-http.socket");
        let address = setting(&socket, "ListenStream").to_owned();
        let rights = setting(&service, "AmbientCapabilities");
        assert_eq!(setting(&service, "CapabilityBoundingSet"), rights);
        let rights = rights.to_lowercase().replace("cap_", "+");
        let mut command = machine.command(&director, packages::SYSTEMD_SOCKET_ACTIVATE.places[0]);
        command.args(["--accept", "--inetd", "-l", &address]);
        command.args(["setpriv", "--no-new-privs", "--clear-groups"]);
        command.args(["--reuid", "65534", "--regid", "65534"]);
        for set in ["--inh-caps", "--ambient-caps", "--bounding-set"] {
            command.arg(format!("{set}=-all,{rights}"));
        }
        command.arg(program);
        let listener = Running::start(command);
        let endpoint = Self {
            machine,
            director,
            address,
            listener,
        };
        let listens = || endpoint.curl(&["/"]).status == 0;
        assert!(wait::for_value(&true, listens));
        endpoint
    }

    /// Runs curl with these words, of which the last is a path.
    pub(crate) fn curl(&self, words: &[&str]) -> Answer {
        let program = packages::CURL.places.first().unwrap();
        let mut curl = self.machine.command(&self.director, program);
        let (path, options) = words.split_last().unwrap();
        curl.args(["--silent", "--show-error"]).args(options);
        curl.arg(format!("http://{}{path}", self.address));
        Answer::of(curl, "").unwrap()
    }

    /// Returns the status of the answer to a request, and its type.
    fn status(&self, words: &[&str]) -> String {
        let format = "%{stderr}%{http_code} %{content_type}";
        let words = [&["--write-out", format], words].concat();
        let answer = self.curl(&words);
        assert_eq!(answer.status, 0, "{answer:?}");
        answer.stderr
    }

    /// Sends bytes and returns what comes until the connection ends.
    fn send(&self, request: &str) -> String {
        let answer = self.director.run(|| {
            let mut stream = TcpStream::connect(&self.address)?;
            stream.write_all(request.as_bytes())?;
            stream.shutdown(Shutdown::Write)?;
            let mut answer = String::new();
            stream.read_to_string(&mut answer)?;
            Ok::<_, std::io::Error>(answer)
        });
        answer.unwrap().unwrap()
    }
}

#[test]
fn curl_gets_the_metrics_and_404_elsewhere() {
    let endpoint = Endpoint::start(RULES);
    let table = ipvsadm(&endpoint.director, "-L --output openmetrics");
    let answer = endpoint.curl(&["--fail", "/metrics"]);
    assert_eq!((answer.stderr.as_str(), answer.status), ("", 0));
    assert!(answer.stdout == table, "{}", answer.stdout);
    // Nothing else of the table is missing for want of a right.
    assert!(
        answer
            .stdout
            .contains("\nnode_ipvs_service_connections_total{")
    );
    let query = endpoint.curl(&["--fail", "/metrics?from=curl"]);
    assert!(query.stdout == table, "{}", query.stdout);

    assert_eq!(
        endpoint.status(&["/metrics"]),
        format!("200 {CONTENT_TYPE}")
    );
    assert_eq!(
        endpoint.status(&["--head", "/metrics"]),
        format!("200 {CONTENT_TYPE}")
    );
    for path in ["/", "/metrics/", "/metricsx", "/../metrics", "/$(id)"] {
        assert_eq!(
            endpoint.status(&["--path-as-is", path]),
            "404 text/plain; charset=utf-8",
            "{path}"
        );
    }
    assert_eq!(
        endpoint.status(&["--request", "DELETE", "/metrics"]),
        "405 text/plain; charset=utf-8"
    );
}

#[test]
fn an_answer_has_the_form_that_rfc_9112_wants() {
    let endpoint = Endpoint::start(RULES);
    let table = ipvsadm(&endpoint.director, "-L --output openmetrics");
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: {CONTENT_TYPE}\r\nContent-Length: {}\r\n\
         Connection: close\r\n\r\n",
        table.len()
    );
    let get = endpoint.send("GET /metrics HTTP/1.1\r\nHost: lvs1\r\nAccept: */*\r\n\r\n");
    assert!(get == format!("{head}{table}"), "{get}");
    assert_eq!(endpoint.send("HEAD /metrics HTTP/1.0\r\n\r\n"), head);
    let deleted = endpoint.send("DELETE /metrics HTTP/1.1\r\nHost: lvs1\r\n\r\n");
    assert!(
        deleted.contains("\r\nAllow: GET, HEAD\r\n\r\n"),
        "{deleted}"
    );
    for wrong in [
        "GET /metrics\r\n\r\n",
        "hello\r\n\r\n",
        "GET /metrics HTTP/2\r\n\r\n",
    ] {
        let answer = endpoint.send(wrong);
        assert!(answer.starts_with("HTTP/1.1 400 "), "{wrong}: {answer}");
    }
    // Headers are read to their end: otherwise the connection is reset.
    let many = "A: b\r\n".repeat(200);
    let answer = endpoint.send(&format!("GET /metrics HTTP/1.1\r\n{many}\r\n"));
    assert!(answer == get, "{answer}");
    // A client that says nothing gets nothing.
    assert_eq!(endpoint.send(""), "");
}

#[test]
fn a_table_that_cannot_be_read_is_no_table_without_services() {
    let endpoint = Endpoint::start(RULES);
    // As if the program were not there.
    let mut hide = endpoint.machine.command(&endpoint.director, "mount");
    hide.args(["--bind", "/dev/null", "/usr/sbin/ipvsadm"]);
    assert_eq!(Answer::of(hide, "").unwrap().status, 0);
    assert_eq!(
        endpoint.status(&["/metrics"]),
        "503 text/plain; charset=utf-8"
    );
}

#[test]
fn prometheus_scrapes_the_endpoint_with_the_settings_of_the_readme() {
    let endpoint = Endpoint::start("-A -t 10.0.0.9:80 -s rr\n");
    let machine = &endpoint.machine;
    let readme = read("README.md");
    let (_, settings) = readme
        .split_once("    # /etc/prometheus/prometheus.yml")
        .unwrap();
    let (_, settings) = settings.split_once('\n').unwrap();
    let settings = settings.lines().map_while(|line| line.strip_prefix("    "));
    let settings = settings.collect::<Vec<_>>().join("\n");
    let mut write = machine.command(&endpoint.director, "sh");
    write.args([
        "-c",
        "mkdir -p /etc/prometheus && cp \"$1\" /etc/prometheus && cat > /etc/prometheus/prometheus.yml",
        "sh",
    ]);
    write.arg(path("ipvs-alerts.yml"));
    // Every second, so that nobody waits.
    let often = "global: {scrape_interval: 1s, evaluation_interval: 1s}\n";
    let written = Answer::of(write, &format!("{often}{settings}\n")).unwrap();
    assert_eq!((written.stderr.as_str(), written.status), ("", 0));
    let program = packages::PROMETHEUS.places.first().unwrap();
    let mut command = machine.command(&endpoint.director, program);
    command.args([
        "--config.file=/etc/prometheus/prometheus.yml",
        "--storage.tsdb.path=/run/prometheus",
        "--web.listen-address=127.0.0.1:9090",
    ]);
    let _prometheus = Running::start(command);
    let ask = |what: &str| -> Option<Value> {
        let curl = packages::CURL.places.first().unwrap();
        let mut curl = machine.command(&endpoint.director, curl);
        curl.args(["--silent", "--fail", "--globoff"]);
        curl.arg(format!("http://127.0.0.1:9090/api/v1/{what}"));
        let answer = Answer::of(curl, "").unwrap();
        serde_json::from_str(&answer.stdout).ok()
    };
    // The alert about this service, which has no server, waits for a minute before it fires.
    let alert = || {
        let alerts = ask("alerts")?;
        let alerts = alerts["data"]["alerts"].as_array()?.iter();
        let names =
            alerts.map(|alert| format!("{} {}", alert["labels"]["alertname"], alert["state"]));
        Some(names.collect::<Vec<_>>())
    };
    let pending = Some(vec![r#""IpvsNoUsableServer" "pending""#.to_owned()]);
    assert_eq!(wait::for_value(&pending, alert), pending);
    // It has kept what the older form of the text cannot say.
    let about = ask("metadata?metric=node_ipvs_service_incoming_bytes").unwrap();
    let about = &about["data"]["node_ipvs_service_incoming_bytes"][0];
    assert_eq!(
        (&about["type"], &about["unit"]),
        (&"counter".into(), &"bytes".into())
    );
    let found = ask("query?query=node_ipvs_service_backends_usable").unwrap();
    let labels = &found["data"]["result"][0]["metric"];
    assert_eq!(labels["local_address"], "10.0.0.9");
    let text = ipvsadm(&endpoint.director, "-L --output openmetrics");
    let own = series(&parse(
        machine,
        &endpoint.director,
        "openmetrics.parser",
        &text,
    ));
    let collected = ask("query?query=count({__name__=~\"node_ipvs_.*\"})"
        .replace('"', "%22")
        .as_str());
    let collected = &collected.unwrap()["data"]["result"][0]["value"][1];
    assert_eq!(*collected, own.len().to_string());
}
