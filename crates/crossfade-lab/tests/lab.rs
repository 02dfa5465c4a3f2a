//! A whole lab over its sockets: manifests in, pages out.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use bytes::Bytes;
use crossfade_lab::users::{UserOptions, Users};
use crossfade_lab::{Control, Disturbance, Fault, Lab, LabAddresses, LabCluster, LabError, LabOptions};
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper_util::rt::TokioIo;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use serde_json::Value;
use tokio::net::TcpStream;

const CLUSTERS: [&str; 2] = ["eks-blueprint-blue", "eks-blueprint-green"];
const HOST: &str = "burnham.eks-blueprint.eks.example.org";
const INGRESS: &str = "/apis/networking.k8s.io/v1/namespaces/team-burnham/ingresses/burnham-ingress";

struct Client {
    addresses: LabAddresses,
    tokens: BTreeMap<String, String>,
    tls: tokio_rustls::TlsConnector,
}

async fn start() -> (Lab, Client) {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    let dir = std::env::temp_dir().join(format!("crossfade-lab-test-{}-{number}", std::process::id()));
    let lab = Lab::start(LabOptions {
        dir,
        environment_name: "eks-blueprint".to_owned(),
        hosted_zone_name: "eks.example.org".to_owned(),
        region: "eu-west-1".to_owned(),
        account_id: "111122223333".to_owned(),
        alias_ttl_seconds: 1,
        seed: 1,
        clusters: CLUSTERS
            .iter()
            .map(|name| LabCluster { name: (*name).to_owned(), kubernetes_version: "1.33".to_owned() })
            .collect(),
    })
    .await
    .unwrap();
    let client = Client::new(LabAddresses::read(&lab.addresses().dir).unwrap());
    (lab, client)
}

impl Client {
    fn new(addresses: LabAddresses) -> Client {
        let kubeconfig: Value =
            serde_saphyr::from_str(&std::fs::read_to_string(&addresses.kubeconfig).unwrap()).unwrap();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let tokens = kubeconfig["users"].as_array().unwrap().iter();
        let tokens = tokens.map(|user| (text(&user["name"]), text(&user["user"]["token"]))).collect();
        let mut roots = rustls::RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(&addresses.ca).unwrap()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        Client { addresses, tokens, tls: Arc::new(tls).into() }
    }

    async fn kube(&self, context: &str, method: Method, path: &str, body: &str) -> (StatusCode, Value) {
        let cluster = context.trim_end_matches("-viewer");
        let server = &self.addresses.clusters.iter().find(|one| one.name == cluster).unwrap().server;
        let address: SocketAddr = server.strip_prefix("https://").unwrap().parse().unwrap();
        let stream = TcpStream::connect(address).await.unwrap();
        let name = ServerName::try_from("127.0.0.1").unwrap();
        let stream = self.tls.connect(name, stream).await.unwrap();
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", address.to_string())
            .header("authorization", format!("Bearer {}", self.tokens[context]))
            .header("content-type", "application/json")
            .body(Full::new(Bytes::from(body.to_owned())))
            .unwrap();
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
        let connection = tokio::spawn(connection);
        let response = sender.send_request(request).await.unwrap();
        let status = response.status();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        connection.abort();
        (status, serde_json::from_slice(&body).unwrap_or_default())
    }

    async fn apply_burnham(&self, cluster: &str) {
        let manifests = include_str!("../../../examples/workloads/burnham.yaml")
            .replace("${CLUSTER_NAME}", cluster)
            .replace("${ENV}", cluster)
            .replace("${DOMAIN}", &self.addresses.domain)
            .replace("${WEIGHT}", "100");
        let objects: Vec<Value> = serde_saphyr::from_multiple(&manifests).unwrap();
        for object in objects {
            let collection = match object["kind"].as_str().unwrap() {
                "Namespace" => "/api/v1/namespaces",
                "Deployment" => "/apis/apps/v1/namespaces/team-burnham/deployments",
                "Service" => "/api/v1/namespaces/team-burnham/services",
                _ => "/apis/networking.k8s.io/v1/namespaces/team-burnham/ingresses",
            };
            let (status, answer) = self.kube(cluster, Method::POST, collection, &object.to_string()).await;
            assert_eq!(status, StatusCode::CREATED, "{answer}");
        }
    }

    async fn hostname(&self, cluster: &str) -> Option<String> {
        let (_, ingress) = self.kube(cluster, Method::GET, INGRESS, "").await;
        ingress["status"]["loadBalancer"]["ingress"][0]["hostname"].as_str().map(str::to_owned)
    }

