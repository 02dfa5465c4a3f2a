//! Renders every chart of `examples/` with a real helm and checks the weights: one's own, the shared one, a weight of 0.
//!
//! `cargo run -p crossfade-stack --example charts -- PATH-OF-HELM`

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

const WEIGHT: &str = "external-dns.alpha.kubernetes.io/aws-weight: ";
/// What the cluster secret says, by way of the ApplicationSets.
const VALUES: &str = "spec.ingress.host=eks-blueprint.example.org,spec.ingress.route53_weight=100,\
    spec.ingress.burnham_route53_weight=0,spec.ingress.2048_route53_weight=7,zone=example.org,owner=blue";

fn main() -> ExitCode {
    let Some(helm) = std::env::args().nth(1) else {
        eprintln!("the path of helm is needed");
        return ExitCode::from(1);
    };
    let mut charts = Vec::new();
    find_charts(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples"), &mut charts);
    let mut weights = BTreeMap::new();
    for chart in &charts {
        let lint = ["lint", "--strict", "--set", "zone=example.org,owner=blue"];
        let text =
            run(&helm, &lint, chart).and_then(|_| run(&helm, &["template", "--set", VALUES, "x"], chart));
        match text {
            Ok(text) => weights.extend(weights_in(&text)),
            Err(error) => {
                eprintln!("{}: {error}", chart.display());
                return ExitCode::from(1);
            }
        }
    }
    let expected = [
        ("burnham-ingress", "0"),
        ("ecsdemo-frontend", "100"),
        ("ho11y-ingress", "100"),
        ("ingress-2048", "7"),
        ("riker-ingress", "100"),
        ("yelb-ingress", "100"),
    ]
    .map(|(ingress, weight)| (ingress.to_owned(), weight.to_owned()))
    .into();
    if weights != expected {
        eprintln!("weights are {weights:?}, not {expected:?}");
        return ExitCode::from(1);
    }
    eprintln!("{} charts render, {} Ingresses have their weights", charts.len(), weights.len());
    ExitCode::SUCCESS
}

fn find_charts(dir: &Path, found: &mut Vec<PathBuf>) {
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
    for path in entries.map(|entry| entry.path()) {
        if path.is_dir() {
            find_charts(&path, found);
        } else if path.ends_with("Chart.yaml") {
            found.push(dir.to_owned());
        }
    }
}

fn run(helm: &str, args: &[&str], chart: &Path) -> Result<String, String> {
    let output = Command::new(helm).args(args).arg(chart).output().map_err(|error| error.to_string())?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    if output.status.success() {
        Ok(text(&output.stdout))
    } else {
        Err(text(&output.stdout) + &text(&output.stderr))
    }
}

/// The weight of each Ingress.
fn weights_in(text: &str) -> BTreeMap<String, String> {
    let ingresses = text.split("\n---\n").filter(|document| document.contains("\nkind: Ingress\n"));
    let value_of = |document: &str, key: &str| {
        let line = document.lines().find_map(|line| line.trim().strip_prefix(key))?;
        Some(line.trim_matches('"').to_owned())
    };
    ingresses
        .filter_map(|document| Some((value_of(document, "name: ")?, value_of(document, WEIGHT)?)))
        .collect()
}
