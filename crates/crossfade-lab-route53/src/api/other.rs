//! Services beside Route 53 on the same endpoint. A request finds its service by the name that it is signed for.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use bytes::Bytes;
use http::Response;
use http::request::Parts;
use http_body_util::Full;

/// An answer of another service.
#[derive(Debug)]
pub struct OtherAnswer {
    /// The operation, for the counters.
    pub operation: &'static str,
    /// What is sent.
    pub response: Response<Full<Bytes>>,
}

/// Answers a request, or leaves it to be refused: `None`.
type Service = Arc<dyn Fn(&Parts, &Bytes) -> Option<OtherAnswer> + Send + Sync>;

/// The other services of an endpoint, by the name that requests are signed for. Clones are handles on the same ones.
#[derive(Clone, Default)]
pub struct OtherServices {
    by_name: Arc<RwLock<BTreeMap<String, Service>>>,
}

impl OtherServices {
    /// From now on, requests signed for `name` go to `service`.
    pub fn add(
        &self,
        name: &str,
        service: impl Fn(&Parts, &Bytes) -> Option<OtherAnswer> + Send + Sync + 'static,
    ) {
        let mut by_name = self.by_name.write().unwrap_or_else(PoisonError::into_inner);
        by_name.insert(name.to_owned(), Arc::new(service));
    }

    pub(crate) fn answer(&self, name: &str, parts: &Parts, body: &Bytes) -> Option<OtherAnswer> {
        let by_name = self.by_name.read().unwrap_or_else(PoisonError::into_inner);
        let service = by_name.get(name).map(Arc::clone);
        drop(by_name);
        service?(parts, body)
    }
}

impl fmt::Debug for OtherServices {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let by_name = self.by_name.read().unwrap_or_else(PoisonError::into_inner);
        f.debug_set().entries(by_name.keys()).finish()
    }
}
