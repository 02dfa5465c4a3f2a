//! `.Files`: the chart's files that are neither templates nor values.

use std::collections::BTreeMap;
use std::rc::Rc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::bytes::text_from;
use crate::error::CallError;
use crate::functions::base_name;
use crate::glob::Glob;
use crate::value::{Element, Map, Object, Value};
use crate::yaml::{self, Layout};

/// Files by path.
pub(super) struct Files(pub BTreeMap<String, Rc<[u8]>>);

impl Files {
    fn get(&self, path: &str) -> &[u8] {
        self.0.get(path).map(AsRef::as_ref).unwrap_or_default()
    }

    /// The files by name as YAML.
    fn as_yaml(&self, show: impl Fn(&[u8]) -> String) -> Result<Value, CallError> {
        let map: Map = self.0.iter().map(|(path, bytes)| (base_name(path).to_owned(), show(bytes))).collect();
        let written = yaml::write(&map.into(), Layout::Ordinary)?;
        Ok(written.strip_suffix('\n').unwrap_or(&written).into())
    }
}

impl Object for Files {
    fn type_name(&self) -> &'static str {
        "engine.files"
    }

    fn kind(&self) -> &'static str {
        "map"
    }

    fn field(&self, name: &str) -> Option<Value> {
        self.0.get(name).map(|bytes| Value::Object(Rc::new(Bytes(bytes.clone()))))
    }

    /// A glob looks at every file, and may try many ways to match it.
    fn cost(&self) -> u64 {
        100 * self.0.len() as u64
    }

    fn method(&self, name: &str) -> Option<&'static str> {
        match name {
            "Get" | "GetBytes" | "Glob" | "Lines" => Some("s"),
            "AsConfig" | "AsSecrets" => Some(""),
            _ => None,
        }
    }

    fn call(&self, name: &str, arguments: &[Value]) -> Result<Value, CallError> {
        let path = arguments.first().and_then(Value::as_str).unwrap_or_default();
        match name {
            "Get" => Ok(text_from(self.get(path)).into()),
            "GetBytes" => Ok(Value::Object(Rc::new(Bytes(self.get(path).into())))),
            "Glob" => {
                let glob = Glob::new(path);
                let matching = self.0.iter().filter(|(path, _)| glob.matches(path));
                let matching = matching.map(|(path, bytes)| (path.clone(), bytes.clone())).collect();
                Ok(Value::Object(Rc::new(Self(matching))))
            }
            "Lines" => {
                let text = text_from(self.get(path));
                if text.is_empty() {
                    return Ok(Value::list_of(Element::Text, []));
                }
                let text = text.strip_suffix('\n').unwrap_or(&text);
                Ok(Value::list_of(Element::Text, text.split('\n').map(Value::from)))
            }
            "AsSecrets" => self.as_yaml(|bytes| STANDARD.encode(bytes)),
            _ => self.as_yaml(text_from),
        }
    }

    fn plain(&self) -> Value {
        let entries =
            self.0.iter().map(|(path, bytes)| (path.as_str(), Value::Object(Rc::new(Bytes(bytes.clone())))));
        entries.collect::<Map>().into()
    }
}

/// `[]byte`
struct Bytes(Rc<[u8]>);

impl Object for Bytes {
    fn type_name(&self) -> &'static str {
        "[]uint8"
    }

    fn kind(&self) -> &'static str {
        "slice"
    }

    fn field(&self, _: &str) -> Option<Value> {
        None
    }

    fn bytes(&self) -> Option<&[u8]> {
        Some(&self.0)
    }

    fn plain(&self) -> Value {
        Value::list(self.0.iter().map(|byte| Value::Int(i64::from(*byte))))
    }

    fn json(&self) -> Value {
        STANDARD.encode(&self.0).into()
    }
}
