//! Sprig's functions about emptiness, kinds and JSON.

use super::{Arguments, Entry, Returned, refuse, text};
use crate::compare::{deep_copy, deep_equal};
use crate::execute::Call;
use crate::json::{self, Style};
use crate::value::Value;

pub(super) const TABLE: &[Entry] = &[
    ("default", "aa*", |_, values| {
        Ok(values.get(1).filter(|given| given.is_true()).unwrap_or(values.any(0)).clone())
    }),
    ("empty", "a", |_, values| Ok((!values.any(0).is_true()).into())),
    ("coalesce", "a*", |_, values| {
        Ok(values.iter().find(|value| value.is_true()).cloned().unwrap_or(Value::Nil))
    }),
    ("all", "a*", |_, values| Ok(values.iter().all(Value::is_true).into())),
    ("any", "a*", |_, values| Ok(values.iter().any(Value::is_true).into())),
    ("ternary", "aab", |_, values| Ok(values.any(usize::from(!values.any(2).is_true())).clone())),
    ("deepCopy", "a", copy),
    ("mustDeepCopy", "a", copy),
    ("deepEqual", "aa", |_, values| deep_equal(values.any(0), values.any(1)).map(Value::Bool)),
    ("typeOf", "a", |_, values| Ok(values.any(0).type_name().into())),
    ("typeIs", "sa", |_, values| Ok((values.text(0) == values.any(1).type_name()).into())),
    ("typeIsLike", "sa", type_is_like),
    ("kindOf", "a", |_, values| Ok(values.any(0).kind().into())),
    ("kindIs", "sa", |_, values| Ok((values.text(0) == values.any(1).kind()).into())),
    ("fail", "s", |_, values| refuse(values.text(0))),
    ("fromJson", "s", |_, values| Ok(json::read(values.text(0)).unwrap_or(Value::Nil))),
    ("mustFromJson", "s", |_, values| json::read(values.text(0)).or_else(|error| refuse(error.to_string()))),
    ("toJson", "a", |_, values| text(json::write(values.any(0), Style::Compact).unwrap_or_default())),
    ("mustToJson", "a", |_, values| text(json::write(values.any(0), Style::Compact)?)),
    ("toPrettyJson", "a", |_, values| text(json::write(values.any(0), Style::Pretty).unwrap_or_default())),
    ("mustToPrettyJson", "a", |_, values| text(json::write(values.any(0), Style::Pretty)?)),
    ("toRawJson", "a", |_, values| text(json::write(values.any(0), Style::Raw)?)),
    ("mustToRawJson", "a", |_, values| text(json::write(values.any(0), Style::Raw)?)),
];

fn copy(_: &Call<'_>, values: &[Value]) -> Returned {
    if values.any(0).is_nil() {
        return refuse("reflect: call of reflect.Value.Type on zero Value");
    }
    deep_copy(values.any(0))
}

#[expect(clippy::unnecessary_wraps, reason = "a table of functions wants it")]
fn type_is_like(_: &Call<'_>, values: &[Value]) -> Returned {
    let (target, name) = (values.text(0), values.any(1).type_name());
    Ok((target == name || name.strip_prefix('*') == Some(target)).into())
}
