//! The decisions of crossfade as values: names, weights, groups, the DNS plan, the migration's next step, the ratio test.
//!
//! Nothing here waits, reads a clock, the environment or a socket: `now`, seeds and observations are arguments.

pub mod dns;
pub mod weight;

pub use weight::Weight;
