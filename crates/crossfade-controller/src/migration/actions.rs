//! Preflights, draws and writes: what the engine asks for, carried out.

use std::net::{IpAddr, SocketAddr};

use crossfade_core::gitops::ARGOCD_NAMESPACE;
use crossfade_core::migration::{Admitted, CheckOutcome, DrawsSeen, PreflightSeen};
use crossfade_core::{ClusterName, GroupName, UnixMillis, Weight};
use crossfade_kube::bridge::write_annotation;
use crossfade_kube::groups::{Knob, KnobKind, backends, write_weight};
use crossfade_kube::{Cluster, KubeError};
use crossfade_probe::dns::draw;
use crossfade_probe::http::{HttpProbe, HttpTarget};

use crate::migration::observe::Memory;
use crate::migration::place::{Object, SecretKey};
use crate::migration::world::{World, WorldOptions};

/// Whether a cluster may take a group's traffic (invariant I3): a load balancer that resolves, ready pods, and for each
/// host an answer through that load balancer with its own name in Host and SNI.
pub(super) async fn preflight(
    world: &World,
    group: &GroupName,
    cluster: &ClusterName,
    at: UnixMillis,
) -> PreflightSeen {
    let outcome = check(world, group, cluster).await;
    PreflightSeen { group: group.clone(), cluster: cluster.clone(), at, outcome }
}

async fn check(world: &World, group: &GroupName, name: &ClusterName) -> CheckOutcome {
    let place = world.places.get(group).and_then(|places| places.get(name));
    let (Some(place), Some(cluster)) = (place, world.cluster(name)) else {
        return CheckOutcome::Unknown("it was never read".to_owned());
    };
    let checks = place.objects.iter().map(|object| check_object(world, cluster, object));
    all_passed(futures::future::join_all(checks).await)
}

async fn check_object(world: &World, cluster: &Cluster, object: &Object) -> CheckOutcome {
    match backends(cluster, &object.knob).await {
        Ok(found) if !found.services_without_ready_pods.is_empty() => {
            let services = found.services_without_ready_pods.join(", ");
            return CheckOutcome::Failed(format!("no ready pods behind Service {services}"));
        }
        Ok(_) => {}
        Err(error) => return CheckOutcome::Unknown(error.to_string()),
    }
    if object.addresses.is_empty() {
        return CheckOutcome::Failed("its load balancer's name does not resolve".to_owned());
    }
    let options = &world.options;
    let asked = object.knob.hosts.iter().flat_map(|host| object.addresses.iter().map(move |at| (host, *at)));
    let asks =
        asked.map(|(host, address)| ask(&options.http, &options.probe_path, &object.knob, host, address));
    all_passed(futures::future::join_all(asks).await)
}

/// The first that did not pass.
fn all_passed(outcomes: Vec<CheckOutcome>) -> CheckOutcome {
    outcomes.into_iter().find(|outcome| *outcome != CheckOutcome::Passed).unwrap_or(CheckOutcome::Passed)
}

/// One request for one host through one address of the cluster's own load balancer. Every answer under 500 is one.
pub(super) async fn ask(
    http: &HttpProbe,
    path: &str,
    knob: &Knob,
    host: &str,
    address: IpAddr,
) -> CheckOutcome {
    let address = SocketAddr::new(address, knob.port);
    if knob.kind == KnobKind::Service {
        return match http.connect(address).await {
            Ok(()) => CheckOutcome::Passed,
            Err(error) => CheckOutcome::Failed(format!("{host}: {}", error.chain())),
        };
    }
    let target = HttpTarget { address, host: host.to_owned(), path: path.to_owned(), tls: knob.tls };
    match http.get(&target).await {
        Ok(answer) if answer.status < 500 => CheckOutcome::Passed,
        Ok(answer) => CheckOutcome::Failed(format!("{host} answered {}", answer.status)),
        Err(error) => CheckOutcome::Failed(format!("{host}: {}", error.chain())),
    }
}

