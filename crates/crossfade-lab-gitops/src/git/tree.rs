//! The files of a commit: their names at once, their contents when they are asked for.
//!
//! Links are followed as in a checked out tree, and never out of it; modules, which are other repositories, are named and
//! not fetched.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use super::program::Program;

/// A repository with more files than this is not one of manifests.
const FILES_MAX: usize = 200_000;
/// A file with more than this is no manifest; Argo CD's limit is lower.
const FILE_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Links that one path may lead through; as Linux.
const LINKS_MAX: usize = 40;
/// Linked directories that a walk enters: two that contain themselves would be entered without end.
const ENTERED_MAX: usize = 10_000;
/// The file that says where modules come from; without it they are empty directories.
const MODULES_FILE: &str = ".gitmodules";

/// The files of a commit, by path.
#[derive(Debug, Default)]
pub(crate) struct Tree {
    blobs: BTreeMap<String, String>,
    /// Links, and what is written in them.
    links: BTreeMap<String, String>,
    modules: BTreeSet<String>,
}

/// Where a path leads.
#[derive(Debug, PartialEq, Eq)]
enum Place {
    File(String),
    Directory(String),
    Nowhere,
}

impl Tree {
    pub(super) async fn read(program: &Program, commit: &str) -> Result<Tree, String> {
        let said = program.run_here(&["ls-tree", "-r", "-z", "--full-tree", commit], &[]).await?;
        let mut tree = Tree::default();
        let mut links: Vec<(String, String)> = Vec::new();
        for entry in said.split(|byte| *byte == 0).filter(|entry| !entry.is_empty()) {
            let entry = String::from_utf8_lossy(entry);
            let Some((facts, path)) = entry.split_once('\t') else { continue };
            let mut facts = facts.split(' ');
            match (facts.next(), facts.next(), facts.next()) {
                (Some("120000"), _, Some(id)) => links.push((path.to_owned(), id.to_owned())),
                (_, Some("blob"), Some(id)) => drop(tree.blobs.insert(path.to_owned(), id.to_owned())),
                (_, Some("commit"), _) => drop(tree.modules.insert(path.to_owned())),
                _ => {}
            }
            if tree.blobs.len() + links.len() > FILES_MAX {
                return Err(format!("more than {FILES_MAX} files in commit {commit}"));
            }
        }
        if !links.is_empty() {
            let ids: Vec<&str> = links.iter().map(|(_, id)| id.as_str()).collect();
            let targets = read_blobs(program, &ids).await?;
            let read = |id: &str| targets.get(id).map(|target| String::from_utf8_lossy(target).into_owned());
            tree.links = links.into_iter().filter_map(|(path, id)| Some((path, read(&id)?))).collect();
        }
        Ok(tree)
    }

    /// The id of the content of the file that a path leads to.
    pub(crate) fn blob(&self, path: &str) -> Option<&str> {
        match self.blobs.get(path) {
            Some(id) => Some(id),
            None if self.links.is_empty() => None,
            None => match self.place(path) {
                Place::File(real) => self.blobs.get(&real).map(String::as_str),
                Place::Directory(_) | Place::Nowhere => None,
            },
        }
    }

    /// Whether a path leads to a directory.
    pub(crate) fn has_directory(&self, path: &str) -> bool {
        matches!(self.place(path), Place::Directory(_))
    }

    /// Whether a path is itself a link, wherever it leads.
    pub(crate) fn is_link(&self, path: &str) -> bool {
        let Some((parent, name)) = path.rsplit_once('/') else { return self.links.contains_key(path) };
        match self.place(parent) {
            Place::Directory(real) => self.links.contains_key(&joined(&real, name)),
            Place::File(_) | Place::Nowhere => false,
        }
    }

    /// The first link that is absolute or leads out of the repository, whatever is there.
    pub(crate) fn out_of_bounds(&self) -> Option<&str> {
        let leads_out = |(path, target): &(&String, &String)| {
            let mut depth = path.matches('/').count();
            let stays_in = target.split('/').all(|step| match step {
                "" | "." => true,
                ".." => depth.checked_sub(1).inspect(|less| depth = *less).is_some(),
                _ => {
                    depth += 1;
                    true
                }
            });
            target.starts_with('/') || !stays_in
        };
        let outward = self.links.iter().filter(leads_out);
        outward.map(|(path, _)| path.as_str()).min_by_key(|path| path.split('/').collect::<Vec<_>>())
    }

