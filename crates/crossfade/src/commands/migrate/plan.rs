//! What a migration is going to do, as a page to read before it is asked for.

use crossfade_api::migration::Actuator;
use crossfade_core::migration::{Admitted, OnFailure, Spec, StepTarget};
use crossfade_core::ratio::power;
use crossfade_core::share::{Pair, ThirdClusters, sum_for};
use serde_json::{Value, json};

use crate::commands::migrate::Prepared;
use crate::fill::paragraph;
use crate::printer::Paint;
use crate::table::Table;

/// How far off a share has to be for the printed power.
const POINTS_OFF: f64 = 0.05;

/// The plan.
pub fn render(prepared: &Prepared) -> String {
    let paint = Paint::stdout();
    let spec = &prepared.core;
    let groups = prepared.admitted.len();
    let mut lines = vec![
        paint.strong(&format!(
            "Plan: move {groups} group{} from {} to {}",
            plural(groups),
            spec.from,
            spec.to
        )),
        format!("  account   {}", prepared.account),
        format!("  zone      {} ({})", prepared.world.zone.name, prepared.world.zone.id),
    ];
    for cluster in &prepared.world.clusters {
        lines.push(format!("  {:<9} context {}", cluster.name.0, cluster.context));
    }
    lines.push(paragraph(actuator(prepared.spec.actuator), "  weights   ", "            "));
    lines.push(format!("  state     Migration crossfade/{} in {}", prepared.name, prepared.home.name));
    lines.push(String::new());
    lines.extend(
        weights(spec, &prepared.admitted, &prepared.spec.zone)
            .to_string()
            .lines()
            .map(|line| format!("  {line}")),
    );
    lines.push(String::new());
    lines.extend(prose(prepared).iter().map(|text| paragraph(text, "  ", "    ")));
    lines.join("\n")
}

/// What is said below the table, a paragraph each.
fn prose(prepared: &Prepared) -> Vec<String> {
    let spec = &prepared.core;
    let mut lines: Vec<String> = left_out(prepared).into_iter().collect();
    lines.extend(taken_back(spec, &prepared.admitted));
    lines.push(
        "each step: preflight, write, record, every name server, ratio test, TTL; then the next".to_owned(),
    );
    if prepared.spec.actuator == Actuator::Route53 {
        lines.push(
            "weights are written into the zone itself: a DNS controller outside these clusters that keeps these records \
             cannot be seen from here, and would undo it"
                .to_owned(),
        );
    }
    lines.push(timeline(spec, prepared.ttl_seconds));
    lines.push(format!("ratio test: {}", ratio_test(spec, prepared.admitted.len())));
    lines.extend(counts(spec));
    lines.push(format!(
        "a failed gate {}; unattended only as long as this command runs",
        match spec.on_failure {
            OnFailure::Rollback => "returns every weight",
            OnFailure::Pause => "pauses",
        }
    ));
    lines
}

/// Groups that a migration of everything has nothing to do for.
fn left_out(prepared: &Prepared) -> Option<String> {
    let groups = left_out_groups(prepared);
    (!groups.is_empty()).then(|| format!("left out, moved before: {}", groups.join(", ")))
}

fn left_out_groups(prepared: &Prepared) -> Vec<&str> {
    let selection = prepared.spec.selection();
    let candidates = prepared.survey.candidates.iter().filter(|candidate| selection.chooses(candidate));
    candidates
        .map(|candidate| &candidate.group)
        .filter(|group| prepared.admitted.iter().all(|admitted| admitted.group != **group))
        .map(|group| group.0.as_str())
        .collect()
}

/// The first step, where it gives the destination less than it has.
fn taken_back(spec: &Spec, admitted: &[Admitted]) -> Option<String> {
    let first = spec.steps.iter().find(|step| step.share().is_some())?;
    let more = |group: &&Admitted| {
        let has = now(spec, group).share().unwrap_or_default();
        first.share().is_some_and(|share| share < has - 1e-9)
    };
    let groups: Vec<&str> = admitted.iter().filter(more).map(|group| group.group.0.as_str()).collect();
    (!groups.is_empty()).then(|| {
        format!(
            "step {first} takes traffic back from {}, which has more of {} now",
            spec.to,
            groups.join(", ")
        )
    })
}

/// The weights of a group's pair.
fn now(spec: &Spec, group: &Admitted) -> Pair {
    let of = |name| group.weights.get(name).copied().unwrap_or_default();
    Pair { from: of(&spec.from), to: of(&spec.to) }
}

/// The weights of every step; a pause has none.
fn pairs(spec: &Spec, group: &Admitted) -> Vec<Option<Pair>> {
    let third = if group.weights.len() > 2 { ThirdClusters::Some } else { ThirdClusters::None };
    let sum = sum_for(now(spec, group), third);
    spec.steps.iter().map(|step| step.pair(sum, third)).collect()
}

