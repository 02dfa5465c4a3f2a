//! The leases of one driver: one per zone in every participating cluster (invariant I8).
//!
//! Taken in the order of the clusters' UIDs, so that two drivers cannot hold one each for ever. A cluster that cannot be
//! reached has no place in that order yet: its lease counts as not held.

use std::time::Instant;

use crossfade_core::migration::{LeasesSeen, Spec};
use crossfade_kube::Cluster;
use crossfade_kube::lease::{LeaseState, RENEW_EVERY, ZoneLease};
use crossfade_kube::migrations::{cluster_uid, ensure_namespace};

/// All leases of one driver.
pub(super) struct Leases {
    zone: String,
    identity: String,
    /// In the order of the clusters' UIDs.
    by_uid: Vec<(String, ZoneLease)>,
    /// Clusters that have not been reached yet.
    unreached: Vec<Cluster>,
    renewed_at: Option<Instant>,
    /// The driver that has the lease which is waited for.
    holder: Option<String>,
}

impl Leases {
    /// Leases on `zone` in `clusters`, none of them taken.
    pub(super) fn new(clusters: &[Cluster], zone: &str, identity: &str) -> Self {
        Leases {
            zone: zone.to_owned(),
            identity: identity.to_owned(),
            by_uid: Vec::new(),
            unreached: clusters.to_vec(),
            renewed_at: None,
            holder: None,
        }
    }

    /// Takes or renews what is due.
    pub(super) async fn renew(&mut self) {
        let now = Instant::now();
        let is_due = self.renewed_at.is_none_or(|at| now.duration_since(at) >= RENEW_EVERY);
        if !is_due && self.all_held(now) {
            return;
        }
        self.renewed_at = Some(now);
        self.reach().await;
        let mut is_behind = false;
        self.holder = None;
        for (_, lease) in &mut self.by_uid {
            if is_behind {
                // Watched all the same: the leases of a driver that died run out together, not one after the other.
                if let Err(error) = lease.leave().await {
                    tracing::debug!(%error, "the lease runs out by itself");
                }
                continue;
            }
            match lease.acquire_or_renew().await {
                Ok(LeaseState::Held) => {}
                Ok(LeaseState::HeldBy { holder, free_in }) => {
                    // Two drivers that each hold one would wait for each other for ever: who is behind on the first gives the
                    // later ones back.
                    is_behind = true;
                    let cluster = &lease.cluster().name;
                    tracing::info!(%cluster, holder, free_in_s = free_in.as_secs(), "another driver has the lease");
                    self.holder = Some(holder);
                }
                Err(error) => tracing::warn!(%error, "no lease"),
            }
        }
    }

    /// Finds the place of clusters that could not be reached so far.
    async fn reach(&mut self) {
        let mut still = Vec::new();
        for cluster in std::mem::take(&mut self.unreached) {
            let reached = async {
                ensure_namespace(&cluster).await?;
                cluster_uid(&cluster).await
            };
            match reached.await {
                Ok(uid) => self.by_uid.push((uid, ZoneLease::new(&cluster, &self.zone, &self.identity))),
                Err(error) => {
                    tracing::warn!(%error, "no lease");
                    still.push(cluster);
                }
            }
        }
        self.unreached = still;
        self.by_uid.sort_by(|left, right| left.0.cmp(&right.0));
    }

    /// The other driver whose lease is waited for, as far as it was seen.
    pub(super) fn holder(&self) -> Option<&str> {
        self.holder.as_deref()
    }

    /// What the engine may count on now.
    pub(super) fn seen(&self, spec: &Spec) -> LeasesSeen {
        let now = Instant::now();
        let all = self.all_held(now);
        let mut of_source = self.by_uid.iter().filter(|(_, lease)| lease.cluster().name == spec.from);
        let source = of_source.any(|(_, lease)| lease.is_held(now));
        LeasesSeen { source: source || (all && spec.is_given_up(&spec.from)), all }
    }

    fn all_held(&self, now: Instant) -> bool {
        self.unreached.is_empty() && self.by_uid.iter().all(|(_, lease)| lease.is_held(now))
    }

    /// Gives all back. What cannot be given back runs out.
    pub(super) async fn release(&mut self) {
        for (_, lease) in &mut self.by_uid {
            release(lease).await;
        }
    }
}

async fn release(lease: &mut ZoneLease) {
    if let Err(error) = lease.release().await {
        tracing::debug!(%error, "the lease runs out by itself");
    }
}
