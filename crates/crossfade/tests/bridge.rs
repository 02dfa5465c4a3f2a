//! The GitOps bridge in the lab's clusters, and the files for a Git host.
#![cfg(feature = "lab")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support;

use std::collections::BTreeMap;
use std::process::{Command, Output};

use crossfade_core::ClusterName;
use crossfade_kube::bridge::{read_cluster_secret, write_annotation};
use crossfade_kube::{Cluster, KubeError};
use k8s_openapi::api::core::v1::{Namespace, ResourceQuota, Secret};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{Api, DynamicObject, ListParams, Patch, PatchParams, PostParams};
use kube::core::{ApiResource, GroupVersionKind};
use serde_json::json;
use support::{CROSSFADE, LabProcess, fresh_dir, stderr, stdout_json, wait_until_async};

const SECRET: &str = "eks-blueprint-blue";

/// Teaches a cluster ApplicationSets, as an installation of Argo CD does.
async fn define_application_sets(lab: &LabProcess, side: &str) {
    let names = json!({
        "kind": "ApplicationSet", "listKind": "ApplicationSetList", "plural": "applicationsets", "singular": "applicationset",
    });
    let schema =
        json!({ "openAPIV3Schema": { "type": "object", "x-kubernetes-preserve-unknown-fields": true } });
    let definition: CustomResourceDefinition = serde_json::from_value(json!({
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": { "name": "applicationsets.argoproj.io" },
        "spec": {
            "group": "argoproj.io", "scope": "Namespaced", "names": names,
            "versions": [{ "name": "v1alpha1", "served": true, "storage": true, "schema": schema }],
        },
    }))
    .unwrap();
    let api: Api<CustomResourceDefinition> = Api::all(lab.client(side).await);
    api.create(&PostParams::default(), &definition).await.unwrap();
    let sets = application_sets(lab, side).await;
    wait_until_async("ApplicationSets are served", async || sets.list(&ListParams::default()).await.is_ok())
        .await;
}

async fn application_sets(lab: &LabProcess, side: &str) -> Api<DynamicObject> {
    let kind = ApiResource::from_gvk(&GroupVersionKind::gvk("argoproj.io", "v1alpha1", "ApplicationSet"));
    Api::namespaced_with(lab.client(side).await, "argocd", &kind)
}

async fn secrets(lab: &LabProcess) -> Api<Secret> {
    Api::namespaced(lab.client("blue").await, "argocd")
}

async fn annotations(lab: &LabProcess) -> BTreeMap<String, String> {
    secrets(lab).await.get(SECRET).await.unwrap().metadata.annotations.unwrap()
}

fn apply(lab: &LabProcess, more: &[&str]) -> Output {
    let mut args = vec!["bridge", "apply", "--service", "blue", "--hosted-zone", "eks.example.org"];
    args.extend(more);
    lab.run(&args)
}

fn assert_done(output: &Output) {
    assert_eq!(output.status.code(), Some(0), "{}", stderr(output));
}

fn assert_refused(output: &Output, word: &str) {
    let said = stderr(output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains(word) && said.contains("hint:"), "`{word}` is not in: {said}");
}

