//! What the stand-in has been asked so far. Counting only: nothing here changes an answer.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::service::NAME_SERVER_COUNT;

/// A snapshot of the counters, taken by [`Route53::counters`](crate::Route53::counters).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// API calls by operation (`ChangeResourceRecordSets`, ...), refused ones included. Calls that are no operation the
    /// lab knows are counted under `Unknown`.
    pub api_calls: BTreeMap<String, u64>,
    /// Refused API calls by error code (`InvalidChangeBatch`, `Throttling`, ...).
    pub refused_calls: BTreeMap<String, u64>,
    /// DNS queries that each name server received, in the order of [`Route53::name_servers`](crate::Route53::name_servers).
    pub name_server_queries: [u64; NAME_SERVER_COUNT],
    /// DNS queries that the caching resolver received.
    pub resolver_queries: u64,
    /// Of those, the ones answered from its cache.
    pub resolver_cache_hits: u64,
}

impl Counters {
    /// API calls of every operation together.
    pub fn api_calls_total(&self) -> u64 {
        self.api_calls.values().sum()
    }

    /// Refused API calls of every code together.
    pub fn refused_calls_total(&self) -> u64 {
        self.refused_calls.values().sum()
    }
}

/// The live counters behind the snapshots.
#[derive(Debug, Default)]
pub(crate) struct CounterCells {
    api: Mutex<ApiCounters>,
    pub(crate) name_server_queries: [AtomicU64; NAME_SERVER_COUNT],
    pub(crate) resolver_queries: AtomicU64,
    pub(crate) resolver_cache_hits: AtomicU64,
}

#[derive(Debug, Default)]
struct ApiCounters {
    calls: BTreeMap<String, u64>,
    refused: BTreeMap<String, u64>,
}

impl CounterCells {
    pub(crate) fn count_call(&self, operation: &str) {
        let mut api = self.api.lock().unwrap_or_else(PoisonError::into_inner);
        *api.calls.entry(operation.to_owned()).or_default() += 1;
    }

    pub(crate) fn count_refusal(&self, code: &str) {
        let mut api = self.api.lock().unwrap_or_else(PoisonError::into_inner);
        *api.refused.entry(code.to_owned()).or_default() += 1;
    }

    pub(crate) fn snapshot(&self) -> Counters {
        let api = self.api.lock().unwrap_or_else(PoisonError::into_inner);
        Counters {
            api_calls: api.calls.clone(),
            refused_calls: api.refused.clone(),
            name_server_queries: std::array::from_fn(|index| {
                self.name_server_queries[index].load(Ordering::Relaxed)
            }),
            resolver_queries: self.resolver_queries.load(Ordering::Relaxed),
            resolver_cache_hits: self.resolver_cache_hits.load(Ordering::Relaxed),
        }
    }
}
