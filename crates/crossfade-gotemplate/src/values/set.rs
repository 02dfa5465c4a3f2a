//! The language of `--set`: `a.b[0].c=1,d={x,y}`, with `\` before what shall mean nothing.

use serde_json::{Map, Value};

use crate::error::Error;
use crate::printf::quote;

/// Largest index of a list, as in helm.
const INDEX_MAX: usize = 65_536;

/// Deepest key, as in helm.
const DEPTH_MAX: usize = 30;

/// What values are.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kinds {
    /// Integers, booleans and null where they look like it.
    Guessed,
    /// Text only.
    Text,
}

/// Sets what a text says.
pub(super) fn parse_into(map: &mut Map<String, Value>, text: &str, kinds: Kinds) -> Result<(), Error> {
    let letters: Vec<char> = text.chars().collect();
    let mut parser = Parser { letters: &letters, at: 0, kinds };
    while parser.at < letters.len() {
        parser.key(map, 0)?;
    }
    Ok(())
}

struct Parser<'t> {
    letters: &'t [char],
    at: usize,
    kinds: Kinds,
}

fn refuse<T>(message: impl Into<String>) -> Result<T, Error> {
    Err(Error::Set(message.into()))
}

/// Go's complaint about a key that is something else already.
fn wrong_type(value: &Value, wanted: &str) -> String {
    let got = match value {
        Value::Null => "nil",
        Value::Bool(_) => "bool",
        Value::Number(number) if number.is_i64() => "int64",
        Value::Number(_) => "float64",
        Value::String(_) => "string",
        Value::Array(_) => "[]interface {}",
        Value::Object(_) => "map[string]interface {}",
    };
    format!("unable to parse key: interface conversion: interface {{}} is {got}, not {wanted}")
}

