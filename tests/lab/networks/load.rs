// SPDX-License-Identifier: MIT

//! Requests that go on while the rules change.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, JoinHandle};

use anyhow::{Context as _, Result};

use crate::networks::cluster::Shares;
use crate::networks::http;
use crate::networks::netns::Namespace;

/// One client that makes request after request, until this value is dropped or
/// a request fails.
#[derive(Debug)]
pub struct Load {
    state: Arc<State>,
    answers: Receiver<Result<String>>,
    taken: usize,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct State {
    begun: AtomicUsize,
    stop: AtomicBool,
}

impl Load {
    /// Starts requests from inside `client`.
    ///
    /// # Errors
    /// When the namespace cannot be entered.
    pub fn start(client: &Namespace, address: SocketAddr) -> Result<Self> {
        let client = client.try_clone()?;
        let state = Arc::new(State::default());
        let (sender, answers) = channel();
        let theirs = Arc::clone(&state);
        let thread = thread::spawn(move || {
            let entered = client.run(|| request(&theirs, address, &sender));
            if let Err(error) = entered {
                let _ = sender.send(Err(error));
            }
        });
        Ok(Self {
            state,
            answers,
            taken: 0,
            thread: Some(thread),
        })
    }

    /// Waits for the next `number` answers and counts who gave them.
    ///
    /// # Errors
    /// When a request failed.
    pub fn answers(&mut self, number: usize) -> Result<Shares> {
        let mut shares = Shares::new();
        for _ in 0..number {
            let server = self.answers.recv().context("the requests ended")??;
            self.taken += 1;
            *shares.entry(server).or_default() += 1;
        }
        Ok(shares)
    }

    /// Waits for the answers to all requests that have begun up to now: the
    /// ones that a change of the rules may have come too late for.
    ///
    /// # Errors
    /// When a request failed.
    pub fn settle(&mut self) -> Result<Shares> {
        let begun = self.state.begun.load(Ordering::SeqCst);
        self.answers(begun.saturating_sub(self.taken))
    }

    /// Ends the requests and counts the answers not seen yet.
    ///
    /// # Errors
    /// When a request failed.
    pub fn finish(mut self) -> Result<Shares> {
        self.end();
        self.settle()
    }

    fn end(&mut self) {
        self.state.stop.store(true, Ordering::SeqCst);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.end();
    }
}

fn request(state: &State, address: SocketAddr, answers: &Sender<Result<String>>) {
    let agent = http::agent();
    while !state.stop.load(Ordering::SeqCst) {
        let number = state.begun.fetch_add(1, Ordering::SeqCst) + 1;
        let answer = http::get(&agent, address);
        let failed = answer.is_err();
        let answer = answer.with_context(|| format!("request {number} failed"));
        if answers.send(answer).is_err() || failed {
            return;
        }
    }
}
