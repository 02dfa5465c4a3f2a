//! What templates compute with: Go's dynamically typed values as far as charts can see them.
//!
//! Models `nil` and "no value" apart, `int` and `int64` apart, and maps that are shared and changed in place (Sprig's
//! `set`, `unset` and `merge` do that, and charts rely on it). Strings are UTF-8: bytes that are not are replaced when
//! they come in. It never orders a map other than by key, which is what Go's templates and printers do.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;
use std::ops::Deref;
use std::rc::Rc;

use crate::error::CallError;
use crate::limits::VALUE_DEPTH_MAX;
use crate::number::float_general;

/// Entries of a map, sorted by key as everything in Go that shows a map does it.
type Entries = BTreeMap<Rc<str>, Value>;

/// What a list or map is declared to hold in Go. It shows in messages and in `typeOf`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Element {
    /// `interface {}`
    #[default]
    Any,
    /// `string`
    Text,
    /// `int`
    Int,
    /// `[]interface {}`
    List,
    /// `map[string]interface {}`
    Map,
    /// `*chart.Maintainer`
    Maintainer,
    /// `*chart.Dependency`
    Dependency,
}

/// Under which name of its type a map is seen: Go's named types share what they hold with the plain one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Face {
    /// `map[string]interface {}`
    #[default]
    Plain,
    /// `chartutil.Values`, which has methods.
    Values,
}

/// The items of a list.
#[derive(Default)]
pub struct Items {
    all: Vec<Value>,
    element: Element,
    /// A nil slice: empty, but null as JSON and YAML.
    is_nil: bool,
}

impl Items {
    /// Whether it is Go's nil slice.
    pub fn is_nil(&self) -> bool {
        self.is_nil
    }

    /// What it is declared to hold.
    pub fn element(&self) -> Element {
        self.element
    }
}

impl Deref for Items {
    type Target = [Value];

    fn deref(&self) -> &[Value] {
        &self.all
    }
}

impl Drop for Items {
    fn drop(&mut self) {
        drop_flat(std::mem::take(&mut self.all));
    }
}

/// Frees values without recursion: a template can nest maps deeper than any stack.
fn drop_flat(mut pending: Vec<Value>) {
    while let Some(value) = pending.pop() {
        match value {
            Value::List(mut items) => {
                if let Some(items) = Rc::get_mut(&mut items) {
                    pending.append(&mut items.all);
                }
            }
            Value::Map(Map(mut map, _)) => {
                if let Some(node) = Rc::get_mut(&mut map) {
                    pending.extend(std::mem::take(&mut node.0).into_inner().into_values());
                }
            }
            _ => {}
        }
    }
}

/// A value during rendering. Cheap to clone: text, lists and maps are shared.
#[derive(Clone, Default)]
pub enum Value {
    /// Nothing at all (an invalid `reflect.Value`): a field of it is nothing again, and it prints as `<no value>`.
    #[default]
    Missing,
    /// A nil interface: a field of it is an error ("nil pointer evaluating").
    Nil,
    /// `bool`
    Bool(bool),
    /// Go's `int`: literals, lengths, Sprig's `int`.
    Int(i64),
    /// Go's `int64`: Sprig's arithmetic, `--set`.
    Int64(i64),
    /// `float64`: every number of a YAML or JSON document.
    Float(f64),
    /// `string`
    String(Rc<str>),
    /// `[]interface{}`, never changed in place.
    List(Rc<Items>),
    /// `map[string]interface{}`, shared by all who hold it.
    Map(Map),
    /// A value with fields and methods of its own (`.Files`, a time, a version).
    Object(Rc<dyn Object>),
}

/// What a value with fields and methods can do.
pub trait Object {
    /// Its Go type, for messages and `typeOf`.
    fn type_name(&self) -> &'static str;
    /// Its Go kind: `struct`, `map`, `slice`.
    fn kind(&self) -> &'static str {
        "struct"
    }
    /// A field; `None` when there is no such field.
    fn field(&self, name: &str) -> Option<Value>;
    /// The parameters of a method, as [`crate::functions`] writes them; `None` when there is no such method.
    fn method(&self, _name: &str) -> Option<&'static str> {
        None
    }
    /// Why a method that exists cannot be called by a template.
    fn refused_method(&self, _name: &str) -> Option<&'static str> {
        None
    }
    /// How many steps a call of a method counts for.
    fn cost(&self) -> u64 {
        1
    }
    /// Calls a method that [`Object::method`] knows, with arguments that fit.
    fn call(&self, _name: &str, _arguments: &[Value]) -> Result<Value, CallError> {
        Ok(Value::Missing)
    }
    /// The point in time, of Go's `time.Time`.
    fn time(&self) -> Option<crate::dates::Time> {
        None
    }
    /// The bytes, of Go's `[]byte`.
    fn bytes(&self) -> Option<&[u8]> {
        None
    }
    /// What is seen when it is treated as a plain value: ranged over, indexed, or written as YAML.
    fn plain(&self) -> Value;
    /// What is written as JSON or YAML.
    fn json(&self) -> Value {
        self.plain()
    }
    /// Names and values in JSON in the order they are declared in, of a struct.
    fn json_fields(&self) -> Option<Vec<(&'static str, Value)>> {
        None
    }
    /// The fields of a struct as `%+v` shows them.
    fn shown_fields(&self) -> Option<Vec<(&'static str, Value)>> {
        None
    }
    /// Whether it is the same as another of its type, where Go compares those; `None` where it refuses.
    fn same(&self, _other: &dyn Object) -> Option<bool> {
        None
    }
    /// The number, of Go's named numbers (`time.Month`).
    fn integer(&self) -> Option<i64> {
        None
    }
    /// How it prints.
    fn text(&self) -> String {
        self.plain().to_string()
    }
}

