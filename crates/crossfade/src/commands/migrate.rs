//! `crossfade migrate`: shows the plan, asks, drives it to its end.

mod handover;
mod plan;
mod unfinished;
mod watch;
pub mod ways;

use std::io::{BufRead, IsTerminal};

use anyhow::Context;
use clap::{Args, ValueEnum};
use crossfade_api::gates::GateSpec;
use crossfade_api::migration::{Actuator, MigrationSpec, NAMESPACE};
use crossfade_aws::Aws;
use crossfade_controller::migration::{
    Driver, DriverOptions, Outcome, Stateful, Survey, WorldOptions, check_capacity, check_destination,
    largest_ttl, survey,
};
use crossfade_core::gitops::ARGOCD_NAMESPACE;
use crossfade_core::migration::{Admitted, OnFailure, Phase, Refusal, Spec, StepTarget, admit};
use crossfade_kube::Cluster;
use crossfade_kube::groups::KnobKind;
use crossfade_kube::migrations::Migrations;
use crossfade_kube::rights::{Right, missing};

use crate::actuator::choose;
use crate::exit::{Exit, UserError, user_error};
use crate::printer::{ask, data, note};
use crate::settings::{ClusterOptions, ProbeOptions};
use crate::stop::Stop;

use unfinished::Name;

pub use handover::{follow, hand_over};
pub use plan::within;
#[cfg(feature = "lab")]
pub use watch::own_time;
pub use watch::{Told, clock, summary_json};
pub use ways::Migrated;

/// What a failed gate leads to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum OnFailureArg {
    /// Weights return to what they were.
    #[default]
    Rollback,
    /// Weights stay; a person decides.
    Pause,
}

/// Where weights are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ActuatorArg {
    /// The annotation of the Ingress or Service.
    Annotation,
    /// The record sets.
    Route53,
    /// The annotation of Argo CD's cluster secret.
    GitopsBridge,
}

/// How results are printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// For people.
    #[default]
    Text,
    /// One document.
    Json,
}

