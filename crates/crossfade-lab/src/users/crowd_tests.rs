#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;

use bytes::Bytes;
use crossfade_lab_route53::{LoadBalancerDns, Route53, Route53Options};
use http::Request;
use http_body_util::Full;
use tokio::net::TcpListener;

use super::*;
use crate::balancer::{self, Action, Balancers, Identity, Listener, Protocol, Target, TargetGroup};
use crate::certificates::Authority;
use crate::exchange::exchange;
use crate::ingress::Infrastructure;
use crate::sample_app::{self, Settings};

const LOOPBACK: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);
const HOST: &str = "app.example.org";

/// Two clusters with a load balancer and a pod each, behind one name with equal weights, without Kubernetes.
struct World {
    infrastructure: Arc<Infrastructure>,
    route53: Route53,
    authority: Authority,
    proxy: SocketAddr,
    _tasks: JoinSet<()>,
}

impl World {
    async fn start() -> World {
        let route53 = Route53::start(Route53Options {
            account_id: "111122223333".to_owned(),
            region: "eu-west-1".to_owned(),
            seed: 1,
            api_listen: LOOPBACK,
            name_server_listen: [LOOPBACK; 4],
            resolver_listen: LOOPBACK,
            take_up: Duration::ZERO..=Duration::ZERO,
            resolver_ttl_seconds_min: 0,
        })
        .await
        .unwrap();
        let authority = Authority::new("example.org").unwrap();
        let infrastructure = Arc::new(Infrastructure {
            balancers: Balancers::new(),
            names: route53.load_balancers(),
            region: "eu-west-1".to_owned(),
            domain: "example.org".to_owned(),
            tls: authority.server(&["*.example.org"], &[b"http/1.1"]).unwrap(),
            alias_ttl_seconds: 1,
            seed: 1,
        });
        let mut tasks = JoinSet::new();
        for (index, cluster) in ["blue", "green"].into_iter().enumerate() {
            let listener = TcpListener::bind(LOOPBACK).await.unwrap();
            let socket = listener.local_addr().unwrap();
            let settings = Settings { cluster_name: cluster.to_owned(), ..Settings::default() };
            tasks.spawn(async move {
                let _ = sample_app::serve(listener, settings, drop, std::future::pending()).await;
            });
            add_balancer(&infrastructure, cluster, index, socket);
        }
        let listener = TcpListener::bind(LOOPBACK).await.unwrap();
        let proxy = listener.local_addr().unwrap();
        tasks.spawn(crate::proxy::serve(listener, Arc::clone(&infrastructure), route53.resolver_address()));
        let world = World { infrastructure, route53, authority, proxy, _tasks: tasks };
        world.create_records().await;
        world
    }

    async fn create_records(&self) {
        let namespace = "xmlns=\"https://route53.amazonaws.com/doc/2013-04-01/\"";
        let created = self
            .post(
                "/2013-04-01/hostedzone",
                format!(
                    "<CreateHostedZoneRequest {namespace}><Name>example.org</Name>\
                     <CallerReference>test</CallerReference></CreateHostedZoneRequest>"
                ),
            )
            .await;
        let id = created.split("<Id>/hostedzone/").nth(1).unwrap().split('<').next().unwrap();
        let change = |cluster: &str| {
            format!(
                "<Change><Action>CREATE</Action><ResourceRecordSet><Name>{HOST}</Name><Type>A</Type>\
                 <SetIdentifier>{cluster}</SetIdentifier><Weight>100</Weight><AliasTarget>\
                 <HostedZoneId>Z32O12XQLNTSW2</HostedZoneId><DNSName>{}</DNSName>\
                 <EvaluateTargetHealth>true</EvaluateTargetHealth></AliasTarget></ResourceRecordSet></Change>",
                dns_name(cluster)
            )
        };
        let body = format!(
            "<ChangeResourceRecordSetsRequest {namespace}><ChangeBatch><Changes>{}{}</Changes></ChangeBatch>\
             </ChangeResourceRecordSetsRequest>",
            change("blue"),
            change("green")
        );
        self.post(&format!("/2013-04-01/hostedzone/{id}/rrset"), body).await;
        // The users are not to find a name server that has not heard of it yet.
        for server in self.route53.name_servers() {
            eventually(async || dns::addresses(server, HOST, Recursion::NotDesired).await.is_ok()).await;
        }
    }

    async fn post(&self, path: &str, body: String) -> String {
        let request = Request::post(path)
            .header("authorization", "AWS4-HMAC-SHA256 Credential=x/20260101/us-east-1/route53/aws4_request")
            .body(Full::new(Bytes::from(body)))
            .unwrap();
        let response = exchange(self.route53.api_address(), request).await.unwrap();
        let text = String::from_utf8(response.body().to_vec()).unwrap();
        assert!(response.status().is_success(), "{text}");
        text
    }

