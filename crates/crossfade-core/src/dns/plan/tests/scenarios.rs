//! Situations by name.

use super::super::super::{Affix, HoldReason, TxtFormat, TxtNaming};
use super::super::{MassDeletionGuard, Policy};
use super::*;

fn mk_blue() -> Desired {
    mk_desired(vec![mk_weighted(HOST, BLUE_BALANCER, "burnham", "blue", 100)])
}

fn zone_of_blue() -> ZoneRecords {
    let mut zone = mk_zone(vec![]);
    settled(&mut zone, &mk_blue(), &mk_options("blue"));
    zone
}

#[test]
fn creates_alias_for_both_families_and_their_ownership() {
    let zone = mk_zone(vec![]);
    let plan = plan_one(&zone, &mk_blue(), &mk_options("blue"));
    assert_eq!(
        lines(&plan),
        [
            "CREATE aaaa-burnham.example.org TXT blue 100",
            "CREATE burnham.example.org A blue 100",
            "CREATE burnham.example.org AAAA blue 100",
            "CREATE cname-burnham.example.org TXT blue 100",
        ]
    );
    let alias = plan.changes().find_map(|change| change.record.alias.clone()).unwrap();
    assert_eq!(alias.hosted_zone_id, "Z32O12XQLNTSW2");
    assert!(alias.evaluate_target_health);
    let txt = plan.changes().find(|change| change.record.record_type == RecordType::Txt).unwrap();
    assert_eq!(txt.record.ttl_seconds, Some(300));
    assert_eq!(
        txt.record.values,
        ["\"heritage=external-dns,external-dns/owner=blue,external-dns/resource=ingress/team/burnham\""]
    );
}

#[test]
fn writes_the_legacy_name_too_when_asked_to() {
    let mut options = mk_options("blue");
    options.txt_naming =
        TxtNaming::new([TxtFormat::CnamePrefix, TxtFormat::Legacy], Affix::None, None).unwrap();
    let mut zone = mk_zone(vec![]);
    let plan = plan_one(&zone, &mk_blue(), &options);
    assert!(lines(&plan).contains(&"CREATE burnham.example.org TXT blue 100".to_owned()));
    assert_eq!(plan.changes().count(), 5);
    settled(&mut zone, &mk_blue(), &options);
    let weight_0 = mk_desired(vec![mk_weighted(HOST, BLUE_BALANCER, "burnham", "blue", 0)]);
    let changed = plan_one(&zone, &weight_0, &options);
    assert_eq!(changed.changes().count(), 5, "{:?}", lines(&changed));
    assert!(lines(&changed).iter().all(|line| line.starts_with("UPSERT") && line.ends_with(" blue 0")));
}

#[test]
fn moves_the_weight_of_every_format_that_is_there() {
    let mut zone = zone_of_blue();
    let like = mk_alias(HOST, BLUE_BALANCER, "blue", 100);
    for record in
        [mk_txt("a-burnham.example.org", "blue", "burnham", &like), mk_txt(HOST, "blue", "burnham", &like)]
    {
        zone.apply(&Change::new(Action::Create, record));
    }
    let weight_7 = mk_desired(vec![mk_weighted(HOST, BLUE_BALANCER, "burnham", "blue", 7)]);
    let plan = plan_one(&zone, &weight_7, &mk_options("blue"));
    let mut expected = ["a-burnham", "aaaa-burnham", "burnham", "cname-burnham"]
        .map(|label| format!("UPSERT {label}.example.org TXT blue 7"))
        .to_vec();
    expected.extend(["A", "AAAA"].map(|t| format!("UPSERT burnham.example.org {t} blue 7")));
    expected.sort();
    let mut found = lines(&plan);
    found.sort();
    assert_eq!(found, expected);
}

#[test]
fn repairs_a_weight_that_only_the_ownership_record_has_wrong() {
    let mut zone = zone_of_blue();
    let like = mk_alias(HOST, BLUE_BALANCER, "blue", 3);
    zone.apply(&Change::new(Action::Upsert, mk_txt("cname-burnham.example.org", "blue", "burnham", &like)));
    let plan = plan_one(&zone, &mk_blue(), &mk_options("blue"));
    assert_eq!(lines(&plan), ["UPSERT cname-burnham.example.org TXT blue 100"]);
}

