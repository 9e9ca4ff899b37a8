// SPDX-License-Identifier: MIT

//! The tests of any crate in a kernel with IPVS: each brings its own.

use std::thread;

use anyhow::{Context as _, Result, ensure};

use crate::kernels::Kernel;
use crate::kernels::task::Task;
use crate::networks::netns::Namespace;
use crate::programs::build;
use crate::suite::runner::Tally;

/// Runs the body of a test in a network namespace of its own, in a kernel with IPVS.
///
/// That is the running kernel where it can be: as root, if it has IPVS. Otherwise this
/// boots an embedded kernel, which takes a few seconds, and runs the test program
/// there with the one test that calls this. `IPVS_LAB_KERNEL` in the environment
/// names another kernel, as `--kernel` of the program `ipvs-lab` does.
///
/// ```no_run
/// # fn test() -> anyhow::Result<()> {
/// ipvs_lab::in_kernel(|| {
///     let cluster = ipvs_lab::cluster::Cluster::new(2)?;
///     // Set cluster.director up, ask with cluster.requests(), compare the shares.
///     Ok(())
/// })
/// # }
/// ```
///
/// Tests that shall share one kernel do without this, and are run by
/// `CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_RUNNER='ipvs-lab run --' cargo test`.
///
/// # Errors
/// What the body returns, with what the test has printed if that was in an embedded
/// kernel; when no kernel can be had; and when this is not called by the thread that
/// Rust's test harness runs a test in.
///
/// # Panics
/// When the body does in the running kernel.
pub fn in_kernel(body: impl FnOnce() -> Result<()> + Send) -> Result<()> {
    let kernel = Kernel::choose(Kernel::wanted()?)?;
    if kernel == Kernel::Host {
        return Namespace::new("test")?.run(body)?;
    }
    let thread = thread::current();
    let test = thread.name().context("this thread is not that of a test")?;
    let task = Task::new(build::this_program()?)?.args(["--exact", test]);
    let mut words = Vec::new();
    let status = kernel.capture(&task, &mut |_, data| {
        words.extend_from_slice(data);
        Ok(())
    })?;
    let words = String::from_utf8_lossy(&words);
    let total = words.lines().find_map(Tally::parse).unwrap_or_default();
    ensure!(
        total.passed == 1 && status == 0,
        "{test} failed in the kernel ({}), with these words:\n{words}",
        kernel.name()
    );
    Ok(())
}
