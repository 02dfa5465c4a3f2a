//! Record sets through the API: batches, their texts of refusal, listings, and changes on their way.

use hickory_proto::rr::RecordType;

use crate::support::{BLUE, GREEN, Lab, alias, ask, eventually, simple};

const HOST: &str = "burnham.example.org";

#[tokio::test]
async fn a_change_is_pending_until_the_last_name_server_has_it() {
    let lab = Lab::start().await;
    let zone = lab.create_zone("example.org").await;
    lab.in_sync().await;
    lab.route53.faults().freeze_take_up(2, true);
    let answer = lab.change(&zone, &[simple("CREATE", HOST, "A", 60, &["10.0.0.1"])]).await;
    assert_eq!(answer.text("Status"), "PENDING");
    for index in [0, 1, 3] {
        let server = lab.route53.name_servers()[index];
        eventually(async || !ask(server, HOST, RecordType::A).await.answers.is_empty()).await;
    }
    let path = answer.text("Id")[1..].to_owned();
    assert!(path.starts_with("change/C"), "{path}");
    assert_eq!(lab.call("GET", &path, "").await.text("Status"), "PENDING");
    lab.route53.faults().freeze_take_up(2, false);
    lab.in_sync().await;
    assert_eq!(lab.call("GET", &path, "").await.text("Status"), "INSYNC");
    assert_eq!(lab.call("GET", "change/CNONE", "").await.error().0, "NoSuchChange");
}

#[tokio::test]
async fn a_batch_is_applied_whole_or_not_at_all() {
    let lab = Lab::start().await;
    let zone = lab.create_zone("example.org").await;
    let batch = [
        simple("CREATE", HOST, "TXT", 300, &["\"fine\""]),
        simple("CREATE", HOST, "A", 60, &["10.0.0.1"]),
        simple("DELETE", "missing.example.org", "A", 60, &["10.0.0.1"]),
    ];
    let (code, message) = lab.change(&zone, &batch).await.error();
    assert_eq!(code, "InvalidChangeBatch");
    assert_eq!(
        message,
        "[Tried to delete resource record set [name='missing.example.org.', type='A'] but it was not found]"
    );
    assert_eq!(lab.listed(&zone, "").await, ["example.org. NS", "example.org. SOA"]);
}

#[tokio::test]
async fn delete_and_create_in_one_batch_swap_only_what_is_as_expected() {
    let lab = Lab::start().await;
    let zone = lab.create_zone("example.org").await;
    lab.apply(&zone, &[alias("CREATE", HOST, "A", "blue", 100, BLUE)]).await;
    let swap = |from, to| {
        [alias("CREATE", HOST, "A", "blue", to, BLUE), alias("DELETE", HOST, "A", "blue", from, BLUE)]
    };
    lab.apply(&zone, &swap(100, 90)).await;
    let (code, message) = lab.change(&zone, &swap(100, 80)).await.error();
    assert_eq!(code, "InvalidChangeBatch");
    assert_eq!(
        message,
        "[Tried to delete resource record set [name='burnham.example.org.', type='A', set-identifier='blue'] but the \
         values provided do not match the current values]"
    );
}

#[tokio::test]
async fn several_messages_come_in_one_refusal() {
    let lab = Lab::start().await;
    let zone = lab.create_zone("example.org").await;
    lab.apply(&zone, &[alias("CREATE", HOST, "A", "blue", 100, BLUE)]).await;
    let batch = [
        alias("CREATE", HOST, "A", "blue", 1, BLUE),
        simple("CREATE", "example.org", "CNAME", 60, &["elsewhere.example.net"]),
        simple("CREATE", "other.net", "A", 60, &["10.0.0.1"]),
        alias("UPSERT", "x.example.org", "A", "x", 1, "gone-1.eu-west-1.elb.amazonaws.com"),
    ];
    assert_eq!(
        lab.change(&zone, &batch).await.error().1,
        "[Tried to create resource record set [name='burnham.example.org.', type='A', set-identifier='blue'] but it \
         already exists, RRSet of type CNAME with DNS name example.org. is not permitted at apex in zone \
         example.org., RRSet with DNS name other.net. is not permitted in zone example.org., Tried to create an alias \
         that targets gone-1.eu-west-1.elb.amazonaws.com., type A in zone Z32O12XQLNTSW2, but that target was not \
         found]"
    );
}

