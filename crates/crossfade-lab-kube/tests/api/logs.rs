//! Logs of pods.

use futures::{AsyncBufReadExt, TryStreamExt};
use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::api::{LogParams, PostParams};
use serde_json::json;
use tokio::sync::broadcast;

use crate::lab::{Lab, refusal};

async fn pod(lab: &Lab) -> Api<Pod> {
    let api: Api<Pod> = Api::namespaced(lab.admin().await, "default");
    let pod = json!({"metadata": {"name": "p"}, "spec": {"containers": [{"name": "app", "image": "x"}]}});
    api.create(&PostParams::default(), &serde_json::from_value(pod).unwrap()).await.unwrap();
    api
}

#[tokio::test]
async fn the_tail_of_a_log_and_what_follows() {
    let lab = Lab::start().await;
    let api = pod(&lab).await;
    let (sender, _) = broadcast::channel(4);
    let past = vec!["one".to_owned(), "two".to_owned()];
    lab.logs.0.lock().unwrap().insert("default/p/app".into(), (past, sender.clone()));
    assert_eq!(api.logs("p", &LogParams::default()).await.unwrap(), "one\ntwo\n");
    let params = LogParams { tail_lines: Some(1), follow: true, ..LogParams::default() };
    let mut lines = api.log_stream("p", &params).await.unwrap().lines();
    assert_eq!(lines.try_next().await.unwrap().as_deref(), Some("two"));
    sender.send("three".into()).unwrap();
    assert_eq!(lines.try_next().await.unwrap().as_deref(), Some("three"));
    lab.logs.0.lock().unwrap().clear();
    drop(sender);
    assert_eq!(lines.try_next().await.unwrap(), None);
}

#[tokio::test]
async fn a_container_that_is_not_there_is_named() {
    let lab = Lab::start().await;
    let api = pod(&lab).await;
    let params = LogParams { container: Some("other".into()), ..LogParams::default() };
    let error = api.logs("p", &params).await.unwrap_err();
    assert_eq!(refusal(error).2, "container other is not valid for pod p");
    let error = api.logs("p", &LogParams::default()).await.unwrap_err();
    assert_eq!(refusal(error).2, "container \"app\" in pod \"p\" is waiting to start: ContainerCreating");
}