    async fn aws(&self, path: &str, body: String) -> String {
        let address: SocketAddr =
            self.addresses.aws_endpoint.strip_prefix("http://").unwrap().parse().unwrap();
        let stream = TcpStream::connect(address).await.unwrap();
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        let request = Request::post(path)
            .header("host", address.to_string())
            .header("authorization", "AWS4-HMAC-SHA256 Credential=x/20260101/us-east-1/route53/aws4_request")
            .body(Full::new(Bytes::from(body)))
            .unwrap();
        let response = sender.send_request(request).await.unwrap();
        let status = response.status();
        let text = response.into_body().collect().await.unwrap().to_bytes();
        let text = String::from_utf8(text.to_vec()).unwrap();
        assert!(status.is_success(), "{text}");
        text
    }

    /// What a DNS controller would do for the Ingresses of both clusters.
    async fn create_records(&self) {
        let namespace = "xmlns=\"https://route53.amazonaws.com/doc/2013-04-01/\"";
        let body = format!(
            "<CreateHostedZoneRequest {namespace}><Name>{}</Name><CallerReference>test</CallerReference>\
             </CreateHostedZoneRequest>",
            self.addresses.domain
        );
        let created = self.aws("/2013-04-01/hostedzone", body).await;
        let id = created.split("<Id>/hostedzone/").nth(1).unwrap().split('<').next().unwrap().to_owned();
        let mut changes = Vec::new();
        for cluster in CLUSTERS {
            let hostname = self.hostname(cluster).await.unwrap();
            changes.push(format!(
                "<Change><Action>CREATE</Action><ResourceRecordSet><Name>{HOST}</Name><Type>A</Type>\
                 <SetIdentifier>{cluster}</SetIdentifier><Weight>100</Weight><AliasTarget>\
                 <HostedZoneId>Z32O12XQLNTSW2</HostedZoneId><DNSName>{hostname}</DNSName>\
                 <EvaluateTargetHealth>true</EvaluateTargetHealth></AliasTarget></ResourceRecordSet></Change>"
            ));
        }
        let body = format!(
            "<ChangeResourceRecordSetsRequest {namespace}><ChangeBatch><Changes>{}</Changes></ChangeBatch>\
             </ChangeResourceRecordSetsRequest>",
            changes.concat()
        );
        self.aws(&format!("/2013-04-01/hostedzone/{id}/rrset"), body).await;
    }

    fn users(&self) -> Users {
        Users::start(UserOptions {
            resolvers: 10,
            overstaying: 0,
            hosts: vec![HOST.to_owned()],
            name_servers: self.addresses.name_servers.clone(),
            proxy: self.addresses.proxy,
            ca_pem: std::fs::read(&self.addresses.ca).unwrap(),
            requests_per_second: 200.0,
            seed: 1,
        })
        .unwrap()
    }
}

async fn eventually(what: &str, mut condition: impl AsyncFnMut() -> bool) {
    let mut tick = tokio::time::interval(Duration::from_millis(10));
    let waiting = async {
        while !condition().await {
            tick.tick().await;
        }
    };
    assert!(tokio::time::timeout(Duration::from_secs(20), waiting).await.is_ok(), "never: {what}");
}

