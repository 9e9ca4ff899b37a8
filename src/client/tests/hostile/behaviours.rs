// SPDX-License-Identifier: MIT

//! Everything that the kernel does to requests and answers: one row each.

use netlink_packet_core::{NLM_F_DUMP_INTR, NLMSG_DONE, NLMSG_ERROR, NLMSG_NOOP, NLMSG_OVERRUN};
use rustix::io::Errno;

use super::{
    kernel::Arrival,
    messages::{self, Message},
};
use crate::{kernel::sockopt::option, testing::SocketOptions};

/// For as long as it is asked.
const ALWAYS: usize = usize::MAX;

/// What becomes of a datagram of requests.
#[derive(Clone, Copy, Debug)]
pub(super) enum Delivery {
    /// What it asks is done.
    Done,
    /// Sending it is interrupted so many times; then it is done.
    Interrupted(usize),
    /// It cannot be sent, and nothing is done.
    Fails(Errno),
    /// Each request is refused.
    Refused(Errno),
    /// Nothing is done, and nothing said.
    Ignored,
}

type Endless = fn(&[Vec<u8>], &[u8]) -> Box<dyn FnMut() -> Arrival + Send + Sync>;

/// A way to answer.
#[derive(Debug)]
pub(super) struct Behaviour {
    pub(super) name: &'static str,
    /// The datagrams of requests that meet it; those after are answered well.
    pub(super) times: usize,
    pub(super) delivery: Delivery,
    /// What arrives in the place of the answers.
    pub(super) answers: fn(Vec<Vec<u8>>) -> Vec<Arrival>,
    /// The answers come with those to the next request.
    pub(super) is_late: bool,
    /// What comes without an end behind them, made of the answers and the requests.
    pub(super) endless: Option<Endless>,
    /// Every reading has to succeed all the same.
    pub(super) spares_readings: bool,
    /// Every change has to succeed all the same.
    pub(super) spares_changes: bool,
}

const NONE: Behaviour = Behaviour {
    name: "",
    times: 1,
    delivery: Delivery::Done,
    answers: as_they_are,
    is_late: false,
    endless: None,
    spares_readings: false,
    spares_changes: false,
};

const HARMLESS: Behaviour = Behaviour {
    times: ALWAYS,
    spares_readings: true,
    spares_changes: true,
    ..NONE
};

