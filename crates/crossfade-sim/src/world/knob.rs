//! The annotation that carries a weight, with the version that every write changes.

use crate::world::logged::Logged;

/// One group's knob in one cluster.
#[derive(Clone, Debug)]
pub(crate) struct Knob {
    values: Logged<KnobValue>,
}

/// What a reader sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct KnobValue {
    pub(crate) weight: u8,
    pub(crate) version: u64,
}

impl Knob {
    pub(crate) fn new(weight: u8) -> Self {
        Knob { values: Logged::new(KnobValue { weight, version: 1 }) }
    }

    pub(crate) fn read_at(&self, time: u64) -> KnobValue {
        self.values.at(time)
    }

    pub(crate) fn weight(&self) -> u8 {
        self.values.get().weight
    }

    pub(crate) fn weight_at(&self, time: u64) -> u8 {
        self.values.at(time).weight
    }

    pub(crate) fn version(&self) -> u64 {
        self.values.get().version
    }

    /// Whoever writes. A weight that is there already changes nothing, as an API server has it.
    pub(crate) fn set(&mut self, now: u64, weight: u8) {
        let KnobValue { weight: old, version } = self.values.get();
        if old != weight {
            self.values.set(now, KnobValue { weight, version: version + 1 });
        }
    }
}
