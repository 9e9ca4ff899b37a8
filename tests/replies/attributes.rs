// SPDX-License-Identifier: MIT

//! The attributes of the kernel's replies that can be rewritten, by the names
//! that the rules have for them. Numbers and types are those of `linux/ip_vs.h`.

/// The subject of a reply: the command that the kernel answers with, and the
/// attribute that holds the rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Object {
    pub(crate) name: &'static str,
    /// `IPVS_CMD_NEW_SERVICE` and the like.
    pub(crate) command: u8,
    /// `IPVS_CMD_ATTR_SERVICE` and the like; without it the attributes stand at
    /// the top.
    pub(crate) nest: Option<u16>,
    /// The port of a service or destination, by which a rule can choose.
    pub(crate) port: Option<u16>,
    /// The two sets of counters: of 32 bits and of 64.
    pub(crate) counters: &'static [u16],
    pub(crate) attributes: &'static [Attribute],
}

/// One attribute of an object, or of a set of counters.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Attribute {
    pub(crate) name: &'static str,
    pub(crate) kind: u16,
    pub(crate) value: Kind,
}

/// The form of a value in its bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A number in host order, as long as the attribute is; of a number that is
    /// longer, the low bits.
    Number,
    /// A number in network order.
    Port,
    /// An address, or a mask that looks like one; the rest of the attribute is
    /// zeros.
    Address,
    /// Text that ends in a NUL.
    Name,
    /// A set of attributes, which can only be left out.
    Set,
}

const fn attribute(name: &'static str, kind: u16, value: Kind) -> Attribute {
    Attribute { name, kind, value }
}

use Kind::{Address, Name, Number, Port, Set};

pub(crate) const OBJECTS: &[Object] = &[
    Object {
        name: "service",
        command: 1,
        nest: Some(1),
        port: Some(4),
        counters: &[10, 12],
        attributes: &[
            attribute("family", 1, Number),
            attribute("protocol", 2, Number),
            attribute("address", 3, Address),
            attribute("port", 4, Port),
            attribute("fwmark", 5, Number),
            attribute("scheduler", 6, Name),
            attribute("flags", 7, Number),
            attribute("timeout", 8, Number),
            attribute("netmask", 9, Address),
            attribute("prefix", 9, Number),
            attribute("stats", 10, Set),
            attribute("engine", 11, Name),
            attribute("stats64", 12, Set),
        ],
    },
    Object {
        name: "destination",
        command: 5,
        nest: Some(2),
        port: Some(2),
        counters: &[10, 12],
        attributes: &[
            attribute("address", 1, Address),
            attribute("port", 2, Port),
            attribute("method", 3, Number),
            attribute("weight", 4, Number),
            attribute("upper-threshold", 5, Number),
            attribute("lower-threshold", 6, Number),
            attribute("active", 7, Number),
            attribute("inactive", 8, Number),
            attribute("persistent", 9, Number),
            attribute("stats", 10, Set),
            attribute("family", 11, Number),
            attribute("stats64", 12, Set),
            attribute("tunnel-type", 13, Number),
            attribute("tunnel-port", 14, Port),
            attribute("tunnel-flags", 15, Number),
        ],
    },
    Object {
        name: "daemon",
        command: 9,
        nest: Some(3),
        port: None,
        counters: &[],
        attributes: &[
            attribute("state", 1, Number),
            attribute("interface", 2, Name),
            attribute("syncid", 3, Number),
            attribute("maxlen", 4, Number),
            attribute("group", 5, Address),
            attribute("group6", 6, Address),
            attribute("port", 7, Number),
            attribute("ttl", 8, Number),
        ],
    },
    Object {
        name: "timeouts",
        command: 12,
        nest: None,
        port: None,
        counters: &[],
        attributes: &[
            attribute("tcp", 4, Number),
            attribute("tcpfin", 5, Number),
            attribute("udp", 6, Number),
        ],
    },
    Object {
        name: "info",
        command: 14,
        nest: None,
        port: None,
        counters: &[],
        attributes: &[
            attribute("version", 1, Number),
            attribute("size", 2, Number),
        ],
    },
];

/// In the order of the columns of `--stats` and `--rate`.
pub(crate) const COUNTERS: &[Attribute] = &[
    attribute("conns", 1, Number),
    attribute("inpkts", 2, Number),
    attribute("outpkts", 3, Number),
    attribute("inbytes", 4, Number),
    attribute("outbytes", 5, Number),
    attribute("cps", 6, Number),
    attribute("inpps", 7, Number),
    attribute("outpps", 8, Number),
    attribute("inbps", 9, Number),
    attribute("outbps", 10, Number),
];
