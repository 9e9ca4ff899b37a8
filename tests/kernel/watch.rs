// SPDX-License-Identifier: MIT

//! The table again and again.

use std::{
    io::{self, BufRead as _, BufReader, Read, Write as _},
    net::{SocketAddr, TcpStream},
    process::{Child, ChildStdin, Command, Stdio},
    sync::mpsc::{Receiver, channel},
    thread,
    time::{Duration, Instant},
};

use ipvs_lab::{Answer, Namespace, http::PORT, load::Load, wait};
use socket2::SockRef;

use crate::{
    cluster_of_one, ipvsadm,
    json::checked,
    namespace,
    program::{RULES, restore},
    replies::with_jumping_clock,
};

/// To the other screen and back.
const ENTERED: &str = "\x1b[?1049h";
const LEFT: &str = "\x1b[?1049l";

/// After this nothing is expected any more.
const PATIENCE: Duration = Duration::from_secs(180);

/// The output of a program that goes on.
pub(crate) struct Output {
    chunks: Receiver<Vec<u8>>,
    seen: String,
}

impl Output {
    pub(crate) fn of(mut source: impl Read + Send + 'static) -> Self {
        let (sender, chunks) = channel();
        thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(length @ 1..) = source.read(&mut bytes) {
                let read = bytes.iter().take(length).copied().collect();
                if sender.send(read).is_err() {
                    return;
                }
            }
        });
        let seen = String::new();
        Self { chunks, seen }
    }

    /// Waits for this after all that has been waited for; returns what came up
    /// to its end.
    pub(crate) fn await_text(&mut self, text: &str) -> String {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(start) = self.seen.find(text) {
                let rest = self.seen.split_off(start + text.len());
                return std::mem::replace(&mut self.seen, rest);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            let more = self.chunks.recv_timeout(left);
            assert!(more.is_ok(), "no {text:?} in {:?}", self.seen);
            self.seen.push_str(&String::from_utf8_lossy(&more.unwrap()));
        }
    }

    /// Waits for the end; returns what came since what was last waited for.
    fn rest(mut self) -> String {
        let deadline = Instant::now() + PATIENCE;
        while let Ok(bytes) = self
            .chunks
            .recv_timeout(deadline.saturating_duration_since(Instant::now()))
        {
            self.seen.push_str(&String::from_utf8_lossy(&bytes));
        }
        self.seen
    }
}

/// A shell on a terminal of its own, by way of script(1).
pub(crate) struct Terminal {
    child: Child,
    keyboard: ChildStdin,
    output: Output,
}

impl Terminal {
    pub(crate) fn start(director: &Namespace, command: &str) -> Self {
        let mut child = director
            .command("script")
            .args(["-qec", command, "/dev/null"])
            .env("SHELL", "/bin/sh")
            .env("TERM", "xterm")
            .env_remove("NO_COLOR")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let keyboard = child.stdin.take().unwrap();
        let output = Output::of(child.stdout.take().unwrap());
        Self {
            child,
            keyboard,
            output,
        }
    }

    /// Waits for this on the screen, as [`Output::await_text`].
    pub(crate) fn await_text(&mut self, text: &str) -> String {
        self.output.await_text(text)
    }

    pub(crate) fn press(&mut self, keys: &str) {
        self.keyboard.write_all(keys.as_bytes()).unwrap();
        self.keyboard.flush().unwrap();
    }

    /// Waits for the end; returns what came since what was last waited for.
    pub(crate) fn end(mut self) -> String {
        let rest = self.output.rest();
        assert!(self.child.wait().unwrap().success(), "{rest}");
        rest
    }
}

pub(crate) fn program() -> String {
    format!("'{}'", ipvs_lab::program::path().unwrap().display())
}

