//! From what a zone holds and what the objects ask for to the changes between the two.
//!
//! The table is ExternalDNS's: a row is a name and a set identifier, with one current record and any number of candidates per
//! type. Rows are decided one by one (`row`), deletions are weighed all together (below), then each name is checked
//! against everything else that is there under it (`conflict`), and ownership records follow (`ownership`).
//!
//! **Invariant:** a record set whose TXT record names another owner, or that has none, is never in a change.

mod conflict;
mod ownership;
mod row;

use std::collections::{BTreeMap, BTreeSet};

use super::endpoint::{Candidate, merged};
use super::{
    Action, Change, Desired, Endpoint, Finding, OwnerId, RecordName, RecordSet, RecordType, ResourceLabel,
    RowName, TxtNaming, ZoneRecords,
};
use row::{Owner, Row};

/// A plan may delete this many rows that no source has let go, whatever their share: a cluster with a handful of hosts would
/// otherwise be stuck after every clean-up made while the controller was down.
const UNEXPLAINED_DELETIONS_MIN: usize = 5;

/// Which changes are allowed (`--policy`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    /// All.
    Sync,
    /// No deletions.
    UpsertOnly,
    /// Neither deletions nor updates.
    CreateOnly,
}

impl Policy {
    fn allows_delete(self) -> bool {
        self == Policy::Sync
    }

    fn allows_update(self) -> bool {
        self != Policy::CreateOnly
    }
}

/// What happens when more than half of the own rows (and more than five) would be deleted although no source has let them
/// go one by one: an emptied cluster looks like this, and so does a wrong kubeconfig.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MassDeletionGuard {
    /// The rows stay and are reported.
    Hold,
    /// They are deleted, as ExternalDNS does it.
    Allow,
}

/// What does not change from plan to plan.
#[derive(Clone, Debug)]
pub struct PlanOptions {
    /// Whose records are ours.
    pub owner: OwnerId,
    /// Which changes are allowed.
    pub policy: Policy,
    /// How ownership records are named.
    pub txt_naming: TxtNaming,
    /// Types that we may write.
    pub managed_types: BTreeSet<RecordType>,
    /// Where no annotation says otherwise: whether an alias leaves the answers with its target's health.
    pub evaluate_target_health: bool,
    /// What happens to deletions that nobody has asked for one by one.
    pub mass_deletion: MassDeletionGuard,
}

impl PlanOptions {
    /// ExternalDNS's defaults for an owner, with policy `sync`.
    pub fn new(owner: OwnerId) -> Self {
        PlanOptions {
            owner,
            policy: Policy::Sync,
            txt_naming: TxtNaming::default(),
            managed_types: BTreeSet::from([RecordType::A, RecordType::Aaaa, RecordType::Cname]),
            evaluate_target_health: true,
            mass_deletion: MassDeletionGuard::Hold,
        }
    }
}

/// Changes that go together or not at all: a name's records, for all its set identifiers, and their ownership.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangeGroup {
    /// The name that the records have and the ownership records guard.
    pub owned_name: RecordName,
    /// The changes, in an order that Route 53 accepts.
    pub changes: Vec<Change>,
}

/// What to change in one zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ZonePlan {
    /// The zone's id, without `/hostedzone/`.
    pub zone_id: String,
    /// The zone's name.
    pub zone_name: RecordName,
    /// The changes, by name.
    pub groups: Vec<ChangeGroup>,
}

/// What to change, and what is left alone and why.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// Zones with changes.
    pub zones: Vec<ZonePlan>,
    /// The report.
    pub findings: Vec<Finding>,
    /// How many rows (name and set identifier) are ours before the changes.
    pub own_rows: usize,
}

impl Plan {
    /// True when nothing is to be changed.
    pub fn is_empty(&self) -> bool {
        self.zones.is_empty()
    }

    /// Every change.
    pub fn changes(&self) -> impl Iterator<Item = &Change> {
        self.zones.iter().flat_map(|zone| &zone.groups).flat_map(|group| &group.changes)
    }
}

