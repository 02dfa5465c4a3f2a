//! Fields that a trusted manager wrote otherwise than they are declared.

use serde_json::Value;

use super::super::fields::{Step, steps};
use crate::object::{list, text};

/// Takes what differs between the two, and what one of the managers owns in `live`, out of both.
pub(super) fn take_out(managers: &[String], target: &mut Value, live: &mut Value) {
    let entries = live["metadata"]["managedFields"].clone();
    for entry in list(&entries) {
        if managers.iter().any(|manager| manager == text(&entry["manager"])) {
            walk(&entry["fieldsV1"], target, live);
        }
    }
}

fn walk(fields: &Value, target: &mut Value, live: &mut Value) {
    for (step, below) in steps(fields) {
        let is_leaf = below.as_object().is_none_or(|below| below.keys().all(|key| key == "."));
        match step {
            Step::Field(name) => {
                let (Value::Object(ours), Value::Object(theirs)) = (&mut *target, &mut *live) else {
                    continue;
                };
                match (ours.get_mut(name), theirs.get_mut(name)) {
                    (Some(our), Some(their)) if our != their => {
                        let is_scalar = !their.is_object() && !their.is_array();
                        if is_leaf || is_scalar {
                            ours.remove(name);
                            theirs.remove(name);
                        } else {
                            walk(below, our, their);
                        }
                    }
                    _ => {}
                }
            }
            Step::Item(keys) => {
                let (Value::Array(ours), Value::Array(theirs)) = (&mut *target, &mut *live) else { continue };
                let our = ours.iter_mut().find(|item| keys.fits(item));
                let their = theirs.iter_mut().find(|item| keys.fits(item));
                if let (Some(our), Some(their)) = (our, their) {
                    walk(below, our, their);
                }
            }
            Step::Value(_) => {}
        }
    }
}
