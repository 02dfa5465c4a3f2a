#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;

use super::super::{Balancers, Identity, Listener, Rule};
use super::*;
use crate::certificates::Authority;
use crate::exchange::exchange;
use crate::fault::{Fault, FaultSwitch};
use crate::sample_app::{self, Settings as AppSettings};
use crate::stop::Stop;
use http_body_util::BodyExt as _;

/// A load balancer of cluster 0 whose port 80 has `action` for host `a.example.org`.
fn mk_balancer(balancers: &Balancers, action: Action) -> Arc<Balancer> {
    let balancer = balancers.get_or_create(Identity {
        cluster: "blue".to_owned(),
        cluster_index: 0,
        dns_name: "lb.example.org".to_owned(),
    });
    balancer.apply(mk_settings(action)).unwrap();
    balancer
}

fn mk_settings(action: Action) -> Settings {
    let rule = Rule { hosts: vec!["a.example.org".to_owned()], paths: vec!["/*".to_owned()], action };
    let listener = |protocol| Listener {
        protocol,
        rules: vec![rule.clone()],
        default: Action::Fixed { status: 404, body: "" },
    };
    let authority = Authority::new("example.org").unwrap();
    Settings {
        listeners: BTreeMap::from([(80, listener(Protocol::Http)), (443, listener(Protocol::Https))]),
        tls: Some(authority.server(&["*.example.org"], &[b"http/1.1"]).unwrap()),
        ..Settings::default()
    }
}

fn mk_target(socket: SocketAddr) -> Target {
    Target { pod_ip: Ipv4Addr::new(10, 0, 40, 16), port: 80, socket }
}

fn forward(targets: Vec<Target>) -> Action {
    Action::Forward(Arc::new(TargetGroup::new(targets)))
}

/// The sample program on a port of its own, until `stop`.
async fn mk_pod(name: &str, fault: FaultSwitch, stop: &Stop) -> Target {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let target = mk_target(listener.local_addr().unwrap());
    let settings =
        AppSettings { cluster_name: "blue".to_owned(), pod_name: name.to_owned(), fault, not_run_here: None };
    let stop = stop.clone();
    tokio::spawn(async move { sample_app::serve(listener, settings, drop, stop.wait()).await });
    target
}

async fn get(balancers: &Balancers, balancer: &Balancer, host: &str, path: &str) -> Response<Bytes> {
    let socket = balancers.listener(balancer.addresses[0], 80).unwrap();
    let request = Request::get(path).header(HOST, host).body(Full::new(Bytes::new())).unwrap();
    exchange(socket, request).await.unwrap()
}

#[tokio::test]
async fn requests_go_round_the_targets_of_the_matching_rule() {
    let (balancers, stop) = (Balancers::new(), Stop::new());
    let targets = vec![
        mk_pod("one", FaultSwitch::default(), &stop).await,
        mk_pod("two", FaultSwitch::default(), &stop).await,
    ];
    let balancer = mk_balancer(&balancers, forward(targets));
    let mut seen = Vec::new();
    for _ in 0..4 {
        let response = get(&balancers, &balancer, "A.example.org:80", "/x").await;
        assert_eq!(response.status(), StatusCode::OK);
        let page = String::from_utf8(response.body().to_vec()).unwrap();
        assert_eq!(sample_app::cluster_of_page(&page), Some("blue"));
        seen.push(if page.contains(">one<") { "one" } else { "two" });
    }
    assert_eq!(seen, ["one", "two", "one", "two"]);
    let other = get(&balancers, &balancer, "b.example.org", "/").await;
    assert_eq!((other.status(), other.body().len()), (StatusCode::NOT_FOUND, 0));
    assert_eq!(balancer.answers(), BTreeMap::from([("2xx".to_owned(), 4), ("4xx".to_owned(), 1)]));
    stop.give();
}

