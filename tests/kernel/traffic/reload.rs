// SPDX-License-Identifier: MIT

//! Requests and open connections while the table is replaced from files.

use ipvs_lab::clients::Seen;
use ipvs_lab::program;
use ipvs_lab::reload::{RELOADS, REQUESTS, Reload, Restore};

/// What clients see while so many files are put in place. Every file was in the kernel
/// as it stands, every server was used, and both that stay had connections that were
/// kept open.
fn seen_through(restore: Restore, files: usize) -> Seen {
    program::path().unwrap();
    let seen = Reload::new().unwrap().run(restore, files, || ()).unwrap();
    assert!(seen.requests() >= REQUESTS, "{seen:?}");
    let servers: Vec<_> = seen.answers.keys().collect();
    assert_eq!(
        servers,
        ["server1", "server2", "server3", "server4", "server5"]
    );
    let servers: Vec<_> = seen.held_answers.keys().collect();
    assert_eq!(servers, ["server1", "server2"]);
    seen
}

#[test]
fn no_request_fails_and_no_connection_breaks_while_files_are_put_in_place() {
    let seen = seen_through(Restore::Ours, RELOADS);
    assert_eq!((seen.failed, seen.broken), (0, 0), "{seen:?}");
}

/// The other side of the comparison: without it, the test above could pass because
/// nothing can fail here. Fewer files do, because each makes clients wait for answers
/// that never come.
#[test]
fn requests_fail_while_the_original_puts_the_same_files_in_place() {
    let seen = seen_through(Restore::Original, 10);
    assert!(seen.failed > 0, "{seen:?}");
}
