// SPDX-License-Identifier: MIT

//! Network namespaces of our own, and the virtual links between them.

#![expect(
    unsafe_code,
    reason = "a link is set up by an ioctl, and a child joins a namespace before exec"
)]

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::net::{Ipv4Addr, UdpSocket};
use std::os::fd::{AsFd, AsRawFd as _, BorrowedFd};
use std::os::unix::process::CommandExt as _;
use std::panic;
use std::process::{Command, Stdio};
use std::thread;

use anyhow::{Context as _, Result, anyhow, bail};
use nix::libc;
use nix::sched::{CloneFlags, setns, unshare};

use crate::packages;
use crate::programs::answer::Answer;

/// A network namespace that lives as long as this value, or as a process in it.
///
/// Nothing about it can be seen from outside: no name under /run/netns, no link
/// into the namespace that this process runs in.
#[derive(Debug)]
pub struct Namespace {
    name: String,
    file: File,
    /// The user namespace of an ordinary user that it belongs to, if it does.
    owner: Option<File>,
}

/// User and group of an ordinary user: those of "nobody".
const USER: u32 = 65534;

/// For whoever opens a client in it, or names it.
impl AsFd for Namespace {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

impl Namespace {
    /// A fresh namespace whose loopback interface is up. `name` is for messages.
    ///
    /// # Errors
    /// `EPERM` when the caller is not root.
    pub fn new(name: &str) -> Result<Self> {
        let namespace = Self::bare(name)?;
        namespace
            .run(loopback_up)?
            .with_context(|| format!("{name}: cannot set the loopback interface up"))?;
        Ok(namespace)
    }

    /// A fresh namespace that belongs to an ordinary user, whose loopback interface is
    /// up: what `unshare --user --map-root-user --net` makes. What is run there by
    /// [`Namespace::as_owner`] is root in the user namespace that goes with it, and
    /// nobody elsewhere.
    ///
    /// # Errors
    /// When the kernel lets no ordinary user make one.
    pub fn of_user(name: &str) -> Result<Self> {
        // The namespaces end with their process unless something holds them.
        let mut process = Command::new("unshare")
            .args([
                "--user",
                "--map-root-user",
                "--net",
                "sh",
                "-c",
                "echo; read _",
            ])
            .uid(USER)
            .gid(USER)
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("cannot run unshare of the package util-linux")?;
        let mut open = || {
            let mut line = [0];
            let said = process.stdout.as_mut().context("no output")?;
            said.read_exact(&mut line)
                .with_context(|| format!("{name}: an ordinary user may not have one"))?;
            let open = |kind: &str| File::open(format!("/proc/{}/ns/{kind}", process.id()));
            Ok::<_, anyhow::Error>((open("net")?, open("user")?))
        };
        let opened = open();
        // It reads to the end of its input.
        drop(process.stdin.take());
        process.wait()?;
        let (file, owner) = opened?;
        let namespace = Self {
            name: name.to_owned(),
            file,
            owner: Some(owner),
        };
        namespace
            .run(loopback_up)?
            .with_context(|| format!("{name}: cannot set the loopback interface up"))?;
        Ok(namespace)
    }

    /// Makes a command run inside, as the ordinary user that the namespace belongs to,
    /// who is root in the user namespace that goes with it.
    ///
    /// # Errors
    /// When it belongs to nobody but root.
    pub fn as_owner(&self, mut command: Command) -> Result<Command> {
        let owner = self.owner.as_ref();
        let owner = owner.with_context(|| format!("{} belongs to root", self.name))?;
        command.uid(USER).gid(USER);
        Ok(self.enter(enter(command, owner, CloneFlags::CLONE_NEWUSER)))
    }

    /// A fresh namespace with nothing in it but `lo`, and that down.
    ///
    /// # Errors
    /// As [`Namespace::new`].
    pub fn bare(name: &str) -> Result<Self> {
        // A thread's namespace ends with the thread unless something holds it.
        let made = thread::spawn(|| {
            unshare(CloneFlags::CLONE_NEWNET)?;
            File::open("/proc/thread-self/ns/net")
        });
        let file = made
            .join()
            .map_err(|_| anyhow!("a thread died"))?
            .with_context(|| format!("cannot make the network namespace {name}"))?;
        let name = name.to_owned();
        Ok(Self {
            name,
            file,
            owner: None,
        })
    }

    /// A second handle of the same namespace.
    ///
    /// # Errors
    /// When this process has too many open files.
    pub fn try_clone(&self) -> Result<Self> {
        Ok(Self {
            name: self.name.clone(),
            file: self.file.try_clone()?,
            owner: self.owner.as_ref().map(File::try_clone).transpose()?,
        })
    }

