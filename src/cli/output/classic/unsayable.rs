// SPDX-License-Identifier: MIT

//! Finds services and destinations that no command line makes as they are. Other
//! programs and newer kernels put them there; `-S` must neither leave them out
//! silently nor write a line that means something else.

use std::fmt;

use ipvs_client::{
    AddressFamily, Destination, DestinationId, DestinationSettings, ForwardingMethod, Netmask,
    Protocol, Service, ServiceId, Tunnel, TunnelChecksum,
};

use crate::command::range;
use crate::output::words::{method_name, quoted, service_details, tunnel_text};

/// A service or destination that was not saved, and the reason.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("cannot save {object}: {reason}")]
pub(crate) struct Unsaved {
    pub(super) object: ObjectId,
    pub(super) reason: UnsavedReason,
}

impl Unsaved {
    /// Returns the loss in a JSON document, if there is one: the document has a field
    /// for all of a service but flags that have no name.
    pub(crate) fn in_json(service: &Service) -> Option<Self> {
        (service.unknown_flags != 0).then_some(Self {
            object: ObjectId::Service(service.id),
            reason: UnsavedReason::FlagsInJson,
        })
    }
}

/// Names a virtual service, or a real server of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ObjectId {
    Service(ServiceId),
    Server(ServiceId, DestinationId),
}

impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Service(id) => write!(f, "virtual service {id}"),
            Self::Server(service, id) => write!(f, "real server {id} of {service}"),
        }
    }
}

/// The reason why no command line makes a service or destination.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum UnsavedReason {
    #[error("no option has this protocol")]
    Protocol,
    #[error("port 0 needs persistence")]
    ZeroPort,
    #[error("one-packet scheduling is for UDP and firewall marks")]
    OnePacket,
    #[error("a persistence timeout is 1 to {} seconds", range::PERSISTENCE_TIMEOUT.end())]
    Timeout,
    #[error("a prefix length is 1 to 128")]
    PrefixLength,
    #[error("the name is no single word")]
    Name,
    #[error("no option sets these flags")]
    Flags,
    #[error("the document has no field for its flags")]
    FlagsInJson,
    #[error("its virtual service cannot be saved")]
    Service,
    #[error("no option has this forwarding method")]
    Method,
    #[error("only masquerading has another port than the virtual service")]
    Port,
    #[error("only tunneling leads to the other address family")]
    Families,
    #[error("no options describe this tunnel")]
    Tunnel,
    #[error("a weight is 0 to {}", range::WEIGHT.end())]
    Weight,
    #[error("a threshold is 0 to {}", range::THRESHOLD.end())]
    Threshold,
}

impl UnsavedReason {
    /// Returns the reason why no command line adds the virtual service, if there is one.
    pub(super) fn of_service(service: &Service) -> Option<Self> {
        let settings = &service.settings;
        if let ServiceId::Address { protocol, port, .. } = service.id {
            if matches!(protocol, Protocol::Other(_)) {
                return Some(Self::Protocol);
            }
            if port == 0 && settings.persistence.is_none() {
                return Some(Self::ZeroPort);
            }
            if settings.one_packet && protocol != Protocol::Udp {
                return Some(Self::OnePacket);
            }
        }
        if let Some(persistence) = settings.persistence {
            if !range::PERSISTENCE_TIMEOUT.contains(&persistence.timeout) {
                return Some(Self::Timeout);
            }
            if let Some(Netmask::Ipv6(length)) = persistence.netmask()
                && !(1..=128).contains(&length)
            {
                return Some(Self::PrefixLength);
            }
        }
        let engine = settings.persistence_engine.as_deref();
        if !is_word(&settings.scheduler) || engine.is_some_and(|engine| !is_word(engine)) {
            return Some(Self::Name);
        }
        (service.unknown_flags != 0).then_some(Self::Flags)
    }

    /// Returns the reason why no command line adds the destination, if there is one.
    pub(super) fn of_destination(service: &ServiceId, destination: &Destination) -> Option<Self> {
        let DestinationSettings {
            forwarding_method,
            weight,
            upper_threshold,
            lower_threshold,
            ..
        } = destination.settings;
        match forwarding_method {
            ForwardingMethod::Masquerading | ForwardingMethod::DirectRouting => {
                if AddressFamily::from(destination.id.address) != service.family() {
                    return Some(Self::Families);
                }
            }
            ForwardingMethod::Tunneling(
                Tunnel::Other { .. }
                | Tunnel::Gre {
                    checksum: TunnelChecksum::Remote,
                },
            ) => return Some(Self::Tunnel),
            ForwardingMethod::Tunneling(_) => {}
            // Not -g for a local node: to the kernel, direct routing to one of the
            // director's own addresses is direct routing (seen on Linux 6.1).
            _ => return Some(Self::Method),
        }
        if let ServiceId::Address { port, .. } = *service
            && forwarding_method != ForwardingMethod::Masquerading
            && port != destination.id.port
        {
            return Some(Self::Port);
        }
        if !range::WEIGHT.contains(&weight) {
            return Some(Self::Weight);
        }
        if !range::THRESHOLD.contains(&upper_threshold.max(lower_threshold)) {
            return Some(Self::Threshold);
        }
        None
    }
}

