// SPDX-License-Identifier: MIT

//! Real HTTP over the virtual links: a server in a namespace that answers with
//! its name, and requests that each open a TCP connection.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::{Result, anyhow};
use ureq::Agent;

use crate::netns::Namespace;

/// The port of the servers.
pub const PORT: u16 = 80;
/// How long each part of a request may take before it counts as failed.
const PATIENCE: Duration = Duration::from_secs(10);

/// A web server; it ends with this value.
pub struct Server {
    http: Arc<tiny_http::Server>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Starts a server that listens inside the namespace and answers every
    /// request with the namespace's name.
    ///
    /// # Errors
    /// When the address is not one of the namespace's.
    pub fn start(namespace: &Namespace, address: Ipv4Addr) -> Result<Self> {
        // A socket belongs to the namespace that it was made in for good, so
        // only this runs inside.
        let http = namespace
            .run(|| tiny_http::Server::http((address, PORT)))?
            .map_err(|error| anyhow!("{}: {error}", namespace.name()))?;
        let http = Arc::new(http);
        let name = namespace.name().to_owned();
        let serving = Arc::clone(&http);
        let thread = thread::spawn(move || {
            for request in serving.incoming_requests() {
                let answer = tiny_http::Response::from_string(name.as_str());
                // A client that went away asked for nothing more.
                let _ = request.respond(answer);
            }
        });
        Ok(Self {
            http,
            thread: Some(thread),
        })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.http.unblock();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// A client that opens a new connection for every request and follows no proxy.
#[must_use]
pub fn agent() -> Agent {
    Agent::config_builder()
        .max_idle_connections(0)
        .proxy(None)
        // Not one for everything: that would start a thread for every request,
        // to look the name up.
        .timeout_connect(Some(PATIENCE))
        .timeout_recv_response(Some(PATIENCE))
        .timeout_recv_body(Some(PATIENCE))
        .build()
        .into()
}

/// Asks for the page at `address` and returns it: the name of the server.
///
/// # Errors
/// When the request fails in any way, a status other than 200 included.
pub fn get(agent: &Agent, address: SocketAddr) -> Result<String> {
    let mut response = agent.get(format!("http://{address}/")).call()?;
    Ok(response.body_mut().read_to_string()?)
}
