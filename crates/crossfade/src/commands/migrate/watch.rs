//! Progress of a migration as lines on stderr, and its result as a document.

use std::fmt::Write as _;

use crossfade_controller::migration::Progress;
use crossfade_core::ClusterName;
use crossfade_core::migration::{HistoryEntry, Phase, Status, StepRecord};
use serde_json::{Value, json};

use crate::printer::{Paint, note};

/// What has been printed of a migration before.
pub enum Told {
    /// Nothing: its history is printed from its beginning.
    Nothing,
    /// All that this status has: it is taken up.
    UpTo(Box<Status>),
}

/// Prints what is new in a status.
pub struct Watcher {
    from: String,
    to: String,
    printed: Option<HistoryEntry>,
    waiting_for: String,
}

impl Watcher {
    /// From `told` on.
    pub fn new(from: &ClusterName, to: &ClusterName, told: Told) -> Self {
        let printed = match told {
            Told::Nothing => None,
            Told::UpTo(status) => status.history.last().cloned(),
        };
        Watcher { from: from.0.clone(), to: to.0.clone(), printed, waiting_for: String::new() }
    }

    /// After a round.
    pub fn see(&mut self, progress: &Progress<'_>) {
        let history = &progress.status.history;
        let known = self.printed.as_ref().and_then(|last| history.iter().rposition(|entry| entry == last));
        // One that is not there any more was planned and never kept: nothing of before is told again.
        let after = self.printed.as_ref().filter(|_| known.is_none()).map(|last| last.at);
        let news = history[known.map_or(0, |index| index + 1)..].iter();
        for entry in news.filter(|entry| after.is_none_or(|after| entry.at > after)) {
            note(&format!("{}  {}", clock(entry.at.0), entry.message));
            if entry.message.ends_with("is proven") {
                self.describe(progress.status);
            }
            self.printed = Some(entry.clone());
        }
        let waiting_for = progress.waiting_for.first().cloned().unwrap_or_default();
        if waiting_for != self.waiting_for && !waiting_for.is_empty() && !progress.status.phase.is_end() {
            let more = progress.waiting_for.len().saturating_sub(1);
            let more = if more > 0 { format!(" (and {more} more)") } else { String::new() };
            note(&Paint::stderr().faint(&format!("          waiting for {waiting_for}{more}")));
        }
        self.waiting_for = waiting_for;
    }

    fn describe(&self, status: &Status) {
        let Some(step) = status.steps.iter().rev().find(|step| step.proven_at.is_some()) else { return };
        for group in &step.groups {
            let mut line =
                format!("          {}  {} {} / {} {}", group.group, self.from, group.from, self.to, group.to);
            if let Some(ratio) = &group.ratio {
                let shares: Vec<String> = ratio
                    .bins
                    .iter()
                    .map(|bin| {
                        format!(
                            "{} {:.1} %",
                            bin.cluster,
                            100.0 * bin.observed as f64 / ratio.draws.max(1) as f64
                        )
                    })
                    .collect();
                let _ = write!(
                    line,
                    "  drawn {} of {}, p = {:.3}",
                    shares.join(", "),
                    ratio.draws,
                    ratio.p_value
                );
            }
            note(&line);
        }
    }

    /// Where the traffic is now, by the last step that was proven.
    fn complete(&self, status: &Status) -> String {
        let left: Vec<String> = status
            .steps
            .iter()
            .rfind(|step| step.proven_at.is_some())
            .into_iter()
            .flat_map(|step| &step.groups)
            .filter(|group| !group.from.is_zero())
            .map(|group| format!("{} {} {} / {} {}", group.group, self.from, group.from, self.to, group.to))
            .collect();
        match left[..] {
            [] => format!("complete: {} has all traffic of {}", self.to, groups_of(status)),
            _ => format!("complete: {}", left.join(", ")),
        }
    }

