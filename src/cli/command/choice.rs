// SPDX-License-Identifier: MIT

//! The words that options take from a fixed set: one list for each set, which
//! the parser, the help text, errors, hints and completions read.

use ipvs_client::{DaemonRole, Interface};

use super::TunnelKind;

/// A word of a fixed set.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Choice<T> {
    pub(crate) name: &'static str,
    /// Explains the word in completions.
    pub(crate) meaning: &'static str,
    /// The value that the word stands for.
    pub(crate) value: T,
}

/// The wish for colours, of --color.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Colour {
    /// The terminal and the environment decide.
    #[default]
    Auto,
    Always,
    Never,
}

#[rustfmt::skip]
pub(crate) static COLOURS: [Choice<Colour>; 3] = [
    Choice { name: "auto", meaning: "On a terminal, unless NO_COLOR is set", value: Colour::Auto },
    Choice { name: "always", meaning: "Into files and pipes too", value: Colour::Always },
    Choice { name: "never", meaning: "No colours", value: Colour::Never },
];

/// The forms of --output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OutputForm {
    Classic,
    Wide,
    Json,
    OpenMetrics,
}

#[rustfmt::skip]
pub(crate) static FORMS: [Choice<OutputForm>; 4] = [
    Choice { name: "classic", meaning: "The columns of the original", value: OutputForm::Classic },
    Choice { name: "wide", meaning: "Columns for people", value: OutputForm::Wide },
    Choice { name: "json", meaning: "A JSON document", value: OutputForm::Json },
    Choice { name: "openmetrics", meaning: "Text for Prometheus", value: OutputForm::OpenMetrics },
];

#[rustfmt::skip]
pub(crate) static TUNNELS: [Choice<TunnelKind>; 3] = [
    Choice { name: "ipip", meaning: "IP in IP", value: TunnelKind::Ipip },
    Choice { name: "gue", meaning: "Generic UDP encapsulation", value: TunnelKind::Gue },
    Choice { name: "gre", meaning: "Generic routing encapsulation", value: TunnelKind::Gre },
];

/// The protocols of connections, with the kernel's words for them.
#[rustfmt::skip]
pub(crate) static CONNECTION_PROTOCOLS: [Choice<&str>; 4] = [
    Choice { name: "tcp", meaning: "Transmission Control Protocol", value: "TCP" },
    Choice { name: "udp", meaning: "User Datagram Protocol", value: "UDP" },
    Choice { name: "sctp", meaning: "Stream Control Transmission Protocol", value: "SCTP" },
    Choice { name: "ip", meaning: "Templates of persistent firewall marks", value: "IP" },
];

/// The states of connections: the kernel's words, which it has in
/// `ip_vs_proto_tcp.c`, `ip_vs_proto_udp.c`, `ip_vs_proto_sctp.c` and `ip_vs_proto.c`.
#[rustfmt::skip]
pub(crate) static CONNECTION_STATES: [Choice<()>; 25] = [
    Choice { name: "ESTABLISHED", meaning: "TCP and SCTP: data can flow", value: () },
    Choice { name: "SYN_SENT", meaning: "TCP: the server has begun it", value: () },
    Choice { name: "SYN_RECV", meaning: "TCP: the client has begun it", value: () },
    Choice { name: "SYNACK", meaning: "TCP: the server has answered", value: () },
    Choice { name: "FIN_WAIT", meaning: "TCP: one side has closed it", value: () },
    Choice { name: "CLOSE_WAIT", meaning: "TCP: the client has closed it", value: () },
    Choice { name: "LAST_ACK", meaning: "TCP: the last packet is missing", value: () },
    Choice { name: "TIME_WAIT", meaning: "TCP: both sides have closed it", value: () },
    Choice { name: "CLOSE", meaning: "TCP: it was reset", value: () },
    Choice { name: "LISTEN", meaning: "TCP: a server waits for data of FTP", value: () },
    Choice { name: "UDP", meaning: "UDP", value: () },
    Choice { name: "INIT1", meaning: "SCTP: first packet of the client", value: () },
    Choice { name: "INIT", meaning: "SCTP: the client has begun it", value: () },
    Choice { name: "C-SENT", meaning: "SCTP: cookie sent", value: () },
    Choice { name: "C-REPLIED", meaning: "SCTP: cookie replied", value: () },
    Choice { name: "C-WAIT", meaning: "SCTP: waiting for the cookie", value: () },
    Choice { name: "COOKIE", meaning: "SCTP: cookie", value: () },
    Choice { name: "C-ECHOED", meaning: "SCTP: cookie echoed", value: () },
    Choice { name: "S-SENT", meaning: "SCTP: end sent", value: () },
    Choice { name: "S-RECEIVED", meaning: "SCTP: end received", value: () },
    Choice { name: "S-ACK-SENT", meaning: "SCTP: end acknowledged", value: () },
    Choice { name: "REJECTED", meaning: "SCTP: refused", value: () },
    Choice { name: "CLOSED", meaning: "SCTP: ended", value: () },
    Choice { name: "NONE", meaning: "None yet; or a template that is not assured", value: () },
    Choice { name: "ASSURED", meaning: "A template whose client has connected", value: () },
];

#[rustfmt::skip]
pub(crate) static ROLES: [Choice<DaemonRole>; 2] = [
    Choice { name: "master", meaning: "Tells of its connections", value: DaemonRole::Master },
    Choice { name: "backup", meaning: "Learns of the connections of others", value: DaemonRole::Backup },
];

/// The interfaces of the kernel that --interface chooses from.
pub(crate) static INTERFACES: [Choice<Interface>; 2] = [
    Choice {
        name: Interface::Netlink.name(),
        meaning: "Generic netlink: all of IPVS, for root",
        value: Interface::Netlink,
    },
    Choice {
        name: Interface::SocketOptions.name(),
        meaning: "Socket options: IPv4, for root of a user namespace too",
        value: Interface::SocketOptions,
    },
];

/// Returns the value that a word stands for.
pub(crate) fn find<T: Copy>(choices: &[Choice<T>], name: &str) -> Option<T> {
    let choice = choices.iter().find(|choice| choice.name == name)?;
    Some(choice.value)
}

pub(crate) fn names<T>(choices: &[Choice<T>]) -> Vec<&'static str> {
    choices.iter().map(|choice| choice.name).collect()
}

/// Returns each word with what explains it.
pub(crate) fn meanings<T>(choices: &[Choice<T>]) -> Vec<(&'static str, &'static str)> {
    let pair = |choice: &Choice<T>| (choice.name, choice.meaning);
    choices.iter().map(pair).collect()
}

/// Joins words as a sentence does: `a`, `a and b`, `a, b and c`.
pub(crate) fn join<T: AsRef<str>>(words: &[T], and: &str) -> String {
    let Some((last, others)) = words.split_last() else {
        return String::new();
    };
    let last = last.as_ref();
    let others: Vec<&str> = others.iter().map(AsRef::as_ref).collect();
    if others.is_empty() {
        return last.to_owned();
    }
    format!("{} {and} {last}", others.join(", "))
}
