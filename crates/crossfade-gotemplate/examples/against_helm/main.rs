//! Renders charts with this crate and with the real helm, and says where they differ.
//!
//! `cargo run -p crossfade-gotemplate --example against_helm -- PATH_TO_HELM [--write] [--seeds N] [--first-seed N]
//! [--kube-version V] [--below DIRECTORY]… [CHART_DIRECTORY…]`
//!
//! `--below` takes every chart anywhere below a directory, for example of a Go module that others wrote. Without further arguments it takes all feature charts; `--write` writes what helm prints beside them, as the expected
//! output of the tests. `--seeds N` makes N random charts and compares those. Ends with 1 when anything differs.
#![expect(clippy::print_stdout, reason = "it is a program whose output is its report")]

mod cases;
mod generate;
mod others;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

/// How many differences are printed in full.
const SHOWN_MAX: usize = 40;

struct Arguments {
    helm: PathBuf,
    writes: bool,
    seeds: u64,
    first_seed: u64,
    charts: Vec<PathBuf>,
    /// What those charts are rendered with.
    options: Vec<String>,
}

fn arguments() -> Option<Arguments> {
    let mut words = std::env::args().skip(1);
    let helm = PathBuf::from(words.next()?);
    let mut arguments =
        Arguments { helm, writes: false, seeds: 0, first_seed: 1, charts: Vec::new(), options: Vec::new() };
    while let Some(word) = words.next() {
        match word.as_str() {
            "--write" => arguments.writes = true,
            "--seeds" => arguments.seeds = words.next()?.parse().ok()?,
            "--first-seed" => arguments.first_seed = words.next()?.parse().ok()?,
            "--kube-version" => arguments.options.extend([word, words.next()?]),
            "--below" => arguments.charts.extend(others::charts_below(Path::new(&words.next()?))),
            chart => arguments.charts.push(PathBuf::from(chart)),
        }
    }
    Some(arguments)
}

fn main() -> ExitCode {
    let Some(arguments) = arguments() else {
        println!(
            "usage: against_helm PATH_TO_HELM [--write] [--seeds N] [--first-seed N] [CHART_DIRECTORY…]"
        );
        return ExitCode::from(2);
    };
    let (mut compared, mut different, mut excused) = (0, 0, 0);
    let mut compare = |name: &str, chart: &Path, options: &[String]| {
        let theirs = helm(&arguments.helm, chart, options);
        let ours = cases::ours(chart, options);
        compared += 1;
        let comparable = |result: &Result<String, String>| match result {
            Ok(text) => Ok(without_certificates(text)),
            Err(text) => Err(text.trim_end().to_owned()),
        };
        if comparable(&ours) != comparable(&theirs) {
            if let Some(reason) = others::excuse(chart) {
                excused += 1;
                println!("excused: {name}: {reason}");
                return theirs;
            }
            different += 1;
            if different <= SHOWN_MAX {
                report(name, &ours, &theirs);
            }
        }
        theirs
    };
    for chart in &arguments.charts {
        drop(compare(&chart.to_string_lossy(), chart, &arguments.options));
    }
    if arguments.charts.is_empty() && arguments.seeds == 0 {
        for case in cases::all(&cases::feature_charts()) {
            let theirs = compare(&case.name, &case.chart, &case.arguments);
            if arguments.writes {
                write(&case.expected, &theirs);
            }
        }
    }
    for seed in arguments.first_seed..arguments.first_seed + arguments.seeds {
        let (chart, options) = generate::chart(seed);
        drop(compare(&format!("seed {seed}"), &chart, &options));
        if fs::remove_dir_all(&chart).is_err() {
            println!("cannot remove {}", chart.display());
        }
    }
    let excused = if excused > 0 { format!(" ({excused} excused)") } else { String::new() };
    println!("{compared} compared, {different} different{excused}");
    if different > 0 { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

/// What helm prints, or complains of.
fn helm(program: &Path, chart: &Path, options: &[String]) -> Result<String, String> {
    let output = Command::new(program).arg("template").arg(chart).args(options).output();
    let output = output.unwrap_or_else(|error| panic!("{}: {error}", program.display()));
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
    let complaint = complaint.split_once("Error: ").map_or(complaint.as_str(), |(_, text)| text);
    Err(complaint.replace("\n\nUse --debug flag to render out invalid YAML", "").trim_end().to_owned())
}

fn write(expected: &Path, theirs: &Result<String, String>) {
    let (good, bad) = (expected.with_extension("yaml"), expected.with_extension("txt"));
    let (path, other, text) = match theirs {
        Ok(text) => (good, bad, text),
        Err(text) => (bad, good, text),
    };
    // A case may turn from one into the other.
    let _ = fs::remove_file(other);
    fs::write(&path, text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
}

/// A text without the keys and certificates in it: words of base64 as long as those.
fn without_certificates(text: &str) -> String {
    const LONG: usize = 900;
    let is_base64 = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '+' | '/' | '=');
    text.split_inclusive(|letter| !is_base64(letter))
        .map(|word| match word.trim_end_matches(|letter| !is_base64(letter)) {
            base64 if base64.len() > LONG => word.replace(base64, "(certificate)"),
            _ => word.to_owned(),
        })
        .collect()
}

/// The first lines that differ.
fn report(name: &str, ours: &Result<String, String>, theirs: &Result<String, String>) {
    println!("=== {name}");
    match (ours, theirs) {
        (Ok(ours), Ok(theirs)) => {
            let (mine, yours): (Vec<&str>, Vec<&str>) = (ours.lines().collect(), theirs.lines().collect());
            let first = (0..mine.len().max(yours.len())).find(|line| mine.get(*line) != yours.get(*line));
            let first = first.unwrap_or(0);
            for line in first.saturating_sub(2)..first + 3 {
                println!("  helm {:4} | {}", line + 1, yours.get(line).unwrap_or(&"(end)"));
                println!("  ours {:4} | {}", line + 1, mine.get(line).unwrap_or(&"(end)"));
            }
        }
        (ours, theirs) => {
            let show = |result: &Result<String, String>| match result {
                Ok(text) => format!("renders, {} bytes", text.len()),
                Err(text) => format!("Error: {text}"),
            };
            println!("  helm: {}\n  ours: {}", show(theirs), show(ours));
        }
    }
}
