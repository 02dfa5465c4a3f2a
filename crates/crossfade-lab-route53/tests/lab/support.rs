//! A running lab with the least of clients: literal XML over a plain socket, and single DNS queries.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use crossfade_lab_route53::{LoadBalancerDns, Route53, Route53Options};
use hickory_proto::op::{Edns, Message, Query};
use hickory_proto::rr::{Name, RData, RecordType};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};

/// Long enough for the slowest machine; reached only by a test that fails.
const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) const BLUE: &str = "lb-blue-1.eu-west-1.elb.amazonaws.com";
pub(crate) const GREEN: &str = "lb-green-1.eu-west-1.elb.amazonaws.com";
pub(crate) const BLUE_ADDRESS: Ipv4Addr = Ipv4Addr::new(127, 64, 0, 1);
pub(crate) const GREEN_ADDRESS: Ipv4Addr = Ipv4Addr::new(127, 64, 0, 2);
/// The hosted zone id of Application Load Balancers in eu-west-1.
pub(crate) const LOAD_BALANCER_ZONE: &str = "Z32O12XQLNTSW2";

pub(crate) struct Lab {
    pub(crate) route53: Route53,
}

/// An answer of the API.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Answer {
    /// The text of the first element with this name.
    pub(crate) fn text(&self, element: &str) -> String {
        texts(&self.body, element).next().unwrap_or_default()
    }

    /// The texts of all elements with this name.
    pub(crate) fn texts(&self, element: &str) -> Vec<String> {
        texts(&self.body, element).collect()
    }

    /// Error code and message.
    pub(crate) fn error(&self) -> (String, String) {
        assert!(self.status >= 400, "accepted: {}", self.body);
        (self.text("Code"), self.text("Message"))
    }
}

fn texts<'a>(body: &'a str, element: &str) -> impl Iterator<Item = String> + 'a {
    let (open, close) = (format!("<{element}>"), format!("</{element}>"));
    let mut rest = body;
    std::iter::from_fn(move || {
        let start = rest.find(&open)? + open.len();
        let end = start + rest[start..].find(&close)?;
        let text = &rest[start..end];
        rest = &rest[end..];
        let text = text.replace("&apos;", "'").replace("&quot;", "\"");
        Some(text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&"))
    })
}

impl Lab {
    pub(crate) async fn start() -> Self {
        let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let route53 = Route53::start(Route53Options {
            account_id: "111122223333".to_owned(),
            region: "eu-west-1".to_owned(),
            seed: 7,
            api_listen: any,
            name_server_listen: [any; 4],
            resolver_listen: any,
            take_up: Duration::ZERO..=Duration::from_millis(2),
            resolver_ttl_seconds_min: 0,
        })
        .await
        .unwrap();
        let lab = Self { route53 };
        lab.set_load_balancer(BLUE, BLUE_ADDRESS, true);
        lab.set_load_balancer(GREEN, GREEN_ADDRESS, true);
        lab
    }

    pub(crate) fn set_load_balancer(&self, name: &str, address: Ipv4Addr, healthy: bool) {
        let entry = LoadBalancerDns { addresses: vec![address], ttl_seconds: 60, healthy };
        self.route53.load_balancers().set(name, entry);
    }

    /// Calls Route 53.
    pub(crate) async fn call(&self, method: &str, path: &str, body: &str) -> Answer {
        self.send(method, &format!("/2013-04-01/{path}"), Some("route53"), body).await
    }

    /// Sends a request signed for `service`, or not signed.
    pub(crate) async fn send(&self, method: &str, path: &str, service: Option<&str>, body: &str) -> Answer {
        let authorization = service.map(|service| {
            format!(
                "Authorization: AWS4-HMAC-SHA256 Credential=KEY/20261124/us-east-1/{service}/aws4_request, \
                 SignedHeaders=host, Signature=0\r\n"
            )
        });
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: lab\r\nConnection: close\r\nContent-Length: {}\r\n{}\r\n{body}",
            body.len(),
            authorization.unwrap_or_default()
        );
        let exchange = async {
            let mut stream = TcpStream::connect(self.route53.api_address()).await.unwrap();
            stream.write_all(request.as_bytes()).await.unwrap();
            let mut text = String::new();
            stream.read_to_string(&mut text).await.unwrap();
            text
        };
        let text = tokio::time::timeout(PATIENCE, exchange).await.unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        Answer {
            status: head.split(' ').nth(1).unwrap().parse().unwrap(),
            head: head.to_owned(),
            body: body.to_owned(),
        }
    }

    /// Creates a zone and returns its id.
    pub(crate) async fn create_zone(&self, name: &str) -> String {
        let body = create_zone_body(name, name);
        let answer = self.call("POST", "hostedzone", &body).await;
        assert_eq!(answer.status, 201, "{}", answer.body);
        answer.text("Id").replace("/hostedzone/", "")
    }

    /// Sends a batch of changes.
    pub(crate) async fn change(&self, zone: &str, changes: &[String]) -> Answer {
        let body = format!(
            "<ChangeResourceRecordSetsRequest xmlns=\"https://route53.amazonaws.com/doc/2013-04-01/\"><ChangeBatch>\
             <Changes>{}</Changes></ChangeBatch></ChangeResourceRecordSetsRequest>",
            changes.concat()
        );
        self.call("POST", &format!("hostedzone/{zone}/rrset/"), &body).await
    }

    /// Sends a batch of changes that must be accepted, and waits until every name server knows it.
    pub(crate) async fn apply(&self, zone: &str, changes: &[String]) {
        let answer = self.change(zone, changes).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        self.in_sync().await;
    }

    pub(crate) async fn in_sync(&self) {
        tokio::time::timeout(PATIENCE, self.route53.in_sync()).await.unwrap();
    }

    /// Name, type, and set identifier of every record set in a listing.
    pub(crate) async fn listed(&self, zone: &str, query: &str) -> Vec<String> {
        let answer = self.call("GET", &format!("hostedzone/{zone}/rrset?{query}"), "").await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer
            .texts("ResourceRecordSet")
            .iter()
            .map(|set| {
                let first = |element| texts(set, element).next().unwrap_or_default();
                format!("{} {} {}", first("Name"), first("Type"), first("SetIdentifier"))
                    .trim_end()
                    .to_owned()
            })
            .collect()
    }

    /// Asks the first name server.
    pub(crate) async fn ask(&self, name: &str, record_type: RecordType) -> Message {
        ask(self.route53.name_servers()[0], name, record_type).await
    }

    /// Asks the resolver.
    pub(crate) async fn resolve(&self, name: &str, record_type: RecordType) -> Message {
        ask(self.route53.resolver_address(), name, record_type).await
    }

    /// How many of `draws` answers of the first name server lead to blue, and to green.
    pub(crate) async fn draw(&self, name: &str, draws: usize) -> (usize, usize) {
        let (mut blue, mut green) = (0, 0);
        for _ in 0..draws {
            match addresses(&self.ask(name, RecordType::A).await)[..] {
                [BLUE_ADDRESS] => blue += 1,
                [GREEN_ADDRESS] => green += 1,
                ref other => panic!("neither blue nor green: {other:?}"),
            }
        }
        (blue, green)
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        self.route53.stop();
    }
}

