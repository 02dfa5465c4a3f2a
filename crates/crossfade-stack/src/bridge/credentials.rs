//! Secrets of the bridge: what Argo CD needs to read private repositories, and its admin password as a hash.
//!
//! Values come from the caller and go into `data` of a Secret alone; debug output never shows them.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::ARGOCD_NAMESPACE;
use super::cluster_secret::SECRET_TYPE_LABEL;
use crate::text::{ObjectName, PlainValue, TextError};

/// The value of the secret-type label of a credential for every repository whose URL starts with its own.
const SECRET_TYPE_CREDENTIALS: &str = "repo-creds";
/// Argo CD's own secret.
pub const ARGOCD_SECRET: &str = "argocd-secret";
/// The key of the admin password's hash in [`ARGOCD_SECRET`].
pub const ADMIN_PASSWORD: &str = "admin.password";
/// The key of the moment of its last change; Argo CD ends sessions that are older.
pub const ADMIN_PASSWORD_MTIME: &str = "admin.passwordMtime";
/// `$2a$10$` and 53 characters.
const BCRYPT_CHARACTERS: usize = 60;

/// How Argo CD identifies itself to a Git host.
#[derive(Clone, PartialEq, Eq)]
pub enum GitCredential {
    /// A private key in PEM or OpenSSH form.
    Ssh {
        /// The whole file.
        private_key: String,
    },
    /// Over HTTPS.
    Basic {
        /// Any name when the password is a token.
        username: String,
        /// A password or token.
        password: String,
    },
}

impl fmt::Debug for GitCredential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            GitCredential::Ssh { .. } => f.write_str("Ssh { private_key: <redacted> }"),
            GitCredential::Basic { username, .. } => {
                write!(f, "Basic {{ username: {username:?}, password: <redacted> }}")
            }
        }
    }
}

/// A credential and the repositories that it is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RepositoryCredential {
    /// The name of the secret: `git-addons`.
    pub name: ObjectName,
    /// The start of the repositories' URLs.
    pub url: PlainValue,
    /// What to show to the host.
    pub credential: GitCredential,
}

impl RepositoryCredential {
    /// The secret that Argo CD reads.
    pub fn secret(&self) -> Value {
        let mut data = json!({ "type": STANDARD.encode("git"), "url": STANDARD.encode(self.url.as_str()) });
        match &self.credential {
            GitCredential::Ssh { private_key } => data["sshPrivateKey"] = STANDARD.encode(private_key).into(),
            GitCredential::Basic { username, password } => {
                data["username"] = STANDARD.encode(username).into();
                data["password"] = STANDARD.encode(password).into();
            }
        }
        json!({
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {
                "name": self.name.as_str(),
                "namespace": ARGOCD_NAMESPACE,
                "labels": { SECRET_TYPE_LABEL: SECRET_TYPE_CREDENTIALS },
            },
            "type": "Opaque",
            "data": data,
        })
    }
}

/// The hash of Argo CD's admin password and the moment at which it was made.
#[derive(Clone, PartialEq, Eq)]
pub struct AdminPassword {
    hash: String,
    changed_at: String,
}

impl fmt::Debug for AdminPassword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AdminPassword {{ hash: <redacted>, changed_at: {:?} }}", self.changed_at)
    }
}

impl AdminPassword {
    /// A bcrypt hash as Argo CD reads it and an RFC 3339 time. A password in place of a hash is refused, unshown.
    pub fn parse(hash: &str, changed_at: &str) -> Result<Self, TextError> {
        let is_bcrypt = hash.len() == BCRYPT_CHARACTERS
            && ["$2a$", "$2b$", "$2y$"].iter().any(|version| hash.starts_with(version))
            && hash.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"$./".contains(&byte));
        if !is_bcrypt {
            return Err(TextError {
                text: "<redacted>".to_owned(),
                what: "bcrypt hash",
                rule: "60 characters that start with $2a$, $2b$ or $2y$",
            });
        }
        Ok(AdminPassword { hash: hash.to_owned(), changed_at: changed_at.to_owned() })
    }

    /// The part of Argo CD's secret that is ours: two keys, applied beside what Argo CD keeps there itself.
    pub fn secret(&self) -> Value {
        json!({
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {
                "name": ARGOCD_SECRET,
                "namespace": ARGOCD_NAMESPACE,
                "labels": {
                    "app.kubernetes.io/name": ARGOCD_SECRET,
                    "app.kubernetes.io/part-of": "argocd",
                },
            },
            "type": "Opaque",
            "data": {
                ADMIN_PASSWORD: STANDARD.encode(&self.hash),
                ADMIN_PASSWORD_MTIME: STANDARD.encode(&self.changed_at),
            },
        })
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]
mod tests {
    use super::*;

    const HASH: &str = "$2a$10$abcdefghijklmnopqrstuv0123456789ABCDEFGHIJKLMNOPQRSTU";

    #[test]
    fn debug_output_shows_no_secret() {
        let ssh = GitCredential::Ssh { private_key: "very private".to_owned() };
        let basic = GitCredential::Basic { username: "git".to_owned(), password: "very private".to_owned() };
        let password = AdminPassword::parse(HASH, "2026-01-02T03:04:05Z").unwrap();
        let shown = format!("{ssh:?} {basic:?} {password:?}");
        assert!(!shown.contains("very private") && !shown.contains("$2a$"), "{shown}");
        assert!(shown.contains("\"git\"") && shown.contains("2026-01-02T03:04:05Z"), "{shown}");
    }

    #[test]
    fn a_password_is_no_hash_and_is_not_repeated() {
        let error = AdminPassword::parse("hunter2", "2026-01-02T03:04:05Z").unwrap_err().to_string();
        assert!(error.contains("bcrypt hash") && !error.contains("hunter2"), "{error}");
    }
}
