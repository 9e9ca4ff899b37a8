// SPDX-License-Identifier: MIT

//! The embedded kernel, from inside: this program as its first process.
//!
//! Every program that has the lab in it can be that, a test program of another crate
//! too, whose `main` is not the lab's to write. So this is decided before `main`. The
//! other way is a program of its own, which the lab would have inside as it has the
//! library of `registers.rs`: it needs crates, and so would need cargo to run cargo.
//!
//! Mounts what a Linux system has, starts the command with what the exchange
//! directory says, passes its output out and its input in, and tells how it
//! ended. When the line to the outside closes, the kernel ends.

#![expect(
    unsafe_code,
    reason = "a program that is not the lab's becomes the first process before its `main`"
)]

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io::{self, Read, Write as _};
use std::os::fd::AsRawFd as _;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use anyhow::{Context as _, Result};
use nix::fcntl::OFlag;
use nix::mount::{MsFlags, mount};
use nix::sys::reboot::{RebootMode, reboot};
use nix::sys::signal::{Signal, kill};
use nix::sys::termios::{SetArg, cfmakeraw, tcdrain, tcgetattr, tcsetattr};
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{Pid, sethostname, setsid, sync};

use crate::kernels::host;
use crate::kernels::task::Task;
use crate::kernels::wire::{CHUNK, Frame, file};
use crate::kernels::{self, Kernel};
use crate::networks::netns;
use crate::output::err;

/// Where the exchange directory is seen inside.
pub(crate) const EXCHANGE: &str = "/run/ipvs-lab";
/// The wrapper in there that knows where the modules are.
const MODPROBE: &str = "/run/ipvs-lab/bin/modprobe";
/// The line to the outside.
const LINE: &str = "/dev/ttyS0";
/// The terminal that the command gets.
const TERMINAL: &str = "/dev/tty1";

type Line = Arc<Mutex<File>>;

/// Called by the C library before `main`, after the standard library has learned the
/// program's arguments there.
#[used]
#[unsafe(link_section = ".init_array")]
static BEFORE_MAIN: extern "C" fn() = before_main;

extern "C" fn before_main() {
    // A panic may not leave this function; it ends the process, and so the kernel.
    if is_first_process() {
        run();
    }
}

/// Returns whether a kernel started this program. The number alone does not tell: in a
/// container `ipvs-lab` itself can be the first process.
fn is_first_process() -> bool {
    let name = std::env::args_os().next().unwrap_or_default();
    std::process::id() == 1 && Path::new(&name).file_name() == Some(OsStr::new(file::INIT))
}

/// Runs as the first process of a kernel; the kernel ends with it.
fn run() -> ! {
    if let Err(error) = boot() {
        // Standard error is the kernel's log.
        err(format_args!("ipvs-lab init: {error:#}\n"));
    }
    power_off()
}

fn power_off() -> ! {
    let _ = reboot(RebootMode::RB_POWER_OFF);
    loop {
        thread::park();
    }
}

fn boot() -> Result<()> {
    setsid().context("setsid")?;
    plain_mounts()?;
    let mut input = File::options()
        .read(true)
        .write(true)
        // The first terminal that a session opens controls it; this is none.
        .custom_flags(OFlag::O_NOCTTY.bits())
        .open(LINE)
        .context(LINE)?;
    let mut settings = tcgetattr(&input).context(LINE)?;
    cfmakeraw(&mut settings);
    tcsetattr(&input, SetArg::TCSANOW, &settings).context(LINE)?;
    let line: Line = Arc::new(Mutex::new(input.try_clone()?));
    let (sender, receiver) = channel();
    thread::spawn(move || {
        let mut byte = [0];
        while let Ok(1) = input.read(&mut byte) {
            let [byte] = byte;
            let _ = sender.send(byte);
        }
        power_off();
    });
    let last = match command(&line, receiver) {
        Ok(status) => Frame::Status(status),
        Err(error) => Frame::Failed(format!("{error:#}")),
    };
    sync();
    say(&line, &last)?;
    // The outside ends the kernel now, or closes the line.
    loop {
        thread::park();
    }
}

fn say(line: &Line, frame: &Frame) -> io::Result<()> {
    let mut line = line.lock().unwrap_or_else(PoisonError::into_inner);
    frame.write(&mut *line)?;
    tcdrain(&*line)?;
    Ok(())
}

