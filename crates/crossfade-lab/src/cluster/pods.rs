//! The node: it places pods, runs what it knows, and says how they are.
//!
//! A container of a known image is the sample program on loopback ports of its own, one per port that it declares; any
//! other image is Running and answers 501 naming itself, or ends after a moment where it is not to be restarted ([`ending`]).
//! No image is pulled, no command is run, probes are not asked.

mod ending;

use std::collections::{BTreeMap, HashMap};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crossfade_lab_kube::ApiError;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::AbortHandle;

use super::events::{Event, Level};
use super::logs::{Log, file_inside, follow_file};
use super::object::{annotation, has_condition, is_deleting, name, namespace, now, uid};
use super::{Cluster, kinds};
use crate::fault::Fault;
use crate::names::hex;
use crate::sample_app::{self, Settings};
use crate::stop::Stop;

pub(super) use ending::EXIT_CODE;

/// A pod that stands for a process of its own: its log is this file, relative to the lab's directory.
const LOG_FILE: &str = "lab.crossfade.dev/log-file";
/// `sample-app`: run the sample program whatever the image.
const RUN: &str = "lab.crossfade.dev/run";
/// Repositories (last part) whose images are the sample program in the lab.
const KNOWN_IMAGES: [&str; 6] =
    ["eks-example-go", "nginx", "docker-2048", "crossfade", "crossfade-sample-app", "guestbook"];
/// How long a pod that was deleted goes on to answer, so that load balancers can stop sending first. Clusters have
/// seconds of it; the lab's load balancers need milliseconds.
const DRAIN: Duration = Duration::from_millis(500);
/// Where pods have their addresses: the pattern's private subnets, 10.0.40.0 to 10.0.51.255.
const FIRST_POD_IP: u32 = u32::from_be_bytes([10, 0, 40, 16]);
const POD_IP_COUNT: u32 = 12 * 256 - 32;
const COMPONENT: &str = "kubelet";

/// Addresses for the pods of all clusters; they share a VPC.
#[derive(Debug, Default)]
pub(crate) struct PodAddresses(AtomicU32);

impl PodAddresses {
    fn next(&self) -> Ipv4Addr {
        Ipv4Addr::from(FIRST_POD_IP + self.0.fetch_add(1, Ordering::Relaxed) % POD_IP_COUNT)
    }
}

/// The pods that run in one cluster, by namespace and name.
#[derive(Debug, Default)]
pub(super) struct Pods {
    running: Mutex<HashMap<(String, String), Running>>,
}

impl Pods {
    /// The loopback socket that a pod's port is, if something listens there.
    pub(super) fn socket(&self, pod: &Value, port: u16) -> Option<SocketAddr> {
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        let pod = running.get(&key(pod)).filter(|running| running.uid == uid(pod))?;
        pod.ports.get(&port).copied()
    }

    fn has(&self, pod: &Value) -> bool {
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        running.get(&key(pod)).is_some_and(|running| running.uid == uid(pod))
    }

    /// Ends all pods at once.
    pub(super) fn end(&self) {
        self.running.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    fn remove(&self, key: &(String, String)) -> Option<Running> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner).remove(key)
    }
}

fn key(pod: &Value) -> (String, String) {
    (namespace(pod).to_owned(), name(pod).to_owned())
}

/// What runs for one pod. Dropping it ends everything at once.
#[derive(Debug)]
struct Running {
    uid: String,
    ports: BTreeMap<u16, SocketAddr>,
    stop: Stop,
    followers: Vec<AbortHandle>,
    /// Of a pod that comes to an end.
    end_at: Option<Instant>,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop.give();
        for follower in &self.followers {
            follower.abort();
        }
    }
}