/// A shell that shows the terminal's settings before and after, and the status.
fn watching(director: &Namespace, arguments: &str) -> Terminal {
    let command = format!(
        "trap : INT; echo before=$(stty -g)=; {} {arguments}; \
         echo status=$?=; echo after=$(stty -g)=",
        program()
    );
    Terminal::start(director, &command)
}

/// The value between equals signs behind a name.
pub(crate) fn value<'a>(output: &'a str, name: &str) -> &'a str {
    let (_, rest) = output.split_once(&format!("{name}=")).unwrap();
    rest.split_once('=').unwrap().0
}

/// Starts it, waits for the first screen, does something, and checks that all
/// is as before. Returns what was on the terminal after the other screen.
fn started_and_ended_by(director: &Namespace, end: impl FnOnce(&mut Terminal)) -> String {
    let mut terminal = watching(director, "-L -n --watch 1000");
    let start = terminal.await_text(ENTERED);
    terminal.await_text("q quits");
    end(&mut terminal);
    let screen = terminal.await_text(LEFT);
    assert!(screen.contains("\x1b[?25h"), "no cursor: {screen:?}");
    let rest = terminal.end();
    assert_eq!(value(&start, "before"), value(&rest, "after"));
    assert_eq!(value(&rest, "status"), "0");
    rest
}

#[test]
fn the_key_q_and_ctrl_c_leave_the_terminal_as_it_was() {
    let director = namespace("director");
    restore(&director, RULES);
    for key in ["q", "Q", "\x03"] {
        started_and_ended_by(&director, |terminal| terminal.press(key));
    }
}

/// Starts it on a terminal in a way that its number is known.
fn numbered(director: &Namespace) -> (Terminal, String, String) {
    let command = format!(
        "echo before=$(stty -g)=; {} -L -n --watch 1000 & echo pid=$!=; wait $!; \
         echo status=$?=; echo after=$(stty -g)=",
        program()
    );
    let mut terminal = Terminal::start(director, &command);
    let start = terminal.await_text("q quits");
    let pid = value(&start, "pid").to_owned();
    (terminal, start, pid)
}

fn signal(name: &str, pid: &str) {
    let words = [&format!("-{name}"), pid];
    let mut kill = Command::new("kill");
    assert!(kill.args(words).status().unwrap().success());
}

#[test]
fn a_signal_to_end_is_obeyed_after_the_terminal_is_as_it_was() {
    let director = namespace("director");
    for (name, status) in [("TERM", "143"), ("HUP", "129")] {
        let (mut terminal, start, pid) = numbered(&director);
        signal(name, &pid);
        terminal.await_text(LEFT);
        let rest = terminal.end();
        assert_eq!(value(&rest, "status"), status);
        assert_eq!(value(&start, "before"), value(&rest, "after"));
    }
}

#[test]
fn a_stopped_program_gives_the_terminal_back_until_it_goes_on() {
    let director = namespace("director");
    let (mut terminal, _, pid) = numbered(&director);
    signal("TSTP", &pid);
    terminal.await_text(LEFT);
    signal("CONT", &pid);
    terminal.await_text(ENTERED);
    terminal.await_text("q quits");
    terminal.press("q");
    terminal.await_text(LEFT);
    assert_eq!(value(&terminal.end(), "status"), "0");
}

#[test]
fn changes_are_marked_on_the_screen() {
    let director = namespace("director");
    restore(
        &director,
        "-A -t 10.0.0.1:80 -s rr\n-a -t 10.0.0.1:80 -r 10.0.0.2:80 -m -w 1\n",
    );
    for form in ["classic", "wide"] {
        let mut terminal = watching(&director, &format!("-L -n --output {form} --watch 0.2"));
        let first = terminal.await_text("10.0.0.2:80");
        assert!(!first.contains("\x1b[0;7m"), "{first:?}");
        ipvsadm(&director, "-e -t 10.0.0.1:80 -r 10.0.0.2:80 -m -w 77");
        terminal.await_text("\x1b[0;7m77\x1b[0m");
        ipvsadm(&director, "-a -t 10.0.0.1:80 -r 10.0.0.3:80 -m -w 1");
        terminal.await_text("\x1b[0;7m  ");
        terminal.await_text("10.0.0.3:80");
        terminal.await_text("(new)");
        ipvsadm(&director, "-d -t 10.0.0.1:80 -r 10.0.0.3:80");
        terminal.await_text("\x1b[0;2m  ");
        terminal.await_text("10.0.0.3:80");
        terminal.await_text("(gone)");
        ipvsadm(&director, "-e -t 10.0.0.1:80 -r 10.0.0.2:80 -m -w 1");
        terminal.await_text("\x1b[0;7m1\x1b[0m");
        terminal.press("q");
        terminal.end();
    }
}

