//! A migration as a tree: groups, clusters, and the path of each weight.

use crossfade_api::migration::Migration;
use crossfade_core::Weight;
use crossfade_core::migration::{ClusterStatus, GroupStatus, HopStatus, Phase};

use crate::commands::migrate::within;
use crate::fill::{fill, paragraph};
use crate::printer::Paint;

/// The whole of it. `driver` says who drives it.
pub fn render(migration: &Migration, driver: Option<&str>) -> String {
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
        lines.push(paragraph(&status.message, "", "  "));
    }
    if let Some(failure) = &progress.failure {
        lines.push(paint.bad(&paragraph(&format!("{}: {}", failure.reason, failure.message), "", "  ")));
    }
    lines.extend(driver.map(ToOwned::to_owned));
    for (index, group) in progress.groups.iter().enumerate() {
        let is_last = index + 1 == progress.groups.len();
        let indent = if is_last { "   " } else { "│  " };
        let hosts: Vec<&str> = group.hosts.iter().map(|host| within(host, &spec.zone)).collect();
        let title = format!("{}  ({})", group.name, hosts.join(", "));
        lines.push(paragraph(&title, if is_last { "└─ " } else { "├─ " }, &format!("{indent}   ")));
        lines.extend(clusters(group, indent, paint));
    }
    lines.join("\n")
}

/// A line for a cluster, one or two for its hops, and one for whatever is wrong.
fn clusters(group: &GroupStatus, indent: &str, paint: Paint) -> Vec<String> {
    let last = group.clusters.len().saturating_sub(1);
    let width = group.clusters.iter().map(|cluster| cluster.name.0.chars().count()).max().unwrap_or(0);
    let mut lines = Vec::new();
    for (index, cluster) in group.clusters.iter().enumerate() {
        let (branch, below) = if index == last { ("└─", "   ") } else { ("├─", "│  ") };
        let ClusterStatus { before, target, .. } = cluster;
        lines.push(format!("{indent}{branch} {:<width$}  {before} → {target}", cluster.name.0));
        let below = format!("{indent}{below}  ");
        let hops: Vec<String> = cluster.hops.iter().map(|hop| hop_text(hop, cluster)).collect();
        lines.extend(fill(&hops, "  ", &below, &below));
        let wrong = wrong_with(cluster);
        lines.extend(wrong.iter().map(|text| paint.bad(&paragraph(text, &below, &format!("{below}  ")))));
    }
    lines
}

fn hop_text(hop: &HopStatus, cluster: &ClusterStatus) -> String {
    let mark = match (hop.busy, hop.value == Some(cluster.target)) {
        _ if hop.stuck => "stuck",
        (false, true) => "✓",
        _ => "…",
    };
    format!("{} {} {mark}", hop.name, text(hop.value))
}

/// What holds hops up, and gates that do not pass.
fn wrong_with(cluster: &ClusterStatus) -> Vec<String> {
    let held = cluster.hops.iter().filter(|hop| hop.busy || hop.stuck || hop.value != Some(cluster.target));
    let notes = held.filter_map(|hop| Some(format!("{}: {}", hop.name, hop.note.as_ref()?)));
    let failing = cluster.gates.iter().filter(|gate| gate.failures > 0 || gate.unknown_since.is_some());
    let gates = failing.map(|gate| {
        let what = gate.message.clone().unwrap_or_default();
        match gate.failures {
            0 => format!("gate {} unknown: {what}", gate.name),
            failures => format!("gate {} failed {failures} times: {what}", gate.name),
        }
    });
    notes.chain(gates).collect()
}

fn text(weight: Option<Weight>) -> String {
    weight.map_or_else(|| "?".to_owned(), |weight| weight.to_string())
}
