//! Secrets Manager, as far as keeping a secret and reading it goes: versions with the stages `AWSCURRENT` and `AWSPREVIOUS`,
//! deletion with a recovery window. Not: rotation, replicas, resource policies, keys of KMS, filters of lists.
//!
//! Everything is in memory, by region. What is kept is in no `Debug` output and in no error.

mod error;
mod operations;
mod store;
mod wire;

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use http::request::Parts;

use crate::Answer;
use crate::secrets_manager::error::Refusal;
use crate::secrets_manager::store::Store;

/// The secrets of one account.
pub struct SecretsManager {
    account_id: String,
    regions: Mutex<BTreeMap<String, Store>>,
}

impl std::fmt::Debug for SecretsManager {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SecretsManager").field("account_id", &self.account_id).finish_non_exhaustive()
    }
}

impl SecretsManager {
    /// The service that requests to it are signed for.
    pub const SIGNED_FOR: &'static str = "secretsmanager";

    /// No secrets yet.
    pub fn new(account_id: &str) -> SecretsManager {
        SecretsManager { account_id: account_id.to_owned(), regions: Mutex::default() }
    }

    /// Answers a request, which was signed for [`Self::SIGNED_FOR`], at `now` (seconds since 1970); `None` when it speaks
    /// another protocol.
    pub fn answer(&self, parts: &Parts, body: &[u8], now: f64) -> Option<Answer> {
        let asked = wire::operation_of(parts)?;
        let operation = operations::name_of(asked);
        let mut regions = self.regions.lock().unwrap_or_else(PoisonError::into_inner);
        let result = match (operation, wire::region_of(parts)) {
            (None, _) => Err(Refusal::UnknownOperation),
            (_, None) => Err(Refusal::Validation("The signature names no region.".to_owned())),
            (Some(operation), Some(region)) => {
                let store =
                    regions.entry(region.to_owned()).or_insert_with(|| Store::new(region, &self.account_id));
                store.forget_deleted(now);
                wire::read(body).and_then(|input| operations::run(operation, store, input, now))
            }
        };
        let response = match &result {
            Ok(output) => wire::write(output),
            Err(refusal) => wire::refuse(refusal),
        };
        Some(Answer { operation: operation.unwrap_or("Unknown"), response })
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests;
