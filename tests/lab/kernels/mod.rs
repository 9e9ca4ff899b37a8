// SPDX-License-Identifier: MIT

//! Which kernel, and how to run a command in it.

mod cloud_kernel;
mod embedded;
mod exchange;
pub(crate) mod host;
pub(crate) mod init;
mod initramfs;
pub(crate) mod processor;
mod qemu;
// The build script compiles it; here it is for rustfmt and clippy.
#[cfg(clippy)]
mod registers;
pub(crate) mod streams;
pub(crate) mod task;
mod terminal;
mod uml;
mod unpacked;
mod wire;

use std::env;
use std::io::{self, IsTerminal as _, Write as _};
use std::path::PathBuf;

use anyhow::{Context as _, Result, bail, ensure};
use clap::ValueEnum;

use self::streams::{Sink, Stream, Streams};
use self::task::Task;
use self::unpacked::Release;
use crate::packages;

/// Names the kernel to use to what the lab runs.
pub(crate) const VARIABLE: &str = "IPVS_LAB_KERNEL";

/// A kernel that has IPVS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kernel {
    /// The one that runs this machine, in a fresh network namespace.
    Host,
    /// User Mode Linux: a kernel that runs as an ordinary program. This
    /// machine's Debian has it (Debian 12: Linux 6.1).
    Uml,
    /// User Mode Linux of Debian 13, on any Debian: Linux 6.12.
    #[value(name = "6.12")]
    Trixie,
    /// Debian's kernel for virtual machines, on one that QEMU emulates. It sees
    /// few of the host's files.
    Qemu,
}

impl Kernel {
    /// The kernel asked for, or else the host's where it can be used, or else
    /// User Mode Linux. Downloads that where it is not installed.
    ///
    /// # Errors
    /// When the kernel asked for cannot be used here, in words.
    pub(crate) fn choose(wanted: Option<Self>) -> Result<Self> {
        let kernel = match wanted {
            Some(kernel @ (Self::Uml | Self::Trixie | Self::Qemu)) => kernel,
            Some(Self::Host) | None => match (host::usable(), wanted) {
                (Ok(()), _) => Self::Host,
                (Err(_), None) => Self::Uml,
                (Err(reason), Some(_)) => bail!("cannot use the host's kernel: {reason}"),
            },
        };
        ensure!(
            kernel == Self::Host || cfg!(target_arch = "x86_64"),
            "the kernel {} exists for x86-64 only; here it takes root and a kernel with IPVS \
             (modprobe ip_vs)",
            kernel.name()
        );
        if kernel == Self::Qemu {
            packages::install(&[packages::QEMU, packages::MODPROBE])?;
        }
        // Say what is fetched before anything else is said.
        kernel.user_mode_linux()?;
        Ok(kernel)
    }

    /// The kernel that the environment asks for, if any.
    ///
    /// # Errors
    /// When it is none that the lab knows.
    pub(crate) fn wanted() -> Result<Option<Self>> {
        let wanted = env::var_os(VARIABLE).map(|name| {
            let kernel = name
                .to_str()
                .and_then(|name| Self::from_str(name, false).ok());
            kernel.with_context(|| format!("{VARIABLE}: there is no kernel {}", name.display()))
        });
        wanted.transpose()
    }

    /// The name of the kernel on the command line and in the environment.
    #[must_use]
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Host => "host",
            Self::Uml => "uml",
            Self::Trixie => "6.12",
            Self::Qemu => "qemu",
        }
    }

    /// Runs a command with this process's standard input and outputs, and
    /// returns its exit status (128 and the signal's number when it was killed).
    ///
    /// In the embedded kernel the command gets the terminal when all three are
    /// one and this process is in the foreground. Otherwise it gets pipes, and
    /// standard input only where that is not a terminal.
    ///
    /// # Errors
    /// When the kernel cannot be started or ends before the command does.
    pub(crate) fn attach(self, task: &Task) -> Result<u8> {
        if self == Self::Host {
            return host::replace(task);
        }
        if terminal::in_foreground()
            && let Some(root) = self.user_mode_linux()?
        {
            return uml::run(&root, task, Streams::Terminal);
        }
        let mut sink = |stream, data: &[u8]| match stream {
            Stream::Stdout => {
                let mut out = io::stdout().lock();
                out.write_all(data).and_then(|()| out.flush())
            }
            Stream::Stderr => io::stderr().lock().write_all(data),
        };
        let stdin = !io::stdin().is_terminal();
        self.embed(task, stdin, &mut sink)
    }

    /// Runs a command without standard input, hands what it writes to `sink`,
    /// and returns its exit status.
    ///
    /// # Errors
    /// As [`Kernel::attach`]; also what `sink` returns.
    pub(crate) fn capture(self, task: &Task, sink: Sink<'_>) -> Result<u8> {
        match self {
            Self::Host => host::capture(task, sink),
            Self::Uml | Self::Trixie | Self::Qemu => self.embed(task, false, sink),
        }
    }

    fn embed(self, task: &Task, stdin: bool, sink: Sink<'_>) -> Result<u8> {
        match self.user_mode_linux()? {
            Some(root) => {
                let silence = task.silence;
                let streams = Streams::Pipes {
                    stdin,
                    sink,
                    silence,
                };
                uml::run(&root, task, streams)
            }
            None => qemu::run(task, stdin, sink),
        }
    }

    /// The root directory that the kernel and the program that loads its modules
    /// are in, if it is a User Mode Linux.
    fn user_mode_linux(self) -> Result<Option<PathBuf>> {
        match self {
            Self::Host | Self::Qemu => Ok(None),
            Self::Uml if packages::missing(&[packages::UML, packages::MODPROBE]).is_empty() => {
                Ok(Some("/".into()))
            }
            Self::Uml => unpacked::prepare(Release::Machine).map(Some),
            Self::Trixie => unpacked::prepare(Release::Trixie).map(Some),
        }
    }
}
