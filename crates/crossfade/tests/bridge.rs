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
    std::fs::write(&key, "-----BEGIN PRIVATE KEY-----\nx\n-----END PRIVATE KEY-----\n").unwrap();
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

    for given in ["--weight=100", "--app-weight=riker=100", "--app-weight=yelb=0"] {
        assert_refused(&apply(&lab, &[given]), "the bridge does not move traffic");
    }
    assert_eq!(annotations(&lab).await, kept);
    // A key that is gone comes back as what its application has without it.
    let gone = json!({ "metadata": { "annotations": { "argocd_route53_weight": null, "ecsfrontend_route53_weight": null } } });
    secrets(&lab).await.patch(SECRET, &PatchParams::default(), &Patch::Merge(gone)).await.unwrap();
    assert_done(&apply(&lab, &["--app-weight", "riker=0"]));
    let back = annotations(&lab).await;
    for key in ["argocd_route53_weight", "ecsfrontend_route53_weight", "riker_route53_weight"] {
        assert_eq!(back[key], "0", "{key}");
    }

    for wrong in ["", &"x".repeat(73), "two\nlines"] {
        std::fs::write(&password, wrong).unwrap();
        let output = apply(&lab, &files);
        assert_refused(&output, "");
        assert!(
            !stderr(&output).contains("replaced"),
            "nothing is said that was not done: {}",
            stderr(&output)
        );
    }
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

/// A cluster secret as somebody else makes one.
async fn register(lab: &LabProcess, name: &str, server: &str, config: &serde_json::Value) {
    let namespaces: Api<Namespace> = Api::all(lab.client("blue").await);
    if namespaces.get_opt("argocd").await.unwrap().is_none() {
        let namespace = serde_json::from_value(json!({ "metadata": { "name": "argocd" } })).unwrap();
        namespaces.create(&PostParams::default(), &namespace).await.unwrap();
    }
    let secret: Secret = serde_json::from_value(json!({
        "metadata": { "name": name, "labels": { "argocd.argoproj.io/secret-type": "cluster" } },
        "stringData": { "name": name, "server": server, "config": config.to_string() },
    }))
    .unwrap();
    secrets(lab).await.create(&PostParams::default(), &secret).await.unwrap();
}

#[tokio::test]
async fn a_cluster_has_one_secret_and_one_of_other_origin_stays() {
    let lab = LabProcess::up(&[]);
    define_application_sets(&lab, "blue").await;
    let hub = json!({ "bearerToken": "s3cret" });
    register(&lab, SECRET, "https://hub.example", &hub).await;
    let refused = apply(&lab, &[]);
    assert_refused(&refused, "is for https://hub.example");
    assert!(!stderr(&refused).contains("s3cret"));
    let at = secrets(&lab).await;
    let server = json!({ "stringData": { "server": "https://kubernetes.default.svc" } });
    at.patch(SECRET, &PatchParams::default(), &Patch::Merge(server)).await.unwrap();
    assert_refused(&apply(&lab, &[]), "has credentials (config)");
    at.delete(SECRET, &kube::api::DeleteParams::default()).await.unwrap();

    assert_done(&apply(&lab, &[]));
    let before = at.list(&ListParams::default()).await.unwrap().items;
    // Green's command with blue's context.
    let args =
        ["bridge", "apply", "--service", "green", "--hosted-zone", "eks.example.org", "--context", SECRET];
    let output = lab.run(&args);
    assert_refused(&output, "is eks-blueprint-blue to Argo CD");
    assert!(stderr(&output).contains("--service blue"), "{}", stderr(&output));
    assert_eq!(at.list(&ListParams::default()).await.unwrap().items, before);
}

#[tokio::test]
async fn a_dry_run_says_what_changes_and_changes_nothing() {
    let lab = LabProcess::up(&[]);
    define_application_sets(&lab, "blue").await;
    let said = |output: &Output| String::from_utf8(output.stdout.clone()).unwrap();
    let is_said = |text: &str, line: &str| {
        assert!(text.lines().any(|said| said == line), "`{line}` is not in:\n{text}");
    };

    let output = apply(&lab, &["--dry-run"]);
    assert_done(&output);
    for line in [
        "namespace/argocd created (server dry run)",
        "resourcequota/team-riker created (server dry run)",
        "clusterrole.rbac.authorization.k8s.io/team-riker-cluster created (server dry run)",
        "secret/eks-blueprint-blue created (server dry run)",
        "  annotation route53_weight: (none) → 100",
        "applicationset.argoproj.io/bootstrap-addons created (server dry run)",
    ] {
        is_said(&said(&output), line);
    }
    let namespaces: Api<Namespace> = Api::all(lab.client("blue").await);
    assert!(namespaces.get_opt("argocd").await.unwrap().is_none());

    let vpc = ["--vpc", "vpc-1", "--add-on", "external_dns=arn:aws:iam::111122223333:role/dns"];
    is_said(&said(&apply(&lab, &vpc)), "secret/eks-blueprint-blue created");
    let now = annotations(&lab).await;
    let again = said(&apply(&lab, &["--dry-run"]));
    is_said(&again, "secret/eks-blueprint-blue unchanged (server dry run)");
    assert!(!again.contains("configured") && !again.contains("created") && !again.contains('→'), "{again}");
    assert!(!said(&apply(&lab, &[])).contains("configured"));
    assert_eq!(annotations(&lab).await, now);

    let change = ["--vpc", "vpc-2", "--no-add-on", "kyverno", "--dry-run"];
    let output = apply(&lab, &change);
    is_said(&said(&output), "secret/eks-blueprint-blue configured (server dry run)");
    is_said(&said(&output), "  label enable_kyverno: true → false");
    is_said(&said(&output), "  annotation aws_vpc_id: vpc-1 → vpc-2");
    assert_eq!(said(&output).matches('→').count(), 2, "{}", said(&output));
    assert!(stderr(&output).contains("add-on kyverno goes off: Argo CD deletes its Application"));
    assert_eq!(annotations(&lab).await, now);
    is_said(&said(&apply(&lab, &change[..4])), "secret/eks-blueprint-blue configured");
    assert_eq!(annotations(&lab).await["aws_vpc_id"], "vpc-2");
}

