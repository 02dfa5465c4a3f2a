#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod jobs;

use serde_json::json;

use super::object::{annotation, has_condition, name};
use super::*;
use crate::balancer::{Action, Balancers};
use crate::certificates::Authority;

const DOMAIN: &str = "eks-blueprint.eks.example.org";
const BURNHAM: &str = include_str!("../../../../examples/workloads/burnham.yaml");
const SKIFF: &str = include_str!("../../../../examples/workloads/skiff.yaml");

/// A cluster named blue without anybody's objects.
async fn mk_cluster() -> ClusterHandle {
    let authority = Authority::new(DOMAIN).unwrap();
    ClusterHandle::start(ClusterOptions {
        name: "eks-blueprint-blue".to_owned(),
        index: 0,
        kubernetes_version: "1.33".to_owned(),
        dir: std::env::temp_dir(),
        tls: authority.server(&["127.0.0.1"], &[b"h2"]).unwrap(),
        users: Vec::new(),
        seed: 1,
        infrastructure: Arc::new(Infrastructure {
            balancers: Balancers::new(),
            names: crossfade_lab_route53::LoadBalancerNames::default(),
            region: "eu-west-1".to_owned(),
            domain: DOMAIN.to_owned(),
            tls: authority.server(&[DOMAIN], &[b"http/1.1"]).unwrap(),
            alias_ttl_seconds: 60,
            seed: 1,
        }),
        pod_addresses: Arc::default(),
    })
    .await
    .unwrap()
}

fn manifests(yaml: &str) -> Vec<Value> {
    let filled = yaml
        .replace("${CLUSTER_NAME}", "eks-blueprint-blue")
        .replace("${ENV}", "blue")
        .replace("${DOMAIN}", DOMAIN)
        .replace("${WEIGHT}", "100");
    serde_saphyr::from_multiple(&filled).unwrap()
}

fn kind_of(object: &Value) -> ResourceId {
    match object["kind"].as_str().unwrap() {
        "Namespace" => ResourceId::new("", "namespaces"),
        "Deployment" => kinds::deployments(),
        "Service" => kinds::services(),
        "Ingress" => kinds::ingresses(),
        "Pod" => kinds::pods(),
        "Job" => kinds::jobs(),
        other => panic!("{other}"),
    }
}

impl ClusterHandle {
    fn apply(&self, objects: impl IntoIterator<Item = Value>) {
        for object in objects {
            self.cluster.store.create(&kind_of(&object), object).unwrap();
        }
    }

    fn get(&self, kind: &ResourceId, namespace: &str, name: &str) -> Value {
        self.cluster
            .store
            .get(kind, Some(namespace), name)
            .map_or(Value::Null, |object| Value::clone(&object))
    }

    fn list(&self, kind: &ResourceId, namespace: &str) -> Vec<Arc<Value>> {
        self.cluster.store.list(kind, Some(namespace)).unwrap().0
    }

    fn change(&self, kind: &ResourceId, namespace: &str, name: &str, change: impl Fn(&mut Value)) {
        loop {
            let mut object = self.get(kind, namespace, name);
            change(&mut object);
            match self.cluster.store.update(kind, object) {
                Ok(_) => return,
                Err(error) => assert!(error.is_conflict(), "{error}"),
            }
        }
    }

    fn hostname(&self, namespace: &str, ingress: &str) -> Option<String> {
        let ingress = self.get(&kinds::ingresses(), namespace, ingress);
        ingress["status"]["loadBalancer"]["ingress"][0]["hostname"].as_str().map(str::to_owned)
    }

    fn has_event(&self, namespace: &str, object: &str, reason: &str, text: &str) -> bool {
        self.list(&ResourceId::new("", "events"), namespace).iter().any(|event| {
            event["involvedObject"]["name"] == object
                && event["reason"] == reason
                && event["message"].as_str().unwrap().contains(text)
        })
    }

    /// The number of targets of the only load balancer's port 443.
    fn targets(&self) -> usize {
        let balancers = self.cluster.infrastructure.balancers.all();
        let Some(balancer) = balancers.first() else { return 0 };
        let settings = balancer.settings();
        match &settings.listeners[&443].rules[0].action {
            Action::Forward(group) => group.targets.len(),
            other => panic!("{other:?}"),
        }
    }

