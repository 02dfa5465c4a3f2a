//! Migrations between the real clusters: by the command, by the controller, back by themselves, and with a writer that polls.

use crate::clients::Check;
use crate::clients::Ends::{Well, WellInTheEnd};

/// Checks while requests come, and after them.
pub(crate) struct Watched {
    /// The migration.
    pub(crate) during: &'static [Check],
    /// What it left.
    pub(crate) after: &'static [Check],
}

/// For every script.
pub(crate) const FUNCTIONS: &str = r#"
# submit NAME SPEC: a Migration for the real blue.
submit() {
    printf 'apiVersion: crossfade.dev/v1alpha1\nkind: Migration\nmetadata: {name: %s, namespace: crossfade}\nspec: {%s}\n' "$1" "$2" |
        rb apply --server-side -f -
}
# weights: what the annotations and what the records of each side say, each value once.
weights() {
    local side
    for side in blue green; do
        echo "$side declared $(kubectl --context real-$side get ing -A -o json |
            jq -r '.items[].metadata.annotations["external-dns.alpha.kubernetes.io/aws-weight"]' | sort -u | xargs)" \
            "records $(aws route53 list-resource-record-sets --hosted-zone-id "$(zone)" --output json |
                jq -r ".ResourceRecordSets[] | select(.SetIdentifier == \"eks-blueprint-$side\") | .Weight" | sort -u | xargs)"
    done
}
# leads_to SIDE: every name server answers for every host with the addresses of that side's load balancer, and with no other.
leads_to() {
    kubectl --context "real-$1" get ing -A -o jsonpath='{range .items[*]}{.status.loadBalancer.ingress[0].hostname}{range .spec.rules[*]} {.host}{end}{"\n"}{end}' |
        while read -r balancer hosts; do
            wanted=$(dig +short "$balancer" A | sort)
            for host in $hosts; do for server in 1 2 3 4; do
                found=$(ask "$server" +short "$host" A | sort)
                [ -n "$found" ] && [ "$found" = "$wanted" ] || { echo "$host at $server: $found, not $wanted"; exit 1; }
            done; done
            echo "$balancer has" $hosts
        done
}
"#;

pub(crate) const RECORDS_ARE_THERE: &[Check] = &[Check {
    name: "the DNS controllers of the real clusters keep the records",
    ends: WellInTheEnd,
    words: &[
        "blue declared 100 records 100\ngreen declared 0 records 0",
        "compass.eks-blueprint.eks.example.org",
        "harbour",
    ],
    script: "weights && leads_to blue && $cf status $contexts",
}];

pub(crate) const BY_COMMAND: Watched = Watched {
    during: &[Check {
        name: "crossfade migrate runs to its end, with no more rights than it needs",
        ends: Well,
        words: &["context real-blue-driver", "step 50% is proven", "complete: green has all traffic"],
        script: "$cf migrate --from blue --to green $drivers --yes",
    }],
    after: &[
        Check {
            name: "kubectl waits for its end and prints its columns",
            ends: Well,
            words: &["condition met", "PHASE", "Complete", "3 100%"],
            script: "rg wait --for=condition=Complete migration/blue-to-green -n crossfade --timeout=5s && rg get xmig -A",
        },
        Check {
            name: "kubectl describe shows an event for every step",
            ends: Well,
            words: &[
                "Admitted",
                "step 10% begins",
                "step 50% begins",
                "step 100% is settled",
                "blue is drained",
            ],
            script: "rg describe xmig blue-to-green -n crossfade | sed -n '/^Events:/,$p'",
        },
        Check {
            name: "its conditions are those of an API convention",
            ends: Well,
            words: &[
                "Complete=True AllStepsProven",
                "Drained=True TtlPassed",
                "Progressing=False",
                "RolledBack=False",
            ],
            script: "rg get xmig blue-to-green -n crossfade -o jsonpath='{range .status.conditions[*]}{.type}={.status} {.reason}{\"\\n\"}{end}'",
        },
        Check {
            name: "the journal is in the source",
            ends: Well,
            words: &["blue-to-green", "\"phase\":\"Complete\""],
            script: "rb get configmap crossfade-journal -n crossfade -o json | jq -r '.data | to_entries[] | .key, .value'",
        },
        Check {
            name: "both clusters have had the lease, and nobody holds it",
            ends: Well,
            words: &[
                "lease.coordination.k8s.io/crossfade-eks-blueprint.eks.example.org  \nlease.coordination.k8s.io/crossfade-eks-blueprint.eks.example.org  \n",
            ],
            script: "for side in blue green; do kubectl --context real-$side get lease -n crossfade -o json | \
                     jq -r '.items[] | \"lease.coordination.k8s.io/\\(.metadata.name)  \\(.spec.holderIdentity // \"\")\"'; done",
        },
        Check {
            name: "annotations and records carry the weights",
            ends: WellInTheEnd,
            words: &["blue declared 0 records 0\ngreen declared 100 records 100"],
            script: "weights",
        },
        Check {
            name: "the annotation is crossfade's by the field managers",
            ends: Well,
            words: &["crossfade"],
            script: "rg get ing burnham-ingress -n team-burnham --show-managed-fields -o json | \
                     jq -r '.metadata.managedFields[] | select(.fieldsV1 | tostring | contains(\"aws-weight\")) | .manager'",
        },
        Check {
            name: "every name server leads to green",
            ends: Well,
            words: &["burnham.", "compass.", "skiff.", "harbour."],
            script: "leads_to green",
        },
        Check {
            name: "curl is served by green",
            ends: Well,
            words: &["20 eks-blueprint-green"],
            script: "for i in $(seq 20); do curl -s https://burnham.$DOMAIN/ | grep CLUSTER_NAME | awk -F '<span>|</span>' '{print $4}'; done | sort | uniq -c",
        },
        Check {
            name: "crossfade verify and status agree",
            ends: Well,
            words: &["fits", "0.0/100.0", "eks-blueprint-green", "100 %"],
            script: "$cf verify $contexts && $cf status $contexts",
        },
        Check {
            name: "crossfade migration list, get and history read the object",
            ends: Well,
            words: &["blue-to-green", "Complete", "name-servers", "step 100% is proven"],
            script: "for what in list 'get blue-to-green' 'history blue-to-green'; do $cf migration $what --home-context real-green || exit; done",
        },
    ],
};

