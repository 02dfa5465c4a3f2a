//! The three operations, over JSON values in the shapes of CloudWatch's model.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::cloudwatch::error::Refusal;
use crate::cloudwatch::store::{Dimensions, Store};

const NAMESPACE: &str = "AWS/ApplicationELB";
const METRIC: &str = "RequestCount";
const UNIT: &str = "Count";
/// GetMetricStatistics: "a maximum of 1,440 data points".
const DATA_POINTS_MAX: u64 = 1_440;
/// GetMetricData: "as many as 500 different metrics".
const QUERIES_MAX: usize = 500;

/// The name of an operation that is supported.
pub(super) fn name_of(operation: &str) -> Option<&'static str> {
    ["ListMetrics", "GetMetricData", "GetMetricStatistics"].into_iter().find(|name| *name == operation)
}

pub(super) fn run(name: &str, store: &Store, input: &Value) -> Result<Value, Refusal> {
    match name {
        "ListMetrics" => list_metrics(store, input),
        "GetMetricData" => get_metric_data(store, input),
        _ => get_metric_statistics(store, input),
    }
}

/// All on one page: a lab has a handful of load balancers.
fn list_metrics(store: &Store, input: &Value) -> Result<Value, Refusal> {
    if !input["NextToken"].is_null() {
        return Err(Refusal::InvalidNextToken("The next token is invalid.".to_owned()));
    }
    if let Some(active) = input["RecentlyActive"].as_str()
        && active != "PT3H"
    {
        return Err(Refusal::InvalidParameterValue(format!("RecentlyActive is PT3H, not {active}")));
    }
    let is = |name: &str, value: &str| input[name].as_str().is_none_or(|wanted| wanted == value);
    let filters = input["Dimensions"].as_array().map(Vec::as_slice).unwrap_or_default();
    let matches = |dimensions: &Dimensions| {
        filters.iter().all(|filter| {
            let found = filter["Name"].as_str().and_then(|name| dimensions.get(name));
            found.is_some_and(|value| filter["Value"].as_str().is_none_or(|wanted| wanted == value))
        })
    };
    let metrics = store
        .metrics()
        .into_iter()
        .filter(|dimensions| is("Namespace", NAMESPACE) && is("MetricName", METRIC) && matches(dimensions));
    let metrics: Vec<Value> = metrics
        .map(|dimensions| {
            let dimensions: Vec<Value> =
                dimensions.iter().map(|(name, value)| json!({ "Name": name, "Value": value })).collect();
            json!({ "Namespace": NAMESPACE, "MetricName": METRIC, "Dimensions": dimensions })
        })
        .collect();
    Ok(json!({ "Metrics": metrics }))
}

fn get_metric_data(store: &Store, input: &Value) -> Result<Value, Refusal> {
    if !input["NextToken"].is_null() {
        return Err(Refusal::InvalidNextToken("The next token is invalid.".to_owned()));
    }
    let (from, until) = span(input)?;
    let queries = input["MetricDataQueries"].as_array().ok_or_else(|| missing("MetricDataQueries"))?;
    if queries.is_empty() || queries.len() > QUERIES_MAX {
        let message = format!("The collection MetricDataQueries must have 1 to {QUERIES_MAX} members.");
        return Err(Refusal::InvalidParameterValue(message));
    }
    let is_ascending = input["ScanBy"].as_str() == Some("TimestampAscending");
    let mut results = Vec::new();
    for query in queries {
        let id = query["Id"].as_str().ok_or_else(|| missing("MetricDataQueries.member.Id"))?;
        let stat = &query["MetricStat"];
        if !stat.is_object() {
            let message = format!("{id}: only queries with MetricStat are supported, no expressions.");
            return Err(Refusal::InvalidParameterValue(message));
        }
        let period = period(&stat["Period"])?;
        let statistic = stat["Stat"].as_str().ok_or_else(|| missing("MetricStat.Stat"))?;
        let mut points: Vec<(u64, f64)> = Vec::new();
        for (at, requests) in sums_of(store, &stat["Metric"], from, until, period)? {
            points.push((at, statistic_of(statistic, requests)?));
        }
        if !is_ascending {
            points.reverse();
        }
        if query["ReturnData"].as_bool() == Some(false) {
            continue;
        }
        let label = query["Label"].as_str().or(stat["Metric"]["MetricName"].as_str()).unwrap_or(id);
        results.push(json!({
            "Id": id,
            "Label": label,
            "StatusCode": "Complete",
            "Timestamps": points.iter().map(|(at, _)| *at).collect::<Vec<_>>(),
            "Values": points.iter().map(|(_, value)| *value).collect::<Vec<_>>(),
        }));
    }
    Ok(json!({ "MetricDataResults": results, "Messages": [] }))
}

