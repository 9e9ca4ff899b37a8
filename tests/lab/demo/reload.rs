// SPDX-License-Identifier: MIT

//! `cargo lab demo --reload`: what clients see of a table that is replaced again and
//! again, by this tree's program and by the original.

use anyhow::{Result, ensure};

use super::{indent, step};
use crate::networks::clients::Seen;
use crate::output::out;
use crate::progress;
use crate::reload::{CLIENTS, HELD, RELOADS, REQUESTS, Reload, Restore};

/// Runs the demonstration inside a kernel with IPVS.
///
/// # Errors
/// The first thing that is not as it must be, in words.
pub(crate) fn run() -> Result<()> {
    step("A client, a director and five web servers, each in a network of its own")?;
    let reload = Reload::new()?;
    out(format_args!("{}", indent(&reload.rules(0))))?;
    step(&format!(
        "{CLIENTS} clients make {REQUESTS} requests or more, each on a new connection, and use \
         {HELD} connections\nthat stay open. Meanwhile {RELOADS} files are put in place with \
         ipvsadm-restore.\n\n\
         Servers come and go from file to file, weights, thresholds and the persistence of the\n\
         service change, two servers stay. Removing a server cuts what is under way on it,\n\
         whoever does it: so a server gets weight 0 in one file and is left out of the next,\n\
         which waits until the server has no active connection. Two of the files:"
    ))?;
    out(format_args!("{}\n", indent(&reload.rules(RELOADS - 1))))?;
    out(format_args!("{}", indent(&reload.rules(RELOADS))))?;

    step("What the clients saw")?;
    let ours = measure(Restore::Ours)?;
    let original = measure(Restore::Original)?;
    out(format_args!(
        "    ipvsadm-restore of  requests  failed  on open connections  broken of {HELD}\n"
    ))?;
    for (name, seen) in [("this tree", &ours), ("ipvsadm 1.31", &original)] {
        out(format_args!(
            "    {name:18}  {:8}  {:6}  {:19}  {:11}\n",
            seen.requests(),
            seen.failed,
            seen.held_answers.values().sum::<usize>(),
            seen.broken
        ))?;
    }
    let failure = ours.first_failure.unwrap_or_default();
    ensure!(
        (ours.failed, ours.broken) == (0, 0),
        "the first failure with this tree's program: {failure}"
    );
    if let Some(failure) = original.first_failure {
        out(format_args!(
            "    the first failure with ipvsadm 1.31: {failure}\n"
        ))?;
    }

    step("No request failed with this tree's program, and no connection broke")?;
    Ok(())
}

fn measure(restore: Restore) -> Result<Seen> {
    let progress = progress::bar(RELOADS, "files");
    // Each in a network of its own: what was removed leaves traces.
    let seen = Reload::new()?.run(restore, RELOADS, || progress.inc(1))?;
    progress.finish_and_clear();
    Ok(seen)
}
