// SPDX-License-Identifier: MIT

//! The rules that say what is rewritten, and rewriting itself: bytes in, bytes
//! out, in place.

use std::net::IpAddr;
use std::ops::Range;

use crate::attributes::{Attribute, COUNTERS, Kind, OBJECTS, Object};

/// The length of a netlink header, of that of generic netlink, and of an
/// attribute's.
const NETLINK_HEADER: usize = 16;
const GENERIC_HEADER: usize = 4;
const ATTRIBUTE_HEADER: usize = 4;

/// The family that knows the numbers of the others, what it answers, and the
/// two attributes that matter of its answer.
const GENL_ID_CTRL: u16 = 16;
const CTRL_CMD_NEWFAMILY: u8 = 1;
const CTRL_ATTR_FAMILY_ID: u16 = 1;
const CTRL_ATTR_FAMILY_NAME: u16 = 2;

/// Added to the number of an attribute that is to be left out: no kernel has
/// so many.
const UNKNOWN: u16 = 0x1000;

/// One attribute of one kind of object, and its new value.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Rule {
    object: &'static Object,
    /// Only the service or destination with this port.
    port: Option<u16>,
    /// True if it stands in the sets of counters.
    counter: bool,
    attribute: &'static Attribute,
    value: Value,
}

#[derive(Debug, PartialEq, Eq)]
enum Value {
    Absent,
    Number(u64),
    Address(IpAddr),
    Name(String),
}

/// Reads rules, one a line: `OBJECT ATTRIBUTE VALUE`, where `OBJECT:PORT` is
/// only the service or destination with this port. Objects and attributes can be
/// several, with commas between them.
///
/// # Errors
/// A message that says which line is wrong.
pub(crate) fn parse(text: &str) -> Result<Vec<Rule>, String> {
    let mut rules = Vec::new();
    for line in text.lines() {
        let all = line_rules(line).ok_or_else(|| format!("there is no rule «{line}»"))?;
        rules.extend(all);
    }
    Ok(rules)
}

fn line_rules(line: &str) -> Option<Vec<Rule>> {
    let (objects, rest) = line.split_once(' ')?;
    let (attributes, value) = rest.split_once(' ')?;
    let attributes = || attributes.split(',');
    objects
        .split(',')
        .flat_map(|object| attributes().map(move |attribute| rule(object, attribute, value)))
        .collect()
}

fn rule(object: &str, attribute: &str, value: &str) -> Option<Rule> {
    let (object, port) = match object.split_once(':') {
        Some((object, port)) => (object, Some(port.parse().ok()?)),
        None => (object, None),
    };
    let object = OBJECTS.iter().find(|known| known.name == object)?;
    if port.is_some() && object.port.is_none() {
        return None;
    }
    let find = |list: &'static [Attribute]| list.iter().find(|known| known.name == attribute);
    let (counter, attribute) = match find(object.attributes) {
        Some(attribute) => (false, attribute),
        None if object.counters.is_empty() => return None,
        None => (true, find(COUNTERS)?),
    };
    let value = match (attribute.value, value) {
        (_, "absent") => Value::Absent,
        (Kind::Number | Kind::Port, number) => Value::Number(number_of(number)?),
        (Kind::Address, address) => Value::Address(address.parse().ok()?),
        (Kind::Name, name) => Value::Name(name.to_owned()),
        (Kind::Set, _) => return None,
    };
    Some(Rule {
        object,
        port,
        counter,
        attribute,
        value,
    })
}

/// A decimal number, or a hexadecimal one behind `0x`.
fn number_of(text: &str) -> Option<u64> {
    match text.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    }
}

/// The number of the family IPVS, if this datagram tells it.
pub(crate) fn ipvs_family(datagram: &[u8]) -> Option<u16> {
    messages(datagram)
        .into_iter()
        .filter(|message| (message.family, message.command) == (GENL_ID_CTRL, CTRL_CMD_NEWFAMILY))
        .find_map(|message| {
            let all = attributes(datagram, message.attributes);
            let value = |kind| {
                let found = all.iter().find(|found| found.kind == kind)?;
                datagram.get(found.value.clone())
            };
            (value(CTRL_ATTR_FAMILY_NAME)? == b"IPVS\0").then_some(())?;
            Some(u16::from_ne_bytes(
                value(CTRL_ATTR_FAMILY_ID)?.try_into().ok()?,
            ))
        })
}

/// Rewrites the replies of the family IPVS in a datagram. Calls `applied` with
/// the place in the list of each rule that has changed something.
///
/// # Errors
/// A message that says which value does not fit.
pub(crate) fn rewrite(
    datagram: &mut [u8],
    family: u16,
    rules: &[Rule],
    mut applied: impl FnMut(usize),
) -> Result<(), String> {
    for message in messages(datagram) {
        if message.family != family {
            continue;
        }
        let own = OBJECTS
            .iter()
            .find(|object| object.command == message.command);
        let Some(object) = own else {
            continue;
        };
        let top = attributes(datagram, message.attributes.clone());
        let set = match object.nest {
            None => Some(message.attributes),
            Some(nest) => find(&top, nest).map(|found| found.value),
        };
        let Some(set) = set else {
            continue;
        };
        let members = attributes(datagram, set);
        let port = object.port.and_then(|kind| port(datagram, &members, kind));
        for (place, rule) in rules.iter().enumerate() {
            if rule.object != object || (rule.port.is_some() && rule.port != port) {
                continue;
            }
            let found: Vec<Found> = if rule.counter {
                let sets = object
                    .counters
                    .iter()
                    .filter_map(|&kind| find(&members, kind));
                sets.filter_map(|set| find(&attributes(datagram, set.value), rule.attribute.kind))
                    .collect()
            } else {
                find(&members, rule.attribute.kind).into_iter().collect()
            };
            for found in found {
                put(datagram, &found, rule)?;
                applied(place);
            }
        }
    }
    Ok(())
}

