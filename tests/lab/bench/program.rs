// SPDX-License-Identifier: MIT

//! Starting a contestant that is a program, and what it took.
//!
//! This is done from a thread that is in the namespace already: the program is
//! then started without a copy of this process, which would cost more than
//! some of what is measured.

use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::time::Instant;

use anyhow::{Context as _, Result, ensure};
use tempfile::NamedTempFile;

use super::cases::Figure;
use crate::packages;

/// A program with its arguments and perhaps something to read. What it prints
/// is thrown away.
#[derive(Debug, Clone)]
pub(crate) struct Program<'a> {
    pub(crate) file: &'a Path,
    pub(crate) words: Vec<OsString>,
    pub(crate) stdin: Option<&'a Path>,
    /// The status that it has to end with.
    pub(crate) status: i32,
}

impl<'a> Program<'a> {
    pub(crate) fn new(
        file: &'a Path,
        words: impl IntoIterator<Item = impl Into<OsString>>,
    ) -> Self {
        Self {
            file,
            words: words.into_iter().map(Into::into).collect(),
            stdin: None,
            status: 0,
        }
    }

    pub(crate) fn ending_with(mut self, status: i32) -> Self {
        self.status = status;
        self
    }

    /// Checks how it has ended.
    fn check(&self, status: ExitStatus) -> Result<()> {
        ensure!(status.code() == Some(self.status), "{self:?}: {status}");
        Ok(())
    }

    pub(crate) fn reading(mut self, path: &'a Path) -> Self {
        self.stdin = Some(path);
        self
    }

    /// Runs it and returns the figure.
    pub(crate) fn measure(&self, figure: Figure) -> Result<u64> {
        match figure {
            Figure::Time | Figure::BeyondStart => self.time(),
            Figure::Peak => self.peak(),
        }
    }

    /// Counts the instructions that the processor carries out from the program's
    /// start to its end, outside the kernel.
    pub(crate) fn instructions(&self) -> Result<u64> {
        let valgrind = packages::VALGRIND.find().context("no valgrind here")?;
        let report = NamedTempFile::new()?;
        let mut file = OsString::from("--callgrind-out-file=");
        file.push(report.path());
        let output = self
            .command(valgrind)?
            .args(["--quiet", "--tool=callgrind"])
            .arg(file)
            .arg(self.file)
            .args(&self.words)
            .stderr(Stdio::piped())
            .output()
            .context("cannot run valgrind")?;
        ensure!(
            output.status.success(),
            "{self:?}: {}\n{}",
            output.status,
            String::from_utf8_lossy(&output.stderr)
        );
        let text = fs::read_to_string(report.path())?;
        let total = text.lines().find_map(|line| line.strip_prefix("totals: "));
        let total = total.context("callgrind has written no total")?;
        Ok(total.trim().parse()?)
    }

    /// Returns what it prints.
    pub(crate) fn output(&self) -> Result<Vec<u8>> {
        let mut command = self.command(self.file)?;
        let output = command
            .args(&self.words)
            .stdout(Stdio::piped())
            .output()
            .with_context(|| format!("cannot run {}", self.file.display()))?;
        self.check(output.status)?;
        Ok(output.stdout)
    }

    fn command(&self, program: &Path) -> Result<Command> {
        let stdin = match self.stdin {
            Some(path) => fs::File::open(path)?.into(),
            None => Stdio::null(),
        };
        let mut command = Command::new(program);
        // Cargo names directories with libraries, which the loader of a program
        // would search.
        command.env_clear().stdin(stdin).stdout(Stdio::null());
        Ok(command)
    }

    fn time(&self) -> Result<u64> {
        let mut command = self.command(self.file)?;
        command.args(&self.words);
        let begin = Instant::now();
        let status = command.status();
        let took = begin.elapsed();
        let status = status.with_context(|| format!("cannot run {}", self.file.display()))?;
        self.check(status)?;
        Ok(u64::try_from(took.as_micros())?)
    }

    /// A process inherits the peak of the one that it was started from, so the
    /// program is started from a small one: `time` of the package of that name.
    fn peak(&self) -> Result<u64> {
        let time = packages::TIME.find().context("no /usr/bin/time here")?;
        let report = NamedTempFile::new()?;
        let status = self
            .command(time)?
            // Quiet about a status that is not 0.
            .args(["-q", "-f", "%M", "-o"])
            .arg(report.path())
            .arg(self.file)
            .args(&self.words)
            .status()
            .context("cannot run time")?;
        self.check(status)?;
        let text = fs::read_to_string(report.path())?;
        text.trim()
            .parse()
            .with_context(|| format!("time says {text}"))
    }
}

/// Measures programs whose memory is known, and returns in words what came out.
///
/// # Errors
/// When that is not what they use: then no peak can be measured here.
pub(crate) fn check_peaks() -> Result<String> {
    const KNOWN: u64 = 32 * 1024;
    const TOLERANCE: u64 = 2 * 1024;
    let dd = Path::new("/bin/dd");
    let copy = |size: &str| {
        let size = format!("bs={size}");
        let words = [
            "if=/dev/zero",
            "of=/dev/null",
            &size,
            "count=1",
            "status=none",
        ];
        Program::new(dd, words).peak()
    };
    let nothing = Program::new(Path::new("/bin/true"), [""; 0]).peak()?;
    let small = copy("1K")?;
    let large = copy("32M")?;
    let words = format!("true {nothing} KiB, dd bs=1K {small} KiB, dd bs=32M {large} KiB");
    let difference = large.saturating_sub(small);
    ensure!(
        difference.abs_diff(KNOWN) <= TOLERANCE,
        "peaks cannot be measured: dd should need {KNOWN} KiB more for a larger buffer ({words})"
    );
    Ok(words)
}