#[test]
fn lives_beside_another_cluster_under_the_same_name() {
    let mut zone = zone_of_blue();
    let green = mk_desired(vec![mk_weighted(HOST, GREEN_BALANCER, "burnham", "green", 0)]);
    let before: Vec<RecordSet> = zone.iter().cloned().collect();
    settled(&mut zone, &green, &mk_options("green"));
    assert_eq!(zone.len(), 8);
    assert!(before.iter().all(|record| zone.iter().any(|r| r == record)));
    let nothing = plan_one(&zone, &Desired::default(), &mk_options("green"));
    assert!(lines(&nothing).iter().all(|line| line.contains(" green ")), "{:?}", lines(&nothing));
    assert_eq!(nothing.changes().count(), 4);
}

#[test]
fn deletes_what_was_read_and_not_what_it_would_write() {
    let mut zone = zone_of_blue();
    let mut odd = zone
        .get(
            &mk_name("cname-burnham.example.org"),
            &RecordType::Txt,
            Some(&SetIdentifier::parse("blue").unwrap()),
        )
        .unwrap()
        .clone();
    odd.ttl_seconds = Some(77);
    odd.values = vec!["\"heritage=external-dns,external-dns/team=x,external-dns/owner=blue\"".to_owned()];
    zone.apply(&Change::new(Action::Upsert, odd.clone()));
    let plan = plan_one(&zone, &Desired::default(), &mk_options("blue"));
    assert!(plan.changes().any(|change| change.action == Action::Delete && change.record == odd));
}

#[test]
fn leaves_records_without_an_owner_alone() {
    let zone = mk_zone(vec![mk_a("hand.example.org", "192.0.2.1"), mk_a(HOST, "192.0.2.2")]);
    let desired = mk_desired(vec![mk_endpoint(HOST, "192.0.2.3", "burnham")]);
    let plan = plan_one(&zone, &desired, &mk_options("blue"));
    assert!(plan.is_empty());
    let [Finding::NotOwned { found: None, .. }] = plan.findings.as_slice() else {
        panic!("{:?}", plan.findings)
    };
    assert_eq!(
        plan.findings[0].to_string(),
        "Skipping endpoint burnham.example.org. A because owner id does not match, found: \"\", required: \"blue\""
    );
}

#[test]
fn reads_ownership_in_every_format() {
    let like = mk_alias(HOST, BLUE_BALANCER, "blue", 100);
    for txt_name in ["a-burnham.example.org", "cname-burnham.example.org", "burnham.example.org"] {
        let zone = mk_zone(vec![like.clone(), mk_txt(txt_name, "blue", "burnham", &like)]);
        let plan = plan_one(&zone, &Desired::default(), &mk_options("blue"));
        assert_eq!(plan.changes().count(), 2, "{txt_name}: {:?}", lines(&plan));
        let foreign = plan_one(&zone, &Desired::default(), &mk_options("green"));
        assert!(foreign.is_empty(), "{txt_name}");
    }
}

#[test]
fn counts_a_record_with_contradicting_ownership_as_foreign() {
    let like = mk_alias(HOST, BLUE_BALANCER, "blue", 100);
    let zone = mk_zone(vec![
        like.clone(),
        mk_txt("cname-burnham.example.org", "blue", "burnham", &like),
        mk_txt(HOST, "green", "burnham", &like),
    ]);
    assert!(plan_one(&zone, &Desired::default(), &mk_options("blue")).is_empty());
    assert!(plan_one(&zone, &Desired::default(), &mk_options("green")).is_empty());
}

#[test]
fn does_not_take_the_legacy_ownership_of_one_host_for_the_new_ownership_of_another() {
    // `a-foo` belongs to blue as ExternalDNS up to v0.17 writes it; `foo` was made by hand.
    let host = mk_a("a-foo.example.org", "192.0.2.1");
    let zone = mk_zone(vec![
        host.clone(),
        mk_txt("a-foo.example.org", "blue", "a-foo", &host),
        mk_txt("a-a-foo.example.org", "blue", "a-foo", &host),
        mk_a("foo.example.org", "192.0.2.2"),
    ]);
    let plan = plan_one(&zone, &Desired::default(), &mk_options("blue"));
    assert_eq!(lines(&plan), ["DELETE a-a-foo.example.org TXT", "DELETE a-foo.example.org A"]);
}

