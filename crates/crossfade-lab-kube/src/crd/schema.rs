//! Structural schemas: the shape for merging, pruning of unknown fields, defaults, validation with the texts
//! of kube-openapi.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::{Map, Value};

use super::CustomVersion;
use crate::error::{Problem, ProblemKind};
use crate::meta;
use crate::schema::decode::Removed;
use crate::schema::{Field, ListMerge, ObjectRef, ObjectShape, Shape, builtin};

/// The shape of a whole custom object: its schema with the fields every object has.
pub(super) fn root_shape(schema: &Value) -> ObjectRef {
    let mut shape = object_shape(schema);
    shape.fields.insert("apiVersion".into(), Field::plain(Shape::String));
    shape.fields.insert("kind".into(), Field::plain(Shape::String));
    shape.fields.insert("metadata".into(), Field::plain(Shape::Object(builtin::named("meta.v1.ObjectMeta"))));
    ObjectRef::Custom(Arc::new(shape))
}

fn preserves(schema: &Value) -> bool {
    schema["x-kubernetes-preserve-unknown-fields"] == true || schema["x-kubernetes-embedded-resource"] == true
}

fn object_shape(schema: &Value) -> ObjectShape {
    let required: BTreeSet<String> = meta::strings(&schema["required"]).into_iter().collect();
    let fields: BTreeMap<String, Field> = schema["properties"]
        .as_object()
        .into_iter()
        .flatten()
        .map(|(name, inner)| {
            let mut field = field(inner);
            field.required = required.contains(name);
            (name.clone(), field)
        })
        .collect();
    ObjectShape { name: String::new(), fields, atomic: false, open: preserves(schema) }
}

fn field(schema: &Value) -> Field {
    let shape = if schema["x-kubernetes-int-or-string"] == true {
        Shape::IntOrString
    } else {
        match (schema["type"].as_str(), schema["format"].as_str()) {
            (Some("string"), Some("date-time")) => Shape::Time,
            (Some("string"), Some("byte")) => Shape::Bytes,
            (Some("string"), _) => Shape::String,
            (Some("integer"), Some("int32")) => Shape::Int32,
            (Some("integer"), _) => Shape::Int64,
            (Some("number"), _) => Shape::Number,
            (Some("boolean"), _) => Shape::Boolean,
            (Some("array"), _) => Shape::List(Box::new(field(&schema["items"]))),
            (Some("object"), _) if schema["properties"].is_object() => {
                Shape::Object(ObjectRef::Custom(Arc::new(object_shape(schema))))
            }
            (Some("object"), _) if schema["additionalProperties"].is_object() => {
                Shape::Map(Box::new(field(&schema["additionalProperties"])))
            }
            (Some("object"), _) if !preserves(schema) && schema["additionalProperties"] != true => {
                Shape::Object(ObjectRef::Custom(Arc::new(ObjectShape::default())))
            }
            _ => Shape::Any,
        }
    };
    let mut field = Field::plain(shape);
    field.list = match schema["x-kubernetes-list-type"].as_str() {
        Some("set") => ListMerge::Set,
        Some("map") => ListMerge::Map(meta::strings(&schema["x-kubernetes-list-map-keys"])),
        _ => ListMerge::Atomic,
    };
    field.atomic = schema["x-kubernetes-map-type"] == "atomic";
    field
}

/// Removes fields the schema does not have. `apiVersion`, `kind` and `metadata` of the object itself are not
/// its business.
pub(crate) fn prune(version: &CustomVersion, object: &mut Value, removed: &mut Removed) {
    let Value::Object(map) = object else { return };
    let mut kept = Map::new();
    for name in ["apiVersion", "kind", "metadata"] {
        if let Some(value) = map.remove(name) {
            kept.insert(name.to_owned(), value);
        }
    }
    prune_value(&version.schema, object, "", removed);
    meta::as_map_mut(object).append(&mut kept);
}

