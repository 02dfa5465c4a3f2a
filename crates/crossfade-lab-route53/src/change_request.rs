//! One `Change` of a request: from the fields that the document holds to a record set that is well formed in itself, or to
//! the errors that Route 53 answers with. Nothing here looks at the zone.

use crate::canonical_zones;
use crate::error::ApiError;
use crate::name::DnsName;
use crate::record_set::{AliasKind, AliasTarget, Content, RecordSet, RecordType, Weighted};
use crate::record_value::RecordValue;

/// `Weight` is 0 to 255 (`ResourceRecordSetWeight` in the API's model).
const WEIGHT_MAX: u64 = 255;
/// `SetIdentifier` has 1 to 128 characters (`ResourceRecordSetIdentifier`).
const SET_IDENTIFIER_CHARACTERS_MAX: usize = 128;
/// `TTL` is 0 to 2,147,483,647 seconds.
const TTL_SECONDS_MAX: u64 = 2_147_483_647;

/// What a change does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Action {
    Create,
    Delete,
    Upsert,
}

/// A change whose record set is well formed.
#[derive(Clone, Debug)]
pub(crate) struct Change {
    pub(crate) action: Action,
    pub(crate) set: RecordSet,
}

/// The fields of a `Change` element, as text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ChangeRequest {
    pub(crate) action: String,
    pub(crate) name: String,
    pub(crate) record_type: String,
    pub(crate) set_identifier: Option<String>,
    pub(crate) weight: Option<String>,
    pub(crate) ttl: Option<String>,
    pub(crate) values: Option<Vec<String>>,
    pub(crate) alias: Option<AliasRequest>,
    pub(crate) health_check_id: Option<String>,
    /// Fields present that the lab does not support: `Failover`, `Region`, ...
    pub(crate) unsupported: Vec<&'static str>,
}

/// The fields of an `AliasTarget` element, as text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct AliasRequest {
    pub(crate) zone_id: String,
    pub(crate) name: String,
    pub(crate) evaluate_target_health: String,
}

/// Reads all changes of a batch. The kinds of fault come in Route 53's order: constraints of single fields, combinations
/// of fields, then names and values, of which all faults are reported at once.
pub(crate) fn read_changes(requests: &[ChangeRequest]) -> Result<Vec<Change>, ApiError> {
    for (index, request) in requests.iter().enumerate() {
        request.check_constraints(index + 1)?;
    }
    let combinations: Vec<String> = requests.iter().filter_map(ChangeRequest::combination_fault).collect();
    if !combinations.is_empty() {
        return Err(ApiError::InvalidInput {
            message: format!("Invalid request: {}", combinations.join(", ")),
        });
    }
    let mut changes = Vec::with_capacity(requests.len());
    let mut messages = Vec::new();
    for request in requests {
        match request.to_change() {
            Ok(change) => changes.push(change),
            Err(faults) => messages.extend(faults),
        }
    }
    if messages.is_empty() { Ok(changes) } else { Err(ApiError::InvalidChangeBatch { messages }) }
}

impl ChangeRequest {
    /// Constraints of single fields; `position` counts from 1, as AWS does.
    fn check_constraints(&self, position: usize) -> Result<(), ApiError> {
        let member = |field: &str| format!("changeBatch.changes.{position}.member.resourceRecordSet.{field}");
        if self.action().is_none() {
            return Err(ApiError::constraint(
                &self.action,
                &format!("changeBatch.changes.{position}.member.action"),
                "satisfy enum value set: [CREATE, DELETE, UPSERT]",
            ));
        }
        if let Some(field) = self.unsupported.first() {
            return Err(ApiError::InvalidInput {
                message: format!(
                    "Invalid request: the crossfade lab does not support {field} (record set {}, type {})",
                    self.name, self.record_type
                ),
            });
        }
        if RecordType::parse(&self.record_type).is_none() {
            let real = ["DS", "HTTPS", "NAPTR", "SPF", "SSHFP", "SVCB", "TLSA"];
            if real.contains(&self.record_type.as_str()) {
                return Err(ApiError::InvalidInput {
                    message: format!(
                        "Invalid request: the crossfade lab does not support records of type {}",
                        self.record_type
                    ),
                });
            }
            return Err(ApiError::constraint(
                &self.record_type,
                &member("type"),
                "satisfy enum value set: [SPF, CAA, DS, TLSA, SSHFP, SVCB, HTTPS, NS, SOA, A, AAAA, CNAME, MX, NAPTR, PTR, SRV, TXT]",
            ));
        }
        if let Some(set_identifier) = &self.set_identifier {
            let characters = set_identifier.chars().count();
            if characters == 0 {
                return Err(ApiError::constraint(
                    set_identifier,
                    &member("setIdentifier"),
                    "have length greater than or equal to 1",
                ));
            }
            if characters > SET_IDENTIFIER_CHARACTERS_MAX {
                return Err(ApiError::constraint(
                    set_identifier,
                    &member("setIdentifier"),
                    "have length less than or equal to 128",
                ));
            }
        }
        check_number(self.weight.as_deref(), &member("weight"), WEIGHT_MAX)?;
        check_number(self.ttl.as_deref(), &member("tTL"), TTL_SECONDS_MAX)?;
        if let Some(alias) = &self.alias
            && !["true", "false"].contains(&alias.evaluate_target_health.as_str())
        {
            return Err(ApiError::constraint(
                &alias.evaluate_target_health,
                &member("aliasTarget.evaluateTargetHealth"),
                "satisfy enum value set: [true, false]",
            ));
        }
        if let Some(id) = &self.health_check_id {
            return Err(ApiError::NoSuchHealthCheck { id: id.clone() });
        }
        Ok(())
    }

