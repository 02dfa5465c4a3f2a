//! `crossfade demo`: a whole migration on this machine, under the eyes of simulated users, with a verdict.

mod verdict;
mod view;

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail};
use clap::{Args, ValueEnum};
use crossfade_core::migration::{Phase, Stage, Status};
use crossfade_kube::Cluster;
use crossfade_kube::migrations::Migrations;
use crossfade_lab::users::{UserOptions, UserTotals, Users};
use crossfade_lab::{Control, Fault};
use tokio::time::{Instant, sleep};

use crate::children::{self, Running};
use crate::commands::lab::serve_words;
use crate::commands::migrate::Output;
use crate::exit::{Exit, user_error};
use crate::printer::{can_redraw, data, note};
use crate::rehearsal::{
    Contents, Delivery, Rehearsal, RehearsalOptions, SIDES, Workloads, context_of, environment, hosts_of,
};
use crate::stop::asked_to_stop;

use verdict::{FaultWindow, Verdict};
use view::View;

/// Resolvers of simulated users.
const USERS: usize = 50;
/// Of them, those that keep answers longer than they may. Reported apart.
const OVERSTAYING: usize = 4;
/// Users' requests per second: a share moves visibly, and a run has its 2,000 requests.
const REQUESTS_PER_SECOND: f64 = 120.0;
/// What a verdict about failed requests has to rest on.
const REQUESTS_MIN: u64 = 2_000;
/// Users go on for this many TTLs after the old load balancers are gone.
const TTLS_AFTER: u32 = 2;
/// How often the picture is brought up to date.
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// A migration of the demo that takes longer hangs.
const MIGRATION_WITHIN: Duration = Duration::from_mins(10);
/// Load in which nothing is measured: connections are made, caches fill.
const WARM_UP: Duration = Duration::from_secs(2);

/// The driver's log in the lab's directory.
const DRIVER_LOG: &str = "logs/migrate.log";

/// What goes wrong on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Injection {
    /// Green answers errors while its health checks succeed: only a gate can notice.
    #[value(name = "green-500")]
    Green500,
    /// Green has no ready target: Route 53 leaves it out by itself.
    GreenUnhealthy,
}

impl Injection {
    fn fault(self) -> Fault {
        match self {
            Injection::Green500 => Fault::Http500,
            Injection::GreenUnhealthy => Fault::Unhealthy,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Injection::Green500 => "green-500",
            Injection::GreenUnhealthy => "green-unhealthy",
        }
    }
}

/// Options of `crossfade demo`.
#[derive(Clone, Debug, Args)]
pub struct DemoArgs {
    /// Make something go wrong in the middle and show the way back.
    #[arg(long, value_enum, value_name = "FAULT")]
    pub inject: Option<Injection>,
    /// Steps: shares of the destination, or weights source/destination.
    #[arg(long, value_delimiter = ',', default_value = "10%,50%,100%")]
    pub steps: Vec<String>,
    /// TTL of load balancer names, seconds (60 on AWS).
    #[arg(long, default_value_t = 3, value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(1..=300))]
    pub ttl: u32,
    /// Every draw of the lab and of the users comes from it.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// How the workloads come into the clusters. Default: by GitOps where git is, else as manifests.
    #[arg(long, value_enum, value_name = "HOW", conflicts_with = "workloads")]
    pub delivery: Option<Delivery>,
    /// Your own manifests instead of the examples.
    #[arg(long, value_name = "DIR")]
    pub workloads: Option<PathBuf>,
    /// Leave the lab running at the end, to look around.
    #[arg(long)]
    pub keep: bool,
    /// How the result is printed on stdout.
    #[arg(long, short, value_enum, default_value_t)]
    pub output: Output,
}

/// Everything, then the verdict.
pub async fn run(args: DemoArgs) -> anyhow::Result<Exit> {
    for step in &args.steps {
        step.parse::<crossfade_core::migration::StepTarget>()
            .map_err(|error| user_error(error.to_string(), "for example --steps 10%,50%,100%"))?;
    }
    let dir = std::env::temp_dir().join(format!("crossfade-demo-{}", std::process::id()));
    let outcome = tokio::select! {
        outcome = rehearse(&args, dir.clone()) => outcome,
        signal = asked_to_stop() => {
            note("\nstopped; every process of the demo ends with it");
            Ok(signal.exit())
        }
    };
    if !args.keep {
        // Left behind only when something still writes there; the system clears its temporary files.
        let _ = std::fs::remove_dir_all(&dir);
    }
    outcome
}

