//! Two migrations that would move the same traffic. Their homes may be different clusters, so no name tells them apart.

use std::fmt;

use crate::GroupName;
use crate::migration::{Admitted, Selection};

/// A migration that has not ended, as far as another one that is to begin has to know of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unfinished {
    /// Its name.
    pub name: String,
    /// The context of the cluster that keeps it.
    pub home: String,
    /// Where it stands, for people.
    pub phase: String,
    /// What it moves.
    pub claim: Claim,
}

/// What a migration moves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claim {
    /// It was admitted with these groups, and their hosts.
    Groups(Vec<(GroupName, Vec<String>)>),
    /// It has not begun: whatever it asks for.
    Selected(Selection),
}

impl Claim {
    fn holds(&self, group: &Admitted) -> bool {
        let has_host = |hosts: &[String]| group.hosts.iter().any(|host| hosts.contains(host));
        match self {
            // By hosts as well: one actuator names a group after its Ingress, another after what feeds it.
            Claim::Groups(groups) => {
                groups.iter().any(|(name, hosts)| *name == group.group || has_host(hosts))
            }
            Claim::Selected(Selection::All) => true,
            Claim::Selected(Selection::Groups(names)) => names.contains(&group.group),
            Claim::Selected(Selection::Hosts(hosts)) => has_host(hosts),
        }
    }
}

/// Groups that somebody wants to move and another migration has not let go of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Overlap {
    /// Those groups.
    pub groups: Vec<GroupName>,
    /// The other migration.
    pub other: Unfinished,
}

impl fmt::Display for Overlap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let groups: Vec<&str> = self.groups.iter().map(|group| group.0.as_str()).collect();
        let Unfinished { name, home, phase, .. } = &self.other;
        write!(f, "{}: Migration {name} in {home} has not ended ({phase})", groups.join(", "))
    }
}

/// Every unfinished migration that has any of these groups.
pub fn overlaps(admitted: &[Admitted], others: &[Unfinished]) -> Vec<Overlap> {
    let of_other = |other: &Unfinished| {
        let held = admitted.iter().filter(|group| other.claim.holds(group));
        let groups: Vec<GroupName> = held.map(|group| group.group.clone()).collect();
        (!groups.is_empty()).then(|| Overlap { groups, other: other.clone() })
    };
    others.iter().filter_map(of_other).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn mk(claim: Claim) -> Unfinished {
        Unfinished { name: "green-to-blue".into(), home: "ctx-blue".into(), phase: "Paused".into(), claim }
    }

    fn asked(group: &str, host: &str) -> Admitted {
        Admitted { group: group.into(), hosts: vec![host.to_owned()], weights: BTreeMap::new() }
    }

    #[test]
    fn groups_overlap_by_name_or_host_whatever_feeds_them() {
        let admitted = [asked("team/one", "one"), asked("team/two", "two")];
        let found = |claim: Claim| -> Vec<String> {
            overlaps(&admitted, &[mk(claim)]).iter().map(ToString::to_string).collect()
        };
        let claim = Claim::Groups(vec![("two_route53_weight".into(), vec!["two".into(), "x".into()])]);
        assert_eq!(found(claim), ["team/two: Migration green-to-blue in ctx-blue has not ended (Paused)"]);
        assert!(found(Claim::Groups(vec![("team/three".into(), vec!["three".into()])])).is_empty());
        assert_eq!(found(Claim::Selected(Selection::All)).len(), 1);
        assert!(found(Claim::Selected(Selection::Hosts(vec!["three".into()]))).is_empty());
        assert_eq!(found(Claim::Selected(Selection::Groups(vec!["team/one".into()]))).len(), 1);
    }
}
