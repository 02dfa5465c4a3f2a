//! `crossfade status`: groups and clusters side by side: what is declared, what the zone holds, what is answered.

use std::time::Duration;

use clap::Args;
use crossfade_controller::migration::{GroupView, HostView, Stateful, WorldOptions, survey, view_groups};
use crossfade_core::Weight;
use crossfade_core::migration::hop;
use serde_json::json;

use crate::commands::migrate::Output;
use crate::exit::{Exit, user_error};
use crate::printer::{Paint, data, note};
use crate::settings::{ClusterOptions, ProbeOptions};

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
        } else if views.is_empty() {
            note("no groups: no Ingress or Service carries the annotations set-identifier and aws-weight");
        } else {
            data(&tree(&views, Paint::stdout()));
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

/// Groups, their hosts, and the path of each cluster's weight: annotation, record, what is answered.
fn tree(views: &[GroupView], paint: Paint) -> String {
    let mut lines = Vec::new();
    for view in views {
        lines.push(paint.strong(&view.group.to_string()));
        for (index, host) in view.hosts.iter().enumerate() {
            let is_last = index + 1 == view.hosts.len();
            lines.push(format!("{} {}", if is_last { "└─" } else { "├─" }, host.host));
            let indent = if is_last { "   " } else { "│  " };
            lines.extend(paths(host, indent, paint));
        }
    }
    lines.join("\n")
}

fn paths(host: &HostView, indent: &str, paint: Paint) -> Vec<String> {
    let width = host.clusters.keys().map(|cluster| cluster.0.len()).max().unwrap_or(0);
    let count = host.clusters.len() + usize::from(host.unknown > 0.0);
    let branch = |index: usize| if index + 1 == count { "└─" } else { "├─" };
    let mut lines: Vec<String> = host
        .clusters
        .iter()
        .enumerate()
        .map(|(index, (cluster, seen))| {
            let owner = seen.owner.as_deref().map_or_else(String::new, |owner| format!("  owner {owner}"));
            let path = format!(
                "{} {:<4} → {} {:<4} → answered {:>3.0} %",
                hop::DECLARED,
                text(seen.declared),
                hop::RECORD,
                text(seen.record),
                seen.answered * 100.0
            );
            let agrees = seen.declared.is_none() || seen.declared == seen.record;
            let path = if agrees { path } else { paint.bad(&path) };
            format!("{indent}{} {:<width$}  {path}{}", branch(index), cluster.0, paint.faint(&owner))
        })
        .collect();
    if host.unknown > 0.0 {
        let part = host.unknown * 100.0;
        lines.push(paint.bad(&format!("{indent}└─ {part:.0} % of the answers name nobody's load balancer")));
    }
    lines
}

fn text(weight: Option<Weight>) -> String {
    weight.map_or_else(|| "?".to_owned(), |weight| weight.to_string())
}
