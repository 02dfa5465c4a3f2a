//! Which batches are refused, and in which words.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::net::Ipv4Addr;

use super::*;
use crate::change_request::{AliasRequest, ChangeRequest, read_changes};
use crate::load_balancers::LoadBalancerDns;
use crate::zone::delegation_set;

const LOAD_BALANCER: &str = "lb-1.eu-west-1.elb.amazonaws.com";

/// A zone to which batches are applied.
struct Bench {
    zone: Zone,
    load_balancers: LoadBalancerNames,
}

impl Bench {
    fn new() -> Self {
        let load_balancers = LoadBalancerNames::default();
        let entry =
            LoadBalancerDns { addresses: vec![Ipv4Addr::new(127, 64, 0, 1)], ttl_seconds: 60, healthy: true };
        load_balancers.set(LOAD_BALANCER, entry);
        let zone = Zone::new(
            "Z0123456789ABCDEFGHIJ".to_owned(),
            DnsName::parse("example.org").unwrap(),
            "once".to_owned(),
            None,
            delegation_set([0; 4]),
        );
        Self { zone: zone.unwrap(), load_balancers }
    }

    /// Applies a batch, or says why not.
    fn apply(&mut self, requests: &[ChangeRequest]) -> Result<(), Vec<String>> {
        let changes = read_changes(requests).unwrap();
        match plan(&self.zone, changes, &self.load_balancers) {
            Ok(edits) => {
                for (key, set) in edits.sets {
                    match set {
                        Some(set) => self.zone.records.insert(key, set),
                        None => self.zone.records.remove(&key),
                    };
                }
                Ok(())
            }
            Err(ApiError::InvalidChangeBatch { messages }) => Err(messages),
            Err(other) => panic!("another refusal: {other}"),
        }
    }

    fn refusal(&mut self, requests: &[ChangeRequest]) -> String {
        let before = self.zone.records.len();
        let messages = self.apply(requests).unwrap_err();
        assert_eq!(self.zone.records.len(), before);
        messages.join(" | ")
    }
}

fn mk_simple(action: &str, record_type: &str, name: &str, value: &str) -> ChangeRequest {
    ChangeRequest {
        action: action.to_owned(),
        name: name.to_owned(),
        record_type: record_type.to_owned(),
        ttl: Some("60".to_owned()),
        values: Some(vec![value.to_owned()]),
        ..ChangeRequest::default()
    }
}

fn mk_weighted(action: &str, set_identifier: &str, value: &str) -> ChangeRequest {
    ChangeRequest {
        set_identifier: Some(set_identifier.to_owned()),
        weight: Some("10".to_owned()),
        ..mk_simple(action, "A", "a.example.org", value)
    }
}

fn mk_alias(record_type: &str, zone_id: &str, target: &str) -> ChangeRequest {
    ChangeRequest {
        ttl: None,
        values: None,
        alias: Some(AliasRequest {
            zone_id: zone_id.to_owned(),
            name: target.to_owned(),
            evaluate_target_health: "true".to_owned(),
        }),
        ..mk_simple("CREATE", record_type, "alias.example.org", "")
    }
}

#[test]
fn one_routing_policy_per_name_and_type() {
    let mut bench = Bench::new();
    bench.apply(&[mk_weighted("CREATE", "blue", "10.0.0.1")]).unwrap();
    assert_eq!(
        bench.refusal(&[mk_simple("CREATE", "A", "a.example.org", "10.0.0.1")]),
        "RRSet with DNS name a.example.org., type A cannot be created as other RRSets exist with the same name and type."
    );
    bench.apply(&[mk_simple("CREATE", "A", "s.example.org", "10.0.0.1")]).unwrap();
    let mut weighted = mk_weighted("UPSERT", "blue", "10.0.0.1");
    weighted.name = "s.example.org".to_owned();
    assert_eq!(
        bench.refusal(&[weighted]),
        "RRSet with DNS name s.example.org., type A, SetIdentifier blue cannot be created as a non-weighted set exists \
         with the same name and type."
    );
    let other_type = mk_simple("CREATE", "TXT", "a.example.org", "\"x\"");
    assert_eq!(bench.apply(&[other_type]), Ok(()));
}

#[test]
fn simple_becomes_weighted_in_one_batch() {
    let mut bench = Bench::new();
    bench.apply(&[mk_simple("CREATE", "A", "a.example.org", "10.0.0.1")]).unwrap();
    let batch =
        [mk_weighted("CREATE", "blue", "10.0.0.1"), mk_simple("DELETE", "A", "a.example.org", "10.0.0.1")];
    assert_eq!(bench.apply(&batch), Ok(()));
}

