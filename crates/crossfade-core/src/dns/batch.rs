//! Changes in batches that Route 53 accepts as one transaction each.
//!
//! A group (a record with its ownership, for all set identifiers of a name) is never split: half of it would be a record
//! without an owner, or a name without a record.

use super::{Action, Change, ChangeGroup};

/// Limits of one ChangeResourceRecordSets request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchLimits {
    /// Change elements.
    pub changes: usize,
    /// ResourceRecord elements; an UPSERT counts twice.
    pub values: usize,
    /// Characters in Value elements; an UPSERT counts twice.
    pub value_characters: usize,
}

impl BatchLimits {
    /// API reference, ChangeResourceRecordSets, "Change batch limits": 1,000 ResourceRecord elements and 32,000 characters.
    /// The number of changes is bounded as ExternalDNS does it, so that batches stay as readable.
    pub const ROUTE_53: BatchLimits = BatchLimits { changes: 1000, values: 1000, value_characters: 32_000 };
}

/// A group that no request can hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OversizedGroup {
    /// The group, not in any batch.
    pub group: ChangeGroup,
}

#[derive(Clone, Copy, Default)]
struct Size {
    changes: usize,
    values: usize,
    value_characters: usize,
}

impl Size {
    fn of(change: &Change) -> Size {
        let times = if change.action == Action::Upsert { 2 } else { 1 };
        // An alias target counts as one value, as in ExternalDNS, so that our batches are never larger than its.
        let alias_characters = change.record.alias.as_ref().map(|alias| alias.dns_name.as_str().len());
        let values = change.record.values.len() + usize::from(alias_characters.is_some());
        let characters: usize = change.record.values.iter().map(|value| value.chars().count()).sum();
        Size {
            changes: 1,
            values: values * times,
            value_characters: (characters + alias_characters.unwrap_or(0)) * times,
        }
    }

    fn plus(self, other: Size) -> Size {
        Size {
            changes: self.changes + other.changes,
            values: self.values + other.values,
            value_characters: self.value_characters + other.value_characters,
        }
    }

    fn fits(self, limits: BatchLimits) -> bool {
        self.changes <= limits.changes
            && self.values <= limits.values
            && self.value_characters <= limits.value_characters
    }
}

/// Puts groups into as few batches as their order allows. Groups that fit no batch come back by themselves.
pub fn batches(groups: &[ChangeGroup], limits: BatchLimits) -> (Vec<Vec<ChangeGroup>>, Vec<OversizedGroup>) {
    let mut batches: Vec<Vec<ChangeGroup>> = Vec::new();
    let mut oversized = Vec::new();
    let mut current: Vec<ChangeGroup> = Vec::new();
    let mut current_size = Size::default();
    for group in groups.iter().filter(|group| !group.changes.is_empty()) {
        let size = group.changes.iter().map(Size::of).fold(Size::default(), Size::plus);
        if !size.fits(limits) {
            oversized.push(OversizedGroup { group: group.clone() });
            continue;
        }
        if !current.is_empty() && !current_size.plus(size).fits(limits) {
            batches.push(std::mem::take(&mut current));
            current_size = Size::default();
        }
        current.push(group.clone());
        current_size = current_size.plus(size);
    }
    if !current.is_empty() {
        batches.push(current);
    }
    (batches, oversized)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failing test may panic")]

    use super::super::{RecordName, RecordSet, RecordType};
    use super::*;

    fn mk_group(index: usize, action: Action, values: &[&str]) -> ChangeGroup {
        let name = RecordName::parse(&format!("h{index}.ex.com")).unwrap();
        let mut record = RecordSet::new(name.clone(), RecordType::A);
        record.values = values.iter().map(|value| (*value).to_owned()).collect();
        ChangeGroup { owned_name: name, changes: vec![Change::new(action, record)] }
    }

    fn sizes(groups: &[ChangeGroup], limits: BatchLimits) -> Vec<usize> {
        batches(groups, limits).0.iter().map(Vec::len).collect()
    }

    #[test]
    fn counts_upserts_twice() {
        let limits = BatchLimits { changes: 100, values: 4, value_characters: 1000 };
        let of = |action| (0..5).map(|i| mk_group(i, action, &["10.0.0.1"])).collect::<Vec<_>>();
        assert_eq!(sizes(&of(Action::Create), limits), [4, 1]);
        assert_eq!(sizes(&of(Action::Upsert), limits), [2, 2, 1]);
    }

    #[test]
    fn counts_characters_and_changes() {
        let groups: Vec<_> = (0..5).map(|i| mk_group(i, Action::Create, &["10.0.0.1"])).collect();
        assert_eq!(
            sizes(&groups, BatchLimits { changes: 100, values: 100, value_characters: 16 }),
            [2, 2, 1]
        );
        assert_eq!(sizes(&groups, BatchLimits { changes: 3, values: 100, value_characters: 1000 }), [3, 2]);
    }

    #[test]
    fn never_splits_a_group() {
        let mut large = mk_group(1, Action::Create, &["10.0.0.1", "10.0.0.2", "10.0.0.3"]);
        let small = mk_group(0, Action::Create, &["10.0.0.1"]);
        let limits = BatchLimits { changes: 100, values: 3, value_characters: 1000 };
        assert_eq!(sizes(&[small.clone(), large.clone()], limits), [1, 1]);
        large.changes.extend(small.changes.clone());
        let (batches, oversized) = batches(&[small.clone(), large.clone()], limits);
        assert_eq!(batches, vec![vec![small]]);
        assert_eq!(oversized, vec![OversizedGroup { group: large }]);
    }
}
