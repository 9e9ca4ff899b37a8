// SPDX-License-Identifier: MIT

//! User Mode Linux: a kernel that is an ordinary program.
//!
//! The host's file system is the kernel's root, read-only but for the current
//! directory.

use std::env;
use std::ffi::OsString;
use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result};
use nix::sys::statvfs::statvfs;

use crate::kernels::embedded::{self, LINE};
use crate::kernels::exchange;
use crate::kernels::processor;
use crate::kernels::streams::Streams;
use crate::kernels::task::Task;
use crate::kernels::terminal::Terminal;
use crate::kernels::wire::file;
use crate::{packages, soak};

/// Memory of one kernel, in MiB. The host gives it page by page, as it is used.
const MEMORY: u64 = 512;
/// The same for a soak, in which a table and a document are as large as nobody has them.
const MEMORY_OF_A_SOAK: u64 = 2048;
/// In the exchange directory, which is where the kernel runs: names without
/// characters that separate paths. The library for processors with many
/// registers, and the root directory that the kernel's package is in.
const REGISTERS: &str = "registers.so";
const ROOT: &str = "root";
/// In a root directory, and in the exchange directory: the directory of the
/// loader. A kernel that is not installed names it without a slash in front.
const LOADER: &str = "lib64";
const LOADER_NAME: &str = "ld-linux-x86-64.so.2";
/// In a root directory: its User Mode Linux.
const PROGRAM: &str = "usr/bin/linux.uml";
/// In a root directory: the program that loads modules. It acts as what it is called:
/// in the exchange directory it has that name.
const KMOD: &str = "usr/bin/kmod";
const MODPROBE: &str = "modprobe";
/// In a root directory: the modules of its User Mode Linux.
const MODULES: &str = "usr/lib/uml/modules";
/// In a root directory: its C library.
const LIBRARIES: &str = "usr/lib/x86_64-linux-gnu";

/// The library for processors with many registers, as `build.rs` has compiled it.
const REGISTERS_LIBRARY: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/registers.so"));

/// Boots the kernel whose package is in the directory `root`, installed or
/// unpacked, runs the task in it and returns the exit status.
pub(crate) fn run(root: &Path, task: &Task, streams: Streams<'_>) -> Result<u8> {
    let terminal = match streams {
        Streams::Terminal => Some(Terminal::take()?),
        Streams::Pipes { .. } => None,
    };
    let exchange = exchange::make(task, terminal.is_some(), &modprobe(root))?;
    symlink(root.join(MODULES), exchange.path().join("lib/modules"))
        .context("cannot name the modules")?;
    symlink(root.join(KMOD), exchange.path().join(MODPROBE))?;
    let kernel = kernel(root, exchange.path(), terminal.as_ref())?;
    // Where that is not allowed it only takes longer.
    let _ = processor::stay();
    embedded::run(kernel, exchange.path(), streams, terminal.as_ref())
}

/// The words that load modules inside: the installed program, or with the loader and
/// the libraries beside it the one in the root directory.
fn modprobe(root: &Path) -> String {
    match packages::MODPROBE.find() {
        Some(modprobe) if root == Path::new("/") => modprobe.to_string_lossy().into_owned(),
        _ => format!(
            "$here/{LOADER}/{LOADER_NAME} --library-path $here/{ROOT}/{LIBRARIES} \
             $here/{MODPROBE}"
        ),
    }
}

fn kernel(root: &Path, exchange: &Path, terminal: Option<&Terminal>) -> Result<Command> {
    let path = exchange
        .to_str()
        .filter(|path| !path.contains('"'))
        .context("the temporary directory's name must be plain text without quotation marks")?;
    let log = File::create(exchange.join(file::KERNEL_LOG))?;
    symlink(root, exchange.join(ROOT))?;
    symlink(root.join(LOADER), exchange.join(LOADER))?;
    let mut command = Command::new(root.join(PROGRAM));
    command
        .env_clear()
        .env("TMPDIR", memory_directory())
        // The same as without it, where the kernel is installed.
        .env("LD_LIBRARY_PATH", format!("{ROOT}/{LIBRARIES}"))
        .arg(format!("mem={}M", memory()))
        .args(["root=/dev/root", "rootfstype=hostfs", "rootflags=/", "rw"])
        .args(["con=null", "con0=null,fd:1", "ssl=null"])
        .arg(format!("ssl0=fd:{LINE}"))
        .arg(format!("uml_dir={path}/"))
        .arg("umid=kernel")
        .arg(format!("init=\"{path}/{}\"", file::INIT))
        .current_dir(exchange)
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log);
    if has_tiles() {
        fs::write(exchange.join(REGISTERS), REGISTERS_LIBRARY)?;
        command.env("LD_PRELOAD", format!("./{REGISTERS}"));
    }
    if let Some(terminal) = terminal {
        command.stdin(terminal.handle()?).arg("con1=fd:0");
    }
    Ok(command)
}

/// Returns whether the processor has the tile registers of AMX, with which its register
/// file is larger than the kernel can hand over.
fn has_tiles() -> bool {
    fs::read_to_string("/proc/cpuinfo").is_ok_and(|text| {
        let mut flags = text.lines().filter(|line| line.starts_with("flags"));
        flags.any(|line| line.split_ascii_whitespace().any(|flag| flag == "amx_tile"))
    })
}

fn memory() -> u64 {
    match soak::is_running() {
        true => MEMORY_OF_A_SOAK,
        false => MEMORY,
    }
}

/// Where the kernel's memory file goes. User Mode Linux takes /dev/shm by
/// itself; in a container that can be smaller than the memory.
fn memory_directory() -> OsString {
    let shared = Path::new("/dev/shm");
    let enough = statvfs(shared).is_ok_and(|file_system| {
        file_system.blocks_available() * file_system.fragment_size() >= memory() << 20
    });
    if enough {
        shared.into()
    } else {
        env::temp_dir().into()
    }
}
