//! Serves a lab Route 53 with a zone, for trying it with `aws route53` and `dig` until Ctrl-C or end of input.

use std::io::Read as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use crossfade_lab_route53::{LoadBalancerDns, Route53, Route53Options};

#[tokio::main]
#[expect(clippy::print_stdout, reason = "the addresses are what it is started for")]
async fn main() -> std::io::Result<()> {
    let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let lab = Route53::start(Route53Options {
        account_id: "111122223333".to_owned(),
        region: "eu-west-1".to_owned(),
        seed: 1,
        api_listen: any,
        name_server_listen: [any; 4],
        resolver_listen: any,
        take_up: Duration::from_millis(50)..=Duration::from_millis(400),
        resolver_ttl_seconds_min: 0,
    })
    .await?;
    for (name, last) in [("blue", 1), ("green", 2)] {
        let dns_name = format!("lb-{name}-1.eu-west-1.elb.amazonaws.com");
        let entry = LoadBalancerDns {
            addresses: vec![Ipv4Addr::new(127, 64, 0, last), Ipv4Addr::new(127, 64, 1, last)],
            ttl_seconds: 60,
            healthy: true,
        };
        lab.load_balancers().set(&dns_name, entry);
        println!("LOAD_BALANCER={dns_name}");
    }
    println!("AWS_ENDPOINT_URL=http://{}", lab.api_address());
    println!("NAME_SERVERS={:?}", lab.name_servers());
    println!("RESOLVER={}", lab.resolver_address());
    let end_of_input = tokio::task::spawn_blocking(|| {
        let mut ignored = Vec::new();
        let _ = std::io::stdin().read_to_end(&mut ignored);
    });
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = end_of_input => {}
    }
    println!("{:#?}", lab.counters());
    lab.stop();
    Ok(())
}
