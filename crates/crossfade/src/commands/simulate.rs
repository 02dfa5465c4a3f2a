//! `crossfade simulate`: the engine in a calm world with users behind caches: how will the share move, how long does it take?

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use crossfade_api::gates::GateSpec;
use crossfade_api::migration::{Migration, MigrationSpec};
use crossfade_core::migration::{GateKind, Spec};
use crossfade_sim::{Prediction, PredictionOptions, Sample, predict};
use serde_json::json;

use crate::exit::{Exit, user_error};
use crate::printer::{Paint, data};

/// Lines of the chart: more than a screen helps nobody.
const CHART_LINES_MAX: usize = 40;
/// Characters of a bar.
const BAR_WIDTH: usize = 50;

/// How a prediction is printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum SimulateOutput {
    /// A chart.
    #[default]
    Text,
    /// A row every half second.
    Csv,
    /// One document.
    Json,
    /// A picture.
    Svg,
}

/// Options of `crossfade simulate`.
#[derive(Clone, Debug, Args)]
pub struct SimulateArgs {
    /// Steps: shares of the destination, weights source/destination, or `pause` (promoted at once here).
    #[arg(long, value_delimiter = ',', default_value = "10%,50%,100%", value_name = "STEPS")]
    steps: Vec<String>,
    /// Take steps, bake and keep-warm time from this Migration (YAML, as for kubectl apply) instead.
    #[arg(long, short, value_name = "FILE", conflicts_with_all = ["steps", "bake"])]
    file: Option<PathBuf>,
    /// The weights now: source/destination; of one group `team-a/web=100/0`, once per group.
    #[arg(long, default_value = "100/0", value_name = "[GROUP=]WEIGHTS")]
    now: Vec<String>,
    /// TTL of answers, seconds.
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..=86_400), value_name = "SECONDS")]
    ttl: u32,
    /// Seconds to watch a proven step before the next.
    #[arg(long, default_value_t = 0, value_name = "SECONDS")]
    bake: u32,
    /// The DNS controller looks once a minute and tells nothing, as ExternalDNS does by default.
    #[arg(long)]
    polling: bool,
    /// The longest that a name server takes to take up a change, seconds.
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u32).range(0..=3_600), value_name = "SECONDS")]
    propagation: u32,
    /// Users in a hundred that keep answers up to three times the TTL.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(0..=100), value_name = "PERCENT")]
    overstaying: u32,
    /// Every draw comes from it.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How it is printed.
    #[arg(long, short, value_enum, default_value_t)]
    output: SimulateOutput,
}

/// A group of users and what is predicted for it.
struct Group {
    /// Empty when there is only one.
    name: String,
    prediction: Prediction,
}

/// Predicts and prints.
pub fn run(args: &SimulateArgs) -> anyhow::Result<Exit> {
    let spec = spec(args)?;
    let mut groups = Vec::new();
    for now in &args.now {
        let (name, options) = options(args, &spec, now)?;
        let prediction = predict(&options);
        if !prediction.is_complete {
            return Err(user_error(
                "the migration does not end within a virtual week",
                "shorten the bake time or --ttl",
            ));
        }
        groups.push(Group { name, prediction });
    }
    match args.output {
        SimulateOutput::Text => {
            let charts = groups.iter().map(|group| titled(group, chart(&group.prediction, Paint::stdout())));
            data(&charts.collect::<Vec<_>>().join("\n\n"));
        }
        SimulateOutput::Csv => data(&csv(&groups)),
        SimulateOutput::Json => {
            data(&json!({ "groups": groups.iter().map(to_json).collect::<Vec<_>>() }).to_string());
        }
        SimulateOutput::Svg => data(&svg(&groups)),
    }
    Ok(Exit::Done)
}

fn titled(group: &Group, text: String) -> String {
    if group.name.is_empty() { text } else { format!("{}\n{text}", group.name) }
}

fn to_json(group: &Group) -> serde_json::Value {
    let samples = group.prediction.samples.iter();
    let samples: Vec<_> = samples
        .map(
            |sample| json!({ "at_s": sample.at_seconds, "declared": sample.declared, "users": sample.users }),
        )
        .collect();
    let events = group.prediction.events.iter();
    let events: Vec<_> = events.map(|(at, what)| json!({ "at_s": at, "what": what })).collect();
    json!({ "group": group.name, "samples": samples, "events": events })
}

/// The spec that is played. Gates are those that the simulated world has.
fn spec(args: &SimulateArgs) -> anyhow::Result<Spec> {
    let spec = match &args.file {
        Some(file) => read_spec(file)?,
        None => MigrationSpec {
            steps: args.steps.clone(),
            bake_seconds: args.bake,
            ..MigrationSpec::new("blue", "green", "")
        },
    };
    let gates = [GateKind::Http, GateKind::Traffic].map(GateSpec::new).to_vec();
    let spec = MigrationSpec { gates, ..spec };
    spec.to_core().map_err(|error| user_error(error.to_string(), "for example --steps 10%,50%,100%"))
}

