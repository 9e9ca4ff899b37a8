// SPDX-License-Identifier: MIT

//! `cargo lab demo`: the whole job, shown step by step and checked.

pub(crate) mod picture;
pub(crate) mod reload;

use std::io;
use std::net::SocketAddr;

use anyhow::{Context as _, Result, bail, ensure};

use crate::networks::cluster::{self, Cluster, Shares};
use crate::networks::http;
use crate::networks::load::Load;
use crate::output::out;
use crate::programs::answer::Answer;
use crate::programs::program;
use crate::progress::{self, Spinner};

/// The weights of server1, server2, ...
const WEIGHTS: [usize; 3] = [3, 2, 1];
/// Requests for the first look at the shares.
const REQUESTS: usize = 600;
/// Requests before and after each change while they continue.
const BETWEEN: usize = 60;
/// Requests after the rules came back.
const AFTERWARDS: usize = 200;

/// Runs the demonstration inside a kernel with IPVS.
///
/// # Errors
/// The first thing that is not as it must be, in words.
pub(crate) fn run() -> Result<()> {
    step("A client, a director and three web servers, each in a network of its own")?;
    let progress = Spinner::new("putting the virtual networks together");
    let cluster = Cluster::new(u8::try_from(WEIGHTS.len())?)?;
    drop(progress);
    let demo = Demo { cluster };
    out(format_args!(
        "    client {} -> {}\n",
        cluster::CLIENT,
        demo.service()
    ))?;
    for server in &demo.cluster.servers {
        out(format_args!(
            "    {} {}\n",
            server.namespace.name(),
            server.address
        ))?;
    }

    step("The director balances by weight 3:2:1, with masquerading")?;
    demo.set_up()?;
    out(format_args!("{}", indent(&demo.ipvsadm("-L -n")?)))?;

    step("600 HTTP requests, each on a new TCP connection")?;
    demo.balance(&demo.weights(None)?, REQUESTS)?;
    out(format_args!("{}", indent(&demo.ipvsadm("-L -n")?)))?;

    step("server2 is quiesced and removed while requests continue")?;
    demo.remove_under_load("server2")?;
    out(format_args!("{}", indent(&demo.ipvsadm("-L -n")?)))?;

    step("The rules are saved, cleared and restored")?;
    demo.save_and_restore()?;
    demo.balance(&demo.weights(Some("server2"))?, AFTERWARDS)?;

    step("Everything was as it must be")?;
    Ok(())
}

struct Demo {
    cluster: Cluster,
}

impl Demo {
    fn service(&self) -> SocketAddr {
        self.cluster.address()
    }

    /// Shows and runs one command; it must succeed and say nothing of an error.
    fn ipvsadm(&self, arguments: &str) -> Result<String> {
        self.ipvsadm_reading(arguments, "")
    }

    fn ipvsadm_reading(&self, arguments: &str, input: &str) -> Result<String> {
        out(format_args!("    $ ipvsadm {arguments}\n"))?;
        let words = arguments.split_ascii_whitespace();
        let Answer {
            stdout,
            stderr,
            status,
        } = program::ipvsadm_reading(&self.cluster.director, words, input)?;
        ensure!(
            status == 0 && stderr.is_empty(),
            "`ipvsadm {arguments}` ended with status {status}: {}",
            stderr.trim()
        );
        Ok(stdout)
    }

    fn address(&self, server: &str) -> Result<SocketAddr> {
        let mut servers = self.cluster.servers.iter();
        let found = servers.find(|known| known.namespace.name() == server);
        let found = found.with_context(|| format!("no {server} here"))?;
        Ok((found.address, http::PORT).into())
    }

    /// The names of the servers with their weights.
    fn weights(&self, without: Option<&str>) -> Result<Vec<(&str, usize)>> {
        let names = self.cluster.servers.iter().map(|it| it.namespace.name());
        let weights = names.zip(WEIGHTS);
        Ok(weights.filter(|(name, _)| Some(*name) != without).collect())
    }

    fn set_up(&self) -> Result<()> {
        let service = self.service();
        self.ipvsadm(&format!("-A -t {service} -s wrr"))?;
        for (name, weight) in self.weights(None)? {
            let server = self.address(name)?;
            self.ipvsadm(&format!("-a -t {service} -r {server} -m -w {weight}"))?;
        }
        Ok(())
    }

