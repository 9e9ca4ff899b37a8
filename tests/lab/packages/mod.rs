// SPDX-License-Identifier: MIT

//! The programs that the lab runs, and installing the packages that have them.

pub(crate) mod cache;
pub(crate) mod debian_13;
pub(crate) mod layer;
pub mod machine;
mod mounts;
pub mod package;
pub(crate) mod release;
pub mod root;
pub(crate) mod unpacking;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};

use crate::output::err;

/// A program of a Debian package.
#[derive(Debug, Clone, Copy)]
pub struct Tool {
    /// The package that has it.
    pub package: &'static str,
    /// Where it can be, the likeliest first.
    pub places: &'static [&'static str],
}

/// User Mode Linux, with its modules.
pub const UML: Tool = Tool {
    package: "user-mode-linux",
    places: &["/usr/bin/linux.uml"],
};
/// Loads modules into User Mode Linux.
pub const MODPROBE: Tool = Tool {
    package: "kmod",
    places: &["/usr/sbin/modprobe", "/sbin/modprobe"],
};
/// Makes links, addresses and routes.
pub const IP: Tool = Tool {
    package: "iproute2",
    places: &["/usr/sbin/ip", "/sbin/ip", "/usr/bin/ip", "/bin/ip"],
};
/// The original ipvsadm.
pub const ORIGINAL: Tool = Tool {
    package: "ipvsadm",
    places: &["/usr/sbin/ipvsadm", "/sbin/ipvsadm"],
};
/// Measures the memory of a program.
pub const TIME: Tool = Tool {
    package: "time",
    places: &["/usr/bin/time"],
};
/// Counts the instructions of a program.
pub const VALGRIND: Tool = Tool {
    package: "valgrind",
    places: &["/usr/bin/valgrind"],
};
/// Sets netfilter's rules up. (Debian's User Mode Linux has no nf_tables for
/// IPv4 and IPv6, so that nftables is of no use in it.)
pub const IPTABLES: Tool = Tool {
    package: "iptables",
    places: &["/usr/sbin/iptables-legacy", "/sbin/iptables-legacy"],
};
/// A web client.
pub const CURL: Tool = Tool {
    package: "curl",
    places: &["/usr/bin/curl"],
};
/// The package that has `sysctl`.
pub const PROCPS: Tool = Tool {
    package: "procps",
    places: &["/usr/sbin/sysctl", "/sbin/sysctl"],
};
/// Gives a file capabilities.
pub const SETCAP: Tool = Tool {
    package: "libcap2-bin",
    places: &["/usr/sbin/setcap", "/sbin/setcap"],
};
/// Shows and changes what devices do.
pub const ETHTOOL: Tool = Tool {
    package: "ethtool",
    places: &["/usr/sbin/ethtool", "/sbin/ethtool"],
};
/// Picks parts of JSON documents, and changes them.
pub const JQ: Tool = Tool {
    package: "jq",
    places: &["/usr/bin/jq"],
};
/// Emulates a machine.
pub const QEMU: Tool = Tool {
    package: "qemu-system-x86",
    places: &["/usr/bin/qemu-system-x86_64"],
};
/// A client that runs `ipvsadm` whenever a server dies or comes back.
pub const LDIRECTORD: Tool = Tool {
    package: "ldirectord",
    places: &["/usr/sbin/ldirectord"],
};
/// Lets ldirectord ask for pages over IPv6, which its package does not see to.
pub const NET_INET6GLUE: Tool = Tool {
    package: "libnet-inet6glue-perl",
    places: &["/usr/share/perl5/Net/INET6Glue.pm"],
};
/// Sets addresses up for a cluster; the package also has what other resource agents need.
pub const RESOURCE_AGENTS: Tool = Tool {
    package: "resource-agents",
    places: &["/usr/lib/ocf/resource.d/heartbeat/IPaddr2"],
};
/// Tells what a cluster would do; the package also has what reads and changes its
/// configuration.
pub const CRM_SIMULATE: Tool = Tool {
    package: "pacemaker-cli-utils",
    places: &["/usr/sbin/crm_simulate"],
};
/// Judges unit files.
pub const SYSTEMD_ANALYZE: Tool = Tool {
    package: "systemd",
    places: &["/usr/bin/systemd-analyze"],
};
/// Runs the scripts of OpenRC.
pub const OPENRC: Tool = Tool {
    package: "openrc",
    places: &["/usr/sbin/openrc-run"],
};
/// Listens as a socket unit does.
pub const SYSTEMD_SOCKET_ACTIVATE: Tool = Tool {
    package: "systemd",
    places: &["/usr/bin/systemd-socket-activate"],
};
/// A client that sets its tables up through netlink.
pub const KEEPALIVED: Tool = Tool {
    package: "keepalived",
    places: &["/usr/sbin/keepalived"],
};
/// Runs Python programs.
pub const PYTHON: Tool = Tool {
    package: "python3",
    places: &["/usr/bin/python3"],
};
/// Reads OpenMetrics text, for Python programs: the library of Prometheus.
pub const PROMETHEUS_CLIENT: Tool = Tool {
    package: "python3-prometheus-client",
    places: &["/usr/lib/python3/dist-packages/prometheus_client/openmetrics/parser.py"],
};
/// Does what playbooks say, on this machine and others.
pub const ANSIBLE_PLAYBOOK: Tool = Tool {
    package: "ansible-core",
    places: &["/usr/bin/ansible-playbook"],
};
/// Exports what /proc says about IPVS to Prometheus, and collects text files.
pub const NODE_EXPORTER: Tool = Tool {
    package: "prometheus-node-exporter",
    places: &["/usr/bin/prometheus-node-exporter"],
};
/// Collects metrics from exporters, and alerts.
pub const PROMETHEUS: Tool = Tool {
    package: "prometheus",
    places: &["/usr/bin/prometheus"],
};
/// Judges and tests alerts of Prometheus.
pub const PROMTOOL: Tool = Tool {
    package: "prometheus",
    places: &["/usr/bin/promtool"],
};
/// Builds packages of Red Hat's kind; the package also has what installs them.
pub const RPMBUILD: Tool = Tool {
    package: "rpm",
    places: &["/usr/bin/rpmbuild"],
};
/// Judges packages of Red Hat's kind.
pub const RPMLINT: Tool = Tool {
    package: "rpmlint",
    places: &["/usr/bin/rpmlint"],
};
/// Compiles and links for s390x.
pub const S390X_GCC: Tool = Tool {
    package: "gcc-s390x-linux-gnu",
    places: &["/usr/bin/s390x-linux-gnu-gcc"],
};
/// The C library of s390x, to be linked with.
pub const S390X_LIBC: Tool = Tool {
    package: "libc6-dev-s390x-cross",
    places: &["/usr/s390x-linux-gnu/lib/libc.a"],
};
/// Runs programs of other machines on this kernel.
pub const QEMU_USER: Tool = Tool {
    package: "qemu-user-static",
    places: &["/usr/bin/qemu-s390x-static"],
};
/// Judges packages of Debian's kind.
pub const LINTIAN: Tool = Tool {
    package: "lintian",
    places: &["/usr/bin/lintian"],
};
/// Completes words in bash.
pub const BASH_COMPLETION: Tool = Tool {
    package: "bash-completion",
    places: &["/usr/share/bash-completion/bash_completion"],
};
/// A terminal that tells what is on its screen.
pub const TMUX: Tool = Tool {
    package: "tmux",
    places: &["/usr/bin/tmux"],
};
/// A shell.
pub const ZSH: Tool = Tool {
    package: "zsh",
    places: &["/usr/bin/zsh"],
};
/// A shell.
pub const FISH: Tool = Tool {
    package: "fish",
    places: &["/usr/bin/fish"],
};