/// Options of `crossfade migrate`.
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
#[derive(Clone, Debug, Args)]
pub struct MigrateArgs {
    /// The cluster where the traffic is.
    #[arg(long, value_name = "NAME")]
    pub from: String,
    /// The cluster where it goes.
    #[arg(long, value_name = "NAME")]
    pub to: String,
    #[command(flatten)]
    pub clusters: ClusterOptions,
    /// The DNS zone that holds the records.
    #[arg(long, env = "CROSSFADE_ZONE", value_name = "ZONE")]
    pub zone: String,
    /// Only these groups (`namespace/ingress`).
    #[arg(long = "group", value_name = "GROUP", conflicts_with = "hosts")]
    pub groups: Vec<String>,
    /// Only the groups of these hosts; `burnham` is that of the zone.
    #[arg(long = "host", value_name = "HOST")]
    pub hosts: Vec<String>,
    /// Steps: shares of the destination (`10%`), weights, source first (`100/10`), or `pause`.
    #[arg(
        long,
        value_delimiter = ',',
        conflicts_with = "step",
        default_value = "10%,50%,100%",
        value_name = "STEPS"
    )]
    pub steps: Vec<String>,
    /// Steps of equal size instead: the destination's share grows by this each time, up to --max.
    #[arg(long, value_name = "PERCENT", value_parser = parse_percent)]
    pub step: Option<f64>,
    /// The last share of --step.
    #[arg(long, value_name = "PERCENT", value_parser = parse_percent, requires = "step", default_value = "100%")]
    pub max: f64,
    /// Seconds to watch a proven step before the next.
    #[arg(long, default_value_t = 0, value_name = "SECONDS")]
    pub bake: u32,
    /// Seconds in which a failing gate still leads back after the source is drained.
    #[arg(long, default_value_t = 0, value_name = "SECONDS")]
    pub keep_warm: u32,
    /// Requests a minute that each group's load balancer in the source may still count when the source is called drained.
    #[arg(long, value_name = "N")]
    pub residual_rate: Option<u32>,
    /// Seconds to wait for that; then the source is drained all the same, and what is left is reported.
    #[arg(long, value_name = "SECONDS", requires = "residual_rate")]
    pub residual_deadline: Option<u32>,
    /// What a step has to pass, for example `http,path=/healthz,failures=5`, `kubernetes,ready=80%`, `dns,dry-run`,
    /// `traffic,counts`, `manual`. Default: http, dns, traffic and kubernetes.
    #[arg(long = "gate", value_name = "GATE")]
    pub gates: Vec<GateSpec>,
    /// What follows a failed gate.
    #[arg(long, value_enum, default_value_t)]
    pub on_failure: OnFailureArg,
    /// Questions of the ratio test per group and step.
    #[arg(long, default_value_t = MigrateArgs::DRAWS, value_name = "N")]
    pub draws: u32,
    /// Where weights are written: on the Ingress (or Service), for a DNS controller to carry; on Argo CD's cluster secret, for
    /// ApplicationSets to carry to the Ingress; or into the record sets, in a zone that no DNS controller keeps. Default: the
    /// cluster secret where Argo CD keeps every Ingress that is chosen, else the Ingress.
    #[arg(long, value_enum)]
    pub actuator: Option<ActuatorArg>,
    /// Another owner id whose records may be changed. With --actuator annotation the set identifiers of the two clusters are
    /// without being named.
    #[arg(long = "owner", value_name = "ID")]
    pub owners: Vec<String>,
    /// Write a cluster secret that Terraform owns: its next apply undoes that unless main.tf says the same by then.
    #[arg(long)]
    pub i_will_edit_main_tf: bool,
    /// Move groups whose pods mount persistent volumes as well.
    #[arg(long)]
    pub allow_stateful: bool,
    /// The cluster that keeps the Migration object. Default: the destination.
    #[arg(long, value_name = "NAME")]
    pub home: Option<String>,
    /// The Migration's name. Default: FROM-to-TO.
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// Show the plan and stop.
    #[arg(long)]
    pub dry_run: bool,
    /// Do not ask.
    #[arg(long, short)]
    pub yes: bool,
    /// How the result is printed on stdout.
    #[arg(long, short, value_enum, default_value_t)]
    pub output: Output,
    #[command(flatten)]
    pub probes: ProbeOptions,
}

/// A host of one label is the zone's.
fn in_zone(host: &str, zone: &str) -> String {
    if host.contains('.') { host.to_owned() } else { format!("{host}.{}", zone.trim_end_matches('.')) }
}

fn parse_percent(text: &str) -> Result<f64, String> {
    let number = text.trim_end_matches('%').parse::<f64>().map_err(|error| error.to_string())?;
    if (1.0..=100.0).contains(&number) { Ok(number) } else { Err("a share is 1 to 100 %".to_owned()) }
}

impl MigrateArgs {
    /// Draws that find a share 5 points off with 99 %.
    pub const DRAWS: u32 = 4_700;

    /// The steps as texts; `--step 10% --max 50%` is five of them.
    fn step_texts(&self) -> anyhow::Result<Vec<String>> {
        let Some(step) = self.step else { return Ok(self.steps.clone()) };
        let steps = StepTarget::linear(step, self.max)
            .map_err(|error| user_error(error.to_string(), "--step is at most --max"))?;
        Ok(steps.iter().map(ToString::to_string).collect())
    }

