//! Requests and answers of Route 53 on the wire, against a scripted server.
#![expect(clippy::unwrap_used, reason = "a failing test may panic")]
#![expect(unreachable_pub, reason = "the support module is shared by path")]

mod support;

use std::sync::atomic::{AtomicUsize, Ordering};

use crossfade_aws::{Aws, AwsError, AwsOptions, ChangeId, Route53, StaticCredentials};
use crossfade_core::Weight;
use crossfade_core::dns::{
    Action, Alias, Change, RecordName, RecordSet, RecordType, RoutingProperties, SetIdentifier,
};
use support::{Request, ScriptedServer};

const NAMESPACE: &str = "xmlns=\"https://route53.amazonaws.com/doc/2013-04-01/\"";

fn mk_options(endpoint: &str) -> AwsOptions {
    AwsOptions {
        region: Some("eu-west-1".to_owned()),
        endpoint: Some(endpoint.to_owned()),
        credentials: Some(StaticCredentials {
            access_key_id: "x".to_owned(),
            secret_access_key: "y".to_owned(),
        }),
        ..AwsOptions::default()
    }
}

async fn mk_route53(server: &ScriptedServer) -> Route53 {
    Aws::with_options(mk_options(&server.endpoint)).await.unwrap().route53()
}

fn mk_name(text: &str) -> RecordName {
    RecordName::parse(text).unwrap()
}

fn mk_weighted() -> RecordSet {
    let mut record = RecordSet::new(mk_name("burnham.example.org"), RecordType::A);
    record.set_identifier = Some(SetIdentifier::parse("blue").unwrap());
    record.weight = Some(Weight::new(100));
    record.alias = Some(Alias {
        dns_name: mk_name("x.eu-west-1.elb.amazonaws.com"),
        hosted_zone_id: "Z32O12XQLNTSW2".to_owned(),
        evaluate_target_health: true,
    });
    record
}

const PAGE_1: &str = "<ResourceRecordSets>\
  <ResourceRecordSet><Name>\\052.example.org.</Name><Type>A</Type><TTL>60</TTL>\
    <ResourceRecords><ResourceRecord><Value>192.0.2.1</Value></ResourceRecord></ResourceRecords></ResourceRecordSet>\
  <ResourceRecordSet><Name>burnham.example.org.</Name><Type>A</Type><SetIdentifier>blue</SetIdentifier><Weight>100</Weight><TTL>0</TTL>\
    <AliasTarget><HostedZoneId>Z32O12XQLNTSW2</HostedZoneId><DNSName>x.eu-west-1.elb.amazonaws.com.</DNSName>\
    <EvaluateTargetHealth>true</EvaluateTargetHealth></AliasTarget></ResourceRecordSet></ResourceRecordSets>\
  <IsTruncated>true</IsTruncated><NextRecordName>burnham.example.org.</NextRecordName><NextRecordType>A</NextRecordType>\
  <NextRecordIdentifier>green</NextRecordIdentifier><MaxItems>300</MaxItems>";

const PAGE_2: &str = "<ResourceRecordSets>\
  <ResourceRecordSet><Name>burnham.example.org.</Name><Type>A</Type><SetIdentifier>green</SetIdentifier><Region>eu-west-1</Region>\
    <HealthCheckId>abc</HealthCheckId><TTL>60</TTL>\
    <ResourceRecords><ResourceRecord><Value>192.0.2.2</Value></ResourceRecord></ResourceRecords></ResourceRecordSet>\
  <ResourceRecordSet><Name>z.example.org.</Name><Type>CAA</Type><TTL>60</TTL>\
    <ResourceRecords><ResourceRecord><Value>0 issue \"x\"</Value></ResourceRecord></ResourceRecords></ResourceRecordSet></ResourceRecordSets>\
  <IsTruncated>false</IsTruncated><MaxItems>300</MaxItems>";

fn pages(request: &Request) -> (u16, String) {
    let page = if request.target.contains("identifier=green") { PAGE_2 } else { PAGE_1 };
    (200, format!("<ListResourceRecordSetsResponse {NAMESPACE}>{page}</ListResourceRecordSetsResponse>"))
}

