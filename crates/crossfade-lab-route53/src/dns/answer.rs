//! What an authoritative name server says to one question. It decides by the view alone: no sockets, no clock, and its
//! draws come from its caller.

use std::sync::Arc;

use crossfade_routing::{Candidate, Health, choose};
use hickory_proto::op::ResponseCode;
use hickory_proto::rr::rdata::{A, SOA};
use hickory_proto::rr::{Name, RData, Record, RecordType as WireType};

use crate::canonical_zones;
use crate::dns::view::{Found, Node, View, ZoneView};
use crate::load_balancers::LoadBalancerNames;
use crate::name::{DnsName, WireBuffer, name_from_wire, suffixes};
use crate::record_set::{AliasKind, AliasTarget, Content, RecordSet, RecordType};

/// CNAMEs followed in one answer, within the zone; a longer chain is cut, and the asker goes on from there.
const CNAME_CHAIN_MAX: usize = 8;
/// Aliases followed from one record set. Route 53 advises against chains of aliases; this only ends circles.
const ALIAS_DEPTH_MAX: usize = 4;
/// Labels below a zone's apex that are looked through for delegations: what a name of 255 bytes can have.
const LABELS_MAX: usize = 128;
/// TTL of the SOA in negative answers about load balancer names, so that a new load balancer is seen soon.
const LOAD_BALANCER_NEGATIVE_TTL_SECONDS: u32 = 60;

/// An answer without the parts that repeat the question.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) response_code: ResponseCode,
    pub(crate) authoritative: bool,
    pub(crate) answers: Vec<Record>,
    pub(crate) authorities: Vec<Record>,
}

impl Answer {
    fn empty(response_code: ResponseCode) -> Self {
        Self { response_code, authoritative: false, answers: Vec::new(), authorities: Vec::new() }
    }
}

/// What an answer is made from.
pub(crate) struct Sources<'a> {
    pub(crate) view: &'a View,
    pub(crate) load_balancers: &'a LoadBalancerNames,
    /// A fresh draw, uniform over `u64`, for each choice among weighted record sets.
    pub(crate) draw: &'a mut dyn FnMut() -> u64,
}

/// Answers the question for `name` and `query_type` from the most specific zone that is served.
pub(crate) fn answer(sources: &mut Sources<'_>, name: &Name, query_type: WireType) -> Answer {
    let question = WireBuffer::from_hickory(name);
    for suffix in suffixes(question.as_slice()) {
        if let Some(zone) = sources.view.zone_at(suffix) {
            return answer_from_zone(sources, zone, name, question.as_slice(), query_type);
        }
        if let Some(zone) = canonical_zones::at(suffix) {
            let load_balancers = sources.load_balancers;
            return answer_load_balancer(load_balancers, &zone.apex, name, &question, query_type);
        }
    }
    Answer::empty(ResponseCode::Refused)
}

fn answer_from_zone(
    sources: &mut Sources<'_>,
    zone: &ZoneView,
    name: &Name,
    question: &[u8],
    query_type: WireType,
) -> Answer {
    let mut result = Answer::empty(ResponseCode::NoError);
    result.authoritative = true;
    let mut owner = name.clone();
    let mut current = DnsName::from_wire(question);
    for step in 0..=CNAME_CHAIN_MAX {
        if let Some(cut) = delegation(zone, current.wire()) {
            if step == 0 {
                result.authoritative = false;
                append(sources, zone, &name_from_wire(cut.0), cut.1, &mut result.authorities);
            }
            return result;
        }
        let node = match zone.find(current.wire()) {
            Found::Node(node) => Some(node),
            Found::EmptyNonTerminal => None,
            Found::Nothing => {
                let wildcard = wildcard(zone, current.wire());
                // Of a chain, the last name counts (RFC 6604, section 3).
                if wildcard.is_none() {
                    result.response_code = ResponseCode::NXDomain;
                }
                wildcard
            }
        };
        let Some(node) = node else { break };
        let before = result.answers.len();
        append_of_type(sources, zone, &owner, node, query_type, &mut result.answers);
        if result.answers.len() > before {
            return result;
        }
        if query_type == WireType::CNAME {
            break;
        }
        append(sources, zone, &owner, node.group(RecordType::Cname), &mut result.answers);
        let Some(target) = result.answers[before..].iter().find_map(cname_target) else {
            break;
        };
        owner = target;
        current = DnsName::from_wire(WireBuffer::from_hickory(&owner).as_slice());
        let goes_round = result.answers.iter().any(|record| record.name == owner);
        if goes_round || step == CNAME_CHAIN_MAX || !current.is_within(&zone.apex) {
            return result;
        }
    }
    append_start_of_authority(zone, &mut result.authorities);
    result
}

