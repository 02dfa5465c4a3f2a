//! Patches of three kinds: JSON merge patch, JSON patch, strategic merge patch.
//!
//! A patch is applied to the object as the client sees it; storing the result is the business of
//! [`crate::store`].

mod strategic;

use serde_json::Value;

use crate::error::{ApiError, Cause, Reason};
use crate::meta;
use crate::schema::ObjectRef;

/// Operations in one JSON patch, as on a real server.
const JSON_PATCH_OPERATIONS_MAX: usize = 10_000;

/// How to read the body of a PATCH.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PatchKind {
    Json,
    Merge,
    Strategic,
}

/// The object with the patch applied.
pub(crate) fn patched(
    kind: PatchKind,
    current: &Value,
    patch: &Value,
    shape: &ObjectRef,
) -> Result<Value, ApiError> {
    match kind {
        PatchKind::Merge => {
            if !patch.is_object() {
                return Err(ApiError::bad_request("the merge patch has to be an object"));
            }
            let mut result = current.clone();
            merge(&mut result, patch);
            Ok(result)
        }
        PatchKind::Strategic => strategic::patched(current, patch, shape),
        PatchKind::Json => json_patched(current, patch),
    }
}

/// RFC 7386.
fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(changes) = patch else {
        *target = patch.clone();
        return;
    };
    let fields = meta::as_map_mut(target);
    for (name, change) in changes {
        if change.is_null() {
            fields.remove(name);
        } else {
            merge(fields.entry(name.clone()).or_insert(Value::Null), change);
        }
    }
}

fn json_patched(current: &Value, patch: &Value) -> Result<Value, ApiError> {
    let operations: json_patch::Patch = serde_json::from_value(patch.clone())
        .map_err(|error| ApiError::bad_request(format!("error decoding patch: {error}")))?;
    if operations.0.len() > JSON_PATCH_OPERATIONS_MAX {
        return Err(ApiError::new(
            Reason::RequestEntityTooLarge,
            format!(
                "The allowed maximum operations in a JSON patch is {JSON_PATCH_OPERATIONS_MAX}, got {}",
                operations.0.len()
            ),
        ));
    }
    let mut result = current.clone();
    json_patch::patch(&mut result, &operations).map_err(|error| {
        let cause = Cause {
            reason: "UnexpectedServerResponse".into(),
            message: error.to_string(),
            field: String::new(),
        };
        let text = "the server rejected our request due to an error in our request";
        ApiError::new(Reason::Invalid, text).with_causes(&[cause])
    })?;
    Ok(result)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::schema::builtin;

    #[test]
    fn merge_patch_removes_by_null() {
        let shape = builtin::kind("", "v1", "ConfigMap");
        let current = json!({"data": {"a": "1", "b": "2"}});
        let result =
            patched(PatchKind::Merge, &current, &json!({"data": {"a": null, "c": "3"}}), &shape).unwrap();
        assert_eq!(result, json!({"data": {"b": "2", "c": "3"}}));
    }

    #[test]
    fn json_patch_tests_before_it_changes() {
        let shape = builtin::kind("", "v1", "ConfigMap");
        let current = json!({"data": {"a": "1"}});
        let wrong =
            json!([{"op": "test", "path": "/data/a", "value": "2"}, {"op": "remove", "path": "/data/a"}]);
        assert_eq!(patched(PatchKind::Json, &current, &wrong, &shape).unwrap_err().code(), 422);
        let right =
            json!([{"op": "test", "path": "/data/a", "value": "1"}, {"op": "remove", "path": "/data/a"}]);
        assert_eq!(patched(PatchKind::Json, &current, &right, &shape).unwrap(), json!({"data": {}}));
    }
}