    /// Sends requests and compares who answered with the weights.
    fn balance(&self, weights: &[(&str, usize)], requests: usize) -> Result<()> {
        let expected = cluster::expected(weights.iter().copied(), requests)?;
        let progress = progress::bar(requests, "requests");
        let shares = self.cluster.requests(requests, || progress.inc(1))?;
        progress.finish_and_clear();
        out(format_args!(
            "    server    weight  requests  expected   share\n"
        ))?;
        for (name, weight) in weights {
            let got = shares.get(*name).copied().unwrap_or_default();
            let wanted = expected.get(*name).copied().unwrap_or_default();
            let share = (got * 1000 + requests / 2) / requests;
            out(format_args!(
                "    {name:8}  {weight:6}  {got:8}  {wanted:8}  {:3}.{}%\n",
                share / 10,
                share % 10
            ))?;
        }
        out(format_args!("    shares {}\n", ratio(&shares)))?;
        ensure!(
            shares == expected,
            "the shares do not follow the weights: {shares:?} instead of {expected:?}"
        );
        Ok(())
    }

    fn remove_under_load(&self, name: &str) -> Result<()> {
        let (service, server) = (self.service(), self.address(name)?);
        let progress = Spinner::new("requests continue");
        let mut load = Load::start(&self.cluster.client, service)?;
        let mut before = load.answers(BETWEEN)?;
        self.ipvsadm(&format!("-e -t {service} -r {server} -m -w 0"))?;
        add(&mut before, load.settle()?);
        out(format_args!("{}", indent(&self.ipvsadm("-L -n")?)))?;
        let mut quiesced = load.answers(BETWEEN)?;
        self.ipvsadm(&format!("-d -t {service} -r {server}"))?;
        add(&mut quiesced, load.settle()?);
        let mut removed = load.answers(BETWEEN)?;
        add(&mut removed, load.finish()?);
        drop(progress);
        out(format_args!(
            "    requests        server1  server2  server3  failed\n"
        ))?;
        for (when, shares) in [
            ("before", &before),
            ("quiesced", &quiesced),
            ("removed", &removed),
        ] {
            out(format_args!("    {when:14}"))?;
            for server in &self.cluster.servers {
                let got = shares.get(server.namespace.name());
                out(format_args!("  {:7}", got.copied().unwrap_or_default()))?;
            }
            out(format_args!("       0\n"))?;
            let expected = when == "before";
            ensure!(
                shares.contains_key(name) == expected,
                "{name} {} requests ({when})",
                if expected { "got no" } else { "still got" }
            );
        }
        Ok(())
    }

    fn save_and_restore(&self) -> Result<()> {
        let saved = self.ipvsadm("-S -n")?;
        out(format_args!("{}", indent(&saved)))?;
        ensure!(!saved.is_empty(), "nothing was saved");
        self.ipvsadm("-C")?;
        let cleared = self.ipvsadm("-S -n")?;
        ensure!(cleared.is_empty(), "-C left rules behind:\n{cleared}");
        if let Ok(shares) = self.cluster.requests(1, || ()) {
            bail!("the rules are cleared and a request was answered: {shares:?}");
        }
        self.ipvsadm_reading("-R", &saved)?;
        let restored = self.ipvsadm("-S -n")?;
        ensure!(
            restored == saved,
            "the restored rules are not the saved ones:\n{restored}"
        );
        out(format_args!("    the restored rules are the saved ones\n"))?;
        Ok(())
    }
}

fn add(to: &mut Shares, more: Shares) {
    for (name, number) in more {
        *to.entry(name).or_default() += number;
    }
}

/// The numbers in lowest terms, in the order of the servers' names.
fn ratio(shares: &Shares) -> String {
    let divisor = shares.values().copied().fold(0, greatest_common_divisor);
    let terms = shares
        .values()
        .map(|got| (got / divisor.max(1)).to_string());
    terms.collect::<Vec<_>>().join(":")
}

fn greatest_common_divisor(mut first: usize, mut second: usize) -> usize {
    while second != 0 {
        (first, second) = (second, first % second);
    }
    first
}

fn step(title: &str) -> io::Result<()> {
    out(format_args!("\n{title}\n"))
}

fn indent(text: &str) -> String {
    text.lines().map(|line| format!("    {line}\n")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ratio_is_in_lowest_terms() {
        let shares = |numbers: [usize; 3]| {
            ["a", "b", "c"]
                .map(str::to_owned)
                .into_iter()
                .zip(numbers)
                .collect()
        };
        assert_eq!(ratio(&shares([300, 200, 100])), "3:2:1");
        assert_eq!(ratio(&shares([299, 201, 100])), "299:201:100");
        assert_eq!(ratio(&Shares::new()), "");
    }
}
