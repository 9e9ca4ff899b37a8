// SPDX-License-Identifier: MIT

//! The list of commands and options, a row for each: the scanner, the rules
//! about what goes together, the parser of values, the help text, the manual
//! page and the completions all read this one table.

use std::num::{NonZeroU8, NonZeroU16};

use ipvs_client::Protocol;

use super::{
    error::UsageError as E,
    name::{self, CommandName as C},
    number::{parse_number, parse_u8, parse_u16},
    raw::{parse_namespace, set, set_text},
    spec::{Commands, Heading as H, Spec, command, option, ungrouped},
    word_list::{
        COLOUR_WORDS, ENGINE_WORDS, FORM_WORDS, INTERFACE_WORDS, PROTOCOL_WORDS, ROLE_WORDS,
        SCHEDULER_WORDS, STATE_WORDS, TUNNEL_WORDS,
    },
};
use crate::command::{
    Forwarding,
    choice::{FORMS, INTERFACES, ROLES, TUNNELS, find},
    range,
    scope::parse_prefix,
};

const SERVICE_ADDRESS: Commands = Commands {
    compulsory: &[
        C::AddService,
        C::EditService,
        C::DeleteService,
        C::AddServer,
        C::EditServer,
        C::DeleteServer,
    ],
    optional: &[C::Zero, C::Apply, C::Diff, C::Drain, C::Doctor],
    exclusive: &[C::List],
};
const SERVICE_SETTINGS: Commands = Commands::optional(&[C::AddService, C::EditService]);
const SERVER_ADDRESS: Commands = Commands {
    compulsory: &[C::AddServer, C::EditServer, C::DeleteServer],
    // With -L only beside -c: see `rules`.
    optional: &[C::List, C::Drain, C::Doctor],
    exclusive: &[],
};
const SERVER_SETTINGS: Commands = Commands::optional(&[C::AddServer, C::EditServer]);
const LISTING: Commands = Commands::optional(&[C::List]);
const OTHER_LISTING: Commands = Commands {
    exclusive: &[C::List],
    ..Commands::NONE
};
const RESTORING: Commands = Commands::optional(&[C::Restore]);
const DRAINING: Commands = Commands::optional(&[C::Drain]);
const APPLYING: Commands = Commands::optional(&[C::Apply]);
const COMPARING: Commands = Commands::optional(&[C::Apply, C::Diff]);
const STARTING_DAEMON: Commands = Commands::optional(&[C::StartDaemon]);
/// Every command but help and version.
const EVERY_COMMAND_ON_A_TABLE: Commands = Commands::optional(&[
    C::AddService,
    C::EditService,
    C::DeleteService,
    C::Clear,
    C::Restore,
    C::Save,
    C::Apply,
    C::Diff,
    C::CompareConnections,
    C::AddServer,
    C::EditServer,
    C::DeleteServer,
    C::List,
    C::Zero,
    C::SetTimeouts,
    C::StartDaemon,
    C::StopDaemon,
    C::Drain,
    C::Doctor,
    C::Report,
]);
/// Every command but help.
const EVERY_COMMAND: Commands = Commands {
    exclusive: &[C::Version],
    ..EVERY_COMMAND_ON_A_TABLE
};

