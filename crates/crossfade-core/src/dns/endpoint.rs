//! What an object asks for, before it is known which record sets of which zone that means.
//!
//! The rules by which an endpoint becomes record sets are ExternalDNS's for Route 53: a target whose name is a load
//! balancer's becomes an alias, and every alias is written for A and AAAA.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::net::IpAddr;

use super::load_balancer_zone::load_balancer_zone_id;
use super::{Alias, RecordName, RecordSet, RecordType, ResourceLabel, RoutingProperties, SetIdentifier};
use crate::Weight;

/// ExternalDNS's TTL for records without one (`provider/aws/aws.go`, `defaultTTL`).
pub(super) const TTL_SECONDS_DEFAULT: u32 = 300;

/// Properties besides weight, by ExternalDNS's names (`alias`, `aws/health-check-id`, …).
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct OtherProperties(pub BTreeMap<String, String>);

impl OtherProperties {
    /// `true` makes an alias to another record of the same zone.
    pub const ALIAS: &str = "alias";
    /// A health check that gates the answer.
    pub const HEALTH_CHECK_ID: &str = "aws/health-check-id";
    /// Whether an unhealthy target takes the record out of the answers.
    pub const EVALUATE_TARGET_HEALTH: &str = "aws/evaluate-target-health";
    /// The zone of the alias target, where it cannot be told from its name.
    pub const TARGET_HOSTED_ZONE: &str = "aws/target-hosted-zone";

    fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// What of it decides on routing.
    fn routing(&self) -> RoutingProperties {
        const NAMES: [&str; 10] = [
            RoutingProperties::REGION,
            RoutingProperties::FAILOVER,
            RoutingProperties::MULTI_VALUE_ANSWER,
            RoutingProperties::CONTINENT_CODE,
            RoutingProperties::COUNTRY_CODE,
            RoutingProperties::SUBDIVISION_CODE,
            RoutingProperties::GEOPROXIMITY_REGION,
            RoutingProperties::GEOPROXIMITY_LOCAL_ZONE_GROUP,
            RoutingProperties::GEOPROXIMITY_COORDINATES,
            RoutingProperties::GEOPROXIMITY_BIAS,
        ];
        let mut routing = RoutingProperties(
            NAMES
                .iter()
                .filter_map(|name| Some(((*name).to_owned(), self.get(name)?.to_owned())))
                .collect::<BTreeMap<_, _>>(),
        );
        if let Some(value) = routing.0.get_mut(RoutingProperties::MULTI_VALUE_ANSWER) {
            value.clear(); // read back from Route 53 as a bare yes
        }
        if routing.policies().contains("geoproximity") {
            // Route 53 fills in a bias of 0; without one here every plan would see a difference.
            routing
                .0
                .entry(RoutingProperties::GEOPROXIMITY_BIAS.to_owned())
                .or_insert_with(|| "0".to_owned());
        }
        routing
    }
}

/// A desired record: "endpoint" in ExternalDNS's words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// The host.
    pub name: RecordName,
    /// A, AAAA, or CNAME for a target that is a name (also when it will be an alias).
    pub record_type: RecordType,
    /// Addresses or names, without trailing dot.
    pub targets: Vec<String>,
    /// `None` when not asked for.
    pub ttl_seconds: Option<u32>,
    /// `None` for simple routing.
    pub set_identifier: Option<SetIdentifier>,
    /// `None` unless weighted routing is asked for.
    pub weight: Option<Weight>,
    /// Everything else that was asked for.
    pub properties: OtherProperties,
    /// The object that asks.
    pub resource: ResourceLabel,
}

impl Endpoint {
    /// At most one endpoint per type for a host and its targets: IPv4 to A, IPv6 to AAAA, anything else to CNAME.
    pub fn for_host(name: &RecordName, targets: &[String], resource: &ResourceLabel) -> Vec<Endpoint> {
        let mut by_type: BTreeMap<RecordType, Vec<String>> = BTreeMap::new();
        for target in targets {
            by_type.entry(target_type(target)).or_default().push(target.clone());
        }
        let endpoint = |(record_type, targets)| Endpoint {
            name: name.clone(),
            record_type,
            targets,
            ttl_seconds: None,
            set_identifier: None,
            weight: None,
            properties: OtherProperties::default(),
            resource: resource.clone(),
        };
        by_type.into_iter().map(endpoint).collect()
    }

    /// Why Route 53 would refuse this endpoint whatever else is in the zone; `None` when it would not.
    ///
    /// ResourceRecordSet: a set identifier and exactly one routing policy come together or not at all.
    pub fn problem(&self) -> Option<String> {
        let routing = self.properties.routing();
        let policies = usize::from(self.weight.is_some()) + routing.policies().len();
        match (&self.set_identifier, policies) {
            (None, 0) | (Some(_), 1) => None,
            (None, _) => {
                Some("a weight or another routing policy needs a set identifier beside it".to_owned())
            }
            (Some(id), 0) => {
                Some(format!("the set identifier `{id}` needs a weight or another routing policy"))
            }
            (Some(_), _) => Some("only one routing policy is possible for a record".to_owned()),
        }
    }