fn remove(dir: &PathBuf) {
    std::fs::remove_dir_all(dir).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn users_see_pages_of_both_clusters_until_something_is_made_to_fail() {
    let (lab, client) = start().await;
    let control = Control::new(&client.addresses);
    for cluster in CLUSTERS {
        client.apply_burnham(cluster).await;
        eventually("a hostname", async || client.hostname(cluster).await.is_some()).await;
    }
    let hostname = client.hostname(CLUSTERS[1]).await.unwrap();
    assert!(hostname.starts_with("k8s-burnham-c27a6f9b57-"), "{hostname}");
    eventually("healthy", async || {
        control.status().await.unwrap().load_balancers.iter().all(|balancer| balancer.healthy)
    })
    .await;
    client.create_records().await;

    // The name servers take the records up one after another; users come when all have.
    let asking = client.users();
    eventually("pages", async || asking.totals().sent() > asking.totals().failed() + 20).await;
    asking.stop().await;
    eventually("records everywhere", async || {
        let users = client.users();
        eventually("answers", async || users.totals().sent() >= 40).await;
        users.stop().await.failed() == 0
    })
    .await;

    let users = client.users();
    let status = control.status().await.unwrap();
    users.name_addresses(&status.clusters_by_address());
    eventually("both clusters", async || users.totals().regular.by_cluster.len() == 2).await;
    assert_eq!(users.totals().failed(), 0);
    control.inject(CLUSTERS[1], Fault::Http500).await.unwrap();
    eventually("failures", async || users.totals().failed() >= 5).await;
    let totals = users.stop().await;
    for failure in &totals.failures {
        assert_eq!(failure.cluster.as_deref(), Some(CLUSTERS[1]), "{failure:?}");
        assert!(failure.reason.contains("500"), "{failure:?}");
    }
    let status = control.status().await.unwrap();
    assert_eq!(status.faults[CLUSTERS[1]], Fault::Http500);
    let green = status.load_balancers.iter().find(|balancer| balancer.cluster == CLUSTERS[1]).unwrap();
    assert!(green.healthy && green.requests["5xx"] >= 5, "{green:?}");
    assert_eq!((green.namespace.as_str(), green.ingress.as_str()), ("team-burnham", "burnham-ingress"));

    control.set_load_balancers(CLUSTERS[0], false).await.unwrap();
    let status = control.status().await.unwrap();
    let blue = status.load_balancers.iter().find(|balancer| balancer.cluster == CLUSTERS[0]).unwrap();
    assert!(!blue.on);
    let dir = client.addresses.dir.clone();
    lab.stop().await;
    assert!(LabAddresses::read(&dir).is_err(), "nobody finds a lab that has ended");
    remove(&dir);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn viewers_read_and_strangers_do_nothing() {
    let (lab, client) = start().await;
    let viewer = format!("{}-viewer", CLUSTERS[0]);
    let (status, _) = client.kube(&viewer, Method::GET, "/api/v1/namespaces", "").await;
    assert_eq!(status, StatusCode::OK);
    let namespace = r#"{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"x"}}"#;
    let (status, _) = client.kube(&viewer, Method::POST, "/api/v1/namespaces", namespace).await;
    assert_eq!(status, StatusCode::FORBIDDEN);

    let mut addresses = client.addresses.clone();
    addresses.control_token = "0".repeat(64);
    let refused = Control::new(&addresses).set_load_balancers(CLUSTERS[0], false).await;
    assert!(matches!(refused, Err(LabError::Refused { status: 401, .. })), "{refused:?}");
    let unknown = Control::new(&client.addresses).inject("eks-blueprint-red", Fault::Http500).await;
    assert!(matches!(unknown, Err(LabError::Refused { status: 404, .. })), "{unknown:?}");
    Control::new(&client.addresses).request_end().await.unwrap();
    lab.end_requested().await;
    let dir = client.addresses.dir.clone();
    lab.stop().await;
    remove(&dir);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_disturbed_fails_in_its_place_alone_and_works_again() {
    let (lab, client) = start().await;
    let control = Control::new(&client.addresses);
    let errors = Disturbance::ApiErrors { cluster: CLUSTERS[0].to_owned(), every: 1 };
    control.begin(errors.clone()).await.unwrap();
    let down = Disturbance::NameServerDown { number: 2 };
    control.begin(down.clone()).await.unwrap();
    assert_eq!(control.status().await.unwrap().disturbances, [errors.clone(), down.clone()]);

    let namespaces = async |cluster| client.kube(cluster, Method::GET, "/api/v1/namespaces", "").await;
    let (status, answer) = namespaces(CLUSTERS[0]).await;
    assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!((&answer["kind"], &answer["status"]), (&Value::from("Status"), &Value::from("Failure")));
    assert_eq!(namespaces(CLUSTERS[1]).await.0, StatusCode::OK);
    let silent = lab.route53().name_servers()[1];
    let mut stream = TcpStream::connect(silent).await.unwrap();
    tokio::io::AsyncWriteExt::write_all(&mut stream, &[0, 12, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])
        .await
        .unwrap();
    let answered = tokio::io::AsyncReadExt::read(&mut stream, &mut [0; 1]).await;
    assert!(matches!(answered, Ok(0) | Err(_)), "{answered:?}");

    control.end(errors).await.unwrap();
    control.end(down).await.unwrap();
    assert_eq!(control.status().await.unwrap().disturbances, []);
    assert_eq!(namespaces(CLUSTERS[0]).await.0, StatusCode::OK);

    for (what, status) in [
        (Disturbance::NameServerDown { number: 5 }, 422),
        (Disturbance::SlowSync { ms: 0 }, 422),
        (Disturbance::ApiDown { cluster: "eks-blueprint-red".to_owned() }, 404),
    ] {
        match control.begin(what).await {
            Err(LabError::Refused { status: said, .. }) => assert_eq!(said, status),
            other => panic!("{other:?}"),
        }
    }
    let dir = client.addresses.dir.clone();
    lab.stop().await;
    remove(&dir);
}

#[tokio::test]
async fn labs_that_make_no_sense_are_refused() {
    let mk = |clusters: &[&str]| LabOptions {
        dir: std::env::temp_dir().join("crossfade-lab-never"),
        environment_name: "e".to_owned(),
        hosted_zone_name: "example.org".to_owned(),
        region: "eu-west-1".to_owned(),
        account_id: "111122223333".to_owned(),
        alias_ttl_seconds: 60,
        seed: 1,
        clusters: clusters
            .iter()
            .map(|name| LabCluster { name: (*name).to_owned(), kubernetes_version: "1.33".to_owned() })
            .collect(),
    };
    for clusters in [&[][..], &["a", "a"][..]] {
        assert!(matches!(Lab::start(mk(clusters)).await, Err(LabError::Option(_))));
    }
    assert!(!mk(&["a"]).dir.exists(), "a refused lab leaves nothing behind");
}
