//! `crossfade weights`: the weights of groups, to read and to set by hand.
//!
//! Setting goes through a migration of one step, so that every rule of a migration holds for a hand's write as well.

mod table;

use std::collections::BTreeMap;

use clap::{Args, Subcommand};
use crossfade_api::migration::{Actuator, MigrationSpec};
use crossfade_controller::migration::{Stateful, survey};
use crossfade_core::migration::{Candidate, CandidateCluster, MissingKey, Refusal};
use crossfade_core::share::Pair;
use crossfade_core::{ClusterName, GroupName, Weight};
use serde_json::json;

use crate::actuator::{bridged, hosts_of, is_kept_by_argo_cd};
use crate::commands::migrate::{Output, Request, carry_out};
use crate::commands::status::{LookArgs, connect};
use crate::exit::{Exit, user_error};
use crate::printer::{Paint, data, note};
use table::Keys;

/// Options of `crossfade weights`.
#[derive(Clone, Debug, Args)]
pub struct WeightsArgs {
    #[command(subcommand)]
    command: WeightsCommand,
}

#[derive(Clone, Debug, Subcommand)]
enum WeightsCommand {
    /// List the declared weights of every group.
    Get(Box<GetArgs>),
    /// Set the weights of one group: `weights set GROUP blue=100 green=100`.
    Set(Box<SetArgs>),
}

#[derive(Clone, Debug, Args)]
struct GetArgs {
    /// Only this group (`namespace/ingress`).
    group: Option<String>,
    #[command(flatten)]
    look: LookArgs,
    /// How they are printed.
    #[arg(long, short, value_enum, default_value_t)]
    output: Output,
}

#[derive(Clone, Debug, Args)]
struct SetArgs {
    /// The group (`namespace/ingress`).
    group: String,
    /// One or two of them, for example `blue=100 green=10`; a cluster that is not named keeps its weight.
    #[arg(required = true, num_args = 1..=2, value_name = "CLUSTER=WEIGHT", value_parser = parse_weight)]
    weights: Vec<(String, Weight)>,
    #[command(flatten)]
    look: LookArgs,
    /// Another owner id whose records may be changed.
    #[arg(long = "owner", value_name = "ID")]
    owners: Vec<String>,
    /// Write a cluster secret that Terraform owns: its next apply undoes that unless main.tf says the same by then.
    #[arg(long)]
    i_will_edit_main_tf: bool,
    /// Show what would be done and stop.
    #[arg(long)]
    dry_run: bool,
    /// Do not ask.
    #[arg(long, short)]
    yes: bool,
    /// How the result is printed on stdout.
    #[arg(long, short, value_enum, default_value_t)]
    output: Output,
}

fn parse_weight(text: &str) -> Result<(String, Weight), String> {
    let (cluster, weight) = text.split_once('=').ok_or("CLUSTER=WEIGHT is needed, for example blue=100")?;
    let weight: Weight = weight.parse().map_err(|_| format!("`{weight}` is no weight from 0 to 255"))?;
    Ok((cluster.to_owned(), weight))
}

/// Runs one of the sub-commands.
pub async fn run(args: WeightsArgs) -> anyhow::Result<Exit> {
    match args.command {
        WeightsCommand::Get(args) => get(*args).await,
        WeightsCommand::Set(args) => set(*args).await,
    }
}

async fn get(args: GetArgs) -> anyhow::Result<Exit> {
    let world = connect(&args.look).await?;
    let mut found = survey(&world, Stateful::Allowed).await?.candidates;
    let by_bridge = bridged(&world, &found).await?;
    let missing = missing_keys(&by_bridge);
    let by_bridge = Keys(by_bridge);
    found.extend(by_bridge.0.iter().cloned());
    if let Some(group) = &args.group {
        found.retain(|candidate| candidate.group.0 == *group);
        if found.is_empty() {
            return Err(user_error(
                format!("there is no group {group}"),
                "`crossfade weights get` lists them",
            ));
        }
    }
    if args.output == Output::Json {
        let groups: Vec<_> = found
            .iter()
            .map(|candidate| {
                let weights: BTreeMap<&str, _> = candidate
                    .clusters
                    .iter()
                    .map(|(name, cluster)| (name.0.as_str(), cluster.weight.as_ref().ok()))
                    .collect();
                json!({ "group": candidate.group, "weights": weights })
            })
            .collect();
        data(&json!({ "groups": groups }).to_string());
        return Ok(Exit::Done);
    }
    data(&table::render(&found, &by_bridge));
    for key in missing {
        let refusal = Refusal::KeyInOneSecret(key);
        note(&format!("{} {refusal}", Paint::stderr().bad("warning:")));
        note(&format!("{} {}", Paint::stderr().good("hint:"), refusal.hint()));
    }
    Ok(Exit::Done)
}

