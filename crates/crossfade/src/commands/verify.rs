//! `crossfade verify`: do fresh answers come in the proportions of the records? No migration needed.

use std::collections::{BTreeMap, BTreeSet};

use clap::Args;
use crossfade_controller::migration::{HostView, Stateful, survey, view_groups};
use crossfade_core::ClusterName;
use crossfade_core::migration::Spec;
use crossfade_core::ratio::{Bin, p_value, power};
use serde::Serialize;

use crate::commands::migrate::{Output, within};
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
#[derive(Debug, Serialize)]
struct Checked {
    group: String,
    host: String,
    clusters: BTreeMap<ClusterName, Shares>,
    p_value: Option<f64>,
    verdict: &'static str,
}

/// What of a host's answers is one cluster's.
#[derive(Debug, Serialize)]
struct Shares {
    /// By the records' weights, 0 to 1.
    expected: Option<f64>,
    /// Of fresh answers, 0 to 1.
    answered: f64,
    /// How many fresh answers.
    answers: u64,
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
            "{} draws find a half {:.0} points off with {:.0} % only: `fits` says nothing; --draws asks more",
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
            let clusters = names(&checked);
            note(&format!(
                "shares in % are of {}; hosts are those of {}",
                clusters.join("/"),
                args.look.zone.trim_end_matches('.')
            ));
            data(&table(&checked, &args.look.zone).to_string());
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
    let shares = host.clusters.iter().map(|(name, cluster)| {
        let expected = cluster.record.filter(|_| sum > 0).map(|weight| share(weight.get()));
        (name.clone(), Shares { expected, answered: cluster.answered, answers: cluster.answers })
    });
    Checked {
        group: group.to_owned(),
        host: host.host.clone(),
        clusters: shares.collect(),
        p_value,
        verdict: match p_value {
            None => UNKNOWN,
            Some(p_value) if p_value < level => OFF,
            Some(_) => FITS,
        },
    }
}

/// The clusters of any host, each once.
fn names(checked: &[Checked]) -> Vec<&str> {
    let names: BTreeSet<&str> =
        checked.iter().flat_map(|row| row.clusters.keys()).map(|name| name.0.as_str()).collect();
    names.into_iter().collect()
}

/// Shares stand side by side, in the order of `names`.
fn table(checked: &[Checked], zone: &str) -> Table {
    let names = names(checked);
    let percent =
        |share: Option<f64>| share.map_or_else(|| "-".to_owned(), |share| format!("{:.1}", share * 100.0));
    let mut table = Table::new(&["GROUP", "HOST", "EXPECTED", "ANSWERED", "P", "VERDICT"]);
    for row in checked {
        let shares = |of: &dyn Fn(&Shares) -> Option<f64>| {
            let of_one = |name: &&str| percent(row.clusters.get(&ClusterName::from(*name)).and_then(of));
            names.iter().map(of_one).collect::<Vec<_>>().join("/")
        };
        table.row(vec![
            row.group.clone(),
            within(&row.host, zone).to_owned(),
            shares(&|shares| shares.expected),
            shares(&|shares| Some(shares.answered)),
            row.p_value.map_or_else(|| "-".to_owned(), |p| format!("{p:.3}")),
            row.verdict.to_owned(),
        ]);
    }
    table
}

#[cfg(test)]
mod tests {
    use crossfade_controller::migration::HostInCluster;
    use crossfade_core::Weight;

    use super::*;

    fn mk_host(host: &str, clusters: &[(&str, Option<u8>, u64)]) -> HostView {
        let all: u64 = clusters.iter().map(|(_, _, answers)| answers).sum();
        let seen = |(name, record, answers): &(&str, Option<u8>, u64)| {
            let seen = HostInCluster {
                record: record.map(Weight::new),
                answers: *answers,
                answered: *answers as f64 / all as f64,
                ..HostInCluster::default()
            };
            (ClusterName::from(*name), seen)
        };
        HostView { host: host.to_owned(), clusters: clusters.iter().map(seen).collect(), unknown: 0.0 }
    }

    #[test]
    fn shares_stand_side_by_side_in_one_order() {
        let hosts = [
            mk_host("web.example.org", &[("blue", Some(90), 905), ("green", Some(10), 95)]),
            mk_host("far.example.com", &[("green", Some(1), 500), ("third", Some(1), 500)]),
            mk_host("off.example.org", &[("blue", Some(50), 900), ("green", Some(50), 100)]),
            mk_host("new.example.org", &[("blue", None, 10), ("green", Some(0), 0)]),
        ];
        let checked: Vec<Checked> = hosts.iter().map(|host| check("team/web", host, 1e-4)).collect();
        assert_eq!(
            table(&checked, "example.org.").to_string(),
            "\
GROUP      HOST              EXPECTED      ANSWERED      P       VERDICT
team/web   web               90.0/10.0/-   90.5/9.5/-    0.635   fits
team/web   far.example.com   -/50.0/50.0   -/50.0/50.0   1.000   fits
team/web   off               50.0/50.0/-   90.0/10.0/-   0.000   off
team/web   new               -/-/-         100.0/0.0/-   -       unknown"
        );
    }
}
