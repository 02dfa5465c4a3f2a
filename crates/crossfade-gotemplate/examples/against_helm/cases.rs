//! The feature charts as cases: a directory with a chart in it, and the ways it is rendered.
//!
//! A case is `tests/charts/NAME/chart` with nothing else said, or one of the entries of `cases.json` beside it. What the
//! real helm printed stands in `expected.yaml` (`expected-CASE.yaml`), what it complained of in `expected.txt`.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use crossfade_gotemplate::{Certificate, CertificateIssuer, Chart, ReleaseOptions, Values, render};

/// One way to render a chart.
pub struct Case {
    /// `NAME` or `NAME/CASE`.
    pub name: String,
    /// The chart's directory.
    pub chart: PathBuf,
    /// Where the expected outputs lie, without their ending.
    pub expected: PathBuf,
    /// Arguments of `helm template` behind the chart; paths are absolute.
    pub arguments: Vec<String>,
}

/// All cases under a directory, sorted.
pub fn all(directory: &Path) -> Vec<Case> {
    let mut names: Vec<PathBuf> = entries(directory);
    names.retain(|path| path.join("chart").is_dir());
    names.iter().flat_map(|directory| of_directory(directory)).collect()
}

fn entries(directory: &Path) -> Vec<PathBuf> {
    let read = fs::read_dir(directory).unwrap_or_else(|error| panic!("{}: {error}", directory.display()));
    let mut paths: Vec<PathBuf> = read.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    paths
}

fn of_directory(directory: &Path) -> Vec<Case> {
    let feature = directory.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let chart = directory.join("chart");
    let Ok(text) = fs::read_to_string(directory.join("cases.json")) else {
        let expected = directory.join("expected");
        return vec![Case { name: feature, chart, expected, arguments: Vec::new() }];
    };
    let cases: BTreeMap<String, Vec<String>> = serde_json::from_str(&text)
        .unwrap_or_else(|error| panic!("{}/cases.json: {error}", directory.display()));
    let case = |(name, arguments): (String, Vec<String>)| {
        // A values file is named as it lies beside the chart.
        let arguments = arguments.into_iter().map(|argument| match directory.join(&argument) {
            path if !argument.starts_with('-') && path.is_file() => path.to_string_lossy().into_owned(),
            _ => argument,
        });
        Case {
            expected: directory.join(format!("expected-{name}")),
            name: format!("{feature}/{name}"),
            chart: chart.clone(),
            arguments: arguments.collect(),
        }
    };
    cases.into_iter().map(case).collect()
}

/// A chart's files by path.
pub fn files_of(directory: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut pending = vec![directory.to_owned()];
    while let Some(next) = pending.pop() {
        for path in entries(&next) {
            if path.is_dir() {
                pending.push(path);
                continue;
            }
            let name = path.strip_prefix(directory).unwrap_or(&path).to_string_lossy().replace('\\', "/");
            files.insert(name, fs::read(&path).unwrap_or_default());
        }
    }
    files
}

/// Renders with this crate; an error as helm would print it behind `Error: `.
pub fn ours(chart: &Path, arguments: &[String]) -> Result<String, String> {
    let mut values = Values::new();
    let mut options = ReleaseOptions::default();
    // Certificates differ each time; what is compared is everything around them.
    let certificate = Certificate { cert: pem("CERTIFICATE"), key: pem("RSA PRIVATE KEY") };
    let issuer = CertificateIssuer::new(move |_| Ok(certificate.clone()));
    let issuer = issuer.with_private_keys(|_| Ok(pem("RSA PRIVATE KEY")));
    let issuer = issuer.with_randomness(|bytes| {
        bytes.fill(7);
        Ok(())
    });
    options.sources.certificates = Some(issuer);
    let mut with_crds = false;
    let mut arguments = arguments.iter();
    let mut sets = Vec::new();
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().cloned().unwrap_or_default();
        match argument.as_str() {
            "--include-crds" => with_crds = true,
            "--is-upgrade" => options.is_upgrade = true,
            "--name-template" => options.name = value(),
            "--namespace" => options.namespace = value(),
            "--kube-version" => options.kube_version = value(),
            "--api-versions" => options.api_versions.push(value()),
            "--values" => {
                let path = value();
                let text = fs::read_to_string(&path).map_err(|error| format!("{path}: {error}"))?;
                values.add_yaml(&text).map_err(|error| format!("failed to parse {path}: {error}"))?;
            }
            "--set" | "--set-string" => sets.push((argument == "--set-string", value())),
            other => return Err(format!("unknown argument {other}")),
        }
    }
    sets.sort_by_key(|(is_string, _)| *is_string);
    for (is_string, text) in sets {
        let set = if is_string { values.set_string(&text) } else { values.set(&text) };
        set.map_err(|error| error.to_string())?;
    }
    let chart = Chart::from_files(files_of(chart)).map_err(|error| error.to_string())?;
    let rendered = render(&chart, &values, &options).map_err(|error| error.to_string())?;
    Ok(rendered.to_text(with_crds))
}

/// Something as long as a key.
fn pem(kind: &str) -> String {
    format!("-----BEGIN {kind}-----\n{}\n-----END {kind}-----\n", "QUJD".repeat(300))
}

/// Where the feature charts lie.
pub fn feature_charts() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/charts")
}
