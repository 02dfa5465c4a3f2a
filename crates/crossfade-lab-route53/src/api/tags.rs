//! Tags of hosted zones. There are no health checks to tag.

use crate::api::document::{Document, Element};
use crate::api::request::ApiRequest;
use crate::error::ApiError;
use crate::store::Store;
use crate::zone::Zone;

/// Tags that can be added or removed in one request, and resources that can be listed (`TagList`, `TagResourceIdList`).
const REQUEST_ITEMS_MAX: usize = 10;
/// Tags of one resource.
const RESOURCE_TAGS_MAX: usize = 50;
/// Characters of a tag's key and value.
const KEY_CHARACTERS_MAX: usize = 128;
const VALUE_CHARACTERS_MAX: usize = 256;

/// `ListTagsForResource`.
pub(crate) fn list_one(store: &Store, kind: &str, resource: &str) -> Result<String, ApiError> {
    check_kind(kind, resource)?;
    store.with_zone(resource, |zone| {
        Document::route53("ListTagsForResourceResponse", |document| {
            write_tags(document, zone);
        })
    })
}

/// `ListTagsForResources`.
pub(crate) fn list_several(store: &Store, kind: &str, request: &ApiRequest) -> Result<String, ApiError> {
    let root = Element::read(&request.body, "ListTagsForResourcesRequest")?;
    let ids: Vec<String> =
        root.required_child("ResourceIds")?.all("ResourceId").map(|id| id.text.clone()).collect();
    check_count(ids.len(), "resourceIds")?;
    for id in &ids {
        check_kind(kind, id)?;
        store.with_zone(id, |_| ())?;
    }
    Ok(store.with_zones(|zones| {
        Document::route53("ListTagsForResourcesResponse", |document| {
            document.element("ResourceTagSets", |document| {
                for zone in ids.iter().filter_map(|id| zones.get(id)) {
                    write_tags(document, zone);
                }
            });
        })
    }))
}

/// `ChangeTagsForResource`.
pub(crate) fn change(
    store: &Store,
    kind: &str,
    resource: &str,
    request: &ApiRequest,
) -> Result<String, ApiError> {
    check_kind(kind, resource)?;
    let root = Element::read(&request.body, "ChangeTagsForResourceRequest")?;
    root.only(&["AddTags", "RemoveTagKeys"])?;
    let mut added = Vec::new();
    if let Some(tags) = root.child("AddTags") {
        for tag in tags.all("Tag") {
            let (key, value) = (tag.required("Key")?, tag.text_of("Value").unwrap_or_default());
            check_length(&key, "key", KEY_CHARACTERS_MAX)?;
            check_length(&value, "value", VALUE_CHARACTERS_MAX)?;
            added.push((key, value));
        }
        check_count(added.len(), "addTags")?;
    }
    let mut removed = Vec::new();
    if let Some(keys) = root.child("RemoveTagKeys") {
        removed.extend(keys.all("Key").map(|key| key.text.clone()));
        check_count(removed.len(), "removeTagKeys")?;
    }
    store.with_zone_mut(resource, |zone| {
        let mut tags = zone.tags.clone();
        tags.retain(|key, _| !removed.contains(key));
        tags.extend(added);
        if tags.len() > RESOURCE_TAGS_MAX {
            return Err(ApiError::InvalidInput {
                message: format!("A resource can have at most {RESOURCE_TAGS_MAX} tags."),
            });
        }
        zone.tags = tags;
        Ok(())
    })??;
    Ok(Document::route53("ChangeTagsForResourceResponse", |_| ()))
}

fn check_kind(kind: &str, resource: &str) -> Result<(), ApiError> {
    match kind {
        "hostedzone" => Ok(()),
        "healthcheck" => Err(ApiError::NoSuchHealthCheck { id: resource.to_owned() }),
        other => Err(ApiError::constraint(
            other,
            "resourceType",
            "satisfy enum value set: [healthcheck, hostedzone]",
        )),
    }
}

fn check_count(count: usize, member: &str) -> Result<(), ApiError> {
    if (1..=REQUEST_ITEMS_MAX).contains(&count) {
        return Ok(());
    }
    let constraint = format!("have length between 1 and {REQUEST_ITEMS_MAX}");
    Err(ApiError::constraint(&count.to_string(), member, &constraint))
}

fn check_length(text: &str, member: &str, maximum: usize) -> Result<(), ApiError> {
    if text.chars().count() <= maximum {
        return Ok(());
    }
    let constraint = format!("have length less than or equal to {maximum}");
    Err(ApiError::constraint(text, member, &constraint))
}

fn write_tags(document: &mut Document, zone: &Zone) {
    document.element("ResourceTagSet", |document| {
        document.leaf("ResourceType", "hostedzone");
        document.leaf("ResourceId", &zone.id);
        document.element("Tags", |document| {
            for (key, value) in &zone.tags {
                document.element("Tag", |document| {
                    document.leaf("Key", key);
                    document.leaf("Value", value);
                });
            }
        });
    });
}