/// The annotations that some secret lacks, each once.
fn missing_keys(by_bridge: &[Candidate]) -> Vec<MissingKey> {
    let mut missing: Vec<MissingKey> =
        by_bridge.iter().flat_map(|candidate| candidate.missing_keys.clone()).collect();
    missing.sort_by(|left, right| (&left.key, &left.missing).cmp(&(&right.key, &right.missing)));
    missing.dedup();
    missing
}

fn weight_of(cluster: &CandidateCluster) -> Option<Weight> {
    cluster.weight.as_ref().ok().copied()
}

async fn set(args: SetArgs) -> anyhow::Result<Exit> {
    let world = connect(&args.look).await?;
    let group = GroupName(args.group.clone());
    let by_annotation = survey(&world, Stateful::Allowed).await?.candidates;
    let by_bridge = bridged(&world, &by_annotation).await?;
    refuse_torn(&group, &by_annotation, &by_bridge)?;
    let Knob { actuator, candidate } = knob_of(&group, by_annotation, by_bridge)?;
    let group = candidate.group.clone();
    let now: BTreeMap<ClusterName, Weight> = candidate
        .clusters
        .iter()
        .filter(|(name, _)| world.clusters.iter().any(|cluster| cluster.name == **name))
        .filter_map(|(name, cluster)| Some((name.clone(), weight_of(cluster)?)))
        .collect();
    let wanted = args.weights.iter().map(|(name, weight)| (ClusterName(name.clone()), *weight)).collect();
    let step = step_of(&group, &now, &wanted)?;
    if step.is_done() {
        data(&format!("{group} has these weights already"));
        return Ok(Exit::Done);
    }
    let spec = MigrationSpec {
        actuator,
        i_will_edit_main_tf: args.i_will_edit_main_tf,
        groups: vec![group.0],
        steps: vec![format!("{}/{}", step.from_weight, step.to_weight)],
        owners: args.owners,
        allow_stateful: true,
        ..MigrationSpec::new(step.from.0, step.to.0, args.look.zone.trim_end_matches('.'))
    };
    let request = Request::new(spec, args.look.clusters, args.look.probes);
    // Boxed: a future that holds a whole migration.
    Box::pin(carry_out(Request { dry_run: args.dry_run, yes: args.yes, output: args.output, ..request }))
        .await
}

/// A group whose annotation is in one secret only has no weight of its own in the other cluster.
fn refuse_torn(
    group: &GroupName,
    by_annotation: &[Candidate],
    by_bridge: &[Candidate],
) -> anyhow::Result<()> {
    let own = by_annotation.iter().find(|candidate| candidate.group == *group).map(hosts_of);
    let own = own.unwrap_or_default();
    let concerns = |key: &MissingKey| {
        let is_shared_of = by_bridge
            .iter()
            .any(|candidate| candidate.group == *group && candidate.missing_keys.contains(key));
        is_shared_of || key.hosts.iter().any(|host| own.contains(host))
    };
    match missing_keys(by_bridge).into_iter().find(concerns) {
        None => Ok(()),
        Some(key) => {
            let refusal = Refusal::KeyInOneSecret(key);
            Err(user_error(refusal.to_string(), refusal.hint()))
        }
    }
}

/// What is turned for a group.
#[derive(Debug)]
struct Knob {
    actuator: Actuator,
    candidate: Candidate,
}

