//! What can be made to go wrong in a cluster on purpose.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use serde::{Deserialize, Serialize};

/// What goes wrong in one cluster until [`Fault::None`] is set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fault {
    /// All is well.
    #[default]
    None,
    /// The pods answer 500, but health checks go on to succeed: load balancers stay healthy, so DNS does not help.
    /// A path named by `healthcheck-path` answers 200 to anyone, unless it is `/`.
    Http500,
    /// No pod is ready: load balancers have no targets, and Route 53 leaves them out by itself.
    Unhealthy,
}

/// The fault of one cluster, shared by everything that must behave accordingly. Reading it costs nothing.
#[derive(Clone, Debug, Default)]
pub struct FaultSwitch {
    fault: Arc<AtomicU8>,
    health_paths: Arc<RwLock<BTreeSet<String>>>,
}

impl FaultSwitch {
    /// The fault that is on.
    pub fn get(&self) -> Fault {
        match self.fault.load(Ordering::Relaxed) {
            1 => Fault::Http500,
            2 => Fault::Unhealthy,
            _ => Fault::None,
        }
    }

    /// Switches to `fault`; whoever looks next sees it.
    pub fn set(&self, fault: Fault) {
        let number = match fault {
            Fault::None => 0,
            Fault::Http500 => 1,
            Fault::Unhealthy => 2,
        };
        self.fault.store(number, Ordering::Relaxed);
    }

    /// A path that load balancers check. `/` is never one of these: it is what users ask for, and health checks tell
    /// themselves by their user agent.
    pub(crate) fn add_health_path(&self, path: &str) {
        if path != "/" {
            self.health_paths.write().unwrap_or_else(PoisonError::into_inner).insert(path.to_owned());
        }
    }

    pub(crate) fn is_health_path(&self, path: &str) -> bool {
        self.health_paths.read().unwrap_or_else(PoisonError::into_inner).contains(path)
    }
}
