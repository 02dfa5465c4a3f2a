//! What holds for any zone and any wish.

use proptest::prelude::*;

use super::super::super::{Affix, TxtFormat, TxtNaming};
use super::super::{MassDeletionGuard, Policy};
use super::*;

const OWNERS: [&str; 3] = ["blue", "green", "red"];

fn hosts() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("foo.example.org"),
        Just("a-foo.example.org"),
        Just("cname-foo.example.org"),
        Just("bar.example.org"),
        Just("example.org"),
        Just("*.example.org"),
    ]
    .prop_map(str::to_owned)
}

fn targets() -> impl Strategy<Value = String> {
    prop_oneof![
        Just(BLUE_BALANCER),
        Just(GREEN_BALANCER),
        Just("192.0.2.1"),
        Just("2001:db8::1"),
        Just("x.example.net")
    ]
    .prop_map(str::to_owned)
}

fn routing() -> impl Strategy<Value = Option<(String, u8)>> {
    proptest::option::of((prop_oneof![Just("blue".to_owned()), Just("green".to_owned())], 0_u8..4))
}

prop_compose! {
    fn endpoints()(host in hosts(), target in targets(), resource in 0..4, routing in routing()) -> Endpoint {
        let resource = format!("r{resource}");
        match routing {
            Some((set, weight)) => mk_weighted(&host, &target, &resource, &set, weight),
            None => mk_endpoint(&host, &target, &resource),
        }
    }
}

fn wishes() -> impl Strategy<Value = Vec<Endpoint>> {
    proptest::collection::vec(endpoints(), 0..6)
}

fn namings() -> impl Strategy<Value = TxtNaming> {
    let formats = prop_oneof![
        Just(vec![TxtFormat::CnamePrefix]),
        Just(vec![TxtFormat::APrefix]),
        Just(vec![TxtFormat::CnamePrefix, TxtFormat::Legacy]),
        Just(TxtFormat::ALL.to_vec()),
    ];
    formats.prop_map(|formats| TxtNaming::new(formats, Affix::None, None).unwrap())
}

fn mk_all(owner: &str, naming: &TxtNaming) -> PlanOptions {
    PlanOptions { txt_naming: naming.clone(), mass_deletion: MassDeletionGuard::Allow, ..mk_options(owner) }
}

fn by_hand() -> impl Strategy<Value = Vec<RecordSet>> {
    let one = (hosts(), 0..3_u8).prop_map(|(host, kind)| match kind {
        0 => mk_a(&host, "198.51.100.1"),
        1 => {
            let mut text = RecordSet::new(mk_name(&host), RecordType::Txt);
            text.ttl_seconds = Some(60);
            text.values = vec!["\"v=spf1 -all\"".to_owned()];
            text
        }
        _ => mk_alias(&host, GREEN_BALANCER, "hand", 5),
    });
    proptest::collection::vec(one, 0..3)
}

fn whole(wish: Vec<Endpoint>) -> Desired {
    let mut by_resource = wish;
    by_resource.sort_by(|a, b| a.resource.cmp(&b.resource));
    mk_desired(by_resource)
}

/// Two record sets that Route 53 would not accept beside each other.
fn incompatible(zone: &ZoneRecords) -> Option<(&RecordSet, &RecordSet)> {
    zone.names().find_map(|(_, records)| {
        let pairs =
            records.iter().enumerate().flat_map(|(i, a)| records[i + 1..].iter().map(move |b| (a, b)));
        pairs.into_iter().find(|(a, b)| {
            if a.record_type == b.record_type {
                a.policy() != b.policy()
            } else {
                a.record_type == RecordType::Cname || b.record_type == RecordType::Cname
            }
        })
    })
}

