//! A Lease object, and one process's part in it, as `crossfade-kube` has it: another's lease is over when its record has
//! not moved for the lease's duration by one's own clock.

/// How long a lease lasts without renewal, milliseconds: as `crossfade-kube` has it.
pub(crate) const LEASE_MILLIS: u64 = 15_000;
/// Between two renewals: as `crossfade-kube` has it.
pub(crate) const RENEW_EVERY_MILLIS: u64 = 5_000;

/// The object.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Lease {
    pub(crate) holder: Option<u64>,
    version: u64,
}

/// What a process knows of it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Hold {
    /// The other's record as last seen, and when it was first seen so.
    observed: Option<(u64, u64)>,
    held_until: u64,
}

impl Hold {
    pub(crate) fn is_held(&self, now: u64) -> bool {
        now < self.held_until
    }

    /// False when somebody else has it. The object is reached; the answer may be lost on the way back.
    pub(crate) fn acquire_or_renew(&mut self, lease: &mut Lease, id: u64, now: u64) -> bool {
        if lease.holder.is_some_and(|holder| holder != id) {
            let since = match self.observed {
                Some((version, since)) if version == lease.version => since,
                _ => now,
            };
            self.observed = Some((lease.version, since));
            if now - since < LEASE_MILLIS {
                self.held_until = 0;
                return false;
            }
        }
        *lease = Lease { holder: Some(id), version: lease.version + 1 };
        self.held_until = now + LEASE_MILLIS;
        true
    }

    /// The renewal may have come through, and nobody can say.
    pub(crate) fn lose_answer(&mut self) {
        self.held_until = 0;
    }

    pub(crate) fn release(&mut self, lease: &mut Lease, id: u64) {
        self.held_until = 0;
        if lease.holder == Some(id) {
            *lease = Lease { holder: None, version: lease.version + 1 };
        }
    }
}