/// Plans all zones in reach.
///
/// `zones` must be complete pictures, and `desired` must hold everything its sources have: what is missing in either is
/// taken for gone.
pub fn plan(zones: &[ZoneRecords], desired: &Desired, options: &PlanOptions) -> Plan {
    let mut findings: Vec<Finding> = desired.notes().collect();
    let endpoints = merged(desired.endpoints());
    let mut endpoints_by_zone: Vec<Vec<&Endpoint>> = vec![Vec::new(); zones.len()];
    for endpoint in &endpoints {
        let indices = zones_of(zones, &endpoint.name);
        if indices.is_empty() {
            let (name, resource) = (endpoint.name.clone(), endpoint.resource.clone());
            findings.push(Finding::OutsideZones { name, resource });
        }
        for index in indices {
            endpoints_by_zone[index].push(endpoint);
        }
    }
    let mut tables: Vec<Vec<Row<'_>>> = zones
        .iter()
        .zip(&endpoints_by_zone)
        .map(|(zone, endpoints)| table(zone, endpoints, desired, options, &mut findings))
        .collect();
    let own_rows = tables.iter().flatten().filter(|row| row.is_own()).count();
    hold_mass_deletion(&mut tables, own_rows, desired, options, &mut findings);
    let zones = zones
        .iter()
        .zip(tables)
        .map(|(zone, rows)| zone_plan(zone, rows, options, &mut findings))
        .filter(|plan| !plan.groups.is_empty())
        .collect();
    findings.extend(waiting(desired, &findings));
    Plan { zones, findings, own_rows }
}

/// Every private zone that holds the name, and the public one with the longest name.
fn zones_of(zones: &[ZoneRecords], name: &RecordName) -> Vec<usize> {
    let holding = || zones.iter().enumerate().filter(|(_, zone)| name.is_in(&zone.name));
    let public = holding().filter(|(_, zone)| !zone.private).max_by_key(|(_, zone)| zone.name.label_count());
    holding().filter(|(_, zone)| zone.private).chain(public).map(|(index, _)| index).collect()
}

/// The rows of a zone that somebody asks for or that are ours, decided one by one.
fn table<'a>(
    zone: &'a ZoneRecords,
    endpoints: &[&Endpoint],
    desired: &Desired,
    options: &PlanOptions,
    findings: &mut Vec<Finding>,
) -> Vec<Row<'a>> {
    let mut candidates: BTreeMap<RowName, Vec<Candidate>> = BTreeMap::new();
    for endpoint in endpoints {
        let row_name =
            RowName { name: endpoint.name.clone(), set_identifier: endpoint.set_identifier.clone() };
        if let (Some(ttl_seconds), true) = (endpoint.ttl_seconds, endpoint.is_alias()) {
            let (row, resource) = (row_name.clone(), endpoint.resource.clone());
            findings.push(Finding::TtlIgnored { row, ttl_seconds, resource });
        }
        let managed = endpoint
            .candidates(&zone.id, options.evaluate_target_health)
            .into_iter()
            .filter(|candidate| options.managed_types.contains(&candidate.record.record_type));
        candidates.entry(row_name).or_default().extend(managed);
    }
    let mut current: BTreeMap<RowName, Vec<&'a RecordSet>> = BTreeMap::new();
    for record in zone.iter().filter(|record| options.managed_types.contains(&record.record_type)) {
        let row_name = RowName { name: record.name.clone(), set_identifier: record.set_identifier.clone() };
        current.entry(row_name).or_default().push(record);
    }
    let names: BTreeSet<RowName> = current.keys().chain(candidates.keys()).cloned().collect();
    names
        .into_iter()
        .filter_map(|name| {
            let current = current.remove(&name).unwrap_or_default();
            let candidates = candidates.remove(&name).unwrap_or_default();
            row::decide(zone, name, &current, candidates, desired, options, findings)
        })
        .collect()
}

