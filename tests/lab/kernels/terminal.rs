// SPDX-License-Identifier: MIT

//! The terminal that an interactive command inside the embedded kernel gets.

use std::fs::File;
use std::io::{self, IsTerminal as _};
use std::os::fd::AsFd as _;

use anyhow::{Context as _, Result};
use nix::sys::signal::{SigSet, Signal};
use nix::sys::termios::{SetArg, Termios, tcgetattr, tcsetattr};
use nix::unistd::{Pid, getpgrp, tcgetpgrp, tcsetpgrp};

/// Returns whether standard input and both outputs are a terminal that this process may use.
pub(crate) fn in_foreground() -> bool {
    let stdin = io::stdin();
    stdin.is_terminal()
        && io::stdout().is_terminal()
        && io::stderr().is_terminal()
        && tcgetpgrp(stdin.as_fd()).is_ok_and(|group| group == getpgrp())
}

/// This process's terminal, lent to the kernel and taken back at the end.
pub(crate) struct Terminal {
    file: File,
    settings: Termios,
}

impl Terminal {
    pub(crate) fn take() -> Result<Self> {
        // Standard input may be open for reading only.
        let file = File::options()
            .read(true)
            .write(true)
            .open("/dev/tty")
            .context("cannot open the terminal")?;
        let settings = tcgetattr(&file).context("cannot read the terminal's settings")?;
        Ok(Self { file, settings })
    }

    /// Another handle, open for reading and writing.
    pub(crate) fn handle(&self) -> io::Result<File> {
        self.file.try_clone()
    }

    /// Lets a process group read from it. Until this is called, Ctrl-C still reaches this process.
    pub(crate) fn lend(&self, group: Pid) -> io::Result<()> {
        Ok(tcsetpgrp(&self.file, group)?)
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // A process in the background may do this only while it blocks the
        // signal that would stop it.
        let _ = SigSet::from(Signal::SIGTTOU).thread_block();
        let _ = tcsetpgrp(&self.file, getpgrp());
        let _ = tcsetattr(&self.file, SetArg::TCSANOW, &self.settings);
    }
}