#[tokio::test]
async fn bridge_is_applied_and_keeps_what_has_changed_since() {
    let lab = LabProcess::up(&[]);
    assert_refused(&apply(&lab, &[]), "Argo CD is not there");
    let namespaces: Api<Namespace> = Api::all(lab.client("blue").await);
    assert!(namespaces.get_opt("argocd").await.unwrap().is_none(), "a refusal applies nothing");

    define_application_sets(&lab, "blue").await;
    let password = lab.dir.join("password");
    std::fs::write(&password, "correct horse\n").unwrap();
    let key = lab.dir.join("key");
    std::fs::write(&key, "-----BEGIN OPENSSH PRIVATE KEY-----\nx\n").unwrap();
    let files =
        ["--admin-password-file", password.to_str().unwrap(), "--git-ssh-key-file", key.to_str().unwrap()];
    let first = apply(&lab, &[&files[..], &["--app-weight", "burnham=20"]].concat());
    assert_done(&first);
    assert!(!stderr(&first).contains("horse") && !stderr(&first).contains("$2a$"), "{}", stderr(&first));

    let now = annotations(&lab).await;
    assert_eq!((now["route53_weight"].as_str(), now["burnham_route53_weight"].as_str()), ("100", "20"));
    let sets = application_sets(&lab, "blue").await;
    for name in ["bootstrap-addons", "bootstrap-workloads"] {
        assert!(sets.get_opt(name).await.unwrap().is_some(), "{name}");
    }
    let quotas: Api<ResourceQuota> = Api::namespaced(lab.client("blue").await, "team-riker");
    assert!(quotas.get_opt("team-riker").await.unwrap().is_some());
    let argocd = secrets(&lab).await.get("argocd-secret").await.unwrap().data.unwrap();
    let credential = secrets(&lab).await.get("git-addons").await.unwrap().data.unwrap();
    assert!(credential["sshPrivateKey"].0.starts_with(b"-----BEGIN"));

    // A migration moves the weights; somebody adds an application of its own weight.
    let moved =
        json!({ "metadata": { "annotations": { "route53_weight": "0", "yelb_route53_weight": "3" } } });
    secrets(&lab).await.patch(SECRET, &PatchParams::default(), &Patch::Merge(moved)).await.unwrap();
    assert_done(&apply(&lab, &files));
    let kept = annotations(&lab).await;
    let weight = |key: &str| kept[key].as_str();
    assert_eq!(
        (weight("route53_weight"), weight("burnham_route53_weight"), weight("yelb_route53_weight")),
        ("0", "20", "3")
    );
    let unchanged = secrets(&lab).await.get("argocd-secret").await.unwrap().data.unwrap();
    assert_eq!(unchanged["admin.password"], argocd["admin.password"], "a hash is made once");

    assert_refused(&apply(&lab, &["--weight", "100"]), "the bridge does not move traffic");
    assert_eq!(annotations(&lab).await, kept);

    std::fs::write(&password, "battery staple").unwrap();
    assert_done(&apply(&lab, &files));
    let replaced = secrets(&lab).await.get("argocd-secret").await.unwrap().data.unwrap();
    assert_ne!(replaced["admin.password"], argocd["admin.password"]);
}

#[tokio::test]
async fn a_secret_of_terraform_is_left_alone_until_told_otherwise() {
    let lab = LabProcess::up(&[]);
    define_application_sets(&lab, "blue").await;
    let namespaces: Api<Namespace> = Api::all(lab.client("blue").await);
    let namespace = serde_json::from_value(json!({ "metadata": { "name": "argocd" } })).unwrap();
    namespaces.create(&PostParams::default(), &namespace).await.unwrap();
    let secret: Secret = serde_json::from_value(json!({
        "metadata": { "name": SECRET, "annotations": { "route53_weight": "100" } },
    }))
    .unwrap();
    let terraform = PostParams { field_manager: Some("HashiCorp".to_owned()), ..PostParams::default() };
    secrets(&lab).await.create(&terraform, &secret).await.unwrap();

    assert_refused(&apply(&lab, &[]), "field manager HashiCorp");
    assert_eq!(annotations(&lab).await.len(), 1);
    assert_done(&apply(&lab, &["--i-will-edit-main-tf"]));
    assert_eq!(annotations(&lab).await["env"], "blue");
}

#[tokio::test]
async fn a_region_is_never_guessed() {
    let lab = LabProcess::up(&[]);
    define_application_sets(&lab, "blue").await;
    let apply = |more: &[&str]| {
        let args =
            [&["bridge", "apply", "--service", "blue", "--hosted-zone", "eks.example.org"], more].concat();
        let nothing = lab.dir.join("no-configuration");
        let mut command = lab.command(&args);
        command.env_remove("AWS_REGION").env_remove("AWS_DEFAULT_REGION").env("AWS_CONFIG_FILE", nothing);
        command.output().unwrap()
    };
    assert_refused(&apply(&[]), "the cluster's region is not known");
    assert!(secrets(&lab).await.get_opt(SECRET).await.unwrap().is_none());
    assert_done(&apply(&["--region", "us-west-2"]));
    assert_done(&apply(&[]));
    let now = annotations(&lab).await;
    assert_eq!(now["aws_region"], "us-west-2");
    assert!(!now.contains_key("cluster_endpoint"), "an address of this machine alone");
}