    /// What is wrong with the fields together, without the words that stand before all such faults.
    fn combination_fault(&self) -> Option<String> {
        let set_identifier = self.set_identifier.as_deref().unwrap_or("null");
        let place = format!(
            "in Change with [Action={}, Name={}, Type={}, SetIdentifier={set_identifier}]",
            self.action, self.name, self.record_type
        );
        let contents = "[AliasTarget, all of [TTL, and ResourceRecords], or TrafficPolicyInstanceId]";
        let policies = "[Weight, Region, Failover, GeoLocation, MultiValueAnswer, GeoProximityLocation, or \
                        CidrRoutingConfig]";
        let has_values = self.values.as_ref().is_some_and(|values| !values.is_empty());
        let complete = self.ttl.is_some() && has_values;
        if self.alias.is_some() && (self.ttl.is_some() || self.values.is_some()) {
            return Some(format!("Expected exactly one of {contents}, but found more than one {place}"));
        }
        if self.alias.is_none() && !complete {
            return Some(format!("Expected exactly one of {contents}, but found none {place}"));
        }
        match (&self.set_identifier, &self.weight) {
            (None, Some(_)) => Some(format!("Missing field 'SetIdentifier' {place}")),
            (Some(_), None) => Some(format!("Expected exactly one of {policies}, but found none {place}")),
            _ => None,
        }
    }

    /// The change, or all faults of its names and values.
    fn to_change(&self) -> Result<Change, Vec<String>> {
        let mut faults = Vec::new();
        let name = DnsName::parse(&self.name).map_err(|fault| faults.push(fault.to_string()));
        let record_type = RecordType::parse(&self.record_type);
        let content = match &self.alias {
            Some(alias) => alias.to_target().map(Content::Alias),
            None => self.to_values(record_type, &mut faults),
        };
        let content = content.map_err(|fault| faults.push(fault));
        let (Ok(name), Ok(content), Some(record_type), Some(action), true) =
            (name, content, record_type, self.action(), faults.is_empty())
        else {
            return Err(faults);
        };
        let weight = self.weight.as_deref().and_then(|weight| weight.parse().ok());
        let weighted = self
            .set_identifier
            .clone()
            .zip(weight)
            .map(|(set_identifier, weight)| Weighted { set_identifier, weight });
        Ok(Change { action, set: RecordSet { name, record_type, weighted, content } })
    }

    fn to_values(
        &self,
        record_type: Option<RecordType>,
        faults: &mut Vec<String>,
    ) -> Result<Content, String> {
        let texts = self.values.as_deref().unwrap_or_default();
        let mut values: Vec<RecordValue> = Vec::with_capacity(texts.len());
        for text in texts {
            let Some(record_type) = record_type else { break };
            match RecordValue::parse(record_type, text) {
                Ok(value) if values.iter().any(|earlier| earlier.normal == value.normal) => {
                    faults.push(format!("Duplicate Resource Record: '{text}'"));
                }
                Ok(value) => values.push(value),
                Err(fault) => faults.push(fault.to_string()),
            }
        }
        if record_type == Some(RecordType::Cname) && texts.len() > 1 {
            return Err(format!(
                "Invalid Resource Record: 'FATAL problem: RRSetMultipleCNAMEs (A CNAME record set can hold one value \
                 only) encountered with '{}''",
                texts.join(", ")
            ));
        }
        Ok(Content::Values {
            ttl_seconds: self.ttl.as_deref().and_then(|ttl| ttl.parse().ok()).unwrap_or(0),
            values,
        })
    }

    fn action(&self) -> Option<Action> {
        match self.action.as_str() {
            "CREATE" => Some(Action::Create),
            "DELETE" => Some(Action::Delete),
            "UPSERT" => Some(Action::Upsert),
            _ => None,
        }
    }
}

impl AliasRequest {
    fn to_target(&self) -> Result<AliasTarget, String> {
        let name = DnsName::parse(&self.name).map_err(|fault| fault.to_string())?;
        let zone_id = self.zone_id.strip_prefix("/hostedzone/").unwrap_or(&self.zone_id);
        let kind = if canonical_zones::is_canonical(zone_id) {
            AliasKind::LoadBalancer
        } else {
            AliasKind::RecordSet
        };
        Ok(AliasTarget {
            kind,
            zone_id: zone_id.to_owned(),
            name,
            evaluate_target_health: self.evaluate_target_health == "true",
        })
    }
}