impl Cluster {
    /// Starts, stops or reports one pod.
    pub(super) fn reconcile_pod(&self, in_namespace: &str, with_name: &str) -> Result<(), ApiError> {
        let pod = match self.store.get(&kinds::pods(), Some(in_namespace), with_name) {
            Ok(pod) => pod,
            Err(error) if error.is_not_found() => {
                self.stop_pod(&(in_namespace.to_owned(), with_name.to_owned()));
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        if self.release_orphan(&pod)? {
            // That leads to the next look.
            return Ok(());
        }
        if is_deleting(&pod) {
            self.stop_pod(&key(&pod));
            let has_finalizers =
                pod["metadata"]["finalizers"].as_array().is_some_and(|list| !list.is_empty());
            return match self.store.delete(&kinds::pods(), Some(in_namespace), with_name) {
                _ if has_finalizers => Ok(()),
                Err(error) if !error.is_not_found() => Err(error),
                _ => Ok(()),
            };
        }
        if ending::has_ended(&pod) {
            return Ok(());
        }
        if self.pods.is_due(&pod) {
            return self.end_pod(&pod);
        }
        if self.pods.has(&pod) {
            return self.report_readiness(&pod);
        }
        self.stop_pod(&key(&pod));
        self.start_pod(&pod)
    }

    fn stop_pod(&self, key: &(String, String)) {
        if let Some(running) = self.pods.remove(key) {
            self.logs.remove(&key.0, &key.1);
            tokio::spawn(async move {
                tokio::time::sleep(DRAIN).await;
                drop(running);
            });
        }
    }

    fn start_pod(&self, pod: &Value) -> Result<(), ApiError> {
        let pod = self.place(pod)?;
        let mut running = Running {
            uid: uid(&pod).to_owned(),
            ports: BTreeMap::new(),
            stop: Stop::new(),
            followers: Vec::new(),
            end_at: None,
        };
        let mut logs = Vec::new();
        for container in pod["spec"]["containers"].as_array().into_iter().flatten() {
            let log = Arc::new(Log::new());
            if let Err(error) = self.start_container(&pod, container, &log, &mut running) {
                self.pod_event(&pod, Level::Warning, "Failed", format!("Error: {error}"));
                tracing::warn!(cluster = %self.name, pod = name(&pod), %error, "pod does not start");
                return Ok(());
            }
            let (container_name, image) = (&container["name"], &container["image"]);
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            let pulled = format!("Container image \"{}\" already present on machine", text(image));
            self.pod_event(&pod, Level::Normal, "Pulled", pulled);
            self.pod_event(
                &pod,
                Level::Normal,
                "Created",
                format!("Created container: {}", text(container_name)),
            );
            self.pod_event(
                &pod,
                Level::Normal,
                "Started",
                format!("Started container {}", text(container_name)),
            );
            logs.push((text(container_name), log));
        }
        self.logs.insert(namespace(&pod), name(&pod), logs);
        self.pods.running.lock().unwrap_or_else(PoisonError::into_inner).insert(key(&pod), running);
        if ending::ends(&pod) {
            self.end_pod_later(&pod);
        }
        let ready = self.fault.get() != Fault::Unhealthy;
        let status = self.running_status(&pod, ready);
        self.write_pod_status(&pod, status)
    }

    /// The scheduler's part.
    fn place(&self, pod: &Value) -> Result<Value, ApiError> {
        let mut pod = pod.clone();
        if pod["spec"]["nodeName"].as_str().is_some_and(|node| !node.is_empty()) {
            return Ok(pod);
        }
        pod["spec"]["nodeName"] = Value::from(self.node_name.as_str());
        let pod = self.store.update(&kinds::pods(), pod)?;
        self.events.record(Event {
            object: &pod,
            component: "default-scheduler",
            level: Level::Normal,
            reason: "Scheduled",
            message: format!(
                "Successfully assigned {}/{} to {}",
                namespace(&pod),
                name(&pod),
                self.node_name
            ),
        });
        Ok(Value::clone(&pod))
    }

    fn start_container(
        &self,
        pod: &Value,
        container: &Value,
        log: &Arc<Log>,
        running: &mut Running,
    ) -> std::io::Result<()> {
        if let Some(file) = annotation(pod, LOG_FILE) {
            match file_inside(&self.dir, file) {
                Some(path) => {
                    running.followers.push(tokio::spawn(follow_file(path, Arc::clone(log))).abort_handle());
                }
                None => {
                    log.push(format!(
                        "annotation {LOG_FILE}: `{file}` is no path inside the lab's directory"
                    ));
                }
            }
            return Ok(());
        }
        let image = container["image"].as_str().unwrap_or_default();
        let known = annotation(pod, RUN) == Some("sample-app") || is_known_image(image);
        let settings = Settings {
            cluster_name: environment(container, "CLUSTER_NAME").unwrap_or_default().to_owned(),
            pod_name: name(pod).to_owned(),
            not_run_here: (!known).then(|| image.to_owned()),
            fault: self.fault.clone(),
        };
        for port in ports_of(container, known) {
            if running.ports.contains_key(&port) {
                log.push(format!("listen tcp :{port}: bind: address already in use"));
                continue;
            }
            let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
            listener.set_nonblocking(true)?;
            running.ports.insert(port, listener.local_addr()?);
            let listener = TcpListener::from_std(listener)?;
            let (log, stop, settings) = (Arc::clone(log), running.stop.clone(), settings.clone());
            tokio::spawn(async move {
                let _ = sample_app::serve(listener, settings, move |line| log.push(line), stop.wait()).await;
            });
        }
        Ok(())
    }

    /// Follows the cluster's fault: with [`Fault::Unhealthy`] no pod is ready.
    fn report_readiness(&self, pod: &Value) -> Result<(), ApiError> {
        let ready = self.fault.get() != Fault::Unhealthy;
        if has_condition(pod, "Ready") == ready {
            return Ok(());
        }
        if !ready {
            let message = "Readiness probe failed: HTTP probe failed with statuscode: 503".to_owned();
            self.pod_event(pod, Level::Warning, "Unhealthy", message);
        }
        let mut status = pod["status"].clone();
        for condition in status["conditions"].as_array_mut().into_iter().flatten() {
            if condition["type"] == "Ready" || condition["type"] == "ContainersReady" {
                *condition = ready_condition(condition["type"].as_str().unwrap_or_default(), ready, &now());
            }
        }
        for container in status["containerStatuses"].as_array_mut().into_iter().flatten() {
            container["ready"] = Value::from(ready);
        }
        self.write_pod_status(pod, status)
    }

    fn running_status(&self, pod: &Value, ready: bool) -> Value {
        let now = now();
        let ip = self.pod_addresses.next().to_string();
        let condition = |kind: &str| json!({ "type": kind, "status": "True", "lastProbeTime": null, "lastTransitionTime": now });
        let containers: Vec<Value> = pod["spec"]["containers"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|container| {
                let image = container["image"].as_str().unwrap_or_default();
                json!({
                    "name": container["name"], "image": image, "imageID": image_id(image),
                    "containerID": format!("containerd://{}", self.random_hex()),
                    "ready": ready, "started": true, "restartCount": 0, "lastState": {},
                    "state": { "running": { "startedAt": now } },
                })
            })
            .collect();
        json!({
            "phase": "Running",
            "conditions": [
                condition("PodReadyToStartContainers"), condition("Initialized"),
                ready_condition("Ready", ready, &now), ready_condition("ContainersReady", ready, &now),
                condition("PodScheduled"),
            ],
            "hostIP": self.node_ip.to_string(), "hostIPs": [{ "ip": self.node_ip.to_string() }],
            "podIP": ip, "podIPs": [{ "ip": ip }],
            "startTime": now, "containerStatuses": containers, "qosClass": quality_of_service(pod),
        })
    }

    fn write_pod_status(&self, pod: &Value, status: Value) -> Result<(), ApiError> {
        let mut pod = pod.clone();
        pod["status"] = status;
        if let Some(metadata) = pod["metadata"].as_object_mut() {
            metadata.remove("resourceVersion");
        }
        self.store.update_status(&kinds::pods(), pod).map(drop)
    }

    fn pod_event(&self, pod: &Value, level: Level, reason: &'static str, message: String) {
        self.events.record(Event { object: pod, component: COMPONENT, level, reason, message });
    }

    fn random_hex(&self) -> String {
        let mut bytes = [0_u8; 32];
        self.random.lock().unwrap_or_else(PoisonError::into_inner).fill(&mut bytes);
        hex(&bytes)
    }
}

fn ready_condition(kind: &str, ready: bool, now: &str) -> Value {
    if ready {
        return json!({ "type": kind, "status": "True", "lastProbeTime": null, "lastTransitionTime": now });
    }
    json!({
        "type": kind, "status": "False", "lastProbeTime": null, "lastTransitionTime": now,
        "reason": "ContainersNotReady", "message": "containers with unready status",
    })
}

/// The ports that a container listens on: those it declares, or for the sample program what `PORT` says, or 80.
fn ports_of(container: &Value, known: bool) -> Vec<u16> {
    let declared: Vec<u16> = container["ports"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|port| u16::try_from(port["containerPort"].as_u64()?).ok())
        .collect();
    if !declared.is_empty() || !known {
        return declared;
    }
    vec![environment(container, "PORT").and_then(|port| port.parse().ok()).unwrap_or(80)]
}

/// The value of a plain environment variable.
fn environment<'a>(container: &'a Value, variable: &str) -> Option<&'a str> {
    let entries = container["env"].as_array()?;
    entries.iter().find(|entry| entry["name"] == variable)?["value"].as_str()
}

