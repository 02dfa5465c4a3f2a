//! What changes in a cluster, as `kubectl get --watch` tells it, with the moment at which each line came.
//!
//! The same client for both sides; a line comes a few milliseconds after the change, so that is the resolution.

use std::io::{BufRead as _, BufReader};
use std::process::Stdio;
use std::sync::mpsc::{Receiver, Sender};
use std::time::Instant;

use anyhow::Context;

use crate::clients::{Bench, Beside};

/// One line, and who saw it.
pub(super) struct Seen {
    pub(super) watcher: usize,
    pub(super) at: Instant,
    pub(super) words: Vec<String>,
}

/// Watches that write into one channel. They end with this value.
pub(super) struct Watchers {
    pub(super) seen: Receiver<Seen>,
    sender: Sender<Seen>,
    watches: Vec<Beside>,
}

impl Watchers {
    pub(super) fn new() -> Watchers {
        let (sender, seen) = std::sync::mpsc::channel();
        Watchers { seen, sender, watches: Vec::new() }
    }

    /// Begins a watch: what it sees first is everything that is there. `what` is what follows `kubectl get`; `words` a
    /// JSONPath of what each line says of an object. The number of the watch.
    pub(super) fn watch(
        &mut self,
        bench: &Bench,
        context: &str,
        what: &str,
        words: &str,
    ) -> anyhow::Result<usize> {
        let watcher = self.watches.len();
        let script =
            format!("exec kubectl --context {context} get {what} --watch -o jsonpath='{words}{{\"\\n\"}}'");
        let mut child = bench
            .command(&script)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .context("kubectl does not start")?;
        let output = child.stdout.take().context("its output is a pipe")?;
        self.watches.push(Beside(child));
        let sender = self.sender.clone();
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                let words = line.split_whitespace().map(str::to_owned).collect();
                if sender.send(Seen { watcher, at: Instant::now(), words }).is_err() {
                    return;
                }
            }
        });
        Ok(watcher)
    }
}