/// Mounts what every Linux system has, before anything of the task is known.
fn plain_mounts() -> Result<()> {
    file_system("proc", "/proc", "")?;
    file_system("sysfs", "/sys", "")?;
    // User Mode Linux has mounted /dev itself.
    if !Path::new("/dev/null").exists() {
        file_system("devtmpfs", "/dev", "mode=755")?;
    }
    for directory in ["/dev/pts", "/dev/shm"] {
        fs::create_dir_all(directory).context(directory)?;
    }
    file_system("devpts", "/dev/pts", "mode=620,ptmxmode=666")?;
    file_system("tmpfs", "/dev/shm", "mode=1777")?;
    for (name, target) in [
        ("/dev/fd", "/proc/self/fd"),
        ("/dev/stdin", "/proc/self/fd/0"),
        ("/dev/stdout", "/proc/self/fd/1"),
        ("/dev/stderr", "/proc/self/fd/2"),
    ] {
        symlink(target, name).context(name)?;
    }
    sethostname("ipvs-lab").context("sethostname")
}

fn file_system(kind: &str, place: &str, options: &str) -> Result<()> {
    mount(
        Some(kind),
        place,
        Some(kind),
        MsFlags::empty(),
        Some(options),
    )
    .with_context(|| format!("cannot mount {kind} on {place}"))
}

/// Makes the directory that `from` has open visible at `place`, writable.
fn bind(from: &File, place: &Path) -> Result<()> {
    let from = PathBuf::from(format!("/proc/self/fd/{}", from.as_raw_fd()));
    let nothing = None::<&str>;
    mount(Some(&from), place, nothing, MsFlags::MS_BIND, nothing)
        .with_context(|| format!("cannot bind {}", place.display()))
}

fn open_directory(path: &Path) -> Result<File> {
    File::options()
        .read(true)
        .custom_flags((OFlag::O_PATH | OFlag::O_DIRECTORY).bits())
        .open(path)
        .with_context(|| format!("cannot enter {}", path.display()))
}

/// The file system as the command sees it: the host's, where only the current
/// directory can be written. What is written to /tmp and /run stays inside,
/// and /tmp still shows what the host has there. Files that are the kernel's own
/// can be written anyway.
fn mounts(exchange: &Path, directory: &Path) -> Result<()> {
    let own_files = exchange.join(file::OWN_FILES).exists();
    let exchange = open_directory(exchange)?;
    let current = open_directory(directory)?;
    file_system("tmpfs", "/run", "mode=755")?;
    fs::create_dir(EXCHANGE).context(EXCHANGE)?;
    bind(&exchange, Path::new(EXCHANGE))?;
    fs::write("/proc/sys/kernel/modprobe", MODPROBE).context("/proc/sys/kernel/modprobe")?;
    if own_files {
        return Ok(());
    }
    for part in ["/run/tmp", "/run/tmp/upper", "/run/tmp/work"] {
        fs::create_dir(part).context(part)?;
    }
    fs::set_permissions("/run/tmp/upper", fs::Permissions::from_mode(0o1777))?;
    let layers = "lowerdir=/tmp,upperdir=/run/tmp/upper,workdir=/run/tmp/work";
    file_system("overlay", "/tmp", layers)?;
    if directory != Path::new("/") {
        bind(&current, directory)?;
    }
    let nothing = None::<&str>;
    let read_only = MsFlags::MS_REMOUNT | MsFlags::MS_BIND | MsFlags::MS_RDONLY;
    mount(nothing, "/", nothing, read_only, nothing).context("cannot make / read-only")
}

/// Prepares the system, runs the command and returns its exit status.
fn command(line: &Line, input: Receiver<u8>) -> Result<u8> {
    let name = std::env::args_os().next().unwrap_or_default();
    let exchange = Path::new(&name).parent().unwrap_or(Path::new("/"));
    let task = read_task(exchange)?;
    let terminal = exchange.join(file::TERMINAL).exists();
    mounts(exchange, &task.directory)?;
    netns::loopback_up().context("cannot set the loopback interface up")?;
    // The kernel's log has what it says.
    host::has_ipvs(Path::new(MODPROBE));
    let mut command = task.command();
    // A kernel with files of its own has all of it from the start.
    let whole_input = File::open(Path::new(EXCHANGE).join(file::STDIN));
    say(line, &Frame::Ready)?;
    if terminal {
        // The kernel may use the terminal only once it was lent.
        input.recv().context("no answer from outside")?;
        let terminal = File::options().read(true).write(true).open(TERMINAL);
        let terminal = terminal.context(TERMINAL)?;
        command
            .stdin(terminal.try_clone()?)
            .stdout(terminal.try_clone()?)
            .stderr(terminal);
    } else {
        command
            .stdin(whole_input.map_or_else(|_| Stdio::piped(), Stdio::from))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
    }
    let mut child = match command.spawn() {
        Ok(child) => child,
        Err(error) => {
            let (words, status) = task.cannot_start(&error);
            say(line, &Frame::Stderr(words.into_bytes()))?;
            return Ok(status);
        }
    };
    pass(line, input, &mut child)
}

