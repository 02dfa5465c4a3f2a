//! Applications that cannot be rendered: refused before a change, and no obstacle to a return. A weight key that one cluster
//! secret lacks: named with the command that mends it.
#![cfg(feature = "lab")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support;

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use k8s_openapi::api::core::v1::Secret;
use kube::api::{Api, ApiResource, DynamicObject, GroupVersionKind, Patch, PatchParams};
use serde_json::json;
use support::{LabProcess, fresh_dir, signal, stderr, wait_until, wait_until_async};

const CHART: &str = "teams/team-riker/dev/templates/broken.yaml";

fn git(dir: &Path, args: &[&str]) {
    let identity = ["-c", "user.name=Test", "-c", "user.email=test@example.org"];
    let output = Command::new("git").current_dir(dir).args(identity).args(args).output().unwrap();
    assert!(output.status.success(), "git {args:?}: {}", stderr(&output));
}

fn clone(lab: &LabProcess) -> PathBuf {
    let dir = fresh_dir("clone");
    let repository = lab.dir.join("repositories/workloads.git");
    let output = Command::new("git").arg("clone").arg("-q").arg(repository).arg(&dir).output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    dir
}

fn break_chart(clone: &Path) {
    std::fs::write(clone.join(CHART), "{{ if\n").unwrap();
    push(clone, "A template without an end");
}

fn mend_chart(clone: &Path) {
    std::fs::remove_file(clone.join(CHART)).unwrap();
    push(clone, "No template without an end");
}

fn push(clone: &Path, message: &str) {
    git(clone, &["add", "--all"]);
    git(clone, &["commit", "--quiet", "--message", message]);
    git(clone, &["push", "--quiet"]);
}

/// The sync status of team-riker is this in both clusters.
async fn riker_is(lab: &LabProcess, status: &str) {
    let kind = ApiResource::from_gvk(&GroupVersionKind::gvk("argoproj.io", "v1alpha1", "Application"));
    for side in ["blue", "green"] {
        let api: Api<DynamicObject> = Api::namespaced_with(lab.client(side).await, "argocd", &kind);
        wait_until_async(&format!("team-riker is {status} in {side}"), async || {
            api.get("team-riker").await.unwrap().data["status"]["sync"]["status"] == status
        })
        .await;
    }
}

async fn secret_weight(lab: &LabProcess, side: &str) -> String {
    let secrets: Api<Secret> = Api::namespaced(lab.client(side).await, "argocd");
    let secret = secrets.get(&format!("eks-blueprint-{side}")).await.unwrap();
    secret.metadata.annotations.unwrap()["route53_weight"].clone()
}

fn assert_refused(output: &Output, words: &[&str]) {
    let said = stderr(output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    for word in words {
        assert!(said.contains(word), "`{word}` is not in: {said}");
    }
}

#[tokio::test]
async fn a_chart_that_breaks_refuses_changes_and_holds_no_return() {
    let lab = LabProcess::up_by("gitops", &[]);
    let clone = clone(&lab);
    let migrate =
        ["migrate", "--from", "blue", "--to", "green", "--yes", "--group", "route53_weight", "--bake", "60"];
    let mut driver = lab
        .command(&[&migrate[..], &["--steps", "100/50"]].concat())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(driver.stderr.take().unwrap()).lines().map(Result::unwrap);
    assert!(lines.any(|line| line.contains("step 100/50 is settled")), "the step was never settled");
    std::thread::spawn(move || lines.for_each(drop));
    break_chart(&clone);
    riker_is(&lab, "Unknown").await;
    signal("INT", driver.id());
    driver.wait().unwrap();

    // All that can return does; the rest is named, and follows when the chart is mended.
    let mut back = lab
        .command(&["migration", "rollback", "blue-to-green"])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(back.stderr.take().unwrap()).lines().map(Result::unwrap);
    let left = lines.find(|line| line.contains("stays at 50")).expect("what is left was never said");
    assert!(
        left.contains("Application team-riker: ComparisonError") && left.contains("unclosed action"),
        "{left}"
    );
    let weights = (secret_weight(&lab, "blue").await, secret_weight(&lab, "green").await);
    assert_eq!(weights, ("100".to_owned(), "0".to_owned()));
    std::thread::spawn(move || lines.for_each(drop));

    let words = ["route53_weight in green: Application team-riker: ComparisonError", "hint: mend it first"];
    assert_refused(&lab.run(&[&migrate[..], &["--name", "again"]].concat()), &words);
    let other = ["--group", "burnham_route53_weight", "--name", "other", "--dry-run"];
    let other = lab.run(&[&migrate[..6], &other].concat());
    assert_eq!(other.status.code(), Some(0), "another group is affected: {}", stderr(&other));

    mend_chart(&clone);
    wait_until("the return ends", || back.try_wait().unwrap().is_some());
    assert_eq!(back.wait().unwrap().code(), Some(0));
    std::fs::remove_dir_all(&clone).unwrap();
}

#[tokio::test]
async fn a_key_that_one_secret_lacks_is_named_with_the_command_that_adds_it() {
    let lab = LabProcess::up_by("gitops", &[]);
    let secrets: Api<Secret> = Api::namespaced(lab.client("green").await, "argocd");
    let patch = json!({ "metadata": { "annotations": { "yelb_route53_weight": "0" } } });
    secrets.patch("eks-blueprint-green", &PatchParams::default(), &Patch::Merge(patch)).await.unwrap();

    let mends = "kubectl --context eks-blueprint-blue -n argocd annotate secret eks-blueprint-blue yelb_route53_weight=100";
    let torn = "in the cluster secret of green and not in that of blue (eks-blueprint-blue)";
    let migrate = ["migrate", "--from", "blue", "--to", "green", "--dry-run"];
    assert_refused(&lab.run(&migrate), &[torn, mends]);
    assert_refused(&lab.run(&["weights", "set", "yelb_route53_weight", "green=10", "--yes"]), &[torn, mends]);
    assert_refused(
        &lab.run(&["weights", "set", "geordie/yelb-ingress", "green=10", "--yes"]),
        &[torn, mends],
    );
    let got = lab.run(&["weights", "get"]);
    let table = String::from_utf8_lossy(&got.stdout).into_owned();
    let rows: Vec<String> = table
        .lines()
        .filter(|line| line.starts_with("geordie/yelb") || line.starts_with("yelb_"))
        .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
        .collect();
    assert_eq!(
        rows,
        [
            "geordie/yelb-ingress blue 100 100.0 % Argo CD, from route53_weight",
            "geordie/yelb-ingress green 0 0.0 % Argo CD, from yelb_route53_weight",
            "yelb_route53_weight blue 100 100.0 % nobody: the secret lacks it",
            "yelb_route53_weight green 0 0.0 % cluster secret",
        ]
    );
    assert!(stderr(&got).contains(mends) && table.lines().all(|line| line.chars().count() <= 100), "{table}");

    let secrets: Api<Secret> = Api::namespaced(lab.client("blue").await, "argocd");
    let patch = json!({ "metadata": { "annotations": { "yelb_route53_weight": "100" } } });
    secrets.patch("eks-blueprint-blue", &PatchParams::default(), &Patch::Merge(patch)).await.unwrap();
    wait_until("both have it", || lab.run(&migrate).status.code() == Some(0));
}
