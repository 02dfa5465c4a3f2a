//! CustomResourceDefinitions.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::Api;
use kube::api::{ApiResource, DeleteParams, DynamicObject, GroupVersionKind, Patch, PatchParams, PostParams};
use kube::runtime::conditions::is_crd_established;
use kube::runtime::wait::await_condition;
use serde_json::{Value, json};

use crate::lab::{Lab, refusal};

fn definition() -> Value {
    json!({"metadata": {"name": "things.lab.example"}, "spec": {"group": "lab.example", "scope": "Namespaced",
        "names": {"plural": "things", "kind": "Thing", "shortNames": ["th"]},
        "versions": [{"name": "v1", "served": true, "storage": true, "subresources": {"status": {}},
            "additionalPrinterColumns": [{"name": "Size", "type": "integer", "jsonPath": ".spec.size"}],
            "schema": {"openAPIV3Schema": {"type": "object", "properties": {
                "spec": {"type": "object", "properties": {"size": {"type": "integer", "minimum": 1, "default": 3},
                    "parts": {"type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"],
                        "items": {"type": "object", "required": ["name"], "properties": {"name": {"type": "string"}, "n": {"type": "integer"}}}}}},
                "status": {"type": "object", "properties": {"phase": {"type": "string"}}}}}}}]}})
}

async fn things(lab: &Lab) -> Api<DynamicObject> {
    let client = lab.admin().await;
    let definitions: Api<CustomResourceDefinition> = Api::all(client.clone());
    definitions.create(&PostParams::default(), &serde_json::from_value(definition()).unwrap()).await.unwrap();
    await_condition(definitions, "things.lab.example", is_crd_established()).await.unwrap();
    let resource =
        ApiResource::from_gvk_with_plural(&GroupVersionKind::gvk("lab.example", "v1", "Thing"), "things");
    Api::namespaced_with(client, "default", &resource)
}

fn thing(spec: &Value) -> DynamicObject {
    serde_json::from_value(
        json!({"apiVersion": "lab.example/v1", "kind": "Thing", "metadata": {"name": "t"}, "spec": spec}),
    )
    .unwrap()
}

#[tokio::test]
async fn custom_objects_are_defaulted_pruned_and_checked() {
    let lab = Lab::start().await;
    let api = things(&lab).await;
    let created = api.create(&PostParams::default(), &thing(&json!({"unknown": 1}))).await.unwrap();
    assert_eq!(created.data["spec"], json!({"size": 3}));
    assert_eq!(created.metadata.generation, Some(1));
    let patch = json!({"spec": {"size": 0}});
    let error = api.patch("t", &PatchParams::default(), &Patch::Merge(&patch)).await.unwrap_err();
    assert_eq!(
        refusal(error).2,
        "Thing.lab.example \"t\" is invalid: spec.size: Invalid value: 0: spec.size in body should be greater than or equal to 1"
    );
    let patch = json!({"spec": {"size": 9}, "status": {"phase": "Done"}});
    let reported = api.patch_status("t", &PatchParams::default(), &Patch::Merge(&patch)).await.unwrap();
    assert_eq!(
        (&reported.data["spec"]["size"], &reported.data["status"]["phase"]),
        (&json!(3), &json!("Done"))
    );
    assert_eq!(reported.metadata.generation, Some(1));
}

#[tokio::test]
async fn apply_merges_lists_by_the_keys_of_the_schema() {
    let lab = Lab::start().await;
    let api = things(&lab).await;
    let apply = |manager: &str| PatchParams::apply(manager);
    let one = thing(&json!({"parts": [{"name": "a", "n": 1}]}));
    let two = thing(&json!({"parts": [{"name": "b", "n": 2}]}));
    api.patch("t", &apply("one"), &Patch::Apply(&one)).await.unwrap();
    let both = api.patch("t", &apply("two"), &Patch::Apply(&two)).await.unwrap();
    assert_eq!(both.data["spec"]["parts"], json!([{"name": "a", "n": 1}, {"name": "b", "n": 2}]));
    let left = api.patch("t", &apply("one"), &Patch::Apply(&thing(&json!({})))).await.unwrap();
    assert_eq!(left.data["spec"]["parts"], json!([{"name": "b", "n": 2}]));
}

#[tokio::test]
async fn strategic_patches_are_not_for_custom_objects() {
    let lab = Lab::start().await;
    let api = things(&lab).await;
    api.create(&PostParams::default(), &thing(&json!({}))).await.unwrap();
    let error =
        api.patch("t", &PatchParams::default(), &Patch::Strategic(&json!({"spec": {}}))).await.unwrap_err();
    assert_eq!(refusal(error).0, 415);
}

#[tokio::test]
async fn a_definition_takes_its_objects_along() {
    let lab = Lab::start().await;
    let api = things(&lab).await;
    api.create(&PostParams::default(), &thing(&json!({}))).await.unwrap();
    let definitions: Api<CustomResourceDefinition> = Api::all(lab.admin().await);
    definitions.delete("things.lab.example", &DeleteParams::default()).await.unwrap();
    assert_eq!(refusal(definitions.get("things.lab.example").await.unwrap_err()).0, 404);
    let (code, _, message) = refusal(api.get("t").await.unwrap_err());
    assert_eq!((code, message.as_str()), (404, "404 page not found"));
}

#[tokio::test]
async fn a_table_has_the_columns_of_the_definition() {
    let lab = Lab::start().await;
    let api = things(&lab).await;
    api.create(&PostParams::default(), &thing(&json!({"size": 7}))).await.unwrap();
    let request = http::Request::get("/apis/lab.example/v1/namespaces/default/things")
        .header("Accept", "application/json;as=Table;v=v1;g=meta.k8s.io,application/json")
        .body(Vec::new())
        .unwrap();
    let table: Value = lab.admin().await.request(request).await.unwrap();
    assert_eq!(table["kind"], "Table");
    assert_eq!(table["columnDefinitions"][1]["name"], "Size");
    assert_eq!(table["rows"][0]["cells"], json!(["t", 7]));
}
