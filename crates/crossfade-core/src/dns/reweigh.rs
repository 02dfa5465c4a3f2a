//! New weights for the record sets of one host, as one batch that takes effect as a whole or not at all.
//!
//! Each set is deleted exactly as it was listed and created with its new weight: Route 53 refuses the batch when any of them
//! has changed since, and no name server ever answers from between the two. A, AAAA, CNAME and every ownership TXT change
//! together. A set without an owner, or of an owner that was not named, is never in a batch (invariant I4).

use std::collections::{BTreeMap, BTreeSet};

use super::{Action, Change, Ownership, RecordName, RecordSet, RecordType, TxtNaming, ZoneRecords};
use crate::Weight;

/// Why a host's sets get no new weights.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReweighError {
    /// Nothing to change.
    #[error("{host} has no weighted record set `{set_identifier}`")]
    NoSet {
        /// The host.
        host: RecordName,
        /// The identifier.
        set_identifier: String,
    },
    /// Nobody says whose it is.
    #[error("{host} (set `{set_identifier}`) has no owner")]
    NoOwner {
        /// The host.
        host: RecordName,
        /// The identifier.
        set_identifier: String,
    },
    /// Somebody else's.
    #[error("{host} (set `{set_identifier}`) is owned by `{owner}`")]
    ForeignOwner {
        /// The host.
        host: RecordName,
        /// The identifier.
        set_identifier: String,
        /// Whose it is.
        owner: String,
    },
}

/// The batch that gives the sets of `host` their new weights, by set identifier.
pub fn reweigh(
    zone: &ZoneRecords,
    naming: &TxtNaming,
    host: &RecordName,
    weights: &BTreeMap<String, Weight>,
    owners: &BTreeSet<String>,
) -> Result<Vec<Change>, ReweighError> {
    let mut deletions = Vec::new();
    let mut creations = Vec::new();
    for (set_identifier, weight) in weights {
        for record in parts(zone, naming, host, set_identifier, owners)? {
            let mut created = record.clone();
            created.weight = Some(*weight);
            deletions.push(Change::new(Action::Delete, record.clone()));
            creations.push(Change::new(Action::Create, created));
        }
    }
    deletions.extend(creations);
    Ok(deletions)
}

/// The address records of one set and every TXT that says whose they are.
fn parts<'a>(
    zone: &'a ZoneRecords,
    naming: &TxtNaming,
    host: &RecordName,
    set_identifier: &str,
    owners: &BTreeSet<String>,
) -> Result<Vec<&'a RecordSet>, ReweighError> {
    let set_identifier = set_identifier.to_owned();
    let is_mine = |record: &&RecordSet| {
        record.weight.is_some()
            && record.set_identifier.as_ref().is_some_and(|id| id.as_str() == set_identifier)
    };
    let addresses: Vec<&RecordSet> =
        zone.at(host).iter().filter(|record| record.record_type.is_address()).filter(is_mine).collect();
    if addresses.is_empty() {
        return Err(ReweighError::NoSet { host: host.clone(), set_identifier });
    }
    let mut found = addresses.clone();
    for record in addresses {
        let mut has_owner = false;
        for name in naming.readable_names(record) {
            for txt in zone.at(&name).iter().filter(|txt| txt.record_type == RecordType::Txt).filter(is_mine)
            {
                let Some(owner) = Ownership::of(txt).and_then(|found| found.owner().map(ToOwned::to_owned))
                else {
                    continue;
                };
                if !owners.contains(&owner) {
                    return Err(ReweighError::ForeignOwner { host: host.clone(), set_identifier, owner });
                }
                has_owner = true;
                if !found.iter().any(|known| known.key() == txt.key()) {
                    found.push(txt);
                }
            }
        }
        if !has_owner {
            return Err(ReweighError::NoOwner { host: host.clone(), set_identifier });
        }
    }
    Ok(found)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]
mod tests {
    use super::*;
    use crate::dns::SetIdentifier;

    fn mk(name: &str, record_type: RecordType, id: &str, weight: u8, owner: Option<&str>) -> RecordSet {
        let mut record = RecordSet::new(RecordName::parse(name).unwrap(), record_type);
        record.set_identifier = Some(SetIdentifier::parse(id).unwrap());
        record.weight = Some(Weight::new(weight));
        record.values = owner.map_or(vec!["192.0.2.1".to_owned()], |owner| {
            vec![format!(
                "\"heritage=external-dns,external-dns/owner={owner},external-dns/resource=ingress/a/b\""
            )]
        });
        record
    }

    fn mk_zone(owner: Option<&str>) -> ZoneRecords {
        let mut records = vec![
            mk("a.example.org", RecordType::A, "blue", 100, None),
            mk("a.example.org", RecordType::A, "green", 0, None),
            mk("a.example.org", RecordType::A, "red", 7, None),
            mk("b.example.org", RecordType::A, "blue", 100, None),
        ];
        for id in ["blue", "green"] {
            records.extend(owner.map(|owner| mk("a-a.example.org", RecordType::Txt, id, 100, Some(owner))));
        }
        ZoneRecords::new("Z1".into(), RecordName::parse("example.org").unwrap(), false, records)
    }

    fn run(zone: &ZoneRecords, owners: &[&str]) -> Result<Vec<Change>, ReweighError> {
        let weights = BTreeMap::from([("blue".into(), Weight::new(90)), ("green".into(), Weight::new(10))]);
        let owners = owners.iter().map(|owner| (*owner).to_owned()).collect();
        let host = RecordName::parse("a.example.org").unwrap();
        reweigh(zone, &TxtNaming::default(), &host, &weights, &owners)
    }

    #[test]
    fn both_sets_change_with_their_ownership_in_one_batch() {
        let changes = run(&mk_zone(Some("platform")), &["platform"]).unwrap();
        let deleted = changes.iter().filter(|change| change.action == Action::Delete).count();
        assert_eq!((changes.len(), deleted), (8, 4));
        assert!(changes[..4].iter().all(|change| change.action == Action::Delete), "deletions come first");
        let is_ours = |change: &Change| change.record.set_identifier.as_ref().unwrap().as_str() != "red";
        assert!(changes.iter().all(is_ours));
        let created = changes[4..].iter().map(|change| change.record.weight.unwrap().get());
        assert_eq!(created.collect::<Vec<_>>(), [90, 90, 10, 10]);
    }

    #[test]
    fn other_owners_and_none_are_refused() {
        assert!(matches!(run(&mk_zone(Some("platform")), &["me"]), Err(ReweighError::ForeignOwner { .. })));
        assert!(matches!(run(&mk_zone(None), &["platform"]), Err(ReweighError::NoOwner { .. })));
    }
}