/// Describes a service that no command line makes as it is.
pub(crate) fn describe_unsayable_service(service: &Service) -> Option<String> {
    let reason = UnsavedReason::of_service(service)?;
    let object = ObjectId::Service(service.id);
    Some(format!("{object}{} ({reason})", service_words(service)))
}

/// Describes a destination that no command line makes as it is.
pub(crate) fn describe_unsayable_destination(
    service: &ServiceId,
    destination: &Destination,
) -> Option<String> {
    let reason = UnsavedReason::of_destination(service, destination)?;
    let object = ObjectId::Server(*service, destination.id);
    let words = destination_words(&destination.settings);
    Some(format!("{object}{words} ({reason})"))
}

/// Tells whether -R reads the name as one word, and as this one: it knows no
/// quoting, and leaves out the program's own name.
fn is_word(name: &str) -> bool {
    quoted(name) == name && name != "ipvsadm"
}

/// Describes the settings of a virtual service, with a comma before each.
pub(super) fn service_words(service: &Service) -> String {
    let mut words = format!(", {}", quoted(&service.settings.scheduler));
    for detail in service_details(&service.settings) {
        words.push_str(&format!(", {detail}"));
    }
    if service.unknown_flags != 0 {
        words.push_str(&format!(", flags {:#x}", service.unknown_flags));
    }
    words
}

/// Describes the settings of a destination, with a comma before each.
pub(super) fn destination_words(settings: &DestinationSettings) -> String {
    let mut words = format!(", {}", method_name(settings.forwarding_method));
    if let Some(tunnel) = tunnel_text(settings.forwarding_method) {
        words.push_str(&format!(", {tunnel}"));
    }
    words.push_str(&format!(", weight {}", settings.weight));
    let (upper, lower) = (settings.upper_threshold, settings.lower_threshold);
    if upper != 0 || lower != 0 {
        words.push_str(&format!(", thresholds {upper} and {lower}"));
    }
    words
}

#[cfg(test)]
mod tests {
    use ipvs_client::{Persistence, ServiceSettings};

    use super::*;

    fn service(id: &str, settings: ServiceSettings) -> Service {
        Service::new(id.parse().unwrap(), settings)
    }

    fn words_of(service: &Service) -> String {
        describe_unsayable_service(service).unwrap_or_default()
    }

    fn words_of_server(service: &str, id: &str, settings: DestinationSettings) -> String {
        let destination = Destination::new(id.parse().unwrap(), settings);
        describe_unsayable_destination(&service.parse().unwrap(), &destination).unwrap_or_default()
    }

    /// The options of ipvsadm(8) take the first value of each kind and not the next.
    #[test]
    fn a_service_that_no_option_makes_is_described_with_the_reason() {
        let rr = || ServiceSettings::new("rr");
        let prefix = |length| Persistence::new(60).with_netmask(Netmask::Ipv6(length));
        let with_prefix = |length| {
            let mut settings = rr();
            settings.persistence = Some(prefix(length));
            settings
        };
        let mut flagged = service("UDP 10.0.0.1:53", rr());
        flagged.unknown_flags = 0x100;
        let mut engine = rr();
        engine.persistence_engine = Some("s p".into());
        let mut one_packet = rr();
        one_packet.one_packet = true;
        for (service, words) in [
            (service("TCP 10.0.0.1:80", rr()), ""),
            (service("TCP 10.0.0.1:0", rr().persistent(60)), ""),
            (
                service("TCP 10.0.0.1:0", rr()),
                "virtual service TCP 10.0.0.1:0, rr (port 0 needs persistence)",
            ),
            (
                Service::new(
                    ServiceId::Address {
                        protocol: Protocol::Other(1),
                        address: [10, 0, 0, 1].into(),
                        port: 80,
                    },
                    rr(),
                ),
                "virtual service protocol 1 10.0.0.1:80, rr (no option has this protocol)",
            ),
            (service("UDP 10.0.0.1:53", one_packet.clone()), ""),
            (service("fwmark 1", one_packet.clone()), ""),
            (
                service("TCP 10.0.0.1:80", one_packet),
                "virtual service TCP 10.0.0.1:80, rr, one-packet \
                 (one-packet scheduling is for UDP and firewall marks)",
            ),
            (
                service("TCP 10.0.0.1:80", rr().persistent(0)),
                "virtual service TCP 10.0.0.1:80, rr, persistent 0 s \
                 (a persistence timeout is 1 to 2678400 seconds)",
            ),
            (service("TCP 10.0.0.1:80", rr().persistent(2_678_400)), ""),
            (service("TCP [2001:db8::1]:80", with_prefix(1)), ""),
            (
                service("TCP [2001:db8::1]:80", with_prefix(0)),
                "virtual service TCP [2001:db8::1]:80, rr, persistent 60 s, mask /0 \
                 (a prefix length is 1 to 128)",
            ),
            (
                service("TCP 10.0.0.1:80", ServiceSettings::new("r r")),
                "virtual service TCP 10.0.0.1:80, \"r r\" (the name is no single word)",
            ),
            (
                service("TCP 10.0.0.1:80", ServiceSettings::new("r\u{7}r")),
                "virtual service TCP 10.0.0.1:80, \"r\\u{7}r\" (the name is no single word)",
            ),
            (
                service("TCP 10.0.0.1:80", ServiceSettings::new("")),
                "virtual service TCP 10.0.0.1:80, \"\" (the name is no single word)",
            ),
            (
                service("TCP 10.0.0.1:80", ServiceSettings::new("ipvsadm")),
                "virtual service TCP 10.0.0.1:80, ipvsadm (the name is no single word)",
            ),
            (
                service("TCP 10.0.0.1:80", engine),
                "virtual service TCP 10.0.0.1:80, rr, engine \"s p\" \
                 (the name is no single word)",
            ),
            (
                flagged,
                "virtual service UDP 10.0.0.1:53, rr, flags 0x100 (no option sets these flags)",
            ),
        ] {
            assert_eq!(words_of(&service), words);
        }
    }