#[tokio::test]
async fn listings_are_in_the_order_of_route_53_and_page() {
    let lab = Lab::start().await;
    let zone = lab.create_zone("example.org").await;
    lab.apply(
        &zone,
        &[
            simple("CREATE", "z.example.org", "A", 60, &["10.0.0.1"]),
            simple("CREATE", "a.z.example.org", "A", 60, &["10.0.0.1"]),
            simple("CREATE", "*.example.org", "A", 60, &["10.0.0.1"]),
            alias("CREATE", HOST, "AAAA", "blue", 100, BLUE),
            alias("CREATE", HOST, "A", "green", 0, GREEN),
            alias("CREATE", HOST, "A", "blue", 100, BLUE),
        ],
    )
    .await;
    let all = [
        "example.org. NS",
        "example.org. SOA",
        "\\052.example.org. A",
        "burnham.example.org. A blue",
        "burnham.example.org. A green",
        "burnham.example.org. AAAA blue",
        "z.example.org. A",
        "a.z.example.org. A",
    ];
    assert_eq!(lab.listed(&zone, "").await, all);

    let (mut seen, mut query) = (Vec::new(), "maxitems=3".to_owned());
    loop {
        seen.extend(lab.listed(&zone, &query).await);
        let page = lab.call("GET", &format!("hostedzone/{zone}/rrset?{query}"), "").await;
        assert_eq!(page.text("MaxItems"), "3");
        if page.text("IsTruncated") == "false" {
            break;
        }
        query = format!(
            "maxitems=3&name={}&type={}&identifier={}",
            page.text("NextRecordName").replace('\\', "%5C"),
            page.text("NextRecordType"),
            page.text("NextRecordIdentifier")
        );
    }
    assert_eq!(seen, all);
    assert_eq!(lab.listed(&zone, "name=burnham.example.org&type=AAAA&maxitems=1").await, all[5..6]);
    assert_eq!(lab.listed(&zone, "name=c.example.org&maxitems=1").await, all[6..7]);
    let without_name = lab.call("GET", &format!("hostedzone/{zone}/rrset?type=A"), "").await;
    assert_eq!(without_name.error().0, "InvalidInput");
}

#[tokio::test]
async fn values_are_listed_as_they_were_sent() {
    let lab = Lab::start().await;
    let zone = lab.create_zone("example.org").await;
    let value = "\"heritage=external-dns,external-dns/owner=blue &amp; more\"";
    lab.apply(&zone, &[simple("CREATE", "cname-burnham.example.org", "TXT", 300, &[value])]).await;
    let listed =
        lab.call("GET", &format!("hostedzone/{zone}/rrset?name=cname-burnham.example.org"), "").await;
    assert_eq!(listed.text("Value"), value.replace("&amp;", "&"));
    assert_eq!(listed.text("TTL"), "300");
}

#[tokio::test]
async fn malformed_requests_are_refused_and_change_nothing() {
    let lab = Lab::start().await;
    let zone = lab.create_zone("example.org").await;
    let path = format!("hostedzone/{zone}/rrset");
    for body in [
        "",
        "no XML",
        "<Other/>",
        "<ChangeResourceRecordSetsRequest><ChangeBatch><Changes/></ChangeBatch></ChangeResourceRecordSetsRequest>",
        "<ChangeResourceRecordSetsRequest><ChangeBatch><Changes><Change><Action>CREATE</Action></Change></Changes>\
         </ChangeBatch></ChangeResourceRecordSetsRequest>",
    ] {
        assert_eq!(lab.call("POST", &path, body).await.error().0, "InvalidInput", "{body}");
    }
    let huge = "x".repeat(3 * 1024 * 1024);
    assert_eq!(lab.call("POST", &path, &huge).await.status, 400);
    let missing = lab.change("ZNONE", &[simple("CREATE", HOST, "A", 60, &["10.0.0.1"])]).await;
    assert_eq!((missing.status, missing.error().0.as_str()), (404, "NoSuchHostedZone"));
    let odd = simple("CREATE", HOST, "A", 60, &["10.0.0.1"]).replace("<TTL>", "<Colour>red</Colour><TTL>");
    assert_eq!(lab.change(&zone, &[odd]).await.error().0, "InvalidInput");
    let failover = alias("CREATE", HOST, "A", "blue", 1, BLUE)
        .replace("<Weight>1</Weight>", "<Failover>PRIMARY</Failover>");
    let (code, message) = lab.change(&zone, &[failover]).await.error();
    assert_eq!(code, "InvalidInput");
    assert!(message.contains("lab does not support Failover"), "{message}");
    assert_eq!(lab.listed(&zone, "").await.len(), 2);
}
