//! What a real server does not take: too long, too large, unknown to the type.

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::Api;
use kube::api::{Patch, PatchParams, PostParams};
use serde_json::{Value, json};

use crate::lab::{Lab, mk_config_map, mk_deployment_value, refusal};

async fn refused(lab: &Lab, change: impl FnOnce(&mut Value)) -> Option<String> {
    let api: Api<ConfigMap> = Api::namespaced(lab.admin().await, "default");
    let mut object = mk_config_map("x", "1");
    change(&mut object);
    let created = api.create(&PostParams::default(), &serde_json::from_value(object).unwrap()).await;
    created.err().map(|error| refusal(error).2)
}

#[tokio::test]
async fn annotations_are_limited_together() {
    let lab = Lab::start().await;
    let of = |bytes: usize| {
        move |object: &mut Value| object["metadata"]["annotations"] = json!({"a": "x".repeat(bytes - 1)})
    };
    assert_eq!(
        refused(&lab, of(262_145)).await.as_deref(),
        Some("ConfigMap \"x\" is invalid: metadata.annotations: Too long: may not be more than 262144 bytes")
    );
    assert_eq!(refused(&lab, of(262_144)).await, None);
}

#[tokio::test]
async fn a_config_map_holds_a_mebibyte() {
    let lab = Lab::start().await;
    let of = |bytes: usize| move |object: &mut Value| object["data"] = json!({"a": "x".repeat(bytes)});
    assert_eq!(
        refused(&lab, of(1_048_577)).await.as_deref(),
        Some("ConfigMap \"x\" is invalid: []: Too long: may not be more than 1048576 bytes")
    );
    assert_eq!(refused(&lab, of(1_048_576)).await, None);
}

#[tokio::test]
async fn finalizers_of_built_in_kinds_have_a_domain() {
    let lab = Lab::start().await;
    let said = refused(&lab, |object| object["metadata"]["finalizers"] = json!(["bare"])).await.unwrap();
    assert!(said.ends_with(
        "metadata.finalizers[0]: Invalid value: \"bare\": name is neither a standard finalizer name nor is it fully qualified"
    ));
}

#[tokio::test]
async fn server_side_apply_takes_no_unknown_field() {
    let lab = Lab::start().await;
    let api: Api<Deployment> = Api::namespaced(lab.admin().await, "default");
    let mut config = mk_deployment_value("web", 3);
    config["spec"]["replica"] = 1.into();
    let error = api.patch("web", &PatchParams::apply("ann"), &Patch::Apply(&config)).await.unwrap_err();
    let typed = "failed to create typed patch object (default/web; apps/v1, Kind=Deployment)";
    let (code, reason, message) = refusal(error);
    assert_eq!((code, reason.as_str()), (500, ""));
    assert_eq!(message, format!("{typed}: .spec.replica: field not declared in schema"));
    config["metadata"]["owner"] = "ann".into();
    let error = api.patch("web", &PatchParams::apply("ann"), &Patch::Apply(&config)).await.unwrap_err();
    assert!(refusal(error).2.starts_with(&format!("{typed}: errors:\n  .metadata.owner: field not")));
}
