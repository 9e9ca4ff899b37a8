// SPDX-License-Identifier: MIT

//! Debian's cloud kernel on a machine that QEMU emulates in software.
//!
//! Its file system is an archive in its memory, made for one task: the task's
//! program with what it needs, and the whole of standard input. The rest of the
//! host's files is not there.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result};

use crate::kernels::cloud_kernel::{self, CloudKernel};
use crate::kernels::embedded::{self, LINE};
use crate::kernels::exchange;
use crate::kernels::initramfs::Archive;
use crate::kernels::streams::{Sink, Streams};
use crate::kernels::task::Task;
use crate::kernels::wire::file;
use crate::packages;
use crate::programs::build;

/// Memory of the machine.
const MEMORY_MIB: u64 = 1024;
/// Where the exchange directory is inside.
const EXCHANGE: &str = "/exchange";
/// The modules that a task may need; those that they stand on come with them.
const MODULES: &[&str] = &[
    "ip_vs",
    "ip_vs_dh",
    "ip_vs_fo",
    "ip_vs_ftp",
    "ip_vs_lblc",
    "ip_vs_lblcr",
    "ip_vs_lc",
    "ip_vs_mh",
    "ip_vs_nq",
    "ip_vs_ovf",
    "ip_vs_pe_sip",
    "ip_vs_rr",
    "ip_vs_sed",
    "ip_vs_sh",
    "ip_vs_wlc",
    "ip_vs_wrr",
    "dummy",
    "veth",
];
/// Programs that are there beside the task's own.
const PROGRAMS: &[&str] = &["/bin/sh", "/bin/cat", "/bin/dd", "/bin/true", "/bin/ls"];

/// Boots the kernel, runs the task in it and returns the exit status.
pub(crate) fn run(task: &Task, stdin: bool, sink: Sink<'_>) -> Result<u8> {
    let modprobe = packages::MODPROBE.find().context("no modprobe here")?;
    let exchange = exchange::make(task, false, &modprobe.to_string_lossy())?;
    let mut input = File::create(exchange.path().join(file::STDIN))?;
    if stdin {
        io::copy(&mut io::stdin().lock(), &mut input).context("cannot read standard input")?;
    }
    let kernel = cloud_kernel::prepare()?;
    fill(exchange.path(), &kernel, task).context("cannot make the machine's file system")?;
    let machine = machine(exchange.path(), &kernel.program)?;
    // There is none to pass on later.
    let stdin = false;
    embedded::run(
        machine,
        exchange.path(),
        Streams::Pipes {
            stdin,
            sink,
            silence: task.silence,
        },
        None,
    )
}

fn archive(exchange: &Path) -> PathBuf {
    exchange.join("initramfs")
}

fn fill(exchange: &Path, kernel: &CloudKernel, task: &Task) -> Result<()> {
    let mut archive_file = File::create(archive(exchange))?;
    let mut archive = Archive::new();
    for name in [
        file::ARGUMENTS,
        file::ENVIRONMENT,
        file::DIRECTORY,
        file::STDIN,
    ] {
        archive.file(&exchange.join(name), &Path::new(EXCHANGE).join(name))?;
    }
    File::create(exchange.join(file::OWN_FILES))?;
    let own_files = Path::new(EXCHANGE).join(file::OWN_FILES);
    archive.file(&exchange.join(file::OWN_FILES), &own_files)?;
    let programs = Path::new(EXCHANGE).join(file::PROGRAMS);
    let modprobe = Path::new(file::PROGRAMS).join("modprobe");
    archive.file(&exchange.join(&modprobe), &programs.join("modprobe"))?;
    for (from, to) in kernel.modules(MODULES)? {
        archive.file(&from, &Path::new(EXCHANGE).join(to))?;
    }
    let init = build::this_program()?;
    archive.program(&init)?;
    archive.link(&Path::new(EXCHANGE).join(file::INIT), &init);
    let tools = [
        packages::MODPROBE,
        packages::IP,
        packages::ORIGINAL,
        packages::TIME,
    ];
    let tools = tools.iter().filter_map(packages::Tool::find);
    for program in tools.chain(PROGRAMS.iter().map(Path::new)) {
        archive.program(program)?;
    }
    let ours = task.environment.iter().find(|it| it.0 == build::IPVSADM);
    for program in [Some(&task.program), ours.map(|it| &it.1)] {
        let program = program.map(Path::new).filter(|path| path.is_absolute());
        if let Some(program) = program {
            archive.program(program)?;
        }
    }
    for directory in ["/proc", "/sys", "/dev", "/run", "/tmp", "/etc"] {
        archive.directory(Path::new(directory));
    }
    archive.directory(&task.directory);
    archive.write(&mut archive_file)
}

fn machine(exchange: &Path, kernel: &Path) -> Result<Command> {
    let program = packages::QEMU
        .find()
        .context("no qemu-system-x86_64 here: install the package qemu-system-x86")?;
    let log = exchange.join(file::KERNEL_LOG);
    let errors = File::create(&log)?;
    let text = |path: &Path| {
        let text = path.to_str().filter(|path| !path.contains(','));
        let text = text.context("a path for QEMU must be plain text without commas")?;
        Ok::<_, anyhow::Error>(text.to_owned())
    };
    let mut command = Command::new(program);
    command
        .args(["-accel", "tcg", "-smp", "1"])
        .arg("-m")
        .arg(format!("{MEMORY_MIB}M"))
        .args(["-nodefaults", "-no-user-config", "-no-reboot"])
        .args(["-display", "none"])
        .arg("-kernel")
        .arg(kernel)
        .arg("-initrd")
        .arg(archive(exchange))
        .arg("-append")
        .arg(format!(
            "rdinit={EXCHANGE}/{} console=ttyS1 quiet panic=-1",
            file::INIT
        ))
        // The first serial line, as in User Mode Linux.
        .arg("-chardev")
        .arg(format!("socket,id=line,fd={LINE}"))
        .args(["-serial", "chardev:line"])
        .arg("-serial")
        .arg(format!("file:{}", text(&log)?))
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(errors.try_clone()?)
        .stderr(errors);
    Ok(command)
}