#[tokio::test]
async fn a_teams_objects_of_terraform_are_not_forced_over() {
    let lab = LabProcess::up(&[]);
    define_application_sets(&lab, "blue").await;
    let namespaces: Api<Namespace> = Api::all(lab.client("blue").await);
    let namespace =
        serde_json::from_value(json!({ "metadata": { "name": "team-riker", "labels": { "team": "x" } } }));
    let terraform = PostParams { field_manager: Some("Terraform".to_owned()), ..PostParams::default() };
    namespaces.create(&terraform, &namespace.unwrap()).await.unwrap();
    assert_refused(
        &apply(&lab, &[]),
        "an object is of Terraform's (field manager Terraform): namespace/team-riker",
    );
    assert!(namespaces.get_opt("argocd").await.unwrap().is_none());
    assert_done(&apply(&lab, &["--no-teams"]));
    assert_done(&apply(&lab, &["--i-will-edit-main-tf"]));
    assert_eq!(namespaces.get("team-riker").await.unwrap().metadata.labels.unwrap()["team"], "riker");
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
    let args = ["bridge", "show", "--hosted-zone", "eks.example.org", "--output", "json"];
    let service = if more.contains(&"--service") { &[][..] } else { &["--service", "green"] };
    Command::new(CROSSFADE).args(args).args(service).args(more).output().unwrap()
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
    let objects = &stdout_json(&output)["items"];
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
    let lines: Vec<&str> = said.lines().collect();
    let at = |line: &str| lines.iter().position(|said| said.starts_with(line)).unwrap();
    let install = at("crossfade bridge install --service green --environment eks-blueprint");
    let apply = at(
        "crossfade bridge apply --service green --hosted-zone eks.example.org --workloads-url git@git.example.org:w",
    );
    assert!(install < apply, "{said}");

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

/// What a chart of one file makes of a template, with what the bridge hands on about a cluster.
fn child_of(chart: &str, args: &[&str]) -> serde_json::Value {
    use crossfade_gotemplate::{Functions, MissingKey, Sources, Template};
    let output = show(args);
    assert_done(&output);
    let objects = stdout_json(&output);
    let named = |name: &str| {
        objects["items"].as_array().unwrap().iter().find(|object| object["metadata"]["name"] == name).unwrap()
    };
    let set = named("bootstrap-workloads");
    let values = set["spec"]["template"]["spec"]["sources"][0]["helm"]["values"].as_str().unwrap();
    let functions = Functions::argo_application_sets();
    let template = Template::parse("values", values, &functions, MissingKey::Default).unwrap();
    let cluster = objects["items"]
        .as_array()
        .unwrap()
        .iter()
        .find(|object| object["metadata"]["labels"]["argocd.argoproj.io/secret-type"] == "cluster");
    let data = json!({ "metadata": cluster.unwrap()["metadata"], "name": "x" });
    let values = template.render(&data, &Sources::default()).unwrap();
    let dir = fresh_dir("values");
    std::fs::create_dir_all(&dir).unwrap();
    let file = dir.join("values.yaml");
    std::fs::write(&file, values).unwrap();
    let chart = format!("{}/../../examples/workloads/{chart}", env!("CARGO_MANIFEST_DIR"));
    let output =
        Command::new(CROSSFADE).args(["render", &chart, "-f", file.to_str().unwrap()]).output().unwrap();
    assert_done(&output);
    let rendered: Vec<serde_json::Value> =
        serde_saphyr::from_multiple(std::str::from_utf8(&output.stdout).unwrap()).unwrap();
    std::fs::remove_dir_all(&dir).unwrap();
    rendered.into_iter().find(|object| object["kind"] == "Application").unwrap()
}

#[test]
fn a_revision_is_a_text_all_the_way() {
    for revision in ["1.10", "1e5", "true", "0123", "null", "main"] {
        for chart in ["envs/dev", "teams/team-geordie/dev", "multi-repo/argo-app-of-apps/dev"] {
            let child = child_of(chart, &["--workloads-revision", revision]);
            assert_eq!(child["spec"]["source"]["targetRevision"], revision, "{chart}");
        }
    }
    for service in ["2", "true", "null", "blue"] {
        let args = ["--service", service];
        let child = child_of("envs/dev", &args);
        assert_eq!(child["metadata"]["labels"]["env"], service);
        let values = child["spec"]["source"]["helm"]["values"].as_str().unwrap();
        let values: serde_json::Value = serde_saphyr::from_str(values).unwrap();
        assert_eq!(values["spec"]["env"], service, "what goes on to the teams' charts");
    }
}
