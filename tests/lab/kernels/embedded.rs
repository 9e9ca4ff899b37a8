// SPDX-License-Identifier: MIT

//! An embedded kernel, from outside: starting the program that is or holds it,
//! feeding the command inside, and clearing away.
//!
//! The kernel's first process is this program again ([`crate::kernels::init`]).

use std::cell::Cell;
use std::fs;
use std::io::{self, Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command};
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, bail};
use command_fds::{CommandFdExt as _, FdMapping};
use nix::sys::prctl::set_child_subreaper;
use nix::sys::signal::{Signal, killpg};
use nix::sys::wait::waitpid;
use nix::unistd::Pid;
use signal_hook::consts::{SIGHUP, SIGINT, SIGPIPE, SIGTERM};
use signal_hook::iterator::{Handle, Signals};

use crate::kernels::streams::{Stream, Streams};
use crate::kernels::terminal::Terminal;
use crate::kernels::wire::{CHUNK, END, Frame, file};
use crate::progress::Spinner;

/// The number under which the started program has its end of the serial line
/// open, a stream socket.
pub(crate) const LINE: i32 = 3;
/// A piece of standard input.
const CHUNK_BYTES: u64 = 1 << 20;

/// Boots a kernel by starting `program`, runs the task that `exchange` tells of
/// in it and returns the exit status. A `terminal` is lent to it meanwhile.
pub(crate) fn run(
    program: Command,
    exchange: &Path,
    streams: Streams<'_>,
    terminal: Option<&Terminal>,
) -> Result<u8> {
    let (ours, theirs) = UnixStream::pair().context("cannot make a socket pair")?;
    let spinner = Cell::new(Some(Spinner::new("starting a kernel")));
    let mut kernel = start(program, theirs)?;
    let ended = converse(ours, exchange, streams, || {
        drop(spinner.take());
        terminal.map_or(Ok(()), |it| it.lend(kernel.group()))
    });
    let by = kernel.end();
    drop(spinner.take());
    match (ended, by) {
        (_, Some(signal)) => Ok(u8::try_from(128 + signal).unwrap_or(255)),
        (Ok(Ended::Status(status)), None) => Ok(status),
        (Ok(Ended::Failed(words)), None) => bail!(words),
        (Ok(Ended::Died), None) => {
            let log = fs::read(exchange.join(file::KERNEL_LOG)).unwrap_or_default();
            let log = String::from_utf8_lossy(&log);
            let lines: Vec<&str> = log.lines().map(str::trim_end).collect();
            let last = lines.get(lines.len().saturating_sub(60)..);
            Err(anyhow!(
                "{}\nthe embedded kernel ended before the command did; its last words stand above",
                last.unwrap_or_default().join("\n")
            ))
        }
        (Ok(Ended::Silent(longest)), None) => bail!(
            "the embedded kernel was ended: the command had not written a word for {} seconds",
            longest.as_secs()
        ),
        // Nobody reads on: what a command that writes itself would die of.
        (Err(error), None) if error.kind() == io::ErrorKind::BrokenPipe => {
            Ok(u8::try_from(128 + SIGPIPE).unwrap_or(255))
        }
        (Err(error), None) => Err(error).context("cannot pass on what the command wrote"),
    }
}

/// A running kernel: a process group of its own, because User Mode Linux keeps a
/// host process for every process inside.
struct Running {
    child: Child,
    signal: Arc<AtomicI32>,
    handle: Handle,
    /// Then its number may be another process's.
    ended: bool,
}

fn start(mut command: Command, line: UnixStream) -> Result<Running> {
    set_child_subreaper(true).context("cannot become the reaper")?;
    let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP]).context("cannot watch signals")?;
    command.process_group(0);
    command
        .fd_mappings(vec![FdMapping {
            parent_fd: OwnedFd::from(line),
            child_fd: LINE,
        }])
        .map_err(|_| anyhow!("cannot pass the serial line"))?;
    let child = command
        .spawn()
        .with_context(|| format!("cannot start {}", command.get_program().display()))?;
    let running = Running {
        child,
        signal: Arc::new(AtomicI32::new(0)),
        handle: signals.handle(),
        ended: false,
    };
    let group = running.group();
    let seen = Arc::clone(&running.signal);
    thread::spawn(move || {
        for number in &mut signals {
            seen.store(number, Ordering::SeqCst);
            // The kernel's end closes the line, and that ends the wait for it.
            let _ = killpg(group, Signal::SIGKILL);
        }
    });
    Ok(running)
}

impl Running {
    fn group(&self) -> Pid {
        Pid::from_raw(i32::try_from(self.child.id()).unwrap_or(i32::MAX))
    }

