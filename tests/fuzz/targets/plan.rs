// SPDX-License-Identifier: MIT

//! Any two tables: the plan from one to the other is taken by the kernel in memory,
//! leads to the other, and leaves nothing to do.
#![no_main]

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::num::NonZeroU32;

use arbitrary::{Result, Unstructured};
use ipvs_client::{
    AddressFamily, Change, Client, DestinationId, DestinationSettings, Protocol, ServiceId,
    ServiceSettings, Tunnel, TunnelChecksum,
    plan::{Plan, PlanOptions, Wanted},
    testing::FakeKernel,
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let _ = try_plan(&mut Unstructured::new(input));
});

fn try_plan(input: &mut Unstructured<'_>) -> Result<()> {
    let mut options = PlanOptions::default();
    options.keep_weights = input.arbitrary()?;
    options.add_only = input.arbitrary()?;
    let before = make_table(input)?;
    let after = make_table(input)?;
    let mut client = FakeKernel::new()
        .client()
        .expect("it has been told nothing else");
    let _ = client.apply(&before).expect("the kernel answers");
    let mut wanted = Wanted::default();
    for change in &after {
        let _ = wanted.add(change);
    }
    let plan = make_plan(&mut client, &wanted, options);
    match client.carry_out(&plan) {
        Ok(()) => {
            let left = make_plan(&mut client, &wanted, options);
            assert!(left.is_empty(), "{left:?}\nafter {plan:?}");
        }
        // What the kernel refuses leaves the table as it was.
        Err(_) => {
            let again = make_plan(&mut client, &wanted, options);
            assert_eq!(plan, again);
        }
    }
    Ok(())
}

fn make_plan(client: &mut Client, wanted: &Wanted, options: PlanOptions) -> Plan {
    let current = client
        .read_current(wanted, |_| true)
        .expect("the kernel answers");
    Plan::new(&current, wanted, options)
}

/// Makes the changes that add a table to an empty one; the kernel may refuse some.
fn make_table(input: &mut Unstructured<'_>) -> Result<Vec<Change>> {
    let mut changes = Vec::new();
    for _ in 0..input.int_in_range(0..=4)? {
        let id = make_service(input)?;
        let mut settings = ServiceSettings::new(*input.choose(&["rr", "wrr", "sh", "mh"])?);
        if input.arbitrary()? {
            settings = settings.persistent(input.int_in_range(1..=400)?);
        }
        if input.arbitrary()? {
            settings = settings.one_packet();
        }
        changes.push(Change::AddService(id, settings));
        for _ in 0..input.int_in_range(0..=4)? {
            let address = make_address(input, id.family())?;
            let server = DestinationId::new(address, input.int_in_range(79..=81)?);
            changes.push(Change::AddDestination(id, server, make_settings(input)?));
        }
    }
    Ok(changes)
}

fn make_service(input: &mut Unstructured<'_>) -> Result<ServiceId> {
    let family = *input.choose(&[AddressFamily::Ipv4, AddressFamily::Ipv6])?;
    if input.ratio(1, 4)? {
        return Ok(ServiceId::Fwmark {
            mark: NonZeroU32::MIN.saturating_add(input.int_in_range(0..=2)?),
            family,
        });
    }
    Ok(ServiceId::Address {
        protocol: *input.choose(&[Protocol::Tcp, Protocol::Udp, Protocol::Sctp])?,
        address: make_address(input, family)?,
        port: input.int_in_range(79..=81)?,
    })
}

fn make_address(input: &mut Unstructured<'_>, family: AddressFamily) -> Result<IpAddr> {
    let last = input.int_in_range(1..=3)?;
    Ok(match family {
        AddressFamily::Ipv4 => Ipv4Addr::new(10, 0, 0, last).into(),
        AddressFamily::Ipv6 => Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, last.into()).into(),
    })
}

fn make_settings(input: &mut Unstructured<'_>) -> Result<DestinationSettings> {
    let settings = match input.int_in_range(0..=3)? {
        0 => DestinationSettings::masquerading(),
        1 => DestinationSettings::direct_routing(),
        2 => DestinationSettings::tunneling(Tunnel::Ipip),
        _ => DestinationSettings::tunneling(Tunnel::Gre {
            checksum: *input.choose(&[TunnelChecksum::None, TunnelChecksum::Full])?,
        }),
    };
    let settings = settings.weight(input.int_in_range(0..=3)?);
    let upper = input.int_in_range(0..=3)?;
    let lower = input.int_in_range(0..=upper)?;
    Ok(settings.upper_threshold(upper).lower_threshold(lower))
}
