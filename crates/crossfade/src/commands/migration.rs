//! `crossfade migration`: what migrations there are, and the person's hand on one.

mod tree;

use std::time::Duration;

use clap::{Args, Subcommand};
use crossfade_api::migration::{Migration, MigrationSpec};
use crossfade_controller::migration::{Driver, DriverOptions, unpause};
use crossfade_core::migration::{Phase, Stage, Status, Wish};
use crossfade_kube::Cluster;
use crossfade_kube::migrations::{Migrations, read_journal};
use crossfade_kube::presence::announced;
use kube::CustomResourceExt;
use serde_json::json;

use crate::commands::migrate::{Output, Request, carry_out, clock, drive, follow, how_to_reach, identity};
use crate::exit::{Exit, user_error};
use crate::printer::{data, note};
use crate::settings::{ClusterOptions, ProbeOptions};
use crate::table::Table;

/// Options of `crossfade migration`.
#[derive(Clone, Debug, Args)]
pub struct MigrationArgs {
    #[command(subcommand)]
    command: MigrationCommand,
}

#[derive(Clone, Debug, Subcommand)]
enum MigrationCommand {
    /// List the migrations that a cluster keeps.
    List(ListArgs),
    /// Show one: phase, steps, and every hop of every weight.
    Get(GetArgs),
    /// Show what happened in one so far.
    History(OneArgs),
    /// Print what happens in one until it ends; exits as it ends.
    Watch(WatchArgs),
    /// End the pause that a migration is in.
    Promote(PromoteArgs),
    /// Print the definition of the Migration resource, for kubectl apply.
    Definition,
    /// Ask a driver that is running to stop after what is under way; weights stay.
    Pause(OneArgs),
    /// Go on with a migration that paused or whose driver ended.
    Resume(DriveArgs),
    /// Go on with one that paused at a failed gate, or begin one that was rolled back or refused again under a new name.
    Retry(DriveArgs),
    /// Return every weight that a migration wrote to what it was.
    #[command(visible_alias = "abort")]
    Rollback(RollbackArgs),
}

#[derive(Clone, Debug, Args)]
struct ListArgs {
    /// The context of the cluster that keeps them.
    #[arg(long = "home-context", value_name = "CTX")]
    home_context: String,
    /// How they are printed.
    #[arg(long, short, value_enum, default_value_t)]
    output: Output,
}

#[derive(Clone, Debug, Args)]
struct OneArgs {
    /// The migration.
    name: String,
    /// The context of the cluster that keeps it.
    #[arg(long = "home-context", value_name = "CTX")]
    home_context: String,
}

#[derive(Clone, Debug, Args)]
struct GetArgs {
    #[command(flatten)]
    one: OneArgs,
    /// Show it again and again until it ends.
    #[arg(long, short)]
    watch: bool,
    /// How it is printed.
    #[arg(long, short, value_enum, default_value_t)]
    output: Output,
}

#[derive(Clone, Debug, Args)]
struct WatchArgs {
    #[command(flatten)]
    one: OneArgs,
    /// How the result is printed on stdout.
    #[arg(long, short, value_enum, default_value_t)]
    output: Output,
}

#[derive(Clone, Debug, Args)]
struct PromoteArgs {
    #[command(flatten)]
    one: OneArgs,
    /// Skip to the last step.
    #[arg(long)]
    full: bool,
}

#[derive(Clone, Debug, Args)]
struct DriveArgs {
    #[command(flatten)]
    one: OneArgs,
    #[command(flatten)]
    clusters: ClusterOptions,
    #[command(flatten)]
    probes: ProbeOptions,
    /// A cluster of the two that is gone for good: nothing of it is read, written or waited for.
    #[arg(long, value_name = "CLUSTER")]
    without: Option<String>,
    /// The home was lost: make the object again in --home-context from the journal in the source, whose context this is.
    #[arg(long, value_name = "CTX")]
    from_journal: Option<String>,
    /// How the result is printed on stdout.
    #[arg(long, short, value_enum, default_value_t)]
    output: Output,
}

#[derive(Clone, Debug, Args)]
struct RollbackArgs {
    #[command(flatten)]
    drive: DriveArgs,
    /// Also over weights that somebody else has written since.
    #[arg(long)]
    force: bool,
}

