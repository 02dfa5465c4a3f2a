//! The lab's GitOps agent: does through the Kubernetes API what Argo CD does with the kinds that the pattern uses.
//!
//! One [`Agent`] per cluster keeps its ApplicationSets and Applications: generators to Applications, charts and
//! directories from Git to objects, objects to the cluster, and all of it to `status` in Argo CD's words. It speaks to
//! the cluster as any client does, to Git through the git program, and to registries of charts itself, with the credentials
//! that the cluster has for them. It has no server and no user interface, and knows no cluster but its own.

mod agent;
mod api;
mod apps;
mod cache;
mod charts;
mod crds;
mod encoding;
mod error;
mod git;
mod glob;
mod journal;
mod keyring;
mod labels;
mod lock;
mod names;
mod object;
mod opened;
mod sets;
mod yaml;

pub use agent::{Agent, AgentOptions};
pub use charts::{ChartOptions, Charts};
pub use error::GitOpsError;
pub use git::{Git, GitOptions};