    fn spec(&self, steps: Vec<String>) -> MigrationSpec {
        MigrationSpec {
            actuator: match self.actuator {
                None | Some(ActuatorArg::Annotation) => Actuator::Annotation,
                Some(ActuatorArg::Route53) => Actuator::Route53,
                Some(ActuatorArg::GitopsBridge) => Actuator::GitopsBridge,
            },
            owners: self.owners.clone(),
            i_will_edit_main_tf: self.i_will_edit_main_tf,
            allow_stateful: self.allow_stateful,
            groups: self.groups.clone(),
            hosts: self.hosts.iter().map(|host| in_zone(host, &self.zone)).collect(),
            steps,
            gates: self.gates.clone(),
            on_failure: match self.on_failure {
                OnFailureArg::Rollback => OnFailure::Rollback,
                OnFailureArg::Pause => OnFailure::Pause,
            },
            bake_seconds: self.bake,
            keep_warm_seconds: self.keep_warm,
            residual_requests_per_minute: self.residual_rate,
            residual_deadline_seconds: self.residual_deadline,
            draws: Some(self.draws),
            ..MigrationSpec::new(&self.from, &self.to, self.zone.trim_end_matches('.'))
        }
    }

    fn into_request(self) -> anyhow::Result<Request> {
        if self.from == self.to {
            return Err(user_error(
                format!("--from and --to are both `{}`", self.from),
                "name the cluster where the traffic is, and the one where it goes",
            ));
        }
        Ok(Request {
            spec: self.spec(self.step_texts()?),
            chooses_actuator: self.actuator.is_none(),
            clusters: self.clusters,
            probes: self.probes,
            home: self.home,
            name: self.name,
            dry_run: self.dry_run,
            yes: self.yes,
            output: self.output,
        })
    }
}

/// A migration that somebody asks for, by whatever command.
pub struct Request {
    /// What is asked for.
    pub spec: MigrationSpec,
    /// Nobody said where weights are written: what is found decides.
    pub chooses_actuator: bool,
    /// How its clusters are reached.
    pub clusters: ClusterOptions,
    /// How its world is looked at.
    pub probes: ProbeOptions,
    /// The cluster that keeps the object. Default: the destination.
    pub home: Option<String>,
    /// The object's name. Default: FROM-to-TO.
    pub name: Option<String>,
    /// Show the plan and stop.
    pub dry_run: bool,
    /// Do not ask.
    pub yes: bool,
    /// How the result is printed.
    pub output: Output,
}

impl Request {
    /// For what has been agreed to: nobody is asked again.
    pub fn new(spec: MigrationSpec, clusters: ClusterOptions, probes: ProbeOptions) -> Self {
        Request {
            spec,
            chooses_actuator: false,
            clusters,
            probes,
            home: None,
            name: None,
            dry_run: false,
            yes: true,
            output: Output::Text,
        }
    }
}

/// What is asked for, seen from what is there.
enum Ahead {
    /// It begins.
    New(Box<Prepared>),
    /// It is under way already.
    Unfinished(Box<unfinished::Found>),
}

/// Everything that was found out before anything is written.
pub struct Prepared {
    /// The account whose zone it is.
    pub account: String,
    /// Where the driver looks.
    pub world: WorldOptions,
    /// Where the object lives.
    pub home: Cluster,
    /// Its name.
    pub name: String,
    /// The object.
    pub spec: MigrationSpec,
    /// The same, parsed.
    pub core: Spec,
    /// What may be moved.
    pub admitted: Vec<Admitted>,
    /// What was found.
    pub survey: Survey,
    /// The TTL of answers for the groups' hosts, seconds.
    pub ttl_seconds: u32,
}

/// The command.
pub async fn run(args: MigrateArgs) -> anyhow::Result<Exit> {
    // Boxed: a future that holds a whole migration.
    Box::pin(carry_out(args.into_request()?)).await
}

/// Plan, question, migration.
pub async fn carry_out(request: Request) -> anyhow::Result<Exit> {
    let prepared = match prepare(&request).await? {
        Ahead::New(prepared) => prepared,
        Ahead::Unfinished(found) => return unfinished::take_up(*found, &request).await,
    };
    match (request.output, request.dry_run) {
        (Output::Text, _) => data(&plan::render(&prepared)),
        (Output::Json, true) => data(&plan::json(&prepared).to_string()),
        (Output::Json, false) => note(&plan::render(&prepared)),
    }
    if request.dry_run {
        return Ok(Exit::Done);
    }
    if !request.yes && !confirmed()? {
        note("nothing was changed");
        return Ok(Exit::UserFailure);
    }
    let migrations = Migrations::new(&prepared.home);
    let how = how_to_reach(&prepared.home, &prepared.world.clusters);
    if hand_over(&migrations, &prepared.name, &prepared.spec).await? {
        return follow(&migrations, &prepared.name, &how, request.output, Told::Nothing).await;
    }
    let options = driver_options(&prepared);
    let driver =
        Driver::begin(options, prepared.spec.clone(), prepared.admitted.clone(), &prepared.survey.places);
    let Prepared { name, core, .. } = *prepared;
    drive(driver.await?, Drive { name, how, core, output: request.output, told: Told::Nothing }).await
}

