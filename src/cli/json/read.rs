// SPDX-License-Identifier: MIT

//! Turns what -S --json has written into the changes that make the table so.
//!
//! The client can deserialize the same document ([`ipvs_client::json::Table`]). It
//! is read by hand here for the sake of errors: they name the place of a field
//! (`services[0].destinations[1]`), the field that was probably meant, and the values
//! that would be right. serde tells a line and a column. The place also stays with
//! each change, for when the kernel refuses it.

use std::{
    io::Read,
    net::{IpAddr, Ipv4Addr},
    num::{NonZeroU16, NonZeroU32},
};

use ipvs_client::{
    AddressFamily, Change, DestinationId, DestinationSettings, ForwardingMethod, Interface,
    Netmask, Persistence, SchedulerFlags, ServiceId, ServiceSettings, Tunnel,
    json::{CHECKSUMS, FAMILIES, METHODS, OptionWord, PROTOCOLS, SCHEMA_VERSION},
};

use super::{
    document,
    error::{Fault, JsonError},
    object::{self, Object},
    tree::Json,
};
use crate::{
    args::{error::UsageError, netmask::ipv4_prefix},
    command::{TunnelKind, choice::TUNNELS, place::Place, range},
    scheduler_flags,
};

/// The changes that add every service and destination, in order, and where each
/// stands.
///
/// # Errors
/// When the text is not a document of the form that this program writes. What is wrong
/// with the document comes before what is wrong with a service of it.
pub(crate) fn changes(text: impl Read) -> Result<Vec<(Place, Change)>, JsonError> {
    let mut changes = Vec::new();
    let mut wrong = None;
    let mut index = 0;
    // A service at a time: the tree of all of them is many times as large as the text.
    let json = Json::parse(text, "services", |json| {
        if wrong.is_none() {
            wrong = add_service(&json, index, &mut changes).err();
        }
        index += 1;
    })?;
    let document = Object::new(&json, None, None)?;
    let version = document.number("schema_version", 0..=u32::MAX)?;
    let version: u64 = document.required("schema_version", version)?;
    if version != u64::from(SCHEMA_VERSION) {
        return Err(document.fault(None, Fault::SchemaVersion(version)));
    }
    document.has_only(document::DOCUMENT_FIELDS)?;
    if document.text("interface")? == Some(Interface::Proc.name()) {
        return Err(document.fault(None, Fault::Partial));
    }
    document.required("services", document.list("services")?)?;
    match wrong {
        Some(error) => Err(error),
        None => Ok(changes),
    }
}

/// Adds the changes that add a service and its destinations.
fn add_service(
    json: &Json,
    index: usize,
    changes: &mut Vec<(Place, Change)>,
) -> Result<(), JsonError> {
    let place = Place::Service(index);
    let object = Object::new(json, Some(place), None)?;
    let (id, settings) = service(&object)?;
    changes.push((place, Change::AddService(id, settings)));
    let destinations = object.list("destinations")?.unwrap_or_default();
    for (json, number) in destinations.iter().zip(0..) {
        let place = Place::Destination(index, number);
        let object = Object::new(json, Some(place), None)?;
        let (destination_id, settings) = destination(&object, &id)?;
        changes.push((place, Change::AddDestination(id, destination_id, settings)));
    }
    Ok(())
}

fn service(object: &Object<'_>) -> Result<(ServiceId, ServiceSettings), JsonError> {
    object.has_only(document::SERVICE_FIELDS)?;
    let id = service_id(object)?;
    check_id(object, (&id).into())?;
    let scheduler = object.required("scheduler", object.text("scheduler")?)?;
    let persistence = object
        .find("persistence")
        .map(|json| persistence(json, object, id.family()))
        .transpose()?;
    let flags = scheduler_flags(object, scheduler)?;
    let mut settings = ServiceSettings::new(scheduler).scheduler_flags(flags);
    settings.one_packet = object.truth("one_packet")?.unwrap_or(false);
    settings.persistence = persistence;
    settings.persistence_engine = object.text("persistence_engine")?.map(Into::into);
    Ok((id, settings))
}

