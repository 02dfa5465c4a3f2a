//! The actuator `route53` on records that the AWS command line made: no DNS controller, weights in the zone itself.

use crate::clients::Check;
use crate::clients::Ends::{Refused, Well, WellInTheEnd};

const MIGRATE: &str = "$cf migrate --actuator route53 --host burnham.$DOMAIN --context blue=eks-blueprint-blue --context green=eks-blueprint-green";

/// On a lab without DNS controllers.
pub(crate) fn checks() -> Vec<Check> {
    let script =
        |text: &str| -> &'static str { Box::leak(text.replace("MIGRATE", MIGRATE).into_boxed_str()) };
    vec![
        Check {
            name: "aws makes weighted records with an owner for hosts that no annotation names",
            ends: WellInTheEnd,
            words: &["PENDING"],
            script: script(
                r#"set -e
for k in kb kg; do $k annotate ingress burnham-ingress -n team-burnham external-dns.alpha.kubernetes.io/set-identifier- external-dns.alpha.kubernetes.io/aws-weight- external-dns.alpha.kubernetes.io/ttl- >/dev/null; done
changes=""
add() { # cluster id weight
  lb=$($1 get ingress burnham-ingress -n team-burnham -o jsonpath='{.status.loadBalancer.ingress[0].hostname}')
  test -n "$lb"
  for type in A AAAA; do
    changes="$changes{\"Action\":\"CREATE\",\"ResourceRecordSet\":{\"Name\":\"burnham.$DOMAIN\",\"Type\":\"$type\",\"SetIdentifier\":\"$2\",\"Weight\":$3,\"AliasTarget\":{\"HostedZoneId\":\"Z32O12XQLNTSW2\",\"DNSName\":\"dualstack.$lb\",\"EvaluateTargetHealth\":true}}},"
    changes="$changes{\"Action\":\"CREATE\",\"ResourceRecordSet\":{\"Name\":\"${type,,}-burnham.$DOMAIN\",\"Type\":\"TXT\",\"TTL\":300,\"SetIdentifier\":\"$2\",\"Weight\":$3,\"ResourceRecords\":[{\"Value\":\"\\\"heritage=external-dns,external-dns/owner=platform,external-dns/resource=ingress/team-burnham/burnham-ingress\\\"\"}]}},"
  done
}
add kb one 100; add kg two 0
aws route53 change-resource-record-sets --hosted-zone-id $(zone) --change-batch "{\"Changes\":[${changes%,}]}""#,
            ),
        },
        Check {
            name: "records of an owner that was not named are refused",
            ends: Refused,
            words: &["is owned by `platform`", "--owner"],
            script: script("MIGRATE --from blue --to green --yes"),
        },
        Check {
            name: "hosts whose objects carry annotations are refused",
            ends: Refused,
            words: &["kept by the DNS controller that reads its annotations"],
            script: script("h=$(kb get ingress -A -o jsonpath='{.items[*].spec.rules[*].host}' | tr ' ' '\\n' | grep -v burnham | head -1)\n$cf migrate --actuator route53 --host $h --owner platform --context blue=eks-blueprint-blue --context green=eks-blueprint-green --from blue --to green --yes"),
        },
        Check {
            name: "the plan says what it cannot see",
            ends: Well,
            words: &["cannot be seen from here", "burnham"],
            script: script("MIGRATE --owner platform --from blue --to green --dry-run"),
        },
        Check {
            name: "a migration through the record sets fails no request",
            ends: Well,
            words: &["complete: green has all traffic", "asked 60, failed 0"],
            script: script(
                "MIGRATE --owner platform --from blue --to green --steps 50%,100% --yes &
asked=0; failed=0
while [ $asked -lt 60 ]; do
  asked=$((asked + 1)); curl -sf -o /dev/null --max-time 5 https://burnham.$DOMAIN/ || failed=$((failed + 1)); sleep 0.1
done
wait $! && echo asked $asked, failed $failed",
            ),
        },
        Check {
            name: "A, AAAA and every TXT carry the new weights",
            ends: Well,
            words: &["4 one 0", "4 two 100"],
            script: script(
                "aws route53 list-resource-record-sets --hosted-zone-id $(zone) --query \"ResourceRecordSets[?SetIdentifier != null && contains(Name, 'burnham')].[SetIdentifier, Weight]\" --output text | sort | uniq -c | tr -s ' \\t' ' '",
            ),
        },
        Check {
            name: "every name server answers with green's address",
            ends: Well,
            words: &["all green"],
            script: script(
                "lb=$(kg get ingress burnham-ingress -n team-burnham -o jsonpath='{.status.loadBalancer.ingress[0].hostname}')
want=$(command dig +short -p ${CROSSFADE_RESOLVER#*:} @${CROSSFADE_RESOLVER%:*} $lb)
for n in 1 2 3 4; do for i in 1 2 3 4 5; do ask $n +short burnham.$DOMAIN; done; done | grep -vxF \"$want\" || echo all green",
            ),
        },
        Check {
            name: "a destination that breaks sends the record sets back",
            ends: Well,
            words: &["rolled back: GateFailed", "ended 3", "4 one 0", "4 two 100"],
            script: script(
                "(sleep 4; $cf lab inject blue http500) >/dev/null 2>&1 &
MIGRATE --owner platform --from green --to blue --steps 50%,100% --bake 10 --yes; echo ended $?
$cf lab inject blue none >/dev/null
aws route53 list-resource-record-sets --hosted-zone-id $(zone) --query \"ResourceRecordSets[?SetIdentifier != null && contains(Name, 'burnham')].[SetIdentifier, Weight]\" --output text | sort | uniq -c | tr -s ' \\t' ' '",
            ),
        },
    ]
}
