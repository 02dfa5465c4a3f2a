//! Leases: one per zone in every participating cluster, so that two drivers do not write the same hosts (invariant I8).
//!
//! As client-go has it, another's lease is over when its record has not moved for the lease's duration *by our own clock*:
//! clocks of two machines are never compared.

use std::time::{Duration, Instant};

use crossfade_api::migration::NAMESPACE;
use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use k8s_openapi::jiff::Timestamp;
use kube::Api;
use kube::api::{ObjectMeta, PostParams};

use crate::{Cluster, KubeError};

/// Long enough for a paused machine or a slow API, short enough to wait for after a crash (client-go's default).
pub const LEASE_DURATION: Duration = Duration::from_secs(15);
/// Three tries fit in one duration.
pub const RENEW_EVERY: Duration = Duration::from_secs(5);

/// One lease in one cluster.
pub struct ZoneLease {
    cluster: Cluster,
    api: Api<Lease>,
    name: String,
    identity: String,
    /// The other's record as last seen, and when we first saw it so.
    observed: Option<(String, Instant)>,
    held_until: Option<Instant>,
}

/// Who may drive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LeaseState {
    /// We may.
    Held,
    /// Somebody else, and for how long at the most if they are gone.
    HeldBy {
        /// Their identity.
        holder: String,
        /// Until it can be taken if it is not renewed.
        free_in: Duration,
    },
}

impl ZoneLease {
    /// A lease on `zone` for `identity`, not yet taken.
    pub fn new(cluster: &Cluster, zone: &str, identity: &str) -> Self {
        let name = format!("crossfade-{}", zone.trim_end_matches('.').replace(['*', '_'], "x"));
        ZoneLease {
            cluster: cluster.clone(),
            api: Api::namespaced(cluster.client.clone(), NAMESPACE),
            name,
            identity: identity.to_owned(),
            observed: None,
            held_until: None,
        }
    }

    /// The cluster that holds it.
    pub fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    /// True while the last renewal is young enough for nobody else to have taken it.
    pub fn is_held(&self, now: Instant) -> bool {
        self.held_until.is_some_and(|until| now < until)
    }

    /// Take it, keep it, or see who has it.
    pub async fn acquire_or_renew(&mut self) -> Result<LeaseState, KubeError> {
        let asked_at = Instant::now();
        let found =
            self.api.get_opt(&self.name).await.map_err(|error| self.error("read the lease", error))?;
        let Some(mut lease) = found else {
            let lease = self.mk_lease();
            let created = self.api.create(&PostParams::default(), &lease).await;
            created.map_err(|error| self.error("create the lease", error))?;
            self.held_until = Some(asked_at + LEASE_DURATION);
            return Ok(LeaseState::Held);
        };
        let holder = lease.spec.as_ref().and_then(|spec| spec.holder_identity.clone()).unwrap_or_default();
        if !holder.is_empty() && holder != self.identity {
            let free_in = self.observe(&lease, asked_at);
            if !free_in.is_zero() {
                self.held_until = None;
                return Ok(LeaseState::HeldBy { holder, free_in });
            }
        }
        self.take(&mut lease, &holder);
        let replaced = self.api.replace(&self.name, &PostParams::default(), &lease).await;
        if let Err(error) = replaced {
            self.held_until = None;
            return Err(self.error("take the lease", error));
        }
        self.held_until = Some(asked_at + LEASE_DURATION);
        Ok(LeaseState::Held)
    }

    /// Give it back, so that nobody has to wait. Failing to is no harm: it runs out.
    pub async fn release(&mut self) -> Result<(), KubeError> {
        if self.held_until.take().is_none() {
            return Ok(());
        }
        let found =
            self.api.get_opt(&self.name).await.map_err(|error| self.error("read the lease", error))?;
        let Some(mut lease) = found else { return Ok(()) };
        let spec = lease.spec.get_or_insert_default();
        if spec.holder_identity.as_deref() != Some(&self.identity) {
            return Ok(());
        }
        spec.holder_identity = None;
        self.api
            .replace(&self.name, &PostParams::default(), &lease)
            .await
            .map_err(|error| self.error("release the lease", error))?;
        Ok(())
    }

    /// Give it back if it is ours; otherwise note how long its holder has been silent, without taking it.
    pub async fn leave(&mut self) -> Result<(), KubeError> {
        if self.held_until.is_some() {
            return self.release().await;
        }
        let asked_at = Instant::now();
        let found =
            self.api.get_opt(&self.name).await.map_err(|error| self.error("read the lease", error))?;
        if let Some(lease) = found {
            self.observe(&lease, asked_at);
        }
        Ok(())
    }

    /// How long until another's lease is over by our clock.
    fn observe(&mut self, lease: &Lease, now: Instant) -> Duration {
        let version = lease.metadata.resource_version.clone().unwrap_or_default();
        let since = match &self.observed {
            Some((seen, since)) if *seen == version => *since,
            _ => now,
        };
        self.observed = Some((version, since));
        LEASE_DURATION.saturating_sub(now.duration_since(since))
    }

    fn take(&self, lease: &mut Lease, holder: &str) {
        let spec = lease.spec.get_or_insert_default();
        let now = MicroTime(Timestamp::now());
        if holder != self.identity {
            spec.holder_identity = Some(self.identity.clone());
            spec.acquire_time = Some(now.clone());
            spec.lease_transitions = Some(spec.lease_transitions.unwrap_or(0) + 1);
        }
        spec.lease_duration_seconds = i32::try_from(LEASE_DURATION.as_secs()).ok();
        spec.renew_time = Some(now);
    }

    fn mk_lease(&self) -> Lease {
        let now = MicroTime(Timestamp::now());
        Lease {
            metadata: ObjectMeta { name: Some(self.name.clone()), ..ObjectMeta::default() },
            spec: Some(LeaseSpec {
                holder_identity: Some(self.identity.clone()),
                lease_duration_seconds: i32::try_from(LEASE_DURATION.as_secs()).ok(),
                acquire_time: Some(now.clone()),
                renew_time: Some(now),
                ..LeaseSpec::default()
            }),
        }
    }

    fn error(&self, action: &str, error: kube::Error) -> KubeError {
        self.cluster.error(format!("{action} {NAMESPACE}/{}", self.name), error)
    }
}

/// Who has the lease on `zone` and renewed it within its time, by this machine's clock: enough to show, not to act upon.
pub async fn shown_holder(cluster: &Cluster, zone: &str) -> Result<Option<String>, KubeError> {
    let lease = ZoneLease::new(cluster, zone, "");
    let found = lease.api.get_opt(&lease.name).await;
    let found = found.map_err(|error| lease.error("read the lease", error))?;
    let now = Timestamp::now();
    Ok(found.and_then(|found| {
        let spec = found.spec?;
        let silent = now.duration_since(spec.renew_time?.0).unsigned_abs();
        spec.holder_identity.filter(|holder| !holder.is_empty() && silent <= LEASE_DURATION)
    }))
}

/// Who has the lease on `zone`, and the version of the record: one that moves has a holder that lives.
pub async fn holder(cluster: &Cluster, zone: &str) -> Result<Option<(String, String)>, KubeError> {
    let lease = ZoneLease::new(cluster, zone, "");
    let found = lease.api.get_opt(&lease.name).await;
    let found = found.map_err(|error| lease.error("read the lease", error))?;
    Ok(found.and_then(|found| {
        let holder = found.spec?.holder_identity.filter(|holder| !holder.is_empty())?;
        Some((holder, found.metadata.resource_version.unwrap_or_default()))
    }))
}
