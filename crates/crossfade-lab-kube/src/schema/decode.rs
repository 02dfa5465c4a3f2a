//! Reading an object as its type: type errors, unknown fields, nulls.
//!
//! The texts are those of Go's JSON decoder as API servers pass them on. Unknown fields are removed and
//! reported; what to do about the report (nothing, a warning, a refusal) is `fieldValidation` and the
//! caller's business.

use serde_json::Value;

use super::{Field, ObjectRef, Shape};

/// A value whose type the kind does not allow.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct TypeMismatch(pub(crate) String);

/// What decoding removed.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Removed {
    /// Paths of fields that the type does not have, as `spec.replica` or `spec.rules[0].hosts`.
    pub(crate) unknown: Vec<String>,
}

/// Checks `object` against its type, in place: unknown fields and nulls go, numbers in quantities become
/// text.
pub(crate) fn decode(
    object: &mut Value,
    shape: &ObjectRef,
    removed: &mut Removed,
) -> Result<(), TypeMismatch> {
    Decoder { removed, owner: String::new() }.object(object, shape, "")
}

struct Decoder<'a> {
    removed: &'a mut Removed,
    /// Short Go type name of the object that is being read, as `PodSpec`.
    owner: String,
}

impl Decoder<'_> {
    fn object(&mut self, value: &mut Value, shape: &ObjectRef, path: &str) -> Result<(), TypeMismatch> {
        let shape = shape.get();
        let type_name = shape.name.rsplit('.').next().unwrap_or_default().to_owned();
        let Value::Object(map) = value else {
            return Err(self.mismatch(value, path, &go_type(&shape.name)));
        };
        let outer = std::mem::replace(&mut self.owner, type_name);
        let mut unknown = Vec::new();
        map.retain(|name, inner| {
            let known = shape.open || shape.fields.contains_key(name);
            if !known {
                unknown.push(join(path, name));
            }
            known && !inner.is_null()
        });
        self.removed.unknown.append(&mut unknown);
        for (name, inner) in map.iter_mut() {
            if let Some(field) = shape.fields.get(name) {
                self.field(inner, field, &join(path, name))?;
            }
        }
        self.owner = outer;
        Ok(())
    }

    fn field(&mut self, value: &mut Value, field: &Field, path: &str) -> Result<(), TypeMismatch> {
        match &field.shape {
            Shape::Any => Ok(()),
            Shape::Object(shape) => self.object(value, shape, path),
            Shape::List(item) => {
                let Value::Array(items) = value else {
                    return Err(self.mismatch(value, path, &go_name(&field.shape)));
                };
                for (index, inner) in items.iter_mut().enumerate() {
                    self.field(inner, item, &format!("{path}[{index}]"))?;
                }
                Ok(())
            }
            Shape::Map(item) => {
                let Value::Object(map) = value else {
                    return Err(self.mismatch(value, path, &go_name(&field.shape)));
                };
                for (name, inner) in map.iter_mut() {
                    if inner.is_null() {
                        // Go reads null as the zero value of the map's type.
                        *inner = zero(&item.shape);
                    }
                    self.field(inner, item, &join(path, name))?;
                }
                Ok(())
            }
            scalar => self.scalar(value, scalar, path),
        }
    }

    fn scalar(&mut self, value: &mut Value, shape: &Shape, path: &str) -> Result<(), TypeMismatch> {
        let fits = match shape {
            Shape::String | Shape::Bytes => value.is_string(),
            Shape::Time | Shape::MicroTime => return self.time(value, path),
            Shape::Boolean => value.is_boolean(),
            Shape::Number => value.is_number(),
            Shape::Int64 => whole(value).is_some(),
            Shape::Int32 => whole(value).is_some_and(|number| i32::try_from(number).is_ok()),
            Shape::IntOrString => value.is_string() || whole(value).is_some(),
            Shape::Quantity => {
                if value.is_number() {
                    *value = Value::String(value.to_string());
                }
                value.is_string()
            }
            Shape::RawObject => value.is_object(),
            Shape::Any | Shape::List(_) | Shape::Map(_) | Shape::Object(_) => true,
        };
        if fits { Ok(()) } else { Err(self.mismatch(value, path, &go_name(shape))) }
    }

    fn time(&mut self, value: &Value, path: &str) -> Result<(), TypeMismatch> {
        let Value::String(text) = value else {
            return Err(self.mismatch(value, path, "time.Time"));
        };
        if text.parse::<jiff::Timestamp>().is_ok() {
            return Ok(());
        }
        Err(TypeMismatch(format!(
            "parsing time {text:?} as \"2006-01-02T15:04:05Z07:00\": cannot parse {text:?} as \"2006\""
        )))
    }

    fn mismatch(&self, value: &Value, path: &str, wanted: &str) -> TypeMismatch {
        let found = match value {
            Value::Null => "null",
            Value::Bool(_) => "bool",
            Value::Number(_) => "number",
            Value::String(_) => "string",
            Value::Array(_) => "array",
            Value::Object(_) => "object",
        };
        // Numbers that do not fit are named with their value, as Go does.
        let found = if let (Value::Number(number), true) = (value, wanted.starts_with("int")) {
            format!("number {number}")
        } else {
            found.to_owned()
        };
        let bare: String =
            path.split('[').map(|part| part.split_once(']').map_or(part, |(_, rest)| rest)).collect();
        TypeMismatch(format!(
            "json: cannot unmarshal {found} into Go struct field {}.{bare} of type {wanted}",
            self.owner
        ))
    }
}

