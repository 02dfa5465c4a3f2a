//! What a real API server makes of the definition of `Migration`: the schema, its defaults, its rules, its columns.

use crate::clients::Check;
use crate::clients::Ends::{Refused, Well, WellInTheEnd};

/// A Migration that is not taken. `submit` is in the prelude.
macro_rules! refused {
    ($name:literal, $spec:literal, $words:expr) => {
        Check {
            name: concat!("refused: ", $name),
            ends: Refused,
            words: $words,
            script: concat!("submit wrong '", $spec, "'"),
        }
    };
}

pub(super) const CHECKS: &[Check] = &[
    Check {
        name: "the copied workloads are ready in the real clusters",
        ends: Well,
        words: &["3/3", "amazonaws.com", "eks-blueprint-green"],
        script: "rb wait --for=condition=Available deployment --all -n team-burnham --timeout=5s && \
                 rg wait --for=condition=Ready pod --all -n team-skiff --timeout=5s && \
                 rb get deploy,ing -A && rg get ing -A -o yaml | grep set-identifier",
    },
    Check {
        name: "where Migrations are not defined, there are none",
        ends: Well,
        words: &["no migrations in real-blue"],
        script: "$cf migration list --home-context real-blue",
    },
    Check {
        name: "the definition is taken, and its schema is structural",
        ends: Well,
        words: &["serverside-applied", "condition met", "NamesAccepted Established."],
        script: "$cf migration definition | rb apply --server-side -f - && \
                 rb wait --for=condition=Established crd/migrations.crossfade.dev --timeout=10s && \
                 echo $(rb get crd migrations.crossfade.dev -o jsonpath='{.status.conditions[*].type}').",
    },
    Check {
        name: "a minimal Migration gets its defaults",
        ends: Well,
        words: &[
            "\"steps\":[\"10%\",\"50%\",\"100%\"]",
            "\"onFailure\":\"rollback\"",
            "\"keepWarmSeconds\":0",
            "\"wish\":\"advance\"",
        ],
        script: "rb create namespace crossfade && submit minimal 'from: blue, to: green, zone: example.org' && \
                 rb get xmig minimal -n crossfade -o jsonpath='{.spec}'",
    },
    Check {
        name: "kubectl prints its columns, also by category",
        ends: Well,
        words: &["FROM", "TO", "PHASE", "STEP", "MESSAGE", "AGE", "minimal"],
        script: "rb get crossfade -A && rb get xmig -n crossfade -o wide",
    },
    Check {
        name: "kubectl explains it",
        // A server publishes the description of a new kind some seconds after it serves the kind.
        ends: WellInTheEnd,
        words: &[
            "VERSION:    v1alpha1",
            "from\t<string> -required-",
            "enum: rollback, pause",
            "The cluster where the traffic is.",
        ],
        script: "rb explain xmig.spec",
    },
    Check {
        name: "all kinds of steps and gates are taken",
        ends: Well,
        words: &["serverside-applied"],
        script: "submit steps 'from: blue, to: green, zone: example.org, steps: [\"0.5%\", \" 10 %\", \"100/10\", pause, \"0/255\"], \
                 gates: [{kind: http, path: /healthz, consecutiveFailures: 5}, {kind: http, name: again, dryRun: true}, {kind: dns}, \
                 {kind: traffic}, {kind: kubernetes, readyPercent: 80}, {kind: manual, inconclusiveSeconds: 60}]'",
    },
    refused!(
        "the same cluster twice",
        "from: blue, to: blue, zone: example.org",
        &["from and to have to be two clusters"]
    ),
    refused!(
        "no steps",
        "from: blue, to: green, zone: example.org, steps: []",
        &["spec.steps", "at least 1 items"]
    ),
    refused!(
        "more than everything",
        "from: blue, to: green, zone: example.org, steps: [\"110%\"]",
        &["a step is a share such as `10%`"]
    ),
    refused!(
        "a weight of 256",
        "from: blue, to: green, zone: example.org, steps: [\"256/0\"]",
        &["a step is a share such as `10%`"]
    ),
    refused!(
        "weights 0/0",
        "from: blue, to: green, zone: example.org, steps: [\"0/0\", \"100%\"]",
        &["weights 0/0 leave no cluster with traffic"]
    ),
    refused!(
        "a pause at the end",
        "from: blue, to: green, zone: example.org, steps: [\"50%\", pause]",
        &["the last step cannot be a pause"]
    ),
    refused!(
        "a negative duration",
        "from: blue, to: green, zone: example.org, bakeSeconds: -1",
        &["spec.bakeSeconds", "greater than or equal to 0"]
    ),
    refused!(
        "a duration as text",
        "from: blue, to: green, zone: example.org, keepWarmSeconds: 5m",
        &["spec.keepWarmSeconds", "expected numeric"]
    ),
    refused!(
        "a duration of years",
        "from: blue, to: green, zone: example.org, keepWarmSeconds: 99999999",
        &["spec.keepWarmSeconds", "less than or equal to 604800"]
    ),
    refused!(
        "no draws",
        "from: blue, to: green, zone: example.org, draws: 0",
        &["spec.draws", "greater than or equal to 1"]
    ),
    refused!(
        "two gates of one name",
        "from: blue, to: green, zone: example.org, gates: [{kind: http}, {kind: dns, name: http}]",
        &["gates have names of their own"]
    ),
    refused!(
        "two traffic gates",
        "from: blue, to: green, zone: example.org, gates: [{kind: traffic}, {kind: traffic, name: again}]",
        &["there is one traffic gate at most"]
    ),
    refused!(
        "a gate of an unknown kind",
        "from: blue, to: green, zone: example.org, gates: [{kind: ping}]",
        &["spec.gates[0].kind", "Unsupported value: \"ping\""]
    ),
    refused!(
        "a gate that waits for years",
        "from: blue, to: green, zone: example.org, gates: [{kind: http, initialDelaySeconds: 99999999}]",
        &["spec.gates[0].initialDelaySeconds", "less than or equal to 604800"]
    ),
    refused!(
        "an unknown actuator",
        "from: blue, to: green, zone: example.org, actuator: hope",
        &["spec.actuator", "Unsupported value: \"hope\""]
    ),
    refused!(
        "an unknown wish",
        "from: blue, to: green, zone: example.org, wish: explode",
        &["spec.wish", "Unsupported value: \"explode\""]
    ),
    refused!(
        "groups and hosts",
        "from: blue, to: green, zone: example.org, groups: [a/b], hosts: [a.b]",
        &["name groups or hosts, not both"]
    ),
    refused!("no zone", "from: blue, to: green", &["spec.zone", "Required value"]),
    refused!(
        "an unknown field",
        "from: blue, to: green, zone: example.org, speed: 9",
        &["field not declared in schema"]
    ),
    Check {
        name: "refused: another destination afterwards",
        ends: Refused,
        words: &["to cannot be changed"],
        script: "rb patch xmig minimal -n crossfade --type merge -p '{\"spec\":{\"to\":\"red\"}}'",
    },
    Check {
        name: "refused: another source and another zone afterwards",
        ends: Refused,
        words: &["from cannot be changed", "zone cannot be changed"],
        script: "rb patch xmig minimal -n crossfade --type merge -p '{\"spec\":{\"from\":\"red\",\"zone\":\"example.com\"}}'",
    },
    Check {
        name: "a wish can be changed afterwards",
        ends: Well,
        words: &["patched", "pause"],
        script: "rb patch xmig minimal -n crossfade --type merge -p '{\"spec\":{\"wish\":\"pause\"}}' && \
                 rb get xmig minimal -n crossfade -o jsonpath='{.spec.wish}'",
    },
    Check {
        name: "Migrations are deleted without a trace",
        ends: Well,
        words: &["No resources found"],
        script: "rb delete xmig --all -n crossfade --timeout=10s && rb get xmig -n crossfade",
    },
];
