//! What of a sync is refused before anything is written: kinds that the cluster does not serve, what the project does not
//! permit, and what kubectl finds wrong without asking the server.
//!
//! Argo CD's dry run is kubectl's on the client. Values that only the server would refuse pass it, and fail when they are
//! written, beside the others.

use super::super::state::Comparison;
use super::super::tasks::{Task, defined_kind};
use crate::api::{Api, ApiError, Kinds};
use crate::names::FIELD_MANAGER;
use crate::object::{Key, text};

/// What a server says that does not serve a kind.
pub(super) const NO_KIND: &str = "the server could not find the requested resource";

/// Why an object cannot be synced.
pub(super) struct Refusal {
    /// As the cluster says it.
    pub(super) said: String,
    /// As Argo CD explains it beside the object.
    pub(super) explained: String,
}

/// Whether the dry run passes over an object whose kind is not served: its definition comes in the same sync, or is said to
/// come from elsewhere.
fn may_be_missing(task: &Task, comparison: &Comparison, options: &[&str]) -> bool {
    let targets = comparison.items.iter().filter_map(|item| item.target.as_ref());
    let defined = format!("{}/{}", task.key.group, task.key.kind);
    task.has_option(options, "SkipDryRunOnMissingResource=true")
        || targets.chain(&comparison.hooks).any(|one| defined_kind(one).as_deref() == Some(&defined))
}

/// A kind that is not served, where it has to be, or an object that the project does not permit.
pub(super) fn refusal(
    task: &Task,
    comparison: &Comparison,
    options: &[&str],
    kinds: &Kinds,
) -> Option<Refusal> {
    let Key { group, kind, .. } = &task.key;
    if let Some(served) = kinds.versioned(group, &task.version, kind) {
        let said = comparison.project.refusal(&task.key, served.is_namespaced)?;
        return Some(Refusal { explained: said.clone(), said });
    }
    if may_be_missing(task, comparison, options) {
        return None;
    }
    if kinds.serves(group, &task.version) {
        let resource = if group.is_empty() { kind.clone() } else { format!("{kind}.{group}") };
        let said = format!("{resource} \"\" not found");
        return Some(Refusal { explained: said.clone(), said });
    }
    let version = if group.is_empty() { task.version.clone() } else { format!("{group}/{}", task.version) };
    Some(Refusal {
        said: format!("failed to discover server resources for group version {version}: {NO_KIND}"),
        explained: explained(task, kinds),
    })
}

fn explained(task: &Task, kinds: &Kinds) -> String {
    let Key { group, kind, name, .. } = &task.key;
    let what = format!("for requested resource {}/{name}", task.listed_in);
    match kinds.get(group, kind).or_else(|| kinds.iter().find(|known| known.name == *kind)) {
        None => format!(
            "The Kubernetes API could not find {group}/{kind} {what}. Make sure the {kind:?} CRD is installed on the destination \
             cluster."
        ),
        Some(served) => format!(
            "The Kubernetes API could not find version {:?} of {group}/{kind} {what}. Version {:?} of {}/{} is installed on the \
             destination cluster.",
            task.version, served.version, served.group, served.name
        ),
    }
}

/// What is wrong with an object that is to be applied, as far as Argo CD sees before it writes.
pub(super) async fn dry_run(api: &Api, task: &Task, options: &[&str]) -> Result<(), ApiError> {
    let Some(target) = &task.target else { return Ok(()) };
    let refused = |message: String| Err(ApiError { code: 0, message });
    if api.kinds().versioned(&task.key.group, &task.version, &task.key.kind).is_none() {
        return Ok(());
    }
    if task.key.name.is_empty() {
        let prefix = text(&target["metadata"]["generateName"]);
        return if prefix.is_empty() {
            refused("resource name may not be empty".to_owned())
        } else {
            refused(format!("from {prefix}: cannot use generate name with apply"))
        };
    }
    if task.has_option_anywhere(options, "Replace=true")
        && let Some(live) = &task.live
        && is_updated_in_place(task)
    {
        let mut object = target.clone();
        object["metadata"]["resourceVersion"] = live["metadata"]["resourceVersion"].clone();
        api.try_replace(&object, FIELD_MANAGER).await?;
    }
    Ok(())
}

/// What is never deleted to be replaced.
pub(super) fn is_updated_in_place(task: &Task) -> bool {
    matches!(task.key.kind.as_str(), "Namespace" | "CustomResourceDefinition")
}
