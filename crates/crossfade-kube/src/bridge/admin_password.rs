//! Argo CD's admin password: whether the one that is wanted is the one that is set.
//!
//! A hash is made only when none verifies: each has a salt of its own, and a new one for the same password would end every
//! session. Neither password nor hash is ever part of a message.

use k8s_openapi::api::core::v1::Secret;
use kube::Api;

use crate::{Cluster, KubeError};

/// As Argo CD makes them.
const COST: u32 = 10;
/// bcrypt uses no more, and Argo CD refuses longer ones.
const PASSWORD_BYTES_MAX: usize = 72;
/// Argo CD's own secret.
const SECRET: &str = "argocd-secret";
/// The key of the hash there.
const KEY: &str = "admin.password";

/// What Argo CD's secret says about a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AdminPasswordState {
    /// It is the password that is set.
    Verifies,
    /// Another is set.
    Differs,
    /// None is set.
    Absent,
}

/// A password that cannot be one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PasswordError {
    /// Nothing at all.
    #[error("the admin password is empty")]
    Empty,
    /// bcrypt would cut it.
    #[error("the admin password has {bytes} bytes; bcrypt takes {PASSWORD_BYTES_MAX}")]
    TooLong {
        /// How many it has.
        bytes: usize,
    },
    /// The system gave no salt.
    #[error("the admin password cannot be hashed: the system gives no random bytes")]
    NoSalt,
}

/// Reads Argo CD's secret and tries the password on it.
pub async fn admin_password_state(
    cluster: &Cluster,
    namespace: &str,
    password: &str,
) -> Result<AdminPasswordState, KubeError> {
    let api: Api<Secret> = Api::namespaced(cluster.client.clone(), namespace);
    let found = api.get_opt(SECRET).await;
    let found = found.map_err(|error| cluster.error(format!("read {namespace}/{SECRET}"), error))?;
    Ok(found.map_or(AdminPasswordState::Absent, |secret| state_in(&secret, password)))
}

fn state_in(secret: &Secret, password: &str) -> AdminPasswordState {
    let Some(hash) = secret.data.as_ref().and_then(|data| data.get(KEY)).filter(|hash| !hash.0.is_empty())
    else {
        return AdminPasswordState::Absent;
    };
    let hash = String::from_utf8_lossy(&hash.0);
    match bcrypt::verify(password, hash.trim()) {
        Ok(true) => AdminPasswordState::Verifies,
        Ok(false) | Err(_) => AdminPasswordState::Differs,
    }
}

/// A hash with a new salt.
pub fn hash_password(password: &str) -> Result<String, PasswordError> {
    if password.is_empty() {
        return Err(PasswordError::Empty);
    }
    if password.len() > PASSWORD_BYTES_MAX {
        return Err(PasswordError::TooLong { bytes: password.len() });
    }
    let hashed = bcrypt::hash_with_result(password, COST).map_err(|_| PasswordError::NoSalt)?;
    // Go's bcrypt writes this version.
    Ok(hashed.format_for_version(bcrypt::Version::TwoA))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]
mod tests {
    use k8s_openapi::ByteString;

    use super::*;

    fn secret_with(value: &str) -> Secret {
        let data = [(KEY.to_owned(), ByteString(value.as_bytes().to_vec()))].into();
        Secret { data: Some(data), ..Secret::default() }
    }

    #[test]
    fn a_hash_is_made_once() {
        let hash = hash_password("correct horse").unwrap();
        assert!(hash.starts_with("$2a$10$") && hash.len() == 60, "{hash}");
        assert_eq!(state_in(&secret_with(&hash), "correct horse"), AdminPasswordState::Verifies);
        assert_eq!(state_in(&secret_with(&hash), "battery staple"), AdminPasswordState::Differs);
    }

    #[test]
    fn what_is_no_hash_is_replaced() {
        assert_eq!(state_in(&Secret::default(), "x"), AdminPasswordState::Absent);
        assert_eq!(state_in(&secret_with(""), "x"), AdminPasswordState::Absent);
        assert_eq!(state_in(&secret_with("plain text"), "plain text"), AdminPasswordState::Differs);
    }

    #[test]
    fn refuses_what_bcrypt_would_cut() {
        assert_eq!(hash_password(""), Err(PasswordError::Empty));
        assert_eq!(hash_password(&"x".repeat(73)), Err(PasswordError::TooLong { bytes: 73 }));
    }
}
