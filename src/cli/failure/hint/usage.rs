// SPDX-License-Identifier: MIT

//! Hints about command lines that ask for nothing that can be done.

use std::{fmt::Display, net::IpAddr, ops::RangeInclusive};

use super::{endpoint, nearly};
use crate::{
    args::{
        self, address,
        error::{Owner, UsageError},
        name::{self, CommandName, Group, Groups},
        options::{TABLE, find_by_letter},
        rules::find_commands,
        scan::{Scanner, Token},
        spec::{Spec, Value},
    },
    command::{
        choice::{self, COLOURS, CONNECTION_PROTOCOLS, CONNECTION_STATES, ROLES, TUNNELS, join},
        range,
    },
    scheduler_flags::{self, FlagError, SCHEDULERS},
};

pub(super) fn find_hint(error: &UsageError, words: &[&str]) -> Option<String> {
    nearly::explain_pasted_dash(words)
        .or_else(|| nearly::explain_single_hyphen(words))
        .or_else(|| nearly::explain_swallowed_option(words))
        .or_else(|| explain_error(error, words))
}

fn explain_error(error: &UsageError, words: &[&str]) -> Option<String> {
    use UsageError as E;
    let hint = match error {
        E::NoCommand => return explain_no_command(words),
        E::UnknownOption(word) => return nearly::suggest_option(word),
        E::MissingValue(word) => return explain_missing_value(word),
        E::SecondCommand(_) => "one command at a time: run ipvsadm once for each",
        E::UnexpectedArgument(word) => return explain_unexpected(word, words),
        E::Repeated(name::SERVICE_ADDRESS) => "a command is about one virtual service",
        E::Repeated(name::FORWARDING_METHOD) => {
            "a real server has one forwarding method: -m, -g or -i"
        }
        E::Compulsory { group, .. } => return explain_compulsory(*group),
        E::Illegal {
            owner:
                Owner::Command {
                    command: CommandName::List,
                    ..
                },
            group: name::REAL_SERVER,
        } => {
            "-L shows all real servers of a virtual service; with -c, -r shows the connections of \
             one"
        }
        E::Illegal {
            owner: Owner::Command { .. },
            group,
        } => return list_commands(*group),
        E::ListConflict => {
            "--timeout, --daemon and -c have nothing to count: leave out --stats, --rate, \
             --thresholds and --persistent-conn"
        }
        E::ServiceAddress(error) | E::ServerAddress(error) => return endpoint::find_hint(error),
        E::Fwmark(given) => return explain_range("a firewall mark", range::FWMARK, given),
        E::Ipv6BeforeFwmark => {
            "-6 goes behind -f MARK; an address says by itself that it is of IPv6"
        }
        E::PersistenceTimeout(given) => return explain_timeout(range::PERSISTENCE_TIMEOUT, given),
        E::ConnectionTimeout(given) => return explain_timeout(range::CONNECTION_TIMEOUT, given),
        E::ThreeTimeouts => {
            "three numbers of seconds, for TCP, TCP after FIN, and UDP; 0 leaves one as it is: \
             ipvsadm --set 900 0 0"
        }
        E::Netmask => {
            "a mask for IPv4 is 255.255.255.0 or the like, or a prefix length from 0 to 32 without \
             a slash"
        }
        E::Netmask6 => "a mask for IPv6 is a prefix length from 1 to 128, without a slash",
        E::SchedulerFlag(FlagError::Unknown(_)) => {
            return Some(format!(
                "the flags are {}",
                join(&scheduler_flags::flag_names(), "and")
            ));
        }
        E::SchedulerFlag(FlagError::OfOther(flag)) => return name_flag_owner(flag),
        E::ZeroPort(text) => return Some(explain_zero_port(text)),
        E::OnePacketNotUdp => "-o goes with -u and -f",
        E::Weight(given) => return explain_range("a weight", range::WEIGHT, given),
        E::UpperThreshold(given) | E::LowerThreshold(given) => {
            return explain_range("a threshold", range::THRESHOLD, given);
        }
        E::TunnelType(given) => {
            let types = join(&choice::names(&TUNNELS), "or");
            return Some(format!("a tunnel is {types}, not {given}"));
        }
        E::TunnelPort(given) => return explain_range("a port", range::TUNNEL_PORT, given),
        E::FamiliesDiffer => {
            "only tunneling (-i) goes from IPv4 to IPv6 or back: add -i, or give a real server \
             of the virtual service's family"
        }
        E::NotTunneling => "add -i, or leave out the options that describe a tunnel",
        E::StartRole | E::StopRole => {
            return Some(format!(
                "a daemon is {}; a director that is both has one of each, so that it takes two \
                 commands",
                join(&choice::names(&ROLES), "or")
            ));
        }
        E::SyncId(given) => return explain_range("a syncid", range::SYNC_ID, given),
        E::SyncMaxlen(given) => {
            return explain_range("a length in bytes", range::SYNC_MAXLEN, given);
        }
        E::McastGroup4(_) => "a multicast group of IPv4 is from 224.0.0.0 to 239.255.255.255",
        E::McastGroup6(_) => "a multicast group of IPv6 begins with ff",
        E::McastPort(given) => return explain_range("a port", range::MCAST_PORT, given),
        E::McastTtl(given) => return explain_range("a time to live", range::MCAST_TTL, given),
        E::WatchInterval(given) => {
            return explain_range("an interval in seconds", range::INTERVAL, given);
        }
        E::WaitTime(given) if !given.starts_with(|letter: char| letter.is_ascii_digit()) => {
            return Some(format!(
                "{given} is taken for the seconds of --wait: let it stand before --wait"
            ));
        }
        E::WaitTime(given) => return explain_range("a time in seconds", range::WAIT, given),
        E::Namespace(_) => {
            "a network namespace is a name in /run/netns, a path with a slash, or the number of \
             a process"
        }
        E::InRule(_) => "it goes with the command that reads the rules, such as -R",
        E::Client(_) => "a client is an address, or a network of clients: 192.0.2.0/24",
        E::State(word) => return nearly::suggest_word(word, &choice::names(&CONNECTION_STATES)),
        E::Protocol(word) => {
            return nearly::suggest_word(word, &choice::names(&CONNECTION_PROTOCOLS));
        }
        E::Top(given) => return explain_range("the number of clients", range::TOP, given),
        E::Scope(_) => "a scope is an address, or one with the length of a prefix: 192.0.2.0/24",
        E::Count(given) => return explain_range("a count", range::COUNT, given),
        _ => return None,
    };
    Some(hint.to_owned())
}

