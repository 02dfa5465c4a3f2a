//! Managed fields as the API writes them: sets of paths, a step at a time.

use serde_json::Value;

use crate::object::entries;

/// One step of a path.
pub(super) enum Step<'f> {
    /// A field of a table.
    Field(&'f str),
    /// An item of a list, by its keys.
    Item(Keys),
    /// An item of a set, by its value.
    Value(Value),
}

/// What tells an item of a list from the others.
pub(super) struct Keys(Value);

impl Keys {
    /// Whether they are those of an item. Ports default their protocol, which is part of their key.
    pub(super) fn fits(&self, item: &Value) -> bool {
        entries(&self.0).all(|(key, value)| {
            item[key] == *value || (key == "protocol" && item[key].is_null() && value == "TCP")
        })
    }
}

/// The steps from here, each with what is below it.
pub(super) fn steps(fields: &Value) -> impl Iterator<Item = (Step<'_>, &Value)> {
    entries(fields).filter_map(|(step, below)| {
        let step = match step.split_once(':')? {
            ("f", name) => Step::Field(name),
            ("k", keys) => Step::Item(Keys(serde_json::from_str(keys).ok()?)),
            ("v", value) => Step::Value(serde_json::from_str(value).ok()?),
            _ => return None,
        };
        Some((step, below))
    })
}
