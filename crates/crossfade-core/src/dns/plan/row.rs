//! One row of the table: which of its records are ours, and what becomes of each.

use std::collections::BTreeMap;

use super::super::endpoint::Candidate;
use super::super::{
    Action, Change, Desired, Finding, Ownership, RecordName, RecordSet, RecordType, ResourceLabel, RowName,
    ZoneRecords,
};
use super::PlanOptions;

/// Whose a record is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Owner {
    /// Every ownership record found names us.
    Mine {
        /// The object that the record came from.
        resource: Option<ResourceLabel>,
    },
    /// One names somebody else, or there is none.
    Other(Option<String>),
}

/// A record that is there.
#[derive(Clone, Debug)]
pub(super) struct Current<'a> {
    pub record: &'a RecordSet,
    pub owner: Owner,
    /// The ownership records that were found.
    pub txts: Vec<&'a RecordSet>,
}

/// A record of ours that an object asks for.
#[derive(Clone, Debug)]
pub(super) struct Update<'a> {
    pub current: Current<'a>,
    /// The record as it should be; may be equivalent to what is there.
    pub wanted: RecordSet,
    pub resource: ResourceLabel,
}

impl Update<'_> {
    pub(super) fn is_needed(&self) -> bool {
        !self.current.record.is_equivalent(&self.wanted)
    }

    /// Route 53 replaces values by UPSERT, but neither the policy nor the kind (values or alias).
    pub(super) fn needs_delete(&self) -> bool {
        let (old, new) = (self.current.record, &self.wanted);
        old.policy() != new.policy() || old.alias.is_some() != new.alias.is_some()
    }
}

/// A row and what becomes of it.
#[derive(Debug)]
pub(super) struct Row<'a> {
    pub name: RowName,
    pub create: Vec<Candidate>,
    pub update: Vec<Update<'a>>,
    pub delete: Vec<Current<'a>>,
    /// Ours, and left as they are without regard to any wish.
    pub keep: Vec<Current<'a>>,
}

impl Row<'_> {
    pub(super) fn is_own(&self) -> bool {
        !(self.update.is_empty() && self.delete.is_empty() && self.keep.is_empty())
    }

    /// True when an object asks for it and its wish is followed.
    pub(super) fn is_asked_for(&self) -> bool {
        !(self.create.is_empty() && self.update.is_empty())
    }

    /// True when nothing of ours stays.
    pub(super) fn is_deleted(&self) -> bool {
        !self.delete.is_empty() && self.create.is_empty() && self.update.is_empty() && self.keep.is_empty()
    }

    pub(super) fn changes(&self) -> Vec<Change> {
        let mut changes = Vec::new();
        changes.extend(self.delete.iter().map(|current| Change::new(Action::Delete, current.record.clone())));
        changes.extend(
            self.create.iter().map(|candidate| Change::new(Action::Create, candidate.record.clone())),
        );
        for update in self.update.iter().filter(|update| update.is_needed()) {
            changes.extend(replacement(update.current.record, update.wanted.clone(), update.needs_delete()));
        }
        changes
    }
}

/// The changes that put `new` in the place of `old`.
pub(super) fn replacement(old: &RecordSet, new: RecordSet, needs_delete: bool) -> Vec<Change> {
    if needs_delete {
        vec![Change::new(Action::Delete, old.clone()), Change::new(Action::Create, new)]
    } else {
        vec![Change::new(Action::Upsert, new)]
    }
}

