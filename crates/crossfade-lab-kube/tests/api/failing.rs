//! Faults, as a client meets them.

use std::time::{Duration, Instant};

use crossfade_lab_kube::ResourceId;
use futures::StreamExt;
use k8s_openapi::api::core::v1::{ConfigMap, Namespace};
use kube::Api;
use kube::api::{ListParams, PostParams, WatchEvent, WatchParams};

use crate::lab::{Lab, mk_config_map, refusal};

#[tokio::test]
async fn every_second_request_fails_in_four_ways_in_turn() {
    let lab = Lab::start().await;
    let api: Api<ConfigMap> = Api::namespaced(lab.admin_who_asks_once().await, "default");
    lab.server.faults().fail_every(2);
    let mut seen = Vec::new();
    for number in 0..8 {
        let name = format!("map-{number}");
        let object = serde_json::from_value(mk_config_map(&name, "1")).unwrap();
        let failed = api.create(&PostParams::default(), &object).await.err().map(refusal);
        let is_there = lab.store().get(&ResourceId::new("", "configmaps"), Some("default"), &name);
        seen.push((failed.map(|(code, reason, _)| (code, reason)), is_there.is_ok()));
    }
    let fails = |code, reason: &str, is_done| (Some((code, reason.to_owned())), is_done);
    assert_eq!(
        seen,
        [
            (None, true),
            fails(500, "", false),
            (None, true),
            fails(503, "ServiceUnavailable", false),
            (None, true),
            fails(429, "TooManyRequests", false),
            (None, true),
            fails(500, "", true),
        ]
    );
    lab.server.faults().fail_every(0);
    for _ in 0..8 {
        api.list(&ListParams::default()).await.unwrap();
    }
}

#[tokio::test]
async fn too_many_requests_says_for_how_long_to_wait() {
    let lab = Lab::start().await;
    let api: Api<Namespace> = Api::all(lab.admin_who_asks_once().await);
    lab.server.faults().fail_every(1);
    let mut delays = Vec::new();
    for _ in 0..3 {
        match api.get("default").await.unwrap_err() {
            kube::Error::Api(status) => {
                delays.push(status.details.map_or(0, |details| details.retry_after_seconds));
            }
            other => panic!("no Status: {other}"),
        }
    }
    assert_eq!(delays, [0, 0, 1]);
    assert_eq!(lab.admin().await.apiserver_version().await.unwrap().git_version, "v1.33.0");
}

#[tokio::test]
async fn an_api_that_is_down_breaks_connections_and_comes_back() {
    let lab = Lab::start().await;
    let api: Api<ConfigMap> = Api::namespaced(lab.admin().await, "default");
    let mut events = api.watch(&WatchParams::default(), "0").await.unwrap().boxed();
    lab.server.faults().set_down(true);
    assert!(api.list(&ListParams::default()).await.is_err());
    while let Some(Ok(_)) = events.next().await {}
    let new: Api<ConfigMap> = Api::namespaced(lab.admin().await, "default");
    assert!(new.list(&ListParams::default()).await.is_err());
    lab.server.faults().set_down(false);
    api.list(&ListParams::default()).await.unwrap();
}

#[tokio::test]
async fn watches_are_cut_in_three_ways_and_nothing_is_missed() {
    let lab = Lab::start().await;
    let api: Api<ConfigMap> = Api::namespaced(lab.admin().await, "default");
    lab.server.faults().cut_watches(Some(Duration::from_millis(40)));
    let version = api.list(&ListParams::default()).await.unwrap().metadata.resource_version.unwrap();
    let mut expired = 0;
    for _ in 0..3 {
        let mut events = api.watch(&WatchParams::default(), &version).await.unwrap().boxed();
        while let Some(Ok(event)) = events.next().await {
            if let WatchEvent::Error(status) = event {
                assert_eq!((status.code, status.reason.as_str()), (410, "Expired"));
                assert!(status.message.contains("too old resource version"), "{}", status.message);
                expired += 1;
            }
        }
    }
    assert_eq!(expired, 1);

    // The program's own machinery goes on where it was.
    let mut seen = kube::runtime::watcher(api.clone(), kube::runtime::watcher::Config::default()).boxed();
    let writes = async {
        for number in 0..10 {
            let object = serde_json::from_value(mk_config_map(&format!("map-{number}"), "1")).unwrap();
            api.create(&PostParams::default(), &object).await.unwrap();
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        lab.server.faults().cut_watches(None);
    };
    let reads = async {
        let mut names = std::collections::BTreeSet::new();
        while names.len() < 10 {
            use kube::runtime::watcher::Event;
            if let Ok(Event::Apply(object) | Event::InitApply(object)) = seen.next().await.unwrap() {
                names.extend(object.metadata.name.filter(|name| name.starts_with("map-")));
            }
        }
    };
    let both = async { tokio::join!(writes, reads) };
    tokio::time::timeout(Duration::from_secs(20), both).await.unwrap();
}

#[tokio::test]
async fn latency_makes_answers_late() {
    let lab = Lab::start().await;
    let api: Api<Namespace> = Api::all(lab.admin().await);
    api.get("default").await.unwrap();
    lab.server.faults().set_latency(Duration::from_millis(200));
    let began = Instant::now();
    api.get("default").await.unwrap();
    assert!(began.elapsed() >= Duration::from_millis(200));
    lab.server.faults().set_latency(Duration::ZERO);
    let mut quickest = Duration::MAX;
    for _ in 0..5 {
        let began = Instant::now();
        api.get("default").await.unwrap();
        quickest = quickest.min(began.elapsed());
    }
    assert!(quickest < Duration::from_millis(200), "{quickest:?}");
}