/// Probes until it is so; what is waited for happens on its own, at once.
pub(crate) async fn eventually(mut is_so: impl AsyncFnMut() -> bool) {
    let probing = async {
        while !is_so().await {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, probing).await.unwrap();
}

pub(crate) fn create_zone_body(name: &str, caller_reference: &str) -> String {
    format!(
        "<CreateHostedZoneRequest xmlns=\"https://route53.amazonaws.com/doc/2013-04-01/\"><Name>{name}</Name>\
         <CallerReference>{caller_reference}</CallerReference></CreateHostedZoneRequest>"
    )
}

/// A change of a weighted alias to a load balancer, with `EvaluateTargetHealth`.
pub(crate) fn alias(
    action: &str,
    name: &str,
    record_type: &str,
    set_identifier: &str,
    weight: u16,
    target: &str,
) -> String {
    format!(
        "<Change><Action>{action}</Action><ResourceRecordSet><Name>{name}</Name><Type>{record_type}</Type>\
         <SetIdentifier>{set_identifier}</SetIdentifier><Weight>{weight}</Weight><AliasTarget>\
         <HostedZoneId>{LOAD_BALANCER_ZONE}</HostedZoneId><DNSName>{target}</DNSName>\
         <EvaluateTargetHealth>true</EvaluateTargetHealth></AliasTarget></ResourceRecordSet></Change>"
    )
}

/// A change of a simple record set.
pub(crate) fn simple(
    action: &str,
    name: &str,
    record_type: &str,
    ttl_seconds: u32,
    values: &[&str],
) -> String {
    let values: String = values
        .iter()
        .flat_map(|value| ["<ResourceRecord><Value>", value, "</Value></ResourceRecord>"])
        .collect();
    format!(
        "<Change><Action>{action}</Action><ResourceRecordSet><Name>{name}</Name><Type>{record_type}</Type>\
         <TTL>{ttl_seconds}</TTL><ResourceRecords>{values}</ResourceRecords></ResourceRecordSet></Change>"
    )
}

/// A query, with EDNS as every resolver sends it.
pub(crate) fn query(name: &str, record_type: RecordType) -> Message {
    let mut message = Message::query();
    message.metadata.recursion_desired = true;
    message.add_query(Query::query(Name::from_ascii(name).unwrap(), record_type));
    let mut edns = Edns::new();
    edns.set_max_payload(1232);
    message.set_edns(edns);
    message
}

pub(crate) async fn ask(server: SocketAddr, name: &str, record_type: RecordType) -> Message {
    exchange_udp(server, &query(name, record_type).to_vec().unwrap()).await
}

pub(crate) async fn exchange_udp(server: SocketAddr, packet: &[u8]) -> Message {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    socket.connect(server).await.unwrap();
    socket.send(packet).await.unwrap();
    let mut buffer = vec![0; 4096];
    let length = tokio::time::timeout(PATIENCE, socket.recv(&mut buffer)).await.unwrap().unwrap();
    Message::from_vec(&buffer[..length]).unwrap()
}

/// Sends a packet over TCP; `None` when the server closes without an answer.
pub(crate) async fn exchange_tcp(server: SocketAddr, packet: &[u8]) -> Option<Message> {
    let exchange = async {
        let mut stream = TcpStream::connect(server).await.unwrap();
        stream.write_u16(u16::try_from(packet.len()).unwrap()).await.unwrap();
        stream.write_all(packet).await.unwrap();
        let length = stream.read_u16().await.ok()?;
        let mut buffer = vec![0; usize::from(length)];
        stream.read_exact(&mut buffer).await.unwrap();
        Some(Message::from_vec(&buffer).unwrap())
    };
    tokio::time::timeout(PATIENCE, exchange).await.unwrap()
}

/// The IPv4 addresses of an answer.
pub(crate) fn addresses(message: &Message) -> Vec<Ipv4Addr> {
    message
        .answers
        .iter()
        .filter_map(|record| match &record.data {
            RData::A(address) => Some(address.0),
            _ => None,
        })
        .collect()
}
