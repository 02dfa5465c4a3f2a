//! What CloudWatch counts for application load balancers: requests per period, for one load balancer's DNS name.
//!
//! Counts are of all that a load balancer serves, whoever declares it. Network load balancers count flows, not requests, and
//! are not asked about. Nothing is written.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use aws_config::{Region, SdkConfig};
use aws_sdk_cloudwatch::types::{
    Dimension, DimensionFilter, Metric, MetricDataQuery, MetricStat, StatusCode,
};
use aws_sdk_cloudwatch::{Client, config};
use aws_smithy_types::DateTime;

use crate::AwsError;
use crate::error::from_sdk;

const NAMESPACE: &str = "AWS/ApplicationELB";
const METRIC: &str = "RequestCount";
const DIMENSION: &str = "LoadBalancer";
/// ListMetrics returns 500 metrics a page. An account with more than 10,000 of this one has its counts unknown.
const PAGES_MAX: usize = 20;
/// GetMetricData: 500 queries at most. A migration has a load balancer per group and cluster.
const QUERIES_MAX: usize = 500;

/// A load balancer as its DNS name tells it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LoadBalancerName {
    /// Unique in its account and region, until somebody gives a new one the name.
    pub name: String,
    /// Where its metrics are.
    pub region: String,
}

impl LoadBalancerName {
    /// Takes `[dualstack.][internal-]NAME-NUMBER.REGION.elb.amazonaws.com` apart; `None` for anything else, network load
    /// balancers (`NAME-ID.elb.REGION.amazonaws.com`) among it.
    pub fn parse(dns_name: &str) -> Option<LoadBalancerName> {
        let text = dns_name.trim_end_matches('.').to_ascii_lowercase();
        let text = text.strip_prefix("dualstack.").unwrap_or(&text);
        let labels: Vec<&str> = text.split('.').collect();
        let [host, region, "elb", "amazonaws", "com", ref china @ ..] = labels[..] else { return None };
        if !matches!(china, [] | ["cn"]) {
            return None;
        }
        // No load balancer's own name begins so: AWS keeps the prefix for itself.
        let host = host.strip_prefix("internal-").unwrap_or(host);
        let (name, number) = host.rsplit_once('-')?;
        let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
        (is_number && !name.is_empty())
            .then(|| LoadBalancerName { name: name.to_owned(), region: region.to_owned() })
    }
}

/// Periods that are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Periods {
    /// How long each is, seconds: 60 or a multiple.
    pub seconds: u32,
    /// When the first begins, seconds since 1970: a multiple of `seconds`.
    pub first: u64,
    /// How many.
    pub count: u32,
}

/// The metrics of one account.
#[derive(Clone, Debug)]
pub struct Metrics {
    /// Shared, because it is large and goes wherever a driver goes.
    config: Arc<SdkConfig>,
}

impl Metrics {
    pub(crate) fn new(config: SdkConfig) -> Self {
        Metrics { config: Arc::new(config) }
    }

    fn client(&self, region: &str) -> Client {
        let region = Region::new(region.to_owned());
        Client::from_conf(config::Builder::from(&*self.config).region(region).build())
    }

    /// The values of the dimension `LoadBalancer` (`app/NAME/ID`) that metrics of these names have. A name that was given again
    /// has several; one that has not had a request for two weeks has none.
    pub async fn dimensions(
        &self,
        names: &BTreeSet<LoadBalancerName>,
    ) -> Result<BTreeMap<LoadBalancerName, Vec<String>>, AwsError> {
        const OPERATION: &str = "ListMetrics";
        let mut found: BTreeMap<LoadBalancerName, Vec<String>> = BTreeMap::new();
        for region in names.iter().map(|name| &name.region).collect::<BTreeSet<_>>() {
            let any = DimensionFilter::builder().name(DIMENSION).build();
            let request = self.client(region).list_metrics().namespace(NAMESPACE).metric_name(METRIC);
            let mut pages = request.dimensions(any).into_paginator().send();
            for _ in 0..PAGES_MAX {
                let Some(page) = pages.next().await else { break };
                let page = page.map_err(|error| from_sdk(OPERATION, error))?;
                for value in page.metrics().iter().filter_map(whole_load_balancer) {
                    let Some(name) = name_in(value) else { continue };
                    let name = LoadBalancerName { name: name.to_owned(), region: region.clone() };
                    if names.contains(&name) {
                        found.entry(name).or_default().push(value.to_owned());
                    }
                }
            }
        }
        Ok(found)
    }

    /// Requests per period, oldest first: one call per region for all load balancers. A period without a data point is one without
    /// requests: the metric is only reported when there are some. A load balancer that CloudWatch says nothing of is missing.
    pub async fn requests(
        &self,
        dimensions: &BTreeMap<LoadBalancerName, Vec<String>>,
        periods: Periods,
    ) -> Result<BTreeMap<LoadBalancerName, Vec<u64>>, AwsError> {
        let mut counts = BTreeMap::new();
        for region in dimensions.keys().map(|name| &name.region).collect::<BTreeSet<_>>() {
            let here = dimensions.iter().filter(|(name, _)| name.region == *region);
            let asked: Vec<(&LoadBalancerName, &str)> = here
                .flat_map(|(name, values)| values.iter().map(move |value| (name, value.as_str())))
                .take(QUERIES_MAX)
                .collect();
            self.requests_in(region, &asked, periods, &mut counts).await?;
        }
        Ok(counts)
    }

