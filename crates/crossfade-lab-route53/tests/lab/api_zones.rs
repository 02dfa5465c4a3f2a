//! Hosted zones, tags, identity, and what the API refuses before it looks at anything.

use crate::support::{Lab, create_zone_body, eventually, simple};
use hickory_proto::op::ResponseCode;
use hickory_proto::rr::RecordType;

#[tokio::test]
async fn a_new_zone_has_a_delegation_set_and_is_pending() {
    let lab = Lab::start().await;
    let body = create_zone_body("EKS.example.org", "once");
    let answer = lab.call("POST", "hostedzone", &body).await;
    assert_eq!(answer.status, 201);
    assert_eq!(answer.text("Name"), "eks.example.org.");
    assert_eq!(answer.text("Status"), "PENDING");
    assert_eq!(answer.text("ResourceRecordSetCount"), "2");
    let servers = answer.texts("NameServer");
    assert_eq!(servers.len(), 4);
    assert!(servers[3].starts_with("ns-") && servers[3].ends_with(".co.uk"), "{servers:?}");
    let id = answer.text("Id");
    assert!(id.starts_with("/hostedzone/Z"), "{id}");
    assert!(
        answer
            .head
            .to_lowercase()
            .contains("location: https://route53.amazonaws.com/2013-04-01/hostedzone/z")
    );

    let again = lab.call("POST", "hostedzone", &body).await;
    assert_eq!(again.status, 409);
    assert_eq!(again.error().0, "HostedZoneAlreadyExists");

    let got = lab.call("GET", &id[1..], "").await;
    assert_eq!(got.texts("NameServer"), servers);
}

#[tokio::test]
async fn zones_are_listed_by_name_with_labels_reversed() {
    let lab = Lab::start().await;
    for name in ["b.example.org", "example.org", "a.example.com", "z.b.example.org"] {
        lab.create_zone(name).await;
    }
    let all = lab.call("GET", "hostedzonesbyname", "").await;
    assert_eq!(all.texts("Name"), ["a.example.com.", "example.org.", "b.example.org.", "z.b.example.org."]);
    let page = lab.call("GET", "hostedzonesbyname?dnsname=example.org&maxitems=2", "").await;
    assert_eq!(page.texts("Name"), ["example.org.", "b.example.org."]);
    assert_eq!(page.text("DNSName"), "example.org.");
    assert_eq!(page.text("IsTruncated"), "true");
    assert_eq!(page.text("NextDNSName"), "z.b.example.org.");
    let next = format!(
        "hostedzonesbyname?dnsname={}&hostedzoneid={}",
        page.text("NextDNSName"),
        page.text("NextHostedZoneId")
    );
    let last = lab.call("GET", &next, "").await;
    assert_eq!(last.texts("Name"), ["z.b.example.org."]);
    assert_eq!(last.text("IsTruncated"), "false");
}

#[tokio::test]
async fn the_plain_listing_pages_through_all_zones() {
    let lab = Lab::start().await;
    let mut created = Vec::new();
    for number in 0..5 {
        created.push(format!("/hostedzone/{}", lab.create_zone(&format!("z{number}.example.org")).await));
    }
    let (mut seen, mut marker) = (Vec::new(), String::new());
    loop {
        let page = lab.call("GET", &format!("hostedzone?maxitems=2{marker}"), "").await;
        seen.extend(page.texts("Id"));
        if page.text("IsTruncated") == "false" {
            break;
        }
        marker = format!("&marker={}", page.text("NextMarker"));
    }
    created.sort();
    assert_eq!(seen, created);
    let count = lab.call("GET", "hostedzonecount", "").await;
    assert_eq!(count.text("HostedZoneCount"), "5");
}

#[tokio::test]
async fn only_an_empty_zone_can_be_deleted() {
    let lab = Lab::start().await;
    let zone = lab.create_zone("example.org").await;
    let path = format!("hostedzone/{zone}");
    lab.apply(&zone, &[simple("CREATE", "a.example.org", "A", 60, &["10.0.0.1"])]).await;
    assert_eq!(lab.call("DELETE", &path, "").await.error().0, "HostedZoneNotEmpty");
    lab.apply(&zone, &[simple("DELETE", "a.example.org", "A", 60, &["10.0.0.1"])]).await;
    assert_eq!(lab.call("DELETE", &path, "").await.status, 200);
    let (code, message) = lab.call("GET", &path, "").await.error();
    assert_eq!(code, "NoSuchHostedZone");
    assert_eq!(message, format!("No hosted zone found with ID: {zone}"));
    lab.in_sync().await;
    let answer = lab.ask("example.org", RecordType::SOA).await;
    assert_eq!(answer.metadata.response_code, ResponseCode::Refused);
}

