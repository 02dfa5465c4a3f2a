//! The command line.

use clap::{Parser, Subcommand};

use crate::commands;
use crate::logging::LogOptions;

/// Move live traffic from one Kubernetes cluster to another, a step at a time, and back when something is wrong.
#[derive(Parser)]
#[command(name = "crossfade", version, about, arg_required_else_help = true)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
    #[command(flatten)]
    pub logging: LogOptions,
}

/// What can be done.
#[derive(Subcommand)]
pub enum Command {
    /// Rehearse a whole migration on this machine: lab, users, steps, proof.
    #[cfg(feature = "lab")]
    Demo(commands::demo::DemoArgs),
    /// A lab that stays: clusters, Route 53, load balancers on this machine.
    #[cfg(feature = "lab")]
    Lab(commands::lab::LabArgs),
    /// Move the traffic of groups from one cluster to another.
    Migrate(commands::migrate::MigrateArgs),
    /// Look at migrations, and change what they do.
    #[command(alias = "migrations")]
    Migration(commands::migration::MigrationArgs),
    /// Show groups and clusters: declared weight, record, answers.
    Status(commands::status::StatusArgs),
    /// Put fresh answers to the test: do they come in the proportions of the records?
    Verify(commands::verify::VerifyArgs),
    /// Read weights, or set those of one group with the safety of a migration.
    Weights(commands::weights::WeightsArgs),
    /// Tell Argo CD about a cluster: the objects of the GitOps bridge.
    Bridge(commands::bridge::BridgeArgs),
    /// Write files for other tools: the GitOps repositories.
    Export(commands::export::ExportArgs),
    /// Predict how the users' share moves during a migration. Touches nothing.
    Simulate(commands::simulate::SimulateArgs),
    /// Render a chart as `helm template` does. Asks no cluster.
    Render(commands::render::RenderArgs),
    /// Print what bash, zsh, fish, elvish or PowerShell need to complete command lines.
    Completion(commands::completion::CompletionArgs),
    /// Drive every Migration that a cluster keeps.
    Controller(commands::controller::ControllerArgs),
    /// Run the DNS controller of one cluster.
    DnsController(commands::dns_controller::DnsControllerArgs),
    /// Run the sample application, which says in which cluster it runs.
    #[cfg(feature = "lab")]
    SampleApp(commands::sample_app::SampleAppArgs),
}

/// Reads the command line; a mistake in it ends the process with the user's exit code.
pub fn parse() -> Cli {
    Cli::try_parse().unwrap_or_else(|error| {
        let _ = error.print();
        std::process::exit(i32::from(error.use_stderr()));
    })
}
