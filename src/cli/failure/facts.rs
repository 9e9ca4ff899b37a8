// SPDX-License-Identifier: MIT

//! Facts about the system, from files of the kernel.

use std::{fs, path::Path};

/// Bits of the sets of capabilities in `/proc/self/status`
/// (`linux/capability.h`).
const CAP_NET_ADMIN: u32 = 12;
const CAP_NET_RAW: u32 = 13;
const CAP_SYS_ADMIN: u32 = 21;

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
        let status = read("/proc/self/status").unwrap_or_default();
        let initial_user_namespace =
            read("/proc/self/uid_map").is_none_or(|map| is_initial_user_namespace(&map));
        let initial_pid_namespace =
            fs::read_link("/proc/self/ns/pid").map_or(true, |link| is_initial_pid_namespace(&link));
        Self {
            root: is_root(&status),
            net_admin: is_capable(&status, CAP_NET_ADMIN),
            net_raw: is_capable(&status, CAP_NET_RAW),
            sys_admin: is_capable(&status, CAP_SYS_ADMIN),
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
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    is_capable(&status, CAP_NET_ADMIN)
}

/// Returns the words after a name in `/proc/self/status`.
fn find_field<'a>(status: &'a str, name: &str) -> Option<Vec<&'a str>> {
    status.lines().find_map(|line| {
        let (found, words) = line.split_once(':')?;
        (found == name).then(|| words.split_whitespace().collect())
    })
}

fn is_root(status: &str) -> bool {
    // Real, effective, saved and file system user.
    find_field(status, "Uid").is_none_or(|users| users.get(1) == Some(&"0"))
}

fn is_capable(status: &str, capability: u32) -> bool {
    find_field(status, "CapEff")
        .and_then(|words| u64::from_str_radix(words.first()?, 16).ok())
        .is_none_or(|set| set >> capability & 1 == 1)
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
    fn the_effective_user_and_capabilities_count() {
        let root = "Name:\tipvsadm\nUid:\t1000\t0\t0\t0\nCapEff:\t0000000000001000\n";
        assert!(is_root(root));
        assert!(is_capable(root, CAP_NET_ADMIN));
        assert!(!is_capable(root, CAP_NET_RAW));
        let user = "Uid:\t0\t1000\t0\t0\nCapPrm:\tffffffffffffffff\nCapEff:\t0000000000002000\n";
        assert!(!is_root(user));
        assert!(!is_capable(user, CAP_NET_ADMIN));
        assert!(is_capable(user, CAP_NET_RAW));
    }

    #[test]
    fn what_cannot_be_read_is_in_order() {
        assert!(is_root(""));
        assert!(is_capable("", CAP_NET_ADMIN));
        assert!(is_capable("CapEff:\n", CAP_NET_ADMIN));
    }

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