    /// A module that is in a directory, or that the directory is in.
    pub(crate) fn module_at(&self, dir: &str) -> Option<&str> {
        if !self.blobs.contains_key(MODULES_FILE) {
            return None;
        }
        let meets = |module: &&String| is_under(module, dir) || *module == dir || is_under(dir, module);
        self.modules.iter().find(meets).map(String::as_str)
    }

    /// Paths of all files and links, sorted.
    pub(crate) fn files(&self) -> impl Iterator<Item = &str> {
        let (mut blobs, mut links) = (self.blobs.keys().peekable(), self.links.keys().peekable());
        std::iter::from_fn(move || match (blobs.peek(), links.peek()) {
            (Some(blob), Some(link)) if link < blob => links.next(),
            (Some(_), _) => blobs.next(),
            (None, _) => links.next(),
        })
        .map(String::as_str)
    }

    /// Paths of files in a directory and below, and of links to files; linked directories are not entered, also when it is
    /// one itself.
    pub(crate) fn files_under(&self, dir: &str) -> Vec<String> {
        let real = match self.place(dir) {
            Place::Directory(real) if !self.is_link(dir) => real,
            _ => return Vec::new(),
        };
        let is_file = |path: &&str| self.blob(path).is_some();
        self.within(&real).filter(is_file).map(|path| joined(dir, beyond(path, &real))).collect()
    }

    /// The same with linked directories entered, by the paths that lead there.
    pub(crate) fn files_through_links(&self, dir: &str) -> Result<Vec<String>, String> {
        let Place::Directory(real) = self.place(dir) else { return Ok(Vec::new()) };
        let mut found = Vec::new();
        let mut to_enter = vec![(dir.to_owned(), real, 0)];
        let mut entered = 0;
        while let Some((shown, real, through)) = to_enter.pop() {
            entered += 1;
            for path in self.within(&real) {
                let inner = joined(&shown, beyond(path, &real));
                match self.place(path) {
                    Place::File(_) => found.push(inner),
                    Place::Directory(target) => to_enter.push((inner, target, through + 1)),
                    Place::Nowhere => {
                        return Err(format!(
                            "error evaluating symlink {inner}: lstat {inner}: no such file or directory"
                        ));
                    }
                }
            }
            if through >= LINKS_MAX || entered > ENTERED_MAX || found.len() > FILES_MAX {
                return Err(format!("error evaluating symlink {shown}: too many levels of symbolic links"));
            }
        }
        found.sort_unstable();
        Ok(found)
    }

    /// All directories, sorted; those with a name that begins with a dot are left out.
    pub(crate) fn directories(&self) -> BTreeSet<&str> {
        let modules = self.modules.iter().map(String::as_str);
        let mut found = BTreeSet::new();
        let mut add = |dir| {
            if !str::split(dir, '/').any(|name| name.starts_with('.')) {
                found.insert(dir);
            }
        };
        for path in self.files().chain(modules.clone()) {
            path.match_indices('/').for_each(|(slash, _)| add(&path[..slash]));
        }
        modules.for_each(add);
        found
    }

    /// Where a path leads, through all links on its way.
    fn place(&self, path: &str) -> Place {
        let Some(real) = self.real(path) else { return Place::Nowhere };
        if self.blobs.contains_key(&real) {
            return Place::File(real);
        }
        let is_directory = real.is_empty()
            || self.modules.contains(&real)
            || self.modules.iter().any(|module| is_under(module, &real))
            || self.within(&real).next().is_some();
        if is_directory { Place::Directory(real) } else { Place::Nowhere }
    }

    fn real(&self, path: &str) -> Option<String> {
        let mut left: Vec<&str> = path.split('/').rev().collect();
        let mut steps: Vec<&str> = Vec::new();
        let mut followed = 0;
        while let Some(step) = left.pop() {
            match step {
                "" | "." => continue,
                ".." => {
                    steps.pop()?;
                    continue;
                }
                step => steps.push(step),
            }
            if let Some(target) = self.links.get(&steps.join("/")) {
                followed += 1;
                if followed > LINKS_MAX || target.starts_with('/') {
                    return None;
                }
                steps.pop();
                left.extend(target.split('/').rev());
            }
        }
        Some(steps.join("/"))
    }

    /// Files and links whose own paths are in a directory.
    fn within(&self, real: &str) -> impl Iterator<Item = &str> {
        let start = if real.is_empty() { String::new() } else { format!("{real}/") };
        [&self.blobs, &self.links].into_iter().flat_map(move |paths| {
            let start = start.clone();
            let from = paths.range(start.clone()..).map(|(path, _)| path.as_str());
            from.take_while(move |path| path.starts_with(&start))
        })
    }
}

