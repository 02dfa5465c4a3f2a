//! Whether a Migration that exists does what somebody asks for now. What people wish of it on the way (pause, promotion,
//! rollback) is no part of that.

use serde_json::{Map, Value};

use crate::gates::with_defaults;
use crate::migration::{MigrationSpec, Residual, Spec, StepTarget};

/// What changes while a migration runs.
const WISHES: [&str; 5] = ["wish", "promotions", "promoteToEnd", "force", "without"];

impl MigrationSpec {
    /// What is asked for and not what this object does, one line each: `steps: 10%, 100% (asked for: 25%, 100%)`. Defaults that
    /// are said, and the order of groups and hosts, make no difference.
    pub fn differences(&self, asked: &MigrationSpec) -> Vec<String> {
        let (ours, theirs) = (comparable(self), comparable(asked));
        let mut fields: Vec<&String> = ours.keys().chain(theirs.keys()).collect();
        fields.sort();
        fields.dedup();
        let differing = fields.into_iter().filter(|field| ours.get(*field) != theirs.get(*field));
        differing
            .map(|field| {
                format!("{field}: {} (asked for: {})", text(ours.get(field)), text(theirs.get(field)))
            })
            .collect()
    }
}

fn comparable(spec: &MigrationSpec) -> Map<String, Value> {
    let mut plain = spec.clone();
    plain.zone.truncate(spec.zone.trim_end_matches('.').len());
    plain.gates = with_defaults(&spec.gates);
    let steps = spec
        .steps
        .iter()
        .map(|step| step.parse().map_or_else(|_| step.clone(), |target: StepTarget| target.to_string()));
    plain.steps = steps.collect();
    plain.draws = plain.draws.or_else(|| u32::try_from(Spec::DRAWS).ok());
    if plain.residual_requests_per_minute.is_some() {
        let default = u32::try_from(Residual::DEADLINE.as_secs()).ok();
        plain.residual_deadline_seconds = plain.residual_deadline_seconds.or(default);
    }
    for names in [&mut plain.groups, &mut plain.hosts, &mut plain.owners] {
        names.sort();
        names.dedup();
    }
    let value = serde_json::to_value(plain).unwrap_or_default();
    let mut fields = value.as_object().cloned().unwrap_or_default();
    fields.retain(|field, _| !WISHES.contains(&field.as_str()));
    fields
}

fn text(value: Option<&Value>) -> String {
    match value {
        None => "not given".to_owned(),
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(values)) => {
            values.iter().map(|value| text(Some(value))).collect::<Vec<_>>().join(", ")
        }
        Some(other) => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mk() -> MigrationSpec {
        MigrationSpec::new("blue", "green", "example.org")
    }

    #[test]
    fn wishes_and_defaults_make_no_difference() {
        let stored = MigrationSpec {
            promotions: 2,
            force: true,
            draws: Some(4_700),
            groups: vec!["b".into(), "a".into()],
            ..mk()
        };
        let asked = MigrationSpec {
            zone: "example.org.".to_owned(),
            gates: with_defaults(&[]),
            groups: vec!["a".into(), "b".into()],
            ..mk()
        };
        assert_eq!(stored.differences(&asked), Vec::<String>::new());
    }

    #[test]
    fn what_would_be_done_otherwise_is_named() {
        let asked = MigrationSpec {
            steps: vec!["25%".into(), "100%".into()],
            groups: vec!["a".into()],
            bake_seconds: 9,
            ..mk()
        };
        assert_eq!(
            mk().differences(&asked),
            [
                "bakeSeconds: 0 (asked for: 9)",
                "groups: not given (asked for: a)",
                "steps: 10%, 50%, 100% (asked for: 25%, 100%)"
            ]
        );
    }
}
