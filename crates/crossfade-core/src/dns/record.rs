//! Record sets and changes to them, as ChangeResourceRecordSets knows them.
//!
//! A record set holds everything Route 53 would need to write it again: a DELETE has to repeat every value exactly. Routing
//! policies other than weights are kept as properties that the plan compares but never interprets.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{RecordError, RecordName};
use crate::Weight;

/// Route 53 API, ResourceRecordSet.SetIdentifier: "Length Constraints: Minimum length of 1. Maximum length of 128".
const SET_IDENTIFIER_CHARACTERS_MAX: usize = 128;
/// An owner id shares one TXT string of at most 255 octets with the resource; no real one comes near.
const OWNER_ID_CHARACTERS_MAX: usize = 128;

/// Who keeps a record: the `txt-owner-id` of a DNS controller.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct OwnerId(String);

/// What tells the record sets of one name and type apart: by convention the cluster's name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SetIdentifier(String);

/// The Kubernetes object that a record comes from: `ingress/team-burnham/burnham-ingress`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ResourceLabel(pub String);

impl ResourceLabel {
    /// The label of an object; `kind` in lower case.
    pub fn of(kind: &str, namespace: &str, name: &str) -> Self {
        ResourceLabel(format!("{kind}/{namespace}/{name}"))
    }
}

impl fmt::Display for ResourceLabel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

macro_rules! checked_text {
    ($type:ident, $is_valid:expr, $error:expr) => {
        impl $type {
            /// Reads one, refusing what Route 53 or a TXT value cannot hold.
            pub fn parse(text: &str) -> Result<Self, RecordError> {
                if $is_valid(text) { Ok($type(text.to_owned())) } else { Err($error(text.to_owned())) }
            }

            /// The text itself.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl FromStr for $type {
            type Err = RecordError;

            fn from_str(text: &str) -> Result<Self, RecordError> {
                $type::parse(text)
            }
        }

        impl TryFrom<String> for $type {
            type Error = RecordError;

            fn try_from(text: String) -> Result<Self, RecordError> {
                $type::parse(&text)
            }
        }

        impl From<$type> for String {
            fn from(value: $type) -> String {
                value.0
            }
        }
    };
}

checked_text!(
    OwnerId,
    |text: &str| {
        let is_plain = |c: char| !c.is_whitespace() && !c.is_control() && !",\"=\\".contains(c);
        (1..=OWNER_ID_CHARACTERS_MAX).contains(&text.chars().count()) && text.chars().all(is_plain)
    },
    |text| RecordError::OwnerId { text }
);
checked_text!(
    SetIdentifier,
    |text: &str| (1..=SET_IDENTIFIER_CHARACTERS_MAX).contains(&text.chars().count()),
    |text| RecordError::SetIdentifier { text }
);

/// The type of a record set. Types that crossfade never writes are kept by name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub enum RecordType {
    /// IPv4 addresses, or an alias.
    A,
    /// IPv6 addresses, or an alias.
    Aaaa,
    /// Another name.
    Cname,
    /// Texts: ownership, and what others put there.
    Txt,
    /// Name servers of a zone.
    Ns,
    /// Start of authority.
    Soa,
    /// Any other type, as Route 53 writes it.
    Other(String),
}

impl RecordType {
    /// As Route 53 writes it.
    pub fn as_str(&self) -> &str {
        match self {
            RecordType::A => "A",
            RecordType::Aaaa => "AAAA",
            RecordType::Cname => "CNAME",
            RecordType::Txt => "TXT",
            RecordType::Ns => "NS",
            RecordType::Soa => "SOA",
            RecordType::Other(name) => name,
        }
    }

    /// It leads to an address: A, AAAA and CNAME.
    pub fn is_address(&self) -> bool {
        matches!(self, RecordType::A | RecordType::Aaaa | RecordType::Cname)
    }
}

impl From<&str> for RecordType {
    fn from(text: &str) -> Self {
        match text.to_ascii_uppercase().as_str() {
            "A" => RecordType::A,
            "AAAA" => RecordType::Aaaa,
            "CNAME" => RecordType::Cname,
            "TXT" => RecordType::Txt,
            "NS" => RecordType::Ns,
            "SOA" => RecordType::Soa,
            other => RecordType::Other(other.to_owned()),
        }
    }
}

impl From<String> for RecordType {
    fn from(text: String) -> Self {
        RecordType::from(text.as_str())
    }
}

impl From<RecordType> for String {
    fn from(record_type: RecordType) -> String {
        record_type.as_str().to_owned()
    }
}

impl fmt::Display for RecordType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Where an alias record set points.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Alias {
    /// The name of the load balancer, or of another record set of the zone.
    pub dns_name: RecordName,
    /// The zone that `dns_name` lies in, without `/hostedzone/`.
    pub hosted_zone_id: String,
    /// Whether an unhealthy target takes the record set out of the answers.
    pub evaluate_target_health: bool,
}

/// Routing attributes besides the weight, by ExternalDNS's property names (`aws/region`, `aws/failover`, …).
///
/// The plan compares them and never reads them, so that a policy which crossfade does not know is not misread as simple.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RoutingProperties(pub BTreeMap<String, String>);