fn get_metric_statistics(store: &Store, input: &Value) -> Result<Value, Refusal> {
    let (from, until) = span(input)?;
    let period = period(&input["Period"])?;
    let statistics: Vec<&str> =
        input["Statistics"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    if statistics.is_empty() {
        return Err(Refusal::MissingParameter(
            "At least one of the parameters Statistics and ExtendedStatistics must be specified.".to_owned(),
        ));
    }
    let asked = (until - from).div_ceil(period);
    if asked > DATA_POINTS_MAX {
        return Err(Refusal::InvalidParameterCombination(format!(
            "You have requested up to {asked} datapoints, which exceeds the limit of {DATA_POINTS_MAX}. You may reduce \
             the datapoints requested by increasing Period, or decreasing the time range."
        )));
    }
    let mut points = Vec::new();
    for (at, requests) in sums_of(store, input, from, until, period)? {
        let mut point =
            Map::from_iter([("Timestamp".to_owned(), json!(at)), ("Unit".to_owned(), json!(UNIT))]);
        for statistic in &statistics {
            point.insert((*statistic).to_owned(), json!(statistic_of(statistic, requests)?));
        }
        points.push(Value::Object(point));
    }
    Ok(json!({ "Label": input["MetricName"], "Datapoints": points }))
}

/// The sums of the metric that `of` names; another metric than ours has no data.
fn sums_of(
    store: &Store,
    of: &Value,
    from: u64,
    until: u64,
    period: u64,
) -> Result<BTreeMap<u64, u64>, Refusal> {
    let namespace = of["Namespace"].as_str().ok_or_else(|| missing("Namespace"))?;
    let name = of["MetricName"].as_str().ok_or_else(|| missing("MetricName"))?;
    if (namespace, name) != (NAMESPACE, METRIC) {
        return Ok(BTreeMap::new());
    }
    let mut dimensions = Dimensions::new();
    for dimension in of["Dimensions"].as_array().into_iter().flatten() {
        let text =
            |member: &str| dimension[member].as_str().map(str::to_owned).ok_or_else(|| missing(member));
        dimensions.insert(text("Name")?, text("Value")?);
    }
    Ok(store.sums(&dimensions, from, until, period))
}

/// "Sum" is what counts; every sample is one request, so all others but `SampleCount` are 1.
fn statistic_of(statistic: &str, requests: u64) -> Result<f64, Refusal> {
    match statistic {
        "Sum" | "SampleCount" => Ok(requests as f64),
        "Average" | "Minimum" | "Maximum" => Ok(1.0),
        other => Err(Refusal::InvalidParameterValue(format!(
            "The value {other} for parameter Statistics is not supported."
        ))),
    }
}

fn missing(parameter: &str) -> Refusal {
    Refusal::MissingParameter(format!("The parameter {parameter} is required."))
}

fn span(input: &Value) -> Result<(u64, u64), Refusal> {
    let moment = |name: &str| {
        let seconds = input[name].as_f64().ok_or_else(|| missing(name))?;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "clamped to what both can hold"
        )]
        let seconds = seconds.clamp(0.0, 1e12) as u64;
        Ok(seconds)
    };
    let (from, until) = (moment("StartTime")?, moment("EndTime")?);
    if from < until {
        return Ok((from, until));
    }
    let message = "The parameter StartTime must be less than the parameter EndTime.";
    Err(Refusal::InvalidParameterValue(message.to_owned()))
}

/// "1, 5, 10, 30, or any multiple of 60" for metrics of high resolution.
fn period(value: &Value) -> Result<u64, Refusal> {
    let seconds = value.as_u64().ok_or_else(|| missing("Period"))?;
    if matches!(seconds, 1 | 5 | 10 | 30) || (seconds > 0 && seconds.is_multiple_of(60)) {
        return Ok(seconds);
    }
    let message = format!("The period {seconds} is not supported: use 1, 5, 10, 30, or a multiple of 60.");
    Err(Refusal::InvalidParameterValue(message))
}
