// SPDX-License-Identifier: MIT

//! Keeping a thread, and what it starts, on one processor.
//!
//! User Mode Linux is one process that traces all others of its kernel: at every
//! system call and every page fault one of them waits for the other. On two
//! processors each must be woken on the other's, which takes twice the time of
//! the processors and up to four times as long as taking turns on one.

use nix::Result;
use nix::sched::{CpuSet, sched_getaffinity, sched_getcpu, sched_setaffinity};
use nix::unistd::Pid;

/// The calling thread, for the functions of the kernel's scheduler.
const THIS_THREAD: Pid = Pid::from_raw(0);

/// Keeps this thread on the processor that it runs on.
///
/// # Errors
/// When the kernel refuses; the thread then goes on as before, but slower.
pub(crate) fn stay() -> Result<()> {
    keep_on(sched_getcpu()?)
}

/// Keeps this thread on the processor with this number among those that it may
/// use, counted from 0.
///
/// # Errors
/// As [`stay`]; also when there are not so many.
pub(crate) fn move_to(number: usize) -> Result<()> {
    let allowed = sched_getaffinity(THIS_THREAD)?;
    let processor = (0..CpuSet::count())
        .filter(|processor| allowed.is_set(*processor).is_ok_and(|set| set))
        .nth(number);
    keep_on(processor.ok_or(nix::errno::Errno::EINVAL)?)
}

fn keep_on(processor: usize) -> Result<()> {
    let mut set = CpuSet::new();
    set.set(processor)?;
    sched_setaffinity(THIS_THREAD, &set)
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    #[test]
    fn a_thread_stays_on_the_processor_that_it_was_moved_to() {
        let number = thread::available_parallelism().unwrap().get() - 1;
        let kept = thread::spawn(move || {
            move_to(number).unwrap();
            let here = sched_getcpu().unwrap();
            stay().unwrap();
            let allowed = sched_getaffinity(THIS_THREAD).unwrap();
            let kept = (0..CpuSet::count()).filter(|cpu| allowed.is_set(*cpu).unwrap());
            (here, kept.collect::<Vec<_>>())
        });
        let (here, kept) = kept.join().unwrap();
        assert_eq!(kept, [here]);
        let far = thread::spawn(|| move_to(CpuSet::count())).join().unwrap();
        assert!(far.is_err());
    }
}
