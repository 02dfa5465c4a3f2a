//! The AWS services of the lab beside Route 53, as functions from a request to an answer. Sockets and signatures are those of
//! the lab's one AWS endpoint.
//!
//! - **CloudWatch**: `ListMetrics`, `GetMetricData` and `GetMetricStatistics` of one metric, the requests of application load
//!   balancers, in both protocols that today's clients speak (Smithy RPC v2 CBOR, AWS JSON 1.0).
//!
//! **Invariant:** what is not supported is refused with an error, never accepted and then ignored.
//!
//! **Invariant:** no codec is shared with the product: no AWS SDK crate is used.

mod cloudwatch;

pub use cloudwatch::{Answer, CloudWatch};