#[test]
fn does_not_write_ownership_that_would_be_read_as_that_of_a_record_made_by_hand() {
    let zone = mk_zone(vec![mk_a("a-foo.example.org", "192.0.2.1")]);
    let desired = mk_desired(vec![mk_endpoint("foo.example.org", "192.0.2.2", "foo")]);
    let plan = plan_one(&zone, &desired, &mk_options("blue"));
    assert!(plan.is_empty());
    assert_eq!(blocked(&plan).len(), 1);
}

#[test]
fn keeps_hosts_apart_whose_names_look_like_ownership_of_each_other() {
    let mut zone = mk_zone(vec![]);
    let both = mk_desired(vec![
        mk_weighted("foo.example.org", BLUE_BALANCER, "one", "blue", 1),
        mk_weighted("cname-foo.example.org", BLUE_BALANCER, "one", "blue", 2),
    ]);
    settled(&mut zone, &both, &mk_options("blue"));
    assert_eq!(zone.len(), 8);
    let one = mk_desired(vec![mk_weighted("foo.example.org", BLUE_BALANCER, "one", "blue", 3)]);
    settled(&mut zone, &one, &mk_options("blue"));
    assert_eq!(zone.len(), 4);
    assert!(zone.iter().all(|record| record.weight == Some(Weight::new(3))));
}

#[test]
fn blocks_a_weighted_record_beside_a_foreign_simple_one() {
    let zone = mk_zone(vec![mk_a(HOST, "192.0.2.1")]);
    let plan = plan_one(&zone, &mk_blue(), &mk_options("blue"));
    assert!(plan.is_empty(), "{:?}", lines(&plan));
    assert_eq!(
        blocked(&plan),
        [
            "Skipping endpoint burnham.example.org. (blue) of ingress/team/burnham: a simple A record, without an owner, is there, and a weighted one cannot exist beside it"
        ]
    );
}

#[test]
fn blocks_a_record_whose_ownership_somebody_else_has() {
    let like = mk_alias(HOST, GREEN_BALANCER, "blue", 0);
    let zone = mk_zone(vec![mk_txt("a-burnham.example.org", "green", "burnham", &like)]);
    let plan = plan_one(&zone, &mk_blue(), &mk_options("blue"));
    assert!(plan.is_empty());
    assert!(blocked(&plan)[0].contains("found: \"green\", required: \"blue\""), "{:?}", blocked(&plan));
}

#[test]
fn blocks_a_cname_beside_anything_and_anything_beside_a_cname() {
    let mut mail = RecordSet::new(mk_name(HOST), RecordType::Other("MX".to_owned()));
    mail.values = vec!["10 mx.example.org".to_owned()];
    let desired = mk_desired(vec![mk_endpoint(HOST, "elsewhere.example.net", "burnham")]);
    assert_eq!(blocked(&plan_one(&mk_zone(vec![mail]), &desired, &mk_options("blue"))).len(), 1);

    let mut cname = RecordSet::new(mk_name(HOST), RecordType::Cname);
    cname.values = vec!["x.example.net".to_owned()];
    let desired = mk_desired(vec![mk_weighted(HOST, BLUE_BALANCER, "burnham", "blue", 1)]);
    assert_eq!(blocked(&plan_one(&mk_zone(vec![cname]), &desired, &mk_options("blue"))).len(), 1);
}

#[test]
fn leaves_out_a_legacy_name_that_another_text_has() {
    let mut spf = RecordSet::new(mk_name(HOST), RecordType::Txt);
    spf.ttl_seconds = Some(300);
    spf.values = vec!["\"v=spf1 -all\"".to_owned()];
    let mut zone = mk_zone(vec![spf.clone()]);
    let mut options = mk_options("blue");
    options.txt_naming =
        TxtNaming::new([TxtFormat::CnamePrefix, TxtFormat::Legacy], Affix::None, None).unwrap();
    let plan = plan_one(&zone, &mk_blue(), &options);
    assert_eq!(plan.changes().count(), 4, "{:?}", lines(&plan));
    assert!(plan.findings.iter().any(|f| matches!(f, Finding::TxtNameTaken { .. })));
    settled(&mut zone, &mk_blue(), &options);
    assert!(zone.iter().any(|record| *record == spf));
}

#[test]
fn blocks_a_record_that_could_have_no_ownership() {
    let label = "x".repeat(60);
    let host = format!("{label}.example.org");
    let desired = mk_desired(vec![mk_weighted(&host, BLUE_BALANCER, "long", "blue", 1)]);
    let plan = plan_one(&mk_zone(vec![]), &desired, &mk_options("blue"));
    assert!(plan.is_empty());
    assert_eq!(blocked(&plan).len(), 1);
}