/// Fresh answers of the zone's name servers, the hosts of the group in turn.
pub(super) async fn draw_group(
    world: &World,
    memory: &mut Memory,
    group: &GroupName,
    draws: u64,
    at: UnixMillis,
) -> DrawsSeen {
    let mut seen = DrawsSeen {
        group: group.clone(),
        at,
        counts: std::collections::BTreeMap::new(),
        unknown: 0,
        unanswered: 0,
    };
    let hosts: Vec<String> = world
        .places
        .get(group)
        .and_then(|places| places.values().next())
        .map(|place| place.hosts().cloned().collect())
        .unwrap_or_default();
    let each = draws.div_ceil(hosts.len().max(1) as u64);
    for host in &hosts {
        // A wildcard is asked for by a name below it.
        let name = host.replace('*', "crossfade-probe");
        match draw(&world.options.name_servers, &name, each).await {
            Err(error) => {
                tracing::warn!(%group, host, error = error.chain(), "no draws");
                seen.unanswered += each;
            }
            Ok(draws) => {
                if let Some(ttl) = draws.ttl_seconds_max {
                    memory.saw_ttl(group, ttl);
                }
                seen.unanswered += draws.unanswered;
                for (address, count) in draws.addresses {
                    match world.serving(group, address) {
                        Some(cluster) => *seen.counts.entry(cluster).or_default() += count,
                        None => seen.unknown += count,
                    }
                }
            }
        }
    }
    seen
}

/// The largest TTL that answers for the groups' hosts have now, seconds; that of AWS load balancers when nobody answers.
pub async fn largest_ttl(options: &WorldOptions, admitted: &[Admitted]) -> u32 {
    /// Route 53 FAQ: alias answers for load balancers have a TTL of 60 s.
    const TTL_SECONDS_OF_LOAD_BALANCERS: u32 = 60;
    let hosts = admitted.iter().flat_map(|group| &group.hosts);
    let asked = hosts.map(|host| async move {
        let name = host.replace('*', "crossfade-probe");
        draw(&options.name_servers, &name, 1).await.ok()?.ttl_seconds_max
    });
    let found = futures::future::join_all(asked).await.into_iter().flatten().max();
    found.unwrap_or(TTL_SECONDS_OF_LOAD_BALANCERS)
}

/// One question per host, to learn the TTL before the first step.
pub(super) async fn learn_ttl(world: &World, memory: &mut Memory) {
    let hosts: Vec<(GroupName, String)> = world
        .places
        .iter()
        .filter_map(|(group, places)| Some((group, places.values().next()?)))
        .flat_map(|(group, place)| place.hosts().map(move |host| (group.clone(), host.clone())))
        .collect();
    for (group, host) in hosts {
        let answer = draw(&world.options.name_servers, &host.replace('*', "crossfade-probe"), 1).await;
        if let Some(ttl) = answer.ok().and_then(|draws| draws.ttl_seconds_max) {
            memory.saw_ttl(&group, ttl);
        }
    }
}

/// Sets a knob if it still shows what the engine saw.
pub(super) async fn write(
    world: &World,
    group: &GroupName,
    cluster: &ClusterName,
    weight: Weight,
    replaces: Weight,
) -> Result<(), KubeError> {
    let place = world.places.get(group).and_then(|places| places.get(cluster));
    let (Some(place), Some(handle)) = (place, world.cluster(cluster)) else { return Ok(()) };
    if place.weight != Ok(replaces) {
        return Err(KubeError::Conflict {
            cluster: cluster.0.clone(),
            action: format!("set the weight of {group}"),
        });
    }
    match (&place.secret, place.objects.first()) {
        (Some(SecretKey { secret, key }), _) => {
            write_annotation(handle, ARGOCD_NAMESPACE, secret, key, &weight.to_string()).await?;
        }
        (None, Some(object)) => write_weight(handle, &object.knob, weight).await?,
        (None, None) => return Ok(()),
    }
    tracing::info!(%group, %cluster, %weight, %replaces, "weight written");
    Ok(())
}
