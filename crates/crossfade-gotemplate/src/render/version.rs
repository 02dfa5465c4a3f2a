//! Kubernetes versions as helm takes them, and constraints on versions.

use crate::error::Error;
use crate::functions::{Constraints, Version};

/// A version of Kubernetes; what stands behind the numbers is cut off, as helm does.
pub(super) struct KubeVersion {
    /// `v1.33` or `v1.33.1`.
    pub text: String,
    pub major: String,
    pub minor: String,
}

impl KubeVersion {
    pub fn parse(text: &str) -> Result<Self, Error> {
        let numbers = text.trim().trim_start_matches('v');
        let end =
            numbers.find(|letter: char| !letter.is_ascii_digit() && letter != '.').unwrap_or(numbers.len());
        let parts: Vec<&str> = numbers[..end].split('.').filter(|part| !part.is_empty()).collect();
        match parts.as_slice() {
            [major, minor, ..] => Ok(Self {
                text: format!("v{}", parts.join(".")),
                major: (*major).to_owned(),
                minor: (*minor).to_owned(),
            }),
            _ => Err(Error::Values(format!(
                "invalid kube version '{text}': could not parse {} as version",
                crate::printf::quote(text)
            ))),
        }
    }
}

/// Whether a version is within a constraint; what is neither is not.
pub(super) fn is_compatible(constraint: &str, version: &str) -> bool {
    match (Constraints::parse(constraint), Version::parse(version)) {
        (Ok(constraint), Some(version)) => constraint.allow(&version),
        _ => false,
    }
}