    fn ready(&self, namespace: &str, deployment: &str) -> i64 {
        let deployment = self.get(&kinds::deployments(), namespace, deployment);
        deployment["status"]["readyReplicas"].as_i64().unwrap_or(0)
    }
}

async fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let mut tick = tokio::time::interval(Duration::from_millis(2));
    let waiting = async {
        while !condition() {
            tick.tick().await;
        }
    };
    assert!(tokio::time::timeout(Duration::from_secs(10), waiting).await.is_ok(), "never: {what}");
}

#[tokio::test]
async fn a_deployment_becomes_ready_pods_that_a_load_balancer_reaches() {
    let cluster = mk_cluster().await;
    cluster.apply(manifests(BURNHAM));
    let namespace = "team-burnham";
    eventually("three targets", || cluster.targets() == 3).await;
    eventually("the hostname", || cluster.hostname(namespace, "burnham-ingress").is_some()).await;
    let hostname = cluster.hostname(namespace, "burnham-ingress").unwrap();
    assert!(hostname.starts_with("k8s-burnham-838b6affb4-"), "{hostname}");
    assert!(hostname.ends_with(".eu-west-1.elb.amazonaws.com"), "{hostname}");
    let ingress = cluster.get(&kinds::ingresses(), namespace, "burnham-ingress");
    assert_eq!(ingress["metadata"]["finalizers"], json!(["group.ingress.k8s.aws/burnham"]));

    eventually("three ready", || cluster.ready(namespace, "burnham") == 3).await;
    let deployment = cluster.get(&kinds::deployments(), namespace, "burnham");
    assert!(has_condition(&deployment, "Available") && has_condition(&deployment, "Progressing"));
    assert_eq!(annotation(&deployment, "deployment.kubernetes.io/revision"), Some("1"));
    assert_eq!(deployment["status"]["observedGeneration"], deployment["metadata"]["generation"]);
    for pod in cluster.list(&kinds::pods(), namespace) {
        assert!(name(&pod).starts_with("burnham-") && name(&pod).split('-').count() == 3, "{}", name(&pod));
        assert!(pod["status"]["podIP"].as_str().unwrap().starts_with("10.0.4"));
    }
    eventually("endpoints", || {
        let slices = cluster.list(&kinds::endpoint_slices(), namespace);
        slices.len() == 1 && slices[0]["endpoints"].as_array().is_some_and(|endpoints| endpoints.len() == 3)
    })
    .await;
    assert!(cluster.has_event(namespace, "burnham", "ScalingReplicaSet", "from 0 to 3"));
    assert!(cluster.has_event(namespace, "burnham-ingress", "SuccessfullyReconciled", ""));
}

#[tokio::test]
async fn a_rollout_keeps_enough_pods_and_an_old_template_comes_back() {
    let cluster = mk_cluster().await;
    cluster.apply(manifests(BURNHAM));
    let namespace = "team-burnham";
    eventually("three ready", || cluster.ready(namespace, "burnham") == 3).await;
    let set_image = |image: &'static str| {
        cluster.change(&kinds::deployments(), namespace, "burnham", move |deployment| {
            deployment["spec"]["template"]["spec"]["containers"][0]["image"] = json!(image);
        });
    };
    let first = cluster.get(&kinds::deployments(), namespace, "burnham")["spec"]["template"].clone();
    set_image("nginx:1.14.2");
    let rolled = |revision: &str| {
        let deployment = cluster.get(&kinds::deployments(), namespace, "burnham");
        let status = &deployment["status"];
        // Never fewer than asked for: the strategy allows none unavailable of three.
        assert!(status["availableReplicas"].as_i64().unwrap_or(0) >= 3, "{status}");
        annotation(&deployment, "deployment.kubernetes.io/revision") == Some(revision)
            && status["observedGeneration"] == deployment["metadata"]["generation"]
            && status["updatedReplicas"] == 3
            && status["replicas"] == 3
    };
    eventually("rolled out", || rolled("2")).await;
    let images: Vec<Value> = cluster
        .list(&kinds::pods(), namespace)
        .iter()
        .map(|pod| pod["spec"]["containers"][0]["image"].clone())
        .collect();
    assert_eq!(images, vec![json!("nginx:1.14.2"); 3]);
    assert_eq!(cluster.list(&kinds::replica_sets(), namespace).len(), 2);

    cluster.change(&kinds::deployments(), namespace, "burnham", |deployment| {
        deployment["spec"]["template"] = first.clone();
    });
    eventually("rolled back", || rolled("3")).await;
    assert_eq!(cluster.list(&kinds::replica_sets(), namespace).len(), 2, "the old one is used again");
    eventually("three targets", || cluster.targets() == 3).await;
}

