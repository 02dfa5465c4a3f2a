//! A load balancer: answers, answers errors, has no healthy target, or is gone; and what Route 53 makes of its health.

/// Route 53 follows a target's health within this long (three checks of ten seconds are usual for load balancers).
const HEALTH_LAG_MILLIS: u64 = 10_000;

/// What is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// Errors for users, while its health path is fine.
    Errors,
    /// No healthy target: Route 53 leaves it out after a while.
    Unhealthy,
    /// No healthy target for this many milliseconds, then some for as long, and so on: Route 53 follows the slow ones only.
    Flapping(u64),
}

/// One group's load balancer in one cluster.
#[derive(Clone, Debug, Default)]
pub(crate) struct Balancer {
    trouble: Option<(u64, u64, Trouble)>,
    is_gone: bool,
    /// Since when its targets are healthy or not.
    targets_healthy: Option<(bool, u64)>,
    /// What Route 53 thinks.
    is_left_out: bool,
    /// The last time it answered.
    pub(crate) answered_at: u64,
    /// Since when it has not answered without a break.
    pub(crate) silent_since: Option<u64>,
    /// Since when it has answered without a break.
    pub(crate) answering_since: Option<u64>,
}

impl Balancer {
    pub(crate) fn begin(&mut self, now: u64, until: u64, trouble: Trouble) {
        self.trouble = Some((now, until, trouble));
    }

    pub(crate) fn switch_off(&mut self) {
        self.is_gone = true;
    }

    pub(crate) fn is_switched_off(&self) -> bool {
        self.is_gone
    }

    pub(crate) fn answers(&self, now: u64) -> bool {
        if self.is_gone {
            return false;
        }
        match self.trouble {
            Some((_, until, _)) if now >= until => true,
            Some((since, _, Trouble::Flapping(period))) => ((now - since) / period) % 2 == 1,
            Some(_) => false,
            None => true,
        }
    }

    /// Whether Route 53 counts it as healthy.
    pub(crate) fn counts_as_healthy(&self) -> bool {
        !self.is_left_out
    }

    pub(crate) fn tick(&mut self, now: u64) {
        let has_targets = match self.trouble {
            _ if self.is_gone => false,
            Some((_, until, Trouble::Unhealthy)) => now >= until,
            Some((_, _, Trouble::Flapping(_))) => self.answers(now),
            Some((_, _, Trouble::Errors)) | None => true,
        };
        let since = match self.targets_healthy {
            Some((were, since)) if were == has_targets => since,
            _ => now,
        };
        self.targets_healthy = Some((has_targets, since));
        if now - since >= HEALTH_LAG_MILLIS {
            self.is_left_out = !has_targets;
        }
        if self.answers(now) {
            self.answered_at = now;
            self.silent_since = None;
            self.answering_since = self.answering_since.or(Some(now));
        } else {
            self.answering_since = None;
            self.silent_since = self.silent_since.or(Some(now));
        }
    }
}