/// Runs one of the sub-commands.
pub async fn run(args: MigrationArgs) -> anyhow::Result<Exit> {
    match args.command {
        MigrationCommand::List(args) => list(args).await,
        MigrationCommand::Definition => {
            data(&serde_json::to_string_pretty(&Migration::crd())?);
            Ok(Exit::Done)
        }
        MigrationCommand::Get(args) => get(args).await,
        MigrationCommand::History(args) => {
            let migration = read(&args).await?;
            for entry in progress_of(&migration).map(|status| status.history).unwrap_or_default() {
                data(&format!("{}  {}", clock(entry.at.0), entry.message));
            }
            Ok(Exit::Done)
        }
        MigrationCommand::Watch(args) => {
            follow(&Migrations::new(&args.one.home().await?), &args.one.name, args.output).await
        }
        MigrationCommand::Retry(args) => retry(args).await,
        MigrationCommand::Promote(args) => promote(args).await,
        MigrationCommand::Pause(args) => {
            let home = args.home().await?;
            wish(&home, &args.name, &json!({ "wish": "pause" })).await?;
            note("asked to pause; weights stay");
            Ok(Exit::Done)
        }
        MigrationCommand::Resume(args) => Box::pin(take_up(args, &json!({ "wish": "advance" }))).await,
        MigrationCommand::Rollback(args) => {
            let spec = json!({ "wish": "rollback", "force": args.force });
            // Rolled back is what was asked for.
            match take_up(args.drive, &spec).await? {
                Exit::RolledBack => Ok(Exit::Done),
                other => Ok(other),
            }
        }
    }
}

impl OneArgs {
    async fn home(&self) -> anyhow::Result<Cluster> {
        Ok(Cluster::connect(self.home_context.as_str().into(), &self.home_context, None).await?)
    }
}

fn progress_of(migration: &Migration) -> Option<Status> {
    migration.status.as_ref()?.progress.clone()
}

/// One migration, or advice.
async fn read(args: &OneArgs) -> anyhow::Result<Migration> {
    let found = match Migrations::new(&args.home().await?).get(&args.name).await {
        Err(error) if error.is_not_found() => None,
        found => found?,
    };
    found.ok_or_else(|| {
        user_error(
            format!("{} keeps no Migration {}", args.home_context, args.name),
            format!("`crossfade migration list --home-context {}` lists them", args.home_context),
        )
    })
}

async fn get(args: GetArgs) -> anyhow::Result<Exit> {
    /// As often as a person can follow.
    const EVERY: Duration = Duration::from_secs(1);
    loop {
        let migration = read(&args.one).await?;
        let has_ended = progress_of(&migration).is_some_and(|status| status.phase.is_end());
        if args.output == Output::Json {
            data(&serde_json::to_string(&migration)?);
        } else {
            data(&tree::render(&migration));
        }
        if !args.watch || has_ended {
            return Ok(Exit::Done);
        }
        tokio::time::sleep(EVERY).await;
    }
}

async fn promote(args: PromoteArgs) -> anyhow::Result<Exit> {
    let migration = read(&args.one).await?;
    let waits = progress_of(&migration).is_some_and(|status| status.stage == Stage::AwaitingPromotion);
    if !waits {
        let hint = format!("`crossfade migration get {}` shows where it is", args.one.name);
        return Err(user_error(format!("Migration {} is in no pause", args.one.name), hint));
    }
    let spec = json!({ "promotions": migration.spec.promotions + 1, "promoteToEnd": args.full });
    wish(&args.one.home().await?, &args.one.name, &spec).await?;
    note("promoted; its driver goes on");
    Ok(Exit::Done)
}

async fn list(args: ListArgs) -> anyhow::Result<Exit> {
    let home = Cluster::connect(args.home_context.as_str().into(), &args.home_context, None).await?;
    let migrations = match Migrations::new(&home).list().await {
        Ok(found) => found,
        Err(error) if error.is_not_found() => Vec::new(),
        Err(error) => return Err(error.into()),
    };
    if args.output == Output::Json {
        data(&serde_json::to_string(&migrations)?);
        return Ok(Exit::Done);
    }
    let mut table = Table::new(&["NAME", "FROM", "TO", "PHASE", "STEP", "MESSAGE"]);
    for migration in &migrations {
        table.row(row_of(migration));
    }
    if table.is_empty() {
        note(&format!("no migrations in {}", args.home_context));
    } else {
        data(&table.to_string());
    }
    Ok(Exit::Done)
}

