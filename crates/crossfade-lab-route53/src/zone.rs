//! A hosted zone: its record sets in Route 53's order, and the names of the four name servers it is delegated to.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::name::{DnsName, NameError};
use crate::record_set::{Content, RecordKey, RecordSet, RecordType};
use crate::record_value::{RecordValue, ValueError};

/// TTL of the NS record set that Route 53 gives each new zone.
const NAME_SERVER_TTL_SECONDS: u32 = 172_800;
/// TTL of the SOA record set that Route 53 gives each new zone; with it, negative answers live for 900 seconds.
const SOA_TTL_SECONDS: u32 = 900;
/// Mailbox and timers of that SOA.
const SOA_REST: &str = "awsdns-hostmaster.amazon.com. 1 7200 900 1209600 86400";

/// A hosted zone. All zones here are public.
#[derive(Clone, Debug)]
pub(crate) struct Zone {
    /// The id without the `/hostedzone/` in front.
    pub(crate) id: String,
    pub(crate) name: DnsName,
    pub(crate) caller_reference: String,
    pub(crate) comment: Option<String>,
    /// The delegation set, without trailing dots.
    pub(crate) name_servers: Vec<String>,
    pub(crate) records: BTreeMap<RecordKey, Arc<RecordSet>>,
    pub(crate) tags: BTreeMap<String, String>,
}

/// Why the records that every zone begins with could not be made.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ZoneError {
    #[error(transparent)]
    Name(#[from] NameError),
    #[error(transparent)]
    Value(#[from] ValueError),
}

impl Zone {
    /// A new zone, with the NS and SOA record sets that Route 53 makes.
    pub(crate) fn new(
        id: String,
        name: DnsName,
        caller_reference: String,
        comment: Option<String>,
        name_servers: Vec<String>,
    ) -> Result<Self, ZoneError> {
        let primary = name_servers.first().map_or("", String::as_str);
        let soa = [format!("{primary}. {SOA_REST}")];
        let servers: Vec<String> = name_servers.iter().map(|server| format!("{server}.")).collect();
        let mut records = BTreeMap::new();
        for (record_type, ttl_seconds, texts) in [
            (RecordType::Ns, NAME_SERVER_TTL_SECONDS, &servers[..]),
            (RecordType::Soa, SOA_TTL_SECONDS, &soa[..]),
        ] {
            let values: Result<Vec<RecordValue>, ValueError> =
                texts.iter().map(|text| RecordValue::parse(record_type, text)).collect();
            let set = RecordSet {
                name: name.clone(),
                record_type,
                weighted: None,
                content: Content::Values { ttl_seconds, values: values? },
            };
            records.insert(set.key(), Arc::new(set));
        }
        Ok(Self { id, name, caller_reference, comment, name_servers, records, tags: BTreeMap::new() })
    }

    /// All record sets of one name.
    pub(crate) fn record_sets_of(&self, name: &DnsName) -> impl Iterator<Item = &Arc<RecordSet>> {
        let first = RecordKey {
            reversed_name: name.reversed(),
            record_type: RecordType::A,
            set_identifier: String::new(),
        };
        let reversed_name = first.reversed_name.clone();
        self.records
            .range(first..)
            .take_while(move |(key, _)| key.reversed_name == reversed_name)
            .map(|(_, set)| set)
    }

    /// Whether `key` is one of the two record sets that a zone always has.
    pub(crate) fn is_required(&self, key: &RecordKey) -> bool {
        matches!(key.record_type, RecordType::Ns | RecordType::Soa)
            && key.reversed_name == self.name.reversed()
    }
}

/// The names of the four name servers of delegation set number `number`, in the pattern of Route 53's own:
/// `ns-N.awsdns-NN` under four top-level domains, each of which has 512 of the 2,048 numbers.
pub(crate) fn delegation_set(numbers: [u16; 4]) -> Vec<String> {
    const TOP_LEVEL_DOMAINS: [&str; 4] = ["com", "net", "org", "co.uk"];
    TOP_LEVEL_DOMAINS
        .iter()
        .zip(numbers)
        .zip(0_u16..)
        .map(|((domain, number), position)| {
            let number = number % 512;
            format!("ns-{}.awsdns-{:02}.{domain}", position * 512 + number, number / 8)
        })
        .collect()
}

/// Whether `wire`, a name in lower-case wire form, has the pattern of a Route 53 name server's name.
pub(crate) fn is_name_server_name(wire: &[u8]) -> bool {
    let name = DnsName::from_wire(wire).to_string();
    let number = name
        .strip_prefix("ns-")
        .and_then(|rest| rest.split('.').next())
        .and_then(|number| number.parse::<u16>().ok());
    number.is_some_and(|number| {
        let name = name.trim_end_matches('.');
        delegation_set([number % 512; 4]).iter().any(|server| server == name)
    })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests {
    use super::*;

    #[test]
    fn begins_with_name_servers_and_start_of_authority() {
        let zone = Zone::new(
            "Z0".to_owned(),
            DnsName::parse("example.org").unwrap(),
            "once".to_owned(),
            None,
            delegation_set([0, 1, 144, 511]),
        )
        .unwrap();
        let types: Vec<_> = zone.records.keys().map(|key| key.record_type).collect();
        assert_eq!(types, [RecordType::Ns, RecordType::Soa]);
        assert!(zone.records.keys().all(|key| zone.is_required(key)));
    }

    #[test]
    fn delegation_sets_have_the_pattern_of_route_53() {
        let names = delegation_set([0, 1, 144, 511]);
        assert_eq!(
            names,
            [
                "ns-0.awsdns-00.com",
                "ns-513.awsdns-00.net",
                "ns-1168.awsdns-18.org",
                "ns-2047.awsdns-63.co.uk"
            ]
        );
        for name in names {
            assert!(is_name_server_name(DnsName::parse(&name).unwrap().wire()));
        }
        for name in ["ns-0.awsdns-01.com", "ns-513.awsdns-00.com", "example.org"] {
            assert!(!is_name_server_name(DnsName::parse(name).unwrap().wire()));
        }
    }
}
