// SPDX-License-Identifier: MIT

//! The words of command lines that people are told to run.

use std::fmt::Write as _;

use ipvs_client::{
    AddressFamily, DestinationId, NamespaceReference, Protocol, ServiceId, SyncDaemonSettings,
};

/// The network namespace that commands are meant for, if it is not that of whoever has
/// started the program.
#[derive(Clone, Debug, Default)]
pub(crate) struct Elsewhere(pub(crate) Option<NamespaceReference>);

impl Elsewhere {
    /// Makes a command do there what it would do here.
    pub(crate) fn spell(&self, command: &str) -> String {
        let Some(namespace) = &self.0 else {
            return command.to_owned();
        };
        let word = match namespace.name() {
            Some(name) => quote(name),
            None => namespace.process().map_or_else(
                || quote(&namespace.path().display().to_string()),
                |process| process.to_string(),
            ),
        };
        match command.strip_prefix("ipvsadm ") {
            Some(rest) => format!("ipvsadm --netns {word} {rest}"),
            None => {
                let path = quote(&namespace.path().display().to_string());
                format!("nsenter --net={path} {command}")
            }
        }
    }
}

/// Returns a text as a shell reads it as one word.
pub(crate) fn quote(text: &str) -> String {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "/._:@%+=-".contains(letter);
    match !text.is_empty() && text.chars().all(is_plain) {
        true => text.to_owned(),
        false => format!("'{}'", text.replace('\'', r"'\''")),
    }
}

/// Returns the option that names a virtual service of this protocol, if there is one.
pub(crate) fn protocol_option(protocol: Protocol) -> Option<&'static str> {
    match protocol {
        Protocol::Tcp => Some("-t"),
        Protocol::Udp => Some("-u"),
        Protocol::Sctp => Some("--sctp-service"),
        _ => None,
    }
}

/// Returns the options that name a virtual service on a command line, in numbers;
/// `None` where there are none.
pub(crate) fn name_service(service: &ServiceId) -> Option<String> {
    match *service {
        ServiceId::Address {
            protocol,
            address,
            port,
        } => {
            let endpoint = DestinationId::new(address, port);
            protocol_option(protocol).map(|option| format!("{option} {endpoint}"))
        }
        ServiceId::Fwmark { mark, family } => Some(match family {
            AddressFamily::Ipv4 => format!("-f {mark}"),
            AddressFamily::Ipv6 => format!("-f {mark} -6"),
        }),
    }
}

/// Returns the command that starts a synchronization daemon, without the program's name.
pub(crate) fn start_daemon(daemon: &SyncDaemonSettings) -> String {
    let mut text = format!(
        "--start-daemon {} --mcast-interface {} --syncid {}",
        daemon.role, daemon.interface, daemon.sync_id
    );
    // Writing to a String does not fail.
    if let Some(bytes) = daemon.sync_maxlen {
        let _ = write!(text, " --sync-maxlen {bytes}");
    }
    if let Some(group) = daemon.group {
        let _ = write!(text, " --mcast-group {group}");
    }
    if let Some(port) = daemon.port {
        let _ = write!(text, " --mcast-port {port}");
    }
    if let Some(ttl) = daemon.ttl {
        let _ = write!(text, " --mcast-ttl {ttl}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_for_another_network_namespace_name_it() {
        let command = "ipvsadm -e --keep -f 5 -r 10.0.0.2:80 -w 3";
        let setting = "sysctl -w net.ipv4.ip_forward=1";
        let spell = |namespace: &str, command| {
            let namespace = namespace.parse().unwrap();
            Elsewhere(Some(namespace)).spell(command)
        };
        assert_eq!(Elsewhere(None).spell(command), command);
        for (namespace, word, path) in [
            ("blue", "blue", "/run/netns/blue"),
            ("4711", "4711", "/proc/4711/ns/net"),
            ("./it's", r"'./it'\''s'", r"'./it'\''s'"),
        ] {
            assert_eq!(
                spell(namespace, command),
                format!("ipvsadm --netns {word} -e --keep -f 5 -r 10.0.0.2:80 -w 3")
            );
            assert_eq!(
                spell(namespace, setting),
                format!("nsenter --net={path} {setting}")
            );
        }
    }
}