/// The plan for programs.
pub fn json(prepared: &Prepared) -> Value {
    let spec = &prepared.core;
    let pair = |pair: Pair| json!({ "from": pair.from, "to": pair.to });
    let groups: Vec<Value> = prepared
        .admitted
        .iter()
        .map(|group| {
            let steps = spec.steps.iter().zip(pairs(spec, group));
            json!({
                "name": group.group,
                "hosts": group.hosts,
                "now": pair(now(spec, group)),
                "steps": steps
                    .map(|(step, weights)| json!({ "target": step.to_string(), "weights": weights.map(pair) }))
                    .collect::<Vec<_>>(),
            })
        })
        .collect();
    json!({
        "migration": prepared.name,
        "home": prepared.home.name,
        "account": prepared.account,
        "zone": { "name": prepared.world.zone.name, "id": prepared.world.zone.id },
        "from": spec.from,
        "to": spec.to,
        "actuator": prepared.spec.actuator,
        "groups": groups,
        "left_out": left_out_groups(prepared),
        "ttl_seconds": prepared.ttl_seconds,
        "draws": spec.draws,
    })
}

/// Where weights are written, and who carries them on.
fn actuator(actuator: Actuator) -> &'static str {
    match actuator {
        Actuator::Annotation => "annotation: on the Ingress or Service; the DNS controller carries them on",
        Actuator::GitopsBridge => {
            "gitops-bridge: on Argo CD's cluster secret; ApplicationSets, charts and the DNS controller carry them on"
        }
        Actuator::Route53 => "route53: in the record sets themselves",
    }
}

fn plural(count: usize) -> &'static str {
    if count == 1 { "" } else { "s" }
}

/// How long it may take, told from what is known: the rest depends on the DNS controller.
fn timeline(spec: &Spec, ttl_seconds: u32) -> String {
    let steps = spec.steps.iter().filter(|step| **step != StepTarget::Pause).count();
    let pauses = spec.steps.len() - steps;
    let each = u64::from(ttl_seconds) + spec.bake.as_secs();
    let known = each * u64::try_from(steps).unwrap_or(u64::MAX) + spec.keep_warm.as_secs();
    let pauses =
        if pauses > 0 { format!(", {pauses} pause{} for a person", plural(pauses)) } else { String::new() };
    format!(
        "at least {known} s: {steps} step{} of TTL {ttl_seconds} s and bake {} s, keep-warm {} s{pauses}; beside that the DNS \
         controller's interval and Route 53's propagation (up to 60 s each)",
        plural(steps),
        spec.bake.as_secs(),
        spec.keep_warm.as_secs()
    )
}

fn ratio_test(spec: &Spec, groups: usize) -> String {
    let level = spec.error_level_each(groups);
    let power = power(spec.draws, 0.5, 0.5 + POINTS_OFF, level) * 100.0;
    format!(
        "{} fresh answers per group and step find a half {:.0} points off with {power:.1} %",
        spec.draws,
        POINTS_OFF * 100.0
    )
}

/// What is asked of load balancers' counts.
fn counts(spec: &Spec) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some((gate, points)) = spec.counted_gate() {
        lines.push(format!(
            "counts: after each step's TTL the load balancers' requests have to agree within {points} points; CloudWatch has them \
             some minutes late, and {} s without enough of them pause",
            gate.inconclusive_max.as_secs()
        ));
    }
    if let Some(residual) = spec.residual {
        lines.push(format!(
            "drained: when each load balancer of {} counts at most {} requests a minute, or after {} s, which are then reported",
            spec.from,
            residual.per_minute,
            residual.deadline.as_secs()
        ));
    }
    lines
}

/// `burnham` for `burnham.eks-blueprint.example.org`.
pub fn within<'a>(host: &'a str, zone: &str) -> &'a str {
    let zone = zone.trim_end_matches('.');
    host.strip_suffix(zone)
        .and_then(|rest| rest.strip_suffix('.'))
        .filter(|rest| !rest.is_empty())
        .unwrap_or(host)
}

/// Hosts are told as the zone knows them: its name is above the table.
fn weights(spec: &Spec, admitted: &[Admitted], zone: &str) -> Table {
    let titles: Vec<String> = spec.steps.iter().map(ToString::to_string).collect();
    let mut headings = vec!["GROUP", "HOSTS", "NOW"];
    headings.extend(titles.iter().map(String::as_str));
    let mut table = Table::new(&headings);
    for group in admitted {
        let hosts: Vec<&str> = group.hosts.iter().map(|host| within(host, zone)).collect();
        let Pair { from, to } = now(spec, group);
        let mut row = vec![group.group.to_string(), hosts.join(", "), format!("{from}/{to}")];
        for pair in pairs(spec, group) {
            row.push(pair.map_or_else(String::new, |pair| format!("{}/{}", pair.from, pair.to)));
        }
        table.row(row);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_told_without_their_zone() {
        let zone = "blueprint.example.org.";
        assert_eq!(within("web.blueprint.example.org", zone), "web");
        assert_eq!(within("*.a.blueprint.example.org", zone), "*.a");
        assert_eq!(within("blueprint.example.org", zone), "blueprint.example.org");
        assert_eq!(within("web.notblueprint.example.org", zone), "web.notblueprint.example.org");
    }
}
