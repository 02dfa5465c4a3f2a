//! `crossfade status`: groups and clusters side by side: what is declared, what the zone holds, what is answered.

use std::collections::BTreeMap;
use std::time::Duration;

use clap::Args;
use crossfade_controller::migration::{GroupView, Stateful, WorldOptions, survey, view_groups};
use serde_json::json;

use crate::commands::migrate::Output;
use crate::exit::{Exit, user_error};
use crate::printer::{data, note};
use crate::settings::{ClusterOptions, ProbeOptions};
use crate::table::Table;

/// Answers that are asked for per host: enough to see a half from a tenth.
const DRAWS: u64 = 200;

/// Where to look.
#[derive(Clone, Debug, Args)]
pub struct LookArgs {
    #[command(flatten)]
    pub clusters: ClusterOptions,
    /// The DNS zone that holds the records.
    #[arg(long, env = "CROSSFADE_ZONE", value_name = "ZONE")]
    pub zone: String,
    #[command(flatten)]
    pub probes: ProbeOptions,
}

/// Options of `crossfade status`.
#[derive(Clone, Debug, Args)]
pub struct StatusArgs {
    #[command(flatten)]
    look: LookArgs,
    /// Show it again and again until Ctrl-C.
    #[arg(long, short)]
    watch: bool,
    /// How it is printed.
    #[arg(long, short, value_enum, default_value_t)]
    output: Output,
}

/// Reads everything and prints it, once or until Ctrl-C.
pub async fn run(args: StatusArgs) -> anyhow::Result<Exit> {
    /// A listing of the zone and some hundred questions each time.
    const EVERY: Duration = Duration::from_secs(2);
    let world = connect(&args.look).await?;
    loop {
        let survey = survey(&world, Stateful::Allowed).await?;
        let views = view_groups(&world, &survey, DRAWS).await?;
        if args.output == Output::Json {
            data(&json!({ "zone": args.look.zone, "groups": views }).to_string());
        } else {
            let table = mk_table(&views);
            if table.is_empty() {
                note(
                    "no groups: no Ingress or Service carries the annotations set-identifier and aws-weight",
                );
            } else {
                data(&table.to_string());
            }
        }
        if !args.watch {
            return Ok(Exit::Done);
        }
        tokio::select! {
            () = tokio::time::sleep(EVERY) => {}
            _ = tokio::signal::ctrl_c() => return Ok(Exit::Done),
        }
    }
}

/// Clients for everything that is looked at.
pub async fn connect(args: &LookArgs) -> anyhow::Result<WorldOptions> {
    if args.clusters.contexts.is_empty() {
        return Err(user_error("no cluster was named", "pass --context blue=CTX --context green=CTX"));
    }
    let mut clusters = Vec::new();
    for (name, _) in &args.clusters.contexts {
        clusters.push(args.clusters.connect(name).await?);
    }
    args.probes.world(clusters, &args.zone).await
}

fn mk_table(views: &[GroupView]) -> Table {
    let mut table = Table::new(&["GROUP", "HOST", "CLUSTER", "DECLARED", "RECORD", "ANSWERED", "OWNER"]);
    let text = |weight: Option<crossfade_core::Weight>| {
        weight.map_or_else(|| "?".to_owned(), |weight| weight.to_string())
    };
    for view in views {
        for host in &view.hosts {
            let clusters: &BTreeMap<_, _> = &host.clusters;
            for (cluster, seen) in clusters {
                table.row(vec![
                    view.group.to_string(),
                    host.host.clone(),
                    cluster.to_string(),
                    text(seen.declared),
                    text(seen.record),
                    format!("{:.0} %", seen.answered * 100.0),
                    seen.owner.clone().unwrap_or_else(|| "-".to_owned()),
                ]);
            }
        }
    }
    table
}
