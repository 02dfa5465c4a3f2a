//! `values.schema.json`: JSON Schema of the drafts 4 to 2020-12 as charts use it, with the messages of the validator in helm.
//!
//! Nothing is fetched: a `$ref` to somewhere else is refused. A schema is not checked against its own metaschema, and
//! `unevaluatedProperties`, `unevaluatedItems` and dynamic references are passed over.

mod compare;
mod format;
mod reference;

use std::cell::Cell;
use std::fmt::Write as _;

use regex::Regex;
use serde_json::{Map, Value};

use super::coalesce::Loaded;
use crate::error::Error;
use crate::limits::VALUE_DEPTH_MAX;
use compare::{TYPES, decimal, duplicates, equals, is_type, quote, shown, type_of};

/// Subschemas applied to values in one chart: a schema whose alternatives lead back to itself doubles at each level.
const CHECKS_MAX: usize = 1_000_000;

/// Checks the values of a chart and of its subcharts, each against its own schema.
pub(super) fn check(chart: &Loaded, values: &crate::value::Map) -> Result<(), Error> {
    let values = crate::json::to_serde_floats(&values.clone().into()).unwrap_or(Value::Null);
    let complaints = complaints(chart, &values);
    if complaints.is_empty() {
        return Ok(());
    }
    Err(Error::Values(format!(
        "values don't meet the specifications of the schema(s) in the following chart(s):\n{}",
        complaints.trim_end()
    )))
}

fn complaints(chart: &Loaded, values: &Value) -> String {
    let mut out = String::new();
    if let Some(schema) = &chart.schema
        && let Err(complaint) = one_chart(schema, values)
    {
        let _ = write!(out, "{}:\n{complaint}\n", chart.metadata.name);
    }
    for child in &chart.charts {
        if let Some(inner) = values.get(&child.metadata.name).filter(|inner| !inner.is_null()) {
            out += &complaints(child, inner);
        }
    }
    out
}

fn one_chart(schema: &[u8], values: &Value) -> Result<(), String> {
    let schema: Value = serde_json::from_slice(schema).map_err(|error| error.to_string())?;
    reference::check(&schema)?;
    let validator = Validator { root: &schema, draft: draft(&schema), checks: Cell::new(0) };
    let mut out = String::new();
    match validator.check(&schema, values, "", 0) {
        None => return Ok(()),
        // What is wrong at the top stands without a headline.
        Some(Failure { message, causes, .. }) if message.is_empty() => {
            for cause in &causes {
                cause.print(&mut out, 0);
            }
        }
        Some(failure) => failure.print(&mut out, 0),
    }
    Err(out.trim_start_matches('\n').to_owned())
}

/// The number of the draft a schema is written in; the latest when it does not say.
fn draft(schema: &Value) -> u32 {
    let dialect = schema.get("$schema").and_then(Value::as_str).unwrap_or_default();
    let known = [("draft-04", 4), ("draft-06", 6), ("draft-07", 7), ("2019-09", 2019)];
    known.iter().find(|(name, _)| dialect.contains(name)).map_or(2020, |(_, number)| *number)
}

/// Something that does not fit.
struct Failure {
    location: String,
    /// Empty for several failures at one place.
    message: String,
    causes: Vec<Failure>,
}

impl Failure {
    fn print(&self, out: &mut String, depth: usize) {
        let message = if self.message.is_empty() { "validation failed" } else { &self.message };
        let _ = write!(out, "\n{}- at {}: {message}", "  ".repeat(depth), quote(&self.location));
        self.causes.iter().for_each(|cause| cause.print(out, depth + 1));
    }
}

struct Validator<'s> {
    root: &'s Value,
    /// 4, 6, 7, 2019 or 2020.
    draft: u32,
    /// Checks made so far.
    checks: Cell<usize>,
}

/// Failures at one place.
struct Found<'l> {
    location: &'l str,
    all: Vec<Failure>,
}

impl Found<'_> {
    fn add(&mut self, message: impl Into<String>) {
        self.add_with(message, Vec::new());
    }

    fn add_with(&mut self, message: impl Into<String>, causes: Vec<Failure>) {
        self.all.push(Failure { location: self.location.to_owned(), message: message.into(), causes });
    }

    fn into_failure(mut self) -> Option<Failure> {
        match self.all.len() {
            0 | 1 => self.all.pop(),
            _ => {
                Some(Failure { location: self.location.to_owned(), message: String::new(), causes: self.all })
            }
        }
    }
}