#[test]
fn blocks_the_name_of_the_zone_itself_unless_a_prefix_keeps_its_ownership_inside() {
    let desired = mk_desired(vec![mk_weighted("example.org", BLUE_BALANCER, "apex", "blue", 1)]);
    let mut options = mk_options("blue");
    let plan = plan_one(&mk_zone(vec![]), &desired, &options);
    assert!(plan.is_empty());
    assert!(blocked(&plan)[0].contains("--txt-prefix"), "{:?}", blocked(&plan));
    let prefix = Affix::Prefix("%{record_type}-owner.".to_owned());
    options.txt_naming = TxtNaming::new([TxtFormat::CnamePrefix], prefix, None).unwrap();
    let plan = plan_one(&mk_zone(vec![]), &desired, &options);
    assert!(
        lines(&plan).contains(&"CREATE cname-owner.example.org TXT blue 1".to_owned()),
        "{:?}",
        lines(&plan)
    );
}

#[test]
fn changes_its_own_simple_record_to_weighted_in_one_group() {
    let simple = mk_desired(vec![mk_endpoint(HOST, BLUE_BALANCER, "burnham")]);
    let mut zone = mk_zone(vec![]);
    settled(&mut zone, &simple, &mk_options("blue"));
    let plan = plan_one(&zone, &mk_blue(), &mk_options("blue"));
    assert_eq!(group_names(&plan.zones[0].groups), [HOST]);
    let lines = lines(&plan);
    assert_eq!(lines.len(), 8, "{lines:?}");
    assert!(lines[..4].iter().all(|line| line.starts_with("DELETE")), "{lines:?}");
    settled(&mut zone, &mk_blue(), &mk_options("blue"));
    // And back.
    settled(&mut zone, &simple, &mk_options("blue"));
    assert_eq!(zone.len(), 4);
}

#[test]
fn keeps_the_old_set_when_the_new_identifier_is_blocked() {
    let mut zone = zone_of_blue();
    let like = mk_alias(HOST, GREEN_BALANCER, "new", 0);
    zone.apply(&Change::new(Action::Create, mk_txt("cname-burnham.example.org", "green", "burnham", &like)));
    let renamed = mk_desired(vec![mk_weighted(HOST, BLUE_BALANCER, "burnham", "new", 100)]);
    let plan = plan_one(&zone, &renamed, &mk_options("blue"));
    assert!(plan.is_empty(), "{:?}", lines(&plan));
    assert_eq!(blocked(&plan).len(), 1);
}

#[test]
fn changes_an_alias_to_a_name_and_back() {
    let mut zone = mk_zone(vec![]);
    let alias = mk_desired(vec![mk_endpoint(HOST, BLUE_BALANCER, "burnham")]);
    let cname = mk_desired(vec![mk_endpoint(HOST, "elsewhere.example.net", "burnham")]);
    let mut options = mk_options("blue");
    options.txt_naming =
        TxtNaming::new([TxtFormat::CnamePrefix, TxtFormat::Legacy], Affix::None, None).unwrap();
    for desired in [&alias, &cname, &alias] {
        settled(&mut zone, desired, &options);
    }
    settled(&mut zone, &cname, &options);
    assert_eq!(zone.len(), 2, "a CNAME and its ownership");
}

#[test]
fn keeps_a_ttl_that_nobody_asks_for_and_sets_one_that_is_asked_for() {
    let like = mk_a(HOST, "192.0.2.1");
    let mut present = like.clone();
    present.ttl_seconds = Some(77);
    let zone = mk_zone(vec![present, mk_txt("a-burnham.example.org", "blue", "burnham", &like)]);
    let mut endpoint = mk_endpoint(HOST, "192.0.2.1", "burnham");
    assert!(plan_one(&zone, &mk_desired(vec![endpoint.clone()]), &mk_options("blue")).is_empty());
    endpoint.ttl_seconds = Some(10);
    let plan = plan_one(&zone, &mk_desired(vec![endpoint]), &mk_options("blue"));
    assert_eq!(lines(&plan), ["UPSERT burnham.example.org A"]);
}

