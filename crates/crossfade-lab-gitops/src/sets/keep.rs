//! One ApplicationSet, made true: generate, compare with what is there, write what differs, say how it went.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::{Value, json};

use super::clusters::{is_cluster_secret, is_own_cluster};
use super::generate::Inputs;
use super::render::Engine;
use super::status::Outcome;
use super::{applications, status};
use crate::agent::Shared;
use crate::api::{ApiError, Propagation};
use crate::git::Fresh;
use crate::names::{API_VERSION, GROUP, NAMESPACE, RESOURCES_FINALIZER, SET_MANAGER, SET_REFRESH};
use crate::object::{Key, annotation, finalizers, is_deleting, list, merge_patch, name, namespace, text};

/// What may be done with Applications that exist.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Policy {
    updates: bool,
    deletes: bool,
}

/// Reconciles a set; an error is tried again.
pub(crate) async fn keep(shared: &Shared, key: &Key) -> Result<(), ApiError> {
    let Some(set) = shared.cache.get(key) else { return Ok(()) };
    let policy = policy(&set);
    if is_deleting(&set) {
        return end(shared, &set, key, policy).await;
    }
    let outcome = match generate(shared, &set).await {
        Ok(generated) => write(shared, &set, generated, policy).await,
        Err(outcome) => outcome,
    };
    if let Outcome::NotGenerated { message, .. } | Outcome::Failed { message, .. } = &outcome {
        shared.journal.note(name(&set), &format!("ApplicationSet is not up to date: {message}"));
    }
    if annotation(&set, SET_REFRESH) == Some("true") {
        let patch = json!({"metadata": {"annotations": {SET_REFRESH: null}}});
        shared.cache.put(shared.api.merge(key, "", &patch).await?);
    }
    let current = owned(shared, &set);
    let wanted = status::of(&set, &outcome, &current);
    if let Some(change) = merge_patch(&set["status"], &wanted) {
        shared.cache.put(shared.api.merge(key, "/status", &json!({"status": change})).await?);
    }
    match outcome {
        // Somebody else wrote an Application in between: look again.
        Outcome::Failed { reason: CONFLICT, message } => Err(ApiError { code: 409, message }),
        _ => Ok(()),
    }
}

const CONFLICT: &str = "UpdateApplicationError";

fn policy(set: &Value) -> Policy {
    let (updates, deletes) = match text(&set["spec"]["syncPolicy"]["applicationsSync"]) {
        "create-only" => (false, false),
        "create-update" => (true, false),
        "create-delete" => (false, true),
        _ => (true, true),
    };
    Policy { updates, deletes }
}

async fn generate(shared: &Shared, set: &Value) -> Result<Vec<Value>, Outcome> {
    let failed = |reason: &'static str| move |message: String| Outcome::NotGenerated { reason, message };
    let engine = Engine::of(set).map_err(failed("RenderTemplateParamsError"))?;
    let fresh = if annotation(set, SET_REFRESH) == Some("true") { Fresh::Yes } else { Fresh::No };
    let inputs = Inputs { engine, secrets: cluster_secrets(shared), git: &shared.git, fresh };
    let (mut generated, mut first_error) = (Vec::new(), None);
    for generator in list(&set["spec"]["generators"]) {
        match inputs.transform(generator, &set["spec"]["template"], None, 0).await {
            Ok(made) => generated.extend(made),
            Err(error) => drop(first_error.get_or_insert(error)),
        }
    }
    if let Some(message) = first_error {
        return Err(Outcome::NotGenerated { reason: "ApplicationGenerationFromParamsError", message });
    }
    let (applications, first_error) = applications::all(set, &inputs.engine, &generated);
    match first_error {
        Some(message) => Err(Outcome::NotGenerated { reason: "RenderTemplateParamsError", message }),
        None => Ok(applications),
    }
}

pub(crate) fn cluster_secrets(shared: &Shared) -> Vec<Arc<Value>> {
    let secrets = shared.cache.of_kind("", "Secret").into_iter();
    secrets.filter(|secret| namespace(secret) == NAMESPACE && is_cluster_secret(secret)).collect()
}

async fn write(shared: &Shared, set: &Value, generated: Vec<Value>, policy: Policy) -> Outcome {
    let problems = problems(shared, set, &generated);
    let mut wanted: Vec<&Value> = generated.iter().filter(|one| !problems.contains_key(name(one))).collect();
    wanted.sort_by_key(|one| name(one));
    let mut first_error: Option<Outcome> = None;
    for application in wanted {
        if let Err((reason, error)) = create_or_update(shared, set, application, policy).await {
            let failed = Outcome::Failed { reason, message: error.to_string() };
            first_error.get_or_insert(failed);
        }
    }
    if policy.deletes {
        let names: BTreeSet<&str> = generated.iter().map(name).collect();
        for application in owned(shared, set) {
            if names.contains(name(&application)) || is_deleting(&application) {
                continue;
            }
            shared.journal.note(name(&application), "no longer generated: deleted");
            if let Err(error) = shared.api.delete(&Key::of(&application), Propagation::Background).await {
                let failed = Outcome::Failed { reason: "DeleteApplicationError", message: error.to_string() };
                first_error.get_or_insert(failed);
            }
        }
    }
    if let Some(failed) = first_error {
        return failed;
    }
    match problems.into_iter().next_back() {
        None => Outcome::UpToDate,
        Some((_, (message, 0))) => Outcome::Failed { reason: INVALID, message },
        Some((_, (message, more))) => {
            Outcome::Failed { reason: INVALID, message: format!("{message} (and {more} more)") }
        }
    }
}