#[test]
fn cname_stands_alone_and_never_at_the_apex() {
    let mut bench = Bench::new();
    bench.apply(&[mk_simple("CREATE", "A", "a.example.org", "10.0.0.1")]).unwrap();
    assert_eq!(
        bench.refusal(&[mk_simple("CREATE", "CNAME", "a.example.org", "b.example.org")]),
        "RRSet of type CNAME with DNS name a.example.org. is not permitted as it conflicts with other records with the \
         same DNS name in zone example.org."
    );
    bench.apply(&[mk_simple("CREATE", "CNAME", "c.example.org", "b.example.org")]).unwrap();
    assert_eq!(
        bench.refusal(&[mk_simple("CREATE", "A", "c.example.org", "10.0.0.1")]),
        "RRSet of type A with DNS name c.example.org. is not permitted because a conflicting RRSet of type CNAME with \
         the same DNS name already exists in zone example.org."
    );
    assert_eq!(
        bench.refusal(&[mk_simple("CREATE", "CNAME", "example.org", "b.example.org")]),
        "RRSet of type CNAME with DNS name example.org. is not permitted at apex in zone example.org."
    );
}

#[test]
fn a_record_set_occurs_once_in_a_batch() {
    let mut bench = Bench::new();
    let upsert = mk_weighted("UPSERT", "blue", "10.0.0.1");
    assert_eq!(
        bench.refusal(&[upsert.clone(), upsert]),
        "The request contains an invalid set of changes for a resource record set 'A a.example.org.'"
    );
    bench.apply(&[mk_weighted("CREATE", "blue", "10.0.0.1")]).unwrap();
    let batch = [mk_weighted("DELETE", "blue", "10.0.0.1"), mk_weighted("UPSERT", "blue", "10.0.0.2")];
    assert!(bench.refusal(&batch).contains("invalid set of changes"));
    let batch = [mk_weighted("DELETE", "blue", "10.0.0.1"), mk_weighted("DELETE", "blue", "10.0.0.1")];
    assert!(bench.refusal(&batch).contains("invalid set of changes"));
}

#[test]
fn delete_must_match_exactly() {
    let mut bench = Bench::new();
    bench.apply(&[mk_weighted("CREATE", "blue", "10.0.0.1")]).unwrap();
    let mismatch = "Tried to delete resource record set [name='a.example.org.', type='A', set-identifier='blue'] but \
                    the values provided do not match the current values";
    let right = mk_weighted("DELETE", "blue", "10.0.0.1");
    for wrong in [
        ChangeRequest { weight: Some("11".to_owned()), ..right.clone() },
        ChangeRequest { ttl: Some("61".to_owned()), ..right.clone() },
        ChangeRequest { values: Some(vec!["10.0.0.2".to_owned()]), ..right.clone() },
    ] {
        assert_eq!(bench.refusal(&[wrong]), mismatch);
    }
    let not_found =
        "Tried to delete resource record set [name='a.example.org.', type='A'] but it was not found";
    let simple = ChangeRequest { set_identifier: None, weight: None, ..right.clone() };
    assert_eq!(bench.refusal(&[simple]), not_found);
    assert_eq!(bench.apply(&[right]), Ok(()));
}

#[test]
fn delete_compares_values_in_any_order() {
    let mut bench = Bench::new();
    let both = |action, first: &str, second: &str| ChangeRequest {
        values: Some(vec![first.to_owned(), second.to_owned()]),
        ..mk_simple(action, "A", "a.example.org", "")
    };
    bench.apply(&[both("CREATE", "10.0.0.1", "10.0.0.2")]).unwrap();
    assert_eq!(bench.apply(&[both("DELETE", "10.0.0.2", "10.0.0.1")]), Ok(()));
}

#[test]
fn upsert_creates_and_replaces() {
    let mut bench = Bench::new();
    bench.apply(&[mk_weighted("UPSERT", "blue", "10.0.0.1")]).unwrap();
    bench.apply(&[mk_weighted("UPSERT", "blue", "10.0.0.2")]).unwrap();
    assert_eq!(bench.zone.records.len(), 3);
    assert_eq!(bench.apply(&[mk_weighted("DELETE", "blue", "10.0.0.2")]), Ok(()));
}

#[test]
fn an_alias_to_a_load_balancer_names_its_zone() {
    let mut bench = Bench::new();
    assert_eq!(bench.apply(&[mk_alias("A", "Z32O12XQLNTSW2", LOAD_BALANCER)]), Ok(()));
    let attempt = "Tried to create an alias that targets lb-1.eu-west-1.elb.amazonaws.com., type AAAA in zone \
                   Z1H1FL5HABSF5";
    assert_eq!(
        bench.refusal(&[mk_alias("AAAA", "Z1H1FL5HABSF5", LOAD_BALANCER)]),
        format!(
            "{attempt}, but the alias target name does not lie within the target zone | {attempt}, but that target was \
             not found"
        )
    );
    let missing = bench.refusal(&[mk_alias("AAAA", "Z32O12XQLNTSW2", "lb-2.eu-west-1.elb.amazonaws.com")]);
    assert!(
        missing.ends_with("type AAAA in zone Z32O12XQLNTSW2, but that target was not found"),
        "{missing}"
    );
}

