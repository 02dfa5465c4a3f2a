//! Whether a batch of changes may be applied to a zone, and what the zone holds then.
//!
//! A batch is atomic: it is checked against the state it would leave, and applied whole or not at all. The order of
//! changes within a batch makes no difference. Each rule cites the text that Route 53 refuses with.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::canonical_zones;
use crate::change_request::{Action, Change};
use crate::error::ApiError;
use crate::load_balancers::LoadBalancerNames;
use crate::name::DnsName;
use crate::record_set::{AliasKind, AliasTarget, Content, RecordKey, RecordSet, RecordType};
use crate::zone::Zone;

/// `ResourceRecord` elements in a request; an UPSERT counts twice ("Quotas": "ChangeResourceRecordSets API requests").
const REQUEST_VALUES_MAX: usize = 1000;
/// Characters in all `Value` elements of a request; an UPSERT counts twice.
const REQUEST_CHARACTERS_MAX: usize = 32_000;
/// Record sets of a zone, by default.
const ZONE_RECORD_SETS_MAX: usize = 10_000;
/// Weighted record sets that have the same name and type.
const WEIGHTED_RECORD_SETS_MAX: usize = 100;

/// What a batch changes: the record sets to write or remove, by key, and the names they belong to.
#[derive(Debug)]
pub(crate) struct Edits {
    pub(crate) sets: BTreeMap<RecordKey, Option<Arc<RecordSet>>>,
    pub(crate) names: BTreeSet<DnsName>,
}

/// Checks a batch and returns what it changes.
pub(crate) fn plan(
    zone: &Zone,
    changes: Vec<Change>,
    load_balancers: &LoadBalancerNames,
) -> Result<Edits, ApiError> {
    check_request_limits(&changes)?;
    let mut messages = Vec::new();
    check_repetitions(&changes, &mut messages);
    if !messages.is_empty() {
        return Err(ApiError::InvalidChangeBatch { messages });
    }
    let (edits, written) = edits(zone, changes, &mut messages);
    let after = After { zone, edits: &edits };
    for set in &written {
        after.check_place(set, &mut messages);
        if let Content::Alias(target) = &set.content {
            after.check_alias(set, target, load_balancers, &mut messages);
        }
    }
    after.check_zone(&mut messages);
    if messages.is_empty() { Ok(edits) } else { Err(ApiError::InvalidChangeBatch { messages }) }
}

fn check_request_limits(changes: &[Change]) -> Result<(), ApiError> {
    let (mut count, mut characters) = (0, 0);
    for change in changes {
        let factor = if change.action == Action::Upsert { 2 } else { 1 };
        if let Content::Values { values, .. } = &change.set.content {
            count += factor * values.len();
            let of_change: usize = values.iter().map(|value| value.text.chars().count()).sum();
            characters += factor * of_change;
        }
    }
    let mut messages = Vec::new();
    if count > REQUEST_VALUES_MAX {
        messages.push(format!("Number of records limit of {REQUEST_VALUES_MAX} exceeded."));
    }
    if characters > REQUEST_CHARACTERS_MAX {
        messages.push(format!("RDATA character limit of {REQUEST_CHARACTERS_MAX} exceeded."));
    }
    if messages.is_empty() { Ok(()) } else { Err(ApiError::InvalidChangeBatch { messages }) }
}

/// A record set may occur once in a batch, or twice as DELETE and CREATE.
fn check_repetitions(changes: &[Change], messages: &mut Vec<String>) {
    let mut actions: BTreeMap<RecordKey, Vec<Action>> = BTreeMap::new();
    let mut refused: BTreeSet<RecordKey> = BTreeSet::new();
    for change in changes {
        let key = change.set.key();
        let seen = actions.entry(key.clone()).or_default();
        seen.push(change.action);
        seen.sort_unstable();
        let fine = matches!(seen[..], [_] | [Action::Create, Action::Delete]);
        if !fine && refused.insert(key) {
            messages.push(format!(
                "The request contains an invalid set of changes for a resource record set '{} {}'",
                change.set.record_type.as_str(),
                change.set.name
            ));
        }
    }
}