/// Connects, reads, and refuses what cannot be done. Writes nothing.
async fn prepare(request: &Request) -> anyhow::Result<Ahead> {
    let mut spec = request.spec.clone();
    let core = spec.to_core().map_err(|error| {
        user_error(error.to_string(), "for example --steps 10%,50%,100% or --steps 100/10,0/100")
    })?;
    let from = request.clusters.connect(&spec.from).await?;
    let to = request.clusters.connect(&spec.to).await?;
    let home = match request.home.as_deref() {
        None => to.clone(),
        Some(name) if name == spec.to => to.clone(),
        Some(name) if name == spec.from => from.clone(),
        Some(name) => request.clusters.connect(name).await?,
    };
    let mut world = request.probes.world(vec![from, to], &spec.zone).await?;
    world.take(&spec);
    let account = Aws::from_environment().await?.account_id().await?;
    let stateful = if spec.allow_stateful { Stateful::Allowed } else { Stateful::Looked };
    let survey = if request.chooses_actuator {
        choose(&mut world, &mut spec, stateful).await?
    } else {
        survey(&world, stateful).await?
    };
    let name = match unfinished::look_for(request, &spec, &home).await? {
        Name::Free(name) => name,
        Name::UnderWay(migration) => {
            let found = unfinished::Found { world, home, migration };
            return Ok(Ahead::Unfinished(Box::new(found)));
        }
    };
    let admitted =
        admit(&core, &spec.selection(), survey.candidates.clone()).map_err(|found| refused(&found))?;
    unfinished::refuse_overlap(&world.clusters, &home, &spec, &admitted).await?;
    let mut failing = check_destination(&world, &survey.places, &admitted, &core.to).await;
    if let Some(percent) = spec.ready_percent() {
        failing.extend(check_capacity(&world, &survey.places, &admitted, &core, percent).await);
    }
    if !failing.is_empty() {
        return Err(user_error(
            failing.join("\n       "),
            format!("make {} answer first, then try again", spec.to),
        ));
    }
    check_rights(spec.actuator, &world.clusters, &home, &survey, &admitted).await?;
    let ttl_seconds = largest_ttl(&world, &admitted).await;
    let prepared = Prepared { account, world, home, name, spec, core, admitted, survey, ttl_seconds };
    Ok(Ahead::New(Box::new(prepared)))
}

/// Everything that the migration will write, asked for beforehand.
async fn check_rights(
    actuator: Actuator,
    clusters: &[Cluster],
    home: &Cluster,
    survey: &Survey,
    admitted: &[Admitted],
) -> anyhow::Result<()> {
    let right = |verb, group, resource, namespace: Option<&str>| Right {
        verb,
        group,
        resource,
        namespace: namespace.map(ToOwned::to_owned),
    };
    let mut lacking = Vec::new();
    for cluster in clusters {
        let places = admitted.iter().filter_map(|group| survey.places.get(&group.group)?.get(&cluster.name));
        let mut rights: Vec<Right> = match actuator {
            Actuator::Annotation => places
                .flat_map(|place| &place.objects)
                .map(|object| match object.knob.kind {
                    KnobKind::Ingress => {
                        right("patch", "networking.k8s.io", "ingresses", Some(&object.knob.namespace))
                    }
                    KnobKind::Service => right("patch", "", "services", Some(&object.knob.namespace)),
                })
                .collect(),
            Actuator::GitopsBridge => vec![right("patch", "", "secrets", Some(ARGOCD_NAMESPACE))],
            Actuator::Route53 => Vec::new(),
        };
        rights.push(right("create", "coordination.k8s.io", "leases", Some(NAMESPACE)));
        rights.push(right("update", "coordination.k8s.io", "leases", Some(NAMESPACE)));
        if cluster.name == home.name {
            rights.push(right("create", "crossfade.dev", "migrations", Some(NAMESPACE)));
        }
        rights.sort();
        rights.dedup();
        for right in missing(cluster, &rights).await? {
            lacking.push(format!("{} (context {}): no right to {right}", cluster.name, cluster.context));
        }
    }
    if lacking.is_empty() {
        return Ok(());
    }
    Err(user_error(lacking.join("\n       "), "take a context that may, or ask for these rights"))
}