pub(super) static BEHAVIOURS: [Behaviour; 47] = [
    Behaviour {
        name: "it answers as it should",
        ..HARMLESS
    },
    Behaviour {
        name: "it says nothing, once",
        answers: |_| Vec::new(),
        ..NONE
    },
    Behaviour {
        name: "it says nothing, ever",
        times: ALWAYS,
        answers: |_| Vec::new(),
        ..NONE
    },
    Behaviour {
        name: "it does nothing and says nothing",
        delivery: Delivery::Ignored,
        ..NONE
    },
    Behaviour {
        name: "it answers too late",
        is_late: true,
        ..NONE
    },
    Behaviour {
        name: "it always answers too late",
        times: ALWAYS,
        is_late: true,
        ..NONE
    },
    Behaviour {
        name: "it says everything twice",
        answers: |answers| map(answers, |answer| vec![answer.clone(), answer]),
        ..HARMLESS
    },
    Behaviour {
        name: "it says all of it, and all of it again",
        answers: |answers| as_they_are([answers.clone(), answers].concat()),
        ..HARMLESS
    },
    Behaviour {
        name: "it says it in the opposite order, but the end of a list last",
        answers: in_opposite_order,
        spares_readings: false,
        ..HARMLESS
    },
    Behaviour {
        name: "it answers to the request after",
        answers: |answers| renumber(answers, |number| number.wrapping_add(1)),
        ..NONE
    },
    Behaviour {
        name: "it answers to the request before",
        answers: |answers| renumber(answers, |number| number.wrapping_sub(1)),
        ..NONE
    },
    Behaviour {
        name: "it answers to nobody",
        times: ALWAYS,
        answers: |answers| renumber(answers, |_| 0),
        ..NONE
    },
    Behaviour {
        name: "it cuts each datagram in its first header",
        answers: |answers| map(answers, |answer| vec![answer[..15].to_vec()]),
        ..NONE
    },
    Behaviour {
        name: "it cuts each datagram in the middle",
        times: ALWAYS,
        answers: |answers| {
            map(answers, |answer| {
                vec![answer[..answer.len() / 2 / 4 * 4 + 2].to_vec()]
            })
        },
        ..NONE
    },
    Behaviour {
        name: "it cuts the last bytes off each datagram",
        answers: |answers| map(answers, |answer| vec![answer[..answer.len() - 4].to_vec()]),
        ..NONE
    },
    Behaviour {
        name: "it sends bytes that are no message in between",
        answers: |answers| map(answers, |answer| vec![vec![0xff; 40], answer]),
        ..NONE
    },
    Behaviour {
        name: "it says that a datagram was longer than there is room for",
        answers: |_| vec![Arrival::Long(60_000)],
        ..NONE
    },
    Behaviour {
        name: "it says without an end that datagrams are longer than memory",
        times: ALWAYS,
        answers: |_| Vec::new(),
        endless: Some(|_, _| Box::new(|| Arrival::Long(usize::MAX))),
        ..NONE
    },
    Behaviour {
        name: "a list has an error inside",
        answers: |answers| put_into_lists(answers, NLMSG_ERROR, Errno::IO),
        ..NONE
    },
    Behaviour {
        name: "a list ends with an error after its first piece",
        answers: |answers| put_into_lists(answers, NLMSG_DONE, Errno::NOMEM),
        ..NONE
    },
    Behaviour {
        name: "a list has a message of another kind inside",
        answers: |answers| {
            change_messages(answers, |message| {
                if message.is_of_dump() && message.is_of_family() {
                    message.kind += 1;
                }
            })
        },
        ..NONE
    },
    Behaviour {
        name: "a message makes no sense",
        answers: |answers| {
            change_messages(answers, |message| {
                if message.is_of_family() {
                    message.payload.truncate(8);
                }
            })
        },
        ..NONE
    },
    Behaviour {
        name: "ENOBUFS before the answer, once",
        answers: |answers| fail_before(0, answers, Errno::NOBUFS),
        spares_readings: true,
        ..NONE
    },
    Behaviour {
        name: "ENOBUFS in the place of the first datagram, once",
        answers: |answers| fail_before(0, skip(1, answers), Errno::NOBUFS),
        spares_readings: true,
        ..NONE
    },
    Behaviour {
        name: "ENOBUFS in the place of the last datagram, once",
        answers: |mut answers| {
            answers.pop();
            let end = answers.len();
            fail_before(end, answers, Errno::NOBUFS)
        },
        spares_readings: true,
        ..NONE
    },
    Behaviour {
        name: "ENOBUFS in every answer",
        times: ALWAYS,
        answers: |answers| fail_before(1, answers, Errno::NOBUFS),
        ..NONE
    },
    Behaviour {
        name: "ENOBUFS without an end",
        times: ALWAYS,
        answers: |_| Vec::new(),
        endless: Some(|_, _| Box::new(|| Arrival::Failure(Errno::NOBUFS))),
        ..NONE
    },
    Behaviour {
        name: "ENOBUFS when it is asked",
        delivery: Delivery::Fails(Errno::NOBUFS),
        ..NONE
    },
    Behaviour {
        name: "the socket fails when it is to answer",
        answers: |answers| fail_before(0, answers, Errno::IO),
        ..NONE
    },
    Behaviour {
        name: "EINTR before each datagram",
        answers: |answers| {
            let interrupted = |answer| [Arrival::Failure(Errno::INTR), Arrival::Datagram(answer)];
            answers.into_iter().flat_map(interrupted).collect()
        },
        ..HARMLESS
    },
    Behaviour {
        name: "EINTR in the place of every answer",
        times: ALWAYS,
        answers: |_| Vec::new(),
        endless: Some(|_, _| Box::new(|| Arrival::Failure(Errno::INTR))),
        ..NONE
    },
    Behaviour {
        name: "EINTR three times when it is asked",
        delivery: Delivery::Interrupted(3),
        ..HARMLESS
    },
    Behaviour {
        name: "EINTR without an end when it is asked",
        delivery: Delivery::Interrupted(ALWAYS),
        ..NONE
    },
    Behaviour {
        name: "EBUSY, once",
        delivery: Delivery::Refused(Errno::BUSY),
        ..NONE
    },
    Behaviour {
        name: "EBUSY, ever",
        times: ALWAYS,
        delivery: Delivery::Refused(Errno::BUSY),
        ..NONE
    },
    Behaviour {
        name: "attributes of a kernel to come",
        answers: |answers| change_messages(answers, add_attributes),
        ..HARMLESS
    },
    Behaviour {
        name: "counters of 32 bits alone",
        answers: |answers| change_messages(answers, narrow_counters),
        ..HARMLESS
    },
    Behaviour {
        name: "destinations without their address family",
        answers: |answers| {
            change_messages(answers, |message| {
                message.change_entry(|kind, attributes| {
                    // IPVS_CMD_ATTR_DEST, IPVS_DEST_ATTR_ADDR_FAMILY
                    if kind == 2 {
                        attributes.retain(|(kind, _)| *kind != 11);
                    }
                });
            })
        },
        ..HARMLESS
    },
    Behaviour {
        name: "NLM_F_DUMP_INTR, once",
        answers: |answers| change_messages(answers, mark_interrupted),
        spares_readings: true,
        ..NONE
    },
    Behaviour {
        name: "NLM_F_DUMP_INTR for ever",
        times: ALWAYS,
        answers: |answers| change_messages(answers, mark_interrupted),
        ..NONE
    },
    Behaviour {
        name: "NLMSG_OVERRUN without an end",
        times: ALWAYS,
        answers: as_they_are_without_the_end,
        endless: Some(|_, requests| repeat_message(NLMSG_OVERRUN, last_number(requests), 0)),
        ..NONE
    },
    Behaviour {
        name: "the same entries again and again, without an end",
        times: ALWAYS,
        answers: as_they_are_without_the_end,
        endless: Some(|answers, _| {
            let answer = answers.first().cloned().unwrap_or_default();
            Box::new(move || Arrival::Datagram(answer.clone()))
        }),
        ..NONE
    },
    Behaviour {
        name: "other entries again and again, without an end",
        times: ALWAYS,
        answers: as_they_are_without_the_end,
        endless: Some(|answers, _| {
            let mut messages = answers.first().map(|answer| messages::split(answer));
            let mut number = 0;
            Box::new(move || {
                let messages = messages.as_deref_mut().unwrap_or_default();
                for message in &mut *messages {
                    number += 1;
                    message.change_entry(|kind, attributes| {
                        // IPVS_SVC_ATTR_ADDR, IPVS_DEST_ATTR_ADDR
                        let address = if kind == 1 { 3 } else { 1 };
                        for (kind, value) in attributes {
                            if *kind == address {
                                value[..4].copy_from_slice(&u32::to_ne_bytes(number));
                            }
                        }
                    });
                }
                Arrival::Datagram(messages::join(messages))
            })
        }),
        ..NONE
    },
    Behaviour {
        name: "entries that make no sense, without an end",
        times: ALWAYS,
        answers: as_they_are_without_the_end,
        endless: Some(|answers, _| {
            let mut messages = answers.first().map(|answer| messages::split(answer));
            for message in messages.iter_mut().flatten() {
                message.payload.truncate(8);
            }
            let answer = messages::join(&messages.unwrap_or_default());
            Box::new(move || Arrival::Datagram(answer.clone()))
        }),
        ..NONE
    },
    Behaviour {
        name: "answers to others, without an end",
        times: ALWAYS,
        answers: |_| Vec::new(),
        endless: Some(|_, requests| {
            repeat_message(NLMSG_ERROR, last_number(requests).wrapping_sub(1000), 4)
        }),
        ..NONE
    },
    Behaviour {
        name: "messages that say nothing, without an end",
        times: ALWAYS,
        answers: |_| Vec::new(),
        endless: Some(|_, requests| repeat_message(NLMSG_NOOP, last_number(requests), 0)),
        ..NONE
    },
    Behaviour {
        name: "empty datagrams, without an end",
        times: ALWAYS,
        answers: |_| Vec::new(),
        endless: Some(|_, _| Box::new(|| Arrival::Datagram(Vec::new()))),
        ..NONE
    },
];

