//! `crossfade verify`: do fresh answers come in the proportions of the records? No migration needed.

use clap::Args;
use crossfade_controller::migration::{HostView, Stateful, survey, view_groups};
use crossfade_core::migration::Spec;
use crossfade_core::ratio::{Bin, p_value, power};
use serde::Serialize;

use crate::commands::migrate::Output;
use crate::commands::status::{LookArgs, connect};
use crate::exit::Exit;
use crate::printer::{data, note};
use crate::table::Table;

/// Options of `crossfade verify`.
#[derive(Clone, Debug, Args)]
pub struct VerifyArgs {
    #[command(flatten)]
    look: LookArgs,
    /// Questions per host.
    #[arg(long, default_value_t = Spec::DRAWS, value_parser = clap::value_parser!(u64).range(1..=crossfade_core::ratio::DRAWS_MAX), value_name = "N")]
    draws: u64,
    /// How it is printed.
    #[arg(long, short, value_enum, default_value_t)]
    output: Output,
}

/// One host's test.
#[derive(Serialize)]
struct Checked {
    group: String,
    host: String,
    expected: String,
    answered: String,
    p_value: Option<f64>,
    verdict: &'static str,
}

/// Draws, tests, prints. Exit 1 when a share is off, 4 when nothing can be said.
pub async fn run(args: VerifyArgs) -> anyhow::Result<Exit> {
    let world = connect(&args.look).await?;
    let survey = survey(&world, Stateful::Allowed).await?;
    let views = view_groups(&world, &survey, args.draws).await?;
    let hosts: usize = views.iter().map(|view| view.hosts.len()).sum();
    let level = Spec::ERROR_LEVEL / hosts.max(1) as f64;
    let found = power(args.draws, 0.5, 0.5 + POINTS_OFF, level);
    if found < POWER_MIN {
        note(&format!(
            "{} questions find a half that is {:.0} points off with {:.0} % only: fits say nothing; ask more (--draws)",
            args.draws,
            POINTS_OFF * 100.0,
            found * 100.0
        ));
    }
    let checked: Vec<Checked> =
        views
            .iter()
            .flat_map(|view| view.hosts.iter().map(|host| check(&view.group.0, host, level)))
            .map(|row| {
                if row.verdict == FITS && found < POWER_MIN {
                    Checked { verdict: UNKNOWN, ..row }
                } else {
                    row
                }
            })
            .collect();
    match args.output {
        Output::Json => data(&serde_json::to_string(&checked)?),
        Output::Text => {
            let mut table = Table::new(&["GROUP", "HOST", "EXPECTED", "ANSWERED", "P", "VERDICT"]);
            for row in &checked {
                let p_value = row.p_value.map_or_else(|| "-".to_owned(), |p| format!("{p:.3}"));
                let cells = [&row.group, &row.host, &row.expected, &row.answered, &p_value];
                let mut cells: Vec<String> = cells.into_iter().cloned().collect();
                cells.push(row.verdict.to_owned());
                table.row(cells);
            }
            data(&table.to_string());
        }
    }
    let has = |verdict| checked.iter().any(|row| row.verdict == verdict);
    Ok(if has(OFF) {
        Exit::UserFailure
    } else if has(UNKNOWN) || checked.is_empty() {
        Exit::Paused
    } else {
        Exit::Done
    })
}

/// How far off a share has to be to be found.
const POINTS_OFF: f64 = 0.05;
/// As often as tests are usually made to find what is there.
const POWER_MIN: f64 = 0.8;
const FITS: &str = "fits";
const OFF: &str = "off";
const UNKNOWN: &str = "unknown";

/// Whether the draws fit the records' weights. Health is left out: an unhealthy cluster is off, and that is the news.
fn check(group: &str, host: &HostView, level: f64) -> Checked {
    let sum: u32 =
        host.clusters.values().filter_map(|cluster| cluster.record).map(|w| u32::from(w.get())).sum();
    let is_known = host.clusters.values().all(|cluster| cluster.record.is_some()) && sum > 0;
    let share = |weight: u8| f64::from(weight) / f64::from(sum.max(1));
    let bins: Vec<Bin> = host
        .clusters
        .values()
        .map(|cluster| Bin {
            observed: cluster.answers,
            expected_share: share(cluster.record.unwrap_or_default().get()),
        })
        .collect();
    let answers: u64 = bins.iter().map(|bin| bin.observed).sum();
    let p_value = (is_known && answers > 0).then(|| p_value(&bins));
    let list = |text: &dyn Fn(&crossfade_controller::migration::HostInCluster) -> String| -> String {
        host.clusters
            .iter()
            .map(|(name, cluster)| format!("{name} {}", text(cluster)))
            .collect::<Vec<_>>()
            .join(", ")
    };
    Checked {
        group: group.to_owned(),
        host: host.host.clone(),
        expected: list(&|cluster| {
            cluster
                .record
                .map_or_else(|| "?".to_owned(), |weight| format!("{:.1} %", share(weight.get()) * 100.0))
        }),
        answered: list(&|cluster| format!("{:.1} %", cluster.answered * 100.0)),
        p_value,
        verdict: match p_value {
            None => UNKNOWN,
            Some(p_value) if p_value < level => OFF,
            Some(_) => FITS,
        },
    }
}
