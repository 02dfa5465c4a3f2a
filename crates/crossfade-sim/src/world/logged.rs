//! A value with all that it was before: what a reader that lags still sees.

/// Never forgets; a run changes a value some dozen times.
#[derive(Clone, Debug)]
pub(crate) struct Logged<T> {
    log: Vec<(u64, T)>,
}

impl<T: Copy> Logged<T> {
    pub(crate) fn new(value: T) -> Self {
        Logged { log: vec![(0, value)] }
    }

    pub(crate) fn get(&self) -> T {
        self.log[self.log.len() - 1].1
    }

    /// As it was at `time`.
    pub(crate) fn at(&self, time: u64) -> T {
        self.log.iter().rev().find(|(since, _)| *since <= time).unwrap_or(&self.log[0]).1
    }

    pub(crate) fn set(&mut self, now: u64, value: T) {
        self.log.push((now, value));
    }
}
