//! Charts that a chart needs and does not have in `charts/`: fetched as `helm dependency build` does, which Argo CD runs.
//!
//! `Chart.lock` says which versions; without it the range in `Chart.yaml` does. Nothing is written to the repository.

use std::collections::BTreeMap;

use crossfade_gotemplate::{Chart, Dependency, is_within};
use serde_json::Value;

use super::manifests::Context;
use super::origin::{Origin, inside};
use crate::charts::Files;
use crate::object::{list, text};
use crate::yaml;

/// Adds what is missing to the files of the chart in `dir`.
pub(super) async fn complete(
    context: &Context<'_>,
    origin: &Origin<'_>,
    dir: &str,
    chart: &mut BTreeMap<String, Vec<u8>>,
) -> Result<(), String> {
    let is_named = |file: &str| {
        chart.get(file).is_some_and(|bytes| String::from_utf8_lossy(bytes).contains("dependencies"))
    };
    if !is_named("Chart.yaml") && !is_named("requirements.yaml") {
        return Ok(());
    }
    // Rendering says what is wrong with a chart that cannot be read.
    let Ok(read) = Chart::from_files(chart.clone()) else { return Ok(()) };
    let missing = read.missing_dependencies();
    if missing.is_empty() {
        return Ok(());
    }
    let failed = |error: String| {
        format!(
            "error building helm chart dependencies: `helm dependency build` failed exit status 1: Error: {error}"
        )
    };
    let locked = locked(chart).map_err(failed)?;
    for dependency in missing {
        let version = version_of(dependency, locked.as_ref()).map_err(failed)?;
        let files = fetch(context, origin, dir, dependency, &version).await.map_err(failed)?;
        let name = &dependency.name;
        chart.extend(
            files.into_iter().map(|(path, content)| (format!("charts/{name}-{version}/{path}"), content)),
        );
    }
    Ok(())
}

/// Versions by name, as the lock file says; `None` without one.
fn locked(chart: &BTreeMap<String, Vec<u8>>) -> Result<Option<BTreeMap<String, String>>, String> {
    let file = ["Chart.lock", "requirements.lock"].into_iter().find_map(|name| chart.get(name));
    let Some(file) = file else { return Ok(None) };
    let lock: Value = yaml::table(&String::from_utf8_lossy(file)).map_err(|error| error.to_string())?;
    let entries = list(&lock["dependencies"]).iter();
    Ok(Some(entries.map(|one| (text(&one["name"]).to_owned(), text(&one["version"]).to_owned())).collect()))
}

fn version_of(dependency: &Dependency, locked: Option<&BTreeMap<String, String>>) -> Result<String, String> {
    let Some(locked) = locked else { return Ok(dependency.version.clone()) };
    match locked.get(&dependency.name) {
        Some(version) if is_within(&dependency.version, version) => Ok(version.clone()),
        _ => Err("the lock file (Chart.lock) is out of sync with the dependencies file (Chart.yaml). Please update the dependencies".to_owned()),
    }
}

async fn fetch(
    context: &Context<'_>,
    origin: &Origin<'_>,
    dir: &str,
    dependency: &Dependency,
    version: &str,
) -> Result<Files, String> {
    let (name, repository) = (dependency.name.as_str(), dependency.repository.as_str());
    if repository.is_empty() {
        return Err(format!("no repository definition for {name}"));
    }
    if let Some(path) = repository.strip_prefix("file://") {
        return beside(context, origin, dir, path).await;
    }
    let alias = repository.strip_prefix('@').or_else(|| repository.strip_prefix("alias:"));
    let url = match alias {
        Some(alias) => {
            let url = context.charts.url_of(alias);
            url.ok_or_else(|| format!("no repository definition for {repository}"))?
        }
        None => repository.to_owned(),
    };
    let not_had = |error: String| format!("could not download {url}/{name}: {error}");
    let range = if version.is_empty() { "*" } else { version };
    let version = context.charts.resolve(&url, name, range, context.fresh).await.map_err(not_had)?;
    context.charts.files(&url, name, &version, context.fresh).await.map_err(not_had)
}

/// A chart in the same repository.
async fn beside(context: &Context<'_>, origin: &Origin<'_>, dir: &str, path: &str) -> Result<Files, String> {
    let not_there = || format!("directory {path} not found");
    let place = inside(dir, path).ok_or_else(not_there)?;
    let paths = origin.chart_under(&place)?;
    if paths.is_empty() {
        return Err(not_there());
    }
    let contents = origin.contents(context.git, &paths).await?;
    let cut = |path: String| path.strip_prefix(&place).unwrap_or(&path).trim_start_matches('/').to_owned();
    Ok(contents.into_iter().map(|(path, content)| (cut(path), content)).collect())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]
mod tests {
    use super::*;

    #[test]
    fn the_lock_decides_while_it_fits() {
        let mk_dependency = |name: &str| {
            let mut dependency = Dependency::default();
            name.clone_into(&mut dependency.name);
            "~1.2".clone_into(&mut dependency.version);
            dependency
        };
        let dependency = mk_dependency("a");
        let lock = |version: &str| {
            let text =
                format!("dependencies:\n- {{name: a, version: {version}, repository: https://x.org}}\n");
            locked(&BTreeMap::from([("Chart.lock".to_owned(), text.into_bytes())])).unwrap()
        };
        assert_eq!(version_of(&dependency, lock("1.2.7").as_ref()).unwrap(), "1.2.7");
        assert!(version_of(&dependency, lock("1.3.0").as_ref()).unwrap_err().contains("out of sync"));
        assert_eq!(version_of(&dependency, None).unwrap(), "~1.2");
        let other = mk_dependency("b");
        assert!(version_of(&other, lock("1.2.7").as_ref()).unwrap_err().contains("out of sync"));
    }
}
