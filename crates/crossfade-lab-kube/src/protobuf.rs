//! Request bodies as protocol buffers, which clients generated from Go types prefer for built-in kinds.
//!
//! Only reading: answers are always JSON, which those clients accept as well. The field numbers are part of
//! the known types ([`crate::schema::builtin`]).

use serde_json::{Map, Number, Value};

use crate::error::ApiError;
use crate::schema::{Field, ObjectRef, Shape, builtin};

/// First bytes of every such body.
const MAGIC: &[u8] = b"k8s\0";

/// Messages inside messages. Deeper ones than any Kubernetes type has are an attack.
const DEPTH_MAX: usize = 64;

/// Reads a body: an envelope with `apiVersion` and `kind`, and the object in it.
pub(crate) fn read(body: &[u8]) -> Result<Value, ApiError> {
    parse(body)
        .ok_or_else(|| ApiError::bad_request("the body of the request is no protocol buffer of a known kind"))
}

fn parse(body: &[u8]) -> Option<Value> {
    let mut envelope = Reader(body.strip_prefix(MAGIC)?);
    let (mut api_version, mut kind, mut raw) = (String::new(), String::new(), &[][..]);
    while let Some((number, value)) = envelope.next().ok()? {
        match (number, value) {
            (1, Wire::Bytes(bytes)) => {
                let mut types = Reader(bytes);
                while let Some((number, value)) = types.next().ok()? {
                    if let Wire::Bytes(bytes) = value {
                        let text = String::from_utf8(bytes.to_vec()).ok()?;
                        if number == 1 { api_version = text } else { kind = text }
                    }
                }
            }
            (2, Wire::Bytes(bytes)) => raw = bytes,
            _ => {}
        }
    }
    let (group, version) = api_version.split_once('/').unwrap_or(("", &api_version));
    let shape = if kind == "DeleteOptions" {
        builtin::named("meta.v1.DeleteOptions")
    } else {
        builtin::kind(group, version, &kind)
    };
    if shape.get().fields.is_empty() {
        return None;
    }
    let mut object = message(raw, &shape, 0)?;
    object["apiVersion"] = api_version.into();
    object["kind"] = kind.into();
    Some(object)
}

/// A value on the wire.
#[derive(Clone, Copy)]
enum Wire<'a> {
    Varint(u64),
    Fixed64(u64),
    Fixed32(u32),
    Bytes(&'a [u8]),
}

struct Malformed;

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn next(&mut self) -> Result<Option<(u32, Wire<'a>)>, Malformed> {
        if self.0.is_empty() {
            return Ok(None);
        }
        let tag = self.varint()?;
        let number = u32::try_from(tag >> 3).map_err(|_| Malformed)?;
        let wire = match tag & 7 {
            0 => Wire::Varint(self.varint()?),
            1 => Wire::Fixed64(u64::from_le_bytes(self.take(8)?.try_into().map_err(|_| Malformed)?)),
            2 => {
                let length = usize::try_from(self.varint()?).map_err(|_| Malformed)?;
                Wire::Bytes(self.take(length)?)
            }
            5 => Wire::Fixed32(u32::from_le_bytes(self.take(4)?.try_into().map_err(|_| Malformed)?)),
            _ => return Err(Malformed),
        };
        Ok(Some((number, wire)))
    }

    fn varint(&mut self) -> Result<u64, Malformed> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.take(1)?[0];
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(Malformed)
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], Malformed> {
        let (taken, rest) = self.0.split_at_checked(length).ok_or(Malformed)?;
        self.0 = rest;
        Ok(taken)
    }
}

fn message(bytes: &[u8], shape: &ObjectRef, depth: usize) -> Option<Value> {
    let mut object = Map::new();
    fill(bytes, shape, &[], &mut object, depth)?;
    Some(Value::Object(object))
}