const INVALID: &str = "ApplicationValidationError";

/// What is wrong with generated Applications, by name, and how many others have a problem.
fn problems(shared: &Shared, set: &Value, generated: &[Value]) -> BTreeMap<String, (String, usize)> {
    let secrets = cluster_secrets(shared);
    let mut seen = BTreeSet::new();
    let mut problems = BTreeMap::new();
    for application in generated {
        let name = name(application);
        let project = text(&application["spec"]["project"]);
        let project_key = Key {
            group: GROUP.to_owned(),
            kind: "AppProject".to_owned(),
            namespace: NAMESPACE.to_owned(),
            name: project.to_owned(),
        };
        let problem = if !seen.insert(name) {
            format!(
                "ApplicationSet {} contains applications with duplicate name: {name}",
                crate::object::name(set)
            )
        } else if shared.cache.get(&project_key).is_none() {
            format!("application references project {project} which does not exist")
        } else if let Err(error) =
            is_own_cluster(&application["spec"]["destination"], &shared.cluster_name, &secrets)
        {
            format!("application destination spec is invalid: {error}")
        } else {
            continue;
        };
        problems.insert(name.to_owned(), problem);
    }
    let more = problems.len().saturating_sub(1);
    problems.into_iter().map(|(name, problem)| (name, (problem, more))).collect()
}

async fn create_or_update(
    shared: &Shared,
    set: &Value,
    application: &Value,
    policy: Policy,
) -> Result<(), (&'static str, ApiError)> {
    let key = Key::of(application);
    let Some(found) = shared.cache.get(&key) else {
        if !is_still_there(shared, set).await.map_err(|error| ("CreateApplicationError", error))? {
            return Ok(());
        }
        let mut whole = applications::laid_over(set, application, None);
        // Argo CD writes a new one with all its fields, empty ones too.
        whole["status"] = json!({"sourceHydrator": {}, "summary": {}});
        let created = shared.api.create(&whole, SET_MANAGER).await;
        let created = created.map_err(|error| ("CreateApplicationError", error))?;
        shared.journal.note(name(application), "created Application");
        shared.cache.put(created);
        return Ok(());
    };
    if !policy.updates {
        return Ok(());
    }
    let owner = list(&found["metadata"]["ownerReferences"]).iter().find(|owner| owner["controller"] == true);
    if let Some(owner) = owner.filter(|owner| owner["uid"] != set["metadata"]["uid"]) {
        let message = format!(
            "Object {}/{} is already owned by another {} controller {}",
            namespace(&found),
            name(&found),
            text(&owner["kind"]),
            text(&owner["name"])
        );
        return Err((INVALID, ApiError { code: 0, message }));
    }
    let whole = applications::laid_over(set, application, Some(&found));
    if let Some(mut change) = applications::difference(&found, &whole) {
        let is_claimed = owner.is_none();
        if is_claimed && !is_still_there(shared, set).await.map_err(|error| (CONFLICT, error))? {
            return Ok(());
        }
        change["metadata"]["resourceVersion"] = found["metadata"]["resourceVersion"].clone();
        let changed = shared.api.merge(&key, "", &change).await.map_err(|error| (CONFLICT, error))?;
        shared.journal.note(name(application), "updated Application");
        shared.cache.put(changed);
    }
    Ok(())
}

/// A set may have gone while it was generated from: what it had then stays away, or without an owner.
async fn is_still_there(shared: &Shared, set: &Value) -> Result<bool, ApiError> {
    let now = shared.api.get(&Key::of(set)).await?;
    Ok(now.is_some_and(|now| now["metadata"]["uid"] == set["metadata"]["uid"] && !is_deleting(&now)))
}

/// The Applications that a set controls.
fn owned(shared: &Shared, set: &Value) -> Vec<Arc<Value>> {
    let all = shared.cache.of_kind(GROUP, "Application").into_iter();
    all.filter(|application| {
        owner_of(application) == Some(name(set)) && namespace(application) == namespace(set)
    })
    .collect()
}

/// The ApplicationSet that controls an Application.
pub(crate) fn owner_of(application: &Value) -> Option<&str> {
    let owners = list(&application["metadata"]["ownerReferences"]).iter();
    let mut owners = owners.filter(|owner| owner["controller"] == true && owner["kind"] == "ApplicationSet");
    owners.find(|owner| owner["apiVersion"] == API_VERSION).map(|owner| text(&owner["name"]))
}

async fn end(shared: &Shared, set: &Value, key: &Key, policy: Policy) -> Result<(), ApiError> {
    if !policy.deletes {
        for application in owned(shared, set) {
            let patch = json!({"metadata": {"ownerReferences": null}});
            shared.cache.put(shared.api.merge(&Key::of(&application), "", &patch).await?);
        }
    }
    let left: Vec<&str> = finalizers(set).into_iter().filter(|one| *one != RESOURCES_FINALIZER).collect();
    if left.len() < finalizers(set).len() {
        shared.api.merge(key, "", &json!({"metadata": {"finalizers": left}})).await?;
    }
    Ok(())
}
