//! What a checkout is held against: its layers, its limits, and programs that others wrote.

mod argo;
mod bench;
mod charts;
mod check;
mod clients;
mod faults;
mod layers;
mod real;
mod tools;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "xtask", about = "Checks of the workspace")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Layers, sizes and silenced lints of the checkout.
    Check,
    /// Build the programs that others wrote, where they are not there yet, and name those that have to be installed.
    Tools {
        /// Only these, for example `external-dns`. Default: all.
        names: Vec<String>,
        /// Where they are kept; other commands look there when `CROSSFADE_TOOLS` names it. Default: `CROSSFADE_TOOLS`, or the user's cache.
        #[arg(long)]
        dir: Option<PathBuf>,
    },
    /// Drive the lab with kubectl, aws, dig, curl and external-dns.
    Clients {
        /// The crossfade to test. Default: build the debug one.
        #[arg(long)]
        crossfade: Option<PathBuf>,
        /// Only a part of the checks.
        #[arg(long, value_enum)]
        only: Option<clients::Part>,
    },
    /// Migrate between two real API servers, with the lab's load balancers and name servers.
    Real {
        /// The crossfade to test. Default: build the debug one.
        #[arg(long)]
        crossfade: Option<PathBuf>,
        /// Who writes the records.
        #[arg(long, value_enum, default_value = "both")]
        dns: real::Writers,
    },
    /// Hold the lab's GitOps agent against the real Argo CD.
    Argo {
        /// The crossfade to test. Default: build the debug one.
        #[arg(long)]
        crossfade: Option<PathBuf>,
        /// Only a part of it.
        #[arg(long, value_enum)]
        only: Option<argo::Part>,
    },
    /// Hold the chart renderer against the real helm.
    Charts {
        /// How many random charts.
        #[arg(long, default_value_t = 100)]
        seeds: u64,
    },
    /// Time crossfade beside its peers: external-dns, Argo CD, helm.
    Bench {
        /// The crossfade to time: a release build says most, and its limits bind only a program in a directory `release`.
        #[arg(long)]
        crossfade: Option<PathBuf>,
        /// Only a part of it.
        #[arg(long, value_enum)]
        only: Option<bench::Part>,
    },
    /// Play seeds of the simulated world and check the invariants of migrations.
    Sim {
        /// How many.
        #[arg(long, default_value_t = 2_000)]
        seeds: u64,
        /// The first one.
        #[arg(long, default_value_t = 1)]
        first: u64,
    },
    /// Kill the driver of a migration again and again, and let its world fail, under requests.
    Faults {
        /// The crossfade to test. Default: build the debug one.
        #[arg(long)]
        crossfade: Option<PathBuf>,
        /// How many drivers are killed.
        #[arg(long, default_value_t = 10)]
        kills: u32,
        /// How often faults of the lab are switched on for some seconds.
        #[arg(long, default_value_t = 8)]
        storms: u32,
        /// When drivers are killed and what fails when is drawn from it.
        #[arg(long, default_value_t = 1)]
        seed: u64,
        /// Who drives.
        #[arg(long, value_enum, default_value = "cli")]
        driver: faults::Kind,
        /// How the lab's workloads come in.
        #[arg(long, value_enum, default_value = "manifests")]
        delivery: faults::Delivery,
    },
}

fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Check => check::run(),
        Command::Tools { dir, names } => tools::run(dir, &names),
        Command::Clients { crossfade, only } => clients::run(crossfade, only),
        Command::Real { crossfade, dns } => real::run(crossfade, dns),
        Command::Argo { crossfade, only } => argo::run(crossfade, only),
        Command::Charts { seeds } => charts::run(seeds),
        Command::Bench { crossfade, only } => bench::run(crossfade, only),
        Command::Sim { seeds, first } => Ok(sim(first, seeds)),
        Command::Faults { crossfade, kills, storms, seed, driver, delivery } => {
            faults::run(crossfade, faults::Options { kills, storms, seed, driver, delivery })
        }
    };
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            say(&format!("error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn sim(first: u64, seeds: u64) -> bool {
    let began = std::time::Instant::now();
    let report = crossfade_sim::run_campaign(first, seeds);
    say(&report.to_string());
    let seconds = began.elapsed().as_secs_f64();
    say(&format!("{:.0} seeds a second", seeds as f64 / seconds.max(0.001)));
    say(&format!("{} passed, {} failed", seeds - report.failed.len() as u64, report.failed.len()));
    report.failed.is_empty()
}

/// The one place that prints.
#[expect(clippy::print_stdout, reason = "what xtask finds is its output")]
fn say(text: &str) {
    println!("{text}");
}

/// The checkout that this program was built from.
fn workspace() -> PathBuf {
    let manifest = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    manifest.parent().map(PathBuf::from).unwrap_or(manifest)
}
