//! `crossfade simulate`: the engine in a calm world with users behind caches: how will the share move, how long does it take?

use std::fmt::Write as _;
use std::time::Duration;

use clap::{Args, ValueEnum};
use crossfade_api::gates::GateSpec;
use crossfade_api::migration::MigrationSpec;
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
    /// The weights now: source/destination.
    #[arg(long, default_value = "100/0", value_name = "WEIGHTS")]
    now: String,
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

/// Predicts and prints.
pub fn run(args: &SimulateArgs) -> anyhow::Result<Exit> {
    let prediction = predict(&options(args)?);
    if !prediction.is_complete {
        return Err(user_error(
            "the migration does not end within a virtual week",
            "shorten --bake or --ttl",
        ));
    }
    match args.output {
        SimulateOutput::Text => data(&chart(&prediction, Paint::stdout())),
        SimulateOutput::Csv => data(&csv(&prediction.samples)),
        SimulateOutput::Json => {
            let samples = prediction.samples.iter();
            let samples: Vec<_> = samples
                .map(|sample| json!({ "at_s": sample.at_seconds, "declared": sample.declared, "users": sample.users }))
                .collect();
            let events = prediction.events.iter();
            let events: Vec<_> = events.map(|(at, what)| json!({ "at_s": at, "what": what })).collect();
            data(&json!({ "samples": samples, "events": events }).to_string());
        }
        SimulateOutput::Svg => data(&svg(&prediction)),
    }
    Ok(Exit::Done)
}

fn options(args: &SimulateArgs) -> anyhow::Result<PredictionOptions> {
    let weights = args
        .now
        .split_once('/')
        .and_then(|(from, to)| Some((from.parse::<u8>().ok()?, to.parse::<u8>().ok()?)));
    let (from_weight, to_weight) = weights.filter(|(from, _)| *from > 0).ok_or_else(|| {
        user_error(format!("--now {}: no weights", args.now), "for example --now 100/0; the source gives")
    })?;
    let spec = MigrationSpec {
        steps: args.steps.clone(),
        gates: [GateKind::Http, GateKind::Traffic].map(GateSpec::new).to_vec(),
        bake_seconds: args.bake,
        ..MigrationSpec::new("blue", "green", "")
    };
    let spec =
        spec.to_core().map_err(|error| user_error(error.to_string(), "for example --steps 10%,50%,100%"))?;
    Ok(PredictionOptions {
        spec: Spec { bake: Duration::from_secs(u64::from(args.bake)), ..spec },
        from_weight,
        to_weight,
        ttl_seconds: args.ttl,
        is_eventful: !args.polling,
        take_up_seconds_max: args.propagation,
        overstaying_percent: args.overstaying,
        seed: args.seed,
    })
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

fn csv(samples: &[Sample]) -> String {
    let mut text = "at_s,declared,users".to_owned();
    for sample in samples {
        let _ = write!(text, "\n{},{:.4},{:.4}", sample.at_seconds, sample.declared, sample.users);
    }
    text
}

/// Width and height of the picture.
const SVG_SIZE: (f64, f64) = (800.0, 300.0);

fn svg(prediction: &Prediction) -> String {
    let (width, height) = SVG_SIZE;
    let last = prediction.samples.last().map_or(1.0, |sample| sample.at_seconds).max(1.0);
    let points = |share: fn(&Sample) -> f64| -> String {
        let point = |sample: &Sample| {
            format!("{:.1},{:.1}", sample.at_seconds / last * width, (1.0 - share(sample)) * height)
        };
        prediction.samples.iter().map(point).collect::<Vec<_>>().join(" ")
    };
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"-10 -20 {} {}\" font-family=\"sans-serif\" font-size=\"12\">\n\
         <title>Share of the destination over {last:.0} s: declared, and of the users</title>\n\
         <rect width=\"{width}\" height=\"{height}\" fill=\"none\" stroke=\"#999\"/>\n\
         <polyline fill=\"none\" stroke=\"#1f6feb\" stroke-dasharray=\"4 3\" points=\"{}\"/>\n\
         <polyline fill=\"none\" stroke=\"#1a7f37\" stroke-width=\"2\" points=\"{}\"/>\n\
         <text x=\"4\" y=\"-6\">declared (dashed) and users' share of the destination, {last:.0} s</text>\n</svg>",
        width + 20.0,
        height + 30.0,
        points(|sample| sample.declared),
        points(|sample| sample.users),
    )
}
