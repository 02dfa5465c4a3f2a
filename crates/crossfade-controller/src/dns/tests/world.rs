//! One server on loopback that is an API server with Ingresses and a Route 53 with one zone, as far as a controller asks.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crossfade_aws::{Aws, AwsOptions, StaticCredentials};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, mpsc};

/// Nothing takes this long; a test that waits for it has failed.
const PATIENCE: Duration = Duration::from_secs(20);

const NAMESPACE: &str = "xmlns=\"https://route53.amazonaws.com/doc/2013-04-01/\"";

/// A record set that somebody made by hand.
pub(super) const FOREIGN_SIMPLE_RECORD: &str = "<ResourceRecordSet><Name>burnham.example.org.</Name><Type>A</Type><TTL>60</TTL>\
    <ResourceRecords><ResourceRecord><Value>192.0.2.1</Value></ResourceRecord></ResourceRecords></ResourceRecordSet>";

/// What Route 53 says to a batch.
pub(super) enum Answer {
    Accepted,
    Refused(String),
    Throttled,
}

/// A batch that was sent.
#[derive(Debug)]
pub(super) struct Batch {
    pub body: String,
}

impl Batch {
    /// `ACTION name TYPE weight`, one line per change.
    pub(super) fn lines(&self) -> Vec<String> {
        let text = |change: &str, tag: &str| {
            let after = change.split_once(&format!("<{tag}>")).map(|(_, after)| after)?;
            after.split_once("</").map(|(text, _)| text.to_owned())
        };
        let line = |change: &str| {
            ["Action", "Name", "Type", "Weight"]
                .iter()
                .filter_map(|tag| text(change, tag))
                .collect::<Vec<_>>()
                .join(" ")
        };
        self.body.split("<Change>").skip(1).map(line).collect()
    }
}

type Script = Box<dyn FnMut(&str) -> Answer + Send>;

struct State {
    ingresses: BTreeMap<String, Value>,
    version: u64,
    events: Vec<Value>,
    records: String,
    script: Script,
    calls: Vec<String>,
    batches: mpsc::UnboundedSender<Batch>,
}