    fn users(&self) -> Users {
        Users::start(UserOptions {
            resolvers: 10,
            overstaying: 2,
            hosts: vec![HOST.to_owned()],
            name_servers: self.route53.name_servers().to_vec(),
            proxy: self.proxy,
            ca_pem: self.authority.pem().into_bytes(),
            requests_per_second: 500.0,
            seed: 1,
        })
        .unwrap()
    }
}

fn dns_name(cluster: &str) -> String {
    format!("k8s-{cluster}-1.eu-west-1.elb.amazonaws.com")
}

fn add_balancer(infrastructure: &Infrastructure, cluster: &str, cluster_index: usize, socket: SocketAddr) {
    let target = Target { pod_ip: Ipv4Addr::new(10, 0, 40, 16), port: 80, socket };
    let balancer = infrastructure.balancers.get_or_create(Identity {
        cluster: cluster.to_owned(),
        cluster_index,
        dns_name: dns_name(cluster),
    });
    let default = Action::Forward(Arc::new(TargetGroup::new(vec![target])));
    let listener = Listener { protocol: Protocol::Https, rules: Vec::new(), default };
    balancer
        .apply(balancer::Settings {
            listeners: BTreeMap::from([(443, listener)]),
            tls: Some(Arc::clone(&infrastructure.tls)),
            ..balancer::Settings::default()
        })
        .unwrap();
    let addresses = balancer.addresses.to_vec();
    infrastructure
        .names
        .set(&dns_name(cluster), LoadBalancerDns { addresses, ttl_seconds: 1, healthy: true });
}

async fn eventually(mut condition: impl AsyncFnMut() -> bool) {
    let mut tick = tokio::time::interval(Duration::from_millis(5));
    let waiting = async {
        while !condition().await {
            tick.tick().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), waiting).await.unwrap();
}

#[tokio::test]
async fn users_reach_both_clusters_and_feel_it_when_one_is_gone() {
    let world = World::start().await;
    let users = world.users();
    let balancers = world.infrastructure.balancers.all();
    let named = balancers.iter().flat_map(|balancer| {
        balancer.addresses.iter().map(|address| (*address, balancer.identity.cluster.clone()))
    });
    users.name_addresses(&named.collect());
    // The few who overstay need some answers until they have had both clusters.
    let has_both = |tally: &Tally| tally.by_cluster.keys().eq(["blue", "green"]);
    eventually(async || has_both(&users.totals().regular) && has_both(&users.totals().overstaying)).await;
    let totals = users.totals();
    assert_eq!(totals.failed(), 0, "{:?}", totals.failures.first());
    let shares = totals.recent_shares(HOST);
    assert!((shares.values().sum::<f64>() - 1.0).abs() < 1e-9, "{shares:?}");

    world.infrastructure.balancers.switch(0, false);
    eventually(async || users.totals().failed() >= 10).await;
    let totals = users.stop().await;
    for failure in &totals.failures {
        assert_eq!(failure.cluster.as_deref(), Some("blue"), "{failure:?}");
    }
    assert!(totals.regular.by_cluster["green"] > 0);
}

#[tokio::test]
async fn the_proxy_leads_to_load_balancers_and_nowhere_else() {
    let world = World::start().await;
    // Something that listens, and that the proxy must not lead to.
    let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    listener.set_nonblocking(true).unwrap();
    let port = listener.local_addr().unwrap().port();
    for (target, expected) in [
        (format!("127.0.0.1:{port}"), 403),
        (format!("localhost:{port}"), 403),
        ("192.0.2.1:443".to_owned(), 403),
        ("127.64.200.200:443".to_owned(), 502),
        (format!("{HOST}:444"), 502),
        (format!("{HOST}:443"), 200),
        ("127.64.0.1:443".to_owned(), 200),
        ("no-such-name.example.org:443".to_owned(), 502),
        ("nonsense".to_owned(), 400),
    ] {
        assert_eq!(connect(world.proxy, &target).await, expected, "{target}");
    }
    assert_eq!(listener.accept().unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
    world.infrastructure.balancers.switch(0, false);
    assert_eq!(connect(world.proxy, "127.64.0.1:443").await, 502);
    assert_eq!(connect(world.proxy, "127.65.0.1:443").await, 200);
}

/// The status with which the proxy answers CONNECT.
async fn connect(proxy: SocketAddr, target: &str) -> u16 {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let mut stream = tokio::net::TcpStream::connect(proxy).await.unwrap();
    stream.write_all(format!("CONNECT {target} HTTP/1.1\r\n\r\n").as_bytes()).await.unwrap();
    let mut answer = [0_u8; 12];
    stream.read_exact(&mut answer).await.unwrap();
    String::from_utf8_lossy(&answer[9..]).parse().unwrap()
}