#[test]
fn the_window_is_respected_also_when_it_changes() {
    let director = namespace("director");
    restore(&director, RULES);
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("grow");
    let command = format!(
        "stty rows 6 cols 40; \
         (until [ -e {} ]; do sleep 0.1; done; stty rows 50 cols 100 < /dev/tty) & \
         {} -L -n --watch 1000",
        file.display(),
        program()
    );
    let mut terminal = Terminal::start(&director, &command);
    terminal.await_text(ENTERED);
    let lines = ipvsadm(&director, "-L -n").lines().count();
    // One line has the time, one counts those that are not there.
    let small = terminal.await_text(&format!("({} more lines)", lines - 4));
    assert_eq!(small.matches("\x1b[K").count(), 6, "{small:?}");
    let shown: Vec<&str> = small.split("\x1b[K").map(str::trim_end).collect();
    assert_eq!(shown[3], "Prot LocalAddress:Port Scheduler Flags");
    assert_eq!(shown[4], "  -> RemoteAddress:Port           Forwa>");

    std::fs::write(&file, "").unwrap();
    // stty sets rows and columns one after the other, and each is a change.
    terminal.await_text("Forward Weight ActiveConn InActConn");
    let rest = terminal.await_text("FWM  4294967295 rr");
    assert!(!rest.contains("more lines"), "{rest:?}");
    terminal.press("q");
    terminal.end();
}

#[test]
fn the_last_of_a_number_of_tables_stays_on_the_terminal() {
    let director = namespace("director");
    restore(&director, RULES);
    let mut terminal = watching(&director, "-L -n --watch 0.1 --count 3");
    terminal.await_text(ENTERED);
    terminal.await_text(LEFT);
    let rest = terminal.end().replace("\r\n", "\n");
    assert!(rest.contains(&ipvsadm(&director, "-L -n")), "{rest}");
    assert_eq!(value(&rest, "status"), "0");
}

#[test]
fn a_service_that_is_gone_for_a_while_is_waited_for() {
    let director = namespace("director");
    let rules = "-A -t 10.0.0.1:80 -s rr\n";
    restore(&director, rules);
    for form in ["classic", "wide"] {
        let arguments = format!("-L -n -t 10.0.0.1:80 --output {form} --watch 0.2");
        let mut terminal = watching(&director, &arguments);
        terminal.await_text("q quits");
        ipvsadm(&director, "-C");
        terminal.await_text("TCP 10.0.0.1:80 is not there.");
        restore(&director, rules);
        terminal.await_text("rr");
        terminal.press("q");
        let rest = terminal.end();
        assert_eq!(value(&rest, "status"), "0");
    }
}

#[test]
fn a_service_that_never_was_there_is_an_error() {
    let director = namespace("director");
    let words = ["-L", "-n", "-t", "10.0.0.1:80", "--watch", "0.1"];
    for changes in [None, Some("--changes")] {
        let answer = ipvs_lab::ipvsadm(&director, words.into_iter().chain(changes)).unwrap();
        assert_eq!(
            (
                answer.stdout.as_str(),
                answer.stderr.as_str(),
                answer.status
            ),
            ("", "No such service\n", 1)
        );
    }
}

