//! What one name server knows: the hosted zones as of the changes it has taken up, indexed by name.
//!
//! A view only ever changes by whole batches, so no query sees half of one.

use std::collections::HashMap;
use std::sync::Arc;

use crate::name::{DnsName, parent, suffixes};
use crate::record_set::{RecordSet, RecordType};

/// All record sets of one name, grouped by type.
#[derive(Debug, Default)]
pub(crate) struct Node {
    groups: Vec<(RecordType, Vec<Arc<RecordSet>>)>,
}

impl Node {
    /// Groups the record sets of one name; `None` when there are none.
    pub(crate) fn of<'a>(sets: impl Iterator<Item = &'a Arc<RecordSet>>) -> Option<Arc<Self>> {
        let mut groups: Vec<(RecordType, Vec<Arc<RecordSet>>)> = Vec::new();
        for set in sets {
            match groups.iter_mut().find(|(kind, _)| *kind == set.record_type) {
                Some((_, members)) => members.push(Arc::clone(set)),
                None => groups.push((set.record_type, vec![Arc::clone(set)])),
            }
        }
        (!groups.is_empty()).then(|| Arc::new(Self { groups }))
    }

    /// The record sets of one type; empty when there are none.
    pub(crate) fn group(&self, record_type: RecordType) -> &[Arc<RecordSet>] {
        self.groups.iter().find(|(kind, _)| *kind == record_type).map_or(&[], |(_, members)| members)
    }

    /// The record sets of every type, one type after the other.
    pub(crate) fn groups(&self) -> impl Iterator<Item = &[Arc<RecordSet>]> {
        self.groups.iter().map(|(_, members)| &members[..])
    }
}

/// One step from one state of the zones to the next, as the store hands it to every name server.
#[derive(Debug)]
pub(crate) enum ViewChange {
    ZoneCreated {
        zone_id: String,
        apex: DnsName,
        nodes: Vec<(DnsName, Option<Arc<Node>>)>,
    },
    ZoneDeleted {
        zone_id: String,
        apex: DnsName,
    },
    /// New content of names; `None` removes a name.
    Names {
        zone_id: String,
        apex: DnsName,
        nodes: Vec<(DnsName, Option<Arc<Node>>)>,
    },
}

/// All hosted zones.
#[derive(Debug, Default)]
pub(crate) struct View {
    /// Several hosted zones may have the same name. All zones of the lab share four name servers, so the oldest one
    /// answers.
    zones: HashMap<DnsName, Vec<ZoneView>>,
}

impl View {
    /// Takes a change up.
    pub(crate) fn apply(&mut self, change: &ViewChange) {
        match change {
            ViewChange::ZoneCreated { zone_id, apex, nodes } => {
                let mut zone = ZoneView::new(zone_id.clone(), apex.clone());
                zone.set_nodes(nodes);
                self.zones.entry(apex.clone()).or_default().push(zone);
            }
            ViewChange::ZoneDeleted { zone_id, apex } => {
                if let Some(zones) = self.zones.get_mut(apex) {
                    zones.retain(|zone| zone.zone_id != *zone_id);
                    if zones.is_empty() {
                        self.zones.remove(apex);
                    }
                }
            }
            ViewChange::Names { zone_id, apex, nodes } => {
                let zones = self.zones.get_mut(apex).into_iter().flatten();
                for zone in zones.filter(|zone| zone.zone_id == *zone_id) {
                    zone.set_nodes(nodes);
                }
            }
        }
    }

    /// The hosted zone with exactly this apex, in lower-case wire form.
    pub(crate) fn zone_at(&self, apex: &[u8]) -> Option<&ZoneView> {
        self.zones.get(apex)?.first()
    }
}

/// One hosted zone.
#[derive(Debug)]
pub(crate) struct ZoneView {
    zone_id: String,
    pub(crate) apex: DnsName,
    entries: HashMap<DnsName, Entry>,
}

#[derive(Debug, Default)]
struct Entry {
    node: Option<Arc<Node>>,
    /// Names with record sets below this one. A name without record sets of its own exists as long as there are any
    /// (RFC 4592, section 2.2.2: an empty non-terminal).
    descendants: usize,
}

/// What a zone holds at a name.
pub(crate) enum Found<'a> {
    /// Record sets.
    Node(&'a Arc<Node>),
    /// Only names below it.
    EmptyNonTerminal,
    /// Nothing.
    Nothing,
}

impl ZoneView {
    fn new(zone_id: String, apex: DnsName) -> Self {
        Self { zone_id, apex, entries: HashMap::new() }
    }

