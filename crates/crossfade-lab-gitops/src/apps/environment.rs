//! The names that Argo CD puts values in place of, in parameters of charts and in paths of their files. What has no value
//! becomes nothing; the process's own environment is never read.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::object::text;

/// The build environment of one source.
#[derive(Clone, Debug)]
pub(super) struct Environment(BTreeMap<&'static str, String>);

impl Environment {
    pub(super) fn of(
        application: &str,
        namespace: &str,
        project: &str,
        source: &Value,
        revision: &str,
    ) -> Environment {
        let short = |length: usize| revision.chars().take(length).collect::<String>();
        let field = |name: &str| text(&source[name]).to_owned();
        Environment(BTreeMap::from([
            ("ARGOCD_APP_NAME", application.to_owned()),
            ("ARGOCD_APP_NAMESPACE", namespace.to_owned()),
            ("ARGOCD_APP_PROJECT_NAME", project.to_owned()),
            ("ARGOCD_APP_REVISION", revision.to_owned()),
            ("ARGOCD_APP_REVISION_SHORT", short(7)),
            ("ARGOCD_APP_REVISION_SHORT_8", short(8)),
            ("ARGOCD_APP_SOURCE_REPO_URL", field("repoURL")),
            ("ARGOCD_APP_SOURCE_PATH", field("path")),
            ("ARGOCD_APP_SOURCE_TARGET_REVISION", field("targetRevision")),
        ]))
    }

    /// `$NAME` and `${NAME}` by their values, `$$` by one sign, as Go's `os.Expand` finds them.
    pub(super) fn expanded(&self, text: &str) -> String {
        let mut expanded = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('$') {
            expanded.push_str(before);
            let (name, taken) = name_at(after);
            match name {
                "" if taken == 0 => expanded.push('$'),
                "$" => expanded.push('$'),
                name => expanded.push_str(self.0.get(name).map_or("", String::as_str)),
            }
            rest = &after[taken..];
        }
        expanded.push_str(rest);
        expanded
    }
}

/// The name that text begins with, and how much of the text it takes; braces without a name are taken for nothing.
fn name_at(text: &str) -> (&str, usize) {
    const SPECIAL: &str = "*#$@!?-0123456789";
    if let Some(inner) = text.strip_prefix('{') {
        return match inner.find('}') {
            Some(length) => (&inner[..length], length + 2),
            None => ("", 1),
        };
    }
    if text.starts_with(|letter| SPECIAL.contains(letter)) {
        return (&text[..1], 1);
    }
    let length = text.find(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
    let length = length.unwrap_or(text.len());
    (&text[..length], length)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn names_are_replaced_as_go_replaces_them() {
        let source = json!({"repoURL": "https://x.org/a", "path": "charts/a", "targetRevision": "main"});
        let environment = Environment::of("app", "place", "team", &source, "0123456789abcdef");
        for (text, expected) in [
            ("$ARGOCD_APP_NAME.yaml", "app.yaml"),
            ("${ARGOCD_APP_NAME}x", "appx"),
            ("$ARGOCD_APP_NAMEx", ""),
            ("$ARGOCD_APP_REVISION_SHORT-$ARGOCD_APP_REVISION_SHORT_8", "0123456-01234567"),
            ("$ARGOCD_APP_NAMESPACE/$ARGOCD_APP_PROJECT_NAME", "place/team"),
            ("$ARGOCD_APP_SOURCE_PATH@$ARGOCD_APP_SOURCE_TARGET_REVISION", "charts/a@main"),
            ("$ARGOCD_APP_SOURCE_REPO_URL", "https://x.org/a"),
            ("$$ARGOCD_APP_NAME", "$ARGOCD_APP_NAME"),
            ("a$", "a$"),
            ("$/a", "$/a"),
            ("$1.50", ".50"),
            ("${}a${b", "ab"),
            ("$KUBE_VERSION$HOME", ""),
        ] {
            assert_eq!(environment.expanded(text), expected, "{text}");
        }
    }
}
