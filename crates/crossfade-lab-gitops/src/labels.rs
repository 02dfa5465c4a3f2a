//! Label selectors, as ApplicationSets have them; without limits on the values, so that addresses can be matched.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::object::{entries, list, text};

/// Whether a selector has a requirement at all.
pub(crate) fn is_empty(selector: &Value) -> bool {
    entries(&selector["matchLabels"]).next().is_none() && list(&selector["matchExpressions"]).is_empty()
}

/// Whether labels match a selector; an operator that does not exist is an error.
pub(crate) fn matches(selector: &Value, labels: &BTreeMap<String, String>) -> Result<bool, String> {
    for (key, value) in entries(&selector["matchLabels"]) {
        if labels.get(key).map(String::as_str) != Some(text(value)) {
            return Ok(false);
        }
    }
    for requirement in list(&selector["matchExpressions"]) {
        let value = labels.get(text(&requirement["key"])).map(String::as_str);
        let is_listed =
            value.is_some_and(|value| list(&requirement["values"]).iter().any(|one| text(one) == value));
        let holds = match text(&requirement["operator"]) {
            "In" => is_listed,
            "NotIn" => !is_listed,
            "Exists" => value.is_some(),
            "DoesNotExist" => value.is_none(),
            other => return Err(format!("{other:?} is not a valid label selector operator")),
        };
        if !holds {
            return Ok(false);
        }
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn selectors_match_as_kubernetes_says() {
        let labels = BTreeMap::from([("env".to_owned(), "dev".to_owned())]);
        for (selector, expected) in [
            (json!({}), Ok(true)),
            (json!({"matchLabels": {"env": "dev"}}), Ok(true)),
            (json!({"matchLabels": {"env": "prod"}}), Ok(false)),
            (json!({"matchExpressions": [{"key": "x", "operator": "NotIn", "values": ["a"]}]}), Ok(true)),
            (json!({"matchExpressions": [{"key": "env", "operator": "In", "values": ["dev"]}]}), Ok(true)),
            (json!({"matchExpressions": [{"key": "env", "operator": "DoesNotExist"}]}), Ok(false)),
            (
                json!({"matchExpressions": [{"key": "env", "operator": "Like"}]}),
                Err("\"Like\" is not a valid label selector operator".to_owned()),
            ),
        ] {
            assert_eq!(matches(&selector, &labels), expected, "{selector}");
        }
    }
}
