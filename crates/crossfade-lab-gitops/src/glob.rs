//! Path patterns: Go's `path.Match` for directories, and globs with `**` for files, as Argo CD takes them.

use regex::Regex;

/// Patterns of others: what is longer is no pattern.
const PATTERN_LENGTH_MAX: usize = 1024;

/// A pattern, ready to be matched with many paths. One that is none matches nothing.
#[derive(Debug)]
pub(crate) struct Glob(Vec<Regex>);

impl Glob {
    /// `path.Match`: `*` and `?` stop at slashes; the whole path has to match.
    pub(crate) fn of_path(pattern: &str) -> Glob {
        Glob(compiled(pattern, Stars::WithinSegments).into_iter().collect())
    }

    /// A glob for files: `**/` is any directories, `*` stops at slashes.
    pub(crate) fn of_files(pattern: &str) -> Glob {
        Glob(compiled(pattern, Stars::Across).into_iter().collect())
    }

    /// A glob of a directory source or of a project: `*` runs across slashes, `{a,b}` is either.
    pub(crate) fn loose(pattern: &str) -> Glob {
        Glob(compiled(pattern, Stars::Loose).into_iter().collect())
    }

    /// A glob of repositories: the same, and only `**` runs across slashes.
    pub(crate) fn of_repositories(pattern: &str) -> Glob {
        Glob(compiled(pattern, Stars::OfRepositories).into_iter().collect())
    }

    /// What `git ls-files` takes: a directory is all that is in it, `*` and `?` run across slashes.
    pub(crate) fn of_git(pattern: &str) -> Glob {
        let directory = format!("{}/*", pattern.trim_end_matches('/'));
        Glob([pattern, &directory].into_iter().filter_map(|one| compiled(one, Stars::OfGit)).collect())
    }

    pub(crate) fn matches(&self, path: &str) -> bool {
        self.0.iter().any(|regex| regex.is_match(path))
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Stars {
    WithinSegments,
    Across,
    Loose,
    OfRepositories,
    OfGit,
}

fn compiled(pattern: &str, stars: Stars) -> Option<Regex> {
    if pattern.len() > PATTERN_LENGTH_MAX {
        return None;
    }
    let has_choices = matches!(stars, Stars::Loose | Stars::OfRepositories);
    let mut open = 0_usize;
    let mut expression = String::from("^");
    let mut rest = pattern;
    while let Some(letter) = rest.chars().next() {
        let mut taken = letter.len_utf8();
        match letter {
            '*' if matches!(stars, Stars::Loose | Stars::OfGit) => expression.push_str(".*"),
            '*' if stars == Stars::OfRepositories && rest.starts_with("**") => {
                expression.push_str(".*");
                taken = 2;
            }
            '?' if stars != Stars::WithinSegments && stars != Stars::Across => expression.push('.'),
            '{' if has_choices => {
                expression.push_str("(?:");
                open += 1;
            }
            '}' if has_choices && open > 0 => {
                expression.push(')');
                open -= 1;
            }
            ',' if open > 0 => expression.push('|'),
            '*' if stars == Stars::Across && rest.starts_with("**/") => {
                expression.push_str("(?:.*/)?");
                taken = 3;
            }
            '*' if stars == Stars::Across && rest.starts_with("**") => {
                expression.push_str(".*");
                taken = 2;
            }
            '*' => expression.push_str("[^/]*"),
            '?' => expression.push_str("[^/]"),
            '[' => match rest.find(']') {
                Some(end) if end > 1 => {
                    expression.push_str(&rest[..=end].replacen("[!", "[^", 1));
                    taken = end + 1;
                }
                _ => return None,
            },
            '\\' => {
                let next = rest.chars().nth(1).unwrap_or('\\');
                expression.push_str(&regex::escape(&next.to_string()));
                taken = 1 + next.len_utf8();
            }
            other => expression.push_str(&regex::escape(&other.to_string())),
        }
        rest = rest.get(taken..).unwrap_or_default();
    }
    expression.push('$');
    Regex::new(&expression).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_stop_where_they_should() {
        for (pattern, path, expected) in [
            ("envs/dev/*", "envs/dev/templates", true),
            ("envs/dev/*", "envs/dev/templates/x", false),
            ("envs/*", "envs", false),
            ("a?c", "abc", true),
            ("[ab]/c", "b/c", true),
            ("[ab", "a", false),
        ] {
            assert_eq!(Glob::of_path(pattern).matches(path), expected, "{pattern} {path}");
        }
        assert!(Glob::of_files("apps/**/config.json").matches("apps/config.json"));
        assert!(Glob::of_files("apps/**/config.json").matches("apps/a/b/config.json"));
        assert!(!Glob::of_files("apps/*/config.json").matches("apps/a/b/config.json"));
        assert!(Glob::loose("exclude/*").matches("exclude/a/b.yaml"));
        assert!(Glob::loose("{a.yaml,b.yaml}").matches("b.yaml"));
        assert!(Glob::loose("a-{b,c*}-d").matches("a-c/x-d"));
        assert!(!Glob::loose("a[!b]").matches("ab"));
        assert!(Glob::of_git("apps/*.json").matches("apps/a/b.json"));
        assert!(Glob::of_git("apps").matches("apps/a/b.json"));
        assert!(!Glob::of_git("apps/**/config.json").matches("apps/config.json"));
        assert!(!Glob::of_repositories("https://a/*").matches("https://a/b/c"));
        assert!(Glob::of_repositories("https://a/**").matches("https://a/b/c"));
    }
}
