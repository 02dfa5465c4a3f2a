//! The loop: events in, plans out, and when to do what.

use std::collections::{BTreeMap, BTreeSet};
use std::pin::pin;
use std::time::Duration;

use crossfade_aws::{AwsError, Route53};
use crossfade_core::dns::{Desired, Ownership, Plan, ResourceLabel, ZoneRecords, plan};
use crossfade_kube::sources::SourceKind;
use futures::StreamExt;
use tokio::time::Instant;

use super::apply::{AcceptedBatch, Refused, apply};
use super::journal::Journal;
use super::picture::Picture;
use super::report::Reporter;
use super::sync::{Accepted, SyncWatch};
use super::watch::{SourceEvent, events};
use super::{DnsError, DnsOptions};

/// Edits of several objects (an apply of a directory) are planned together when they come this close.
const DEBOUNCE: Duration = Duration::from_millis(20);
/// After a failure: 1 s, then twice as long each time, with up to half of it added at random.
const BACKOFF_FIRST: Duration = Duration::from_secs(1);
/// A controller that cannot write for minutes should still notice within one when it can.
const BACKOFF_MAX: Duration = Duration::from_mins(1);

/// A plan that was carried out leaves nothing to do, but where it frees a place that another record needs: that is done by
/// the plan after it.
const PLANS_IN_A_ROW_MAX: u32 = 3;

/// A DNS controller between two events.
pub(super) struct Controller {
    options: DnsOptions,
    route53: Route53,
    desired: Desired,
    /// What has been read of a list that is not complete.
    lists: BTreeMap<SourceKind, BTreeSet<ResourceLabel>>,
    /// Kinds whose first list has not been read to its end.
    unread: BTreeSet<SourceKind>,
    picture: Picture,
    refused: Refused,
    journal: Journal,
    sync: SyncWatch,
    reporter: Option<Reporter>,
    plan_at: Option<Instant>,
    list_at: Instant,
    /// Nothing is sent before, because Route 53 has asked for patience or cannot be reached.
    silent_until: Instant,
    failures: u32,
    failing_sources: BTreeSet<SourceKind>,
}

impl Controller {
    pub(super) fn new(options: DnsOptions) -> Self {
        let route53 = options.aws.route53();
        let reporter = options
            .report_namespace
            .as_deref()
            .map(|namespace| Reporter::start(&options.client, namespace, &options.owner));
        Controller {
            sync: SyncWatch::start(route53.clone()),
            route53,
            desired: Desired::default(),
            lists: BTreeMap::new(),
            unread: options.sources.clone(),
            picture: Picture::default(),
            refused: Refused::default(),
            journal: Journal::default(),
            reporter,
            plan_at: None,
            list_at: Instant::now(),
            silent_until: Instant::now(),
            failures: 0,
            failing_sources: BTreeSet::new(),
            options,
        }
    }

    pub(super) async fn run(mut self, shutdown: impl Future<Output = ()>) -> Result<(), DnsError> {
        let options = &self.options;
        let mut events =
            events(&options.client, options.namespace.as_deref(), &options.sources, &options.source_options);
        let mut shutdown = pin!(shutdown);
        loop {
            let plan_at = self.plan_at;
            tokio::select! {
                biased;
                () = &mut shutdown => return Ok(()),
                Some(event) = events.next() => self.see(event)?,
                listed = self.picture.listed() => self.see_listing(listed)?,
                () = tokio::time::sleep_until(self.list_at) => self.list(),
                () = sleep_until(plan_at) => {
                    self.plan_at = None;
                    if let Some(failed) = self.plan_and_apply().await
                        && self.options.mode.ends_after_one_plan()
                    {
                        return failed;
                    }
                }
            }
        }
    }

    fn see(&mut self, event: SourceEvent) -> Result<(), DnsError> {
        let is_different = match event {
            SourceEvent::ListBegins(kind) => {
                self.lists.insert(kind, BTreeSet::new());
                false
            }
            SourceEvent::Listed(kind, object) => {
                self.lists.entry(kind).or_default().insert(object.resource.clone());
                self.desired.apply(object)
            }
            SourceEvent::ListEnds(kind) => {
                let listed = self.lists.remove(&kind).unwrap_or_default();
                self.desired.keep_only(|resource| kind.is_of(resource), &listed);
                self.unread.remove(&kind);
                self.failing_sources.remove(&kind);
                true
            }
            SourceEvent::Applied(object) => self.desired.apply(object),
            SourceEvent::Deleted(resource) => self.desired.release(&resource),
            SourceEvent::Failed(kind, problem) => {
                if self.options.mode.ends_after_one_plan() {
                    return Err(DnsError::Sources { kind: kind.as_str(), problem });
                }
                if self.failing_sources.insert(kind) {
                    tracing::warn!(
                        kind = kind.as_str(),
                        problem,
                        "cannot watch, trying again; nothing is changed before it has been read"
                    );
                }
                false
            }
        };
        if is_different {
            self.plan_soon(DEBOUNCE);
        }
        Ok(())
    }

