// SPDX-License-Identifier: MIT

//! Where a program acts: a mount namespace in which /etc has only what the C
//! library's look-ups read, so that no answer depends on the machine, and a fresh
//! network namespace for each case.

#![expect(unsafe_code, reason = "a child ignores SIGPIPE before exec")]

use std::fs::{self, File};
use std::io::{PipeReader, Read as _, Write as _, pipe};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{self, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow, bail, ensure};
use ipvs_client::{
    Client, DestinationId, DestinationSettings, ForwardingMethod, ServiceId, ServiceSettings,
};
use ipvs_lab::{Namespace, packages, program};
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, setns, unshare};
use nix::sys::signal::{SigHandler, Signal, signal};
use tempfile::TempDir;

use super::case::{Case, Output, Run, Step};
use super::notation::{Answer, line};
use super::refusal::has_refusal;

/// One of the two programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Program {
    Ours,
    Original,
}

/// Where both are seen, so that neither can tell its place in its words.
const PLACE: &str = "/etc/bin/ipvsadm";
/// The scripts beside the original, and the other names of ours.
pub(super) const SCRIPTS: [&str; 2] = ["ipvsadm-save", "ipvsadm-restore"];
/// The directories of programs on the stage, the original's first.
const PATH: &str = "/etc/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/// Where the library is seen that rewrites the kernel's replies.
const REPLIES: &str = "/etc/bin/replies.so";
/// Where the libraries of an original that is not installed are seen: nobody
/// may not enter every directory on the way to them.
const LIBRARIES: &str = "/etc/lib";
/// A folder of the ordinary user's.
const RUNTIME: &str = "/etc/run";
/// The file of names in /etc, which each case has its own of.
const HOSTS: &str = "hosts";
/// User and group "nobody".
const NOBODY: u32 = 65534;
/// User and group of a caller without any right in a network namespace of an ordinary
/// user, which belongs to "nobody".
const STRANGER: u32 = 65533;
/// The time that `until` waits.
const PATIENCE: Duration = Duration::from_secs(30);

const SERVICES: &str = "\
domain 53/tcp
domain 53/udp
http 80/tcp www
https 443/tcp
sip 5060/tcp
sip 5060/udp
m2ua 2904/sctp
x-eight-letters-and-more 8888/tcp
";

/// The place of one program, on which it plays any number of cases.
#[derive(Debug)]
pub(super) struct Stage {
    program: Program,
    /// The programs run as an ordinary user, to whom the network namespace belongs.
    rootless: bool,
    /// Seen as /etc.
    etc: TempDir,
    /// The mount namespace.
    mounts: File,
}

impl Stage {
    pub(super) fn new(program: Program) -> Result<Self> {
        let etc = tempfile::Builder::new().prefix("etc").tempdir()?;
        let write = |name: &str, text: &str| fs::write(etc.path().join(name), text);
        write(HOSTS, "")?;
        write("services", SERVICES)?;
        write("nsswitch.conf", "hosts: files\nservices: files\n")?;
        write("host.conf", "multi on\n")?;
        fs::create_dir(etc.path().join("bin"))?;
        fs::create_dir(etc.path().join("lib"))?;
        write("bin/ipvsadm", "")?;
        write("bin/replies.so", "")?;
        for public in [etc.path(), &etc.path().join("bin")] {
            fs::set_permissions(public, std::os::unix::fs::PermissionsExt::from_mode(0o755))?;
        }
        if program == Program::Original
            && let Some(original) = program::find_original()
        {
            for name in SCRIPTS {
                // There it finds the program.
                let copy = etc.path().join("bin").join(name);
                fs::write(&copy, original.script(name, PATH)?)?;
                fs::set_permissions(copy, std::os::unix::fs::PermissionsExt::from_mode(0o755))?;
            }
        }
        // The other threads keep their mounts.
        let mount = || mount_all(program, etc.path());
        let mounts = thread::scope(|scope| scope.spawn(mount).join())
            .map_err(|_| anyhow!("a thread died"))?
            .context("cannot set the stage")?;
        Ok(Self {
            program,
            rootless: false,
            etc,
            mounts,
        })
    }

    /// The place of this tree's program where it is not root.
    pub(super) fn rootless() -> Result<Self> {
        let stage = Self::new(Program::Ours)?;
        let runtime = stage.etc.path().join("run");
        fs::create_dir(&runtime)?;
        fs::set_permissions(
            &runtime,
            std::os::unix::fs::PermissionsExt::from_mode(0o777),
        )?;
        Ok(Self {
            rootless: true,
            ..stage
        })
    }

