//! The git generator: a repository's directories, or what is written in its files.

use std::collections::BTreeSet;

use serde_json::Value;

use super::clusters::add_path;
use super::params::flattened;
use super::render::{Engine, Params, add_values};
use crate::git::{Fresh, Git, Tree};
use crate::glob::Glob;
use crate::object::{list, text, truth};

pub(super) async fn generate(
    generator: &Value,
    git: &Git,
    engine: &Engine,
    fresh: Fresh,
) -> Result<Vec<Params>, String> {
    let url = text(&generator["repoURL"]);
    let wrap = |what: &'static str| {
        move |error: String| {
            format!("error generating params from git: {what}rpc error: code = Internal desc = {error}")
        }
    };
    let open = async {
        let commit = git.resolve(url, text(&generator["revision"]), fresh).await?;
        git.tree(url, &commit).await
    };
    if !list(&generator["directories"]).is_empty() {
        let tree = open
            .await
            .map_err(wrap("error getting directories from repo: error retrieving Git Directories: "))?;
        directories(generator, &tree, engine).map_err(|error| {
            format!("error generating params from git: error generating params from apps: {error}")
        })
    } else if list(&generator["files"]).is_empty() {
        Err("ApplicationSet generator is empty".to_owned())
    } else {
        let tree = open.await.map_err(wrap("error retrieving Git files: "))?;
        files(generator, git, &tree, engine)
            .await
            .map_err(|error| format!("error generating params from git: {error}"))
    }
}

fn directories(generator: &Value, tree: &Tree, engine: &Engine) -> Result<Vec<Params>, String> {
    let requested: Vec<(Glob, bool)> = list(&generator["directories"])
        .iter()
        .map(|one| (Glob::of_path(text(&one["path"])), truth(&one["exclude"])))
        .collect();
    let is_wanted = |path: &str| {
        let mut matching = requested.iter().filter(|(glob, _)| glob.matches(path)).peekable();
        matching.peek().is_some() && matching.all(|(_, excludes)| !excludes)
    };
    let mut found = Vec::new();
    for path in tree.directories().into_iter().filter(|path| is_wanted(path)) {
        let mut params = Params::new();
        add_path(&mut params, engine, text(&generator["pathParamPrefix"]), path, None);
        add_values(engine, &generator["values"], &mut params)
            .map_err(|error| format!("failed to append templated values: {error}"))?;
        found.push(params);
    }
    Ok(found)
}

async fn files(generator: &Value, git: &Git, tree: &Tree, engine: &Engine) -> Result<Vec<Params>, String> {
    let url = text(&generator["repoURL"]);
    let requested = list(&generator["files"]);
    let matching = |is_excluding: bool| {
        let patterns = requested.iter().filter(move |one| truth(&one["exclude"]) == is_excluding);
        let patterns: Vec<Glob> = patterns.map(|one| Glob::of_git(text(&one["path"]))).collect();
        tree.files().filter(|path| patterns.iter().any(|glob| glob.matches(path))).collect::<BTreeSet<_>>()
    };
    let (wanted, unwanted) = (matching(false), matching(true));
    let paths: Vec<&str> = wanted.difference(&unwanted).copied().collect();
    let contents = git.contents(url, tree, &paths).await?;
    if let Some(path) = paths.iter().find(|path| !contents.contains_key(**path)) {
        let how = if tree.has_directory(path) { "is a directory" } else { "no such file or directory" };
        return Err(format!("unable to read files. repo {url}: read {path}: {how}"));
    }
    let mut found = Vec::new();
    for (path, content) in contents {
        let failed =
            |error: String| format!("unable to process file '{path}' from repository '{url}': {error}");
        let read = crate::yaml::any(&String::from_utf8_lossy(&content));
        let read = read.map_err(|error| failed(format!("unable to parse file: {error}")))?;
        let objects: Vec<Params> = match read {
            Value::Object(one) => vec![one],
            Value::Array(many) => many.iter().filter_map(Value::as_object).cloned().collect(),
            _ => {
                return Err(failed(
                    "unable to parse file: it is neither an object nor a list of objects".to_owned(),
                ));
            }
        };
        let (dir, file) = path.rsplit_once('/').unwrap_or((".", &path));
        for object in objects {
            let mut params = if engine.is_go() {
                object
            } else {
                flattened(&object).into_iter().map(|(key, value)| (key, value.into())).collect()
            };
            add_path(&mut params, engine, text(&generator["pathParamPrefix"]), dir, Some(file));
            add_values(engine, &generator["values"], &mut params)
                .map_err(|error| failed(format!("failed to append templated values: {error}")))?;
            found.push(params);
        }
    }
    Ok(found)
}