    fn see_listing(&mut self, listed: Result<(), AwsError>) -> Result<(), DnsError> {
        match listed {
            Ok(()) => {
                let zones = self.picture.zones().unwrap_or_default();
                self.journal.zones(zones.iter().map(|zone| zone.name.to_string()).collect());
                let in_use = resources(zones);
                self.desired.forget_releases(|resource| in_use.contains(resource));
                self.refused.clear();
                self.plan_soon(Duration::ZERO);
                Ok(())
            }
            Err(error) if self.options.mode.ends_after_one_plan() => Err(DnsError::Listing(error)),
            Err(error) => {
                let pause = self.back_off();
                self.list_at = Instant::now() + pause;
                complain("the zones cannot be listed", &error, pause);
                Ok(())
            }
        }
    }

    fn list(&mut self) {
        self.list_at = Instant::now() + self.options.resync;
        self.picture.begin_listing(self.route53.clone(), self.options.zone_names.clone());
    }

    fn plan_soon(&mut self, pause: Duration) {
        let at = (Instant::now() + pause).max(self.silent_until);
        self.plan_at = Some(self.plan_at.map_or(at, |planned| planned.min(at)));
    }

    /// `None` while something is missing that a plan needs.
    async fn plan_and_apply(&mut self) -> Option<Result<(), DnsError>> {
        if !self.unread.is_empty() {
            return None;
        }
        let mut plan = self.plan()?;
        if !self.options.mode.writes() {
            plan.changes().for_each(Journal::desired);
            return Some(Ok(()));
        }
        for _ in 0..PLANS_IN_A_ROW_MAX {
            if plan.is_empty() {
                return Some(Ok(()));
            }
            if let Err(incomplete) = self.apply(&plan).await {
                return Some(Err(incomplete));
            }
            plan = self.plan()?;
        }
        if !plan.is_empty() {
            // Saying so and waiting for the next listing is better than sending it again and again.
            tracing::error!(changes = plan.changes().count(), "plans that were carried out do not settle");
        }
        Some(Ok(()))
    }

    fn plan(&mut self) -> Option<Plan> {
        let plan = plan(self.picture.zones()?, &self.desired, &self.options.plan_options());
        self.journal.report(&plan);
        Some(plan)
    }

    async fn apply(&mut self, plan: &Plan) -> Result<(), DnsError> {
        let comment = format!("crossfade for {}", self.options.owner);
        let sent = plan.zones.iter().map(|zone| zone.groups.len()).sum();
        let mut failed = 0;
        for zone in &plan.zones {
            let outcome = apply(&self.route53, zone, &comment, &mut self.refused).await;
            failed += outcome.failed();
            if !outcome.accepted.is_empty() {
                self.failures = 0;
            }
            outcome.accepted.into_iter().for_each(|batch| self.see_accepted(batch));
            if let Some(error) = outcome.stopped_by {
                let pause = self.back_off();
                complain("not everything was sent", &error, pause);
                // Whether Route 53 has taken the batch is not known when the answer is lost, so look before trying again.
                self.list_at = Instant::now() + pause;
                self.silent_until = self.list_at;
            }
        }
        if failed == 0 { Ok(()) } else { Err(DnsError::Incomplete { failed, sent }) }
    }

    fn see_accepted(&mut self, batch: AcceptedBatch) {
        for change in batch.groups.iter().flat_map(|group| &group.changes) {
            self.picture.apply(&batch.zone_id, change);
        }
        if let Some(reporter) = &self.reporter {
            reporter.tell(&batch.id.0, &batch.groups);
        }
        let zone = batch.zone_name.to_string();
        self.sync.watch(Accepted { id: batch.id, zone, at: Instant::now() });
    }

    fn back_off(&mut self) -> Duration {
        let doubled = BACKOFF_FIRST.saturating_mul(1 << self.failures.min(6)).min(BACKOFF_MAX);
        self.failures += 1;
        // Controllers of several clusters share the account's limit and must not try again in step. The clock's
        // nanoseconds are random enough for that.
        let nanoseconds = jiff::Timestamp::now().subsec_nanosecond().unsigned_abs() % 1000;
        doubled + doubled * nanoseconds / 2000
    }
}

/// The objects that the zones' ownership records name.
fn resources(zones: &[ZoneRecords]) -> BTreeSet<ResourceLabel> {
    zones.iter().flat_map(ZoneRecords::iter).filter_map(|record| Ownership::of(record)?.resource()).collect()
}

fn complain(what: &str, error: &AwsError, pause: Duration) {
    let hint = error.hint().unwrap_or_default();
    tracing::warn!(%error, hint, "{what}, trying again in {:.1} s", pause.as_secs_f64());
}

async fn sleep_until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}
