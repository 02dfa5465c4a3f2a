//! Which Application an object belongs to: by an annotation, as Argo CD 3 does unless told otherwise, by a label, or marked
//! with both. The ConfigMap `argocd-cm` says which.

use serde_json::Value;

use crate::names::{DEFAULT_INSTANCE_LABEL, SETTINGS, TRACKING_ID};
use crate::object::{
    Key, annotation, group, kind, label, list, name, namespace, set_annotation, table_mut, text,
};

/// A label's value is no longer than this.
const LABEL_LENGTH_MAX: usize = 63;

/// How objects are marked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Tracking {
    method: Method,
    label: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Method {
    Annotation,
    Label,
    Both,
}

impl Default for Tracking {
    fn default() -> Tracking {
        Tracking { method: Method::Annotation, label: DEFAULT_INSTANCE_LABEL.to_owned() }
    }
}

impl Tracking {
    /// Whether these are Argo CD's settings.
    pub(crate) fn is_said_by(key: &Key) -> bool {
        (key.kind.as_str(), key.namespace.as_str(), key.name.as_str()) == SETTINGS && key.group.is_empty()
    }

    /// What Argo CD's settings say, where there are any.
    pub(crate) fn of_settings(settings: Option<&Value>) -> Tracking {
        let data = settings.map_or(&Value::Null, |settings| &settings["data"]);
        let method = match text(&data["application.resourceTrackingMethod"]) {
            "label" => Method::Label,
            "annotation+label" => Method::Both,
            _ => Method::Annotation,
        };
        let label = match text(&data["application.instanceLabelKey"]) {
            "" => DEFAULT_INSTANCE_LABEL,
            label => label,
        };
        Tracking { method, label: label.to_owned() }
    }

    /// Marks an object as an Application's.
    pub(crate) fn mark(&self, application: &str, object: &mut Value, destination_namespace: &str) {
        if self.method != Method::Label {
            let id = id_of(application, object, destination_namespace);
            set_annotation(object, TRACKING_ID, &id);
        }
        if self.method != Method::Annotation {
            // The whole name, where it is all that tells whose an object is.
            let value = if self.method == Method::Both { shortened(application) } else { application };
            table_mut(object, &["metadata", "labels"]).insert(self.label.clone(), value.into());
        }
    }

    /// The Application that an object says it belongs to. A mark that names another object was copied from it by some
    /// controller, and says nothing; what has an owner is the owner's.
    pub(crate) fn application_of(&self, object: &Value) -> Option<String> {
        if !list(&object["metadata"]["ownerReferences"]).is_empty() {
            return None;
        }
        match self.method {
            Method::Label => label(object, &self.label).filter(|name| !name.is_empty()).map(str::to_owned),
            Method::Annotation | Method::Both => marked_by_annotation(object),
        }
    }
}

/// The id that an object of an Application carries. Objects without a namespace take the destination's in it.
fn id_of(application: &str, object: &Value, destination_namespace: &str) -> String {
    let namespace = match namespace(object) {
        "" => destination_namespace,
        namespace => namespace,
    };
    format!("{application}:{}/{}:{namespace}/{}", group(object), kind(object), name(object))
}

fn marked_by_annotation(object: &Value) -> Option<String> {
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

/// As much of a name as a label holds, ending with a letter or a digit.
fn shortened(name: &str) -> &str {
    let end = (0..=name.len().min(LABEL_LENGTH_MAX)).rev().find(|end| name.is_char_boundary(*end));
    name[..end.unwrap_or_default()].trim_end_matches(|letter: char| !letter.is_ascii_alphanumeric())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn marks_hold_for_the_object_they_name() {
        let tracking = Tracking::default();
        let mut object = json!({"apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {"name": "a", "namespace": "b"}});
        tracking.mark("app", &mut object, "x");
        assert_eq!(annotation(&object, TRACKING_ID), Some("app:apps/Deployment:b/a"));
        assert_eq!(tracking.application_of(&object).as_deref(), Some("app"));
        object["kind"] = "ReplicaSet".into();
        assert_eq!(tracking.application_of(&object), None);
        let mut class =
            json!({"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": {"name": "gp3"}});
        tracking.mark("app", &mut class, "x");
        assert_eq!(annotation(&class, TRACKING_ID), Some("app:storage.k8s.io/StorageClass:x/gp3"));
        assert_eq!(tracking.application_of(&class).as_deref(), Some("app"));
    }

    #[test]
    fn settings_say_how_objects_are_marked() {
        let of = |method: &str, key: &str| {
            let data =
                json!({"application.resourceTrackingMethod": method, "application.instanceLabelKey": key});
            Tracking::of_settings(Some(&json!({"data": data})))
        };
        let object = json!({"kind": "ConfigMap", "metadata": {"name": "a", "namespace": "b"}});
        let marked = |tracking: &Tracking, application: &str| {
            let mut marked = object.clone();
            tracking.mark(application, &mut marked, "x");
            marked
        };
        assert_eq!(of("", ""), Tracking::of_settings(None));
        let by_label = marked(&of("label", ""), "app");
        assert_eq!(by_label["metadata"]["labels"], json!({"app.kubernetes.io/instance": "app"}));
        assert_eq!(annotation(&by_label, TRACKING_ID), None);
        assert_eq!(of("label", "").application_of(&by_label).as_deref(), Some("app"));
        assert_eq!(of("label", "mine").application_of(&by_label), None);
        assert_eq!(Tracking::default().application_of(&by_label), None);
        let long = format!("{}-.{}", "a".repeat(61), "b".repeat(9));
        let by_both = marked(&of("annotation+label", "mine"), &long);
        assert_eq!(by_both["metadata"]["labels"], json!({"mine": "a".repeat(61)}));
        assert_eq!(of("annotation+label", "mine").application_of(&by_both), Some(long));
        let mut owned = by_label;
        owned["metadata"]["ownerReferences"] = json!([{"kind": "ReplicaSet"}]);
        assert_eq!(of("label", "").application_of(&owned), None);
    }
}