#[test]
fn an_alias_within_the_zone_needs_a_target_of_its_type() {
    let mut bench = Bench::new();
    let zone_id = bench.zone.id.clone();
    let alias = mk_alias("A", &zone_id, "a.example.org");
    assert!(bench.refusal(std::slice::from_ref(&alias)).ends_with("but that target was not found"));
    bench.apply(&[mk_simple("CREATE", "AAAA", "a.example.org", "::1")]).unwrap();
    assert!(bench.refusal(std::slice::from_ref(&alias)).ends_with("but that target was not found"));
    let batch = [alias, mk_simple("CREATE", "A", "a.example.org", "10.0.0.1")];
    assert_eq!(bench.apply(&batch), Ok(()));
    let itself = mk_alias("AAAA", &zone_id, "alias.example.org");
    assert!(bench.refusal(&[itself]).ends_with("but that target was not found"));
    let foreign = mk_alias("AAAA", "ZELSEWHERE", "a.example.org");
    assert!(bench.refusal(&[foreign]).contains("does not lie within the target zone"));
}

#[test]
fn deleting_an_alias_asks_for_no_target() {
    let mut bench = Bench::new();
    let create = mk_alias("A", "Z32O12XQLNTSW2", LOAD_BALANCER);
    bench.apply(std::slice::from_ref(&create)).unwrap();
    bench.load_balancers.remove(LOAD_BALANCER);
    let delete = ChangeRequest { action: "DELETE".to_owned(), ..create };
    assert_eq!(bench.apply(&[delete]), Ok(()));
}

#[test]
fn a_zone_keeps_its_name_servers_and_start_of_authority() {
    let mut bench = Bench::new();
    let servers = delegation_set([0; 4]).iter().map(|server| format!("{server}.")).collect();
    let delete = ChangeRequest {
        action: "DELETE".to_owned(),
        ttl: Some("172800".to_owned()),
        values: Some(servers),
        ..mk_simple("DELETE", "NS", "example.org", "")
    };
    assert_eq!(
        bench.refusal(&[delete]),
        "A HostedZone must contain at least one NS record for the zone itself."
    );
    let elsewhere = mk_simple("CREATE", "A", "a.example.net", "10.0.0.1");
    assert_eq!(
        bench.refusal(&[elsewhere]),
        "RRSet with DNS name a.example.net. is not permitted in zone example.org."
    );
}

#[test]
fn a_request_holds_a_thousand_values_and_an_upsert_counts_twice() {
    let mut bench = Bench::new();
    let batch = |action: &str, sets: u32| -> Vec<ChangeRequest> {
        (0..sets)
            .map(|number| {
                let [_, _, third, fourth] = number.to_be_bytes();
                mk_simple(action, "A", &format!("h{number}.example.org"), &format!("10.0.{third}.{fourth}"))
            })
            .collect()
    };
    assert_eq!(bench.refusal(&batch("CREATE", 1001)), "Number of records limit of 1000 exceeded.");
    assert_eq!(bench.refusal(&batch("UPSERT", 501)), "Number of records limit of 1000 exceeded.");
    assert_eq!(bench.apply(&batch("UPSERT", 500)), Ok(()));
}

#[test]
fn a_request_holds_32000_characters() {
    let mut bench = Bench::new();
    let value = format!("\"{}\"", "x".repeat(248));
    let batch: Vec<ChangeRequest> =
        (0..65).map(|number| mk_simple("UPSERT", "TXT", &format!("t{number}.example.org"), &value)).collect();
    assert_eq!(bench.refusal(&batch), "RDATA character limit of 32000 exceeded.");
    assert_eq!(bench.apply(&batch[..64]), Ok(()));
}

#[test]
fn a_name_and_type_holds_a_hundred_weighted_record_sets() {
    let mut bench = Bench::new();
    let batch: Vec<ChangeRequest> =
        (0..100).map(|number| mk_weighted("CREATE", &format!("set-{number}"), "10.0.0.1")).collect();
    bench.apply(&batch).unwrap();
    assert!(
        bench.refusal(&[mk_weighted("CREATE", "one-more", "10.0.0.1")]).contains("limit of 100 weighted")
    );
    assert_eq!(bench.apply(&[mk_weighted("UPSERT", "set-7", "10.0.0.2")]), Ok(()));
}

#[test]
fn a_zone_holds_ten_thousand_record_sets() {
    let mut bench = Bench::new();
    let mk = |number: usize| mk_simple("CREATE", "A", &format!("h{number}.example.org"), "10.0.0.1");
    for start in (0..9_000).step_by(1000) {
        let batch: Vec<ChangeRequest> = (start..start + 1000).map(mk).collect();
        bench.apply(&batch).unwrap();
    }
    let last: Vec<ChangeRequest> = (9_000..9_998).map(mk).collect();
    bench.apply(&last).unwrap();
    assert!(bench.refusal(&[mk(9_999)]).contains("exceed the limit of 10000"));
    let swap = [mk_simple("DELETE", "A", "h1.example.org", "10.0.0.1"), mk(9_999)];
    assert_eq!(bench.apply(&swap), Ok(()));
}
