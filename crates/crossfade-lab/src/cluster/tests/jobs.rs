//! Jobs of a running cluster: what their status, pods, events and logs come to.

use crossfade_lab_kube::PodLogs as _;

use super::*;

const NAMESPACE: &str = "default";

fn mk_job(name: &str, spec: &Value) -> Value {
    let mut job = json!({
        "apiVersion": "batch/v1", "kind": "Job", "metadata": { "name": name, "namespace": NAMESPACE }, "spec": spec,
    });
    let template = &mut job["spec"]["template"];
    if template["spec"]["restartPolicy"].is_null() {
        template["spec"]["restartPolicy"] = json!("Never");
    }
    template["spec"]["containers"] = json!([{ "name": "work", "image": "example.org/migrate:1" }]);
    job
}

impl ClusterHandle {
    fn job(&self, name: &str) -> Value {
        self.get(&kinds::jobs(), NAMESPACE, name)
    }

    fn pods(&self) -> Vec<Arc<Value>> {
        self.list(&kinds::pods(), NAMESPACE)
    }
}

fn condition_types(job: &Value) -> Vec<&str> {
    let conditions = job["status"]["conditions"].as_array().into_iter().flatten();
    conditions
        .filter(|condition| condition["status"] == "True")
        .map(|one| one["type"].as_str().unwrap())
        .collect()
}

#[tokio::test]
async fn a_job_runs_a_moment_and_is_complete() {
    let cluster = mk_cluster().await;
    cluster.apply([mk_job("migrate", &json!({}))]);
    eventually("active", || cluster.job("migrate")["status"]["active"] == 1).await;
    let status = cluster.job("migrate")["status"].clone();
    assert_eq!((&status["terminating"], &status["uncountedTerminatedPods"]), (&json!(0), &json!({})));
    let pod = Value::clone(&cluster.pods()[0]);
    assert!(name(&pod).starts_with("migrate-") && pod["metadata"]["generateName"] == "migrate-");
    assert_eq!(pod["metadata"]["ownerReferences"][0]["kind"], "Job");
    assert_eq!(pod["metadata"]["finalizers"], json!(["batch.kubernetes.io/job-tracking"]));
    let labels = &pod["metadata"]["labels"];
    let uid = &cluster.job("migrate")["metadata"]["uid"];
    for key in ["controller-uid", "batch.kubernetes.io/controller-uid"] {
        assert_eq!(&labels[key], uid);
    }
    for key in ["job-name", "batch.kubernetes.io/job-name"] {
        assert_eq!(labels[key], "migrate");
    }

    eventually("complete", || has_condition(&cluster.job("migrate"), "Complete")).await;
    let job = cluster.job("migrate");
    assert_eq!(condition_types(&job), ["SuccessCriteriaMet", "Complete"]);
    let status = &job["status"];
    assert_eq!(status["conditions"][1]["reason"], "CompletionsReached");
    assert!(status["startTime"].is_string() && status["completionTime"].is_string());
    assert_eq!((&status["succeeded"], &status["ready"]), (&json!(1), &json!(0)));
    assert!(status["active"].is_null() && status["failed"].is_null());
    let pod = Value::clone(&cluster.pods()[0]);
    assert_eq!(pod["status"]["phase"], "Succeeded");
    assert_eq!(pod["status"]["containerStatuses"][0]["state"]["terminated"]["reason"], "Completed");
    assert!(pod["metadata"]["finalizers"].as_array().is_none_or(Vec::is_empty), "it is counted");

    assert!(cluster.has_event(NAMESPACE, "migrate", "NotRun", "the lab runs no container images"));
    assert!(cluster.has_event(NAMESPACE, "migrate", "Completed", "Job completed"));
    let log = cluster.cluster.logs.lines(NAMESPACE, name(&pod), "work").unwrap();
    assert!(log.past[0].contains("runs no container images"), "{:?}", log.past);

    let revision = cluster.cluster.store.list(&kinds::jobs(), None).unwrap().1;
    cluster.cluster.queue.add(Key::Job(NAMESPACE.to_owned(), "migrate".to_owned()));
    for _ in 0..1_000 {
        tokio::task::yield_now().await;
    }
    assert_eq!(
        cluster.cluster.store.list(&kinds::jobs(), None).unwrap().1,
        revision,
        "an ended Job is left alone"
    );
}

