//! What is known of the fields of a kind: their types, and how lists and maps merge.
//!
//! One model serves built-in kinds ([`builtin`]) and custom resources ([`crate::crd`]). Decoding, strategic
//! merge, server-side apply and the served OpenAPI documents all read it. It holds no values and checks no
//! rules beyond types.

pub(crate) mod builtin;
pub(crate) mod decode;
pub(crate) mod openapi;

use std::collections::BTreeMap;
use std::sync::Arc;

/// Type of one value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Shape {
    /// Anything; merged as a whole where the type cannot be told, deeply where it is an object.
    Any,
    String,
    /// RFC 3339 in seconds.
    Time,
    /// RFC 3339 with microseconds.
    MicroTime,
    /// Base64 text.
    Bytes,
    Int32,
    Int64,
    Number,
    Boolean,
    /// `500m`, `1Gi`; numbers are read as text.
    Quantity,
    IntOrString,
    /// An object of unknown fields.
    RawObject,
    List(Box<Field>),
    Map(Box<Field>),
    Object(ObjectRef),
}

/// How a list is merged by server-side apply.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum ListMerge {
    /// The whole list is one value.
    #[default]
    Atomic,
    /// Distinct scalars.
    Set,
    /// Objects told apart by the named fields.
    Map(Vec<String>),
}

/// One field, list item or map value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Field {
    pub(crate) shape: Shape,
    pub(crate) required: bool,
    /// Where the field is in the protocol buffer of its object: one number, or several where a message is
    /// inlined in JSON.
    pub(crate) numbers: Vec<u32>,
    pub(crate) list: ListMerge,
    /// A map or object that is merged as a whole.
    pub(crate) atomic: bool,
    /// Strategic merge: `merge`, `replace`, `retainKeys`, as in `x-kubernetes-patch-strategy`.
    pub(crate) strategy: Option<String>,
    /// Strategic merge: the field that tells list items apart.
    pub(crate) merge_key: Option<String>,
}

impl Field {
    pub(crate) fn plain(shape: Shape) -> Self {
        Field {
            shape,
            required: false,
            numbers: Vec::new(),
            list: ListMerge::Atomic,
            atomic: false,
            strategy: None,
            merge_key: None,
        }
    }

    pub(crate) fn has_strategy(&self, wanted: &str) -> bool {
        self.strategy.as_deref().is_some_and(|strategy| strategy.split(',').any(|part| part == wanted))
    }
}

/// Fields of an object.
#[derive(Debug, PartialEq, Default)]
pub(crate) struct ObjectShape {
    /// Full name, as `core.v1.PodSpec`; empty for parts of custom resources.
    pub(crate) name: String,
    pub(crate) fields: BTreeMap<String, Field>,
    /// Merged as a whole wherever it appears.
    pub(crate) atomic: bool,
    /// Fields that are not listed are kept.
    pub(crate) open: bool,
}

/// A shape that is shared: built-in ones live for the whole program, those of custom resources as long as
/// their definition.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum ObjectRef {
    Builtin(usize),
    Custom(Arc<ObjectShape>),
}

impl ObjectRef {
    pub(crate) fn get(&self) -> &ObjectShape {
        match self {
            ObjectRef::Builtin(index) => builtin::at(*index),
            ObjectRef::Custom(shape) => shape,
        }
    }
}
