//! What helm and Argo CD add to Sprig: YAML and JSON documents, `include`, `tpl`, `required`, `lookup`.
//!
//! `lookup` finds nothing and `getHostByName` resolves nothing, as with `helm template`.

use super::{Arguments, Entry, Returned, refuse, text};
use crate::error::Error;
use crate::execute::Call;
use crate::json::{self, Style};
use crate::toml;
use crate::value::{Map, Value};
use crate::yaml::{self, Layout};

/// What helm looks for to print a message without its stack of templates.
pub(crate) const WARNING_START: &str = "HELM_ERR_START";
/// The end of such a message.
pub(crate) const WARNING_END: &str = "HELM_ERR_END";

/// Reading and writing of documents.
pub(super) const TABLE: &[Entry] = &[
    ("toYaml", "a", |_, values| {
        let written = yaml::write(values.any(0), Layout::Ordinary).unwrap_or_default();
        text(written.strip_suffix('\n').unwrap_or(&written))
    }),
    ("toYamlPretty", "a", |_, values| {
        let written = yaml::write(values.any(0), Layout::Pretty).unwrap_or_default();
        text(written.strip_suffix('\n').unwrap_or(&written))
    }),
    ("fromYaml", "s", |_, values| {
        Ok(map_of(yaml::read(values.text(0)), "error unmarshaling JSON: while decoding JSON: "))
    }),
    ("fromYamlArray", "s", |_, values| {
        Ok(list_of(yaml::read(values.text(0)), "error unmarshaling JSON: while decoding JSON: "))
    }),
    ("fromJson", "s", |_, values| Ok(map_of_json(values.text(0)))),
    ("fromJsonArray", "s", |_, values| Ok(list_of(json::read(values.text(0)), ""))),
    ("toJson", "a", |_, values| text(json::write(values.any(0), Style::Compact).unwrap_or_default())),
    ("toToml", "a", |_, values| match values.any(0) {
        nil if nil.is_nil() => refuse("reflect: call of reflect.Value.Type on zero Value"),
        value => text(toml::write(value).unwrap_or_else(|error| error.0)),
    }),
    ("fromToml", "s", |_, values| Ok(map_of(toml::read(values.text(0)), ""))),
];

/// What only charts have.
pub(super) const HELM: &[Entry] = &[
    ("include", "sa", |call, values| text(call.include(values.text(0), values.any(1))?)),
    ("tpl", "sa", |call, values| text(call.tpl(values.text(0), values.any(1))?)),
    ("required", "sa", required),
    ("fail", "s", |_, values| refuse(format!("{WARNING_START}{}{WARNING_END}", values.text(0)))),
    ("lookup", "ssss", |_, _| Ok(Map::new().into())),
    ("getHostByName", "s", |_, _| text("")),
];

/// What only ApplicationSets have.
pub(super) const ARGO: &[Entry] = &[
    ("normalize", "s", |_, values| text(normalize(values.text(0)))),
    ("slugify", "a*", slugify),
    ("toYaml", "a", |_, values| {
        let written = yaml::write(values.any(0), Layout::Ordinary)?;
        text(written.strip_suffix('\n').unwrap_or(&written))
    }),
    ("fromYaml", "s", |_, values| strict(yaml::read(values.text(0)), "map")),
    ("fromYamlArray", "s", |_, values| strict(yaml::read(values.text(0)), "slice")),
];

/// helm's way with broken documents: the message under a key of the result.
fn map_of(read: Result<Value, Error>, prefix: &str) -> Value {
    let error = match read {
        Ok(Value::Map(map)) => return map.into(),
        Ok(Value::Nil) => return Map::new().into(),
        Ok(other) => format!("{prefix}{}", cannot_unmarshal(&other, "map[string]interface {}")),
        Err(error) => error.to_string(),
    };
    [("Error", error)].into_iter().collect::<Map>().into()
}

/// A number out of range leaves the rest as it is.
fn map_of_json(text: &str) -> Value {
    let (read, complaint) = match json::read_leniently(text) {
        Ok(read) => (Ok(read.value), read.complaint),
        Err(error) => (Err(error), None),
    };
    let map = map_of(read, "");
    if let (Value::Map(map), Some(complaint)) = (&map, complaint) {
        map.set("Error", complaint);
    }
    map
}

fn list_of(read: Result<Value, Error>, prefix: &str) -> Value {
    match read {
        Ok(Value::List(items)) => Value::List(items),
        Ok(Value::Nil) => Value::list([]),
        Ok(other) => {
            Value::list([Value::from(format!("{prefix}{}", cannot_unmarshal(&other, "[]interface {}")))])
        }
        Err(error) => Value::list([Value::from(error.to_string())]),
    }
}

/// What Go says of a value of another type than the one that is wanted.
pub(crate) fn cannot_unmarshal(value: &Value, wanted: &str) -> String {
    let kind = match value {
        Value::Map(_) => "object",
        Value::List(_) => "array",
        Value::Bool(_) => "bool",
        Value::Float(_) => "number",
        _ => "string",
    };
    format!("json: cannot unmarshal {kind} into Go value of type {wanted}")
}

/// Argo CD's way: an error ends the template.
fn strict(read: Result<Value, Error>, kind: &str) -> Returned {
    match read {
        Ok(value) if value.kind() == kind => Ok(value),
        Ok(Value::Nil) if kind == "map" => Ok(Map::new().into()),
        Ok(Value::Nil) => Ok(Value::list([])),
        Ok(other) => {
            let wanted = if kind == "map" { "map[string]interface {}" } else { "[]interface {}" };
            refuse(format!(
                "error unmarshaling JSON: while decoding JSON: {}",
                cannot_unmarshal(&other, wanted)
            ))
        }
        Err(error) => refuse(error.to_string()),
    }
}

fn required(_: &Call<'_>, values: &[Value]) -> Returned {
    let is_there = !values.any(1).is_nil() && values.any(1).as_str() != Some("");
    if is_there {
        return Ok(values.any(1).clone());
    }
    refuse(format!("{WARNING_START}{}{WARNING_END}", values.text(0)))
}

/// A DNS label or name: small letters, digits, `-` and `.`, at most 253 letters, starting and ending with one of the
/// first two.
fn normalize(name: &str) -> String {
    let lower = name.to_lowercase();
    let kept = lower.chars().map(|letter| {
        if letter.is_ascii_lowercase() || letter.is_ascii_digit() || matches!(letter, '-' | '.') {
            letter
        } else {
            '-'
        }
    });
    let short: String = kept.take(253).collect();
    short.trim_matches(['-', '.']).to_owned()
}

/// `slugify [SIZE [SMART]] NAME`
fn slugify(_: &Call<'_>, values: &[Value]) -> Returned {
    let [options @ .., name] = values else { return refuse("slugify needs a name") };
    let size =
        options.first().and_then(Value::as_integer).and_then(|size| usize::try_from(size).ok()).unwrap_or(50);
    let is_smart = options.get(1).is_some_and(Value::is_true);
    let name = super::convert::to_text(name)?;
    text(crate::slug::make(&name, size, is_smart))
}
