//! `crossfade migration`: what migrations there are, and the person's hand on one.

mod ask;
mod driver;
mod home;
mod show;
mod take_up;
mod tree;

use clap::{Args, Subcommand};
use crossfade_api::migration::Migration;
use crossfade_core::migration::Status;
use crossfade_kube::Cluster;
use kube::CustomResourceExt;

use crate::commands::migrate::{Output, Told, follow, how_to_reach};
use crate::commands::migration::home::{HomeOptions, Kept};
use crate::exit::Exit;
use crate::printer::data;

/// Options of `crossfade migration`.
#[derive(Clone, Debug, Args)]
pub struct MigrationArgs {
    #[command(subcommand)]
    command: MigrationCommand,
}

#[derive(Clone, Debug, Subcommand)]
enum MigrationCommand {
    /// List the migrations that clusters keep.
    List(show::ListArgs),
    /// Show one: phase, steps, and every hop of every weight.
    Get(show::GetArgs),
    /// Show what happened in one so far.
    History(show::HistoryArgs),
    /// Print what happens in one until it ends; exits as it ends.
    Watch(WatchArgs),
    /// End the pause among the steps that a migration has come to.
    Promote(ask::PromoteArgs),
    /// Print the definition of the Migration resource, for kubectl apply.
    Definition,
    /// Ask a driver that is running to stop after what is under way; weights stay.
    Pause(OneArgs),
    /// Go on with a migration that paused or whose driver ended.
    Resume(take_up::ResumeArgs),
    /// Go on with one that paused at a failed gate, or begin one that was rolled back or refused again under a new name.
    Retry(take_up::ResumeArgs),
    /// Return every weight that a migration wrote to what it was.
    #[command(visible_alias = "abort")]
    Rollback(take_up::RollbackArgs),
}

#[derive(Clone, Debug, Args)]
struct OneArgs {
    /// The migration.
    name: String,
    #[command(flatten)]
    home: HomeOptions,
}

#[derive(Clone, Debug, Args)]
struct WatchArgs {
    #[command(flatten)]
    one: OneArgs,
    /// How the result is printed on stdout.
    #[arg(long, short, value_enum, default_value_t)]
    output: Output,
}

/// Runs one of the sub-commands.
pub async fn run(args: MigrationArgs) -> anyhow::Result<Exit> {
    match args.command {
        MigrationCommand::List(args) => show::list(args).await,
        MigrationCommand::Definition => {
            data(&serde_json::to_string_pretty(&Migration::crd())?);
            Ok(Exit::Done)
        }
        MigrationCommand::Get(args) => show::get(args).await,
        MigrationCommand::History(args) => show::history(args).await,
        MigrationCommand::Watch(args) => {
            let kept = args.one.find().await?;
            let how = args.one.how(&kept).await;
            follow(&kept.migrations(), kept.name(), &how, args.output, Told::Nothing).await
        }
        MigrationCommand::Retry(args) => take_up::retry(args).await,
        MigrationCommand::Promote(args) => ask::promote(args).await,
        MigrationCommand::Pause(args) => ask::pause(args).await,
        MigrationCommand::Resume(args) => take_up::resume(args).await,
        MigrationCommand::Rollback(args) => take_up::rollback(args).await,
    }
}

impl OneArgs {
    /// The object, wherever it lives.
    async fn find(&self) -> anyhow::Result<Kept> {
        self.home.find(&self.name).await
    }

    /// Those clusters of its pair that the kubeconfig knows.
    async fn reachable(&self, kept: &Kept) -> Vec<Cluster> {
        let mut clusters = Vec::new();
        for name in [&kept.migration.spec.from, &kept.migration.spec.to] {
            clusters.extend(self.home.clusters.connect(name).await.ok());
        }
        clusters
    }

    /// The options by which other commands find it.
    async fn how(&self, kept: &Kept) -> String {
        how_to_reach(&kept.home, &self.reachable(kept).await)
    }
}

fn progress_of(migration: &Migration) -> Option<Status> {
    migration.status.as_ref()?.progress.clone()
}