impl Tool {
    /// The program's path on this machine.
    #[must_use]
    pub fn find(&self) -> Option<&'static Path> {
        self.places
            .iter()
            .map(Path::new)
            .find(|place| place.exists())
    }
}

/// Installs the packages of the tools that are not there, after saying so on
/// standard error.
///
/// # Errors
/// When they cannot be installed; the text names the packages.
pub fn install(tools: &[Tool]) -> Result<()> {
    let missing = missing(tools);
    if missing.is_empty() {
        return Ok(());
    }
    let names = missing.iter().copied().collect::<Vec<_>>().join(" ");
    let front = front()
        .with_context(|| format!("programs are missing that Debian has in the packages {names}"))?;
    let by = if front.len() > 1 { " with sudo" } else { "" };
    err(format_args!(
        "ipvs-lab: installing the Debian packages {names}{by}\n"
    ));
    let mut arguments = vec![
        "install",
        "--yes",
        "--quiet=2",
        "--no-install-recommends",
        "-o=Dpkg::Use-Pty=0",
    ];
    arguments.extend(&missing);
    // The package lists may be absent or too old to name files that still
    // exist: then the first try fails, and a second one after `update` may not.
    if lists_are_there() && apt_get(&front, &arguments, Stdio::null()) {
        return verify(tools);
    }
    update()?;
    if apt_get(&front, &arguments, Stdio::inherit()) {
        return verify(tools);
    }
    bail!("apt-get could not install {names}: its messages stand above")
}

/// Fetches the package lists anew.
///
/// # Errors
/// When there is no apt-get here, or no way to be root.
pub(crate) fn update() -> Result<()> {
    // One package source out of order need not matter.
    apt_get(&front()?, &["update", "--quiet=2"], Stdio::inherit());
    Ok(())
}

/// The words that start apt-get as root.
fn front() -> Result<Vec<PathBuf>> {
    let apt = on_path("apt-get").context("no apt-get here")?;
    if nix::unistd::geteuid().is_root() {
        return Ok(vec![apt]);
    }
    let sudo = on_path("sudo").context("no sudo here to run apt-get as root")?;
    Ok(vec![sudo, apt])
}

/// The packages of the tools that are not there.
pub(crate) fn missing(tools: &[Tool]) -> BTreeSet<&'static str> {
    tools
        .iter()
        .filter(|tool| tool.find().is_none())
        .map(|tool| tool.package)
        .collect()
}

fn verify(tools: &[Tool]) -> Result<()> {
    match missing(tools).first() {
        None => Ok(()),
        Some(package) => bail!("the package {package} is installed but its program is not there"),
    }
}

/// Runs apt-get. Its words go to standard error: standard output is the command's.
fn apt_get(front: &[PathBuf], arguments: &[&str], errors: Stdio) -> bool {
    let Some((program, rest)) = front.split_first() else {
        return false;
    };
    Command::new("env")
        .arg("DEBIAN_FRONTEND=noninteractive")
        .arg(program)
        .args(rest)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(errors)
        .status()
        .is_ok_and(|status| status.success())
}

fn lists_are_there() -> bool {
    std::fs::read_dir("/var/lib/apt/lists").is_ok_and(|entries| {
        entries
            .flatten()
            .any(|entry| entry.file_name().to_string_lossy().contains("Packages"))
    })
}

fn on_path(program: &str) -> Option<PathBuf> {
    std::env::split_paths(&std::env::var_os("PATH")?)
        .map(|directory| directory.join(program))
        .find(|candidate| candidate.is_file())
}