/// Decides a row; `None` when it is neither ours nor asked for.
pub(super) fn decide<'a>(
    zone: &'a ZoneRecords,
    name: RowName,
    current: &[&'a RecordSet],
    candidates: Vec<Candidate>,
    desired: &Desired,
    options: &PlanOptions,
    findings: &mut Vec<Finding>,
) -> Option<Row<'a>> {
    let current: Vec<Current<'a>> = current.iter().map(|record| read(zone, record, options)).collect();
    let is_mine = |current: &Current<'_>| matches!(current.owner, Owner::Mine { .. });
    if candidates.is_empty() && !current.iter().any(is_mine) {
        return None;
    }
    let mut row = Row { name, create: Vec::new(), update: Vec::new(), delete: Vec::new(), keep: Vec::new() };
    if let Some((resource, reason)) = current.iter().find_map(|current| hold_on(current, desired)) {
        findings.push(Finding::Held {
            row: row.name.clone(),
            resource: resource.clone(),
            reason: reason.clone(),
        });
        row.keep = current.into_iter().filter(is_mine).collect();
        return Some(row);
    }
    let mut by_type: BTreeMap<RecordType, (Option<Current<'a>>, Vec<Candidate>)> = BTreeMap::new();
    for candidate in without_conflicting_cnames(&row.name, candidates, findings) {
        by_type.entry(candidate.record.record_type.clone()).or_default().1.push(candidate);
    }
    let foreign = current.iter().find_map(|current| match &current.owner {
        Owner::Other(found) => Some(found.clone()),
        Owner::Mine { .. } => None,
    });
    for current in current {
        let record_type = current.record.record_type.clone();
        by_type.entry(record_type).or_default().0 = Some(current);
    }
    for (record_type, (current, candidates)) in by_type {
        match (current, &foreign) {
            (Some(current), _) => decide_current(&mut row, current, candidates, options, findings),
            (None, Some(found)) => {
                findings.push(not_owned(&row.name, record_type, found.clone(), options));
            }
            (None, None) => row.create.extend(choose(&row.name, candidates, None, findings)),
        }
    }
    Some(row)
}

fn decide_current<'a>(
    row: &mut Row<'a>,
    current: Current<'a>,
    candidates: Vec<Candidate>,
    options: &PlanOptions,
    findings: &mut Vec<Finding>,
) {
    let record_type = current.record.record_type.clone();
    let resource = match &current.owner {
        Owner::Mine { resource } => resource.clone(),
        Owner::Other(found) => {
            if !candidates.is_empty() {
                findings.push(not_owned(&row.name, record_type, found.clone(), options));
            }
            return;
        }
    };
    let kept_by_policy =
        |what| Finding::KeptByPolicy { row: row.name.clone(), record_type: record_type.clone(), what };
    let Some(candidate) = choose(&row.name, candidates, resource.as_ref(), findings) else {
        if options.policy.allows_delete() {
            row.delete.push(current);
        } else {
            findings.push(kept_by_policy("delete"));
            row.keep.push(current);
        }
        return;
    };
    let update = update(current, candidate);
    if options.policy.allows_update() {
        row.update.push(update);
        return;
    }
    if update.is_needed() {
        findings.push(kept_by_policy("update"));
    }
    row.keep.push(update.current);
}

fn update(current: Current<'_>, candidate: Candidate) -> Update<'_> {
    let mut wanted = candidate.record;
    let has_values = wanted.alias.is_none() && current.record.alias.is_none();
    if has_values && candidate.ttl_seconds.is_none() {
        wanted.ttl_seconds = current.record.ttl_seconds;
    }
    Update { current, wanted, resource: candidate.resource }
}

/// ExternalDNS's `PerResource`: the object that has the record keeps it, otherwise the least candidate wins.
fn choose(
    row: &RowName,
    mut candidates: Vec<Candidate>,
    current: Option<&ResourceLabel>,
    findings: &mut Vec<Finding>,
) -> Option<Candidate> {
    candidates.sort_by(Candidate::order);
    let keeps = |candidate: &Candidate| Some(&candidate.resource) == current;
    let index = candidates.iter().position(keeps).unwrap_or(0);
    let chosen = if candidates.is_empty() { return None } else { candidates.remove(index) };
    let mut others: Vec<ResourceLabel> = candidates.into_iter().map(|candidate| candidate.resource).collect();
    others.sort_unstable();
    others.dedup();
    others.retain(|other| *other != chosen.resource);
    if !others.is_empty() {
        let finding = Finding::Conflict { row: row.clone(), chosen: chosen.resource.clone(), others };
        if !findings.contains(&finding) {
            findings.push(finding); // once for A and AAAA together
        }
    }
    Some(chosen)
}

/// RFC 1034, 3.6.2: nothing stands beside a CNAME. Of candidates that disagree the CNAMEs are dropped.
fn without_conflicting_cnames(
    row: &RowName,
    candidates: Vec<Candidate>,
    findings: &mut Vec<Finding>,
) -> Vec<Candidate> {
    let is_cname = |candidate: &Candidate| candidate.record.record_type == RecordType::Cname;
    let (cnames, others): (Vec<_>, Vec<_>) = candidates.into_iter().partition(is_cname);
    let Some(chosen) = others.first() else { return cnames };
    if !cnames.is_empty() {
        let others = cnames.into_iter().map(|candidate| candidate.resource).collect();
        findings.push(Finding::Conflict { row: row.clone(), chosen: chosen.resource.clone(), others });
    }
    others
}

fn not_owned(
    row: &RowName,
    record_type: RecordType,
    found: Option<String>,
    options: &PlanOptions,
) -> Finding {
    Finding::NotOwned { row: row.clone(), record_type, found, required: options.owner.clone() }
}

fn hold_on<'d>(
    current: &Current<'_>,
    desired: &'d Desired,
) -> Option<(ResourceLabel, &'d super::super::HoldReason)> {
    let Owner::Mine { resource: Some(resource) } = &current.owner else { return None };
    Some((resource.clone(), desired.hold(resource)?))
}

