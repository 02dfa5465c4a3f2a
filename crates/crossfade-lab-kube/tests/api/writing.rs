//! Creating, replacing and patching.

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{ConfigMap, Service};
use k8s_openapi::api::networking::v1::Ingress;
use kube::Api;
use kube::api::{Patch, PatchParams, PostParams};
use serde_json::json;

use crate::lab::{Lab, mk_config_map, mk_deployment, refusal};

#[tokio::test]
async fn a_stale_replacement_is_a_conflict_with_the_text_clients_know() {
    let lab = Lab::start().await;
    let api: Api<ConfigMap> = Api::namespaced(lab.admin().await, "default");
    let config = serde_json::from_value(mk_config_map("x", "1")).unwrap();
    let stale = api.create(&PostParams::default(), &config).await.unwrap();
    let patch = json!({"data": {"k": "2"}});
    api.patch("x", &PatchParams::default(), &Patch::Merge(&patch)).await.unwrap();
    let error = api.replace("x", &PostParams::default(), &stale).await.unwrap_err();
    assert_eq!(
        refusal(error),
        (
            409,
            "Conflict".into(),
            "Operation cannot be fulfilled on configmaps \"x\": the object has been modified; please apply your changes to \
             the latest version and try again"
                .into()
        )
    );
    let error = api
        .patch(
            "x",
            &PatchParams::default(),
            &Patch::Merge(&json!({"metadata": {"resourceVersion": stale.metadata.resource_version}, "data": {"k": "3"}})),
        )
        .await
        .unwrap_err();
    assert_eq!(refusal(error).0, 409);
}

#[tokio::test]
async fn generation_counts_changes_of_the_spec_only() {
    let lab = Lab::start().await;
    let api: Api<Deployment> = Api::namespaced(lab.admin().await, "default");
    let created = api.create(&PostParams::default(), &mk_deployment("web", 1)).await.unwrap();
    assert_eq!(created.metadata.generation, Some(1));
    let params = PatchParams::default();
    let labelled = api
        .patch_metadata("web", &params, &Patch::Merge(&json!({"metadata": {"labels": {"a": "b"}}})))
        .await
        .unwrap();
    assert_eq!(labelled.metadata.generation, Some(1));
    let status = json!({"spec": {"replicas": 9}, "status": {"replicas": 1, "observedGeneration": 1}});
    let reported = api.patch_status("web", &params, &Patch::Merge(&status)).await.unwrap();
    assert_eq!(reported.metadata.generation, Some(1));
    assert_eq!(reported.spec.unwrap().replicas, Some(1));
    let change = json!({"spec": {"replicas": 2}, "status": {"replicas": 7}});
    let scaled = api.patch("web", &params, &Patch::Strategic(&change)).await.unwrap();
    assert_eq!(scaled.metadata.generation, Some(2));
    assert_eq!(scaled.status.unwrap().replicas, Some(1));
    let same = api.patch("web", &params, &Patch::Merge(&json!({"spec": {"replicas": 2}}))).await.unwrap();
    assert_eq!(same.metadata.resource_version, scaled.metadata.resource_version);
}

#[tokio::test]
async fn the_scale_subresource_moves_replicas() {
    let lab = Lab::start().await;
    let api: Api<Deployment> = Api::namespaced(lab.admin().await, "default");
    api.create(&PostParams::default(), &mk_deployment("web", 1)).await.unwrap();
    let scale = api
        .patch_scale("web", &PatchParams::default(), &Patch::Merge(&json!({"spec": {"replicas": 4}})))
        .await
        .unwrap();
    assert_eq!(scale.spec.unwrap().replicas, Some(4));
    assert_eq!(scale.status.unwrap().selector.as_deref(), Some("app=web"));
    assert_eq!(api.get("web").await.unwrap().spec.unwrap().replicas, Some(4));
}

#[tokio::test]
async fn a_dry_run_changes_nothing() {
    let lab = Lab::start().await;
    let api: Api<Service> = Api::namespaced(lab.admin().await, "default");
    let service: Service =
        serde_json::from_value(json!({"metadata": {"name": "web"}, "spec": {"ports": [{"port": 80}]}}))
            .unwrap();
    let params = PostParams { dry_run: true, ..PostParams::default() };
    let dry = api.create(&params, &service).await.unwrap();
    assert!(dry.spec.unwrap().cluster_ip.unwrap().starts_with("10.96."));
    assert_eq!(
        refusal(api.get("web").await.unwrap_err()),
        (404, "NotFound".into(), "services \"web\" not found".into())
    );
}

#[tokio::test]
async fn names_are_generated_and_namespaces_have_to_exist() {
    let lab = Lab::start().await;
    let client = lab.admin().await;
    let api: Api<ConfigMap> = Api::namespaced(client.clone(), "default");
    let config = serde_json::from_value(json!({"metadata": {"generateName": "x-"}})).unwrap();
    let created = api.create(&PostParams::default(), &config).await.unwrap();
    let name = created.metadata.name.unwrap();
    assert!(name.starts_with("x-") && name.len() == 7, "{name}");
    let elsewhere: Api<ConfigMap> = Api::namespaced(client, "nowhere");
    let error = elsewhere.create(&PostParams::default(), &config).await.unwrap_err();
    assert_eq!(refusal(error), (404, "NotFound".into(), "namespaces \"nowhere\" not found".into()));
}

