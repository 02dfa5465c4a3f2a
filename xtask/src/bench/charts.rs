//! `crossfade render` beside `helm template`, as programs: what a person or a pipeline waits for, start included.
//!
//! Nothing is said of what they print: that is compared, document by document, by `against_helm`.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, bail};

use crate::bench::median;
use crate::{say, tools, workspace};

/// Runs of each program and chart, alternating.
const RUNS: usize = 15;
/// Charts of the checkout: the pattern's workloads, an app of apps, and the largest of the renderer's own tests.
const CHARTS: [&str; 6] = [
    "examples/workloads/envs/dev",
    "examples/workloads/teams/team-burnham/dev",
    "examples/workloads/teams/team-riker/dev",
    "examples/workloads/multi-repo/ecsdemo-frontend",
    "examples/workloads/teams/team-geordie/dev",
    "crates/crossfade-gotemplate/tests/charts/aliases-of-families/chart",
];

/// What one run took: seconds, and KiB at the peak.
type Run = (f64, f64);

/// Measures both; an error when one does not render.
pub(super) fn run(crossfade: &Path) -> anyhow::Result<bool> {
    let helm = tools::HELM.path()?;
    let scratch = std::env::temp_dir().join(format!("crossfade-bench-charts-{}", std::process::id()));
    std::fs::create_dir_all(&scratch).with_context(|| scratch.display().to_string())?;
    say(&format!(
        "{:<20} {:>22} {:>22} {:>9} {:>9}",
        "chart", "crossfade render", "helm template", "faster", "memory"
    ));
    let mut ratios = (Vec::new(), Vec::new());
    for chart in CHARTS {
        let path = workspace().join(chart);
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for _ in 0..RUNS {
            ours.push(once(crossfade, &["render"], &path, &scratch)?);
            theirs.push(once(&helm, &["template", "release-name"], &path, &scratch)?);
        }
        let middle = |runs: &[Run], part: fn(&Run) -> f64| median(&runs.iter().map(part).collect::<Vec<_>>());
        let (our_seconds, their_seconds) = (middle(&ours, |run| run.0), middle(&theirs, |run| run.0));
        let (our_kib, their_kib) = (middle(&ours, |run| run.1), middle(&theirs, |run| run.1));
        let shown = |seconds: f64, kib: f64| format!("{:.1} ms, {:.1} MiB", seconds * 1000.0, kib / 1024.0);
        say(&format!(
            "{:<20} {:>22} {:>22} {:>9} {:>9.2}",
            short(chart),
            shown(our_seconds, our_kib),
            shown(their_seconds, their_kib),
            format!("{:.1}x", their_seconds / our_seconds),
            our_kib / their_kib
        ));
        ratios.0.push(their_seconds / our_seconds);
        ratios.1.push(our_kib / their_kib);
    }
    let _ = std::fs::remove_dir_all(&scratch);
    say(&format!(
        "median of {} charts, {RUNS} runs each: {:.1} times as fast, {:.2} of the memory",
        CHARTS.len(),
        median(&ratios.0),
        median(&ratios.1)
    ));
    Ok(true)
}

/// The part of a path that tells one chart from the others.
fn short(chart: &str) -> &str {
    let parts = chart.rsplit('/').find(|part| *part != "dev" && *part != "chart");
    parts.unwrap_or(chart)
}

fn once(program: &Path, words: &[&str], chart: &Path, scratch: &Path) -> anyhow::Result<Run> {
    let report = scratch.join("peak");
    let began = Instant::now();
    let status = Command::new("time")
        .args(["--format", "%M", "--output"])
        .arg(&report)
        .arg(program)
        .args(words)
        .arg(chart)
        // What helm looks for is not there, so that both read the chart alone.
        .env("HELM_CONFIG_HOME", scratch)
        .env("HELM_CACHE_HOME", scratch)
        .env("HELM_DATA_HOME", scratch)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .status()
        .context("time does not start")?;
    let seconds = began.elapsed().as_secs_f64();
    if !status.success() {
        bail!("{} does not render {}", program.display(), chart.display());
    }
    let text = std::fs::read_to_string(&report).with_context(|| report.display().to_string())?;
    let kib = text.trim().parse().with_context(|| format!("`{text}` is no memory"))?;
    Ok((seconds, kib))
}
