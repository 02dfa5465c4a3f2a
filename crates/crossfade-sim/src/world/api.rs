//! How a cluster's Kubernetes API treats its callers: answers, fails, is cut off from one of them, shows the past.

use crate::random::Random;

/// What became of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// Done, and the caller knows.
    Done,
    /// Not done.
    Lost,
    /// Done, and the caller does not know.
    DoneUnheard,
}

/// Who asks: the place of a driver.
pub(crate) type Slot = usize;

/// One cluster's API.
#[derive(Clone, Debug, Default)]
pub(crate) struct Api {
    /// Nobody reaches it until then.
    pub(crate) down_until: u64,
    /// Some requests fail until then, this many in a hundred.
    pub(crate) flaky: Option<(u64, u64)>,
    /// Single callers that do not reach it, and until when.
    pub(crate) cut_off: Vec<(Slot, u64)>,
    /// Reads show the cluster as it was at the first time until the second.
    pub(crate) frozen: Option<(u64, u64)>,
}

impl Api {
    pub(crate) fn ask(&self, now: u64, caller: Slot, random: &mut Random) -> Answer {
        let is_cut_off = self.cut_off.iter().any(|(slot, until)| *slot == caller && now < *until);
        if now < self.down_until || is_cut_off {
            return Answer::Lost;
        }
        match self.flaky {
            Some((until, percent)) if now < until && random.chance(percent) => {
                if random.chance(50) {
                    Answer::Lost
                } else {
                    Answer::DoneUnheard
                }
            }
            _ => Answer::Done,
        }
    }

    /// Reads show the cluster as it was then.
    pub(crate) fn shows(&self, now: u64) -> u64 {
        self.frozen.filter(|(_, until)| now < *until).map_or(now, |(since, _)| since)
    }

    /// Anything is wrong with it.
    pub(crate) fn is_disturbed(&self, now: u64) -> bool {
        now < self.down_until
            || self.flaky.is_some_and(|(until, _)| now < until)
            || self.frozen.is_some_and(|(_, until)| now < until)
            || self.cut_off.iter().any(|(_, until)| now < *until)
    }
}