    /// The record sets that this endpoint means in the zone `zone_id`.
    pub(super) fn candidates(&self, zone_id: &str, evaluate_target_health_default: bool) -> Vec<Candidate> {
        let mut record = RecordSet::new(self.name.clone(), self.record_type.clone());
        record.set_identifier.clone_from(&self.set_identifier);
        record.weight = self.weight;
        record.routing = self.properties.routing();
        record.health_check_id = self.properties.get(OtherProperties::HEALTH_CHECK_ID).map(str::to_owned);
        let alias = self.alias(zone_id, evaluate_target_health_default);
        let candidate = |record: RecordSet, ttl_seconds| Candidate {
            targets: record
                .alias
                .as_ref()
                .map_or_else(|| record.values.clone(), |a| vec![a.dns_name.to_string()]),
            record,
            ttl_seconds,
            resource: self.resource.clone(),
        };
        let Some(alias) = alias else {
            record.ttl_seconds = Some(self.ttl_seconds.unwrap_or(TTL_SECONDS_DEFAULT));
            record.values.clone_from(&self.targets);
            if record.record_type == RecordType::Cname {
                // A CNAME has one value. The least, so that the order of a status does not matter.
                record.values.sort_unstable();
                record.values.truncate(1);
            }
            return vec![candidate(record, self.ttl_seconds)];
        };
        record.alias = Some(alias);
        [RecordType::A, RecordType::Aaaa]
            .into_iter()
            .map(|record_type| candidate(RecordSet { record_type, ..record.clone() }, None))
            .collect()
    }

    /// True when the wish for a TTL has no effect.
    pub(super) fn is_alias(&self) -> bool {
        self.alias("", true).is_some()
    }

    fn alias(&self, zone_id: &str, evaluate_target_health_default: bool) -> Option<Alias> {
        if self.record_type != RecordType::Cname {
            return None;
        }
        let target = self.targets.iter().min()?;
        let dns_name = RecordName::parse(target).ok()?;
        let hosted_zone_id = match self.properties.get(OtherProperties::TARGET_HOSTED_ZONE) {
            Some(id) => id.strip_prefix("/hostedzone/").unwrap_or(id).to_owned(),
            None => match (load_balancer_zone_id(&dns_name), self.properties.get(OtherProperties::ALIAS)) {
                (_, Some("false")) => return None,
                (Some(id), _) => id.to_owned(),
                (None, Some("true")) => zone_id.to_owned(),
                (None, _) => return None,
            },
        };
        let evaluate_target_health = match self.properties.get(OtherProperties::EVALUATE_TARGET_HEALTH) {
            Some(text) => text == "true",
            None => evaluate_target_health_default,
        };
        Some(Alias { dns_name, hosted_zone_id, evaluate_target_health })
    }
}

fn target_type(target: &str) -> RecordType {
    match target.parse::<IpAddr>() {
        Ok(IpAddr::V4(_)) => RecordType::A,
        Ok(IpAddr::V6(_)) => RecordType::Aaaa,
        Err(_) => RecordType::Cname,
    }
}

/// A record set that an object asks for.
#[derive(Clone, Debug)]
pub(super) struct Candidate {
    /// The set as it should be.
    pub record: RecordSet,
    /// What was asked for; a record keeps its TTL when nothing was.
    pub ttl_seconds: Option<u32>,
    /// Who asks.
    pub resource: ResourceLabel,
    targets: Vec<String>,
}

impl Candidate {
    /// ExternalDNS's order of candidates: fewer targets first, then the first difference; addresses before names.
    pub(super) fn order(&self, other: &Candidate) -> Ordering {
        let key = |targets: &[String]| {
            let mut keys: Vec<(u8, Option<IpAddr>, String)> = targets
                .iter()
                .map(|target| match target.parse::<IpAddr>() {
                    Ok(ip) => (0, Some(ip), String::new()),
                    Err(_) => (1, None, target.to_ascii_lowercase()),
                })
                .collect();
            keys.sort();
            keys
        };
        self.targets
            .len()
            .cmp(&other.targets.len())
            .then_with(|| key(&self.targets).cmp(&key(&other.targets)))
            .then_with(|| self.resource.cmp(&other.resource))
    }
}

/// Endpoints of several objects that differ in their addresses only become one, as ExternalDNS's sources do it.
///
/// Names do not merge: each is a candidate of its own.
pub(super) fn merged<'a>(endpoints: impl Iterator<Item = &'a Endpoint>) -> Vec<Endpoint> {
    type Key = (
        RecordName,
        RecordType,
        Option<SetIdentifier>,
        Option<u32>,
        Option<Weight>,
        OtherProperties,
        Vec<String>,
    );
    let mut merged: BTreeMap<Key, Endpoint> = BTreeMap::new();
    for endpoint in endpoints {
        let distinct_targets = match endpoint.record_type {
            RecordType::A | RecordType::Aaaa => Vec::new(),
            _ => endpoint.targets.clone(),
        };
        let key = (
            endpoint.name.clone(),
            endpoint.record_type.clone(),
            endpoint.set_identifier.clone(),
            endpoint.ttl_seconds,
            endpoint.weight,
            endpoint.properties.clone(),
            distinct_targets,
        );
        match merged.get_mut(&key) {
            None => {
                let mut first = endpoint.clone();
                first.targets.sort_unstable();
                first.targets.dedup();
                merged.insert(key, first);
            }
            Some(first) => {
                first.targets.extend(endpoint.targets.iter().cloned());
                first.targets.sort_unstable();
                first.targets.dedup();
                if endpoint.resource < first.resource {
                    first.resource = endpoint.resource.clone();
                }
            }
        }
    }
    merged.into_values().collect()
}