/// Works out the edits, and returns the record sets that are written, in the order of the request.
fn edits(zone: &Zone, changes: Vec<Change>, messages: &mut Vec<String>) -> (Edits, Vec<Arc<RecordSet>>) {
    let deleted: BTreeSet<RecordKey> = changes
        .iter()
        .filter(|change| change.action == Action::Delete)
        .map(|change| change.set.key())
        .collect();
    let mut edits = Edits { sets: BTreeMap::new(), names: BTreeSet::new() };
    let mut written = Vec::new();
    for change in changes {
        let key = change.set.key();
        let current = zone.records.get(&key);
        let bracketed = change.set.in_brackets();
        match change.action {
            Action::Delete => {
                match current {
                    None => messages.push(format!(
                        "Tried to delete resource record set {bracketed} but it was not found"
                    )),
                    Some(current) if !current.same_as(&change.set) => messages.push(format!(
                        "Tried to delete resource record set {bracketed} but the values provided do not match the \
                         current values"
                    )),
                    Some(_) => {}
                }
                edits.names.insert(change.set.name);
                edits.sets.entry(key).or_insert(None);
                continue;
            }
            Action::Create if current.is_some() && !deleted.contains(&key) => {
                messages
                    .push(format!("Tried to create resource record set {bracketed} but it already exists"));
            }
            Action::Create | Action::Upsert => {}
        }
        edits.names.insert(change.set.name.clone());
        let set = Arc::new(change.set);
        written.push(Arc::clone(&set));
        edits.sets.insert(key, Some(set));
    }
    (edits, written)
}

/// The zone as the batch would leave it.
struct After<'a> {
    zone: &'a Zone,
    edits: &'a Edits,
}

