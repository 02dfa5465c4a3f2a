//! Weights read and set by hand, with a migration's rules.
#![cfg(feature = "lab")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support;

use serde_json::Value;
use support::LabProcess;

const GROUP: &str = "team-burnham/burnham-ingress";
const CONTEXTS: [&str; 4] =
    ["--context", "blue=eks-blueprint-blue", "--context", "green=eks-blueprint-green"];

fn weights(lab: &LabProcess, args: &[&str]) -> std::process::Output {
    let args: Vec<&str> = ["weights"].into_iter().chain(args.iter().copied()).chain(CONTEXTS).collect();
    lab.run(&args)
}

fn of_group(lab: &LabProcess) -> (u64, u64) {
    let output = weights(lab, &["get", GROUP, "-o", "json"]);
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    let weights = &document["groups"][0]["weights"];
    (weights["blue"].as_u64().unwrap(), weights["green"].as_u64().unwrap())
}

#[tokio::test]
async fn weights_of_one_group_are_set_and_proven() {
    let lab = LabProcess::up(&[]);
    assert_eq!(of_group(&lab), (100, 0));
    let output = weights(&lab, &["set", GROUP, "green=100", "--yes"]);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("complete: team-burnham/burnham-ingress blue 100 / green 100"), "{said}");
    assert_eq!(of_group(&lab), (100, 100));
    let again = weights(&lab, &["set", GROUP, "green=100", "--yes"]);
    assert!(String::from_utf8_lossy(&again.stdout).contains("already"));
}

#[tokio::test]
async fn weights_that_nobody_should_want_are_refused() {
    let lab = LabProcess::up(&[]);
    for (args, words) in [
        (["set", GROUP, "blue=0", "--yes"], "both weights would be 0"),
        (["set", GROUP, "red=1", "--yes"], "has no weight in red"),
        (["set", "team-x/none", "blue=1", "--yes"], "there is no group"),
        (["set", GROUP, "blue=256", "--yes"], "is no weight from 0 to 255"),
    ] {
        let output = weights(&lab, &args);
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_ne!(output.status.code(), Some(0), "{args:?}");
        assert!(text.contains(words), "{args:?}: {text}");
    }
    assert_eq!(of_group(&lab), (100, 0));
}

#[tokio::test]
async fn what_argo_cd_keeps_moves_by_its_cluster_secret() {
    let lab = LabProcess::up_by("gitops", &[]);
    let listed = weights(&lab, &["get", "-o", "json"]).stdout;
    let listed: Value = serde_json::from_slice(&listed).unwrap();
    let groups: Vec<&str> =
        listed["groups"].as_array().unwrap().iter().map(|group| group["group"].as_str().unwrap()).collect();
    assert!(groups.contains(&GROUP) && groups.contains(&"burnham_route53_weight"), "{groups:?}");

    // An Ingress that shares its annotation does not move alone.
    let shared = groups.iter().find(|group| group.contains('/') && **group != GROUP).unwrap();
    let refused = weights(&lab, &["set", shared, "green=100", "--yes"]);
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(refused.status.code() == Some(1) && said.contains("is fed by route53_weight"), "{said}");

    let output = weights(&lab, &["set", GROUP, "green=100", "--yes"]);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(String::from_utf8_lossy(&output.stdout).contains("gitops-bridge"));
    assert_eq!(of_group(&lab), (100, 100));

    let migrate = ["migrate", "--from", "blue", "--to", "green", "--dry-run", "--group", GROUP];
    let plan = lab.run(&[&migrate[..], &CONTEXTS[..]].concat());
    let plan = String::from_utf8_lossy(&plan.stdout).into_owned();
    assert!(plan.contains("gitops-bridge") && plan.contains("burnham_route53_weight"), "{plan}");
    let insisted = lab.run(&[&migrate[..], &CONTEXTS[..], &["--actuator", "annotation"]].concat());
    assert!(String::from_utf8_lossy(&insisted.stderr).contains("is kept by Argo CD"));
}
