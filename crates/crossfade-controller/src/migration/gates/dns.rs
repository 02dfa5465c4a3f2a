//! The dns gate: every name server of the zone answers for every host, with addresses of load balancers that are known.
//!
//! A server that does not answer says nothing (unknown); one that answers with an error, or with nothing, fails the gate.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use crossfade_core::ClusterName;
use crossfade_core::migration::CheckOutcome;
use crossfade_probe::dns::{Answer, RecordType, ResponseCode, query};
use tokio::time::{MissedTickBehavior, interval};

use crate::migration::clock::now;
use crate::migration::gates::{GroupPlaces, Outlet, Picture, copy};
use crate::migration::place::Place;

/// Four questions per host every two seconds: a zone's servers take hundreds of times that.
const OBSERVE_EVERY: Duration = Duration::from_secs(2);

pub(super) async fn run(
    servers: Vec<SocketAddr>,
    destination: ClusterName,
    picture: Picture,
    outlet: Outlet,
) {
    let mut ticks = interval(OBSERVE_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let groups = copy(&picture);
        let asks = groups.iter().map(|group| {
            let (servers, destination, outlet) = (&servers, &destination, &outlet);
            async move {
                let at = now();
                let outcome = observe(servers, group).await;
                outlet.put(group.group.clone(), destination.clone(), at, outcome);
            }
        });
        futures::future::join_all(asks).await;
    }
}

/// The worst that any server says for any host: failed before unknown before passed.
async fn observe(servers: &[SocketAddr], group: &GroupPlaces) -> CheckOutcome {
    let Some(place) = group.places.values().next() else { return CheckOutcome::Passed };
    let asked = place.hosts().flat_map(|host| servers.iter().map(move |server| (host, *server)));
    let asks = asked.map(|(host, server)| async move {
        // A wildcard is asked for by a name below it.
        let name = host.replace('*', "crossfade-probe");
        match query(server, &name, RecordType::A).await {
            Ok(answer) => judge(&name, server, &answer, group),
            Err(error) => CheckOutcome::Unknown(format!("{server}: {}", error.chain())),
        }
    });
    let outcomes = futures::future::join_all(asks).await;
    let worst = |outcome: &CheckOutcome| match outcome {
        CheckOutcome::Failed(_) => 0,
        CheckOutcome::Unknown(_) => 1,
        CheckOutcome::Passed => 2,
    };
    outcomes.into_iter().min_by_key(worst).unwrap_or(CheckOutcome::Passed)
}

fn judge(name: &str, server: SocketAddr, answer: &Answer, group: &GroupPlaces) -> CheckOutcome {
    if answer.code != ResponseCode::NoError {
        return CheckOutcome::Failed(format!("{server} answers {} for {name}", answer.code));
    }
    if answer.addresses.is_empty() {
        return CheckOutcome::Failed(format!("{server} has no address for {name}"));
    }
    let stranger = answer.addresses.iter().find(|address| !is_known(group, **address));
    match stranger {
        // A load balancer's addresses change; they are learned anew within seconds.
        Some(address) => {
            CheckOutcome::Unknown(format!("{server} answers {address} for {name}, which is nobody's"))
        }
        None => CheckOutcome::Passed,
    }
}

fn is_known(group: &GroupPlaces, address: IpAddr) -> bool {
    let mut pair = group.places.values().flat_map(Place::addresses);
    pair.any(|known| known == address) || group.third.contains(&address)
}