fn read_task(exchange: &Path) -> Result<Task> {
    let read = |name| fs::read(exchange.join(name)).context(name);
    let arguments = read(file::ARGUMENTS)?;
    let environment = read(file::ENVIRONMENT)?;
    let mut arguments = list(&arguments);
    let environment = list(&environment)
        .filter_map(|pair| {
            let bytes = pair.as_bytes();
            let (name, value) = bytes.split_at(bytes.iter().position(|byte| *byte == b'=')?);
            let value = value.get(1..)?;
            Some((
                OsStr::from_bytes(name).to_owned(),
                OsStr::from_bytes(value).to_owned(),
            ))
        })
        .collect();
    let task = Task {
        program: arguments.next().context("no command")?,
        arguments: arguments.collect(),
        environment,
        directory: PathBuf::from(OsString::from_vec(read(file::DIRECTORY)?)),
        silence: None,
    };
    // The host's directory for temporary files may be read-only in here.
    let task = task.env("TMPDIR", "/tmp");
    // For a lab inside the lab: its host is this kernel.
    let task = task.env(kernels::VARIABLE, Kernel::Host.name());
    Ok(task.path(&[&Path::new(EXCHANGE).join(file::PROGRAMS)]))
}

fn list(bytes: &[u8]) -> impl Iterator<Item = OsString> + '_ {
    bytes
        .split_inclusive(|byte| *byte == 0)
        .map(|word| OsStr::from_bytes(word.strip_suffix(&[0]).unwrap_or(word)).to_owned())
}

/// Passes the command's input and output until it has ended; returns its status.
fn pass(line: &Line, input: Receiver<u8>, child: &mut Child) -> Result<u8> {
    if let Some(stdin) = child.stdin.take() {
        let line = Arc::clone(line);
        thread::spawn(move || feed(&line, &input, stdin));
    }
    let mut copies = Vec::new();
    if let Some(stdout) = child.stdout.take() {
        let line = Arc::clone(line);
        copies.push(thread::spawn(move || copy(&line, stdout, Frame::Stdout)));
    }
    if let Some(stderr) = child.stderr.take() {
        let line = Arc::clone(line);
        copies.push(thread::spawn(move || copy(&line, stderr, Frame::Stderr)));
    }
    let status = wait(i32::try_from(child.id())?)?;
    // What the command left running ends with it, and with that the pipes.
    let _ = kill(Pid::from_raw(-1), Signal::SIGKILL);
    for copy in copies {
        let _ = copy.join();
    }
    Ok(status)
}

/// Waits for the command, and for every orphan that the kernel gives to the
/// first process meanwhile.
fn wait(command: i32) -> Result<u8> {
    loop {
        let (process, status) = match waitpid(None, None).context("waitpid")? {
            WaitStatus::Exited(process, code) => (process, code),
            WaitStatus::Signaled(process, signal, _) => (process, 128 + signal as i32),
            _ => continue,
        };
        if process.as_raw() == command {
            return Ok(u8::try_from(status).unwrap_or(255));
        }
    }
}

fn copy(line: &Line, mut from: impl Read, frame: fn(Vec<u8>) -> Frame) {
    let mut data = vec![0; 1 << 16];
    while let Ok(length @ 1..) = from.read(&mut data) {
        let piece = data.get(..length).unwrap_or_default().to_vec();
        if say(line, &frame(piece)).is_err() {
            break;
        }
    }
}

/// Writes the pieces of standard input to the command. One that does not read
/// any more gets no further piece.
fn feed(line: &Line, input: &Receiver<u8>, mut stdin: ChildStdin) {
    while let Ok(CHUNK) = input.recv() {
        let piece = fs::read(Path::new(EXCHANGE).join(file::STDIN));
        if piece.and_then(|piece| stdin.write_all(&piece)).is_err()
            || say(line, &Frame::Taken).is_err()
        {
            break;
        }
    }
}
