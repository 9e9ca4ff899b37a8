// SPDX-License-Identifier: MIT

//! A whole cluster that serves the Web: a client, a director with the virtual
//! address, and real servers behind it, on the links of [`crate::networks::network`].

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};

use anyhow::{Context as _, Result, bail};

use crate::networks::http::{self, PORT, Server};
use crate::networks::netns::Namespace;
use crate::networks::network::{self, Network, Place};

/// The address that clients ask.
pub const VIRTUAL: Ipv4Addr = network::VIRTUAL.v4;
/// The client's own address.
pub const CLIENT: Ipv4Addr = network::CLIENT.v4;

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
            let address = (self.address, PORT).into();
            self.web = Some(Server::start(&self.namespace, address)?);
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

/// A cluster that is ready for virtual services with masquerading. Its boxes end
/// with this value.
pub struct Cluster {
    /// Sends requests.
    pub client: Namespace,
    /// Where `ipvsadm` is to run; it has the virtual address.
    pub director: Namespace,
    /// The servers, named `server1` and so on.
    pub servers: Vec<RealServer>,
    _network: Network,
}

/// The number of answers of each server, by its name.
pub type Shares = BTreeMap<String, usize>;

impl Cluster {
    /// Puts a cluster of `servers` real servers together (150 at most).
    ///
    /// # Errors
    /// When the caller is not root, or the kernel lacks veth or bridges.
    pub fn new(servers: u8) -> Result<Self> {
        let network = Network::new((0..servers).map(|_| Place::Behind))?;
        network
            .director
            .ip(&format!("addr add {VIRTUAL}/32 dev front"))?;
        network.director.sysctl("ipv4/ip_forward", "1")?;
        let mut servers = Vec::new();
        for server in &network.servers {
            let mut server = RealServer {
                namespace: server.namespace.try_clone()?,
                address: server.addresses.v4,
                web: None,
            };
            server.start()?;
            servers.push(server);
        }
        Ok(Self {
            client: network.client.try_clone()?,
            director: network.director.try_clone()?,
            servers,
            _network: network,
        })
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