    /// Ends the kernel, whatever it does, and tells which signal asked for that.
    fn end(&mut self) -> Option<i32> {
        if !self.ended {
            self.handle.close();
            let group = self.group();
            let _ = killpg(group, Signal::SIGKILL);
            let _ = self.child.wait();
            // The processes that stood for processes inside are ours now.
            while waitpid(Pid::from_raw(-group.as_raw()), None).is_ok() {}
            self.ended = true;
        }
        match self.signal.load(Ordering::SeqCst) {
            0 => None,
            signal => Some(signal),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.end();
    }
}

enum Ended {
    Status(u8),
    Failed(String),
    /// The kernel closed the line.
    Died,
    /// Nothing came for so long.
    Silent(Duration),
}

/// Passes input and output until the command has ended; calls `ready` just
/// before it starts. An error is the sink's or that of `ready`.
fn converse(
    mut line: UnixStream,
    exchange: &Path,
    streams: Streams<'_>,
    ready: impl Fn() -> io::Result<()>,
) -> io::Result<Ended> {
    let (stdin, mut sink, silence) = match streams {
        Streams::Terminal => (false, None, None),
        Streams::Pipes {
            stdin,
            sink,
            silence,
        } => (stdin, Some(sink), silence),
    };
    line.set_read_timeout(silence)?;
    let mut taken: Option<Sender<()>> = None;
    let mut put = |stream, data: &[u8]| match &mut sink {
        Some(sink) => sink(stream, data),
        None => Ok(()),
    };
    loop {
        match Frame::read(&mut line) {
            Ok(Frame::Stdout(data)) => put(Stream::Stdout, &data)?,
            Ok(Frame::Stderr(data)) => put(Stream::Stderr, &data)?,
            Ok(Frame::Status(status)) => return Ok(Ended::Status(status)),
            Ok(Frame::Failed(words)) => return Ok(Ended::Failed(words)),
            Ok(Frame::Ready) if stdin => {
                ready()?;
                let (sender, receiver) = channel();
                taken = Some(sender);
                let line = line.try_clone()?;
                let file = exchange.join(file::STDIN);
                // Not joined: it may wait for input that never comes.
                thread::spawn(move || feed(line, &file, &receiver));
            }
            Ok(Frame::Ready) => {
                ready()?;
                let _ = line.write_all(&[END]);
            }
            Ok(Frame::Taken) => {
                if let Some(taken) = &taken {
                    let _ = taken.send(());
                }
            }
            Err(error) if error.kind() == io::ErrorKind::InvalidData => return Err(error),
            Err(error) => {
                // What a read is told after the time that was set for it.
                let silent = silence.filter(|_| error.kind() == io::ErrorKind::WouldBlock);
                return Ok(silent.map_or(Ended::Died, Ended::Silent));
            }
        }
    }
}

/// Hands standard input over piece by piece, the next one when the command has
/// read the one before. Errors end it: the line is gone, or the input is.
fn feed(mut line: UnixStream, file: &Path, taken: &Receiver<()>) {
    loop {
        let mut data = Vec::new();
        let read = read_some(&mut data);
        if read.is_err() || data.is_empty() || fs::write(file, &data).is_err() {
            let _ = line.write_all(&[END]);
            return;
        }
        if line.write_all(&[CHUNK]).is_err() || taken.recv().is_err() {
            return;
        }
    }
}

/// Reads what is there now, at most a piece; nothing at the end.
fn read_some(data: &mut Vec<u8>) -> io::Result<()> {
    let mut stdin = io::stdin().lock();
    data.resize(usize::try_from(CHUNK_BYTES).unwrap_or(4096), 0);
    let length = stdin.read(data)?;
    data.truncate(length);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_that_writes_nothing_is_ended_after_the_time_that_was_set() {
        let (ours, mut inside) = UnixStream::pair().unwrap();
        Frame::Ready.write(&mut inside).unwrap();
        Frame::Stdout(b"test a ... ".into())
            .write(&mut inside)
            .unwrap();
        let longest = Duration::from_millis(20);
        let mut written = Vec::new();
        let mut sink = |_, data: &[u8]| {
            written.extend_from_slice(data);
            Ok(())
        };
        let streams = Streams::Pipes {
            stdin: false,
            sink: &mut sink,
            silence: Some(longest),
        };
        let ended = converse(ours, Path::new("/"), streams, || Ok(())).unwrap();
        assert!(matches!(ended, Ended::Silent(time) if time == longest));
        assert_eq!(written, b"test a ... ");
    }
}