/// Compares the id of an entry, which may be left out, with what its other fields say.
fn check_id(object: &Object<'_>, real: OptionWord) -> Result<(), JsonError> {
    let wanted = format!("\"{real}\", as the other fields say, or no id");
    object.optional("id", &wanted, |json| {
        let given: OptionWord = object::text(json)?.parse().ok()?;
        (given == real).then_some(())
    })?;
    Ok(())
}

fn service_id(object: &Object<'_>) -> Result<ServiceId, JsonError> {
    let protocol = object.word_or_number(
        "protocol",
        &PROTOCOLS,
        0..=u16::MAX.into(),
        |number: u16| number.into(),
    )?;
    let address = address(object)?;
    let port = object.number("port", 0..=u16::MAX.into())?;
    let mark = object.optional(
        "fwmark",
        "a number from 1 to 4294967295",
        |json| match json {
            Json::Number(number) => NonZeroU32::new(u32::try_from(*number).ok()?),
            _ => None,
        },
    )?;
    let family = family(object, address)?;
    match (protocol, address, port, mark) {
        (Some(protocol), Some(address), Some(port), None) => Ok(ServiceId::Address {
            protocol,
            address,
            port,
        }),
        (None, None, None, Some(mark)) => Ok(ServiceId::Fwmark { mark, family }),
        _ => Err(object.fault(None, Fault::Identity)),
    }
}

fn address(object: &Object<'_>) -> Result<Option<IpAddr>, JsonError> {
    object.optional("address", "an IPv4 or IPv6 address", |json| {
        object::text(json)?.parse().ok()
    })
}

/// The family that is given, or that of the address, or IPv4.
fn family(object: &Object<'_>, address: Option<IpAddr>) -> Result<AddressFamily, JsonError> {
    let given = object.word("family", &FAMILIES)?;
    match (given, address.map(AddressFamily::from)) {
        (Some(given), Some(real)) if given != real => {
            Err(object.fault(Some("family"), Fault::AddressFamily))
        }
        (_, Some(family)) | (Some(family), None) => Ok(family),
        (None, None) => Ok(AddressFamily::Ipv4),
    }
}

fn scheduler_flags(object: &Object<'_>, scheduler: &str) -> Result<SchedulerFlags, JsonError> {
    let mut flags = SchedulerFlags::default();
    let names = object.list("scheduler_flags")?.unwrap_or_default();
    for (json, index) in names.iter().zip(0_usize..) {
        let field = format!("scheduler_flags[{index}]");
        let wrong = |fault| object.fault(Some(&field), fault);
        let name = object::text(json)
            .filter(|name| scheduler_flags::flag_names().contains(name))
            .ok_or_else(|| {
                let wanted = format!("one of {}", scheduler_flags::flag_names().join(", "));
                wrong(Fault::wanted(&wanted, json))
            })?;
        let flag =
            scheduler_flags::parse_flags(name, scheduler).map_err(|error| wrong(error.into()))?;
        flags = flags.union(flag);
    }
    Ok(flags)
}

fn persistence(
    json: &Json,
    service: &Object<'_>,
    family: AddressFamily,
) -> Result<Persistence, JsonError> {
    let object = service.inner(json, "persistence")?;
    object.has_only(document::PERSISTENCE_FIELDS)?;
    let timeout = object.number("timeout", 0..=u32::MAX)?;
    let mask = object.optional("netmask", "an IPv4 mask", |json| {
        object::text(json)?.parse::<Ipv4Addr>().ok()
    })?;
    let lengths = match family {
        AddressFamily::Ipv4 => 0..=32,
        AddressFamily::Ipv6 => 1..=128,
    };
    let length: Option<u32> = object.number("prefix_length", lengths)?;
    let netmask = match (family, mask, length) {
        (_, None, None) => Netmask::host(family),
        (AddressFamily::Ipv4, Some(mask), length) => {
            if length.is_some_and(|length| ipv4_prefix(length) != mask) {
                return Err(object.fault(None, Fault::NetmaskAndPrefix));
            }
            Netmask::Ipv4(mask)
        }
        (AddressFamily::Ipv4, None, Some(length)) => Netmask::Ipv4(ipv4_prefix(length)),
        (AddressFamily::Ipv6, None, Some(length)) => Netmask::Ipv6(length),
        (AddressFamily::Ipv6, Some(_), _) => {
            return Err(object.fault(Some("netmask"), Fault::NetmaskFamily));
        }
    };
    let timeout = object.required("timeout", timeout)?;
    Ok(Persistence::new(timeout).with_netmask(netmask))
}