    /// The name it was given.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Runs a command inside to its end, with `input` on its standard input.
    ///
    /// It is started from a thread that is inside already, which takes no copy of
    /// this process, as [`Namespace::command`] does. In User Mode Linux the copy
    /// costs more than starting the program.
    ///
    /// # Errors
    /// As [`Answer::of`].
    pub fn answer(&self, command: Command, input: &str) -> Result<Answer> {
        self.run(|| Answer::of(command, input))?
    }

    /// Makes a command that will run inside.
    #[must_use]
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        self.enter(Command::new(program))
    }

    /// Makes a command run inside. The namespace must live until it is started.
    #[must_use]
    pub fn enter(&self, command: Command) -> Command {
        enter(command, &self.file, CloneFlags::CLONE_NEWNET)
    }

    /// Runs a closure inside, in a thread of its own.
    ///
    /// Inside, read `/proc/thread-self/net/...`: `/proc/net` is that of the
    /// process's first thread.
    ///
    /// # Errors
    /// When the namespace cannot be entered.
    ///
    /// # Panics
    /// When the closure does.
    pub fn run<T: Send>(&self, work: impl FnOnce() -> T + Send) -> Result<T> {
        let inside = || {
            setns(self.file.as_fd(), CloneFlags::CLONE_NEWNET)?;
            Ok::<T, nix::Error>(work())
        };
        match thread::scope(|scope| scope.spawn(inside).join()) {
            Ok(done) => done.with_context(|| format!("cannot enter the namespace {}", self.name)),
            Err(panicked) => panic::resume_unwind(panicked),
        }
    }

    /// Runs `ip` of iproute2 inside, one command a line, and returns what it
    /// prints. (Starting a program costs more than what it does here, so a
    /// namespace is best set up in one call.)
    ///
    /// # Errors
    /// When a command fails, with what `ip` says.
    pub fn ip(&self, commands: &str) -> Result<String> {
        let program = packages::IP
            .find()
            .context("no `ip` here: install the package iproute2")?;
        let mut command = Command::new(program);
        command.args(["-batch", "-"]);
        let answer = self.answer(command, commands)?;
        if answer.status != 0 {
            bail!("{}: ip: {}\n{commands}", self.name, answer.stderr.trim());
        }
        Ok(answer.stdout)
    }

    /// Sets a network parameter, given as a path below `/proc/sys/net`.
    ///
    /// # Errors
    /// When the kernel refuses it.
    pub fn sysctl(&self, path: &str, value: &str) -> Result<()> {
        self.run(|| fs::write(format!("/proc/sys/net/{path}"), value))?
            .with_context(|| format!("{}: cannot set {path} to {value}", self.name))
    }

    /// Joins two namespaces by a virtual link; both ends are up. `here` and
    /// `there` are the names of the interfaces, 15 bytes at most.
    ///
    /// # Errors
    /// When a name exists already or is too long.
    pub fn link(&self, here: &str, other: &Self, there: &str) -> Result<()> {
        let process = std::process::id();
        let file = other.file.as_raw_fd();
        self.ip(&format!(
            "link add {here} type veth peer name {there} netns /proc/{process}/fd/{file}
             link set {here} up"
        ))?;
        other.ip(&format!("link set {there} up"))?;
        Ok(())
    }
}

/// Sets `lo` of this thread's namespace up. Every test begins with this, and
/// starting `ip` for it would take several times as long as the rest.
pub(crate) fn loopback_up() -> io::Result<()> {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?;
    // SAFETY: the structure is plain numbers and bytes, for which zero is valid.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    for (to, from) in request.ifr_name.iter_mut().zip(b"lo") {
        *to = from.cast_signed();
    }
    request.ifr_ifru.ifru_flags = libc::IFF_UP as libc::c_short;
    // SAFETY: the socket is open, and this request reads a structure ifreq.
    match unsafe { libc::ioctl(socket.as_raw_fd(), libc::SIOCSIFFLAGS, &request) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Makes a command join the namespace of this kind that `file` has open.
#[must_use]
pub(crate) fn enter(mut command: Command, file: &File, kind: CloneFlags) -> Command {
    let file = file.try_clone();
    let join = move || match &file {
        Ok(file) => Ok(setns(file.as_fd(), kind)?),
        Err(error) => Err(error.kind().into()),
    };
    // SAFETY: between fork and exec the closure makes one system call on a
    // file that is open already; it takes no lock and allocates nothing.
    unsafe { command.pre_exec(join) };
    command
}
