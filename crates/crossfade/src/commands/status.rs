//! `crossfade status`: groups and clusters side by side: what is declared, what the zone holds, what is answered.

use std::collections::BTreeMap;

use clap::Args;
use crossfade_aws::Aws;
use crossfade_controller::migration::{GroupView, Stateful, WorldOptions, survey, view_groups};
use crossfade_core::dns::RecordName;
use serde_json::json;

use crate::commands::migrate::Output;
use crate::exit::{Exit, user_error};
use crate::printer::{data, note};
use crate::settings::{ClusterOptions, ProbeOptions};
use crate::table::Table;

/// Answers that are asked for per host: enough to see a half from a tenth.
const DRAWS: u64 = 200;

/// Options of `crossfade status`.
#[derive(Clone, Debug, Args)]
pub struct StatusArgs {
    #[command(flatten)]
    clusters: ClusterOptions,
    /// The DNS zone that holds the records.
    #[arg(long, env = "CROSSFADE_ZONE", value_name = "ZONE")]
    zone: String,
    /// How it is printed.
    #[arg(long, short, value_enum, default_value_t)]
    output: Output,
    #[command(flatten)]
    probes: ProbeOptions,
}

/// Reads everything once and prints it.
pub async fn run(args: StatusArgs) -> anyhow::Result<Exit> {
    if args.clusters.contexts.is_empty() {
        return Err(user_error("no cluster was named", "pass --context blue=CTX --context green=CTX"));
    }
    let mut clusters = Vec::new();
    for (name, _) in &args.clusters.contexts {
        clusters.push(args.clusters.connect(name).await?);
    }
    let route53 = Aws::from_environment().await?.route53();
    let zone = route53.find_zone(&RecordName::parse(&args.zone)?).await?;
    let zone = zone.ok_or_else(|| {
        user_error(
            format!("there is no public zone {}", args.zone),
            "`aws route53 list-hosted-zones` lists them",
        )
    })?;
    let world = WorldOptions {
        clusters,
        name_servers: args.probes.name_servers(&route53, &zone).await?,
        resolvers: args.probes.resolvers(),
        http: args.probes.http()?,
        probe_path: args.probes.probe_path.clone(),
        owners: std::collections::BTreeSet::new(),
        route53,
        zone,
    };
    let survey = survey(&world, Stateful::Allowed).await?;
    let views = view_groups(&world, &survey, DRAWS).await?;
    if args.output == Output::Json {
        data(&json!({ "zone": args.zone, "groups": views }).to_string());
        return Ok(Exit::Done);
    }
    let table = mk_table(&views);
    if table.is_empty() {
        note("no groups: no Ingress or Service carries the annotations set-identifier and aws-weight");
    } else {
        data(&table.to_string());
    }
    Ok(Exit::Done)
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