    pub(super) fn program(&self) -> Program {
        self.program
    }

    /// Takes the steps of a case in a fresh network namespace; returns what the
    /// program answered each time.
    pub(super) fn play(&self, case: &Case) -> Result<Vec<Answer>> {
        fs::write(self.etc.path().join(HOSTS), &case.hosts)?;
        let network = match self.rootless {
            true => Namespace::of_user("stage")?,
            false => Namespace::new("stage")?,
        };
        network.run(|| {
            // A thread that shares its working directory may not change mounts.
            unshare(CloneFlags::CLONE_FS)?;
            setns(&self.mounts, CloneFlags::CLONE_NEWNS)?;
            let mut answers = Vec::new();
            // Without a server there is no traffic, and waiting for it is in vain.
            let mut was_refused = false;
            for step in &case.steps {
                let answer = match self.step(step, &network, was_refused) {
                    Err(_) if was_refused && matches!(step, Step::Udp { .. }) => None,
                    outcome => outcome?,
                };
                if let Some(mut answer) = answer {
                    was_refused |= self.rootless && has_refusal(&answer);
                    for &mask in &case.masks {
                        mask.apply(&mut answer, self.program == Program::Original);
                    }
                    answers.push(answer);
                }
            }
            Ok(answers)
        })?
    }

    /// Takes a step, without waiting for what does not come when something was refused.
    fn step(&self, step: &Step, network: &Namespace, was_refused: bool) -> Result<Option<Answer>> {
        match step {
            Step::Run(run) => {
                let owner = self.rootless.then_some(network);
                return match was_refused {
                    true => start(self.program, run, owner).map(Some),
                    false => self::run(self.program, run, owner).map(Some),
                };
            }
            Step::Ip(command) => network.ip(command).map(drop)?,
            Step::Sysctl { path, value } => network.sysctl(path, value)?,
            Step::Udp { from, to, data } => {
                send(*from, *to, data).with_context(|| format!("udp {from} {to}"))?;
            }
            Step::Tcp { to } => {
                // Nobody answers: it is the director that this is about.
                let _ = TcpStream::connect_timeout(to, Duration::from_millis(1));
            }
            Step::Service {
                protocol,
                address,
                scheduler,
            } => {
                let settings = ServiceSettings::new(scheduler.clone());
                Client::open()?.add_service(&service(*protocol, *address), &settings)?;
            }
            Step::Server {
                protocol,
                service,
                server,
                method,
            } => {
                let id = DestinationId {
                    address: server.ip(),
                    port: server.port(),
                };
                let settings = DestinationSettings::new(ForwardingMethod::Other(*method));
                let service = self::service(*protocol, *service);
                Client::open()?.add_destination(&service, &id, &settings)?;
            }
        }
        Ok(None)
    }
}

/// Enters a mount namespace of its own and mounts there what the program is to
/// see; returns the namespace.
fn mount_all(program: Program, etc: &Path) -> Result<File> {
    let (program, libraries) = match (program, program::find_original()) {
        (Program::Ours, _) => (program::path()?, None),
        (Program::Original, Some(original)) => (original.program, original.libraries),
        (Program::Original, None) => bail!("the original is not here"),
    };
    unshare(CloneFlags::CLONE_NEWNS)?;
    let (none, private) = (None::<&str>, MsFlags::MS_REC | MsFlags::MS_PRIVATE);
    mount(none, "/", none, private, none)?;
    mount(Some(etc), "/etc", none, MsFlags::MS_BIND, none)?;
    mount(Some(&program), PLACE, none, MsFlags::MS_BIND, none)?;
    let replies = program::replies()?;
    mount(Some(&replies), REPLIES, none, MsFlags::MS_BIND, none)?;
    if let Some(libraries) = libraries {
        mount(Some(&libraries), LIBRARIES, none, MsFlags::MS_BIND, none)?;
    }
    if let Some(modprobe) = packages::MODPROBE.find() {
        // The original calls it when it is not root. What it then says of
        // the machine's modules is not the original's.
        mount(Some("/bin/true"), modprobe, none, MsFlags::MS_BIND, none)?;
    }
    Ok(File::open("/proc/thread-self/ns/mnt")?)
}

