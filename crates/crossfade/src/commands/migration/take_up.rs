//! Going on with a migration, there or back: a wish in its object, and a driver where there is none.

use clap::Args;
use crossfade_api::migration::{Migration, MigrationSpec, NAMESPACE};
use crossfade_controller::migration::{Driver, DriverOptions, OtherHands, has_ended, unpause};
use crossfade_core::migration::{ForeignWeight, Phase, Status, Wish};
use crossfade_kube::Cluster;
use crossfade_kube::migrations::{Migrations, read_journal};
use crossfade_kube::presence::announced;
use serde_json::{Value, json};

use crate::commands::migrate::{
    Drive, Output, Request, Told, carry_out, drive, follow, how_to_reach, identity,
};
use crate::commands::migration::home::Kept;
use crate::commands::migration::{OneArgs, progress_of};
use crate::exit::{Exit, user_error};
use crate::printer::note;
use crate::settings::ProbeOptions;

#[derive(Clone, Debug, Args)]
struct DriveArgs {
    #[command(flatten)]
    one: OneArgs,
    #[command(flatten)]
    probes: ProbeOptions,
    /// A cluster of the two that is gone for good: nothing of it is read, written or waited for.
    #[arg(long, value_name = "CLUSTER")]
    without: Option<String>,
    /// The home was lost: make the object again in --home-context from the journal in the source, whose context this is.
    #[arg(long, value_name = "CTX", requires = "home_context")]
    from_journal: Option<String>,
    /// Write over the weights of others that `migration get` shows. One that is changed once more pauses again.
    #[arg(long)]
    overwrite: bool,
    /// How the result is printed on stdout.
    #[arg(long, short, value_enum, default_value_t)]
    output: Output,
}

/// Options of `crossfade migration resume` and `retry`.
#[derive(Clone, Debug, Args)]
pub struct ResumeArgs {
    #[command(flatten)]
    drive: DriveArgs,
}

/// Options of `crossfade migration rollback`.
#[derive(Clone, Debug, Args)]
pub struct RollbackArgs {
    #[command(flatten)]
    drive: DriveArgs,
    /// Also over weights that somebody else has written since, or writes from now on.
    #[arg(long)]
    force: bool,
}

/// Goes on.
pub async fn resume(args: ResumeArgs) -> anyhow::Result<Exit> {
    Box::pin(take_up(args.drive, &json!({ "wish": "advance" }))).await
}

/// Returns the weights.
pub async fn rollback(args: RollbackArgs) -> anyhow::Result<Exit> {
    let wish = json!({ "wish": "rollback", "force": args.force });
    // Rolled back is what was asked for.
    match Box::pin(take_up(args.drive, &wish)).await? {
        Exit::RolledBack => Ok(Exit::Done),
        other => Ok(other),
    }
}

/// A paused migration goes on; one that has come back begins again as a new object, so that its history stays.
pub async fn retry(args: ResumeArgs) -> anyhow::Result<Exit> {
    let args = args.drive;
    let kept = args.one.find().await?;
    let phase = progress_of(&kept.migration).map(|status| status.phase);
    let was_refused = kept.migration.status.as_ref().is_some_and(|status| status.progress.is_none());
    match phase {
        Some(Phase::Complete) => Err(user_error(
            format!("Migration {} is complete", args.one.name),
            "`crossfade migrate` moves traffic again, in either direction",
        )),
        Some(Phase::RolledBack) => again(args, kept).await,
        None if was_refused => again(args, kept).await,
        _ => Box::pin(take_up(args, &json!({ "wish": "advance" }))).await,
    }
}

