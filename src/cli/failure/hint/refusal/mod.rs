// SPDX-License-Identifier: MIT

//! Hints about what the kernel refuses.

#[cfg(test)]
mod tests;

use ipvs_client::{
    AddressFamily, Change, DestinationId, Errno, Error, ForwardingMethod, Operation, ServiceId,
};

use super::{Facts, endpoint, nearby::Nearby, nearly};
use crate::{
    args::address,
    command::{Command, DEFAULT_INTERFACE, update::Update},
    failure::error::find_refusal,
};

pub(super) fn find_hint(
    error: &Error,
    command: Option<&Command>,
    facts: &Facts,
    nearby: impl FnOnce() -> Nearby,
) -> Option<String> {
    use Operation as O;
    if let Error::Unavailable { .. } = error {
        return Some(explain_no_module(facts));
    }
    match find_refusal(error)? {
        (_, Errno::PERM) => explain_no_permission(command, facts),
        (O::AddService(_) | O::EditService(_), Errno::NOENT) => explain_not_found(command?, facts),
        (
            O::AddDestination(service, server) | O::EditDestination(service, server),
            Errno::INVAL,
        ) => explain_unfit_address(&service, &server, facts),
        (O::AddDestination(..) | O::EditDestination(..), Errno::RANGE) => {
            explain_thresholds(command?)
        }
        (O::AddService(_), Errno::EXIST) => Some(
            "-E changes a virtual service that is there; a command for one of its real \
                 servers is -a"
                .to_owned(),
        ),
        (O::AddDestination(..), Errno::EXIST) => {
            Some("-e changes a real server that is there".to_owned())
        }
        (
            O::ReadService(service)
            | O::EditService(service)
            | O::DeleteService(service)
            | O::ZeroService(service),
            Errno::SRCH,
        ) => Some(explain_no_service(&service, None, &nearby())),
        (
            O::AddDestination(service, server)
            | O::EditDestination(service, server)
            | O::DeleteDestination(service, server),
            Errno::SRCH,
        ) => Some(explain_no_service(&service, Some(&server), &nearby())),
        (
            O::EditDestination(service, server) | O::DeleteDestination(service, server),
            Errno::NOENT,
        ) => explain_no_server(&service, &server, command?, &nearby()),
        (O::StartDaemon(role), Errno::EXIST) => Some(format!(
            "`ipvsadm -L --daemon` shows what runs; `ipvsadm --stop-daemon {role}` makes room \
                 for another"
        )),
        (O::StartDaemon(_), Errno::NODEV) => explain_no_interface(command?, facts),
        (O::StopDaemon(_), Errno::SRCH) => Some("`ipvsadm -L --daemon` shows what runs".to_owned()),
        _ => None,
    }
}

fn explain_no_module(facts: &Facts) -> String {
    let hint = if facts.container {
        "a container cannot load the module: run `modprobe ip_vs` on its host"
    } else if !facts.modules_installed {
        "/lib/modules has nothing for the running kernel: in a container, run `modprobe ip_vs` \
         on its host; after an upgrade of the kernel, reboot"
    } else {
        "`modprobe -v ip_vs`, run as root, shows what is in the way; a kernel built without \
         CONFIG_IP_VS needs another"
    };
    hint.to_owned()
}

fn explain_no_permission(command: Option<&Command>, facts: &Facts) -> Option<String> {
    let hint = if !facts.root {
        "run it as root, for example with sudo"
    } else if !facts.initial_user_namespace {
        "this is root only inside a user namespace: run it as root of the host, or in a \
         container without a user namespace of its own"
    } else if !facts.net_admin {
        "root lacks the capability CAP_NET_ADMIN here: give it to the container or service that \
         runs this"
    } else {
        return None;
    };
    let instead = match command {
        Some(Command::Save(_)) => {
            "; /proc/net/ip_vs, which everybody may read, has no flags, thresholds and kinds of \
             tunnels: what -S saved of it would not restore the table"
        }
        Some(Command::Table(..)) => "; -L without another view needs no right",
        _ => "",
    };
    Some(format!("{hint}{instead}"))
}

/// A scheduler or a persistence engine; the kernel does not say which, but
/// looks for the scheduler first.
fn explain_not_found(command: &Command, facts: &Facts) -> Option<String> {
    let (scheduler, engine) = match command {
        Command::Change(Change::AddService(_, settings) | Change::EditService(_, settings))
        | Command::Ensure(Change::AddService(_, settings)) => (
            Some(&*settings.scheduler),
            settings.persistence_engine.as_deref(),
        ),
        Command::Update(Update::Service(_, update)) => (
            update.scheduler.as_deref(),
            update.persistence_engine.as_deref(),
        ),
        _ => return None,
    };
    let (name, what, prefix) = match (scheduler, engine) {
        (Some(scheduler), None) => (scheduler, "scheduler", "ip_vs_"),
        // Its scheduler is loaded by now, if it is a module at all.
        (scheduler, Some(engine))
            if scheduler
                .is_none_or(|scheduler| facts.modules.contains(&format!("ip_vs_{scheduler}"))) =>
        {
            (engine, "persistence engine", "ip_vs_pe_")
        }
        (Some(scheduler), Some(engine)) => {
            return Some(format!(
                "try `modprobe ip_vs_{scheduler}` for the scheduler {scheduler} and `modprobe \
                 ip_vs_pe_{engine}` for the persistence engine {engine}: the kernel's \
                 configuration or its package may lack a module"
            ));
        }
        (None, _) => return None,
    };
    if let Some(meant) = (what == "scheduler")
        .then(|| nearly::suggest_scheduler(name))
        .flatten()
    {
        return Some(format!("did you mean -s {meant}?"));
    }
    let place = if facts.container { " on the host" } else { "" };
    Some(format!(
        "the kernel has no {what} {name}: check the name, or try `modprobe {prefix}{name}`{place}; \
         the kernel's configuration or its package may lack that module"
    ))
}

