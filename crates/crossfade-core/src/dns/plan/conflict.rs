//! What Route 53 would refuse because of other records under the same name, and what would trespass.
//!
//! ExternalDNS sends such changes in every loop and is refused in every loop. Here they are reported instead, and what would
//! have been deleted to make room for them stays.

use std::collections::{BTreeMap, BTreeSet};

use super::super::{
    BlockReason, Finding, Ownership, RecordKey, RecordName, RecordSet, RecordType, ResourceLabel, RowName,
    ZoneRecords,
};
use super::PlanOptions;
use super::row::{Owner, Row, Update, read};

/// What a name's rows are checked against.
#[derive(Clone, Copy)]
pub(super) struct Surroundings<'a> {
    pub zone: &'a ZoneRecords,
    /// What the groups before this one create. They may be sent in another request, so what they delete is still there.
    pub created: &'a BTreeMap<RecordName, Vec<RecordSet>>,
    /// The rows that objects ask for.
    pub asked: &'a BTreeSet<RowName>,
    pub options: &'a PlanOptions,
}

impl Surroundings<'_> {
    fn at(&self, name: &RecordName, deleted: &BTreeSet<RecordKey>) -> impl Iterator<Item = &RecordSet> {
        let listed = self.zone.at(name).iter().filter(|record| !deleted.contains(&record.key()));
        listed.chain(self.created.get(name).into_iter().flatten())
    }
}

/// The keys of everything that the rows delete, ownership records included.
pub(super) fn deleted_keys(rows: &[Row<'_>]) -> BTreeSet<RecordKey> {
    let deleted = |row: &Row<'_>| {
        let records = row.delete.iter();
        let replaced =
            row.update.iter().filter(|u| u.is_needed() && u.needs_delete()).map(|update| &update.current);
        records
            .chain(replaced)
            .flat_map(|current| std::iter::once(current.record).chain(current.txts.iter().copied()))
            .map(RecordSet::key)
            .collect::<Vec<_>>()
    };
    rows.iter().flat_map(deleted).collect()
}

/// Takes out of the rows of one name what cannot be done.
///
/// Holding a deletion back can stand in the way of another row, so this repeats until nothing changes; each round takes at
/// least one row out, which bounds it.
pub(super) fn settle(around: Surroundings<'_>, rows: &mut [Row<'_>], findings: &mut Vec<Finding>) {
    while let Some((index, resource, reason)) = first_blocked(around, rows) {
        findings.push(Finding::Blocked { row: rows[index].name.clone(), resource: resource.clone(), reason });
        rows[index].create.clear();
        let blocked = &mut rows[index];
        blocked.keep.extend(blocked.update.extract_if(.., |u| u.needs_delete()).map(|update| update.current));
        blocked.keep.append(&mut blocked.delete);
        // The object's records under another set identifier would have made room for this one.
        for row in rows.iter_mut() {
            let is_of_resource =
                |owner: &Owner| matches!(owner, Owner::Mine { resource: Some(r) } if *r == resource);
            row.keep.extend(row.delete.extract_if(.., |current| is_of_resource(&current.owner)));
        }
    }
}

