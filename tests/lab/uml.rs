// SPDX-License-Identifier: MIT

//! The embedded kernel, from outside: booting User Mode Linux, feeding the
//! command inside, and clearing away.
//!
//! The host's file system is the kernel's root, read-only but for the current
//! directory. Its first process is this program again ([`crate::init`]).

use std::cell::Cell;
use std::env;
use std::ffi::OsString;
use std::fs::{self, File, Permissions};
use std::io::{self, Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use anyhow::{Context as _, Result, anyhow, bail};
use command_fds::{CommandFdExt as _, FdMapping};
use nix::sys::prctl::set_child_subreaper;
use nix::sys::signal::{Signal, killpg};
use nix::sys::statvfs::statvfs;
use nix::sys::wait::waitpid;
use nix::unistd::Pid;
use signal_hook::consts::{SIGHUP, SIGINT, SIGPIPE, SIGTERM};
use signal_hook::iterator::{Handle, Signals};
use tempfile::TempDir;

use crate::build;
use crate::kernel::{Stream, Streams};
use crate::packages;
use crate::progress::Spinner;
use crate::task::Task;
use crate::terminal::Terminal;
use crate::wire::{CHUNK, END, Frame, file};

/// Memory of one kernel. The host gives it page by page, as it is used.
const MEMORY_MIB: u64 = 512;
/// Where the modules of User Mode Linux are.
const MODULES: &str = "/usr/lib/uml/modules";
/// The kernel's name for the open file that its serial line is.
const LINE: i32 = 3;
/// A piece of standard input.
const CHUNK_BYTES: u64 = 1 << 20;

/// Boots a kernel, runs the task in it and returns the exit status.
pub(crate) fn run(task: &Task, streams: Streams<'_>) -> Result<u8> {
    let terminal = match streams {
        Streams::Terminal => Some(Terminal::take()?),
        Streams::Pipes { .. } => None,
    };
    let exchange = exchange(task, terminal.is_some())?;
    let (ours, theirs) = UnixStream::pair().context("cannot make a socket pair")?;
    let spinner = Cell::new(Some(Spinner::new("starting a kernel")));
    let mut kernel = boot(exchange.path(), theirs, terminal.as_ref())?;
    let ended = converse(ours, exchange.path(), streams, || {
        drop(spinner.take());
        terminal
            .as_ref()
            .map_or(Ok(()), |it| it.lend(kernel.group()))
    });
    let by = kernel.end();
    drop(spinner.take());
    match (ended, by) {
        (_, Some(signal)) => Ok(u8::try_from(128 + signal).unwrap_or(255)),
        (Ok(Ended::Status(status)), None) => Ok(status),
        (Ok(Ended::Failed(words)), None) => bail!(words),
        (Ok(Ended::Died), None) => {
            let log = fs::read(exchange.path().join(file::KERNEL_LOG)).unwrap_or_default();
            let log = String::from_utf8_lossy(&log);
            let lines: Vec<&str> = log.lines().map(str::trim_end).collect();
            let last = lines.get(lines.len().saturating_sub(60)..);
            Err(anyhow!(
                "{}\nthe embedded kernel ended before the command did; its last words stand above",
                last.unwrap_or_default().join("\n")
            ))
        }
        // Nobody reads on: what a command that writes itself would die of.
        (Err(error), None) if error.kind() == io::ErrorKind::BrokenPipe => {
            Ok(u8::try_from(128 + SIGPIPE).unwrap_or(255))
        }
        (Err(error), None) => Err(error).context("cannot pass on what the command wrote"),
    }
}

/// The directory that both sides see.
fn exchange(task: &Task, terminal: bool) -> Result<TempDir> {
    let directory = tempfile::Builder::new()
        .prefix("ipvs-lab-")
        .tempdir()
        .context("cannot make a temporary directory")?;
    fill(directory.path(), task, terminal)
        .with_context(|| format!("cannot write to {}", directory.path().display()))?;
    Ok(directory)
}

fn fill(directory: &Path, task: &Task, terminal: bool) -> io::Result<()> {
    let arguments = [&task.program].into_iter().chain(&task.arguments);
    let environment = task.environment.iter().map(|(name, value)| {
        let mut pair = name.clone();
        pair.push("=");
        pair.push(value);
        pair
    });
    fs::write(directory.join(file::ARGUMENTS), list(arguments.cloned()))?;
    fs::write(directory.join(file::ENVIRONMENT), list(environment))?;
    fs::write(
        directory.join(file::DIRECTORY),
        task.directory.as_os_str().as_bytes(),
    )?;
    if terminal {
        File::create(directory.join(file::TERMINAL))?;
    }
    // modprobe looks below DIRECTORY/lib/modules.
    fs::create_dir(directory.join("lib"))?;
    symlink(MODULES, directory.join("lib/modules"))?;
    let modprobe = packages::MODPROBE.find().unwrap_or(Path::new("modprobe"));
    let programs = directory.join(file::PROGRAMS);
    fs::create_dir(&programs)?;
    let wrapper = programs.join("modprobe");
    fs::write(
        &wrapper,
        format!(
            "#!/bin/sh\nexec {} -d \"${{0%/{}/*}}\" \"$@\"\n",
            modprobe.display(),
            file::PROGRAMS
        ),
    )?;
    fs::set_permissions(wrapper, Permissions::from_mode(0o755))?;
    symlink(build::this_program()?, directory.join(file::INIT))
}

/// Words, each ended by NUL (no word has one inside: it would not be a C string).
fn list(words: impl Iterator<Item = OsString>) -> Vec<u8> {
    let mut bytes = Vec::new();
    for word in words {
        bytes.extend_from_slice(word.as_bytes());
        bytes.push(0);
    }
    bytes
}

/// A running User Mode Linux: a process group of its own, because the kernel
/// keeps a host process for every process inside.
struct Running {
    child: Child,
    signal: Arc<AtomicI32>,
    handle: Handle,
    /// Then its number may be another process's.
    ended: bool,
}

fn boot(exchange: &Path, line: UnixStream, terminal: Option<&Terminal>) -> Result<Running> {
    let program = packages::UML
        .find()
        .context("no linux.uml here: install the package user-mode-linux")?;
    let path = exchange
        .to_str()
        .filter(|path| !path.contains('"'))
        .context("the temporary directory's name must be plain text without quotation marks")?;
    let log = File::create(exchange.join(file::KERNEL_LOG))?;
    set_child_subreaper(true).context("cannot become the reaper")?;
    let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP]).context("cannot watch signals")?;
    let mut command = Command::new(program);
    command
        .env_clear()
        .env("TMPDIR", memory_directory())
        .arg(format!("mem={MEMORY_MIB}M"))
        .args(["root=/dev/root", "rootfstype=hostfs", "rootflags=/", "rw"])
        .args(["con=null", "con0=null,fd:1", "ssl=null"])
        .arg(format!("ssl0=fd:{LINE}"))
        .arg(format!("uml_dir={path}/"))
        .arg("umid=kernel")
        .arg(format!("init=\"{path}/{}\"", file::INIT))
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log)
        .process_group(0);
    if let Some(terminal) = terminal {
        command.stdin(terminal.handle()?).arg("con1=fd:0");
    }
    command
        .fd_mappings(vec![FdMapping {
            parent_fd: OwnedFd::from(line),
            child_fd: LINE,
        }])
        .map_err(|_| anyhow!("cannot pass the serial line"))?;
    let child = command
        .spawn()
        .with_context(|| format!("cannot start {}", program.display()))?;
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

