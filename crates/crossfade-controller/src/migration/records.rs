//! The actuator `route53`: record sets are the knobs, in a zone that no DNS controller keeps.
//!
//! Which object serves a host is still read from the clusters; which record set is a cluster's is learned from where it
//! points. A batch deletes the sets as they were listed and creates them anew: Route 53 refuses it when somebody was faster.

use std::collections::{BTreeMap, BTreeSet};

use crossfade_aws::{AwsError, ChangeId};
use crossfade_core::dns::{RecordName, ReweighError, TxtNaming, ZoneRecords, reweigh};
use crossfade_core::weighted_set::{HostRecords, WeightedSet};
use crossfade_core::{GroupName, Weight};
use crossfade_kube::groups::Knob;

use crate::migration::world::World;

/// The console writes aliases to load balancers with this prefix; both names are the same load balancer.
const DUALSTACK: &str = "dualstack.";

/// A host's knob for every host of the objects found.
pub(super) fn record_knobs(zone: &ZoneRecords, found: Vec<Knob>) -> Vec<Knob> {
    let of_hosts = found.into_iter().flat_map(|knob| {
        let hosts = knob.hosts.clone();
        hosts.into_iter().map(move |host| (knob.clone(), host))
    });
    of_hosts.map(|(knob, host)| record_knob(zone, &knob, &host)).collect()
}

/// The knob of one host: the record set that points at the object's load balancer.
pub(super) fn record_knob(zone: &ZoneRecords, object: &Knob, host: &str) -> Knob {
    let set = RecordName::parse(host).ok().and_then(|name| {
        let records = HostRecords::of(zone, &TxtNaming::default(), &name);
        let target = object.load_balancer.as_deref()?;
        records.sets.into_iter().find(|set| points_at(set, target))
    });
    let weight = match &set {
        Some(set) => set.weight.ok_or_else(|| "its records disagree about the weight".to_owned()),
        None => Err("no weighted record set points at its load balancer".to_owned()),
    };
    // An annotation would be carried to the zone by somebody, and undo what is written there.
    let kept_by = object.is_weighted().then(|| "the DNS controller that reads its annotations".to_owned());
    Knob {
        group: GroupName(host.to_owned()),
        hosts: vec![host.to_owned()],
        weight,
        set_identifier: set.map(|set| set.set_identifier.as_str().to_owned()),
        weight_keys: Vec::new(),
        kept_by,
        ..object.clone()
    }
}

fn points_at(set: &WeightedSet, load_balancer: &str) -> bool {
    let bare = |name: &str| {
        let name = name.trim_end_matches('.').to_ascii_lowercase();
        name.strip_prefix(DUALSTACK).map_or(name.clone(), ToOwned::to_owned)
    };
    set.target.as_deref().is_some_and(|target| bare(target) == bare(load_balancer))
}

/// Why records were not written.
#[derive(Debug, thiserror::Error)]
pub(super) enum RecordWriteError {
    /// They are not ours to write, or not there any more.
    #[error(transparent)]
    Reweigh(#[from] ReweighError),
    /// Route 53 did not take the batch.
    #[error(transparent)]
    Aws(#[from] AwsError),
}

/// Writes the weights of one group, by set identifier, as they differ from `zone`.
pub(super) async fn write_records(
    world: &World,
    zone: &ZoneRecords,
    group: &GroupName,
    weights: &BTreeMap<String, Weight>,
) -> Result<Option<ChangeId>, RecordWriteError> {
    let Ok(host) = RecordName::parse(&group.0) else { return Ok(None) };
    let owners: &BTreeSet<String> = &world.options.owners;
    let changes = reweigh(zone, &TxtNaming::default(), &host, weights, owners)?;
    let texts: Vec<String> = weights.iter().map(|(set, weight)| format!("{set} {weight}")).collect();
    let comment = format!("crossfade: {group} {}", texts.join(", "));
    let id = world.options.route53.change(&zone.id, &changes, &comment).await?;
    tracing::info!(%group, weights = texts.join(", "), change = %id, "records written");
    Ok(Some(id))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]
mod tests {
    use crossfade_core::dns::{Alias, RecordSet, RecordType, SetIdentifier};
    use crossfade_kube::groups::KnobKind;

    use super::*;

    fn mk_zone(target: &str) -> ZoneRecords {
        let mut record = RecordSet::new(RecordName::parse("a.example.org").unwrap(), RecordType::A);
        record.set_identifier = Some(SetIdentifier::parse("one").unwrap());
        record.weight = Some(Weight::new(100));
        record.alias = Some(Alias {
            dns_name: RecordName::parse(target).unwrap(),
            hosted_zone_id: "Z1".to_owned(),
            evaluate_target_health: false,
        });
        ZoneRecords::new("Z1".into(), RecordName::parse("example.org").unwrap(), false, vec![record])
    }

    fn mk_object() -> Knob {
        Knob {
            group: "ns/web".into(),
            kind: KnobKind::Ingress,
            namespace: "ns".into(),
            name: "web".into(),
            resource_version: "1".into(),
            hosts: vec!["a.example.org".into(), "b.example.org".into()],
            weight: Err("there is no aws-weight annotation".into()),
            weight_keys: Vec::new(),
            set_identifier: None,
            load_balancer: Some("lb-1.eu-west-1.elb.amazonaws.com".into()),
            services: Vec::new(),
            port: 443,
            tls: true,
            app: None,
            kept_by: None,
        }
    }

    #[test]
    fn each_host_is_a_group_whose_set_is_found_by_where_it_points() {
        let zone = mk_zone("dualstack.LB-1.eu-west-1.elb.amazonaws.com");
        let knobs = record_knobs(&zone, vec![mk_object()]);
        assert_eq!(knobs.len(), 2);
        assert_eq!((knobs[0].group.0.as_str(), &knobs[0].weight), ("a.example.org", &Ok(Weight::new(100))));
        assert_eq!(knobs[0].set_identifier.as_deref(), Some("one"));
        assert!(knobs[1].weight.is_err());
    }

    #[test]
    fn an_annotated_object_is_kept_by_a_dns_controller() {
        let object = Knob { set_identifier: Some("blue".into()), ..mk_object() };
        let zone = mk_zone("elsewhere.eu-west-1.elb.amazonaws.com");
        let knob = record_knob(&zone, &object, "a.example.org");
        assert!(knob.kept_by.is_some() && knob.set_identifier.is_none());
    }
}
