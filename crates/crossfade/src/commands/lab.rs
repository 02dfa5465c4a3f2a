//! `crossfade lab`: a lab that stays, to be used with any program.

mod gitops;
mod inject;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, bail};
use clap::{Args, Subcommand, ValueEnum};
use crossfade_lab::{Control, Fault, Lab, LabAddresses, LabCluster, LabOptions};
use serde_json::json;
use tokio::time::{Instant, sleep};

use crate::children;
use crate::commands::migrate::Output;
use crate::exit::{Exit, user_error};
use crate::printer::{data, note};
use crate::rehearsal::{
    ACCOUNT, Contents, Delivery, ENVIRONMENT, HOSTED_ZONE, REGION, Rehearsal, RehearsalOptions, SIDES,
    Workloads, context_of, environment,
};
use crate::shell::word;
use crate::stop::asked_to_stop;
use crate::table::Table;

/// Options of `crossfade lab`.
#[derive(Clone, Debug, Args)]
pub struct LabArgs {
    #[command(subcommand)]
    command: LabCommand,
}

#[derive(Clone, Debug, Subcommand)]
enum LabCommand {
    /// Start a lab; it runs until Ctrl-C, or with --detach until `lab down`.
    Up(UpArgs),
    /// End a lab.
    Down(DirArgs),
    /// Show a lab: load balancers, faults, calls.
    Status(StatusArgs),
    /// Print what a shell needs to use a lab: eval "$(crossfade lab env)"
    Env(DirArgs),
    /// Make something go wrong, or put it right.
    Inject(inject::InjectArgs),
    /// The lab's process itself.
    #[command(hide = true)]
    Serve(ServeArgs),
}

#[derive(Clone, Debug, Args)]
struct DirArgs {
    /// The lab's directory. Default: $XDG_STATE_HOME/crossfade/lab
    #[arg(long, env = "CROSSFADE_LAB_DIR", value_name = "DIR")]
    dir: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Without {
    /// No DNS controllers: somebody else keeps the records.
    Dns,
}

#[derive(Clone, Debug, Args)]
struct UpArgs {
    #[command(flatten)]
    dir: DirArgs,
    /// Clusters and the parent zone only.
    #[arg(long)]
    empty: bool,
    /// What to leave out.
    #[arg(long, value_enum)]
    without: Option<Without>,
    /// Return when it is ready and let it run.
    #[arg(long)]
    detach: bool,
    /// TTL of load balancer names, seconds (60 on AWS).
    #[arg(long, default_value_t = 60, value_name = "SECONDS")]
    ttl: u32,
    /// Every draw of the lab comes from it.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How the workloads come into the clusters: by an agent per cluster that does what Argo CD does, from a Git repository in
    /// the lab's directory, or as manifests. Default: by GitOps where git is.
    #[arg(long, value_enum, value_name = "HOW", conflicts_with = "workloads")]
    delivery: Option<Delivery>,
    /// Your own manifests instead of the examples.
    #[arg(long, value_name = "DIR", conflicts_with = "repositories")]
    workloads: Option<PathBuf>,
    #[command(flatten)]
    repositories: gitops::RepositoryArgs,
}

#[derive(Clone, Debug, Args)]
struct StatusArgs {
    #[command(flatten)]
    dir: DirArgs,
    /// How it is printed.
    #[arg(long, short, value_enum, default_value_t)]
    output: Output,
}

#[derive(Clone, Debug, Args)]
struct ServeArgs {
    #[arg(long)]
    dir: PathBuf,
    #[arg(long)]
    ttl: u32,
    #[arg(long)]
    seed: u64,
    #[command(flatten)]
    gitops: gitops::GitOpsArgs,
}

/// Runs one of the sub-commands.
pub async fn run(args: LabArgs) -> anyhow::Result<Exit> {
    match args.command {
        LabCommand::Up(args) if args.detach => up_detached(&args).await,
        LabCommand::Up(args) => up(&args).await,
        LabCommand::Down(args) => down(&args).await,
        LabCommand::Status(args) => status(&args).await,
        LabCommand::Env(args) => env(&args),
        LabCommand::Inject(args) => inject::run(&args).await,
        LabCommand::Serve(args) => serve(args).await,
    }
}

impl DirArgs {
    fn path(&self) -> anyhow::Result<PathBuf> {
        if let Some(dir) = &self.dir {
            return std::path::absolute(dir).context("the directory has no absolute path");
        }
        let state = std::env::var_os("XDG_STATE_HOME").map(PathBuf::from);
        let home = || std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".local/state"));
        let state =
            state.or_else(home).ok_or_else(|| user_error("there is no home directory", "pass --dir DIR"))?;
        Ok(state.join("crossfade/lab"))
    }

    /// The running lab, or advice.
    fn addresses(&self) -> anyhow::Result<LabAddresses> {
        let dir = self.path()?;
        LabAddresses::read(&dir).map_err(|_| {
            user_error(format!("no lab runs in {}", dir.display()), "`crossfade lab up` starts one")
        })
    }
}