impl<'s> Validator<'s> {
    fn check(&self, schema: &'s Value, value: &Value, location: &str, depth: usize) -> Option<Failure> {
        let mut found = Found { location, all: Vec::new() };
        self.checks.set(self.checks.get() + 1);
        if depth > VALUE_DEPTH_MAX || self.checks.get() > CHECKS_MAX {
            found.add("schema refers to itself without end, or is too large");
            return found.into_failure();
        }
        let schema = match schema {
            Value::Bool(false) => {
                found.add("false schema");
                return found.into_failure();
            }
            Value::Object(schema) => schema,
            _ => return None,
        };
        let target = schema.get("$ref").and_then(Value::as_str);
        let target = target.and_then(|target| reference::resolve(self.root, target));
        // Before draft 2019 nothing counts beside a `$ref`.
        if let Some(target) = target.filter(|_| self.draft < 2019) {
            return self.check(target, value, location, depth + 1);
        }
        self.kind(schema, value, &mut found);
        if !found.all.is_empty() {
            return found.into_failure();
        }
        if let Some(target) = target {
            found.all.extend(self.check(target, value, location, depth + 1));
        }
        match value {
            Value::Object(object) => self.object(schema, object, depth, &mut found),
            Value::Array(items) => self.array(schema, items, depth, &mut found),
            Value::String(text) => string(schema, text, &mut found),
            Value::Number(number) => number_bounds(schema, number.as_f64().unwrap_or(0.0), &mut found),
            _ => {}
        }
        self.combined(schema, value, depth, &mut found);
        found.into_failure()
    }

    /// Type, constant, enumeration and format: when one of these is wrong, nothing else is looked at.
    fn kind(&self, schema: &Map<String, Value>, value: &Value, found: &mut Found<'_>) {
        let wanted: Vec<&str> = match schema.get("type") {
            Some(Value::String(one)) => vec![one],
            Some(Value::Array(several)) => several.iter().filter_map(Value::as_str).collect(),
            _ => Vec::new(),
        };
        if !wanted.is_empty() && !wanted.iter().any(|kind| is_type(value, kind)) {
            let sorted: Vec<&str> = TYPES.iter().copied().filter(|kind| wanted.contains(kind)).collect();
            return found.add(format!("got {}, want {}", type_of(value), sorted.join(" or ")));
        }
        if let Some(constant) = schema.get("const").filter(|_| self.draft >= 6)
            && !equals(value, constant)
        {
            return match constant {
                Value::Array(_) | Value::Object(_) => found.add("'const' failed"),
                scalar => found.add(format!("value must be {}", shown(scalar))),
            };
        }
        if let Some(Value::Array(allowed)) = schema.get("enum")
            && !allowed.iter().any(|item| equals(value, item))
        {
            let are_scalars = !allowed.iter().any(|item| matches!(item, Value::Array(_) | Value::Object(_)));
            let all: Vec<String> = allowed.iter().map(shown).collect();
            return match all.as_slice() {
                [one] if are_scalars => found.add(format!("value must be {one}")),
                all if are_scalars => found.add(format!("value must be one of {}", all.join(", "))),
                _ => found.add("'enum' failed"),
            };
        }
        let format = schema.get("format").and_then(Value::as_str).filter(|_| self.draft < 2019);
        if let (Some(format), Value::String(text)) = (format, value)
            && let Err(why) = format::check(format, text)
        {
            found.add(format!("{} is not valid {format}: {why}", quote(text)));
        }
    }

    fn object(
        &self,
        schema: &'s Map<String, Value>,
        object: &Map<String, Value>,
        depth: usize,
        found: &mut Found<'_>,
    ) {
        bounds(schema, "Properties", object.len(), found);
        let missing = |names: &Value| -> Vec<String> {
            let names = names.as_array().into_iter().flatten().filter_map(Value::as_str);
            names.filter(|name| !object.contains_key(*name)).map(quote).collect()
        };
        if let Some(required) = schema.get("required") {
            match missing(required).as_slice() {
                [] => {}
                [one] => found.add(format!("missing property {one}")),
                several => found.add(format!("missing properties {}", several.join(", "))),
            }
        }
        let keywords = ["dependencies", "dependentRequired", "dependentSchemas"];
        for keyword in &keywords[..if self.draft < 2019 { 1 } else { keywords.len() }] {
            let dependencies = schema.get(*keyword).and_then(Value::as_object).into_iter().flatten();
            for (name, dependency) in dependencies.filter(|(name, _)| object.contains_key(*name)) {
                if dependency.is_array() {
                    let missing = missing(dependency);
                    if !missing.is_empty() {
                        let (missing, name) = (missing.join(", "), quote(name));
                        found.add(format!("properties {missing} required, if {name} exists"));
                    }
                } else {
                    let whole = Value::Object(object.clone());
                    found.all.extend(self.check(dependency, &whole, found.location, depth + 1));
                }
            }
        }
        self.properties(schema, object, depth, found);
        if let Some(names) = schema.get("propertyNames").filter(|_| self.draft >= 6) {
            for name in object.keys() {
                let key = Value::String(name.clone());
                if let Some(failure) = self.check(names, &key, found.location, depth + 1) {
                    let causes = if failure.causes.is_empty() { vec![failure] } else { failure.causes };
                    found.add_with(format!("invalid propertyName {}", quote(name)), causes);
                }
            }
        }
    }

