//! The AWS services of the lab beside Route 53, as functions from a request to an answer. Sockets and signatures are those of
//! the lab's one AWS endpoint.
//!
//! - **CloudWatch**: `ListMetrics`, `GetMetricData` and `GetMetricStatistics` of one metric, the requests of application load
//!   balancers, in both protocols that today's clients speak (Smithy RPC v2 CBOR, AWS JSON 1.0).
//! - **Secrets Manager**: `CreateSecret`, `PutSecretValue`, `GetSecretValue`, `DescribeSecret`, `ListSecrets`, `DeleteSecret` and
//!   `RestoreSecret` by region (AWS JSON 1.1).
//!
//! **Invariant:** what is not supported is refused with an error, never accepted and then ignored.
//!
//! **Invariant:** no codec is shared with the product: no AWS SDK crate is used.

mod cloudwatch;
mod secrets_manager;

use bytes::Bytes;
use http::Response;
use http_body_util::Full;

pub use cloudwatch::CloudWatch;
pub use secrets_manager::SecretsManager;

/// An answer, and what it is one to.
#[derive(Debug)]
pub struct Answer {
    /// The operation; `Unknown` for any that is not supported.
    pub operation: &'static str,
    /// What is sent.
    pub response: Response<Full<Bytes>>,
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
impl Answer {
    fn bytes(self) -> Vec<u8> {
        let body = std::pin::pin!(http_body_util::BodyExt::collect(self.response.into_body()));
        match body.poll(&mut std::task::Context::from_waker(std::task::Waker::noop())) {
            std::task::Poll::Ready(collected) => collected.unwrap().to_bytes().to_vec(),
            std::task::Poll::Pending => panic!("a body in memory is there at once"),
        }
    }

    /// Status and body.
    fn json(self) -> (u16, serde_json::Value) {
        (self.response.status().as_u16(), serde_json::from_slice(&self.bytes()).unwrap())
    }
}
