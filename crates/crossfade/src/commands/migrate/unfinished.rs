//! Migrations that have not ended, seen by one that is asked for: the same one is taken up, any other that is in its way is
//! named with the ways out. Nothing is written here.

use crossfade_api::migration::{Migration, MigrationSpec, NAMESPACE};
use crossfade_controller::migration::{Asking, Driver, DriverOptions, WorldOptions, has_ended, overlapping};
use crossfade_core::migration::{Admitted, Phase, Status, Wish};
use crossfade_kube::Cluster;
use crossfade_kube::migrations::Migrations;
use crossfade_kube::presence::announced;

use crate::commands::migrate::{
    Drive, Output, Request, Told, confirmed, drive, follow, how_to_reach, identity,
};
use crate::exit::{Exit, user_error};
use crate::printer::{data, note};

/// What is behind the name that a migration is to have.
pub enum Name {
    /// Nothing that has begun.
    Free(String),
    /// The same migration.
    UnderWay(Box<Migration>),
}

/// A migration that is asked for and is under way.
pub struct Found {
    /// Where its driver looks.
    pub world: WorldOptions,
    /// Where the object lives.
    pub home: Cluster,
    /// The object.
    pub migration: Box<Migration>,
}

/// The name asked for, or FROM-to-TO with the first free number. An object of that name that has not ended has to do what is
/// asked for, or it is refused.
pub async fn look_for(request: &Request, spec: &MigrationSpec, home: &Cluster) -> anyhow::Result<Name> {
    let migrations = match Migrations::new(home).list().await {
        Ok(found) => found,
        Err(error) if error.is_not_found() => Vec::new(),
        Err(error) => return Err(error.into()),
    };
    let of_name =
        |name: &str| migrations.iter().find(|migration| migration.metadata.name.as_deref() == Some(name));
    let name = if let Some(name) = &request.name {
        name.clone()
    } else {
        let base = format!("{}-to-{}", spec.from, spec.to);
        let mut names = std::iter::once(base.clone()).chain((2..).map(|number| format!("{base}-{number}")));
        names.find(|name| !of_name(name).is_some_and(has_ended)).unwrap_or(base)
    };
    let Some(found) = of_name(&name) else { return Ok(Name::Free(name)) };
    if has_ended(found) {
        return Err(user_error(
            format!("Migration {name} in {} has ended", home.context),
            "give another --name, or none for the next free one",
        ));
    }
    let ways_out = ways_out(found, &name, home, request).await;
    refuse_other(found, spec, &name, &home.context, &ways_out)?;
    let Some(progress) = progress_of(found) else { return Ok(Name::Free(name)) };
    if let Some(why) = does_not_go_on(found, progress) {
        return Err(user_error(
            format!("Migration {name} in {} is asked for already, and {why}", home.context),
            ways_out,
        ));
    }
    Ok(Name::UnderWay(Box::new(found.clone())))
}

fn progress_of(migration: &Migration) -> Option<&Status> {
    migration.status.as_ref()?.progress.as_ref()
}

fn refuse_other(
    found: &Migration,
    spec: &MigrationSpec,
    name: &str,
    home: &str,
    ways_out: &str,
) -> anyhow::Result<()> {
    let differences = found.spec.differences(spec);
    if differences.is_empty() {
        return Ok(());
    }
    let phase =
        progress_of(found).map_or_else(|| "not begun".to_owned(), |status| format!("{:?}", status.phase));
    Err(user_error(
        format!(
            "Migration {name} in {home} has not ended ({phase}) and does something else:\n       {}",
            differences.join("\n       ")
        ),
        format!("{ways_out}\n      and ask for this once it has ended"),
    ))
}

/// Why asking for it again is not enough for it to go on.
fn does_not_go_on(found: &Migration, progress: &Status) -> Option<String> {
    match (progress.phase, found.spec.wish) {
        (Phase::Paused, _) => {
            let failure = progress.failure.as_ref();
            let why = failure.map(|failure| format!(": {}: {}", failure.reason, failure.message));
            Some(format!("is paused{}", why.unwrap_or_default()))
        }
        (Phase::RollingBack, _) | (_, Wish::Rollback) => Some("is on its way back".to_owned()),
        (_, Wish::Pause) => Some("is to pause".to_owned()),
        _ => None,
    }
}

/// How a migration is brought to its end, as commands to paste.
async fn ways_out(found: &Migration, name: &str, home: &Cluster, request: &Request) -> String {
    if progress_of(found).is_none() {
        return format!(
            "`kubectl --context {} -n {NAMESPACE} delete xmig {name}` takes it away",
            home.context
        );
    }
    let mut pair = Vec::new();
    for cluster in [&found.spec.from, &found.spec.to] {
        pair.extend(request.clusters.connect(cluster).await.ok());
    }
    end_it(name, &how_to_reach(home, &pair))
}

fn end_it(name: &str, how: &str) -> String {
    format!(
        "end it with\n      crossfade migration resume {name} {how}\n  or  crossfade migration rollback {name} {how}"
    )
}

/// Another migration, in whichever home, that has not let go of a group that is asked for.
pub async fn refuse_overlap(
    clusters: &[Cluster],
    home: &Cluster,
    spec: &MigrationSpec,
    admitted: &[Admitted],
) -> anyhow::Result<()> {
    let homes: Vec<Cluster> = clusters.iter().chain([home]).cloned().collect();
    let found = overlapping(&Asking { homes: &homes, spec, own: None }, admitted).await?;
    let Some(first) = found.first() else { return Ok(()) };
    let lines: Vec<String> = found.iter().map(ToString::to_string).collect();
    let its_home = homes.iter().find(|home| home.context == first.other.home).unwrap_or(home);
    let ways = end_it(&first.other.name, &how_to_reach(its_home, clusters));
    Err(user_error(lines.join("\n       "), format!("{ways}\n      then try again")))
}

/// Goes on with what is under way and was asked for again.
pub async fn take_up(found: Found, request: &Request) -> anyhow::Result<Exit> {
    let Found { world, home, migration } = found;
    let name = migration.metadata.name.clone().unwrap_or_default();
    let status = migration.status.clone().unwrap_or_default();
    let text = format!("taking up {name} in {}: {}, step {}", home.context, status.phase, status.step);
    if request.output == Output::Text || request.dry_run {
        data(&text);
    } else {
        note(&text);
    }
    if request.dry_run {
        return Ok(Exit::Done);
    }
    if !request.yes && !confirmed()? {
        note("nothing was changed");
        return Ok(Exit::UserFailure);
    }
    let how = how_to_reach(&home, &world.clusters);
    let told = progress_of(&migration).cloned().map_or(Told::Nothing, |status| Told::UpTo(Box::new(status)));
    if let Some(controller) = announced(&home, &migration.spec.zone).await? {
        note(&format!(
            "the controller {controller} drives the migrations of {}; this command watches",
            home.name
        ));
        return follow(&Migrations::new(&home), &name, &how, request.output, told).await;
    }
    let core = migration.spec.to_core()?;
    let options = DriverOptions { world, home, name: name.clone(), identity: identity() };
    drive(Driver::follow(options, *migration), Drive { name, how, core, output: request.output, told }).await
}