    /// The last line.
    pub fn finish(&self, status: &Status) {
        let paint = Paint::stderr();
        match status.phase {
            Phase::Complete => {
                note(&paint.good(&self.complete(status)));
                note(&format!("own time: {}", own_time(status)));
            }
            Phase::RolledBack => note(&paint.bad(&format!("rolled back: {}", reason(status)))),
            Phase::Paused => note(&paint.bad(&format!("paused: {}", reason(status)))),
            Phase::Progressing | Phase::Draining | Phase::RollingBack => note("stopped"),
        }
    }
}

/// Its groups by name, where they are few enough to be read.
fn groups_of(status: &Status) -> String {
    const NAMED_MAX: usize = 5;
    let names: Vec<&str> = status.groups.iter().map(|group| group.name.0.as_str()).collect();
    if names.len() > NAMED_MAX { format!("{} groups", names.len()) } else { names.join(", ") }
}

/// How much of the steps was neither TTL, bake time, `INSYNC` nor the DNS controllers'.
pub fn own_time(status: &Status) -> String {
    let own: Vec<u64> = status.steps.iter().filter_map(|step| step.own_millis).collect();
    let seconds = |millis: u64| std::time::Duration::from_millis(millis).as_secs_f64();
    format!(
        "{:.1} s in {} step{}, {:.1} s in the longest, beyond TTL, bake time, INSYNC and DNS controllers",
        seconds(own.iter().sum()),
        own.len(),
        if own.len() == 1 { "" } else { "s" },
        seconds(own.iter().copied().max().unwrap_or(0))
    )
}

fn reason(status: &Status) -> String {
    status
        .failure
        .as_ref()
        .map_or_else(String::new, |failure| format!("{}: {}", failure.reason, failure.message))
}

/// A time of day, UTC.
pub fn clock(millis: u64) -> String {
    let at = i64::try_from(millis).ok().and_then(|millis| jiff::Timestamp::from_millisecond(millis).ok());
    at.map_or_else(String::new, |at| at.strftime("%H:%M:%S").to_string())
}

/// The result for programs.
pub fn summary_json(name: &str, status: &Status) -> Value {
    let result = match status.phase {
        Phase::Complete => "complete",
        Phase::RolledBack => "rolled-back",
        Phase::Paused => "paused",
        Phase::Progressing | Phase::Draining | Phase::RollingBack => "interrupted",
    };
    json!({
        "migration": name,
        "result": result,
        "failure": status.failure,
        "groups": status.groups.iter().map(|group| json!({
            "name": group.name,
            "hosts": group.hosts,
            "weights": group.clusters.iter().map(|cluster| (cluster.name.0.clone(), json!(cluster.declared()))).collect::<serde_json::Map<_, _>>(),
        })).collect::<Vec<_>>(),
        "steps": status.steps.iter().map(step_json).collect::<Vec<_>>(),
    })
}

fn step_json(step: &StepRecord) -> Value {
    let after = |at: Option<crossfade_core::UnixMillis>| at.map(|at| at.0.saturating_sub(step.began_at.0));
    json!({
        "target": step.target,
        "began_at_unix_ms": step.began_at.0,
        "settled_ms": after(step.settled_at),
        "proven_ms": after(step.proven_at),
        "own_ms": step.own_millis,
        "groups": step.groups.iter().map(|group| json!({
            "group": group.group,
            "declared": { "from": group.from, "to": group.to },
            "draws": group.ratio.as_ref().map(|ratio| json!({
                "count": ratio.draws,
                "observed": ratio.bins.iter().map(|bin| (bin.cluster.0.clone(), json!(bin.observed))).collect::<serde_json::Map<_, _>>(),
                "expected_share": ratio.bins.iter().map(|bin| (bin.cluster.0.clone(), json!(bin.expected_share))).collect::<serde_json::Map<_, _>>(),
            })),
            "p_value": group.ratio.as_ref().map(|ratio| ratio.p_value),
            "hops_ms": group.hops.iter().map(|hop| (hop.hop.clone(), json!(hop.millis))).collect::<serde_json::Map<_, _>>(),
        })).collect::<Vec<_>>(),
    })
}
