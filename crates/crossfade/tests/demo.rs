//! The main job: a migration under the eyes of users, and the way back when the destination breaks.
#![cfg(feature = "lab")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support;

use std::process::Command;
use std::sync::{Mutex, PoisonError};

use serde_json::Value;
use support::{CROSSFADE, stderr, stdout_json};

/// One demo at a time: each is a handful of busy processes, and requests that time out because three share a machine say
/// nothing about a migration.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// A TTL of one second: the whole path in a third of the time.
fn demo(more: &[&str]) -> (Value, String) {
    let _alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let arguments = ["demo", "--output", "json", "--ttl", "1"];
    let output = Command::new(CROSSFADE).args(arguments).args(more).output().unwrap();
    let document = stdout_json(&output);
    assert_eq!(output.status.code(), Some(0), "{}\n{}", document["broken"], stderr(&output));
    (document, stderr(&output))
}

#[test]
fn moves_all_groups_of_a_repository_without_a_failed_request() {
    let hops = [
        "cluster-secret",
        "application-set",
        "applications",
        "ingress",
        "record",
        "name-servers",
        "resolvers",
    ];
    check_complete(&["--delivery", "gitops"], 2, &hops);
}

#[test]
fn moves_all_groups_of_manifests_without_a_failed_request() {
    check_complete(&["--delivery", "manifests"], 3, &["ingress", "record", "name-servers", "resolvers"]);
}

fn check_complete(more: &[&str], groups_count: usize, hops: &[&str]) {
    let (document, said) = demo(more);
    assert_eq!(document["result"], "complete");
    let requests = &document["requests"];
    assert!(requests["sent"].as_u64().unwrap() >= 2_000, "{requests}");
    assert_eq!(
        (&requests["failed"], &requests["failed_outside_fault"]),
        (&0.into(), &0.into()),
        "{requests}"
    );
    assert!(requests["by_cluster"]["green"].as_u64().unwrap() > 500, "{requests}");

    let groups = document["groups"].as_array().unwrap();
    assert_eq!(groups.len(), groups_count);
    assert!(
        groups.iter().any(|group| group["hosts"].as_array().unwrap().len() >= 2),
        "no group with several hosts"
    );
    for group in groups {
        assert_eq!((&group["weights"]["blue"], &group["weights"]["green"]), (&0.into(), &100.into()));
    }
    let steps = document["steps"].as_array().unwrap();
    assert_eq!(steps.len(), 3);
    for group in steps.iter().flat_map(|step| step["groups"].as_array().unwrap()) {
        assert!(group["draws"]["count"].as_u64().unwrap() >= 4_000, "{group}");
        assert!(group["p_value"].as_f64().unwrap() > 1e-5, "{group}");
        for hop in hops {
            assert!(group["hops_ms"][*hop].is_u64(), "{hop}: {group}");
        }
    }
    assert!(said.contains("its load balancers are switched off, users go on"), "{said}");
}

#[test]
fn a_destination_with_errors_leads_back() {
    let (document, said) = demo(&["--inject", "green-500"]);
    assert_eq!(document["result"], "rolled-back");
    assert_eq!(document["failure"]["reason"], "GateFailed");
    let requests = &document["requests"];
    assert!(requests["failed"].as_u64().unwrap() > 0, "the fault reached no user: {requests}");
    assert_eq!(requests["failed_outside_fault"], 0, "{requests}");
    for group in document["groups"].as_array().unwrap() {
        assert_eq!((&group["weights"]["blue"], &group["weights"]["green"]), (&100.into(), &0.into()));
    }
    assert!(said.contains("rolling back: GateFailed"), "{said}");
}

#[test]
fn a_destination_without_targets_leads_back() {
    let (document, _) = demo(&["--inject", "green-unhealthy"]);
    assert_eq!(document["result"], "rolled-back");
    assert_eq!(document["requests"]["failed_outside_fault"], 0);
}
