//! `metadata.managedFields`: reading, writing, and what an update or an apply does to it.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::{Map, Value, json};

use super::FieldSet;
use super::walk::{self, MergeProblem};
use crate::error::{ApiError, Cause};
use crate::meta;
use crate::schema::{Field, ObjectRef, Shape};

/// Distinct managers an object may have by updates before the oldest are folded into one, as on a real
/// server.
const UPDATE_MANAGERS_MAX: usize = 10;

/// The annotation in which `kubectl apply` keeps what it applied last.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// Fields nobody owns because the server keeps them.
const STRIPPED: [&[&str]; 11] = [
    &["f:apiVersion"],
    &["f:kind"],
    &["f:metadata"],
    &["f:metadata", "f:name"],
    &["f:metadata", "f:namespace"],
    &["f:metadata", "f:creationTimestamp"],
    &["f:metadata", "f:selfLink"],
    &["f:metadata", "f:uid"],
    &["f:metadata", "f:generation"],
    &["f:metadata", "f:managedFields"],
    &["f:metadata", "f:resourceVersion"],
];

/// How a manager came by its fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Operation {
    Apply,
    Update,
}

/// Who writes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Manager {
    pub(crate) name: String,
    /// `apps/v1` of the request.
    pub(crate) api_version: String,
    /// `status` or `scale`, empty for the object itself.
    pub(crate) subresource: String,
    /// Top-level fields that this write does not reach, as steps of a set.
    pub(crate) resets: Vec<&'static str>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    operation: Operation,
    name: String,
    api_version: String,
    subresource: String,
}

#[derive(Clone, Debug, Default, PartialEq)]
struct Owned {
    fields: FieldSet,
    time: String,
}

/// The decoded list.
#[derive(Clone, Debug, Default, PartialEq)]
struct Managers(BTreeMap<Key, Owned>);

impl Managers {
    fn read(object: &Value) -> Managers {
        let mut managers = Managers::default();
        for entry in object["metadata"]["managedFields"].as_array().into_iter().flatten() {
            let text = |field: &str| entry[field].as_str().unwrap_or_default().to_owned();
            let operation = match entry["operation"].as_str() {
                Some("Apply") => Operation::Apply,
                Some("Update") => Operation::Update,
                _ => continue,
            };
            let key = Key {
                operation,
                name: text("manager"),
                api_version: text("apiVersion"),
                subresource: text("subresource"),
            };
            let owned = Owned { fields: FieldSet::from_fields_v1(&entry["fieldsV1"]), time: text("time") };
            managers.0.insert(key, owned);
        }
        managers
    }

    fn write(&self, object: &mut Value) {
        let mut entries: Vec<(&Key, &Owned)> =
            self.0.iter().filter(|(_, owned)| !owned.fields.is_empty()).collect();
        entries.sort_by(|(a, owned_a), (b, owned_b)| {
            (a.operation, &owned_a.time, &a.name).cmp(&(b.operation, &owned_b.time, &b.name))
        });
        let list: Vec<Value> = entries
            .into_iter()
            .map(|(key, owned)| {
                let mut entry = json!({
                    "manager": key.name,
                    "operation": if key.operation == Operation::Apply { "Apply" } else { "Update" },
                    "apiVersion": key.api_version,
                    "time": owned.time,
                    "fieldsType": "FieldsV1",
                    "fieldsV1": owned.fields.to_fields_v1(),
                });
                if !key.subresource.is_empty() {
                    entry["subresource"] = key.subresource.as_str().into();
                }
                entry
            })
            .collect();
        meta::set_or_remove(meta::metadata_mut(object), "managedFields", Value::Array(list));
    }

    /// Folds the oldest update entries into one named as the real server names it.
    fn cap(&mut self) {
        let mut updates: Vec<(String, Key)> = self
            .0
            .iter()
            .filter(|(key, _)| key.operation == Operation::Update)
            .map(|(key, owned)| (owned.time.clone(), key.clone()))
            .collect();
        if updates.len() <= UPDATE_MANAGERS_MAX {
            return;
        }
        updates.sort();
        let surplus = updates.len() - UPDATE_MANAGERS_MAX + 1;
        for (_, key) in updates.into_iter().take(surplus) {
            if let Some(old) = self.0.remove(&key) {
                let bucket = Key { name: "ancient-changes".into(), subresource: String::new(), ..key };
                let entry = self.0.entry(bucket).or_default();
                entry.fields.union(&old.fields);
                entry.time = entry.time.clone().max(old.time);
            }
        }
    }
}

