//! A campaign by hand: `--seeds N --first S`. Ends with 1 when a rule was broken. `cargo xtask sim` is the same with a clock.
#![expect(clippy::print_stdout, reason = "what it finds is its output")]

use std::process::ExitCode;

use crossfade_sim::run_campaign;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    let number = |name: &str, default: u64| {
        let at = arguments.iter().position(|argument| argument == name);
        at.and_then(|at| arguments.get(at + 1)?.parse().ok()).unwrap_or(default)
    };
    let report = run_campaign(number("--first", 1), number("--seeds", 200));
    println!("{report}");
    if report.failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
