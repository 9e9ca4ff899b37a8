// SPDX-License-Identifier: MIT

//! Clients that ask at the same time while the rules change: some on a new
//! connection for every request, some on one that they keep open. What fails is
//! counted, and they go on.

use std::net::SocketAddr;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::{Error, Result, anyhow};

use crate::networks::cluster::Shares;
use crate::networks::http::{self, KeptOpen};
use crate::networks::netns::Namespace;

/// Between two requests of a client. Without it the clients would leave hardly any of
/// a single processor to the program that changes the rules.
const PAUSE: Duration = Duration::from_millis(50);

/// The clients. They end with this value.
#[derive(Debug)]
pub struct Clients {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

/// The results of all requests up to now.
#[derive(Debug, Clone, Default)]
pub struct Seen {
    /// The answers on new connections, by server.
    pub answers: Shares,
    /// The number of requests on new connections that failed.
    pub failed: usize,
    /// The answers on connections that were kept open, by server.
    pub held_answers: Shares,
    /// The number of connections that were to be kept open and broke.
    pub broken: usize,
    /// The first failure of either kind, in words.
    pub first_failure: Option<String>,
}

impl Seen {
    /// Returns the number of requests on new connections, those that failed too.
    #[must_use]
    pub fn requests(&self) -> usize {
        self.answers.values().sum::<usize>() + self.failed
    }
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// The number of requests that each client with new connections has finished.
    finished: Vec<usize>,
    seen: Seen,
    /// The reason why there can be no requests at all.
    trouble: Option<String>,
    stop: bool,
}

impl Clients {
    /// Opens `held` connections to `address` from inside `client` and gets an
    /// answer on each; then lets `number` clients begin with requests on new
    /// connections.
    ///
    /// # Errors
    /// When the namespace cannot be entered, or one of the connections to be kept
    /// open gets no answer.
    pub fn start(
        client: &Namespace,
        address: SocketAddr,
        number: usize,
        held: usize,
    ) -> Result<Self> {
        // A socket belongs to the namespace that it was made in for good.
        let connections = client.run(|| {
            let connections = (0..held).map(|_| KeptOpen::begin(address));
            connections.collect::<Result<Vec<_>>>()
        })??;
        let shared = Arc::<Shared>::default();
        shared.lock().finished = vec![0; number];
        let mut threads = Vec::new();
        for connection in connections {
            let shared = Arc::clone(&shared);
            threads.push(thread::spawn(move || keep_asking(&shared, &connection)));
        }
        for number in 0..number {
            let (shared, client) = (Arc::clone(&shared), client.try_clone()?);
            threads.push(thread::spawn(move || {
                if let Err(error) = client.run(|| make_requests(&shared, number, address)) {
                    shared.change(|state| state.trouble = Some(format!("{error:#}")));
                }
            }));
        }
        Ok(Self { shared, threads })
    }

    /// Waits until there have been so many requests on new connections.
    ///
    /// # Errors
    /// When there can be none.
    pub fn wait_for(&self, requests: usize) -> Result<()> {
        self.wait(|state| state.seen.requests() >= requests)
    }

    /// Waits for the ends of all requests on new connections that have begun up to
    /// now: the ones that a change of the rules may have come too late for.
    ///
    /// # Errors
    /// When there can be no requests.
    pub fn settle(&self) -> Result<()> {
        let before = self.shared.lock().finished.clone();
        self.wait(|state| {
            let mut pairs = before.iter().zip(&state.finished);
            pairs.all(|(before, finished)| finished > before)
        })
    }

    /// Ends the clients and returns what they have seen.
    ///
    /// # Errors
    /// When there could be no requests.
    pub fn finish(mut self) -> Result<Seen> {
        self.end();
        self.wait(|_| true)?;
        Ok(self.shared.lock().seen.clone())
    }

    fn wait(&self, reached: impl Fn(&State) -> bool) -> Result<()> {
        let state = self.shared.lock();
        let waiting = |state: &mut State| state.trouble.is_none() && !reached(state);
        let state = self.shared.changed.wait_while(state, waiting);
        let state = state.unwrap_or_else(PoisonError::into_inner);
        match &state.trouble {
            Some(trouble) => Err(anyhow!("{trouble}")),
            None => Ok(()),
        }
    }

    fn end(&mut self) {
        self.shared.change(|state| state.stop = true);
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

impl Drop for Clients {
    fn drop(&mut self) {
        self.end();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the state; returns whether to go on.
    fn change(&self, change: impl FnOnce(&mut State)) -> bool {
        let mut state = self.lock();
        change(&mut state);
        self.changed.notify_all();
        !state.stop
    }
}

impl Seen {
    fn note_failure(&mut self, error: &Error) {
        let words = || format!("{error:#}");
        self.first_failure.get_or_insert_with(words);
    }
}

fn keep_asking(shared: &Shared, connection: &KeptOpen) {
    loop {
        let answer = connection.ask();
        let go_on = shared.change(|State { seen, .. }| match &answer {
            Ok(server) => *seen.held_answers.entry(server.clone()).or_default() += 1,
            Err(error) => {
                seen.broken += 1;
                seen.note_failure(error);
            }
        });
        if !go_on || answer.is_err() {
            return;
        }
        thread::sleep(PAUSE);
    }
}

fn make_requests(shared: &Shared, number: usize, address: SocketAddr) {
    let agent = http::agent();
    loop {
        let answer = http::get(&agent, address);
        let go_on = shared.change(|State { seen, finished, .. }| {
            match answer {
                Ok(server) => *seen.answers.entry(server).or_default() += 1,
                Err(error) => {
                    seen.failed += 1;
                    seen.note_failure(&error);
                }
            }
            if let Some(finished) = finished.get_mut(number) {
                *finished += 1;
            }
        });
        if !go_on {
            return;
        }
        thread::sleep(PAUSE);
    }
}