fn explain_unfit_address(
    service: &ServiceId,
    server: &DestinationId,
    facts: &Facts,
) -> Option<String> {
    let family = AddressFamily::from(server.address);
    if family != service.family() {
        // The command line lets no other method than tunneling through.
        return Some(
            "IPv4 and IPv6 do not go together while a synchronization daemon runs, or on a kernel \
             before 3.18: give a real server of the virtual service's family, or stop the daemon"
                .to_owned(),
        );
    }
    if family == AddressFamily::Ipv4 && !facts.local_addresses {
        return Some(
            "this network namespace has no addresses, and `lo` is down: run `ip link set lo up`"
                .to_owned(),
        );
    }
    None
}

fn explain_thresholds(command: &Command) -> Option<String> {
    let (Command::Change(
        Change::AddDestination(_, _, settings) | Change::EditDestination(_, _, settings),
    )
    | Command::Ensure(Change::AddDestination(_, _, settings))) = command
    else {
        return None;
    };
    let (upper, lower) = (settings.upper_threshold, settings.lower_threshold);
    if lower <= upper {
        return None;
    }
    Some(if upper == 0 {
        format!(
            "a lower threshold (-y {lower}) needs an upper: give -x {lower} or more, or leave \
             out -y"
        )
    } else {
        format!(
            "the lower threshold (-y {lower}) is above the upper (-x {upper}): give -x {lower} \
             or more, or -y {upper} or less"
        )
    })
}

/// A virtual service that is not there, of a command for itself or for one of
/// its servers.
fn explain_no_service(
    service: &ServiceId,
    server: Option<&DestinationId>,
    nearby: &Nearby,
) -> String {
    let is_a_service = |server: &DestinationId| {
        nearby.services.iter().any(|other| match other {
            ServiceId::Address { address, port, .. } => {
                *address == server.address && *port == server.port
            }
            ServiceId::Fwmark { .. } => false,
        })
    };
    if let Some(server) = server.filter(|server| is_a_service(server)) {
        return format!(
            "{server} is a virtual service: it comes behind -t or -u, and the real server behind -r"
        );
    }
    if let ServiceId::Address { address, .. } = service
        && let Some((address, port)) = address::split_trailing_port(&address.to_string())
        && is_a_service(&DestinationId {
            address: address.into(),
            port,
        })
    {
        return endpoint::explain_trailing_port((address, port));
    }
    let similar: Vec<_> = nearby
        .services
        .iter()
        .filter(|other| is_similar(service, other))
        .map(ServiceId::to_string)
        .collect();
    match similar.as_slice() {
        [] if nearby.is_empty => "the table is empty: -A adds a virtual service".to_owned(),
        [] => "`ipvsadm -Ln` shows the virtual services; -A adds one".to_owned(),
        [one] => format!("the table has {one}"),
        // As many as fit a line.
        [first, second, rest @ ..] => {
            let more = if rest.is_empty() { "" } else { " and more" };
            format!("the table has {first}, {second}{more}")
        }
    }
}

/// The same address under another port or protocol, or the same mark for the
/// other family.
fn is_similar(a: &ServiceId, b: &ServiceId) -> bool {
    match (a, b) {
        (ServiceId::Address { address, .. }, ServiceId::Address { address: other, .. }) => {
            address == other
        }
        (ServiceId::Fwmark { mark, .. }, ServiceId::Fwmark { mark: other, .. }) => mark == other,
        _ => false,
    }
}

/// A real server that is not there.
fn explain_no_server(
    service: &ServiceId,
    server: &DestinationId,
    command: &Command,
    nearby: &Nearby,
) -> Option<String> {
    let same_address = |(id, _): &&(DestinationId, ForwardingMethod)| id.address == server.address;
    let mut same = nearby.servers.iter().filter(same_address);
    if let Some((address, port)) = address::split_trailing_port(&server.address.to_string())
        && nearby
            .servers
            .iter()
            .any(|(id, _)| id.address == address && id.port == port)
    {
        return Some(endpoint::explain_trailing_port((address, port)));
    }
    let Some((found, method)) = same.next() else {
        return Some("`ipvsadm -Ln` shows the real servers; -a adds one".to_owned());
    };
    if same.next().is_some() {
        return Some(format!(
            "the table has {} under several other ports: `ipvsadm -Ln` shows them",
            server.address
        ));
    }
    let takes_services_port = match command {
        Command::Change(Change::EditDestination(_, _, settings)) => {
            settings.forwarding_method != ForwardingMethod::Masquerading
        }
        _ => false,
    };
    let has_port = matches!(service, ServiceId::Address { .. });
    Some(
        if takes_services_port && has_port && *method == ForwardingMethod::Masquerading {
            format!(
                "without -m the port is that of the virtual service ({}); the table has {found} \
                 with masquerading: add -m",
                server.port
            )
        } else {
            format!("the table has {found}")
        },
    )
}

fn explain_no_interface(command: &Command, facts: &Facts) -> Option<String> {
    let Command::StartDaemon(daemon) = command else {
        return None;
    };
    let default = if daemon.interface == DEFAULT_INTERFACE {
        ", the default,"
    } else {
        ""
    };
    let name = &daemon.interface;
    let there = facts.interfaces.join(", ");
    Some(format!(
        "--mcast-interface {name}{default} is not there; the interfaces are {there}"
    ))
}
