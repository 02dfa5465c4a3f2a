//! A migration while curl keeps asking, seen through kubectl.

use crate::clients::Check;
use crate::clients::Ends::Well;

pub(crate) const CHECKS: &[Check] = &[
    Check {
        name: "crossfade status shows both clusters",
        ends: Well,
        words: &["team-burnham/burnham-ingress", "100 %", "eks-blueprint-green"],
        script: "$cf status --context blue=eks-blueprint-blue --context green=eks-blueprint-green",
    },
    Check {
        name: "a migration under curl's eyes fails no request",
        ends: Well,
        words: &["complete: green has all traffic", "asked 120, failed 0"],
        script: "$cf migrate --from blue --to green --context blue=eks-blueprint-blue --context green=eks-blueprint-green --yes &
asked=0; failed=0
while [ $asked -lt 120 ]; do
  asked=$((asked + 1)); curl -sf -o /dev/null --max-time 5 https://burnham.$DOMAIN/ || failed=$((failed + 1)); sleep 0.1
done
wait $! && echo asked $asked, failed $failed",
    },
    Check {
        name: "kubectl waits for a migration and prints its columns",
        ends: Well,
        words: &["condition met", "PHASE", "Complete"],
        script: "kg wait --for=condition=Complete migration/blue-to-green -n crossfade --timeout=20s && kg get xmig -A",
    },
    Check {
        name: "kubectl describe tells the story of a migration",
        ends: Well,
        words: &["Events:", "StepSettled", "step 50% is settled", "Drained", "Complete"],
        script: "kg describe migration blue-to-green -n crossfade",
    },
    Check {
        name: "everything answers from green",
        ends: Well,
        words: &["20 eks-blueprint-green"],
        script: "for i in $(seq 20); do curl -s https://burnham.$DOMAIN/ | grep CLUSTER_NAME | awk -F '<span>|</span>' '{print $4}'; done | sort | uniq -c",
    },
    Check {
        name: "the journal is in the source",
        ends: Well,
        words: &["blue-to-green", "Complete"],
        script: "kb get configmap crossfade-journal -n crossfade -o yaml",
    },
];