async fn rehearse(args: &DemoArgs, dir: PathBuf) -> anyhow::Result<Exit> {
    let workloads = args.workloads.clone().map_or(Workloads::Examples, Workloads::Dir);
    let delivery = Delivery::choose(args.delivery, &workloads).await;
    let options = RehearsalOptions {
        dir,
        ttl_seconds: args.ttl,
        seed: args.seed,
        workloads,
        delivery,
        contents: Contents::Everything,
        serve_words: serve_words(delivery),
    };
    let mut view = View::new(args.output == Output::Text && can_redraw());
    let rehearsal = Rehearsal::start(&options, |line| view.line(line)).await?;
    let clusters = [rehearsal.cluster(SIDES[0]).await?, rehearsal.cluster(SIDES[1]).await?];
    let hosts = hosts_of(&clusters).await?;
    let control = Control::new(&rehearsal.addresses);
    let users = start_users(args, &rehearsal, &hosts, &control).await?;
    view.line(&format!("{USERS} users ask for {} hosts over HTTPS", hosts.len()));
    sleep(WARM_UP).await;

    let driver = start_driver(args, &rehearsal, &options)?;
    let log = options.dir.join(DRIVER_LOG);
    let watched = watch(args, driver, &log, &clusters[1], &control, &users, &mut view).await?;
    if watched.status.phase == Phase::Complete {
        control.set_load_balancers(&context_of(SIDES[0]), false).await?;
        view.line("blue is drained: its load balancers are switched off, users go on");
    }
    let until = Instant::now() + Duration::from_secs(u64::from(args.ttl * TTLS_AFTER));
    while Instant::now() < until || users.totals().regular.sent < REQUESTS_MIN {
        view.show(&watched.status, &users.totals(), &[]);
        sleep(LOOK_EVERY).await;
    }
    let memory_bytes = memory_of(&rehearsal.process_ids());
    let totals = users.stop().await;
    let verdict = Verdict::new(args, &watched, totals, &rehearsal, memory_bytes);
    view.finish();
    match args.output {
        Output::Json => data(&verdict.json().to_string()),
        Output::Text => data(&verdict.text()),
    }
    if args.keep {
        keep(&rehearsal)?;
        asked_to_stop().await;
    }
    rehearsal.end().await;
    Ok(if verdict.held() { Exit::Done } else { Exit::OurFailure })
}

async fn start_users(
    args: &DemoArgs,
    rehearsal: &Rehearsal,
    hosts: &[String],
    control: &Control,
) -> anyhow::Result<Users> {
    let addresses = &rehearsal.addresses;
    let ca_pem = std::fs::read(&addresses.ca);
    let ca_pem = ca_pem.with_context(|| format!("cannot read {}", addresses.ca.display()))?;
    let users = Users::start(UserOptions {
        resolvers: USERS,
        overstaying: OVERSTAYING,
        hosts: hosts.to_vec(),
        name_servers: addresses.name_servers.clone(),
        proxy: addresses.proxy,
        ca_pem,
        requests_per_second: REQUESTS_PER_SECOND,
        seed: args.seed,
    })?;
    users.name_addresses(&control.status().await?.clusters_by_address());
    Ok(users)
}

fn start_driver(
    args: &DemoArgs,
    rehearsal: &Rehearsal,
    options: &RehearsalOptions,
) -> anyhow::Result<Running> {
    let mut words: Vec<String> =
        ["migrate", "--from", SIDES[0], "--to", SIDES[1], "--yes", "--output", "json"]
            .map(ToOwned::to_owned)
            .to_vec();
    for side in SIDES {
        words.push("--context".to_owned());
        words.push(format!("{side}={}", context_of(side)));
    }
    words.push(format!("--steps={}", args.steps.join(",")));
    let mut env = environment(&rehearsal.addresses);
    env.push(("CROSSFADE_LOG".to_owned(), "info".to_owned()));
    children::spawn(&words, &env, &options.dir.join(DRIVER_LOG))
}