fn destination(
    object: &Object<'_>,
    service: &ServiceId,
) -> Result<(DestinationId, DestinationSettings), JsonError> {
    object.has_only(document::DESTINATION_FIELDS)?;
    let address = address(object)?;
    family(object, address)?;
    let address = object.required("address", address)?;
    let port = object.number("port", 0..=u16::MAX.into())?;
    let method = object.word_or_number(
        "forwarding_method",
        &METHODS,
        0..=u32::MAX,
        ForwardingMethod::Other,
    )?;
    let forwarding_method = match (
        object.required("forwarding_method", method)?,
        object.find("tunnel"),
    ) {
        (ForwardingMethod::Tunneling(_), Some(json)) => {
            ForwardingMethod::Tunneling(tunnel(json, object)?)
        }
        (ForwardingMethod::Tunneling(_), None) | (_, Some(_)) => {
            return Err(object.fault(Some("tunnel"), Fault::Tunnel));
        }
        (method, None) => method,
    };
    // Of methods without a name the kernel knows more than this program.
    let may_change_family = matches!(
        forwarding_method,
        ForwardingMethod::Tunneling(_) | ForwardingMethod::Other(_)
    );
    if AddressFamily::from(address) != service.family() && !may_change_family {
        return Err(object.fault(None, UsageError::FamiliesDiffer.into()));
    }
    let weight = object.number("weight", range::WEIGHT)?;
    let threshold = |name| {
        object
            .number(name, 0..=u32::MAX)
            .map(Option::unwrap_or_default)
    };
    let settings = DestinationSettings::new(forwarding_method)
        .weight(object.required("weight", weight)?)
        .upper_threshold(threshold("upper_threshold")?)
        .lower_threshold(threshold("lower_threshold")?);
    let port = object.required("port", port)?;
    let id = DestinationId { address, port };
    check_id(object, (&id).into())?;
    Ok((id, settings))
}

fn tunnel(json: &Json, destination: &Object<'_>) -> Result<Tunnel, JsonError> {
    /// A type with a name, or the number of another.
    #[derive(Clone, Copy)]
    enum Type {
        Known(TunnelKind),
        Other(u8),
    }
    let object = destination.inner(json, "tunnel")?;
    object.has_only(document::TUNNEL_FIELDS)?;
    let types = TUNNELS.map(|tunnel| (tunnel.name, Type::Known(tunnel.value)));
    let kind = object.word_or_number("type", &types, 0..=u8::MAX.into(), Type::Other)?;
    let port = object.number("port", 0..=u16::MAX.into())?;
    let checksum = object.word("checksum", &CHECKSUMS)?;
    let flags = object.number("flags", 0..=u16::MAX.into())?;
    let wrong = || object.fault(None, Fault::TunnelOptions);
    match (object.required("type", kind)?, port, checksum, flags) {
        (Type::Known(TunnelKind::Ipip), None, None, None) => Ok(Tunnel::Ipip),
        (Type::Known(TunnelKind::Gue), Some(port), Some(checksum), None) => {
            let port = NonZeroU16::new(port).ok_or_else(wrong)?;
            Ok(Tunnel::Gue { port, checksum })
        }
        (Type::Known(TunnelKind::Gre), None, Some(checksum), None) => Ok(Tunnel::Gre { checksum }),
        (Type::Other(kind), port, None, flags) => Ok(Tunnel::Other {
            kind,
            port: port.unwrap_or(0),
            flags: flags.unwrap_or(0),
        }),
        _ => Err(wrong()),
    }
}
