//! Texts that Secrets Manager keeps, for one who may read them.
//!
//! A secret is read, never written, and never shown: [`SecretText`] has no output but [`SecretText::into_text`]. What is
//! not a text, and a secret that waits for its deletion, is refused by name.

use std::fmt;

use aws_config::{Region, SdkConfig};
use aws_sdk_secretsmanager::{Client, config};

use crate::AwsError;
use crate::error::{DENIED_CODES, from_sdk};

const OPERATION: &str = "GetSecretValue";
/// What the sentences about a secret that waits for its deletion have in them; the code is the same as for other requests that
/// a secret's state does not allow.
const MARKED_FOR_DELETION: [&str; 2] = ["marked for deletion", "marked deleted"];

/// A text that is nobody's to see.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretText(String);

impl SecretText {
    /// The text, for the one place that it is for.
    pub fn into_text(self) -> String {
        self.0
    }
}

impl fmt::Debug for SecretText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<redacted>")
    }
}

/// Why a secret cannot be had.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SecretProblem {
    /// No secret of the name, or one without a value.
    #[error("not found")]
    Missing,
    /// The credentials do not allow it.
    #[error("not allowed: {0}")]
    Denied(String),
    /// It waits for its deletion.
    #[error("marked for deletion")]
    Deleted,
    /// It can be read, but not decrypted.
    #[error("cannot be decrypted: {0}")]
    Encrypted(String),
    /// Bytes, not a text.
    #[error("binary")]
    Binary,
}

/// The secrets of one account and region.
#[derive(Clone, Debug)]
pub struct Secrets {
    client: Client,
    region: String,
}

impl Secrets {
    pub(crate) fn new(config: &SdkConfig, region: &str) -> Self {
        let config = config::Builder::from(config).region(Region::new(region.to_owned())).build();
        Secrets { client: Client::from_conf(config), region: region.to_owned() }
    }

    /// The current text of a secret, by its name or ARN.
    pub async fn text(&self, name: &str) -> Result<SecretText, AwsError> {
        let answer = self.client.get_secret_value().secret_id(name).send().await;
        let secret = answer.map_err(|error| {
            let problem = error.as_service_error().and_then(|error| {
                let meta = error.meta();
                problem_of(meta.code().unwrap_or_default(), meta.message().unwrap_or_default())
            });
            problem.map_or_else(|| from_sdk(OPERATION, error), |problem| self.error(name, problem))
        })?;
        match secret.secret_string {
            Some(text) => Ok(SecretText(text)),
            None => Err(self.error(name, SecretProblem::Binary)),
        }
    }

    fn error(&self, name: &str, problem: SecretProblem) -> AwsError {
        AwsError::Secret { name: name.to_owned(), region: self.region.clone(), problem }
    }
}

fn problem_of(code: &str, message: &str) -> Option<SecretProblem> {
    match code {
        "ResourceNotFoundException" => Some(SecretProblem::Missing),
        "InvalidRequestException" if MARKED_FOR_DELETION.iter().any(|words| message.contains(words)) => {
            Some(SecretProblem::Deleted)
        }
        "DecryptionFailure" => Some(SecretProblem::Encrypted(message.to_owned())),
        code if DENIED_CODES.contains(&code) => Some(SecretProblem::Denied(message.to_owned())),
        _ => None,
    }
}
