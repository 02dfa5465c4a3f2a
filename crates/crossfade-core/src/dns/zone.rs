//! A picture of one hosted zone: what was listed, with our own writes since put in.

use std::collections::BTreeMap;

use super::{Action, Change, RecordName, RecordSet, RecordType, SetIdentifier};

/// What tells the record sets of a zone apart.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecordKey {
    /// The record's name.
    pub name: RecordName,
    /// Its type.
    pub record_type: RecordType,
    /// `None` for simple routing.
    pub set_identifier: Option<SetIdentifier>,
}

impl RecordSet {
    /// The key of this set.
    pub fn key(&self) -> RecordKey {
        RecordKey {
            name: self.name.clone(),
            record_type: self.record_type.clone(),
            set_identifier: self.set_identifier.clone(),
        }
    }

    pub(super) fn has_key_of(&self, other: &RecordSet) -> bool {
        self.record_type == other.record_type
            && self.set_identifier == other.set_identifier
            && self.name == other.name
    }
}

/// The record sets of one hosted zone.
#[derive(Clone, Debug)]
pub struct ZoneRecords {
    /// The zone's id, without `/hostedzone/`.
    pub id: String,
    /// The zone's name.
    pub name: RecordName,
    /// Visible in VPCs only.
    pub private: bool,
    records: BTreeMap<RecordName, Vec<RecordSet>>,
}

impl ZoneRecords {
    /// A picture of what was listed.
    pub fn new(id: String, name: RecordName, private: bool, records: Vec<RecordSet>) -> Self {
        let mut by_name: BTreeMap<RecordName, Vec<RecordSet>> = BTreeMap::new();
        for record in records {
            by_name.entry(record.name.clone()).or_default().push(record);
        }
        ZoneRecords { id, name, private, records: by_name }
    }

    /// Every record set, by name.
    pub fn iter(&self) -> impl Iterator<Item = &RecordSet> {
        self.records.values().flatten()
    }

    /// The names that have record sets, with them.
    pub fn names(&self) -> impl Iterator<Item = (&RecordName, &[RecordSet])> {
        self.records.iter().map(|(name, records)| (name, records.as_slice()))
    }

    /// All record sets of a name.
    pub fn at(&self, name: &RecordName) -> &[RecordSet] {
        self.records.get(name).map_or(&[], Vec::as_slice)
    }

    /// One record set.
    pub fn get(
        &self,
        name: &RecordName,
        record_type: &RecordType,
        set_identifier: Option<&SetIdentifier>,
    ) -> Option<&RecordSet> {
        self.at(name)
            .iter()
            .find(|r| r.record_type == *record_type && r.set_identifier.as_ref() == set_identifier)
    }

    /// How many record sets there are.
    pub fn len(&self) -> usize {
        self.records.values().map(Vec::len).sum()
    }

    /// True when nothing was listed.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// Puts a change into the picture that Route 53 has accepted.
    pub fn apply(&mut self, change: &Change) {
        let at_name = self.records.entry(change.record.name.clone()).or_default();
        at_name.retain(|record| !record.has_key_of(&change.record));
        match change.action {
            Action::Delete => {
                if at_name.is_empty() {
                    self.records.remove(&change.record.name);
                }
            }
            Action::Create | Action::Upsert => at_name.push(change.record.clone()),
        }
    }
}
