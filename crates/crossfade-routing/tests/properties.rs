//! Properties that hold for every group of record sets and every draw.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use crossfade_routing::{
    Candidate, Health, Record, Routing, Share, check_group, choose, expected_shares, in_service,
};
use proptest::prelude::*;

fn groups() -> impl Strategy<Value = Vec<Record>> {
    let weight = prop_oneof![Just(0_u8), Just(255), any::<u8>()];
    let health = (proptest::option::of(any::<bool>()), proptest::option::of(any::<bool>()));
    proptest::collection::vec((weight, health), 1..12).prop_map(|members| {
        members
            .into_iter()
            .enumerate()
            .map(|(index, (weight, (health_check, evaluated_target)))| Record {
                set_identifier: format!("set-{index}"),
                routing: Routing::Weighted(weight),
                health: Health { health_check, evaluated_target },
            })
            .collect()
    })
}

fn chosen(records: &[Record], draw: u64) -> usize {
    let candidates: Vec<Candidate> = records.iter().map(Candidate::from).collect();
    choose(&candidates, draw).unwrap()
}

proptest! {
    #[test]
    fn shares_add_up_to_one(records in groups()) {
        prop_assert_eq!(check_group(&records), Ok(()));
        let shares: Vec<Share> = expected_shares(&records).into_iter().map(|(_, share)| share).collect();
        let denominator: u128 = shares.iter().map(|share| u128::from(share.denominator())).fold(1, |all, one| {
            let mut divisor = (all, one);
            while divisor.1 != 0 {
                divisor = (divisor.1, divisor.0 % divisor.1);
            }
            all / divisor.0 * one
        });
        let sum: u128 = shares
            .iter()
            .map(|share| u128::from(share.numerator()) * (denominator / u128::from(share.denominator())))
            .sum();
        prop_assert_eq!(sum, denominator);
    }

    #[test]
    fn a_record_with_share_zero_is_never_chosen(records in groups(), draw in any::<u64>()) {
        let index = chosen(&records, draw);
        prop_assert!(!expected_shares(&records)[index].1.is_zero());
        prop_assert!(in_service(&records).contains(&index));
    }

    #[test]
    fn an_unhealthy_record_is_chosen_only_when_all_are_unhealthy(records in groups(), draw in any::<u64>()) {
        let index = chosen(&records, draw);
        if records.iter().any(|record| record.health.is_healthy()) {
            prop_assert!(records[index].health.is_healthy());
        }
    }

    #[test]
    fn evenly_spread_draws_reproduce_the_shares(records in groups()) {
        const DRAWS: u64 = 4096;
        let mut counts = vec![0_u64; records.len()];
        for step in 0..DRAWS {
            counts[chosen(&records, step * (u64::MAX / DRAWS))] += 1;
        }
        for ((_, share), count) in expected_shares(&records).into_iter().zip(counts) {
            let seen = count as f64 / DRAWS as f64;
            prop_assert!((seen - share.as_f64()).abs() <= 2.0 / DRAWS as f64, "{seen} instead of {share}");
        }
    }

    #[test]
    fn the_order_of_records_changes_no_share(records in groups()) {
        let mut backwards = records.clone();
        backwards.reverse();
        let mut shares = expected_shares(&backwards);
        shares.reverse();
        prop_assert_eq!(shares, expected_shares(&records));
    }
}