fn is_known_image(image: &str) -> bool {
    let without_digest = image.split('@').next().unwrap_or_default();
    let last = without_digest.rsplit('/').next().unwrap_or_default();
    let repository = last.split(':').next().unwrap_or_default();
    KNOWN_IMAGES.contains(&repository) || repository.contains("guestbook")
}

/// Looks like a digest; nothing was pulled.
fn image_id(image: &str) -> String {
    use sha2::Digest as _;
    let repository = image.split('@').next().unwrap_or_default();
    format!("{repository}@sha256:{}", hex(&sha2::Sha256::digest(image)))
}

/// Guaranteed when every container limits what it requests, BestEffort when none asks for anything.
fn quality_of_service(pod: &Value) -> &'static str {
    let containers = || pod["spec"]["containers"].as_array().into_iter().flatten();
    let asks = |container: &Value, kind: &str| {
        container["resources"][kind].as_object().is_some_and(|resources| !resources.is_empty())
    };
    if containers().all(|container| !asks(container, "requests") && !asks(container, "limits")) {
        return "BestEffort";
    }
    let guaranteed = containers().all(|container| {
        let resources = &container["resources"];
        ["cpu", "memory"].iter().all(|resource| {
            resources["limits"].get(*resource).is_some_and(|limit| {
                resources["requests"].get(*resource).is_none_or(|request| request == limit)
            })
        })
    });
    if guaranteed { "Guaranteed" } else { "Burstable" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_are_known_by_their_repository() {
        for image in [
            "public.ecr.aws/seb-demo/eks-example-go:6d1d832508017919344c62c5eaece159fccffa79",
            "nginx:1.14.2",
            "public.ecr.aws/l6m2t8p7/docker-2048:latest",
            "gcr.io/heptio-images/ks-guestbook-demo:0.2",
            "registry.example.org:5000/crossfade-sample-app@sha256:00",
        ] {
            assert!(is_known_image(image), "{image}");
        }
        for image in
            ["redis:4.0.2", "mreferre/yelb-ui:0.7", "nginx-unprivileged:1", "example.org/nginx/other"]
        {
            assert!(!is_known_image(image), "{image}");
        }
    }

    #[test]
    fn ports_are_declared_or_said_by_the_environment() {
        let declared = json!({ "ports": [{ "containerPort": 8080 }, { "containerPort": 9090 }] });
        assert_eq!(ports_of(&declared, true), [8080, 9090]);
        let said = json!({ "env": [{ "name": "PORT", "value": "8765" }] });
        assert_eq!(ports_of(&said, true), [8765]);
        assert_eq!(ports_of(&json!({}), true), [80]);
        assert!(ports_of(&json!({}), false).is_empty());
    }

    #[test]
    fn quality_of_service_follows_requests_and_limits() {
        let mk_pod = |resources: &Value| json!({ "spec": { "containers": [{ "resources": resources }] } });
        assert_eq!(quality_of_service(&mk_pod(&json!({}))), "BestEffort");
        let both = json!({ "cpu": "50m", "memory": "50Mi" });
        assert_eq!(quality_of_service(&mk_pod(&json!({ "requests": both, "limits": both }))), "Guaranteed");
        let burnham = json!({ "requests": both, "limits": { "cpu": "500m", "memory": "512Mi" } });
        assert_eq!(quality_of_service(&mk_pod(&burnham)), "Burstable");
    }

    #[test]
    fn pod_addresses_stay_in_the_private_subnets() {
        let addresses = PodAddresses::default();
        assert_eq!(addresses.next(), Ipv4Addr::new(10, 0, 40, 16));
        addresses.0.store(POD_IP_COUNT - 1, Ordering::Relaxed);
        assert!(addresses.next() <= Ipv4Addr::new(10, 0, 51, 255));
        assert_eq!(addresses.next(), Ipv4Addr::new(10, 0, 40, 16));
    }
}
