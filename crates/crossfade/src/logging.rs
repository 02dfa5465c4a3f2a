//! Logs to stderr, one line per decision: `CROSSFADE_LOG` chooses what, `--log-format json` how.

use std::io::IsTerminal;

use clap::{Args, ValueEnum};
use tracing_subscriber::EnvFilter;

/// What is logged when nothing is asked for: a terminal shows progress, not logs.
const FILTER_DEFAULT: &str = "warn";
/// The Kubernetes client tells every failed request as an error, without saying which cluster's; whoever asked says both.
const KUBE_CLIENT_OFF: &str = "kube_client::client::builder=off";

/// How logs look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One object per line.
    Json,
}

/// Options of every command.
#[derive(Clone, Debug, Args)]
pub struct LogOptions {
    /// What to log: `info`, `debug`, `crossfade_controller=debug,warn`, …
    #[arg(long, env = "CROSSFADE_LOG", global = true, value_name = "FILTER", help_heading = "Logging")]
    pub log: Option<String>,
    /// How logs look on stderr.
    #[arg(
        long,
        env = "CROSSFADE_LOG_FORMAT",
        global = true,
        value_enum,
        default_value_t,
        help_heading = "Logging"
    )]
    pub log_format: LogFormat,
}

/// Starts logging for the rest of the process.
pub fn start(options: &LogOptions) {
    let filter = options.log.as_deref().unwrap_or(FILTER_DEFAULT);
    let filter =
        if filter.contains("kube") { filter.to_owned() } else { format!("{filter},{KUBE_CLIENT_OFF}") };
    let filter = EnvFilter::builder().parse_lossy(filter);
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let builder = builder.with_ansi(std::io::stderr().is_terminal());
    match options.log_format {
        LogFormat::Text => builder.with_target(false).init(),
        LogFormat::Json => builder.json().init(),
    }
}