/// What server-side apply decided.
pub(crate) struct Applied {
    pub(crate) object: Value,
}

fn whole(shape: &ObjectRef) -> Field {
    Field::plain(Shape::Object(shape.clone()))
}

fn without_managed_fields(object: &Value) -> Value {
    let mut copy = object.clone();
    if let Some(metadata) = copy["metadata"].as_object_mut() {
        metadata.remove("managedFields");
    }
    copy
}

fn stripped() -> FieldSet {
    let mut set = FieldSet::default();
    for path in STRIPPED {
        set.insert(path);
    }
    set
}

/// Records an update: `new` is what is going to be stored, `live` what was there (none for a create).
pub(crate) fn record_update(live: Option<&Value>, new: &mut Value, shape: &ObjectRef, by: &Manager) {
    let given = new["metadata"]["managedFields"].as_array();
    if given.is_some_and(|entries| entries.len() == 1 && entries[0].as_object().is_some_and(Map::is_empty)) {
        // The documented way to clear the list.
        meta::metadata_mut(new).remove("managedFields");
        return;
    }
    let mut managers = Managers::read(new);
    if managers.0.is_empty()
        && let Some(live) = live
    {
        managers = Managers::read(live);
    }
    if managers.0.is_empty() && live.is_some() {
        // Nothing is tracked until somebody applies.
        meta::metadata_mut(new).remove("managedFields");
        return;
    }
    let bare_new = without_managed_fields(new);
    let bare_live = live.map_or_else(|| json!({}), without_managed_fields);
    update_managers(&mut managers, &bare_live, &bare_new, &whole(shape), by);
    managers.cap();
    managers.write(new);
}

fn update_managers(managers: &mut Managers, live: &Value, new: &Value, field: &Field, by: &Manager) {
    let comparison = reached(walk::compare(live, new, field), by);
    let mut taken = comparison.modified.clone();
    taken.union(&comparison.added);
    for owned in managers.0.values_mut() {
        owned.fields = owned.fields.difference(&taken).difference(&comparison.removed);
    }
    managers.0.retain(|_, owned| !owned.fields.is_empty());
    let mine = taken.difference(&stripped());
    if mine.is_empty() {
        return;
    }
    let key = Key {
        operation: Operation::Update,
        name: by.name.clone(),
        api_version: by.api_version.clone(),
        subresource: by.subresource.clone(),
    };
    let entry = managers.0.entry(key).or_default();
    entry.fields.union(&mine);
    entry.time = meta::now();
}