#[tokio::test]
async fn comments_and_tags_can_be_changed() {
    let lab = Lab::start().await;
    let zone = lab.create_zone("example.org").await;
    let body =
        "<UpdateHostedZoneCommentRequest><Comment>moved &amp; new</Comment></UpdateHostedZoneCommentRequest>";
    let answer = lab.call("POST", &format!("hostedzone/{zone}"), body).await;
    assert_eq!(answer.text("Comment"), "moved & new");

    let path = format!("tags/hostedzone/{zone}");
    let body = "<ChangeTagsForResourceRequest><AddTags><Tag><Key>team</Key><Value>burnham</Value></Tag><Tag>\
                <Key>env</Key><Value>dev</Value></Tag></AddTags></ChangeTagsForResourceRequest>";
    assert_eq!(lab.call("POST", &path, body).await.status, 200);
    let body = "<ChangeTagsForResourceRequest><RemoveTagKeys><Key>env</Key></RemoveTagKeys></ChangeTagsForResourceRequest>";
    assert_eq!(lab.call("POST", &path, body).await.status, 200);
    assert_eq!(lab.call("GET", &path, "").await.texts("Key"), ["team"]);
    let body = format!(
        "<ListTagsForResourcesRequest><ResourceIds><ResourceId>{zone}</ResourceId></ResourceIds>\
         </ListTagsForResourcesRequest>"
    );
    let several = lab.call("POST", "tags/hostedzone", &body).await;
    assert_eq!(several.texts("Value"), ["burnham"]);
    let missing = lab.call("GET", "tags/hostedzone/ZNONE", "").await;
    assert_eq!(missing.error().0, "NoSuchHostedZone");
}

#[tokio::test]
async fn says_which_account_it_is() {
    let lab = Lab::start().await;
    let form = "Action=GetCallerIdentity&Version=2011-06-15";
    let answer = lab.send("POST", "/", Some("sts"), form).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.text("Account"), "111122223333");
    assert!(answer.text("Arn").starts_with("arn:aws:iam::111122223333:"));
    let other =
        lab.send("POST", "/", Some("elasticloadbalancing"), "Action=DescribeLoadBalancers&Version=1").await;
    assert_eq!(other.error().0, "InvalidAction");
}

#[tokio::test]
async fn refuses_what_it_does_not_support() {
    let lab = Lab::start().await;
    let unsigned = lab.send("GET", "/2013-04-01/hostedzone", None, "").await;
    assert_eq!((unsigned.status, unsigned.error().0.as_str()), (403, "MissingAuthenticationToken"));
    let wrong = lab.send("GET", "/2013-04-01/hostedzone", Some("s3"), "").await;
    assert_eq!(wrong.error().0, "SignatureDoesNotMatch");
    let unknown = lab.call("GET", "healthcheck", "").await;
    assert_eq!((unknown.status, unknown.error().0.as_str()), (404, "UnknownOperationException"));
    let json = lab.send("POST", "/", Some("ecs"), "{}").await;
    assert!(json.body.starts_with("{\"__type\":\"UnknownOperationException\""), "{}", json.body);

    let private = "<CreateHostedZoneRequest><Name>example.org</Name><CallerReference>1</CallerReference>\
                   <HostedZoneConfig><PrivateZone>true</PrivateZone></HostedZoneConfig></CreateHostedZoneRequest>";
    let refused = lab.call("POST", "hostedzone", private).await;
    assert!(refused.error().1.contains("does not support PrivateZone"));
    let invalid = lab.call("POST", "hostedzone", &create_zone_body("a..b", "1")).await;
    assert_eq!(invalid.error().0, "InvalidDomainName");
    assert_eq!(lab.call("GET", "hostedzonecount", "").await.text("HostedZoneCount"), "0");

    let counters = lab.route53.counters();
    assert_eq!(counters.api_calls["CreateHostedZone"], 2);
    assert_eq!(counters.refused_calls_total(), 6);
}

#[tokio::test]
async fn faults_refuse_calls_before_they_do_anything() {
    let lab = Lab::start().await;
    let faults = lab.route53.faults();
    faults.fail_next(1, "PriorRequestNotComplete");
    let refused = lab.call("POST", "hostedzone", &create_zone_body("example.org", "1")).await;
    assert_eq!(refused.error().0, "PriorRequestNotComplete");
    let zone = lab.create_zone("example.org").await;
    faults.set_throttled(true);
    let mut codes = Vec::new();
    for _ in 0..30 {
        let answer = lab.call("GET", &format!("hostedzone/{zone}"), "").await;
        if answer.status != 200 {
            codes.push(answer.error());
        }
    }
    assert!(!codes.is_empty());
    assert!(codes.iter().all(|error| *error == ("Throttling".to_owned(), "Rate exceeded".to_owned())));
    faults.set_throttled(false);
    assert_eq!(lab.call("GET", &format!("hostedzone/{zone}"), "").await.status, 200);
}

#[tokio::test]
async fn stopping_closes_every_socket() {
    let lab = Lab::start().await;
    let address = lab.route53.api_address();
    lab.route53.stop();
    eventually(async || tokio::net::TcpStream::connect(address).await.is_err()).await;
    let name_server = lab.route53.name_servers()[0];
    eventually(async || tokio::net::UdpSocket::bind(name_server).await.is_ok()).await;
}
