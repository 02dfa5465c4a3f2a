//! ApplicationSets that leave their Applications behind.

use kube::api::{Api, DeleteParams, DynamicObject, PropagationPolicy};
use kube::core::{ApiResource, GroupVersionKind};
use serde_json::{Value, json};

use crate::lab::{Lab, mk_application, mk_config_map};

/// The two watches of an agent bring an ApplicationSet and its Applications in any order.
const ROUNDS: usize = 20;

#[tokio::test(flavor = "multi_thread")]
async fn applications_that_were_left_are_taken_up_by_the_next_set_of_the_name() {
    let lab = Lab::start().await;
    let repository = lab.repository("repo");
    repository.write("maps/a.yaml", &mk_config_map("a", "1"));
    repository.commit();
    let spec = mk_application("x", &repository.url(), "maps", &json!({}))["spec"].clone();
    let elements: Value = (0..5).map(|number| json!({"name": format!("left-{number}")})).collect();
    let set = json!({"apiVersion": "argoproj.io/v1alpha1", "kind": "ApplicationSet",
        "metadata": {"name": "left", "namespace": "argocd"},
        "spec": {"goTemplate": true, "generators": [{"list": {"elements": elements}}],
            "template": {"metadata": {"name": "{{ .name }}"}, "spec": spec}}});
    let kind = GroupVersionKind::gvk("argoproj.io", "v1alpha1", "ApplicationSet");
    let sets: Api<DynamicObject> =
        Api::namespaced_with(lab.client.clone(), "argocd", &ApiResource::from_gvk(&kind));
    let owners = |number: usize| {
        let application = lab.application(&format!("left-{number}"));
        application.map(|one| one["metadata"]["ownerReferences"].clone())
    };
    for round in 0..ROUNDS {
        lab.create("argoproj.io", "applicationsets", set.clone());
        let uid = || {
            let set = lab.get("argoproj.io", "applicationsets", "argocd", "left").unwrap();
            set["metadata"]["uid"].clone()
        };
        lab.until(&format!("round {round}: the set owns all"), || {
            (0..5).all(|number| owners(number).is_some_and(|owners| owners[0]["uid"] == uid()))
        })
        .await;
        // Something for the agent to be in the middle of.
        lab.patch("argoproj.io", "applicationsets", "left", |set| {
            set["spec"]["template"]["metadata"]["labels"] = json!({"round": round.to_string()});
        });
        let params =
            DeleteParams { propagation_policy: Some(PropagationPolicy::Orphan), ..DeleteParams::default() };
        sets.delete("left", &params).await.unwrap();
        tokio::time::sleep(std::time::Duration::from_millis(20 * (round as u64 % 4))).await;
        for number in 0..5 {
            assert_eq!(owners(number), Some(Value::Null), "round {round}");
        }
    }
}
