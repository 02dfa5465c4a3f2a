//! The lab with its GitOps agents beside a real kube-apiserver with the real Argo CD: how long a weight takes from the cluster
//! secret to the last Ingress, how long two hundred Applications take, and memory.
//!
//! Both get the same bridge and the same repositories. The lab runs two clusters, each with an agent, in one process, and its
//! API server keeps everything in memory; the real side is one cluster with etcd on disk. Times of one are taken while the
//! other has nothing to do.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

use crate::argo::programs::ArgoCd;
use crate::argo::{carried, must, prelude};
use crate::bench::watching::{Seen, Watchers};
use crate::bench::{median, seconds, worst};
use crate::clients::{Bench, GITOPS};
use crate::real::process::{Process, resident_kib};
use crate::real::servers::Servers;
use crate::say;

/// Edits that are timed on each side.
const EDITS: usize = 8;
/// Applications of one set.
const APPLICATIONS: usize = 200;
/// The issue's limits for the lab.
const EDIT_LIMIT: Duration = Duration::from_millis(500);
const APPLICATIONS_LIMIT: Duration = Duration::from_secs(10);
/// What has not come by then never comes.
const COMES_WITHIN: Duration = Duration::from_mins(8);
/// Nothing more is to come when nothing came for so long.
const QUIET_FOR: Duration = Duration::from_secs(5);
/// The first weight, by which those Ingresses are found that the cluster secret feeds.
const FIRST_WEIGHT: usize = 40;

/// Namespace, name and weight of an Ingress.
const INGRESS: &str = "{.metadata.namespace}/{.metadata.name} {.metadata.annotations.external-dns\\.alpha\\.kubernetes\\.io/aws-weight}";
/// Name and weight of the cluster secret.
const SECRET: &str = "secret {.metadata.annotations.route53_weight}";
/// Name and state of an Application.
const APPLICATION: &str = "{.metadata.name} {.status.sync.status} {.status.health.status}";

/// One of the two that are compared.
struct Side {
    name: &'static str,
    context: &'static str,
    /// The shell function that is its kubectl.
    kubectl: &'static str,
}

const LAB: Side = Side { name: "the lab", context: "eks-blueprint-blue", kubectl: "kb" };
const REAL: Side = Side { name: "Argo CD", context: "real-blue", kubectl: "rb" };

