//! Ownership records follow the records they guard: same set identifier, same weight, same routing, same transaction.
//!
//! All formats that are found are kept in step, whichever are written: ExternalDNS computes what it deletes from the record
//! it guards, and is refused when a TXT record has another weight.

use std::collections::{BTreeMap, BTreeSet};

use super::super::registry::OWNERSHIP_TTL_SECONDS;
use super::super::{
    Action, Change, Finding, Ownership, RecordKey, RecordName, RecordSet, RecordType, ResourceLabel, RowName,
    ZoneRecords,
};
use super::PlanOptions;
use super::conflict::{Surroundings, is_free_for_ownership};
use super::row::{Current, Row, replacement};

/// The changes to the ownership records of a row.
pub(super) fn changes(
    around: Surroundings<'_>,
    row: &Row<'_>,
    deleted: &BTreeSet<RecordKey>,
    findings: &mut Vec<Finding>,
) -> Vec<Change> {
    let Surroundings { zone, options, .. } = around;
    let created = row.create.iter().map(|candidate| (&candidate.record, &candidate.resource));
    let updated = row.update.iter().map(|update| (&update.wanted, &update.resource));
    let mut wanted: BTreeMap<RecordName, RecordSet> = BTreeMap::new();
    for (record, resource) in created.chain(updated) {
        for txt_name in names(around, row, (record, resource), deleted, findings) {
            wanted
                .entry(txt_name.clone())
                .or_insert_with(|| ownership_record(txt_name, record, resource, options));
        }
    }
    let kept: BTreeSet<RecordKey> = row.keep.iter().flat_map(|c| &c.txts).map(|txt| txt.key()).collect();
    let mut changes = Vec::new();
    for record in wanted.values().filter(|record| !kept.contains(&record.key())) {
        changes.extend(change_to(zone, record, options));
    }
    let replaced = row.update.iter().map(|update| &update.current);
    let unguarded: BTreeMap<RecordKey, &RecordSet> = row
        .delete
        .iter()
        .chain(replaced)
        .flat_map(|current: &Current<'_>| &current.txts)
        .filter(|txt| !wanted.contains_key(&txt.name))
        .map(|txt| (txt.key(), *txt))
        .filter(|(key, _)| !kept.contains(key))
        .collect();
    if options.policy.allows_delete() {
        changes.extend(unguarded.into_values().map(|txt| Change::new(Action::Delete, txt.clone())));
    }
    changes
}

/// Where ownership is written, and where else it is found.
fn names(
    around: Surroundings<'_>,
    row: &Row<'_>,
    (record, resource): (&RecordSet, &ResourceLabel),
    deleted: &BTreeSet<RecordKey>,
    findings: &mut Vec<Finding>,
) -> BTreeSet<RecordName> {
    let options = around.options;
    let mut names = BTreeSet::new();
    for txt_name in options.txt_naming.written_names(record) {
        if is_free_for_ownership(around, &txt_name, record, resource, deleted) {
            names.insert(txt_name);
        } else {
            findings.push(Finding::TxtNameTaken { row: row.name.clone(), txt_name });
        }
    }
    let found = row
        .update
        .iter()
        .filter(|update| update.wanted.record_type == record.record_type)
        .flat_map(|update| &update.current.txts)
        .map(|txt| txt.name.clone());
    let readable = options.txt_naming.readable_names(record);
    names.extend(found.filter(|name| readable.contains(name)));
    names
}

fn ownership_record(
    txt_name: RecordName,
    guarded: &RecordSet,
    resource: &ResourceLabel,
    options: &PlanOptions,
) -> RecordSet {
    let mut txt = RecordSet::new(txt_name, RecordType::Txt);
    txt.set_identifier.clone_from(&guarded.set_identifier);
    txt.weight = guarded.weight;
    txt.routing = guarded.routing.clone();
    txt.health_check_id.clone_from(&guarded.health_check_id);
    txt.ttl_seconds = Some(OWNERSHIP_TTL_SECONDS);
    txt.values = vec![Ownership::new(&options.owner, resource).to_value()];
    txt
}

/// What makes the zone hold `wanted`, keeping TTL and further labels of what is there.
fn change_to(zone: &ZoneRecords, wanted: &RecordSet, options: &PlanOptions) -> Vec<Change> {
    let Some(present) = zone.get(&wanted.name, &RecordType::Txt, wanted.set_identifier.as_ref()) else {
        return vec![Change::new(Action::Create, wanted.clone())];
    };
    let Some(mut ownership) = Ownership::of(present) else { return Vec::new() };
    let resource = Ownership::of(wanted).and_then(|o| o.resource());
    let mut wanted = wanted.clone();
    wanted.ttl_seconds = present.ttl_seconds;
    if ownership.resource() == resource {
        wanted.values.clone_from(&present.values);
    } else if let Some(resource) = &resource {
        ownership.set(&options.owner, resource);
        wanted.values = vec![ownership.to_value()];
    }
    if present.is_equivalent(&wanted) {
        return Vec::new();
    }
    let needs_delete = present.policy() != wanted.policy();
    replacement(present, wanted, needs_delete)
}

/// Ownership records of ours that guard nothing under any reading of their names: what is left when somebody deletes a record
/// by hand.
pub(super) fn leftovers(
    zone: &ZoneRecords,
    rows: &[Row<'_>],
    changes: &BTreeMap<RecordName, Vec<Change>>,
    options: &PlanOptions,
) -> Vec<(RecordName, Change)> {
    let guarding = rows.iter().flat_map(|row| {
        let updated = row.update.iter().map(|update| &update.current);
        updated.chain(&row.delete).chain(&row.keep).flat_map(|current| &current.txts).map(|txt| txt.key())
    });
    let changed = changes.values().flatten().map(|change| change.record.key());
    let accounted: BTreeSet<RecordKey> = guarding.chain(changed).collect();
    let asked_for: BTreeSet<&RowName> = rows.iter().map(|row| &row.name).collect();
    let is_leftover = |txt: &&RecordSet| {
        let is_ours = Ownership::of(txt).is_some_and(|o| o.owner() == Some(options.owner.as_str()));
        is_ours && !accounted.contains(&txt.key())
    };
    let mut leftovers = Vec::new();
    for txt in zone.iter().filter(is_leftover) {
        let guarded_names = options.txt_naming.guarded_names(&txt.name);
        let is_record =
            |r: &RecordSet| r.record_type != RecordType::Txt && r.set_identifier == txt.set_identifier;
        let guards_something = guarded_names.iter().any(|name| {
            let row = RowName { name: name.clone(), set_identifier: txt.set_identifier.clone() };
            zone.at(name).iter().any(is_record) || asked_for.contains(&row)
        });
        if let (false, Some(owned_name)) = (guards_something, guarded_names.into_iter().next()) {
            leftovers.push((owned_name, Change::new(Action::Delete, txt.clone())));
        }
    }
    leftovers
}
