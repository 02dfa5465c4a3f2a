//! A cluster's DNS controller: sees weights, changes records, may do it late, in parts, or not at all for a while.

use crate::random::Random;
use crate::world::knob::Knob;
use crate::world::logged::Logged;
use crate::world::zone::{PARTS, Zone};

/// A controller that is driven by events still looks at the zone so often, and a polling one only then.
const LOOK_EVERY_MILLIS: u64 = 60_000;
/// Between the two batches of a writer that needs two.
const BETWEEN_BATCHES_MILLIS: u64 = 2_000;

/// How a cluster's DNS controller notices a weight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Writer {
    /// Driven by events, tells the id of its change.
    Eventful,
    /// Looks once a minute and tells nothing.
    Polling,
    /// The same, with A in one batch and the rest in the next.
    PollingInParts,
}

/// What a DNS controller tells of its last change: the weight and the change's id.
pub(crate) type Report = Option<(u8, u64)>;

/// A batch on its way to Route 53: nothing else is sent before it has arrived.
#[derive(Clone, Copy, Debug)]
struct Batch {
    lands_at: u64,
    group: usize,
    weight: u8,
    parts: [bool; PARTS],
}

/// One cluster's.
#[derive(Clone, Debug)]
pub(crate) struct DnsController {
    pub(crate) writer: Writer,
    /// It does not run until then.
    pub(crate) down_until: u64,
    /// Its watch shows the past: since and until when.
    pub(crate) stale: Option<(u64, u64)>,
    /// Its next batch takes so long to arrive.
    pub(crate) slow_millis: Option<u64>,
    /// A batch that takes long is on its way until then.
    slow_until: u64,
    /// What it takes the records to be.
    picture: Vec<u8>,
    next_look: u64,
    on_the_way: Vec<Batch>,
    /// Reports to write: when, of which group.
    to_tell: Vec<(u64, usize, Report)>,
    pub(crate) reports: Vec<Logged<Report>>,
}

impl DnsController {
    pub(crate) fn new(writer: Writer, weights: Vec<u8>, random: &mut Random) -> Self {
        DnsController {
            writer,
            down_until: 0,
            stale: None,
            slow_millis: None,
            slow_until: 0,
            reports: vec![Logged::new(None); weights.len()],
            picture: weights,
            next_look: random.below(LOOK_EVERY_MILLIS),
            on_the_way: Vec::new(),
            to_tell: Vec::new(),
        }
    }

    pub(crate) fn is_disturbed(&self, now: u64) -> bool {
        now < self.down_until
            || self.stale.is_some_and(|(_, until)| now < until)
            || self.slow_millis.is_some()
            || now < self.slow_until
    }

    pub(crate) fn tick(
        &mut self,
        now: u64,
        index: usize,
        knobs: &[Knob],
        zone: &mut Zone,
        random: &mut Random,
    ) {
        self.land(now, index, zone, random);
        self.tell(now);
        if now < self.down_until || !self.on_the_way.is_empty() {
            return;
        }
        if now >= self.next_look {
            if !zone.answers(now, random) {
                return;
            }
            self.next_look = now + LOOK_EVERY_MILLIS;
            for (group, picture) in self.picture.iter_mut().enumerate() {
                // A set in parts is to be written again whatever its weight.
                let listed = zone.sets[group][index].listed();
                *picture = listed.unwrap_or_else(|| knobs[group].weight().wrapping_add(1));
            }
        } else if self.writer != Writer::Eventful {
            return;
        }
        let sees = self.stale.filter(|(_, until)| now < *until).map_or(now, |(since, _)| since);
        for (group, knob) in knobs.iter().enumerate() {
            let weight = knob.weight_at(sees);
            if weight != self.picture[group] {
                self.send(now, group, weight, random);
            }
        }
    }

    fn send(&mut self, now: u64, group: usize, weight: u8, random: &mut Random) {
        self.picture[group] = weight;
        let usual = match self.writer {
            Writer::Eventful => random.below(500),
            // It lists all zones and sources first.
            Writer::Polling | Writer::PollingInParts => random.between(500, 4_000),
        };
        let takes = self.slow_millis.take();
        let lands_at = now + takes.unwrap_or(usual);
        if takes.is_some() {
            self.slow_until = lands_at;
        }
        if self.writer == Writer::PollingInParts {
            let first = Batch { lands_at, group, weight, parts: [true, false, false] };
            let second = Batch {
                lands_at: lands_at + BETWEEN_BATCHES_MILLIS,
                group,
                weight,
                parts: [false, true, true],
            };
            self.on_the_way.extend([first, second]);
        } else {
            self.on_the_way.push(Batch { lands_at, group, weight, parts: [true; PARTS] });
        }
    }

    fn land(&mut self, now: u64, index: usize, zone: &mut Zone, random: &mut Random) {
        let due: Vec<Batch> = self.on_the_way.iter().filter(|batch| batch.lands_at <= now).copied().collect();
        self.on_the_way.retain(|batch| batch.lands_at > now);
        for batch in due {
            if !zone.answers(now, random) {
                // Refused: it looks before it tries again.
                self.next_look = self.next_look.min(now + random.between(1_000, 8_000));
                continue;
            }
            let id = zone.change(now, (batch.group, index), batch.parts, batch.weight, random);
            if self.writer == Writer::Eventful {
                let tells_at = now + random.below(1_000);
                self.to_tell.push((tells_at, batch.group, Some((batch.weight, id))));
            }
        }
    }

    fn tell(&mut self, now: u64) {
        for (_, group, report) in self.to_tell.iter().filter(|(at, _, _)| *at <= now) {
            self.reports[*group].set(now, *report);
        }
        self.to_tell.retain(|(at, _, _)| *at > now);
    }
}