/// A map shared by reference, as in Go.
#[derive(Clone, Default)]
pub struct Map(Rc<MapNode>, Face);

#[derive(Default)]
struct MapNode(RefCell<Entries>, Element);

impl Drop for MapNode {
    fn drop(&mut self) {
        drop_flat(std::mem::take(&mut self.0).into_inner().into_values().collect());
    }
}

impl Map {
    /// An empty map.
    pub fn new() -> Self {
        Self::default()
    }

    /// A map that is declared to hold text.
    pub fn of_text(entries: impl IntoIterator<Item = (String, String)>) -> Self {
        let entries = entries.into_iter().map(|(key, value)| (key.into(), value.into())).collect();
        Self(Rc::new(MapNode(RefCell::new(entries), Element::Text)), Face::Plain)
    }

    /// Whether it is declared to hold text.
    pub fn holds_text(&self) -> bool {
        self.0.1 == Element::Text
    }

    /// The same map under another name of its type.
    pub fn seen_as(&self, face: Face) -> Self {
        Self(self.0.clone(), face)
    }

    /// The name of its type it is seen under.
    pub fn face(&self) -> Face {
        self.1
    }

    /// The value of a key.
    pub fn get(&self, key: &str) -> Option<Value> {
        self.0.0.borrow().get(key).cloned()
    }

    /// Puts a value in place; the map is changed for everyone who holds it.
    pub fn set(&self, key: impl Into<Rc<str>>, value: impl Into<Value>) {
        let (key, value) = (key.into(), value.into());
        self.0.0.borrow_mut().insert(key, value);
    }

    /// Takes everything out.
    pub fn clear(&self) {
        drop_flat(std::mem::take(&mut *self.0.0.borrow_mut()).into_values().collect());
    }

    /// Takes a key away.
    pub fn remove(&self, key: &str) {
        self.0.0.borrow_mut().remove(key);
    }

    /// Whether the key is there, also with nil.
    pub fn has(&self, key: &str) -> bool {
        self.0.0.borrow().contains_key(key)
    }

    /// Number of keys.
    pub fn len(&self) -> usize {
        self.0.0.borrow().len()
    }

    /// Whether there is no key.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The entries as they are now, sorted by key: what a loop runs over while the body changes the map.
    pub fn entries(&self) -> Vec<(Rc<str>, Value)> {
        self.0.0.borrow().iter().map(|(key, value)| (key.clone(), value.clone())).collect()
    }

    /// Whether both are the same map, not merely equal ones.
    pub fn is_same(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.0, &other.0)
    }
}

impl<K: Into<Rc<str>>, V: Into<Value>> FromIterator<(K, V)> for Map {
    fn from_iter<T: IntoIterator<Item = (K, V)>>(entries: T) -> Self {
        let entries = entries.into_iter().map(|(key, value)| (key.into(), value.into())).collect();
        Self(Rc::new(MapNode(RefCell::new(entries), Element::Any)), Face::Plain)
    }
}

impl Value {
    /// A string.
    pub fn string(text: impl Into<Rc<str>>) -> Self {
        Self::String(text.into())
    }

    /// A list.
    pub fn list(items: impl IntoIterator<Item = Value>) -> Self {
        Self::list_of(Element::Any, items)
    }

    /// A list that is declared to hold one type.
    pub fn list_of(element: Element, items: impl IntoIterator<Item = Value>) -> Self {
        Self::List(Rc::new(Items { all: items.into_iter().collect(), element, is_nil: false }))
    }

    /// A nil slice: what Go functions return that found nothing.
    pub fn nil_list(element: Element) -> Self {
        Self::List(Rc::new(Items { all: Vec::new(), element, is_nil: true }))
    }