fn as_they_are(answers: Vec<Vec<u8>>) -> Vec<Arrival> {
    answers.into_iter().map(Arrival::Datagram).collect()
}

/// Leaves out the end of a list, and the acknowledgement of anything else.
fn as_they_are_without_the_end(mut answers: Vec<Vec<u8>>) -> Vec<Arrival> {
    answers.pop();
    as_they_are(answers)
}

fn map(answers: Vec<Vec<u8>>, change: impl FnMut(Vec<u8>) -> Vec<Vec<u8>>) -> Vec<Arrival> {
    as_they_are(answers.into_iter().flat_map(change).collect())
}

fn skip(count: usize, answers: Vec<Vec<u8>>) -> Vec<Vec<u8>> {
    answers.into_iter().skip(count).collect()
}

/// Lets a receive fail before the answer at this place.
fn fail_before(place: usize, answers: Vec<Vec<u8>>, errno: Errno) -> Vec<Arrival> {
    let mut arrivals = as_they_are(answers);
    arrivals.insert(place.min(arrivals.len()), Arrival::Failure(errno));
    arrivals
}

fn change_messages(answers: Vec<Vec<u8>>, change: impl Fn(&mut Message)) -> Vec<Arrival> {
    map(answers, |answer| {
        let mut messages = messages::split(&answer);
        messages.iter_mut().for_each(&change);
        vec![messages::join(&messages)]
    })
}

