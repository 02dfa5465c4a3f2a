//! Migrations as objects: a controller drives what is applied, two of them drive it once.
#![cfg(feature = "lab")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support;

use std::process::{Child, Stdio};

use k8s_openapi::api::coordination::v1::Lease;
use kube::api::{Api, DynamicObject, PostParams};
use kube::core::{ApiResource, GroupVersionKind};
use serde_json::{Value, json};
use support::{DOMAIN, LabProcess, signal, wait_until_async};

fn start_controller(lab: &LabProcess) -> Child {
    let arguments = [
        "controller",
        "--home-context",
        "eks-blueprint-green",
        "--context",
        "blue=eks-blueprint-blue",
        "--context",
        "green=eks-blueprint-green",
    ];
    lab.command(&arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

async fn migrations(lab: &LabProcess) -> Api<DynamicObject> {
    let kind = ApiResource::from_gvk(&GroupVersionKind::gvk("crossfade.dev", "v1alpha1", "Migration"));
    Api::namespaced_with(lab.client("green").await, "crossfade", &kind)
}

async fn create(lab: &LabProcess, name: &str, spec: Value) {
    let object: DynamicObject = serde_json::from_value(json!({
        "apiVersion": "crossfade.dev/v1alpha1", "kind": "Migration", "metadata": { "name": name }, "spec": spec,
    }))
    .unwrap();
    let api = migrations(lab).await;
    // The controller defines the resource when it starts.
    wait_until_async("Migrations are served", async || {
        api.create(&PostParams::default(), &object).await.is_ok()
    })
    .await;
}

async fn phase(lab: &LabProcess, name: &str) -> String {
    let found = migrations(lab).await.get(name).await.unwrap();
    found.data["status"]["phase"].as_str().unwrap_or_default().to_owned()
}

fn stop(mut controller: Child) {
    signal("INT", controller.id());
    assert_eq!(controller.wait().unwrap().code(), Some(0));
}

#[tokio::test]
async fn an_applied_migration_is_driven_to_its_end_once() {
    let lab = LabProcess::up(&[]);
    let controllers = [start_controller(&lab), start_controller(&lab)];
    create(
        &lab,
        "upgrade",
        json!({ "from": "blue", "to": "green", "zone": DOMAIN, "steps": ["50%", "100%"] }),
    )
    .await;
    wait_until_async("it is complete", async || phase(&lab, "upgrade").await == "Complete").await;
    assert_eq!(lab.weights().await, ("0".to_owned(), "100".to_owned()));

    let status = migrations(&lab).await.get("upgrade").await.unwrap().data["status"].clone();
    let history = status["progress"]["history"].as_array().unwrap();
    let begun = history.iter().filter(|entry| entry["message"] == "step 50% begins").count();
    assert_eq!(begun, 1, "{history:?}");
    let condition =
        status["conditions"].as_array().unwrap().iter().find(|c| c["type"] == "Complete").unwrap();
    assert_eq!(condition["status"], "True");
    controllers.into_iter().for_each(stop);
}

/// Kubernetes ends a pod with SIGTERM: the next one does not have to wait for a lease.
#[tokio::test]
async fn a_controller_that_is_told_to_end_gives_its_leases_back() {
    let lab = LabProcess::up(&[]);
    let mut controller = start_controller(&lab);
    let spec =
        json!({ "from": "blue", "to": "green", "zone": DOMAIN, "steps": ["50%", "100%"], "bakeSeconds": 60 });
    create(&lab, "upgrade", spec).await;
    let leases: Api<Lease> = Api::namespaced(lab.client("blue").await, "crossfade");
    let holder = async || {
        let lease = leases.get_opt(&format!("crossfade-{DOMAIN}")).await.unwrap()?;
        lease.spec?.holder_identity.filter(|holder| !holder.is_empty())
    };
    wait_until_async("it has a lease and a step", async || {
        holder().await.is_some() && lab.weights().await == ("50".to_owned(), "50".to_owned())
    })
    .await;
    signal("TERM", controller.id());
    assert_eq!(controller.wait().unwrap().code(), Some(0));
    assert_eq!(holder().await, None);
    assert_eq!(lab.weights().await, ("50".to_owned(), "50".to_owned()));
}

#[tokio::test]
async fn what_cannot_be_admitted_says_why() {
    let lab = LabProcess::up(&[]);
    let controller = start_controller(&lab);
    create(&lab, "reversed", json!({ "from": "green", "to": "blue", "zone": DOMAIN })).await;
    wait_until_async("it is refused", async || phase(&lab, "reversed").await == "Refused").await;
    let found = migrations(&lab).await.get("reversed").await.unwrap();
    let message = found.data["status"]["message"].as_str().unwrap();
    assert!(message.contains("green has weight 0 already"), "{message}");
    assert_eq!(lab.weights().await, ("100".to_owned(), "0".to_owned()));
    stop(controller);
}

#[tokio::test]
async fn groups_that_another_migration_has_are_refused() {
    let lab = LabProcess::up(&[]);
    let controller = start_controller(&lab);
    let spec = json!({ "from": "blue", "to": "green", "zone": DOMAIN, "bakeSeconds": 60 });
    create(&lab, "first", spec.clone()).await;
    wait_until_async("it has begun", async || phase(&lab, "first").await == "Progressing").await;
    create(&lab, "second", spec).await;
    wait_until_async("it is refused", async || phase(&lab, "second").await == "Refused").await;
    let found = migrations(&lab).await.get("second").await.unwrap();
    let message = found.data["status"]["message"].as_str().unwrap();
    assert!(message.contains("Migration first in eks-blueprint-green has not ended"), "{message}");
    stop(controller);
}

#[tokio::test]
async fn the_command_line_watches_what_a_controller_drives() {
    let lab = LabProcess::up(&[]);
    let controller = start_controller(&lab);
    let announced = async || {
        let leases: Api<k8s_openapi::api::coordination::v1::Lease> =
            Api::namespaced(lab.client("green").await, "crossfade");
        leases
            .list(&kube::api::ListParams::default().labels("crossfade.dev/controller=true"))
            .await
            .is_ok_and(|list| !list.items.is_empty())
    };
    wait_until_async("the controller is announced", announced).await;
    let output = lab.migrate(&["--steps", "100%"]);
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(0), "{text}");
    assert!(
        text.contains("this command watches") && text.contains("complete: green has all traffic"),
        "{text}"
    );
    assert_eq!(lab.weights().await, ("0".to_owned(), "100".to_owned()));
    stop(controller);
}

#[tokio::test]
async fn a_controller_that_is_gone_is_not_waited_for_long() {
    let lab = LabProcess::up(&[]);
    let mut controller = start_controller(&lab);
    let leases: Api<k8s_openapi::api::coordination::v1::Lease> =
        Api::namespaced(lab.client("green").await, "crossfade");
    let labelled = kube::api::ListParams::default().labels("crossfade.dev/controller=true");
    wait_until_async("the controller is announced", async || {
        leases.list(&labelled).await.is_ok_and(|list| !list.items.is_empty())
    })
    .await;
    controller.kill().unwrap();
    controller.wait().unwrap();
    let output = lab.migrate(&["--steps", "100%"]);
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(0), "{text}");
    assert!(text.contains("driving from here"), "{text}");
}
