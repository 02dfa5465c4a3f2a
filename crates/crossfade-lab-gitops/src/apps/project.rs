//! What an `AppProject` permits: repositories, destinations, kinds. Roles, sync windows and signatures are not looked at.

use std::sync::Arc;

use serde_json::Value;

use crate::agent::Shared;
use crate::glob::Glob;
use crate::names::{GROUP, IN_CLUSTER_NAME, IN_CLUSTER_SERVER, NAMESPACE, SECRET_TYPE_LABEL};
use crate::object::{Key, group, kind, label, list, name, namespace, text, truth};
use crate::sets::{cluster_secrets, secret_text};

/// A project, as it is for the cluster that the agent is in.
#[derive(Clone, Debug, Default)]
pub(super) struct Project {
    name: String,
    spec: Value,
    /// Repositories whose Secrets are of the project.
    own_sources: Vec<String>,
    cluster: Cluster,
}

/// The destination, by both of its names.
#[derive(Clone, Debug, Default)]
struct Cluster {
    name: String,
    server: String,
    /// Namespaces that its Secret gives to the project; `None` when it is not of the project.
    own_namespaces: Option<Vec<String>>,
}

impl Project {
    /// The project of a name; `None` when there is none.
    pub(super) fn find(shared: &Shared, name: &str) -> Option<Project> {
        let key = Key {
            group: GROUP.to_owned(),
            kind: "AppProject".to_owned(),
            namespace: NAMESPACE.to_owned(),
            name: name.to_owned(),
        };
        let found = shared.cache.get(&key)?;
        let is_own = |secret: &Arc<Value>| secret_text(secret, "project").as_deref() == Some(name);
        let secrets = shared.cache.of_kind("", "Secret").into_iter();
        let repositories = secrets.filter(|secret| {
            namespace(secret) == NAMESPACE
                && label(secret, SECRET_TYPE_LABEL) == Some("repository")
                && is_own(secret)
        });
        let is_local = |secret: &&Arc<Value>| {
            let server = secret_text(secret, "server").unwrap_or_default();
            server.trim_end_matches('/') == IN_CLUSTER_SERVER
        };
        let clusters = cluster_secrets(shared);
        let local = clusters.iter().find(is_local);
        let own_namespaces = local.filter(|secret| is_own(secret)).map(|secret| {
            let namespaces = secret_text(secret, "namespaces").unwrap_or_default();
            let namespaces = namespaces.split(',').map(str::trim).filter(|one| !one.is_empty());
            namespaces.map(str::to_owned).collect()
        });
        let cluster_name = local.and_then(|secret| secret_text(secret, "name"));
        Some(Project {
            name: name.to_owned(),
            spec: found["spec"].clone(),
            own_sources: repositories.filter_map(|secret| secret_text(&secret, "url")).collect(),
            cluster: Cluster {
                name: cluster_name.unwrap_or_else(|| IN_CLUSTER_NAME.to_owned()),
                server: IN_CLUSTER_SERVER.to_owned(),
                own_namespaces,
            },
        })
    }

    /// What of an Application's sources and destination is not permitted.
    pub(super) fn problems(&self, sources: &[Value], destination: &Value) -> Vec<String> {
        let urls = sources.iter().map(|source| text(&source["repoURL"]));
        let refused = urls.filter(|url| !self.permits_source(url));
        let mut problems: Vec<String> = refused
            .map(|url| format!("application repo {url} is not permitted in project '{}'", self.name))
            .collect();
        let namespace = text(&destination["namespace"]);
        if !self.permits_namespace(namespace) {
            let by_name = !text(&destination["name"]).is_empty();
            let server = if by_name { &self.cluster.name } else { &self.cluster.server };
            problems.push(format!(
                "application destination server '{server}' and namespace '{namespace}' do not match any of the allowed \
                 destinations in project '{}'",
                self.name
            ));
        }
        problems
    }

