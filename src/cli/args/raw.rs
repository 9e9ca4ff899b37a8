// SPDX-License-Identifier: MIT

//! The options of a command line, each by itself: a value for every one that
//! was given. What several options say together is for `check`.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    num::{NonZeroU8, NonZeroU16, NonZeroU32},
    time::Duration,
};

use ipnet::IpNet;
use ipvs_client::{AddressFamily, DaemonRole, Interface, NamespaceReference, Protocol, ServiceId};

use super::{
    address,
    error::UsageError,
    name::{CommandName, Groups},
    netmask::NetmaskText,
    number::{parse_interval, parse_number},
};
use crate::command::{
    Forwarding, TunnelKind, Wait,
    choice::{COLOURS, CONNECTION_PROTOCOLS, CONNECTION_STATES, Colour, OutputForm, find},
    doctor::VirtualAddress,
    range,
    scope::parse_prefix,
};

/// Seconds, for -p without a number.
const DEFAULT_PERSISTENCE: u32 = 360;

/// The options that a command line has given so far.
#[derive(Default)]
pub(crate) struct RawOptions<'a> {
    /// The command, by which -r is read.
    pub(super) command: Option<CommandName>,
    pub(super) given: Groups,
    pub(super) arguments: Vec<&'a str>,
    /// The value of --start-daemon and --stop-daemon.
    pub(super) role: Option<DaemonRole>,

    pub(super) service: Option<Typed<'a, ServiceId>>,
    pub(super) scheduler: Option<&'a str>,
    pub(super) scheduler_flags: Option<&'a str>,
    pub(super) persistence: Option<u32>,
    pub(super) netmask: Option<NetmaskText>,
    pub(super) persistence_engine: Option<&'a str>,

    pub(super) server: Option<Typed<'a, (IpAddr, Option<u16>)>>,
    /// Those of -r after --doctor, in the place of a server.
    pub(super) virtual_addresses: Vec<VirtualAddress>,
    pub(super) forwarding: Option<Forwarding>,
    pub(super) tunnel_kind: Option<TunnelKind>,
    pub(super) tunnel_port: Option<NonZeroU16>,
    pub(super) weight: Option<u32>,
    pub(super) upper_threshold: Option<u32>,
    pub(super) lower_threshold: Option<u32>,

    pub(super) interface: Option<&'a str>,
    pub(super) sync_id: Option<u8>,
    pub(super) sync_maxlen: Option<NonZeroU16>,
    pub(super) mcast_group: Option<IpAddr>,
    pub(super) mcast_port: Option<NonZeroU16>,
    pub(super) mcast_ttl: Option<NonZeroU8>,

    pub(super) kernel_interface: Option<Interface>,
    pub(super) form: Option<OutputForm>,
    pub(super) colour: Colour,
    pub(super) output_file: Option<&'a str>,
    pub(super) interval: Option<Duration>,
    pub(super) count: Option<u32>,
    pub(super) wait: Option<Wait>,
    pub(super) prefixes: Vec<IpNet>,
    pub(super) client: Option<IpNet>,
    /// In the kernel's words.
    pub(super) states: Vec<&'static str>,
    pub(super) protocols: Vec<&'static str>,
    pub(super) top: Option<u32>,
}

/// An address or mark, and the text that it was typed as.
pub(super) struct Typed<'a, T> {
    pub(super) value: T,
    pub(super) text: &'a str,
}

impl<'a> RawOptions<'a> {
    pub(super) fn set_service(
        &mut self,
        text: &'a str,
        protocol: Protocol,
    ) -> Result<(), UsageError> {
        let (address, port) =
            address::parse_endpoint(text, protocol).map_err(UsageError::ServiceAddress)?;
        let value = ServiceId::Address {
            protocol,
            address,
            port: port.unwrap_or(0),
        };
        self.service = Some(Typed { value, text });
        Ok(())
    }

    pub(super) fn set_fwmark(&mut self, text: &'a str) -> Result<(), UsageError> {
        let mark = parse_number(text, range::FWMARK).and_then(NonZeroU32::new);
        let value = ServiceId::Fwmark {
            mark: mark.ok_or_else(|| UsageError::Fwmark(text.to_owned()))?,
            family: AddressFamily::Ipv4,
        };
        self.service = Some(Typed { value, text });
        Ok(())
    }

    /// Makes the firewall mark before it one of IPv6.
    pub(super) fn set_ipv6(&mut self) -> Result<(), UsageError> {
        match &mut self.service {
            Some(Typed {
                value: ServiceId::Fwmark { family, .. },
                ..
            }) => *family = AddressFamily::Ipv6,
            _ => return Err(UsageError::Ipv6BeforeFwmark),
        }
        Ok(())
    }

    pub(super) fn set_persistence(&mut self, text: Option<&str>) -> Result<(), UsageError> {
        let Some(text) = text else {
            self.persistence = Some(DEFAULT_PERSISTENCE);
            return Ok(());
        };
        set(
            &mut self.persistence,
            parse_number(text, range::PERSISTENCE_TIMEOUT),
            UsageError::PersistenceTimeout,
            text,
        )
    }

