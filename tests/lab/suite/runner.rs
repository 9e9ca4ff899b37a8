// SPDX-License-Identifier: MIT

//! Starts one test program where it belongs: the tests of the target `kernel`
//! inside kernels, two at a time for each processor (an embedded kernel uses one,
//! and much of the time its tests wait); doc tests inside a kernel, because the
//! ones of the client need it; everything else right here.

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::ffi::{OsStr, OsString};
use std::io::{self, Write as _};
use std::ops::AddAssign;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow, ensure};

use crate::kernels::Kernel;
use crate::kernels::processor;
use crate::kernels::streams::Stream;
use crate::kernels::task::Task;
use crate::output::{err, out};
use crate::packages::package::Format;
use crate::programs::build::Profile;
use crate::programs::comparison::Comparison;
use crate::soak;
use crate::suite::queue::{End, Queue};
use crate::suite::times::Times;

/// The counts of libtest.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) passed: usize,
    pub(crate) failed: usize,
    pub(crate) ignored: usize,
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.ignored += other.ignored;
    }
}

impl Tally {
    /// Reads libtest's closing line: «test result: ok. 3 passed; 0 failed; ...».
    pub(crate) fn parse(line: &str) -> Option<Self> {
        let (_, counts) = line.strip_prefix("test result: ")?.split_once(". ")?;
        let count = |name| {
            counts
                .split(';')
                .find_map(|part| part.trim().strip_suffix(name)?.trim().parse().ok())
        };
        Some(Self {
            passed: count("passed")?,
            failed: count("failed")?,
            ignored: count("ignored").unwrap_or_default(),
        })
    }
}

/// The number of tests in the line that [`shards`] closes with.
pub(crate) fn parse_closing(line: &str) -> Option<usize> {
    let (number, _) = line.strip_prefix("kernel tests: ")?.split_once(' ')?;
    number.parse().ok()
}