fn read_spec(file: &Path) -> anyhow::Result<MigrationSpec> {
    let place = file.display();
    let wrong =
        |error: String| user_error(format!("{place}: {error}"), "a Migration as for kubectl apply is needed");
    let text = std::fs::read_to_string(file).map_err(|error| wrong(error.to_string()))?;
    let migration: Migration = serde_saphyr::from_str(&text).map_err(|error| wrong(error.to_string()))?;
    Ok(migration.spec)
}

fn options(args: &SimulateArgs, spec: &Spec, now: &str) -> anyhow::Result<(String, PredictionOptions)> {
    let (name, text) = now.split_once('=').unwrap_or(("", now));
    let weights =
        text.split_once('/').and_then(|(from, to)| Some((from.parse::<u8>().ok()?, to.parse::<u8>().ok()?)));
    let (from_weight, to_weight) = weights.filter(|(from, _)| *from > 0).ok_or_else(|| {
        user_error(format!("--now {now}: no weights"), "for example --now 100/0; the source gives")
    })?;
    // The simulated world calls its clusters blue and green.
    let spec = Spec { from: "blue".into(), to: "green".into(), ..spec.clone() };
    let options = PredictionOptions {
        spec,
        from_weight,
        to_weight,
        ttl_seconds: args.ttl,
        is_eventful: !args.polling,
        take_up_seconds_max: args.propagation,
        overstaying_percent: args.overstaying,
        seed: args.seed,
    };
    Ok((name.to_owned(), options))
}

/// Time down the page, the users' share across it, what happens beside it.
fn chart(prediction: &Prediction, paint: Paint) -> String {
    let mut text = String::new();
    let last = prediction.samples.last().map_or(0.0, |sample| sample.at_seconds);
    let every = prediction.samples.len().div_ceil(CHART_LINES_MAX).max(1);
    let mut events = prediction.events.iter().peekable();
    let _ = writeln!(text, "{}", paint.strong("users on the destination (#), declared share (|)"));
    for sample in prediction.samples.iter().step_by(every) {
        let mut said = Vec::new();
        while let Some((_, what)) = events.next_if(|(at, _)| *at <= sample.at_seconds) {
            said.push(what.as_str());
        }
        let _ = writeln!(
            text,
            "{:>7.0} s {} {:>5.1} %  {}",
            sample.at_seconds,
            bar(sample, paint),
            sample.users * 100.0,
            paint.faint(&said.join(", "))
        );
    }
    let rest: Vec<&str> = events.map(|(_, what)| what.as_str()).collect();
    let _ = write!(text, "{:>7.0} s {}", last, rest.join(", "));
    text
}

fn bar(sample: &Sample, paint: Paint) -> String {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share of a small width")]
    let column = |share: f64| ((share * BAR_WIDTH as f64).round() as usize).min(BAR_WIDTH);
    let (users, declared) = (column(sample.users), column(sample.declared).min(BAR_WIDTH - 1));
    let line: String = (0..BAR_WIDTH)
        .map(|index| match (index == declared, index < users) {
            (true, _) => '|',
            (false, true) => '#',
            (false, false) => '.',
        })
        .collect();
    paint.good(&line)
}

fn csv(groups: &[Group]) -> String {
    let mut text = "group,at_s,declared,users".to_owned();
    for group in groups {
        for sample in &group.prediction.samples {
            let _ = write!(
                text,
                "\n{},{},{:.4},{:.4}",
                group.name, sample.at_seconds, sample.declared, sample.users
            );
        }
    }
    text
}

/// Width and height of the picture.
const SVG_SIZE: (f64, f64) = (800.0, 300.0);
/// One colour per group; told apart also without seeing red and green.
const SVG_COLOURS: [&str; 6] = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00"];

fn svg(groups: &[Group]) -> String {
    let (width, height) = SVG_SIZE;
    let ends = groups.iter().filter_map(|group| Some(group.prediction.samples.last()?.at_seconds));
    let last = ends.fold(1.0, f64::max);
    let mut lines = String::new();
    for (group, colour) in groups.iter().zip(SVG_COLOURS.iter().cycle()) {
        let points = |share: fn(&Sample) -> f64| -> String {
            let point = |sample: &Sample| {
                format!("{:.1},{:.1}", sample.at_seconds / last * width, (1.0 - share(sample)) * height)
            };
            group.prediction.samples.iter().map(point).collect::<Vec<_>>().join(" ")
        };
        let name = escaped(if group.name.is_empty() { "all groups" } else { &group.name });
        let _ = write!(
            lines,
            "<polyline fill=\"none\" stroke=\"{colour}\" stroke-dasharray=\"4 3\" points=\"{}\"><title>{name}: declared</title></polyline>\n\
             <polyline fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\" points=\"{}\"><title>{name}: users</title></polyline>\n",
            points(|sample| sample.declared),
            points(|sample| sample.users),
        );
    }
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"-10 -20 {} {}\" font-family=\"sans-serif\" font-size=\"12\">\n\
         <title>Share of the destination over {last:.0} s: declared, and of the users</title>\n\
         <rect width=\"{width}\" height=\"{height}\" fill=\"none\" stroke=\"#999\"/>\n{lines}\
         <text x=\"4\" y=\"-6\">declared (dashed) and users' share of the destination, {last:.0} s</text>\n</svg>",
        width + 20.0,
        height + 30.0,
    )
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;")
}
