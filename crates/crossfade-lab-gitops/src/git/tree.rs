//! The files of a commit: their names at once, their contents when they are asked for.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use super::program::Program;

/// A repository with more files than this is not one of manifests.
const FILES_MAX: usize = 200_000;
/// A file with more than this is no manifest; Argo CD's limit is lower.
const FILE_BYTES_MAX: usize = 16 * 1024 * 1024;

/// The files of a commit, by path.
#[derive(Debug, Default)]
pub(crate) struct Tree {
    blobs: BTreeMap<String, String>,
}

impl Tree {
    pub(super) async fn read(program: &Program, commit: &str) -> Result<Tree, String> {
        let said = program.run_here(&["ls-tree", "-r", "-z", "--full-tree", commit], &[]).await?;
        let mut tree = Tree::default();
        for entry in said.split(|byte| *byte == 0).filter(|entry| !entry.is_empty()) {
            let entry = String::from_utf8_lossy(entry);
            let Some((facts, path)) = entry.split_once('\t') else { continue };
            let mut facts = facts.split(' ');
            let (mode, kind, id) = (facts.next(), facts.next(), facts.next());
            // Links are left out: what they point to may be anything; modules are other repositories.
            if let (Some(mode), Some("blob"), Some(id)) = (mode, kind, id)
                && mode != "120000"
            {
                tree.blobs.insert(path.to_owned(), id.to_owned());
            }
            if tree.blobs.len() > FILES_MAX {
                return Err(format!("more than {FILES_MAX} files in commit {commit}"));
            }
        }
        Ok(tree)
    }

    /// The id of a file's content.
    pub(crate) fn blob(&self, path: &str) -> Option<&str> {
        self.blobs.get(path).map(String::as_str)
    }

    /// Paths of all files, sorted.
    pub(crate) fn files(&self) -> impl Iterator<Item = &str> {
        self.blobs.keys().map(String::as_str)
    }

    /// Paths of files in a directory and below, sorted.
    pub(crate) fn files_under(&self, dir: &str) -> Vec<&str> {
        self.files().filter(|path| is_under(path, dir)).collect()
    }

    /// All directories, sorted; those with a name that begins with a dot are left out.
    pub(crate) fn directories(&self) -> BTreeSet<&str> {
        let mut found = BTreeSet::new();
        for path in self.files() {
            for (slash, _) in path.match_indices('/') {
                let dir = &path[..slash];
                if !dir.split('/').any(|name| name.starts_with('.')) {
                    found.insert(dir);
                }
            }
        }
        found
    }
}

/// Whether a path is in a directory or below; the empty one is the root.
pub(crate) fn is_under(path: &str, dir: &str) -> bool {
    dir.is_empty() || path.strip_prefix(dir).is_some_and(|rest| rest.starts_with('/'))
}

/// The contents of blobs, by id.
pub(super) async fn read_blobs(
    program: &Program,
    ids: &[&str],
) -> Result<HashMap<String, Arc<[u8]>>, String> {
    let input = format!("{}\n", ids.join("\n"));
    let said = program.run_here(&["cat-file", "--batch"], input.as_bytes()).await?;
    let broken = || "git answered with something else than files".to_owned();
    let mut found = HashMap::new();
    let mut rest = said.as_slice();
    while !rest.is_empty() {
        let line_end = rest.iter().position(|byte| *byte == b'\n').ok_or_else(broken)?;
        let header = String::from_utf8_lossy(&rest[..line_end]).into_owned();
        let mut words = header.split(' ');
        let (id, _kind, length) = (words.next(), words.next(), words.next());
        let length: usize = length.and_then(|text| text.parse().ok()).ok_or_else(broken)?;
        if length > FILE_BYTES_MAX {
            return Err(format!("a file of {length} bytes is too large"));
        }
        let start = line_end + 1;
        let content = rest.get(start..start + length).ok_or_else(broken)?;
        found.insert(id.unwrap_or_default().to_owned(), content.into());
        rest = rest.get(start + length + 1..).unwrap_or_default();
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directories_are_those_of_the_files() {
        let paths = ["Readme", "a/b/c.yaml", "a/d.yaml", ".github/workflows/x.yaml", "ab/e.yaml"];
        let tree = Tree { blobs: paths.iter().map(|path| ((*path).to_owned(), String::new())).collect() };
        assert_eq!(tree.directories().into_iter().collect::<Vec<_>>(), ["a", "a/b", "ab"]);
        assert_eq!(tree.files_under("a"), ["a/b/c.yaml", "a/d.yaml"]);
        assert!(tree.files_under("a/b/c.yaml").is_empty());
    }
}