/// Server-side apply of `config` over `live` (none: the object is to be created).
///
/// Returns the merged object with its `managedFields`; the caller stores it, or not when it equals what is
/// stored.
pub(crate) fn apply(
    live: Option<&Value>,
    config: &Value,
    shape: &ObjectRef,
    by: &Manager,
    force: bool,
) -> Result<Applied, ApiError> {
    let field = whole(shape);
    let mut managers = live.map(Managers::read).unwrap_or_default();
    let bare_live = live.map_or_else(|| json!({}), without_managed_fields);
    if live.is_some() && managers.0.is_empty() {
        let before = Manager { name: "before-first-apply".into(), ..by.clone() };
        update_managers(&mut managers, &json!({}), &bare_live, &field, &before);
    }
    let key = Key {
        operation: Operation::Apply,
        name: by.name.clone(),
        api_version: by.api_version.clone(),
        subresource: by.subresource.clone(),
    };
    let merged = walk::merge(live.map(|_| &bare_live), config, &field).map_err(|MergeProblem(text)| {
        ApiError::internal(format!("failed to create typed patch object: {text}"))
    })?;
    let last = managers.0.get(&key).cloned();
    let mut set = walk::to_set(config, &field);
    let mut time = last.as_ref().map_or_else(String::new, |owned| owned.time.clone());
    set = set.difference(&stripped());
    set.children.retain(|step, _| !by.resets.contains(&step.as_str()));
    managers.0.insert(key.clone(), Owned { fields: set, time: time.clone() });
    let mut object = prune(&merged, &managers, last.as_ref(), &field);

    let comparison = reached(walk::compare(&bare_live, &object, &field), by);
    let mut changed = comparison.modified;
    changed.union(&comparison.added);
    let mut conflicts = BTreeMap::new();
    for (other, owned) in managers.0.iter().filter(|(other, _)| **other != key) {
        let both = owned.fields.intersection(&changed);
        if !both.is_empty() {
            conflicts.insert(other.clone(), both);
        }
    }
    if !force && !conflicts.is_empty() && !applied_before(live, &conflicts, &field, by) {
        return Err(conflict_error(&conflicts));
    }
    for (other, owned) in managers.0.iter_mut().filter(|(other, _)| **other != key) {
        if let Some(both) = conflicts.get(other) {
            owned.fields = owned.fields.difference(both);
        }
        owned.fields = owned.fields.difference(&comparison.removed);
    }
    managers.0.retain(|_, owned| !owned.fields.is_empty());
    if bare_live != object || time.is_empty() {
        time = meta::now();
    }
    if let Some(owned) = managers.0.get_mut(&key) {
        owned.time = time;
    }
    managers.write(&mut object);
    if by.name == "kubectl" && object["metadata"]["annotations"][LAST_APPLIED].is_string() {
        // Keeps client-side apply working for those who go back to it. It changes no ownership.
        object["metadata"]["annotations"][LAST_APPLIED] = Value::String(format!("{config}\n"));
    }
    Ok(Applied { object })
}

/// A comparison without what the write does not reach.
fn reached(mut comparison: walk::Comparison, by: &Manager) -> walk::Comparison {
    for set in [&mut comparison.added, &mut comparison.modified, &mut comparison.removed] {
        set.children.retain(|step, _| !by.resets.contains(&step.as_str()));
    }
    comparison
}

/// Whether all conflicts are over fields that the same person applied by client-side apply before: then the
/// move to server-side apply is free.
fn applied_before(
    live: Option<&Value>,
    conflicts: &BTreeMap<Key, FieldSet>,
    field: &Field,
    by: &Manager,
) -> bool {
    if by.name != "kubectl" {
        return false;
    }
    let Some(text) = live.and_then(|live| live["metadata"]["annotations"][LAST_APPLIED].as_str()) else {
        return false;
    };
    let Ok(config) = serde_json::from_str::<Value>(text) else {
        return false;
    };
    let mut allowed = walk::to_set(&config, field);
    allowed.insert(&["f:metadata", "f:annotations", &format!("f:{LAST_APPLIED}")]);
    conflicts.values().all(|set| set.difference(&allowed).is_empty())
}

fn prune(merged: &Value, managers: &Managers, last: Option<&Owned>, field: &Field) -> Value {
    let Some(last) = last.filter(|last| !last.fields.is_empty()) else {
        return merged.clone();
    };
    let last_set = walk::with_named_fields(&last.fields, field);
    let first = walk::remove(merged, &last_set, field);

    // Fields that another manager (or the new configuration) owns come back.
    let mut managed = FieldSet::default();
    for owned in managers.0.values() {
        managed.union(&owned.fields);
    }
    let merged_set = walk::with_named_fields(&walk::to_set(merged, field), field);
    let mut kept = walk::with_named_fields(&walk::to_set(&first, field), field);
    kept.union(&walk::with_named_fields(&managed, field));
    let second = walk::remove(merged, &merged_set.difference(&kept), field);

    // Fields that nobody owns stay: only what this manager applied last may go.
    let second_set = walk::with_named_fields(&walk::to_set(&second, field), field);
    walk::remove(merged, &merged_set.difference(&second_set).intersection(&last_set), field)
}

