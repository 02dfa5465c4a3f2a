//! Client-side apply of objects with fields that their type does not have: a server drops those, and refuses them where they are
//! applied on its own side. The agent applies there always, so it takes them out as it is told of them.

use serde_json::Value;

use crate::api::{Api, ApiError};
use crate::names::FIELD_MANAGER;
use crate::object::table_mut;

/// Each answer names one field of an object or more; an object with as many wrong is no manifest.
const ANSWERS_MAX: usize = 32;
const UNDECLARED: &str = ": field not declared in schema";

/// Applies an object without the fields that the server does not know; what is there then, and whether there were any.
pub(super) async fn apply_known(api: &Api, object: &Value) -> Result<(Value, bool), ApiError> {
    let mut known = object.clone();
    for answers in 0..ANSWERS_MAX {
        match api.apply(&known, FIELD_MANAGER).await {
            Err(error) if take_out(&error.message, &mut known) => {}
            answer => return Ok((answer?, answers > 0)),
        }
    }
    Ok((api.apply(&known, FIELD_MANAGER).await?, true))
}

/// Takes out what a refusal names; false when it names nothing that is there.
fn take_out(refusal: &str, object: &mut Value) -> bool {
    let paths = refusal.lines().filter_map(|line| line.strip_suffix(UNDECLARED));
    let paths = paths.filter_map(|line| line.rsplit([' ', ':']).next()?.strip_prefix('.'));
    let mut is_less = false;
    for path in paths {
        let (parent, field) = path.rsplit_once('.').unwrap_or(("", path));
        if let Some(parent) = object.pointer_mut(&pointer(parent)).filter(|parent| parent.is_object()) {
            is_less |= table_mut(parent, &[]).remove(field).is_some();
        }
    }
    is_less
}

/// `spec.ports[0]` as a JSON pointer.
fn pointer(path: &str) -> String {
    let steps = path.split(['.', '[']).map(|step| step.trim_end_matches(']'));
    steps.filter(|step| !step.is_empty()).flat_map(|step| ["/", step]).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_a_refusal_names_is_taken_out() {
        let mut object = json!({"extra": 1, "spec": {"nosuch": 1, "ports": [{"port": 80, "other": 2}]}});
        let one = "failed to create typed patch object (a/b; /v1, Kind=Service): .extra: field not declared in schema";
        assert!(take_out(one, &mut object));
        assert!(!take_out(one, &mut object));
        let many = "failed to create typed patch object (a/b; /v1, Kind=Service): errors:\n  \
                    .spec.nosuch: field not declared in schema\n  .spec.ports[0].other: field not declared in schema";
        assert!(take_out(many, &mut object));
        assert_eq!(object, json!({"spec": {"ports": [{"port": 80}]}}));
        assert!(!take_out("Service \"b\" is invalid", &mut object));
    }
}
