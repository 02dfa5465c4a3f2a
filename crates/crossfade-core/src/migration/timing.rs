//! How much of a step's time was the engine's own.
//!
//! Not its own are: from a written knob until every name server has the weight (the DNS controller and `INSYNC`), and the
//! TTL, the bake time and the wait for counts afterwards.

use std::time::Duration;

use crate::UnixMillis;
use crate::migration::engine::resolvers_due;
use crate::migration::hops::ttl_of;
use crate::migration::{Spec, Status, hop};

/// Milliseconds of the step under way that are the engine's own, when it ends at `now`.
pub(super) fn own_millis(status: &Status, spec: &Spec, now: UnixMillis) -> Option<u64> {
    let step = status.current_step()?;
    let mut foreign: Vec<(UnixMillis, UnixMillis)> = Vec::new();
    let settled_at = step.settled_at?;
    foreign.push((settled_at, settled_at.after(spec.bake)));
    let counted = spec.counted_gate().map(|(gate, _)| gate.name.as_str());
    for group in &status.groups {
        let passed_at = counted.and_then(|name| group.cluster(&spec.to)?.gate(name)?.passed_at);
        foreign.extend(passed_at.map(|passed_at| (resolvers_due(group), passed_at)));
        let changed = group.clusters.iter().filter(|cluster| cluster.previous != cluster.target);
        for cluster in changed {
            let at = |name: &str| cluster.hops.iter().find(|hop| hop.name == name).map(|hop| hop.at);
            let (Some(written), Some(everywhere)) = (cluster.hops.first(), at(hop::NAME_SERVERS)) else {
                continue;
            };
            foreign.push((written.at.max(step.began_at), everywhere));
            foreign.push((everywhere, everywhere.after(ttl_of(group))));
        }
    }
    let own = now.since(step.began_at).saturating_sub(covered(foreign, step.began_at, now));
    u64::try_from(own.as_millis()).ok()
}

/// How much of `from..to` the spans cover together.
fn covered(mut spans: Vec<(UnixMillis, UnixMillis)>, from: UnixMillis, to: UnixMillis) -> Duration {
    spans.sort();
    let mut reached = from;
    let mut sum = Duration::ZERO;
    for (begin, end) in spans {
        let begin = begin.max(reached);
        let end = end.min(to);
        if end > begin {
            sum += end.since(begin);
            reached = end;
        }
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn overlaps_count_once() {
        let at = UnixMillis;
        let spans = vec![(at(10), at(30)), (at(20), at(40)), (at(90), at(200)), (at(15), at(18))];
        assert_eq!(covered(spans, at(0), at(100)), Duration::from_millis(40));
    }
}