    /// What the zone holds at a name, in lower-case wire form.
    pub(crate) fn find(&self, wire: &[u8]) -> Found<'_> {
        match self.entries.get(wire) {
            Some(Entry { node: Some(node), .. }) => Found::Node(node),
            Some(_) => Found::EmptyNonTerminal,
            None => Found::Nothing,
        }
    }

    /// The record sets at a name, if it has any.
    pub(crate) fn node(&self, wire: &[u8]) -> Option<&Arc<Node>> {
        self.entries.get(wire)?.node.as_ref()
    }

    fn set_nodes(&mut self, nodes: &[(DnsName, Option<Arc<Node>>)]) {
        for (name, node) in nodes {
            self.set_node(name, node.clone());
        }
    }

    fn set_node(&mut self, name: &DnsName, node: Option<Arc<Node>>) {
        let entry = self.entries.entry(name.clone()).or_default();
        let (was, is) = (entry.node.is_some(), node.is_some());
        entry.node = node;
        self.drop_if_empty(name.wire());
        if was == is || *name == self.apex {
            return;
        }
        for ancestor in suffixes(name.wire()).skip(1) {
            if is {
                let entry = self.entries.entry(DnsName::from_wire(ancestor)).or_default();
                entry.descendants += 1;
            } else {
                if let Some(entry) = self.entries.get_mut(ancestor) {
                    entry.descendants = entry.descendants.saturating_sub(1);
                }
                self.drop_if_empty(ancestor);
            }
            if ancestor == self.apex.wire() || parent(ancestor).is_none() {
                break;
            }
        }
    }

    fn drop_if_empty(&mut self, wire: &[u8]) {
        let empty =
            self.entries.get(wire).is_some_and(|entry| entry.node.is_none() && entry.descendants == 0);
        if empty {
            self.entries.remove(wire);
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests {
    use super::*;
    use crate::record_set::Content;
    use crate::record_value::RecordValue;

    fn name(text: &str) -> DnsName {
        DnsName::parse(text).unwrap()
    }

    fn mk_node(text: &str) -> (DnsName, Option<Arc<Node>>) {
        let set = Arc::new(RecordSet {
            name: name(text),
            record_type: RecordType::A,
            weighted: None,
            content: Content::Values {
                ttl_seconds: 60,
                values: vec![RecordValue::parse(RecordType::A, "10.0.0.1").unwrap()],
            },
        });
        (name(text), Node::of([&set].into_iter()))
    }

    fn exists(view: &View, text: &str) -> &'static str {
        match view.zone_at(name("example.org").wire()).unwrap().find(name(text).wire()) {
            Found::Node(_) => "node",
            Found::EmptyNonTerminal => "empty",
            Found::Nothing => "nothing",
        }
    }

    #[test]
    fn names_between_exist_as_long_as_something_is_below_them() {
        let mut view = View::default();
        view.apply(&ViewChange::ZoneCreated {
            zone_id: "Z1".to_owned(),
            apex: name("example.org"),
            nodes: vec![mk_node("example.org"), mk_node("a.b.example.org"), mk_node("c.b.example.org")],
        });
        assert_eq!(exists(&view, "a.b.example.org"), "node");
        assert_eq!(exists(&view, "b.example.org"), "empty");
        assert_eq!(exists(&view, "x.example.org"), "nothing");
        let remove = |text: &str| ViewChange::Names {
            zone_id: "Z1".to_owned(),
            apex: name("example.org"),
            nodes: vec![(name(text), None)],
        };
        view.apply(&remove("a.b.example.org"));
        assert_eq!(exists(&view, "b.example.org"), "empty");
        view.apply(&remove("c.b.example.org"));
        assert_eq!(exists(&view, "b.example.org"), "nothing");
        assert_eq!(exists(&view, "example.org"), "node");
    }

    #[test]
    fn the_oldest_of_two_zones_with_one_name_answers() {
        let mut view = View::default();
        for zone_id in ["Z1", "Z2"] {
            view.apply(&ViewChange::ZoneCreated {
                zone_id: zone_id.to_owned(),
                apex: name("example.org"),
                nodes: vec![mk_node("example.org")],
            });
        }
        let answers = |view: &View| view.zone_at(name("example.org").wire()).map(|zone| zone.zone_id.clone());
        assert_eq!(answers(&view).as_deref(), Some("Z1"));
        view.apply(&ViewChange::ZoneDeleted { zone_id: "Z1".to_owned(), apex: name("example.org") });
        assert_eq!(answers(&view).as_deref(), Some("Z2"));
    }
}
