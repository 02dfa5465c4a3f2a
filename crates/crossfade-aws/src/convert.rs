//! Between the SDK's record sets and core's, without losing anything that a DELETE has to repeat.

use aws_sdk_route53::types as sdk;
use aws_smithy_types::error::operation::BuildError;
use crossfade_core::Weight;
use crossfade_core::dns::{
    Action, Alias, Change, RecordError, RecordName, RecordSet, RecordType, RoutingProperties, SetIdentifier,
};

/// Ids come back as `/hostedzone/Z…` and `/change/C…`, and are taken with and without the path.
pub(crate) fn bare_id(id: &str) -> &str {
    id.rsplit('/').next().unwrap_or(id)
}

pub(crate) fn record_set(set: &sdk::ResourceRecordSet) -> Result<RecordSet, RecordError> {
    let mut record = RecordSet::new(RecordName::parse(set.name())?, RecordType::from(set.r#type().as_str()));
    record.set_identifier = set.set_identifier().map(SetIdentifier::parse).transpose()?;
    record.ttl_seconds = set.ttl().map(|ttl| u32::try_from(ttl).unwrap_or(u32::MAX));
    record.values = set.resource_records().iter().map(|value| value.value().to_owned()).collect();
    record.health_check_id = set.health_check_id().map(str::to_owned);
    if let Some(alias) = set.alias_target() {
        record.alias = Some(Alias {
            dns_name: RecordName::parse(alias.dns_name())?,
            hosted_zone_id: bare_id(alias.hosted_zone_id()).to_owned(),
            evaluate_target_health: alias.evaluate_target_health(),
        });
        // An alias has the TTL of its target. Imitations of Route 53 list one of 0 nevertheless.
        record.ttl_seconds = None;
    }
    record.routing = routing(set);
    match set.weight().map(|weight| (weight, Weight::try_from(weight))) {
        None => {}
        Some((_, Ok(weight))) => record.weight = Some(weight),
        Some((number, Err(_))) => {
            record.routing.0.insert(RoutingProperties::UNREADABLE_WEIGHT.to_owned(), number.to_string());
        }
    }
    Ok(record)
}

fn routing(set: &sdk::ResourceRecordSet) -> RoutingProperties {
    let mut routing = RoutingProperties::default();
    let mut put = |name: &str, value: Option<&str>| {
        if let Some(value) = value {
            routing.0.insert(name.to_owned(), value.to_owned());
        }
    };
    put(RoutingProperties::REGION, set.region().map(sdk::ResourceRecordSetRegion::as_str));
    put(RoutingProperties::FAILOVER, set.failover().map(sdk::ResourceRecordSetFailover::as_str));
    put(RoutingProperties::MULTI_VALUE_ANSWER, set.multi_value_answer().filter(|yes| *yes).map(|_| ""));
    if let Some(place) = set.geo_location() {
        put(RoutingProperties::CONTINENT_CODE, place.continent_code());
        put(RoutingProperties::COUNTRY_CODE, place.country_code());
        put(RoutingProperties::SUBDIVISION_CODE, place.subdivision_code());
    }
    if let Some(place) = set.geo_proximity_location() {
        put(RoutingProperties::GEOPROXIMITY_REGION, place.aws_region());
        put(RoutingProperties::GEOPROXIMITY_LOCAL_ZONE_GROUP, place.local_zone_group());
        put(RoutingProperties::GEOPROXIMITY_BIAS, place.bias().map(|bias| bias.to_string()).as_deref());
        let coordinates = place.coordinates().map(|c| format!("{},{}", c.latitude(), c.longitude()));
        put(RoutingProperties::GEOPROXIMITY_COORDINATES, coordinates.as_deref());
    }
    if let Some(cidr) = set.cidr_routing_config() {
        put(RoutingProperties::CIDR_COLLECTION_ID, Some(cidr.collection_id()));
        put(RoutingProperties::CIDR_LOCATION, Some(cidr.location_name()));
    }
    put(RoutingProperties::TRAFFIC_POLICY_INSTANCE_ID, set.traffic_policy_instance_id());
    routing
}

pub(crate) fn change(change: &Change) -> Result<sdk::Change, BuildError> {
    let action = match change.action {
        Action::Create => sdk::ChangeAction::Create,
        Action::Delete => sdk::ChangeAction::Delete,
        Action::Upsert => sdk::ChangeAction::Upsert,
    };
    sdk::Change::builder().action(action).resource_record_set(sdk_record_set(&change.record)?).build()
}

fn sdk_record_set(record: &RecordSet) -> Result<sdk::ResourceRecordSet, BuildError> {
    let values = record
        .values
        .iter()
        .map(|value| sdk::ResourceRecord::builder().value(value).build())
        .collect::<Result<Vec<_>, _>>()?;
    let alias = record
        .alias
        .as_ref()
        .map(|alias| {
            sdk::AliasTarget::builder()
                .dns_name(alias.dns_name.as_str())
                .hosted_zone_id(&alias.hosted_zone_id)
                .evaluate_target_health(alias.evaluate_target_health)
                .build()
        })
        .transpose()?;
    let property = |name: &str| record.routing.0.get(name).cloned();
    sdk::ResourceRecordSet::builder()
        .name(record.name.as_str())
        .r#type(sdk::RrType::from(record.record_type.as_str()))
        .set_set_identifier(record.set_identifier.as_ref().map(|id| id.as_str().to_owned()))
        .set_weight(record.weight.map(|weight| i64::from(weight.get())))
        .set_ttl(record.ttl_seconds.map(i64::from))
        .set_resource_records((!values.is_empty()).then_some(values))
        .set_alias_target(alias)
        .set_health_check_id(record.health_check_id.clone())
        .set_region(
            property(RoutingProperties::REGION).map(|r| sdk::ResourceRecordSetRegion::from(r.as_str())),
        )
        .set_failover(
            property(RoutingProperties::FAILOVER).map(|f| sdk::ResourceRecordSetFailover::from(f.as_str())),
        )
        .set_multi_value_answer(property(RoutingProperties::MULTI_VALUE_ANSWER).map(|_| true))
        .set_geo_location(geo_location(&record.routing))
        .set_geo_proximity_location(geo_proximity(&record.routing)?)
        .set_cidr_routing_config(cidr(&record.routing)?)
        .set_traffic_policy_instance_id(property(RoutingProperties::TRAFFIC_POLICY_INSTANCE_ID))
        .build()
}

fn geo_location(routing: &RoutingProperties) -> Option<sdk::GeoLocation> {
    let property = |name: &str| routing.0.get(name).cloned();
    let continent = property(RoutingProperties::CONTINENT_CODE);
    let country = property(RoutingProperties::COUNTRY_CODE);
    let subdivision = property(RoutingProperties::SUBDIVISION_CODE);
    (continent.is_some() || country.is_some()).then(|| {
        sdk::GeoLocation::builder()
            .set_continent_code(continent)
            .set_country_code(country)
            .set_subdivision_code(subdivision)
            .build()
    })
}

fn geo_proximity(routing: &RoutingProperties) -> Result<Option<sdk::GeoProximityLocation>, BuildError> {
    let property = |name: &str| routing.0.get(name).cloned();
    let coordinates = property(RoutingProperties::GEOPROXIMITY_COORDINATES)
        .as_deref()
        .and_then(|text| text.split_once(','))
        .map(|(latitude, longitude)| {
            sdk::Coordinates::builder().latitude(latitude).longitude(longitude).build()
        })
        .transpose()?;
    let region = property(RoutingProperties::GEOPROXIMITY_REGION);
    let group = property(RoutingProperties::GEOPROXIMITY_LOCAL_ZONE_GROUP);
    if region.is_none() && group.is_none() && coordinates.is_none() {
        return Ok(None);
    }
    let bias = property(RoutingProperties::GEOPROXIMITY_BIAS).and_then(|bias| bias.parse().ok());
    Ok(Some(
        sdk::GeoProximityLocation::builder()
            .set_aws_region(region)
            .set_local_zone_group(group)
            .set_coordinates(coordinates)
            .set_bias(bias)
            .build(),
    ))
}

fn cidr(routing: &RoutingProperties) -> Result<Option<sdk::CidrRoutingConfig>, BuildError> {
    let property = |name: &str| routing.0.get(name).cloned();
    property(RoutingProperties::CIDR_COLLECTION_ID)
        .map(|collection| {
            sdk::CidrRoutingConfig::builder()
                .collection_id(collection)
                .set_location_name(property(RoutingProperties::CIDR_LOCATION))
                .build()
        })
        .transpose()
}
