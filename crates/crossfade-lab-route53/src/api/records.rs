//! Record sets and changes in the API's documents.

use crate::api::document::{Document, Element};
use crate::api::request::ApiRequest;
use crate::change_request::{AliasRequest, ChangeRequest, read_changes};
use crate::error::ApiError;
use crate::name::DnsName;
use crate::record_set::{Content, RecordKey, RecordSet, RecordType};
use crate::store::{ChangeInfo, Store};
use crate::zone::Zone;

/// Page size of `ListResourceRecordSets` when the request names none, and the largest.
const PAGE_DEFAULT: usize = 100;
const PAGE_MAX: usize = 300;
/// Characters of a comment (`ResourceDescription` in the API's model).
pub(crate) const COMMENT_CHARACTERS_MAX: usize = 256;

/// Fields of a record set that mean a kind of routing which the lab does not support.
const UNSUPPORTED: [&str; 7] = [
    "Region",
    "GeoLocation",
    "Failover",
    "MultiValueAnswer",
    "TrafficPolicyInstanceId",
    "CidrRoutingConfig",
    "GeoProximityLocation",
];

/// `ChangeResourceRecordSets`.
pub(crate) fn change(store: &Store, zone: &str, request: &ApiRequest) -> Result<String, ApiError> {
    let root = Element::read(&request.body, "ChangeResourceRecordSetsRequest")?;
    root.only(&["ChangeBatch"])?;
    let batch = root.required_child("ChangeBatch")?;
    batch.only(&["Comment", "Changes"])?;
    let comment = comment_of(batch)?;
    let changes = batch.required_child("Changes")?;
    changes.only(&["Change"])?;
    let requests: Result<Vec<ChangeRequest>, ApiError> = changes.all("Change").map(read_change).collect();
    let requests = requests?;
    if requests.is_empty() {
        return Err(changes_missing());
    }
    // Route 53 looks for the zone before it looks at the changes.
    store.with_zone(zone, |_| ())?;
    let info = store.change_records(zone, read_changes(&requests)?, comment)?;
    Ok(Document::route53("ChangeResourceRecordSetsResponse", |document| write_change_info(document, &info)))
}

/// `GetChange`.
pub(crate) fn get_change(store: &Store, change: &str) -> Result<String, ApiError> {
    let info = store.change(change)?;
    Ok(Document::route53("GetChangeResponse", |document| {
        write_change_info(document, &info);
    }))
}

/// `ListResourceRecordSets`.
pub(crate) fn list(store: &Store, zone: &str, request: &ApiRequest) -> Result<String, ApiError> {
    let max_items = request.max_items(PAGE_DEFAULT, PAGE_MAX)?;
    let start = Start::of(request)?;
    store.with_zone(zone, |zone| {
        let mut sets = page(zone, &start);
        let items: Vec<&RecordSet> = sets.by_ref().take(max_items).collect();
        let next = sets.next();
        Document::route53("ListResourceRecordSetsResponse", |document| {
            document.element("ResourceRecordSets", |document| {
                for set in items {
                    write_record_set(document, set);
                }
            });
            document.boolean("IsTruncated", next.is_some());
            if let Some(next) = next {
                document.leaf("NextRecordName", next.name.to_string());
                document.leaf("NextRecordType", next.record_type.as_str());
                document.optional("NextRecordIdentifier", next.set_identifier());
            }
            document.leaf("MaxItems", max_items.to_string());
        })
    })
}

/// Where a listing begins.
struct Start {
    reversed_name: String,
    record_type: String,
    set_identifier: String,
}

impl Start {
    fn of(request: &ApiRequest) -> Result<Self, ApiError> {
        let invalid = |message: String| ApiError::InvalidInput { message };
        let (name, record_type, set_identifier) =
            (request.parameter("name"), request.parameter("type"), request.parameter("identifier"));
        if record_type.is_some() && name.is_none() {
            return Err(invalid(
                "The input contains a start record type without a start record name.".to_owned(),
            ));
        }
        if set_identifier.is_some() && (name.is_none() || record_type.is_none()) {
            return Err(invalid(
                "The input contains a start record identifier without a start record name and type."
                    .to_owned(),
            ));
        }
        let reversed_name = match name {
            Some(name) => DnsName::parse(name).map_err(|fault| invalid(fault.to_string()))?.reversed(),
            None => String::new(),
        };
        Ok(Self {
            reversed_name,
            record_type: record_type.unwrap_or_default().to_owned(),
            set_identifier: set_identifier.unwrap_or_default().to_owned(),
        })
    }
}

