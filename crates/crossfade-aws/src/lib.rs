//! The edge to AWS: Route 53 zones and change batches, what load balancers count, secrets, and whose account it is.
//!
//! Nothing is decided here. Endpoints, region and credentials come from the environment as for every AWS SDK
//! (`AWS_ENDPOINT_URL`, `AWS_REGION`, `AWS_PROFILE`, …), so the lab is reached as AWS is.

mod aws;
mod convert;
mod error;
mod metrics;
mod route53;
mod secrets;

pub use aws::{Aws, AwsOptions, StaticCredentials};
pub use error::AwsError;
pub use metrics::{LoadBalancerName, Metrics, Periods};
pub use route53::{ChangeId, Route53, Zone};
pub use secrets::{SecretProblem, SecretText, Secrets};