fn prune_value(schema: &Value, value: &mut Value, path: &str, removed: &mut Removed) {
    let at = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
    match value {
        Value::Object(map) => {
            let properties = schema["properties"].as_object();
            let additional = &schema["additionalProperties"];
            let open =
                preserves(schema) || additional == true || (schema["type"].is_null() && properties.is_none());
            let names: Vec<String> = map.keys().cloned().collect();
            for name in names {
                let Some(inner) = map.get_mut(&name) else { continue };
                if let Some(known) = properties.and_then(|all| all.get(&name)) {
                    prune_value(known, inner, &at(&name), removed);
                } else if additional.is_object() {
                    prune_value(additional, inner, &at(&name), removed);
                } else if !open {
                    removed.unknown.push(at(&name));
                    map.remove(&name);
                }
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter_mut().enumerate() {
                prune_value(&schema["items"], item, &format!("{path}[{index}]"), removed);
            }
        }
        _ => {}
    }
}

/// Fills in defaults.
pub(crate) fn default(version: &CustomVersion, object: &mut Value) {
    default_value(&version.schema, object);
}

fn default_value(schema: &Value, value: &mut Value) {
    match value {
        Value::Object(map) => {
            for (name, inner) in schema["properties"].as_object().into_iter().flatten() {
                let nullable = inner["nullable"] == true;
                if let Some(default) = inner.get("default")
                    && map.get(name).is_none_or(|present| present.is_null() && !nullable)
                {
                    map.insert(name.clone(), default.clone());
                }
                if let Some(present) = map.get_mut(name) {
                    default_value(inner, present);
                }
            }
            if schema["additionalProperties"].is_object() {
                map.values_mut().for_each(|inner| default_value(&schema["additionalProperties"], inner));
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| default_value(&schema["items"], item)),
        _ => {}
    }
}

/// Everything in which an object breaks its schema.
pub(crate) fn validate(version: &CustomVersion, object: &Value) -> Vec<Problem> {
    let mut problems = Vec::new();
    check(&version.schema, object, "", &mut problems);
    problems
}

fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

fn has_type(schema: &Value, value: &Value) -> bool {
    if schema["x-kubernetes-int-or-string"] == true {
        return value.is_string() || value.is_i64() || value.is_u64();
    }
    match schema["type"].as_str() {
        Some("integer") => {
            value.is_i64() || value.is_u64() || value.as_f64().is_some_and(|number| number.fract() == 0.0)
        }
        Some("number") => value.is_number(),
        Some(wanted) => type_name(value) == wanted,
        None => true,
    }
}

fn check(schema: &Value, value: &Value, path: &str, problems: &mut Vec<Problem>) {
    if value.is_null() && schema["nullable"] == true {
        return;
    }
    if !has_type(schema, value) {
        let wanted = schema["type"].as_str().unwrap_or("integer,string");
        let found = type_name(value);
        problems.push(Problem::new(
            ProblemKind::TypeInvalid,
            path,
            found.into(),
            format!("{path} in body must be of type {wanted}: {found:?}"),
        ));
        return;
    }
    if let Some(allowed) = schema["enum"].as_array()
        && !allowed.contains(value)
    {
        let texts: Vec<String> = allowed
            .iter()
            .map(|item| item.as_str().map_or_else(|| item.to_string(), str::to_owned))
            .collect();
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        problems.push(Problem::unsupported(path, value.clone(), &texts));
    }
    check_number(schema, value, path, problems);
    check_text(schema, value, path, problems);
    check_list(schema, value, path, problems);
    check_object(schema, value, path, problems);
    check_combined(schema, value, path, problems);
}

fn body(path: &str, value: &Value, text: &str) -> Problem {
    Problem::invalid(path, value.clone(), format!("{path} in body {text}"))
}

fn check_number(schema: &Value, value: &Value, path: &str, problems: &mut Vec<Problem>) {
    let Some(number) = value.as_f64() else { return };
    let exclusive = |name: &str| schema[name] == true;
    if let Some(minimum) = schema["minimum"].as_f64() {
        if exclusive("exclusiveMinimum") && number <= minimum {
            problems.push(body(path, value, &format!("should be greater than {minimum}")));
        } else if number < minimum {
            problems.push(body(path, value, &format!("should be greater than or equal to {minimum}")));
        }
    }
    if let Some(maximum) = schema["maximum"].as_f64() {
        if exclusive("exclusiveMaximum") && number >= maximum {
            problems.push(body(path, value, &format!("should be less than {maximum}")));
        } else if number > maximum {
            problems.push(body(path, value, &format!("should be less than or equal to {maximum}")));
        }
    }
    if let Some(factor) = schema["multipleOf"].as_f64()
        && (number / factor).fract() != 0.0
    {
        problems.push(body(path, value, &format!("should be a multiple of {factor}")));
    }
}

fn check_text(schema: &Value, value: &Value, path: &str, problems: &mut Vec<Problem>) {
    let Some(text) = value.as_str() else { return };
    let length = text.chars().count() as u64;
    if let Some(least) = schema["minLength"].as_u64()
        && length < least
    {
        problems.push(body(path, value, &format!("should be at least {least} chars long")));
    }
    if let Some(most) = schema["maxLength"].as_u64()
        && length > most
    {
        problems.push(Problem::new(
            ProblemKind::TooLong,
            path,
            value.clone(),
            format!("may not be more than {most} bytes"),
        ));
    }
    if let Some(pattern) = schema["pattern"].as_str() {
        // A pattern that this engine cannot read is not held against the object.
        let matches = regex_lite::Regex::new(pattern).map_or(true, |regex| regex.is_match(text));
        if !matches {
            problems.push(body(path, value, &format!("should match '{pattern}'")));
        }
    }
    if schema["format"] == "date-time" && text.parse::<jiff::Timestamp>().is_err() {
        problems.push(body(path, value, &format!("must be of type date-time: {text:?}")));
    }
}

fn check_list(schema: &Value, value: &Value, path: &str, problems: &mut Vec<Problem>) {
    let Some(items) = value.as_array() else { return };
    let count = items.len() as u64;
    if let Some(least) = schema["minItems"].as_u64()
        && count < least
    {
        problems.push(body(path, &count.into(), &format!("should have at least {least} items")));
    }
    if let Some(most) = schema["maxItems"].as_u64()
        && count > most
    {
        problems.push(Problem::new(
            ProblemKind::TooMany,
            path,
            count.into(),
            format!("{count}: must have at most {most} items"),
        ));
    }
    let keys = match schema["x-kubernetes-list-type"].as_str() {
        Some("map") => Some(meta::strings(&schema["x-kubernetes-list-map-keys"])),
        Some("set") => Some(Vec::new()),
        _ => None,
    };
    let mut seen = BTreeSet::new();
    for (index, item) in items.iter().enumerate() {
        let here = format!("{path}[{index}]");
        check(&schema["items"], item, &here, problems);
        if let Some(keys) = &keys {
            let identity: Value = if keys.is_empty() {
                item.clone()
            } else {
                keys.iter().map(|key| (key.clone(), item[key.as_str()].clone())).collect::<Map<_, _>>().into()
            };
            if !seen.insert(identity.to_string()) {
                problems.push(Problem::new(ProblemKind::Duplicate, here, identity, ""));
            }
        }
    }
}

fn check_object(schema: &Value, value: &Value, path: &str, problems: &mut Vec<Problem>) {
    let Some(map) = value.as_object() else { return };
    let at = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
    for name in meta::strings(&schema["required"]) {
        if !map.contains_key(&name) {
            problems.push(Problem::required(at(&name), ""));
        }
    }
    let count = map.len() as u64;
    if let Some(least) = schema["minProperties"].as_u64()
        && count < least
    {
        problems.push(body(path, &count.into(), &format!("should have at least {least} properties")));
    }
    if let Some(most) = schema["maxProperties"].as_u64()
        && count > most
    {
        problems.push(Problem::new(
            ProblemKind::TooMany,
            path,
            count.into(),
            format!("{count}: must have at most {most} items"),
        ));
    }
    for (name, inner) in map {
        if path.is_empty() && matches!(name.as_str(), "apiVersion" | "kind" | "metadata") {
            continue;
        }
        if let Some(known) = schema["properties"].get(name) {
            check(known, inner, &at(name), problems);
        } else if schema["additionalProperties"].is_object() {
            check(&schema["additionalProperties"], inner, &at(name), problems);
        }
    }
}

fn check_combined(schema: &Value, value: &Value, path: &str, problems: &mut Vec<Problem>) {
    let holds = |inner: &Value| {
        let mut found = Vec::new();
        check(inner, value, path, &mut found);
        found.is_empty()
    };
    let list = |name: &str| schema[name].as_array().cloned().unwrap_or_default();
    let shown = Value::String(String::new());
    let any = list("anyOf");
    // An int-or-string may repeat its two types in `anyOf`; that has been checked already.
    if !any.is_empty() && !any.iter().any(holds) {
        problems.push(body(path, &shown, "must validate at least one schema (anyOf)"));
    }
    let one = list("oneOf");
    if !one.is_empty() {
        match one.iter().filter(|inner| holds(inner)).count() {
            1 => {}
            0 => problems.push(Problem::invalid(
                path,
                shown.clone(),
                format!("{path:?} must validate one and only one schema (oneOf). Found none valid"),
            )),
            count => problems.push(Problem::invalid(
                path,
                shown.clone(),
                format!(
                    "{path:?} must validate one and only one schema (oneOf). Found {count} valid alternatives"
                ),
            )),
        }
    }
    if list("allOf").iter().any(|inner| !holds(inner)) {
        problems.push(Problem::invalid(
            path,
            shown.clone(),
            format!("{path:?} must validate all the schemas (allOf)"),
        ));
    }
    if schema["not"].is_object() && holds(&schema["not"]) {
        problems.push(Problem::invalid(path, shown, format!("{path:?} must not validate the schema (not)")));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::error::ApiError;

    fn version() -> CustomVersion {
        CustomVersion {
            schema: json!({"type": "object", "required": ["spec"], "properties": {
                "spec": {"type": "object", "required": ["from"], "properties": {
                    "from": {"type": "string", "pattern": "^[a-z]+$"},
                    "replicas": {"type": "integer", "minimum": 1, "default": 3},
                    "mode": {"type": "string", "enum": ["a", "b"]},
                    "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": true},
                }},
            }}),
            columns: Vec::new(),
        }
    }

    fn texts(object: &Value) -> String {
        ApiError::invalid("g.io", "Thing", "x", &validate(&version(), object)).to_string()
    }

    #[test]
    fn prunes_and_defaults() {
        let mut object =
            json!({"kind": "Thing", "spec": {"from": "x", "extra": 1, "free": {"any": 1}}, "other": 1});
        let mut removed = Removed::default();
        prune(&version(), &mut object, &mut removed);
        default(&version(), &mut object);
        assert_eq!(removed.unknown, ["other", "spec.extra"]);
        assert_eq!(
            object,
            json!({"kind": "Thing", "spec": {"from": "x", "free": {"any": 1}, "replicas": 3}})
        );
    }

    #[test]
    fn says_what_is_wrong_in_the_servers_words() {
        assert_eq!(
            texts(&json!({"spec": {"from": "x", "replicas": "3"}})),
            "Thing.g.io \"x\" is invalid: spec.replicas: Invalid value: \"string\": spec.replicas in body must be of type \
             integer: \"string\""
        );
        assert_eq!(
            texts(&json!({"spec": {"from": "X", "replicas": 0, "mode": "c"}})),
            "Thing.g.io \"x\" is invalid: [spec.from: Invalid value: \"X\": spec.from in body should match '^[a-z]+$', \
             spec.mode: Unsupported value: \"c\": supported values: \"a\", \"b\", \
             spec.replicas: Invalid value: 0: spec.replicas in body should be greater than or equal to 1]"
        );
        assert_eq!(texts(&json!({"spec": {}})), "Thing.g.io \"x\" is invalid: spec.from: Required value");
    }
}