#[tokio::test]
async fn reads_record_sets_over_all_pages_without_losing_anything() {
    let server = ScriptedServer::start(pages).await;
    let records = mk_route53(&server).await.record_sets("Z1").await.unwrap();
    let requests = server.requests();
    assert_eq!(requests.len(), 2);
    assert!(requests[0].target.starts_with("/2013-04-01/hostedzone/Z1/rrset?"), "{}", requests[0].target);
    assert!(requests.iter().all(|request| request.target.contains("maxitems=300")));
    assert_eq!(records.len(), 4);
    assert_eq!(records[0].name.as_str(), "*.example.org.");
    assert_eq!(records[1], mk_weighted());
    assert_eq!(records[2].policy(), "region");
    assert_eq!(records[2].routing.0[RoutingProperties::REGION], "eu-west-1");
    assert_eq!(records[2].health_check_id.as_deref(), Some("abc"));
    assert_eq!(records[3].record_type, RecordType::Other("CAA".to_owned()));
}

#[tokio::test]
async fn reads_the_record_sets_of_one_name_only() {
    let server = ScriptedServer::start(|request| {
        let body =
            pages(request).1.replace("<Name>\\052.example.org.</Name>", "<Name>burnham.example.org.</Name>");
        (200, body)
    })
    .await;
    let name = mk_name("burnham.example.org");
    let records = mk_route53(&server).await.record_sets_of("Z1", &name).await.unwrap();
    assert_eq!(records.len(), 3);
    assert!(server.requests()[0].target.contains("name=burnham.example.org."));
}

const ACCEPTED: &str = "<ChangeInfo><Id>/change/C1</Id><Status>PENDING</Status><SubmittedAt>2026-01-01T00:00:00Z</SubmittedAt></ChangeInfo>";

#[tokio::test]
async fn sends_changes_as_route_53_wants_them() {
    let server = ScriptedServer::start(|_| {
        (
            200,
            format!(
                "<ChangeResourceRecordSetsResponse {NAMESPACE}>{ACCEPTED}</ChangeResourceRecordSetsResponse>"
            ),
        )
    })
    .await;
    let mut txt = RecordSet::new(mk_name("cname-*.example.org"), RecordType::Txt);
    txt.ttl_seconds = Some(300);
    txt.values = vec!["\"heritage=external-dns,external-dns/owner=a&b\"".to_owned()];
    let changes = [Change::new(Action::Upsert, mk_weighted()), Change::new(Action::Delete, txt)];
    let id = mk_route53(&server).await.change("Z1", &changes, "why").await.unwrap();
    assert_eq!(id, ChangeId("C1".to_owned()));
    let request = server.requests().remove(0);
    assert_eq!(
        (request.method.as_str(), request.target.as_str()),
        ("POST", "/2013-04-01/hostedzone/Z1/rrset")
    );
    for part in [
        "<Comment>why</Comment>",
        "<Change><Action>UPSERT</Action><ResourceRecordSet><Name>burnham.example.org.</Name><Type>A</Type><SetIdentifier>blue</SetIdentifier><Weight>100</Weight>",
        "<AliasTarget><HostedZoneId>Z32O12XQLNTSW2</HostedZoneId><DNSName>x.eu-west-1.elb.amazonaws.com.</DNSName><EvaluateTargetHealth>true</EvaluateTargetHealth></AliasTarget>",
        "<Action>DELETE</Action><ResourceRecordSet><Name>cname-*.example.org.</Name><Type>TXT</Type><TTL>300</TTL>",
        "external-dns/owner=a&amp;b",
    ] {
        assert!(request.body.contains(part), "{part} is not in {}", request.body);
    }
    assert_eq!(request.body.matches("<TTL>").count(), 1, "an alias has no TTL: {}", request.body);
}

fn error(code: &str, message: &str) -> String {
    format!(
        "<ErrorResponse {NAMESPACE}><Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error><RequestId>r</RequestId></ErrorResponse>"
    )
}

async fn change_error(status: u16, body: String) -> (AwsError, usize) {
    let server = ScriptedServer::start(move |_| (status, body.clone())).await;
    let changes = [Change::new(Action::Create, mk_weighted())];
    let error = mk_route53(&server).await.change("Z1", &changes, "why").await.unwrap_err();
    (error, server.requests().len())
}

#[tokio::test]
async fn tells_a_refused_batch_with_its_messages_in_either_form() {
    let created = "Tried to create resource record set [name='x.', type='A'] but it already exists";
    let conflict = "RRSet with DNS name x., type A, SetIdentifier b cannot be created";
    let own_form = format!(
        "<?xml version=\"1.0\"?><InvalidChangeBatch {NAMESPACE}><Messages><Message>{}</Message><Message>{conflict}</Message></Messages><RequestId>r</RequestId></InvalidChangeBatch>",
        created.replace('\'', "&apos;").replace('A', "&#65;")
    );
    let common_form = error("InvalidChangeBatch", &format!("[{created}, {conflict}]"));
    for body in [own_form, common_form] {
        let (error, requests) = change_error(400, body).await;
        assert_eq!(requests, 1, "a refused batch is not sent again");
        let AwsError::Refused { zone_id, messages } = &error else { panic!("{error:?}") };
        assert_eq!(zone_id, "Z1");
        assert_eq!(messages, &[created, conflict]);
    }
}