#[tokio::test]
async fn an_ingress_without_path_type_is_invalid() {
    let lab = Lab::start().await;
    let api: Api<Ingress> = Api::namespaced(lab.admin().await, "default");
    let ingress: Ingress =
        serde_json::from_value(json!({"metadata": {"name": "x"}, "spec": {"rules": [{"http": {"paths": [
        {"path": "/", "pathType": "", "backend": {"service": {"name": "web", "port": {"number": 80}}}}]}}]}}))
        .unwrap();
    let error = api.create(&PostParams::default(), &ingress).await.unwrap_err();
    let (code, reason, message) = refusal(error);
    assert_eq!((code, reason.as_str()), (422, "Invalid"));
    assert!(message.contains("spec.rules[0].http.paths[0].pathType"), "{message}");
}

#[tokio::test]
async fn unknown_fields_are_refused_when_validation_is_strict() {
    let lab = Lab::start().await;
    let client = lab.admin().await;
    let mut body = serde_json::to_value(mk_deployment("web", 1)).unwrap();
    body["spec"]["replica"] = 3.into();
    let post = |query: &str| {
        http::Request::post(format!("/apis/apps/v1/namespaces/default/deployments?{query}"))
            .header("Content-Type", "application/json")
            .body(serde_json::to_vec(&body).unwrap())
            .unwrap()
    };
    let error = client.request::<Deployment>(post("fieldValidation=Strict")).await.unwrap_err();
    assert_eq!(
        refusal(error).2,
        "Deployment in version \"v1\" cannot be handled as a Deployment: strict decoding error: unknown field \"spec.replica\""
    );
    let created = client.request::<Deployment>(post("fieldValidation=Ignore")).await.unwrap();
    assert_eq!(created.spec.unwrap().replicas, Some(1));
}

#[tokio::test]
async fn an_oversized_body_is_refused() {
    let lab = Lab::start().await;
    let api: Api<ConfigMap> = Api::namespaced(lab.admin().await, "default");
    let config = serde_json::from_value(mk_config_map("x", &"x".repeat(3 * 1024 * 1024))).unwrap();
    let error = api.create(&PostParams::default(), &config).await.unwrap_err();
    assert_eq!(refusal(error).0, 413);
}

#[tokio::test]
async fn a_list_is_paged_at_one_revision() {
    use kube::api::ListParams;
    let lab = Lab::start().await;
    let api: Api<ConfigMap> = Api::namespaced(lab.admin().await, "default");
    for name in ["a", "b", "c"] {
        api.create(&PostParams::default(), &serde_json::from_value(mk_config_map(name, "1")).unwrap())
            .await
            .unwrap();
    }
    let first = api.list(&ListParams::default().limit(2)).await.unwrap();
    assert_eq!(first.items.len(), 2);
    assert_eq!(first.metadata.remaining_item_count, Some(1));
    // A write between the pages is not seen.
    api.delete("c", &kube::api::DeleteParams::default()).await.unwrap();
    let token = first.metadata.continue_.unwrap();
    let second = api.list(&ListParams::default().limit(2).continue_token(&token)).await.unwrap();
    assert_eq!(second.items.len(), 1);
    assert_eq!(second.items[0].metadata.name.as_deref(), Some("c"));
    assert_eq!(second.metadata.continue_, None);
}

#[tokio::test]
async fn items_of_a_built_in_list_do_not_repeat_their_kind() {
    let lab = Lab::start().await;
    let client = lab.admin().await;
    let request = http::Request::get("/api/v1/namespaces").body(Vec::new()).unwrap();
    let list: serde_json::Value = client.request(request).await.unwrap();
    assert_eq!(
        (&list["kind"], &list["items"][0]["metadata"]["name"]),
        (&json!("NamespaceList"), &json!("default"))
    );
    assert_eq!(list["items"][0].get("kind"), None);
    let request = http::Request::get("/api/v1/namespaces/default").body(Vec::new()).unwrap();
    let one: serde_json::Value = client.request(request).await.unwrap();
    assert_eq!(one["kind"], "Namespace");
}

#[tokio::test]
async fn a_protocol_buffer_is_read_as_the_object_it_is() {
    let lab = Lab::start().await;
    // runtime.Unknown { typeMeta: { apiVersion: v1, kind: Namespace }, raw: Namespace { metadata: { name: team } } }
    let body = b"k8s\0\x0a\x0f\x0a\x02v1\x12\x09Namespace\x12\x08\x0a\x06\x0a\x04team".to_vec();
    let request = http::Request::post("/api/v1/namespaces")
        .header("Content-Type", "application/vnd.kubernetes.protobuf")
        .header("Accept", "application/vnd.kubernetes.protobuf,application/json")
        .body(body)
        .unwrap();
    let created: serde_json::Value = lab.admin().await.request(request).await.unwrap();
    assert_eq!(created["metadata"]["labels"]["kubernetes.io/metadata.name"], "team");
}

#[tokio::test]
async fn what_the_server_does_not_speak_it_names() {
    let lab = Lab::start().await;
    let client = lab.admin().await;
    let request = http::Request::post("/api/v1/namespaces")
        .header("Content-Type", "text/plain")
        .body(Vec::new())
        .unwrap();
    let (code, _, message) = refusal(client.request::<serde_json::Value>(request).await.unwrap_err());
    assert_eq!(code, 415);
    assert!(
        message
            .starts_with("the body of the request was in an unknown format - accepted media types include:")
    );
    let request = http::Request::get("/apis/apps/v1/namespaces/default/deployments/x/portforward")
        .body(Vec::new())
        .unwrap();
    let (code, _, message) = refusal(client.request::<serde_json::Value>(request).await.unwrap_err());
    assert_eq!((code, message.as_str()), (404, "the server could not find the requested resource"));
    let request = http::Request::delete("/api/v1/namespaces").body(Vec::new()).unwrap();
    let (code, _, message) = refusal(client.request::<serde_json::Value>(request).await.unwrap_err());
    assert_eq!(
        (code, message.as_str()),
        (405, "the server does not allow this method on the requested resource")
    );
}
