//! Objects whose Applications are stuck: they stay as they are, and what they show is what users are answered.
//!
//! A floor is told only where nothing else is under way: every other object and record is at the knob's weight.

use std::collections::BTreeSet;

use crossfade_core::{GroupName, Weight};

use super::{Memory, Spot, listed};
use crate::migration::bridge::{Part, floor, held_back, keeps};
use crate::migration::place::{Object, Place};

/// The objects of a place that are held back.
pub(super) struct Held {
    objects: BTreeSet<GroupName>,
    /// The weight on the knob.
    knob: Option<Weight>,
}

impl Held {
    /// `None` where nothing holds anything back.
    pub(super) fn of(memory: &Memory, at: Spot<'_>, knob: Option<Weight>) -> Option<Held> {
        let (_, applications) = memory.applications.get(at.cluster)?;
        let names = held_back(applications);
        let holding: Vec<_> =
            applications.iter().filter(|application| names.contains(application.name.as_str())).collect();
        let is_held = |object: &&Object| holding.iter().any(|application| keeps(application, object));
        let objects: BTreeSet<GroupName> =
            at.place.objects.iter().filter(is_held).map(|object| object.knob.group.clone()).collect();
        (!objects.is_empty()).then_some(Held { objects, knob })
    }

    fn is_held(&self, object: &Object) -> bool {
        self.objects.contains(&object.knob.group)
    }

    /// The smallest weight of the objects.
    pub(super) fn floor_of_objects(&self, place: &Place) -> Option<Weight> {
        let parts: Vec<Part> = place
            .objects
            .iter()
            .map(|object| (object.knob.weight.clone().ok(), self.is_held(object)))
            .collect();
        floor(&parts, self.knob)
    }

    /// The smallest weight of the records, each of which shows what its object does.
    pub(super) fn floor_of_records(&self, memory: &Memory, place: &Place) -> Option<Weight> {
        let of_object = |object: &Object| -> Vec<Part> {
            let shows = |weight: &Weight| object.knob.weight.as_ref() == Ok(weight);
            let weights =
                object.knob.hosts.iter().map(|host| listed(memory, &object.knob, host).filter(shows));
            weights.map(|weight| (weight, self.is_held(object))).collect()
        };
        let parts: Vec<Part> = place.objects.iter().flat_map(of_object).collect();
        floor(&parts, self.knob)
    }

    /// Which objects are not at the knob's weight for it.
    pub(super) fn note(&self, place: &Place) -> Option<String> {
        let behind = place.objects.iter().filter(|object| self.is_held(object));
        let behind = behind.filter(|object| object.knob.weight.as_ref().ok() != self.knob.as_ref());
        let lines: Vec<String> = behind
            .map(|object| {
                let weight = object.knob.weight.as_ref().map_or_else(Clone::clone, ToString::to_string);
                format!("{} stays at {weight}", object.knob.group)
            })
            .collect();
        (!lines.is_empty()).then(|| lines.join(", "))
    }
}
