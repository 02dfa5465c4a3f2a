//! Path patterns: Go's `path.Match` for directories, and globs with `**` for files, as Argo CD takes them.

use regex::Regex;

/// Patterns of others: what is longer is no pattern.
const PATTERN_LENGTH_MAX: usize = 1024;

/// `path.Match`: `*` and `?` stop at slashes; the whole path has to match.
pub(crate) fn is_path_match(pattern: &str, path: &str) -> bool {
    matches(pattern, path, Stars::WithinSegments)
}

/// A glob for files: `**/` is any directories, `*` stops at slashes.
pub(crate) fn is_file_match(pattern: &str, path: &str) -> bool {
    matches(pattern, path, Stars::Across)
}

/// A glob of a directory source: `*` runs across slashes, `{a,b}` is either.
pub(crate) fn is_loose_match(pattern: &str, path: &str) -> bool {
    let pattern = pattern.strip_prefix('{').and_then(|inner| inner.strip_suffix('}')).unwrap_or(pattern);
    pattern.split(',').any(|one| matches(one, path, Stars::Loose))
}

#[derive(Clone, Copy, PartialEq)]
enum Stars {
    WithinSegments,
    Across,
    Loose,
}

fn matches(pattern: &str, path: &str, stars: Stars) -> bool {
    if pattern.len() > PATTERN_LENGTH_MAX {
        return false;
    }
    let mut expression = String::from("^");
    let mut rest = pattern;
    while let Some(letter) = rest.chars().next() {
        let mut taken = letter.len_utf8();
        match letter {
            '*' if stars == Stars::Loose => expression.push_str(".*"),
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
                    expression.push_str(&rest[..=end]);
                    taken = end + 1;
                }
                _ => return false,
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
    Regex::new(&expression).is_ok_and(|regex| regex.is_match(path))
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
            assert_eq!(is_path_match(pattern, path), expected, "{pattern} {path}");
        }
        assert!(is_file_match("apps/**/config.json", "apps/config.json"));
        assert!(is_file_match("apps/**/config.json", "apps/a/b/config.json"));
        assert!(!is_file_match("apps/*/config.json", "apps/a/b/config.json"));
        assert!(is_loose_match("exclude/*", "exclude/a/b.yaml"));
        assert!(is_loose_match("{a.yaml,b.yaml}", "b.yaml"));
    }
}
