// SPDX-License-Identifier: MIT

//! The changes that make a table what a file says: as the lines that differ, and as
//! the commands that are carried out.

use std::{
    cmp::Ordering,
    io::{self, Write},
};

use ipvs_client::{
    Destination, DestinationId, DestinationSettings, Service, ServiceId, ServiceSettings, Timeouts,
    plan::{Plan, Step},
};

use super::classic::{RuleWriter, describe_unsayable_destination, describe_unsayable_service};
use crate::{
    command::spelling::{protocol_option, start_daemon},
    escape::escape,
    names::Names,
    table::{compare_destinations, compare_services},
};

/// A line that only one of two tables has.
struct Difference {
    /// The table has it, and should not.
    is_removed: bool,
    /// The place in a listing; what belongs to no service comes first.
    place: Option<(ServiceId, Option<DestinationId>)>,
    text: String,
}

/// Writes the lines that only the table has, after `-`, and those that it should have,
/// after `+`, in the order of a listing. Real servers that go come with the number of
/// connections that end so.
pub(crate) fn write_differences(out: &mut impl Write, plan: &Plan, colour: bool) -> io::Result<()> {
    let mut lines = Differences {
        rules: RuleWriter::new(Names::new(true)),
        lines: Vec::new(),
    };
    for step in plan.steps() {
        lines.add_step(step);
    }
    // What is removed stays before what takes its place.
    lines.lines.sort_by(compare);
    for line in &lines.lines {
        let (sign, start) = if line.is_removed {
            ('-', "\x1b[31m")
        } else {
            ('+', "\x1b[32m")
        };
        let text = &line.text;
        if colour {
            writeln!(out, "{start}{sign} {}\x1b[0m", escape(text))?;
        } else {
            writeln!(out, "{sign} {text}")?;
        }
    }
    Ok(())
}

fn compare(a: &Difference, b: &Difference) -> Ordering {
    match (&a.place, &b.place) {
        (Some((a, server)), Some((b, other))) => {
            compare_services(a, b).then_with(|| match (server, other) {
                (Some(a), Some(b)) => compare_destinations(a, b),
                (a, b) => a.is_some().cmp(&b.is_some()),
            })
        }
        (a, b) => a.is_some().cmp(&b.is_some()),
    }
}

struct Differences {
    rules: RuleWriter,
    lines: Vec<Difference>,
}

impl Differences {
    fn add_step(&mut self, step: &Step) {
        match step {
            Step::SetTimeouts { from, to } => {
                self.add(true, None, timeouts_rule(from));
                self.add(false, None, timeouts_rule(to));
            }
            Step::AddService(id, settings) => self.add_service(false, id, settings, 0),
            Step::EditService { from, to } => {
                self.add_service(true, &from.id, &from.settings, from.unknown_flags);
                self.add_service(false, &from.id, to, 0);
            }
            Step::DeleteService(service, destinations) => {
                let (id, settings) = (&service.id, &service.settings);
                self.add_service(true, id, settings, service.unknown_flags);
                for destination in destinations {
                    self.add_removed(id, destination);
                }
            }
            Step::AddDestination(service, id, settings) => {
                self.add_destination(false, service, id, settings, "");
            }
            Step::EditDestination { service, from, to } => {
                self.add_destination(true, service, &from.id, &from.settings, "");
                self.add_destination(false, service, &from.id, to, "");
            }
            Step::DeleteDestination(service, destination) => {
                self.add_removed(service, destination);
            }
            Step::StartDaemon(daemon) => self.add(false, None, start_daemon(daemon)),
            Step::StopDaemon(daemon) => self.add(true, None, start_daemon(&daemon.into())),
            _ => {}
        }
    }

    fn add(
        &mut self,
        is_removed: bool,
        place: Option<(ServiceId, Option<DestinationId>)>,
        text: String,
    ) {
        self.lines.push(Difference {
            is_removed,
            place,
            text,
        });
    }

    fn add_service(
        &mut self,
        is_removed: bool,
        id: &ServiceId,
        settings: &ServiceSettings,
        unknown_flags: u32,
    ) {
        let text = service_rule(&mut self.rules, 'A', id, settings, unknown_flags);
        self.add(is_removed, Some((*id, None)), text);
    }

