//! Migrations as a controller has them: every object that has not ended gets a driver.
//!
//! Two controllers, or a controller and a command line, may look at one object: the leases say who drives.

use std::collections::BTreeSet;
use std::time::Duration;

use crossfade_api::migration::{Migration, MigrationStatus};
use crossfade_core::migration::{Phase, Wish, admit};
use crossfade_kube::migrations::Migrations;
use crossfade_kube::presence::Presence;
use crossfade_kube::{Cluster, KubeError};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::migration::driver::{Driver, DriverError, DriverOptions, Outcome};
use crate::migration::others::{Asking, overlapping};
use crate::migration::survey::{Stateful, check_capacity, check_destination, survey};
use crate::migration::world::WorldOptions;

/// How often objects are looked for. A migration takes minutes; two seconds of delay are none.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// Where a controller works.
#[derive(Clone)]
pub struct ControllerOptions {
    /// The cluster whose Migrations it drives.
    pub home: Cluster,
    /// Everything else; `clusters` holds all clusters that a Migration may name.
    pub world: WorldOptions,
    /// Unique for this process.
    pub identity: String,
}

/// Drives all migrations of the home until `stop` says so.
pub async fn run_controller(
    options: ControllerOptions,
    mut stop: watch::Receiver<bool>,
) -> Result<(), DriverError> {
    let migrations = Migrations::new(&options.home);
    migrations.install().await?;
    let zone = options.world.zone.name.without_dot().to_owned();
    let presence = Presence::new(&options.home, &zone, &options.identity);
    let mut driven: BTreeSet<String> = BTreeSet::new();
    let mut drivers: JoinSet<(String, Result<Outcome, DriverError>)> = JoinSet::new();
    loop {
        if let Err(error) = presence.announce().await {
            tracing::warn!(%error, "the controller is not announced; command lines drive beside it");
        }
        match migrations.list().await {
            Ok(found) => {
                for migration in found.into_iter().filter(|migration| is_ours(migration, &options)) {
                    let name = name_of(&migration);
                    if driven.insert(name.clone()) {
                        let (options, migrations, stop) = (options.clone(), migrations.clone(), stop.clone());
                        drivers
                            .spawn(async move { (name, drive(options, migrations, migration, stop).await) });
                    }
                }
            }
            Err(error) => tracing::warn!(%error, "migrations cannot be listed"),
        }
        tokio::select! {
            Ok(_) = stop.wait_for(|stop| *stop) => break,
            Some(Ok((name, outcome))) = drivers.join_next() => {
                driven.remove(&name);
                match outcome {
                    Ok(outcome) => tracing::info!(migration = name, ?outcome, "driver ended"),
                    Err(error) => tracing::warn!(migration = name, %error, "driver ended; it is begun again"),
                }
            }
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
    }
    while drivers.join_next().await.is_some() {}
    presence.withdraw().await;
    Ok(())
}

/// Not ended, not paused for a person, not refused as it is, and in the zone that this controller keeps.
fn is_ours(migration: &Migration, options: &ControllerOptions) -> bool {
    let zone = options.world.zone.name.without_dot();
    if migration.spec.zone.trim_end_matches('.') != zone {
        return false;
    }
    let Some(status) = &migration.status else { return true };
    match status.progress.as_ref().map(|progress| progress.phase) {
        None => status.observed_generation != migration.metadata.generation,
        Some(Phase::Complete | Phase::RolledBack) => false,
        Some(Phase::Paused) => migration.spec.wish == Wish::Rollback,
        Some(Phase::Progressing | Phase::Draining | Phase::RollingBack) => true,
    }
}

fn name_of(migration: &Migration) -> String {
    migration.metadata.name.clone().unwrap_or_default()
}

async fn drive(
    options: ControllerOptions,
    migrations: Migrations,
    migration: Migration,
    stop: watch::Receiver<bool>,
) -> Result<Outcome, DriverError> {
    let name = name_of(&migration);
    let core = match migration.spec.to_core() {
        Ok(core) => core,
        Err(error) => return refuse(&migrations, &migration, error.to_string()).await,
    };
    let mut world = options.world.clone();
    world.take(&migration.spec);
    world.clusters.retain(|cluster| cluster.name == core.from || cluster.name == core.to);
    world.clusters.retain(|cluster| !core.is_given_up(&cluster.name));
    let needed = 2 - usize::from(core.without.is_some());
    if world.clusters.len() != needed {
        let message = format!("this controller does not know both {} and {}", core.from, core.to);
        return refuse(&migrations, &migration, message).await;
    }
    let stateful = if migration.spec.allow_stateful { Stateful::Allowed } else { Stateful::Looked };
    let driver_options =
        DriverOptions { world: world.clone(), home: options.home.clone(), name, identity: options.identity };
    let has_begun = migration.status.as_ref().is_some_and(|status| status.progress.is_some());
    let mut driver = if has_begun {
        Driver::follow(driver_options, migration)
    } else {
        let found = survey(&world, stateful).await?;
        let admitted = match admit(&core, &migration.spec.selection(), found.candidates.clone()) {
            Ok(admitted) => admitted,
            Err(refusals) => {
                let lines: Vec<String> = refusals.iter().map(ToString::to_string).collect();
                return refuse(&migrations, &migration, lines.join("; ")).await;
            }
        };
        let homes: Vec<Cluster> = world.clusters.iter().chain([&options.home]).cloned().collect();
        let asking = Asking { homes: &homes, spec: &migration.spec, own: Some(&migration) };
        let others = overlapping(&asking, &admitted).await?;
        if !others.is_empty() {
            let lines: Vec<String> = others.iter().map(ToString::to_string).collect();
            return refuse(&migrations, &migration, lines.join("; ")).await;
        }
        let mut failing = check_destination(&world, &found.places, &admitted, &core.to).await;
        if let Some(percent) = migration.spec.ready_percent() {
            failing.extend(check_capacity(&world, &found.places, &admitted, &core, percent).await);
        }
        if !failing.is_empty() {
            return refuse(&migrations, &migration, failing.join("; ")).await;
        }
        Driver::begin(driver_options, migration.spec, admitted, &found.places).await?
    };
    driver.drive(stop, |_| {}).await
}

/// Says why in the object. Weights are as they were.
async fn refuse(
    migrations: &Migrations,
    migration: &Migration,
    message: String,
) -> Result<Outcome, DriverError> {
    tracing::warn!(migration = name_of(migration), message, "refused");
    let old = migration.status.as_ref().map(|status| status.conditions.clone()).unwrap_or_default();
    let status =
        MigrationStatus::refused(message, migration.metadata.generation, &old, jiff::Timestamp::now());
    match migrations.keep_status(migration, &status).await {
        // Somebody changed it: the next look judges that.
        Ok(_) | Err(KubeError::Conflict { .. }) => Ok(Outcome::Interrupted),
        Err(error) => Err(error.into()),
    }
}
