//! What an Application asks for: its sources, and what is wrong with the way it asks.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::object::{list, text};
use crate::sets;

/// The sources of an Application.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Sources {
    pub(super) all: Vec<Value>,
    /// Whether they came from `sources`; then status has lists where it otherwise has one.
    pub(super) is_multi: bool,
}

impl Sources {
    pub(super) fn of(spec: &Value) -> Sources {
        match list(&spec["sources"]) {
            [] => Sources {
                all: spec.get("source").filter(|source| source.is_object()).cloned().into_iter().collect(),
                is_multi: false,
            },
            many => Sources { all: many.to_vec(), is_multi: true },
        }
    }

    /// `source` or `sources` with these sources, laid into a table.
    pub(super) fn put_into(&self, table: &mut Value) {
        if self.is_multi {
            table["sources"] = self.all.clone().into();
        } else if let Some(source) = self.all.first() {
            table["source"] = source.clone();
        }
    }

    /// What Argo CD writes beside several sources: one that is none.
    pub(super) fn put_blanks(&self, table: &mut Value) {
        if self.is_multi {
            table["source"] = json!({"repoURL": ""});
        }
    }

    /// Their target revisions, laid into a table, where one is named.
    pub(super) fn put_target_revision(&self, table: &mut Value) {
        let revision = self.all.first().map(|source| text(&source["targetRevision"])).unwrap_or_default();
        if !self.is_multi && !revision.is_empty() {
            table["revision"] = revision.into();
        }
    }

    /// `revision` or `revisions`, laid into a table.
    pub(super) fn put_revisions(&self, revisions: &[String], table: &mut Value) {
        if self.is_multi {
            table["revisions"] = revisions.to_vec().into();
        } else if let Some(revision) = revisions.first() {
            table["revision"] = revision.clone().into();
        }
    }
}

/// What makes a spec one that cannot be followed.
pub(super) fn problem(spec: &Value, own_cluster: &str, secrets: &[Arc<Value>]) -> Option<String> {
    let sources = Sources::of(spec);
    if sources.all.is_empty() {
        return Some(
            "spec.source.repoURL and either spec.source.path or spec.source.chart are required".to_owned(),
        );
    }
    for source in &sources.all {
        let is_set = |field: &str| !text(&source[field]).is_empty();
        if sources.is_multi && (!is_set("repoURL") || !(is_set("path") || is_set("chart") || is_set("ref"))) {
            return Some(format!(
                "spec.source.repoURL and either source.path, source.chart, or source.ref are required for source {source}"
            ));
        }
        if !sources.is_multi && (!is_set("repoURL") || !(is_set("path") || is_set("chart"))) {
            return Some(
                "spec.source.repoURL and either spec.source.path or spec.source.chart are required"
                    .to_owned(),
            );
        }
        if is_set("chart") && !is_set("targetRevision") {
            return Some(
                "spec.source.targetRevision is required if the manifest source is a helm chart".to_owned(),
            );
        }
    }
    sets::is_own_cluster(&spec["destination"], own_cluster, secrets).err()
}