fn conflict_error(conflicts: &BTreeMap<Key, FieldSet>) -> ApiError {
    let mut causes = Vec::new();
    let mut lines = Vec::new();
    for (key, set) in conflicts {
        let mut who = format!("{:?}", key.name);
        if !key.subresource.is_empty() {
            let _ = write!(who, " with subresource {:?}", key.subresource);
        }
        if key.operation == Operation::Update {
            let _ = write!(who, " using {}", key.api_version);
        }
        lines.push(format!("conflicts with {who}:"));
        for path in set.paths() {
            causes.push(Cause {
                reason: "FieldManagerConflict".into(),
                message: format!("conflict with {who}"),
                field: path.clone(),
            });
            lines.push(format!("- {path}"));
        }
    }
    let message = match causes.as_slice() {
        [only] => format!("Apply failed with 1 conflict: {}: {}", only.message, only.field),
        many => format!("Apply failed with {} conflicts: {}", many.len(), lines.join("\n")),
    };
    ApiError::apply_conflict(message, &causes)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::schema::builtin;

    fn by(name: &str) -> Manager {
        Manager {
            name: name.into(),
            api_version: "apps/v1".into(),
            subresource: String::new(),
            resets: Vec::new(),
        }
    }

    fn deployment(replicas: Option<i64>, image: &str) -> Value {
        let mut object = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"},
            "spec": {"template": {"spec": {"containers": [{"name": "app", "image": image}]}}}});
        if let Some(replicas) = replicas {
            object["spec"]["replicas"] = replicas.into();
        }
        object
    }

    fn shape() -> ObjectRef {
        builtin::kind("apps", "v1", "Deployment")
    }

    fn applied(live: Option<&Value>, config: &Value, name: &str, force: bool) -> Result<Value, ApiError> {
        apply(live, config, &shape(), &by(name), force).map(|applied| applied.object)
    }

    #[test]
    fn applying_less_removes_what_only_this_manager_owned() {
        let first = applied(None, &deployment(Some(3), "a"), "ann", false).unwrap();
        let second = applied(Some(&first), &deployment(None, "a"), "ann", false).unwrap();
        assert_eq!(second["spec"]["replicas"], Value::Null);
        assert_eq!(second["spec"]["template"], first["spec"]["template"]);
    }

    #[test]
    fn a_field_with_two_owners_survives_one_leaving() {
        let first = applied(None, &deployment(Some(3), "a"), "ann", false).unwrap();
        let shared = applied(Some(&first), &deployment(Some(3), "a"), "bob", false).unwrap();
        let left = applied(Some(&shared), &deployment(None, "a"), "ann", false).unwrap();
        assert_eq!(left["spec"]["replicas"], 3);
    }

    #[test]
    fn changing_anothers_field_is_a_conflict_unless_forced() {
        let first = applied(None, &deployment(Some(3), "a"), "ann", false).unwrap();
        let error = applied(Some(&first), &deployment(Some(4), "a"), "bob", false).unwrap_err();
        assert_eq!(error.to_string(), "Apply failed with 1 conflict: conflict with \"ann\": .spec.replicas");
        assert_eq!(error.status()["details"]["causes"][0]["reason"], "FieldManagerConflict");
        let forced = applied(Some(&first), &deployment(Some(4), "a"), "bob", true).unwrap();
        let owners = Managers::read(&forced);
        let ann = owners.0.iter().find(|(key, _)| key.name == "ann").unwrap().1;
        assert!(!ann.fields.paths().contains(&".spec.replicas".to_owned()));
    }

    #[test]
    fn an_update_takes_fields_over() {
        let first = applied(None, &deployment(Some(3), "a"), "ann", false).unwrap();
        let mut new = first.clone();
        new["spec"]["replicas"] = 5.into();
        record_update(Some(&first), &mut new, &shape(), &by("kubectl-edit"));
        let error = applied(Some(&new), &deployment(Some(3), "a"), "ann", false).unwrap_err();
        assert_eq!(
            error.to_string(),
            "Apply failed with 1 conflict: conflict with \"kubectl-edit\" using apps/v1: .spec.replicas"
        );
    }

    #[test]
    fn applying_the_same_twice_changes_nothing() {
        let first = applied(None, &deployment(Some(3), "a"), "ann", false).unwrap();
        let second = applied(Some(&first), &deployment(Some(3), "a"), "ann", false).unwrap();
        assert_eq!(first, second);
    }
}
