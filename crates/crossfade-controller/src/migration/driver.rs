//! The loop: see, plan, keep the plan's status, act.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crossfade_api::gates::with_defaults;
use crossfade_api::migration::{Actuator, Migration, MigrationSpec, MigrationStatus, SpecError};
use crossfade_aws::AwsError;
use crossfade_core::migration::{
    Action, Admitted, HistoryEntry, Phase, PreflightSeen, Seen, Spec, Stage, Status, Wish, agree_to_others,
    resume, start, step,
};
use crossfade_core::{GroupName, Weight};
use crossfade_kube::migrations::{Migrations, write_journal};
use crossfade_kube::{Cluster, KubeError};
use futures::future::join_all;
use tokio::sync::watch;

use crate::migration::actions::{draw_group, learn_ttl, preflight, write};
use crate::migration::clock::now;
use crate::migration::events::Events;
use crate::migration::gates::Observers;
use crate::migration::leases::Leases;
use crate::migration::observe::{Memory, Pace, observe};
use crate::migration::records::{RecordWriteError, write_records};
use crate::migration::survey::Places;
use crate::migration::world::{World, WorldOptions};

/// Between two looks when nothing is to be done: a hop that settles is seen within a quarter of a second.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// How often what is waited for is brought up to date in the object, when nothing else changed.
const SAY_EVERY: Duration = Duration::from_secs(1);
/// How often the object is read for a changed wish.
const WISH_EVERY: Duration = Duration::from_secs(1);

/// What ends a driver without an outcome.
#[derive(Debug, thiserror::Error)]
pub enum DriverError {
    /// A cluster.
    #[error(transparent)]
    Kube(#[from] KubeError),
    /// Route 53.
    #[error(transparent)]
    Aws(#[from] AwsError),
    /// The object's steps or gates.
    #[error("Migration {name}: {source}")]
    Spec {
        /// The object.
        name: String,
        /// Which.
        source: SpecError,
    },
    /// Somebody made an object of that name in between, which does something else.
    #[error("Migration {name} exists already and does something else: {differences}")]
    OtherSpec {
        /// The object.
        name: String,
        /// What is not the same.
        differences: String,
    },
    /// The object is gone: somebody stopped the migration. Weights stay.
    #[error("Migration {name} was deleted; weights stay as they are")]
    Deleted {
        /// The object.
        name: String,
    },
}

/// Where a driver works.
pub struct DriverOptions {
    /// What it looks at.
    pub world: WorldOptions,
    /// Where the object lives.
    pub home: Cluster,
    /// The object's name.
    pub name: String,
    /// Unique for this process: a restarted driver is another one.
    pub identity: String,
}

/// How a drive ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// All traffic is where it should be.
    Complete,
    /// All weights are what they were.
    RolledBack,
    /// Somebody has to decide; weights stay.
    Paused,
    /// The driver was told to stop; weights stay.
    Interrupted,
}

/// What is known after a round.
pub struct Progress<'a> {
    /// The migration.
    pub status: &'a Status,
    /// What is waited for.
    pub waiting_for: &'a [String],
}

/// Drives one migration.
pub struct Driver {
    world: World,
    memory: Memory,
    migrations: Migrations,
    migration: Migration,
    leases: Leases,
    /// `None` = to be read at once.
    wish_read_at: Option<Instant>,
    observers: Observers,
    events: Events,
    /// What the object says is waited for, and since when.
    said: String,
    /// What the journal knows.
    mirrored: Option<(Phase, u32, Stage)>,
    kept_at: Option<Instant>,
    /// The leases have been taken, and what was read since is from after that.
    has_taken_over: bool,
}

