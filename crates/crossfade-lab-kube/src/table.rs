//! Printed tables: what `kubectl get` shows, made on the server as real ones do.
//!
//! [`builtin`] has the columns of the built-in kinds; custom resources bring theirs. A table is made from
//! stored objects alone.

mod age;
mod builtin;
mod json_path;
mod workloads;

use std::sync::Arc;

use serde_json::{Value, json};

use crate::crd::CustomVersion;
use crate::resource::{ResourceType, Source};

/// How much of an object goes with its row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Include {
    None,
    Metadata,
    Object,
}

impl Include {
    /// The `includeObject` parameter.
    pub(crate) fn parse(text: Option<&str>) -> Include {
        match text {
            Some("None") => Include::None,
            Some("Object") => Include::Object,
            _ => Include::Metadata,
        }
    }
}

/// Whether the column definitions are part of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Columns {
    Shown,
    Hidden,
}

/// Columns and rows, not yet a document.
pub(crate) struct Rendered {
    columns: Value,
    rows: Vec<Value>,
}

/// The rows of some objects of one kind.
pub(crate) fn render(
    resource: &ResourceType,
    version: &str,
    items: &[Arc<Value>],
    include: Include,
    columns: Columns,
) -> Rendered {
    let custom = match resource.version(version).map(|version| &version.source) {
        Some(Source::Custom(custom)) => Some(custom.clone()),
        _ => None,
    };
    let printer = builtin::printer(&resource.id.group, &resource.id.plural);
    let definitions = match columns {
        Columns::Hidden => Value::Null,
        Columns::Shown => match &custom {
            Some(custom) => custom_columns(custom),
            None => builtin::columns(&printer),
        },
    };
    let rows = items
        .iter()
        .map(|object| {
            let mut row = json!({
                "cells": match &custom {
                    Some(custom) => custom_cells(custom, object),
                    None => (printer.cells)(object),
                },
            });
            match include {
                Include::None => {}
                Include::Metadata => {
                    row["object"] = json!({"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1",
                        "metadata": object["metadata"]});
                }
                Include::Object => row["object"] = Value::clone(object),
            }
            row
        })
        .collect();
    Rendered { columns: definitions, rows }
}

/// A `meta.k8s.io/v1` `Table`.
pub(crate) fn document(rendered: &Rendered, metadata: &Value) -> Value {
    json!({
        "kind": "Table",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": metadata,
        "columnDefinitions": rendered.columns,
        "rows": rendered.rows,
    })
}

fn definition(name: &str, kind: &str, format: &str, description: &str, priority: i64) -> Value {
    json!({"name": name, "type": kind, "format": format, "description": description, "priority": priority})
}

fn custom_columns(custom: &CustomVersion) -> Value {
    let mut columns = vec![definition("Name", "string", "name", "", 0)];
    if custom.columns.is_empty() {
        columns.push(definition("Age", "date", "", "", 0));
    }
    for column in &custom.columns {
        columns.push(definition(
            &column.name,
            &column.kind,
            &column.format,
            &column.description,
            column.priority,
        ));
    }
    Value::Array(columns)
}

fn custom_cells(custom: &CustomVersion, object: &Value) -> Vec<Value> {
    let mut cells = vec![object["metadata"]["name"].clone()];
    if custom.columns.is_empty() {
        cells.push(age::since(&object["metadata"]["creationTimestamp"]).into());
    }
    for column in &custom.columns {
        let found = json_path::find(object, &column.json_path);
        cells.push(match (column.kind.as_str(), found) {
            (_, None) => Value::Null,
            ("date", Some(value)) => age::since(&value).into(),
            (_, Some(value)) => value,
        });
    }
    cells
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::resource::{Registry, ResourceId};

    #[test]
    fn a_deployment_has_kubectls_columns() {
        let registry = Registry::builtin();
        let resource = registry.get(&ResourceId::new("apps", "deployments")).unwrap();
        let object = Arc::new(json!({"metadata": {"name": "web"}, "spec": {"replicas": 3},
            "status": {"readyReplicas": 2, "updatedReplicas": 3, "availableReplicas": 2}}));
        let table = document(&render(resource, "v1", &[object], Include::None, Columns::Shown), &json!({}));
        let names: Vec<&str> = table["columnDefinitions"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|column| column["priority"] == 0)
            .map(|column| column["name"].as_str().unwrap())
            .collect();
        assert_eq!(names, ["Name", "Ready", "Up-to-date", "Available", "Age"]);
        assert_eq!(table["rows"][0]["cells"][1], "2/3");
    }

    #[test]
    fn a_job_says_how_many_of_how_many_and_how_it_stands() {
        let registry = Registry::builtin();
        let resource = registry.get(&ResourceId::new("batch", "jobs")).unwrap();
        let cells = |object: Value| {
            let objects = [Arc::new(object)];
            let table =
                document(&render(resource, "v1", &objects, Include::None, Columns::Shown), &json!({}));
            table["rows"][0]["cells"].as_array().unwrap()[1..4].to_vec()
        };
        let condition = |kind: &str| json!({"type": kind, "status": "True"});
        let complete = json!({"spec": {"completions": 3}, "status": {"succeeded": 3,
            "startTime": "2026-01-01T00:00:00Z", "completionTime": "2026-01-01T00:00:05Z",
            "conditions": [condition("SuccessCriteriaMet"), condition("Complete")]}});
        assert_eq!(cells(complete), ["Complete", "3/3", "5s"]);
        let ending =
            json!({"spec": {"parallelism": 2}, "status": {"conditions": [condition("FailureTarget")]}});
        assert_eq!(cells(ending), ["FailureTarget", "0/1 of 2", ""]);
    }

    #[test]
    fn every_row_has_a_cell_for_every_column() {
        for resource in Registry::builtin().iter() {
            let object = Arc::new(json!({"metadata": {"name": "x"}}));
            let table =
                document(&render(resource, "v1", &[object], Include::None, Columns::Shown), &json!({}));
            assert_eq!(
                table["columnDefinitions"].as_array().unwrap().len(),
                table["rows"][0]["cells"].as_array().unwrap().len(),
                "{}",
                resource.id
            );
        }
    }
}
