// SPDX-License-Identifier: MIT

//! The kernel threads of sync daemons, from `/proc`.

use std::{fs, io, path::Path};

use ipvs_client::DaemonRole;

/// The flag of a thread of the kernel in its `stat` (`PF_KTHREAD` of `linux/sched.h`).
const PF_KTHREAD: u64 = 0x0020_0000;

/// A kernel thread that sends or receives the messages of a daemon.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SyncThread {
    /// The number of the thread among all processes.
    pub(crate) process: u32,
    pub(crate) state: ThreadState,
    /// The number that IPVS has given to the network namespace, from 0 on.
    pub(crate) namespace: u32,
    pub(crate) role: DaemonRole,
}

/// The states of a thread (`proc(5)`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ThreadState {
    Running,
    Sleeping,
    /// It waits for something that no signal ends.
    Blocked,
    Stopped,
    Zombie,
}

impl ThreadState {
    /// Returns the word for people and for JSON.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Sleeping => "sleeping",
            Self::Blocked => "blocked",
            Self::Stopped => "stopped",
            Self::Zombie => "zombie",
        }
    }

    fn of(letter: &str) -> Option<Self> {
        Some(match letter {
            "R" => Self::Running,
            "S" | "I" => Self::Sleeping,
            "D" => Self::Blocked,
            "T" | "t" => Self::Stopped,
            "Z" | "X" => Self::Zombie,
            _ => return None,
        })
    }
}

/// Reads those of all network namespaces. There are none where `/proc` does not show the
/// threads of the kernel, as in most containers.
pub(crate) fn read() -> io::Result<Vec<SyncThread>> {
    read_below(Path::new("/proc"))
}

fn read_below(folder: &Path) -> io::Result<Vec<SyncThread>> {
    let mut threads = Vec::new();
    for entry in fs::read_dir(folder)? {
        let Ok(name) = entry?.file_name().into_string() else {
            continue;
        };
        if !name.starts_with(|letter: char| letter.is_ascii_digit()) {
            continue;
        }
        // Processes end while they are looked at.
        if let Ok(line) = fs::read_to_string(folder.join(name).join("stat")) {
            threads.extend(decode(&line));
        }
    }
    threads.sort_by_key(|thread| thread.process);
    Ok(threads)
}

/// Reads the `stat` of a thread; none for one of another name, or of a program with such
/// a name. The kernel calls them `ipvs-m:NAMESPACE:NUMBER` and `ipvs-b:NAMESPACE:NUMBER`
/// (`ip_vs_sync.c`).
fn decode(line: &str) -> Option<SyncThread> {
    let (process, rest) = line.split_once(" (ipvs-")?;
    let (name, rest) = rest.split_once(") ")?;
    let (role, numbers) = name.split_once(':')?;
    let role = match role {
        "m" => DaemonRole::Master,
        "b" => DaemonRole::Backup,
        _ => return None,
    };
    let (namespace, _) = numbers.split_once(':')?;
    // State, parent, process group, session, terminal, its process group, flags.
    let mut words = rest.split(' ');
    let state = ThreadState::of(words.next()?)?;
    let flags: u64 = words.nth(5)?.parse().ok()?;
    (flags & PF_KTHREAD != 0).then_some(())?;
    Some(SyncThread {
        process: process.parse().ok()?,
        state,
        namespace: namespace.parse().ok()?,
        role,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_of_the_kernel_are_told_from_programs_of_such_names() {
        // `/proc/PID/stat` of Linux 6.1, cut after the flags.
        const MASTER: &str = "71 (ipvs-m:0:0) S 2 0 0 0 -1 2129984 0 0 0 0";
        const BACKUP: &str = "9 (ipvs-b:12:3) D 2 0 0 0 -1 2129984 0 0 0 0";
        let folder = tempfile::tempdir().unwrap();
        for (process, stat) in [
            ("71", MASTER),
            ("9", BACKUP),
            ("80", "80 (ipvs-m:0:0) S 1 80 80 0 -1 4194560 0 0 0 0"),
            ("81", "81 (ipvs-e:0:0) S 2 0 0 0 -1 2129984 0 0 0 0"),
            ("82", "82 (a) ipvs-m:1:) S 1 0 0 0 -1 4194560 0 0 0 0"),
            ("self", MASTER),
        ] {
            let folder = folder.path().join(process);
            fs::create_dir(&folder).unwrap();
            fs::write(folder.join("stat"), stat).unwrap();
        }
        let thread = |process, role, namespace, state| SyncThread {
            process,
            state,
            namespace,
            role,
        };
        assert_eq!(
            read_below(folder.path()).unwrap(),
            [
                thread(9, DaemonRole::Backup, 12, ThreadState::Blocked),
                thread(71, DaemonRole::Master, 0, ThreadState::Sleeping),
            ]
        );
    }
}
