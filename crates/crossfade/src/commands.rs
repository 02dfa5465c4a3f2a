//! One module per command.

pub mod bridge;
pub mod completion;
pub mod controller;
#[cfg(feature = "lab")]
pub mod demo;
pub mod dns_controller;
pub mod export;
#[cfg(feature = "lab")]
pub mod lab;
pub mod migrate;
pub mod migration;
pub mod render;
#[cfg(feature = "lab")]
pub mod sample_app;
pub mod simulate;
pub mod status;
pub mod verify;
pub mod weights;

use anyhow::Context;

use crate::cli::{Cli, Command};
use crate::exit::Exit;

/// Runs the chosen command to its end.
pub fn run(cli: Cli) -> anyhow::Result<Exit> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    runtime.block_on(async {
        match cli.command {
            #[cfg(feature = "lab")]
            Command::Demo(args) => demo::run(args).await,
            #[cfg(feature = "lab")]
            Command::Lab(args) => lab::run(args).await,
            Command::Migrate(args) => migrate::run(args).await,
            Command::Migration(args) => migration::run(args).await,
            Command::Status(args) => status::run(args).await,
            Command::Verify(args) => verify::run(args).await,
            Command::Weights(args) => weights::run(args).await,
            Command::Render(args) => render::run(args).await,
            Command::Bridge(args) => bridge::run(args).await,
            Command::Export(args) => export::run(args),
            Command::Completion(args) => Ok(completion::run(&args)),
            Command::Simulate(args) => simulate::run(&args),
            Command::Controller(args) => controller::run(args).await,
            Command::DnsController(args) => dns_controller::run(args).await.map(|()| Exit::Done),
            #[cfg(feature = "lab")]
            Command::SampleApp(args) => sample_app::run(args).await,
        }
    })
}
