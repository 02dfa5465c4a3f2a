//! `crossfade controller`: drives the Migrations of a cluster, unattended.

use clap::Args;
use crossfade_controller::migration::{ControllerOptions, run_controller};
use crossfade_kube::Cluster;

use crate::commands::migrate::identity;
use crate::exit::{Exit, user_error};
use crate::printer::note;
use crate::settings::{ClusterOptions, ProbeOptions};
use crate::stop::Stop;

/// Options of `crossfade controller`.
#[derive(Clone, Debug, Args)]
pub struct ControllerArgs {
    /// The context of the cluster whose Migrations are driven.
    #[arg(long = "home-context", value_name = "CTX")]
    home_context: String,
    #[command(flatten)]
    clusters: ClusterOptions,
    /// The DNS zone whose Migrations are driven.
    #[arg(long, env = "CROSSFADE_ZONE", value_name = "ZONE")]
    zone: String,
    #[command(flatten)]
    probes: ProbeOptions,
    /// Drive Migrations: what this command does, also when it is not said. Records are `dns-controller`'s.
    #[arg(long)]
    migrations: bool,
}

/// Drives until it is asked to stop; leases are given back, and weights stay as they are then.
pub async fn run(args: ControllerArgs) -> anyhow::Result<Exit> {
    if args.clusters.contexts.len() < 2 {
        return Err(user_error(
            "a migration needs two clusters",
            "name those that Migrations may use: --context blue=CTX --context green=CTX",
        ));
    }
    let home = Cluster::connect(args.home_context.as_str().into(), &args.home_context, None).await?;
    let mut clusters = Vec::new();
    for (name, _) in &args.clusters.contexts {
        clusters.push(args.clusters.connect(name).await?);
    }
    let world = args.probes.world(clusters, &args.zone).await?;
    let stop = Stop::listen();
    note(&format!("driving the Migrations of {} in zone {}", args.home_context, args.zone));
    run_controller(ControllerOptions { home, world, identity: identity() }, stop.asked).await?;
    Ok(Exit::Done)
}