fn refused(refusals: &[Refusal]) -> anyhow::Error {
    let lines: Vec<String> = refusals.iter().map(ToString::to_string).collect();
    let hint = refusals.first().map(Refusal::hint);
    UserError { message: lines.join("\n       "), hint }.into()
}

/// Asks whether to go on.
pub fn confirmed() -> anyhow::Result<bool> {
    if !std::io::stdin().is_terminal() {
        return Err(user_error("there is nobody to confirm the plan", "pass --yes"));
    }
    ask("Go on? [y/N] ");
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line).context("cannot read the answer")?;
    Ok(matches!(line.trim(), "y" | "Y" | "yes"))
}

fn driver_options(prepared: &Prepared) -> DriverOptions {
    DriverOptions {
        world: prepared.world.clone(),
        home: prepared.home.clone(),
        name: prepared.name.clone(),
        identity: identity(),
    }
}

/// Unique for this process, readable for people.
pub fn identity() -> String {
    let host = std::fs::read_to_string("/etc/hostname").unwrap_or_default();
    let host = if host.trim().is_empty() { "cli".to_owned() } else { host.trim().to_owned() };
    format!("{host}-{}-{}", std::process::id(), jiff::Timestamp::now().as_millisecond())
}

/// The options that take up a migration again.
pub fn how_to_reach(home: &Cluster, clusters: &[Cluster]) -> String {
    let contexts: Vec<String> =
        clusters.iter().map(|cluster| format!("--context {}={}", cluster.name, cluster.context)).collect();
    format!("--home-context {} {}", home.context, contexts.join(" "))
}

/// What a driver's progress is printed with.
pub struct Drive {
    /// The migration.
    pub name: String,
    /// The options by which other commands find it.
    pub how: String,
    /// What is driven.
    pub core: Spec,
    /// How the result is printed.
    pub output: Output,
    /// What has been printed of it before.
    pub told: Told,
}

/// Rounds until the end or until it is asked to stop, with progress on stderr and the result on stdout.
pub async fn drive(mut driver: Driver, drive: Drive) -> anyhow::Result<Exit> {
    let Drive { name, how, core, output, told } = drive;
    let stop = Stop::listen();
    let mut watcher = watch::Watcher::new(&core.from, &core.to, told);
    let outcome = driver.drive(stop.asked.clone(), |progress| watcher.see(&progress)).await;
    let Some(status) = driver.status() else { return outcome.map(|_| Exit::OurFailure).map_err(Into::into) };
    if output == Output::Json {
        data(&summary_json(&name, &status).to_string());
    }
    let exit = match outcome? {
        Outcome::Complete => Exit::Done,
        Outcome::RolledBack => Exit::RolledBack,
        Outcome::Paused => Exit::Paused,
        Outcome::Interrupted => stop.exit(),
    };
    watcher.finish(&status);
    if !matches!(exit, Exit::Done | Exit::RolledBack) && status.phase != Phase::Complete {
        note("weights stay as they are");
        note(&ways::on(&Migrated { name: &name, how: &how, status: &status }, &driver.puts_back()));
    }
    Ok(exit)
}
