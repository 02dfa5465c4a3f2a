//! Hosted zones, their record sets, and changes to them.

use std::fmt;

use aws_sdk_route53::Client;
use aws_sdk_route53::operation::change_resource_record_sets::ChangeResourceRecordSetsError;
use aws_sdk_route53::types as sdk;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::operation::BuildError;
use crossfade_core::dns::{Change, RecordName, RecordSet};
use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::Event;

use crate::AwsError;
use crate::convert::{bare_id, change, record_set};
use crate::error::from_sdk;

/// ListResourceRecordSets, MaxItems: 300 at most; the default of 100 would cost three times the calls.
const RECORD_SETS_PAGE: i32 = 300;
/// ListHostedZonesByName, MaxItems: 100 at most. One page holds all zones of one name.
const ZONES_PAGE: i32 = 100;
/// ChangeBatch.Comment: 256 characters at most.
const COMMENT_CHARACTERS_MAX: usize = 256;

/// A hosted zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Zone {
    /// Its id, without `/hostedzone/`.
    pub id: String,
    /// Its name.
    pub name: RecordName,
    /// Visible in VPCs only.
    pub private: bool,
}

/// A change batch that Route 53 has accepted, by its id without `/change/`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ChangeId(pub String);

impl fmt::Display for ChangeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// The zones and record sets of one account.
#[derive(Clone, Debug)]
pub struct Route53 {
    client: Client,
}

impl Route53 {
    pub(crate) fn new(client: Client) -> Self {
        Route53 { client }
    }

    /// Every hosted zone of the account.
    pub async fn zones(&self) -> Result<Vec<Zone>, AwsError> {
        const OPERATION: &str = "ListHostedZones";
        let mut pages = self.client.list_hosted_zones().into_paginator().send();
        let mut zones = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| from_sdk(OPERATION, error))?;
            zones.extend(page.hosted_zones().iter().filter_map(zone));
        }
        Ok(zones)
    }

    /// The public zone of exactly this name; the first by id when there are several.
    pub async fn find_zone(&self, name: &RecordName) -> Result<Option<Zone>, AwsError> {
        const OPERATION: &str = "ListHostedZonesByName";
        let page = self
            .client
            .list_hosted_zones_by_name()
            .dns_name(name.as_str())
            .max_items(ZONES_PAGE)
            .send()
            .await
            .map_err(|error| from_sdk(OPERATION, error))?;
        Ok(page.hosted_zones().iter().filter_map(zone).find(|zone| zone.name == *name && !zone.private))
    }

    /// Makes a public zone. The same caller reference never makes two.
    pub async fn create_zone(
        &self,
        name: &RecordName,
        caller_reference: &str,
    ) -> Result<(Zone, Vec<String>), AwsError> {
        const OPERATION: &str = "CreateHostedZone";
        let made = self
            .client
            .create_hosted_zone()
            .name(name.as_str())
            .caller_reference(caller_reference)
            .send()
            .await
            .map_err(|error| from_sdk(OPERATION, error))?;
        let zone =
            made.hosted_zone().and_then(zone).ok_or_else(|| unreadable(OPERATION, "it names no zone"))?;
        let name_servers = made.delegation_set().map(|set| set.name_servers().to_vec()).unwrap_or_default();
        Ok((zone, name_servers))
    }

    /// The names of a zone's name servers.
    pub async fn zone_name_servers(&self, zone_id: &str) -> Result<Vec<String>, AwsError> {
        const OPERATION: &str = "GetHostedZone";
        let found = self
            .client
            .get_hosted_zone()
            .id(zone_id)
            .send()
            .await
            .map_err(|error| from_sdk(OPERATION, error))?;
        Ok(found.delegation_set().map(|set| set.name_servers().to_vec()).unwrap_or_default())
    }

    /// Every record set of a zone.
    pub async fn record_sets(&self, zone_id: &str) -> Result<Vec<RecordSet>, AwsError> {
        self.list(zone_id, None).await
    }

    /// The record sets of one name.
    pub async fn record_sets_of(&self, zone_id: &str, name: &RecordName) -> Result<Vec<RecordSet>, AwsError> {
        self.list(zone_id, Some(name)).await
    }

    async fn list(&self, zone_id: &str, only: Option<&RecordName>) -> Result<Vec<RecordSet>, AwsError> {
        const OPERATION: &str = "ListResourceRecordSets";
        let mut records = Vec::new();
        let mut start = (only.map(RecordName::to_route53), None, None);
        loop {
            let (name, record_type, set_identifier) = start;
            let page = self
                .client
                .list_resource_record_sets()
                .hosted_zone_id(zone_id)
                .max_items(RECORD_SETS_PAGE)
                .set_start_record_name(name)
                .set_start_record_type(record_type)
                .set_start_record_identifier(set_identifier)
                .send()
                .await
                .map_err(|error| from_sdk(OPERATION, error))?;
            for set in page.resource_record_sets() {
                match record_set(set) {
                    Ok(record) if only.is_some_and(|only| record.name != *only) => return Ok(records),
                    Ok(record) => records.push(record),
                    // Nothing of ours has such a name, and what is not in the picture is never changed.
                    Err(error) => tracing::warn!(zone_id, name = set.name(), %error, "record set left out"),
                }
            }
            if !page.is_truncated() {
                return Ok(records);
            }
            start = (
                page.next_record_name().map(str::to_owned),
                page.next_record_type().cloned(),
                page.next_record_identifier().map(str::to_owned),
            );
            if start.0.is_none() {
                return Err(unreadable(OPERATION, "it is truncated and does not say where it goes on"));
            }
        }
    }

    /// Sends one batch, which takes effect as a whole or not at all.
    pub async fn change(
        &self,
        zone_id: &str,
        changes: &[Change],
        comment: &str,
    ) -> Result<ChangeId, AwsError> {
        const OPERATION: &str = "ChangeResourceRecordSets";
        let incomplete = |error: BuildError| unreadable(OPERATION, &error.to_string());
        let changes = changes.iter().map(change).collect::<Result<Vec<_>, _>>().map_err(incomplete)?;
        let comment: String = comment.chars().take(COMMENT_CHARACTERS_MAX).collect();
        let batch = sdk::ChangeBatch::builder()
            .set_changes(Some(changes))
            .comment(comment)
            .build()
            .map_err(incomplete)?;
        let accepted = self
            .client
            .change_resource_record_sets()
            .hosted_zone_id(zone_id)
            .change_batch(batch)
            .send()
            .await
            .map_err(|error| refused(zone_id, error))?;
        let info = accepted.change_info().ok_or_else(|| unreadable(OPERATION, "it names no change"))?;
        Ok(ChangeId(bare_id(info.id()).to_owned()))
    }

    /// True when all name servers of the zone have taken the change up.
    pub async fn is_in_sync(&self, id: &ChangeId) -> Result<bool, AwsError> {
        const OPERATION: &str = "GetChange";
        let found =
            self.client.get_change().id(&id.0).send().await.map_err(|error| from_sdk(OPERATION, error))?;
        Ok(found.change_info().is_some_and(|info| *info.status() == sdk::ChangeStatus::Insync))
    }
}

