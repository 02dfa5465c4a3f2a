//! `.helmignore`: which files of a directory do not belong to the chart.
//!
//! The first rule that matches decides; a rule with `!` ignores what does not match it. A directory that is ignored is
//! ignored with all that is in it.

use crate::error::Error;
use crate::glob::shell_match;

struct Rule {
    pattern: String,
    is_negated: bool,
    is_for_directories: bool,
}

/// The rules of one chart.
pub(super) struct Rules(Vec<Rule>);

impl Rules {
    /// Reads the file, and adds helm's own rule about hidden templates.
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        let mut rules = Vec::new();
        for line in super::text(bytes).lines().chain(["templates/.?*"]) {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            if line.contains("**") {
                return Err(Error::Chart("double-star (**) syntax is not supported".to_owned()));
            }
            let (is_negated, line) = match line.strip_prefix('!') {
                Some(rest) => (true, rest),
                None => (false, line),
            };
            let (is_for_directories, line) = match line.strip_suffix('/') {
                Some(rest) => (true, rest),
                None => (false, line),
            };
            rules.push(Rule { pattern: line.to_owned(), is_negated, is_for_directories });
        }
        Ok(Self(rules))
    }

    /// Whether a file is left out, by itself or with one of its directories.
    pub fn ignore(&self, path: &str) -> bool {
        let directories = path.match_indices('/').map(|(end, _)| (&path[..end], true));
        directories.chain([(path, false)]).any(|(path, is_directory)| self.ignore_one(path, is_directory))
    }

    fn ignore_one(&self, path: &str, is_directory: bool) -> bool {
        for rule in &self.0 {
            if rule.is_negated {
                if rule.is_for_directories && !is_directory || !rule.matches(path) {
                    return true;
                }
                continue;
            }
            if (is_directory || !rule.is_for_directories) && rule.matches(path) {
                return true;
            }
        }
        false
    }
}

impl Rule {
    fn matches(&self, path: &str) -> bool {
        if let Some(rooted) = self.pattern.strip_prefix('/') {
            shell_match(rooted, path)
        } else if self.pattern.contains('/') {
            shell_match(&self.pattern, path)
        } else {
            shell_match(&self.pattern, path.rsplit('/').next().unwrap_or(path))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_match_as_helms() {
        let rules = Rules::parse(b"# c\n*.swp\n.git/\n/only-root.txt\ndocs/*.md\n").map_err(|_| ());
        let Ok(rules) = rules else { panic!("rules") };
        for (path, ignored) in [
            ("a.swp", true),
            ("templates/a.swp", true),
            (".git/config", true),
            (".git", false),
            ("only-root.txt", true),
            ("x/only-root.txt", false),
            ("docs/a.md", true),
            ("docs/x/a.md", false),
            ("templates/.hidden.yaml", true),
            ("templates/x.yaml", false),
        ] {
            assert_eq!(rules.ignore(path), ignored, "{path}");
        }
    }
}
