//! An Application that is being deleted: its objects go before it, the last wave first.

use serde_json::Value;
use serde_json::json;

use super::hooks::wave;
use super::project::Project;
use crate::agent::Shared;
use crate::api::{ApiError, Propagation};
use crate::names::{
    BACKGROUND_FINALIZER, FOREGROUND_FINALIZER, RESOURCE_POLICY, RESOURCES_FINALIZER, SYNC_OPTIONS,
};
use crate::object::{
    Key, finalizers, has_option, is_deleting, kind, list, name, option_value, own_option, text,
};

/// Does what can be done now; to be called again when one of its objects has changed. What the project does not permit stays,
/// and without a project, or when the destination cannot be reached, everything does.
pub(super) async fn go_on(
    shared: &Shared,
    application: &Value,
    project: Option<&Project>,
) -> Result<(), ApiError> {
    let own = [RESOURCES_FINALIZER, FOREGROUND_FINALIZER, BACKGROUND_FINALIZER];
    let all = finalizers(application);
    let Some(finalizer) = all.iter().find(|one| own.contains(one)) else { return Ok(()) };
    let propagation =
        if *finalizer == BACKGROUND_FINALIZER { Propagation::Background } else { Propagation::Foreground };
    let itself = Key::of(application);
    let mut left = shared.cache.tracked_by(name(application));
    let is_seen = |object: &Value| project.is_some_and(|project| project.sees(object));
    left.retain(|object| {
        Key::of(object) != itself && !is_left_behind(application, object) && is_seen(object)
    });
    if let Some(last_wave) = left.iter().map(|object| wave(object)).max() {
        for object in left.iter().filter(|object| wave(object) == last_wave && !is_deleting(object)) {
            let what = format!("deleted {} {}", kind(object), name(object));
            shared.journal.note(name(application), &what);
            shared.api.delete(&Key::of(object), propagation).await?;
        }
        for hook in left.iter().filter(|object| is_deleting(object)) {
            // Nobody waits for its end any more.
            super::sync::let_go(shared, hook).await?;
        }
        return Ok(());
    }
    let kept: Vec<&&str> = all.iter().filter(|one| !own.contains(one)).collect();
    match shared.api.merge(&itself, "", &json!({"metadata": {"finalizers": kept}})).await {
        Err(error) if !error.is_not_found() => Err(error),
        _ => Ok(()),
    }
}

/// Whether an object stays when its Application goes.
fn is_left_behind(application: &Value, object: &Value) -> bool {
    let all = list(&application["spec"]["syncPolicy"]["syncOptions"]).iter().map(text);
    own_option(object, SYNC_OPTIONS, "Delete").or_else(|| option_value(all, "Delete")) == Some("false")
        || kind(object) == "CustomResourceDefinition"
        || has_option(object, RESOURCE_POLICY, "keep")
}
