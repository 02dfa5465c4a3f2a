//! Requests on the wire, in both protocols.

use serde_json::{Value, json};

use super::*;

const LOAD_BALANCER: &str = "app/blue/0123456789abcdef";

fn mk_counted() -> CloudWatch {
    let cloud_watch = CloudWatch::new("eu-west-1");
    for (second, requests) in [(599, 1), (600, 10), (659, 20), (660, 7), (720, 1)] {
        cloud_watch.count(LOAD_BALANCER, second, requests);
    }
    cloud_watch
}

/// Asks in AWS JSON 1.0: status and body.
fn ask(cloud_watch: &CloudWatch, operation: &str, input: &Value) -> (u16, Value) {
    let request = http::Request::post("/")
        .header("x-amz-target", format!("GraniteServiceVersion20100801.{operation}"))
        .body(())
        .unwrap();
    let answer = cloud_watch.answer(&request.into_parts().0, input.to_string().as_bytes()).unwrap();
    answer.json()
}

fn mk_statistics(from: u64, until: u64, period: u64) -> Value {
    json!({
        "Namespace": "AWS/ApplicationELB", "MetricName": "RequestCount",
        "Dimensions": [{ "Name": "LoadBalancer", "Value": LOAD_BALANCER }],
        "StartTime": from, "EndTime": until, "Period": period, "Statistics": ["Sum"]
    })
}

fn mk_data(from: u64, until: u64) -> Value {
    let metric = json!({
        "Namespace": "AWS/ApplicationELB", "MetricName": "RequestCount",
        "Dimensions": [{ "Name": "LoadBalancer", "Value": LOAD_BALANCER }]
    });
    json!({
        "MetricDataQueries": [{ "Id": "lb0", "MetricStat": { "Metric": metric, "Period": 60, "Stat": "Sum" } }],
        "StartTime": from, "EndTime": until, "ScanBy": "TimestampAscending"
    })
}

#[test]
fn lists_the_load_balancer_and_its_zone() {
    let (status, body) = ask(&mk_counted(), "ListMetrics", &json!({ "Namespace": "AWS/ApplicationELB" }));
    assert_eq!((status, body["Metrics"].as_array().unwrap().len()), (200, 2));
    let by_zone = json!({ "Dimensions": [{ "Name": "AvailabilityZone", "Value": "eu-west-1a" }] });
    assert_eq!(ask(&mk_counted(), "ListMetrics", &by_zone).1["Metrics"].as_array().unwrap().len(), 1);
    let other = json!({ "Namespace": "AWS/EC2" });
    assert_eq!(ask(&mk_counted(), "ListMetrics", &other).1, json!({ "Metrics": [] }));
}

#[test]
fn sums_are_by_period_and_silent_periods_are_missing() {
    let (status, body) = ask(&mk_counted(), "GetMetricStatistics", &mk_statistics(600, 840, 60));
    let sums: Vec<(u64, f64)> = body["Datapoints"]
        .as_array()
        .unwrap()
        .iter()
        .map(|point| (point["Timestamp"].as_u64().unwrap(), point["Sum"].as_f64().unwrap()))
        .collect();
    assert_eq!((status, sums), (200, vec![(600, 30.0), (660, 7.0), (720, 1.0)]));
}

#[test]
fn data_comes_latest_first_unless_asked_for() {
    let (_, body) = ask(&mk_counted(), "GetMetricData", &mk_data(600, 720));
    assert_eq!(body["MetricDataResults"][0]["Values"], json!([30.0, 7.0]));
    let mut latest_first = mk_data(600, 720);
    latest_first["ScanBy"] = json!("TimestampDescending");
    let (_, body) = ask(&mk_counted(), "GetMetricData", &latest_first);
    assert_eq!(body["MetricDataResults"][0]["Timestamps"], json!([660, 600]));
}

#[test]
fn cbor_has_tagged_times() {
    use ciborium::value::Value as Cbor;
    let request = http::Request::post("/service/GraniteServiceVersion20100801/operation/GetMetricData")
        .header("smithy-protocol", "rpc-v2-cbor")
        .body(())
        .unwrap();
    let mut body = Vec::new();
    ciborium::into_writer(&mk_data(600, 660), &mut body).unwrap();
    let answer = mk_counted().answer(&request.into_parts().0, &body).unwrap();
    assert_eq!(answer.operation, "GetMetricData");
    let read: Cbor = ciborium::from_reader(&*answer.bytes()).unwrap();
    let text = format!("{read:?}");
    assert!(text.contains("Tag(1, Integer(Integer(600)))") && text.contains("Float(30.0)"), "{text}");
}

#[test]
fn what_is_wrong_or_not_supported_is_refused() {
    let cloud_watch = mk_counted();
    let mut expression = mk_data(600, 720);
    expression["MetricDataQueries"] = json!([{ "Id": "e", "Expression": "lb0 * 2" }]);
    for (operation, input, shape) in [
        ("PutMetricAlarm", json!({}), "UnknownOperationException"),
        ("GetMetricStatistics", json!({}), "MissingRequiredParameterException"),
        ("GetMetricStatistics", mk_statistics(600, 600, 60), "InvalidParameterValueException"),
        ("GetMetricStatistics", mk_statistics(0, 200_000, 60), "InvalidParameterCombinationException"),
        ("GetMetricStatistics", mk_statistics(0, 600, 7), "InvalidParameterValueException"),
        ("GetMetricData", expression, "InvalidParameterValueException"),
        ("ListMetrics", json!({ "NextToken": "x" }), "InvalidNextToken"),
    ] {
        let (status, body) = ask(&cloud_watch, operation, &input);
        assert_eq!(status, 400);
        assert!(body["__type"].as_str().unwrap().ends_with(shape), "{operation}: {body}");
    }
    let query = http::Request::post("/").body(()).unwrap().into_parts().0;
    assert!(cloud_watch.answer(&query, b"Action=ListMetrics").is_none(), "the query protocol is not spoken");
}