/// A group's own knob; for an Ingress that Argo CD keeps, the annotation of the cluster secret that feeds it and nothing else.
fn knob_of(
    group: &GroupName,
    by_annotation: Vec<Candidate>,
    by_bridge: Vec<Candidate>,
) -> anyhow::Result<Knob> {
    let Some(own) = by_annotation.into_iter().find(|candidate| candidate.group == *group) else {
        let found = by_bridge.into_iter().find(|candidate| candidate.group == *group);
        let candidate = found.ok_or_else(|| {
            user_error(format!("there is no group {group}"), "`crossfade weights get` lists them")
        })?;
        return Ok(Knob { actuator: Actuator::GitopsBridge, candidate });
    };
    let hosts = hosts_of(&own);
    match by_bridge.into_iter().find(|feeding| feeds(feeding, &own)) {
        Some(feeding) if is_kept_by_argo_cd(&own) => {
            let others: Vec<String> = hosts_of(&feeding).difference(&hosts).cloned().collect();
            if others.is_empty() {
                return Ok(Knob { actuator: Actuator::GitopsBridge, candidate: feeding });
            }
            Err(user_error(
                format!("{group} is fed by {}, which feeds {} as well", feeding.group, others.join(", ")),
                format!("set {} for all of them, or give the application a weight of its own", feeding.group),
            ))
        }
        _ => Ok(Knob { actuator: Actuator::Annotation, candidate: own }),
    }
}

/// Whether an annotation of the cluster secret stands for a group's hosts.
fn feeds(key: &Candidate, group: &Candidate) -> bool {
    !hosts_of(key).is_disjoint(&hosts_of(group))
}

/// Two weights as one step of a migration.
#[derive(Debug, PartialEq, Eq)]
struct Step {
    from: ClusterName,
    from_weight: Weight,
    to: ClusterName,
    to_weight: Weight,
    now: (Weight, Weight),
}

impl Step {
    fn is_done(&self) -> bool {
        self.now == (self.from_weight, self.to_weight)
    }
}

/// The source is the cluster whose share falls; where none does, one that serves.
fn step_of(
    group: &GroupName,
    now: &BTreeMap<ClusterName, Weight>,
    wanted: &BTreeMap<ClusterName, Weight>,
) -> anyhow::Result<Step> {
    if let Some(unknown) = wanted.keys().find(|name| !now.contains_key(*name)) {
        let known: Vec<&str> = now.keys().map(|name| name.0.as_str()).collect();
        return Err(user_error(
            format!("{group} has no weight in {unknown}"),
            format!("the clusters are {}; name their contexts with --context", known.join(", ")),
        ));
    }
    let after = |name: &ClusterName| wanted.get(name).or_else(|| now.get(name)).copied().unwrap_or_default();
    let before = |name: &ClusterName| now.get(name).copied().unwrap_or_default();
    let mut names: Vec<&ClusterName> = wanted.keys().collect();
    // With one cluster named, its partner is the other that serves, or else any other.
    names.extend(now.keys().filter(|name| !wanted.contains_key(*name) && !before(name).is_zero()));
    names.extend(now.keys().filter(|name| !wanted.contains_key(*name) && before(name).is_zero()));
    names.truncate(2);
    let [one, other] = names[..] else {
        return Err(user_error(
            format!("{group} is in one cluster only"),
            "weights need two; name both with --context",
        ));
    };
    if after(one).is_zero() && after(other).is_zero() {
        return Err(user_error(
            format!(
                "{group}: both weights would be 0, and Route 53 splits the traffic evenly or as it likes then"
            ),
            "leave one of them above 0",
        ));
    }
    let part = |of: &dyn Fn(&ClusterName) -> Weight| {
        Pair { from: of(other), to: of(one) }.share().unwrap_or_default()
    };
    // The source is the cluster whose share falls; where none does, one that serves.
    let (share_before, share_after) = (part(&before), part(&after));
    let one_is_source = share_after < share_before - 1e-9
        || ((share_after - share_before).abs() < 1e-9 && !before(one).is_zero());
    let (from, to) = if one_is_source { (one, other) } else { (other, one) };
    Ok(Step {
        from_weight: after(from),
        to_weight: after(to),
        now: (before(from), before(to)),
        from: from.clone(),
        to: to.clone(),
    })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]