/// Every command and option, in the order of the help text; the commands come
/// first, in the order of their names.
#[rustfmt::skip]
pub(crate) static TABLE: &[Spec] = &[
    command(C::AddService, "add-service").letters(&['A'])
        .help("Add a virtual service"),
    command(C::EditService, "edit-service").letters(&['E'])
        .help("Replace all settings of a virtual service"),
    command(C::DeleteService, "delete-service").letters(&['D'])
        .help("Remove a virtual service and its real servers"),
    command(C::Clear, "clear").title("flush").letters(&['C'])
        .help("Remove all virtual services"),
    command(C::Restore, "restore").letters(&['R'])
        .help("Read commands from a file or standard input, one a line"),
    command(C::Save, "save").letters(&['S'])
        .help("Write the table as commands that -R reads"),
    command(C::Apply, "apply")
        .help("Make the table what a file or standard input says, with as few changes as possible"),
    command(C::Diff, "diff")
        .help("Show what --apply would change, as lines after - and +"),
    command(C::CompareConnections, "compare-connections")
        .help("Show the connections that only one director has: this one, or the one whose -L -c --json is in a file or comes from standard input"),
    command(C::AddServer, "add-server").letters(&['a'])
        .help("Add a real server to a virtual service"),
    command(C::EditServer, "edit-server").letters(&['e'])
        .help("Replace all settings of a real server"),
    command(C::DeleteServer, "delete-server").letters(&['d'])
        .help("Remove a real server from a virtual service"),
    command(C::List, "list").letters(&['L', 'l'])
        .help("Show the table, or one virtual service"),
    command(C::Zero, "zero").letters(&['Z'])
        .help("Set the counters of one or all virtual services to zero"),
    command(C::SetTimeouts, "set")
        .help("Set the timeouts of connections: three numbers of seconds, for TCP, TCP after FIN, and UDP; 0 leaves one as it is"),
    command(C::StartDaemon, "start-daemon")
        .help("Start a connection synchronization daemon: {or}")
        .required("ROLE", |options, text| set(&mut options.role, find(&ROLES, text), |_| E::StartRole, text)).words(&ROLE_WORDS),
    command(C::StopDaemon, "stop-daemon")
        .help("Stop a connection synchronization daemon: {or}")
        .required("ROLE", |options, text| set(&mut options.role, find(&ROLES, text), |_| E::StopRole, text)).words(&ROLE_WORDS),
    command(C::Drain, "drain")
        .help("Give a real server no new connections, in one or all virtual services that have it"),
    command(C::Doctor, "doctor")
        .help("Look for the reasons why virtual services do not work, and show the commands that mend them"),
    command(C::Report, "report")
        .help("Write everything about this director as one JSON document, for those who are to help"),
    command(C::Help, "help").letters(&['h'])
        .help("Show this help"),
    command(C::Version, "version").letters(&['v'])
        .help("Show the version"),

    option(H::VirtualService, name::SERVICE_ADDRESS, SERVICE_ADDRESS).long("tcp-service").letters(&['t'])
        .help("TCP to this address and port")
        .required("ADDRESS:PORT", |options, text| options.set_service(text, Protocol::Tcp)),
    option(H::VirtualService, name::SERVICE_ADDRESS, SERVICE_ADDRESS).long("udp-service").letters(&['u'])
        .help("UDP to this address and port")
        .required("ADDRESS:PORT", |options, text| options.set_service(text, Protocol::Udp)),
    option(H::VirtualService, name::SERVICE_ADDRESS, SERVICE_ADDRESS).long("sctp-service")
        .help("SCTP to this address and port")
        .required("ADDRESS:PORT", |options, text| options.set_service(text, Protocol::Sctp)),
    option(H::VirtualService, name::SERVICE_ADDRESS, SERVICE_ADDRESS).long("fwmark-service").letters(&['f'])
        .help("Packets with this firewall mark, 1 to 4294967295")
        .required("MARK", |options, text| options.set_fwmark(text)),
    ungrouped(H::VirtualService, "ipv6").letters(&['6'])
        .help("After -f: the IPv6 packets with the mark")
        .flag(|options| options.set_ipv6()),

    option(H::ServiceOptions, name::SCHEDULER, SERVICE_SETTINGS).letters(&['s'])
        .help("How to choose a real server: {,} [default: wlc]")
        .required("NAME", |options, text| set_text(&mut options.scheduler, text)).words(&SCHEDULER_WORDS),
    option(H::ServiceOptions, name::SCHEDULER_FLAGS, SERVICE_SETTINGS).letters(&['b'])
        .help("Flags of the scheduler: sh-fallback, sh-port, mh-fallback, mh-port, or flag-1 to flag-3")
        .required("FLAG,...", |options, text| set_text(&mut options.scheduler_flags, text)),
    option(H::ServiceOptions, name::PERSISTENT, SERVICE_SETTINGS).letters(&['p'])
        .help("Keep each client with its real server for so long [default: 360]")
        .optional("SECONDS", |options, text| options.set_persistence(text)),
    option(H::ServiceOptions, name::NETMASK, SERVICE_SETTINGS).letters(&['M'])
        .help("Clients that persistence takes for one: a mask or a prefix length")
        .required("MASK", |options, text| options.set_netmask(text)),
    option(H::ServiceOptions, name::PERSISTENCE_ENGINE, SERVICE_SETTINGS)
        .help("What persistence tells clients apart by, instead of their address: {or}")
        .required("NAME", |options, text| set_text(&mut options.persistence_engine, text)).words(&ENGINE_WORDS),
    option(H::ServiceOptions, name::ONE_PACKET, SERVICE_SETTINGS).letters(&['o'])
        .help("Schedule each UDP datagram by itself"),

    option(H::ServerOptions, name::REAL_SERVER, SERVER_ADDRESS).letters(&['r'])
        .help("The real server [default port: the virtual service's]; with -L -c without a port: all of its ports; with --doctor: the virtual addresses that this machine is a real server of, with commas between them")
        .required("ADDRESS[:PORT]", |options, text| options.set_server(text)),
    option(H::ServerOptions, name::FORWARDING_METHOD, SERVER_SETTINGS).long("gatewaying").letters(&['g'])
        .help("Forward by direct routing (the default)")
        .flag(|options| options.set_forwarding(Forwarding::DirectRouting)),
    option(H::ServerOptions, name::FORWARDING_METHOD, SERVER_SETTINGS).long("ipip").letters(&['i'])
        .help("Forward by tunneling")
        .flag(|options| options.set_forwarding(Forwarding::Tunneling)),
    option(H::ServerOptions, name::FORWARDING_METHOD, SERVER_SETTINGS).long("masquerading").letters(&['m'])
        .help("Forward by masquerading (NAT)")
        .flag(|options| options.set_forwarding(Forwarding::Masquerading)),
    option(H::ServerOptions, name::TUNNEL_TYPE, SERVER_SETTINGS)
        .help("Tunnel: {or} [default: ipip]")
        .required("TYPE", |options, text| set(&mut options.tunnel_kind, find(&TUNNELS, text), E::TunnelType, text)).words(&TUNNEL_WORDS),
    option(H::ServerOptions, name::TUNNEL_PORT, SERVER_SETTINGS)
        .help("UDP port of a gue tunnel")
        .required("PORT", |options, text| set(&mut options.tunnel_port, parse_u16(text, range::TUNNEL_PORT, NonZeroU16::new), E::TunnelPort, text)),
    option(H::ServerOptions, name::TUNNEL_NO_CHECKSUM, SERVER_SETTINGS)
        .help("No checksum on a gue or gre tunnel (the default)"),
    option(H::ServerOptions, name::TUNNEL_CHECKSUM, SERVER_SETTINGS)
        .help("Checksum on a gue or gre tunnel"),
    option(H::ServerOptions, name::TUNNEL_REMOTE_CHECKSUM, SERVER_SETTINGS)
        .help("Remote checksum offload on a gue tunnel"),
    option(H::ServerOptions, name::WEIGHT, SERVER_SETTINGS).letters(&['w'])
        .help("Share of new connections; 0 quiesces [default: 1]")
        .required("NUMBER", |options, text| set(&mut options.weight, parse_number(text, range::WEIGHT), E::Weight, text)),
    option(H::ServerOptions, name::UPPER_THRESHOLD, SERVER_SETTINGS).letters(&['x'])
        .help("Connections from which on it gets no new ones; 0 is no limit")
        .required("NUMBER", |options, text| set(&mut options.upper_threshold, parse_number(text, range::THRESHOLD), E::UpperThreshold, text)),
    option(H::ServerOptions, name::LOWER_THRESHOLD, SERVER_SETTINGS).letters(&['y'])
        .help("Connections below which it gets new ones again")
        .required("NUMBER", |options, text| set(&mut options.lower_threshold, parse_number(text, range::THRESHOLD), E::LowerThreshold, text)),

    option(H::ChangeOptions, name::KEEP, Commands::optional(&[C::EditService, C::EditServer]))
        .help("With -E and -e: leave what is not named as it is"),
    option(H::ChangeOptions, name::EXIST, Commands::optional(&[C::AddService, C::DeleteService, C::Restore, C::AddServer, C::DeleteServer]))
        .help("With -A and -a: edit what is there to match; with -D and -d: do not mind what is gone; with -R: all of these"),

    option(H::ListOptions, name::NUMERIC, Commands::optional(&[C::List, C::Save])).letters(&['n'])
        .help("Addresses and ports as numbers, without looking up names"),
    option(H::ListOptions, name::CONNECTION, OTHER_LISTING).letters(&['c'])
        .help("Show the current connections; with a virtual service or -r, its own"),
    option(H::ListOptions, name::CLIENT, LISTING)
        .help("With -c: only those of this client, or of the clients in this network")
        .required("ADDRESS[/PREFIX]", |options, text| set(&mut options.client, parse_prefix(text), E::Client, text)),
    option(H::ListOptions, name::STATE, LISTING)
        .help("With -c: only those in this state, or in one of these")
        .required("STATE,...", |options, text| options.set_states(text)).words(&STATE_WORDS),
    option(H::ListOptions, name::PROTOCOL, LISTING)
        .help("With -c: only those of this protocol, or of one of these: {,}")
        .required("PROTOCOL,...", |options, text| options.set_protocols(text)).words(&PROTOCOL_WORDS),
    option(H::ListOptions, name::SUMMARY, LISTING)
        .help("With -c: count connections by virtual service, real server and state, and show the busiest clients"),
    option(H::ListOptions, name::TOP, LISTING)
        .help("How many clients --summary shows [default: 10]")
        .required("NUMBER", |options, text| set(&mut options.top, parse_number(text, range::TOP), E::Top, text)),
    option(H::ListOptions, name::TIMEOUT, OTHER_LISTING)
        .help("Show the timeouts of connections"),
    option(H::ListOptions, name::DAEMON, OTHER_LISTING)
        .help("Show the synchronization daemons"),
    option(H::ListOptions, name::STATS, LISTING)
        .help("Show connections, packets and bytes"),
    option(H::ListOptions, name::RATE, LISTING)
        .help("Show connections, packets and bytes a second"),
    option(H::ListOptions, name::THRESHOLDS, LISTING)
        .help("Show the thresholds of real servers"),
    option(H::ListOptions, name::PERSISTENT_CONNECTIONS, LISTING)
        .help("Show persistent connections"),
    option(H::ListOptions, name::TUNNEL_INFO, LISTING)
        .help("Show the tunnels to real servers"),
    option(H::ListOptions, name::OUTPUT, LISTING)
        .help("How to show the table: {or} [default: classic]")
        .required("FORM", |options, text| set(&mut options.form, find(&FORMS, text), |_| E::OutputForm, text)).words(&FORM_WORDS),
    option(H::ListOptions, name::TOTALS, LISTING)
        .help("OpenMetrics without a series for each real server"),
    option(H::ListOptions, name::OUTPUT_FILE, LISTING)
        .help("OpenMetrics into a file, which changes in one step")
        .required("PATH", |options, text| set_text(&mut options.output_file, text)),
    option(H::ListOptions, name::WATCH, LISTING)
        .help("Show the table again and again [default: every 2 seconds]")
        .optional("SECONDS", |options, text| options.set_interval(text)),
    option(H::ListOptions, name::COUNT, LISTING)
        .help("How often --watch shows it")
        .required("NUMBER", |options, text| set(&mut options.count, parse_number(text, range::COUNT), E::Count, text)),
    option(H::ListOptions, name::CHANGES, LISTING)
        .help("With --watch: show only what has changed, a line for each change"),
    option(H::ListOptions, name::EXACT, LISTING).letters(&['X'])
        .help("Show large numbers with all digits"),
    option(H::ListOptions, name::NO_SORT, LISTING)
        .help("Show entries in the kernel's order"),
    ungrouped(H::ListOptions, "sort")
        .help("Nothing; entries are sorted anyway"),

    option(H::RestoreOptions, name::STRICT, RESTORING)
        .help("Number the lines that fail, go on after every one, and exit with the status of the first"),
    option(H::RestoreOptions, name::CHECK, Commands::optional(&[C::Restore, C::Apply]))
        .help("Read and check the rules, change nothing; with --apply too"),

    option(H::ApplyOptions, name::SCOPE, COMPARING).repeatable()
        .help("Leave alone all services but those with such an address; may be given again")
        .required("PREFIX", |options, text| options.add_scope(text)),
    option(H::ApplyOptions, name::KEEP_WEIGHTS, COMPARING)
        .help("Leave the weights of real servers that are there as they are"),
    option(H::ApplyOptions, name::ADD_ONLY, COMPARING)
        .help("Remove nothing"),
    option(H::ApplyOptions, name::DRY_RUN, APPLYING)
        .help("Show the commands that would be carried out, change nothing"),

    option(H::DrainOptions, name::IDLE, DRAINING)
        .help("Wait until no connection is left, active or inactive"),
    option(H::DrainOptions, name::REMOVE, DRAINING)
        .help("Wait, and remove the real server when its connections have ended"),
    option(H::DrainOptions, name::UNDO, DRAINING)
        .help("Give back the weights that real servers had before they were drained"),

    option(H::ReportOptions, name::REDACT, Commands::optional(&[C::Report]))
        .help("Replace addresses and names of interfaces, the same by the same"),

    option(H::WaitOptions, name::WAIT, Commands::optional(&[C::Apply, C::Drain]))
        .help("Wait until no other ipvsadm changes the table, or until no active connection is left; for so long at most [default: without end]")
        .optional("SECONDS", |options, text| options.set_wait(text)),

    option(H::ColourOptions, name::COLOUR, Commands::optional(&[C::Apply, C::Diff, C::List, C::Doctor]))
        .help("Colours: {or} [default: auto; without a word: always]")
        .attached("WHEN", |options, text| options.set_colour(text)).words(&COLOUR_WORDS),

    option(H::DaemonOptions, name::MCAST_INTERFACE, STARTING_DAEMON)
        .help("Network interface [default: eth0]")
        .required("INTERFACE", |options, text| set_text(&mut options.interface, text)),
    option(H::DaemonOptions, name::SYNC_ID, Commands::optional(&[C::List, C::StartDaemon, C::StopDaemon]))
        .help("Group of directors, 0 to 255; a backup with 0 hears all [default: 0]")
        .required("NUMBER", |options, text| set(&mut options.sync_id, parse_u8(text, range::SYNC_ID, Some), E::SyncId, text)),
    option(H::DaemonOptions, name::SYNC_MAXLEN, STARTING_DAEMON)
        .help("Largest message [default: 1472]")
        .required("BYTES", |options, text| set(&mut options.sync_maxlen, parse_u16(text, range::SYNC_MAXLEN, NonZeroU16::new), E::SyncMaxlen, text)),
    option(H::DaemonOptions, name::MCAST_GROUP, STARTING_DAEMON)
        .help("Multicast group [default: 224.0.0.81]")
        .required("ADDRESS", |options, text| options.set_mcast_group(text)),
    option(H::DaemonOptions, name::MCAST_PORT, STARTING_DAEMON)
        .help("UDP port [default: 8848]")
        .required("PORT", |options, text| set(&mut options.mcast_port, parse_u16(text, range::MCAST_PORT, NonZeroU16::new), E::McastPort, text)),
    option(H::DaemonOptions, name::MCAST_TTL, STARTING_DAEMON)
        .help("Time to live [default: 1]")
        .required("NUMBER", |options, text| set(&mut options.mcast_ttl, parse_u8(text, range::MCAST_TTL, NonZeroU8::new), E::McastTtl, text)),

    option(H::AnyCommand, name::JSON, EVERY_COMMAND)
        .help("Listings as one JSON document, errors as one JSON object a line"),
    option(H::AnyCommand, name::NETNS, EVERY_COMMAND_ON_A_TABLE).leading()
        .help("Do it in this network namespace: a name in /run/netns, a path, or the number of a process; may stand before the command")
        .required("NAMESPACE", |_, text| parse_namespace(text).map(drop)),
    option(H::AnyCommand, name::INTERFACE, EVERY_COMMAND_ON_A_TABLE)
        .help("Reach IPVS through this interface of the kernel only: {or}")
        .required("NAME", |options, text| set(&mut options.kernel_interface, find(&INTERFACES, text), |_| E::KernelInterface, text)).words(&INTERFACE_WORDS),
];