/// The server, and what happens on it.
pub(super) struct World {
    endpoint: String,
    state: Arc<Mutex<State>>,
    changed: Arc<Notify>,
    batches: tokio::sync::Mutex<mpsc::UnboundedReceiver<Batch>>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for World {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl World {
    pub(super) async fn start() -> World {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let (sender, batches) = mpsc::unbounded_channel();
        let state = Arc::new(Mutex::new(State {
            ingresses: BTreeMap::new(),
            version: 1,
            events: Vec::new(),
            records: String::new(),
            script: Box::new(|_| Answer::Accepted),
            calls: Vec::new(),
            batches: sender,
        }));
        let changed = Arc::new(Notify::new());
        let (shared, notify) = (Arc::clone(&state), Arc::clone(&changed));
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(BufReader::new(stream), Arc::clone(&shared), Arc::clone(&notify)));
            }
        });
        World { endpoint, state, changed, batches: tokio::sync::Mutex::new(batches), task }
    }

    pub(super) fn kube_client(&self) -> kube::Client {
        kube::Client::try_from(kube::Config::new(self.endpoint.parse().unwrap())).unwrap()
    }

    pub(super) async fn aws(&self) -> Aws {
        let credentials =
            StaticCredentials { access_key_id: "x".to_owned(), secret_access_key: "y".to_owned() };
        let options = AwsOptions {
            region: Some("eu-west-1".to_owned()),
            endpoint: Some(self.endpoint.clone()),
            credentials: Some(credentials),
            ..AwsOptions::default()
        };
        Aws::with_options(options).await.unwrap()
    }

    /// Creates or replaces an Ingress.
    pub(super) fn put(&self, mut ingress: Value) {
        let mut state = self.state.lock().unwrap();
        state.version += 1;
        ingress["metadata"]["resourceVersion"] = json!(state.version.to_string());
        let name = ingress["metadata"]["name"].as_str().unwrap().to_owned();
        let is_new = state.ingresses.insert(name, ingress.clone()).is_none();
        state.events.push(json!({"type": if is_new { "ADDED" } else { "MODIFIED" }, "object": ingress}));
        drop(state);
        self.changed.notify_waiters();
    }

    pub(super) fn delete(&self, name: &str) {
        let mut state = self.state.lock().unwrap();
        state.version += 1;
        let mut ingress = state.ingresses.remove(name).unwrap();
        ingress["metadata"]["resourceVersion"] = json!(state.version.to_string());
        state.events.push(json!({"type": "DELETED", "object": ingress}));
        drop(state);
        self.changed.notify_waiters();
    }

    /// What the zone is said to hold from now on.
    pub(super) fn records(&self, records: &str) {
        records.clone_into(&mut self.state.lock().unwrap().records);
    }

    pub(super) fn answer_batches(&self, script: impl FnMut(&str) -> Answer + Send + 'static) {
        self.state.lock().unwrap().script = Box::new(script);
    }

    /// Requests so far that begin like this.
    pub(super) fn calls(&self, beginning: &str) -> Vec<String> {
        let state = self.state.lock().unwrap();
        state.calls.iter().filter(|call| call.starts_with(beginning)).cloned().collect()
    }

    pub(super) async fn wait_for_calls(&self, beginning: &str, count: usize) {
        let enough = async {
            loop {
                let changed = self.changed.notified();
                if self.calls(beginning).len() >= count {
                    return;
                }
                changed.await;
            }
        };
        tokio::time::timeout(PATIENCE, enough).await.unwrap();
    }

    pub(super) async fn next_batch(&self) -> Batch {
        let mut batches = self.batches.lock().await;
        tokio::time::timeout(PATIENCE, batches.recv()).await.unwrap().unwrap()
    }
}

/// An Ingress with the pattern's annotations.
pub(super) fn mk_ingress(name: &str, host: &str, weight: &str) -> Value {
    json!({
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": {"name": name, "namespace": "team", "annotations": {
            "external-dns.alpha.kubernetes.io/set-identifier": "blue",
            "external-dns.alpha.kubernetes.io/aws-weight": weight,
        }},
        "spec": {"rules": [{"host": host}]},
        "status": {"loadBalancer": {"ingress": [{"hostname": "lb-1.eu-west-1.elb.amazonaws.com"}]}},
    })
}

async fn serve(mut stream: BufReader<TcpStream>, state: Arc<Mutex<State>>, changed: Arc<Notify>) {
    while let Some((method, target, body)) = read(&mut stream).await {
        if target.contains("watch=true") {
            watch(stream, &target, &state, &changed).await;
            return;
        }
        let (status, content_type, answer) = answer(&method, &target, &body, &mut state.lock().unwrap());
        changed.notify_waiters();
        let head = format!(
            "HTTP/1.1 {status} X\r\ncontent-type: {content_type}\r\ncontent-length: {}\r\n\r\n",
            answer.len()
        );
        if stream.write_all((head + &answer).as_bytes()).await.is_err() {
            return;
        }
    }
}

async fn watch(mut stream: BufReader<TcpStream>, target: &str, state: &Mutex<State>, changed: &Notify) {
    let is_of_ingresses = target.starts_with("/apis/networking.k8s.io/v1/ingresses");
    let since: u64 = target
        .split_once("resourceVersion=")
        .and_then(|(_, rest)| rest.split('&').next()?.parse().ok())
        .unwrap_or_default();
    let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n";
    let mut pending = head.to_owned();
    let mut sent = 0;
    loop {
        let more = changed.notified();
        {
            let state = state.lock().unwrap();
            for event in &state.events[sent..] {
                let version: u64 =
                    event["object"]["metadata"]["resourceVersion"].as_str().unwrap().parse().unwrap();
                if is_of_ingresses && version > since {
                    let line = format!("{event}\n");
                    write!(pending, "{:x}\r\n{line}\r\n", line.len()).unwrap();
                }
            }
            sent = state.events.len();
        }
        if stream.write_all(std::mem::take(&mut pending).as_bytes()).await.is_err() {
            return;
        }
        more.await;
    }
}