    async fn requests_in(
        &self,
        region: &str,
        asked: &[(&LoadBalancerName, &str)],
        periods: Periods,
        counts: &mut BTreeMap<LoadBalancerName, Vec<u64>>,
    ) -> Result<(), AwsError> {
        const OPERATION: &str = "GetMetricData";
        let queries: Vec<MetricDataQuery> = asked
            .iter()
            .enumerate()
            .map(|(index, (_, value))| query(index, value, periods.seconds))
            .collect();
        let until = periods.first + u64::from(periods.seconds) * u64::from(periods.count);
        let request = self
            .client(region)
            .get_metric_data()
            .set_metric_data_queries(Some(queries))
            .start_time(moment(periods.first))
            .end_time(moment(until));
        let mut pages = request.into_paginator().send();
        let mut silent: BTreeSet<&LoadBalancerName> = BTreeSet::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| from_sdk(OPERATION, error))?;
            for result in page.metric_data_results() {
                let index = result.id().and_then(index_of);
                let Some((name, _)) = index.and_then(|index| asked.get(index)) else { continue };
                if !matches!(result.status_code(), Some(StatusCode::Complete | StatusCode::PartialData)) {
                    silent.insert(name);
                }
                let mine = counts
                    .entry((*name).clone())
                    .or_insert_with(|| vec![0; usize::try_from(periods.count).unwrap_or_default()]);
                for (at, sum) in result.timestamps().iter().zip(result.values()) {
                    let index = index_at(at.secs(), periods);
                    if let Some(count) = index.and_then(|index| mine.get_mut(index)) {
                        *count = count.saturating_add(whole(*sum));
                    }
                }
            }
        }
        counts.retain(|name, _| !silent.contains(name));
        Ok(())
    }
}

/// The metric of a load balancer as a whole has this one dimension; others are of its zones and target groups.
fn whole_load_balancer(metric: &Metric) -> Option<&str> {
    match metric.dimensions() {
        [only] if only.name() == Some(DIMENSION) => only.value(),
        _ => None,
    }
}

/// `app/NAME/ID`.
fn name_in(value: &str) -> Option<&str> {
    let (name, _) = value.strip_prefix("app/")?.split_once('/')?;
    Some(name)
}

fn query(index: usize, value: &str, seconds: u32) -> MetricDataQuery {
    let dimension = Dimension::builder().name(DIMENSION).value(value).build();
    let metric = Metric::builder().namespace(NAMESPACE).metric_name(METRIC).dimensions(dimension).build();
    let period = i32::try_from(seconds).unwrap_or(i32::MAX);
    let stat = MetricStat::builder().metric(metric).period(period).stat("Sum").build();
    MetricDataQuery::builder().id(format!("lb{index}")).metric_stat(stat).build()
}

fn index_of(id: &str) -> Option<usize> {
    id.strip_prefix("lb")?.parse().ok()
}

fn moment(seconds: u64) -> DateTime {
    DateTime::from_secs(i64::try_from(seconds).unwrap_or(i64::MAX))
}

fn index_at(seconds: i64, periods: Periods) -> Option<usize> {
    let since = u64::try_from(seconds).ok()?.checked_sub(periods.first)?;
    usize::try_from(since / u64::from(periods.seconds.max(1))).ok()
}

/// A sum of requests is a whole number, sent as a floating-point one.
fn whole(sum: f64) -> u64 {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "clamped to what both can hold"
    )]
    let count = sum.round().clamp(0.0, 9e15) as u64;
    count
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dns_names_tell_name_and_region() {
        let name = |text: &str| LoadBalancerName::parse(text).map(|found| (found.name, found.region));
        let expected = Some(("k8s-teamburn-burnhami-0123456789".to_owned(), "eu-west-1".to_owned()));
        for prefix in ["", "dualstack.", "internal-", "dualstack.internal-"] {
            let text =
                format!("{prefix}k8s-teamburn-burnhami-0123456789-1234567890.eu-west-1.elb.amazonaws.com");
            assert_eq!(name(&text), expected, "{text}");
            assert_eq!(name(&format!("{text}.")), expected);
        }
        for other in [
            "nlb-0123456789abcdef.elb.eu-west-1.amazonaws.com",
            "www.example.org",
            "name.eu-west-1.elb.amazonaws.com",
            "-1.eu-west-1.elb.amazonaws.com",
            "203.0.113.7",
        ] {
            assert_eq!(name(other), None, "{other}");
        }
    }

    #[test]
    fn metrics_of_zones_and_target_groups_are_left_out() {
        let dimension = |name: &str, value: &str| Dimension::builder().name(name).value(value).build();
        let load_balancer = || dimension("LoadBalancer", "app/blue/0123456789abcdef");
        let whole = Metric::builder().dimensions(load_balancer()).build();
        assert_eq!(whole_load_balancer(&whole).and_then(name_in), Some("blue"));
        let zone =
            Metric::builder().dimensions(load_balancer()).dimensions(dimension("AvailabilityZone", "a"));
        assert_eq!(whole_load_balancer(&zone.build()), None);
        assert_eq!(name_in("net/blue/0123456789abcdef"), None);
    }

    #[test]
    fn data_points_fall_into_their_periods() {
        let periods = Periods { seconds: 60, first: 600, count: 3 };
        let index = |seconds| index_at(seconds, periods);
        assert_eq!((index(599), index(600), index(719), index(720)), (None, Some(0), Some(1), Some(2)));
        assert_eq!((whole(41.7), whole(-1.0), whole(f64::NAN)), (42, 0, 0));
    }
}
