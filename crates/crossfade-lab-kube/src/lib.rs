//! A Kubernetes API on a socket: an API server for laptops that unmodified clients take for a real one.
//!
//! It is the API machinery alone: discovery, storage with one history for lists and watches, patches,
//! server-side apply, validation, custom resources, garbage collection, printed tables. No controller runs
//! here; who embeds it writes through [`Store`]. It keeps nothing on disk and connects to nothing.

mod crd;
mod error;
mod faults;
mod fields;
mod http;
mod kinds;
mod meta;
mod patch;
mod protobuf;
mod resource;
mod schema;
mod selector;
mod store;
mod table;

use std::net::SocketAddr;
use std::sync::Arc;

pub use error::{ApiError, Cause, Reason};
pub use faults::Faults;
pub use http::ApiServer;
pub use resource::ResourceId;
pub use store::{Store, Watch, WatchEvent, WatchEventKind};

/// What a server needs to start.
pub struct ApiServerOptions {
    /// Name of the cluster; the uid of its `kube-system` namespace follows from it.
    pub cluster_name: String,
    /// Version it says it is, as `1.33`.
    pub kubernetes_version: String,
    /// Where to listen, usually `127.0.0.1:0`.
    pub listen: SocketAddr,
    /// Certificate and protocols (`h2`, `http/1.1`).
    pub tls: Arc<rustls::ServerConfig>,
    /// Who may call.
    pub users: Vec<User>,
    /// Where `kubectl logs` finds lines.
    pub pod_logs: Arc<dyn PodLogs>,
}

impl std::fmt::Debug for ApiServerOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ApiServerOptions")
            .field("cluster_name", &self.cluster_name)
            .field("kubernetes_version", &self.kubernetes_version)
            .field("listen", &self.listen)
            .finish_non_exhaustive()
    }
}

/// Somebody who may call, known by a bearer token.
#[derive(Clone)]
pub struct User {
    /// The bearer token.
    pub token: String,
    /// User name, as error messages show it.
    pub name: String,
    /// Groups, as `kubectl auth whoami` shows them.
    pub groups: Vec<String>,
    /// What the user may do.
    pub access: Access,
}

/// Without the token.
impl std::fmt::Debug for User {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("User").field("name", &self.name).field("access", &self.access).finish_non_exhaustive()
    }
}

/// What a user may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Everything.
    Admin,
    /// `get`, `list` and `watch`.
    ReadOnly,
}

/// Where the logs of pods come from.
pub trait PodLogs: Send + Sync + 'static {
    /// Lines of a container; `None` when it has no log.
    fn lines(&self, namespace: &str, pod: &str, container: &str) -> Option<LogSource>;
}

/// The log of one container: what it has written, and what it will.
#[derive(Debug)]
pub struct LogSource {
    /// Lines so far, the oldest first, without line ends.
    pub past: Vec<String>,
    /// Lines to come; closed when the container ends.
    pub live: tokio::sync::broadcast::Receiver<String>,
}
