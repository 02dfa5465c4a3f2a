//! A directory of manifests as a source.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::glob::Glob;
use crate::object::{text, truth};
use crate::yaml;

/// A file that says so is no manifest.
const SKIP_MARK: &str = "+argocd:skip-file-rendering";

/// What a file that cannot be read has to have for it to matter.
const MANIFEST_WORDS: [&str; 3] = ["apiVersion:", "kind:", "metadata:"];

/// The files of `dir` that are manifests, as the source's `directory` says.
pub(super) fn manifest_paths<'p>(
    source: &Value,
    dir: &str,
    paths: impl Iterator<Item = &'p str>,
) -> Result<Vec<&'p str>, String> {
    let options = &source["directory"];
    let of = |field: &str| Some(text(&options[field])).filter(|pattern| !pattern.is_empty()).map(Glob::loose);
    let (include, exclude) = (of("include"), of("exclude"));
    let mut found = Vec::new();
    for path in paths {
        let inner = path.strip_prefix(dir).unwrap_or(path).trim_start_matches('/');
        let is_deep = inner.contains('/');
        if is_deep && !truth(&options["recurse"]) {
            continue;
        }
        let extension = extension_of(inner);
        let is_left_out = exclude.as_ref().is_some_and(|glob| glob.matches(inner))
            || include.as_ref().is_some_and(|glob| !glob.matches(inner));
        match extension {
            _ if is_left_out => {}
            "jsonnet" => return Err(format!("the lab's agent does not evaluate jsonnet: {inner}")),
            "yaml" | "yml" | "json" => found.push(path),
            _ => {}
        }
    }
    Ok(found)
}

fn extension_of(path: &str) -> &str {
    path.rsplit_once('.').map_or("", |(_, extension)| extension)
}

/// The objects in the files.
pub(super) fn objects(files: &BTreeMap<String, Vec<u8>>) -> Result<Vec<Value>, String> {
    let mut objects = Vec::new();
    for (path, content) in files {
        let content = String::from_utf8_lossy(content);
        if content.contains(SKIP_MARK) {
            continue;
        }
        let name = path.rsplit('/').next().unwrap_or(path);
        let (read, problem) = yaml::objects(&content);
        // YAML that has nothing of a manifest is something else's.
        let is_manifest = !read.is_empty()
            || extension_of(path) == "json"
            || MANIFEST_WORDS.iter().all(|word| content.contains(word));
        match problem {
            Some(problem) if is_manifest => return Err(format!("Failed to unmarshal {name:?}: {problem}")),
            _ => objects.extend(read),
        }
    }
    Ok(objects)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn files_are_chosen_as_the_source_says() {
        let paths = ["a/x.yaml", "a/y.txt", "a/b/z.yml", "a/exclude/w.json"];
        let chosen =
            |options: Value| manifest_paths(&json!({"directory": options}), "a", paths.into_iter()).unwrap();
        assert_eq!(chosen(json!({})), ["a/x.yaml"]);
        assert_eq!(chosen(json!({"recurse": true})), ["a/x.yaml", "a/b/z.yml", "a/exclude/w.json"]);
        assert_eq!(chosen(json!({"recurse": true, "exclude": "exclude/*"})), ["a/x.yaml", "a/b/z.yml"]);
        assert_eq!(chosen(json!({"recurse": true, "include": "*.yml"})), ["a/b/z.yml"]);
        assert!(manifest_paths(&json!({}), "", ["x.jsonnet"].into_iter()).is_err());
    }

    #[test]
    fn a_document_without_a_kind_is_an_error_among_manifests() {
        let files = |text: &str| BTreeMap::from([("a/x.yaml".to_owned(), text.as_bytes().to_vec())]);
        let said = objects(&files("kind: A\n---\na: 1\n")).unwrap_err();
        assert!(said.contains("Object 'Kind' is missing"), "{said}");
        assert!(objects(&files("apiVersion: v1\nkind: [\nmetadata: {}\n")).is_err());
        assert_eq!(objects(&files("a: [\n")), Ok(Vec::new()));
        assert_eq!(objects(&files("# +argocd:skip-file-rendering\na: 1\n")), Ok(Vec::new()));
        assert_eq!(objects(&files("kind: A\n---\nkind: B\n")).unwrap().len(), 2);
    }
}
