// SPDX-License-Identifier: MIT

//! The commands that findings print, as a shell reads them.

use std::fmt::Display;

use ipvs_client::{DestinationId, ServiceId};

use crate::{
    command::spelling::{name_service, quote},
    system::settings::sysctl_name,
};

/// Words in commands that stand for what this program cannot know. Whoever runs such a
/// command writes something else in their place.
pub(crate) mod placeholder {
    /// The address of a machine, or of packets.
    pub(crate) const ADDRESS: &str = "ADDRESS";
    pub(crate) const INTERFACE: &str = "INTERFACE";
    /// The option for a forwarding method.
    pub(crate) const METHOD: &str = "METHOD";
    pub(crate) const PORT: &str = "PORT";
    pub(crate) const PROTOCOL: &str = "PROTOCOL";
    /// The address of the router that packets are handed to.
    pub(crate) const ROUTER: &str = "ROUTER";
    /// The address of a real server.
    pub(crate) const SERVER: &str = "SERVER";

    pub(super) const ALL: [&str; 7] = [ADDRESS, INTERFACE, METHOD, PORT, PROTOCOL, ROUTER, SERVER];
}

/// Returns the placeholders in these commands, each once, in their order.
pub(crate) fn find_placeholders(commands: &[String]) -> Vec<&str> {
    let words = commands.iter().flat_map(|command| command.split(' '));
    let mut found = Vec::new();
    for word in words {
        if placeholder::ALL.contains(&word) && !found.contains(&word) {
            found.push(word);
        }
    }
    found
}

/// Sets an interface up.
pub(super) fn set_up(interface: &str) -> String {
    format!("ip link set {} up", quote(interface))
}

/// Gives a setting below `/proc/sys/net` a value.
pub(super) fn set(setting: &str, value: impl Display) -> String {
    format!(
        "sysctl -w {}",
        quote(&format!("{}={value}", sysctl_name(setting)))
    )
}

/// Edits a virtual service; none where no option names it.
pub(super) fn edit_service(service: &ServiceId, options: &str) -> Option<String> {
    let service = name_service(service)?;
    Some(format!("ipvsadm -E --keep {service} {options}"))
}

/// Edits a real server; none where no option names its service.
pub(super) fn edit_server(
    service: &ServiceId,
    server: &DestinationId,
    options: &str,
) -> Option<String> {
    let service = name_service(service)?;
    Some(format!("ipvsadm -e --keep {service} -r {server} {options}"))
}

/// Adds a virtual service; none where no option names it.
pub(super) fn add_service(service: &ServiceId) -> Option<String> {
    let name = name_service(service)?;
    let is_every_port = matches!(service, ServiceId::Address { port: 0, .. });
    // Every port is only for persistent services.
    let persistence = if is_every_port { " -p" } else { "" };
    Some(format!("ipvsadm -A {name}{persistence}"))
}

/// Adds a real server that only people know; none where no option names the service.
pub(super) fn add_server(service: &ServiceId) -> Option<String> {
    let service = name_service(service)?;
    Some(format!(
        "ipvsadm -a {service} -r {} {}",
        placeholder::SERVER,
        placeholder::METHOD
    ))
}

/// Says what to write in the place of the words of [`add_server`].
pub(super) const SERVER_WORDS: &str = "SERVER stands for the address of a real server, and METHOD \
    for -m (masquerading), -g (direct routing) or -i (tunneling).";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_interfaces_are_words_of_the_shell() {
        // The kernel takes every name without blanks, slashes and colons.
        assert_eq!(set_up("eth0.5"), "ip link set eth0.5 up");
        assert_eq!(set_up("a;reboot"), "ip link set 'a;reboot' up");
        assert_eq!(
            set("ipv4/conf/it's/forwarding", 1),
            r"sysctl -w 'net.ipv4.conf.it'\''s.forwarding=1'"
        );
        assert_eq!(
            set("ipv4/conf/eth0.5/forwarding", 1),
            "sysctl -w net.ipv4.conf.eth0/5.forwarding=1"
        );
        assert_eq!(
            set("ipv4/vs/sync_threshold", "3 50"),
            "sysctl -w 'net.ipv4.vs.sync_threshold=3 50'"
        );
    }

    #[test]
    fn a_service_of_every_port_is_added_with_persistence() {
        let add = |service: &str| add_service(&service.parse().unwrap()).unwrap();
        assert_eq!(add("TCP 192.0.2.1:80"), "ipvsadm -A -t 192.0.2.1:80");
        assert_eq!(add("TCP 192.0.2.1:0"), "ipvsadm -A -t 192.0.2.1:0 -p");
        assert_eq!(add("fwmark 1 IPv6"), "ipvsadm -A -f 1 -6");
    }

    #[test]
    fn placeholders_are_whole_words() {
        let commands = [
            "ipvsadm -a -f 1 -r SERVER METHOD",
            "ip route replace 10.0.0.2/32 via ROUTER",
            "echo PORTS SERVER",
        ];
        assert_eq!(
            find_placeholders(&commands.map(str::to_owned)),
            ["SERVER", "METHOD", "ROUTER"]
        );
        let complete = ["iptables -t mangle -A PREROUTING -j MARK".to_owned()];
        assert_eq!(find_placeholders(&complete), [""; 0]);
    }
}
