//! The last things that happened in a run, for the report of a violation.

use std::collections::VecDeque;
use std::fmt;

use crossfade_core::migration::{Phase, Stage};

use crate::faults::Fault;
use crate::world::NAMES;

/// Enough to see what led to a violation.
const EVENTS_MAX: usize = 24;

/// One thing that happened.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Event {
    Began(Fault),
    Wrote { driver: u64, group: usize, cluster: usize, weight: u8 },
    OtherHand { group: usize, cluster: usize, weight: u8 },
    Reached { phase: Phase, stage: Stage, step: u32 },
    Died { driver: u64 },
    Started { driver: u64 },
    Person(&'static str),
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Event::Began(fault) => write!(f, "{fault:?}"),
            Event::Wrote { driver, group, cluster, weight } => {
                write!(f, "driver {driver} writes {weight} for group {group} in {}", NAMES[cluster])
            }
            Event::OtherHand { group, cluster, weight } => {
                write!(f, "another hand writes {weight} for group {group} in {}", NAMES[cluster])
            }
            Event::Reached { phase, stage, step } => write!(f, "{phase:?}/{stage:?} of step {step}"),
            Event::Died { driver } => write!(f, "driver {driver} dies"),
            Event::Started { driver } => write!(f, "driver {driver} starts"),
            Event::Person(what) => write!(f, "the person {what}"),
        }
    }
}

/// The newest, with their times.
#[derive(Clone, Debug, Default)]
pub(crate) struct Events {
    ring: VecDeque<(u64, Event)>,
}

impl Events {
    pub(crate) fn push(&mut self, now: u64, event: Event) {
        if self.ring.len() == EVENTS_MAX {
            self.ring.pop_front();
        }
        self.ring.push_back((now, event));
    }

    /// One line each, with milliseconds since `began_at`.
    pub(crate) fn lines(&self, began_at: u64) -> Vec<String> {
        self.ring.iter().map(|(at, event)| format!("{:>7} {event}", at.saturating_sub(began_at))).collect()
    }
}