async fn up(args: &UpArgs) -> anyhow::Result<Exit> {
    let dir = args.dir.path()?;
    if let Ok(addresses) = LabAddresses::read(&dir)
        && Control::new(&addresses).status().await.is_ok()
    {
        let hint = "`crossfade lab down` ends it; --dir takes another directory";
        return Err(user_error(format!("a lab runs in {} already", dir.display()), hint));
    }
    let contents = match (args.empty, args.without) {
        (true, _) => Contents::Nothing,
        (false, Some(Without::Dns)) => Contents::WithoutDns,
        (false, None) => Contents::Everything,
    };
    let workloads = args.workloads.clone().map_or(Workloads::Examples, Workloads::Dir);
    let delivery = Delivery::choose(args.delivery, &workloads).await;
    if delivery == Delivery::Manifests && !args.repositories.is_empty() {
        return Err(user_error(
            "manifests come from no repository",
            "leave out --repo, or pass --delivery gitops",
        ));
    }
    let options = RehearsalOptions {
        dir,
        ttl_seconds: args.ttl,
        seed: args.seed,
        delivery,
        workloads,
        contents,
        serve_words: serve_words(delivery).into_iter().chain(args.repositories.words()?).collect(),
    };
    let mut rehearsal = tokio::select! {
        started = Rehearsal::start(&options, note) => started?,
        signal = asked_to_stop() => return Ok(signal.exit()),
    };
    data(&describe(&rehearsal.addresses));
    note(READY);
    let ended = tokio::select! {
        _ = asked_to_stop() => None,
        which = rehearsal.ended() => Some(which),
    };
    let was_asked_to = LabAddresses::read(&options.dir).is_err();
    rehearsal.end().await;
    match ended {
        Some(which) if !was_asked_to => {
            bail!("{which} ended; the logs are in {}", options.dir.join("logs").display())
        }
        _ => Ok(Exit::Done),
    }
}

/// What the lab's process is told about how workloads come in.
pub fn serve_words(delivery: Delivery) -> Vec<String> {
    match delivery {
        Delivery::Gitops => vec![gitops::GITOPS_WORD.to_owned()],
        Delivery::Manifests => Vec::new(),
    }
}

/// The last line of a lab that is up: what `--detach` waits for.
const READY: &str = "the lab is up";

async fn up_detached(args: &UpArgs) -> anyhow::Result<Exit> {
    /// Everything in it, on a slow machine.
    const UP_WITHIN: Duration = Duration::from_mins(1);
    let dir = args.dir.path()?;
    let logs = dir.join("logs");
    std::fs::create_dir_all(&logs).with_context(|| format!("cannot make {}", logs.display()))?;
    let log = logs.join("up.log");
    let mut words = vec![
        "lab".to_owned(),
        "up".to_owned(),
        format!("--dir={}", dir.display()),
        format!("--ttl={}", args.ttl),
        format!("--seed={}", args.seed),
    ];
    words.extend(args.empty.then(|| "--empty".to_owned()));
    words.extend(args.without.map(|_| "--without=dns".to_owned()));
    let workloads = args.workloads.as_ref().map(std::path::absolute).transpose()?;
    words.extend(workloads.map(|dir| format!("--workloads={}", dir.display())));
    words.extend(args.repositories.words()?);
    if let Some(delivery) = args.delivery.and_then(|delivery| delivery.to_possible_value()) {
        words.push(format!("--delivery={}", delivery.get_name()));
    }
    let said_before = std::fs::read_to_string(&log).map_or(0, |text| text.len());
    let mut child = children::detach(&words, &log)?;
    let until = Instant::now() + UP_WITHIN;
    loop {
        let text = std::fs::read_to_string(&log).unwrap_or_default();
        let said = text.get(said_before..).unwrap_or_default();
        if said.contains(READY) {
            data(&describe(&LabAddresses::read(&dir)?));
            return Ok(Exit::Done);
        }
        if child.try_wait().context("cannot look at the lab's process")?.is_some() {
            note(said.trim_end());
            return Ok(Exit::UserFailure);
        }
        if Instant::now() > until {
            bail!("the lab was not up within {} s; its log is {}", UP_WITHIN.as_secs(), log.display());
        }
        sleep(Duration::from_millis(50)).await;
    }
}

fn describe(addresses: &LabAddresses) -> String {
    let mut lines = vec![format!("lab in {}", addresses.dir.display())];
    for cluster in &addresses.clusters {
        lines.push(format!("  cluster   {}  {}", cluster.name, cluster.server));
    }
    lines.push(format!("  AWS       {}", addresses.aws_endpoint));
    lines.push(format!("  resolver  {}", addresses.resolver));
    lines.push(format!("  proxy     {}", addresses.proxy));
    lines.push(format!("  domain    {}", addresses.domain));
    let is_usual = DirArgs { dir: None }.path().is_ok_and(|usual| usual == addresses.dir);
    let dir = if is_usual {
        String::new()
    } else {
        format!(" --dir {}", word(&addresses.dir.display().to_string()))
    };
    lines.push(format!("to use it: eval \"$(crossfade lab env{dir})\""));
    lines.join("\n")
}

