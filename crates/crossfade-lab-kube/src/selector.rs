//! Label and field selectors.

use serde_json::Value;

use crate::error::ApiError;
use crate::resource::ResourceType;

/// One requirement on labels.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Requirement {
    In(String, Vec<String>),
    NotIn(String, Vec<String>),
    Exists(String),
    Absent(String),
    Greater(String, i64),
    Less(String, i64),
}

/// All requirements have to hold. The empty selector matches everything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct LabelSelector(Vec<Requirement>);

impl LabelSelector {
    /// Reads `app=web,tier in (a, b),!old`.
    pub(crate) fn parse(text: &str) -> Result<LabelSelector, ApiError> {
        let refuse = || {
            ApiError::bad_request(format!(
                "unable to parse requirement: found '{text}', expected: a label selector"
            ))
        };
        let mut requirements = Vec::new();
        for part in split_outside_parentheses(text) {
            let part = part.trim();
            if part.is_empty() {
                continue;
            }
            requirements.push(parse_requirement(part).ok_or_else(refuse)?);
        }
        Ok(LabelSelector(requirements))
    }

    /// Reads a `metav1.LabelSelector` object.
    pub(crate) fn from_object(selector: &Value) -> Result<LabelSelector, ApiError> {
        let mut requirements = Vec::new();
        for (key, value) in selector["matchLabels"].as_object().into_iter().flatten() {
            requirements
                .push(Requirement::In(key.clone(), vec![value.as_str().unwrap_or_default().to_owned()]));
        }
        for expression in selector["matchExpressions"].as_array().into_iter().flatten() {
            let key = expression["key"].as_str().unwrap_or_default().to_owned();
            let values = crate::meta::strings(&expression["values"]);
            requirements.push(match expression["operator"].as_str() {
                Some("In") => Requirement::In(key, values),
                Some("NotIn") => Requirement::NotIn(key, values),
                Some("Exists") => Requirement::Exists(key),
                Some("DoesNotExist") => Requirement::Absent(key),
                other => {
                    let operator = other.unwrap_or_default();
                    return Err(ApiError::bad_request(format!(
                        "{operator:?} is not a valid label selector operator"
                    )));
                }
            });
        }
        Ok(LabelSelector(requirements))
    }

    pub(crate) fn matches(&self, object: &Value) -> bool {
        self.matches_labels(&object["metadata"]["labels"])
    }

    pub(crate) fn matches_labels(&self, labels: &Value) -> bool {
        self.0.iter().all(|requirement| {
            let value = |key: &str| labels[key].as_str();
            let number = |key: &str| value(key).and_then(|text| text.parse::<i64>().ok());
            match requirement {
                Requirement::In(key, values) => {
                    value(key).is_some_and(|have| values.iter().any(|want| want == have))
                }
                Requirement::NotIn(key, values) => {
                    value(key).is_none_or(|have| values.iter().all(|want| want != have))
                }
                Requirement::Exists(key) => value(key).is_some(),
                Requirement::Absent(key) => value(key).is_none(),
                Requirement::Greater(key, than) => number(key).is_some_and(|have| have > *than),
                Requirement::Less(key, than) => number(key).is_some_and(|have| have < *than),
            }
        })
    }
}

/// `app=web` and `a in (b,c)`, as status.selector of the scale subresource writes it.
impl std::fmt::Display for LabelSelector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let parts: Vec<String> = self
            .0
            .iter()
            .map(|requirement| match requirement {
                Requirement::In(key, values) if values.len() == 1 => format!("{key}={}", values[0]),
                Requirement::In(key, values) => format!("{key} in ({})", values.join(",")),
                Requirement::NotIn(key, values) => format!("{key} notin ({})", values.join(",")),
                Requirement::Exists(key) => key.clone(),
                Requirement::Absent(key) => format!("!{key}"),
                Requirement::Greater(key, than) => format!("{key}>{than}"),
                Requirement::Less(key, than) => format!("{key}<{than}"),
            })
            .collect();
        f.write_str(&parts.join(","))
    }
}