#[tokio::test]
async fn scaling_and_deleting_pods_leaves_what_is_wanted() {
    let cluster = mk_cluster().await;
    cluster.apply(manifests(BURNHAM));
    let namespace = "team-burnham";
    eventually("three ready", || cluster.ready(namespace, "burnham") == 3).await;
    cluster.change(&kinds::deployments(), namespace, "burnham", |deployment| {
        deployment["spec"]["replicas"] = json!(1);
    });
    eventually("one", || {
        cluster.ready(namespace, "burnham") == 1 && cluster.list(&kinds::pods(), namespace).len() == 1
    })
    .await;
    let pod = name(&cluster.list(&kinds::pods(), namespace)[0]).to_owned();
    cluster.cluster.store.delete(&kinds::pods(), Some(namespace), &pod).unwrap();
    eventually("another one", || {
        let pods = cluster.list(&kinds::pods(), namespace);
        pods.len() == 1 && name(&pods[0]) != pod && has_condition(&pods[0], "Ready")
    })
    .await;
    eventually("one target", || cluster.targets() == 1).await;
}

#[tokio::test]
async fn an_ingress_goes_with_its_load_balancer() {
    let cluster = mk_cluster().await;
    cluster.apply(manifests(SKIFF));
    eventually("the hostname", || cluster.hostname("team-skiff", "skiff").is_some()).await;
    let balancers = &cluster.cluster.infrastructure.balancers;
    assert_eq!(balancers.all().len(), 1);
    cluster.cluster.store.delete(&kinds::ingresses(), Some("team-skiff"), "skiff").unwrap();
    eventually("gone", || cluster.get(&kinds::ingresses(), "team-skiff", "skiff").is_null()).await;
    assert!(balancers.all().is_empty());
}

#[tokio::test]
async fn ingresses_of_one_group_share_a_load_balancer() {
    let cluster = mk_cluster().await;
    cluster.apply(manifests(BURNHAM));
    let mut second = manifests(BURNHAM).pop().unwrap();
    second["metadata"]["name"] = json!("second");
    second["spec"]["rules"][0]["host"] = json!(format!("second.{DOMAIN}"));
    cluster.apply([second]);
    let namespace = "team-burnham";
    eventually("both", || {
        let first = cluster.hostname(namespace, "burnham-ingress");
        first.is_some() && first == cluster.hostname(namespace, "second")
    })
    .await;
    let balancers = &cluster.cluster.infrastructure.balancers;
    eventually("two rules", || balancers.all()[0].settings().listeners[&443].rules.len() == 2).await;
    cluster.cluster.store.delete(&kinds::ingresses(), Some(namespace), "second").unwrap();
    eventually("one rule", || balancers.all()[0].settings().listeners[&443].rules.len() == 1).await;
    assert!(cluster.hostname(namespace, "burnham-ingress").is_some());
}

#[tokio::test]
async fn a_wrong_ingress_gets_the_controllers_words_and_no_load_balancer() {
    let cluster = mk_cluster().await;
    let mut objects = manifests(BURNHAM);
    objects.last_mut().unwrap()["metadata"]["annotations"]["alb.ingress.kubernetes.io/listen-ports"] =
        json!("[{\"HTTP\": 80");
    cluster.apply(objects);
    let text =
        "Failed build model due to ingress: team-burnham/burnham-ingress: failed to parse listen-ports";
    eventually("the event", || {
        cluster.has_event("team-burnham", "burnham-ingress", "FailedBuildModel", text)
    })
    .await;
    assert_eq!(cluster.hostname("team-burnham", "burnham-ingress"), None);
    assert!(cluster.cluster.infrastructure.balancers.all().is_empty());
}