fn row_of(migration: &Migration) -> Vec<String> {
    let status = migration.status.clone().unwrap_or_default();
    let MigrationSpec { from, to, .. } = migration.spec.clone();
    vec![
        migration.metadata.name.clone().unwrap_or_default(),
        from,
        to,
        status.phase,
        status.step,
        status.message,
    ]
}

async fn wish(home: &Cluster, name: &str, spec: &serde_json::Value) -> anyhow::Result<Migration> {
    let migrations = Migrations::new(home);
    let found = migrations.get(name).await?;
    if found.is_none() {
        return Err(user_error(
            format!("{} keeps no Migration {name}", home.context),
            "`crossfade migration list --home-context CTX` lists them",
        ));
    }
    Ok(migrations.patch_spec(name, spec).await?)
}

async fn take_up(args: DriveArgs, spec: &serde_json::Value) -> anyhow::Result<Exit> {
    let home = args.one.home().await?;
    let name = args.one.name.clone();
    if let Some(context) = &args.from_journal {
        let source = Cluster::connect(context.as_str().into(), context, None).await?;
        let journal = read_journal(&source, &name).await?.ok_or_else(|| {
            user_error(
                format!("the journal in {context} knows no Migration {name}"),
                "is this the source's context?",
            )
        })?;
        Migrations::new(&home).restore(&name, journal).await?;
    }
    let mut spec = spec.clone();
    if let Some(cluster) = &args.without {
        spec["without"] = json!(cluster);
    }
    let migration = wish(&home, &name, &spec).await?;
    let phase =
        migration.status.as_ref().and_then(|status| status.progress.as_ref()).map(|progress| progress.phase);
    if let Some(phase) = phase.filter(|phase| phase.is_end()) {
        return Err(user_error(
            format!("Migration {name} has ended ({phase:?})"),
            "`crossfade migrate` moves traffic again, in either direction",
        ));
    }
    if let Some(controller) = announced(&home, &migration.spec.zone).await? {
        let migrations = Migrations::new(&home);
        unpause(&migrations, &name).await?;
        note(&format!(
            "the controller {controller} drives the migrations of {}; this command watches",
            home.name
        ));
        return follow(&migrations, &name, args.output).await;
    }
    let core = migration.spec.to_core()?;
    let mut clusters = Vec::new();
    for name in [&core.from, &core.to] {
        if !core.is_given_up(name) {
            clusters.push(args.clusters.connect(&name.0).await?);
        }
    }
    let mut world = args.probes.world(clusters, &migration.spec.zone).await?;
    world.take(&migration.spec);
    let how = how_to_reach(&home, &world.clusters);
    let options = DriverOptions { world, home, name: name.clone(), identity: identity() };
    let driver = Driver::take_up(options).await?;
    drive(driver, &name, &how, &core, args.output).await
}

/// A paused migration goes on; one that has come back begins again as a new object, so that its history stays.
async fn retry(args: DriveArgs) -> anyhow::Result<Exit> {
    let migration = read(&args.one).await?;
    let phase = progress_of(&migration).map(|status| status.phase);
    let was_refused = migration.status.as_ref().is_some_and(|status| status.progress.is_none());
    match phase {
        Some(Phase::Complete) => Err(user_error(
            format!("Migration {} is complete", args.one.name),
            "`crossfade migrate` moves traffic again, in either direction",
        )),
        Some(Phase::RolledBack) => again(args, migration.spec).await,
        None if was_refused => again(args, migration.spec).await,
        _ => Box::pin(take_up(args, &json!({ "wish": "advance" }))).await,
    }
}

async fn again(args: DriveArgs, old: MigrationSpec) -> anyhow::Result<Exit> {
    let migrations = Migrations::new(&args.one.home().await?);
    let taken: Vec<String> =
        migrations.list().await?.into_iter().filter_map(|migration| migration.metadata.name).collect();
    let names = (2..).map(|number| format!("{}-{number}", args.one.name));
    let name = names.into_iter().find(|name| !taken.contains(name)).unwrap_or_default();
    let spec = MigrationSpec { wish: Wish::Advance, promotions: 0, promote_to_end: false, ..old };
    note(&format!("beginning again as {name}"));
    let home = args.one.home_context;
    let mut clusters = args.clusters;
    clusters.contexts.push((home.clone(), home.clone()));
    let request = Request::new(spec, clusters, args.probes);
    // Boxed: a future that holds a whole migration.
    Box::pin(carry_out(Request { name: Some(name), home: Some(home), output: args.output, ..request })).await
}