    /// Whether it is nil or nothing.
    pub fn is_nil(&self) -> bool {
        matches!(self, Self::Nil | Self::Missing)
    }

    /// Go's idea of truth in templates: not the zero value, not empty. Sprig's `empty` is its opposite.
    pub fn is_true(&self) -> bool {
        match self {
            Self::Missing | Self::Nil => false,
            Self::Bool(truth) => *truth,
            Self::Int(number) | Self::Int64(number) => *number != 0,
            Self::Float(number) => *number != 0.0,
            Self::String(text) => !text.is_empty(),
            Self::List(items) => !items.is_empty(),
            Self::Map(map) => !map.is_empty(),
            Self::Object(object) => match object.kind() {
                "map" | "slice" => object.plain().is_true(),
                _ => object.integer() != Some(0),
            },
        }
    }

    /// The integer of either width.
    pub fn as_integer(&self) -> Option<i64> {
        match self {
            Self::Int(number) | Self::Int64(number) => Some(*number),
            Self::Object(object) => object.integer(),
            _ => None,
        }
    }

    /// The text of a string.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }

    /// The map, also of objects that are maps.
    pub fn as_map(&self) -> Option<Map> {
        match self {
            Self::Map(map) => Some(map.clone()),
            Self::Object(object) if object.kind() == "map" => object.plain().as_map(),
            _ => None,
        }
    }

    /// The items, also of objects that are slices.
    pub fn as_list(&self) -> Option<Rc<Items>> {
        match self {
            Self::List(items) => Some(items.clone()),
            Self::Object(object) if object.kind() == "slice" => object.plain().as_list(),
            _ => None,
        }
    }

    /// Go's name of the type, as `%T` prints it.
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::Missing | Self::Nil => "<nil>",
            Self::Bool(_) => "bool",
            Self::Int(_) => "int",
            Self::Int64(_) => "int64",
            Self::Float(_) => "float64",
            Self::String(_) => "string",
            Self::List(items) => match items.element {
                Element::Any => "[]interface {}",
                Element::Text => "[]string",
                Element::Int => "[]int",
                Element::List => "[][]interface {}",
                Element::Map => "[]map[string]interface {}",
                Element::Maintainer => "[]*chart.Maintainer",
                Element::Dependency => "[]*chart.Dependency",
            },
            Self::Map(map) if map.face() == Face::Values => "chartutil.Values",
            Self::Map(map) if map.holds_text() => "map[string]string",
            Self::Map(_) => "map[string]interface {}",
            Self::Object(object) => object.type_name(),
        }
    }

    /// Go's name of the kind, as Sprig's `kindOf` prints it.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Missing | Self::Nil => "invalid",
            Self::List(_) => "slice",
            Self::Map(_) => "map",
            Self::Object(object) => object.kind(),
            scalar => scalar.type_name(),
        }
    }
}

/// As Go's `%v` prints it, down to [`VALUE_DEPTH_MAX`](crate::limits::VALUE_DEPTH_MAX).
impl fmt::Display for Value {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_value(out, self, 0)
    }
}

fn write_value(out: &mut fmt::Formatter<'_>, value: &Value, depth: usize) -> fmt::Result {
    if depth > VALUE_DEPTH_MAX {
        return Err(fmt::Error);
    }
    match value {
        Value::Missing | Value::Nil => out.write_str("<nil>"),
        Value::Bool(truth) => write!(out, "{truth}"),
        Value::Int(number) | Value::Int64(number) => write!(out, "{number}"),
        Value::Float(number) => out.write_str(&float_general(*number)),
        Value::String(text) => out.write_str(text),
        Value::List(items) => {
            out.write_str("[")?;
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.write_str(" ")?;
                }
                write_value(out, item, depth + 1)?;
            }
            out.write_str("]")
        }
        Value::Map(map) => {
            out.write_str("map[")?;
            for (index, (key, item)) in map.entries().iter().enumerate() {
                if index > 0 {
                    out.write_str(" ")?;
                }
                write!(out, "{key}:")?;
                write_value(out, item, depth + 1)?;
            }
            out.write_str("]")
        }
        Value::Object(object) => out.write_str(&object.text()),
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.type_name())
    }
}

impl From<bool> for Value {
    fn from(truth: bool) -> Self {
        Self::Bool(truth)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::string(text)
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::string(text)
    }
}

impl From<Rc<str>> for Value {
    fn from(text: Rc<str>) -> Self {
        Self::String(text)
    }
}

impl From<Map> for Value {
    fn from(map: Map) -> Self {
        Self::Map(map)
    }
}

impl From<Vec<Value>> for Value {
    fn from(items: Vec<Value>) -> Self {
        Self::list(items)
    }
}
