//! The edge to a Kubernetes API: objects become observations, decisions become patches.

pub mod applications;
pub mod apply;
pub mod bridge;
mod cluster;
mod error;
pub mod groups;
pub mod lease;
pub mod migrations;
pub mod presence;
mod read_again;
pub mod rights;
pub mod sources;

pub use cluster::{Cluster, contexts};
pub use error::KubeError;

/// The field manager of everything that crossfade applies or patches.
pub const FIELD_MANAGER: &str = "crossfade";