/// Whole numbers, also when written as `3.0`.
fn whole(value: &Value) -> Option<i64> {
    value.as_i64()
}

fn zero(shape: &Shape) -> Value {
    match shape {
        Shape::String | Shape::Bytes | Shape::Quantity => Value::String(String::new()),
        Shape::Int32 | Shape::Int64 | Shape::Number => Value::from(0),
        Shape::Boolean => Value::Bool(false),
        Shape::List(_) => Value::Array(Vec::new()),
        Shape::Map(_) | Shape::Object(_) | Shape::RawObject => Value::Object(serde_json::Map::new()),
        _ => Value::Null,
    }
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

/// `core.v1.PodSpec` as Go writes it: `v1.PodSpec`.
fn go_type(name: &str) -> String {
    name.split_once('.').map_or_else(|| name.to_owned(), |(_, rest)| rest.to_owned())
}

fn go_name(shape: &Shape) -> String {
    match shape {
        Shape::String => "string".into(),
        Shape::Bytes => "[]uint8".into(),
        Shape::Time | Shape::MicroTime => "time.Time".into(),
        Shape::Int32 => "int32".into(),
        Shape::Int64 => "int64".into(),
        Shape::Number => "float64".into(),
        Shape::Boolean => "bool".into(),
        Shape::Quantity => "resource.Quantity".into(),
        Shape::IntOrString => "intstr.IntOrString".into(),
        Shape::Any => "interface {}".into(),
        Shape::RawObject => "map[string]interface {}".into(),
        Shape::List(item) => format!("[]{}", go_name(&item.shape)),
        Shape::Map(item) => format!("map[string]{}", go_name(&item.shape)),
        Shape::Object(shape) => go_type(&shape.get().name),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::schema::builtin;

    fn deployment(mut object: Value) -> (Value, Result<(), TypeMismatch>, Vec<String>) {
        let mut removed = Removed::default();
        let result = decode(&mut object, &builtin::kind("apps", "v1", "Deployment"), &mut removed);
        (object, result, removed.unknown)
    }

    #[test]
    fn reports_and_removes_unknown_fields() {
        let (object, result, unknown) =
            deployment(json!({"spec": {"replica": 2, "template": {"spec": {"containers": [{"nam": "x"}]}}}}));
        assert_eq!(result, Ok(()));
        assert_eq!(unknown, ["spec.replica", "spec.template.spec.containers[0].nam"]);
        assert_eq!(object, json!({"spec": {"template": {"spec": {"containers": [{}]}}}}));
    }

    #[test]
    fn names_the_go_field_of_a_wrong_type() {
        let (_, result, _) = deployment(json!({"spec": {"replicas": "three"}}));
        assert_eq!(
            result,
            Err(TypeMismatch(
                "json: cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas of type int32".into()
            ))
        );
    }

    #[test]
    fn drops_nulls_and_reads_numbers_as_quantities() {
        let (object, result, _) = deployment(json!({
            "metadata": {"creationTimestamp": null},
            "spec": {"template": {"spec": {"containers": [{"resources": {"limits": {"cpu": 1}}}]}}},
        }));
        assert_eq!(result, Ok(()));
        assert_eq!(object["metadata"], json!({}));
        assert_eq!(object["spec"]["template"]["spec"]["containers"][0]["resources"]["limits"]["cpu"], "1");
    }
}