/// A chart of three objects that are healthy as soon as they are there, and a set of Applications of it.
const FUNCTIONS: &str = r#"
tiny() {
    mkdir -p "$workloads/bench/tiny/templates" && cd "$workloads/bench/tiny" &&
        printf 'apiVersion: v2\nname: tiny\nversion: 0.1.0\n' >Chart.yaml && echo 'number: 0' >values.yaml &&
        cat >templates/all.yaml <<'END' &&
{{- range $kind := list "ConfigMap" "Secret" "ServiceAccount" }}
---
apiVersion: v1
kind: {{ $kind }}
metadata:
  name: {{ $.Release.Name }}
  labels: {number: {{ $.Values.number | quote }}}
{{- end }}
END
        git -C "$workloads" add --all &&
        git -C "$workloads" -c user.name=lab -c user.email=lab@localhost commit --quiet --message "A tiny chart" &&
        git -C "$workloads" push --quiet && for context in real-blue eks-blueprint-blue eks-blueprint-green; do
            # There first: two hundred syncs that all want to make it would be another measurement.
            kubectl --context $context create namespace tiny || return 1
        done
}
tiny_set() {
    cat <<END
apiVersion: argoproj.io/v1alpha1
kind: ApplicationSet
metadata: {name: tiny, namespace: argocd}
spec:
  goTemplate: true
  generators:
  - list:
      elements:
$(seq -f '      - {number: "%g"}' "$1")
  template:
    metadata: {name: "tiny-{{.number}}"}
    spec:
      project: default
      source:
        repoURL: file://$workloads.git
        path: bench/tiny
        targetRevision: main
        helm: {valuesObject: {number: "{{.number}}"}}
      destination: {server: https://kubernetes.default.svc, namespace: tiny}
      syncPolicy: {automated: {}}
END
}
"#;

/// Measures both; false when a release build broke a limit.
pub(super) fn run(crossfade: &Path) -> anyhow::Result<bool> {
    let scratch = std::env::temp_dir().join(format!("crossfade-bench-gitops-{}", std::process::id()));
    let logs = scratch.join("logs");
    std::fs::create_dir_all(&logs).with_context(|| logs.display().to_string())?;
    let result = measure(crossfade, &scratch, &logs);
    if result.is_ok() {
        let _ = std::fs::remove_dir_all(&scratch);
    } else {
        crate::real::print_tails(&logs);
        say(&format!("the logs are in {}", logs.display()));
    }
    let (edit_worst, applications) = result?;
    if !is_release(crossfade) {
        return Ok(true);
    }
    let is_broken = edit_worst > EDIT_LIMIT.as_secs_f64() || applications > APPLICATIONS_LIMIT;
    if is_broken {
        say(&format!(
            "a limit is broken: {} ms for an edit, {} s for {APPLICATIONS} Applications per cluster",
            EDIT_LIMIT.as_millis(),
            APPLICATIONS_LIMIT.as_secs()
        ));
    }
    Ok(!is_broken)
}

/// Cargo puts release builds into a directory of this name.
fn is_release(crossfade: &Path) -> bool {
    crossfade.parent().and_then(Path::file_name).is_some_and(|dir| dir == "release")
}

/// The lab's worst edit in seconds, and its time for the Applications.
fn measure(crossfade: &Path, scratch: &Path, logs: &Path) -> anyhow::Result<(f64, Duration)> {
    let mut servers = Servers::start(&scratch.join("servers"), logs)?;
    // Dropped before the servers, as Argo CD is before both.
    let mut bench = Bench::up(crossfade, &scratch.join("lab"), &[GITOPS, "--without", "dns"])?;
    servers.wait_until_ready()?;
    bench.begin_scripts_with(format!("{}{FUNCTIONS}", prelude(&servers.kubeconfig, scratch)));
    let argo_cd = ArgoCd::start(&bench, &servers, "blue", scratch, logs)?;
    must(&bench, "bridge blue 100")?;
    settle(&bench)?;

    let (ours, theirs) = edits(&bench)?;
    for (side, edits) in [(&LAB, &ours), (&REAL, &theirs)] {
        let all: Vec<String> = edits.iter().map(|seconds| format!("{seconds:.3}")).collect();
        say(&format!(
            "{:<8} edit of the cluster secret to the last Ingress: {} s (median {:.3}, worst {:.3})",
            side.name,
            all.join(" "),
            median(edits),
            worst(edits)
        ));
    }
    let ratio = median(&theirs) / median(&ours);
    say(&format!(
        "the lab is {ratio:.1} times as fast; a line of `kubectl get --watch` is the clock of both"
    ));

    must(&bench, "tiny")?;
    let real = applications(&bench, &[REAL.context])?;
    let lab = applications(&bench, &[LAB.context, "eks-blueprint-green"])?;
    say(&format!(
        "{APPLICATIONS} Applications of three objects, from `kubectl apply` of their set to all Synced and Healthy: the lab \
         {:.1} s for {APPLICATIONS} in each of two clusters at once, Argo CD {:.1} s for {APPLICATIONS} in one; {:.1} times as fast",
        lab.as_secs_f64(),
        real.as_secs_f64(),
        real.as_secs_f64() / lab.as_secs_f64()
    ));
    memory(&bench, &servers, &argo_cd)?;
    Ok((worst(&ours), lab))
}

/// Returns when both have carried out the bridge, and the real cluster has the status that controllers would give.
fn settle(bench: &Bench) -> anyhow::Result<()> {
    let began = Instant::now();
    let are_well = "for context in real-blue eks-blueprint-blue eks-blueprint-green; do
  kubectl --context $context get applications -n argocd -o json | jq -e '(.items | length) > 8 and
    all(.items[]; .status.sync.status == \"Synced\" and .status.health.status == \"Healthy\")' >/dev/null || exit 1
done";
    loop {
        let is_carried = carried::carry(bench, "blue")? == 0;
        if is_carried && bench.sh(are_well).status.success() {
            return Ok(());
        }
        if began.elapsed() > COMES_WITHIN {
            bail!("the bridge's Applications do not settle");
        }
        std::thread::sleep(Duration::from_millis(500));
    }
}

/// Edits of the lab's cluster secret and of the real one, one after another: what each took in seconds.
fn edits(bench: &Bench) -> anyhow::Result<(Vec<f64>, Vec<f64>)> {
    let sides = [&LAB, &REAL];
    let mut watchers = Watchers::new();
    for side in sides {
        watchers.watch(bench, side.context, "ingress -A", INGRESS)?;
        watchers.watch(bench, side.context, "secret -n argocd eks-blueprint-blue", SECRET)?;
    }
    let fed = fed(bench, &watchers, &sides)?;
    say(&format!(
        "one weight feeds {} Ingresses: {}",
        fed.len(),
        fed.iter().cloned().collect::<Vec<_>>().join(", ")
    ));
    let mut took = [Vec::new(), Vec::new()];
    for number in 1..=EDITS {
        for (index, side) in sides.iter().enumerate() {
            let weight = FIRST_WEIGHT + number;
            edit(bench, side, weight)?;
            took[index]
                .push(arrival(&watchers, index, &fed, &weight.to_string()).with_context(|| side.name)?);
        }
    }
    let [ours, theirs] = took.map(|durations| seconds(&durations));
    Ok((ours, theirs))
}

/// The Ingresses whose weight is the cluster secret's, which are the same on both sides.
fn fed(bench: &Bench, watchers: &Watchers, sides: &[&Side]) -> anyhow::Result<BTreeSet<String>> {
    drain(watchers, QUIET_FOR);
    for side in sides {
        edit(bench, side, FIRST_WEIGHT)?;
    }
    let (began, weight) = (Instant::now(), FIRST_WEIGHT.to_string());
    let mut fed = [BTreeSet::new(), BTreeSet::new()];
    loop {
        for seen in drain(watchers, QUIET_FOR) {
            if seen.watcher % 2 == 0 && seen.words.get(1) == Some(&weight) {
                fed[seen.watcher / 2].insert(seen.words[0].clone());
            }
        }
        let [ours, theirs] = &fed;
        if ours == theirs && !ours.is_empty() {
            return Ok(ours.clone());
        }
        if began.elapsed() > COMES_WITHIN {
            bail!(
                "the weight goes to other Ingresses in the lab ({ours:?}) than in the real cluster ({theirs:?})"
            );
        }
    }
}

fn edit(bench: &Bench, side: &Side, weight: usize) -> anyhow::Result<()> {
    must(
        bench,
        &format!(
            "{} annotate secret eks-blueprint-blue -n argocd --overwrite route53_weight={weight} >/dev/null",
            side.kubectl
        ),
    )
}

/// From the moment at which the secret is seen with the weight to that of the last Ingress.
fn arrival(
    watchers: &Watchers,
    side: usize,
    fed: &BTreeSet<String>,
    weight: &str,
) -> anyhow::Result<Duration> {
    let until = Instant::now() + COMES_WITHIN;
    let (mut written, mut left, mut last) = (None, fed.clone(), None);
    while written.is_none() || !left.is_empty() {
        let wait = until.saturating_duration_since(Instant::now());
        let Ok(seen) = watchers.seen.recv_timeout(wait) else {
            bail!("these never got weight {weight}: {left:?}");
        };
        if seen.words.get(1).is_none_or(|word| word != weight) {
            continue;
        }
        if seen.watcher == side * 2 + 1 {
            written = written.or(Some(seen.at));
        } else if seen.watcher == side * 2 && left.remove(&seen.words[0]) {
            last = Some(seen.at);
        }
    }
    let (written, last) = (written.context("no secret")?, last.context("no Ingress")?);
    Ok(last.saturating_duration_since(written))
}

/// What is seen until nothing comes for some time.
fn drain(watchers: &Watchers, quiet_for: Duration) -> Vec<Seen> {
    std::iter::from_fn(|| watchers.seen.recv_timeout(quiet_for).ok()).collect()
}

/// Applies the set to clusters at once; returns the time until the last Application of the last cluster is Synced and Healthy.
fn applications(bench: &Bench, contexts: &[&str]) -> anyhow::Result<Duration> {
    let mut watchers = Watchers::new();
    for context in contexts {
        watchers.watch(bench, context, "applications.argoproj.io -n argocd", APPLICATION)?;
    }
    drain(&watchers, QUIET_FOR);
    let set = format!("tiny_set {APPLICATIONS} >\"$CROSSFADE_LAB_DIR/tiny.yaml\"");
    must(bench, &set)?;
    let began = Instant::now();
    let mut applied = Vec::new();
    for context in contexts {
        let script =
            format!("kubectl --context {context} apply -f \"$CROSSFADE_LAB_DIR/tiny.yaml\" >/dev/null");
        applied.push(bench.command(&script).spawn().context("kubectl does not start")?);
    }
    let mut states: BTreeMap<(usize, String), bool> = BTreeMap::new();
    while states.values().filter(|is_well| **is_well).count() < APPLICATIONS * contexts.len() {
        let wait = COMES_WITHIN.saturating_sub(began.elapsed());
        let Ok(seen) = watchers.seen.recv_timeout(wait) else {
            let ill: Vec<_> = states.iter().filter(|(_, is_well)| !**is_well).map(|(name, _)| name).collect();
            bail!(
                "of {} Applications of {contexts:?} these are not Synced and Healthy: {ill:?}",
                states.len()
            );
        };
        if seen.words.first().is_some_and(|name| name.starts_with("tiny-")) {
            let is_well = seen.words[1..] == ["Synced", "Healthy"];
            states.insert((seen.watcher, seen.words[0].clone()), is_well);
        }
    }
    let took = began.elapsed();
    for mut child in applied {
        if !child.wait().context("kubectl does not end")?.success() {
            bail!("the set of Applications was not applied");
        }
    }
    Ok(took)
}

fn memory(bench: &Bench, servers: &Servers, argo_cd: &ArgoCd) -> anyhow::Result<()> {
    let told = bench.sh("jq .process_id \"$CROSSFADE_LAB_DIR/lab.json\"");
    let lab =
        resident_kib(String::from_utf8_lossy(&told.stdout).trim().parse().context("the lab has a process")?);
    let agent: u64 = argo_cd.processes.iter().map(Process::resident_kib).sum();
    let cluster = servers.resident_kib("blue");
    if lab == 0 || agent == 0 || cluster == 0 {
        bail!("a process has no memory: lab {lab}, Argo CD {agent}, cluster {cluster} KiB");
    }
    let mib = |kib: u64| kib as f64 / 1024.0;
    say(&format!(
        "resident at the end: the lab {:.0} MiB (one process: two clusters with API server, controllers, agent and {APPLICATIONS} \
         Applications each, Route 53, name servers, load balancers); the real cluster {:.0} MiB (Argo CD with redis {:.0}, one \
         kube-apiserver and etcd {:.0}): {:.2} of the memory",
        mib(lab),
        mib(agent + cluster),
        mib(agent),
        mib(cluster),
        lab as f64 / (agent + cluster) as f64
    ));
    Ok(())
}