    fn add_destination(
        &mut self,
        is_removed: bool,
        service: &ServiceId,
        id: &DestinationId,
        settings: &DestinationSettings,
        comment: &str,
    ) {
        let mut text = destination_rule(&mut self.rules, 'a', service, id, settings);
        text.push_str(comment);
        self.add(is_removed, Some((*service, Some(*id))), text);
    }

    fn add_removed(&mut self, service: &ServiceId, destination: &Destination) {
        let comment = match (
            destination.active_connections,
            destination.inactive_connections,
        ) {
            (0, 0) => "  # no connections".to_owned(),
            (active, inactive) => {
                format!("  # cuts {active} active and {inactive} inactive connections")
            }
        };
        let (id, settings) = (&destination.id, &destination.settings);
        self.add_destination(true, service, id, settings, &comment);
    }
}

/// Writes the changes as commands, in the order in which they are carried out.
pub(crate) fn write_commands(out: &mut impl Write, plan: &Plan) -> io::Result<()> {
    let mut rules = RuleWriter::new(Names::new(true));
    for step in plan.steps() {
        let text = match step {
            Step::SetTimeouts { to, .. } => timeouts_rule(to),
            Step::AddService(id, settings) => service_rule(&mut rules, 'A', id, settings, 0),
            Step::EditService { from, to } => service_rule(&mut rules, 'E', &from.id, to, 0),
            Step::DeleteService(service, _) if is_nameable(&service.id) => {
                write_rule(&mut rules, |rules, text| {
                    rules.set_service(&service.id);
                    rules.write_service(text, 'D')
                })
            }
            Step::AddDestination(service, id, settings) => {
                destination_rule(&mut rules, 'a', service, id, settings)
            }
            Step::EditDestination { service, from, to } => {
                destination_rule(&mut rules, 'e', service, &from.id, to)
            }
            Step::DeleteDestination(service, destination) if is_nameable(service) => {
                write_rule(&mut rules, |rules, text| {
                    rules.set_service(service);
                    rules.write_server(text, 'd', service, &destination.id)
                })
            }
            Step::StartDaemon(daemon) => start_daemon(daemon),
            Step::StopDaemon(daemon) => format!("--stop-daemon {}", daemon.role),
            // There is no option for what it is about.
            other => format!("# {}", other.operation()),
        };
        writeln!(out, "{text}")?;
    }
    Ok(())
}

fn service_rule(
    rules: &mut RuleWriter,
    command: char,
    id: &ServiceId,
    settings: &ServiceSettings,
    unknown_flags: u32,
) -> String {
    let mut service = Service::new(*id, settings.clone());
    service.unknown_flags = unknown_flags;
    if let Some(words) = describe_unsayable_service(&service) {
        return format!("# {words}");
    }
    write_rule(rules, |rules, text| {
        rules.set_service(id);
        rules.write_service(&mut *text, command)?;
        rules.write_service_settings(text, settings)
    })
}

fn destination_rule(
    rules: &mut RuleWriter,
    command: char,
    service: &ServiceId,
    id: &DestinationId,
    settings: &DestinationSettings,
) -> String {
    let destination = Destination::new(*id, *settings);
    if let Some(words) = describe_unsayable_destination(service, &destination) {
        return format!("# {words}");
    }
    write_rule(rules, |rules, text| {
        rules.set_service(service);
        rules.write_server(&mut *text, command, service, id)?;
        rules.write_server_settings(text, settings)
    })
}

/// Returns whether there is an option that names the service.
fn is_nameable(id: &ServiceId) -> bool {
    match id {
        ServiceId::Address { protocol, .. } => protocol_option(*protocol).is_some(),
        ServiceId::Fwmark { .. } => true,
    }
}

/// Returns the rule that is written.
fn write_rule(
    rules: &mut RuleWriter,
    write: impl FnOnce(&mut RuleWriter, &mut Vec<u8>) -> io::Result<()>,
) -> String {
    let mut text = Vec::new();
    // Memory takes everything.
    let _ = write(rules, &mut text);
    String::from_utf8_lossy(&text).into_owned()
}