/// The command and the kinds of option of a line, as far as it can be read.
struct TypedLine {
    command: Option<CommandName>,
    groups: Groups,
}

impl TypedLine {
    fn read(words: &[&str]) -> Self {
        let mut line = Self {
            command: None,
            groups: Groups::NONE,
        };
        for token in Scanner::new(words) {
            let Ok(Token::Option { spec, .. }) = token else {
                continue;
            };
            if let Some(command) = spec.command() {
                line.command.get_or_insert(command);
            }
            if let Some(group) = spec.group() {
                line.groups.insert(group);
            }
        }
        line
    }
}

fn explain_no_command(words: &[&str]) -> Option<String> {
    let mut first_option = None;
    let mut first_argument = None;
    for token in Scanner::new(words) {
        match token {
            Ok(Token::Option { spec, .. }) if spec.may_lead => {}
            Ok(Token::Option { spec, .. }) => match (spec.command(), first_option) {
                // It is a command, but not one that may stand here.
                (Some(_), None) => return None,
                (Some(_), Some(_)) => return Some(order_words(spec, words)),
                (None, None) => first_option = Some(spec),
                (None, Some(_)) => {}
            },
            Ok(Token::Argument(word)) => {
                first_argument.get_or_insert(word);
            }
            Err(UsageError::UnknownOption(word)) if first_option.is_none() => {
                return nearly::suggest_option(&word);
            }
            Err(UsageError::MissingValue(word)) if first_option.is_none() => {
                let spec = find_last_option(&word)?;
                if spec.command().is_some() || spec.may_lead {
                    return explain_missing_value(&word);
                }
                first_option = Some(spec);
            }
            Err(_) => break,
        }
    }
    let Some(option) = first_option else {
        return first_argument.and_then(nearly::suggest_command);
    };
    let Some(group) = option.group() else {
        return Some("a command comes first, such as -L, -A or -a".to_owned());
    };
    let commands: Vec<_> = find_commands(group).map(Spec::spelling).collect();
    let option = option.spelling();
    Some(match commands.as_slice() {
        [command] => format!("a command comes first: {command} is the one that {option} goes with"),
        [_, _] | [_, _, _] => {
            let commands = join(&commands, "and");
            format!("a command comes first: {option} goes with {commands}")
        }
        _ => "a command comes first, such as -L, -A or -a".to_owned(),
    })
}

