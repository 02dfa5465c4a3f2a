//! What crossfade's DNS controllers say about their last changes, and which of it is still about the records that are there.
//!
//! A controller that was replaced by another program leaves its reports behind: they name changes that were in sync long ago,
//! and say nothing about what the other program writes.

use std::collections::{BTreeMap, BTreeSet};

use crossfade_api::dns_report::{RecordReport, key_of};
use crossfade_core::{ClusterName, Weight};

/// The reports of all clusters.
#[derive(Default)]
pub(super) struct Reports {
    by_cluster: BTreeMap<ClusterName, BTreeMap<String, RecordReport>>,
    /// Cluster, host's key and change of reports that were about other records when they were first seen.
    outdated: BTreeSet<(ClusterName, String, String)>,
    judged: BTreeSet<(ClusterName, String)>,
}

impl Reports {
    /// What one cluster's controllers say now.
    pub(super) fn take(&mut self, cluster: ClusterName, reports: BTreeMap<String, RecordReport>) {
        self.by_cluster.insert(cluster, reports);
    }

    /// Compares a host's report with its record, once: before this driver has asked for any other weight. Later they differ
    /// whenever one is read a moment before the other.
    pub(super) fn judge(&mut self, cluster: &ClusterName, host: &str, shown: Weight) {
        let key = key_of(host);
        let Some(reports) = self.by_cluster.get(cluster) else { return };
        // Also where there is no report yet: the first one that comes is about a change of now.
        if !self.judged.insert((cluster.clone(), key.clone())) {
            return;
        }
        if let Some(report) = reports.get(&key).filter(|report| report.weight != Some(shown)) {
            self.outdated.insert((cluster.clone(), key, report.change_id.clone()));
        }
    }

    /// The change that gave a host's set this weight, when somebody says so.
    pub(super) fn change(&self, cluster: &ClusterName, host: &str, weight: Weight) -> Option<String> {
        let key = key_of(host);
        let report = self.by_cluster.get(cluster)?.get(&key)?;
        let is_outdated = self.outdated.contains(&(cluster.clone(), key, report.change_id.clone()));
        (report.weight == Some(weight) && !is_outdated).then(|| report.change_id.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOST: &str = "burnham.example.org";

    fn told(weight: u8, change: &str) -> BTreeMap<String, RecordReport> {
        let report = RecordReport {
            set_identifier: Some("blue".to_owned()),
            weight: Some(Weight::new(weight)),
            change_id: change.to_owned(),
        };
        BTreeMap::from([(key_of(HOST), report)])
    }

    #[test]
    fn a_report_of_a_controller_that_is_gone_is_not_believed() {
        let blue = ClusterName("blue".to_owned());
        let mut reports = Reports::default();
        // It wrote 100 once; another program has written 0 since, and writes 100 again for this migration.
        reports.take(blue.clone(), told(100, "C1"));
        reports.judge(&blue, HOST, Weight::ZERO);
        reports.judge(&blue, HOST, Weight::new(100));
        assert_eq!(reports.change(&blue, HOST, Weight::new(100)), None);
        // A controller of ours that comes back names a change of its own.
        reports.take(blue.clone(), told(100, "C2"));
        assert_eq!(reports.change(&blue, HOST, Weight::new(100)), Some("C2".to_owned()));
    }

    #[test]
    fn the_first_report_of_a_host_is_believed_whenever_it_is_read() {
        let blue = ClusterName("blue".to_owned());
        let mut reports = Reports::default();
        reports.take(blue.clone(), BTreeMap::new());
        reports.judge(&blue, HOST, Weight::new(100));
        reports.take(blue.clone(), told(0, "C1"));
        reports.judge(&blue, HOST, Weight::new(100));
        assert_eq!(reports.change(&blue, HOST, Weight::ZERO), Some("C1".to_owned()));
    }

    #[test]
    fn a_report_that_comes_after_its_record_is_believed() {
        let blue = ClusterName("blue".to_owned());
        let mut reports = Reports::default();
        reports.take(blue.clone(), told(100, "C1"));
        reports.judge(&blue, HOST, Weight::new(100));
        // The record shows 0 before the report does.
        reports.judge(&blue, HOST, Weight::ZERO);
        assert_eq!(reports.change(&blue, HOST, Weight::ZERO), None);
        reports.take(blue.clone(), told(0, "C2"));
        assert_eq!(reports.change(&blue, HOST, Weight::ZERO), Some("C2".to_owned()));
    }
}