pub(crate) const BY_CONTROLLER: Watched = Watched {
    during: &[Check {
        name: "the controller drives an applied Migration to its end",
        ends: Well,
        words: &["serverside-applied", "condition met", "Complete"],
        script: "submit back \"from: green, to: blue, zone: $DOMAIN, steps: ['50%', '100%']\" && \
                 rb wait --for=condition=Complete migration/back -n crossfade --timeout=60s; rb get xmig back -n crossfade -o wide",
    }],
    after: &[
        Check {
            name: "annotations and records are blue's again",
            ends: WellInTheEnd,
            words: &["blue declared 100 records 100\ngreen declared 0 records 0", "burnham."],
            script: "weights && leads_to blue",
        },
        Check {
            name: "the controller's events are on the object",
            ends: Well,
            words: &["step 50% is proven", "green is drained", "complete"],
            script: "rb describe xmig back -n crossfade | sed -n '/^Events:/,$p'",
        },
        Check {
            name: "a Migration to a cluster that the controller does not know is refused in its status",
            ends: Well,
            words: &["condition met", "Refused", "does not know both blue and nowhere"],
            script: "submit astray \"from: blue, to: nowhere, zone: $DOMAIN\" && \
                     rb wait --for=condition=Refused migration/astray -n crossfade --timeout=20s && \
                     rb get xmig astray -n crossfade -o wide && rb delete xmig astray -n crossfade --timeout=10s",
        },
    ],
};

pub(crate) const ROLLED_BACK: &[Check] = &[
    Check {
        name: "a fault in mid-migration leads back",
        ends: Well,
        words: &["step 10% is proven", "ended with 3", "condition met", "RolledBack"],
        script: "end() { $cf lab inject green none --dir \"$CROSSFADE_LAB_DIR\" >/dev/null; }; trap end EXIT
($cf migrate --from blue --to green $contexts --yes --name faulty; echo ended with $?) & driver=$!
for i in $(seq 150); do
  [ \"$(rg get xmig faulty -n crossfade -o jsonpath='{.status.step}' 2>/dev/null)\" = '2 50%' ] && break; sleep 0.2
done
$cf lab inject green http500 --dir \"$CROSSFADE_LAB_DIR\" && wait $driver && \
  rg wait --for=condition=RolledBack migration/faulty -n crossfade --timeout=5s && rg get xmig faulty -n crossfade",
    },
    Check {
        name: "annotations, records and answers are what they were",
        ends: WellInTheEnd,
        words: &["blue declared 100 records 100\ngreen declared 0 records 0", "burnham.", "harbour."],
        script: "weights && leads_to blue",
    },
    Check {
        name: "the events name the reason",
        ends: Well,
        words: &["Warning", "RollingBack", "RolledBack"],
        script: "rg describe xmig faulty -n crossfade | sed -n '/^Events:/,$p'",
    },
];

/// What crossfade's DNS controllers leave behind is about changes of long ago, also when it names the very weights that come.
pub(crate) const REPORTS_OF_ANOTHER: &[Check] = &[Check {
    name: "reports of DNS controllers that are gone name the weights that come",
    ends: Well,
    words: &["blue 0 0 0 0", "green 100 100 100 100"],
    script: "for pair in blue:0 green:100; do
  side=${pair%:*}; map=crossfade-dns-eks-blueprint-$side
  kubectl --context real-$side get configmap $map -n crossfade -o json |
    jq \".data |= map_values(fromjson | .weight = ${pair#*:} | tojson)\" |
    kubectl --context real-$side replace -f - >/dev/null || exit
  echo $side $(kubectl --context real-$side get configmap $map -n crossfade -o json | jq '.data[] | fromjson | .weight')
done",
}];

pub(crate) const BY_FOREIGN_WRITER: Watched = Watched {
    during: &[Check {
        name: "a migration runs through external-dns to its end",
        ends: Well,
        words: &["complete: green has all traffic"],
        script: "$cf migrate --from blue --to green $contexts --yes --steps 100% --name through-external-dns",
    }],
    after: &[
        Check {
            name: "kubectl waits for it; annotations, records and answers are green's",
            ends: Well,
            words: &[
                "condition met",
                "blue declared 0 records 0\ngreen declared 100 records 100",
                "burnham.",
                "harbour.",
            ],
            script: "rg wait --for=condition=Complete migration/through-external-dns -n crossfade --timeout=5s && weights && leads_to green",
        },
        Check {
            name: "each of its weights was given the minute that a foreign change may take",
            ends: Well,
            words: &["3 groups, all after 60 s"],
            script: "rg get xmig through-external-dns -n crossfade -o json | jq -r '
  [.status.progress.steps[].groups[].hops | map({(.hop): .millis}) | add | .[\"name-servers\"] - .record] |
  \"\\(length) groups, \\(if all(. >= 59000) then \"all after 60 s\" else tostring end)\"'",
        },
        Check {
            name: "crossfade verify agrees",
            ends: Well,
            words: &["fits", "0.0/100.0"],
            script: "$cf verify $contexts",
        },
    ],
};
