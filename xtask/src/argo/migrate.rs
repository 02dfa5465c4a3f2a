//! A migration by the GitOps bridge between two real API servers, each with the real Argo CD and the real ExternalDNS: the
//! weight is written to the cluster secret, and others carry it to the records. The lab's load balancers carry the requests.

use std::time::{Duration, Instant};

use anyhow::bail;

use crate::argo::programs::ArgoCd;
use crate::argo::{Run, carried, must, prelude};
use crate::clients::Ends::{Well, WellInTheEnd};
use crate::clients::{Bench, Check, GITOPS, external_dns_arguments};
use crate::real::migrations::{FUNCTIONS, Watched};
use crate::real::process::Process;
use crate::real::servers::{SIDES, Servers};
use crate::real::{copy, under_requests};
use crate::say;

/// Two of them on a busy machine.
const SETTLED_WITHIN: Duration = Duration::from_secs(90);
/// What the real cluster has before Argo CD comes.
const GIVEN_KINDS: &str = "ingressclasses";

/// `told`: what the cluster secrets, the Applications and the Ingresses say, each value once.
const TOLD: &str = r#"
told() {
    local side
    for side in blue green; do
        echo "$side secret $(kubectl --context real-$side get secret eks-blueprint-$side -n argocd -o json |
            jq -r '.metadata.annotations | to_entries[] | select(.key == "route53_weight" or .key == "burnham_route53_weight") | .value' | sort -u | xargs)" \
            "applications $(kubectl --context real-$side get application -n argocd bootstrap-workloads-eks-blueprint-$side -o json |
                jq -r '.spec | tostring | [scan("(?<![a-z_])(?:burnham_)?route53_weight[\\\\\" ]*: *[\\\\\"]*([0-9]+)")[0]] | unique | join(" ")')"
    done
    weights
}
"#;

const IS_THERE: &[Check] = &[Check {
    name: "Argo CD and external-dns keep both real clusters",
    ends: WellInTheEnd,
    words: &[
        "blue secret 100 applications 100\ngreen secret 0 applications 0\nblue declared 100 records 100\ngreen declared 0 records 0",
        "yelb.eks-blueprint.eks.example.org",
    ],
    script: "told && leads_to blue",
}];

const BY_BRIDGE: Watched = Watched {
    during: &[Check {
        name: "a migration by the bridge runs to its end",
        ends: Well,
        words: &["complete: green has all traffic"],
        script: "$cf migrate --actuator gitops-bridge --from blue --to green $contexts --yes --steps 100% --name by-bridge",
    }],
    after: &[
        Check {
            name: "secrets, Applications, Ingresses and records carry the weights",
            ends: Well,
            words: &[
                "condition met",
                "blue secret 0 applications 0\ngreen secret 100 applications 100\nblue declared 0 records 0\ngreen declared 100 records 100",
                "burnham.",
            ],
            script: "rg wait --for=condition=Complete migration/by-bridge -n crossfade --timeout=5s && told && leads_to green",
        },
        Check {
            name: "every Application is synced afterwards",
            ends: WellInTheEnd,
            words: &["Synced Synced."],
            script: "for side in rb rg; do $side get applications -A -o json | jq -r '.items[].status.sync.status' | sort -u; done | xargs | sed 's/$/./'",
        },
        Check {
            name: "crossfade verify agrees",
            ends: Well,
            words: &["fits", "0.0/100.0"],
            script: "$cf verify $contexts",
        },
    ],
};

const ROLLED_BACK: &[Check] = &[
    Check {
        name: "a fault in mid-migration leads back through the bridge",
        ends: Well,
        words: &["ended with 3", "condition met"],
        script: "end() { $cf lab inject blue none --dir \"$CROSSFADE_LAB_DIR\" >/dev/null; }; trap end EXIT
($cf migrate --actuator gitops-bridge --from green --to blue $contexts --yes --steps 50%,100% --name faulty; echo ended with $?) & driver=$!
for i in $(seq 400); do
  [ \"$(rb get xmig faulty -n crossfade -o jsonpath='{.status.step}' 2>/dev/null)\" = '1 50%' ] && break; sleep 0.2
done
$cf lab inject blue http500 --dir \"$CROSSFADE_LAB_DIR\" && wait $driver && \
  rb wait --for=condition=RolledBack migration/faulty -n crossfade --timeout=5s",
    },
    Check {
        name: "secrets, Applications, Ingresses and records are what they were",
        ends: WellInTheEnd,
        words: &[
            "blue secret 0 applications 0\ngreen secret 100 applications 100\nblue declared 0 records 0\ngreen declared 100 records 100",
            "burnham.",
        ],
        script: "told && leads_to green",
    },
];

/// Runs it; what held and what did not.
pub(super) fn run(run: &Run<'_>) -> anyhow::Result<(usize, usize)> {
    let scratch = run.scratch.join("migrate");
    let mut servers = Servers::start(&scratch.join("servers"), run.logs)?;
    // Dropped before the servers, as the programs are before both.
    let mut bench = Bench::up(run.crossfade, &scratch.join("lab"), &[GITOPS, "--without", "dns"])?;
    servers.wait_until_ready()?;
    bench.begin_scripts_with(format!(
        "{}{FUNCTIONS}{TOLD}contexts=\"--context blue=real-blue --context green=real-green\"\n",
        prelude(&servers.kubeconfig, &scratch)
    ));
    let mut beside = Vec::new();
    for (side, weight) in SIDES.iter().zip([100, 0]) {
        copy::copy(&bench, side, GIVEN_KINDS, &scratch)?;
        beside.push(ArgoCd::start(&bench, &servers, side, &scratch, run.logs)?);
        must(&bench, &format!("bridge {side} {weight}"))?;
    }
    wait_until_carried(&bench)?;
    let mut writers = Vec::new();
    for side in SIDES {
        let script = format!(
            "file=\"$CROSSFADE_LAB_DIR/real-{side}.yaml\"
kubectl config view --raw --minify --flatten --context real-{side} >\"$file\" && exec {} --events --interval=10s --kubeconfig=\"$file\"",
            external_dns_arguments(side)?
        );
        writers.push(Process::start(&format!("external-dns-{side}"), &bench.command(&script), run.logs)?);
    }
    bench.all(IS_THERE);
    under_requests(&mut bench, &BY_BRIDGE)?;
    bench.all(ROLLED_BACK);
    Ok(bench.counts())
}

/// Returns when Argo CD has brought everything to both clusters and what runs there is carried.
fn wait_until_carried(bench: &Bench) -> anyhow::Result<()> {
    let began = Instant::now();
    let script = "for side in blue green; do
  for context in eks-blueprint real; do kubectl --context $context-$side get pods,endpointslices,ingresses -A -o name | grep -vc /argocd-; done | uniq | wc -l
done | xargs | sed 's/$/./'";
    loop {
        let mut changed = 0;
        for side in SIDES {
            changed += carried::carry(bench, side)?;
        }
        let counted = crate::clients::printed(&bench.sh(script));
        if changed == 0 && counted.contains("1 1.") {
            say(&format!("both real clusters are as the lab's after {:.1} s", began.elapsed().as_secs_f64()));
            return Ok(());
        }
        if began.elapsed() > SETTLED_WITHIN {
            bail!("the real clusters are not as the lab's: {changed} objects differ, {counted}");
        }
        std::thread::sleep(Duration::from_millis(500));
    }
}