#[test]
fn a_terminal_that_can_only_print_gets_blocks() {
    let director = namespace("director");
    restore(&director, RULES);
    let command = format!("TERM=dumb {} -L -n --watch 0.1 --count 2", program());
    let output = Terminal::start(&director, &command).end();
    assert!(!output.contains('\x1b'), "{output:?}");
    assert_eq!(output.matches("IP Virtual Server").count(), 2);
}

/// The time stamp of a block, and the rest of it.
fn block(text: &str) -> (&str, &str) {
    let (time, table) = text.split_once('\n').unwrap();
    let shape: String = time
        .chars()
        .map(|character| {
            if character.is_ascii_digit() {
                '0'
            } else {
                character
            }
        })
        .collect();
    assert_eq!(shape, "0000-00-00T00:00:00.000Z");
    (time, table)
}

#[test]
fn without_a_terminal_blocks_with_time_stamps_follow_each_other() {
    let director = namespace("director");
    restore(&director, RULES);
    for form in ["classic", "wide"] {
        let arguments = format!("-L -n --output {form}");
        let table = ipvsadm(&director, &arguments);
        let output = ipvsadm(&director, &format!("{arguments} --watch 0.1 --count 3"));
        let mut times = Vec::new();
        let mut rest = output.as_str();
        while !rest.is_empty() {
            let (time, below) = block(rest);
            times.push(time.to_owned());
            rest = below.strip_prefix(table.as_str()).unwrap();
            if times.len() < 3 {
                rest = rest.strip_prefix('\n').unwrap();
            }
        }
        assert_eq!(times.len(), 3, "{output}");
        assert!(times.is_sorted(), "{times:?}");
    }
}

#[test]
fn as_json_each_line_is_a_document_with_its_time() {
    let director = namespace("director");
    restore(&director, RULES);
    let output = ipvsadm(&director, "-L --json --watch 0.1 --count 3");
    let documents: Vec<_> = output.lines().map(checked).collect();
    assert_eq!(documents.len(), 3);
    let once = checked(&ipvsadm(&director, "-L --json"));
    assert_eq!(once.get("time"), None);
    for document in &documents {
        assert_eq!(document["services"], once["services"]);
        block(&format!("{}\n", document["time"].as_str().unwrap()));
    }
    // What is recorded can be restored.
    ipvsadm(&director, "-C");
    restore(&director, output.lines().next().unwrap());
    assert_eq!(ipvsadm(&director, "-S -n"), RULES);
}

/// Starts it without a terminal and reads the first line.
fn piped(director: &Namespace, arguments: &str) -> (Child, BufReader<std::process::ChildStdout>) {
    let mut child = director
        .command(ipvs_lab::program::path().unwrap())
        .args(arguments.split_ascii_whitespace())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    stdout.read_line(&mut line).unwrap();
    assert!(line.ends_with('\n'), "{line}");
    (child, stdout)
}

#[test]
fn each_block_is_there_at_once_and_a_closed_pipe_ends_it_quietly() {
    let director = namespace("director");
    restore(&director, RULES);
    for form in ["", "--json"] {
        // It waits for a day, unless it sees that nobody listens.
        let (child, stdout) = piped(&director, &format!("-L -n {form} --watch 86400"));
        drop(stdout);
        let output = child.wait_with_output().unwrap();
        assert_eq!(String::from_utf8_lossy(&output.stderr), "");
        // SIGPIPE has its default disposition here.
        assert_eq!(ipvs_lab::exit_status(output.status), 141);
    }
}

