//! Writes `src/schema/kubernetes-1.33.txt` from the OpenAPI document that Kubernetes publishes.
//!
//! `cargo run -p crossfade-lab-kube --example compact_openapi -- path/to/swagger.json
//! path/to/*/generated.proto... > out.txt`
//!
//! The document is part of every Kubernetes release (`api/openapi-spec/swagger.json` of the module
//! `k8s.io/kubernetes`), the protocol buffer definitions are in the modules `k8s.io/api`,
//! `k8s.io/apimachinery` and `k8s.io/apiextensions-apiserver`. Only what the server needs is kept: field
//! names, numbers, types, which fields are required, and how lists and maps merge.
#![expect(clippy::print_stdout, reason = "the output of this program is its purpose")]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use serde_json::Value;

/// Group and version of the kinds the server knows; their definitions are the roots of what is kept.
const ROOT_GROUPS: [(&str, &str); 16] = [
    ("", "v1"),
    ("apps", "v1"),
    ("batch", "v1"),
    ("networking.k8s.io", "v1"),
    ("discovery.k8s.io", "v1"),
    ("coordination.k8s.io", "v1"),
    ("events.k8s.io", "v1"),
    ("rbac.authorization.k8s.io", "v1"),
    ("storage.k8s.io", "v1"),
    ("apiextensions.k8s.io", "v1"),
    ("policy", "v1"),
    ("autoscaling", "v1"),
    ("autoscaling", "v2"),
    ("authorization.k8s.io", "v1"),
    ("authentication.k8s.io", "v1"),
    ("scheduling.k8s.io", "v1"),
];

/// Release whose documents are meant; they do not say it themselves.
const RELEASE: &str = "1.33";

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let path = arguments.next().ok_or("usage: compact_openapi swagger.json generated.proto...")?;
    let document: Value = serde_json::from_slice(&std::fs::read(path)?)?;
    let mut messages = Messages::default();
    for proto in arguments {
        messages.read(&std::fs::read_to_string(proto)?);
    }
    let definitions: BTreeMap<String, Value> = serde_json::from_value(document["definitions"].clone())?;

    let mut open: Vec<String> = definitions
        .iter()
        .filter(|(name, definition)| !name.ends_with("List") && root_kind(definition).is_some())
        .map(|(name, _)| name.clone())
        .collect();
    // The options of a deletion are sent as an object, too.
    open.push("io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions".to_owned());
    let mut kept = BTreeSet::new();
    while let Some(name) = open.pop() {
        if let Some(definition) = definitions.get(&name)
            && kept.insert(name.clone())
        {
            collect_references(definition, &mut open);
        }
    }

    println!("# Types of the Kubernetes API {RELEASE}, from its published OpenAPI document (Apache-2.0).");
    println!("# Written by examples/compact_openapi.rs; the grammar is described in schema/builtin.rs.");
    for name in kept {
        let definition = &definitions[&name];
        if let Some(text) = compact_definition(&name, definition, &messages) {
            print!("{text}");
        }
    }
    Ok(())
}

/// `group/version/Kind` when the definition is a kind of a wanted group. Shared ones (`DeleteOptions`) have
/// many and are left out.
fn root_kind(definition: &Value) -> Option<String> {
    let [only] = definition["x-kubernetes-group-version-kind"].as_array()?.as_slice() else {
        return None;
    };
    let text = |key: &str| only[key].as_str().unwrap_or_default().to_owned();
    let (group, version, kind) = (text("group"), text("version"), text("kind"));
    ROOT_GROUPS.contains(&(group.as_str(), version.as_str())).then(|| format!("{group}/{version}/{kind}"))
}