impl RoutingProperties {
    /// Latency routing.
    pub const REGION: &str = "aws/region";
    /// `PRIMARY` or `SECONDARY`.
    pub const FAILOVER: &str = "aws/failover";
    /// Several healthy values in one answer; the property's presence means yes, its value is empty.
    pub const MULTI_VALUE_ANSWER: &str = "aws/multi-value-answer";
    /// Geolocation by continent.
    pub const CONTINENT_CODE: &str = "aws/geolocation-continent-code";
    /// Geolocation by country, `*` for the default.
    pub const COUNTRY_CODE: &str = "aws/geolocation-country-code";
    /// Geolocation by part of a country.
    pub const SUBDIVISION_CODE: &str = "aws/geolocation-subdivision-code";
    /// Geoproximity by AWS region.
    pub const GEOPROXIMITY_REGION: &str = "aws/geoproximity-region";
    /// Geoproximity by local zone group.
    pub const GEOPROXIMITY_LOCAL_ZONE_GROUP: &str = "aws/geoproximity-local-zone-group";
    /// Geoproximity by `latitude,longitude`.
    pub const GEOPROXIMITY_COORDINATES: &str = "aws/geoproximity-coordinates";
    /// Geoproximity: -99 to 99.
    pub const GEOPROXIMITY_BIAS: &str = "aws/geoproximity-bias";
    /// CIDR routing: collection. ExternalDNS has no name for it.
    pub const CIDR_COLLECTION_ID: &str = "aws/cidr-collection-id";
    /// CIDR routing: location.
    pub const CIDR_LOCATION: &str = "aws/cidr-location";
    /// Made by a traffic policy; such a record set is changed through the policy only.
    pub const TRAFFIC_POLICY_INSTANCE_ID: &str = "aws/traffic-policy-instance-id";
    /// A weight that is none (outside 0 to 255). Route 53 has no such record sets, imitations do.
    pub const UNREADABLE_WEIGHT: &str = "aws/weight";

    /// True when no attribute is there.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The policies that the attributes belong to: `region`, `geolocation`, …
    pub(super) fn policies(&self) -> BTreeSet<&str> {
        const OF_SEVERAL_ATTRIBUTES: [&str; 3] = ["geolocation", "geoproximity", "cidr"];
        fn policy(name: &str) -> &str {
            let attribute = name.strip_prefix("aws/").unwrap_or(name);
            OF_SEVERAL_ATTRIBUTES
                .into_iter()
                .find(|policy| attribute.starts_with(policy))
                .unwrap_or(attribute)
        }
        self.0.keys().map(|name| policy(name)).collect()
    }
}

/// Everything Route 53 holds under one name, type and set identifier.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordSet {
    /// The record's name.
    pub name: RecordName,
    /// Its type.
    pub record_type: RecordType,
    /// `None` for simple routing.
    pub set_identifier: Option<SetIdentifier>,
    /// `None` unless the policy is weighted.
    pub weight: Option<Weight>,
    /// `None` for an alias, which has the TTL of its target.
    pub ttl_seconds: Option<u32>,
    /// As Route 53 writes them: TXT values with their quotes. Empty for an alias.
    pub values: Vec<String>,
    /// Where an alias points.
    pub alias: Option<Alias>,
    /// Every other routing policy, uninterpreted.
    pub routing: RoutingProperties,
    /// A health check that gates the answer.
    pub health_check_id: Option<String>,
}

impl RecordSet {
    /// A set with nothing in it but its key.
    pub fn new(name: RecordName, record_type: RecordType) -> Self {
        RecordSet {
            name,
            record_type,
            set_identifier: None,
            weight: None,
            ttl_seconds: None,
            values: Vec::new(),
            alias: None,
            routing: RoutingProperties::default(),
            health_check_id: None,
        }
    }

    /// `simple`, `weighted` or the name of the other policy. Route 53 allows one per name and type.
    pub fn policy(&self) -> &str {
        match (&self.weight, self.routing.policies().first().copied(), &self.set_identifier) {
            (Some(_), _, _) => "weighted",
            (None, Some(policy), _) => policy,
            (None, None, None) => "simple",
            (None, None, Some(_)) => "unknown",
        }
    }

    /// Whether Route 53 would answer the same for both: order of values, case of names and spelling of addresses aside.
    pub fn is_equivalent(&self, other: &RecordSet) -> bool {
        self.name == other.name
            && self.record_type == other.record_type
            && self.set_identifier == other.set_identifier
            && self.weight == other.weight
            && self.ttl_seconds == other.ttl_seconds
            && self.alias == other.alias
            && self.routing == other.routing
            && self.health_check_id == other.health_check_id
            && normal_values(&self.record_type, &self.values)
                == normal_values(&other.record_type, &other.values)
    }
}

fn normal_values(record_type: &RecordType, values: &[String]) -> Vec<String> {
    let mut normal: Vec<String> = values.iter().map(|value| normal_value(record_type, value)).collect();
    normal.sort_unstable();
    normal
}

fn normal_value(record_type: &RecordType, value: &str) -> String {
    match record_type {
        RecordType::A | RecordType::Aaaa => {
            value.parse::<std::net::IpAddr>().map_or_else(|_| value.to_ascii_lowercase(), |ip| ip.to_string())
        }
        RecordType::Cname | RecordType::Ns => {
            RecordName::parse(value).map_or_else(|_| value.to_ascii_lowercase(), String::from)
        }
        _ => value.to_owned(),
    }
}

/// What to do with a record set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Action {
    /// Fails when the set exists with other values.
    Create,
    /// Fails unless every value is repeated exactly.
    Delete,
    /// Creates or replaces.
    Upsert,
}

impl Action {
    /// As Route 53 and ExternalDNS's log write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Action::Create => "CREATE",
            Action::Delete => "DELETE",
            Action::Upsert => "UPSERT",
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// One change of a batch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// What to do.
    pub action: Action,
    /// With which record set.
    pub record: RecordSet,
}

impl Change {
    /// A change.
    pub fn new(action: Action, record: RecordSet) -> Self {
        Change { action, record }
    }
}
