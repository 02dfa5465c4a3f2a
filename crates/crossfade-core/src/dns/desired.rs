//! What the cluster's objects ask for, as an index that is updated object by object.
//!
//! Beside the endpoints it knows what the sources have *said*: an object that was seen to go allows its records to go; an
//! object that is merely missing from a new list does not, when too many are missing at once (see `MassDeletionGuard`).

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::{Endpoint, Finding, ResourceLabel};

/// Why an object's records stay as they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HoldReason {
    /// Its load balancer has no address (yet, or any more). ExternalDNS deletes the record in this case.
    NoAddress,
    /// An annotation cannot be what it says; nothing is written until it is corrected.
    Invalid(String),
}

impl HoldReason {
    /// True when somebody has to correct something.
    pub fn is_problem(&self) -> bool {
        matches!(self, HoldReason::Invalid(_))
    }
}

impl fmt::Display for HoldReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            HoldReason::NoAddress => f.write_str("has no load balancer address at the moment"),
            HoldReason::Invalid(problem) => write!(f, "cannot be followed: {problem}"),
        }
    }
}

/// One Kubernetes object as a source of endpoints.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceObject {
    /// Which object.
    pub resource: ResourceLabel,
    /// What it asks for; empty when it is held.
    pub endpoints: Vec<Endpoint>,
    /// Why its records stay as they are; `None` when its endpoints are its wish.
    pub hold: Option<HoldReason>,
    /// What to know about it, for the report.
    pub notes: Vec<String>,
}

impl SourceObject {
    /// An object whose endpoints are its wish.
    pub fn asking(resource: ResourceLabel, endpoints: Vec<Endpoint>) -> Self {
        SourceObject { resource, endpoints, hold: None, notes: Vec::new() }
    }

    /// An object whose records stay as they are.
    pub fn held(resource: ResourceLabel, reason: HoldReason) -> Self {
        SourceObject { resource, endpoints: Vec::new(), hold: Some(reason), notes: Vec::new() }
    }

    fn is_silent(&self) -> bool {
        self.endpoints.is_empty() && self.hold.is_none() && self.notes.is_empty()
    }
}

/// Everything the sources ask for.
#[derive(Clone, Debug, Default)]
pub struct Desired {
    objects: BTreeMap<ResourceLabel, SourceObject>,
    released: BTreeSet<ResourceLabel>,
}

impl Desired {
    /// Puts in an object as it is now. Says whether anything is different.
    pub fn apply(&mut self, object: SourceObject) -> bool {
        if object.is_silent() {
            // It exists and asks for nothing: its records may go.
            return self.release(&object.resource);
        }
        self.released.remove(&object.resource);
        let is_same = self.objects.get(&object.resource) == Some(&object);
        if !is_same {
            self.objects.insert(object.resource.clone(), object);
        }
        !is_same
    }

    /// The object was seen to go, or to ask for nothing: its records may go. Says whether anything is different.
    pub fn release(&mut self, resource: &ResourceLabel) -> bool {
        let was_known = self.objects.remove(resource).is_some();
        if was_known {
            self.released.insert(resource.clone());
        }
        was_known
    }

    /// A complete list of one kind has been read: what is missing from it is gone, without having been seen to go.
    ///
    /// `belongs` says which labels are of that kind.
    pub fn keep_only(&mut self, belongs: impl Fn(&ResourceLabel) -> bool, listed: &BTreeSet<ResourceLabel>) {
        self.objects.retain(|resource, _| !belongs(resource) || listed.contains(resource));
    }

    /// Forgets releases that no record depends on any more, so that the set stays small.
    pub fn forget_releases(&mut self, is_in_use: impl Fn(&ResourceLabel) -> bool) {
        self.released.retain(is_in_use);
    }

    /// Every endpoint of every object that is not held.
    pub fn endpoints(&self) -> impl Iterator<Item = &Endpoint> {
        self.objects.values().flat_map(|object| &object.endpoints)
    }

    /// Why an object's records stay as they are; `None` when they need not.
    pub fn hold(&self, resource: &ResourceLabel) -> Option<&HoldReason> {
        self.objects.get(resource)?.hold.as_ref()
    }

    /// True when the sources have said that this object's records may go: it was seen to go, or it exists and asks for
    /// something else.
    pub fn has_let_go(&self, resource: &ResourceLabel) -> bool {
        self.released.contains(resource) || self.objects.contains_key(resource)
    }

    pub(super) fn held(&self) -> impl Iterator<Item = (&ResourceLabel, &HoldReason)> {
        self.objects.values().filter_map(|object| Some((&object.resource, object.hold.as_ref()?)))
    }

    pub(super) fn notes(&self) -> impl Iterator<Item = Finding> {
        self.objects.values().flat_map(|object| {
            let note =
                |text: &String| Finding::Note { resource: object.resource.clone(), text: text.clone() };
            object.notes.iter().map(note)
        })
    }
}
