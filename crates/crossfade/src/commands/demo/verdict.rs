//! What the demo proved, or did not.

use std::fmt::Write as _;
use std::time::{SystemTime, UNIX_EPOCH};

use crossfade_core::migration::{Phase, Status};
use crossfade_lab::users::{Failure, UserTotals};
use serde_json::{Value, json};

use crate::commands::demo::{DemoArgs, Injection, REQUESTS_MIN, Watched, of_side};
use crate::commands::migrate::{own_time, summary_json};
use crate::printer::Paint;
use crate::rehearsal::{Rehearsal, SIDES, context_of};
use crate::table::Table;

/// A request is counted when it ends: one that began in the window may end this much later (the users' own limit).
const REQUEST_MILLIS_MAX: u64 = 5_000;

/// When the fault began.
#[derive(Clone, Copy, Debug)]
pub struct FaultWindow {
    began_at_unix_ms: u64,
}

impl FaultWindow {
    /// It begins now. Clocks of one machine: a request that ended before cannot have met it.
    pub fn begin() -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        FaultWindow { began_at_unix_ms: u64::try_from(now.as_millis()).unwrap_or(u64::MAX) }
    }
}

/// Everything that the result rests on.
pub struct Verdict {
    injected: Option<Injection>,
    name: String,
    status: Status,
    exit_code: Option<i32>,
    totals: UserTotals,
    failed_outside_fault: u64,
    ready_millis: u128,
    memory_bytes: u64,
}

impl Verdict {
    /// Puts it together.
    pub fn new(
        args: &DemoArgs,
        watched: &Watched,
        totals: UserTotals,
        rehearsal: &Rehearsal,
        memory_bytes: u64,
    ) -> Self {
        let outside = failed_outside(&totals, watched, args.ttl);
        Verdict {
            injected: args.inject,
            name: watched.name.clone(),
            status: watched.status.clone(),
            exit_code: watched.exit_code,
            failed_outside_fault: outside,
            totals,
            ready_millis: rehearsal.ready_in.as_millis(),
            memory_bytes,
        }
    }

    /// Everything that should have happened did, and nothing else.
    pub fn held(&self) -> bool {
        self.broken().is_empty()
    }

    /// What did not hold.
    fn broken(&self) -> Vec<String> {
        let mut broken = Vec::new();
        let (phase, code) = match self.injected {
            None => (Phase::Complete, 0),
            Some(_) => (Phase::RolledBack, 3),
        };
        if self.status.phase != phase || self.exit_code != Some(code) {
            let failure =
                self.status.failure.as_ref().map_or_else(String::new, |failure| failure.message.clone());
            broken.push(format!(
                "the migration ended {:?} (exit {:?}), not {phase:?} ({code}): {failure}",
                self.status.phase, self.exit_code
            ));
        }
        if self.failed_outside_fault > 0 {
            broken.push(format!("{} requests failed that should not have", self.failed_outside_fault));
        }
        if self.totals.regular.sent < REQUESTS_MIN {
            broken.push(format!(
                "only {} requests were sent, {REQUESTS_MIN} are needed",
                self.totals.regular.sent
            ));
        }
        if self.injected == Some(Injection::Green500) && self.totals.regular.failed == 0 {
            broken.push("the injected fault reached no user, so the way back proves nothing".to_owned());
        }
        if phase == Phase::Complete && self.status.drained_at.is_none() {
            broken.push("blue was never drained".to_owned());
        }
        broken
    }

    /// For programs.
    pub fn json(&self) -> Value {
        let mut document = summary_json(&self.name, &self.status);
        let fault = self.injected.map(Injection::name);
        document["injected"] = json!(fault);
        document["held"] = json!(self.held());
        document["broken"] = json!(self.broken());
        document["requests"] = json!({
            "sent": self.totals.regular.sent,
            "failed": self.totals.regular.failed,
            "failed_outside_fault": self.failed_outside_fault,
            "by_cluster": {
                SIDES[0]: of_side(&self.totals, SIDES[0]),
                SIDES[1]: of_side(&self.totals, SIDES[1]),
            },
            "overstaying": { "sent": self.totals.overstaying.sent, "failed": self.totals.overstaying.failed },
        });
        document["lab"] = json!({ "ready_ms": self.ready_millis, "memory_bytes": self.memory_bytes });
        document
    }

