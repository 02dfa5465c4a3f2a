//! The program: reads the command line, runs one command, ends with its exit code.

mod actuator;
mod certificates;
mod children;
mod cli;
mod commands;
mod exit;
mod helm;
mod logging;
mod printer;
#[cfg(feature = "lab")]
mod rehearsal;
mod settings;
mod shell;
mod table;

use std::process::ExitCode;

fn main() -> ExitCode {
    children::end_with_parent();
    let cli = cli::parse();
    logging::start(&cli.logging);
    exit::report(commands::run(cli))
}