/// Runs the test program that cargo or rustdoc built.
///
/// # Errors
/// When it cannot be started, or a kernel cannot.
pub(crate) fn run(kernel: Kernel, program: &Path, arguments: &[OsString]) -> Result<u8> {
    match place(program, env::var_os("CARGO_PKG_NAME").as_deref()) {
        Place::Here => {
            let error = Command::new(program).args(arguments).exec();
            Err(error).with_context(|| format!("cannot run {}", program.display()))
        }
        // rustdoc names the program to itself, but not through a runner; with
        // the name it runs every doc test in a process of its own.
        Place::Kernel => kernel.attach(
            &Task::new(program)?
                .args(arguments)
                .env("RUSTDOC_DOCTEST_BIN_PATH", program),
        ),
        Place::Kernels => shards(kernel, program, arguments),
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Place {
    Here,
    Kernel,
    Kernels,
}

fn place(program: &Path, package: Option<&OsStr>) -> Place {
    // Cargo's own are `.../deps/NAME-HASH`; rustdoc's lie somewhere temporary.
    let directory = program.parent().and_then(Path::file_name);
    if directory != Some(OsStr::new("deps")) {
        return Place::Kernel;
    }
    let name = program.file_name().and_then(OsStr::to_str);
    let target = name.and_then(|name| name.rsplit_once('-'));
    match (package.and_then(OsStr::to_str), target) {
        (Some("ipvs-lab"), Some(("kernel", _))) => Place::Kernels,
        _ => Place::Here,
    }
}

/// Kernels that take turns on a processor, each with tests from its end of the
/// queue.
const ENDS: [End; 2] = [End::Front, End::Back];

/// The longest time that one test may take: the slowest ones take two minutes, three
/// where the machine has other work. Without an end the one that hangs would hold up all.
const LONGEST_TEST: Duration = Duration::from_secs(600);
/// The same of a soak: listing a million connections takes the kernel an hour.
const LONGEST_SILENCE_OF_A_SOAK: Duration = Duration::from_secs(2 * 60 * 60);

fn longest_test() -> Duration {
    match soak::is_running() {
        true => LONGEST_SILENCE_OF_A_SOAK,
        false => LONGEST_TEST,
    }
}

/// Runs the tests of a program in kernels side by side.
fn shards(kernel: Kernel, program: &Path, arguments: &[OsString]) -> Result<u8> {
    let names = list(program, arguments)?;
    let workers: Vec<(usize, End)> = match kernel {
        // In the host's kernel libtest's threads use the processors.
        Kernel::Host => vec![(0, End::Front)],
        Kernel::Uml | Kernel::Trixie | Kernel::Qemu => {
            let processors = thread::available_parallelism()?.get();
            let of_end = |end| (0..processors).map(move |processor| (processor, end));
            ENDS.into_iter()
                .flat_map(of_end)
                .take(names.len())
                .collect()
        }
    };
    let kernels = workers.len();
    out(format_args!(
        "\nrunning {} tests in {kernels} kernels at a time\n",
        names.len()
    ))?;
    let flags = arguments.iter().filter(|word| is_flag(word));
    let mut task = Task::new(program)?.args(flags).silence(longest_test());
    // Building them takes long enough to be left out where nothing needs them.
    for format in Format::ALL {
        if names.iter().any(|name| format.is_needed_by(name)) {
            match format.build(Profile::Tested) {
                Ok(package) => task = task.env(format.variable(), package),
                Err(error) => err(format_args!(
                    "ipvs-lab: the tests of a package will fail: {error:#}\n"
                )),
            }
        }
    }
    let queue = Mutex::new(Queue::new(names, kernels));
    let mut done = Done::default();
    thread::scope(|scope| {
        let (queue, task) = (&queue, &task);
        let workers: Vec<_> = workers
            .into_iter()
            .map(|(processor, end)| scope.spawn(move || work(kernel, task, queue, processor, end)))
            .collect();
        for worker in workers {
            done += worker.join().map_err(|_| anyhow!(DIED))??;
        }
        Ok::<(), anyhow::Error>(())
    })?;
    let Done {
        tally,
        comparisons,
        times,
    } = done;
    let result = if tally.failed == 0 { "ok" } else { "FAILED" };
    out(format_args!(
        "\ntest result: {result}. {} passed; {} failed; {} ignored\n",
        tally.passed, tally.failed, tally.ignored
    ))?;
    // The host's kernel runs several at once, so that it is not known.
    if kernel != Kernel::Host {
        out(format_args!("{}", times.summary()))?;
    }
    for (name, comparison) in comparisons {
        out(format_args!("{}\n", comparison.line(&name)))?;
    }
    out(format_args!(
        "kernel tests: {} in {kernels} kernels at a time ({})\n",
        tally.passed + tally.failed,
        kernel.name()
    ))?;
    Ok(if tally.failed == 0 { 0 } else { 101 })
}

/// Runs tests from one end of the queue, in one kernel after the other, until none
/// are left; `task` lacks only their names.
fn work(
    kernel: Kernel,
    task: &Task,
    queue: &Mutex<Queue>,
    processor: usize,
    end: End,
) -> Result<Done> {
    if let Kernel::Uml | Kernel::Trixie = kernel {
        // Where that is not allowed it only takes longer.
        let _ = processor::move_to(processor);
    }
    let mut done = Done::default();
    loop {
        let mut names = queue.lock().map_err(|_| anyhow!(DIED))?.take(end);
        if names.is_empty() {
            return Ok(done);
        }
        while !names.is_empty() {
            let came;
            (came, names) = Shard::new(names).run(kernel, task)?;
            done += came;
        }
    }
}

fn is_flag(word: &OsStr) -> bool {
    word.as_encoded_bytes().starts_with(b"-")
}

fn list(program: &Path, arguments: &[OsString]) -> Result<Vec<String>> {
    let output = Command::new(program)
        .args(arguments)
        .args(["--list", "--format", "terse"])
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .with_context(|| format!("cannot run {}", program.display()))?;
    ensure!(output.status.success(), "cannot list the kernel tests");
    let text = String::from_utf8(output.stdout)?;
    let names = text.lines().filter_map(|line| line.strip_suffix(": test"));
    Ok(names.map(str::to_owned).collect())
}

const DIED: &str = "a thread of the lab died";

/// What came of tests.
#[derive(Debug, Default)]
struct Done {
    tally: Tally,
    /// With the original, by what was compared.
    comparisons: BTreeMap<String, Comparison>,
    times: Times,
}

impl AddAssign for Done {
    fn add_assign(&mut self, other: Self) {
        self.tally += other.tally;
        self.times.append(other.times);
        for (name, comparison) in other.comparisons {
            *self.comparisons.entry(name).or_default() += comparison;
        }
    }
}

/// The tests that share one start of a kernel.
struct Shard {
    names: Vec<String>,
    /// Those that have not reported.
    open: BTreeSet<String>,
    done: Done,
    /// The beginning of a line.
    line: Vec<u8>,
    /// The words of the failed ones.
    details: String,
    /// The beginning of a line of standard error.
    error: Vec<u8>,
    /// When the last test reported.
    reported: Instant,
}

impl Shard {
    fn new(names: Vec<String>) -> Self {
        Self {
            open: names.iter().cloned().collect(),
            names,
            done: Done::default(),
            line: Vec::new(),
            details: String::new(),
            error: Vec::new(),
            reported: Instant::now(),
        }
    }

    /// Runs them; `task` lacks only their names. Returns what came of it, and the names
    /// of those that did not run because the kernel or the process ended before.
    fn run(mut self, kernel: Kernel, task: &Task) -> Result<(Done, Vec<String>)> {
        let task = task.clone().args(["--exact"]).args(&self.names);
        let ended = kernel.capture(&task, &mut |stream, data| match stream {
            Stream::Stdout => out(format_args!("{}", self.read(data))),
            Stream::Stderr => io::stderr().lock().write_all(&self.read_errors(data)),
        });
        out(format_args!("{}", self.read(b"\n")))?;
        io::stderr().lock().write_all(&self.error)?;
        if let Err(error) = ended {
            err(format_args!("ipvs-lab: {error:#}\n"));
        }
        // One runs after the other, but for the threads of the host's kernel: the first
        // that has not reported is the one that ended.
        let mut open = self.names.into_iter().filter(|it| self.open.contains(it));
        if let Some(name) = open.next() {
            out(format_args!(
                "test {name} ... FAILED (its kernel or process ended)\n"
            ))?;
            self.done.tally.failed += 1;
        }
        let left = open.collect();
        if !self.details.trim().is_empty() {
            out(format_args!("{}", self.details))?;
        }
        Ok((self.done, left))
    }

    /// Takes what the tests write to standard error; returns what to show of it
    /// now. The counts of comparisons are shown as sums, later.
    fn read_errors(&mut self, data: &[u8]) -> Vec<u8> {
        let mut show = Vec::new();
        for piece in data.split_inclusive(|byte| *byte == b'\n') {
            self.error.extend_from_slice(piece);
            if !self.error.ends_with(b"\n") {
                continue;
            }
            let line = std::mem::take(&mut self.error);
            match Comparison::parse(&String::from_utf8_lossy(&line)) {
                Some((name, comparison)) => {
                    *self.done.comparisons.entry(name.to_owned()).or_default() += comparison;
                }
                None => show.extend(line),
            }
        }
        show
    }

    /// Takes what libtest writes; returns what to show of it now.
    fn read(&mut self, data: &[u8]) -> String {
        let mut show = String::new();
        for piece in data.split_inclusive(|byte| *byte == b'\n') {
            self.line.extend_from_slice(piece);
            if self.line.ends_with(b"\n") {
                let line = std::mem::take(&mut self.line);
                let line = String::from_utf8_lossy(&line);
                if self.reports(&line) {
                    show.push_str(&line);
                }
            }
        }
        show
    }

    /// Returns whether the line tells what a test came to. What else there is to say is
    /// kept for the end, so that the words of two kernels do not mix.
    fn reports(&mut self, line: &str) -> bool {
        let report = line.strip_prefix("test ").and_then(|rest| {
            let (name, result) = rest.trim_end().rsplit_once(" ... ")?;
            // «name - should panic ... ok»
            let name = name.split(" - ").next()?;
            let known = self.open.remove(name);
            if known {
                self.done.times.add(name, self.reported.elapsed());
                self.reported = Instant::now();
            }
            known.then_some(result)
        });
        match report {
            Some("ok") => self.done.tally.passed += 1,
            Some("FAILED") => self.done.tally.failed += 1,
            Some(_) => self.done.tally.ignored += 1,
            None if line.starts_with("running ") || line.starts_with("test result: ") => {
                return false;
            }
            None => {
                self.details.push_str(line);
                return false;
            }
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libtests_closing_line_is_read() {
        let line = "test result: FAILED. 12 passed; 3 failed; 1 ignored; 0 measured; 7 filtered out; finished in 0.01s\n";
        let wanted = Tally {
            passed: 12,
            failed: 3,
            ignored: 1,
        };
        assert_eq!(Tally::parse(line), Some(wanted));
        assert_eq!(Tally::parse("test result of mine"), None);
    }

    #[test]
    fn test_programs_run_where_they_belong() {
        let place =
            |program: &str, package: &str| place(Path::new(program), Some(package.as_ref()));
        assert_eq!(
            place("/t/debug/deps/kernel-0a1b", "ipvs-lab"),
            Place::Kernels
        );
        assert_eq!(place("/t/debug/deps/kernel-0a1b", "other"), Place::Here);
        assert_eq!(
            place("/t/debug/deps/ipvs_lab-0a1b", "ipvs-lab"),
            Place::Here
        );
        assert_eq!(
            place("/tmp/rustdoctestX/rust_out", "ipvs-client"),
            Place::Kernel
        );
    }

    #[test]
    fn a_test_that_does_not_report_stays_open() {
        let mut shard = Shard::new(["a", "b", "c"].map(str::to_owned).into());
        let shown = shard.read(b"\nrunning 3 tests\ntest a ... ok\ntest b - should panic ... FAI");
        assert_eq!(shown, "test a ... ok\n");
        shard.read(b"LED\nwords of b\n");
        assert_eq!((shard.done.tally.passed, shard.done.tally.failed), (1, 1));
        assert_eq!(shard.open, ["c".to_owned()].into());
        assert_eq!(shard.details, "\nwords of b\n");
    }

    #[test]
    fn comparisons_are_added_up_and_other_errors_are_shown() {
        let mut shard = Shard::new(vec!["a".to_owned()]);
        let shown = shard.read_errors(b"warning: x\nsuite: 3 cases, 2 same, 1 delib");
        assert_eq!(shown, b"warning: x\n");
        let shown = shard.read_errors(b"erate\nsuite: 1 cases, 1 same, 0 deliberate\n");
        assert_eq!(shown, b"");
        let wanted = Comparison {
            same: 3,
            deliberate: 1,
            different: 0,
        };
        assert_eq!(
            shard.done.comparisons,
            [("suite".to_owned(), wanted)].into()
        );
    }
}
