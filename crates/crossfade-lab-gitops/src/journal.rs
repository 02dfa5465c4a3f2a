//! What the agent decided, a line each: with the program's own log, and in a file that the cluster shows as a pod's log.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::Path;
use std::sync::Mutex;

use crate::lock::lock;

/// Writes lines; a file that cannot be written is done without.
#[derive(Debug, Default)]
pub(crate) struct Journal {
    cluster: String,
    file: Mutex<Option<File>>,
}

impl Journal {
    pub(crate) fn open(cluster: &str, path: Option<&Path>) -> Journal {
        let open = |path: &Path| {
            if let Some(dir) = path.parent() {
                std::fs::create_dir_all(dir)?;
            }
            OpenOptions::new().create(true).append(true).open(path)
        };
        let file = path.and_then(|path| {
            open(path).map_err(|error| tracing::warn!(path = %path.display(), %error, "no log file")).ok()
        });
        Journal { cluster: cluster.to_owned(), file: Mutex::new(file) }
    }

    /// Notes a decision about an object.
    pub(crate) fn note(&self, object: &str, what: &str) {
        tracing::info!(cluster = self.cluster, object, what);
        let mut file = lock(&self.file);
        if let Some(open) = file.as_mut() {
            let now = jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%S.%3fZ");
            if writeln!(open, "time=\"{now}\" level=info msg={what:?} application={object}").is_err() {
                *file = None;
            }
        }
    }
}
