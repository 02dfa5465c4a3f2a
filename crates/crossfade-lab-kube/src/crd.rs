//! CustomResourceDefinitions: from a definition to a served resource.
//!
//! [`schema`] prunes, defaults and validates custom objects by the definition's structural schema. Conversion
//! webhooks and CEL rules do not exist here; versions of one resource differ in their label only.

mod schema;

use std::sync::Arc;

use serde_json::{Value, json};

use crate::error::Problem;
use crate::meta;
use crate::resource::{ResourceId, ResourceType, ScalePaths, Source, Version};

pub(crate) use schema::{default, prune, validate};

/// Finalizer that holds a definition until its objects are gone.
pub(crate) const CLEANUP_FINALIZER: &str = "customresourcecleanup.apiextensions.k8s.io";

/// One version of a definition.
#[derive(Debug)]
pub(crate) struct CustomVersion {
    /// `spec.versions[*].schema.openAPIV3Schema`.
    pub(crate) schema: Value,
    pub(crate) columns: Vec<Column>,
}

/// An `additionalPrinterColumns` entry.
#[derive(Debug)]
pub(crate) struct Column {
    pub(crate) name: String,
    pub(crate) kind: String,
    pub(crate) format: String,
    pub(crate) description: String,
    pub(crate) priority: i64,
    pub(crate) json_path: String,
}

/// The resource a definition serves.
pub(crate) fn served_resource(definition: &Value) -> ResourceId {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    ResourceId {
        group: text(&definition["spec"]["group"]),
        plural: text(&definition["spec"]["names"]["plural"]),
    }
}

/// Whether any schema of the definition has CEL rules.
pub(crate) fn has_rules(definition: &Value) -> bool {
    fn search(value: &Value) -> bool {
        match value {
            Value::Object(map) => map.contains_key("x-kubernetes-validations") || map.values().any(search),
            Value::Array(items) => items.iter().any(search),
            _ => false,
        }
    }
    search(&definition["spec"]["versions"])
}

/// Reads a definition.
pub(crate) fn resource_type(definition: &Value) -> Result<ResourceType, Vec<Problem>> {
    let problems = check(definition);
    if !problems.is_empty() {
        return Err(problems);
    }
    let spec = &definition["spec"];
    let names = &spec["names"];
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let kind = text(&names["kind"]);
    let or = |value: &Value, other: String| {
        value.as_str().filter(|text| !text.is_empty()).map_or(other, str::to_owned)
    };
    let mut versions: Vec<Version> = spec["versions"]
        .as_array()
        .into_iter()
        .flatten()
        .filter(|version| version["served"] == true)
        .map(custom_version)
        .collect();
    versions.sort_by_key(|version| std::cmp::Reverse(version_rank(&version.name)));
    Ok(ResourceType {
        id: served_resource(definition),
        list_kind: or(&names["listKind"], format!("{kind}List")),
        singular: or(&names["singular"], kind.to_lowercase()),
        kind,
        short_names: meta::strings(&names["shortNames"]),
        categories: meta::strings(&names["categories"]),
        namespaced: spec["scope"] == "Namespaced",
        versions,
        counts_generation: true,
        stored_as: None,
    })
}

fn custom_version(version: &Value) -> Version {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let schema = version["schema"]["openAPIV3Schema"].clone();
    let columns = version["additionalPrinterColumns"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|column| Column {
            name: text(&column["name"]),
            kind: text(&column["type"]),
            format: text(&column["format"]),
            description: text(&column["description"]),
            priority: column["priority"].as_i64().unwrap_or_default(),
            json_path: text(&column["jsonPath"]),
        })
        .collect();
    let path = |value: &Value| text(value).trim_start_matches('.').to_owned();
    let scale = &version["subresources"]["scale"];
    let scale = scale.is_object().then(|| ScalePaths {
        spec_replicas: path(&scale["specReplicasPath"]),
        status_replicas: path(&scale["statusReplicasPath"]),
        selector: scale["labelSelectorPath"].as_str().map(|_| path(&scale["labelSelectorPath"])),
    });
    Version {
        name: text(&version["name"]),
        schema: schema::root_shape(&schema),
        source: Source::Custom(Arc::new(CustomVersion { schema, columns })),
        status: version["subresources"]["status"].is_object(),
        scale,
    }
}

