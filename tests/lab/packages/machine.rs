// SPDX-License-Identifier: MIT

//! A machine as its administrator would set it up: this tree's program is
//! installed as `ipvsadm` with its documents, and so are its real clients.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::os::unix::fs::{MetadataExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result};
use nix::sched::CloneFlags;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;

use crate::kernels::init::EXCHANGE;
use crate::networks::netns::{self, Namespace};
use crate::packages::layer;
use crate::packages::mounts;
use crate::programs::program;

/// Where clients look for the program. (/sbin is a link to /usr/sbin.)
const IPVSADM: &str = "/usr/sbin/ipvsadm";

/// What the original's package leaves in /etc, where the host has it installed.
const SETTINGS: [&str; 3] = [
    "/etc/default/ipvsadm",
    "/etc/init.d/ipvsadm",
    "/etc/ipvsadm.rules",
];

/// A mount namespace that lives as long as this value.
///
/// Its /usr is the running system's, with the unpacked packages and this tree's
/// program laid over it, its /run is its own, and what is written to /etc stays
/// with it. So a client runs as it is, from where its package puts it, and finds
/// `ipvsadm` at its usual path; nothing else in the kernel or on the host sees
/// any of this. Programs that still run there end with this value.
#[derive(Debug)]
pub struct Machine {
    mounts: File,
    files: TempDir,
}

impl Machine {
    /// Sets a machine up.
    ///
    /// # Errors
    /// When the caller is not root, the kernel has no overlay file system, or
    /// `cargo lab` could not unpack the clients.
    pub fn new() -> Result<Self> {
        let packages = layer::CLIENTS.directory()?.join(layer::USR);
        let program = program::path()?;
        let files = TempDir::with_prefix("ipvs-lab-machine-")?;
        let mounts = make(files.path(), &packages, &program)?;
        Ok(Self { mounts, files })
    }

    /// A command that will run on this machine, in a network of its own. It
    /// starts in the root directory.
    #[must_use]
    pub fn command(&self, network: &Namespace, program: impl AsRef<OsStr>) -> Command {
        let command = network.command(program);
        netns::enter(command, &self.mounts, CloneFlags::CLONE_NEWNS)
    }

    /// Kills every process in the mount namespace; whether there was one.
    fn kill_all(&self) -> bool {
        let Ok(own) = self.mounts.metadata() else {
            return false;
        };
        let Ok(processes) = fs::read_dir("/proc") else {
            return false;
        };
        let mut found = false;
        for process in processes.flatten() {
            let name = process.file_name();
            let Some(number) = name.to_str().and_then(|name| name.parse().ok()) else {
                continue;
            };
            // One that has ended has no namespaces.
            let theirs = fs::metadata(process.path().join("ns/mnt"));
            if theirs.is_ok_and(|theirs| theirs.ino() == own.ino()) {
                found |= kill(Pid::from_raw(number), Signal::SIGKILL).is_ok();
            }
        }
        found
    }

    /// Where the machine's /run is seen from outside.
    #[must_use]
    pub fn run_directory(&self) -> PathBuf {
        self.files.path().join("run")
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        // Daemons are nobody's children here. One that starts another while
        // this looks is why it looks again.
        while self.kill_all() {
            thread::sleep(Duration::from_millis(10));
        }
    }
}

fn make(files: &Path, packages: &Path, program: &Path) -> Result<File> {
    for part in [
        "run",
        "packages",
        "ours/sbin",
        "ours/share/doc/ipvsadm",
        "memory",
    ] {
        fs::create_dir_all(files.join(part))?;
    }
    // Only something to mount the program on.
    File::create(files.join("ours/sbin/ipvsadm"))?;
    // The commands by the names that installing their packages gives them.
    for (name, program) in [
        ("iptables", "iptables-legacy"),
        ("ip6tables", "ip6tables-legacy"),
        ("ipvsadm-save", "ipvsadm"),
        ("ipvsadm-restore", "ipvsadm"),
    ] {
        symlink(program, files.join("ours/sbin").join(name))?;
    }
    let documents = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs");
    symlink(documents, files.join("ours/share/doc/ipvsadm/docs"))?;
    mounts::apart(files, |files| {
        // They may lie in a directory that is about to be covered.
        let packages = mounts::handle(packages)?;
        let program = mounts::handle(program)?;
        // The packages' own path may have characters that mean something here.
        mounts::bind(&packages, &format!("{files}/packages"))?;
        let layers = format!("lowerdir={files}/ours:{files}/packages:/usr");
        mounts::file_system("overlay", "/usr", &layers)?;
        // What is on a layer of an overlay already cannot take what is written.
        let memory = format!("{files}/memory");
        mounts::file_system("tmpfs", &memory, "")?;
        for part in ["upper", "work"] {
            fs::create_dir(format!("{memory}/{part}"))?;
        }
        let layers = format!("lowerdir=/etc,upperdir={memory}/upper,workdir={memory}/work");
        mounts::file_system("overlay", "/etc", &layers)?;
        for file in SETTINGS.map(Path::new) {
            if file.exists() {
                fs::remove_file(file).with_context(|| file.display().to_string())?;
            }
        }
        mounts::bind(&program, IPVSADM)?;
        // An embedded kernel's programs look for its modules there.
        let exchange = Path::new(EXCHANGE);
        let exchange = exchange.exists().then(|| mounts::handle(exchange));
        let exchange = exchange.transpose()?;
        mounts::bind(&mounts::handle(Path::new(&format!("{files}/run")))?, "/run")?;
        if let Some(exchange) = exchange {
            fs::create_dir(EXCHANGE).context(EXCHANGE)?;
            mounts::bind(&exchange, EXCHANGE)?;
        }
        Ok(())
    })
}
