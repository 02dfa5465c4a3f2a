//! The program: reads the command line, runs one command, ends with its exit code.

mod actuator;
mod certificates;
#[cfg(feature = "lab")]
mod children;
mod cli;
mod commands;
mod exit;
mod fill;
mod helm;
mod logging;
mod parent;
mod printer;
#[cfg(feature = "lab")]
mod rehearsal;
mod settings;
mod shell;
mod stop;
mod table;

use std::process::ExitCode;

fn main() -> ExitCode {
    parent::end_with_parent();
    let cli = cli::parse();
    logging::start(&cli.logging);
    exit::report(commands::run(cli))
}