    /// For people.
    pub fn text(&self) -> String {
        let paint = Paint::stdout();
        let mut text = String::new();
        let groups = self.status.groups.len();
        let took = self.status.finished_at.unwrap_or_default().since(self.status.started_at).as_secs_f64();
        let headline = match self.status.phase {
            Phase::Complete => {
                format!("{groups} groups moved from {} to {} in {took:.1} s", SIDES[0], SIDES[1])
            }
            Phase::RolledBack => format!("{groups} groups are back on {} after {took:.1} s", SIDES[0]),
            other => format!("the migration is {other:?}"),
        };
        let _ = writeln!(text, "\n{}", paint.strong(&headline));
        let regular = &self.totals.regular;
        let _ = writeln!(
            text,
            "requests     {} sent, {} failed ({} outside an injected fault); {} {}, {} {}",
            regular.sent,
            regular.failed,
            self.failed_outside_fault,
            SIDES[0],
            of_side(&self.totals, SIDES[0]),
            SIDES[1],
            of_side(&self.totals, SIDES[1]),
        );
        let overstaying = &self.totals.overstaying;
        let _ = writeln!(
            text,
            "overstayers  {} sent, {} failed: users who keep answers up to three times the TTL",
            overstaying.sent, overstaying.failed
        );
        let _ = writeln!(
            text,
            "lab          ready in {} ms, {} MiB with both DNS controllers",
            self.ready_millis,
            self.memory_bytes / (1024 * 1024)
        );
        if self.status.phase == Phase::Complete {
            let _ = writeln!(text, "own time     {}", own_time(&self.status));
        }
        if let Some(failure) = &self.status.failure {
            let _ = writeln!(text, "way back     {}: {}", failure.reason, failure.message);
        }
        let _ = writeln!(text, "\n{}", self.steps());
        for line in self.broken() {
            let _ = writeln!(text, "{}", paint.bad(&format!("not held: {line}")));
        }
        let _ =
            writeln!(text, "\nto look closer: crossfade demo --keep, or a lab that stays: crossfade lab up");
        let verdict =
            if self.held() { paint.good("everything held") } else { paint.bad("not everything held") };
        let _ = write!(text, "{verdict}");
        text
    }

    fn steps(&self) -> Table {
        let records = || self.status.steps.iter().flat_map(|step| &step.groups);
        let is_met = |name: &str| records().any(|group| group.hops.iter().any(|hop| hop.hop == name));
        let hops: Vec<(&str, &str)> = HOPS.iter().copied().filter(|(name, _)| is_met(name)).collect();
        let mut headings = vec!["STEP", "GROUP", "WEIGHTS", "DRAWN", "P"];
        headings.extend(hops.iter().map(|(_, title)| *title));
        let mut table = Table::new(&headings);
        for step in &self.status.steps {
            for group in &step.groups {
                let drawn = group.ratio.as_ref().map_or_else(String::new, |ratio| {
                    let shares = ratio
                        .bins
                        .iter()
                        .map(|bin| format!("{:.1}", 100.0 * bin.observed as f64 / ratio.draws.max(1) as f64));
                    format!("{} % of {}", shares.collect::<Vec<_>>().join("/"), ratio.draws)
                });
                let p_value =
                    group.ratio.as_ref().map_or_else(String::new, |ratio| format!("{:.3}", ratio.p_value));
                let mut row = vec![
                    step.target.clone(),
                    group.group.to_string(),
                    format!("{}/{}", group.from, group.to),
                    drawn,
                    p_value,
                ];
                for (name, _) in &hops {
                    let hop = group.hops.iter().find(|hop| hop.hop == *name);
                    row.push(hop.map_or_else(
                        || "-".to_owned(),
                        |hop| format!("{:.2} s", hop.millis as f64 / 1000.0),
                    ));
                }
                table.row(row);
            }
        }
        table
    }
}

/// Columns of the table, in the order of a weight's path; those that the actuator has are shown.
const HOPS: [(&str, &str); 7] = [
    ("cluster-secret", "SECRET"),
    ("application-set", "APP SET"),
    ("applications", "APPS"),
    ("ingress", "INGRESS"),
    ("record", "RECORD"),
    ("name-servers", "NAME SERVERS"),
    ("resolvers", "TTL OVER"),
];

/// Failures of regular users that the injected fault does not explain: before it, after the rollback and its TTL, or
/// not from green. Failures beyond those that are kept with their particulars count as unexplained.
fn failed_outside(totals: &UserTotals, watched: &Watched, ttl_seconds: u32) -> u64 {
    let Some(fault) = watched.fault else { return totals.regular.failed };
    let rolled_back = watched.status.steps.last().filter(|step| step.target == "rollback");
    let settled = rolled_back.and_then(|step| step.settled_at).map_or(u64::MAX, |at| at.0);
    let until = settled.saturating_add(u64::from(ttl_seconds) * 1000).saturating_add(REQUEST_MILLIS_MAX);
    let green = context_of(SIDES[1]);
    let is_explained = |failure: &&Failure| {
        failure.cluster.as_deref() == Some(&green)
            && (fault.began_at_unix_ms..=until).contains(&failure.at_unix_ms)
    };
    let regular = totals.failures.iter().filter(|failure| !failure.overstaying);
    let explained = regular.filter(is_explained).count() as u64;
    totals.regular.failed.saturating_sub(explained)
}
