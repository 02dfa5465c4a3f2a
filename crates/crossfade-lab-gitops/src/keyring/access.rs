//! What is shown to the host of a repository, and what of the host is believed. Debug output shows none of it.

use std::fmt;

use sha2::{Digest, Sha256};

use crate::encoding::hexadecimal;

/// Credentials and trust for one repository; empty fields are not given.
#[derive(Clone, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a field of Argo CD's Secret")]
pub(crate) struct Access {
    pub(crate) username: String,
    pub(crate) password: String,
    pub(crate) bearer_token: String,
    pub(crate) ssh_private_key: String,
    pub(crate) client_certificate: String,
    pub(crate) client_key: String,
    /// The host's certificate is not verified.
    pub(crate) takes_any_certificate: bool,
    /// The host's SSH key is not verified.
    pub(crate) takes_any_host_key: bool,
    /// The registry is one of OCI artifacts.
    pub(crate) is_oci: bool,
    /// The registry of OCI artifacts is asked without TLS.
    pub(crate) is_plain_http: bool,
    /// The cluster's `ssh_known_hosts`, for a repository over SSH.
    pub(crate) known_hosts: Option<String>,
    /// The certificates, in PEM, that are the only ones believed for this host.
    pub(crate) authorities: Option<String>,
}

impl Access {
    /// Whether it can open anything: what of the host is believed does not count.
    pub(crate) fn has_credentials(&self) -> bool {
        let secrets = [
            &self.username,
            &self.password,
            &self.bearer_token,
            &self.ssh_private_key,
            &self.client_certificate,
            &self.client_key,
        ];
        secrets.iter().any(|secret| !secret.is_empty())
    }

    /// Whether nothing at all is said.
    pub(crate) fn is_default(&self) -> bool {
        *self == Access::default()
    }

    /// Takes over what opens the repository.
    pub(super) fn take_credentials(&mut self, other: &Access) {
        self.username.clone_from(&other.username);
        self.password.clone_from(&other.password);
        self.bearer_token.clone_from(&other.bearer_token);
        self.ssh_private_key.clone_from(&other.ssh_private_key);
        self.client_certificate.clone_from(&other.client_certificate);
        self.client_key.clone_from(&other.client_key);
        self.is_oci |= other.is_oci;
        self.is_plain_http |= other.is_plain_http;
    }

    /// A text that is the same for the same access alone: what was read with one is not given to who has another.
    pub(crate) fn fingerprint(&self) -> String {
        if self.is_default() {
            return String::new();
        }
        let fields = [
            &self.username,
            &self.password,
            &self.bearer_token,
            &self.ssh_private_key,
            &self.client_certificate,
            &self.client_key,
            self.known_hosts.as_ref().unwrap_or(&String::new()),
            self.authorities.as_ref().unwrap_or(&String::new()),
        ]
        .map(|field| Sha256::digest(field.as_bytes()));
        let mut all = Sha256::new();
        for field in fields {
            all.update(field);
        }
        let flags = [
            self.takes_any_certificate,
            self.takes_any_host_key,
            self.is_oci,
            self.is_plain_http,
            self.known_hosts.is_some(),
            self.authorities.is_some(),
        ];
        all.update(flags.map(u8::from));
        hexadecimal(&all.finalize())
    }
}

impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Access").field("has_credentials", &self.has_credentials()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_output_shows_no_secret_and_fingerprints_tell_apart() {
        let one = Access { password: "very private".to_owned(), ..Access::default() };
        let other = Access { username: "very private".to_owned(), ..Access::default() };
        let shown = format!("{one:?} {}", one.fingerprint());
        assert!(!shown.contains("very private"), "{shown}");
        assert_ne!(one.fingerprint(), other.fingerprint());
        assert_eq!(one.fingerprint(), one.clone().fingerprint());
        assert_eq!(Access::default().fingerprint(), "");
    }
}
