//! The server: TLS connections, who is calling, and which handler answers.
//!
//! Handlers are plain functions from a request to a reply; only watches and followed logs stay open, each as
//! one task that ends with its connection or with the server.

mod answer;
mod call;
mod discovery;
mod dispatch;
mod failing;
mod logs;
mod reading;
mod reviews;
mod scale;
mod server;
mod watching;
mod writing;

use std::sync::Arc;

use crate::faults::Faults;
use crate::{PodLogs, Store, User};

pub use server::ApiServer;

/// What handlers need to know of the server.
struct Context {
    store: Store,
    kubernetes_version: String,
    users: Vec<User>,
    pod_logs: Arc<dyn PodLogs>,
    started: jiff::Timestamp,
    faults: Faults,
}