impl Driver {
    /// Creates the object, or takes up the one of that name that has not ended.
    pub async fn begin(
        options: DriverOptions,
        spec: MigrationSpec,
        admitted: Vec<Admitted>,
        places: &Places,
    ) -> Result<Driver, DriverError> {
        let migrations = Migrations::new(&options.home);
        migrations.install().await?;
        let core = to_core(&options.name, &spec)?;
        let mut migration = match migrations.get(&options.name).await? {
            Some(found) => {
                let differences = found.spec.differences(&spec);
                if !differences.is_empty() {
                    let (name, differences) = (options.name, differences.join("; "));
                    return Err(DriverError::OtherSpec { name, differences });
                }
                found
            }
            None => migrations.create(&options.name, spec).await?,
        };
        let told = last_told(&migration);
        if progress_of(&migration).is_none() {
            let status = start(&core, admitted, now());
            migration = keep(&migrations, &migration, status, &[]).await?;
        }
        Ok(Self::new(options, migrations, migration, places, told))
    }

    /// Goes on with an object as it is. Its knobs are learned as its clusters can be reached.
    pub fn follow(options: DriverOptions, migration: Migration) -> Driver {
        let migrations = Migrations::new(&options.home);
        let told = last_told(&migration);
        Self::new(options, migrations, migration, &Places::new(), told)
    }

    fn new(
        options: DriverOptions,
        migrations: Migrations,
        migration: Migration,
        places: &Places,
        told: Option<HistoryEntry>,
    ) -> Driver {
        let zone = options.world.zone.name.as_str();
        let leases = Leases::new(&options.world.clusters, zone, &options.identity);
        let events = Events::new(&options.home, &options.identity, told);
        let mut world = World::new(options.world);
        let spec = &migration.spec;
        let (from, to) = (spec.from.as_str().into(), spec.to.as_str().into());
        let mut observers = Observers::start(&with_defaults(&spec.gates), &world, &from, &to);
        if spec.needs_counts() {
            observers.count(&world.options.counts);
        }
        for group in progress_of(&migration).iter().flat_map(|status| &status.groups) {
            world.watch(group.name.clone(), places.get(&group.name).cloned().unwrap_or_default());
        }
        Driver {
            world,
            memory: Memory::default(),
            migrations,
            migration,
            leases,
            wish_read_at: Some(Instant::now()),
            observers,
            events,
            said: String::new(),
            mirrored: None,
            kept_at: None,
            has_taken_over: false,
        }
    }

