//! The word to end, given once and heard by any number of tasks.

use tokio::sync::watch;

/// Clones share one word.
#[derive(Clone, Debug)]
pub(crate) struct Stop(watch::Sender<bool>);

impl Stop {
    pub(crate) fn new() -> Stop {
        Stop(watch::Sender::new(false))
    }

    /// Gives the word; later waits return at once.
    pub(crate) fn give(&self) {
        self.0.send_replace(true);
    }

    /// Returns when the word was given.
    pub(crate) async fn wait(&self) {
        // The sender lives in `self`, so the channel cannot close under us.
        let _ = self.0.subscribe().wait_for(|given| *given).await;
    }
}