/// The command line in an order that can be read, as far as it is certain.
fn order_words(command: &Spec, words: &[&str]) -> String {
    let is_command = |word: &str| {
        word.strip_prefix("--") == Some(command.long)
            || word
                .strip_prefix('-')
                .is_some_and(|letter| command.letters.iter().any(|it| letter == it.to_string()))
    };
    let is_plain = |word: &&str| {
        !word.is_empty()
            && word
                .chars()
                .all(|letter| letter.is_ascii_alphanumeric() || "-.:,=[]_".contains(letter))
    };
    let mut ordered = words.to_vec();
    if let Some(place) = words.iter().position(|word| is_command(word)) {
        let word = ordered.remove(place);
        ordered.insert(0, word);
        if ordered.iter().all(is_plain) && args::parse(&ordered).is_ok() {
            return format!("the command comes first: ipvsadm {}", ordered.join(" "));
        }
    }
    format!(
        "the command comes first: ipvsadm {} ...",
        command.spelling()
    )
}

/// The option of a word, or the last of a bundle.
fn find_last_option(word: &str) -> Option<&'static Spec> {
    match word.strip_prefix("--") {
        Some(name) => TABLE.iter().find(|spec| spec.long == name),
        None => word.chars().last().and_then(find_by_letter),
    }
}

fn explain_missing_value(word: &str) -> Option<String> {
    let spec = find_last_option(word)?;
    let Value::Required(value) = spec.value else {
        return None;
    };
    Some(format!("{} {value}: {}", spec.spelling(), spec.sentence()))
}

fn explain_unexpected(word: &str, words: &[&str]) -> Option<String> {
    let line = TypedLine::read(words);
    let takes = |group| {
        let mut commands = find_commands(group);
        commands.any(|spec| spec.command() == line.command) && !line.groups.contains(group)
    };
    if word.starts_with(':') && line.groups.contains(name::SERVICE_ADDRESS) {
        return Some("an address and its port are one word, without a blank between".to_owned());
    }
    if is_endpoint(word) {
        if takes(name::SERVICE_ADDRESS) {
            return Some(format!(
                "say what it is: -t {word} for TCP, -u {word} for UDP, --sctp-service {word} for \
                 SCTP"
            ));
        }
        let has_servers =
            line.command != Some(CommandName::List) || line.groups.contains(name::CONNECTION);
        if takes(name::REAL_SERVER) && has_servers {
            return Some(format!("a real server has -r before it: -r {word}"));
        }
    }
    if line.groups.contains(name::COLOUR) && choice::find(&COLOURS, word).is_some() {
        return Some(format!(
            "the word stands behind = without a blank: --color={word}"
        ));
    }
    let is_scheduler = SCHEDULERS.iter().any(|(name, _)| *name == word);
    if is_scheduler && takes(name::SCHEDULER) {
        return Some(format!("a scheduler has -s before it: -s {word}"));
    }
    match line.command {
        Some(CommandName::SetTimeouts) => {
            Some("--set takes three numbers: for TCP, TCP after FIN, and UDP".to_owned())
        }
        _ => None,
    }
}

