// SPDX-License-Identifier: MIT

//! A whole cluster on virtual links: a client, a director with the virtual
//! address, and real servers behind a switch.
//!
//! ```text
//! client ------ director ------ switch --+-- server1
//!                                        +-- server2
//!                                        +-- ...
//! ```
//!
//! Every box is a network namespace of its own. The servers answer by way of
//! the director, as masquerading needs it.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};

use anyhow::{Context as _, Result, bail};

use crate::http::{self, PORT, Server};
use crate::netns::Namespace;

/// The address that clients ask.
pub const VIRTUAL: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 100);
/// The client's own address.
pub const CLIENT: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 2);

/// A real server: a namespace with a web server in it.
pub struct RealServer {
    /// Its network; the namespace's name is what the web server answers with.
    pub namespace: Namespace,
    /// Its address.
    pub address: Ipv4Addr,
    web: Option<Server>,
}

impl RealServer {
    /// Ends the web server; connections are refused from now on.
    pub fn stop(&mut self) {
        self.web = None;
    }

    /// Starts the web server, if it does not run.
    ///
    /// # Errors
    /// When its port is taken.
    pub fn start(&mut self) -> Result<()> {
        if self.web.is_none() {
            self.web = Some(Server::start(&self.namespace, self.address)?);
        }
        Ok(())
    }

    /// Decides what the page for monitors says of a running web server.
    pub fn set_well(&self, well: bool) {
        if let Some(web) = &self.web {
            web.set_well(well);
        }
    }
}

/// The boxes of the picture above. They end with this value.
pub struct Cluster {
    /// Sends requests.
    pub client: Namespace,
    /// Where `ipvsadm` is to run; it has the virtual address.
    pub director: Namespace,
    /// The servers, named `server1` and so on.
    pub servers: Vec<RealServer>,
    switch: Namespace,
}

/// How many answers came from each server, by its name.
pub type Shares = BTreeMap<String, usize>;

impl Cluster {
    /// Puts a cluster of `servers` real servers together (250 at most).
    ///
    /// # Errors
    /// When the caller is not root, or the kernel lacks veth or bridges.
    pub fn new(servers: u8) -> Result<Self> {
        let client = Namespace::new("client")?;
        let director = Namespace::new("director")?;
        let switch = Namespace::new("switch")?;
        client.link("eth0", &director, "front")?;
        client.ip(&format!("addr add {CLIENT}/24 dev eth0"))?;
        switch.ip("link add bridge type bridge\nlink set bridge up")?;
        switch.link("uplink", &director, "back")?;
        switch.ip("link set uplink master bridge")?;
        director.ip(&format!(
            "addr add 198.51.100.1/24 dev front
             addr add {VIRTUAL}/32 dev front
             addr add 10.0.0.1/24 dev back"
        ))?;
        director.sysctl("ipv4/ip_forward", "1")?;
        let mut cluster = Self {
            client,
            director,
            servers: Vec::new(),
            switch,
        };
        for number in 1..=servers {
            cluster.add(number)?;
        }
        Ok(cluster)
    }

    fn add(&mut self, number: u8) -> Result<()> {
        let last = number.checked_add(1).context("too many servers")?;
        let address = Ipv4Addr::new(10, 0, 0, last);
        let namespace = Namespace::new(&format!("server{number}"))?;
        let port = format!("port{number}");
        self.switch.link(&port, &namespace, "eth0")?;
        self.switch.ip(&format!("link set {port} master bridge"))?;
        namespace.ip(&format!(
            "addr add {address}/24 dev eth0
             route add default via 10.0.0.1"
        ))?;
        let mut server = RealServer {
            namespace,
            address,
            web: None,
        };
        server.start()?;
        self.servers.push(server);
        Ok(())
    }

    /// Where clients send their requests.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        (VIRTUAL, PORT).into()
    }

    /// Makes requests from the client, one after the other, each on a new TCP
    /// connection, and counts who answered. `each` is called after every one.
    ///
    /// # Errors
    /// When a request fails.
    pub fn requests(&self, number: usize, mut each: impl FnMut() + Send) -> Result<Shares> {
        self.client.run(|| {
            let agent = http::agent();
            let mut shares = Shares::new();
            for count in 1..=number {
                let server = http::get(&agent, self.address())
                    .with_context(|| format!("request {count} of {number} failed"))?;
                *shares.entry(server).or_default() += 1;
                each();
            }
            Ok(shares)
        })?
    }
}

/// The shares that a number of requests must have under weighted round robin.
///
/// # Errors
/// When the number is no multiple of the sum of the weights: then it depends on
/// where the scheduler starts.
pub fn expected<'a>(
    weights: impl IntoIterator<Item = (&'a str, usize)>,
    requests: usize,
) -> Result<Shares> {
    let weights: Vec<_> = weights.into_iter().collect();
    let sum: usize = weights.iter().map(|(_, weight)| weight).sum();
    if sum == 0 || !requests.is_multiple_of(sum) {
        bail!("{requests} requests cannot be shared out exactly by a sum of {sum}");
    }
    let shares = weights.into_iter().filter(|(_, weight)| *weight > 0);
    Ok(shares
        .map(|(name, weight)| (name.to_owned(), requests / sum * weight))
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_follow_the_weights_and_weight_zero_gets_none() {
        let shares = expected([("a", 3), ("b", 2), ("c", 1), ("d", 0)], 600).unwrap();
        let wanted = [("a", 300), ("b", 200), ("c", 100)];
        assert_eq!(shares, wanted.map(|(name, n)| (name.to_owned(), n)).into());
    }

    #[test]
    fn a_number_that_is_not_divisible_is_refused() {
        assert!(expected([("a", 3), ("b", 2)], 6).is_err());
        assert!(expected([("a", 0)], 6).is_err());
    }
}
