//! Server-side apply.

use k8s_openapi::api::apps::v1::Deployment;
use kube::Api;
use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};

use crate::lab::{Lab, mk_deployment_value, refusal};

#[tokio::test]
async fn managers_own_fields_and_conflict_over_them() {
    let lab = Lab::start().await;
    let api: Api<Deployment> = Api::namespaced(lab.admin().await, "default");
    let config = mk_deployment_value("web", 3);
    let apply = PatchParams::apply("ann");
    let created = api.patch("web", &apply, &Patch::Apply(&config)).await.unwrap();
    assert_eq!(created.metadata.generation, Some(1));
    let again = api.patch("web", &apply, &Patch::Apply(&config)).await.unwrap();
    assert_eq!(again.metadata.resource_version, created.metadata.resource_version);

    let mut other: Value = config.clone();
    other["spec"]["replicas"] = 5.into();
    let error = api.patch("web", &PatchParams::apply("bob"), &Patch::Apply(&other)).await.unwrap_err();
    let kube::Error::Api(status) = &error else { panic!("{error}") };
    assert_eq!(status.details.as_ref().unwrap().causes[0].field, ".spec.replicas");
    assert_eq!(
        refusal(error),
        (
            409,
            "Conflict".into(),
            "Apply failed with 1 conflict: conflict with \"ann\": .spec.replicas".into()
        )
    );
    let forced = api.patch("web", &PatchParams::apply("bob").force(), &Patch::Apply(&other)).await.unwrap();
    assert_eq!(forced.spec.unwrap().replicas, Some(5));
    // Ann no longer owns the field, so leaving it out does not remove it.
    let mut less = config.clone();
    less["spec"].as_object_mut().unwrap().remove("replicas");
    let kept = api.patch("web", &apply, &Patch::Apply(&less)).await.unwrap();
    assert_eq!(kept.spec.unwrap().replicas, Some(5));
}

#[tokio::test]
async fn a_merge_patch_takes_an_annotation_from_its_applier() {
    let lab = Lab::start().await;
    let api: Api<Deployment> = Api::namespaced(lab.admin().await, "default");
    let mut config = mk_deployment_value("web", 1);
    config["metadata"]["annotations"] = json!({"weight": "100"});
    api.patch("web", &PatchParams::apply("argocd-controller"), &Patch::Apply(&config)).await.unwrap();
    let patch = json!({"metadata": {"annotations": {"weight": "10"}}});
    let params = PatchParams { field_manager: Some("crossfade".into()), ..PatchParams::default() };
    let patched = api.patch("web", &params, &Patch::Merge(&patch)).await.unwrap();
    let owner = patched
        .metadata
        .managed_fields
        .unwrap()
        .into_iter()
        .find(|entry| serde_json::to_string(&entry.fields_v1).unwrap().contains("f:weight"))
        .unwrap();
    assert_eq!(owner.manager.as_deref(), Some("crossfade"));
    let error =
        api.patch("web", &PatchParams::apply("argocd-controller"), &Patch::Apply(&config)).await.unwrap_err();
    assert_eq!(
        refusal(error).2,
        "Apply failed with 1 conflict: conflict with \"crossfade\" using apps/v1: .metadata.annotations.weight"
    );
}

#[tokio::test]
async fn the_status_has_managers_of_its_own() {
    let lab = Lab::start().await;
    let api: Api<Deployment> = Api::namespaced(lab.admin().await, "default");
    api.patch("web", &PatchParams::apply("ann"), &Patch::Apply(&mk_deployment_value("web", 1)))
        .await
        .unwrap();
    let status = json!({"apiVersion": "apps/v1", "kind": "Deployment", "status": {"replicas": 1}});
    let applied =
        api.patch_status("web", &PatchParams::apply("controller"), &Patch::Apply(&status)).await.unwrap();
    assert_eq!(applied.status.unwrap().replicas, Some(1));
    let entry = applied
        .metadata
        .managed_fields
        .unwrap()
        .into_iter()
        .find(|entry| entry.manager.as_deref() == Some("controller"))
        .unwrap();
    assert_eq!(entry.subresource.as_deref(), Some("status"));
    assert_eq!(applied.spec.unwrap().replicas, Some(1));
}

#[tokio::test]
async fn apply_needs_a_manager() {
    let lab = Lab::start().await;
    let client = lab.admin().await;
    let request = http::Request::patch("/apis/apps/v1/namespaces/default/deployments/web")
        .header("Content-Type", "application/apply-patch+yaml")
        .body(serde_json::to_vec(&mk_deployment_value("web", 1)).unwrap())
        .unwrap();
    let error = client.request::<Deployment>(request).await.unwrap_err();
    assert_eq!(
        refusal(error).2,
        "PatchOptions.meta.k8s.io \"\" is invalid: fieldManager: Required value: is required for apply patch"
    );
}
