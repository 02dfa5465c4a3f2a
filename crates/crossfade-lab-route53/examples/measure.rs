//! Measures how many weighted answers per second one name server gives over loopback, with the asker on the same machine.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream, UdpSocket};
use std::time::{Duration, Instant};

use crossfade_lab_route53::{LoadBalancerDns, Route53, Route53Options};
use hickory_proto::op::{Message, Query};
use hickory_proto::rr::{Name, RecordType};

/// Queries on their way at once; well below what a socket's buffer holds.
const WINDOW: usize = 64;
const QUERIES: usize = 200_000;
const HOST: &str = "burnham.example.org";

#[tokio::main]
#[expect(clippy::print_stdout, reason = "the measurement is what it is started for")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let lab = Route53::start(Route53Options {
        account_id: "111122223333".to_owned(),
        region: "eu-west-1".to_owned(),
        seed: 1,
        api_listen: any,
        name_server_listen: [any; 4],
        resolver_listen: any,
        take_up: Duration::ZERO..=Duration::ZERO,
        resolver_ttl_seconds_min: 0,
    })
    .await?;
    for last in 1..=2 {
        let addresses = vec![Ipv4Addr::new(127, 64, 0, last), Ipv4Addr::new(127, 64, 1, last)];
        let entry = LoadBalancerDns { addresses, ttl_seconds: 60, healthy: true };
        lab.load_balancers().set(&target(last), entry);
    }
    let api = lab.api_address();
    tokio::task::spawn_blocking(move || create_records(api)).await??;
    lab.in_sync().await;
    let server = lab.name_servers()[0];
    let rate = tokio::task::spawn_blocking(move || ask(server)).await??;
    println!("{rate:.0} answers per second");
    lab.stop();
    Ok(())
}

fn target(last: u8) -> String {
    format!("lb-{last}.eu-west-1.elb.amazonaws.com")
}

fn create_records(api: SocketAddr) -> std::io::Result<()> {
    let zone = "<CreateHostedZoneRequest><Name>example.org</Name><CallerReference>1</CallerReference>\
                </CreateHostedZoneRequest>";
    let answer = post(api, "hostedzone", zone)?;
    let id = answer.split("<Id>/hostedzone/").nth(1).and_then(|rest| rest.split('<').next());
    let changes: Vec<String> = (1..=2).map(change).collect();
    let batch = format!(
        "<ChangeResourceRecordSetsRequest><ChangeBatch><Changes>{}</Changes></ChangeBatch>\
         </ChangeResourceRecordSetsRequest>",
        changes.concat()
    );
    let answer = post(api, &format!("hostedzone/{}/rrset", id.unwrap_or_default()), &batch)?;
    if answer.contains("<Status>PENDING") { Ok(()) } else { Err(std::io::Error::other(answer)) }
}

fn change(last: u8) -> String {
    format!(
        "<Change><Action>CREATE</Action><ResourceRecordSet><Name>{HOST}</Name><Type>A</Type><SetIdentifier>{last}\
         </SetIdentifier><Weight>{last}</Weight><AliasTarget><HostedZoneId>Z32O12XQLNTSW2</HostedZoneId><DNSName>{}\
         </DNSName><EvaluateTargetHealth>true</EvaluateTargetHealth></AliasTarget></ResourceRecordSet></Change>",
        target(last)
    )
}

fn post(api: SocketAddr, path: &str, body: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(api)?;
    write!(
        stream,
        "POST /2013-04-01/{path} HTTP/1.1\r\nHost: lab\r\nConnection: close\r\nContent-Length: {}\r\nAuthorization: \
         AWS4-HMAC-SHA256 Credential=KEY/20261124/us-east-1/route53/aws4_request\r\n\r\n{body}",
        body.len()
    )?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

fn ask(server: SocketAddr) -> std::io::Result<f64> {
    let host = Name::from_ascii(HOST).map_err(std::io::Error::other)?;
    let mut message = Message::query();
    message.add_query(Query::query(host, RecordType::A));
    let packet = message.to_vec().map_err(std::io::Error::other)?;
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
    socket.connect(server)?;
    socket.set_read_timeout(Some(Duration::from_secs(1)))?;
    let mut buffer = [0; 512];
    let start = Instant::now();
    for sent in 0..QUERIES {
        socket.send(&packet)?;
        if sent >= WINDOW {
            socket.recv(&mut buffer)?;
        }
    }
    for _ in 0..WINDOW {
        socket.recv(&mut buffer)?;
    }
    Ok(QUERIES as f64 / start.elapsed().as_secs_f64())
}