fn split_outside_parentheses(text: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let (mut depth, mut start) = (0_usize, 0);
    for (index, c) in text.char_indices() {
        match c {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                parts.push(&text[start..index]);
                start = index + 1;
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    parts
}

fn parse_requirement(part: &str) -> Option<Requirement> {
    if let Some(key) = part.strip_prefix('!').filter(|rest| !rest.starts_with('=')) {
        return is_key(key.trim()).then(|| Requirement::Absent(key.trim().to_owned()));
    }
    if let Some((key, value)) = part.split_once("!=") {
        return Some(Requirement::NotIn(key_of(key)?, vec![value.trim().to_owned()]));
    }
    if let Some((key, value)) = part.split_once("==").or_else(|| part.split_once('=')) {
        return Some(Requirement::In(key_of(key)?, vec![value.trim().to_owned()]));
    }
    if let Some((key, value)) = part.split_once('>') {
        return Some(Requirement::Greater(key_of(key)?, value.trim().parse().ok()?));
    }
    if let Some((key, value)) = part.split_once('<') {
        return Some(Requirement::Less(key_of(key)?, value.trim().parse().ok()?));
    }
    if let Some((head, list)) = part.split_once('(') {
        let values: Vec<String> =
            list.trim_end().strip_suffix(')')?.split(',').map(|value| value.trim().to_owned()).collect();
        let mut words = head.split_whitespace();
        let key = key_of(words.next()?)?;
        return match (words.next(), words.next()) {
            (Some("in"), None) => Some(Requirement::In(key, values)),
            (Some("notin"), None) => Some(Requirement::NotIn(key, values)),
            _ => None,
        };
    }
    Some(Requirement::Exists(key_of(part)?))
}

fn key_of(text: &str) -> Option<String> {
    let key = text.trim();
    is_key(key).then(|| key.to_owned())
}

fn is_key(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/'))
}

/// `metadata.name=x,status.phase!=Running`. All terms have to hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct FieldSelector(Vec<(String, bool, String)>);

impl FieldSelector {
    /// Reads a selector and refuses fields that a real server does not index for this kind.
    pub(crate) fn parse(text: &str, resource: &ResourceType) -> Result<FieldSelector, ApiError> {
        let mut terms = Vec::new();
        for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            let (field, equal, value) = if let Some((field, value)) = part.split_once("!=") {
                (field, false, value)
            } else if let Some((field, value)) = part.split_once("==").or_else(|| part.split_once('=')) {
                (field, true, value)
            } else {
                return Err(ApiError::bad_request(format!(
                    "invalid selector: '{text}'; can't understand '{part}'"
                )));
            };
            if !is_indexed(resource, field) {
                return Err(ApiError::bad_request(format!("field label not supported: {field}")));
            }
            terms.push((field.to_owned(), equal, value.to_owned()));
        }
        Ok(FieldSelector(terms))
    }

    pub(crate) fn matches(&self, object: &Value) -> bool {
        self.0.iter().all(|(field, equal, wanted)| {
            let value = field.split('.').fold(object, |value, step| &value[step]);
            let text = match value {
                Value::Null => String::new(),
                Value::String(text) => text.clone(),
                other => other.to_string(),
            };
            (text == *wanted) == *equal
        })
    }
}

fn is_indexed(resource: &ResourceType, field: &str) -> bool {
    const EVENT_FIELDS: [&str; 12] = [
        "involvedObject.kind",
        "involvedObject.namespace",
        "involvedObject.name",
        "involvedObject.uid",
        "involvedObject.apiVersion",
        "involvedObject.resourceVersion",
        "involvedObject.fieldPath",
        "reason",
        "reportingComponent",
        "source",
        "type",
        "regarding.name",
    ];
    if matches!(field, "metadata.name" | "metadata.namespace") {
        return true;
    }
    match (resource.id.group.as_str(), resource.id.plural.as_str()) {
        ("", "pods") => matches!(
            field,
            "spec.nodeName"
                | "spec.restartPolicy"
                | "spec.schedulerName"
                | "spec.serviceAccountName"
                | "spec.hostNetwork"
                | "status.phase"
                | "status.podIP"
                | "status.nominatedNodeName"
        ),
        ("", "events") => EVENT_FIELDS.contains(&field),
        ("events.k8s.io", "events") => {
            EVENT_FIELDS.contains(&field) || field.starts_with("regarding.") || field == "reportingController"
        }
        ("", "secrets") => field == "type",
        ("", "nodes") => field == "spec.unschedulable",
        ("", "namespaces") => field == "status.phase",
        ("", "services") => matches!(field, "spec.clusterIP" | "spec.type"),
        ("apps", "replicasets") | ("", "replicationcontrollers") => field == "status.replicas",
        ("batch", "jobs") => field == "status.successful",
        _ => false,
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn label_selectors_select() {
        let object = json!({"metadata": {"labels": {"app": "web", "tier": "front", "n": "5"}}});
        for (selector, expected) in [
            ("", true),
            ("app=web", true),
            ("app==web,tier!=back", true),
            ("app in (api, web)", true),
            ("app notin (api)", true),
            ("app", true),
            ("!old", true),
            ("n>4", true),
            ("n<4", false),
            ("app=api", false),
            ("missing!=x", true),
            ("!app", false),
        ] {
            assert_eq!(LabelSelector::parse(selector).unwrap().matches(&object), expected, "{selector}");
        }
        assert!(LabelSelector::parse("app in web").is_err());
    }

    #[test]
    fn field_selectors_refuse_what_is_not_indexed() {
        let registry = crate::resource::Registry::builtin();
        let pods = registry.get(&crate::resource::ResourceId::new("", "pods")).unwrap();
        assert!(
            FieldSelector::parse("spec.nodeName=a", pods)
                .unwrap()
                .matches(&json!({"spec": {"nodeName": "a"}}))
        );
        let error = FieldSelector::parse("spec.host=a", pods).unwrap_err();
        assert_eq!(error.to_string(), "field label not supported: spec.host");
    }
}