fn cname_target(record: &Record) -> Option<Name> {
    match &record.data {
        RData::CNAME(target) => Some(target.0.clone()),
        _ => None,
    }
}

/// The highest delegation at or above a name, below the zone's apex.
fn delegation<'a, 'b>(zone: &'a ZoneView, wire: &'b [u8]) -> Option<(&'b [u8], &'a [Arc<RecordSet>])> {
    let below_apex =
        suffixes(wire).take(LABELS_MAX).take_while(|suffix| suffix.len() > zone.apex.wire().len());
    below_apex
        .filter_map(|suffix| {
            let group = zone.node(suffix)?.group(RecordType::Ns);
            (!group.is_empty()).then_some((suffix, group))
        })
        .last()
}

/// The wildcard that a name which does not exist falls under (RFC 4592, section 3.3.1: `*` below the closest encloser).
fn wildcard<'a>(zone: &'a ZoneView, wire: &[u8]) -> Option<&'a Arc<Node>> {
    let encloser = suffixes(wire)
        .skip(1)
        .take_while(|suffix| suffix.len() >= zone.apex.wire().len())
        .find(|suffix| !matches!(zone.find(suffix), Found::Nothing))?;
    zone.node(WireBuffer::wildcard_below(encloser).as_slice())
}

fn append_of_type(
    sources: &mut Sources<'_>,
    zone: &ZoneView,
    owner: &Name,
    node: &Node,
    query_type: WireType,
    records: &mut Vec<Record>,
) {
    if query_type == WireType::ANY {
        for group in node.groups() {
            append(sources, zone, owner, group, records);
        }
    } else if let Some(record_type) = RecordType::from_hickory(query_type) {
        append(sources, zone, owner, node.group(record_type), records);
    }
}

/// Chooses one record set of a group and appends what it answers.
fn append(
    sources: &mut Sources<'_>,
    zone: &ZoneView,
    owner: &Name,
    group: &[Arc<RecordSet>],
    records: &mut Vec<Record>,
) {
    append_chosen(sources, zone, owner, group, records, ALIAS_DEPTH_MAX);
}

fn append_chosen(
    sources: &mut Sources<'_>,
    zone: &ZoneView,
    owner: &Name,
    group: &[Arc<RecordSet>],
    records: &mut Vec<Record>,
    depth: usize,
) {
    let chosen = match group {
        [] => return,
        [only] => only,
        _ => {
            let draw = (sources.draw)();
            let load_balancers = sources.load_balancers;
            let candidates = group.iter().map(|set| Candidate {
                weight: set.weighted.as_ref().map_or(1, |weighted| weighted.weight),
                healthy: health(load_balancers, zone, set, depth).is_healthy(),
            });
            // Collected, as health may change between two looks at it.
            let candidates: Vec<Candidate> = candidates.collect();
            let Some(index) = choose(&candidates, draw) else {
                return;
            };
            &group[index]
        }
    };
    match &chosen.content {
        Content::Values { ttl_seconds, values } => records.extend(
            values.iter().map(|value| Record::from_rdata(owner.clone(), *ttl_seconds, value.data.clone())),
        ),
        Content::Alias(target) => {
            append_alias(sources, zone, owner, chosen.record_type, target, records, depth);
        }
    }
}

