//! After the last step: the source is drained, at the latest when its deadline passes; then the keep-warm time.
//!
//! `Drained` is a condition and never waits for silence (invariant I7): users whose resolvers keep answers for days do not
//! hold a migration up, they are reported.

use crate::UnixMillis;
use crate::migration::engine::{fail, resolvers_due};
use crate::migration::gate::{Verdict, verdict};
use crate::migration::{GroupStatus, Phase, Plan, Residual, Seen, Spec, Status};

/// The last step has passed its TTL.
pub(super) fn drain(mut status: Status, spec: &Spec, seen: &Seen, now: UnixMillis) -> Plan {
    let at_zero = |group: &GroupStatus| group.cluster(&spec.from).is_some_and(|from| from.target.is_zero());
    let will_drain = status.drained_at.is_none() && status.groups.iter().all(at_zero);
    let left = spec.residual.filter(|_| will_drain).and_then(|residual| left(&status, spec, seen, residual));
    let (deadline, is_waiting) = match (spec.residual, &left) {
        (Some(residual), Some(_)) => {
            let deadline = began_at(&status).after(residual.deadline);
            (Some(deadline), now < deadline)
        }
        _ => (None, false),
    };
    if let Verdict::Failed { reason, message } = verdict(&status, spec, now)
        && (is_waiting || now < status.stage_since.after(spec.keep_warm))
    {
        fail(&mut status, spec, reason, &message, now);
        return Plan::waiting(status, vec![format!("the way back: {message}")]);
    }
    if is_waiting {
        let waiting_for = vec![format!("{}, or for the deadline", left.unwrap_or_default())];
        return Plan { status, actions: Vec::new(), waiting_for, wake_at: deadline };
    }
    if will_drain {
        status.drained_at = Some(now);
        if let Some(left) = left {
            let message = format!("the deadline has passed without {left}");
            status.record(now, "ResidualRequests", message.clone());
            status.residual = Some(message);
        }
        status.record(now, "Drained", format!("{} is drained", spec.from));
    }
    let warm_until = status.drained_at.unwrap_or(status.stage_since).after(spec.keep_warm);
    if now < warm_until {
        let waiting_for = vec!["the keep-warm time".to_owned()];
        return Plan { status, actions: Vec::new(), waiting_for, wake_at: Some(warm_until) };
    }
    status.phase = Phase::Complete;
    status.finished_at = Some(now);
    status.record(now, "Complete", "complete");
    Plan::waiting(status, vec!["nothing: complete".to_owned()])
}

/// When the last step was proven, which is when its TTL was over at the latest.
fn began_at(status: &Status) -> UnixMillis {
    status.current_step().and_then(|step| step.proven_at).unwrap_or(status.stage_since)
}

/// What there still is to wait for; `None` when no group's source gets more than it may.
fn left(status: &Status, spec: &Spec, seen: &Seen, residual: Residual) -> Option<String> {
    let mut lines = Vec::new();
    for group in &status.groups {
        let load = group.cluster(&spec.from).and_then(|from| from.load);
        let allowed = residual.per_minute;
        match load.filter(|load| load.since() >= resolvers_due(group)) {
            Some(load) if load.per_minute() <= u64::from(allowed) => {}
            Some(load) => {
                let rate = load.per_minute();
                lines.push(format!("{} to fall from {rate} to {allowed} requests a minute", group.name));
            }
            None => {
                let why = seen.loads_lacking.as_ref().map_or_else(String::new, |why| format!(" ({why})"));
                lines.push(format!("counts of the load balancer of {}{why}", group.name));
            }
        }
    }
    (!lines.is_empty()).then(|| format!("{}: {}", spec.from, lines.join(", ")))
}