fn timeouts_rule(timeouts: &Timeouts) -> String {
    let [tcp, tcp_fin, udp] = [timeouts.tcp, timeouts.tcp_fin, timeouts.udp].map(seconds);
    format!("--set {tcp} {tcp_fin} {udp}")
}

fn seconds(timeout: Option<std::num::NonZeroU32>) -> u32 {
    timeout.map_or(0, std::num::NonZeroU32::get)
}

#[cfg(test)]
mod tests {
    use ipvs_client::{
        Change, Protocol,
        plan::{PlanOptions, Wanted},
        testing::FakeKernel,
    };

    use super::*;
    use crate::args::tests::plan::plan_of_every_step;

    fn differences(plan: &Plan, colour: bool) -> String {
        let mut out = Vec::new();
        write_differences(&mut out, plan, colour).unwrap();
        String::from_utf8(out).unwrap()
    }

    fn commands(plan: &Plan) -> String {
        let mut out = Vec::new();
        write_commands(&mut out, plan).unwrap();
        String::from_utf8(out).unwrap()
    }

    /// The options are those of ipvsadm(8).
    #[test]
    fn each_change_is_a_command_and_lines_that_differ() {
        let plan = plan_of_every_step();
        assert_eq!(
            differences(&plan, false),
            "\
- --set 900 120 300
+ --set 1 2 3
- --start-daemon master --mcast-interface eth0 --syncid 1 --sync-maxlen 1472 --mcast-group 224.0.0.81 --mcast-port 8848 --mcast-ttl 1
+ --start-daemon master --mcast-interface eth1 --syncid 2
- -A -t 10.0.0.1:80 -s rr
+ -A -t 10.0.0.1:80 -s wlc
- -a -t 10.0.0.1:80 -r 10.0.0.2:80 -m -w 1
+ -a -t 10.0.0.1:80 -r 10.0.0.2:80 -m -w 5
- -a -t 10.0.0.1:80 -r 10.0.0.3:80 -m -w 1  # no connections
+ -a -t 10.0.0.1:80 -r 10.0.0.5:80 -m -w 1
+ -A -u 10.0.0.1:53 -s wrr
- -A -f 7 -s rr
- -a -f 7 -r 10.0.0.4:0 -g -w 1  # no connections
"
        );
        assert_eq!(
            commands(&plan),
            "\
--set 1 2 3
-A -u 10.0.0.1:53 -s wrr
-E -t 10.0.0.1:80 -s wlc
-e -t 10.0.0.1:80 -r 10.0.0.2:80 -m -w 5
-a -t 10.0.0.1:80 -r 10.0.0.5:80 -m -w 1
--stop-daemon master
--start-daemon master --mcast-interface eth1 --syncid 2
-d -t 10.0.0.1:80 -r 10.0.0.3:80
-D -f 7
"
        );
        let painted = differences(&plan, true);
        let mut painted = painted.lines();
        assert_eq!(
            painted.next(),
            Some("\u{1b}[31m- --set 900 120 300\u{1b}[0m")
        );
        assert_eq!(painted.next(), Some("\u{1b}[32m+ --set 1 2 3\u{1b}[0m"));
    }

    /// No option names a service of another protocol.
    #[test]
    fn what_no_option_names_is_told_in_words() {
        let id = ServiceId::Address {
            protocol: Protocol::Other(1),
            address: [10, 0, 0, 1].into(),
            port: 80,
        };
        let settings = ServiceSettings::new("rr");
        let server = "10.0.0.2:80".parse().unwrap();
        let kernel = FakeKernel::new();
        let mut client = kernel.client().unwrap();
        client.add_service(&id, &settings).unwrap();
        let masquerading = DestinationSettings::masquerading();
        client.add_destination(&id, &server, &masquerading).unwrap();
        let mut plan = |wanted: &Wanted| {
            let current = client.read_current(wanted, |_| true).unwrap();
            Plan::new(&current, wanted, PlanOptions::default())
        };
        let mut wanted = Wanted::default();
        assert_eq!(
            commands(&plan(&wanted)),
            "# delete protocol 1 10.0.0.1:80\n"
        );
        wanted.add(&Change::AddService(id, settings)).unwrap();
        assert_eq!(
            commands(&plan(&wanted)),
            "# delete 10.0.0.2:80 from protocol 1 10.0.0.1:80\n"
        );
    }
}
