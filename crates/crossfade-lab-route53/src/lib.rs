//! The lab's Route 53: one store with three faces, all of them on loopback sockets.
//!
//! - **The API**: Route 53's REST-XML operations that the product, the AWS command line, and ExternalDNS use, with the
//!   service's rules, error codes, and error texts; and `GetCallerIdentity` of STS, on the same endpoint, where
//!   other services can be added.
//! - **Four authoritative name servers**, each with its own view of the zones. A view takes a change up some time after
//!   the API accepted it, and the change becomes `INSYNC` when the last of the four has done so.
//! - **A caching resolver** in front of the four.
//!
//! **Invariant:** what the lab does not support is refused with an error, never accepted and then ignored.
//!
//! **Invariant:** this crate never sends a packet to an address outside loopback by itself; it answers whoever asks, and
//! its resolver asks only its own four name servers.
//!
//! **Invariant:** it shares no codec with the product: XML is read and written here, and no AWS SDK crate is used.

mod api;
mod canonical_zones;
mod change_batch;
mod change_request;
mod counters;
mod dns;
mod error;
mod faults;
mod load_balancers;
mod name;
mod record_set;
mod record_value;
mod service;
mod store;
mod zone;

pub use api::{OtherAnswer, OtherServices};
pub use counters::Counters;
pub use faults::Faults;
pub use load_balancers::{LoadBalancerDns, LoadBalancerNames};
pub use service::{NAME_SERVER_COUNT, Route53, Route53Options};