#[tokio::test]
async fn an_annotation_is_written_only_over_what_was_seen() {
    let lab = LabProcess::up(&[]);
    define_application_sets(&lab, "blue").await;
    assert_done(&apply(&lab, &["--no-teams"]));
    let client = lab.client("blue").await;
    let server = String::new();
    let cluster = Cluster { name: ClusterName::from("blue"), context: SECRET.to_owned(), server, client };

    let seen = read_cluster_secret(&cluster, "argocd", SECRET).await.unwrap().unwrap();
    assert_eq!(seen.labels["cluster_name"], SECRET);
    let version = write_annotation(&cluster, "argocd", &seen, "route53_weight", "50").await.unwrap();
    assert_ne!(version, seen.resource_version);
    assert_eq!(annotations(&lab).await["route53_weight"], "50");

    let late = write_annotation(&cluster, "argocd", &seen, "route53_weight", "70").await;
    assert!(matches!(late, Err(KubeError::Conflict { .. })), "{late:?}");
    assert_eq!(annotations(&lab).await["route53_weight"], "50");
    assert!(read_cluster_secret(&cluster, "argocd", "nobody").await.unwrap().is_none());
}

fn export(dir: &str, more: &[&str]) -> Output {
    let zone = ["--hosted-zone", "eks.example.org"];
    Command::new(CROSSFADE).args(["export", "gitops", dir]).args(zone).args(more).output().unwrap()
}

fn show(more: &[&str]) -> Output {
    let args =
        ["bridge", "show", "--service", "green", "--hosted-zone", "eks.example.org", "--output", "json"];
    Command::new(CROSSFADE).args(args).args(more).output().unwrap()
}

#[test]
fn application_sets_of_ones_own_come_last() {
    let dir = fresh_dir("sets");
    std::fs::create_dir_all(&dir).unwrap();
    let file = dir.join("sets.yaml");
    let path = file.to_str().unwrap();
    let set = "apiVersion: argoproj.io/v1alpha1\nkind: ApplicationSet\nmetadata: {name: mine, namespace: argocd}\nspec: {}\n";
    std::fs::write(&file, set).unwrap();
    let output = show(&["--application-sets", path, "--git-key-secret-name", "github-blueprint-ssh-key"]);
    assert_done(&output);
    let objects = stdout_json(&output);
    assert_eq!(objects.as_array().unwrap().last().unwrap()["metadata"]["name"], "mine");
    let secret =
        objects.as_array().unwrap().iter().find(|o| o["metadata"]["name"] == "eks-blueprint-green").unwrap();
    let annotations = &secret["metadata"]["annotations"];
    assert_eq!(annotations["aws_secret_manager_git_private_ssh_key_name"], "github-blueprint-ssh-key");

    std::fs::write(&file, set.replace("ApplicationSet", "Secret")).unwrap();
    assert_refused(&show(&["--application-sets", path]), "is no ApplicationSet");
    std::fs::write(&file, set.replace("argocd", "default")).unwrap();
    assert_refused(&show(&["--application-sets", path]), "is in namespace");
    std::fs::remove_dir_all(&dir).unwrap();
}

#[test]
fn export_writes_what_git_and_kubectl_take() {
    let dir = fresh_dir("export");
    let path = dir.to_str().unwrap();
    assert_refused(&export(path, &[]), "where will Argo CD find the repositories?");
    assert!(!dir.exists());
    let urls = ["--workloads-url", "git@git.example.org:w", "--addons-url", "git@git.example.org:a"];
    let output = export(path, &urls);
    assert_done(&output);
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said.contains("push git@git.example.org:w main"), "{said}");
    assert!(said.contains("kubectl --context eks-blueprint-green apply"), "{said}");

    for file in [
        "workloads/envs/dev/Chart.yaml",
        "workloads/teams/team-geordie/dev/.helmignore",
        "addons/argocd/bootstrap/control-plane/addons/oss/addons-external-dns-appset.yaml",
    ] {
        assert!(dir.join(file).is_file(), "{file}");
    }
    for (name, weight) in [("eks-blueprint-blue", "100"), ("eks-blueprint-green", "0")] {
        let bridge = std::fs::read_to_string(dir.join(format!("bridge/{name}.yaml"))).unwrap();
        let objects = crossfade_kube::apply::parse(&dir, &bridge).unwrap();
        let secret =
            objects.iter().find(|object| object.object.metadata.name.as_deref() == Some(name)).unwrap();
        let annotations = secret.object.metadata.annotations.clone().unwrap();
        assert_eq!(annotations["route53_weight"], weight);
        assert_eq!(annotations["gitops_workloads_url"], "git@git.example.org:w");
    }

    let own = dir.join("workloads/mine.yaml");
    std::fs::write(&own, "x: 1\n").unwrap();
    assert_refused(&export(path, &urls), "is not empty");
    assert_done(&export(path, &[&urls[..], &["--force"]].concat()));
    assert!(own.is_file(), "what is somebody's own stays");
    std::fs::remove_dir_all(&dir).unwrap();
}