fn zone(zone: &sdk::HostedZone) -> Option<Zone> {
    let name = match RecordName::parse(zone.name()) {
        Ok(name) => name,
        Err(error) => {
            tracing::warn!(zone_id = zone.id(), name = zone.name(), %error, "hosted zone left out");
            return None;
        }
    };
    let private = zone.config().is_some_and(sdk::HostedZoneConfig::private_zone);
    Some(Zone { id: bare_id(zone.id()).to_owned(), name, private })
}

fn unreadable(operation: &'static str, problem: &str) -> AwsError {
    AwsError::Unreadable { operation, problem: problem.to_owned() }
}

fn refused(zone_id: &str, error: SdkError<ChangeResourceRecordSetsError, HttpResponse>) -> AwsError {
    if let SdkError::ServiceError(service) = &error {
        let messages = match service.err() {
            ChangeResourceRecordSetsError::InvalidChangeBatch(batch) if !batch.messages().is_empty() => {
                Some(batch.messages().iter().flat_map(|message| split_messages(message)).collect())
            }
            ChangeResourceRecordSetsError::InvalidChangeBatch(batch) => {
                Some(split_messages(batch.message().unwrap_or("InvalidChangeBatch")))
            }
            // Values that are wrong in themselves, like a missing set identifier.
            ChangeResourceRecordSetsError::InvalidInput(input) => {
                Some(split_messages(input.message().unwrap_or("InvalidInput")))
            }
            _ => service
                .raw()
                .body()
                .bytes()
                .and_then(invalid_change_batch)
                .map(|messages| messages.iter().flat_map(|message| split_messages(message)).collect()),
        };
        if let Some(messages) = messages {
            return AwsError::Refused { zone_id: zone_id.to_owned(), messages };
        }
    }
    from_sdk("ChangeResourceRecordSets", error)
}

/// Messages hold commas and brackets themselves (`[name='x.', type='A']`), so a list of them is divided where the next one
/// begins like one of these.
const MESSAGE_BEGINNINGS: [&str; 3] = [", Tried to ", ", RRSet ", ", The request "];

/// Route 53 writes the messages of a refused batch as `[first, second]` when it has only one place for them.
fn split_messages(message: &str) -> Vec<String> {
    let Some(list) = message.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) else {
        return vec![message.to_owned()];
    };
    let mut messages = Vec::new();
    let mut rest = list;
    while let Some(end) = MESSAGE_BEGINNINGS.iter().filter_map(|beginning| rest.find(beginning)).min() {
        messages.push(rest[..end].to_owned());
        rest = &rest[end + ", ".len()..];
    }
    messages.push(rest.to_owned());
    messages
}

/// The form of the error that the API reference shows and that the SDK does not read:
/// `<InvalidChangeBatch><Messages><Message>…`.
fn invalid_change_batch(body: &[u8]) -> Option<Vec<String>> {
    let mut reader = quick_xml::Reader::from_str(std::str::from_utf8(body).ok()?);
    let mut messages = Vec::new();
    let mut is_in_batch = false;
    let mut text: Option<String> = None;
    loop {
        match reader.read_event().ok()? {
            Event::Start(tag) if tag.local_name().as_ref() == "InvalidChangeBatch" => is_in_batch = true,
            Event::Start(tag) if tag.local_name().as_ref() == "Message" => text = Some(String::new()),
            Event::Text(piece) => {
                if let Some(text) = &mut text {
                    text.push_str(&piece);
                }
            }
            Event::GeneralRef(entity) => {
                if let Some(text) = &mut text {
                    let resolved = match entity.resolve_char_ref().ok()? {
                        Some(character) => character.to_string(),
                        None => resolve_predefined_entity(&entity)?.to_owned(),
                    };
                    text.push_str(&resolved);
                }
            }
            Event::End(tag) if tag.local_name().as_ref() == "Message" => messages.extend(text.take()),
            Event::Eof => return is_in_batch.then_some(messages),
            _ => {}
        }
    }
}