mod tests {
    use super::*;

    fn mk(weights: &[(&str, u8)]) -> BTreeMap<ClusterName, Weight> {
        weights.iter().map(|(name, weight)| ((*name).into(), Weight::new(*weight))).collect()
    }

    fn mk_candidate(group: &str, hosts: &[&str], keeper: Option<&str>) -> Candidate {
        let cluster = CandidateCluster {
            hosts: hosts.iter().map(|host| (*host).to_owned()).collect(),
            weight: Ok(Weight::ZERO),
            set_identifier: None,
            kept_by: keeper.map(ToOwned::to_owned),
            load_balancer: None,
            persistent_volumes: Vec::new(),
            port: None,
            stuck: Vec::new(),
        };
        Candidate {
            group: group.into(),
            clusters: [("blue".into(), cluster)].into(),
            hosts_outside_zone: Vec::new(),
            foreign_records: Vec::new(),
            missing_keys: Vec::new(),
        }
    }

    #[test]
    fn what_argo_cd_keeps_is_turned_at_the_cluster_secret() {
        let argo_cd = Some("Argo CD (Application a)");
        let ingresses = [
            mk_candidate("a/own", &["own"], argo_cd),
            mk_candidate("a/shares", &["one"], argo_cd),
            mk_candidate("b/free", &["free"], None),
        ];
        let keys = [
            mk_candidate("own_route53_weight", &["own"], None),
            mk_candidate("route53_weight", &["one", "two"], None),
        ];
        let knob = |group: &str| knob_of(&group.into(), ingresses.to_vec(), keys.to_vec());
        let turned = |group: &str| knob(group).map(|knob| (knob.actuator, knob.candidate.group.0)).unwrap();
        assert_eq!(turned("a/own"), (Actuator::GitopsBridge, "own_route53_weight".to_owned()));
        assert_eq!(turned("route53_weight"), (Actuator::GitopsBridge, "route53_weight".to_owned()));
        assert_eq!(turned("b/free"), (Actuator::Annotation, "b/free".to_owned()));
        let error = knob("a/shares").unwrap_err().to_string();
        assert!(error.contains("fed by route53_weight, which feeds two"), "{error}");
        assert!(knob("nobody").is_err());
    }

    fn step(now: &[(&str, u8)], wanted: &[(&str, u8)]) -> (String, u8, String, u8) {
        let step = step_of(&"a/b".into(), &mk(now), &mk(wanted)).unwrap();
        (step.from.0, step.from_weight.get(), step.to.0, step.to_weight.get())
    }

    #[test]
    fn the_source_is_the_cluster_whose_share_falls() {
        let now = [("blue", 90), ("green", 10)];
        assert_eq!(step(&now, &[("green", 60)]), ("blue".into(), 90, "green".into(), 60));
        assert_eq!(step(&now, &[("blue", 5)]), ("blue".into(), 5, "green".into(), 10));
        assert_eq!(step(&now, &[("blue", 95)]), ("green".into(), 10, "blue".into(), 95));
        assert_eq!(step(&now, &[("green", 0)]), ("green".into(), 0, "blue".into(), 90));
        let now = [("blue", 100), ("green", 0)];
        assert_eq!(step(&now, &[("green", 100)]), ("blue".into(), 100, "green".into(), 100));
        assert_eq!(step(&now, &[("blue", 0), ("green", 100)]), ("blue".into(), 0, "green".into(), 100));
        let now = [("blue", 0), ("green", 100)];
        assert_eq!(step(&now, &[("blue", 100)]), ("green".into(), 100, "blue".into(), 100));
    }

    #[test]
    fn all_zero_and_strangers_are_refused() {
        let now = mk(&[("blue", 100), ("green", 0)]);
        assert!(step_of(&"a/b".into(), &now, &mk(&[("blue", 0)])).is_err());
        assert!(step_of(&"a/b".into(), &now, &mk(&[("red", 1)])).is_err());
        assert!(step_of(&"a/b".into(), &mk(&[("blue", 100)]), &mk(&[("blue", 1)])).is_err());
    }
}