fn append_alias(
    sources: &mut Sources<'_>,
    zone: &ZoneView,
    owner: &Name,
    record_type: RecordType,
    target: &AliasTarget,
    records: &mut Vec<Record>,
    depth: usize,
) {
    match target.kind {
        AliasKind::LoadBalancer if record_type == RecordType::A => {
            if let Some(entry) = sources.load_balancers.get(target.name.wire()) {
                append_addresses(owner, &entry, records);
            }
        }
        // A load balancer here has IPv4 addresses only; its AAAA alias exists and answers nothing, as on AWS.
        AliasKind::LoadBalancer => {}
        AliasKind::RecordSet => {
            if let (Some(node), Some(depth)) = (zone.node(target.name.wire()), depth.checked_sub(1)) {
                append_chosen(sources, zone, owner, node.group(record_type), records, depth);
            }
        }
    }
}

fn append_addresses(owner: &Name, entry: &crate::load_balancers::LoadBalancerDns, records: &mut Vec<Record>) {
    records.extend(
        entry
            .addresses
            .iter()
            .map(|address| Record::from_rdata(owner.clone(), entry.ttl_seconds, RData::A(A(*address)))),
    );
}

/// What Route 53 knows of the health of a record set's target. There are no health checks in the lab.
fn health(load_balancers: &LoadBalancerNames, zone: &ZoneView, set: &RecordSet, depth: usize) -> Health {
    let Content::Alias(target) = &set.content else {
        return Health::UNCHECKED;
    };
    if !target.evaluate_target_health {
        return Health::UNCHECKED;
    }
    let healthy = match target.kind {
        // A load balancer that is gone has no healthy target either.
        AliasKind::LoadBalancer => load_balancers.get(target.name.wire()).is_some_and(|entry| entry.healthy),
        AliasKind::RecordSet => match (zone.node(target.name.wire()), depth.checked_sub(1)) {
            (Some(node), Some(depth)) => node
                .group(set.record_type)
                .iter()
                .any(|other| health(load_balancers, zone, other, depth).is_healthy()),
            _ => false,
        },
    };
    Health::of_alias(true, healthy)
}

/// The SOA of a negative answer, with the TTL that bounds its caching (RFC 2308, section 3).
fn append_start_of_authority(zone: &ZoneView, authorities: &mut Vec<Record>) {
    let Some(node) = zone.node(zone.apex.wire()) else {
        return;
    };
    for set in node.group(RecordType::Soa) {
        let Content::Values { ttl_seconds, values } = &set.content else {
            continue;
        };
        for value in values {
            let minimum = match &value.data {
                RData::SOA(soa) => soa.minimum,
                _ => u32::MAX,
            };
            let ttl_seconds = (*ttl_seconds).min(minimum);
            let apex = zone.apex.to_hickory();
            authorities.push(Record::from_rdata(apex, ttl_seconds, value.data.clone()));
        }
    }
}

fn answer_load_balancer(
    load_balancers: &LoadBalancerNames,
    apex: &DnsName,
    name: &Name,
    question: &WireBuffer,
    query_type: WireType,
) -> Answer {
    let mut result = Answer::empty(ResponseCode::NoError);
    result.authoritative = true;
    let entry = load_balancers.get(question.as_slice());
    match &entry {
        Some(entry) if matches!(query_type, WireType::A | WireType::ANY) => {
            append_addresses(name, entry, &mut result.answers);
        }
        Some(_) => {}
        None if question.as_slice() == apex.wire() => {}
        None => result.response_code = ResponseCode::NXDomain,
    }
    if result.answers.is_empty() {
        let owner = apex.to_hickory();
        let ttl_seconds = entry.map_or(LOAD_BALANCER_NEGATIVE_TTL_SECONDS, |entry| entry.ttl_seconds);
        let soa = SOA::new(owner.clone(), owner.clone(), 1, 7200, 900, 1_209_600, ttl_seconds);
        let record = Record::from_rdata(owner, ttl_seconds, RData::SOA(soa));
        if query_type == WireType::SOA && question.as_slice() == apex.wire() {
            result.answers.push(record);
        } else {
            result.authorities.push(record);
        }
    }
    result
}
