//! A migration as a tree: groups, clusters, and the path of each weight.

use crossfade_api::migration::Migration;
use crossfade_core::Weight;
use crossfade_core::migration::{ClusterStatus, GroupStatus, Phase};

use crate::printer::Paint;

/// The whole of it.
pub fn render(migration: &Migration) -> String {
    let paint = Paint::stdout();
    let name = migration.metadata.name.clone().unwrap_or_default();
    let status = migration.status.clone().unwrap_or_default();
    let spec = &migration.spec;
    let mut lines = vec![format!(
        "{}  {} to {}  {}{}  step {}",
        paint.strong(&name),
        spec.from,
        spec.to,
        status.phase,
        if status.reason.is_empty() { String::new() } else { format!(" ({})", status.reason) },
        status.step
    )];
    let Some(progress) = status.progress else {
        lines.push("not begun".to_owned());
        return lines.join("\n");
    };
    let is_told = progress.phase.is_end() || (progress.phase == Phase::Paused && progress.failure.is_some());
    if !status.message.is_empty() && !is_told {
        lines.push(status.message.clone());
    }
    if let Some(failure) = &progress.failure {
        lines.push(paint.bad(&format!("{}: {}", failure.reason, failure.message)));
    }
    for (index, group) in progress.groups.iter().enumerate() {
        let is_last = index + 1 == progress.groups.len();
        lines.push(format!(
            "{} {}  ({})",
            if is_last { "└─" } else { "├─" },
            group.name,
            group.hosts.join(", ")
        ));
        lines.extend(clusters(group, if is_last { "   " } else { "│  " }, paint));
    }
    lines.join("\n")
}

fn clusters(group: &GroupStatus, indent: &str, paint: Paint) -> Vec<String> {
    let count = group.clusters.len();
    let line = |(index, cluster): (usize, &ClusterStatus)| {
        let branch = if index + 1 == count { "└─" } else { "├─" };
        let hops: Vec<String> = cluster
            .hops
            .iter()
            .map(|hop| {
                let shown = text(hop.value);
                let is_there = hop.value == Some(cluster.target) && !hop.busy;
                let mark = if is_there { "✓".to_owned() } else { "…".to_owned() };
                format!("{} {shown} {mark}", hop.name)
            })
            .collect();
        let notes: String = cluster
            .hops
            .iter()
            .filter(|hop| hop.busy || hop.value != Some(cluster.target))
            .filter_map(|hop| hop.note.as_ref())
            .map(|note| paint.bad(&format!("  {note}")))
            .collect();
        let failing = cluster.gates.iter().filter(|gate| gate.failures > 0 || gate.unknown_since.is_some());
        let gate: String = failing
            .map(|gate| {
                let what = gate.message.clone().unwrap_or_default();
                let how = if gate.failures > 0 {
                    format!("failed {} times", gate.failures)
                } else {
                    "unknown".to_owned()
                };
                paint.bad(&format!("  {} {how}: {what}", gate.name))
            })
            .collect();
        format!(
            "{indent}{branch} {:<8} {} → {}   {}{notes}{gate}",
            cluster.name.0,
            cluster.before,
            cluster.target,
            hops.join("  ")
        )
    };
    group.clusters.iter().enumerate().map(line).collect()
}

fn text(weight: Option<Weight>) -> String {
    weight.map_or_else(|| "?".to_owned(), |weight| weight.to_string())
}