#[test]
fn ignores_a_ttl_on_an_alias_and_says_so() {
    let mut endpoint = mk_weighted(HOST, BLUE_BALANCER, "burnham", "blue", 100);
    endpoint.ttl_seconds = Some(10);
    let plan = plan_one(&zone_of_blue(), &mk_desired(vec![endpoint]), &mk_options("blue"));
    assert!(plan.is_empty());
    assert!(plan.findings.iter().any(|f| matches!(f, Finding::TtlIgnored { ttl_seconds: 10, .. })));
}

#[test]
fn holds_the_records_of_an_object_without_address_or_with_a_wrong_annotation() {
    let zone = zone_of_blue();
    for reason in [HoldReason::NoAddress, HoldReason::Invalid("`300` is no weight".to_owned())] {
        let mut desired = Desired::default();
        desired.apply(SourceObject::held(mk_resource("burnham"), reason.clone()));
        let plan = plan_one(&zone, &desired, &mk_options("blue"));
        assert!(plan.is_empty());
        assert!(plan.findings.iter().all(|f| matches!(f, Finding::Held { reason: r, .. } if *r == reason)));
        assert_eq!(plan.findings.len(), 1);
        let unborn = plan_one(&mk_zone(vec![]), &desired, &mk_options("blue"));
        assert!(matches!(unborn.findings.as_slice(), [Finding::Waiting { .. }]));
    }
}

#[test]
fn gives_a_contested_name_to_the_object_that_has_it() {
    let both = mk_desired(vec![
        mk_endpoint(HOST, "192.0.2.9", "first"),
        mk_weighted("other.example.org", BLUE_BALANCER, "other", "blue", 1),
        {
            let mut second = mk_endpoint(HOST, "192.0.2.1", "second");
            second.ttl_seconds = Some(60); // differs, so the two do not merge
            second
        },
    ]);
    let fresh = plan_one(&mk_zone(vec![]), &both, &mk_options("blue"));
    let value = |plan: &Plan| {
        plan.changes()
            .find(|c| c.record.record_type == RecordType::A && c.record.alias.is_none())
            .map(|c| c.record.values.clone())
    };
    assert_eq!(value(&fresh), Some(vec!["192.0.2.1".to_owned()]), "the least target wins");
    let mut zone = mk_zone(vec![]);
    settled(&mut zone, &mk_desired(vec![mk_endpoint(HOST, "192.0.2.9", "first")]), &mk_options("blue"));
    let plan = plan_one(&zone, &both, &mk_options("blue"));
    assert_eq!(value(&plan), None, "{:?}", lines(&plan));
    assert!(
        plan.findings
            .iter()
            .any(|f| matches!(f, Finding::Conflict { chosen, .. } if *chosen == mk_resource("first")))
    );
}

#[test]
fn merges_addresses_of_several_objects() {
    let desired =
        mk_desired(vec![mk_endpoint(HOST, "192.0.2.9", "first"), mk_endpoint(HOST, "192.0.2.1", "second")]);
    let plan = plan_one(&mk_zone(vec![]), &desired, &mk_options("blue"));
    let record = &plan.changes().find(|c| c.record.record_type == RecordType::A).unwrap().record;
    assert_eq!(record.values, ["192.0.2.1", "192.0.2.9"]);
}

#[test]
fn follows_its_policy() {
    let zone = zone_of_blue();
    let mut options = mk_options("blue");
    let weight_0 = mk_desired(vec![mk_weighted(HOST, BLUE_BALANCER, "burnham", "blue", 0)]);
    options.policy = Policy::UpsertOnly;
    assert!(plan_one(&zone, &Desired::default(), &options).is_empty());
    assert_eq!(plan_one(&zone, &weight_0, &options).changes().count(), 4);
    options.policy = Policy::CreateOnly;
    let plan = plan_one(&zone, &weight_0, &options);
    assert!(plan.is_empty());
    assert!(plan.findings.iter().any(|f| matches!(f, Finding::KeptByPolicy { what: "update", .. })));
}

