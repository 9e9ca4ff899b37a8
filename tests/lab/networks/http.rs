// SPDX-License-Identifier: MIT

//! Real HTTP over the virtual links: a server in a namespace that answers with
//! its name, and requests that each open a TCP connection.

use std::net::{SocketAddr, TcpListener};
use std::os::fd::AsRawFd as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, ensure};
use nix::sys::socket::{Shutdown, shutdown};
use tiny_http::Response;
use ureq::Agent;

use crate::networks::netns::Namespace;

/// The port of the servers.
pub const PORT: u16 = 80;
/// The time that each part of a request may take before it counts as failed.
const PATIENCE: Duration = Duration::from_secs(10);

/// The page that tells monitors how the server is.
pub const HEALTH: &str = "/health";
/// The page that tells the address that the client is seen under.
pub const CLIENT: &str = "/client";
/// The page that names the server, and the client's address and port.
const CONNECTION: &str = "/connection";
/// The text of the page for monitors while the server is well. While it is not, it gives
/// the status 503 and other words.
pub const WELL: &str = "well";

/// A web server; it ends with this value, and then refuses connections.
pub struct Server {
    listener: TcpListener,
    well: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Starts a server that listens inside the namespace, has the pages
    /// [`HEALTH`] and [`CLIENT`] and one for [`KeptOpen`], and answers every other request with a line
    /// that has the namespace's name.
    ///
    /// # Errors
    /// When the address is not one of the namespace's.
    pub fn start(namespace: &Namespace, address: SocketAddr) -> Result<Self> {
        // A socket belongs to the namespace that it was made in for good, so
        // only this runs inside.
        let listener = namespace
            .run(|| TcpListener::bind(address))?
            .with_context(|| format!("{} cannot listen", namespace.name()))?;
        let http = tiny_http::Server::from_listener(listener.try_clone()?, None)
            .map_err(|error| anyhow!("{}: {error}", namespace.name()))?;
        let well = Arc::new(AtomicBool::new(true));
        let name = namespace.name().to_owned();
        let state = Arc::clone(&well);
        let thread = thread::spawn(move || {
            for request in http.incoming_requests() {
                let answer = match (request.url(), state.load(Ordering::SeqCst)) {
                    (HEALTH, true) => Response::from_string(WELL),
                    (HEALTH, false) => Response::from_string("ill").with_status_code(503),
                    (CLIENT, _) => {
                        let client = request.remote_addr().map(SocketAddr::ip);
                        let client = client.map(|it| it.to_canonical().to_string());
                        Response::from_string(client.unwrap_or_default() + "\n")
                    }
                    (CONNECTION, _) => {
                        let client = request.remote_addr().map(ToString::to_string);
                        Response::from_string(format!("{name} {}\n", client.unwrap_or_default()))
                    }
                    _ => Response::from_string(format!("{name}\n")),
                };
                // A client that went away asked for nothing more.
                let _ = request.respond(answer);
            }
        });
        Ok(Self {
            listener,
            well,
            thread: Some(thread),
        })
    }

    /// Decides what the page [`HEALTH`] says. The server serves in any case.
    pub fn set_well(&self, well: bool) {
        self.well.store(well, Ordering::SeqCst);
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Closing would not do: the thread that accepts has the socket too.
        let _ = shutdown(self.listener.as_raw_fd(), Shutdown::Read);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// A client that opens a new connection for every request and follows no proxy.
#[must_use]
pub fn agent() -> Agent {
    agent_keeping(0)
}

/// A client that keeps so many connections open between requests.
fn agent_keeping(connections: usize) -> Agent {
    Agent::config_builder()
        .max_idle_connections(connections)
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
    get_page(agent, address, "/")
}

fn get_page(agent: &Agent, address: SocketAddr, page: &str) -> Result<String> {
    let mut response = agent.get(format!("http://{address}{page}")).call()?;
    Ok(response.body_mut().read_to_string()?.trim_end().to_owned())
}

/// One connection for one request after the other.
#[derive(Debug)]
pub struct KeptOpen {
    agent: Agent,
    address: SocketAddr,
    /// The first answer. It has the client's port, so that the same comes over the
    /// same connection only.
    first: String,
}

impl KeptOpen {
    /// Opens a connection to `address` and makes the first request.
    ///
    /// # Errors
    /// When the request fails in any way.
    pub fn begin(address: SocketAddr) -> Result<Self> {
        let agent = agent_keeping(1);
        let first = get_page(&agent, address, CONNECTION)?;
        Ok(Self {
            agent,
            address,
            first,
        })
    }

    /// Makes another request and returns the name of the server.
    ///
    /// # Errors
    /// When the request fails in any way, or went over another connection because
    /// the first has ended.
    pub fn ask(&self) -> Result<String> {
        let answer = get_page(&self.agent, self.address, CONNECTION)?;
        ensure!(
            answer == self.first,
            "the connection of {} has ended, {answer} is another",
            self.first
        );
        let (server, _) = answer.split_once(' ').context("the server has no name")?;
        Ok(server.to_owned())
    }
}
