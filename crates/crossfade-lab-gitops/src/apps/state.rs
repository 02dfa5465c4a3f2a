//! An Application's objects as declared and as they are, side by side.

use std::sync::Arc;

use serde_json::Value;

use super::compare::is_as_declared;
use super::health::{self, Status};
use super::hooks;
use super::ignore::{Ignored, Rules};
use super::manifests::Manifests;
use super::project::Project;
use super::target::{self, Targets};
use crate::agent::Shared;
use crate::names::{COMPARE_OPTIONS, GROUP, IGNORE_HEALTH};
use crate::object::{Key, has_option, kind, name, text, version};
use crate::sets::owner_of;

/// One object of an Application.
#[derive(Debug)]
pub(super) struct Item {
    pub(super) key: Key,
    pub(super) version: String,
    pub(super) target: Option<Value>,
    pub(super) live: Option<Arc<Value>>,
    pub(super) is_synced: bool,
    /// Whether it counts: not what is skipped or left alone.
    pub(super) counts: bool,
    /// A hook that is in the cluster.
    pub(super) is_hook: bool,
    /// What of it is not compared.
    pub(super) ignored: Ignored,
}

impl Item {
    /// Whether it is in the cluster and no longer declared.
    pub(super) fn is_extra(&self) -> bool {
        self.target.is_none() && !self.is_hook
    }
}

/// All of it.
#[derive(Debug, Default)]
pub(super) struct Comparison {
    pub(super) items: Vec<Item>,
    pub(super) hooks: Vec<Value>,
    /// Type and message.
    pub(super) conditions: Vec<(&'static str, String)>,
    /// Whether the declared side is known; without it nothing may be pruned.
    pub(super) is_loaded: bool,
    /// Whether an ApplicationSet of it has generated Applications.
    pub(super) has_generated: bool,
    pub(super) revisions: Vec<String>,
    pub(super) source_types: Vec<&'static str>,
    pub(super) project: Project,
}

/// Puts both sides together.
pub(super) fn compare(
    shared: &Shared,
    application: &Value,
    project: &Project,
    loaded: Result<Manifests, String>,
) -> Comparison {
    let own_name = name(application);
    let namespace = text(&application["spec"]["destination"]["namespace"]);
    let tracking = shared.cache.tracking();
    let mut comparison = Comparison { is_loaded: true, project: project.clone(), ..Comparison::default() };
    let kinds = shared.api.kinds();
    let is_namespaced = |key: &Key| kinds.get(&key.group, &key.kind).is_some_and(|kind| kind.is_namespaced);
    let targets = match loaded {
        Ok(manifests) => {
            comparison.revisions = manifests.revisions;
            comparison.source_types = manifests.source_types;
            target::prepare(manifests.objects, own_name, namespace, &kinds, &tracking)
        }
        Err(error) => {
            comparison.fail(format!("Failed to load target state: {error}"));
            Targets::default()
        }
    };
    let rules = Rules::read(&application["spec"]["ignoreDifferences"]).unwrap_or_else(|problem| {
        comparison.fail(format!("Failed to compare desired state to live state: {problem}"));
        Rules::default()
    });
    comparison.conditions.extend(targets.warnings);
    for object in targets.objects {
        if hooks::is_hook(&object) {
            comparison.hooks.push(object);
            continue;
        }
        let key = Key::of(&object);
        if is_namespaced(&key) && key.namespace.is_empty() {
            let group = crate::object::group(&object);
            let message = format!(
                "Namespace for {} {group}/{}, Kind={} is missing.",
                key.name,
                version(&object),
                key.kind
            );
            comparison.conditions.push(("InvalidSpecError", message));
        }
        let live = shared.cache.get(&key).filter(|live| project.sees(live));
        if let Some(other) = live.as_ref().and_then(|live| tracking.application_of(live))
            && other != own_name
        {
            let message = format!(
                "{}/{} is part of applications argocd/{own_name} and {other}",
                kind(&object),
                name(&object)
            );
            comparison.conditions.push(("SharedResourceWarning", message));
        }
        let ignored = rules.of(&object);
        let counts = !hooks::is_skipped(&object);
        comparison.items.push(Item {
            key,
            version: version(&object).to_owned(),
            is_synced: live.as_ref().is_some_and(|live| is_as_declared(&object, live, &ignored)),
            counts,
            is_hook: false,
            target: Some(object),
            live,
            ignored,
        });
    }
    for live in shared.cache.tracked_by(own_name) {
        let key = Key::of(&live);
        if comparison.items.iter().any(|item| item.key == key) || !project.sees(&live) {
            continue;
        }
        let is_hook = hooks::is_hook(&live);
        let counts = !is_hook && !has_option(&live, COMPARE_OPTIONS, "IgnoreExtraneous");
        comparison.items.push(Item {
            key,
            version: version(&live).to_owned(),
            target: None,
            live: Some(live),
            is_synced: false,
            counts,
            is_hook,
            ignored: Ignored::default(),
        });
    }
    comparison.has_generated = comparison.items.iter().any(|item| has_generated(shared, &item.key));
    comparison
}

fn has_generated(shared: &Shared, key: &Key) -> bool {
    let is_set = key.group == GROUP && key.kind == "ApplicationSet";
    is_set
        && shared.cache.of_kind(GROUP, "Application").iter().any(|application| {
            owner_of(application) == Some(&key.name) && crate::object::namespace(application) == key.namespace
        })
}

impl Comparison {
    fn fail(&mut self, message: String) {
        self.is_loaded = false;
        self.conditions.push(("ComparisonError", message));
    }

    /// What keeps a sync from beginning, as its message says it. Argo CD repeats what is wrong with a spec: it stands in the
    /// status already.
    pub(super) fn errors(&self) -> Vec<String> {
        let of = |wanted: &'static str| {
            let found = self.conditions.iter().filter(move |(kind, _)| *kind == wanted);
            found.map(|(kind, message)| format!("{kind}: {message}"))
        };
        of("InvalidSpecError").chain(of("ComparisonError")).chain(of("InvalidSpecError")).collect()
    }

    pub(super) fn sync_status(&self) -> &'static str {
        let is_off = |item: &Item| item.counts && !item.is_synced;
        match (self.is_loaded, self.items.iter().any(is_off)) {
            (false, _) => "Unknown",
            (true, true) => "OutOfSync",
            (true, false) => "Synced",
        }
    }

    /// The worst of what is there; missing when nothing is.
    pub(super) fn health(&self) -> Status {
        let own: Vec<&Item> = self
            .items
            .iter()
            .filter(|item| {
                !item.is_hook && item.target.as_ref().is_none_or(|target| !hooks::is_skipped(target))
            })
            .collect();
        if !own.is_empty() && own.iter().all(|item| item.live.is_none()) {
            return Status::Missing;
        }
        let lives = own.iter().filter_map(|item| item.live.as_ref());
        let counted = lives.filter(|live| crate::object::annotation(live, IGNORE_HEALTH) != Some("true"));
        let healths = counted.filter_map(|live| {
            let found = health::of(live)?.status;
            let is_child = kind(live) == "Application" && crate::object::group(live) == GROUP;
            (!(is_child && matches!(found, Status::Missing | Status::Unknown))).then_some(found)
        });
        healths.max().unwrap_or(Status::Healthy)
    }
}
