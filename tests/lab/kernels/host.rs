// SPDX-License-Identifier: MIT

//! The host's own kernel, in a fresh network namespace.

use std::io::Read as _;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;

use anyhow::{Context as _, Result};

use crate::kernels::streams::{Sink, Stream};
use crate::kernels::task::Task;
use crate::networks::netns::Namespace;
use crate::output::err;
use crate::packages;
use crate::programs::answer::exit_status;

/// Returns whether commands can run in this kernel with IPVS, or else why not.
pub(crate) fn usable() -> Result<(), &'static str> {
    if !nix::unistd::geteuid().is_root() {
        return Err("that takes root");
    }
    let modprobe = packages::MODPROBE.find().unwrap_or(Path::new("modprobe"));
    if !has_ipvs(modprobe) {
        return Err("it has no IPVS (modprobe ip_vs fails)");
    }
    Namespace::bare("try")
        .map(drop)
        .map_err(|_| "root may not make network namespaces here")
}

/// Becomes the command; returns only when that fails, with the exit status.
pub(crate) fn replace(task: &Task) -> Result<u8> {
    let namespace = Namespace::new("lab")?;
    let error = namespace.enter(task.command()).exec();
    let (words, status) = task.cannot_start(&error);
    err(format_args!("{words}"));
    Ok(status)
}

/// Runs the command and hands over what it writes.
pub(crate) fn capture(task: &Task, sink: Sink<'_>) -> Result<u8> {
    let namespace = Namespace::new("lab")?;
    let mut child = namespace
        .enter(task.command())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot run {}", task.program.display()))?;
    let stdout = child.stdout.take();
    let stderr = child.stderr.take();
    let (sender, receiver) = mpsc::channel();
    thread::scope(|scope| {
        let copy = |stream, mut from: Box<dyn std::io::Read + Send>| {
            let sender = sender.clone();
            scope.spawn(move || {
                let mut data = [0; 4096];
                while let Ok(length @ 1..) = from.read(&mut data) {
                    let piece = data.get(..length).unwrap_or_default().to_vec();
                    if sender.send((stream, piece)).is_err() {
                        break;
                    }
                }
            });
        };
        if let Some(stdout) = stdout {
            copy(Stream::Stdout, Box::new(stdout));
        }
        if let Some(stderr) = stderr {
            copy(Stream::Stderr, Box::new(stderr));
        }
        drop(sender);
        receiver
            .into_iter()
            .try_for_each(|(stream, data)| sink(stream, &data))
    })?;
    Ok(exit_status(child.wait()?))
}

/// Returns whether the running kernel has IPVS; loads it with `modprobe` if need be.
pub(crate) fn has_ipvs(modprobe: &Path) -> bool {
    let there = || Path::new("/proc/net/ip_vs").exists();
    let load = || {
        Command::new(modprobe)
            .args(["-q", "ip_vs"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success())
    };
    there() || (load() && there())
}