    fn properties(
        &self,
        schema: &'s Map<String, Value>,
        object: &Map<String, Value>,
        depth: usize,
        found: &mut Found<'_>,
    ) {
        let patterns: Vec<(Regex, &Value)> = schema
            .get("patternProperties")
            .and_then(Value::as_object)
            .into_iter()
            .flatten()
            .filter_map(|(pattern, schema)| Some((Regex::new(pattern).ok()?, schema)))
            .collect();
        let mut additional = Vec::new();
        for (name, value) in object {
            let location = format!("{}/{}", found.location, name.replace('~', "~0").replace('/', "~1"));
            let mut check = |schema| found.all.extend(self.check(schema, value, &location, depth + 1));
            let own = schema.get("properties").and_then(|properties| properties.get(name));
            own.into_iter().for_each(&mut check);
            let matching: Vec<&Value> = patterns
                .iter()
                .filter(|(pattern, _)| pattern.is_match(name))
                .map(|(_, schema)| *schema)
                .collect();
            matching.iter().copied().for_each(&mut check);
            if own.is_some() || !matching.is_empty() {
                continue;
            }
            match schema.get("additionalProperties") {
                Some(Value::Bool(false)) => additional.push(quote(name)),
                Some(schema) => check(schema),
                None => {}
            }
        }
        if !additional.is_empty() {
            found.add(format!("additional properties {} not allowed", additional.join(", ")));
        }
    }

    fn array(&self, schema: &'s Map<String, Value>, items: &[Value], depth: usize, found: &mut Found<'_>) {
        bounds(schema, "Items", items.len(), found);
        if schema.get("uniqueItems") == Some(&Value::Bool(true))
            && let Some((first, second)) = duplicates(items)
        {
            found.add(format!("items at {first} and {second} are equal"));
        }
        let first = if self.draft < 2020 { schema.get("items") } else { schema.get("prefixItems") };
        let first = first.filter(|items| items.is_array());
        let first = first.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let rest = match schema.get("items") {
            Some(Value::Array(_)) => schema.get("additionalItems"),
            other => other,
        };
        if first.len() < items.len() && rest == Some(&Value::Bool(false)) {
            found.add(format!("last {} additionalItem(s) not allowed", items.len() - first.len()));
        }
        for (index, item) in items.iter().enumerate() {
            let schema = first.get(index).or(rest).filter(|schema| !schema.is_boolean());
            let location = format!("{}/{index}", found.location);
            found.all.extend(schema.and_then(|schema| self.check(schema, item, &location, depth + 1)));
        }
        if let Some(wanted) = schema.get("contains").filter(|_| self.draft >= 6) {
            self.contains(schema, wanted, items, depth, found);
        }
    }

    fn contains(
        &self,
        schema: &'s Map<String, Value>,
        wanted: &'s Value,
        items: &[Value],
        depth: usize,
        found: &mut Found<'_>,
    ) {
        let mut failures = Vec::new();
        let mut matching = Vec::new();
        for (index, item) in items.iter().enumerate() {
            match self.check(wanted, item, &format!("{}/{index}", found.location), depth + 1) {
                Some(failure) => failures.push(failure),
                None => matching.push(index.to_string()),
            }
        }
        let limit =
            |keyword: &str| schema.get(keyword).filter(|_| self.draft >= 2019).and_then(Value::as_f64);
        let (count, places) = (matching.len() as f64, matching.join(" "));
        let complain = |what: &str, want: f64| {
            let start = format!("{what} {want} items required to match contains schema, but");
            match matching.len() {
                0 if what == "min" => format!("{start} none matched"),
                count => format!("{start} matched {count} items at {places}"),
            }
        };
        match limit("minContains") {
            Some(least) if count < least => found.add_with(complain("min", least), failures),
            None if matching.is_empty() => found.add_with("no items match contains schema", failures),
            _ => {}
        }
        if let Some(most) = limit("maxContains").filter(|most| count > *most) {
            found.add(complain("max", most));
        }
    }

