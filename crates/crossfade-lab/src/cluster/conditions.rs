//! Conditions keep the time of their last change.

use serde_json::Value;

use super::object::now;

/// Gives each condition of `new` its times: those of `old` where nothing changed, and now where something did.
pub(crate) fn keep_times(new: &mut Value, old: &Value) {
    let now = now();
    for condition in new.as_array_mut().into_iter().flatten() {
        let known = old.as_array().into_iter().flatten().find(|known| known["type"] == condition["type"]);
        let same = |field: &str| known.is_some_and(|known| known[field] == condition[field]);
        let (same_status, same_text) = (same("status"), same("reason") && same("message"));
        let time = |field: &str, keep: bool| match known.map(|known| &known[field]) {
            Some(time) if keep && time.is_string() => time.clone(),
            _ => Value::from(now.as_str()),
        };
        condition["lastTransitionTime"] = time("lastTransitionTime", same_status);
        condition["lastUpdateTime"] = time("lastUpdateTime", same_status && same_text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn times_change_with_what_they_are_about() {
        let old = json!([{ "type": "A", "status": "True", "reason": "x", "lastTransitionTime": "t", "lastUpdateTime": "u" }]);
        let mut new = json!([{ "type": "A", "status": "True", "reason": "x" }]);
        keep_times(&mut new, &old);
        assert_eq!((&new[0]["lastTransitionTime"], &new[0]["lastUpdateTime"]), (&json!("t"), &json!("u")));
        let mut new = json!([{ "type": "A", "status": "True", "reason": "y" }]);
        keep_times(&mut new, &old);
        assert_eq!(new[0]["lastTransitionTime"], "t");
        assert_ne!(new[0]["lastUpdateTime"], "u");
    }
}