impl Parser<'_> {
    fn next(&mut self) -> Option<char> {
        let letter = self.letters.get(self.at).copied();
        self.at += usize::from(letter.is_some());
        letter
    }

    /// Text up to one of some letters, which is taken as well.
    fn until(&mut self, stops: &[char]) -> (String, Option<char>) {
        let mut text = String::new();
        loop {
            match self.next() {
                None => return (text, None),
                Some(stop) if stops.contains(&stop) => return (text, Some(stop)),
                Some('\\') => text.extend(self.next()),
                Some(letter) => text.push(letter),
            }
        }
    }

    fn key(&mut self, map: &mut Map<String, Value>, depth: usize) -> Result<(), Error> {
        let (key, stop) = self.until(&['=', '[', ',', '.']);
        match stop {
            None if key.is_empty() => Ok(()),
            None => refuse(format!("key {} has no value", quote(&key))),
            Some('[') => {
                let index = self.index()?;
                let mut list = match map.remove(&key) {
                    Some(Value::Array(list)) => list,
                    None | Some(Value::Null) => Vec::new(),
                    Some(other) => return refuse(wrong_type(&other, "[]interface {}")),
                };
                self.item(&mut list, index, depth)?;
                insert(map, key, Value::Array(list));
                Ok(())
            }
            Some('=') => {
                let value = self.value()?;
                insert(map, key, value);
                Ok(())
            }
            Some(',') => {
                insert(map, key.clone(), "".into());
                refuse(format!("key {} has no value (cannot end with ,)", quote(&key)))
            }
            Some(_) => {
                if depth >= DEPTH_MAX {
                    return refuse(format!(
                        "value name nested level is greater than maximum supported nested level of {DEPTH_MAX}"
                    ));
                }
                let mut inner = match map.get_mut(&key).map(Value::take) {
                    Some(Value::Object(inner)) => inner,
                    None | Some(Value::Null) => Map::new(),
                    Some(other) => return refuse(wrong_type(&other, "map[string]interface {}")),
                };
                self.key(&mut inner, depth + 1)?;
                if inner.is_empty() {
                    return refuse(format!("key map {} has no value", quote(&key)));
                }
                insert(map, key, Value::Object(inner));
                Ok(())
            }
        }
    }

    fn index(&mut self) -> Result<usize, Error> {
        let (text, _) = self.until(&[']']);
        if text.starts_with('-') && text.parse::<i64>().is_ok() {
            return refuse(format!("negative {text} index not allowed"));
        }
        match text.parse::<usize>() {
            Ok(index) if index > INDEX_MAX => {
                refuse(format!("index of {index} is greater than maximum supported index of {INDEX_MAX}"))
            }
            Ok(index) => Ok(index),
            Err(_) => {
                refuse(format!("error parsing index: strconv.Atoi: parsing {}: invalid syntax", quote(&text)))
            }
        }
    }

    /// What stands behind an index.
    fn item(&mut self, list: &mut Vec<Value>, index: usize, depth: usize) -> Result<(), Error> {
        let (text, stop) = self.until(&['[', '.', '=']);
        if !text.is_empty() {
            return refuse(format!("unexpected data at end of array index: {}", quote(&text)));
        }
        let old = list.get_mut(index).map(Value::take);
        let value = match stop {
            None => return Ok(()),
            Some('=') => self.value()?,
            Some('[') => {
                let next = self.index()?;
                let mut inner = match old {
                    Some(Value::Array(inner)) => inner,
                    _ => Vec::new(),
                };
                self.item(&mut inner, next, depth)?;
                Value::Array(inner)
            }
            Some(_) => {
                let mut inner = match old {
                    Some(Value::Object(inner)) => inner,
                    _ => Map::new(),
                };
                self.key(&mut inner, depth)?;
                Value::Object(inner)
            }
        };
        if list.len() <= index {
            list.resize(index + 1, Value::Null);
        }
        list[index] = value;
        Ok(())
    }

    fn value(&mut self) -> Result<Value, Error> {
        if self.letters.get(self.at) != Some(&'{') {
            let (text, _) = self.until(&[',']);
            return Ok(self.typed(text));
        }
        self.at += 1;
        let mut list = Vec::new();
        loop {
            let (text, stop) = self.until(&[',', '}']);
            match stop {
                None => return refuse("list must terminate with '}'"),
                Some(stop) => {
                    list.push(self.typed(text));
                    if stop == '}' {
                        break;
                    }
                }
            }
        }
        if self.letters.get(self.at) == Some(&',') {
            self.at += 1;
        }
        Ok(Value::Array(list))
    }

    fn typed(&self, text: String) -> Value {
        if self.kinds == Kinds::Text {
            return text.into();
        }
        match text.to_ascii_lowercase().as_str() {
            "true" => Value::Bool(true),
            "false" => Value::Bool(false),
            "null" => Value::Null,
            "0" => 0_i64.into(),
            lower if lower.starts_with('0') => text.into(),
            _ => text.parse::<i64>().map_or_else(|_| text.into(), Value::from),
        }
    }
}

/// An empty key sets nothing.
fn insert(map: &mut Map<String, Value>, key: String, value: Value) {
    if !key.is_empty() {
        map.insert(key, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(text: &str) -> String {
        let mut map = Map::new();
        match parse_into(&mut map, text, Kinds::Guessed) {
            Ok(()) => Value::Object(map).to_string(),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn texts_are_read_as_helm_does() {
        for (text, expected) in [
            ("a=1,b=x", r#"{"a":1,"b":"x"}"#),
            ("a.b.c=true", r#"{"a":{"b":{"c":true}}}"#),
            ("a={x,1}", r#"{"a":["x",1]}"#),
            ("a[1].b=c,a[0]=z", r#"{"a":["z",{"b":"c"}]}"#),
            ("a[0][1]=x", r#"{"a":[[null,"x"]]}"#),
            (r"a=x\,y,b\.c=1", r#"{"a":"x,y","b.c":1}"#),
            ("a=007,b=0,c=null,d=", r#"{"a":"007","b":0,"c":null,"d":""}"#),
            ("a={x", "failed parsing --set data: list must terminate with '}'"),
            ("a", "failed parsing --set data: key \"a\" has no value"),
        ] {
            assert_eq!(set(text), expected, "{text}");
        }
    }
}
