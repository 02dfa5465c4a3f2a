//! What can go wrong in the agent itself. Faults of Applications are conditions, in Argo CD's words, not errors of these.

use std::path::PathBuf;

use thiserror::Error;

/// Every error of this crate.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum GitOpsError {
    /// The cluster cannot be prepared for the agent.
    #[error("the cluster refused to {action}: {reason}")]
    Cluster {
        /// What was asked of it.
        action: String,
        /// Its words.
        reason: String,
    },
    /// The directory for clones cannot be made.
    #[error("cannot make {path}")]
    Dir {
        /// The directory.
        path: PathBuf,
        /// The cause.
        #[source]
        source: std::io::Error,
    },
    /// `URL=DIR` is not one.
    #[error("`{0}` is not URL=DIR")]
    Mapping(String),
}
