//! What cannot be done is refused with one message that names the place, a hint and exit code 1, and nothing changes.
#![cfg(feature = "lab")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support;

use crossfade_aws::{Aws, AwsOptions, StaticCredentials};
use crossfade_core::dns::{Action, Change, RecordName, RecordType};
use k8s_openapi::api::apps::v1::Deployment;
use kube::api::{Api, DynamicObject, Patch, PatchParams, PostParams};
use kube::core::{ApiResource, GroupVersionKind};
use serde_json::{Value, json};
use support::{CROSSFADE, DOMAIN, LabProcess, WEIGHT, fresh_dir, stderr, wait_until_async};

async fn patch_burnham(lab: &LabProcess, side: &str, patch: Value) {
    let api = lab.ingresses(side, "team-burnham").await;
    api.patch("burnham-ingress", &PatchParams::default(), &Patch::Merge(patch)).await.unwrap();
}

/// Exit code 1, the given words in the message, a hint, and neither weights nor objects touched.
async fn assert_refused(lab: &LabProcess, more: &[&str], words: &[&str]) {
    let before = lab.weights().await;
    let output = lab.migrate(more);
    let said = stderr(&output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    for word in words.iter().chain(&["error:", "hint:"]) {
        assert!(said.contains(word), "`{word}` is not in: {said}");
    }
    assert_eq!(lab.weights().await, before);
    for side in ["blue", "green"] {
        let kind = ApiResource::from_gvk(&GroupVersionKind::gvk("crossfade.dev", "v1alpha1", "Migration"));
        let migrations: Api<DynamicObject> = Api::all_with(lab.client(side).await, &kind);
        let found = migrations.list(&kube::api::ListParams::default()).await;
        assert!(found.is_err() || found.unwrap().items.is_empty(), "a Migration was made in {side}");
    }
}

#[tokio::test]
async fn options_that_make_no_sense() {
    let lab = LabProcess::up(&[]);
    let context = ["--context", "blue=nowhere", "--context", "green=eks-blueprint-green"];
    assert_refused(&lab, &context, &["context `nowhere` is not in the kubeconfig", "eks-blueprint-blue"])
        .await;
    assert_refused(&lab, &["--steps", "10%,120%"], &["`120%` is no step"]).await;
    assert_refused(&lab, &["--zone", "example.com"], &["111122223333 has no public zone example.com"]).await;
    assert_refused(&lab, &["--group", "team-x/x"], &["team-x/x is in neither cluster"]).await;

    let harbour = format!("harbour.{DOMAIN}");
    let skiff = format!("skiff.{DOMAIN} was not");
    assert_refused(&lab, &["--host", &harbour], &["team-skiff/skiff moves as one", &harbour, &skiff]).await;

    let viewer = ["--context", "blue=eks-blueprint-blue-viewer", "--context", "green=eks-blueprint-green"];
    assert_refused(&lab, &viewer, &["no right to patch ingresses in namespace team-burnham"]).await;
}

#[tokio::test]
async fn weights_that_are_none() {
    let lab = LabProcess::up(&[]);
    patch_burnham(&lab, "green", json!({ "metadata": { "annotations": { WEIGHT: "300" } } })).await;
    assert_refused(&lab, &[], &["team-burnham/burnham-ingress in green", WEIGHT, "`300` is no weight"]).await;

    patch_burnham(&lab, "green", json!({ "metadata": { "annotations": { WEIGHT: "0" } } })).await;
    patch_burnham(&lab, "blue", json!({ "metadata": { "annotations": { WEIGHT: "0" } } })).await;
    assert_refused(&lab, &[], &["team-burnham/burnham-ingress: all weights are 0"]).await;
}

#[tokio::test]
async fn groups_that_must_not_be_moved() {
    let lab = LabProcess::up(&[]);
    let tracking = "team-burnham:networking.k8s.io/Ingress:team-burnham/burnham-ingress";
    let mark =
        |value: Value| json!({ "metadata": { "annotations": { "argocd.argoproj.io/tracking-id": value } } });
    patch_burnham(&lab, "blue", mark(json!(tracking))).await;
    assert_refused(&lab, &[], &["in blue is kept by Argo CD (Application team-burnham)"]).await;
    patch_burnham(&lab, "blue", mark(Value::Null)).await;

    let alone = format!("alone.{DOMAIN}");
    let api = lab.ingresses("blue", "team-burnham").await;
    let mut ingress = api.get("burnham-ingress").await.unwrap();
    let rules = ingress.spec.as_mut().unwrap().rules.as_mut().unwrap();
    let mut rule = rules[0].clone();
    rule.host = Some(alone.clone());
    rules.push(rule);
    api.replace("burnham-ingress", &PostParams::default(), &ingress).await.unwrap();
    assert_refused(&lab, &[], &[&format!("{alone} is in blue and not in green")]).await;
}

#[tokio::test]
async fn pods_that_keep_data() {
    let lab = LabProcess::up(&[]);
    let api: Api<Deployment> = Api::namespaced(lab.client("blue").await, "team-burnham");
    let volumes = json!([{ "name": "data", "persistentVolumeClaim": { "claimName": "burnham-data" } }]);
    let patch = json!({ "spec": { "template": { "spec": { "volumes": volumes } } } });
    api.patch("burnham", &PatchParams::default(), &Patch::Merge(patch)).await.unwrap();
    wait_until_async("the pods are replaced", async || {
        let status = api.get("burnham").await.unwrap().status.unwrap();
        status.updated_replicas == Some(3) && status.replicas == Some(3)
    })
    .await;
    assert_refused(&lab, &[], &["in blue: its pods mount burnham-data", "--allow-stateful"]).await;
}

/// A record whose TXT names somebody else is not ours to change (invariant I4), and the DNS controller leaves it alone.
#[tokio::test]
async fn records_of_another_owner() {
    let lab = LabProcess::up(&[]);
    let options = AwsOptions {
        region: Some(lab.env["AWS_REGION"].clone()),
        endpoint: Some(lab.env["AWS_ENDPOINT_URL"].clone()),
        credentials: Some(StaticCredentials { access_key_id: "lab".into(), secret_access_key: "lab".into() }),
        ..AwsOptions::default()
    };
    let route53 = Aws::with_options(options).await.unwrap().route53();
    let zone = route53.find_zone(&RecordName::parse(DOMAIN).unwrap()).await.unwrap().unwrap();
    let texts = route53.record_sets(&zone.id).await.unwrap().into_iter().filter(|record| {
        let is_blue = record.set_identifier.as_ref().is_some_and(|id| id.as_str() == "eks-blueprint-blue");
        is_blue && record.record_type == RecordType::Txt && record.name.as_str().contains("burnham")
    });
    let changes: Vec<Change> = texts
        .map(|mut record| {
            for value in &mut record.values {
                *value = value.replace("owner=eks-blueprint-blue", "owner=somebody");
            }
            Change { action: Action::Upsert, record }
        })
        .collect();
    assert_eq!(changes.len(), 3, "{changes:?}");
    route53.change(&zone.id, &changes, "another owner").await.unwrap();
    assert_refused(&lab, &[], &["set `eks-blueprint-blue`", "is owned by `somebody`", "--owner"]).await;

    let after = route53.record_sets(&zone.id).await.unwrap();
    assert!(changes.iter().all(|change| after.contains(&change.record)), "somebody's records were touched");
}

#[tokio::test]
async fn hosts_outside_the_zone() {
    let lab = LabProcess::up(&[]);
    for side in ["blue", "green"] {
        let annotation = "external-dns.alpha.kubernetes.io/hostname";
        patch_burnham(
            &lab,
            side,
            json!({ "metadata": { "annotations": { annotation: "burnham.example.com" } } }),
        )
        .await;
    }
    assert_refused(&lab, &[], &["burnham.example.com is in no zone of this migration"]).await;
}

#[tokio::test]
async fn a_destination_that_does_not_answer() {
    let lab = LabProcess::up(&[]);
    let dir = lab.dir.display().to_string();
    let output = lab.run(&["lab", "inject", "green", "http500", "--dir", &dir]);
    assert!(output.status.success(), "{}", stderr(&output));
    assert_refused(&lab, &[], &["team-burnham/burnham-ingress in green", "answered 500"]).await;
}

#[test]
fn manifests_that_are_wrong() {
    let cases = [
        ("a: [", "a.yaml"),
        ("apiVersion: v1\nkind: Namespace\n", "a.yaml (document 1): metadata.name is missing"),
        (
            "apiVersion: v1\nkind: Namespace\nmetadata: {name: \"${TEAM}\"}\n",
            "a.yaml:3: ${TEAM} has no value",
        ),
        ("apiVersion: v1\nkind: Namespace\nmetadata: {name: Team_A}\n", "Namespace Team_A of"),
        ("apiVersion: example.org/v1\nkind: Sloop\nmetadata: {name: a}\n", "Sloop a of"),
        ("apiVersion: v1\nkind: Namespace\nmetadata: {name: team-a}\n", "have no Ingress with a weight"),
    ];
    for (text, words) in cases {
        let dir = fresh_dir("manifests");
        std::fs::create_dir_all(&dir).unwrap();
        std::fs::write(dir.join("a.yaml"), text).unwrap();
        let demo =
            std::process::Command::new(CROSSFADE).args(["demo", "--workloads"]).arg(&dir).output().unwrap();
        std::fs::remove_dir_all(&dir).unwrap();
        let said = stderr(&demo);
        assert_eq!(demo.status.code(), Some(1), "{text}: {said}");
        assert!(said.contains(words) && said.contains("error:"), "`{words}` is not in: {said}");
    }
}
