//! A cluster's credentials for repositories, as Argo CD has them: Secrets in its namespace labelled `repository` (for one
//! repository) and `repo-creds` (for all whose URL begins so), and what of hosts is believed in two ConfigMaps.
//!
//! It is told of changes by the cluster's watch and never asks. Nothing here opens a file or a connection.

mod access;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use crate::cache::Change;
use crate::lock::lock;
use crate::names::{NAMESPACE, SECRET_TYPE_LABEL};
use crate::object::{entries, label, text};

pub(crate) use access::Access;

/// The ConfigMap with the keys of SSH hosts, and its key.
const KNOWN_HOSTS: (&str, &str) = ("argocd-ssh-known-hosts-cm", "ssh_known_hosts");
/// The ConfigMap with certificates by host name.
const CERTIFICATES: &str = "argocd-tls-certs-cm";

/// Cheap to clone; all clones are one.
#[derive(Clone, Default)]
pub(crate) struct Keyring {
    held: Arc<Mutex<Held>>,
}

#[derive(Default)]
struct Held {
    /// By the name of the Secret.
    entries: BTreeMap<String, Entry>,
    known_hosts: Option<String>,
    certificates: BTreeMap<String, String>,
}

/// What one Secret says.
#[derive(Clone, PartialEq, Eq)]
struct Entry {
    is_for_one: bool,
    url: String,
    /// What charts' dependencies call it.
    name: String,
    project: String,
    access: Access,
}

impl Keyring {
    /// Takes in a change of an object; whether it changed anything here.
    pub(crate) fn take_in(&self, change: &Change<'_>) -> bool {
        let key = change.key;
        if !key.group.is_empty() || key.namespace != NAMESPACE {
            return false;
        }
        match (key.kind.as_str(), key.name.as_str()) {
            ("Secret", name) => {
                let entry = change.after.and_then(|secret| Entry::read(secret));
                let mut held = self.lock();
                let before = match entry.clone() {
                    Some(entry) => held.entries.insert(name.to_owned(), entry),
                    None => held.entries.remove(name),
                };
                before != entry
            }
            ("ConfigMap", name) if name == KNOWN_HOSTS.0 => {
                let hosts = change.after.map(|map| text(&map["data"][KNOWN_HOSTS.1]).to_owned());
                let mut held = self.lock();
                std::mem::replace(&mut held.known_hosts, hosts.clone()) != hosts
            }
            ("ConfigMap", CERTIFICATES) => {
                let map = change.after.map_or(&Value::Null, |map| &map["data"]);
                let certificates: BTreeMap<String, String> =
                    entries(map).map(|(host, pem)| (host.clone(), text(pem).to_owned())).collect();
                let mut held = self.lock();
                std::mem::replace(&mut held.certificates, certificates.clone()) != certificates
            }
            _ => false,
        }
    }

    /// What a repository is opened with: what its own Secret says; where that has no credentials, or is not there, those of the
    /// longest beginning of its URL.
    pub(crate) fn access(&self, url: &str) -> Access {
        let held = self.lock();
        let wanted = normalized(url);
        let mut of_one =
            held.entries.values().filter(|entry| entry.is_for_one && entry.is_for_all_projects());
        let own = of_one.find(|entry| normalized(&entry.url) == wanted);
        let mut access = own.map(|entry| entry.access.clone()).unwrap_or_default();
        if !access.has_credentials() {
            let templates = held.entries.values().filter(|entry| !entry.is_for_one);
            let fitting = templates
                .map(|entry| (normalized(&entry.url), entry))
                .filter(|(beginning, _)| !beginning.is_empty() && wanted.starts_with(beginning.as_str()));
            if let Some((_, template)) = fitting.max_by_key(|(beginning, _)| beginning.len()) {
                access.take_credentials(&template.access);
            }
        }
        if is_over_ssh(url) {
            access.known_hosts.clone_from(&held.known_hosts);
        } else {
            access.authorities = held.certificates.get(host_of(url)).cloned();
        }
        access
    }

    /// The URL of the repository that a Secret gives a name.
    pub(crate) fn url_of(&self, name: &str) -> Option<String> {
        let held = self.lock();
        held.entries
            .values()
            .find(|entry| entry.is_for_one && entry.name == name)
            .map(|entry| entry.url.clone())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Held> {
        lock(&self.held)
    }
}

impl Entry {
    fn read(secret: &Value) -> Option<Entry> {
        let is_for_one = match label(secret, SECRET_TYPE_LABEL)? {
            "repository" => true,
            "repo-creds" => false,
            _ => return None,
        };
        let field = |name: &str| {
            let bytes = STANDARD.decode(text(&secret["data"][name])).unwrap_or_default();
            String::from_utf8_lossy(&bytes).into_owned()
        };
        let flag = |name: &str| matches!(field(name).as_str(), "true" | "1" | "t" | "T" | "TRUE" | "True");
        let access = Access {
            username: field("username"),
            password: field("password"),
            bearer_token: field("bearerToken"),
            ssh_private_key: field("sshPrivateKey"),
            client_certificate: field("tlsClientCertData"),
            client_key: field("tlsClientCertKey"),
            takes_any_certificate: flag("insecure"),
            takes_any_host_key: flag("insecure") || flag("insecureIgnoreHostKey"),
            is_oci: flag("enableOCI"),
            is_plain_http: flag("insecureOCIForceHttp"),
            known_hosts: None,
            authorities: None,
        };
        Some(Entry { is_for_one, url: field("url"), name: field("name"), project: field("project"), access })
    }

