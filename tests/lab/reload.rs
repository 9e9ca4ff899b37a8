// SPDX-License-Identifier: MIT

//! A director whose table is replaced from one file after the other while clients
//! use it.
//!
//! Whoever removes a server cuts what is under way on it. So a file that leaves a
//! server out comes after one that gives it weight 0, and when the server has no active
//! connection any more.

use std::fmt::Write as _;
use std::net::SocketAddr;

use anyhow::{Result, ensure};

use crate::networks::clients::{Clients, Seen};
use crate::networks::cluster::Cluster;
use crate::networks::http::PORT;
use crate::networks::wait;
use crate::programs::program;

/// The number of files that are put in place.
pub const RELOADS: usize = 50;
/// The number of clients that make requests on new connections at the same time.
pub const CLIENTS: usize = 8;
/// The number of connections that are kept open all the time.
pub const HELD: usize = 4;
/// The least number of requests on new connections.
pub const REQUESTS: usize = 2_000;

/// The number of servers that are in every file. The connections that are kept open
/// are theirs.
const LASTING: usize = 2;
/// The number of servers that come and go.
const CHANGING: usize = 3;
/// The stations of a server that comes and goes, one for each file: its weight, or
/// nothing where it is left out.
const ROUND: [Option<usize>; 5] = [Some(1), Some(3), Some(2), Some(0), None];

/// The program that puts files in place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Restore {
    /// This tree's `ipvsadm-restore`.
    Ours,
    /// The script `ipvsadm-restore` that comes with the original.
    Original,
}

/// The director, its servers and the files.
pub struct Reload {
    cluster: Cluster,
}

impl Reload {
    /// Puts a client, a director and servers together, with the first table.
    ///
    /// # Errors
    /// When the caller is not root, or the kernel lacks veth, bridges or IPVS.
    pub fn new() -> Result<Self> {
        let cluster = Cluster::new(u8::try_from(LASTING + CHANGING)?)?;
        for parameter in [
            // Otherwise persistence would send clients to a server with weight 0.
            "ipv4/vs/expire_quiescent_template",
            // Otherwise the kernel would throw away what comes from a port that a client
            // has used before, while a connection to a server that has gone is closing.
            "ipv4/vs/expire_nodest_conn",
        ] {
            cluster.director.sysctl(parameter, "1")?;
        }
        let reload = Self { cluster };
        reload.put_in_place(Restore::Ours, 0)?;
        Ok(reload)
    }

    /// Returns the rules of a file, in the words and the order of `ipvsadm -S -n`. The
    /// first, with number 0, is in place at the beginning and has only the servers that
    /// stay.
    #[must_use]
    pub fn rules(&self, number: usize) -> String {
        let service = self.cluster.address();
        let persistence = if number % 7 == 3 { " -p 300" } else { "" };
        let mut rules = format!("-A -t {service} -s wrr{persistence}\n");
        for (index, server) in self.cluster.servers.iter().enumerate() {
            let server = SocketAddr::from((server.address, PORT));
            let weight = match (index, number) {
                (0, 0) | (1, 0) => Some(1),
                (_, 0) => None,
                // Quiesced now and then: the connections that it has stay.
                (0, _) => Some(number % 4),
                (1, _) => Some(1 + number % 3),
                (_, _) => ROUND
                    .get((number + 2 * index) % ROUND.len())
                    .copied()
                    .flatten(),
            };
            let Some(weight) = weight else { continue };
            let _ = write!(rules, "-a -t {service} -r {server} -m -w {weight}");
            // Far above what there are.
            if index == 1 && number % 2 == 1 {
                let _ = write!(rules, " -x {} -y 500", 1000 + number);
            }
            rules.push('\n');
        }
        rules
    }

    /// Lets clients begin, puts so many files in place, one after the other, while they
    /// go on, calls `each` after every one, and returns what the clients have seen.
    ///
    /// # Errors
    /// When a file cannot be put in place, or the table is not what it says.
    pub fn run(&self, restore: Restore, files: usize, mut each: impl FnMut()) -> Result<Seen> {
        let clients = Clients::start(&self.cluster.client, self.cluster.address(), CLIENTS, HELD)?;
        for number in 1..=files {
            // So that requests and files share the time.
            clients.wait_for(REQUESTS * number / (files + 1))?;
            // What had begun before the last file has become a connection by then.
            clients.settle()?;
            // The original cuts connections, and the kernel lists those as active for a
            // quarter of an hour.
            if restore == Restore::Ours {
                self.wait_until_idle(number)?;
            }
            self.put_in_place(restore, number)?;
            each();
        }
        clients.settle()?;
        clients.wait_for(REQUESTS)?;
        clients.finish()
    }

    /// Waits until the servers that a file leaves out have no active connection.
    fn wait_until_idle(&self, number: usize) -> Result<()> {
        let rules = self.rules(number);
        let servers = self.cluster.servers.iter();
        let servers = servers.map(|server| SocketAddr::from((server.address, PORT)).to_string());
        let left_out: Vec<_> = servers.filter(|server| !rules.contains(server)).collect();
        let director = &self.cluster.director;
        let is_active = |line: &str| {
            let words: Vec<_> = line.split_ascii_whitespace().collect();
            // The address, and the column before the last.
            matches!(*words, ["->", address, .., active, _]
                if active != "0" && left_out.iter().any(|server| server == address))
        };
        let active = wait::for_value(&Some(false), || {
            let listing = program::ipvsadm(director, ["-L", "-n"]).ok()?;
            Some(listing.stdout.lines().any(is_active))
        });
        ensure!(
            active == Some(false),
            "a server with weight 0 does not become idle"
        );
        Ok(())
    }

    fn put_in_place(&self, restore: Restore, number: usize) -> Result<()> {
        let director = &self.cluster.director;
        let rules = self.rules(number);
        let answer = match restore {
            Restore::Ours => program::restore(director, &rules)?,
            Restore::Original => program::original_restore(director, &rules)?,
        };
        ensure!(
            answer.status == 0 && answer.stderr.is_empty(),
            "file {number}: {answer:?}\n{rules}"
        );
        let table = program::ipvsadm(director, ["-S", "-n"])?.stdout;
        ensure!(table == rules, "file {number}: {table} instead of\n{rules}");
        Ok(())
    }
}
