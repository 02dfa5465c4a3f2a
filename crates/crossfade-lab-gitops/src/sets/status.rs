//! `status` of an ApplicationSet: conditions as Argo CD sets them, health from them, the Applications there are.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::names::GROUP;
use crate::object::{list, name, namespace, now, table_mut, text};

/// How a reconciliation ended.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    UpToDate,
    /// Nothing was generated; nothing was changed.
    NotGenerated {
        reason: &'static str,
        message: String,
    },
    /// Generated, but not all of it is in the cluster.
    Failed {
        reason: &'static str,
        message: String,
    },
}

const UP_TO_DATE: (&str, &str) =
    ("ApplicationSetUpToDate", "All applications have been generated successfully");
const GENERATED: (&str, &str) =
    ("ParametersGenerated", "Successfully generated parameters for all Applications");

/// The new status.
pub(super) fn of(set: &Value, outcome: &Outcome, applications: &[Arc<Value>]) -> Value {
    let mk = |kind: &str, status: &str, (reason, message): (&str, &str)| json!({"type": kind, "status": status, "reason": reason, "message": message});
    let conditions = match outcome {
        Outcome::UpToDate => [
            mk("ErrorOccurred", "False", UP_TO_DATE),
            mk("ParametersGenerated", "True", GENERATED),
            mk("ResourcesUpToDate", "True", UP_TO_DATE),
        ],
        Outcome::NotGenerated { reason, message } => [
            mk("ErrorOccurred", "True", (reason, message)),
            mk("ParametersGenerated", "False", ("ErrorOccurred", message)),
            mk("ResourcesUpToDate", "False", ("ErrorOccurred", message)),
        ],
        Outcome::Failed { reason, message } => [
            mk("ErrorOccurred", "True", (reason, message)),
            mk("ParametersGenerated", "True", GENERATED),
            mk("ResourcesUpToDate", "False", ("ErrorOccurred", message)),
        ],
    };
    let health = match outcome {
        Outcome::UpToDate => json!({"status": "Healthy", "message": UP_TO_DATE.1}),
        Outcome::NotGenerated { message, .. } | Outcome::Failed { message, .. } => {
            json!({"status": "Degraded", "message": message})
        }
    };
    let mut status = set["status"].clone();
    if !status.is_object() {
        status = json!({});
    }
    status["conditions"] = with_times(conditions, &set["status"]["conditions"]).into();
    status["health"] = health;
    if !matches!(outcome, Outcome::NotGenerated { .. }) {
        let listed: Vec<Value> = applications.iter().map(|application| resource(application)).collect();
        let table = table_mut(&mut status, &[]);
        // Go leaves out what is empty.
        table.remove("resources");
        table.remove("resourcesCount");
        if !listed.is_empty() {
            table.insert("resourcesCount".to_owned(), listed.len().into());
            table.insert("resources".to_owned(), listed.into());
        }
    }
    status
}

fn with_times(conditions: [Value; 3], before: &Value) -> Vec<Value> {
    let same = |one: &Value, other: &Value| {
        ["type", "status", "reason", "message"].iter().all(|field| one[*field] == other[*field])
    };
    let timed = conditions.into_iter().map(|mut condition| {
        let known = list(before).iter().find(|known| same(known, &condition));
        let time = known.map_or_else(now, |known| text(&known["lastTransitionTime"]).to_owned());
        condition["lastTransitionTime"] = time.into();
        condition
    });
    timed.collect()
}

fn resource(application: &Value) -> Value {
    let status = &application["status"];
    let mut resource = json!({
        "group": GROUP, "version": "v1alpha1", "kind": "Application",
        "name": name(application), "namespace": namespace(application), "health": {},
    });
    for (field, value) in [("status", &status["sync"]["status"])] {
        if value.is_string() {
            resource[field] = value.clone();
        }
    }
    if status["health"]["status"].is_string() {
        resource["health"]["status"] = status["health"]["status"].clone();
    }
    resource
}
