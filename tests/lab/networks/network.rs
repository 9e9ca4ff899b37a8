// SPDX-License-Identifier: MIT

//! The networks that a cluster stands on: boxes, links and their own addresses,
//! as somebody finds them who is about to set up a director.
//!
//! ```text
//! client -----+                  +----- servers behind the director
//! servers     |                  |
//! beside it --+--- director -----+
//! router -----+
//!    |
//!    +--- servers away
//!
//!  front        back         away
//!  198.51.100.  10.0.0.      203.0.113.   IPv4, /24 each
//!  2001:db8:1:: fd00::       2001:db8:3:: IPv6, /64 each
//! ```
//!
//! | box | front | back | away |
//! |---|---|---|---|
//! | client | 2 | | |
//! | director | 1 | 1 | |
//! | backup (a second director) | 3 | 251 | |
//! | router | 254 | | 254 |
//! | server number n | 10 + n | 1 + n | 10 + n |
//!
//! The last part of an IPv6 address has the same digits as that of the IPv4
//! address. A server has one of the three addresses. The way out is the director
//! for those behind it and the router for all others; there is one only if a
//! server stands away.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use anyhow::{Context as _, Result, bail};

use crate::networks::netns::Namespace;

/// A network: what addresses in it begin with.
struct Prefix {
    v4: [u8; 3],
    v6: [u16; 4],
}

const FRONT: Prefix = Prefix {
    v4: [198, 51, 100],
    v6: [0x2001, 0xdb8, 1, 0],
};
const BACK: Prefix = Prefix {
    v4: [10, 0, 0],
    v6: [0xfd00, 0, 0, 0],
};
const AWAY: Prefix = Prefix {
    v4: [203, 0, 113],
    v6: [0x2001, 0xdb8, 3, 0],
};

/// The addresses of a box in one network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Addresses {
    /// IPv4, in a network of 24 bits.
    pub v4: Ipv4Addr,
    /// IPv6, in a network of 64 bits.
    pub v6: Ipv6Addr,
}

impl Addresses {
    const fn new(prefix: &Prefix, last: u8) -> Self {
        let [a, b, c] = prefix.v4;
        let [e, f, g, h] = prefix.v6;
        // The same digits.
        let digits = (last / 100) as u16 * 256 + (last / 10 % 10) as u16 * 16 + (last % 10) as u16;
        Self {
            v4: Ipv4Addr::new(a, b, c, last),
            v6: Ipv6Addr::new(e, f, g, h, 0, 0, 0, digits),
        }
    }

    /// Both, IPv4 first.
    #[must_use]
    pub fn both(self) -> [IpAddr; 2] {
        [self.v4.into(), self.v6.into()]
    }

    /// The words that put them on an interface, for [`Namespace::ip`].
    fn add(self, interface: &str) -> String {
        format!(
            "addr add {}/24 dev {interface}\naddr add {}/64 dev {interface} nodad\n",
            self.v4, self.v6
        )
    }

    /// The words that send everything else by way of them.
    fn default_route(self) -> String {
        format!(
            "route add default via {}\nroute add ::/0 via {}\n",
            self.v4, self.v6
        )
    }
}

/// The client's own addresses.
pub const CLIENT: Addresses = Addresses::new(&FRONT, 2);
/// The director's own addresses on the clients' side.
pub const DIRECTOR: Addresses = Addresses::new(&FRONT, 1);
/// The director's addresses on the side of the servers behind it: their way out.
pub const GATEWAY: Addresses = Addresses::new(&BACK, 1);
/// The second director's own addresses on the clients' side.
pub const BACKUP: Addresses = Addresses::new(&FRONT, 3);
/// Addresses in the front network that are no box's: those that clients ask.
pub const VIRTUAL: Addresses = Addresses::new(&FRONT, 100);
const BACKUP_BACK: Addresses = Addresses::new(&BACK, 251);
const ROUTER: Addresses = Addresses::new(&FRONT, 254);
const ROUTER_AWAY: Addresses = Addresses::new(&AWAY, 254);

/// Where a real server stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// In a network of its own behind the director, which is its way out.
    Behind,
    /// In the director's and the client's network.
    Beside,
    /// In another network, behind a router.
    Away,
}

/// A real server, or rather the box for one: nothing runs in it.
#[derive(Debug)]
pub struct Server {
    /// Its network, named `server1` and so on.
    pub namespace: Namespace,
    /// Its own addresses.
    pub addresses: Addresses,
    /// Where it stands.
    pub place: Place,
}

/// The boxes of the picture above. They end with this value.
///
/// Every box is a network namespace. The interfaces are called as the network
/// that they are in; those of the client and the servers are called `eth0`.
/// Nothing forwards packets but the router, and nobody has a virtual address.
#[derive(Debug)]
pub struct Network {
    /// Sends requests.
    pub client: Namespace,
    /// Where `ipvsadm` is to run.
    pub director: Namespace,
    /// The second director, if there is one.
    pub backup: Option<Namespace>,
    /// The way to the servers that stand away, if there are any.
    pub router: Option<Namespace>,
    /// The servers.
    pub servers: Vec<Server>,
    front: Switch,
    back: Switch,
    away: Switch,
}