fn service(protocol: u16, address: SocketAddr) -> ServiceId {
    ServiceId::Address {
        protocol: protocol.into(),
        address: address.ip(),
        port: address.port(),
    }
}

fn send(from: SocketAddr, to: SocketAddr, data: &[u8]) -> Result<()> {
    let socket = UdpSocket::bind(from)?;
    let sent = socket.send_to(data, to)?;
    ensure!(sent == data.len(), "the datagram was cut");
    Ok(())
}

/// Starts the program on the stage that this thread has entered: as the owner of a
/// network namespace, or as root.
fn run(program: Program, run: &Run, owner: Option<&Namespace>) -> Result<Answer> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let answer = start(program, run, owner)?;
        let stdout = String::from_utf8_lossy(&answer.stdout);
        let Some(text) = run.until.iter().find(|text| !stdout.contains(*text)) else {
            return Ok(answer);
        };
        ensure!(
            Instant::now() < deadline,
            "there was no «{text}» in {PATIENCE:?}, but\n{stdout}"
        );
        thread::sleep(Duration::from_millis(50));
    }
}

fn start(program: Program, run: &Run, owner: Option<&Namespace>) -> Result<Answer> {
    use std::os::unix::ffi::OsStrExt as _;
    let mut command = match (program, run.script) {
        (Program::Original, Some(script)) => Command::new(Path::new(PLACE).with_file_name(script)),
        (_, name) => {
            let mut command = Command::new(PLACE);
            command.arg0(name.unwrap_or("ipvsadm"));
            command
        }
    };
    command
        .args(
            run.words
                .iter()
                .map(|word| std::ffi::OsStr::from_bytes(word)),
        )
        .env_clear()
        .env("PATH", PATH)
        .env("LD_LIBRARY_PATH", LIBRARIES)
        .current_dir("/")
        .stdin(input(&run.input)?)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    if !run.replies.is_empty() {
        command
            .env("LD_PRELOAD", REPLIES)
            .env(program::REPLIES, run.replies.trim_end_matches('\n'));
    }
    match owner {
        Some(_) if run.as_nobody => {
            command.uid(STRANGER).gid(STRANGER);
        }
        Some(namespace) => {
            command.env("XDG_RUNTIME_DIR", RUNTIME);
            command = namespace.as_owner(command)?;
        }
        None if run.as_nobody => {
            command.uid(NOBODY).gid(NOBODY);
        }
        None => {}
    }
    if run.ignores_sigpipe {
        // SAFETY: signal() is safe between fork and exec, and SIG_IGN stays
        // over the exec.
        unsafe {
            command.pre_exec(|| {
                signal(Signal::SIGPIPE, SigHandler::SigIgn)?;
                Ok(())
            });
        }
    }
    let output = match run.output {
        Output::Kept => command.output()?,
        Output::Full => {
            command.stdout(File::options().write(true).open("/dev/full")?);
            command.output()?
        }
        Output::Pipe(bytes) => read_beginning(command, bytes)?,
    };
    let stderr = String::from_utf8_lossy(&output.stderr);
    if let Some(trouble) = stderr.lines().find(|line| line.starts_with("replies: ")) {
        bail!("{trouble}, of {:?}", line(&run.words));
    }
    Ok(Answer {
        stdout: output.stdout,
        stderr: output.stderr,
        status: ipvs_lab::exit_status(output.status),
    })
}

/// Runs the command with a pipe for its output that is closed when so many bytes
/// have been read from it.
fn read_beginning(mut command: Command, bytes: usize) -> Result<process::Output> {
    let (mut reader, writer) = pipe()?;
    command.stdout(writer);
    if bytes == 0 {
        drop(reader);
        return Ok(command.output()?);
    }
    let child = command.spawn()?;
    // It has the writer's end too.
    drop(command);
    let mut beginning = vec![0; bytes];
    reader.read_exact(&mut beginning)?;
    drop(reader);
    let output = child.wait_with_output()?;
    Ok(process::Output {
        stdout: beginning,
        ..output
    })
}

fn input(bytes: &[u8]) -> Result<Stdio> {
    if bytes.is_empty() {
        return Ok(Stdio::null());
    }
    // What fits a pipe needs nobody who goes on writing.
    ensure!(bytes.len() <= 1 << 16, "more input than a pipe holds");
    let (reader, mut writer): (PipeReader, _) = pipe()?;
    writer.write_all(bytes)?;
    Ok(reader.into())
}
