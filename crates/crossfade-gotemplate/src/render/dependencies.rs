//! Which subcharts take part, under which names, and what their parents take over from them.

use super::coalesce::{Loaded, Nulls, coalesce_values, merge_values, tables};
use super::version::is_compatible;
use crate::error::Error;
use crate::value::{Map, Value};

/// Everything `Chart.yaml` names has to be there.
pub(super) fn check(chart: &Loaded) -> Result<(), Error> {
    let names: Vec<&str> = chart.charts.iter().map(|chart| chart.metadata.name.as_str()).collect();
    let missing = chart.metadata.dependencies.iter().map(|dependency| dependency.name.as_str());
    let missing: Vec<&str> = missing.filter(|name| !names.contains(name)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    Err(Error::Chart(format!(
        "An error occurred while checking for chart dependencies. You may need to run `helm dependency build` to fetch \
         missing dependencies: found in Chart.yaml, but missing in charts/ directory: {}",
        missing.join(", ")
    )))
}

/// Works out the subcharts, then the imported values.
pub(super) fn process(chart: &mut Loaded, given: &Map) -> Result<(), Error> {
    enable(chart, given, "")?;
    import(chart)
}

/// Takes out what is disabled, and gives aliases.
fn enable(chart: &mut Loaded, given: &Map, path: &str) -> Result<(), Error> {
    if chart.metadata.dependencies.is_empty() {
        return Ok(());
    }
    let declared = chart.metadata.dependencies.clone();
    // What lies in charts/ without being declared always takes part.
    let is_declared = |child: &Loaded| {
        let mut all = declared.iter();
        all.any(|wanted| {
            child.metadata.name == wanted.name && is_compatible(&wanted.version, &child.metadata.version)
        })
    };
    let mut children: Vec<Loaded> =
        chart.charts.iter().filter(|child| !is_declared(child)).cloned().collect();
    for wanted in &declared {
        let found = chart.charts.iter().find(|child| {
            child.metadata.name == wanted.name && is_compatible(&wanted.version, &child.metadata.version)
        });
        if let Some(found) = found {
            let mut child = found.clone();
            wanted.effective_name().clone_into(&mut child.metadata.name);
            if !child.metadata.dependencies.is_empty() {
                wanted.effective_name().clone_into(&mut child.path_name);
            }
            children.push(child);
        }
    }
    for dependency in &mut chart.metadata.dependencies {
        dependency.effective_name().to_owned().clone_into(&mut dependency.name);
        dependency.is_enabled = true;
    }
    chart.charts = children;
    let values = coalesce_values(chart, given)?;
    by_tags(chart, &values);
    by_conditions(chart, &values, path);
    let disabled = chart.metadata.dependencies.iter().filter(|dependency| !dependency.is_enabled);
    let disabled: Vec<String> = disabled.map(|dependency| dependency.name.clone()).collect();
    chart.charts.retain(|child| !disabled.contains(&child.metadata.name));
    chart.metadata.dependencies.retain(|dependency| !disabled.contains(&dependency.name));
    for child in &mut chart.charts {
        let path = format!("{path}{}.", child.metadata.name);
        enable(child, &values, &path)?;
    }
    Ok(())
}

fn by_tags(chart: &mut Loaded, values: &Map) {
    let Some(Value::Map(tags)) = values.get("tags") else { return };
    for dependency in &mut chart.metadata.dependencies {
        let set: Vec<bool> = dependency
            .tags
            .iter()
            .filter_map(|tag| match tags.get(tag) {
                Some(Value::Bool(truth)) => Some(truth),
                _ => None,
            })
            .collect();
        dependency.is_enabled = set.is_empty() || set.contains(&true);
    }
}

/// The first condition that leads to a boolean decides, also against tags.
fn by_conditions(chart: &mut Loaded, values: &Map, path: &str) {
    for dependency in &mut chart.metadata.dependencies {
        let conditions = dependency.condition.trim().split(',').filter(|condition| !condition.is_empty());
        let decided =
            conditions.filter_map(|condition| match at_path(values, &format!("{path}{condition}")) {
                Some(Value::Bool(truth)) => Some(truth),
                _ => None,
            });
        if let Some(truth) = decided.into_iter().next() {
            dependency.is_enabled = truth;
        }
    }
}

fn at_path(values: &Map, path: &str) -> Option<Value> {
    let mut value: Value = values.clone().into();
    for key in path.split('.') {
        value = value.as_map()?.get(key)?;
    }
    Some(value)
}

/// `import-values`: below the parent's own values, above those of the subchart.
fn import(chart: &mut Loaded) -> Result<(), Error> {
    for child in &mut chart.charts {
        import(child)?;
    }
    if chart.metadata.dependencies.is_empty() {
        return Ok(());
    }
    let values = merge_values(chart, &Map::new())?;
    let imported = Map::new();
    for dependency in &chart.metadata.dependencies {
        for import in &dependency.import_values {
            let path = format!("{}.{}", dependency.name, import.child);
            let Some(Value::Map(table)) = at_path(&values, &path) else { continue };
            let mut nested = table;
            if import.parent != "." {
                for key in import.parent.rsplit('.') {
                    nested = [(key, nested)].into_iter().collect();
                }
            }
            tables(&imported, &nested, Nulls::Keep);
        }
    }
    let copy = crate::compare::deep_copy(&values.into()).map_err(|error| Error::Values(error.0))?;
    chart.values = copy.as_map().unwrap_or_default();
    tables(&chart.values, &imported, Nulls::Keep);
    Ok(())
}
