// SPDX-License-Identifier: MIT

//! The lock that keeps two programs from changing one table at the same time.
//!
//! The kernel takes each change by itself. A program that reads the table, decides
//! what is to be changed and changes it needs that nobody else does so meanwhile.
//! Other programs than this one know nothing of the lock.

use std::{
    fs::{File, TryLockError},
    thread,
    time::{Duration, Instant},
};

use super::state_folder::StateFolder;
use crate::{
    command::Wait,
    failure::{LockError, StateError},
};

/// The end of the name of the file.
const FILE: &str = "lock";
/// Between two attempts, where waiting has an end.
const PAUSE: Duration = Duration::from_millis(20);

/// The lock of the table of a network namespace; whoever has it drops it.
pub(crate) struct TableLock {
    #[expect(dead_code, reason = "the lock goes when the file is closed")]
    file: File,
}

impl TableLock {
    /// Takes the lock, and waits for whoever has it.
    pub(crate) fn take(folder: &StateFolder, wait: Wait) -> Result<Self, LockError> {
        let file = folder.open_file(FILE)?;
        let path = || folder.path_of(FILE);
        let failed = |reason| {
            LockError::State(StateError {
                path: path(),
                reason,
            })
        };
        let end = match wait {
            Wait::WithoutEnd => {
                file.lock().map_err(failed)?;
                return Ok(Self { file });
            }
            // A time that no clock reaches is without end, too.
            Wait::AtMost(time) => Instant::now().checked_add(time),
        };
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Self { file }),
                Err(TryLockError::WouldBlock) if end.is_some_and(|end| Instant::now() >= end) => {
                    return Err(LockError::Held {
                        path: path(),
                        // Who has waited already knows the option.
                        wait_helps: wait == Wait::AtMost(Duration::ZERO),
                    });
                }
                Err(TryLockError::WouldBlock) => thread::sleep(PAUSE),
                Err(TryLockError::Error(reason)) => return Err(failed(reason)),
            }
        }
    }
}