fn first_blocked(around: Surroundings<'_>, rows: &[Row<'_>]) -> Option<(usize, ResourceLabel, BlockReason)> {
    let first = rows.first()?;
    let deleted = deleted_keys(rows);
    // What will be there: everything that stays, then whatever has been let through so far.
    let mut present: Vec<RecordSet> = around.at(&first.name.name, &deleted).cloned().collect();
    for (index, row) in rows.iter().enumerate() {
        let created = row.create.iter().map(|candidate| (&candidate.record, &candidate.resource));
        let replaced = row.update.iter().filter(|u| u.is_needed() && u.needs_delete());
        let replaced = replaced.map(|update: &Update<'_>| (&update.wanted, &update.resource));
        for (record, resource) in created.chain(replaced) {
            let reason =
                refused(around, record, &present).or_else(|| trespass(around, record, resource, &deleted));
            if let Some(reason) = reason {
                return Some((index, resource.clone(), reason));
            }
            present.push(record.clone());
        }
    }
    None
}

/// Why Route 53 would refuse `record` beside what is present under its name.
fn refused(around: Surroundings<'_>, record: &RecordSet, present: &[RecordSet]) -> Option<BlockReason> {
    let Surroundings { zone, options, .. } = around;
    let owner = |other: &RecordSet| {
        let listed = zone.get(&other.name, &other.record_type, other.set_identifier.as_ref())?;
        match read(zone, listed, options).owner {
            Owner::Mine { .. } => Some(options.owner.as_str().to_owned()),
            Owner::Other(owner) => owner,
        }
    };
    present.iter().find_map(|other| {
        if other.record_type == record.record_type {
            (other.policy() != record.policy()).then(|| BlockReason::OtherPolicy {
                record_type: record.record_type.clone(),
                found: other.policy().to_owned(),
                wanted: record.policy().to_owned(),
                owner: owner(other),
            })
        } else {
            let is_cname = |r: &RecordSet| r.record_type == RecordType::Cname;
            (is_cname(other) || is_cname(record)).then(|| BlockReason::OtherType {
                found: other.record_type.clone(),
                wanted: record.record_type.clone(),
                owner: owner(other),
            })
        }
    })
}

/// Why creating `record` would take something from another owner, or leave it without ownership.
fn trespass(
    around: Surroundings<'_>,
    record: &RecordSet,
    resource: &ResourceLabel,
    deleted: &BTreeSet<RecordKey>,
) -> Option<BlockReason> {
    let Surroundings { zone, options, .. } = around;
    for txt_name in options.txt_naming.readable_names(record) {
        let txt = zone.get(&txt_name, &RecordType::Txt, record.set_identifier.as_ref());
        let Some(ownership) = txt.and_then(Ownership::of) else { continue };
        if ownership.owner() != Some(options.owner.as_str()) {
            let found = ownership.owner().unwrap_or_default().to_owned();
            return Some(BlockReason::ForeignOwnership { txt_name, found, required: options.owner.clone() });
        }
    }
    if takes_ownership_from_another(around, record, resource) {
        return Some(BlockReason::TxtNamesTaken { txt_names: vec![record.name.clone()] });
    }
    let mut txt_names = options.txt_naming.written_names(record);
    txt_names.retain(|name| name.is_in(&zone.name));
    if txt_names.is_empty() {
        return Some(BlockReason::NoTxtName);
    }
    let is_free = |name: &RecordName| is_free_for_ownership(around, name, record, resource, deleted);
    (!txt_names.iter().any(is_free)).then_some(BlockReason::TxtNamesTaken { txt_names })
}

/// A new host `a-foo` makes the ownership record of `foo` doubtful when both are of one object (see `guards_another`).
fn takes_ownership_from_another(
    around: Surroundings<'_>,
    record: &RecordSet,
    resource: &ResourceLabel,
) -> bool {
    let Surroundings { zone, options, .. } = around;
    if record.record_type != RecordType::A {
        return false;
    }
    let is_guarded_here = |other: &RecordSet| {
        let current = read(zone, other, options);
        let is_of_object = matches!(&current.owner, Owner::Mine { resource: Some(r) } if r == resource);
        is_of_object && current.txts.iter().any(|txt| txt.name == record.name)
    };
    let mut names = options.txt_naming.guarded_names(&record.name);
    names.retain(|name| *name != record.name);
    let others = names.iter().flat_map(|name| zone.at(name));
    let mut simple =
        others.filter(|other| other.alias.is_none() && other.set_identifier == record.set_identifier);
    simple.any(is_guarded_here)
}

/// True when an ownership record for `record` can stand at `txt_name` and will be read as that.
pub(super) fn is_free_for_ownership(
    around: Surroundings<'_>,
    txt_name: &RecordName,
    record: &RecordSet,
    resource: &ResourceLabel,
    deleted: &BTreeSet<RecordKey>,
) -> bool {
    let Surroundings { zone, options, .. } = around;
    if !txt_name.is_in(&zone.name) {
        return false;
    }
    // A host of the name that this could be the legacy ownership of may take it over (see `guards_another`).
    let legacy_host = options.txt_naming.legacy_guarded_name(txt_name).filter(|host| *host != record.name);
    let is_asked = |host: &RecordName| {
        let set_identifier = record.set_identifier.clone();
        around.asked.contains(&RowName { name: host.clone(), set_identifier })
    };
    if record.alias.is_none() && legacy_host.as_ref().is_some_and(is_asked) {
        return false;
    }
    let other = legacy_host.and_then(|host| zone.get(&host, &RecordType::A, record.set_identifier.as_ref()));
    let takes_over = |other: &RecordSet| match read(zone, other, options).owner {
        _ if deleted.contains(&other.key()) => false,
        Owner::Other(owner) => owner.is_none(),
        // An alias has a second ownership record, for AAAA, that tells the two apart.
        Owner::Mine { resource: of_other } => record.alias.is_none() && of_other.as_ref() == Some(resource),
    };
    if other.is_some_and(takes_over) {
        return false;
    }
    around.at(txt_name, deleted).all(|present| match present.record_type {
        RecordType::Cname => false,
        RecordType::Txt if present.set_identifier == record.set_identifier => {
            Ownership::of(present).is_some_and(|o| o.owner() == Some(options.owner.as_str()))
        }
        RecordType::Txt => present.policy() == record.policy(),
        _ => true,
    })
}
