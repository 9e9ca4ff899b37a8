// SPDX-License-Identifier: MIT

//! Replaces what tells whose machine it is, addresses and names of interfaces, in the
//! facts about it: everything that is made of these facts, sentences and commands too, has
//! the same replacement for the same thing then.

mod addresses;

use std::{collections::BTreeMap, net::IpAddr};

use ipvs_client::{ServiceId, SyncDaemon};

use self::addresses::AddressMap;
use crate::{
    doctor::{Director, Machine, Table, Unknown},
    synchronization::SeenDaemon,
    system::{
        addresses::InterfaceAddress,
        interfaces::{Interface, InterfaceKind},
        multicast::MulticastGroup,
        routes::Route,
        settings::Settings,
        sockets::ListeningSocket,
        sync_messages::Heard,
    },
    table::Entry,
};

/// The interface that every machine has by this name.
const LOOPBACK: &str = "lo";

/// Replaces, always the same by the same.
#[derive(Debug, Default)]
pub(crate) struct Redactor {
    addresses: AddressMap,
    /// The names in the place of those of interfaces.
    interfaces: BTreeMap<String, String>,
}

impl Redactor {
    /// Replaces what is in the facts about a director.
    pub(crate) fn redact_director(&mut self, director: &mut Director) {
        // Each field is named, so that none is forgotten that is added.
        let Director {
            machine,
            asked,
            table,
            routes,
            firewall: _,
            sockets,
            large_receive,
            path_drops: _,
            daemons,
            groups,
            heard,
            lost_messages: _,
            open_connections,
            buckets: _,
            standby: _,
        } = director;
        self.redact_machine(machine);
        asked.iter_mut().for_each(|id| self.redact_service(id));
        if let Ok(Table {
            entries,
            is_partial: _,
        }) = table
        {
            entries
                .iter_mut()
                .for_each(|entry| self.redact_entry(entry));
        }
        if let Ok(routes) = routes {
            let old = std::mem::take(routes).into_iter();
            *routes = old
                .map(|(to, route)| {
                    (
                        self.address(to),
                        route.map(|route| self.redact_route(route)),
                    )
                })
                .collect();
        }
        for ListeningSocket { address, .. } in sockets.iter_mut().flatten() {
            *address = self.address(*address);
        }
        if let Ok(names) = large_receive {
            *names = names.iter().map(|name| self.interface(name)).collect();
        }
        for daemon in daemons.iter_mut().flatten() {
            self.redact_daemon(daemon);
        }
        for MulticastGroup { group, .. } in groups.iter_mut().flatten() {
            *group = self.address(*group);
        }
        if let Ok(heard) = heard {
            let old = std::mem::take(heard).into_iter();
            *heard = old
                .map(|Heard { sync_id, sender }| Heard {
                    sync_id,
                    sender: self.address(sender),
                })
                .collect();
        }
        match open_connections {
            Ok(open) => {
                let old = std::mem::take(open).into_iter();
                *open = old
                    .map(|((mut service, mut server), number)| {
                        self.redact_service(&mut service);
                        server.address = self.address(server.address);
                        ((service, server), number)
                    })
                    .collect();
            }
            // The reason may show a line of the kernel's list.
            Err(Unknown(reason)) => "the connections cannot be read".clone_into(reason),
        }
    }

    /// Replaces what is in the facts about a daemon.
    pub(crate) fn redact_seen_daemon(&mut self, seen: &mut SeenDaemon) {
        self.redact_daemon(&mut seen.daemon);
    }

    fn redact_machine(&mut self, machine: &mut Machine) {
        let Machine {
            settings,
            modules: _,
            interfaces,
            addresses,
        } = machine;
        for Interface { name, kind, .. } in interfaces.iter_mut().flatten() {
            *name = self.interface(name);
            if let InterfaceKind::Tunnel(device) = kind {
                device.local = device.local.map(|address| self.address(address));
                device.remote = device.remote.map(|address| self.address(address));
            }
        }
        for InterfaceAddress { address, .. } in addresses.iter_mut().flatten() {
            *address = self.address(*address);
        }
        *settings = self.redact_settings(settings);
    }

    fn redact_settings(&mut self, settings: &Settings) -> Settings {
        settings.with_interfaces(|name| self.interface(name))
    }

    fn redact_entry(&self, (service, destinations): &mut Entry) {
        self.redact_service(&mut service.id);
        for destination in destinations {
            destination.id.address = self.address(destination.id.address);
        }
    }

    fn redact_service(&self, id: &mut ServiceId) {
        if let ServiceId::Address { address, .. } = id {
            *address = self.address(*address);
        }
    }

    fn redact_route(&self, route: Route) -> Route {
        Route {
            local: route.local,
            interface: route.interface,
            gateway: route.gateway.map(|address| self.address(address)),
            source: route.source.map(|address| self.address(address)),
        }
    }

    fn redact_daemon(&mut self, daemon: &mut SyncDaemon) {
        daemon.interface = self.interface(&daemon.interface);
        daemon.group = daemon.group.map(|group| self.address(group));
    }

    fn address(&self, address: IpAddr) -> IpAddr {
        self.addresses.replace(address)
    }

    fn interface(&mut self, name: &str) -> String {
        if name == LOOPBACK {
            return name.to_owned();
        }
        let next = self.interfaces.len() + 1;
        let known = self.interfaces.entry(name.to_owned());
        known.or_insert_with(|| format!("if{next}")).clone()
    }
}
