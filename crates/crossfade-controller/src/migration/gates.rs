//! The http gate: requests through each cluster's own load balancer, all the time, in a task of its own.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crossfade_core::migration::{CheckOutcome, GateSeen};
use crossfade_core::{ClusterName, GroupName, UnixMillis};
use crossfade_probe::http::HttpProbe;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval};

use crate::migration::actions::ask;
use crate::migration::world::{Place, World};

/// One observation of every group and cluster per interval: two a second find a broken destination within two seconds
/// (three failures in a row) at the cost of two requests a second and host.
const OBSERVE_EVERY: Duration = Duration::from_millis(500);
/// Observations that wait for the driver. It comes several times a second; what does not fit is dropped, never queued.
const QUEUE: usize = 1_024;

/// The places to ask, shared with the driver, which learns addresses as they change.
pub(super) type Places = Arc<Mutex<Vec<(GroupName, ClusterName, Place)>>>;

/// The running gate. Ends when dropped.
pub(super) struct HttpGate {
    places: Places,
    observations: mpsc::Receiver<GateSeen>,
    task: JoinHandle<()>,
}

impl Drop for HttpGate {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl HttpGate {
    /// Starts asking; nothing is asked until places are given.
    pub(super) fn start(http: HttpProbe, path: String) -> Self {
        let places: Places = Arc::default();
        let (sender, observations) = mpsc::channel(QUEUE);
        let task = tokio::spawn(run(http, path, Arc::clone(&places), sender));
        HttpGate { places, observations, task }
    }

    /// Where to ask from now on.
    pub(super) fn look_at(&self, world: &World) {
        let places = world.places.iter().flat_map(|(group, places)| {
            places.iter().map(move |(cluster, place)| (group.clone(), cluster.clone(), place.clone()))
        });
        *self.places.lock().unwrap_or_else(PoisonError::into_inner) = places.collect();
    }

    /// What was observed since the last call.
    pub(super) fn observations(&mut self) -> Vec<GateSeen> {
        let mut seen = Vec::new();
        while let Ok(observation) = self.observations.try_recv() {
            seen.push(observation);
        }
        seen
    }
}

async fn run(http: HttpProbe, path: String, places: Places, sender: mpsc::Sender<GateSeen>) {
    let mut ticks = interval(OBSERVE_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut round = 0_usize;
    loop {
        ticks.tick().await;
        round = round.wrapping_add(1);
        let now = places.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let asks = now.into_iter().map(|(group, cluster, place)| {
            let (http, path) = (http.clone(), path.clone());
            async move {
                let at = crate::migration::clock::now();
                let outcome = observe(&http, &path, &place, round).await?;
                Some(GateSeen { gate: "http".to_owned(), group, cluster, at, outcome })
            }
        });
        for observation in futures::future::join_all(asks).await.into_iter().flatten() {
            let _ = sender.try_send(observation);
        }
    }
}

/// All hosts, each time through the next address. `None` while no address is known: that is preflight's to say.
async fn observe(http: &HttpProbe, path: &str, place: &Place, round: usize) -> Option<CheckOutcome> {
    let address: IpAddr = *place.addresses.get(round % place.addresses.len().max(1))?;
    for host in &place.knob.hosts {
        let outcome = ask(http, path, place, host, address).await;
        if outcome != CheckOutcome::Passed {
            return Some(outcome);
        }
    }
    Some(CheckOutcome::Passed)
}

/// Unused observations of a time before `since` say nothing about a step.
pub(super) fn fresh(observations: Vec<GateSeen>, since: UnixMillis) -> Vec<GateSeen> {
    observations.into_iter().filter(|seen| seen.at >= since).collect()
}