/// Stable versions before betas before alphas, the higher number first: how API servers order versions.
fn version_rank(name: &str) -> (u8, u32, u32, String) {
    let parsed = (|| {
        let rest = name.strip_prefix('v')?;
        let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        let major: u32 = rest[..end].parse().ok()?;
        let (level, minor) = match &rest[end..] {
            "" => (3, 0),
            tail => {
                if let Some(number) = tail.strip_prefix("beta") {
                    (2, number.parse().ok()?)
                } else {
                    (1, tail.strip_prefix("alpha")?.parse().ok()?)
                }
            }
        };
        Some((level, major, minor, String::new()))
    })();
    parsed.unwrap_or_else(|| (0, 0, 0, name.to_owned()))
}

fn check(definition: &Value) -> Vec<Problem> {
    let mut problems = Vec::new();
    let spec = &definition["spec"];
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let (group, plural) = (text(&spec["group"]), text(&spec["names"]["plural"]));
    for (value, field) in [
        (&spec["group"], "spec.group"),
        (&spec["names"]["plural"], "spec.names.plural"),
        (&spec["names"]["kind"], "spec.names.kind"),
    ] {
        if text(value).is_empty() {
            problems.push(Problem::required(field, ""));
        }
    }
    if meta::name(definition) != format!("{plural}.{group}") {
        problems.push(Problem::invalid(
            "metadata.name",
            meta::name(definition),
            "must be spec.names.plural+\".\"+spec.group",
        ));
    }
    let scope = text(&spec["scope"]);
    match scope.as_str() {
        "" => problems.push(Problem::required("spec.scope", "")),
        "Cluster" | "Namespaced" => {}
        other => problems.push(Problem::unsupported("spec.scope", other, &["Cluster", "Namespaced"])),
    }
    let versions: Vec<&Value> = spec["versions"].as_array().into_iter().flatten().collect();
    if versions.iter().filter(|version| version["storage"] == true).count() != 1 {
        problems.push(Problem::invalid(
            "spec.versions",
            spec["versions"].clone(),
            "must have exactly one version marked as storage version",
        ));
    }
    if !versions.iter().any(|version| version["served"] == true) {
        problems.push(Problem::invalid(
            "spec.versions",
            spec["versions"].clone(),
            "must have at least one version marked as served",
        ));
    }
    for (index, version) in versions.iter().enumerate() {
        let field = format!("spec.versions[{index}]");
        let schema = &version["schema"]["openAPIV3Schema"];
        if !schema.is_object() {
            problems
                .push(Problem::required(format!("{field}.schema.openAPIV3Schema"), "schemas are required"));
        } else if schema["type"] != "object" {
            problems.push(Problem::invalid(
                format!("{field}.schema.openAPIV3Schema.type"),
                schema["type"].as_str().unwrap_or_default(),
                "must be object at the root",
            ));
        }
    }
    problems
}

/// The status of a definition whose names are free, which in a lab they always are.
pub(crate) fn accepted_status(definition: &Value) -> Value {
    let old = &definition["status"];
    let conditions = if old["conditions"].is_array() {
        old["conditions"].clone()
    } else {
        let now = meta::now();
        json!([
            {"type": "NamesAccepted", "status": "True", "reason": "NoConflicts", "message": "no conflicts found",
                "lastTransitionTime": now},
            {"type": "Established", "status": "True", "reason": "InitialNamesAccepted",
                "message": "the initial names have been accepted", "lastTransitionTime": now},
        ])
    };
    let mut stored = meta::strings(&old["storedVersions"]);
    for version in definition["spec"]["versions"].as_array().into_iter().flatten() {
        if version["storage"] == true
            && let Some(name) = version["name"].as_str()
            && !stored.iter().any(|known| known == name)
        {
            stored.push(name.to_owned());
        }
    }
    json!({
        "acceptedNames": definition["spec"]["names"],
        "conditions": conditions,
        "storedVersions": stored,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_ordered_as_servers_do() {
        let mut names = ["v1alpha1", "v2", "v1beta2", "v1", "v1beta1", "foo"];
        names.sort_by_key(|name| std::cmp::Reverse(version_rank(name)));
        assert_eq!(names, ["v2", "v1", "v1beta2", "v1beta1", "v1alpha1", "foo"]);
    }

    #[test]
    fn a_definition_has_to_be_named_after_its_resource() {
        let definition = json!({"metadata": {"name": "x"}, "spec": {"group": "g.io", "scope": "Namespaced",
            "names": {"plural": "things", "kind": "Thing"},
            "versions": [{"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": {"type": "object"}}}]}});
        let problems = resource_type(&definition).err().unwrap_or_default();
        assert_eq!(problems.len(), 1);
        assert_eq!(problems[0].field, "metadata.name");
    }
}
