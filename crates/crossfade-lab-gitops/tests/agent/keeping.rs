//! What the agent keeps: pushes, pruning, healing, waves, hooks, deletion.

use serde_json::{Value, json};

use crate::lab::{Lab, mk_application, mk_config_map};

fn value_of(lab: &Lab, name: &str) -> Option<String> {
    let map = lab.get("", "configmaps", "demo", name)?;
    Some(map["data"]["value"].as_str()?.to_owned())
}

fn phase(lab: &Lab, name: &str) -> Value {
    lab.application(name).map(|one| one["status"]["operationState"]["phase"].clone()).unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_push_is_noticed_and_what_is_removed_is_pruned() {
    let lab = Lab::start().await;
    let repository = lab.repository("repo");
    repository.write("maps/a.yaml", &mk_config_map("a", "1"));
    repository.write("maps/b.yaml", &mk_config_map("b", "1"));
    repository.commit();
    lab.create(
        "argoproj.io",
        "applications",
        mk_application("maps", &repository.url(), "maps", &json!({"prune": true})),
    );
    lab.until_synced("maps").await;
    repository.write("maps/a.yaml", &mk_config_map("a", "2"));
    repository.remove("maps/b.yaml");
    let commit = repository.commit();
    let took = lab.until("a has changed", || value_of(&lab, "a").as_deref() == Some("2")).await;
    eprintln!("push in {took:?}");
    lab.until("b is gone", || value_of(&lab, "b").is_none()).await;
    lab.until("it says so", || {
        lab.application("maps").unwrap()["status"]["sync"]["revision"] == json!(commit)
    })
    .await;
    let application = lab.until_synced("maps").await;
    assert_eq!(application["status"]["history"].as_array().map(Vec::len), Some(2));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_prune_what_is_removed_stays_and_is_out_of_sync() {
    let lab = Lab::start().await;
    let repository = lab.repository("repo");
    repository.write("maps/a.yaml", &mk_config_map("a", "1"));
    repository.write("maps/b.yaml", &mk_config_map("b", "1"));
    repository.commit();
    lab.create("argoproj.io", "applications", mk_application("maps", &repository.url(), "maps", &json!({})));
    lab.until_synced("maps").await;
    repository.remove("maps/b.yaml");
    repository.commit();
    let status = || lab.application("maps").unwrap()["status"].clone();
    lab.until("it is out of sync", || status()["sync"]["status"] == "OutOfSync").await;
    let expected = json!({"version": "v1", "kind": "ConfigMap", "namespace": "demo", "name": "b",
        "status": "OutOfSync", "requiresPruning": true});
    assert_eq!(status()["resources"][1], expected);
    assert_eq!(value_of(&lab, "b").as_deref(), Some("1"));
}

#[tokio::test(flavor = "multi_thread")]
async fn drift_is_healed_where_it_is_asked_for() {
    let lab = Lab::start().await;
    let repository = lab.repository("repo");
    repository.write("kept/a.yaml", &mk_config_map("kept", "1"));
    repository.write("shown/a.yaml", &mk_config_map("shown", "1"));
    repository.commit();
    for (name, automated) in [("kept", json!({"selfHeal": true})), ("shown", json!({}))] {
        lab.create("argoproj.io", "applications", mk_application(name, &repository.url(), name, &automated));
        lab.until_synced(name).await;
    }
    for name in ["kept", "shown"] {
        lab.patch("", "configmaps", name, |map| map["data"]["value"] = "drifted".into());
    }
    lab.until("drift is healed", || value_of(&lab, "kept").as_deref() == Some("1")).await;
    let shown = || lab.application("shown").unwrap()["status"]["sync"]["status"].clone();
    lab.until("drift is shown", || shown() == "OutOfSync").await;
    assert_eq!(value_of(&lab, "shown").as_deref(), Some("drifted"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_field_that_is_no_longer_declared_goes() {
    let lab = Lab::start().await;
    let repository = lab.repository("repo");
    repository.write("maps/a.yaml", &format!("{}  more: \"x\"\n", mk_config_map("a", "1")));
    repository.commit();
    lab.create("argoproj.io", "applications", mk_application("maps", &repository.url(), "maps", &json!({})));
    lab.until_synced("maps").await;
    lab.patch("", "configmaps", "a", |map| map["data"]["foreign"] = "stays".into());
    repository.write("maps/a.yaml", &mk_config_map("a", "1"));
    repository.commit();
    let data = || lab.get("", "configmaps", "demo", "a").unwrap()["data"].clone();
    lab.until("the field is gone", || data() == json!({"value": "1", "foreign": "stays"})).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_application_takes_its_objects_with_it_when_it_says_so() {
    let lab = Lab::start().await;
    let repository = lab.repository("repo");
    repository.write("maps/a.yaml", &mk_config_map("a", "1"));
    repository.write("others/b.yaml", &mk_config_map("b", "1"));
    repository.commit();
    let mut owning = mk_application("owning", &repository.url(), "maps", &json!({}));
    owning["metadata"]["finalizers"] = json!(["resources-finalizer.argocd.argoproj.io"]);
    lab.create("argoproj.io", "applications", owning);
    lab.create(
        "argoproj.io",
        "applications",
        mk_application("leaving", &repository.url(), "others", &json!({})),
    );
    lab.until_synced("owning").await;
    lab.until_synced("leaving").await;
    for name in ["owning", "leaving"] {
        let id = crossfade_lab_kube::ResourceId::new("argoproj.io", "applications");
        lab.store.delete(&id, Some("argocd"), name).unwrap();
        lab.until("it is gone", || lab.application(name).is_none()).await;
    }
    assert_eq!(value_of(&lab, "a"), None);
    assert_eq!(value_of(&lab, "b").as_deref(), Some("1"));
}

#[tokio::test(flavor = "multi_thread")]
async fn waves_and_hooks_come_in_their_order() {
    let lab = Lab::start().await;
    let repository = lab.repository("repo");
    let with = |name: &str, annotation: &str| {
        mk_config_map(name, "1")
            .replace("metadata:\n", &format!("metadata:\n  annotations: {{{annotation}}}\n"))
    };
    repository.write("all/1.yaml", &with("last", "argocd.argoproj.io/sync-wave: \"5\""));
    repository.write("all/2.yaml", &with("first", "argocd.argoproj.io/sync-wave: \"-5\""));
    repository.write("all/3.yaml", &with("before", "argocd.argoproj.io/hook: PreSync"));
    repository.write(
        "all/4.yaml",
        &with(
            "after",
            "argocd.argoproj.io/hook: PostSync, argocd.argoproj.io/hook-delete-policy: HookSucceeded",
        ),
    );
    repository.commit();
    lab.create("argoproj.io", "applications", mk_application("all", &repository.url(), "all", &json!({})));
    let application = lab.until_synced("all").await;
    let results =
        application["status"]["operationState"]["syncResult"]["resources"].as_array().unwrap().clone();
    let order: Vec<(&str, &str)> = results
        .iter()
        .map(|one| (one["syncPhase"].as_str().unwrap(), one["name"].as_str().unwrap()))
        .collect();
    let expected = [
        ("PreSync", "demo"),
        ("PreSync", "before"),
        ("Sync", "first"),
        ("Sync", "last"),
        ("PostSync", "after"),
    ];
    assert_eq!(order, expected);
    lab.until("the last hook is gone", || value_of(&lab, "after").is_none()).await;
    assert_eq!(value_of(&lab, "before").as_deref(), Some("1"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_manual_sync_is_done_and_its_request_taken_away() {
    let lab = Lab::start().await;
    let repository = lab.repository("repo");
    repository.write("maps/a.yaml", &mk_config_map("a", "1"));
    repository.commit();
    let mut application = mk_application("maps", &repository.url(), "maps", &json!({}));
    application["spec"]["syncPolicy"].as_object_mut().unwrap().remove("automated");
    lab.create("argoproj.io", "applications", application);
    let status = || lab.application("maps").unwrap()["status"].clone();
    lab.until("it is out of sync", || status()["sync"]["status"] == "OutOfSync").await;
    assert_eq!(status()["health"]["status"], "Missing");
    lab.patch("argoproj.io", "applications", "maps", |application| {
        application["operation"] =
            json!({"sync": {"syncOptions": ["CreateNamespace=true"]}, "initiatedBy": {"username": "admin"}});
    });
    let application = lab.until_synced("maps").await;
    assert_eq!(application["operation"], Value::Null);
    assert_eq!(application["status"]["history"][0]["initiatedBy"], json!({"username": "admin"}));
}

#[tokio::test(flavor = "multi_thread")]
async fn differences_to_be_ignored_do_not_count() {
    let lab = Lab::start().await;
    let repository = lab.repository("repo");
    repository.write("maps/a.yaml", &mk_config_map("a", "1"));
    repository.commit();
    let mut application = mk_application("maps", &repository.url(), "maps", &json!({"selfHeal": true}));
    application["spec"]["ignoreDifferences"] =
        json!([{"kind": "ConfigMap", "jsonPointers": ["/data/value"]}]);
    application["spec"]["syncPolicy"]["syncOptions"] =
        json!(["CreateNamespace=true", "RespectIgnoreDifferences=true"]);
    lab.create("argoproj.io", "applications", application);
    lab.until_synced("maps").await;
    lab.patch("", "configmaps", "a", |map| map["data"]["value"] = "theirs".into());
    repository.write("maps/a.yaml", &format!("{}  more: \"x\"\n", mk_config_map("a", "1")));
    repository.commit();
    let data = || lab.get("", "configmaps", "demo", "a").unwrap()["data"].clone();
    lab.until("the other field has come", || data()["more"] == "x").await;
    assert_eq!(data()["value"], "theirs");
    lab.until("it is done", || phase(&lab, "maps") == "Succeeded").await;
}