fn page<'a>(zone: &'a Zone, start: &'a Start) -> impl Iterator<Item = &'a RecordSet> {
    let first = RecordKey {
        reversed_name: start.reversed_name.clone(),
        record_type: RecordType::A,
        set_identifier: String::new(),
    };
    zone.records
        .range(first..)
        .skip_while(|(key, _)| {
            key.reversed_name == start.reversed_name
                && (key.record_type.as_str(), key.set_identifier.as_str())
                    < (start.record_type.as_str(), start.set_identifier.as_str())
        })
        .map(|(_, set)| &**set)
}

fn read_change(change: &Element) -> Result<ChangeRequest, ApiError> {
    change.only(&["Action", "ResourceRecordSet"])?;
    let action = change.required("Action")?;
    let set = change.required_child("ResourceRecordSet")?;
    let known =
        ["Name", "Type", "SetIdentifier", "Weight", "TTL", "ResourceRecords", "AliasTarget", "HealthCheckId"];
    set.only(&[&known[..], &UNSUPPORTED[..]].concat())?;
    let values = match set.child("ResourceRecords") {
        Some(records) => {
            records.only(&["ResourceRecord"])?;
            let values: Result<Vec<String>, ApiError> =
                records.all("ResourceRecord").map(|record| record.required("Value")).collect();
            Some(values?)
        }
        None => None,
    };
    Ok(ChangeRequest {
        action,
        name: set.required("Name")?,
        record_type: set.required("Type")?,
        set_identifier: set.text_of("SetIdentifier"),
        weight: set.text_of("Weight"),
        ttl: set.text_of("TTL"),
        values,
        alias: set.child("AliasTarget").map(read_alias).transpose()?,
        health_check_id: set.text_of("HealthCheckId"),
        unsupported: UNSUPPORTED.into_iter().filter(|name| set.child(name).is_some()).collect(),
    })
}

fn read_alias(alias: &Element) -> Result<AliasRequest, ApiError> {
    alias.only(&["HostedZoneId", "DNSName", "EvaluateTargetHealth"])?;
    Ok(AliasRequest {
        zone_id: alias.required("HostedZoneId")?,
        name: alias.required("DNSName")?,
        evaluate_target_health: alias.required("EvaluateTargetHealth")?,
    })
}

/// The comment of a request, checked for its length.
pub(crate) fn comment_of(element: &Element) -> Result<Option<String>, ApiError> {
    let comment = element.text_of("Comment").filter(|text| !text.is_empty());
    match &comment {
        Some(text) if text.chars().count() > COMMENT_CHARACTERS_MAX => {
            Err(ApiError::constraint(text, "comment", "have length less than or equal to 256"))
        }
        _ => Ok(comment),
    }
}

fn changes_missing() -> ApiError {
    ApiError::constraint("[]", "changeBatch.changes", "have length greater than or equal to 1")
}

fn write_record_set(document: &mut Document, set: &RecordSet) {
    document.element("ResourceRecordSet", |document| {
        document.leaf("Name", set.name.to_string());
        document.leaf("Type", set.record_type.as_str());
        if let Some(weighted) = &set.weighted {
            document.leaf("SetIdentifier", &weighted.set_identifier);
            document.leaf("Weight", weighted.weight.to_string());
        }
        match &set.content {
            Content::Values { ttl_seconds, values } => {
                document.leaf("TTL", ttl_seconds.to_string());
                document.element("ResourceRecords", |document| {
                    for value in values {
                        document.element("ResourceRecord", |document| {
                            document.leaf("Value", &value.text);
                        });
                    }
                });
            }
            Content::Alias(target) => document.element("AliasTarget", |document| {
                document.leaf("HostedZoneId", &target.zone_id);
                document.leaf("DNSName", target.name.to_string());
                document.boolean("EvaluateTargetHealth", target.evaluate_target_health);
            }),
        }
    });
}

/// A `ChangeInfo` element.
pub(crate) fn write_change_info(document: &mut Document, info: &ChangeInfo) {
    document.element("ChangeInfo", |document| {
        document.leaf("Id", format!("/change/{}", info.id));
        document.leaf("Status", if info.in_sync { "INSYNC" } else { "PENDING" });
        let submitted_at = info.submitted_at.strftime("%Y-%m-%dT%H:%M:%S.%3fZ");
        document.leaf("SubmittedAt", submitted_at.to_string());
        document.optional("Comment", info.comment.as_deref());
    });
}
