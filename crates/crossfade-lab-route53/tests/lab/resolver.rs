//! What the caching resolver answers.

use std::net::Ipv4Addr;

use crate::support::{BLUE, BLUE_ADDRESS, GREEN, GREEN_ADDRESS, Lab, addresses, alias, simple};
use hickory_proto::op::ResponseCode;
use hickory_proto::rr::RecordType;

const HOST: &str = "burnham.example.org";

#[tokio::test]
async fn keeps_an_answer_although_the_weights_change() {
    let lab = Lab::start().await;
    let zone = lab.create_zone("example.org").await;
    let batch =
        [alias("CREATE", HOST, "A", "blue", 100, BLUE), alias("CREATE", HOST, "A", "green", 0, GREEN)];
    lab.apply(&zone, &batch).await;
    let answer = lab.resolve(HOST, RecordType::A).await;
    assert!(answer.metadata.recursion_available);
    assert!(!answer.metadata.authoritative);
    assert_eq!(addresses(&answer), [BLUE_ADDRESS]);
    let shift =
        [alias("UPSERT", HOST, "A", "blue", 0, BLUE), alias("UPSERT", HOST, "A", "green", 100, GREEN)];
    lab.apply(&zone, &shift).await;
    assert_eq!(addresses(&lab.ask(HOST, RecordType::A).await), [GREEN_ADDRESS]);
    let answer = lab.resolve(HOST, RecordType::A).await;
    assert_eq!(addresses(&answer), [BLUE_ADDRESS]);
    assert!(answer.answers[0].ttl <= 60);
    let counters = lab.route53.counters();
    assert_eq!((counters.resolver_queries, counters.resolver_cache_hits), (2, 1));
}

#[tokio::test]
async fn remembers_that_a_name_does_not_exist() {
    let lab = Lab::start().await;
    let zone = lab.create_zone("example.org").await;
    lab.in_sync().await;
    let missing = lab.resolve(HOST, RecordType::A).await;
    assert_eq!(missing.metadata.response_code, ResponseCode::NXDomain);
    lab.apply(&zone, &[simple("CREATE", HOST, "A", 60, &["10.0.0.1"])]).await;
    let still = lab.resolve(HOST, RecordType::A).await;
    assert_eq!(still.metadata.response_code, ResponseCode::NXDomain);
}

#[tokio::test]
async fn follows_cnames_from_zone_to_zone() {
    let lab = Lab::start().await;
    let org = lab.create_zone("example.org").await;
    let net = lab.create_zone("example.net").await;
    lab.apply(&org, &[simple("CREATE", "www.example.org", "CNAME", 30, &["web.example.net"])]).await;
    lab.apply(&net, &[simple("CREATE", "web.example.net", "A", 60, &["10.0.0.1"])]).await;
    let answer = lab.resolve("www.example.org", RecordType::A).await;
    assert_eq!(answer.answers.len(), 2);
    assert_eq!(addresses(&answer), [Ipv4Addr::new(10, 0, 0, 1)]);
}

#[tokio::test]
async fn names_of_the_delegation_set_lead_to_loopback() {
    let lab = Lab::start().await;
    lab.create_zone("example.org").await;
    lab.in_sync().await;
    let servers = lab.resolve("example.org", RecordType::NS).await;
    assert_eq!(servers.answers.len(), 4);
    for server in &servers.answers {
        let name = server.data.to_string();
        assert_eq!(addresses(&lab.resolve(&name, RecordType::A).await), [Ipv4Addr::LOCALHOST]);
    }
}

#[tokio::test]
async fn asks_another_name_server_when_one_is_down() {
    let lab = Lab::start().await;
    for index in 0..3 {
        lab.route53.faults().name_server_down(index, true);
    }
    assert_eq!(addresses(&lab.resolve(BLUE, RecordType::A).await), [BLUE_ADDRESS]);
}

#[tokio::test]
async fn refuses_names_outside_the_lab() {
    let lab = Lab::start().await;
    let answer = lab.resolve("www.example.com", RecordType::A).await;
    assert_eq!(answer.metadata.response_code, ResponseCode::Refused);
}