fn collect_references(value: &Value, into: &mut Vec<String>) {
    match value {
        Value::Object(map) => {
            for (key, inner) in map {
                match inner {
                    Value::String(reference) if key == "$ref" => {
                        into.push(reference.replace("#/definitions/", ""));
                    }
                    _ => collect_references(inner, into),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| collect_references(item, into)),
        _ => {}
    }
}

fn compact_definition(name: &str, definition: &Value, messages: &Messages) -> Option<String> {
    let properties = definition["properties"].as_object()?;
    let mut text = format!("= {}", short(name));
    if let Some(kind) = root_kind(definition) {
        let _ = write!(text, " kind={kind}");
    }
    if definition["x-kubernetes-map-type"] == "atomic" {
        text.push_str(" atomic");
    }
    text.push('\n');
    let required: BTreeSet<&str> =
        definition["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let numbers = messages.numbers(&short(name));
    for (field, schema) in properties {
        // A few names differ in case: `aPIGroup`, `uID`.
        let same = |name: &&String| name.eq_ignore_ascii_case(field);
        let number = numbers
            .get(field)
            .or_else(|| numbers.get(numbers.keys().find(same)?))
            .map(|path| format!("#{path}"))
            .unwrap_or_default();
        let mark = if required.contains(field.as_str()) { "!" } else { "" };
        let _ = writeln!(text, "{field}{mark}{number} {}{}", type_name(schema), merging(schema));
    }
    Some(text)
}

fn short(name: &str) -> String {
    name.replace("io.k8s.apimachinery.pkg.apis.", "")
        .replace("io.k8s.apiextensions-apiserver.pkg.apis.", "")
        .replace("io.k8s.api.", "")
}

fn type_name(schema: &Value) -> String {
    if let Some(reference) = schema["$ref"].as_str() {
        let name = reference.replace("#/definitions/", "");
        return match name.rsplit('.').next().unwrap_or_default() {
            "Quantity" => "quantity".into(),
            "IntOrString" => "intstr".into(),
            "Time" => "time".into(),
            "MicroTime" => "microtime".into(),
            "RawExtension" | "FieldsV1" | "CustomResourceSubresourceStatus" => "rawobject".into(),
            "JSON" | "JSONSchemaPropsOrStringArray" | "JSONSchemaPropsOrArray" | "JSONSchemaPropsOrBool" => {
                "any".into()
            }
            _ => format!("@{}", short(&name)),
        };
    }
    match (schema["type"].as_str(), schema["format"].as_str()) {
        (Some("array"), _) => format!("[]{}", type_name(&schema["items"])),
        (Some("object"), _) if schema.get("additionalProperties").is_some() => {
            format!("{{}}{}", type_name(&schema["additionalProperties"]))
        }
        (Some("object"), _) => "rawobject".into(),
        (Some("integer"), Some("int64")) => "int64".into(),
        (Some("integer"), _) => "int32".into(),
        (Some("number"), _) => "number".into(),
        (Some("boolean"), _) => "bool".into(),
        (Some("string"), Some("byte")) => "bytes".into(),
        (Some("string"), Some("date-time")) => "time".into(),
        (Some("string"), _) => "string".into(),
        _ => "any".into(),
    }
}

fn merging(schema: &Value) -> String {
    let mut text = String::new();
    match schema["x-kubernetes-list-type"].as_str() {
        Some("map") => {
            let keys: Vec<&str> = schema["x-kubernetes-list-map-keys"]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(Value::as_str)
                .collect();
            let _ = write!(text, " map={}", keys.join(","));
        }
        Some("set") => text.push_str(" set"),
        _ => {}
    }
    if schema["x-kubernetes-map-type"] == "atomic" {
        text.push_str(" atomic");
    }
    if let Some(strategy) = schema["x-kubernetes-patch-strategy"].as_str() {
        let _ = write!(text, " strategy={strategy}");
    }
    if let Some(key) = schema["x-kubernetes-patch-merge-key"].as_str() {
        let _ = write!(text, " key={key}");
    }
    text
}

/// Messages of `.proto` files by their short name, with fields in order.
#[derive(Default)]
struct Messages(BTreeMap<String, Vec<ProtoField>>);

struct ProtoField {
    name: String,
    kind: String,
    number: String,
}

impl Messages {
    fn read(&mut self, text: &str) {
        let mut package = String::new();
        let mut message = None;
        for line in text.lines().map(str::trim) {
            if let Some(name) = line.strip_prefix("package ") {
                package = short_package(name.trim_end_matches(';'));
            } else if let Some(name) = line.strip_prefix("message ") {
                let name = format!("{package}.{}", name.trim_end_matches('{').trim());
                self.0.insert(name.clone(), Vec::new());
                message = Some(name);
            } else if line == "}" {
                message = None;
            } else if let (Some(message), Some((left, number))) = (&message, line.split_once(" = "))
                && !line.starts_with("//")
            {
                let number = number.trim_end_matches(';').to_owned();
                let left = left.trim_start_matches("optional ").trim_start_matches("repeated ");
                let Some((kind, name)) = left.rsplit_once(' ') else { continue };
                let kind = match kind.strip_prefix('.') {
                    Some(qualified) => short_package(qualified),
                    None => format!("{package}.{kind}"),
                };
                if let Some(fields) = self.0.get_mut(message) {
                    fields.push(ProtoField { name: name.to_owned(), kind, number });
                }
            }
        }
    }

    /// Numbers by JSON name. A field whose message is inlined in JSON gives `OUTER.INNER` for each field
    /// inside.
    fn numbers(&self, message: &str) -> BTreeMap<String, String> {
        let mut numbers = BTreeMap::new();
        for field in self.0.get(message).into_iter().flatten() {
            for (inner, path) in self.numbers_of_inlined(field) {
                numbers.insert(inner, format!("{}.{path}", field.number));
            }
        }
        for field in self.0.get(message).into_iter().flatten() {
            numbers.insert(field.name.clone(), field.number.clone());
        }
        numbers
    }

    fn numbers_of_inlined(&self, field: &ProtoField) -> BTreeMap<String, String> {
        const INLINED: [&str; 8] = [
            "ingressRuleValue",
            "volumeSource",
            "persistentVolumeSource",
            "handler",
            "localObjectReference",
            "ephemeralContainerCommon",
            "typedObjectReference",
            "resourceMetricStatus",
        ];
        if INLINED.contains(&field.name.as_str()) { self.numbers(&field.kind) } else { BTreeMap::new() }
    }
}

fn short_package(name: &str) -> String {
    let name = name.trim_start_matches("k8s.io.");
    name.replace("apimachinery.pkg.apis.", "")
        .replace("apiextensions_apiserver.pkg.apis.", "")
        .replace("api.", "")
}