    fn permits_source(&self, url: &str) -> bool {
        let url = normalized(url);
        let own = self.own_sources.iter().map(String::as_str);
        let patterns = list(&self.spec["sourceRepos"]).iter().map(text).chain(own);
        let mut is_permitted = false;
        for pattern in patterns {
            match pattern.strip_prefix('!') {
                Some(denied) if fits_repository(denied, &url) => return false,
                Some(_) => is_permitted = true,
                None => is_permitted |= fits_repository(pattern, &url),
            }
        }
        is_permitted
    }

    /// Whether objects may go into a namespace of the cluster.
    pub(super) fn permits_namespace(&self, namespace: &str) -> bool {
        if truth(&self.spec["permitOnlyProjectScopedClusters"]) && self.cluster.own_namespaces.is_none() {
            return false;
        }
        let of = |destination: &Value| {
            ["name", "server", "namespace"].map(|field| text(&destination[field]).to_owned())
        };
        let mut destinations: Vec<[String; 3]> = list(&self.spec["destinations"]).iter().map(of).collect();
        if let Some(namespaces) = &self.cluster.own_namespaces {
            let all = vec!["*".to_owned()];
            let namespaces = if namespaces.is_empty() { &all } else { namespaces };
            let server = &self.cluster.server;
            destinations.extend(namespaces.iter().map(|one| [String::new(), server.clone(), one.clone()]));
        }
        let mut is_permitted = false;
        for [name, server, wanted] in &destinations {
            let (by_name, by_server) = (fits(name, &self.cluster.name), fits(server, &self.cluster.server));
            let is_inside = fits(wanted, namespace);
            let denies = |pattern: &str| pattern.starts_with('!');
            if (by_server || by_name) && is_inside {
                is_permitted = true;
            } else if (!by_name && denies(name))
                || (!by_server && denies(server) && is_inside)
                || (!is_inside && denies(wanted) && by_server)
            {
                return false;
            }
        }
        is_permitted
    }

    /// Whether objects of a kind may be there at all.
    pub(super) fn permits_kind(&self, group: &str, kind: &str, name: &str, is_namespaced: bool) -> bool {
        let is_in = |field: &str| {
            list(&self.spec[field]).iter().any(|item| {
                let fits = |field: &str, value: &str| Glob::of_path(text(&item[field])).matches(value);
                let is_named = is_namespaced || text(&item["name"]).is_empty() || fits("name", name);
                fits("kind", kind) && fits("group", group) && is_named
            })
        };
        if is_namespaced {
            let is_open = self.spec["namespaceResourceWhitelist"].is_null();
            return (is_open || is_in("namespaceResourceWhitelist")) && !is_in("namespaceResourceBlacklist");
        }
        is_in("clusterResourceWhitelist") && !is_in("clusterResourceBlacklist")
    }

    /// Whether an object that is in the cluster is one that the project's Applications see.
    pub(super) fn sees(&self, live: &Value) -> bool {
        let inside = namespace(live);
        self.permits_kind(group(live), kind(live), name(live), !inside.is_empty())
            && (inside.is_empty() || self.permits_namespace(inside))
    }

    /// Why an object may not be applied.
    pub(super) fn refusal(&self, key: &Key, is_namespaced: bool) -> Option<String> {
        let Key { group, kind, name, namespace } = key;
        if !self.permits_kind(group, kind, name, is_namespaced) {
            return Some(format!("resource {group}:{kind} is not permitted in project {}", self.name));
        }
        (is_namespaced && !self.permits_namespace(namespace))
            .then(|| format!("namespace {namespace} is not permitted in project '{}'", self.name))
    }
}

/// A pattern that begins with `!` fits what the rest does not.
fn fits(pattern: &str, value: &str) -> bool {
    match pattern.strip_prefix('!') {
        Some(denied) => !Glob::loose(denied).matches(value),
        None => pattern == "*" || Glob::loose(pattern).matches(value),
    }
}

fn fits_repository(pattern: &str, url: &str) -> bool {
    let pattern = normalized(pattern);
    pattern == "*" || Glob::of_repositories(&pattern).matches(url)
}