#[tokio::test]
async fn an_unhealthy_cluster_has_no_targets_until_the_fault_ends() {
    let cluster = mk_cluster().await;
    cluster.apply(manifests(BURNHAM));
    let healthy = || {
        let balancers = cluster.cluster.infrastructure.balancers.all();
        balancers.first().is_some_and(|balancer| balancer.settings().healthy)
    };
    eventually("healthy", || cluster.targets() == 3 && healthy()).await;
    cluster.cluster.inject(Fault::Unhealthy);
    eventually("unhealthy", || cluster.targets() == 0 && !healthy()).await;
    let pods = cluster.list(&kinds::pods(), "team-burnham");
    assert!(pods.iter().all(|pod| !has_condition(pod, "Ready")));
    assert!(cluster.has_event("team-burnham", name(&pods[0]), "Unhealthy", "Readiness probe failed"));
    cluster.cluster.inject(Fault::None);
    eventually("healthy again", || cluster.targets() == 3 && healthy()).await;
}

#[tokio::test]
async fn a_service_of_type_load_balancer_gets_one_and_gives_it_back() {
    let cluster = mk_cluster().await;
    let mut objects = manifests(SKIFF);
    objects.retain(|object| object["kind"] != "Ingress");
    for object in &mut objects {
        if object["kind"] == "Service" {
            object["spec"]["type"] = json!("LoadBalancer");
        }
    }
    cluster.apply(objects);
    let service = || cluster.get(&kinds::services(), "team-skiff", "skiff");
    eventually("the hostname", || {
        let hostname = service()["status"]["loadBalancer"]["ingress"][0]["hostname"].clone();
        hostname.as_str().is_some_and(|hostname| hostname.ends_with(".elb.eu-west-1.amazonaws.com"))
    })
    .await;
    let balancers = &cluster.cluster.infrastructure.balancers;
    assert_eq!(balancers.all().len(), 1);
    cluster.change(&kinds::services(), "team-skiff", "skiff", |service| {
        service["spec"]["type"] = json!("ClusterIP");
    });
    eventually("given back", || balancers.all().is_empty()).await;
    eventually("released", || service()["metadata"]["finalizers"].as_array().is_none_or(Vec::is_empty)).await;
    assert!(service()["status"]["loadBalancer"]["ingress"].is_null());
}

#[tokio::test]
async fn a_pod_with_a_log_file_shows_its_lines() {
    use crossfade_lab_kube::PodLogs as _;
    let cluster = mk_cluster().await;
    let file = format!("crossfade-pod-log-{}.log", std::process::id());
    std::fs::write(std::env::temp_dir().join(&file), "one\ntwo\n").unwrap();
    cluster.apply([json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {
            "name": "controller", "namespace": "default",
            "annotations": { "lab.crossfade.dev/log-file": file },
        },
        "spec": { "containers": [{ "name": "controller", "image": "crossfade:0.1.0" }] },
    })]);
    let logs = Arc::clone(&cluster.cluster.logs);
    eventually("the lines", || {
        logs.lines("default", "controller", "").is_some_and(|source| source.past == ["one", "two"])
    })
    .await;
    eventually("running", || {
        cluster.get(&kinds::pods(), "default", "controller")["status"]["phase"] == "Running"
    })
    .await;
    std::fs::remove_file(std::env::temp_dir().join(&file)).unwrap();
}

#[tokio::test]
async fn controllers_that_have_nothing_to_do_write_nothing() {
    let cluster = mk_cluster().await;
    cluster.apply(manifests(BURNHAM));
    eventually("three targets", || cluster.targets() == 3).await;
    let revision = || cluster.cluster.store.list(&kinds::pods(), None).unwrap().1;
    // All tasks share this thread, so yielding lets every one of them run.
    for _ in 0..5_000 {
        tokio::task::yield_now().await;
    }
    let settled = revision();
    for _ in 0..5_000 {
        tokio::task::yield_now().await;
    }
    assert_eq!(revision(), settled);
}
