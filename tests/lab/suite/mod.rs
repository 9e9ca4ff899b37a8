// SPDX-License-Identifier: MIT

//! `cargo lab test`: everything that `cargo test --workspace` runs, with the
//! tests that need a kernel run inside one.
//!
//! Cargo starts every test program through [`crate::suite::runner`], which knows where
//! it belongs; this counts what they report.

pub(crate) mod machines;
mod queue;
pub(crate) mod runner;
mod times;

use std::ffi::OsString;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::Stdio;

use anyhow::{Context as _, Result, bail};

use self::runner::Tally;
use crate::output::out;
use crate::programs::build;

/// Runs the tests whose names contain `filter`; `arguments` are more words for
/// the test programs, `environment` for what runs in a kernel.
///
/// # Errors
/// When nothing was tested: the build failed, or no test has such a name, or
/// none of the tests needed a kernel although all were asked for.
pub(crate) fn run(
    filter: Option<&OsString>,
    arguments: &[OsString],
    environment: &[(&str, OsString)],
) -> Result<u8> {
    let lab = build::this_program()?;
    let lab = lab.to_str().context("this program's path is no text")?;
    let runner = serde_json::to_string(&[lab, "runner"])?;
    let mut child = build::cargo("test")?
        .args(["--workspace", "--no-fail-fast", "--config"])
        .arg(format!("target.'cfg(unix)'.runner={runner}"))
        .arg("--")
        .args(filter)
        .args(arguments)
        .envs(environment.iter().map(|(name, value)| (name, value)))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .context("cannot run cargo")?;
    let output = child.stdout.take().context("cargo has no output")?;
    let mut total = Tally::default();
    let mut in_kernels = 0;
    for line in BufReader::new(output).split(b'\n') {
        let mut line = line?;
        line.push(b'\n');
        std::io::stdout().lock().write_all(&line)?;
        let line = String::from_utf8_lossy(&line);
        if let Some(tally) = Tally::parse(&line) {
            total += tally;
        }
        in_kernels += runner::parse_closing(&line).unwrap_or_default();
    }
    let success = child.wait()?.success();
    let Tally { passed, failed, .. } = total;
    if passed + failed == 0 {
        match filter {
            Some(filter) if success => bail!("no test has {} in its name", filter.display()),
            _ => bail!("nothing was tested"),
        }
    }
    // A test program that died reported nothing.
    let silent = usize::from(!success && failed == 0);
    let none = filter.is_none() && arguments.is_empty() && in_kernels == 0;
    if silent > 0 {
        out(format_args!(
            "a test program ended before it could report: see above\n"
        ))?;
    }
    if none {
        out(format_args!("no test ran in a kernel\n"))?;
    }
    out(format_args!("\n"))?;
    out(format_args!(
        "{passed} passed, {} failed\n",
        failed + silent
    ))?;
    Ok(u8::from(failed + silent > 0 || none))
}