fn hold_mass_deletion(
    tables: &mut [Vec<Row<'_>>],
    own_rows: usize,
    desired: &Desired,
    options: &PlanOptions,
    findings: &mut Vec<Finding>,
) {
    let is_unexplained = |row: &&mut Row<'_>| {
        let was_let_go = |owner: &Owner| match owner {
            Owner::Mine { resource: Some(resource) } => desired.has_let_go(resource),
            _ => false,
        };
        row.is_deleted() && !row.delete.iter().all(|current| was_let_go(&current.owner))
    };
    let unexplained: Vec<&mut Row<'_>> = tables.iter_mut().flatten().filter(is_unexplained).collect();
    let is_mass = unexplained.len() > UNEXPLAINED_DELETIONS_MIN && unexplained.len() * 2 > own_rows;
    if !is_mass || options.mass_deletion == MassDeletionGuard::Allow {
        return;
    }
    let mut rows = Vec::new();
    for row in unexplained {
        row.delete.clear();
        rows.push(row.name.clone());
    }
    findings.push(Finding::MassDeletionHeld { rows, own_rows });
}

fn zone_plan(
    zone: &ZoneRecords,
    mut rows: Vec<Row<'_>>,
    options: &PlanOptions,
    findings: &mut Vec<Finding>,
) -> ZonePlan {
    let mut changes: BTreeMap<RecordName, Vec<Change>> = BTreeMap::new();
    let mut created: BTreeMap<RecordName, Vec<RecordSet>> = BTreeMap::new();
    let asked: BTreeSet<RowName> =
        rows.iter().filter(|row| row.is_asked_for()).map(|row| row.name.clone()).collect();
    // Rows are sorted by name, so those of a name are neighbours.
    for of_name in rows.chunk_by_mut(|a, b| a.name.name == b.name.name) {
        let around = conflict::Surroundings { zone, created: &created, asked: &asked, options };
        conflict::settle(around, of_name, findings);
        let deleted = conflict::deleted_keys(of_name);
        let mut group = Vec::new();
        for row in of_name.iter() {
            group.extend(row.changes());
            group.extend(ownership::changes(around, row, &deleted, findings));
        }
        for record in group.iter().filter(|c| c.action != Action::Delete).map(|change| &change.record) {
            created.entry(record.name.clone()).or_default().push(record.clone());
        }
        changes.insert(of_name[0].name.name.clone(), group);
    }
    if options.policy.allows_delete() {
        for (owned_name, change) in ownership::leftovers(zone, &rows, &changes, options) {
            changes.entry(owned_name).or_default().push(change);
        }
    }
    let groups = changes
        .into_iter()
        .filter(|(_, changes)| !changes.is_empty())
        .map(|(owned_name, changes)| ChangeGroup { owned_name, changes: in_order(changes) })
        .collect::<Vec<_>>();
    assert_only_own(zone, &groups, options);
    ZonePlan { zone_id: zone.id.clone(), zone_name: zone.name.clone(), groups }
}

/// DELETE before CREATE, so that a policy can change in one transaction; then by name and type, so that plans are stable.
fn in_order(mut changes: Vec<Change>) -> Vec<Change> {
    let rank = |action: Action| match action {
        Action::Upsert => 0,
        Action::Delete => 1,
        Action::Create => 2,
    };
    changes.sort_by(|a, b| {
        let key = |c: &Change| (rank(c.action), c.record.key());
        key(a).cmp(&key(b))
    });
    changes
}

/// The invariant of this module, checked where it would be broken.
fn assert_only_own(zone: &ZoneRecords, groups: &[ChangeGroup], options: &PlanOptions) {
    for change in groups.iter().flat_map(|group| &group.changes).filter(|c| c.action != Action::Create) {
        let key = change.record.key();
        let Some(record) = zone.get(&key.name, &key.record_type, key.set_identifier.as_ref()) else {
            continue;
        };
        assert!(row::is_own(zone, record, options), "a plan changes {key:?}, which is not ours");
    }
}

/// Held objects that no row of ours has been reported for.
fn waiting(desired: &Desired, findings: &[Finding]) -> Vec<Finding> {
    let reported: BTreeSet<&ResourceLabel> = findings
        .iter()
        .filter_map(|finding| match finding {
            Finding::Held { resource, .. } => Some(resource),
            _ => None,
        })
        .collect();
    desired
        .held()
        .filter(|(resource, _)| !reported.contains(resource))
        .map(|(resource, reason)| Finding::Waiting { resource: resource.clone(), reason: reason.clone() })
        .collect()
}

#[cfg(test)]
mod tests;
