//! Zones and wishes in, changes and findings out.
#![expect(clippy::unwrap_used, reason = "a failing test may panic")]

mod properties;
mod scenarios;

use super::super::{
    Action, Alias, Change, ChangeGroup, Desired, Endpoint, Finding, OwnerId, Ownership, RecordName,
    RecordSet, RecordType, ResourceLabel, SetIdentifier, SourceObject, ZoneRecords,
};
use super::{Plan, PlanOptions, plan};
use crate::Weight;

const BLUE_BALANCER: &str = "k8s-burnham-838b6affb4-1.eu-west-1.elb.amazonaws.com";
const GREEN_BALANCER: &str = "k8s-burnham-c27a6f9b57-1.eu-west-1.elb.amazonaws.com";
const HOST: &str = "burnham.example.org";

fn mk_name(text: &str) -> RecordName {
    RecordName::parse(text).unwrap()
}

fn mk_resource(name: &str) -> ResourceLabel {
    ResourceLabel::of("ingress", "team", name)
}

fn mk_options(owner: &str) -> PlanOptions {
    PlanOptions::new(OwnerId::parse(owner).unwrap())
}

fn mk_endpoint(host: &str, target: &str, resource: &str) -> Endpoint {
    Endpoint::for_host(&mk_name(host), &[target.to_owned()], &mk_resource(resource)).remove(0)
}

fn mk_weighted(host: &str, target: &str, resource: &str, set: &str, weight: u8) -> Endpoint {
    let mut endpoint = mk_endpoint(host, target, resource);
    endpoint.set_identifier = Some(SetIdentifier::parse(set).unwrap());
    endpoint.weight = Some(Weight::new(weight));
    endpoint
}

#[expect(clippy::needless_pass_by_value, reason = "callers write the list in place")]
fn mk_desired(endpoints: Vec<Endpoint>) -> Desired {
    let mut desired = Desired::default();
    let mut resources: Vec<ResourceLabel> = endpoints.iter().map(|e| e.resource.clone()).collect();
    resources.dedup();
    for resource in resources {
        let own = endpoints.iter().filter(|e| e.resource == resource).cloned().collect();
        desired.apply(SourceObject::asking(resource, own));
    }
    desired
}

fn mk_zone(records: Vec<RecordSet>) -> ZoneRecords {
    ZoneRecords::new("Z1".to_owned(), mk_name("example.org"), false, records)
}

fn mk_a(host: &str, address: &str) -> RecordSet {
    let mut record = RecordSet::new(mk_name(host), RecordType::A);
    record.ttl_seconds = Some(300);
    record.values = vec![address.to_owned()];
    record
}

fn mk_alias(host: &str, target: &str, set: &str, weight: u8) -> RecordSet {
    let mut record = RecordSet::new(mk_name(host), RecordType::A);
    record.set_identifier = Some(SetIdentifier::parse(set).unwrap());
    record.weight = Some(Weight::new(weight));
    record.alias = Some(Alias {
        dns_name: mk_name(target),
        hosted_zone_id: "Z32O12XQLNTSW2".to_owned(),
        evaluate_target_health: true,
    });
    record
}

fn mk_txt(name: &str, owner: &str, resource: &str, like: &RecordSet) -> RecordSet {
    let mut record = RecordSet::new(mk_name(name), RecordType::Txt);
    record.set_identifier.clone_from(&like.set_identifier);
    record.weight = like.weight;
    record.ttl_seconds = Some(300);
    let owner = OwnerId::parse(owner).unwrap();
    record.values = vec![Ownership::new(&owner, &mk_resource(resource)).to_value()];
    record
}

fn plan_one(zone: &ZoneRecords, desired: &Desired, options: &PlanOptions) -> Plan {
    plan(std::slice::from_ref(zone), desired, options)
}

fn carry_out(zone: &mut ZoneRecords, plan: &Plan) {
    for change in plan.changes() {
        zone.apply(change);
    }
}

/// `ACTION name TYPE set weight`, one line per change.
fn lines(plan: &Plan) -> Vec<String> {
    plan.changes()
        .map(|change| {
            let record = &change.record;
            let mut line = format!("{} {} {}", change.action, record.name.without_dot(), record.record_type);
            if let Some(set) = &record.set_identifier {
                line = format!("{line} {set}");
            }
            match record.weight {
                Some(weight) => format!("{line} {weight}"),
                None => line,
            }
        })
        .collect()
}

fn settled(zone: &mut ZoneRecords, desired: &Desired, options: &PlanOptions) {
    let first = plan_one(zone, desired, options);
    carry_out(zone, &first);
    let second = plan_one(zone, desired, options);
    assert!(second.is_empty(), "not settled: {:#?}", lines(&second));
}

fn blocked(plan: &Plan) -> Vec<String> {
    let is_blocked = |finding: &&Finding| matches!(finding, Finding::Blocked { .. });
    plan.findings.iter().filter(is_blocked).map(Finding::to_string).collect()
}

fn group_names(groups: &[ChangeGroup]) -> Vec<&str> {
    groups.iter().map(|group| group.owned_name.without_dot()).collect()
}