fn renumber(answers: Vec<Vec<u8>>, number: impl Fn(u32) -> u32) -> Vec<Arrival> {
    change_messages(answers, |message| {
        message.sequence = number(message.sequence);
    })
}

/// Netlink sockets are queues, so that the end of a list comes last in any order.
fn in_opposite_order(mut answers: Vec<Vec<u8>>) -> Vec<Arrival> {
    let is_end = |answer: &Vec<u8>| {
        let messages = messages::split(answer);
        messages.iter().any(|message| message.kind == NLMSG_DONE)
    };
    let end = answers.iter().position(is_end);
    let end = end.map(|place| answers.remove(place));
    answers.reverse();
    answers.extend(end);
    as_they_are(answers)
}

/// Puts a message with an errno behind the first piece of each list.
fn put_into_lists(answers: Vec<Vec<u8>>, kind: u16, errno: Errno) -> Vec<Arrival> {
    let mut is_first = true;
    map(answers, |answer| {
        let messages = messages::split(&answer);
        match messages.first() {
            Some(message) if message.is_of_dump() && std::mem::take(&mut is_first) => {
                let code = (-errno.raw_os_error()).to_ne_bytes();
                let error = Message::new(kind, message.sequence, code.to_vec());
                vec![answer, messages::join(&[error])]
            }
            _ => vec![answer],
        }
    })
}

fn mark_interrupted(message: &mut Message) {
    if message.is_of_dump() {
        message.flags |= NLM_F_DUMP_INTR;
    }
}

fn unknown() -> (u16, Vec<u8>) {
    (300, vec![1, 2, 3, 4, 5])
}

/// Adds attributes that nobody knows yet beside the others, in the entry, and in its
/// counters.
fn add_attributes(message: &mut Message) {
    message.change_entry(|kind, attributes| {
        for (place, value) in &mut *attributes {
            // IPVS_SVC_ATTR_STATS64, IPVS_DEST_ATTR_STATS64
            if kind != 3 && *place == 12 {
                let mut counters = messages::attributes(value);
                counters.push(unknown());
                *value = messages::bytes(&counters);
            }
        }
        attributes.insert(0, unknown());
        attributes.push(unknown());
    });
    if message.is_of_family() {
        message.payload.extend(messages::bytes(&[unknown()]));
    }
}

