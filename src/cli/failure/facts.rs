// SPDX-License-Identifier: MIT

//! Facts about the system, from the kernel and its files.

use std::{fs, path::Path};

use rustix::thread::{CapabilitySet, capabilities};

/// Files that container engines leave in their containers.
const CONTAINER_MARKS: [&str; 3] = [
    "/.dockerenv",
    "/run/.containerenv",
    "/run/systemd/container",
];

/// Facts about the system that can be the reason of a failure. Those that cannot be
/// read are taken to be in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Facts {
    /// The effective user is root, be it only inside a user namespace.
    pub(crate) root: bool,
    /// The capability that IPVS asks for is in effect, be it only inside a
    /// user namespace.
    pub(crate) net_admin: bool,
    /// The capability that the original's socket needs is in effect, be it
    /// only inside a user namespace.
    pub(crate) net_raw: bool,
    /// The capability that it takes to enter a network namespace is in effect, be it
    /// only inside a user namespace.
    pub(crate) sys_admin: bool,
    pub(crate) initial_user_namespace: bool,
    /// The process is among all those of its kernel. Every usual container has
    /// process numbers of its own.
    pub(crate) initial_pid_namespace: bool,
    /// A container for certain; not every engine can be told.
    pub(crate) container: bool,
    /// There is a folder of modules for the running kernel.
    pub(crate) modules_installed: bool,
    /// Names of the modules that are loaded.
    pub(crate) modules: Vec<String>,
    /// The network namespace has a local IPv4 address, the one of `lo` or
    /// another. The kernel has no local route table before the first, and then
    /// takes every address for a broadcast.
    pub(crate) local_addresses: bool,
    /// Names of the interfaces of the network namespace.
    pub(crate) interfaces: Vec<String>,
}

impl Facts {
    /// A system where nothing is in the way, for tests.
    #[cfg(test)]
    pub(crate) const IN_ORDER: Self = Self {
        root: true,
        net_admin: true,
        net_raw: true,
        sys_admin: true,
        initial_user_namespace: true,
        initial_pid_namespace: true,
        container: false,
        modules_installed: true,
        modules: Vec::new(),
        local_addresses: true,
        interfaces: Vec::new(),
    };

    pub(crate) fn read() -> Self {
        let read = |path| fs::read_to_string(path).ok();
        let initial_user_namespace =
            read("/proc/self/uid_map").is_none_or(|map| is_initial_user_namespace(&map));
        let initial_pid_namespace =
            fs::read_link("/proc/self/ns/pid").map_or(true, |link| is_initial_pid_namespace(&link));
        Self {
            root: rustix::process::geteuid().is_root(),
            net_admin: is_capable(CapabilitySet::NET_ADMIN),
            net_raw: is_capable(CapabilitySet::NET_RAW),
            sys_admin: is_capable(CapabilitySet::SYS_ADMIN),
            initial_user_namespace,
            initial_pid_namespace,
            container: !initial_user_namespace
                || !initial_pid_namespace
                || CONTAINER_MARKS.iter().any(|mark| Path::new(mark).exists()),
            modules_installed: read("/proc/sys/kernel/osrelease")
                .is_none_or(|release| Path::new("/lib/modules").join(release.trim_end()).is_dir()),
            modules: name_modules(&read("/proc/modules").unwrap_or_default()),
            local_addresses: read("/proc/self/net/fib_trie").is_none_or(|trie| !trie.is_empty()),
            interfaces: name_interfaces(&read("/proc/self/net/dev").unwrap_or_default()),
        }
    }
}

/// Returns whether this process has the right to change the table, be it only inside a
/// user namespace.
pub(crate) fn may_administer() -> bool {
    is_capable(CapabilitySet::NET_ADMIN)
}

fn is_capable(capability: CapabilitySet) -> bool {
    // A filter of system calls that forbids the question says nothing about the answer.
    capabilities(None).map_or(true, |sets| sets.effective.contains(capability))
}

/// Only the initial namespace has every user as itself (`/proc/self/uid_map`:
/// first inside, first outside, how many).
fn is_initial_user_namespace(uid_map: &str) -> bool {
    uid_map.split_whitespace().eq(["0", "0", "4294967295"])
}

/// Returns the names before the colons in `/proc/net/dev`; its headings have none.
fn name_interfaces(dev: &str) -> Vec<String> {
    dev.lines()
        .filter_map(|line| Some(line.split_once(':')?.0.trim().to_owned()))
        .collect()
}

/// Its number has been the same since Linux 3.8 (`PROC_PID_INIT_INO` in
/// `linux/proc_ns.h`).
fn is_initial_pid_namespace(link: &Path) -> bool {
    link == Path::new("pid:[4026531836]")
}

/// Returns the first word of each line of `/proc/modules`.
fn name_modules(modules: &str) -> Vec<String> {
    modules
        .lines()
        .filter_map(|line| line.split_whitespace().next())
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_namespace_maps_some_users() {
        assert!(is_initial_user_namespace(
            "         0          0 4294967295\n"
        ));
        for map in [
            "         0       1000          1\n",
            "         0     100000      65536\n",
            "         0       1000          1\n         1     100000      65536\n",
            "",
        ] {
            assert!(!is_initial_user_namespace(map), "{map:?}");
        }
    }

    #[test]
    fn interfaces_stand_before_a_colon() {
        assert_eq!(
            name_interfaces(
                "Inter-|   Receive                                                |  Transmit\n \
                 face |bytes    packets errs drop fifo frame compressed multicast|bytes\n\
                 \x20   lo: 5160056   80064    0    0    0     0          0         0  5160056\n\
                 \x20 ens3:       0       0    0    0    0     0          0         0        0\n"
            ),
            ["lo", "ens3"]
        );
    }

    #[test]
    fn the_first_pid_namespace_is_known_by_its_number() {
        assert!(is_initial_pid_namespace(Path::new("pid:[4026531836]")));
        assert!(!is_initial_pid_namespace(Path::new("pid:[4026532217]")));
    }

    #[test]
    fn modules_are_known_by_their_first_word() {
        assert_eq!(
            name_modules(
                "ip_vs_wlc 1753 0 - Live 0x0000000000000000\n\
                 ip_vs 162529 2 ip_vs_wlc, Live 0x0000000000000000\n"
            ),
            ["ip_vs_wlc", "ip_vs"]
        );
    }
}