impl Network {
    /// Joins a client, a director and servers in these places (150 at most).
    ///
    /// # Errors
    /// When the caller is not root, or the kernel lacks veth or bridges.
    pub fn new(places: impl IntoIterator<Item = Place>) -> Result<Self> {
        Self::around(plain("director")?, places)
    }

    /// Joins a client and servers in these places to a director that is there already.
    ///
    /// # Errors
    /// As [`Network::new`].
    pub fn around(director: Namespace, places: impl IntoIterator<Item = Place>) -> Result<Self> {
        let mut network = Self {
            client: plain("client")?,
            director,
            backup: None,
            router: None,
            servers: Vec::new(),
            front: Switch::new("front")?,
            back: Switch::new("back")?,
            away: Switch::new("away")?,
        };
        network.front.join(&network.client, "eth0")?;
        network.front.join(&network.director, "front")?;
        network.back.join(&network.director, "back")?;
        let out = ROUTER.default_route();
        network.client.ip(&(CLIENT.add("eth0") + &out))?;
        let addresses = DIRECTOR.add("front") + &GATEWAY.add("back");
        network.director.ip(&(addresses + &out))?;
        for place in places {
            network.add_server(place)?;
        }
        Ok(network)
    }

    /// Adds a server and returns it.
    ///
    /// # Errors
    /// As [`Network::new`].
    pub fn add_server(&mut self, place: Place) -> Result<&Server> {
        let number = self.servers.len() + 1;
        let number = u8::try_from(number).ok().filter(|number| *number <= 150);
        let number = number.context("too many servers")?;
        if place == Place::Away && self.router.is_none() {
            self.add_router()?;
        }
        let (switch, addresses, gateway) = match place {
            Place::Behind => (&self.back, Addresses::new(&BACK, 1 + number), GATEWAY),
            Place::Beside => (&self.front, Addresses::new(&FRONT, 10 + number), ROUTER),
            Place::Away => (&self.away, Addresses::new(&AWAY, 10 + number), ROUTER_AWAY),
        };
        let namespace = plain(&format!("server{number}"))?;
        switch.join(&namespace, "eth0")?;
        namespace.ip(&(addresses.add("eth0") + &gateway.default_route()))?;
        self.servers.push(Server {
            namespace,
            addresses,
            place,
        });
        self.servers.last().context("it was just added")
    }

    fn add_router(&mut self) -> Result<()> {
        let router = plain("router")?;
        self.front.join(&router, "front")?;
        self.away.join(&router, "away")?;
        router.ip(&(ROUTER.add("front") + &ROUTER_AWAY.add("away")))?;
        forward(&router)?;
        self.router = Some(router);
        Ok(())
    }

    /// Adds a second director, which is joined as the first is.
    ///
    /// # Errors
    /// As [`Network::new`]; when there is one already.
    pub fn add_backup(&mut self) -> Result<()> {
        if self.backup.is_some() {
            bail!("there is a second director already");
        }
        let backup = plain("backup")?;
        self.front.join(&backup, "front")?;
        self.back.join(&backup, "back")?;
        let addresses = BACKUP.add("front") + &BACKUP_BACK.add("back");
        backup.ip(&(addresses + &ROUTER.default_route()))?;
        self.backup = Some(backup);
        Ok(())
    }

    /// The box of this name.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<&Namespace> {
        let servers = self.servers.iter().map(|server| &server.namespace);
        [&self.client, &self.director]
            .into_iter()
            .chain(&self.backup)
            .chain(&self.router)
            .chain(servers)
            .find(|namespace| namespace.name() == name)
    }
}

/// Lets a box pass packets on, IPv4 and IPv6.
///
/// # Errors
/// When the kernel refuses it.
pub fn forward(namespace: &Namespace) -> Result<()> {
    namespace.sysctl("ipv4/ip_forward", "1")?;
    namespace.sysctl("ipv6/conf/all/forwarding", "1")
}

/// A box whose IPv6 addresses can be used at once: nobody else has them, so
/// there is no need to ask for a second.
fn plain(name: &str) -> Result<Namespace> {
    let namespace = Namespace::new(name)?;
    namespace.sysctl("ipv6/conf/default/accept_dad", "0")?;
    Ok(namespace)
}

/// A bridge in a namespace of its own.
#[derive(Debug)]
struct Switch(Namespace);

impl Switch {
    fn new(name: &str) -> Result<Self> {
        let namespace = Namespace::new(name)?;
        namespace.sysctl("ipv6/conf/default/disable_ipv6", "1")?;
        namespace.ip("link add bridge type bridge\nlink set bridge up")?;
        Ok(Self(namespace))
    }

    /// Joins a box by an interface of this name, which is up then.
    fn join(&self, namespace: &Namespace, interface: &str) -> Result<()> {
        let port = namespace.name();
        self.0.link(port, namespace, interface)?;
        self.0.ip(&format!("link set {port} master bridge"))?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_addresses_of_a_box_end_in_the_same_digits() {
        for last in [1, 2, 11, 100, 251, 254] {
            let addresses = Addresses::new(&FRONT, last);
            assert_eq!(addresses.v4.to_string(), format!("198.51.100.{last}"));
            assert_eq!(addresses.v6.to_string(), format!("2001:db8:1::{last}"));
        }
    }
}
