//! What the controllers of one cluster have to look at next: each key once, in the order of the first mention.

use std::collections::{HashSet, VecDeque};
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

/// A queue without duplicates. Its clones are the same queue.
#[derive(Clone, Debug)]
pub(crate) struct Queue<K>(Arc<Shared<K>>);

#[derive(Debug)]
struct Shared<K> {
    state: Mutex<State<K>>,
    added: Notify,
}

#[derive(Debug)]
struct State<K> {
    order: VecDeque<K>,
    known: HashSet<K>,
}

impl<K: Clone + Eq + Hash + Send + 'static> Queue<K> {
    pub(crate) fn new() -> Queue<K> {
        let state = State { order: VecDeque::new(), known: HashSet::new() };
        Queue(Arc::new(Shared { state: Mutex::new(state), added: Notify::new() }))
    }

    /// Adds a key, unless it waits already.
    pub(crate) fn add(&self, key: K) {
        let mut state = self.0.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.known.insert(key.clone()) {
            state.order.push_back(key);
            self.0.added.notify_one();
        }
    }

    /// Adds a key later, when it is time to look whatever happens until then.
    pub(crate) fn add_after(&self, delay: Duration, key: K) {
        let queue = self.clone();
        tokio::spawn(async move {
            tokio::time::sleep(delay).await;
            queue.add(key);
        });
    }

    /// Waits for a key and takes it out; from then on it can be added again. For one reader.
    pub(crate) async fn next(&self) -> K {
        loop {
            if let Some(key) = self.take() {
                return key;
            }
            self.0.added.notified().await;
        }
    }

    fn take(&self) -> Option<K> {
        let mut state = self.0.state.lock().unwrap_or_else(PoisonError::into_inner);
        let key = state.order.pop_front()?;
        state.known.remove(&key);
        Some(key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_key_waits_once_and_can_come_again() {
        let queue = Queue::new();
        queue.add(1);
        queue.add(2);
        queue.add(1);
        assert_eq!(queue.next().await, 1);
        queue.add(1);
        assert_eq!((queue.next().await, queue.next().await), (2, 1));
        assert_eq!(queue.take(), None);
    }
}
