// SPDX-License-Identifier: MIT

//! Changes that say what should be there, whatever is there now.
//!
//! The kernel adds only what is not there and edits only what is. An entry to be
//! added is sent as an edit with the addition behind it: in any state exactly one of
//! them is possible, and no other request of the same socket comes in between.

use crate::{Change, Client, Errno, Error, Operation, Result};

/// The most times that a change is sent once more, because someone else added the
/// entry between its edit and its addition.
const REPETITIONS: u32 = 16;

impl Client {
    /// Applies changes as [`apply`](Self::apply) does, but an entry to be added that
    /// is there is edited to match, and one to be deleted that is gone is no error.
    /// The connections and counters of what is edited stay.
    ///
    /// ```
    /// use ipvs_client::{Change, Client, Result, ServiceId, ServiceSettings};
    ///
    /// # fn main() -> Result<()> {
    /// let mut client = Client::open()?;
    /// let web = ServiceId::tcp(([192, 0, 2, 1], 80));
    /// let service = Change::AddService(web, ServiceSettings::new("wrr"));
    /// for _ in 0..2 {
    ///     assert!(client.ensure(&[service.clone()])?.is_empty());
    /// }
    /// for _ in 0..2 {
    ///     assert!(client.ensure(&[Change::DeleteService(web)])?.is_empty());
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// Returns what was refused: the index of each, in order, and why. Of an entry
    /// that was there the operation is the edit.
    ///
    /// # Errors
    /// Those of [`apply`](Self::apply).
    pub fn ensure(&mut self, changes: &[Change]) -> Result<Vec<(usize, Error)>> {
        let mut refused = Vec::new();
        let mut start = 0;
        let mut repeated = (0, 0);
        while start < changes.len() {
            let mut requests = Vec::new();
            let mut batch = Vec::new();
            for (index, change) in changes.iter().enumerate().skip(start) {
                if requests.len() + count_requests(change) > Self::BATCH {
                    break;
                }
                append_requests(change, &mut requests);
                batch.push((index, change, requests.len() - 1));
            }
            let mut refusals = self.apply(&requests)?.into_iter().peekable();
            for (index, change, place) in batch {
                let edit = refusals.next_if(|(position, _)| *position < place);
                let own = refusals.next_if(|(position, _)| *position == place);
                start = index + 1;
                match settle(
                    change,
                    edit.map(|(_, error)| error),
                    own.map(|(_, error)| error),
                ) {
                    Ok(()) => {}
                    // Those behind it may build on it, so that they follow again.
                    Err(Refusal::CameBetween(_)) if repeated != (index, REPETITIONS) => {
                        let times = if repeated.0 == index { repeated.1 } else { 0 };
                        repeated = (index, times + 1);
                        start = index;
                        break;
                    }
                    Err(Refusal::CameBetween(error) | Refusal::Final(error)) => {
                        refused.push((index, error));
                    }
                }
            }
        }
        Ok(refused)
    }
}

/// The reason why a change is not done.
enum Refusal {
    /// Someone else added the entry behind the edit and before the addition.
    CameBetween(Error),
    Final(Error),
}

fn count_requests(change: &Change) -> usize {
    match change {
        Change::AddService(..) | Change::AddDestination(..) => 2,
        _ => 1,
    }
}

/// Appends the changes that are sent for one.
fn append_requests(change: &Change, requests: &mut Vec<Change>) {
    match change {
        Change::AddService(id, settings) => {
            requests.push(Change::EditService(*id, settings.clone()));
        }
        Change::AddDestination(service, id, settings) => {
            requests.push(Change::EditDestination(*service, *id, *settings));
        }
        _ => {}
    }
    requests.push(change.clone());
}

/// Judges a change by the refusals of its edit, if it has one, and of itself.
fn settle(change: &Change, edit: Option<Error>, own: Option<Error>) -> Result<(), Refusal> {
    let Some(own) = own else {
        return Ok(());
    };
    let is_there = own.errno() == Some(Errno::EXIST);
    match (change, edit) {
        (Change::DeleteService(_) | Change::DeleteDestination(..), _) if is_missing(&own) => Ok(()),
        (Change::AddService(..) | Change::AddDestination(..), None) if is_there => Ok(()),
        (_, Some(edit)) if is_there && is_missing(&edit) => Err(Refusal::CameBetween(own)),
        (_, Some(edit)) if is_there => Err(Refusal::Final(edit)),
        _ => Err(Refusal::Final(own)),
    }
}

/// Tells whether an edit or deletion was refused because there is no such entry. A
/// destination is missing without its service, too.
fn is_missing(error: &Error) -> bool {
    match (error.operation(), error.errno()) {
        (_, Some(Errno::SRCH)) => true,
        // Of a service this is its scheduler or persistence engine.
        (Some(Operation::EditDestination(..) | Operation::DeleteDestination(..)), errno) => {
            errno == Some(Errno::NOENT)
        }
        _ => false,
    }
}
