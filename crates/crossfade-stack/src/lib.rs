//! What a pair of clusters is made of, as values: so far the GitOps bridge, which is Argo CD itself and the objects through
//! which it learns about a cluster.
//!
//! Nothing here speaks to a cluster, reads a file or a clock, or draws a random number: hashes, times and credentials are
//! arguments.

pub mod bridge;
pub mod text;

pub use bridge::{BridgeInput, manifests};
