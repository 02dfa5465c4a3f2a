//! Values for a chart, as `helm template` gathers them: files one over the other, then `--set`.

mod set;

use serde_json::{Map, Value};

use crate::error::Error;
use crate::functions::cannot_unmarshal;
use crate::{json, yaml};

/// What is given to a chart besides its own `values.yaml`. Numbers that come from files are floats, as in Go; those of
/// `--set` are integers.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Values(Map<String, Value>);

impl Values {
    /// None.
    pub fn new() -> Self {
        Self::default()
    }

    /// Values that came as JSON (an Application's `valuesObject`), treated as a file's.
    pub fn from_json(value: &Value) -> Self {
        match with_floats(value) {
            Value::Object(map) => Self(map),
            _ => Self::default(),
        }
    }

    /// Lays a values file over what is there: tables are merged, everything else is replaced, null is kept.
    pub fn add_yaml(&mut self, text: &str) -> Result<(), Error> {
        let value = match yaml::read(text)? {
            crate::value::Value::Map(map) => map,
            crate::value::Value::Nil => return Ok(()),
            other => {
                let why = cannot_unmarshal(&other, "map[string]interface {}");
                return Err(Error::Values(format!("error unmarshaling JSON: while decoding JSON: {why}")));
            }
        };
        if let Some(Value::Object(over)) = json::to_serde_floats(&value.into()) {
            merge(&mut self.0, over);
        }
        Ok(())
    }

    /// Lays other values over these.
    pub fn add(&mut self, over: Self) {
        merge(&mut self.0, over.0);
    }

    /// `--set a.b=1,c={x,y}`
    pub fn set(&mut self, text: &str) -> Result<(), Error> {
        set::parse_into(&mut self.0, text, set::Kinds::Guessed)
    }

    /// `--set-string`: every value is text.
    pub fn set_string(&mut self, text: &str) -> Result<(), Error> {
        set::parse_into(&mut self.0, text, set::Kinds::Text).map_err(|error| match error {
            Error::Set(why) => Error::SetString(why),
            other => other,
        })
    }

    /// One key set to a text as it is, without commas or escapes in it meaning anything: a parameter of an Application
    /// with `forceString`.
    pub fn set_key(&mut self, path: &str, value: &str) -> Result<(), Error> {
        set::parse_into(
            &mut self.0,
            &format!("{path}={}", value.replace('\\', "\\\\").replace(',', "\\,")),
            set::Kinds::Text,
        )
    }

    /// The values as they are now.
    pub fn as_json(&self) -> &Map<String, Value> {
        &self.0
    }

    pub(crate) fn to_map(&self) -> crate::value::Map {
        json::from_serde_typed(&Value::Object(self.0.clone())).as_map().unwrap_or_default()
    }
}

fn merge(under: &mut Map<String, Value>, over: Map<String, Value>) {
    for (key, value) in over {
        match (under.get_mut(&key), value) {
            (Some(Value::Object(under)), Value::Object(over)) => merge(under, over),
            (_, value) => drop(under.insert(key, value)),
        }
    }
}

fn with_floats(value: &Value) -> Value {
    match value {
        Value::Number(number) => number.as_f64().map_or(Value::Null, Value::from),
        Value::Array(items) => items.iter().map(with_floats).collect(),
        Value::Object(map) => map.iter().map(|(key, value)| (key.clone(), with_floats(value))).collect(),
        other => other.clone(),
    }
}