/// Returns the row with this letter.
pub(crate) fn find_by_letter(letter: char) -> Option<&'static Spec> {
    let place = *BY_LETTER.get(letter as usize)?;
    TABLE.get(usize::from(place))
}

/// The place in the table of each letter, because every line of a rule file asks
/// for several; one past the end for a letter that is no option. All are ASCII.
#[expect(
    clippy::indexing_slicing,
    reason = "the compiler does it, and would refuse what is out of bounds"
)]
static BY_LETTER: [u8; 128] = {
    let mut places = [TABLE.len() as u8; 128];
    let mut place = 0;
    while place < TABLE.len() {
        let letters = TABLE[place].letters;
        let mut index = 0;
        while index < letters.len() {
            places[letters[index] as usize] = place as u8;
            index += 1;
        }
        place += 1;
    }
    places
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::name::Group;

    #[test]
    fn no_two_entries_share_a_name() {
        let mut longs: Vec<_> = TABLE.iter().map(|spec| spec.long).collect();
        let mut shorts: Vec<_> = TABLE.iter().flat_map(|spec| spec.letters).collect();
        let (long, short) = (longs.len(), shorts.len());
        longs.sort_unstable();
        longs.dedup();
        shorts.sort_unstable();
        shorts.dedup();
        assert_eq!((longs.len(), shorts.len()), (long, short));
    }

    #[test]
    fn every_short_option_is_found_by_its_letter_and_no_other() {
        for letter in ('\0'..='\u{ff}').chain(['５']) {
            let found = find_by_letter(letter).map(|spec| spec.long);
            let spec = TABLE.iter().find(|spec| spec.letters.contains(&letter));
            assert_eq!(found, spec.map(|spec| spec.long), "{letter:?}");
        }
    }

    #[test]
    fn commands_stand_at_the_place_of_their_names() {
        let commands = TABLE.iter().filter_map(Spec::command);
        for (place, command) in commands.enumerate() {
            assert_eq!(command as usize, place, "{command:?}");
            assert_eq!(TABLE[place].command(), Some(command));
        }
    }

    #[test]
    fn a_rank_is_of_one_group() {
        let mut groups: Vec<Group> = TABLE.iter().filter_map(Spec::group).collect();
        groups.sort_by_key(|group| group.index());
        groups.dedup();
        for (rank, group) in groups.iter().enumerate() {
            assert_eq!(group.index(), rank, "{}", group.name);
        }
    }
}