    #[test]
    fn a_server_that_no_option_makes_is_described_with_the_reason() {
        let (tcp, mark) = ("TCP 10.0.0.1:80", "fwmark 1");
        let masquerading = DestinationSettings::masquerading;
        let direct = DestinationSettings::direct_routing;
        let gre = |checksum| DestinationSettings::tunneling(Tunnel::Gre { checksum });
        let ipip = || DestinationSettings::tunneling(Tunnel::Ipip);
        let most = i32::MAX.unsigned_abs();
        for (service, id, settings, words) in [
            (tcp, "10.0.0.2:80", direct().weight(most), ""),
            (
                tcp,
                "10.0.0.2:8080",
                masquerading().upper_threshold(most),
                "",
            ),
            (tcp, "[2001:db8::2]:80", ipip(), ""),
            (mark, "10.0.0.2:8080", direct(), ""),
            (tcp, "10.0.0.2:80", gre(TunnelChecksum::Full), ""),
            (
                tcp,
                "10.0.0.2:80",
                gre(TunnelChecksum::Remote),
                "real server 10.0.0.2:80 of TCP 10.0.0.1:80, tunneling, gre, remote checksum, \
                 weight 1 (no options describe this tunnel)",
            ),
            (
                tcp,
                "[2001:db8::2]:80",
                direct(),
                "real server [2001:db8::2]:80 of TCP 10.0.0.1:80, direct routing, weight 1 \
                 (only tunneling leads to the other address family)",
            ),
            (
                tcp,
                "10.0.0.2:8080",
                direct(),
                "real server 10.0.0.2:8080 of TCP 10.0.0.1:80, direct routing, weight 1 \
                 (only masquerading has another port than the virtual service)",
            ),
            (
                tcp,
                "10.0.0.2:80",
                DestinationSettings::new(ForwardingMethod::LocalNode),
                "real server 10.0.0.2:80 of TCP 10.0.0.1:80, local node, weight 1 \
                 (no option has this forwarding method)",
            ),
            (
                tcp,
                "10.0.0.2:80",
                direct().weight(most + 1),
                "real server 10.0.0.2:80 of TCP 10.0.0.1:80, direct routing, weight 2147483648 \
                 (a weight is 0 to 2147483647)",
            ),
            (
                tcp,
                "10.0.0.2:80",
                direct().upper_threshold(most + 1),
                "real server 10.0.0.2:80 of TCP 10.0.0.1:80, direct routing, weight 1, \
                 thresholds 2147483648 and 0 (a threshold is 0 to 2147483647)",
            ),
            (
                tcp,
                "10.0.0.2:80",
                direct().lower_threshold(most + 1),
                "real server 10.0.0.2:80 of TCP 10.0.0.1:80, direct routing, weight 1, \
                 thresholds 0 and 2147483648 (a threshold is 0 to 2147483647)",
            ),
        ] {
            assert_eq!(words_of_server(service, id, settings), words);
        }
    }

    #[test]
    fn a_document_has_no_field_for_flags_without_a_name() {
        let mut service = service("UDP 10.0.0.1:53", ServiceSettings::new("rr"));
        assert_eq!(Unsaved::in_json(&service), None);
        service.unknown_flags = 0x100;
        assert_eq!(
            Unsaved::in_json(&service).unwrap().to_string(),
            "cannot save virtual service UDP 10.0.0.1:53: \
             the document has no field for its flags"
        );
    }
}