/// Recognizes a word that can hardly be anything but an address; the name of a
/// host is not asked for.
fn is_endpoint(word: &str) -> bool {
    let has_address = |text: &str| text.parse::<IpAddr>().is_ok();
    let address = word.rsplit_once(':').map_or(word, |(address, _)| address);
    let bare = |text: &str| {
        text.trim_start_matches('[')
            .trim_end_matches(']')
            .to_owned()
    };
    has_address(word) || has_address(&bare(word)) || has_address(&bare(address))
}

fn explain_compulsory(group: Group) -> Option<String> {
    let hint = match group {
        name::SERVICE_ADDRESS => {
            "name the virtual service: -t ADDRESS:PORT for TCP, -u for UDP, --sctp-service for \
             SCTP, or -f MARK"
        }
        name::REAL_SERVER => "name the real server: -r ADDRESS or -r ADDRESS:PORT",
        name::TUNNEL_PORT => "name the UDP port of the tunnel's far end: --tun-port PORT",
        _ => return None,
    };
    Some(hint.to_owned())
}

/// The commands that an option belongs to.
fn list_commands(group: Group) -> Option<String> {
    let commands: Vec<_> = find_commands(group).map(Spec::spelling).collect();
    let options = TABLE.iter().filter(|spec| spec.group() == Some(group));
    let options: Vec<_> = options.map(Spec::spelling).collect();
    let verb = match options.as_slice() {
        [] => return None,
        [_] => "goes",
        _ => "go",
    };
    Some(format!(
        "{} {verb} with {}",
        join(&options, "and"),
        join(&commands, "and")
    ))
}

fn explain_range<T: Display>(
    subject: &str,
    range: RangeInclusive<T>,
    given: &str,
) -> Option<String> {
    let (least, greatest) = range.into_inner();
    let given = if given.is_empty() { "nothing" } else { given };
    Some(format!(
        "{subject} is a number from {least} to {greatest}, not {given}"
    ))
}

fn explain_timeout(range: RangeInclusive<u32>, given: &str) -> Option<String> {
    let unit = given
        .chars()
        .last()
        .and_then(|unit| match unit.to_ascii_lowercase() {
            's' => Some(1),
            'm' => Some(60),
            'h' => Some(60 * 60),
            'd' => Some(24 * 60 * 60),
            _ => None,
        });
    let number = given.get(..given.len().saturating_sub(1))?;
    let seconds = unit
        .zip(number.parse::<u32>().ok())
        .and_then(|(unit, number)| number.checked_mul(unit))
        .filter(|seconds| range.contains(seconds));
    match seconds {
        Some(seconds) => Some(format!(
            "a timeout is a number of seconds without a unit: {seconds} for {given}"
        )),
        None => explain_range("a timeout in seconds", range, given),
    }
}

fn name_flag_owner(flag: &str) -> Option<String> {
    let scheduler = scheduler_flags::scheduler_of_flag(flag)?;
    Some(format!("{flag} goes with -s {scheduler}"))
}

fn explain_zero_port(text: &str) -> String {
    if let Some(meant) = address::split_trailing_port(text) {
        return endpoint::explain_trailing_port(meant);
    }
    let address = text.strip_suffix(":0").unwrap_or(text);
    let address = match address.parse() {
        Ok(IpAddr::V6(address)) => format!("[{address}]"),
        _ => address.to_owned(),
    };
    format!("give a port ({address}:80), or -p for a persistent service of all ports")
}
