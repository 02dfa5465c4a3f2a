//! What the authoritative name servers answer.

use std::net::Ipv4Addr;

use crate::support::{
    BLUE, BLUE_ADDRESS, GREEN, GREEN_ADDRESS, LOAD_BALANCER_ZONE, Lab, addresses, alias, ask, eventually,
    exchange_tcp, exchange_udp, query, simple,
};
use hickory_proto::op::{Message, MessageType, OpCode, Query, ResponseCode};
use hickory_proto::rr::{Name, RData, RecordType};

const HOST: &str = "burnham.example.org";

async fn mk_weighted(blue: u16, green: u16) -> (Lab, String) {
    let lab = Lab::start().await;
    let zone = lab.create_zone("example.org").await;
    let batch = [
        alias("CREATE", HOST, "A", "blue", blue, BLUE),
        alias("CREATE", HOST, "A", "green", green, GREEN),
        alias("CREATE", HOST, "AAAA", "blue", blue, BLUE),
        alias("CREATE", HOST, "AAAA", "green", green, GREEN),
    ];
    lab.apply(&zone, &batch).await;
    (lab, zone)
}

fn code(message: &Message) -> ResponseCode {
    message.metadata.response_code
}

#[tokio::test]
async fn answers_follow_the_weights() {
    let (lab, _) = mk_weighted(75, 25).await;
    let answer = lab.ask(HOST, RecordType::A).await;
    assert!(answer.metadata.authoritative);
    assert!(!answer.metadata.recursion_available);
    assert_eq!(answer.answers[0].ttl, 60);
    let (blue, green) = lab.draw(HOST, 2000).await;
    // Five standard deviations of 2,000 draws at 1/4 are 97; the seed is fixed besides.
    assert!((403..=597).contains(&green), "{blue} blue, {green} green");
}

#[tokio::test]
async fn weight_zero_gets_no_answers() {
    let (lab, _) = mk_weighted(100, 0).await;
    assert_eq!(lab.draw(HOST, 200).await, (200, 0));
}

#[tokio::test]
async fn all_zero_gets_equal_parts() {
    let (lab, _) = mk_weighted(0, 0).await;
    let (blue, green) = lab.draw(HOST, 400).await;
    assert!(blue > 100 && green > 100, "{blue} blue, {green} green");
}

#[tokio::test]
async fn an_unhealthy_load_balancer_leaves_at_once() {
    let (lab, _) = mk_weighted(50, 50).await;
    lab.set_load_balancer(GREEN, GREEN_ADDRESS, false);
    assert_eq!(lab.draw(HOST, 100).await, (100, 0));
    lab.set_load_balancer(BLUE, BLUE_ADDRESS, false);
    let (blue, green) = lab.draw(HOST, 200).await;
    assert!(blue > 0 && green > 0, "all unhealthy counts as all healthy: {blue} blue, {green} green");
}

#[tokio::test]
async fn weight_zero_serves_when_the_others_are_unhealthy() {
    let (lab, _) = mk_weighted(100, 0).await;
    lab.set_load_balancer(BLUE, BLUE_ADDRESS, false);
    assert_eq!(lab.draw(HOST, 50).await, (0, 50));
}

#[tokio::test]
async fn a_load_balancer_that_is_gone_counts_as_unhealthy() {
    let (lab, _) = mk_weighted(100, 1).await;
    lab.route53.load_balancers().remove(BLUE);
    assert_eq!(lab.draw(HOST, 50).await, (0, 50));
    lab.route53.load_balancers().remove(GREEN);
    let answer = lab.ask(HOST, RecordType::A).await;
    assert_eq!(code(&answer), ResponseCode::NoError);
    assert!(answer.answers.is_empty());
}

#[tokio::test]
async fn an_ipv6_alias_to_an_ipv4_load_balancer_answers_nothing() {
    let (lab, _) = mk_weighted(100, 0).await;
    let answer = lab.ask(HOST, RecordType::AAAA).await;
    assert_eq!(code(&answer), ResponseCode::NoError);
    assert!(answer.answers.is_empty());
    assert!(matches!(answer.authorities[0].data, RData::SOA(_)));
    assert_eq!(answer.authorities[0].ttl, 900);
}

#[tokio::test]
async fn load_balancer_names_are_served_themselves() {
    let lab = Lab::start().await;
    for name in [BLUE, &format!("dualstack.{BLUE}")] {
        assert_eq!(addresses(&lab.ask(name, RecordType::A).await), [BLUE_ADDRESS]);
    }
    let missing = lab.ask("gone-1.eu-west-1.elb.amazonaws.com", RecordType::A).await;
    assert_eq!(code(&missing), ResponseCode::NXDomain);
}