/// Finds out whose a record is.
pub(super) fn read<'a>(zone: &'a ZoneRecords, record: &'a RecordSet, options: &PlanOptions) -> Current<'a> {
    let mut txts = Vec::new();
    let mut foreign = None;
    let mut resource = None;
    for name in options.txt_naming.readable_names(record) {
        let Some(txt) = zone.get(&name, &RecordType::Txt, record.set_identifier.as_ref()) else { continue };
        let Some(ownership) = Ownership::of(txt) else { continue };
        if guards_another(zone, record, txt, ownership.resource().as_ref(), options) {
            continue;
        }
        if ownership.owner() == Some(options.owner.as_str()) {
            resource = resource.or_else(|| ownership.resource());
            txts.push(txt);
        } else {
            foreign.get_or_insert_with(|| ownership.owner().unwrap_or_default().to_owned());
        }
    }
    let owner = match foreign {
        Some(foreign) => Owner::Other(Some(foreign)),
        None if txts.is_empty() => Owner::Other(None),
        None => Owner::Mine { resource },
    };
    Current { record, owner, txts }
}

/// `a-foo` can be the new name for host `foo` or the legacy name for host `a-foo`, which ExternalDNS up to v0.17 wrote too.
///
/// It is taken for the latter when that host is there, unless it has ownership of its own from another object, or `foo` has
/// a second ownership record. In doubt the record is nobody's: it stays, and the report says so.
pub(super) fn guards_another(
    zone: &ZoneRecords,
    record: &RecordSet,
    txt: &RecordSet,
    resource: Option<&ResourceLabel>,
    options: &PlanOptions,
) -> bool {
    let set_identifier = record.set_identifier.as_ref();
    let Some(legacy_host) = options.txt_naming.legacy_guarded_name(&txt.name) else { return false };
    if legacy_host == record.name {
        return false;
    }
    let Some(other) = zone.get(&legacy_host, &RecordType::A, set_identifier) else { return false };
    let ownership_at =
        |name: &RecordName| zone.get(name, &RecordType::Txt, set_identifier).and_then(Ownership::of);
    let twins: Vec<Ownership> =
        options.txt_naming.readable_names(other).iter().filter_map(ownership_at).collect();
    let is_of_same_object = |twin: &Ownership| twin.resource().as_ref() == resource;
    if !twins.is_empty() && !twins.iter().any(is_of_same_object) {
        return false;
    }
    let is_second = |name: &RecordName| {
        *name != txt.name && ownership_at(name).is_some_and(|second| second.resource().as_ref() == resource)
    };
    let siblings =
        zone.at(&record.name).iter().filter(|sibling| sibling.set_identifier == record.set_identifier);
    twins.is_empty()
        || !siblings.flat_map(|sibling| options.txt_naming.readable_names(sibling)).any(|n| is_second(&n))
}

/// True for ownership records that name us and for records that they guard.
pub(super) fn is_own(zone: &ZoneRecords, record: &RecordSet, options: &PlanOptions) -> bool {
    if record.record_type == RecordType::Txt {
        return Ownership::of(record).is_some_and(|o| o.owner() == Some(options.owner.as_str()));
    }
    matches!(read(zone, record, options).owner, Owner::Mine { .. })
}