#[test]
fn without_a_terminal_a_service_that_is_gone_has_its_blocks_too() {
    let director = namespace("director");
    let rules = "-A -t 10.0.0.1:80 -s rr\n";
    restore(&director, rules);
    for (form, gone) in [
        ("classic", "TCP 10.0.0.1:80 is not there."),
        ("wide", "TCP 10.0.0.1:80 is not there."),
        ("json", "\"services\":[]"),
    ] {
        let arguments = format!("-L -n -t 10.0.0.1:80 --output {form} --watch 0.1");
        let (mut child, stdout) = piped(&director, &arguments);
        let mut lines = stdout.lines().map(Result::unwrap);
        ipvsadm(&director, "-C");
        assert!(lines.any(|line| line.contains(gone)), "{form}");
        restore(&director, rules);
        assert!(lines.any(|line| line.contains("rr")), "{form}");
        // Nobody reads any more.
        drop(lines);
        assert_eq!(ipvs_lab::exit_status(child.wait().unwrap()), 141);
    }
}

/// `--watch --changes` and the lines that it has written.
struct Changes {
    child: Child,
    lines: Receiver<String>,
}

/// The name of a service that comes and goes until the first look has been made.
const PROBE: &str = "fwmark 4294967295";

impl Changes {
    /// Starts it and waits until it sees changes.
    fn start(director: &Namespace, arguments: &str) -> Self {
        let mut child = director
            .command(ipvs_lab::program::path().unwrap())
            .args("-L --watch 0.1 --changes".split(' '))
            .args(arguments.split_ascii_whitespace())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let (sender, lines) = channel();
        thread::spawn(move || {
            for line in stdout.lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        let changes = Self { child, lines };
        loop {
            ipvsadm(director, "--add-service --exist -f 4294967295 -s rr");
            let added = changes.lines.recv_timeout(Duration::from_millis(400));
            ipvsadm(director, "-D -f 4294967295");
            if added.is_ok() {
                changes.lines.recv_timeout(PATIENCE).unwrap();
                return changes;
            }
            if changes
                .lines
                .recv_timeout(Duration::from_millis(400))
                .is_ok()
            {
                return changes;
            }
        }
    }

    /// Waits for so many lines, each without its time.
    fn await_lines(&self, count: usize) -> Vec<String> {
        let next = |_| {
            let line = self.lines.recv_timeout(PATIENCE).unwrap();
            let (time, rest) = line.split_once(' ').unwrap();
            block(&format!("{time}\n"));
            rest.to_owned()
        };
        (0..count).map(next).collect()
    }

    /// Ends it; nothing may have come.
    fn end(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        assert_eq!(self.lines.iter().next(), None);
    }
}

#[test]
fn changes_between_two_looks_are_told_line_by_line() {
    let director = namespace("director");
    restore(&director, "-A -t 10.0.0.1:80 -s rr\n");
    let changes = Changes::start(&director, "");
    let web = "TCP 10.0.0.1:80";
    let server = format!("{web}: 10.0.0.2:80");
    for (command, told) in [
        (
            "-a -t 10.0.0.1:80 -r 10.0.0.2:80 -m -w 3",
            format!("added {server}, forwarding method masquerading, weight 3"),
        ),
        (
            "-e -t 10.0.0.1:80 -r 10.0.0.2:80 -m -w 0",
            format!("quiesced {server}, weight 3 -> 0"),
        ),
        (
            "-e -t 10.0.0.1:80 -r 10.0.0.2:80 -m -w 5 -x 10 -y 5",
            format!(
                "resumed {server}, weight 0 -> 5, upper threshold none -> 10, \
                 lower threshold none -> 5"
            ),
        ),
        (
            "-e -t 10.0.0.1:80 -r 10.0.0.2:80 -g -w 5 -x 10 -y 5",
            format!("edited {server}, forwarding method masquerading -> direct routing"),
        ),
        (
            "-E -t 10.0.0.1:80 -s wrr -p 360",
            format!("edited {web}, scheduler rr -> wrr, persistence none -> 360 s"),
        ),
        (
            "-d -t 10.0.0.1:80 -r 10.0.0.2:80",
            format!("removed {server}"),
        ),
        ("-D -t 10.0.0.1:80", format!("removed {web}")),
        (
            "-A -u [2001:db8::1]:53 -s sh -b sh-port -o",
            "added UDP [2001:db8::1]:53, scheduler sh, scheduler flags sh-port, one-packet on"
                .to_owned(),
        ),
    ] {
        ipvsadm(&director, command);
        assert_eq!(changes.await_lines(1), [told], "{command}");
    }
    changes.end();
}

#[test]
fn the_changes_of_one_service_are_told_while_it_comes_and_goes() {
    let director = namespace("director");
    restore(&director, "-A -f 4294967295 -s rr\n");
    let changes = Changes::start(&director, "-f 4294967295");
    // Another service is none of its business.
    restore(
        &director,
        "-A -t 10.0.0.1:80 -s rr\n-A -f 4294967295 -s wrr\n",
    );
    assert_eq!(
        changes.await_lines(1),
        [format!("added {PROBE}, scheduler wrr")]
    );
    ipvsadm(&director, "-C");
    assert_eq!(changes.await_lines(1), [format!("removed {PROBE}")]);
    changes.end();
}

/// Opens a connection, which ends by a reset: the kernel then forgets it after ten
/// seconds (`tcp_timeouts` in `ip_vs_proto_tcp.c`).
fn hold(client: &Namespace, service: SocketAddr) -> io::Result<TcpStream> {
    client
        .run(|| {
            let stream = TcpStream::connect(service)?;
            SockRef::from(&stream).set_linger(Some(Duration::ZERO))?;
            Ok(stream)
        })
        .unwrap()
}

/// The expected words come from the thresholds in the kernel, which refuses and takes
/// connections here at the same numbers (`ip_vs_bind_dest`, `ip_vs_unbind_dest`).
#[test]
fn held_connections_reach_a_threshold_and_leave_it() {
    let cluster = cluster_of_one();
    let (director, client, service) = (&cluster.director, &cluster.client, cluster.address());
    let server = format!("{}:{PORT}", cluster.servers[0].address);
    ipvsadm(
        director,
        &format!("-e -t {service} -r {server} -m -x 3 -y 2"),
    );
    let changes = Changes::start(director, "");
    let open = || hold(client, service).unwrap();
    let mut held = vec![open(), open()];
    held.push(open());
    let thresholds = "upper threshold 3, lower threshold 2";
    let line = |event, connections| {
        format!("{event} TCP {service}: {server}, connections {connections}, {thresholds}")
    };
    assert_eq!(changes.await_lines(1), [line("threshold-reached", 3)]);
    // No server takes it, and the director says so.
    assert!(hold(client, service).is_err());

    // At the lower threshold it stays full.
    let count = || {
        let table: serde_json::Value =
            serde_json::from_str(&ipvsadm(director, "-L --json")).unwrap();
        let server = &table["services"][0]["destinations"][0];
        let number = |field| server[field].as_u64().unwrap();
        number("active_connections") + number("inactive_connections")
    };
    held.pop();
    assert_eq!(wait::for_value(&2, count), 2);
    assert!(hold(client, service).is_err());
    held.pop();
    assert_eq!(changes.await_lines(1), [line("threshold-left", 1)]);
    held.push(open());
    changes.end();
}

#[test]
fn as_json_each_change_is_a_document_with_its_time() {
    let director = namespace("director");
    // Without the service that comes and goes.
    let rules: Vec<&str> = RULES
        .lines()
        .filter(|line| !line.contains("4294967295"))
        .collect();
    restore(&director, &(rules.join("\n") + "\n"));
    let changes = Changes::start(&director, "--json");
    ipvsadm(&director, "-e -t 10.0.0.1:80 -r 10.0.0.2:8080 -m -w 0");
    ipvsadm(&director, "-C");
    let mut services = 0;
    let mut destinations = 0;
    // The server may have gone before it was seen quiesced.
    loop {
        let change = checked(&changes.lines.recv_timeout(PATIENCE).unwrap());
        block(&format!("{}\n", change["time"].as_str().unwrap()));
        if change["event"] == "quiesced" {
            assert_eq!(change["before"], serde_json::json!({"weight": 3}));
            assert_eq!(change["after"], serde_json::json!({"weight": 0}));
            continue;
        }
        assert_eq!(change["event"], "removed");
        match change.get("destination") {
            Some(_) => destinations += 1,
            None => services += 1,
        }
        let lines = |start| rules.iter().filter(|line| line.starts_with(start)).count();
        if (services, destinations) == (lines("-A"), lines("-a")) {
            break;
        }
    }
    changes.end();
}

#[test]
fn connections_and_their_counts_are_watched_in_every_form() {
    let cluster = cluster_of_one();
    let service = cluster.address();
    cluster.requests(3, || ()).unwrap();
    let count = |text: &str| text.matches(&service.to_string()).count();
    for options in ["-c", "-c --output wide", "-c --summary"] {
        let once = ipvsadm(&cluster.director, &format!("-L -n {options}"));
        let twice = ipvsadm(
            &cluster.director,
            &format!("-L -n {options} --watch 0.1 --count 2"),
        );
        assert!(count(&once) > 0, "{once}");
        assert_eq!(count(&twice), 2 * count(&once), "{twice}");
        assert_eq!(twice.matches("\n\n2").count(), 1, "{twice}");
    }
    let text = ipvsadm(&cluster.director, "-L -c --json --watch 0.1 --count 2");
    let documents: Vec<_> = text.lines().map(checked).collect();
    assert_eq!(documents.len(), 2);
    for document in documents {
        block(&format!("{}\n", document["time"].as_str().unwrap()));
        assert_eq!(document["connections"].as_array().unwrap().len(), 3);
    }
}

#[test]
fn a_reading_that_fails_is_shown_after_the_terminal_is_as_it_was() {
    let director = namespace("director");
    restore(&director, "-A -t 10.0.0.1:80 -s rr\n");
    let command = format!(
        "echo before=$(stty -g)=; {} -L -n -c --watch 0.2 & echo pid=$!=; wait $!; \
         echo status=$?=; echo after=$(stty -g)=",
        program()
    );
    let mut terminal = Terminal::start(&director, &command);
    let start = terminal.await_text("q quits");
    // It can open no file any more, and wait for none.
    let mut limit = Command::new("prlimit");
    let pid = value(&start, "pid");
    limit.args(["--pid", pid, "--nofile=3:3"]);
    assert!(limit.status().unwrap().success());
    let screen = terminal.await_text(LEFT);
    assert!(!screen.contains("cannot list"), "{screen:?}");
    let rest = terminal.end();
    assert!(rest.contains("cannot list the connections: "), "{rest:?}");
    assert_eq!(value(&rest, "status"), "1");
    assert_eq!(value(&start, "before"), value(&rest, "after"));
}

/// Seconds of a time stamp within its day.
fn seconds(document: &serde_json::Value) -> f64 {
    let (_, time) = document["time"].as_str().unwrap().split_once('T').unwrap();
    time.trim_end_matches('Z')
        .split(':')
        .fold(0.0, |sum, part| sum * 60.0 + part.parse::<f64>().unwrap())
}

#[test]
fn rates_are_differences_of_counters_over_the_time_between() {
    let cluster = cluster_of_one();
    let service = cluster.address();
    let mut load = Load::start(&cluster.client, service).unwrap();
    load.answers(10).unwrap();
    let text = ipvsadm(&cluster.director, "-L --json --rate --watch 4 --count 3");
    let documents: Vec<_> = text.lines().map(checked).collect();
    assert_eq!(documents.len(), 3);
    for pair in documents.windows(2) {
        // Midnight may come between.
        let span = (seconds(&pair[1]) - seconds(&pair[0])).rem_euclid(86_400.0);
        let of = |document: &serde_json::Value, name: &str| {
            let service = &document["services"][0];
            let own = service["stats"][name].as_f64().unwrap();
            let server = service["destinations"][0]["stats"][name].as_f64().unwrap();
            [own, server]
        };
        for (counter, rate) in [
            ("connections", "connections_per_second"),
            ("in_packets", "in_packets_per_second"),
            ("out_bytes", "out_bytes_per_second"),
        ] {
            let (before, after) = (of(&pair[0], counter), of(&pair[1], counter));
            for (number, rate) in of(&pair[1], rate).into_iter().enumerate() {
                let exact = (after[number] - before[number]) / span;
                assert!(exact > 0.0, "{counter}: {before:?} {after:?}");
                assert!(
                    (rate - exact).abs() <= 1.0 + exact / 50.0,
                    "{counter}: {rate} {exact}"
                );
            }
        }
    }

    let text = ipvsadm(
        &cluster.director,
        "-L -n --rate --exact --output wide --watch 4 --count 2",
    );
    load.finish().unwrap();
    let (first, second) = text.split_once("\n\n2").unwrap();
    assert!(
        first
            .lines()
            .next()
            .unwrap()
            .ends_with("Z  rates of the kernel's estimator"),
        "{first}"
    );
    let headline = second.lines().next().unwrap();
    assert!(
        headline.contains("Z  rates of ") && headline.ends_with(" s"),
        "{headline}"
    );
    let line = second.lines().find(|line| line.starts_with("TCP")).unwrap();
    let packets: u64 = line
        .split_ascii_whitespace()
        .nth(4)
        .unwrap()
        .parse()
        .unwrap();
    assert!(packets > 0, "{line}");
}

#[test]
fn a_clock_that_jumps_changes_no_rate_and_no_look() {
    let cluster = cluster_of_one();
    let mut load = Load::start(&cluster.client, cluster.address()).unwrap();
    load.answers(10).unwrap();
    let words = "-L --json --rate --watch 2 --count 4";
    let command = with_jumping_clock(&cluster.director, words);
    let watched = Answer::of(command, "").unwrap();
    load.finish().unwrap();
    assert_eq!((watched.stderr.as_str(), watched.status), ("", 0));
    let documents: Vec<_> = watched.stdout.lines().map(checked).collect();
    assert_eq!(documents.len(), 4);
    for pair in documents.windows(2) {
        let year = |document: &serde_json::Value| {
            let time = document["time"].as_str().unwrap();
            time.split_once('-').unwrap().0.parse::<i32>().unwrap()
        };
        assert!((year(&pair[0]) - year(&pair[1])).abs() >= 1, "{pair:?}");
        let stats = |document: &serde_json::Value, name: &str| {
            document["services"][0]["stats"][name].as_u64().unwrap()
        };
        let packets = stats(&pair[1], "in_packets") - stats(&pair[0], "in_packets");
        let rate = stats(&pair[1], "in_packets_per_second");
        // Two seconds lie between, or more on a busy machine, but less than a minute.
        assert!(
            rate > packets / 60 && rate <= packets / 2 + packets / 10,
            "{rate} for {packets} packets"
        );
    }
}

#[test]
fn where_the_kernel_does_not_bring_counters_up_to_date_it_is_said() {
    let director = namespace("director");
    restore(&director, RULES);
    director.sysctl("ipv4/vs/run_estimation", "0").unwrap();
    let output = ipvsadm(&director, "-L -n --rate --watch 0.1 --count 2");
    let headlines: Vec<&str> = output.lines().filter(|line| line.contains("Z  ")).collect();
    assert_eq!(headlines.len(), 2, "{output}");
    for headline in headlines {
        assert!(
            headline.ends_with("Z  counters stand still: net.ipv4.vs.run_estimation is 0"),
            "{headline}"
        );
    }
}