#[tokio::test]
async fn tells_missing_names_from_missing_types_and_foreign_zones() {
    let lab = Lab::start().await;
    let zone = lab.create_zone("example.org").await;
    lab.apply(&zone, &[simple("CREATE", "a.b.example.org", "A", 60, &["10.0.0.1"])]).await;
    let response = async |name, record_type| code(&lab.ask(name, record_type).await);
    assert_eq!(response("nothing.example.org", RecordType::A).await, ResponseCode::NXDomain);
    assert_eq!(response("a.b.example.org", RecordType::TXT).await, ResponseCode::NoError);
    assert_eq!(response("b.example.org", RecordType::A).await, ResponseCode::NoError);
    assert_eq!(response("example.net", RecordType::A).await, ResponseCode::Refused);
    let upper = lab.ask("A.B.Example.ORG", RecordType::A).await;
    assert_eq!(addresses(&upper), [Ipv4Addr::new(10, 0, 0, 1)]);
}

#[tokio::test]
async fn wildcards_answer_for_names_that_do_not_exist() {
    let lab = Lab::start().await;
    let zone = lab.create_zone("example.org").await;
    let batch = [
        simple("CREATE", "*.example.org", "A", 60, &["10.0.0.1"]),
        simple("CREATE", "real.example.org", "TXT", 60, &["\"x\""]),
    ];
    lab.apply(&zone, &batch).await;
    let answer = lab.ask("any.thing.example.org", RecordType::A).await;
    assert_eq!(addresses(&answer), [Ipv4Addr::new(10, 0, 0, 1)]);
    assert_eq!(answer.answers[0].name, Name::from_ascii("any.thing.example.org.").unwrap());
    assert!(addresses(&lab.ask("real.example.org", RecordType::A).await).is_empty());
    let below_real = lab.ask("x.real.example.org", RecordType::A).await;
    assert_eq!(code(&below_real), ResponseCode::NXDomain);
}

#[tokio::test]
async fn cname_is_followed_within_the_zone() {
    let lab = Lab::start().await;
    let zone = lab.create_zone("example.org").await;
    let batch = [
        simple("CREATE", "www.example.org", "CNAME", 30, &["web.example.org"]),
        simple("CREATE", "web.example.org", "A", 60, &["10.0.0.1"]),
        simple("CREATE", "out.example.org", "CNAME", 30, &["www.example.net"]),
        simple("CREATE", "loop.example.org", "CNAME", 30, &["loop.example.org"]),
        simple("CREATE", "dead.example.org", "CNAME", 30, &["nothing.example.org"]),
    ];
    lab.apply(&zone, &batch).await;
    let answer = lab.ask("www.example.org", RecordType::A).await;
    assert_eq!(answer.answers.len(), 2);
    assert_eq!(addresses(&answer), [Ipv4Addr::new(10, 0, 0, 1)]);
    assert_eq!(lab.ask("out.example.org", RecordType::A).await.answers.len(), 1);
    assert_eq!(lab.ask("loop.example.org", RecordType::A).await.answers.len(), 1);
    let dead = lab.ask("dead.example.org", RecordType::A).await;
    assert_eq!((code(&dead), dead.answers.len(), dead.authorities.len()), (ResponseCode::NXDomain, 1, 1));
    assert_eq!(lab.ask("www.example.org", RecordType::CNAME).await.answers.len(), 1);
}

#[tokio::test]
async fn an_alias_within_the_zone_answers_as_its_target() {
    let (lab, zone) = mk_weighted(100, 0).await;
    let batch = alias("CREATE", "also.example.org", "A", "only", 1, HOST).replace(LOAD_BALANCER_ZONE, &zone);
    lab.apply(&zone, &[batch]).await;
    let answer = lab.ask("also.example.org", RecordType::A).await;
    assert_eq!(addresses(&answer), [BLUE_ADDRESS]);
    assert_eq!(answer.answers[0].ttl, 60);
}

#[tokio::test]
async fn a_delegation_refers_until_the_zone_below_is_hosted_too() {
    let lab = Lab::start().await;
    let parent = lab.create_zone("example.org").await;
    let servers = ["ns-1.example.net", "ns-2.example.net"];
    lab.apply(&parent, &[simple("CREATE", "eks.example.org", "NS", 30, &servers)]).await;
    let referral = lab.ask("burnham.eks.example.org", RecordType::A).await;
    assert!(!referral.metadata.authoritative);
    assert_eq!(code(&referral), ResponseCode::NoError);
    assert!(referral.answers.is_empty());
    assert_eq!(referral.authorities.len(), 2);
    assert_eq!(referral.authorities[0].ttl, 30);

    let child = lab.create_zone("eks.example.org").await;
    lab.apply(&child, &[simple("CREATE", "burnham.eks.example.org", "A", 60, &["10.0.0.1"])]).await;
    let answer = lab.ask("burnham.eks.example.org", RecordType::A).await;
    assert!(answer.metadata.authoritative);
    assert_eq!(addresses(&answer), [Ipv4Addr::new(10, 0, 0, 1)]);
    assert_eq!(lab.ask("eks.example.org", RecordType::NS).await.answers.len(), 4);
}

