//! The AWS command line on CloudWatch, and a migration that looks at what load balancers count.

use crate::clients::Check;
use crate::clients::Ends::{Refused, Well, WellInTheEnd};

/// The value of the dimension `LoadBalancer` of burnham's load balancer in a cluster, and times around now.
macro_rules! with_metric {
    ($script:literal) => {
        concat!(
            "name() { $1 get ingress burnham-ingress -n team-burnham -o jsonpath='{.status.loadBalancer.ingress[0].hostname}' | sed 's/-[0-9]*[.].*//'; }
metric() { aws cloudwatch list-metrics --namespace AWS/ApplicationELB --metric-name RequestCount \
  --query \"Metrics[?length(Dimensions)==\\`1\\`].Dimensions[0].Value\" --output text | tr '\\t' '\\n' | grep \"^app/$(name $1)/\"; }
from=$(date -u -d '-10 minutes' +%Y-%m-%dT%H:%M:00Z); until=$(date -u -d '+1 minute' +%Y-%m-%dT%H:%M:00Z)
",
            $script
        )
    };
}

pub(crate) const CHECKS: &[Check] = &[
    Check {
        name: "aws cloudwatch list-metrics names a load balancer that had requests",
        ends: WellInTheEnd,
        words: &["AWS/ApplicationELB", "RequestCount", "\"LoadBalancer\"", "app/k8s-", "AvailabilityZone"],
        script: "curl -s -o /dev/null https://burnham.$DOMAIN/; aws cloudwatch list-metrics --namespace AWS/ApplicationELB",
    },
    Check {
        name: "aws cloudwatch get-metric-statistics counts curl's requests",
        ends: WellInTheEnd,
        words: &["30 more"],
        script: with_metric!(
            "sum() { aws cloudwatch get-metric-statistics --namespace AWS/ApplicationELB --metric-name RequestCount \
  --dimensions Name=LoadBalancer,Value=$(metric kb) --start-time $from --end-time $until --period 60 --statistics Sum \
  --query 'sum(Datapoints[].Sum)' --output text | sed 's/[.].*//'; }
before=$(sum); for i in $(seq 30); do curl -sf -o /dev/null https://burnham.$DOMAIN/; done; sleep 1
echo $(($(sum) - before)) more"
        ),
    },
    Check {
        name: "aws cloudwatch get-metric-data gives the same sum",
        ends: WellInTheEnd,
        words: &["\"StatusCode\": \"Complete\"", "\"Label\": \"blue\"", "the same"],
        script: with_metric!(
            "metric=$(metric kb)
stat=\"{\\\"Namespace\\\":\\\"AWS/ApplicationELB\\\",\\\"MetricName\\\":\\\"RequestCount\\\",\\\"Dimensions\\\":[{\\\"Name\\\":\\\"LoadBalancer\\\",\\\"Value\\\":\\\"$metric\\\"}]}\"
data() { aws cloudwatch get-metric-data --start-time $from --end-time $until --metric-data-queries \
  \"[{\\\"Id\\\":\\\"lb0\\\",\\\"Label\\\":\\\"blue\\\",\\\"MetricStat\\\":{\\\"Metric\\\":$stat,\\\"Period\\\":60,\\\"Stat\\\":\\\"Sum\\\"}}]\" \"$@\"; }
data
one=$(data --query 'sum(MetricDataResults[0].Values)' --output text)
other=$(aws cloudwatch get-metric-statistics --namespace AWS/ApplicationELB --metric-name RequestCount \
  --dimensions Name=LoadBalancer,Value=$metric --start-time $from --end-time $until --period 60 --statistics Sum \
  --query 'sum(Datapoints[].Sum)' --output text)
[ \"${one%.*}\" -gt 0 ] && [ \"${one%.*}\" = \"${other%.*}\" ] && echo the same"
        ),
    },
    Check {
        name: "a period that CloudWatch does not have",
        ends: Refused,
        words: &["InvalidParameterValue", "multiple of 60"],
        script: "aws cloudwatch get-metric-statistics --namespace AWS/ApplicationELB --metric-name RequestCount \
                 --start-time 2026-01-01T00:00:00Z --end-time 2026-01-01T00:10:00Z --period 7 --statistics Sum",
    },
    Check {
        name: "more than 1,440 data points",
        ends: Refused,
        words: &["InvalidParameterCombination", "exceeds the limit of 1440"],
        script: "aws cloudwatch get-metric-statistics --namespace AWS/ApplicationELB --metric-name RequestCount \
                 --start-time 2026-01-01T00:00:00Z --end-time 2026-01-03T00:00:00Z --period 60 --statistics Sum",
    },
    Check {
        name: "an alarm is refused, not swallowed",
        ends: Refused,
        words: &["UnknownOperation"],
        script: "aws cloudwatch put-metric-alarm --alarm-name x --evaluation-periods 1 --comparison-operator GreaterThanThreshold",
    },
];

/// Migrations under curl's eyes that look at counts, there and back again. They need a lab of their own.
pub(crate) const MIGRATIONS: &[Check] = &[
    Check {
        name: "a migration whose steps wait for what load balancers count",
        ends: Well,
        words: &["complete: green has all traffic", "failed 0"],
        script: "end=$(mktemp -u)
users() {
  while [ ! -e $end ]; do
    address=$(ask $((RANDOM % 4 + 1)) +short burnham.$DOMAIN | head -1)
    curl -sf -o /dev/null --max-time 5 --connect-to ::$address: \"https://burnham.$DOMAIN/?[1-10]\" || echo x >> $end.failed
  done
}
for n in 1 2; do users & done
$cf migrate --from blue --to green --context blue=eks-blueprint-blue --context green=eks-blueprint-green --name counted \
  --group team-burnham/burnham-ingress --steps 50%,100% --gate http --gate traffic,counts --residual-rate 10 --residual-deadline 120 --yes
code=$?; touch $end; wait; echo failed $(cat $end.failed 2>/dev/null | wc -l); rm -f $end $end.failed; exit $code",
    },
    Check {
        name: "its status has the counts, and its source was drained because few requests came",
        ends: Well,
        words: &["requests", "TtlPassed", "True"],
        script: "kg get migration counted -n crossfade -o jsonpath='{.status.progress.groups[0].clusters[0].load}{\"\\n\"}{.status.conditions[?(@.type==\"Drained\")]}'",
    },
    Check {
        name: "the way back reports residual requests that go on",
        ends: Well,
        words: &["complete: blue has all traffic", "ResidualRequests", "requests a minute"],
        script: "address=$(ask 1 +short burnham.$DOMAIN | head -1); end=$(mktemp -u)
(while [ ! -e $end ]; do curl -s -o /dev/null --max-time 5 --connect-to ::$address: https://burnham.$DOMAIN/; done) &
$cf migrate --from green --to blue --context blue=eks-blueprint-blue --context green=eks-blueprint-green --name back \
  --group team-burnham/burnham-ingress --steps 100% --gate http --residual-rate 10 --residual-deadline 40 --yes
code=$?; touch $end; wait
kb get migration back -n crossfade -o jsonpath='{.status.conditions[?(@.type==\"Drained\")]}'; exit $code",
    },
    Check {
        name: "requests that all go to the source, whatever the weights say, lead back",
        ends: Well,
        words: &["gate traffic", "requests went to green, 50 % expected", "rolled back", "code 3", "aws-weight: \"100\""],
        script: "address=$(ask 1 +short burnham.$DOMAIN | head -1); end=$(mktemp -u)
for n in 1 2; do
  (while [ ! -e $end ]; do curl -s -o /dev/null --max-time 5 --connect-to ::$address: \"https://burnham.$DOMAIN/?[1-50]\"; done) &
done
$cf migrate --from blue --to green --context blue=eks-blueprint-blue --context green=eks-blueprint-green --name far-off \
  --group team-burnham/burnham-ingress --steps 50%,100% --gate http --gate traffic,counts --yes
echo code $?; touch $end; wait
kb get ingress burnham-ingress -n team-burnham -o yaml | grep aws-weight",
    },
];