/// Reads a message into an object; `prefix` is the path of an inlined message within its object.
fn fill(
    bytes: &[u8],
    shape: &ObjectRef,
    prefix: &[u32],
    object: &mut Map<String, Value>,
    depth: usize,
) -> Option<()> {
    if depth > DEPTH_MAX {
        return None;
    }
    let mut reader = Reader(bytes);
    while let Some((number, wire)) = reader.next().ok()? {
        let mut path = prefix.to_vec();
        path.push(number);
        let exact = shape.get().fields.iter().find(|(_, field)| field.numbers == path);
        if let Some((name, field)) = exact {
            add(object, name, field, wire, depth)?;
        } else if let Wire::Bytes(inner) = wire
            && shape.get().fields.values().any(|field| field.numbers.starts_with(&path))
        {
            fill(inner, shape, &path, object, depth + 1)?;
        }
        // Fields that are not known are left out, as everywhere in this format.
    }
    Some(())
}

fn add(
    object: &mut Map<String, Value>,
    name: &str,
    field: &Field,
    wire: Wire<'_>,
    depth: usize,
) -> Option<()> {
    match &field.shape {
        Shape::List(item) => {
            let list = object.entry(name).or_insert_with(|| Value::Array(Vec::new()));
            let items = list.as_array_mut()?;
            match (wire, &item.shape) {
                // Numbers may be packed into one value.
                (Wire::Bytes(packed), Shape::Int32 | Shape::Int64) => {
                    let mut reader = Reader(packed);
                    while !reader.0.is_empty() {
                        items.push(signed(reader.varint().ok()?).into());
                    }
                }
                _ => items.push(single(wire, &item.shape, depth)?),
            }
        }
        Shape::Map(item) => {
            let Wire::Bytes(entry) = wire else { return None };
            let mut reader = Reader(entry);
            let (mut key, mut value) = (String::new(), None);
            while let Some((number, wire)) = reader.next().ok()? {
                match (number, wire) {
                    (1, Wire::Bytes(bytes)) => key = String::from_utf8(bytes.to_vec()).ok()?,
                    (2, wire) => value = Some(map_value(wire, item, depth)?),
                    _ => {}
                }
            }
            let value = value.unwrap_or_else(|| Value::String(String::new()));
            object
                .entry(name)
                .or_insert_with(|| Value::Object(Map::new()))
                .as_object_mut()?
                .insert(key, value);
        }
        shape => {
            let value = single(wire, shape, depth)?;
            // Go writes empty strings and zero times of absent fields; JSON leaves them out.
            let absent = value.is_null() || value.as_str().is_some_and(str::is_empty);
            if !absent {
                object.insert(name.to_owned(), value);
            }
        }
    }
    Some(())
}

/// A value of a map. Lists are wrapped into a message with one repeated field there.
fn map_value(wire: Wire<'_>, item: &Field, depth: usize) -> Option<Value> {
    let Shape::List(inner) = &item.shape else {
        return single(wire, &item.shape, depth);
    };
    let Wire::Bytes(bytes) = wire else { return None };
    let mut reader = Reader(bytes);
    let mut items = Vec::new();
    while let Some((_, wire)) = reader.next().ok()? {
        items.push(single(wire, &inner.shape, depth)?);
    }
    Some(Value::Array(items))
}

fn signed(value: u64) -> i64 {
    value.cast_signed()
}

fn single(wire: Wire<'_>, shape: &Shape, depth: usize) -> Option<Value> {
    use base64::Engine as _;
    match (shape, wire) {
        (Shape::String, Wire::Bytes(bytes)) => Some(String::from_utf8(bytes.to_vec()).ok()?.into()),
        (Shape::Bytes, Wire::Bytes(bytes)) => {
            Some(base64::engine::general_purpose::STANDARD.encode(bytes).into())
        }
        (Shape::Int32 | Shape::Int64, Wire::Varint(value)) => Some(signed(value).into()),
        (Shape::Boolean, Wire::Varint(value)) => Some((value != 0).into()),
        (Shape::Number, Wire::Fixed64(bits)) => Number::from_f64(f64::from_bits(bits)).map(Value::Number),
        (Shape::Number, Wire::Fixed32(bits)) => {
            Number::from_f64(f64::from(f32::from_bits(bits))).map(Value::Number)
        }
        (Shape::Object(inner), Wire::Bytes(bytes)) => message(bytes, inner, depth + 1),
        (Shape::Time | Shape::MicroTime, Wire::Bytes(bytes)) => time(bytes, *shape == Shape::MicroTime),
        (Shape::Quantity, Wire::Bytes(bytes)) => {
            let mut reader = Reader(bytes);
            match reader.next().ok()? {
                Some((1, Wire::Bytes(text))) => Some(String::from_utf8(text.to_vec()).ok()?.into()),
                _ => Some(Value::String("0".into())),
            }
        }
        (Shape::IntOrString, Wire::Bytes(bytes)) => int_or_string(bytes),
        // Both wrap a JSON document in a message with one field.
        (Shape::RawObject | Shape::Any, Wire::Bytes(bytes)) => {
            let mut reader = Reader(bytes);
            match reader.next().ok()? {
                Some((1, Wire::Bytes(document))) => serde_json::from_slice(document).ok(),
                _ => Some(Value::Null),
            }
        }
        _ => None,
    }
}

