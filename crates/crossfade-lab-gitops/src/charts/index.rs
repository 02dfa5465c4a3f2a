//! `index.yaml` of a Helm repository: which versions of which charts there are, and where their archives are.

use std::collections::BTreeMap;

use serde::Deserialize;

/// Events of the parser. The largest public index has some two million lines.
const EVENTS_MAX: usize = 20_000_000;
/// Texts in it, all together: as long as the index itself may be.
const TEXT_BYTES_MAX: usize = super::INDEX_BYTES_MAX;

/// See the module.
#[derive(Debug, Default, Deserialize, PartialEq, Eq)]
pub(super) struct Index {
    #[serde(default)]
    entries: BTreeMap<String, Option<Vec<Entry>>>,
}

/// One version of a chart.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq)]
pub(super) struct Entry {
    #[serde(default)]
    pub(super) version: String,
    /// From the place of the index.
    #[serde(default)]
    pub(super) urls: Vec<String>,
}

impl Index {
    pub(super) fn parse(bytes: &[u8]) -> Result<Index, String> {
        let options = serde_saphyr::options! {
            budget: serde_saphyr::budget! {
                max_events: EVENTS_MAX,
                max_nodes: EVENTS_MAX,
                max_total_scalar_bytes: TEXT_BYTES_MAX,
            },
        };
        serde_saphyr::from_slice_with_options(bytes, options).map_err(|error| {
            let text = error.to_string();
            text.lines().next().unwrap_or_default().to_owned()
        })
    }

    /// Versions of a chart, in the order of the index; `None` when it has no such chart.
    pub(super) fn versions(&self, chart: &str) -> Option<&[Entry]> {
        self.entries.get(chart).map(|entries| entries.as_deref().unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_and_places_are_read_and_the_rest_is_passed_over() {
        let text = "apiVersion: v1\ngenerated: 2026-01-01T00:00:00Z\nentries:\n  demo:\n  - {name: demo, version: 1.2.0, urls: [demo-1.2.0.tgz], digest: abc, maintainers: [{name: x}]}\n  - {name: demo, version: v1.0, urls: ['https://x.org/d.tgz']}\n  empty:\n";
        let index = Index::parse(text.as_bytes());
        let index = index.unwrap_or_else(|error| panic!("{error}"));
        let versions = index.versions("demo").unwrap_or_default();
        assert_eq!(
            versions.iter().map(|entry| entry.version.as_str()).collect::<Vec<_>>(),
            ["1.2.0", "v1.0"]
        );
        assert_eq!(versions[1].urls, ["https://x.org/d.tgz"]);
        assert_eq!(index.versions("empty"), Some([].as_slice()));
        assert_eq!(index.versions("none"), None);
        assert!(Index::parse(b"<html>").is_err());
    }
}