/// Nothing that the plan wants to create is there, and everything that it deletes is, as Route 53 demands.
fn assert_applicable(zone: &ZoneRecords, plan: &Plan) {
    let deleted: Vec<_> =
        plan.changes().filter(|c| c.action == Action::Delete).map(|c| c.record.key()).collect();
    for change in plan.changes() {
        let key = change.record.key();
        let present = zone.get(&key.name, &key.record_type, key.set_identifier.as_ref());
        match change.action {
            Action::Create => assert!(present.is_none() || deleted.contains(&key), "{change:?}"),
            Action::Delete => assert_eq!(present, Some(&change.record)),
            Action::Upsert => {}
        }
    }
    let keys: Vec<_> = plan.changes().map(|c| (c.action == Action::Delete, c.record.key())).collect();
    let distinct: std::collections::BTreeSet<_> = keys.iter().cloned().collect();
    assert_eq!(keys.len(), distinct.len(), "a record set twice in one plan: {:?}", lines(plan));
}

/// Carries plans out until nothing is left to do.
///
/// One plan is enough but where a name is freed that is another's place for ownership: that takes a plan more.
fn settle(zone: &mut ZoneRecords, desired: &Desired, options: &PlanOptions) {
    for _ in 0..3 {
        let plan = plan_one(zone, desired, options);
        assert_applicable(zone, &plan);
        carry_out(zone, &plan);
        assert_eq!(incompatible(zone), None);
    }
    let rest = plan_one(zone, desired, options);
    assert!(rest.is_empty(), "not settled: {:?}", lines(&rest));
}

proptest! {
    #[test]
    fn a_plan_carried_out_leaves_nothing_to_do(
        hand in by_hand(),
        wishes in proptest::collection::vec((0..OWNERS.len(), wishes()), 1..5),
        naming in namings(),
    ) {
        let mut zone = mk_zone(vec![]);
        for record in hand {
            let mut with = zone.clone();
            with.apply(&Change::new(Action::Upsert, record));
            if incompatible(&with).is_none() {
                zone = with;
            }
        }
        for (owner, wish) in wishes {
            let options = mk_all(OWNERS[owner], &naming);
            let desired = whole(wish);
            let before = zone.clone();
            settle(&mut zone, &desired, &options);
            // Records of others, and those without an owner, are as they were.
            for record in before.iter().filter(|r| !super::super::row::is_own(&before, r, &options)) {
                prop_assert!(zone.iter().any(|r| r == record), "{record:?} is gone");
            }
        }
    }

    #[test]
    fn the_order_of_objects_and_records_makes_no_difference(
        before in wishes(),
        wish in wishes(),
        naming in namings(),
    ) {
        let options = mk_all("blue", &naming);
        let mut zone = mk_zone(vec![]);
        let first = plan_one(&zone, &whole(before), &options);
        carry_out(&mut zone, &first);
        let reversed = mk_zone(zone.iter().cloned().collect::<Vec<_>>().into_iter().rev().collect());
        let mut wish_reversed = wish.clone();
        wish_reversed.reverse();
        let plan = plan_one(&zone, &whole(wish), &options);
        let other = plan_one(&reversed, &whole(wish_reversed), &options);
        prop_assert_eq!(plan.zones, other.zones);
    }

    #[test]
    fn a_set_has_one_weight_at_rest(wishes in proptest::collection::vec(wishes(), 1..4), naming in namings()) {
        let options = mk_all("blue", &naming);
        let mut zone = mk_zone(vec![]);
        for wish in wishes {
            settle(&mut zone, &whole(wish), &options);
        }
        for record in zone.iter().filter(|record| record.record_type != RecordType::Txt) {
            let txts: Vec<&RecordSet> = options
                .txt_naming
                .written_names(record)
                .iter()
                .filter_map(|name| zone.get(name, &RecordType::Txt, record.set_identifier.as_ref()))
                .collect();
            prop_assert!(!txts.is_empty(), "{record:?} has no ownership record");
            prop_assert!(txts.iter().all(|txt| txt.weight == record.weight), "{record:?} and {txts:?}");
        }
    }

    #[test]
    fn a_lesser_policy_never_deletes(wishes in proptest::collection::vec(wishes(), 2..4)) {
        let options = PlanOptions { policy: Policy::CreateOnly, ..mk_options("blue") };
        let mut zone = mk_zone(vec![]);
        for wish in wishes {
            let plan = plan_one(&zone, &whole(wish), &options);
            prop_assert!(plan.changes().all(|change| change.action == Action::Create));
            carry_out(&mut zone, &plan);
        }
    }
}
