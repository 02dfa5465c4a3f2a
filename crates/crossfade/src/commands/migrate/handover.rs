//! Handing a migration to the controller that drives the home's migrations, and watching what it does.
//!
//! Decides nothing: the command line drives only when no controller takes the migration up.

use std::time::Duration;

use crossfade_api::migration::{Migration, MigrationSpec};
use crossfade_controller::migration::Progress;
use crossfade_core::migration::Phase;
use crossfade_kube::migrations::Migrations;
use crossfade_kube::presence::announced;
use tokio::time::{Instant, sleep};

use crate::commands::migrate::Output;
use crate::commands::migrate::watch::{Told, Watcher, summary_json};
use crate::commands::migrate::ways::{self, Migrated};
use crate::exit::{Exit, user_error};
use crate::printer::{data, note};
use crate::stop::asked_to_stop;

/// A controller looks for new objects every two seconds; one that has not taken a migration up after five looks is gone.
const TAKEN_UP_WITHIN: Duration = Duration::from_secs(10);
/// Between two looks at the object.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Creates the object where a controller is announced, and waits until it is taken up. False when the caller has to drive.
pub async fn hand_over(migrations: &Migrations, name: &str, spec: &MigrationSpec) -> anyhow::Result<bool> {
    let Some(controller) = announced(migrations.cluster(), &spec.zone).await? else { return Ok(false) };
    migrations.install().await?;
    if migrations.get(name).await?.is_none() {
        migrations.create(name, spec.clone()).await?;
    }
    note(&format!(
        "the controller {controller} drives the migrations of {}; this command watches",
        migrations.cluster().name
    ));
    if is_taken_up(migrations, name).await? {
        return Ok(true);
    }
    let seconds = TAKEN_UP_WITHIN.as_secs();
    note(&format!(
        "it did not take {name} up within {seconds} s; driving from here, as long as this command runs"
    ));
    Ok(false)
}

async fn is_taken_up(migrations: &Migrations, name: &str) -> anyhow::Result<bool> {
    let until = Instant::now() + TAKEN_UP_WITHIN;
    while Instant::now() < until {
        let found = migrations.get(name).await?;
        if found.is_some_and(|migration| migration.status.is_some_and(|status| !status.phase.is_empty())) {
            return Ok(true);
        }
        sleep(LOOK_EVERY).await;
    }
    Ok(false)
}

/// Prints what happens in a migration until it ends, pauses, or this command is asked to stop. Changes nothing.
pub async fn follow(
    migrations: &Migrations,
    name: &str,
    how: &str,
    output: Output,
    told: Told,
) -> anyhow::Result<Exit> {
    let mut watcher: Option<Watcher> = None;
    let mut told = Some(told);
    let mut stop = std::pin::pin!(asked_to_stop());
    loop {
        let Some(migration) = migrations.get(name).await? else {
            return Err(user_error(
                format!("{} keeps no Migration {name}", migrations.cluster().context),
                format!("`crossfade migration list {how}` lists them"),
            ));
        };
        let Migration { spec, status, .. } = migration;
        let status = status.unwrap_or_default();
        if status.phase == "Refused" {
            return Err(user_error(
                status.message,
                "change the Migration, or delete it; weights are as they were",
            ));
        }
        if let Some(progress) = &status.progress {
            let watcher = watcher.get_or_insert_with(|| {
                let told = told.take().unwrap_or(Told::Nothing);
                Watcher::new(&spec.from.as_str().into(), &spec.to.as_str().into(), told)
            });
            let waiting_for = status.message.strip_prefix("waiting for ").unwrap_or_default().to_owned();
            watcher.see(&Progress { status: progress, waiting_for: &[waiting_for] });
            let exit = match progress.phase {
                Phase::Complete => Some(Exit::Done),
                Phase::RolledBack => Some(Exit::RolledBack),
                Phase::Paused => Some(Exit::Paused),
                Phase::Progressing | Phase::Draining | Phase::RollingBack => None,
            };
            if let Some(exit) = exit {
                if output == Output::Json {
                    data(&summary_json(name, progress).to_string());
                }
                watcher.finish(progress);
                if exit == Exit::Paused {
                    note("weights stay as they are");
                    note(&ways::on(&Migrated { name, how, status: progress }, &[]));
                }
                return Ok(exit);
            }
        }
        tokio::select! {
            () = sleep(LOOK_EVERY) => {}
            signal = &mut stop => {
                note("no longer watching; whoever drives the migration goes on");
                return Ok(signal.exit());
            }
        }
    }
}