/// Makes the counters those of a kernel before 4.1.
fn narrow_counters(message: &mut Message) {
    message.change_entry(|kind, attributes| {
        for (place, value) in attributes {
            if kind == 3 || *place != 12 {
                continue;
            }
            // IPVS_SVC_ATTR_STATS, IPVS_DEST_ATTR_STATS
            *place = 10;
            let mut counters = messages::attributes(value);
            for (place, value) in &mut counters {
                // All but IPVS_STATS_ATTR_INBYTES and IPVS_STATS_ATTR_OUTBYTES.
                if ![4, 5].contains(place) {
                    let number = u64::from_ne_bytes(value[..].try_into().unwrap());
                    *value = (number as u32).to_ne_bytes().to_vec();
                }
            }
            *value = messages::bytes(&counters);
        }
    });
}

/// Returns the number of the last request of a datagram.
fn last_number(requests: &[u8]) -> u32 {
    messages::split(requests).last().unwrap().sequence
}

fn repeat_message(
    kind: u16,
    number: u32,
    length: usize,
) -> Box<dyn FnMut() -> Arrival + Send + Sync> {
    let message = messages::join(&[Message::new(kind, number, vec![0; length])]);
    Box::new(move || Arrival::Datagram(message.clone()))
}

type Get = fn(&mut dyn SocketOptions, i32, &mut [u8]) -> Result<(), Errno>;
type Set = fn(&mut dyn SocketOptions, i32, &[u8]) -> Result<(), Errno>;

/// A way to answer socket options.
#[derive(Debug)]
pub(super) struct OptionBehaviour {
    pub(super) name: &'static str,
    /// The calls that meet it; those after are answered well.
    pub(super) times: usize,
    pub(super) get: Get,
    pub(super) set: Set,
    /// Every reading has to succeed all the same.
    pub(super) spares_readings: bool,
    /// Every change has to succeed all the same.
    pub(super) spares_changes: bool,
}

const OPTION_NONE: OptionBehaviour = OptionBehaviour {
    name: "",
    times: 1,
    get: |honest, option, value| honest.get(option, value),
    set: |honest, option, value| honest.set(option, value),
    spares_readings: false,
    spares_changes: false,
};

pub(super) static OPTION_BEHAVIOURS: [OptionBehaviour; 9] = [
    OptionBehaviour {
        name: "it answers as it should",
        spares_readings: true,
        spares_changes: true,
        ..OPTION_NONE
    },
    OptionBehaviour {
        name: "EINTR, once",
        get: |_, _, _| Err(Errno::INTR),
        set: |_, _, _| Err(Errno::INTR),
        spares_readings: true,
        ..OPTION_NONE
    },
    OptionBehaviour {
        name: "EINTR without an end",
        times: ALWAYS,
        get: |_, _, _| Err(Errno::INTR),
        set: |_, _, _| Err(Errno::INTR),
        ..OPTION_NONE
    },
    OptionBehaviour {
        name: "EINTR when it is done",
        set: |honest, option, value| honest.set(option, value).and(Err(Errno::INTR)),
        spares_readings: true,
        ..OPTION_NONE
    },
    OptionBehaviour {
        name: "EBUSY, once",
        get: |_, _, _| Err(Errno::BUSY),
        set: |_, _, _| Err(Errno::BUSY),
        ..OPTION_NONE
    },
    OptionBehaviour {
        name: "EBUSY, ever",
        times: ALWAYS,
        get: |_, _, _| Err(Errno::BUSY),
        set: |_, _, _| Err(Errno::BUSY),
        ..OPTION_NONE
    },
    OptionBehaviour {
        name: "ENOBUFS, ever",
        times: ALWAYS,
        get: |_, _, _| Err(Errno::NOBUFS),
        set: |_, _, _| Err(Errno::NOBUFS),
        ..OPTION_NONE
    },
    OptionBehaviour {
        name: "a list that does not fit its room",
        get: |honest, option, value| match option {
            option::GET_SERVICES | option::GET_DESTS => Err(Errno::INVAL),
            _ => honest.get(option, value),
        },
        times: ALWAYS,
        spares_changes: false,
        ..OPTION_NONE
    },
    OptionBehaviour {
        name: "a list that is always full",
        get: |honest, option, value| match option {
            option::GET_SERVICES | option::GET_DESTS => {
                value.fill(6);
                Ok(())
            }
            _ => honest.get(option, value),
        },
        times: ALWAYS,
        ..OPTION_NONE
    },
];