impl Rule {
    /// As it is written.
    pub(crate) fn name(&self) -> String {
        format!("{} {}", self.object.name, self.attribute.name)
    }
}

/// One message of generic netlink.
struct Message {
    family: u16,
    command: u8,
    attributes: Range<usize>,
}

/// One attribute: its number, and where its header and value are.
#[derive(Clone)]
struct Found {
    kind: u16,
    header: usize,
    value: Range<usize>,
}

fn find(all: &[Found], kind: u16) -> Option<Found> {
    all.iter().find(|found| found.kind == kind).cloned()
}

fn port(datagram: &[u8], members: &[Found], kind: u16) -> Option<u16> {
    let found = find(members, kind)?;
    let bytes = datagram.get(found.value)?;
    Some(u16::from_be_bytes(bytes.try_into().ok()?))
}

/// The messages of a datagram, as far as they are whole.
fn messages(datagram: &[u8]) -> Vec<Message> {
    let mut all = Vec::new();
    let mut start = 0;
    while let (Some(length), Some(family)) = (
        array(datagram, start).map(u32::from_ne_bytes),
        array(datagram, start + 4).map(u16::from_ne_bytes),
    ) {
        let length = length as usize;
        let end = start.saturating_add(length);
        if length < NETLINK_HEADER || end > datagram.len() {
            break;
        }
        let command = start + NETLINK_HEADER;
        if let Some(&command) = datagram.get(command).filter(|_| command < end) {
            all.push(Message {
                family,
                command,
                attributes: start + NETLINK_HEADER + GENERIC_HEADER..end,
            });
        }
        start = end.next_multiple_of(4);
    }
    all
}

/// The attributes of a set, as far as they are whole.
fn attributes(datagram: &[u8], set: Range<usize>) -> Vec<Found> {
    let mut all = Vec::new();
    let mut start = set.start;
    while let (Some(length), Some(kind)) = (
        array(datagram, start).map(u16::from_ne_bytes),
        array(datagram, start + 2).map(u16::from_ne_bytes),
    ) {
        let end = start + usize::from(length);
        if usize::from(length) < ATTRIBUTE_HEADER || end > set.end {
            break;
        }
        all.push(Found {
            // The upper two bits say how the value is to be read.
            kind: kind & 0x3fff,
            header: start,
            value: start + ATTRIBUTE_HEADER..end,
        });
        start = end.next_multiple_of(4);
    }
    all
}

fn array<const N: usize>(bytes: &[u8], start: usize) -> Option<[u8; N]> {
    bytes.get(start..start.checked_add(N)?)?.try_into().ok()
}

/// Puts the value of a rule into the attribute that it is for.
fn put(datagram: &mut [u8], found: &Found, rule: &Rule) -> Result<(), String> {
    let no_room = || format!("the value does not fit: {}", rule.name());
    if rule.value == Value::Absent {
        let kind = (found.kind + UNKNOWN).to_ne_bytes();
        let place = datagram.get_mut(found.header + 2..found.header + 4);
        place.ok_or_else(no_room)?.copy_from_slice(&kind);
        return Ok(());
    }
    let length = found.value.len();
    let bytes = match (&rule.value, rule.attribute.value) {
        (Value::Number(number), Kind::Port) => {
            let port = u16::try_from(*number).map_err(|_| no_room())?;
            port.to_be_bytes().to_vec()
        }
        // The service's flags are followed by a mask, which stays.
        (Value::Number(number), _) if length == 8 && rule.attribute.name == "flags" => {
            let flags = u32::try_from(*number).map_err(|_| no_room())?;
            flags.to_ne_bytes().to_vec()
        }
        (Value::Number(number), _) => match length {
            1 => (*number as u8).to_ne_bytes().to_vec(),
            2 => (*number as u16).to_ne_bytes().to_vec(),
            4 => (*number as u32).to_ne_bytes().to_vec(),
            8 => number.to_ne_bytes().to_vec(),
            _ => return Err(no_room()),
        },
        (Value::Address(address), _) => {
            let mut bytes = match address {
                IpAddr::V4(address) => address.octets().to_vec(),
                IpAddr::V6(address) => address.octets().to_vec(),
            };
            if bytes.len() > length {
                return Err(no_room());
            }
            bytes.resize(length, 0);
            bytes
        }
        (Value::Name(name), _) => {
            if name.len() >= length {
                return Err(no_room());
            }
            let mut bytes = name.clone().into_bytes();
            bytes.resize(length, 0);
            bytes
        }
        (Value::Absent, _) => return Ok(()),
    };
    let place = datagram
        .get_mut(found.value.clone())
        .and_then(|value| value.get_mut(..bytes.len()));
    place.ok_or_else(no_room)?.copy_from_slice(&bytes);
    Ok(())
}

#[cfg(test)]
mod tests;
