//! Broken input: the Application says what is wrong, nothing else is held back, nothing is pruned.

use serde_json::{Value, json};

use crate::lab::{Lab, mk_application, mk_cluster_secret, mk_config_map};

fn exists(lab: &Lab, name: &str) -> bool {
    lab.get("", "configmaps", "demo", name).is_some()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chart_that_stops_rendering_says_so_and_prunes_nothing() {
    let lab = Lab::start().await;
    let repository = lab.repository("repo");
    repository.write("chart/Chart.yaml", "apiVersion: v2\nname: chart\nversion: 1.0.0\n");
    repository.write("chart/templates/a.yaml", &mk_config_map("a", "1"));
    repository.write("good/b.yaml", &mk_config_map("b", "1"));
    repository.commit();
    let automated = json!({"prune": true, "selfHeal": true});
    lab.create(
        "argoproj.io",
        "applications",
        mk_application("chart", &repository.url(), "chart", &automated),
    );
    lab.until_synced("chart").await;
    repository.write("chart/templates/a.yaml", "a: {{ required \"needed\" .Values.nothing }}\n");
    repository.commit();
    let message = lab.until_condition("applications", "chart", "ComparisonError").await;
    assert!(message.starts_with("Failed to load target state: failed to generate manifest for source 1 of 1: rpc error: code = Unknown desc = "), "{message}");
    assert!(message.contains("needed"), "{message}");
    let status = lab.application("chart").unwrap()["status"].clone();
    assert_eq!(status["sync"]["status"], "Unknown");
    assert_eq!(status["resources"][0]["status"], "Unknown");
    lab.create("argoproj.io", "applications", mk_application("good", &repository.url(), "good", &automated));
    lab.until_synced("good").await;
    assert!(exists(&lab, "a"));
    repository.write("chart/templates/a.yaml", &mk_config_map("a", "2"));
    repository.commit();
    lab.until_synced("chart").await;
    assert_eq!(lab.application("chart").unwrap()["status"]["conditions"], Value::Null);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_loaded_is_told_apart() {
    let lab = Lab::start().await;
    let repository = lab.repository("repo");
    repository.write("plain/readme.txt", "no chart here\n");
    repository.write("kustomized/kustomization.yaml", "resources: []\n");
    repository.commit();
    let url = repository.url();
    let gone = format!("file://{}/gone", lab.dir.path().display());
    let helm = json!({"helm": {"releaseName": "x"}});
    let revision = json!({"targetRevision": "nope"});
    // Somebody's address a moment ago, nobody's now.
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let nobody = format!("https://{nobody}");
    let chart = json!({"chart": "external-dns", "targetRevision": "1.13.0", "repoURL": nobody, "path": null});
    for (name, url, path, more, expected) in [
        ("gone", gone.as_str(), "x", json!({}), "failed to list refs: repository not found"),
        ("no-path", url.as_str(), "nowhere", json!({}), "nowhere: app path does not exist"),
        ("no-chart", url.as_str(), "plain", helm, "Chart.yaml file is missing"),
        ("no-revision", url.as_str(), "plain", revision, "unable to resolve 'nope' to a commit SHA"),
        ("kustomized", url.as_str(), "kustomized", json!({}), "does not run kustomize"),
        ("registry", url.as_str(), "x", chart, "is not a valid chart repository or cannot be reached"),
        ("outside", url.as_str(), "../..", json!({}), "app path outside root"),
    ] {
        let mut application = mk_application(name, url, path, &json!({"prune": true}));
        for (field, value) in more.as_object().unwrap() {
            application["spec"]["source"][field] = value.clone();
        }
        lab.create("argoproj.io", "applications", application);
        let message = lab.until_condition("applications", name, "ComparisonError").await;
        assert!(message.contains(expected), "{name}: {message}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn specs_that_cannot_be_followed_are_invalid() {
    let lab = Lab::start().await;
    let repository = lab.repository("repo");
    repository.write("maps/a.yaml", &mk_config_map("a", "1"));
    repository.commit();
    for (name, change, expected) in [
        (
            "elsewhere",
            json!({"destination": {"server": "https://other.example.org", "namespace": "demo"}}),
            "error getting cluster by server",
        ),
        (
            "nobody",
            json!({"destination": {"name": "red", "namespace": "demo"}}),
            "there are no clusters with this name: red",
        ),
        ("project", json!({"project": "nope"}), "Application referencing project nope which does not exist"),
        (
            "sourceless",
            json!({"source": null}),
            "spec.source.repoURL and either spec.source.path or spec.source.chart are required",
        ),
    ] {
        let mut application = mk_application(name, &repository.url(), "maps", &json!({}));
        for (field, value) in change.as_object().unwrap() {
            application["spec"][field] = value.clone();
        }
        lab.create("argoproj.io", "applications", application);
        let message = lab.until_condition("applications", name, "InvalidSpecError").await;
        assert!(message.contains(expected), "{name}: {message}");
        assert_eq!(lab.application(name).unwrap()["status"]["sync"]["status"], "Unknown");
    }
    assert!(!exists(&lab, "a"));
}

#[tokio::test(flavor = "multi_thread")]
async fn with_a_kind_that_is_not_served_nothing_is_applied_until_it_is() {
    let lab = Lab::start().await;
    let repository = lab.repository("repo");
    repository.write("all/a.yaml", &mk_config_map("a", "1"));
    repository.write(
        "all/p.yaml",
        "apiVersion: karpenter.sh/v1alpha5\nkind: Provisioner\nmetadata: {name: default}\nspec: {}\n",
    );
    repository.commit();
    let mut application = mk_application("all", &repository.url(), "all", &json!({"prune": true}));
    application["spec"]["syncPolicy"]["retry"] = json!({"limit": 0});
    lab.create("argoproj.io", "applications", application);
    let status = || lab.application("all").unwrap()["status"].clone();
    lab.until("it has failed", || status()["operationState"]["phase"] == "Failed").await;
    let results = status()["operationState"]["syncResult"]["resources"].clone();
    let provisioner =
        results.as_array().unwrap().iter().find(|one| one["kind"] == "Provisioner").unwrap().clone();
    assert_eq!(provisioner["status"], "SyncFailed");
    assert_eq!(
        provisioner["message"],
        "The Kubernetes API could not find karpenter.sh/Provisioner for requested resource demo/default. Make sure the \
         \"Provisioner\" CRD is installed on the destination cluster."
    );
    assert_eq!(
        status()["operationState"]["message"],
        "one or more synchronization tasks are not valid: failed to discover server resources for group version \
         karpenter.sh/v1alpha5: the server could not find the requested resource"
    );
    assert!(!exists(&lab, "a"));
    assert!(lab.get("", "namespaces", "", "demo").is_none());
    assert_eq!(status()["health"]["status"], "Missing");
    let message = lab.until_condition("applications", "all", "SyncError").await;
    assert!(message.starts_with("Failed last sync attempt to ["), "{message}");
    repository.write("crds/p.yaml", "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: provisioners.karpenter.sh}\nspec:\n  group: karpenter.sh\n  scope: Cluster\n  names: {kind: Provisioner, plural: provisioners, singular: provisioner, listKind: ProvisionerList}\n  versions:\n  - name: v1alpha5\n    served: true\n    storage: true\n    schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}\n");
    repository.commit();
    lab.create("argoproj.io", "applications", mk_application("crds", &repository.url(), "crds", &json!({})));
    lab.until_synced("crds").await;
    // A state that has failed is not tried again; the next one is.
    repository.write("readme.txt", "another commit");
    repository.commit();
    lab.until_synced("all").await;
    assert!(lab.get("karpenter.sh", "provisioners", "", "default").is_some());
    assert!(exists(&lab, "a"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_that_the_server_refuses_does_not_hold_others_back() {
    let lab = Lab::start().await;
    let repository = lab.repository("repo");
    repository.write("all/a.yaml", &mk_config_map("a", "1"));
    repository.write(
        "all/b.yaml",
        "apiVersion: v1\nkind: Service\nmetadata: {name: bad}\nspec: {ports: [{port: 100000}]}\n",
    );
    repository.commit();
    let mut application = mk_application("all", &repository.url(), "all", &json!({}));
    application["spec"]["syncPolicy"]["retry"] = json!({"limit": 0});
    lab.create("argoproj.io", "applications", application);
    let state = || lab.application("all").unwrap()["status"]["operationState"].clone();
    lab.until("it has failed", || state()["phase"] == "Failed").await;
    assert!(
        state()["message"]
            .as_str()
            .unwrap()
            .starts_with("one or more synchronization tasks completed unsuccessfully, reason: "),
        "{}",
        state()
    );
    assert!(exists(&lab, "a"));
}

#[tokio::test(flavor = "multi_thread")]
async fn repeated_and_shared_objects_are_warned_of() {
    let lab = Lab::start().await;
    let repository = lab.repository("repo");
    repository.write("twice/1.yaml", &mk_config_map("a", "1"));
    repository.write("twice/2.yaml", &mk_config_map("a", "2"));
    repository.write("again/1.yaml", &mk_config_map("a", "2"));
    repository.commit();
    lab.create(
        "argoproj.io",
        "applications",
        mk_application("twice", &repository.url(), "twice", &json!({})),
    );
    let message = lab.until_condition("applications", "twice", "RepeatedResourceWarning").await;
    assert_eq!(message, "Resource /ConfigMap/demo/a appeared 2 times among application resources.");
    lab.until_synced("twice").await;
    assert_eq!(lab.get("", "configmaps", "demo", "a").unwrap()["data"]["value"], "2");
    let mut other = mk_application("again", &repository.url(), "again", &json!({}));
    other["spec"]["syncPolicy"].as_object_mut().unwrap().remove("automated");
    lab.create("argoproj.io", "applications", other);
    let message = lab.until_condition("applications", "again", "SharedResourceWarning").await;
    assert_eq!(message, "ConfigMap/a is part of applications argocd/again and twice");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_application_set_says_what_is_wrong_and_changes_nothing() {
    let lab = Lab::start().await;
    let repository = lab.repository("repo");
    repository.write("maps/a.yaml", &mk_config_map("a", "1"));
    repository.commit();
    lab.create("", "secrets", mk_cluster_secret(&json!({"team": "burnham"})));
    let set = |name: &str, app: &str, elements: Value| {
        json!({"apiVersion": "argoproj.io/v1alpha1", "kind": "ApplicationSet",
            "metadata": {"name": name, "namespace": "argocd"},
            "spec": {"goTemplate": true, "goTemplateOptions": ["missingkey=error"],
                "generators": [{"list": {"elements": elements}}],
                "template": {"metadata": {"name": app},
                    "spec": mk_application("x", &repository.url(), "maps", &json!({}))["spec"]}}})
    };
    lab.create(
        "argoproj.io",
        "applicationsets",
        set("good", "good-{{ .team }}", json!([{"team": "burnham"}])),
    );
    lab.until_synced("good-burnham").await;
    lab.create(
        "argoproj.io",
        "applicationsets",
        set("missing", "missing-{{ .nope }}", json!([{"team": "a"}])),
    );
    let message = lab.until_condition("applicationsets", "missing", "ErrorOccurred").await;
    assert!(message.starts_with("failed to execute go template missing-{{ .nope }}: "), "{message}");
    assert!(message.contains("map has no entry for key \"nope\""), "{message}");
    lab.create("argoproj.io", "applicationsets", set("double", "one", json!([{"team": "a"}, {"team": "b"}])));
    let message = lab.until_condition("applicationsets", "double", "ErrorOccurred").await;
    assert_eq!(message, "ApplicationSet double contains applications with duplicate name: one");
    assert!(lab.application("one").is_none());
    lab.patch("argoproj.io", "applicationsets", "good", |set| {
        set["spec"]["template"]["metadata"]["name"] = "good-{{ .nope }}".into();
    });
    lab.until_condition("applicationsets", "good", "ErrorOccurred").await;
    assert!(lab.application("good-burnham").is_some());
    lab.patch("argoproj.io", "applicationsets", "good", |set| {
        set["spec"]["generators"][0]["list"]["elements"] = json!([]);
    });
    lab.until("what is no longer generated is gone, with its objects", || {
        lab.application("good-burnham").is_none() && !exists(&lab, "a")
    })
    .await;
}
