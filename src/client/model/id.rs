// SPDX-License-Identifier: MIT

//! Names of services and destinations as text.

use std::net::SocketAddr;

/// A text that does not name a protocol, virtual service or destination.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{wanted} is wanted, not {text:?}")]
pub struct ParseIdError {
    text: String,
    wanted: &'static str,
}

impl ParseIdError {
    pub(crate) fn new(text: &str, wanted: &'static str) -> Self {
        Self {
            text: text.to_owned(),
            wanted,
        }
    }
}

/// An address and port in numbers. IPVS knows no zones of link-local addresses,
/// so that one with a zone names nothing.
pub(crate) fn endpoint(text: &str) -> Option<SocketAddr> {
    text.parse().ok().filter(|_| !text.contains('%'))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use crate::{
        DestinationId, Protocol, ServiceId,
        tests::any::{any_destination_id, any_service_id},
    };

    proptest! {
        #[test]
        fn a_service_is_read_as_it_is_written(id in any_service_id()) {
            let text = id.to_string();
            prop_assert_eq!(text.parse(), Ok(id));
            prop_assert_eq!(text.to_lowercase().parse(), Ok(id));
        }

        #[test]
        fn a_destination_is_read_as_it_is_written(id in any_destination_id()) {
            prop_assert_eq!(id.to_string().parse(), Ok(id));
        }

        #[test]
        fn a_protocol_is_read_as_it_is_written(number: u16) {
            let protocol = Protocol::from(number);
            prop_assert_eq!(protocol.to_string().parse(), Ok(protocol));
        }

        #[test]
        fn any_text_is_read_or_refused(text: String) {
            let _ = text.parse::<ServiceId>();
            let _ = text.parse::<DestinationId>();
        }
    }

    #[test]
    fn what_names_nothing_is_refused_with_what_is_wanted() {
        for text in [
            "",
            "TCP",
            "192.0.2.1:80",
            "TCP 192.0.2.1",
            "TCP  192.0.2.1:80",
            "TCP 192.0.2.1:80 ",
            "TCP 2001:db8::1:80",
            "TCP [fe80::1%2]:80",
            "TCP [fe80::1%0]:80",
            "TCP localhost:80",
            "ICMP 192.0.2.1:80",
            "protocol 65536 192.0.2.1:80",
            "fwmark",
            "fwmark 0",
            "fwmark 4294967296",
            "fwmark 5 IPv4",
            "fwmark 5 6",
        ] {
            let error = text.parse::<ServiceId>().unwrap_err();
            assert_eq!(
                error.to_string(),
                format!(
                    "PROTOCOL ADDRESS:PORT, PROTOCOL [IPV6-ADDRESS]:PORT, fwmark MARK or \
                     fwmark MARK IPv6 is wanted, not {text:?}"
                )
            );
        }
        for text in [
            "",
            "10.0.0.2",
            ":80",
            "[10.0.0.2]:80",
            "::1:80",
            "[fe80::1%2]:80",
        ] {
            let error = text.parse::<DestinationId>().unwrap_err();
            assert_eq!(
                error.to_string(),
                format!("ADDRESS:PORT or [IPV6-ADDRESS]:PORT is wanted, not {text:?}")
            );
        }
        let error = "tcp6".parse::<Protocol>().unwrap_err();
        assert_eq!(
            error.to_string(),
            "TCP, UDP, SCTP or protocol NUMBER is wanted, not \"tcp6\""
        );
    }
}
