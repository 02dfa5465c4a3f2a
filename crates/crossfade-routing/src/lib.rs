//! How Route 53 chooses an answer among the record sets of one name and type.
//!
//! It models simple and weighted routing with target health, as the Route 53 Developer Guide states them in "Weighted
//! routing" and "How Amazon Route 53 chooses records when health checking is configured". It knows no names, no wire
//! format, no clock, and has no randomness of its own: a draw is an argument.
//!
//! Failover, latency, geolocation, geoproximity, multivalue, and CIDR routing are not modelled.
//!
//! **Invariant:** [`choose`] and [`expected_shares`] are two views of one rule: a record is chosen by the fraction of all
//! draws that [`expected_shares`] gives it.

mod choice;
mod record;
mod share;

pub use choice::{Candidate, choose, expected_shares, in_service};
pub use record::{Health, Record, Routing, RoutingError, check_group};
pub use share::Share;