#[tokio::test]
async fn what_targets_cannot_answer_the_load_balancer_does() {
    let balancers = Balancers::new();
    let balancer = mk_balancer(&balancers, forward(Vec::new()));
    let response = get(&balancers, &balancer, "a.example.org", "/").await;
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(response.headers()[SERVER], "awselb/2.0");

    // A port that was open a moment ago and is closed now.
    let closed = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap();
    balancer.apply(mk_settings(forward(vec![mk_target(closed)]))).unwrap();
    let response = get(&balancers, &balancer, "a.example.org", "/").await;
    assert_eq!(response.status(), StatusCode::BAD_GATEWAY);

    balancer.apply(mk_settings(Action::RedirectToHttps { port: 443 })).unwrap();
    let response = get(&balancers, &balancer, "a.example.org", "/x?y=1").await;
    assert_eq!(response.status(), StatusCode::MOVED_PERMANENTLY);
    assert_eq!(response.headers()[LOCATION], "https://a.example.org:443/x?y=1");
}

#[tokio::test]
async fn a_load_balancer_that_is_off_refuses_and_one_that_is_on_again_does_not() {
    let balancers = Balancers::new();
    let balancer = mk_balancer(&balancers, Action::Fixed { status: 200, body: "up" });
    let socket = balancers.listener(balancer.addresses[1], 443).unwrap();
    balancers.switch(0, false);
    assert_eq!(balancers.listener(balancer.addresses[1], 443), None);
    // The port closes when its task is dropped, which the runtime does at its next turn.
    while TcpStream::connect(socket).await.is_ok() {
        tokio::task::yield_now().await;
    }
    balancer.apply(mk_settings(Action::Fixed { status: 200, body: "up" })).unwrap();
    assert_eq!(balancers.listener(balancer.addresses[0], 80), None, "changes do not switch it on");
    balancers.switch(0, true);
    assert_eq!(get(&balancers, &balancer, "a.example.org", "/").await.body(), "up");
}

#[tokio::test]
async fn a_failing_program_still_passes_health_checks() {
    let stop = Stop::new();
    let fault = FaultSwitch::default();
    fault.add_health_path("/healthz");
    fault.add_health_path("/");
    let target = mk_pod("one", fault.clone(), &stop).await;
    fault.set(Fault::Http500);
    for (path, agent, expected) in [
        ("/", "curl", StatusCode::INTERNAL_SERVER_ERROR),
        ("/healthz", "curl", StatusCode::OK),
        ("/", "ELB-HealthChecker/2.0", StatusCode::OK),
    ] {
        let request = Request::get(path).header("user-agent", agent).body(Full::new(Bytes::new())).unwrap();
        let response = exchange(target.socket, request).await.unwrap();
        assert_eq!(response.status(), expected, "{path} {agent}");
    }
    stop.give();
}

#[tokio::test]
async fn https_shows_the_certificate_of_the_domain() {
    let balancers = Balancers::new();
    let authority = Authority::new("example.org").unwrap();
    let mut settings = mk_settings(Action::Fixed { status: 200, body: "up" });
    settings.tls = Some(authority.server(&["*.example.org"], &[b"http/1.1"]).unwrap());
    let balancer = balancers.get_or_create(Identity {
        cluster: "blue".to_owned(),
        cluster_index: 0,
        dns_name: "lb".to_owned(),
    });
    balancer.apply(settings).unwrap();
    let socket = balancers.listener(balancer.addresses[0], 443).unwrap();
    let client = crate::certificates::client(authority.pem().as_bytes()).unwrap();
    let connector = tokio_rustls::TlsConnector::from(Arc::new(client));
    for (host, expected) in [("a.example.org", true), ("a.b.example.org", false)] {
        let stream = TcpStream::connect(socket).await.unwrap();
        let name = rustls::pki_types::ServerName::try_from(host).unwrap();
        let connected = connector.connect(name, stream).await;
        assert_eq!(connected.is_ok(), expected, "{host}");
        let Ok(stream) = connected else { continue };
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        let request = Request::get("/").header(HOST, host).body(Full::new(Bytes::new())).unwrap();
        let response = sender.send_request(request).await.unwrap();
        assert_eq!(response.into_body().collect().await.unwrap().to_bytes(), "up");
    }
}
