//! The repositories that are exported, rendered by this program: every chart, and the weights that come out of them.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

const CROSSFADE: &str = env!("CARGO_BIN_EXE_crossfade");
const WEIGHT: &str = "external-dns.alpha.kubernetes.io/aws-weight";
/// What the cluster secret says, by way of the ApplicationSets.
const VALUES: &str = "spec.ingress.host=eks-blueprint.example.org,spec.ingress.route53_weight=100,\
    spec.ingress.burnham_route53_weight=0,spec.ingress.2048_route53_weight=7,zone=example.org,owner=blue";

/// A directory of its own, gone with the test.
struct Scratch(PathBuf);

impl Scratch {
    fn new(what: &str) -> Self {
        Scratch(std::env::temp_dir().join(format!("crossfade-test-{what}-{}", std::process::id())))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn crossfade(args: &[&str]) -> Output {
    Command::new(CROSSFADE).args(args).output().unwrap()
}

fn rendered(chart: &Path, more: &[&str]) -> Vec<Value> {
    let output = crossfade(&[&["render", chart.to_str().unwrap()], more].concat());
    assert!(output.status.success(), "{}: {}", chart.display(), String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    let documents: Vec<Value> = serde_saphyr::from_multiple(&text).unwrap();
    documents.into_iter().filter(|document| !document.is_null()).collect()
}

fn charts_below(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            charts_below(&path, found);
        } else if path.ends_with("Chart.yaml") {
            found.push(dir.to_owned());
        }
    }
}

#[test]
fn every_exported_chart_renders_with_its_weights() {
    let scratch = Scratch::new("exported-charts");
    let urls = ["--workloads-url", "git@git.example.org:w", "--addons-url", "git@git.example.org:a"];
    let path = scratch.0.to_str().unwrap();
    let export =
        crossfade(&[&["export", "gitops", path, "--hosted-zone", "example.org"][..], &urls].concat());
    assert!(export.status.success(), "{}", String::from_utf8_lossy(&export.stderr));
    let mut charts = Vec::new();
    charts_below(&scratch.0, &mut charts);
    assert_eq!(charts.len(), 15);

    let mut weights = BTreeMap::new();
    for chart in &charts {
        let objects = rendered(chart, &["--set", VALUES]);
        assert!(!objects.is_empty(), "{} renders to nothing", chart.display());
        for object in &objects {
            let kind = object["kind"].as_str();
            let name = object["metadata"]["name"].as_str();
            assert!(object["apiVersion"].is_string() && kind.is_some() && name.is_some(), "{object}");
            if kind == Some("Ingress") {
                let weight = object["metadata"]["annotations"][WEIGHT].as_str().unwrap().to_owned();
                weights.insert(name.unwrap().to_owned(), weight);
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
    ];
    let expected = expected.map(|(ingress, weight)| (ingress.to_owned(), weight.to_owned()));
    assert_eq!(weights, BTreeMap::from(expected));
}

#[test]
fn a_chart_gets_the_certificates_that_it_asks_for() {
    let scratch = Scratch::new("certificates");
    std::fs::create_dir_all(scratch.0.join("templates")).unwrap();
    std::fs::write(scratch.0.join("Chart.yaml"), "apiVersion: v2\nname: webhook\nversion: 1.0.0\n").unwrap();
    let template = "{{- $ca := genCA \"ca\" 10 }}\n{{- $cert := genSignedCert \"a\" nil (list \"a\") 10 $ca }}\n\
        apiVersion: v1\nkind: Secret\nmetadata: {name: certificate}\nstringData:\n  ca: {{ toJson $ca.Cert }}\n  \
        cert: {{ toJson $cert.Cert }}\n  key: {{ toJson $cert.Key }}\n";
    std::fs::write(scratch.0.join("templates/secret.yaml"), template).unwrap();
    let [first, again] = [rendered(&scratch.0, &[]), rendered(&scratch.0, &[])];
    let part = |objects: &[Value], name: &str| objects[0]["stringData"][name].as_str().unwrap().to_owned();
    for name in ["ca", "cert"] {
        assert!(part(&first, name).starts_with("-----BEGIN CERTIFICATE-----"), "{name}");
    }
    assert!(part(&first, "key").contains("PRIVATE KEY-----"));
    assert_ne!(part(&first, "key"), part(&again, "key"), "a key is nobody's to guess");
}
