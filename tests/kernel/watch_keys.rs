// SPDX-License-Identifier: MIT

//! What keys do to `--watch`, on a terminal that is one: tmux, which can tell what is on
//! its screen.

use ipvs_lab::{Namespace, http::PORT, load::Load, machine::Machine, wait};
use tempfile::TempDir;

use crate::{cluster_of_one, ipvsadm, namespace, program::restore};

/// A terminal with a program on it.
struct Screen<'a> {
    machine: Machine,
    director: &'a Namespace,
    folder: TempDir,
}

impl<'a> Screen<'a> {
    /// Starts a command of the shell on a terminal of this size.
    fn start(director: &'a Namespace, columns: u32, rows: u32, command: &str) -> Self {
        let screen = Self {
            machine: Machine::new().unwrap(),
            director,
            folder: tempfile::tempdir().unwrap(),
        };
        let size = [columns, rows].map(|number| number.to_string());
        let [columns, rows] = &size;
        screen.tmux(&[
            "new-session",
            "-d",
            "-x",
            columns,
            "-y",
            rows,
            &format!("{command}; echo status=$?; exec sleep 1000"),
        ]);
        screen
    }

    /// Runs a command of tmux; returns what it prints.
    fn tmux(&self, words: &[&str]) -> String {
        let mut command = self.machine.command(self.director, "tmux");
        command
            .args(["-u", "-f", "/dev/null", "-S"])
            .arg(self.folder.path().join("socket"))
            .args(words)
            .env("LC_ALL", "C.UTF-8")
            .env("TERM", "xterm")
            .env_remove("TMUX")
            .env_remove("NO_COLOR");
        let output = command.output().unwrap();
        assert!(output.status.success(), "{words:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// Presses keys, by the names that tmux has for them.
    fn press(&self, keys: &[&str]) {
        self.tmux(&[&["send-keys"], keys].concat());
    }

    fn lines(&self) -> Vec<String> {
        let text = self.tmux(&["capture-pane", "-p"]);
        text.lines()
            .map(|line| line.trim_end().to_owned())
            .collect()
    }

    /// Waits until the screen is as it is to be; returns it.
    fn wait_until(&self, is_right: impl Fn(&[String]) -> bool) -> Vec<String> {
        let mut last = Vec::new();
        wait::for_value(&true, || {
            last = self.lines();
            is_right(&last)
        });
        assert!(is_right(&last), "{}", last.join("\n"));
        last
    }

    /// Waits for a line; returns all of the screen.
    fn wait_for(&self, line: &str) -> Vec<String> {
        self.wait_until(|lines| lines.iter().any(|shown| shown == line))
    }
}

/// A service with so many servers, each with its number as its weight.
fn restore_servers(director: &Namespace, count: u32) {
    let servers = (1..=count)
        .map(|number| format!("-a -t 192.0.2.1:80 -r 10.0.0.{number}:80 -m -w {number}\n"));
    let rules = format!("-A -t 192.0.2.1:80 -s wrr\n{}", servers.collect::<String>());
    restore(director, &rules);
}

/// The names of the servers on a screen.
fn servers(lines: &[String]) -> Vec<&str> {
    let names = lines.iter().filter_map(|line| line.strip_prefix("  10."));
    names.map(|name| name.split(' ').next().unwrap()).collect()
}

const WIDE: &str = "ipvsadm -L -n --output wide --watch 0.2";

#[test]
fn arrows_pages_and_ends_scroll() {
    let director = namespace("director");
    restore_servers(&director, 40);
    let screen = Screen::start(&director, 80, 24, WIDE);
    // The status, two headings, the service and 40 servers; the last line.
    let lines = screen.wait_for("(21 more lines)");
    assert_eq!(servers(&lines).first(), Some(&"0.0.1:80"));
    assert!(
        lines[0].ends_with("every 0.2 s, q quits, ? keys"),
        "{lines:?}"
    );
    for (key, last, first) in [
        ("Down", "(1 line above, 20 more lines)", "0.0.1:80"),
        ("Up", "(21 more lines)", "0.0.1:80"),
        ("NPage", "(20 lines above, 1 more line)", "0.0.20:80"),
        ("PPage", "(21 more lines)", "0.0.1:80"),
        ("End", "(21 lines above)", "0.0.21:80"),
        ("Down", "(21 lines above)", "0.0.21:80"),
        ("Home", "(21 more lines)", "0.0.1:80"),
    ] {
        screen.press(&[key]);
        let lines = screen.wait_for(last);
        assert_eq!(servers(&lines).first(), Some(&first), "{key}");
        assert_eq!(lines[2].split_ascii_whitespace().next(), Some("Server"));
    }
}

#[test]
fn left_and_right_show_the_other_columns_beside_the_names() {
    let director = namespace("director");
    restore_servers(&director, 2);
    let screen = Screen::start(&director, 40, 24, WIDE);
    let has = |heading: &'static str| move |lines: &[String]| lines[2].contains(heading);
    let lines = screen.wait_until(has("Inactive"));
    assert!(!lines[2].contains("Forwarding"), "{lines:?}");
    screen.press(&["Right", "Right", "Right", "Right", "Right"]);
    let lines = screen.wait_until(has("Forwarding"));
    assert!(!lines[2].contains("Inactive"), "{lines:?}");
    assert_eq!(servers(&lines), ["0.0.1:80", "0.0.2:80"]);
    screen.press(&["Left", "Left", "Left", "Left", "Left"]);
    screen.wait_until(has("Inactive"));
}

#[test]
fn s_sorts_by_one_column_after_the_other_and_capital_s_goes_back() {
    let director = namespace("director");
    restore_servers(&director, 3);
    let screen = Screen::start(&director, 80, 24, WIDE);
    screen.wait_until(|lines| servers(lines) == ["0.0.1:80", "0.0.2:80", "0.0.3:80"]);
    for column in ["Active", "Inactive", "%", "Scheduler Forwarding", "Weight"] {
        screen.press(&["s"]);
        screen.wait_for(&format!("sorted by {column}"));
    }
    let heaviest = ["0.0.3:80", "0.0.2:80", "0.0.1:80"];
    screen.wait_until(|lines| servers(lines) == heaviest);
    screen.press(&["S"]);
    screen.wait_for("sorted by Scheduler Forwarding");
    screen.press(&["s", "s", "s", "s"]);
    // After the last column comes the listing's own order.
    screen.wait_until(|lines| {
        servers(lines) == ["0.0.1:80", "0.0.2:80", "0.0.3:80"]
            && lines.iter().all(|line| !line.starts_with("sorted by"))
    });
}

#[test]
fn a_filter_is_typed_on_the_last_line() {
    let director = namespace("director");
    restore_servers(&director, 12);
    let screen = Screen::start(&director, 80, 24, WIDE);
    screen.wait_until(|lines| servers(lines).len() == 12);
    screen.press(&["/", "1", "1", ":"]);
    let lines = screen.wait_for("/11:_");
    assert_eq!(servers(&lines), ["0.0.11:80"]);
    screen.press(&["BSpace", "BSpace", "BSpace", "q"]);
    screen.wait_for("/q_");
    screen.press(&["BSpace", "0", ".", "1", "2", "Enter"]);
    let lines = screen.wait_for("/0.12  (Esc: all)");
    assert_eq!(servers(&lines), ["0.0.12:80"]);
    screen.press(&["Escape"]);
    screen.wait_until(|lines| servers(lines).len() == 12);
}

#[test]
fn space_holds_the_table_until_it_is_pressed_again() {
    let director = namespace("director");
    restore_servers(&director, 1);
    let screen = Screen::start(&director, 80, 24, WIDE);
    screen.wait_until(|lines| servers(lines).len() == 1);
    screen.press(&["Space"]);
    screen.wait_for("paused");
    ipvsadm(&director, "-a -t 192.0.2.1:80 -r 10.0.0.2:80 -m");
    // Other keys draw the screen anew, with what was there before.
    screen.press(&["?"]);
    screen.wait_until(|lines| lines.iter().any(|line| line.starts_with("q, Ctrl-C")));
    screen.press(&["?"]);
    screen.wait_until(|lines| servers(lines) == ["0.0.1:80"]);
    screen.press(&["Space"]);
    screen.wait_until(|lines| servers(lines).len() == 2);
    assert!(screen.lines().iter().all(|line| line != "paused"));
}

#[test]
fn question_mark_shows_all_keys_and_q_ends() {
    let director = namespace("director");
    restore_servers(&director, 1);
    let screen = Screen::start(&director, 80, 24, WIDE);
    screen.wait_until(|lines| servers(lines).len() == 1);
    screen.press(&["?"]);
    let lines = screen.wait_until(|lines| servers(lines).is_empty());
    for key in ["Up, Down", "PgUp, PgDn", "s, S", "/ ", "Space", "?"] {
        assert!(
            lines.iter().any(|line| line.starts_with(key)),
            "{key}: {lines:?}"
        );
    }
    screen.press(&["q"]);
    let lines = screen.wait_for("status=0");
    assert!(servers(&lines).is_empty(), "{lines:?}");
}

#[test]
fn a_window_of_another_size_is_filled_at_once() {
    let director = namespace("director");
    restore_servers(&director, 40);
    let screen = Screen::start(
        &director,
        80,
        24,
        "ipvsadm -L -n --output wide --watch 1000",
    );
    screen.wait_for("(21 more lines)");
    screen.tmux(&["resize-window", "-x", "120", "-y", "50"]);
    let lines = screen.wait_until(|lines| servers(lines).len() == 40);
    assert!(lines[2].contains("Details"), "{lines:?}");
    screen.tmux(&["resize-window", "-x", "50", "-y", "10"]);
    let lines = screen.wait_for("(35 more lines)");
    assert!(lines[2].starts_with("  Server") && lines[2].contains("State"));
}

#[test]
fn the_last_minute_of_rates_is_drawn_where_the_terminal_has_the_characters() {
    let cluster = cluster_of_one();
    let service = cluster.address();
    let mut load = Load::start(&cluster.client, service).unwrap();
    load.answers(10).unwrap();
    for view in ["--output wide", "--rate", "--rate --output wide"] {
        let command = format!("ipvsadm -L -n {view} --watch 0.5");
        let screen = Screen::start(&cluster.director, 150, 24, &command);
        let lines = screen.wait_until(|lines| {
            lines
                .iter()
                .any(|line| line.starts_with("TCP") && line.contains('█'))
        });
        let headings = lines.iter().find(|line| line.contains("last min")).unwrap();
        let rates = if view == "--output wide" { 1 } else { 5 };
        assert_eq!(headings.matches("last min").count(), rates, "{lines:?}");

        let command = format!("LC_ALL=C {command}");
        let screen = Screen::start(&cluster.director, 150, 24, &command);
        let lines = screen.wait_until(|lines| lines.iter().any(|line| line.starts_with("TCP")));
        assert!(
            !lines.iter().any(|line| line.contains("last min")),
            "{lines:?}"
        );
    }
    load.finish().unwrap();
}

#[test]
fn connections_are_sorted_and_filtered_too() {
    let cluster = cluster_of_one();
    cluster.requests(3, || ()).unwrap();
    let screen = Screen::start(&cluster.director, 80, 24, "ipvsadm -L -n -c --watch 0.5");
    let rows = |lines: &[String]| lines.iter().filter(|line| line.starts_with("TCP")).count();
    screen.wait_until(|lines| rows(lines) == 3);
    screen.press(&["s", "s", "s", "s"]);
    screen.wait_for("sorted by source");
    screen.press(&["/", "n", "o", "n", "e", "Enter"]);
    screen.wait_until(|lines| rows(lines) == 0);
    // A terminal sends Alt-q for Esc with q right behind it.
    screen.press(&["Escape"]);
    screen.wait_until(|lines| rows(lines) == 3);
    screen.press(&["q"]);
    screen.wait_for("status=0");
}

#[test]
fn counters_and_rates_together_show_what_matters_in_80_columns() {
    let cluster = cluster_of_one();
    let (service, server) = (cluster.address(), cluster.servers[0].address);
    let mut load = Load::start(&cluster.client, service).unwrap();
    load.answers(10).unwrap();
    let command = "ipvsadm -L -n --stats --rate --output wide --watch 0.5";
    let screen = Screen::start(&cluster.director, 80, 24, command);
    let find = |lines: &[String], name: &str| -> Vec<String> {
        let line = lines
            .iter()
            .find(|line| line.trim_start().starts_with(name));
        let words = line.map(|line| line.split_whitespace().map(str::to_owned));
        words.map(Iterator::collect).unwrap_or_default()
    };
    // One server has all connections: those counted, and those of a second.
    let row = |lines: &[String]| find(lines, &format!("{server}:{PORT}"));
    let lines = screen.wait_until(|lines| {
        let row = row(lines);
        row.get(2).is_some_and(|share| share == "100.0")
            && row.get(5).is_some_and(|share| share == "100.0")
    });
    assert!(
        lines.iter().all(|line| line.chars().count() <= 80),
        "{lines:?}"
    );
    assert_eq!(
        find(&lines, "Server")[..9],
        [
            "Server", "Conns", "%", "Conns/s", "last", "min", "%", "State", "packets"
        ]
    );
    let (row, total) = (row(&lines), find(&lines, "TCP"));
    // Both have the same, but for the protocol in front of the service.
    assert_eq!((&row[1], &row[3]), (&total[2], &total[4]), "{lines:?}");
    assert_ne!(row[3], "0", "{lines:?}");
    assert_eq!(row[4], total[5], "{lines:?}");
    assert!(row[4].contains('█'), "{lines:?}");
    assert_eq!(row.last().unwrap(), ">", "{lines:?}");

    // To the right are the rest, next to the same names.
    screen.press(&["Right"; 40]);
    let lines = screen.wait_until(|lines| find(lines, "Server").contains(&"Details".to_owned()));
    assert!(
        lines
            .iter()
            .any(|line| line.trim_start().starts_with(&server.to_string()))
    );
    screen.press(&["q"]);
    screen.wait_for("status=0");
    load.finish().unwrap();
}

#[test]
fn the_original_s_columns_of_counters_come_with_a_hint_where_rates_were_asked_for_too() {
    let director = namespace("director");
    restore_servers(&director, 1);
    let hint = "hint: beside --stats there is no room for --rate; --output wide shows both";
    let listing = ipvsadm(&director, "-L -n --stats");
    let screen = Screen::start(&director, 80, 24, "ipvsadm -L -n --stats --rate");
    let lines = screen.wait_for("status=0");
    let mut expected: Vec<&str> = listing.lines().map(str::trim_end).collect();
    expected.extend([hint, "status=0"]);
    assert_eq!(lines[..expected.len()], expected);

    // With --watch it is there when the table has gone.
    let command = "ipvsadm -L -n --stats --rate --watch 0.5";
    let screen = Screen::start(&director, 80, 24, command);
    let lines = screen.wait_until(|lines| lines.iter().any(|line| line.starts_with("TCP")));
    assert!(!lines.iter().any(|line| line == hint), "{lines:?}");
    screen.press(&["q"]);
    assert_eq!(screen.wait_for("status=0")[..2], [hint, "status=0"]);
}
