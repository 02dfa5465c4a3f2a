//! Hosted zones in the API's documents.

use std::collections::BTreeMap;

use crate::api::document::{Document, Element};
use crate::api::records::{comment_of, write_change_info};
use crate::api::request::ApiRequest;
use crate::error::ApiError;
use crate::name::DnsName;
use crate::store::Store;
use crate::zone::Zone;

/// Page size of both listings of zones, default and largest.
const PAGE_MAX: usize = 100;
/// Characters of a caller reference (`Nonce` in the API's model).
const CALLER_REFERENCE_CHARACTERS_MAX: usize = 128;

/// `CreateHostedZone`: the answer, and the zone's id for the `Location` header.
pub(crate) fn create(store: &Store, request: &ApiRequest) -> Result<(String, String), ApiError> {
    let root = Element::read(&request.body, "CreateHostedZoneRequest")?;
    for field in ["VPC", "DelegationSetId"] {
        if root.child(field).is_some() {
            return Err(unsupported(field));
        }
    }
    root.only(&["Name", "CallerReference", "HostedZoneConfig", "HostedZoneFeatures"])?;
    let name = root.required("Name")?;
    let caller_reference = root.required("CallerReference")?;
    let characters = caller_reference.chars().count();
    if characters == 0 || characters > CALLER_REFERENCE_CHARACTERS_MAX {
        return Err(ApiError::constraint(
            &caller_reference,
            "callerReference",
            "have length between 1 and 128",
        ));
    }
    let mut comment = None;
    if let Some(config) = root.child("HostedZoneConfig") {
        if config.text_of("PrivateZone").as_deref() == Some("true") {
            return Err(unsupported("PrivateZone"));
        }
        comment = comment_of(config)?;
    }
    let (zone, info) = store.create_zone(&name, caller_reference, comment)?;
    let document = Document::route53("CreateHostedZoneResponse", |document| {
        write_zone(document, &zone);
        write_change_info(document, &info);
        write_delegation_set(document, &zone);
    });
    Ok((document, zone.id))
}

/// `GetHostedZone`.
pub(crate) fn get(store: &Store, id: &str) -> Result<String, ApiError> {
    store.with_zone(id, |zone| {
        Document::route53("GetHostedZoneResponse", |document| {
            write_zone(document, zone);
            write_delegation_set(document, zone);
        })
    })
}

/// `DeleteHostedZone`.
pub(crate) fn delete(store: &Store, id: &str) -> Result<String, ApiError> {
    let info = store.delete_zone(id)?;
    Ok(Document::route53("DeleteHostedZoneResponse", |document| {
        write_change_info(document, &info);
    }))
}

/// `UpdateHostedZoneComment`.
pub(crate) fn update_comment(store: &Store, id: &str, request: &ApiRequest) -> Result<String, ApiError> {
    let root = Element::read(&request.body, "UpdateHostedZoneCommentRequest")?;
    root.only(&["Comment"])?;
    let comment = comment_of(&root)?;
    store.with_zone_mut(id, |zone| {
        zone.comment = comment;
        Document::route53("UpdateHostedZoneCommentResponse", |document| {
            write_zone(document, zone);
        })
    })
}

/// `GetHostedZoneCount`.
pub(crate) fn count(store: &Store) -> String {
    let count = store.with_zones(BTreeMap::len);
    Document::route53("GetHostedZoneCountResponse", |document| {
        document.leaf("HostedZoneCount", count.to_string());
    })
}

/// `ListHostedZones`, in the order of ids.
pub(crate) fn list(store: &Store, request: &ApiRequest) -> Result<String, ApiError> {
    if request.parameter("delegationsetid").is_some() {
        return Err(unsupported("delegationsetid"));
    }
    let max_items = request.max_items(PAGE_MAX, PAGE_MAX)?;
    let only_private = request.parameter("hostedzonetype") == Some("PrivateHostedZone");
    let marker = request.parameter("marker").unwrap_or_default();
    let document = store.with_zones(|zones| {
        let mut from_marker =
            zones.range(marker.to_owned()..).map(|(_, zone)| zone).filter(|_| !only_private);
        let items: Vec<&Zone> = from_marker.by_ref().take(max_items).collect();
        let next = from_marker.next();
        Document::route53("ListHostedZonesResponse", |document| {
            document.element("HostedZones", |document| {
                for zone in items {
                    write_zone(document, zone);
                }
            });
            document.optional("Marker", request.parameter("marker"));
            document.boolean("IsTruncated", next.is_some());
            document.optional("NextMarker", next.map(|zone| &zone.id));
            document.leaf("MaxItems", max_items.to_string());
        })
    });
    Ok(document)
}

/// `ListHostedZonesByName`, in the order of reversed names, then ids.
pub(crate) fn list_by_name(store: &Store, request: &ApiRequest) -> Result<String, ApiError> {
    let max_items = request.max_items(PAGE_MAX, PAGE_MAX)?;
    let start_id = request.parameter("hostedzoneid");
    let start_name = match request.parameter("dnsname") {
        Some(text) => {
            Some(DnsName::parse(text).map_err(|_| ApiError::InvalidDomainName { name: text.to_owned() })?)
        }
        None if start_id.is_some() => {
            return Err(ApiError::InvalidInput {
                message: "The input contains a hosted zone id without a DNS name.".to_owned(),
            });
        }
        None => None,
    };
    let start =
        (start_name.as_ref().map(DnsName::reversed).unwrap_or_default(), start_id.unwrap_or_default());
    let document = store.with_zones(|zones| {
        let mut ordered: Vec<(String, &Zone)> =
            zones.values().map(|zone| (zone.name.reversed(), zone)).collect();
        ordered.sort_by(|(mine, a), (theirs, b)| (mine, &a.id).cmp(&(theirs, &b.id)));
        let mut from_start = ordered
            .into_iter()
            .skip_while(|(name, zone)| (name.as_str(), zone.id.as_str()) < (start.0.as_str(), start.1))
            .map(|(_, zone)| zone);
        let items: Vec<&Zone> = from_start.by_ref().take(max_items).collect();
        let next = from_start.next();
        Document::route53("ListHostedZonesByNameResponse", |document| {
            document.element("HostedZones", |document| {
                for zone in items {
                    write_zone(document, zone);
                }
            });
            document.optional("DNSName", start_name.as_ref().map(DnsName::to_string));
            document.optional("HostedZoneId", start_id);
            document.boolean("IsTruncated", next.is_some());
            document.optional("NextDNSName", next.map(|zone| zone.name.to_string()));
            document.optional("NextHostedZoneId", next.map(|zone| &zone.id));
            document.leaf("MaxItems", max_items.to_string());
        })
    });
    Ok(document)
}

fn unsupported(field: &str) -> ApiError {
    ApiError::InvalidInput { message: format!("Invalid request: the crossfade lab does not support {field}") }
}

fn write_zone(document: &mut Document, zone: &Zone) {
    document.element("HostedZone", |document| {
        document.leaf("Id", format!("/hostedzone/{}", zone.id));
        document.leaf("Name", zone.name.to_string());
        document.leaf("CallerReference", &zone.caller_reference);
        document.element("Config", |document| {
            document.optional("Comment", zone.comment.as_deref());
            document.boolean("PrivateZone", false);
        });
        document.leaf("ResourceRecordSetCount", zone.records.len().to_string());
    });
}

fn write_delegation_set(document: &mut Document, zone: &Zone) {
    document.element("DelegationSet", |document| {
        document.element("NameServers", |document| {
            for server in &zone.name_servers {
                document.leaf("NameServer", server);
            }
        });
    });
}