async fn take_up(args: DriveArgs, wish: &Value) -> anyhow::Result<Exit> {
    let kept = match &args.from_journal {
        Some(context) => restore(&args.one, context).await?,
        None => args.one.find().await?,
    };
    let Some(before) = progress_of(&kept.migration) else {
        let name = kept.name().to_owned();
        if wish["wish"] == "advance" && !has_ended(&kept.migration) {
            return begin(args, kept, name).await;
        }
        return Err(user_error(
            format!("Migration {name} has not begun: it has written no weight"),
            format!(
                "`kubectl --context {} -n {NAMESPACE} delete xmig {name}` takes it away",
                kept.home.context
            ),
        ));
    };
    if before.phase.is_end() {
        return Err(user_error(
            format!("Migration {} has ended ({:?})", kept.name(), before.phase),
            "`crossfade migrate` moves traffic again, in either direction",
        ));
    }
    let others = agreed(&args, &before);
    let mut wish = wish.clone();
    if let Some(cluster) = &args.without {
        wish["without"] = json!(cluster);
    }
    let (migrations, name) = (kept.migrations(), kept.name().to_owned());
    migrations.patch_spec(&name, &wish).await?;
    let migration = unpause(&migrations, &name, others).await?;
    let controller = announced(&kept.home, &migration.spec.zone).await?;
    if let Some(controller) = controller {
        note(&format!(
            "the controller {controller} drives the migrations of {}; this command watches",
            kept.home.name
        ));
        let how = args.one.how(&kept).await;
        return follow(&migrations, &name, &how, args.output, Told::UpTo(Box::new(before))).await;
    }
    Box::pin(go_on(args, kept.home, migration, before)).await
}

/// From here, or as a spectator while another driver has the leases.
async fn go_on(args: DriveArgs, home: Cluster, migration: Migration, before: Status) -> anyhow::Result<Exit> {
    let core = migration.spec.to_core()?;
    let mut clusters = Vec::new();
    for name in [&core.from, &core.to] {
        if !core.is_given_up(name) {
            clusters.push(args.one.home.clusters.connect(&name.0).await?);
        }
    }
    let mut world = args.probes.world(clusters, &migration.spec.zone).await?;
    world.take(&migration.spec);
    let name = args.one.name;
    let how = how_to_reach(&home, &world.clusters);
    let options = DriverOptions { world, home, name: name.clone(), identity: identity() };
    let driver = Driver::follow(options, migration);
    drive(driver, Drive { name, how, core, output: args.output, told: Told::UpTo(Box::new(before)) }).await
}

/// Makes the object anew from what the source's journal knows.
async fn restore(one: &OneArgs, context: &str) -> anyhow::Result<Kept> {
    let source = Cluster::connect(context.into(), context, None).await?;
    let journal = read_journal(&source, &one.name).await?.ok_or_else(|| {
        user_error(
            format!("the journal in {context} knows no Migration {}", one.name),
            "is this the source's context?",
        )
    })?;
    for home in one.home.homes().await? {
        Migrations::new(&home).restore(&one.name, journal.clone()).await?;
    }
    one.find().await
}

/// Which weights of others are written over is said before it is done.
fn agreed(args: &DriveArgs, status: &Status) -> OtherHands {
    if !args.overwrite {
        return OtherHands::Stay;
    }
    for group in &status.groups {
        for cluster in &group.clusters {
            let Some(ForeignWeight { weight, .. }) = cluster.foreign else { continue };
            note(&format!("{} in {}: the weight {weight} will be written over", group.name, cluster.name));
        }
    }
    OtherHands::AgreedTo
}

async fn again(args: DriveArgs, kept: Kept) -> anyhow::Result<Exit> {
    let migrations = kept.migrations().list().await?;
    let taken: Vec<String> = migrations.into_iter().filter_map(|migration| migration.metadata.name).collect();
    let names = (2..).map(|number| format!("{}-{number}", args.one.name));
    let name = names.into_iter().find(|name| !taken.contains(name)).unwrap_or_default();
    note(&format!("beginning again as {name}"));
    begin(args, kept, name).await
}

/// From admission on, under a name that nothing has begun under.
async fn begin(args: DriveArgs, kept: Kept, name: String) -> anyhow::Result<Exit> {
    let spec =
        MigrationSpec { wish: Wish::Advance, promotions: 0, promote_to_end: false, ..kept.migration.spec };
    let home = kept.home.context;
    let mut clusters = args.one.home.clusters;
    clusters.contexts.push((home.clone(), home.clone()));
    let request = Request::new(spec, clusters, args.probes);
    // Boxed: a future that holds a whole migration.
    Box::pin(carry_out(Request { name: Some(name), home: Some(home), output: args.output, ..request })).await
}