#[tokio::test]
async fn each_name_server_takes_changes_up_by_itself_and_in_order() {
    let (lab, zone) = mk_weighted(100, 0).await;
    let servers = lab.route53.name_servers();
    lab.route53.faults().freeze_take_up(3, true);
    let shift =
        [alias("UPSERT", HOST, "A", "blue", 0, BLUE), alias("UPSERT", HOST, "A", "green", 100, GREEN)];
    assert_eq!(lab.change(&zone, &shift).await.status, 200);
    for server in &servers[..3] {
        eventually(async || addresses(&ask(*server, HOST, RecordType::A).await) == [GREEN_ADDRESS]).await;
    }
    assert_eq!(addresses(&ask(servers[3], HOST, RecordType::A).await), [BLUE_ADDRESS]);
    lab.route53.faults().freeze_take_up(3, false);
    lab.in_sync().await;
    assert_eq!(addresses(&ask(servers[3], HOST, RecordType::A).await), [GREEN_ADDRESS]);
}

#[tokio::test]
async fn an_answer_too_large_for_udp_is_cut_and_whole_over_tcp() {
    let lab = Lab::start().await;
    let zone = lab.create_zone("example.org").await;
    let strings: Vec<String> = (0..8).map(|number| format!("\"{number}{}\"", "x".repeat(200))).collect();
    let strings: Vec<&str> = strings.iter().map(String::as_str).collect();
    lab.apply(&zone, &[simple("CREATE", "big.example.org", "TXT", 60, &strings)]).await;
    let server = lab.route53.name_servers()[1];
    let packet = query("big.example.org", RecordType::TXT).to_vec().unwrap();
    let cut = exchange_udp(server, &packet).await;
    assert!(cut.metadata.truncation);
    assert!(cut.answers.is_empty());
    let whole = exchange_tcp(server, &packet).await.unwrap();
    assert!(!whole.metadata.truncation);
    assert_eq!(whole.answers.len(), 8);

    let strings = &strings[..4];
    lab.apply(&zone, &[simple("UPSERT", "big.example.org", "TXT", 60, strings)]).await;
    assert_eq!(exchange_udp(server, &packet).await.answers.len(), 4);
    let mut without_edns = query("big.example.org", RecordType::TXT);
    without_edns.edns = None;
    let cut = exchange_udp(server, &without_edns.to_vec().unwrap()).await;
    assert!(cut.metadata.truncation);
    assert!(cut.edns.is_none());
}

#[tokio::test]
async fn refuses_what_is_no_plain_question() {
    let lab = Lab::start().await;
    let server = lab.route53.name_servers()[0];
    let mut message = query("example.org", RecordType::A);
    message.metadata.op_code = OpCode::Notify;
    assert_eq!(code(&exchange_udp(server, &message.to_vec().unwrap()).await), ResponseCode::NotImp);
    let mut message = query("example.org", RecordType::A);
    message.add_query(Query::query(Name::root(), RecordType::A));
    assert_eq!(code(&exchange_udp(server, &message.to_vec().unwrap()).await), ResponseCode::FormErr);
    let garbage = [0x12, 0x34, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0xff, 0xff];
    let refused = exchange_udp(server, &garbage).await;
    assert_eq!((code(&refused), refused.metadata.id), (ResponseCode::FormErr, 0x1234));
    let mut message = query("example.org", RecordType::A);
    message.metadata.message_type = MessageType::Response;
    assert!(exchange_tcp(server, &message.to_vec().unwrap()).await.is_none());
}

#[tokio::test]
async fn a_name_server_that_is_down_is_silent() {
    let lab = Lab::start().await;
    let server = lab.route53.name_servers()[2];
    let packet = query(BLUE, RecordType::A).to_vec().unwrap();
    lab.route53.faults().name_server_down(2, true);
    assert!(exchange_tcp(server, &packet).await.is_none());
    lab.route53.faults().name_server_down(2, false);
    assert!(exchange_tcp(server, &packet).await.is_some());
    assert_eq!(lab.route53.counters().name_server_queries, [0, 0, 2, 0]);
}
