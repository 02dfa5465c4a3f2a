//! Which Application an object belongs to: the tracking annotation, as Argo CD 3 uses it unless told otherwise.

use serde_json::Value;

use crate::names::TRACKING_ID;
use crate::object::{annotation, group, kind, name, namespace, set_annotation};

/// The id that an object of an Application carries. Objects without a namespace take the destination's in it.
pub(crate) fn id_of(application: &str, object: &Value, destination_namespace: &str) -> String {
    let namespace = match namespace(object) {
        "" => destination_namespace,
        namespace => namespace,
    };
    format!("{application}:{}/{}:{namespace}/{}", group(object), kind(object), name(object))
}

/// Marks an object as an Application's.
pub(crate) fn mark(application: &str, object: &mut Value, destination_namespace: &str) {
    let id = id_of(application, object, destination_namespace);
    set_annotation(object, TRACKING_ID, &id);
}

/// The Application that an object says it belongs to. A mark that names another object was copied from it by some
/// controller, and says nothing.
pub(crate) fn application_of(object: &Value) -> Option<String> {
    let mut parts = annotation(object, TRACKING_ID)?.splitn(3, ':');
    let (application, kinds, place) = (parts.next()?, parts.next()?, parts.next()?);
    let (marked_group, marked_kind) = kinds.split_once('/')?;
    let (marked_namespace, marked_name) = place.split_once('/')?;
    let is_own = marked_group == group(object)
        && marked_kind == kind(object)
        && marked_name == name(object)
        && (namespace(object).is_empty() || marked_namespace == namespace(object));
    is_own.then(|| application.to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn marks_hold_for_the_object_they_name() {
        let mut object = json!({"apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {"name": "a", "namespace": "b"}});
        mark("app", &mut object, "x");
        assert_eq!(annotation(&object, TRACKING_ID), Some("app:apps/Deployment:b/a"));
        assert_eq!(application_of(&object).as_deref(), Some("app"));
        object["kind"] = "ReplicaSet".into();
        assert_eq!(application_of(&object), None);
        let mut class =
            json!({"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": {"name": "gp3"}});
        mark("app", &mut class, "x");
        assert_eq!(annotation(&class, TRACKING_ID), Some("app:storage.k8s.io/StorageClass:x/gp3"));
        assert_eq!(application_of(&class).as_deref(), Some("app"));
    }
}