    /// `not`, `allOf`, `anyOf`, `oneOf`, `if`.
    fn combined(&self, schema: &'s Map<String, Value>, value: &Value, depth: usize, found: &mut Found<'_>) {
        let location = found.location;
        let check = |schema: &'s Value| self.check(schema, value, location, depth + 1);
        if schema.get("not").is_some_and(|schema| check(schema).is_none()) {
            found.add("'not' failed");
        }
        let several = |keyword: &str| -> Option<Vec<Option<Failure>>> {
            Some(schema.get(keyword)?.as_array()?.iter().map(check).collect())
        };
        if let Some(failed) = several("allOf") {
            let failed: Vec<Failure> = failed.into_iter().flatten().collect();
            if !failed.is_empty() {
                found.add_with("'allOf' failed", failed);
            }
        }
        if let Some(checks) = several("anyOf")
            && checks.iter().all(Option::is_some)
        {
            found.add_with("'anyOf' failed", checks.into_iter().flatten().collect());
        }
        if let Some(checks) = several("oneOf") {
            let mut good =
                checks.iter().enumerate().filter(|(_, check)| check.is_none()).map(|(index, _)| index);
            match (good.next(), good.next()) {
                (None, _) => {
                    found.add_with("'oneOf' failed, none matched", checks.into_iter().flatten().collect());
                }
                (Some(first), Some(second)) => {
                    found.add(format!("'oneOf' failed, subschemas {first}, {second} matched"));
                }
                _ => {}
            }
        }
        if let Some(condition) = schema.get("if").filter(|_| self.draft >= 7) {
            let branch = if check(condition).is_none() { "then" } else { "else" };
            found.all.extend(schema.get(branch).and_then(check));
        }
    }
}

/// `minItems` and its like.
fn bounds(schema: &Map<String, Value>, what: &str, count: usize, found: &mut Found<'_>) {
    let got = count as f64;
    let limit = |keyword: &str| schema.get(keyword).and_then(Value::as_f64);
    let least = format!("min{what}");
    if let Some(want) = limit(&least).filter(|want| got < *want) {
        found.add(format!("{least}: got {}, want {}", decimal(got), decimal(want)));
    }
    let most = format!("max{what}");
    if let Some(want) = limit(&most).filter(|want| got > *want) {
        found.add(format!("{most}: got {}, want {}", decimal(got), decimal(want)));
    }
}

fn string(schema: &Map<String, Value>, text: &str, found: &mut Found<'_>) {
    bounds(schema, "Length", text.chars().count(), found);
    let pattern = schema.get("pattern").and_then(Value::as_str);
    if let Some(pattern) =
        pattern.filter(|pattern| !Regex::new(pattern).is_ok_and(|regex| regex.is_match(text)))
    {
        found.add(format!("{} does not match pattern {}", quote(text), quote(pattern)));
    }
}

/// A keyword, and whether a number holds against its bound.
type Rule = (&'static str, fn(f64, f64) -> bool);

fn number_bounds(schema: &Map<String, Value>, got: f64, found: &mut Found<'_>) {
    // Draft 4 says by a boolean that a bound is itself left out.
    let is_open = |keyword: &str| schema.get(keyword) == Some(&Value::Bool(true));
    let bound = |keyword: &str| match keyword {
        "minimum" if is_open("exclusiveMinimum") => None,
        "maximum" if is_open("exclusiveMaximum") => None,
        "exclusiveMinimum" if is_open(keyword) => schema.get("minimum"),
        "exclusiveMaximum" if is_open(keyword) => schema.get("maximum"),
        keyword => schema.get(keyword),
    };
    let rules: [Rule; 5] = [
        ("minimum", |got, want| got >= want),
        ("maximum", |got, want| got <= want),
        ("exclusiveMinimum", |got, want| got > want),
        ("exclusiveMaximum", |got, want| got < want),
        ("multipleOf", |got, want| (got / want).fract() == 0.0),
    ];
    for (keyword, holds) in rules {
        if let Some(want) = bound(keyword).and_then(Value::as_f64).filter(|want| !holds(got, *want)) {
            found.add(format!("{keyword}: got {}, want {}", decimal(got), decimal(want)));
        }
    }
}
