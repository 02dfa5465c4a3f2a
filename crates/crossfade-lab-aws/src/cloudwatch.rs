//! CloudWatch, as far as load balancers' requests go: `AWS/ApplicationELB`, `RequestCount`.
//!
//! Counts are kept by the second for three hours, so that periods of 1, 5, 10 and 30 s can be asked for as with metrics of high
//! resolution; the real load balancers publish by the minute, a minute or two late.

mod error;
mod operations;
mod store;
mod wire;

use http::request::Parts;

use crate::Answer;
use crate::cloudwatch::error::Refusal;
use crate::cloudwatch::store::Store;
use crate::cloudwatch::wire::Call;

/// The service that requests to CloudWatch are signed for.
const SIGNED_FOR: &str = "monitoring";

/// What all load balancers of the lab have counted.
#[derive(Debug)]
pub struct CloudWatch {
    store: Store,
}

impl CloudWatch {
    /// The service that requests to it are signed for.
    pub const SIGNED_FOR: &'static str = SIGNED_FOR;

    /// Nothing counted yet, in a region.
    pub fn new(region: &str) -> CloudWatch {
        CloudWatch { store: Store::new(region) }
    }

    /// Adds requests that the load balancer `app/NAME/ID` took in a second (since 1970).
    pub fn count(&self, load_balancer: &str, second: u64, requests: u64) {
        self.store.count(load_balancer, second, requests);
    }

    /// Answers a request, which was signed for [`Self::SIGNED_FOR`]; `None` when it speaks neither of the two protocols.
    pub fn answer(&self, parts: &Parts, body: &[u8]) -> Option<Answer> {
        let call = Call::of(parts)?;
        let name = operations::name_of(&call.operation);
        let result = match name {
            None => Err(Refusal::UnknownOperation),
            Some(name) => {
                wire::read(call.protocol, body).and_then(|input| operations::run(name, &self.store, &input))
            }
        };
        let response = match &result {
            Ok(output) => wire::write(call.protocol, output),
            Err(refusal) => wire::refuse(call.protocol, refusal),
        };
        Some(Answer { operation: name.unwrap_or("Unknown"), response })
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests;