async fn down(args: &DirArgs) -> anyhow::Result<Exit> {
    /// The lab answers what is under way and goes.
    const DOWN_WITHIN: Duration = Duration::from_secs(10);
    let addresses = args.addresses()?;
    let control = Control::new(&addresses);
    if control.request_end().await.is_err() {
        // It was killed: what is left is its description.
        let _ = std::fs::remove_file(addresses.dir.join(crossfade_lab::DESCRIPTION_FILE));
        note("the lab was gone already");
        return Ok(Exit::Done);
    }
    let until = Instant::now() + DOWN_WITHIN;
    while LabAddresses::read(&addresses.dir).is_ok() || control.status().await.is_ok() {
        if Instant::now() > until {
            bail!("the lab (process {}) does not end", addresses.process_id);
        }
        sleep(Duration::from_millis(20)).await;
    }
    note("the lab has ended");
    Ok(Exit::Done)
}

async fn status(args: &StatusArgs) -> anyhow::Result<Exit> {
    let addresses = args.dir.addresses()?;
    let status = Control::new(&addresses).status().await?;
    if args.output == Output::Json {
        data(&json!(status).to_string());
        return Ok(Exit::Done);
    }
    let mut table = Table::new(&["CLUSTER", "FOR", "STATE", "REQUESTS", "LOAD BALANCER"]);
    let mut balancers: Vec<_> = status.load_balancers.iter().collect();
    balancers.sort_by_key(|balancer| (&balancer.cluster, &balancer.members));
    for balancer in balancers {
        let state = match (balancer.on, balancer.healthy) {
            (false, _) => "off",
            (true, true) => "healthy",
            (true, false) => "unhealthy",
        };
        let requests: Vec<String> =
            balancer.requests.iter().map(|(class, count)| format!("{class} {count}")).collect();
        table.row(vec![
            side_of(&balancer.cluster).to_owned(),
            balancer.members.join(","),
            state.to_owned(),
            if requests.is_empty() { "-".to_owned() } else { requests.join(", ") },
            // The rest says the region; `-o json` has it.
            balancer.dns_name.split('.').next().unwrap_or_default().to_owned(),
        ]);
    }
    data(&describe(&addresses));
    for (cluster, fault) in &status.faults {
        let fault = match fault {
            Fault::None => continue,
            Fault::Http500 => "http500",
            Fault::Unhealthy => "unhealthy",
        };
        data(&format!("  fault     {} {fault}", side_of(cluster)));
    }
    for what in &status.disturbances {
        data(&format!("  fault     {}", inject::describe(what)));
    }
    data(&format!("  memory    {} MiB", status.resident_memory_bytes / (1024 * 1024)));
    data(&table.to_string());
    Ok(Exit::Done)
}

/// As people call it.
fn side_of(cluster: &str) -> &str {
    SIDES.iter().find(|side| context_of(side) == cluster).copied().unwrap_or(cluster)
}

fn env(args: &DirArgs) -> anyhow::Result<Exit> {
    let addresses = args.addresses()?;
    let quoted = |text: &str| format!("'{}'", text.replace('\'', "'\\''"));
    let mut lines: Vec<String> = environment(&addresses)
        .into_iter()
        .map(|(key, value)| format!("export {key}={}", quoted(&value)))
        .collect();
    lines.push(format!("export CROSSFADE_LAB_DIR={}", quoted(&addresses.dir.display().to_string())));
    let resolver = addresses.resolver;
    lines.push(format!("dig() {{ command dig @{} -p {} \"$@\"; }}", resolver.ip(), resolver.port()));
    data(&lines.join("\n"));
    Ok(Exit::Done)
}

async fn serve(args: ServeArgs) -> anyhow::Result<Exit> {
    let clusters = SIDES.iter().zip(["1.33", "1.34"]);
    let options = LabOptions {
        dir: args.dir,
        environment_name: ENVIRONMENT.to_owned(),
        hosted_zone_name: HOSTED_ZONE.to_owned(),
        region: REGION.to_owned(),
        account_id: ACCOUNT.to_owned(),
        alias_ttl_seconds: args.ttl,
        seed: args.seed,
        clusters: clusters
            .map(|(side, version)| LabCluster {
                name: context_of(side),
                kubernetes_version: version.to_owned(),
            })
            .collect(),
    };
    let lab = Lab::start(options).await?;
    let agents = args.gitops.start(lab.addresses()).await?;
    tokio::select! {
        () = lab.end_requested() => {}
        _ = asked_to_stop() => {}
    }
    drop(agents);
    lab.stop().await;
    Ok(Exit::Done)
}
