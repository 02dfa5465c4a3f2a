//! What a migration is going to do, as a page to read before it is asked for.

use crossfade_api::migration::Actuator;
use crossfade_core::migration::{Admitted, Spec, StepTarget};
use crossfade_core::ratio::power;
use crossfade_core::share::ThirdClusters;

use crate::commands::migrate::Prepared;
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
    lines.push(format!("  weights   {}", actuator(prepared.spec.actuator)));
    lines.push(format!("  state     Migration crossfade/{} in {}", prepared.name, prepared.home.name));
    lines.push(String::new());
    lines.extend(
        weights(spec, &prepared.admitted, &prepared.spec.zone)
            .to_string()
            .lines()
            .map(|line| format!("  {line}")),
    );
    lines.push(String::new());
    lines.push(
        "  each step: preflight, write, record, every name server, ratio test, TTL; then the next".to_owned(),
    );
    if prepared.spec.actuator == Actuator::Route53 {
        lines.push(
            "  weights are written into the zone itself: a DNS controller outside these clusters that keeps these records \
             cannot be seen from here, and would undo it"
                .to_owned(),
        );
    }
    lines.push(format!("  {}", timeline(spec, prepared.ttl_seconds)));
    lines.push(format!("  ratio test: {}", ratio_test(spec, groups)));
    lines.extend(counts(spec));
    lines.push(format!(
        "  a failed gate {}; unattended only as long as this command runs",
        match spec.on_failure {
            crossfade_core::migration::OnFailure::Rollback => "returns every weight",
            crossfade_core::migration::OnFailure::Pause => "pauses",
        }
    ));
    lines.join("\n")
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
        "{} fresh answers per group and step; finds a half that is {:.0} points off with {power:.1} %",
        spec.draws,
        POINTS_OFF * 100.0
    )
}

/// What is asked of load balancers' counts.
fn counts(spec: &Spec) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some((gate, points)) = spec.counted_gate() {
        lines.push(format!(
            "  counts: after each step's TTL the load balancers' requests have to agree within {points} points; CloudWatch has them \
             some minutes late, and {} s without enough of them pause",
            gate.inconclusive_max.as_secs()
        ));
    }
    if let Some(residual) = spec.residual {
        lines.push(format!(
            "  drained: when each load balancer of {} counts at most {} requests a minute, or after {} s, which are then reported",
            spec.from,
            residual.per_minute,
            residual.deadline.as_secs()
        ));
    }
    lines
}

/// `burnham` for `burnham.eks-blueprint.example.org`.
fn within<'a>(host: &'a str, zone: &str) -> &'a str {
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
        let of = |name| group.weights.get(name).copied().unwrap_or_default();
        let (from, to) = (of(&spec.from), of(&spec.to));
        let third = if group.weights.len() > 2 { ThirdClusters::Some } else { ThirdClusters::None };
        let sum = (u16::from(from.get()) + u16::from(to.get())).min(255);
        let hosts: Vec<&str> = group.hosts.iter().map(|host| within(host, zone)).collect();
        let mut row = vec![group.group.to_string(), hosts.join(", "), format!("{from}/{to}")];
        for step in &spec.steps {
            let pair = step.pair(sum, third);
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