/// Whether a path is in a directory or below; the empty one is the root.
pub(crate) fn is_under(path: &str, dir: &str) -> bool {
    dir.is_empty() || path.strip_prefix(dir).is_some_and(|rest| rest.starts_with('/'))
}

fn joined(dir: &str, path: &str) -> String {
    if dir.is_empty() { path.to_owned() } else { format!("{dir}/{path}") }
}

/// What is left of a path from a directory that it is in.
fn beyond<'p>(path: &'p str, dir: &str) -> &'p str {
    path.strip_prefix(dir).unwrap_or(path).trim_start_matches('/')
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
#[expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]
mod tests {
    use super::*;

    fn mk(files: &[&str], links: &[(&str, &str)], modules: &[&str]) -> Tree {
        let entry = |path: &&str| ((*path).to_owned(), format!("id of {path}"));
        Tree {
            blobs: files.iter().map(entry).collect(),
            links: links.iter().map(|(path, target)| ((*path).to_owned(), (*target).to_owned())).collect(),
            modules: modules.iter().map(|path| (*path).to_owned()).collect(),
        }
    }

    #[test]
    fn directories_are_those_of_the_files_and_of_links() {
        let files = ["Readme", "a/b/c.yaml", "a/d.yaml", ".github/workflows/x.yaml", "ab/e.yaml"];
        let tree = mk(&files, &[("links/only.yaml", "../a/d.yaml"), ("linked", "a")], &["modules/one"]);
        let found: Vec<_> = tree.directories().into_iter().collect();
        assert_eq!(found, ["a", "a/b", "ab", "links", "modules", "modules/one"]);
        assert_eq!(tree.files_under("a"), ["a/b/c.yaml", "a/d.yaml"]);
        assert!(tree.files_under("a/b/c.yaml").is_empty());
        assert_eq!(tree.files().last(), Some("links/only.yaml"));
    }

    #[test]
    fn links_are_followed_as_far_as_a_walk_follows_them() {
        let links = [
            ("charts/x/values.yaml", "../good/values-x.yaml"),
            ("charts/x/templates/common", "../../../common"),
            ("linked", "charts/x"),
            ("gone", "nowhere"),
        ];
        let tree = mk(&["charts/good/values-x.yaml", "charts/x/Chart.yaml", "common/a.yaml"], &links, &[]);
        for (path, file) in [
            ("charts/x/values.yaml", Some("id of charts/good/values-x.yaml")),
            ("linked/values.yaml", Some("id of charts/good/values-x.yaml")),
            ("linked/templates/common/a.yaml", Some("id of common/a.yaml")),
            ("gone", None),
            ("linked", None),
        ] {
            assert_eq!(tree.blob(path), file, "{path}");
        }
        assert_eq!(tree.files_under("charts/x"), ["charts/x/Chart.yaml", "charts/x/values.yaml"]);
        assert!(
            tree.has_directory("linked") && tree.is_link("linked") && tree.files_under("linked").is_empty()
        );
        assert!(!tree.has_directory("gone") && !tree.is_link("charts/x"));
        assert_eq!(
            tree.files_through_links("linked").unwrap(),
            ["linked/Chart.yaml", "linked/templates/common/a.yaml", "linked/values.yaml"]
        );
        assert!(tree.files_through_links("").unwrap_err().contains("error evaluating symlink gone"));
        assert_eq!(tree.out_of_bounds(), None);
    }

    #[test]
    fn links_that_lead_round_or_out_are_told() {
        let round = mk(&["a/x.yaml"], &[("a/one", "."), ("a/two", "."), ("self", "self")], &[]);
        assert!(round.files_through_links("a").unwrap_err().contains("too many levels"));
        assert!(!round.has_directory("self"));
        for (path, target, leads_out) in [
            ("a/b", "../c", false),
            ("a/b", "../../c", true),
            ("a/b", "c/../../../a/c", true),
            ("b", "/etc/passwd", true),
            ("b", "..", true),
        ] {
            let tree = mk(&["c"], &[(path, target)], &[]);
            assert_eq!(tree.out_of_bounds(), leads_out.then_some(path), "{path} {target}");
            assert!(!leads_out || tree.blob(path).is_none());
        }
    }

    #[test]
    fn modules_are_named_where_they_would_be_filled() {
        let tree = mk(&[".gitmodules", "a/x.yaml"], &[], &["a/module", "b"]);
        assert_eq!(tree.module_at("a"), Some("a/module"));
        assert_eq!(tree.module_at("b/inner"), Some("b"));
        assert_eq!(tree.module_at("a/other"), None);
        assert_eq!(mk(&[], &[], &["b"]).module_at("b"), None);
    }
}