/// What was seen of a migration.
pub struct Watched {
    /// Its end.
    pub status: Status,
    /// Where its object is.
    pub name: String,
    /// When and for how long green was broken.
    pub fault: Option<FaultWindow>,
    /// The driver's exit code.
    pub exit_code: Option<i32>,
}

/// Follows the Migration object until the driver has ended.
async fn watch(
    args: &DemoArgs,
    mut driver: Running,
    log: &Path,
    home: &Cluster,
    control: &Control,
    users: &Users,
    view: &mut View,
) -> anyhow::Result<Watched> {
    let name = format!("{}-to-{}", SIDES[0], SIDES[1]);
    let migrations = Migrations::new(home);
    let until = Instant::now() + MIGRATION_WITHIN;
    let mut fault: Option<FaultWindow> = None;
    loop {
        // First whether it has ended, then the object: so the last look sees the last status.
        let ended = driver.try_wait().context("cannot look at the driver's process")?;
        let migration = migrations.get(&name).await.unwrap_or_default();
        let status = migration.and_then(|migration| migration.status);
        let message = status.as_ref().map(|status| status.message.clone()).unwrap_or_default();
        let progress = status.and_then(|status| status.progress);
        if let Some(progress) = &progress {
            view.show(progress, &users.totals(), std::slice::from_ref(&message));
            if let Some(injection) = args.inject
                && fault.is_none()
                && is_mid_migration(progress, args.steps.len())
            {
                // Before the call: a request may meet the fault before the call returns.
                fault = Some(FaultWindow::begin());
                control.inject(&context_of(SIDES[1]), injection.fault()).await?;
                view.line(&format!("fault injected: {}", injection.name()));
            }
        }
        if let Some(ended) = ended {
            let Some(status) = progress else {
                bail!("the migration did not begin; the driver said: {}", said(log))
            };
            return Ok(Watched { status, name, fault, exit_code: ended.code() });
        }
        if Instant::now() > until {
            bail!("the migration did not end within {} s: {message}", MIGRATION_WITHIN.as_secs());
        }
        sleep(LOOK_EVERY).await;
    }
}

/// What a driver that failed said about it.
fn said(log: &Path) -> String {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> =
        text.lines().filter(|line| line.contains("error:") || line.contains("hint:")).collect();
    if lines.is_empty() { text.lines().last().unwrap_or("nothing").to_owned() } else { lines.join("; ") }
}

/// Green carries a settled part of the traffic, in the second step where there is one.
fn is_mid_migration(status: &Status, steps: usize) -> bool {
    let is_middle = status.step > 0 || steps == 1;
    status.phase == Phase::Progressing && is_middle && matches!(status.stage, Stage::Proving | Stage::Baking)
}

/// Resident memory of processes together; 0 where the system does not tell.
fn memory_of(process_ids: &[u32]) -> u64 {
    let resident_kib = |id: &u32| {
        let text = std::fs::read_to_string(format!("/proc/{id}/status")).ok()?;
        let line = text.lines().find(|line| line.starts_with("VmRSS:"))?;
        line.split_whitespace().nth(1)?.parse::<u64>().ok()
    };
    process_ids.iter().filter_map(resident_kib).sum::<u64>() * 1024
}

fn keep(rehearsal: &Rehearsal) -> anyhow::Result<()> {
    let dir = rehearsal.addresses.dir.display();
    let program = std::env::current_exe().context("the path of this program is unknown")?;
    note("\nthe lab stays until Ctrl-C; in another terminal:");
    note(&format!("  eval \"$({} lab env --dir {dir})\"", program.display()));
    note("  kubectl --context eks-blueprint-green get migrations -n crossfade");
    note("  kubectl --context eks-blueprint-blue get ingress -A");
    Ok(())
}

/// Totals that the verdict needs, by the cluster's short name.
fn of_side(totals: &UserTotals, side: &str) -> u64 {
    let name = context_of(side);
    totals.regular.by_cluster.get(&name).copied().unwrap_or(0)
}
