// SPDX-License-Identifier: MIT

//! A program that is stopped at its system calls (ptrace), to get a signal at any of
//! them.

#![expect(unsafe_code, reason = "a child asks to be followed before exec")]

use std::{
    fs::File,
    io::{Read as _, Seek as _, Write as _},
    os::unix::process::CommandExt as _,
    process::Command,
};

use ipvs_lab::Answer;
use nix::{
    sys::{
        ptrace,
        signal::{Signal, kill},
        wait::{WaitStatus, waitpid},
    },
    unistd::Pid,
};

/// The system calls that count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Calls {
    /// Those that hand something to the kernel, or to a file: requests are among them.
    Sending,
    /// Every one from the first socket on: no program has done anything before.
    Every,
}

impl Calls {
    fn count(self, number: i64) -> bool {
        const SENDING: [i64; 6] = [
            libc::SYS_sendto,
            libc::SYS_sendmsg,
            libc::SYS_write,
            libc::SYS_rename,
            libc::SYS_renameat,
            libc::SYS_renameat2,
        ];
        self == Self::Every || SENDING.contains(&number)
    }
}

/// What a program has answered, or the signal that has ended it.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) answer: Answer,
    pub(super) by: Option<Signal>,
    /// It has come as far as the signal was to be sent.
    pub(super) was_sent: bool,
}

/// Runs a command with this standard input to its end, and sends it a signal when it
/// stops at the system calls that count for this time: before and after each of them.
#[expect(clippy::zombie_processes, reason = "whoever follows it waits for it")]
pub(super) fn run(
    mut command: Command,
    input: &str,
    calls: Calls,
    stop: usize,
    signal: Signal,
) -> Ended {
    let file = |text: &str| {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        file.rewind().unwrap();
        file
    };
    let (stdout, stderr) = (file(""), file(""));
    command
        .stdin(file(input))
        .stdout(stdout.try_clone().unwrap())
        .stderr(stderr.try_clone().unwrap());
    // SAFETY: between fork and exec the closure makes one system call.
    unsafe { command.pre_exec(|| Ok(ptrace::traceme()?)) };
    let child = command.spawn().unwrap();
    let process = Pid::from_raw(child.id().try_into().unwrap());
    let (status, was_sent) = follow(process, calls, stop, signal);
    let read = |mut file: File| {
        let mut text = String::new();
        file.rewind().unwrap();
        file.read_to_string(&mut text).unwrap();
        text
    };
    let (status, by) = match status {
        WaitStatus::Exited(_, status) => (status, None),
        WaitStatus::Signaled(_, signal, _) => (128 + signal as i32, Some(signal)),
        other => panic!("{other:?}"),
    };
    Ended {
        answer: Answer {
            stdout: read(stdout),
            stderr: read(stderr),
            status: status.try_into().unwrap(),
        },
        by,
        was_sent,
    }
}

/// Follows a process to its end; returns how that was, and whether it got the signal.
fn follow(process: Pid, calls: Calls, stop: usize, signal: Signal) -> (WaitStatus, bool) {
    let options = ptrace::Options::PTRACE_O_TRACESYSGOOD | ptrace::Options::PTRACE_O_EXITKILL;
    let (mut stops, mut has_begun) = (0, calls == Calls::Sending);
    let mut was_sent = false;
    let mut pending = None;
    let mut is_followed = false;
    loop {
        let status = waitpid(process, None).unwrap();
        match status {
            WaitStatus::Exited(..) | WaitStatus::Signaled(..) => return (status, was_sent),
            WaitStatus::PtraceSyscall(_) => {
                let registers = ptrace::getregs(process).unwrap();
                let number = registers.orig_rax.cast_signed();
                has_begun |= number == libc::SYS_socket;
                // Once before it, and once after.
                stops += usize::from(has_begun && calls.count(number));
            }
            // It stops when it has become the program.
            WaitStatus::Stopped(_, Signal::SIGTRAP) if !is_followed => {
                ptrace::setoptions(process, options).unwrap();
                is_followed = true;
            }
            WaitStatus::Stopped(_, signal) => pending = Some(signal),
            other => panic!("{other:?}"),
        }
        if stops == stop && !was_sent {
            kill(process, signal).unwrap();
            was_sent = true;
            // It may be gone already.
            let _ = ptrace::detach(process, None);
        } else if !was_sent {
            // The same.
            let _ = ptrace::syscall(process, pending.take());
        }
    }
}
