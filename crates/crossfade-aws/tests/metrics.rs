//! Requests and answers of CloudWatch on the wire, against a scripted server that speaks Smithy RPC v2 CBOR.
#![expect(clippy::unwrap_used, reason = "a failing test may panic")]
#![expect(unreachable_pub, reason = "the support module is shared by path")]

mod support;

use std::collections::{BTreeMap, BTreeSet};

use ciborium::value::Value;
use crossfade_aws::{Aws, AwsError, AwsOptions, LoadBalancerName, Metrics, Periods, StaticCredentials};
use support::{Request, ScriptedServer};

const PERIODS: Periods = Periods { seconds: 60, first: 600, count: 3 };

async fn mk_metrics(server: &ScriptedServer) -> Metrics {
    let options = AwsOptions {
        region: Some("us-east-1".to_owned()),
        endpoint: Some(server.endpoint.clone()),
        credentials: Some(StaticCredentials {
            access_key_id: "x".to_owned(),
            secret_access_key: "y".to_owned(),
        }),
        ..AwsOptions::default()
    };
    Aws::with_options(options).await.unwrap().metrics()
}

fn mk_name(name: &str) -> LoadBalancerName {
    LoadBalancerName { name: name.to_owned(), region: "eu-west-1".to_owned() }
}

fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

fn map(entries: Vec<(&str, Value)>) -> Value {
    Value::Map(entries.into_iter().map(|(key, value)| (text(key), value)).collect())
}

fn cbor(value: &Value) -> Vec<u8> {
    let mut bytes = Vec::new();
    ciborium::into_writer(value, &mut bytes).unwrap();
    bytes
}

fn mk_metric(dimensions: &[(&str, &str)]) -> Value {
    let dimensions =
        dimensions.iter().map(|(name, value)| map(vec![("Name", text(name)), ("Value", text(value))]));
    map(vec![
        ("Namespace", text("AWS/ApplicationELB")),
        ("MetricName", text("RequestCount")),
        ("Dimensions", Value::Array(dimensions.collect())),
    ])
}

fn mk_result(id: &str, status: &str, points: &[(i64, f64)]) -> Value {
    let times = points.iter().map(|(at, _)| Value::Tag(1, Box::new(Value::Integer((*at).into()))));
    map(vec![
        ("Id", text(id)),
        ("StatusCode", text(status)),
        ("Timestamps", Value::Array(times.collect())),
        ("Values", Value::Array(points.iter().map(|(_, value)| Value::Float(*value)).collect())),
    ])
}

fn operation(request: &Request) -> &str {
    request.target.rsplit('/').next().unwrap()
}

#[tokio::test]
async fn finds_the_metric_of_each_load_balancer_on_every_page() {
    let server = ScriptedServer::start(|request: &Request| {
        let (metrics, next) = if request.body.contains("page-2") {
            (vec![mk_metric(&[("LoadBalancer", "app/green/2")])], vec![])
        } else {
            let metrics = vec![
                mk_metric(&[("LoadBalancer", "app/blue/0")]),
                mk_metric(&[("LoadBalancer", "app/blue/1")]),
                mk_metric(&[("AvailabilityZone", "eu-west-1a"), ("LoadBalancer", "app/blue/1")]),
                mk_metric(&[("LoadBalancer", "app/blue-other/3")]),
            ];
            (metrics, vec![("NextToken", text("page-2"))])
        };
        let mut answer = vec![("Metrics", Value::Array(metrics))];
        answer.extend(next);
        (200, cbor(&map(answer)))
    })
    .await;
    let wanted = BTreeSet::from([mk_name("blue"), mk_name("green"), mk_name("new")]);
    let found = mk_metrics(&server).await.dimensions(&wanted).await.unwrap();
    let of = |values: &[&str]| values.iter().map(|value| (*value).to_owned()).collect::<Vec<_>>();
    let expected =
        [(mk_name("blue"), of(&["app/blue/0", "app/blue/1"])), (mk_name("green"), of(&["app/green/2"]))];
    assert_eq!(found, BTreeMap::from(expected));
    let requests = server.requests();
    assert!(requests.iter().all(|request| request.method == "POST"));
    assert_eq!(requests.iter().map(operation).collect::<Vec<_>>(), ["ListMetrics", "ListMetrics"]);
}

#[tokio::test]
async fn one_call_adds_up_all_load_balancers_and_silence_is_zero() {
    let server = ScriptedServer::start(|_: &Request| {
        let results = vec![
            mk_result("lb0", "Complete", &[(660, 7.0)]),
            mk_result("lb1", "Complete", &[(660, 3.0), (600, 41.0)]),
            mk_result("lb2", "InternalError", &[]),
        ];
        (200, cbor(&map(vec![("MetricDataResults", Value::Array(results))])))
    })
    .await;
    let of = |values: &[&str]| values.iter().map(|value| (*value).to_owned()).collect::<Vec<_>>();
    let dimensions = BTreeMap::from([
        (mk_name("blue"), of(&["app/blue/0", "app/blue/1"])),
        (mk_name("green"), of(&["app/green/2"])),
    ]);
    let counts = mk_metrics(&server).await.requests(&dimensions, PERIODS).await.unwrap();
    // What CloudWatch could not read is unknown, not zero.
    assert_eq!(counts, BTreeMap::from([(mk_name("blue"), vec![41, 10, 0])]));
    assert_eq!(server.requests().iter().map(operation).collect::<Vec<_>>(), ["GetMetricData"]);
}

#[tokio::test]
async fn throttled_and_denied_are_told_apart() {
    for (shape, is_right) in [
        (
            "ThrottlingException",
            (|error| matches!(error, AwsError::Throttled { .. })) as fn(&AwsError) -> bool,
        ),
        ("AccessDeniedException", |error| matches!(error, AwsError::Denied { .. })),
    ] {
        let server = ScriptedServer::start(move |_: &Request| {
            let shape = format!("com.amazon.coral.service#{shape}");
            (400, cbor(&map(vec![("__type", text(&shape)), ("message", text("no"))])))
        })
        .await;
        let error =
            mk_metrics(&server).await.dimensions(&BTreeSet::from([mk_name("blue")])).await.unwrap_err();
        assert!(is_right(&error), "{shape}: {error}");
    }
}
