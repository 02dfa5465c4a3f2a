//! crossfade's DNS controller beside ExternalDNS, in one run: from an edited annotation to the record, and memory.
//!
//! Both get the same lab, the same Ingresses, the same owner; ExternalDNS runs with `--events`, its fastest way.

use std::fmt::Write as _;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

use crate::bench::median;
use crate::clients::{Bench, Beside, MANIFESTS, printed};
use crate::real::process::resident_kib;
use crate::{say, tools};

/// Ingresses: enough for a plan to cost something, few enough to be made in seconds.
const INGRESSES: usize = 300;
/// Edits that are timed per controller.
const EDITS: usize = 5;
/// A record that is not there by then never comes.
const THERE_WITHIN: Duration = Duration::from_mins(3);

/// What one controller took.
struct Figures {
    edit_seconds: Vec<f64>,
    resident_kib: u64,
}

/// Runs both and prints the ratios; false when one of them did not work at all.
pub(super) fn run(crossfade: &Path) -> anyhow::Result<bool> {
    let external_dns = tools::EXTERNAL_DNS.path()?;
    let scratch = std::env::temp_dir().join(format!("crossfade-bench-{}", std::process::id()));
    let ours = format!(
        "exec {} dns-controller --context eks-blueprint-blue --txt-owner-id bench --domain-filter $DOMAIN --policy sync",
        crossfade.display()
    );
    let theirs = format!(
        "kubectl config view --raw --minify --flatten --context eks-blueprint-blue >\"$CROSSFADE_LAB_DIR/bench.yaml\"; \
         exec {} --events --source=ingress --provider=aws --aws-zone-type= --registry=txt --txt-owner-id=bench \
         --policy=sync --domain-filter=$DOMAIN --metrics-address=127.0.0.1:0 --kubeconfig=\"$CROSSFADE_LAB_DIR/bench.yaml\"",
        external_dns.display()
    );
    let mut figures = Vec::new();
    for (name, script) in [("crossfade", &ours), ("external-dns", &theirs)] {
        let dir = scratch.join(name);
        let bench = Bench::up(crossfade, &dir, &[MANIFESTS, "--without", "dns"])?;
        let measured = measure(&bench, &dir, script).with_context(|| name.to_owned())?;
        // The next one is measured alone.
        drop(bench);
        let seconds: Vec<String> =
            measured.edit_seconds.iter().map(|seconds| format!("{seconds:.3}")).collect();
        say(&format!(
            "{name:<13} edit to record {} s (median {:.3}), {:.1} MiB resident",
            seconds.join(" "),
            median(&measured.edit_seconds),
            measured.resident_kib as f64 / 1024.0
        ));
        figures.push(measured);
    }
    let _ = std::fs::remove_dir_all(&scratch);
    let [ours, theirs] = figures.as_slice() else { bail!("one controller was not measured") };
    say(&format!(
        "with {INGRESSES} Ingresses crossfade is {:.0} times as fast and takes {:.2} of the memory",
        median(&theirs.edit_seconds) / median(&ours.edit_seconds),
        ours.resident_kib as f64 / theirs.resident_kib.max(1) as f64
    ));
    Ok(true)
}

fn measure(bench: &Bench, dir: &Path, script: &str) -> anyhow::Result<Figures> {
    let manifest = dir.join("ingresses.yaml");
    std::fs::write(&manifest, ingresses()).with_context(|| manifest.display().to_string())?;
    let made = bench.sh(&format!(
        "lb=$(kb get ing -n team-burnham burnham-ingress -o jsonpath='{{.status.loadBalancer.ingress[0].hostname}}')
sed \"s/TARGET/$lb/; s/DOMAIN/$DOMAIN/\" {0} | kb create -f - >/dev/null",
        manifest.display()
    ));
    if !made.status.success() {
        bail!("the Ingresses were not made: {}", printed(&made));
    }
    let controller = bench
        .command(script)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .context("the controller does not start")?;
    edits(bench, &Beside(controller))
}

fn edits(bench: &Bench, controller: &Beside) -> anyhow::Result<Figures> {
    let zone = bench.sh("zone");
    let zone = String::from_utf8_lossy(&zone.stdout).trim().rsplit('/').next().unwrap_or_default().to_owned();
    wait_for(bench, &zone, INGRESSES - 1, 100)?;
    let mut edit_seconds = Vec::new();
    for edit in 0..EDITS {
        let (index, weight) = (edit * 7, 10 + edit);
        let began = Instant::now();
        let edited = bench.sh(&format!(
            "kb annotate ingress bench-{index} --overwrite external-dns.alpha.kubernetes.io/aws-weight={weight}"
        ));
        if !edited.status.success() {
            bail!("{}", printed(&edited));
        }
        wait_for(bench, &zone, index, weight)?;
        edit_seconds.push(began.elapsed().as_secs_f64());
    }
    let resident_kib = resident_kib(controller.0.id());
    Ok(Figures { edit_seconds, resident_kib })
}

/// One shell that asks Route 53 every 20 ms: the same cost for both.
fn wait_for(bench: &Bench, zone: &str, index: usize, weight: usize) -> anyhow::Result<()> {
    let output = bench.sh(&format!(
        "for i in $(seq {}); do
  curl --noproxy '*' -s -H 'Authorization: AWS4-HMAC-SHA256 Credential=lab/20260101/us-east-1/route53/aws4_request, SignedHeaders=host, Signature=0' \
    \"$AWS_ENDPOINT_URL/2013-04-01/hostedzone/{zone}/rrset?name=bench-{index}.$DOMAIN&type=A&maxitems=1\" \
    | grep -q \"<Name>bench-{index}\\..*<Weight>{weight}</Weight>\" && exit 0
  sleep 0.02
done; exit 1",
        THERE_WITHIN.as_millis() / 30
    ));
    if output.status.success() {
        Ok(())
    } else {
        bail!("bench-{index} never got weight {weight}: {}", printed(&output))
    }
}

/// They point at a load balancer that is there, so that the lab makes none for each.
fn ingresses() -> String {
    let mut manifests = String::new();
    for index in 0..INGRESSES {
        let _ = write!(
            manifests,
            "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata:\n  name: bench-{index}\n  annotations:\n    \
                 external-dns.alpha.kubernetes.io/target: TARGET\n    external-dns.alpha.kubernetes.io/set-identifier: bench\n    \
                 external-dns.alpha.kubernetes.io/aws-weight: \"100\"\nspec:\n  ingressClassName: none\n  rules:\n  - host: \
                 bench-{index}.DOMAIN\n    http: {{paths: [{{path: /, pathType: Prefix, backend: {{service: {{name: a, port: {{number: 80}}}}}}}}]}}\n---\n"
        );
    }
    manifests
}
