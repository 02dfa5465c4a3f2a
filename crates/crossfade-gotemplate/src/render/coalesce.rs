//! How values meet: a user's over a chart's, a parent's over its subcharts', globals down to everyone.
//!
//! "Merging" keeps nulls, "coalescing" takes them out: a null that stands over a chart's default removes it.

use std::collections::BTreeMap;
use std::rc::Rc;

use crate::chart::{Chart, Metadata};
use crate::compare::deep_copy;
use crate::error::Error;
use crate::functions::cannot_unmarshal;
use crate::value::{Map, Value};
use crate::yaml;

/// What happens to nulls.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Nulls {
    Keep,
    Remove,
}

/// A chart whose values are read, and whose dependencies can change while they are worked out.
#[derive(Clone)]
pub(super) struct Loaded {
    pub metadata: Metadata,
    /// Its name in the paths of its own subcharts: without declared dependencies helm forgets an alias there.
    pub path_name: String,
    pub values: Map,
    pub schema: Option<Rc<[u8]>>,
    pub templates: BTreeMap<String, Rc<[u8]>>,
    pub files: BTreeMap<String, Rc<[u8]>>,
    pub charts: Vec<Loaded>,
    pub is_library: bool,
}

impl Loaded {
    pub fn load(chart: &Chart) -> Result<Self, Error> {
        let values = match yaml::read(&chart.values) {
            Ok(Value::Map(map)) => map,
            Ok(Value::Nil) => Map::new(),
            Ok(other) => {
                let why = cannot_unmarshal(&other, "map[string]interface {}");
                return Err(Error::Chart(format!(
                    "cannot load values.yaml: error unmarshaling JSON: while decoding JSON: {why}"
                )));
            }
            Err(error) => return Err(Error::Chart(format!("cannot load values.yaml: {error}"))),
        };
        let shared = |files: &BTreeMap<String, Vec<u8>>| {
            files.iter().map(|(path, bytes)| (path.clone(), Rc::from(bytes.as_slice()))).collect()
        };
        Ok(Self {
            metadata: chart.metadata.clone(),
            path_name: chart.metadata.name.clone(),
            values,
            schema: chart.schema.as_deref().map(Rc::from),
            templates: shared(&chart.templates),
            files: shared(&chart.files),
            charts: chart.charts.iter().map(Self::load).collect::<Result<_, _>>()?,
            is_library: chart.is_library(),
        })
    }

    /// Whether it has a subchart of this name.
    fn has_chart(&self, name: &str) -> bool {
        self.charts.iter().any(|chart| chart.metadata.name == name)
    }
}

fn copied(map: &Map) -> Result<Map, Error> {
    let copy = deep_copy(&map.clone().into()).map_err(|error| Error::Values(error.0))?;
    Ok(copy.as_map().unwrap_or_default())
}

/// The values of a chart and its subcharts, with nulls taken out.
pub(super) fn coalesce_values(chart: &Loaded, given: &Map) -> Result<Map, Error> {
    values_with(chart, given, Nulls::Remove)
}

/// The same with nulls kept.
pub(super) fn merge_values(chart: &Loaded, given: &Map) -> Result<Map, Error> {
    values_with(chart, given, Nulls::Keep)
}

fn values_with(chart: &Loaded, given: &Map, nulls: Nulls) -> Result<Map, Error> {
    let target = copied(given)?;
    one_chart(chart, &target, nulls)?;
    Ok(target)
}

fn one_chart(chart: &Loaded, target: &Map, nulls: Nulls) -> Result<(), Error> {
    chart_values(chart, target, nulls)?;
    for child in &chart.charts {
        let name = child.metadata.name.as_str();
        let inner = match target.get(name) {
            None => Map::new(),
            Some(Value::Map(inner)) => inner,
            Some(other) => {
                let shown = crate::printf::sprintf("%t", &[other]).unwrap_or_default();
                return Err(Error::Values(format!("type mismatch on {name}: {shown}")));
            }
        };
        target.set(name, inner.clone());
        globals(&inner, target);
        one_chart(child, &inner, nulls)?;
    }
    Ok(())
}

/// Globals of a parent go down to the child; the parent's win.
fn globals(target: &Map, source: &Map) {
    const GLOBAL: &str = "global";
    let table = |map: &Map| match map.get(GLOBAL) {
        None => Some(Map::new()),
        Some(Value::Map(map)) => Some(map),
        Some(_) => None,
    };
    let (Some(own), Some(parents)) = (table(target), table(source)) else { return };
    for (key, value) in parents.entries() {
        match (value, own.get(&key)) {
            (Value::Map(value), old) => {
                let copy: Map = value.entries().into_iter().collect();
                match old {
                    None => own.set(key, copy),
                    Some(Value::Map(old)) => {
                        tables(&copy, &old, Nulls::Keep);
                        own.set(key, copy);
                    }
                    Some(_) => {}
                }
            }
            (_, Some(Value::Map(_))) => {}
            (value, _) => own.set(key, value),
        }
    }
    target.set(GLOBAL, own);
}

/// A chart's own values below those it is given.
fn chart_values(chart: &Loaded, target: &Map, nulls: Nulls) -> Result<(), Error> {
    for (key, default) in copied(&chart.values)?.entries() {
        match (target.get(&key), default) {
            (None, default) => target.set(key, default),
            (Some(Value::Nil), _) if nulls == Nulls::Remove => target.remove(&key),
            (Some(Value::Map(given)), Value::Map(default)) => {
                let nulls = if chart.has_chart(&key) { Nulls::Keep } else { nulls };
                tables(&given, &default, nulls);
            }
            _ => {}
        }
    }
    Ok(())
}

/// Merges a table of lower rank into one of higher rank.
pub(super) fn tables(target: &Map, source: &Map, nulls: Nulls) {
    let had_value: Vec<Rc<str>> =
        source.entries().into_iter().filter(|(_, value)| !value.is_nil()).map(|(key, _)| key).collect();
    for (key, value) in target.entries() {
        if value.is_nil() {
            source.set(key, Value::Nil);
        }
    }
    for (key, value) in source.entries() {
        match (target.get(&key), value) {
            (None, value) => target.set(key, value),
            (Some(Value::Nil), _) if nulls == Nulls::Remove && had_value.contains(&key) => {
                target.remove(&key);
            }
            (Some(Value::Map(target)), Value::Map(source)) if !target.is_same(&source) => {
                tables(&target, &source, nulls);
            }
            _ => {}
        }
    }
}
