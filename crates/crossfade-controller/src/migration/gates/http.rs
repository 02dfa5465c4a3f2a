//! The http gate: requests through each cluster's own load balancer.

use std::net::IpAddr;
use std::time::Duration;

use crossfade_core::migration::CheckOutcome;
use crossfade_probe::http::HttpProbe;
use tokio::time::{MissedTickBehavior, interval};

use crate::migration::actions::ask;
use crate::migration::clock::now;
use crate::migration::gates::counts::OwnRequests;
use crate::migration::gates::{Outlet, Picture, copy};
use crate::migration::place::Place;

/// One observation of every group and cluster per interval: two a second find a broken destination within two seconds
/// (three failures in a row) at the cost of two requests a second and host.
const OBSERVE_EVERY: Duration = Duration::from_millis(500);

pub(super) async fn run(http: HttpProbe, path: String, picture: Picture, own: OwnRequests, outlet: Outlet) {
    let mut ticks = interval(OBSERVE_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut round = 0_usize;
    loop {
        ticks.tick().await;
        round = round.wrapping_add(1);
        let groups = copy(&picture);
        let places = groups.iter().flat_map(|group| {
            group.places.iter().map(|(cluster, place)| (group.group.clone(), cluster.clone(), place))
        });
        let asks = places.map(|(group, cluster, place)| {
            let (http, path, own, outlet) = (&http, &path, &own, &outlet);
            async move {
                let at = now();
                if let Some(outcome) = observe(http, path, place, own, round).await {
                    outlet.put(group, cluster, at, outcome);
                }
            }
        });
        futures::future::join_all(asks).await;
    }
}

/// All hosts, each time through the next address. `None` while no address is known: that is preflight's to say.
async fn observe(
    http: &HttpProbe,
    path: &str,
    place: &Place,
    own: &OwnRequests,
    round: usize,
) -> Option<CheckOutcome> {
    let mut asked = None;
    for object in &place.objects {
        let address: IpAddr = *object.addresses.get(round % object.addresses.len().max(1))?;
        for host in &object.knob.hosts {
            if let Some(load_balancer) = &object.knob.load_balancer {
                own.add(load_balancer, now());
            }
            let outcome = ask(http, path, &object.knob, host, address).await;
            if outcome != CheckOutcome::Passed {
                return Some(outcome);
            }
            asked = Some(outcome);
        }
    }
    asked
}