#[tokio::test]
async fn tells_errors_apart_by_what_can_be_done() {
    let (throttled, requests) = change_error(400, error("Throttling", "Rate exceeded")).await;
    assert!(matches!(throttled, AwsError::Throttled { .. }), "{throttled:?}");
    assert!(throttled.is_temporary());
    assert_eq!(requests, 3, "three attempts");
    let (denied, _) = change_error(403, error("AccessDenied", "no")).await;
    assert!(matches!(denied, AwsError::Denied { .. }), "{denied:?}");
    let (missing, _) = change_error(404, error("NoSuchHostedZone", "No hosted zone found with ID: Z1")).await;
    assert_eq!(missing.to_string(), "ChangeResourceRecordSets: No hosted zone found with ID: Z1");
    let (input, _) = change_error(400, error("InvalidInput", "Missing field 'SetIdentifier'")).await;
    assert!(matches!(input, AwsError::Refused { .. }), "{input:?}");
}

#[tokio::test]
async fn says_when_nobody_answers() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let aws = Aws::with_options(mk_options(&endpoint)).await.unwrap();
    let error = aws.route53().zones().await.unwrap_err();
    assert!(matches!(error, AwsError::Unreachable { .. }), "{error:?}");
    assert!(error.hint().is_some());
}

#[tokio::test]
async fn finds_the_public_zone_of_a_name() {
    let zone = |id: &str, name: &str, private: bool| {
        format!(
            "<HostedZone><Id>/hostedzone/{id}</Id><Name>{name}</Name><CallerReference>r</CallerReference><Config><PrivateZone>{private}</PrivateZone></Config></HostedZone>"
        )
    };
    let zones = zone("Z1", "example.org.", true)
        + &zone("Z2", "example.org.", false)
        + &zone("Z3", "a.example.org.", false);
    let server = ScriptedServer::start(move |request| {
        let operation = if request.target.contains("hostedzonesbyname") { "ByName" } else { "" };
        let name = format!("ListHostedZones{operation}Response");
        (200, format!("<{name} {NAMESPACE}><HostedZones>{zones}</HostedZones><IsTruncated>false</IsTruncated><MaxItems>100</MaxItems></{name}>"))
    })
    .await;
    let route53 = mk_route53(&server).await;
    assert_eq!(route53.find_zone(&mk_name("example.org")).await.unwrap().unwrap().id, "Z2");
    assert_eq!(route53.find_zone(&mk_name("example.com")).await.unwrap(), None);
    assert_eq!(route53.zones().await.unwrap().len(), 3);
}

#[tokio::test]
async fn asks_for_the_state_of_a_change() {
    let asked = AtomicUsize::new(0);
    let server = ScriptedServer::start(move |_| {
        let status = if asked.fetch_add(1, Ordering::Relaxed) == 0 { "PENDING" } else { "INSYNC" };
        (
            200,
            format!(
                "<GetChangeResponse {NAMESPACE}>{}</GetChangeResponse>",
                ACCEPTED.replace("PENDING", status)
            ),
        )
    })
    .await;
    let route53 = mk_route53(&server).await;
    let id = ChangeId("C1".to_owned());
    assert!(!route53.is_in_sync(&id).await.unwrap());
    assert!(route53.is_in_sync(&id).await.unwrap());
    assert_eq!(server.requests()[0].target, "/2013-04-01/change/C1");
}

#[tokio::test]
async fn names_the_account() {
    let server = ScriptedServer::start(|_| {
        let body = "<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><GetCallerIdentityResult><Arn>arn:aws:iam::111122223333:user/x</Arn><UserId>u</UserId><Account>111122223333</Account></GetCallerIdentityResult><ResponseMetadata><RequestId>r</RequestId></ResponseMetadata></GetCallerIdentityResponse>";
        (200, body.to_owned())
    })
    .await;
    let aws = Aws::with_options(mk_options(&server.endpoint)).await.unwrap();
    assert_eq!(aws.account_id().await.unwrap(), "111122223333");
}
