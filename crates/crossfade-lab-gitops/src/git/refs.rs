//! Refs of a repository, and which of them a revision means, in Argo CD's order.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crossfade_gotemplate::{highest_within, is_version};

/// Below it a text of hexadecimal digits is a name.
const SHORT_COMMIT_LENGTH_MIN: usize = 7;
/// A commit's full length.
const COMMIT_LENGTH: usize = 40;
/// Directories in directories of refs: beyond what anyone has.
const DEPTH_MAX: usize = 16;

/// What `git ls-remote --symref` says.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Refs {
    commits: BTreeMap<String, String>,
    head: Option<String>,
}

/// Whether a text is a commit's full name.
pub(super) fn is_commit(text: &str) -> bool {
    text.len() == COMMIT_LENGTH && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

impl Refs {
    pub(super) fn parse(said: &str) -> Refs {
        let mut refs = Refs::default();
        for (what, name) in said.lines().filter_map(|line| line.split_once('\t')) {
            match (what.strip_prefix("ref: "), name.strip_suffix("^{}")) {
                (Some(target), _) if name == "HEAD" => refs.head = Some(target.to_owned()),
                (Some(_), _) => {}
                // A tag with a message is the commit it points to.
                (None, Some(tag)) => drop(refs.commits.insert(tag.to_owned(), what.to_owned())),
                (None, None) => drop(refs.commits.insert(name.to_owned(), what.to_owned())),
            }
        }
        refs
    }

    /// The commit of `HEAD`, a branch, a tag or the beginning of a commit; of a range of versions, the highest tag in it.
    pub(super) fn resolve(&self, revision: &str) -> Result<String, String> {
        let revision = if revision.is_empty() { "HEAD" } else { revision };
        let tags = self.commits.keys().filter_map(|name| name.strip_prefix("refs/tags/"));
        let highest = if is_version(revision) { None } else { highest_within(revision, tags).ok().flatten() };
        let revision = highest.unwrap_or(revision);
        let of = |name: &str| self.commits.get(name).cloned();
        let head = || self.head.as_deref().and_then(of);
        let found = match revision {
            "HEAD" => of("HEAD").or_else(head),
            _ => of(&format!("refs/heads/{revision}"))
                .or_else(|| of(&format!("refs/tags/{revision}")))
                .or_else(|| of(revision)),
        };
        let is_short =
            revision.len() >= SHORT_COMMIT_LENGTH_MIN && revision.bytes().all(|b| b.is_ascii_hexdigit());
        let beginning = || self.commits.values().find(|commit| commit.starts_with(revision)).cloned();
        found
            .or_else(|| if is_short { beginning() } else { None })
            .ok_or_else(|| format!("unable to resolve '{revision}' to a commit SHA"))
    }
}

/// Bytes that change when a ref of a local repository does. Cheap: no program is called.
pub(super) fn signature(dir: &Path) -> Vec<u8> {
    let git_dir = git_dir(dir);
    let common = std::fs::read_to_string(git_dir.join("commondir"));
    let common = common.map_or_else(|_| git_dir.clone(), |path| git_dir.join(path.trim()));
    let mut bytes = std::fs::read(git_dir.join("HEAD")).unwrap_or_default();
    bytes.extend(std::fs::read(common.join("packed-refs")).unwrap_or_default());
    add_refs(&common.join("refs"), DEPTH_MAX, &mut bytes);
    bytes
}

fn git_dir(dir: &Path) -> PathBuf {
    let inner = dir.join(".git");
    match std::fs::read_to_string(&inner) {
        Ok(text) => text.strip_prefix("gitdir:").map_or(inner, |path| dir.join(path.trim())),
        Err(_) if inner.is_dir() => inner,
        Err(_) => dir.to_owned(),
    }
}

fn add_refs(dir: &Path, depth_left: usize, bytes: &mut Vec<u8>) {
    let Ok(entries) = std::fs::read_dir(dir) else { return };
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort_unstable();
    for path in paths {
        if path.is_dir() {
            if depth_left > 0 {
                add_refs(&path, depth_left - 1, bytes);
            }
            continue;
        }
        bytes.extend(path.as_os_str().as_encoded_bytes());
        bytes.extend(std::fs::read(&path).unwrap_or_default());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAID: &str = "ref: refs/heads/main\tHEAD\n\
        1111111111111111111111111111111111111111\tHEAD\n\
        2222222222222222222222222222222222222222\trefs/heads/dev\n\
        1111111111111111111111111111111111111111\trefs/heads/main\n\
        3333333333333333333333333333333333333333\trefs/tags/v1\n\
        4444444444444444444444444444444444444444\trefs/tags/v1^{}\n";

    #[test]
    fn a_range_is_the_highest_tag_in_it() {
        let tags = ["1.0.0", "1.4.2", "v1.10.0", "2.0.0", "2.1.0-rc.1", "latest"];
        let said: Vec<String> = tags
            .iter()
            .enumerate()
            .map(|(index, tag)| format!("{}\trefs/tags/{tag}", index.to_string().repeat(40)))
            .collect();
        let refs = Refs::parse(&said.join("\n"));
        for (revision, index) in [
            ("1.*", "2"),
            (">=1.0.0", "3"),
            ("~1.4", "1"),
            (">=1.0.0 <1.10.0", "1"),
            (">=2.1.0-0", "4"),
            ("1.0.0", "0"),
            ("latest", "5"),
        ] {
            assert_eq!(refs.resolve(revision), Ok(index.repeat(40)), "{revision}");
        }
        assert!(refs.resolve(">=3").is_err());
        // A version that is whole is a tag's name.
        assert!(refs.resolve("1.4").is_err());
    }

    #[test]
    fn revisions_are_branches_tags_or_commits() {
        let refs = Refs::parse(SAID);
        for (revision, digit) in [
            ("HEAD", "1"),
            ("", "1"),
            ("main", "1"),
            ("dev", "2"),
            ("refs/heads/dev", "2"),
            ("v1", "4"),
            ("2222222", "2"),
        ] {
            assert_eq!(refs.resolve(revision), Ok(digit.repeat(40)), "{revision}");
        }
        assert_eq!(refs.resolve("nope"), Err("unable to resolve 'nope' to a commit SHA".to_owned()));
    }
}