impl After<'_> {
    /// All record sets that `name` would have.
    fn record_sets_of(&self, name: &DnsName) -> Vec<&RecordSet> {
        let untouched =
            self.zone.record_sets_of(name).filter(|set| !self.edits.sets.contains_key(&set.key()));
        let first = RecordKey {
            reversed_name: name.reversed(),
            record_type: RecordType::A,
            set_identifier: String::new(),
        };
        let reversed_name = first.reversed_name.clone();
        let written = self
            .edits
            .sets
            .range(first..)
            .take_while(move |(key, _)| key.reversed_name == reversed_name)
            .filter_map(|(_, set)| set.as_ref());
        untouched.chain(written).map(Arc::as_ref).collect()
    }

    /// Whether a record set that is written may stand where it is, beside what stands there.
    fn check_place(&self, set: &RecordSet, messages: &mut Vec<String>) {
        let (zone, name) = (&self.zone.name, &set.name);
        let record_type = set.record_type.as_str();
        if !name.is_within(zone) {
            messages.push(format!("RRSet with DNS name {name} is not permitted in zone {zone}"));
            return;
        }
        if set.record_type == RecordType::Cname && name == zone {
            messages.push(format!(
                "RRSet of type CNAME with DNS name {name} is not permitted at apex in zone {zone}"
            ));
            return;
        }
        if set.record_type == RecordType::Soa && name != zone {
            messages.push(format!("RRSet of type SOA with DNS name {name} is not permitted in zone {zone}"));
            return;
        }
        let beside = self.record_sets_of(name);
        if set.record_type == RecordType::Cname
            && beside.iter().any(|other| other.record_type != RecordType::Cname)
        {
            messages.push(format!(
                "RRSet of type CNAME with DNS name {name} is not permitted as it conflicts with other records with \
                 the same DNS name in zone {zone}"
            ));
        }
        let is_new = !self.zone.records.contains_key(&set.key());
        let beside_cname = beside.iter().any(|other| other.record_type == RecordType::Cname);
        if set.record_type != RecordType::Cname && beside_cname && is_new {
            messages.push(format!(
                "RRSet of type {record_type} with DNS name {name} is not permitted because a conflicting RRSet of \
                 type CNAME with the same DNS name already exists in zone {zone}"
            ));
        }
        let same_type = || beside.iter().filter(|other| other.record_type == set.record_type);
        match &set.weighted {
            Some(weighted) => {
                if same_type().any(|other| other.weighted.is_none()) {
                    messages.push(format!(
                        "RRSet with DNS name {name}, type {record_type}, SetIdentifier {} cannot be created as a \
                         non-weighted set exists with the same name and type.",
                        weighted.set_identifier
                    ));
                }
                if is_new && same_type().count() > WEIGHTED_RECORD_SETS_MAX {
                    messages.push(format!(
                        "RRSet with DNS name {name}, type {record_type}, SetIdentifier {} cannot be created as the \
                         limit of {WEIGHTED_RECORD_SETS_MAX} weighted RRSets with the same name and type is exceeded.",
                        weighted.set_identifier
                    ));
                }
            }
            None if same_type().any(|other| other.weighted.is_some()) => messages.push(format!(
                "RRSet with DNS name {name}, type {record_type} cannot be created as other RRSets exist with the \
                 same name and type."
            )),
            None => {}
        }
    }

    /// Whether an alias that is written has a target.
    fn check_alias(
        &self,
        set: &RecordSet,
        target: &AliasTarget,
        load_balancers: &LoadBalancerNames,
        messages: &mut Vec<String>,
    ) {
        let record_type = set.record_type;
        let attempt = format!(
            "Tried to create an alias that targets {}, type {} in zone {}",
            target.name,
            record_type.as_str(),
            target.zone_id
        );
        let within = match target.kind {
            AliasKind::LoadBalancer => {
                canonical_zones::containing(&target.name).is_some_and(|zone| zone.zone_id == target.zone_id)
            }
            AliasKind::RecordSet => target.zone_id == self.zone.id && target.name.is_within(&self.zone.name),
        };
        let found = within
            && match target.kind {
                AliasKind::LoadBalancer => {
                    matches!(record_type, RecordType::A | RecordType::Aaaa)
                        && load_balancers.get(target.name.wire()).is_some()
                }
                AliasKind::RecordSet => {
                    target.name != set.name
                        && !matches!(record_type, RecordType::Ns | RecordType::Soa)
                        && self
                            .record_sets_of(&target.name)
                            .iter()
                            .any(|other| other.record_type == record_type)
                }
            };
        if !within {
            messages
                .push(format!("{attempt}, but the alias target name does not lie within the target zone"));
        }
        if !found {
            messages.push(format!("{attempt}, but that target was not found"));
        }
    }

    /// What must hold for the zone as a whole.
    fn check_zone(&self, messages: &mut Vec<String>) {
        let removes = |record_type: RecordType| {
            let removed = self.edits.sets.iter().any(|(key, set)| {
                set.is_none() && key.record_type == record_type && self.zone.is_required(key)
            });
            removed && !self.record_sets_of(&self.zone.name).iter().any(|set| set.record_type == record_type)
        };
        if removes(RecordType::Soa) {
            messages.push("A HostedZone must contain exactly one SOA record.".to_owned());
        }
        if removes(RecordType::Ns) {
            messages.push("A HostedZone must contain at least one NS record for the zone itself.".to_owned());
        }
        let added = self
            .edits
            .sets
            .iter()
            .filter(|(key, set)| set.is_some() && !self.zone.records.contains_key(*key));
        let removed =
            self.edits.sets.iter().filter(|(key, set)| set.is_none() && self.zone.records.contains_key(*key));
        let (added, removed) = (added.count(), removed.count());
        if added > removed && self.zone.records.len() + added - removed > ZONE_RECORD_SETS_MAX {
            messages.push(format!(
                "Number of RRSets in hosted zone {} would exceed the limit of {ZONE_RECORD_SETS_MAX}.",
                self.zone.id
            ));
        }
    }
}

#[cfg(test)]
#[path = "change_batch_tests.rs"]
mod tests;
