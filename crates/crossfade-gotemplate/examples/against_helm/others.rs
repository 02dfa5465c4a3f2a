//! Charts that others wrote, wherever they lie: found by their `Chart.yaml`, and the few that cannot come out alike.

use std::fs;
use std::path::{Path, PathBuf};

/// Charts whose output differs, by the end of their path, and why that is meant to be.
const EXCUSED: &[(&str, &str)] = &[
    ("charts/chart-with-compressed-dependencies", DRAWN),
    ("charts/chart-with-uncompressed-dependencies", DRAWN),
    ("charts/chart-with-uncompressed-dependencies/charts/mariadb", DRAWN),
    ("helm/testdata/redis", DRAWN),
    ("chart-with-template-with-invalid-yaml", WORDS_OF_YAML),
    ("testdata/malformed-template", WORDS_OF_YAML),
    (
        "testdata/anotherbadchartfile",
        "a version of 72445e2 is a number of YAML, which is read as 7244500 here",
    ),
    (
        "testdata/broken-schema-verification",
        "helm fetches the schema from the network, this crate never does",
    ),
];
const DRAWN: &str = "it draws passwords";
const WORDS_OF_YAML: &str = "both refuse it, in the words of their YAML parsers";

/// Why a chart may differ, if it may.
pub fn excuse(chart: &Path) -> Option<&'static str> {
    EXCUSED.iter().find(|(end, _)| chart.ends_with(end)).map(|(_, reason)| *reason)
}

/// Every directory below `directory` with a `Chart.yaml` in it, sorted.
pub fn charts_below(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    collect(directory, &mut found);
    found.sort();
    assert!(!found.is_empty(), "{} has no charts", directory.display());
    found
}

fn collect(directory: &Path, found: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(directory) else { return };
    for entry in entries.flatten() {
        let path = entry.path();
        // A link may lead round in a circle.
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            collect(&path, found);
        } else if entry.file_name() == "Chart.yaml" {
            found.push(directory.to_owned());
        }
    }
}
