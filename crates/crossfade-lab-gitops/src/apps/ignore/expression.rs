//! One jq expression that names places of an object. What runs it is jaq; where the places lead is decided here, as jq does:
//! a place that is not there is no error.

use jaq_core::load::{Arena, File, Loader};
use jaq_core::{Compiler, Ctx, Filter, Vars, data, unwrap_valr};
use jaq_json::Val;
use serde_json::Value;

/// A compiled expression.
pub(super) struct Expression {
    code: String,
    filter: Filter<data::JustLut<Val>>,
}

impl std::fmt::Debug for Expression {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Expression").field(&self.code).finish()
    }
}

impl Expression {
    pub(super) fn parse(code: &str) -> Result<Expression, String> {
        let unreadable = || format!("`{code}` is not a jq path expression");
        let program = format!("path({code})");
        let definitions = jaq_core::defs().chain(jaq_std::defs()).chain(jaq_json::defs());
        let functions = jaq_core::funs().chain(jaq_std::funs()).chain(jaq_json::funs());
        let arena = Arena::default();
        let modules = Loader::new(definitions).load(&arena, File { code: program.as_str(), path: () });
        let modules = modules.map_err(|_| unreadable())?;
        let filter = Compiler::default().with_funs(functions).compile(modules).map_err(|_| unreadable())?;
        Ok(Expression { code: code.to_owned(), filter })
    }

    /// Takes the places that it names out of an object; when it fails on it, none.
    pub(super) fn take_out(&self, object: &mut Value) {
        let Ok(mut places) = self.places(object) else { return };
        // From behind, so that what is left of a list keeps its place.
        places.sort_by(|one, other| compare_places(other, one));
        for place in places {
            take_out(object, &place);
        }
    }

    fn places(&self, object: &Value) -> Result<Vec<Vec<Value>>, ()> {
        let input: Val = serde_json::from_value(object.clone()).map_err(drop)?;
        let context = Ctx::<data::JustLut<Val>>::new(&self.filter.lut, Vars::new([]));
        let found = self.filter.id.run((context, input)).map(unwrap_valr);
        found.map(|place| serde_json::from_str(&place.map_err(drop)?.to_string()).map_err(drop)).collect()
    }
}

fn compare_places(one: &[Value], other: &[Value]) -> std::cmp::Ordering {
    let steps = one.iter().zip(other).map(|(one, other)| match (one.as_u64(), other.as_u64()) {
        (Some(one), Some(other)) => one.cmp(&other),
        _ => one.as_str().cmp(&other.as_str()),
    });
    let first = steps.into_iter().find(|order| order.is_ne());
    first.unwrap_or_else(|| one.len().cmp(&other.len()))
}

fn take_out(object: &mut Value, place: &[Value]) {
    let Some((last, parents)) = place.split_last() else { return };
    let mut at = object;
    for step in parents {
        let next = match (at, step) {
            (Value::Object(fields), Value::String(name)) => fields.get_mut(name),
            (Value::Array(items), Value::Number(_)) => {
                place_in(items.len(), step).and_then(|index| items.get_mut(index))
            }
            _ => None,
        };
        let Some(next) = next else { return };
        at = next;
    }
    match (at, last) {
        (Value::Object(fields), Value::String(name)) => drop(fields.remove(name)),
        (Value::Array(items), Value::Number(_)) => {
            if let Some(index) = place_in(items.len(), last) {
                items.remove(index);
            }
        }
        _ => {}
    }
}

/// Where an index leads; negative ones count from behind.
fn place_in(length: usize, index: &Value) -> Option<usize> {
    let index = index.as_i64()?;
    let index = if index < 0 { i64::try_from(length).ok()? + index } else { index };
    usize::try_from(index).ok().filter(|index| *index < length)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn places_are_taken_out_as_jq_does() {
        for (code, before, after) in [
            (".spec.replicas", json!({"spec": {"replicas": 1, "a": 2}}), json!({"spec": {"a": 2}})),
            (".metadata.annotations.x", json!({"a": 1}), json!({"a": 1})),
            (".webhooks[]?.caBundle", json!({"a": 1}), json!({"a": 1})),
            (
                ".c[] | select(.name == \"b\")",
                json!({"c": [{"name": "b"}, {"name": "a"}, {"name": "b"}]}),
                json!({"c": [{"name": "a"}]}),
            ),
            (
                ".c[].env[]? | select(.name | test(\"^X\"))",
                json!({"c": [{"env": [{"name": "X1"}, {"name": "Y"}]}, {}]}),
                json!({"c": [{"env": [{"name": "Y"}]}, {}]}),
            ),
            (".a[0,2], .b", json!({"a": [1, 2, 3], "b": 1}), json!({"a": [2]})),
            (".a[-1]", json!({"a": [1, 2]}), json!({"a": [1]})),
            (".data | keys[]", json!({"data": {"a": 1}}), json!({"data": {"a": 1}})),
        ] {
            let mut object = before;
            Expression::parse(code).unwrap().take_out(&mut object);
            assert_eq!(object, after, "{code}");
        }
        assert_eq!(Expression::parse(".a[").unwrap_err(), "`.a[` is not a jq path expression");
    }
}
