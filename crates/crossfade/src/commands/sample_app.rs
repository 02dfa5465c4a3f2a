//! `crossfade sample-app`: the workload of the lab's pods as a program of its own, for an image.

use std::net::SocketAddr;

use anyhow::Context;
use clap::Args;
use crossfade_lab::sample_app::{Settings, serve};
use tokio::net::TcpListener;

use crate::exit::Exit;
use crate::printer::data;

/// Options of `crossfade sample-app`; the environment variables are those of the pattern's sample.
#[derive(Clone, Debug, Args)]
pub struct SampleAppArgs {
    /// Where to listen.
    #[arg(long, default_value = "127.0.0.1:8080", value_name = "IP:PORT")]
    pub listen: SocketAddr,
    /// What is shown as CLUSTER_NAME.
    #[arg(long, env = "CLUSTER_NAME", default_value = "")]
    pub cluster_name: String,
    /// What is shown as the server's name.
    #[arg(long, env = "HOSTNAME", default_value = "localhost")]
    pub host_name: String,
}

/// Serves until Ctrl-C.
pub async fn run(args: SampleAppArgs) -> anyhow::Result<Exit> {
    let listener = TcpListener::bind(args.listen).await;
    let listener = listener.with_context(|| format!("cannot listen on {}", args.listen))?;
    data(&format!("listening on http://{}", listener.local_addr()?));
    let settings =
        Settings { cluster_name: args.cluster_name, pod_name: args.host_name, ..Settings::default() };
    let stop = async {
        let _ = tokio::signal::ctrl_c().await;
    };
    serve(listener, settings, |line| data(&line), stop).await.context("the sample application stopped")?;
    Ok(Exit::Done)
}
