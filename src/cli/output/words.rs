// SPDX-License-Identifier: MIT

//! Puts settings into words, for the wide table and the comments of -S.

use ipvs_client::{
    ForwardingMethod, Netmask, Persistence, ServiceSettings, Tunnel, TunnelChecksum,
};

/// Returns the settings of a virtual service that differ from the usual ones, the scheduler
/// aside.
pub(super) fn service_details(settings: &ServiceSettings) -> Vec<String> {
    let mut details: Vec<String> = settings
        .scheduler_flags
        .names(&settings.scheduler)
        .into_iter()
        .map(str::to_owned)
        .collect();
    if let Some(persistence) = settings.persistence {
        details.push(format!("persistent {} s", persistence.timeout));
        details.extend(netmask_text(persistence));
    }
    if let Some(engine) = &settings.persistence_engine {
        details.push(format!("engine {}", quoted(engine)));
    }
    if settings.one_packet {
        details.push("one-packet".to_owned());
    }
    details
}

/// Describes persistence.
pub(super) fn persistence_text(persistence: Persistence) -> String {
    let timeout = format!("{} s", persistence.timeout);
    match netmask_text(persistence) {
        Some(mask) => format!("{timeout} {mask}"),
        None => timeout,
    }
}

/// Describes the netmask, unless each client is treated by itself.
fn netmask_text(persistence: Persistence) -> Option<String> {
    persistence.netmask().map(|netmask| match netmask {
        Netmask::Ipv4(mask) => format!("mask {mask}"),
        Netmask::Ipv6(length) => format!("mask /{length}"),
    })
}

/// Returns the name of a forwarding method.
pub(super) fn method_name(method: ForwardingMethod) -> String {
    match method {
        ForwardingMethod::Masquerading => "masquerading",
        ForwardingMethod::LocalNode => "local node",
        ForwardingMethod::Tunneling(_) => "tunneling",
        ForwardingMethod::DirectRouting => "direct routing",
        ForwardingMethod::Bypass => "bypass",
        other => return format!("method {}", other.number()),
    }
    .to_owned()
}

/// Describes the tunnel, if the forwarding method is tunneling.
pub(super) fn tunnel_text(method: ForwardingMethod) -> Option<String> {
    let ForwardingMethod::Tunneling(tunnel) = method else {
        return None;
    };
    let words = |checksum| match checksum {
        TunnelChecksum::None => "no checksum",
        TunnelChecksum::Full => "checksum",
        TunnelChecksum::Remote => "remote checksum",
    };
    Some(match tunnel {
        Tunnel::Ipip => "ipip".to_owned(),
        Tunnel::Gue { port, checksum } => format!("gue port {port}, {}", words(checksum)),
        Tunnel::Gre { checksum } => format!("gre, {}", words(checksum)),
        Tunnel::Other { kind, port, flags } => {
            format!("tunnel type {kind}, port {port}, flags {flags}")
        }
        other => format!("tunnel type {}", other.kind()),
    })
}

/// Returns a name as it is, or in quotation marks if it is empty or has letters
/// that would break the word or the line.
pub(super) fn quoted(name: &str) -> String {
    let breaks = |letter: char| letter.is_whitespace() || letter.is_control();
    if name.is_empty() || name.contains(breaks) {
        format!("{name:?}")
    } else {
        name.to_owned()
    }
}
