//! Hooks: objects that run at a moment of a sync. Helm's are taken for Argo CD's where there is one that fits.

use serde_json::Value;

use crate::names::{
    HELM_HOOK, HELM_HOOK_DELETE_POLICY, HELM_HOOK_WEIGHT, HOOK, HOOK_DELETE_POLICY, SYNC_WAVE,
};
use crate::object::{annotation, text};

/// The moments of a sync, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Phase {
    PreSync,
    Sync,
    PostSync,
    SyncFail,
}

impl Phase {
    pub(super) fn name(self) -> &'static str {
        match self {
            Phase::PreSync => "PreSync",
            Phase::Sync => "Sync",
            Phase::PostSync => "PostSync",
            Phase::SyncFail => "SyncFail",
        }
    }
}

/// When a hook's object is deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Deletion {
    BeforeCreation,
    Succeeded,
    Failed,
}

fn words<'o>(object: &'o Value, key: &str) -> impl Iterator<Item = &'o str> {
    annotation(object, key).unwrap_or_default().split(',').map(str::trim).filter(|word| !word.is_empty())
}

/// An object that is left alone: it is neither applied nor counted.
pub(super) fn is_skipped(object: &Value) -> bool {
    words(object, HOOK).any(|word| word == "Skip")
}

/// Whether an object is a hook of any moment, known or not.
pub(super) fn is_hook(object: &Value) -> bool {
    match annotation(object, HOOK) {
        Some(_) => !is_skipped(object),
        None => annotation(object, HELM_HOOK).is_some_and(|hook| hook != "crd-install"),
    }
}

/// The moments that a hook runs at.
pub(super) fn phases(object: &Value) -> Vec<Phase> {
    let own = words(object, HOOK).filter_map(|word| match word {
        "PreSync" => Some(Phase::PreSync),
        "Sync" => Some(Phase::Sync),
        "PostSync" => Some(Phase::PostSync),
        "SyncFail" => Some(Phase::SyncFail),
        _ => None,
    });
    let mut found: Vec<Phase> = own.collect();
    if annotation(object, HOOK).is_none() {
        found.extend(words(object, HELM_HOOK).filter_map(|word| match word {
            "pre-install" | "pre-upgrade" => Some(Phase::PreSync),
            "post-install" | "post-upgrade" => Some(Phase::PostSync),
            _ => None,
        }));
    }
    found.sort_unstable();
    found.dedup();
    found
}

/// When a hook goes; before it is created again unless it says otherwise.
pub(super) fn deletions(object: &Value) -> Vec<Deletion> {
    let own = words(object, HOOK_DELETE_POLICY).filter_map(|word| match word {
        "BeforeHookCreation" => Some(Deletion::BeforeCreation),
        "HookSucceeded" => Some(Deletion::Succeeded),
        "HookFailed" => Some(Deletion::Failed),
        _ => None,
    });
    let helms = words(object, HELM_HOOK_DELETE_POLICY).filter_map(|word| match word {
        "before-hook-creation" => Some(Deletion::BeforeCreation),
        "hook-succeeded" => Some(Deletion::Succeeded),
        "hook-failed" => Some(Deletion::Failed),
        _ => None,
    });
    let found: Vec<Deletion> = own.chain(helms).collect();
    if found.is_empty() { vec![Deletion::BeforeCreation] } else { found }
}

/// The place of an object within its phase.
pub(super) fn wave(object: &Value) -> i64 {
    let of = |key: &str| annotation(object, key).and_then(|text| text.trim().parse().ok());
    of(SYNC_WAVE).or_else(|| of(HELM_HOOK_WEIGHT)).unwrap_or(0)
}

/// The name a hook gets: `generateName` with the revision and the moment behind it.
pub(super) fn named(object: &Value, revision: &str, phase: Phase, started_at: &str) -> Value {
    let mut object = object.clone();
    let prefix = text(&object["metadata"]["generateName"]).to_owned();
    if text(&object["metadata"]["name"]).is_empty() && !prefix.is_empty() {
        let short = revision.get(..7).unwrap_or(revision);
        let seconds = started_at.parse::<jiff::Timestamp>().map_or(0, jiff::Timestamp::as_second);
        let name = format!("{prefix}{short}-{}-{seconds}", phase.name()).to_lowercase();
        object["metadata"]["name"] = name.into();
    }
    object
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn helms_hooks_are_taken_for_argo_cds() {
        let of = |annotations: Value| json!({"metadata": {"annotations": annotations}});
        for (annotations, hook, expected) in [
            (json!({}), false, vec![]),
            (
                json!({"argocd.argoproj.io/hook": "PreSync,PostSync"}),
                true,
                vec![Phase::PreSync, Phase::PostSync],
            ),
            (json!({"argocd.argoproj.io/hook": "Skip"}), false, vec![]),
            (json!({"helm.sh/hook": "pre-install,pre-upgrade"}), true, vec![Phase::PreSync]),
            (json!({"helm.sh/hook": "test"}), true, vec![]),
            (json!({"helm.sh/hook": "crd-install"}), false, vec![]),
            (
                json!({"argocd.argoproj.io/hook": "Sync", "helm.sh/hook": "pre-install"}),
                true,
                vec![Phase::Sync],
            ),
        ] {
            let object = of(annotations);
            assert_eq!((is_hook(&object), phases(&object)), (hook, expected), "{object}");
        }
        let weighed =
            of(json!({"helm.sh/hook-weight": "-5", "helm.sh/hook-delete-policy": "hook-succeeded"}));
        assert_eq!((wave(&weighed), deletions(&weighed)), (-5, vec![Deletion::Succeeded]));
        assert_eq!(deletions(&of(json!({}))), [Deletion::BeforeCreation]);
    }
}
