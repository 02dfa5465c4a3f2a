//! The decisions of crossfade as values: names, weights, groups, the DNS plan, the migration's next step, the ratio test.
//!
//! Nothing here waits, reads a clock, the environment or a socket: `now`, seeds and observations are arguments.

pub mod dns;
pub mod gitops;
pub mod migration;
pub mod name;
pub mod ratio;
pub mod share;
pub mod time;
pub mod weight;
pub mod weighted_set;

pub use name::{ClusterName, GroupName};
pub use time::UnixMillis;
pub use weight::Weight;