#[tokio::test]
async fn a_job_that_is_to_fail_fails_after_its_retries() {
    let cluster = mk_cluster().await;
    let mut on_job = mk_job("on-job", &json!({ "backoffLimit": 1 }));
    on_job["metadata"]["annotations"] = json!({ "lab.crossfade.dev/exit-code": "3" });
    let annotations = json!({ "annotations": { "lab.crossfade.dev/exit-code": "1" } });
    let on_template = mk_job(
        "restarted",
        &json!({ "backoffLimit": 2, "template": { "metadata": annotations, "spec": { "restartPolicy": "OnFailure" } } }),
    );
    cluster.apply([on_job, on_template]);
    for (job, failed) in [("on-job", 2), ("restarted", 1)] {
        eventually("failed", || has_condition(&cluster.job(job), "Failed")).await;
        let job = cluster.job(job);
        assert_eq!(condition_types(&job), ["FailureTarget", "Failed"]);
        assert_eq!(job["status"]["conditions"][1]["reason"], "BackoffLimitExceeded");
        assert_eq!(job["status"]["failed"], failed);
        assert!(job["status"]["completionTime"].is_null());
    }
    assert!(cluster.has_event(
        NAMESPACE,
        "on-job",
        "BackoffLimitExceeded",
        "reached the specified backoff limit"
    ));
    let pods = cluster.pods();
    assert!(pods.iter().all(|pod| pod["status"]["phase"] == "Failed"), "the restarted pod is gone");
    assert_eq!(pods[0]["status"]["containerStatuses"][0]["state"]["terminated"]["exitCode"], 3);
}

#[tokio::test]
async fn an_indexed_job_runs_each_index_once() {
    let cluster = mk_cluster().await;
    let spec = json!({ "completions": 3, "parallelism": 2, "completionMode": "Indexed" });
    cluster.apply([mk_job("shards", &spec)]);
    eventually("two of three", || {
        let pods = cluster.pods();
        assert!(pods.iter().filter(|pod| pod["status"]["phase"] == "Running").count() <= 2);
        pods.len() == 2
    })
    .await;
    eventually("complete", || has_condition(&cluster.job("shards"), "Complete")).await;
    let status = cluster.job("shards")["status"].clone();
    assert_eq!((&status["completedIndexes"], &status["succeeded"]), (&json!("0-2"), &json!(3)));
    let mut pods = cluster.pods();
    pods.sort_by_key(|pod| name(pod).to_owned());
    for (index, pod) in pods.iter().enumerate() {
        assert!(name(pod).starts_with(&format!("shards-{index}-")), "{}", name(pod));
        assert_eq!(
            annotation(pod, "batch.kubernetes.io/job-completion-index"),
            Some(index.to_string().as_str())
        );
        assert_eq!(pod["spec"]["containers"][0]["env"][0]["name"], "JOB_COMPLETION_INDEX");
    }
}

#[tokio::test]
async fn a_suspended_job_waits_and_loses_its_pods_without_failing() {
    let cluster = mk_cluster().await;
    cluster.apply([mk_job("later", &json!({ "backoffLimit": 0 }))]);
    eventually("a pod", || cluster.pods().len() == 1).await;
    let suspend = |suspend: bool| {
        cluster
            .change(&kinds::jobs(), NAMESPACE, "later", move |job| job["spec"]["suspend"] = json!(suspend));
    };
    suspend(true);
    eventually("suspended", || {
        has_condition(&cluster.job("later"), "Suspended") && cluster.pods().is_empty()
    })
    .await;
    assert!(cluster.has_event(NAMESPACE, "later", "Suspended", "Job suspended"));
    suspend(false);
    eventually("complete", || has_condition(&cluster.job("later"), "Complete")).await;
    let job = cluster.job("later");
    assert_eq!(condition_types(&job), ["SuccessCriteriaMet", "Complete"], "Suspended is False now");
    assert!(job["status"]["failed"].is_null(), "{}", job["status"]);
}

#[tokio::test]
async fn jobs_go_with_their_pods_at_once_or_when_their_time_is_over() {
    let cluster = mk_cluster().await;
    cluster.apply([mk_job("stopped", &json!({}))]);
    eventually("a pod", || cluster.pods().len() == 1).await;
    cluster.cluster.store.delete(&kinds::jobs(), Some(NAMESPACE), "stopped").unwrap();
    // Held by nothing, although nobody has counted it.
    eventually("nothing left", || cluster.job("stopped").is_null() && cluster.pods().is_empty()).await;
    cluster.apply([mk_job("short", &json!({ "ttlSecondsAfterFinished": 0 }))]);
    eventually("another pod", || cluster.pods().len() == 1).await;
    eventually("nothing left", || cluster.job("short").is_null() && cluster.pods().is_empty()).await;
}

#[tokio::test]
async fn an_ended_pod_is_behind_no_service() {
    let cluster = mk_cluster().await;
    let spec = json!({ "template": { "metadata": { "labels": { "app": "once" } } } });
    let service = json!({
        "apiVersion": "v1", "kind": "Service", "metadata": { "name": "once", "namespace": NAMESPACE },
        "spec": { "selector": { "app": "once" }, "ports": [{ "port": 80 }] },
    });
    cluster.apply([service, mk_job("once", &spec)]);
    let endpoints = || {
        let slices = cluster.list(&kinds::endpoint_slices(), NAMESPACE);
        slices.iter().map(|slice| slice["endpoints"].as_array().map_or(0, Vec::len)).sum::<usize>()
    };
    eventually("one endpoint", || endpoints() == 1).await;
    eventually("none", || has_condition(&cluster.job("once"), "Complete") && endpoints() == 0).await;
}