/// A repository's URL as projects compare it: without its case and `.git`, and one form for both of ssh.
fn normalized(url: &str) -> String {
    let url = url.trim().to_lowercase();
    let is_scp_like = !url.contains("://") && url.contains('@') && url.contains(':');
    let url = if is_scp_like { url.replacen(':', "/", 1) } else { url };
    let url = url.strip_suffix(".git").unwrap_or(&url);
    url.strip_prefix("ssh://").unwrap_or(url).to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn mk(spec: Value) -> Project {
        let cluster =
            Cluster { name: "blue".to_owned(), server: IN_CLUSTER_SERVER.to_owned(), own_namespaces: None };
        Project { name: "team".to_owned(), spec, own_sources: vec!["https://own.org/a".to_owned()], cluster }
    }

    #[test]
    fn sources_are_permitted_by_pattern_and_by_secret() {
        let project =
            mk(json!({"sourceRepos": ["https://Git.example.org/team/*", "!**/secret.git", "git@x.org:a/b"]}));
        for (url, permitted) in [
            ("https://git.example.org/team/a.git", true),
            ("https://git.example.org/team/secret", false),
            ("ssh://git@x.org/a/b", true),
            ("https://own.org/a", true),
        ] {
            assert_eq!(project.permits_source(url), permitted, "{url}");
        }
        let project = mk(json!({"sourceRepos": ["https://git.example.org/team/*"]}));
        assert!(!project.permits_source("https://git.example.org/team/a/b"));
        assert!(mk(json!({"sourceRepos": ["*"]})).permits_source("https://any.org/a/b/c"));
    }

    #[test]
    fn destinations_are_permitted_by_name_or_server_and_by_namespace() {
        let of = |destinations: Value| mk(json!({"destinations": destinations}));
        let here = of(json!([{"server": IN_CLUSTER_SERVER, "namespace": "team-*"},
            {"server": IN_CLUSTER_SERVER, "namespace": "!team-denied"}]));
        for (namespace, permitted) in [("team-a", true), ("team-denied", false), ("other", true)] {
            // One that denies fits all that it does not deny, as in Argo CD.
            assert_eq!(here.permits_namespace(namespace), permitted, "{namespace}");
        }
        assert!(of(json!([{"name": "blue", "namespace": "*"}])).permits_namespace("a"));
        assert!(!of(json!([{"name": "green", "namespace": "*"}])).permits_namespace("a"));
        assert!(!of(json!([{"name": "!blue", "namespace": "*"}])).permits_namespace("a"));
        let problems =
            of(json!([])).problems(&[json!({"repoURL": "https://x.org/a"})], &json!({"namespace": "a"}));
        assert_eq!(problems.len(), 2);
    }

    #[test]
    fn kinds_of_a_cluster_have_to_be_permitted_and_those_of_namespaces_refused() {
        let open = mk(json!({}));
        assert!(open.permits_kind("", "ConfigMap", "a", true));
        assert!(!open.permits_kind("", "Namespace", "a", false));
        let project = mk(json!({
            "clusterResourceWhitelist": [{"group": "*", "kind": "*"}, {"group": "", "kind": "Namespace", "name": "x"}],
            "clusterResourceBlacklist": [{"group": "rbac*", "kind": "ClusterRole"}],
            "namespaceResourceWhitelist": [{"group": "", "kind": "Config*"}],
            "namespaceResourceBlacklist": [{"group": "", "kind": "ConfigMapX"}],
        }));
        assert!(project.permits_kind("", "Namespace", "a", false));
        assert!(!project.permits_kind("rbac.authorization.k8s.io", "ClusterRole", "a", false));
        assert!(project.permits_kind("", "ConfigMap", "a", true));
        assert!(!project.permits_kind("", "ConfigMapX", "a", true));
        assert!(!project.permits_kind("", "Secret", "a", true));
        let named =
            mk(json!({"clusterResourceWhitelist": [{"group": "", "kind": "Namespace", "name": "team-*"}]}));
        assert!(named.permits_kind("", "Namespace", "team-a", false));
        assert!(!named.permits_kind("", "Namespace", "other", false));
    }
}
