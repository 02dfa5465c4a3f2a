//! Hooks that are Jobs, in a lab whose agent syncs and whose controllers let Jobs end.
#![cfg(feature = "lab")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support;

use std::path::Path;
use std::process::Command;

use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{Api, DynamicObject, PostParams};
use kube::core::{ApiResource, GroupVersionKind};
use serde_json::{Value, json};
use support::{LabProcess, fresh_dir, wait_until_async};

/// A Job that runs at a moment of a sync, with the code that it is to end with.
fn mk_hook(name: &str, annotation: &str, exit_code: &str) -> String {
    format!(
        "apiVersion: batch/v1\nkind: Job\nmetadata:\n  name: {name}\n  annotations:\n    {annotation}\n    \
         lab.crossfade.dev/exit-code: \"{exit_code}\"\nspec:\n  backoffLimit: 0\n  template:\n    spec:\n      \
         restartPolicy: Never\n      containers: [{{name: work, image: \"example.org/migrate:1\"}}]\n"
    )
}

fn mk_config_map(name: &str) -> String {
    format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}}}\n")
}

/// A Git repository with these files.
fn mk_repository(files: &[(&str, String)]) -> std::path::PathBuf {
    let dir = fresh_dir("hooks");
    for (path, text) in files {
        let path = dir.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    for args in [
        &["init", "--quiet", "--initial-branch=main"][..],
        &["add", "."],
        &["commit", "--quiet", "-m", "hooks"],
    ] {
        let identity = ["-c", "user.name=test", "-c", "user.email=test@example.org"];
        let git = Command::new("git").arg("-C").arg(&dir).args(identity).args(args).output().unwrap();
        assert!(git.status.success(), "{}", String::from_utf8_lossy(&git.stderr));
    }
    dir
}

fn mk_application(name: &str, repository: &Path) -> DynamicObject {
    let url = format!("file://{}", repository.display());
    serde_json::from_value(json!({
        "apiVersion": "argoproj.io/v1alpha1", "kind": "Application",
        "metadata": { "name": name, "namespace": "argocd" },
        "spec": {
            "project": "default",
            "source": { "repoURL": url, "path": name, "targetRevision": "main" },
            "destination": { "server": "https://kubernetes.default.svc", "namespace": "default" },
            "syncPolicy": { "automated": {}, "retry": { "limit": 0 } },
        },
    }))
    .unwrap()
}

async fn status(applications: &Api<DynamicObject>, name: &str) -> Value {
    applications.get(name).await.unwrap().data["status"].clone()
}

#[tokio::test]
async fn hooks_that_are_jobs_let_a_sync_go_on_or_stop_it() {
    let repository = mk_repository(&[
        ("good/before.yaml", mk_hook("good-before", "argocd.argoproj.io/hook: PreSync", "0")),
        ("good/after.yaml", mk_hook("good-after", "helm.sh/hook: post-install", "0")),
        ("good/map.yaml", mk_config_map("good")),
        ("bad/before.yaml", mk_hook("bad-before", "argocd.argoproj.io/hook: PreSync", "1")),
        ("bad/map.yaml", mk_config_map("bad")),
    ]);
    let lab = LabProcess::up_by("gitops", &[]);
    let client = lab.client("blue").await;
    let kind = ApiResource::from_gvk(&GroupVersionKind::gvk("argoproj.io", "v1alpha1", "Application"));
    let applications: Api<DynamicObject> = Api::namespaced_with(client.clone(), "argocd", &kind);
    for name in ["good", "bad"] {
        applications.create(&PostParams::default(), &mk_application(name, &repository)).await.unwrap();
    }
    let phase = async |name: &str| status(&applications, name).await["operationState"]["phase"].clone();
    wait_until_async("good is synced and bad is not", async || {
        phase("good").await == "Succeeded" && phase("bad").await == "Failed"
    })
    .await;

    let good = status(&applications, "good").await;
    assert_eq!(good["sync"]["status"], "Synced");
    let hooks: Vec<(&Value, &Value)> = good["operationState"]["syncResult"]["resources"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|result| result["kind"] == "Job")
        .map(|result| (&result["hookType"], &result["hookPhase"]))
        .collect();
    assert_eq!(hooks, [(&json!("PreSync"), &json!("Succeeded")), (&json!("PostSync"), &json!("Succeeded"))]);
    let jobs: Api<Job> = Api::default_namespaced(client.clone());
    let after = jobs.get("good-after").await.unwrap().status.unwrap();
    assert_eq!((after.succeeded, after.completion_time.is_some()), (Some(1), true));

    let bad = status(&applications, "bad").await;
    let message = bad["operationState"]["message"].as_str().unwrap();
    assert!(message.starts_with("one or more synchronization tasks completed unsuccessfully"), "{message}");
    let hook = &bad["operationState"]["syncResult"]["resources"][0];
    assert_eq!((&hook["hookType"], &hook["hookPhase"]), (&json!("PreSync"), &json!("Failed")));
    assert_eq!(hook["message"], "Job has reached the specified backoff limit");
    assert_eq!(bad["sync"]["status"], "OutOfSync");
    let maps: Api<ConfigMap> = Api::default_namespaced(client);
    assert!(maps.get_opt("bad").await.unwrap().is_none(), "nothing comes after a hook that failed");
    assert!(maps.get_opt("good").await.unwrap().is_some());
    std::fs::remove_dir_all(repository).unwrap();
}