fn time(bytes: &[u8], micro: bool) -> Option<Value> {
    let mut reader = Reader(bytes);
    let (mut seconds, mut nanoseconds) = (0, 0);
    while let Some((number, wire)) = reader.next().ok()? {
        if let Wire::Varint(value) = wire {
            if number == 1 { seconds = signed(value) } else { nanoseconds = signed(value) }
        }
    }
    if bytes.is_empty() {
        return Some(Value::Null);
    }
    let timestamp = jiff::Timestamp::new(seconds, i32::try_from(nanoseconds).ok()?).ok()?;
    Some(if micro { format!("{timestamp:.6}").into() } else { timestamp.to_string().into() })
}

fn int_or_string(bytes: &[u8]) -> Option<Value> {
    let mut reader = Reader(bytes);
    let (mut is_text, mut number, mut text) = (false, 0, String::new());
    while let Some((field, wire)) = reader.next().ok()? {
        match (field, wire) {
            (1, Wire::Varint(kind)) => is_text = kind == 1,
            (2, Wire::Varint(value)) => number = signed(value),
            (3, Wire::Bytes(bytes)) => text = String::from_utf8(bytes.to_vec()).ok()?,
            _ => {}
        }
    }
    Some(if is_text { text.into() } else { number.into() })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
        let mut out = vec![number << 3 | 2, u8::try_from(bytes.len()).unwrap_or(u8::MAX)];
        out.extend_from_slice(bytes);
        out
    }

    fn enveloped(api_version: &str, kind: &str, raw: &[u8]) -> Vec<u8> {
        let types = [field(1, api_version.as_bytes()), field(2, kind.as_bytes())].concat();
        [MAGIC.to_vec(), field(1, &types), field(2, raw)].concat()
    }

    #[test]
    fn reads_strings_maps_and_inlined_messages() {
        // A pod with a label and one configMap volume, whose source is inlined in JSON.
        let metadata = [field(1, b"p"), field(11, &[field(1, b"app"), field(2, b"web")].concat())].concat();
        let reference = field(1, &field(1, b"settings"));
        let volume = [field(1, b"v"), field(2, &long_field(19, &reference))].concat();
        let raw = [field(1, &metadata), field(2, &field(1, &volume))].concat();
        assert_eq!(
            read(&enveloped("v1", "Pod", &raw)).ok(),
            Some(
                json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "labels": {"app": "web"}},
                "spec": {"volumes": [{"name": "v", "configMap": {"name": "settings"}}]}})
            )
        );
    }

    /// Numbers above 15 take two bytes.
    fn long_field(number: u8, bytes: &[u8]) -> Vec<u8> {
        let [low, high] = [(number << 3 | 2) | 0x80, number >> 4];
        let mut out = vec![low, high, u8::try_from(bytes.len()).unwrap_or(u8::MAX)];
        out.extend_from_slice(bytes);
        out
    }

    #[test]
    fn refuses_what_is_cut_short() {
        let whole = enveloped("v1", "Pod", &field(1, &field(1, b"p")));
        assert!(read(&whole).is_ok());
        for end in 0..whole.len() {
            // A cut between two fields is a shorter message; any other must be refused and never panic.
            let _ = read(&whole[..end]);
        }
        assert!(read(&whole[..whole.len() - 1]).is_err());
        assert!(read(b"k8s\0").is_err());
    }
}
