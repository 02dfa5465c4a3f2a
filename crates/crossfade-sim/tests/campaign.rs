//! The engine holds its invariants, and the checker sees when one does not.

use std::collections::BTreeSet;

use crossfade_sim::{Defect, run_campaign, run_seed};

/// Seeds that once broke a rule, one per line; text after `#` says which.
const REGRESSIONS: &str = include_str!("regressions.txt");

#[test]
fn the_engine_breaks_no_rule() {
    let report = run_campaign(1, 150);
    assert!(report.failed.is_empty(), "{report}");
}

#[test]
fn seeds_that_once_failed_hold() {
    let seeds = REGRESSIONS.lines().filter_map(|line| line.split('#').next()?.trim().parse::<u64>().ok());
    for seed in seeds {
        let report = run_seed(seed, None);
        assert!(report.violations.is_empty(), "seed {seed}: {:?}", report.violations);
    }
}

/// A test for each: the rule that the defect breaks is named in one of the first 500 seeds.
macro_rules! caught_within_500_seeds {
    ($($test:ident: $defect:ident),* $(,)?) => {
        const CAUGHT: &[Defect] = &[$(Defect::$defect),*];
        $(
            #[test]
            fn $test() {
                let defect = Defect::$defect;
                let is_named = |seed: u64| {
                    let violations = run_seed(seed, Some(defect)).violations;
                    violations.iter().any(|violation| violation.rule == defect.rule())
                };
                assert!((1..=500).any(is_named), "{defect:?} was never noticed as {}", defect.rule());
            }
        )*
    };
}

caught_within_500_seeds! {
    catches_both_weights_at_zero: ZeroBoth,
    catches_a_source_at_zero_too_early: ZeroAtOnce,
    catches_health_of_long_ago: OldHealth,
    catches_a_rise_without_preflight: NoPreflight,
    catches_a_write_to_a_third_cluster: WriteThird,
    catches_progress_that_is_forgotten: KeepNothing,
    catches_a_pause_that_is_passed: SkipPause,
    catches_a_rollback_to_half: HalfBack,
    catches_a_ttl_that_is_too_short: ShortTtl,
    catches_a_listing_taken_for_answers: TrustListing,
    catches_a_driver_without_leases: NoLease,
    catches_a_guess: Guess,
    catches_weights_of_others_overwritten: Overwrite,
    catches_gates_that_are_ignored: IgnoreGates,
    catches_two_drivers_with_a_lease_each: KeepLeases,
    catches_an_earlier_weight_forgotten: ForgetPrevious,
    catches_an_end_that_is_not_kept: EndUnkept,
    catches_an_end_before_the_ttl: EndEarly,
    catches_a_return_that_waits_for_what_is_stuck: StuckHolds,
    catches_what_is_stuck_taken_for_carried_on: StuckServes,
}

#[test]
fn no_defect_is_left_out() {
    assert_eq!(CAUGHT, Defect::ALL);
}

#[test]
fn every_rule_has_a_defect() {
    let rules: BTreeSet<&str> = Defect::ALL.into_iter().map(Defect::rule).collect();
    for rule in ["I1", "I2", "I3", "I4", "I5", "I6", "I7", "I8", "I9", "I10", "gate", "users", "liveness"] {
        assert!(rules.contains(rule), "nothing breaks {rule} on purpose");
    }
}

#[test]
fn the_same_seed_is_the_same_run() {
    let (first, second) = (run_seed(7, None), run_seed(7, None));
    assert_eq!((first.ending, first.transitions), (second.ending, second.transitions));
}
