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

/// What a private key of OpenSSH's own form begins with, and its line around (OpenSSH, `PROTOCOL.key`).
const OPENSSH_MAGIC: &[u8] = b"openssh-key-v1\0";
const OPENSSH_BEGIN: &str = "-----BEGIN OPENSSH PRIVATE KEY-----";
/// Characters of base64, whole groups of four, that hold the magic and the longest name of a cipher
/// (`chacha20-poly1305@openssh.com`).
const BEGINNING: usize = 64;

/// A credential with which Argo CD can do nothing. No secret is part of its text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CredentialError {
    /// Something else.
    #[error("holds no private key")]
    NoKey,
    /// A key that somebody has to open.
    #[error("holds a private key with a passphrase, which Argo CD cannot ask for")]
    Encrypted,
    /// Neither name nor password is that.
    #[error("has more than one line")]
    Lines,
    /// Nothing.
    #[error("is empty")]
    Empty,
}

impl GitCredential {
    /// A private key in PEM or OpenSSH form, without a passphrase.
    pub fn ssh(private_key: String) -> Result<GitCredential, CredentialError> {
        if !private_key.contains("PRIVATE KEY-----") {
            return Err(CredentialError::NoKey);
        }
        // `BEGIN ENCRYPTED PRIVATE KEY` and `Proc-Type: 4,ENCRYPTED`; base64 has the word as well, but no comma or space.
        let is_encrypted = private_key.contains(" ENCRYPTED ") || private_key.contains(",ENCRYPTED");
        if is_encrypted || openssh_cipher(&private_key).is_some_and(|cipher| cipher != b"none") {
            return Err(CredentialError::Encrypted);
        }
        Ok(GitCredential::Ssh { private_key })
    }
}

/// A user name or a password: one line of something.
pub fn one_line(text: &str) -> Result<&str, CredentialError> {
    match text {
        "" => Err(CredentialError::Empty),
        _ if text.contains(['\n', '\r']) => Err(CredentialError::Lines),
        _ => Ok(text),
    }
}

/// The name of the cipher behind the magic, as a length of four bytes and as many more.
fn openssh_cipher(private_key: &str) -> Option<Vec<u8>> {
    let (_, body) = private_key.split_once(OPENSSH_BEGIN)?;
    let beginning: String = body.chars().filter(|letter| !letter.is_whitespace()).take(BEGINNING).collect();
    let bytes = STANDARD.decode(beginning).ok()?;
    let (length, rest) = bytes.strip_prefix(OPENSSH_MAGIC)?.split_first_chunk::<4>()?;
    let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
    rest.get(..length).map(<[u8]>::to_vec)
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

    fn mk_openssh(cipher: &str) -> String {
        let mut bytes = OPENSSH_MAGIC.to_vec();
        bytes.extend(u32::try_from(cipher.len()).unwrap().to_be_bytes());
        bytes.extend(cipher.as_bytes());
        bytes.extend([7; 60]);
        let body = STANDARD.encode(bytes);
        let (first, second) = body.split_at(30);
        format!("{OPENSSH_BEGIN}\n{first}\n{second}\n-----END OPENSSH PRIVATE KEY-----\n")
    }

    #[test]
    fn a_key_with_a_passphrase_is_of_no_use() {
        let pem = |label: &str, headers: &str| {
            format!("-----BEGIN {label}-----\n{headers}AAAA\n-----END {label}-----\n")
        };
        for key in [mk_openssh("none"), pem("PRIVATE KEY", ""), pem("RSA PRIVATE KEY", "")] {
            assert!(GitCredential::ssh(key.clone()).is_ok(), "{key}");
        }
        for key in [
            mk_openssh("aes256-ctr"),
            mk_openssh("chacha20-poly1305@openssh.com"),
            pem("ENCRYPTED PRIVATE KEY", ""),
            pem("RSA PRIVATE KEY", "Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\n"),
        ] {
            assert_eq!(GitCredential::ssh(key.clone()), Err(CredentialError::Encrypted), "{key}");
        }
        assert_eq!(GitCredential::ssh("ssh-ed25519 AAAA".to_owned()), Err(CredentialError::NoKey));
    }

    #[test]
    fn names_and_passwords_are_one_line() {
        assert_eq!(one_line("a b"), Ok("a b"));
        assert_eq!(one_line("a\nb"), Err(CredentialError::Lines));
        assert_eq!(one_line(""), Err(CredentialError::Empty));
    }

    #[test]
    fn a_password_is_no_hash_and_is_not_repeated() {
        let error = AdminPassword::parse("hunter2", "2026-01-02T03:04:05Z").unwrap_err().to_string();
        assert!(error.contains("bcrypt hash") && !error.contains("hunter2"), "{error}");
    }
}