    pub(super) fn set_netmask(&mut self, text: &str) -> Result<(), UsageError> {
        // -6 may still follow a firewall mark.
        let family = match self.service.as_ref().map(|service| service.value) {
            None
            | Some(ServiceId::Fwmark {
                family: AddressFamily::Ipv4,
                ..
            }) => None,
            Some(service) => Some(service.family()),
        };
        self.netmask = Some(NetmaskText::parse(text, family)?);
        Ok(())
    }

    pub(super) fn set_server(&mut self, text: &'a str) -> Result<(), UsageError> {
        if self.command == Some(CommandName::Doctor) {
            return self.set_virtual_addresses(text);
        }
        let protocol = match self.service.as_ref().map(|service| service.value) {
            Some(ServiceId::Address { protocol, .. }) => protocol,
            Some(ServiceId::Fwmark { .. }) => Protocol::Tcp,
            // Without a service the protocol is unknown, so that ports have no
            // names.
            None => Protocol::Other(0),
        };
        let value = address::parse_endpoint(text, protocol).map_err(UsageError::ServerAddress)?;
        self.server = Some(Typed { value, text });
        Ok(())
    }

    /// Reads addresses with commas between them, each with a port or without.
    fn set_virtual_addresses(&mut self, text: &str) -> Result<(), UsageError> {
        for text in text.split(',') {
            // A port may be of TCP or UDP, so that it has no name.
            let (address, port) = address::parse_endpoint(text, Protocol::Other(0))
                .map_err(UsageError::ServiceAddress)?;
            self.virtual_addresses
                .push(VirtualAddress { address, port });
        }
        Ok(())
    }

    pub(super) fn set_forwarding(&mut self, method: Forwarding) -> Result<(), UsageError> {
        self.forwarding = Some(method);
        Ok(())
    }

    pub(super) fn set_mcast_group(&mut self, text: &str) -> Result<(), UsageError> {
        let group: Option<IpAddr>;
        let error: fn(String) -> UsageError;
        if text.contains(':') {
            group = text.parse::<Ipv6Addr>().ok().map(IpAddr::from);
            error = UsageError::McastGroup6;
        } else {
            group = text.parse::<Ipv4Addr>().ok().map(IpAddr::from);
            error = UsageError::McastGroup4;
        }
        let group = group.filter(IpAddr::is_multicast);
        set(&mut self.mcast_group, group, error, text)
    }

    pub(super) fn add_scope(&mut self, text: &str) -> Result<(), UsageError> {
        let prefix = parse_prefix(text).ok_or_else(|| UsageError::Scope(text.to_owned()))?;
        self.prefixes.push(prefix);
        Ok(())
    }

    /// Reads states with commas between them, in capitals or not.
    pub(super) fn set_states(&mut self, text: &str) -> Result<(), UsageError> {
        let find = |word: &str| {
            let mut states = CONNECTION_STATES.iter();
            states.find(|state| state.name.eq_ignore_ascii_case(word))
        };
        for word in text.split(',') {
            let state = find(word).ok_or_else(|| UsageError::State(word.to_owned()))?;
            self.states.push(state.name);
        }
        Ok(())
    }

    /// Reads protocols with commas between them, in capitals or not.
    pub(super) fn set_protocols(&mut self, text: &str) -> Result<(), UsageError> {
        for word in text.split(',') {
            let protocol = find(&CONNECTION_PROTOCOLS, &word.to_ascii_lowercase());
            let protocol = protocol.ok_or_else(|| UsageError::Protocol(word.to_owned()))?;
            self.protocols.push(protocol);
        }
        Ok(())
    }

    pub(super) fn set_wait(&mut self, text: Option<&str>) -> Result<(), UsageError> {
        let Some(text) = text else {
            self.wait = Some(Wait::WithoutEnd);
            return Ok(());
        };
        let wait = parse_number(text, range::WAIT)
            .map(|seconds| Wait::AtMost(Duration::from_secs(seconds.into())));
        set(&mut self.wait, wait, UsageError::WaitTime, text)
    }

    /// Reads the wish for colours; without a word it is for them, as with ls and ip.
    pub(super) fn set_colour(&mut self, text: Option<&str>) -> Result<(), UsageError> {
        self.colour = match text {
            Some(text) => find(&COLOURS, text).ok_or(UsageError::Colour)?,
            None => Colour::Always,
        };
        Ok(())
    }

    pub(super) fn set_interval(&mut self, text: Option<&str>) -> Result<(), UsageError> {
        match text {
            Some(text) => set(
                &mut self.interval,
                parse_interval(text, range::INTERVAL),
                UsageError::WatchInterval,
                text,
            ),
            None => Ok(()),
        }
    }
}

/// Keeps the value that a text stands for; without one the text is an error.
pub(super) fn set<T>(
    place: &mut Option<T>,
    value: Option<T>,
    error: fn(String) -> UsageError,
    text: &str,
) -> Result<(), UsageError> {
    match value {
        Some(value) => {
            *place = Some(value);
            Ok(())
        }
        None => Err(error(text.to_owned())),
    }
}

/// Reads the value of --netns.
pub(super) fn parse_namespace(text: &str) -> Result<NamespaceReference, UsageError> {
    text.parse()
        .map_err(|_| UsageError::Namespace(text.to_owned()))
}

/// Keeps a text as it is.
pub(super) fn set_text<'a>(place: &mut Option<&'a str>, text: &'a str) -> Result<(), UsageError> {
    *place = Some(text);
    Ok(())
}