#[test]
fn puts_a_name_into_the_longest_public_zone_and_every_private_one() {
    let mk = |id: &str, name: &str, private| ZoneRecords::new(id.to_owned(), mk_name(name), private, vec![]);
    let zones = [
        mk("Zparent", "example.org", false),
        mk("Zchild", "eks.example.org", false),
        mk("Zprivate", "example.org", true),
        mk("Zother", "example.net", false),
    ];
    let desired = mk_desired(vec![
        mk_weighted("burnham.eks.example.org", BLUE_BALANCER, "burnham", "blue", 1),
        mk_weighted("burnham.example.com", BLUE_BALANCER, "outside", "blue", 1),
    ]);
    let plan = plan(&zones, &desired, &mk_options("blue"));
    let ids: Vec<&str> = plan.zones.iter().map(|zone| zone.zone_id.as_str()).collect();
    assert_eq!(ids, ["Zchild", "Zprivate"]);
    assert!(plan.findings.iter().any(|f| matches!(f, Finding::OutsideZones { .. })));
}

fn zone_of_many(count: usize) -> (ZoneRecords, Desired) {
    let endpoint = |i| mk_weighted(&format!("h{i}.example.org"), BLUE_BALANCER, &format!("r{i}"), "blue", 1);
    let desired = mk_desired((0..count).map(endpoint).collect());
    let mut zone = mk_zone(vec![]);
    settled(&mut zone, &desired, &mk_options("blue"));
    (zone, desired)
}

#[test]
fn holds_a_mass_deletion_that_nobody_has_asked_for() {
    let (zone, _) = zone_of_many(10);
    let mut options = mk_options("blue");
    let plan = plan_one(&zone, &Desired::default(), &options);
    assert!(plan.is_empty());
    let [Finding::MassDeletionHeld { rows, own_rows: 10 }] = plan.findings.as_slice() else {
        panic!("{:?}", plan.findings)
    };
    assert_eq!(rows.len(), 10);
    options.mass_deletion = MassDeletionGuard::Allow;
    assert_eq!(plan_one(&zone, &Desired::default(), &options).changes().count(), 40);
}

#[test]
fn deletes_any_number_of_records_whose_objects_were_seen_to_go() {
    let (zone, mut desired) = zone_of_many(10);
    for i in 0..10 {
        desired.release(&mk_resource(&format!("r{i}")));
    }
    assert_eq!(plan_one(&zone, &desired, &mk_options("blue")).changes().count(), 40);
    let (zone, mut desired) = zone_of_many(10);
    desired.keep_only(|_| true, &(5..10).map(|i| mk_resource(&format!("r{i}"))).collect());
    let half = plan_one(&zone, &desired, &mk_options("blue"));
    assert_eq!(half.changes().count(), 20, "half is not more than half");
}

#[test]
fn removes_its_ownership_records_that_guard_nothing() {
    let like = mk_alias(HOST, BLUE_BALANCER, "blue", 100);
    let zone = mk_zone(vec![
        mk_txt("cname-gone.example.org", "blue", "gone", &like),
        mk_txt("cname-other.example.org", "green", "other", &like),
    ]);
    let plan = plan_one(&zone, &Desired::default(), &mk_options("blue"));
    assert_eq!(lines(&plan), ["DELETE cname-gone.example.org TXT blue 100"]);
    assert_eq!(group_names(&plan.zones[0].groups), ["gone.example.org"]);
}

#[test]
fn keeps_ownership_records_of_types_it_does_not_manage() {
    let mut service = RecordSet::new(mk_name("foo.example.org"), RecordType::Other("SRV".to_owned()));
    service.values = vec!["0 50 80 x.example.org".to_owned()];
    let txt = mk_txt("srv-foo.example.org", "blue", "foo", &service);
    assert!(plan_one(&mk_zone(vec![service, txt]), &Desired::default(), &mk_options("blue")).is_empty());
}

#[test]
fn writes_a_missing_ownership_record_of_its_own_record() {
    let mut zone = zone_of_blue();
    let mut options = mk_options("blue");
    options.txt_naming = TxtNaming::new([TxtFormat::APrefix], Affix::None, None).unwrap();
    let plan = plan_one(&zone, &mk_blue(), &options);
    assert_eq!(lines(&plan), ["CREATE a-burnham.example.org TXT blue 100"]);
    settled(&mut zone, &mk_blue(), &options);
}

#[test]
fn plans_ten_thousand_records_in_reasonable_time() {
    let (zone, desired) = zone_of_many(2500);
    assert_eq!(zone.len(), 10_000);
    let begin = std::time::Instant::now();
    assert!(plan_one(&zone, &desired, &mk_options("blue")).is_empty());
    // Unoptimised and on a busy machine; the point is that it is not quadratic.
    assert!(begin.elapsed().as_secs() < 10, "{:?}", begin.elapsed());
}
