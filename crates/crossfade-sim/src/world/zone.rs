//! Route 53: what it lists, what each name server answers, changes on their way, an API that fails.

use crate::random::Random;

/// Name servers of the zone.
pub(crate) const NAME_SERVERS: usize = 4;
/// A, AAAA, TXT.
pub(crate) const PARTS: usize = 3;
/// The parts that answer users.
const ADDRESS_PARTS: usize = 2;

/// One group's record sets of one cluster.
#[derive(Clone, Debug)]
pub(crate) struct RecordSet {
    /// What is listed.
    parts: [u8; PARTS],
    /// What each name server answers for A and AAAA.
    pub(crate) views: [[u8; ADDRESS_PARTS]; NAME_SERVERS],
    /// Since when every name server shows the same as now.
    pub(crate) views_since: u64,
}

#[derive(Clone, Debug)]
struct Change {
    id: u64,
    group: usize,
    cluster: usize,
    parts: [bool; PARTS],
    weight: u8,
    due: [u64; NAME_SERVERS],
    taken: [bool; NAME_SERVERS],
}

/// The zone.
#[derive(Clone, Debug)]
pub(crate) struct Zone {
    /// By group, then cluster.
    pub(crate) sets: Vec<Vec<RecordSet>>,
    pending: Vec<Change>,
    changes: u64,
    /// Requests to its API fail until then, this many in a hundred.
    pub(crate) trouble: Option<(u64, u64)>,
    /// Name servers that answer nothing until then.
    pub(crate) silent_until: [u64; NAME_SERVERS],
    /// The longest that a name server takes to take up a change, milliseconds.
    take_up_millis_max: u64,
}

impl RecordSet {
    fn at_rest(weight: u8) -> Self {
        RecordSet { parts: [weight; PARTS], views: [[weight; ADDRESS_PARTS]; NAME_SERVERS], views_since: 0 }
    }

    /// The one weight that all parts have.
    pub(crate) fn listed(&self) -> Option<u8> {
        self.parts.iter().all(|part| *part == self.parts[0]).then_some(self.parts[0])
    }

    /// No part listed and no server's answer is 0.
    pub(crate) fn is_above_zero(&self) -> bool {
        self.parts.iter().all(|part| *part > 0) && self.views.iter().flatten().all(|view| *view > 0)
    }

    /// Every name server answers with this weight.
    pub(crate) fn is_everywhere(&self, weight: u8) -> bool {
        self.views.iter().flatten().all(|view| *view == weight)
    }
}

impl Zone {
    pub(crate) fn new(weights: Vec<Vec<u8>>, take_up_millis_max: u64) -> Self {
        let sets = weights.into_iter().map(|of_group| of_group.into_iter().map(RecordSet::at_rest).collect());
        Zone {
            sets: sets.collect(),
            pending: Vec::new(),
            changes: 0,
            trouble: None,
            silent_until: [0; NAME_SERVERS],
            take_up_millis_max,
        }
    }

    /// Whether its API answers this request.
    pub(crate) fn answers(&self, now: u64, random: &mut Random) -> bool {
        self.trouble.is_none_or(|(until, percent)| now >= until || !random.chance(percent))
    }

    pub(crate) fn is_disturbed(&self, now: u64) -> bool {
        self.trouble.is_some_and(|(until, _)| now < until)
            || self.silent_until.iter().any(|until| now < *until)
    }

    /// One batch: listed at once, taken up by each server after its own delay, in order. Returns the change's id.
    pub(crate) fn change(
        &mut self,
        now: u64,
        place: (usize, usize),
        parts: [bool; PARTS],
        weight: u8,
        random: &mut Random,
    ) -> u64 {
        let (group, cluster) = place;
        self.changes += 1;
        for (part, is_in) in self.sets[group][cluster].parts.iter_mut().zip(parts) {
            if is_in {
                *part = weight;
            }
        }
        let due = std::array::from_fn(|server| {
            // The zone's changes reach a server in the order they were made.
            let last = self.pending.iter().map(|change| change.due[server]).max().unwrap_or(0);
            (now + random.between(0, self.take_up_millis_max)).max(last)
        });
        let taken = [false; NAME_SERVERS];
        self.pending.push(Change { id: self.changes, group, cluster, parts, weight, due, taken });
        self.changes
    }

    /// `INSYNC`.
    pub(crate) fn is_in_sync(&self, id: u64) -> bool {
        self.pending.iter().all(|change| change.id != id)
    }

    pub(crate) fn tick(&mut self, now: u64) {
        for change in &mut self.pending {
            let set = &mut self.sets[change.group][change.cluster];
            for server in 0..NAME_SERVERS {
                if change.taken[server] || now < change.due[server] {
                    continue;
                }
                change.taken[server] = true;
                for (part, view) in set.views[server].iter_mut().enumerate() {
                    if change.parts[part] && *view != change.weight {
                        *view = change.weight;
                        set.views_since = now;
                    }
                }
            }
        }
        self.pending.retain(|change| change.taken.iter().any(|taken| !taken));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_listed_at_once_and_in_sync_when_the_last_server_has_it() {
        let mut random = Random::new(1);
        let mut zone = Zone::new(vec![vec![100, 0]], 4_000);
        let id = zone.change(1_000, (0, 1), [true; PARTS], 10, &mut random);
        assert_eq!(zone.sets[0][1].listed(), Some(10));
        assert!(!zone.is_in_sync(id));
        zone.tick(5_000);
        assert!(zone.is_in_sync(id) && zone.sets[0][1].is_everywhere(10));
    }

    #[test]
    fn parts_that_disagree_are_no_weight() {
        let mut zone = Zone::new(vec![vec![100, 0]], 0);
        zone.change(1_000, (0, 0), [true, false, false], 50, &mut Random::new(1));
        assert_eq!(zone.sets[0][0].listed(), None);
    }
}