    /// Rounds until the migration ends, pauses, or `stop` says so. `report` is called after every round.
    pub async fn drive(
        &mut self,
        mut stop: watch::Receiver<bool>,
        mut report: impl FnMut(Progress<'_>),
    ) -> Result<Outcome, DriverError> {
        let mut results = Results::default();
        loop {
            let round = self.round(&mut results, &mut report);
            let next = tokio::select! {
                biased;
                _ = stop.wait_for(|stop| *stop) => Next::Ended(Outcome::Interrupted),
                next = round => next?,
            };
            match next {
                Next::Ended(outcome) => {
                    self.leases.release().await;
                    return Ok(outcome);
                }
                Next::Again => {}
                Next::Wait => {
                    let _ = tokio::time::timeout(LOOK_EVERY, stop.wait_for(|stop| *stop)).await;
                }
            }
        }
    }

    async fn round(
        &mut self,
        results: &mut Results,
        report: &mut impl FnMut(Progress<'_>),
    ) -> Result<Next, DriverError> {
        self.read_wish().await?;
        self.leases.renew().await;
        let spec = to_core(&self.name(), &self.migration.spec)?;
        if !self.leases.seen(&spec).source {
            self.has_taken_over = false;
            return Ok(self.watch(&spec, report));
        }
        let is_first = !self.has_taken_over;
        if is_first {
            // Another driver may have had the leases until now: what it kept last counts.
            self.wish_read_at = None;
            self.read_wish().await?;
            self.has_taken_over = true;
        }
        let pace = self.pace();
        let groups = observe(&mut self.world, &mut self.memory, pace).await;
        self.observers.look_at(&self.world);
        if is_first {
            learn_ttl(&self.world, &mut self.memory).await;
            return Ok(Next::Again);
        }
        let leases = self.leases.seen(&spec);
        if !leases.source {
            return Ok(Next::Again);
        }
        let Some(status) = progress_of(&self.migration) else { return Ok(Next::Wait) };
        let gates = self.observers.observations(status.started_at);
        let Results { preflights, draws } = std::mem::take(results);
        let (loads, loads_lacking) = self.observers.loads();
        let seen = Seen { groups, leases, preflights, draws, gates, loads, loads_lacking };
        let plan = step(&spec, &status, &seen, now());
        let changed = essence(&plan.status) != essence(&status);
        let message = plan.waiting_for.first().cloned().unwrap_or_default();
        let is_stale = message != self.said && self.kept_at.is_none_or(|at| at.elapsed() >= SAY_EVERY);
        if changed || is_stale || !plan.actions.is_empty() {
            self.said = message;
            self.kept_at = Some(Instant::now());
            match keep(&self.migrations, &self.migration, plan.status.clone(), &plan.waiting_for).await {
                Ok(kept) => self.migration = kept,
                // Somebody changed the wish in between: read it and plan again. Nothing was done yet.
                Err(KubeError::Conflict { .. }) => {
                    self.wish_read_at = None;
                    return Ok(Next::Again);
                }
                // The home cannot be reached: unknown holds (I9). Weights stay; the next round tries again.
                Err(error) => {
                    tracing::warn!(%error, "the status cannot be kept, so nothing is done");
                    return Ok(Next::Wait);
                }
            }
        } else {
            set_progress(&mut self.migration, plan.status.clone());
        }
        self.events.publish(&self.migration, &plan.status.history).await;
        report(Progress { status: &plan.status, waiting_for: &plan.waiting_for });
        let reached = Some((plan.status.phase, plan.status.step, plan.status.stage));
        if reached != self.mirrored && self.mirror(&spec).await {
            self.mirrored = reached;
        }
        match plan.status.phase {
            Phase::Complete => return Ok(Next::Ended(Outcome::Complete)),
            Phase::RolledBack => return Ok(Next::Ended(Outcome::RolledBack)),
            Phase::Paused => return Ok(Next::Ended(Outcome::Paused)),
            Phase::Progressing | Phase::Draining | Phase::RollingBack => {}
        }
        self.act(&spec, &plan.actions, results).await?;
        Ok(if plan.actions.is_empty() { Next::Wait } else { Next::Again })
    }

    /// Another driver has the leases: what it keeps is passed on, and nothing is judged, written or kept here.
    fn watch(&self, spec: &Spec, report: &mut impl FnMut(Progress<'_>)) -> Next {
        let Some(status) = progress_of(&self.migration) else { return Next::Wait };
        let waiting_for = match self.leases.holder() {
            Some(holder) => {
                format!("{holder}, which holds the leases: it goes on, or they run out and this one drives")
            }
            None => format!("the lease of {}", spec.from),
        };
        report(Progress { status: &status, waiting_for: &[waiting_for] });
        match status.phase {
            Phase::Complete => Next::Ended(Outcome::Complete),
            Phase::RolledBack => Next::Ended(Outcome::RolledBack),
            // Whoever paused it lets the leases go: the way back may be taken from here then.
            Phase::Paused if spec.wish != Wish::Rollback => Next::Ended(Outcome::Paused),
            Phase::Paused | Phase::Progressing | Phase::Draining | Phase::RollingBack => Next::Wait,
        }
    }

    async fn act(
        &mut self,
        spec: &Spec,
        actions: &[Action],
        results: &mut Results,
    ) -> Result<(), DriverError> {
        let checks = actions.iter().filter_map(|action| match action {
            Action::Preflight { group, cluster } => Some(preflight(&self.world, group, cluster, now())),
            _ => None,
        });
        results.preflights = join_all(checks).await;
        if self.world.options.actuator == Actuator::Route53 {
            self.write_record_sets(spec, actions).await?;
        }
        for action in actions {
            match action {
                Action::Preflight { .. } => {}
                Action::Write { .. } if self.world.options.actuator == Actuator::Route53 => {}
                Action::Draw { group, draws } => {
                    let drawn = draw_group(&self.world, &mut self.memory, group, *draws, now()).await;
                    results.draws.push(drawn);
                }
                Action::Write { group, cluster, weight, replaces } => {
                    // A lease does not fence: look at it as late as possible; the write itself carries the version seen.
                    if !self.may_write(spec) {
                        tracing::warn!("a lease ran out before a write; nothing is written");
                        return Ok(());
                    }
                    match write(&self.world, group, cluster, *weight, *replaces).await {
                        Ok(()) => {}
                        Err(error) if error.is_temporary() || matches!(error, KubeError::Conflict { .. }) => {
                            tracing::info!(%group, %cluster, %error, "not written; looking again");
                            return Ok(());
                        }
                        Err(error) => return Err(error.into()),
                    }
                }
            }
        }
        Ok(())
    }

    /// The weights of each group as one batch, for all clusters at once: there is no moment between.
    async fn write_record_sets(&mut self, spec: &Spec, actions: &[Action]) -> Result<(), DriverError> {
        let mut by_group: BTreeMap<&GroupName, BTreeMap<String, Weight>> = BTreeMap::new();
        for action in actions {
            let Action::Write { group, cluster, weight, replaces } = action else { continue };
            let place = self.world.places.get(group).and_then(|places| places.get(cluster));
            let place = place.filter(|place| place.weight == Ok(*replaces));
            let Some(identifier) = place.and_then(|place| place.set_identifier()).map(ToOwned::to_owned)
            else {
                self.memory.list_again();
                return Ok(());
            };
            by_group.entry(group).or_default().insert(identifier, *weight);
        }
        for (group, weights) in by_group {
            if !self.may_write(spec) {
                tracing::warn!("a lease ran out before a write; nothing is written");
                return Ok(());
            }
            let Some(zone) = self.memory.zone() else { return Ok(()) };
            let written = write_records(&self.world, zone, group, &weights).await;
            self.memory.list_again();
            match written {
                Ok(Some(change)) => {
                    for (identifier, weight) in &weights {
                        self.memory.wrote(&group.0, identifier, *weight, &change);
                    }
                }
                Ok(None) => {}
                Err(RecordWriteError::Aws(error @ AwsError::Denied { .. })) => return Err(error.into()),
                // Somebody was faster, or Route 53 is busy: the next look sees what is there now.
                Err(error) => tracing::info!(%group, %error, "not written; looking again"),
            }
        }
        Ok(())
    }

    fn pace(&self) -> Pace {
        match progress_of(&self.migration) {
            Some(status) if status.phase == Phase::RollingBack => Pace::Awaiting,
            Some(status) if matches!(status.stage, Stage::Writing | Stage::Settling) => Pace::Awaiting,
            _ => Pace::Watching,
        }
    }

    fn may_write(&self, spec: &Spec) -> bool {
        let is_back = progress_of(&self.migration).is_some_and(|status| status.phase == Phase::RollingBack);
        let leases = self.leases.seen(spec);
        if is_back { leases.source } else { leases.all }
    }

    async fn read_wish(&mut self) -> Result<(), DriverError> {
        if self.wish_read_at.is_some_and(|at| at.elapsed() < WISH_EVERY) {
            return Ok(());
        }
        self.wish_read_at = Some(Instant::now());
        match self.migrations.get(&self.name()).await {
            Ok(Some(read)) => {
                // What was not worth keeping (times of passed gates) is newer here than in the object. Anything else
                // that differs is another driver's progress, kept since: it counts.
                let ours = progress_of(&self.migration);
                let theirs = progress_of(&read);
                self.migration = read;
                if let Some(ours) =
                    ours.filter(|ours| theirs.is_none_or(|theirs| essence(&theirs) == essence(ours)))
                {
                    set_progress(&mut self.migration, ours);
                }
                Ok(())
            }
            Ok(None) => Err(DriverError::Deleted { name: self.name() }),
            Err(error) => {
                tracing::warn!(%error, "the migration cannot be read");
                Ok(())
            }
        }
    }

    /// True when the source's journal has it; else the next round tries again.
    async fn mirror(&self, spec: &Spec) -> bool {
        let Some(source) = self.world.cluster(&spec.from) else { return true };
        match write_journal(source, &self.migration).await {
            Ok(()) => true,
            Err(error) => {
                tracing::warn!(%error, "the journal was not written");
                false
            }
        }
    }

    fn name(&self) -> String {
        self.migration.metadata.name.clone().unwrap_or_default()
    }

    /// Commands that put back what other hands have changed, for the weights that were seen before.
    pub fn puts_back(&self) -> Vec<String> {
        let status = progress_of(&self.migration);
        let groups = status.iter().flat_map(|status| &status.groups);
        let places =
            groups.flat_map(|group| group.clusters.iter().map(move |cluster| (&group.name, cluster)));
        let commands = places.filter_map(|(group, cluster)| {
            let weight = cluster.foreign?.instead_of?;
            let place = self.world.places.get(group)?.get(&cluster.name)?;
            place.command(&self.world.cluster(&cluster.name)?.context, weight)
        });
        commands.collect()
    }

    /// The progress as last kept.
    pub fn status(&self) -> Option<Status> {
        progress_of(&self.migration)
    }
}

/// What becomes of weights that another hand has set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OtherHands {
    /// They stay, and hold whatever they hold.
    Stay,
    /// Those that the object shows, and no others, are written over.
    AgreedTo,
}

/// Ends the pause of a migration, whatever led to it; whoever drives goes on.
pub async fn unpause(
    migrations: &Migrations,
    name: &str,
    others: OtherHands,
) -> Result<Migration, DriverError> {
    /// A driver that ends keeps its last status in the same moment; it does so a few times at the most.
    const TRIES: u32 = 5;
    let mut tries = 0;
    loop {
        tries += 1;
        let found = migrations.get(name).await?;
        let migration = found.ok_or_else(|| DriverError::Deleted { name: name.to_owned() })?;
        let Some(mut status) = progress_of(&migration) else { return Ok(migration) };
        let before = status.clone();
        if others == OtherHands::AgreedTo {
            agree_to_others(&mut status);
        }
        if status.phase == Phase::Paused {
            resume(&mut status, now());
        }
        if status == before {
            return Ok(migration);
        }
        match keep(migrations, &migration, status, &[]).await {
            Err(KubeError::Conflict { .. }) if tries < TRIES => {}
            kept => return Ok(kept?),
        }
    }
}

/// What actions brought, for the next plan.
#[derive(Default)]
struct Results {
    preflights: Vec<PreflightSeen>,
    draws: Vec<crossfade_core::migration::DrawsSeen>,
}

enum Next {
    Again,
    Wait,
    Ended(Outcome),
}

fn to_core(name: &str, spec: &MigrationSpec) -> Result<Spec, DriverError> {
    spec.to_core().map_err(|source| DriverError::Spec { name: name.to_owned(), source })
}

fn progress_of(migration: &Migration) -> Option<Status> {
    migration.status.as_ref()?.progress.clone()
}

/// What the drivers before have told as events.
fn last_told(migration: &Migration) -> Option<HistoryEntry> {
    progress_of(migration)?.history.pop()
}

fn set_progress(migration: &mut Migration, progress: Status) {
    migration.status.get_or_insert_default().progress = Some(progress);
}

async fn keep(
    migrations: &Migrations,
    migration: &Migration,
    progress: Status,
    waiting_for: &[String],
) -> Result<Migration, KubeError> {
    let old = migration.status.as_ref().map(|status| status.conditions.clone()).unwrap_or_default();
    let message = if progress.phase.is_end() {
        progress.history.last().map_or_else(String::new, |entry| entry.message.clone())
    } else {
        waiting_for.first().map_or_else(String::new, |what| format!("waiting for {what}"))
    };
    let generation = migration.metadata.generation;
    let status = MigrationStatus::from_progress(progress, message, generation, &old, jiff::Timestamp::now());
    migrations.keep_status(migration, &status).await
}

/// What has to survive a crash: everything but the times of checks, which a new driver makes anew.
fn essence(status: &Status) -> Status {
    let mut essence = status.clone();
    for cluster in essence.groups.iter_mut().flat_map(|group| &mut group.clusters) {
        cluster.gates.clear();
        cluster.preflight_passed_at = None;
        for hop in &mut cluster.hops {
            (hop.busy, hop.stuck, hop.floor) = (false, false, None);
            hop.note = None;
        }
    }
    essence
}