fn check_number(text: Option<&str>, member: &str, maximum: u64) -> Result<(), ApiError> {
    let Some(text) = text else { return Ok(()) };
    match text.parse::<i64>() {
        Ok(number) if number < 0 => {
            Err(ApiError::constraint(text, member, "have value greater than or equal to 0"))
        }
        Ok(number) if number.unsigned_abs() > maximum => {
            Err(ApiError::constraint(text, member, &format!("have value less than or equal to {maximum}")))
        }
        Ok(_) => Ok(()),
        Err(_) => Err(ApiError::invalid_xml(format_args!(
            "cvc-datatype-valid.1.2.1: '{text}' is not a valid value for 'integer'."
        ))),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests {
    use super::*;

    fn mk_simple() -> ChangeRequest {
        ChangeRequest {
            action: "CREATE".to_owned(),
            name: "a.example.org".to_owned(),
            record_type: "A".to_owned(),
            ttl: Some("60".to_owned()),
            values: Some(vec!["10.0.0.1".to_owned()]),
            ..ChangeRequest::default()
        }
    }

    fn mk_weighted_alias() -> ChangeRequest {
        ChangeRequest {
            set_identifier: Some("blue".to_owned()),
            weight: Some("100".to_owned()),
            ttl: None,
            values: None,
            alias: Some(AliasRequest {
                zone_id: "Z32O12XQLNTSW2".to_owned(),
                name: "lb-1.eu-west-1.elb.amazonaws.com".to_owned(),
                evaluate_target_health: "true".to_owned(),
            }),
            ..mk_simple()
        }
    }

    fn refusal(request: ChangeRequest) -> (String, String) {
        let error = read_changes(&[request]).unwrap_err();
        (error.code().to_owned(), error.to_string())
    }

    #[test]
    fn accepts_simple_and_weighted_alias() {
        let changes = read_changes(&[mk_simple(), mk_weighted_alias()]).unwrap();
        assert_eq!(changes.len(), 2);
        assert_eq!(changes[1].set.weighted.as_ref().unwrap().weight, 100);
    }

    #[test]
    fn a_weight_needs_a_set_identifier_and_the_other_way_round() {
        let mut request = mk_weighted_alias();
        request.set_identifier = None;
        assert_eq!(
            refusal(request),
            (
                "InvalidInput".to_owned(),
                "Invalid request: Missing field 'SetIdentifier' in Change with [Action=CREATE, Name=a.example.org, \
                 Type=A, SetIdentifier=null]"
                    .to_owned()
            )
        );
        let mut request = mk_weighted_alias();
        request.weight = None;
        let (code, message) = refusal(request);
        assert_eq!(code, "InvalidInput");
        assert!(message.contains("but found none in Change with [Action=CREATE"), "{message}");
    }

    #[test]
    fn weights_end_at_255_and_set_identifiers_at_128_characters() {
        let mut request = mk_weighted_alias();
        request.weight = Some("256".to_owned());
        assert!(refusal(request).1.contains("less than or equal to 255"));
        let mut request = mk_weighted_alias();
        request.set_identifier = Some("x".repeat(129));
        assert!(refusal(request).1.contains("less than or equal to 128"));
        let mut request = mk_weighted_alias();
        request.set_identifier = Some(String::new());
        assert!(refusal(request).1.contains("greater than or equal to 1"));
    }

    #[test]
    fn ttl_is_needed_without_alias_and_refused_with_one() {
        let mut request = mk_simple();
        request.ttl = None;
        assert_eq!(
            refusal(request).1,
            "Invalid request: Expected exactly one of [AliasTarget, all of [TTL, and ResourceRecords], or \
             TrafficPolicyInstanceId], but found none in Change with [Action=CREATE, Name=a.example.org, Type=A, \
             SetIdentifier=null]"
        );
        let mut request = mk_weighted_alias();
        request.ttl = Some("300".to_owned());
        assert!(refusal(request).1.contains("but found more than one in Change with"));
    }

    #[test]
    fn all_bad_values_are_reported_at_once() {
        let mut request = mk_simple();
        request.values = Some(vec!["x".to_owned(), "y".to_owned()]);
        let Err(ApiError::InvalidChangeBatch { messages }) = read_changes(&[request]) else {
            panic!("accepted");
        };
        assert_eq!(messages.len(), 2);
    }

    #[test]
    fn refuses_what_the_lab_does_not_support() {
        let mut request = mk_weighted_alias();
        request.unsupported = vec!["Failover"];
        let (code, message) = refusal(request);
        assert_eq!(code, "InvalidInput");
        assert!(message.contains("lab does not support Failover"), "{message}");
        let mut request = mk_simple();
        request.health_check_id = Some("abc".to_owned());
        assert_eq!(refusal(request).0, "NoSuchHealthCheck");
    }
}