fn answer(method: &str, target: &str, body: &str, state: &mut State) -> (u16, &'static str, String) {
    state.calls.push(format!("{method} {target} "));
    let xml = |status, body| (status, "text/xml", body);
    let info = "<ChangeInfo><Id>/change/C1</Id><Status>INSYNC</Status><SubmittedAt>2026-01-01T00:00:00Z</SubmittedAt></ChangeInfo>";
    if target.starts_with("/2013-04-01/change/") {
        return xml(200, format!("<GetChangeResponse {NAMESPACE}>{info}</GetChangeResponse>"));
    }
    if method == "POST" {
        state.batches.send(Batch { body: body.to_owned() }).unwrap();
        let error = |code: &str, message: &str| {
            format!(
                "<ErrorResponse {NAMESPACE}><Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error><RequestId>r</RequestId></ErrorResponse>"
            )
        };
        return match (state.script)(body) {
            Answer::Accepted => {
                let name = "ChangeResourceRecordSetsResponse";
                xml(200, format!("<{name} {NAMESPACE}>{info}</{name}>"))
            }
            Answer::Refused(message) => xml(400, error("InvalidChangeBatch", &format!("[{message}]"))),
            Answer::Throttled => xml(400, error("Throttling", "Rate exceeded")),
        };
    }
    if target.starts_with("/2013-04-01/hostedzone/Z1/rrset") {
        let records = &state.records;
        return xml(
            200,
            format!(
                "<ListResourceRecordSetsResponse {NAMESPACE}><ResourceRecordSets>{records}</ResourceRecordSets><IsTruncated>false</IsTruncated><MaxItems>300</MaxItems></ListResourceRecordSetsResponse>"
            ),
        );
    }
    if target.starts_with("/2013-04-01/hostedzone") {
        let zone = |id: &str, name: &str| {
            format!(
                "<HostedZone><Id>/hostedzone/{id}</Id><Name>{name}</Name><CallerReference>r</CallerReference></HostedZone>"
            )
        };
        let zones = zone("Z1", "example.org.") + &zone("Z2", "example.net.");
        return xml(
            200,
            format!(
                "<ListHostedZonesResponse {NAMESPACE}><HostedZones>{zones}</HostedZones><IsTruncated>false</IsTruncated><MaxItems>100</MaxItems></ListHostedZonesResponse>"
            ),
        );
    }
    let is_of_ingresses = target.starts_with("/apis/networking.k8s.io/v1/ingresses");
    let (version, kind) =
        if is_of_ingresses { ("networking.k8s.io/v1", "IngressList") } else { ("v1", "ServiceList") };
    let items: Vec<&Value> = if is_of_ingresses { state.ingresses.values().collect() } else { Vec::new() };
    let list = json!({
        "apiVersion": version,
        "kind": kind,
        "metadata": {"resourceVersion": state.version.to_string()},
        "items": items,
    });
    (200, "application/json", list.to_string())
}

async fn read(stream: &mut BufReader<TcpStream>) -> Option<(String, String, String)> {
    let mut line = String::new();
    stream.read_line(&mut line).await.ok()?;
    let mut words = line.split_whitespace().map(str::to_owned);
    let (method, target) = (words.next()?, words.next()?);
    let mut length = 0;
    loop {
        let mut header = String::new();
        stream.read_line(&mut header).await.ok()?;
        let header = header.trim().to_ascii_lowercase();
        if header.is_empty() {
            break;
        }
        if let Some(value) = header.strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.ok()?;
    Some((method, target, String::from_utf8(body).unwrap()))
}
