//! `crossfade completion`: what a shell needs to complete command lines.

use clap::{Args, CommandFactory};
use clap_complete::{Shell, generate};

use crate::cli::Cli;
use crate::exit::Exit;
use crate::printer::data;

/// Options of `crossfade completion`.
#[derive(Clone, Debug, Args)]
pub struct CompletionArgs {
    /// The shell: source <(crossfade completion bash)
    shell: Shell,
}

/// Prints the shell's script.
pub fn run(args: &CompletionArgs) -> Exit {
    let mut script = Vec::new();
    generate(args.shell, &mut Cli::command(), "crossfade", &mut script);
    data(String::from_utf8_lossy(&script).trim_end());
    Exit::Done
}
