// SPDX-License-Identifier: MIT

//! Stands for another project that sets load balancers up: its test sees real traffic
//! in a kernel with IPVS, which `ipvs_lab::in_kernel` supplies.

#![forbid(unsafe_code)]

use ipvs_client::{
    Change, Client, DestinationId, DestinationSettings, Error, ServiceId, ServiceSettings,
};

/// Balances a service over servers by their weights, with masquerading.
///
/// # Errors
/// The first thing that the kernel refuses.
pub fn balance(
    table: &mut Client,
    service: ServiceId,
    servers: &[(DestinationId, u32)],
) -> Result<(), Error> {
    let mut changes = vec![Change::AddService(service, ServiceSettings::new("wrr"))];
    changes.extend(servers.iter().map(|&(server, weight)| {
        let settings = DestinationSettings::masquerading().weight(weight);
        Change::AddDestination(service, server, settings)
    }));
    match table.apply(&changes)?.into_iter().next() {
        Some((_, refusal)) => Err(refusal),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use ipvs_lab::cluster::Cluster;
    use ipvs_lab::http::PORT;

    use super::*;

    #[test]
    fn each_server_answers_as_often_as_its_weight_says() -> anyhow::Result<()> {
        ipvs_lab::in_kernel(|| {
            let cluster = Cluster::new(2)?;
            let [first, second] = &cluster.servers[..] else {
                unreachable!("there are two");
            };
            let servers = [
                (DestinationId::new(first.address, PORT), 3),
                (DestinationId::new(second.address, PORT), 1),
            ];
            let mut table = Client::open_in(&cluster.director)?;
            balance(&mut table, ServiceId::tcp(cluster.address()), &servers)?;
            let shares = cluster.requests(40, || ())?;
            assert_eq!(shares["server1"], 30);
            assert_eq!(shares["server2"], 10);
            Ok(())
        })
    }
}
