//! Faults of the lab as kubectl, aws and dig meet them: the words that each prints when the real service fails so.

use crate::clients::Check;
use crate::clients::Ends::{Refused, Well, WellInTheEnd};

/// Faults come in turn to all who ask, the lab's own controllers among them: a check runs its program until it has met each
/// kind that it waits for (`meet`).
pub(crate) const CHECKS: &[Check] = &[
    Check {
        name: "kubectl prints what an API server says that fails",
        ends: Well,
        words: &[
            "Error from server: etcdserver: request timed out",
            "Error from server (ServiceUnavailable): the server is currently unable to handle the request",
        ],
        script: "$cf lab inject blue api-errors 1
meet 'etcdserver: request timed out' ServiceUnavailable -- kb get --raw /api/v1/namespaces/default
$cf lab inject blue api-errors --off && kb get ns default",
    },
    Check {
        name: "kubectl waits as long as Retry-After says and tries again",
        ends: Well,
        words: &["Retry-After", "\"name\":\"default\""],
        script: "$cf lab inject blue api-errors 2
meet Retry-After -- kb get --raw /api/v1/namespaces/default -v=8
$cf lab inject blue none && kb get --raw /api/v1/namespaces/default",
    },
    Check {
        name: "kubectl cannot connect to an API that is down, and can to the other",
        ends: Well,
        words: &["Unable to connect to the server", "kube-system"],
        script: "$cf lab inject green api-down; kg get --raw /api/v1/namespaces 2>&1; kb get ns
$cf lab inject green api-down --off && kg get ns",
    },
    Check {
        name: "kubectl's watch is cut",
        ends: Well,
        words: &["unexpected EOF", "watch ended by itself"],
        script: "$cf lab inject blue watch-cut 300
meet 'unexpected EOF' 'watch ended by itself' -- \
  eval 'timeout 10 kubectl --context eks-blueprint-blue get ns -w -v=6 && echo watch ended by itself'
$cf lab inject blue none",
    },
    Check {
        name: "aws prints Throttling when every call is throttled",
        ends: Well,
        words: &["An error occurred (Throttling)", "Rate exceeded", "eks.example.org."],
        script: "$cf lab inject route53 throttle 1; AWS_MAX_ATTEMPTS=1 aws route53 list-hosted-zones 2>&1
$cf lab inject route53 throttle --off && aws route53 list-hosted-zones",
    },
    Check {
        name: "aws tries again when every second call is throttled",
        ends: Well,
        words: &["Rate exceeded", "zones listed"],
        script: "$cf lab inject route53 throttle 2
meet 'Rate exceeded' -- eval 'aws route53 list-hosted-zones --debug | grep -v botocore.parsers'
aws route53 list-hosted-zones >/dev/null && echo zones listed; $cf lab inject route53 none",
    },
    Check {
        name: "aws prints what Route 53 says that fails",
        ends: Well,
        words: &["(InternalFailure)", "(ServiceUnavailable)"],
        script: "$cf lab inject route53 api-errors 1
meet '(InternalFailure)' '(ServiceUnavailable)' -- env AWS_MAX_ATTEMPTS=1 aws route53 list-hosted-zones
$cf lab inject route53 none",
    },
    Check {
        name: "aws gives up on a Route 53 that answers late",
        ends: Well,
        words: &["Read timeout on endpoint URL"],
        script: "$cf lab inject route53 latency 3000
AWS_MAX_ATTEMPTS=1 aws route53 list-hosted-zones --cli-read-timeout 1 2>&1
$cf lab inject route53 latency --off",
    },
    Check {
        name: "dig gets nothing from a name server that is down, and answers from the others and the resolver",
        ends: Well,
        words: &["timed out", "1: 127.", "3: 127.", "resolver: 127."],
        script: "$cf lab inject route53 name-server-down 2
ask 2 +tries=1 +time=1 burnham.$DOMAIN A
for n in 1 3; do echo $n: $(ask $n +short burnham.$DOMAIN A | head -1); done
echo resolver: $(dig +short burnham.$DOMAIN A | head -1)
$cf lab inject route53 name-server-down 2 --off",
    },
    Check {
        name: "a name server that was down answers again",
        ends: WellInTheEnd,
        words: &["status: NOERROR"],
        script: "ask 2 burnham.$DOMAIN A",
    },
    Check {
        name: "a change stays PENDING while name servers are late",
        ends: Well,
        words: &["PENDING", "INSYNC"],
        script: "$cf lab inject route53 slow-sync 60000
batch='{\"Changes\":[{\"Action\":\"UPSERT\",\"ResourceRecordSet\":{\"Name\":\"late.'$DOMAIN'\",\"Type\":\"TXT\",\"TTL\":60,\"ResourceRecords\":[{\"Value\":\"\\\"late\\\"\"}]}}]}'
id=$(aws route53 change-resource-record-sets --hosted-zone-id $(zone) --change-batch \"$batch\" --query ChangeInfo.Id --output text)
sleep 1; aws route53 get-change --id $id; ask 4 +short late.$DOMAIN TXT
$cf lab inject route53 slow-sync --off; aws route53 wait resource-record-sets-changed --id $id && aws route53 get-change --id $id",
    },
    Check {
        name: "lab status names the faults that are on, and none ends them",
        ends: Well,
        words: &["blue latency 20", "route53 throttle 9", "none left"],
        script: "$cf lab inject blue latency 20; $cf lab inject route53 throttle 9; $cf lab status | grep fault
$cf lab inject blue none; $cf lab inject route53 none; $cf lab status | grep -q 'fault  ' || echo none left",
    },
    Check {
        name: "a fault that the place does not have is refused",
        ends: Refused,
        words: &["throttle is no fault of blue", "lists them by place"],
        script: "$cf lab inject blue throttle",
    },
    Check {
        name: "a number that makes no sense is refused",
        ends: Refused,
        words: &["the number of a name server is 1 to 4, not 5"],
        script: "$cf lab inject route53 name-server-down 5",
    },
];
