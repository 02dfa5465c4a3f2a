//! One cluster's part of a host's records: A, AAAA and every ownership TXT under one set identifier.

use std::collections::BTreeSet;

use crate::Weight;
use crate::dns::{Ownership, RecordName, RecordSet, RecordType, SetIdentifier, TxtNaming, ZoneRecords};

/// What a zone holds for one host and one set identifier.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WeightedSet {
    /// The set identifier.
    pub set_identifier: SetIdentifier,
    /// The weight, when all parts agree (invariant I10).
    pub weight: Option<Weight>,
    /// Every weight that some part has, lowest first.
    pub weights: Vec<Weight>,
    /// Who keeps it, as its TXT says; `None` = nobody.
    pub owner: Option<String>,
    /// Where its A record points, if it is an alias.
    pub target: Option<String>,
    /// Whether Route 53 leaves it out while its target has no healthy member; `None` = it is no alias.
    pub evaluates_target_health: Option<bool>,
}

/// The address records of one host.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HostRecords {
    /// One per set identifier, in its order.
    pub sets: Vec<WeightedSet>,
    /// Policies of address records that are not weighted: `simple`, `latency`, ...
    pub other_policies: Vec<String>,
}

impl HostRecords {
    /// Reads a host's records from a picture of its zone.
    pub fn of(zone: &ZoneRecords, naming: &TxtNaming, host: &RecordName) -> HostRecords {
        let addresses: Vec<&RecordSet> =
            zone.at(host).iter().filter(|record| record.record_type.is_address()).collect();
        let mut found = HostRecords::default();
        for record in addresses.iter().filter(|record| record.policy() != "weighted") {
            found.other_policies.push(record.policy().to_owned());
        }
        let identifiers: BTreeSet<&SetIdentifier> = addresses
            .iter()
            .filter(|record| record.policy() == "weighted")
            .filter_map(|record| record.set_identifier.as_ref())
            .collect();
        found.sets = identifiers.into_iter().map(|id| mk_set(zone, naming, &addresses, id)).collect();
        found
    }

    /// The set of one cluster.
    pub fn set(&self, set_identifier: &str) -> Option<&WeightedSet> {
        self.sets.iter().find(|set| set.set_identifier.as_str() == set_identifier)
    }
}

fn mk_set(
    zone: &ZoneRecords,
    naming: &TxtNaming,
    addresses: &[&RecordSet],
    set_identifier: &SetIdentifier,
) -> WeightedSet {
    let mine: Vec<&&RecordSet> =
        addresses.iter().filter(|record| record.set_identifier.as_ref() == Some(set_identifier)).collect();
    let mut weights: BTreeSet<Weight> = mine.iter().filter_map(|record| record.weight).collect();
    let mut owner = None;
    for record in &mine {
        for name in naming.readable_names(record) {
            let Some(txt) = zone.get(&name, &RecordType::Txt, Some(set_identifier)) else { continue };
            let Some(ownership) = Ownership::of(txt) else { continue };
            weights.extend(txt.weight);
            owner = owner.or_else(|| ownership.owner().map(ToOwned::to_owned));
        }
    }
    let target = mine.iter().find_map(|record| record.alias.as_ref());
    WeightedSet {
        set_identifier: set_identifier.clone(),
        weight: if weights.len() == 1 { weights.first().copied() } else { None },
        weights: weights.into_iter().collect(),
        owner,
        evaluates_target_health: target.map(|alias| alias.evaluate_target_health),
        target: target.map(|alias| alias.dns_name.without_dot().to_owned()),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]
mod tests {
    use super::*;

    fn mk_record(name: &str, record_type: RecordType, id: Option<&str>, weight: Option<u8>) -> RecordSet {
        let mut record = RecordSet::new(RecordName::parse(name).unwrap(), record_type);
        record.set_identifier = id.map(|id| SetIdentifier::parse(id).unwrap());
        record.weight = weight.map(Weight::new);
        record
    }

    fn mk_zone(txt_weight: u8) -> ZoneRecords {
        let mut txt = mk_record("cname-burnham.example.org", RecordType::Txt, Some("blue"), Some(txt_weight));
        txt.values = vec![
            "\"heritage=external-dns,external-dns/owner=blue,external-dns/resource=ingress/a/b\"".to_owned(),
        ];
        let mut a = mk_record("burnham.example.org", RecordType::A, Some("blue"), Some(100));
        a.alias = Some(crate::dns::Alias {
            dns_name: RecordName::parse("lb.eu-west-1.elb.amazonaws.com").unwrap(),
            hosted_zone_id: "Z32O12XQLNTSW2".to_owned(),
            evaluate_target_health: true,
        });
        let foreign = mk_record("burnham.example.org", RecordType::A, Some("red"), Some(7));
        let zone_name = RecordName::parse("example.org").unwrap();
        ZoneRecords::new("Z1".to_owned(), zone_name, false, vec![a, txt, foreign])
    }

    fn read(zone: &ZoneRecords) -> HostRecords {
        HostRecords::of(zone, &TxtNaming::default(), &RecordName::parse("burnham.example.org").unwrap())
    }

    #[test]
    fn reads_weight_owner_and_target() {
        let records = read(&mk_zone(100));
        let blue = records.set("blue").unwrap();
        assert_eq!((blue.weight, blue.owner.as_deref()), (Some(Weight::new(100)), Some("blue")));
        assert_eq!(blue.target.as_deref(), Some("lb.eu-west-1.elb.amazonaws.com"));
        assert_eq!(blue.evaluates_target_health, Some(true));
        assert_eq!(records.set("red").unwrap().owner, None);
    }

    #[test]
    fn parts_that_disagree_have_no_weight() {
        let records = read(&mk_zone(50));
        let blue = records.set("blue").unwrap();
        assert_eq!((blue.weight, blue.weights.len()), (None, 2));
    }
}