/// Where the kernel's memory file goes. User Mode Linux takes /dev/shm by
/// itself; in a container that can be smaller than the memory.
fn memory_directory() -> OsString {
    let shared = Path::new("/dev/shm");
    let enough = statvfs(shared).is_ok_and(|file_system| {
        file_system.blocks_available() * file_system.fragment_size() >= MEMORY_MIB << 20
    });
    if enough {
        shared.into()
    } else {
        env::temp_dir().into()
    }
}

enum Ended {
    Status(u8),
    Failed(String),
    /// The kernel closed the line.
    Died,
}

/// Passes input and output until the command has ended; calls `ready` just
/// before it starts. An error is the sink's or that of `ready`.
fn converse(
    mut line: UnixStream,
    exchange: &Path,
    streams: Streams<'_>,
    ready: impl Fn() -> io::Result<()>,
) -> io::Result<Ended> {
    let (stdin, mut sink) = match streams {
        Streams::Terminal => (false, None),
        Streams::Pipes { stdin, sink } => (stdin, Some(sink)),
    };
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
            Err(_) => return Ok(Ended::Died),
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

/// What there is to read now, at most a piece; nothing at the end.
fn read_some(data: &mut Vec<u8>) -> io::Result<()> {
    let mut stdin = io::stdin().lock();
    data.resize(usize::try_from(CHUNK_BYTES).unwrap_or(4096), 0);
    let length = stdin.read(data)?;
    data.truncate(length);
    Ok(())
}
