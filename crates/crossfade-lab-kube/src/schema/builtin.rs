//! The types of Kubernetes itself, read from `kubernetes-1.33.txt`.
//!
//! Grammar, a line each: `= NAME [kind=GROUP/VERSION/KIND] [atomic]` opens a type; the lines after it are
//! fields, `NAME[!][#NUMBERS] TYPE [map=KEY,KEY | set] [atomic] [strategy=S] [key=K]`, `!` for required,
//! `#2.19` for its place in protocol buffers. A TYPE is a scalar, `[]TYPE`, `{}TYPE` (a map by string) or
//! `@NAME`. The file is written by `examples/compact_openapi.rs` and ships inside the program, so a line that
//! cannot be read is a defect of this crate; it is skipped, and the tests notice.

use std::collections::{BTreeMap, HashMap};
use std::sync::LazyLock;

use super::{Field, ListMerge, ObjectRef, ObjectShape, Shape};

const TEXT: &str = include_str!("kubernetes-1.33.txt");

struct Types {
    shapes: Vec<ObjectShape>,
    by_name: HashMap<&'static str, usize>,
    by_kind: HashMap<&'static str, usize>,
}

static TYPES: LazyLock<Types> = LazyLock::new(read);

/// The shape at an index handed out by this module.
pub(super) fn at(index: usize) -> &'static ObjectShape {
    &TYPES.shapes[index]
}

/// A type by its full name (`meta.v1.ObjectMeta`).
pub(crate) fn named(name: &str) -> ObjectRef {
    ObjectRef::Builtin(TYPES.by_name.get(name).copied().unwrap_or(0))
}

/// The type of a kind. Index 0 (an object of any fields) stands for a kind that the file does not have.
pub(crate) fn kind(group: &str, version: &str, kind: &str) -> ObjectRef {
    ObjectRef::Builtin(TYPES.by_kind.get(format!("{group}/{version}/{kind}").as_str()).copied().unwrap_or(0))
}

fn read() -> Types {
    let mut by_name = HashMap::new();
    let mut by_kind = HashMap::new();
    // Index 0 is the type of unknown kinds.
    for (index, header) in (1..).zip(TEXT.lines().filter_map(|line| line.strip_prefix("= "))) {
        let mut words = header.split(' ');
        by_name.insert(words.next().unwrap_or_default(), index);
        if let Some(kind) = words.find_map(|word| word.strip_prefix("kind=")) {
            by_kind.insert(kind, index);
        }
    }

    let mut shapes = vec![ObjectShape { open: true, ..ObjectShape::default() }];
    for line in TEXT.lines().filter(|line| !line.starts_with('#')) {
        if let Some(header) = line.strip_prefix("= ") {
            let mut words = header.split(' ');
            shapes.push(ObjectShape {
                name: words.next().unwrap_or_default().to_owned(),
                fields: BTreeMap::new(),
                atomic: words.any(|word| word == "atomic"),
                open: false,
            });
        } else if let Some((name, field)) = read_field(line, &by_name)
            && let Some(shape) = shapes.last_mut()
        {
            shape.fields.insert(name.to_owned(), field);
        }
    }
    Types { shapes, by_name, by_kind }
}

fn read_field<'a>(line: &'a str, by_name: &HashMap<&'static str, usize>) -> Option<(&'a str, Field)> {
    let mut words = line.split(' ');
    let name = words.next()?;
    let mut field = Field::plain(read_type(words.next()?, by_name)?);
    for word in words {
        match word.split_once('=') {
            Some(("map", keys)) => field.list = ListMerge::Map(keys.split(',').map(str::to_owned).collect()),
            Some(("strategy", strategy)) => field.strategy = Some(strategy.to_owned()),
            Some(("key", key)) => field.merge_key = Some(key.to_owned()),
            None if word == "set" => field.list = ListMerge::Set,
            None if word == "atomic" => field.atomic = true,
            _ => return None,
        }
    }
    let (name, numbers) = name.split_once('#').unwrap_or((name, ""));
    field.numbers = numbers.split('.').filter_map(|number| number.parse().ok()).collect();
    match name.strip_suffix('!') {
        Some(name) => {
            field.required = true;
            Some((name, field))
        }
        None => Some((name, field)),
    }
}

fn read_type(text: &str, by_name: &HashMap<&'static str, usize>) -> Option<Shape> {
    if let Some(item) = text.strip_prefix("[]") {
        return Some(Shape::List(Box::new(Field::plain(read_type(item, by_name)?))));
    }
    if let Some(value) = text.strip_prefix("{}") {
        return Some(Shape::Map(Box::new(Field::plain(read_type(value, by_name)?))));
    }
    if let Some(name) = text.strip_prefix('@') {
        return Some(by_name.get(name).map_or(Shape::Any, |index| Shape::Object(ObjectRef::Builtin(*index))));
    }
    Some(match text {
        "any" => Shape::Any,
        "string" => Shape::String,
        "time" => Shape::Time,
        "microtime" => Shape::MicroTime,
        "bytes" => Shape::Bytes,
        "int32" => Shape::Int32,
        "int64" => Shape::Int64,
        "number" => Shape::Number,
        "bool" => Shape::Boolean,
        "quantity" => Shape::Quantity,
        "intstr" => Shape::IntOrString,
        "rawobject" => Shape::RawObject,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_every_line_of_the_file() {
        let fields = TEXT.lines().filter(|line| !line.starts_with(['#', '='])).count();
        let read: usize = TYPES.shapes.iter().map(|shape| shape.fields.len()).sum();
        assert_eq!(read, fields);
    }

    #[test]
    fn knows_how_containers_and_ports_merge() {
        let spec = named("core.v1.PodSpec");
        let containers = &spec.get().fields["containers"];
        assert_eq!(containers.list, ListMerge::Map(vec!["name".into()]));
        assert_eq!(containers.merge_key.as_deref(), Some("name"));
        assert!(containers.required);
        let ports = &named("core.v1.ServiceSpec").get().fields["ports"].clone();
        assert_eq!(ports.list, ListMerge::Map(vec!["port".into(), "protocol".into()]));
        assert_eq!(ports.merge_key.as_deref(), Some("port"));
    }

    #[test]
    fn selectors_are_atomic() {
        assert!(named("meta.v1.LabelSelector").get().atomic);
        assert!(named("core.v1.ServiceSpec").get().fields["selector"].atomic);
    }
}