    /// A Secret for one project does not open a repository for others; the agent's Applications are in the default one.
    fn is_for_all_projects(&self) -> bool {
        matches!(self.project.as_str(), "" | "default")
    }
}

/// Whether a repository is reached over SSH: `ssh://` or `git@host:path`.
pub(crate) fn is_over_ssh(url: &str) -> bool {
    url.starts_with("ssh://") || (!url.contains("://") && url.contains('@') && url.contains(':'))
}

/// The same text for ways to write one URL: Argo CD's rule, which tells `https://` and `ssh://` apart.
fn normalized(url: &str) -> String {
    let url = url.trim().to_lowercase();
    let url = url.strip_prefix("oci://").unwrap_or(&url);
    let url =
        if is_over_ssh(url) && !url.contains("://") { url.replacen(':', "/", 1) } else { url.to_owned() };
    let url = url.strip_prefix("ssh://").unwrap_or(&url);
    url.strip_suffix(".git").unwrap_or(url).to_owned()
}

/// The host of a URL without its port, as the ConfigMap of certificates has it.
fn host_of(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split('/').next().unwrap_or_default();
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    match host.strip_prefix('[') {
        Some(inner) => inner.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::json;

    use super::*;
    use crate::object::Key;

    impl Keyring {
        /// With a password for all repositories whose URL begins so.
        pub(crate) fn mk(url: &str, password: &str) -> Keyring {
            let keyring = Keyring::default();
            let fields = [("url", url), ("username", "git"), ("password", password)];
            put(&keyring, mk_secret("creds", "repo-creds", &fields));
            keyring
        }
    }

    fn put(keyring: &Keyring, object: Value) -> bool {
        let object = Arc::new(object);
        keyring.take_in(&Change {
            key: &Key::of(&object),
            before: None,
            after: Some(&object),
            trackers: BTreeSet::new(),
        })
    }

    fn mk_secret(name: &str, kind: &str, fields: &[(&str, &str)]) -> Value {
        let data: serde_json::Map<String, Value> =
            fields.iter().map(|(key, value)| ((*key).to_owned(), STANDARD.encode(value).into())).collect();
        json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, "namespace": "argocd",
            "labels": {"argocd.argoproj.io/secret-type": kind}}, "data": data})
    }

    #[test]
    fn the_own_secret_wins_and_then_the_longest_beginning() {
        let keyring = Keyring::default();
        for (name, kind, url, password) in [
            ("host", "repo-creds", "https://git.example.org/", "host"),
            ("team", "repo-creds", "https://git.example.org/team", "team"),
            ("one", "repository", "https://git.example.org/team/one.git", "one"),
            ("bare", "repository", "https://git.example.org/team/bare", ""),
            ("ssh", "repo-creds", "git@git.example.org:team", "ssh"),
        ] {
            let fields = [
                ("url", url),
                ("username", if password.is_empty() { "" } else { "git" }),
                ("password", password),
            ];
            assert!(put(&keyring, mk_secret(name, kind, &fields)));
        }
        for (url, expected) in [
            ("https://git.example.org/team/one", "one"),
            ("https://GIT.example.org/team/One.git", "one"),
            ("https://git.example.org/team/bare", "team"),
            ("https://git.example.org/teamwork", "team"),
            ("https://git.example.org/other", "host"),
            ("https://git.example.org.evil.example.com/team", ""),
            ("git@git.example.org:team/x", "ssh"),
            ("ssh://git@git.example.org/team/x", "ssh"),
            ("https://elsewhere.example.org/team/one", ""),
        ] {
            assert_eq!(keyring.access(url).password, expected, "{url}");
        }
    }

    #[test]
    fn a_change_counts_once_and_a_removal_takes_the_access_away() {
        let keyring = Keyring::default();
        let secret =
            mk_secret("one", "repository", &[("url", "https://a.example.org/x"), ("bearerToken", "t")]);
        assert!(put(&keyring, secret.clone()));
        assert!(!put(&keyring, secret.clone()), "nothing has changed");
        assert!(!put(&keyring, mk_secret("cluster", "cluster", &[("url", "https://a.example.org/x")])));
        let before = keyring.access("https://a.example.org/x");
        let secret = Arc::new(secret);
        assert!(keyring.take_in(&Change {
            key: &Key::of(&secret),
            before: Some(&secret),
            after: None,
            trackers: BTreeSet::new()
        }));
        let after = keyring.access("https://a.example.org/x");
        assert!(before.has_credentials() && !after.has_credentials());
        assert_ne!(before.fingerprint(), after.fingerprint());
    }

    #[test]
    fn hosts_are_believed_by_what_the_cluster_says_of_them() {
        let keyring = Keyring::default();
        let map = |name: &str, data: Value| {
            json!({"apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": name, "namespace": "argocd"}, "data": data})
        };
        assert!(put(&keyring, map("argocd-ssh-known-hosts-cm", json!({"ssh_known_hosts": "h k"}))));
        assert!(put(&keyring, map("argocd-tls-certs-cm", json!({"git.example.org": "PEM"}))));
        assert_eq!(keyring.access("git@git.example.org:x").known_hosts.as_deref(), Some("h k"));
        assert_eq!(keyring.access("https://git.example.org:8443/x").authorities.as_deref(), Some("PEM"));
        assert_eq!(keyring.access("git.example.org:5000/charts").authorities.as_deref(), Some("PEM"));
        assert_eq!(keyring.access("https://other.example.org/x"), Access::default());
    }

    #[test]
    fn project_secrets_and_names() {
        let keyring = Keyring::default();
        let secret = mk_secret(
            "p",
            "repository",
            &[("url", "https://a.example.org/x"), ("password", "p"), ("project", "red"), ("name", "stable")],
        );
        put(&keyring, secret);
        assert!(!keyring.access("https://a.example.org/x").has_credentials());
        assert_eq!(keyring.url_of("stable").as_deref(), Some("https://a.example.org/x"));
        assert_eq!(keyring.url_of("none"), None);
    }
}
