//! Migrations whose driver is killed again and again and whose world fails in storms, while curl keeps asking: right
//! weights at the end, no failed request, no way back that nobody asked for.
//!
//! What happens when is drawn from a seed; what the machine makes of it is not.

mod drivers;
mod random;
mod storms;
mod users;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

use crate::clients::{Bench, GITOPS, MANIFESTS, printed};
use crate::say;

use drivers::{Drivers, Ended};
use random::Random;
use storms::Storms;
pub(crate) use users::Users;

pub(crate) use drivers::Kind;

/// A killed driver's leases: the one that follows does nothing until they are over, and is killed after that.
const LEASE: Duration = Duration::from_secs(15);
/// The latest moment of a kill once a driver may do something: anywhere in a migration of 12 s but its end.
const KILL_WITHIN_MS: u64 = 9_000;
/// A driver that follows a killed one waits for its leases (15 s) before it goes on; storms hold it up further.
const DRIVE_WITHIN: Duration = Duration::from_secs(90);
/// How long a driver that is not disturbed any more may take: leases, then a migration from its beginning (12 s), twice
/// over for a machine under load.
const CALM_DRIVE_WITHIN: Duration = Duration::from_mins(1);
/// Between two looks at a driver.
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// Before a driver that could not begin is started again, as an operator's restart policy has it.
const RESTART_AFTER: Duration = Duration::from_secs(1);

/// What a campaign consists of.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Options {
    /// How many drivers are killed.
    pub kills: u32,
    /// How often faults are switched on.
    pub storms: u32,
    /// When, and which.
    pub seed: u64,
    /// Who drives.
    pub driver: Kind,
    /// How the workloads come in.
    pub delivery: Delivery,
}

/// How the workloads of the lab come in, and so where weights are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Delivery {
    /// As manifests: on Ingresses.
    Manifests,
    /// From Git: on cluster secrets, for the lab's GitOps agents to carry.
    Gitops,
}

impl Delivery {
    fn option(self) -> &'static str {
        match self {
            Delivery::Manifests => MANIFESTS,
            Delivery::Gitops => GITOPS,
        }
    }

    fn actuator(self) -> &'static str {
        match self {
            Delivery::Manifests => "annotation",
            Delivery::Gitops => "gitopsBridge",
        }
    }
}

/// What happened in all.
#[derive(Default)]
struct Tally {
    migrations: u32,
    killed: u32,
    /// Drivers that could not begin while something failed, and were started again.
    restarted: u32,
    /// What must not happen.
    broken: Vec<String>,
}

/// Runs a campaign; true when nothing was lost.
pub(crate) fn run(crossfade: Option<PathBuf>, options: Options) -> anyhow::Result<bool> {
    let crossfade = crate::clients::program(crossfade)?;
    let dir = std::env::temp_dir().join(format!("crossfade-faults-{}", std::process::id()));
    let bench = Bench::up(&crossfade, &dir, &[options.delivery.option()])?;
    let result = campaign(&bench, &dir, options);
    drop(bench);
    if matches!(result, Ok(true)) {
        let _ = std::fs::remove_dir_all(&dir);
    } else {
        say(&format!("the logs are in {}", dir.display()));
    }
    result
}

fn campaign(bench: &Bench, dir: &std::path::Path, options: Options) -> anyhow::Result<bool> {
    let began = Instant::now();
    let users = Users::start(bench)?;
    let storms = Storms::start(bench, options.seed, options.storms, options.kills);
    let mut random = Random::new(options.seed);
    let mut drivers = Drivers::new(bench, dir, &options);
    let mut tally = Tally::default();
    let mut from_blue = true;
    while tally.killed < options.kills || storms.are_to_come() {
        let (from, to) = if from_blue { ("blue", "green") } else { ("green", "blue") };
        tally.migrations += 1;
        let result = migrate(&mut drivers, &storms, &mut random, options.kills, &mut tally, from, to)
            .and_then(|()| storms.in_calm(|| check_end(bench, from, to)));
        if let Err(error) = result {
            tally.broken.push(format!("migration {}: {error:#}", tally.migrations));
            break;
        }
        from_blue = !from_blue;
    }
    drop(drivers);
    let weather = storms.stop();
    let (asked, failures) = users.stop();
    for failure in failures.iter().take(5) {
        tally.broken.push(format!("a request failed: {failure}"));
    }
    let failed = failures.len();
    if asked == 0 {
        tally.broken.push("nobody asked".to_owned());
    }
    for broken in &tally.broken {
        say(&format!("FAILED  {broken}"));
    }
    say(&format!("storms: {weather}"));
    say(&format!(
        "{} migrations, {} drivers killed, {} restarted that could not begin, {asked} requests, {failed} failed, {} s",
        tally.migrations,
        tally.killed,
        tally.restarted,
        began.elapsed().as_secs()
    ));
    let passed = tally.migrations - u32::from(!tally.broken.is_empty()).min(tally.migrations);
    say(&format!("{passed} passed, {} failed", tally.broken.len()));
    Ok(tally.broken.is_empty())
}

/// One migration to its end, whatever happens to its drivers.
fn migrate(
    drivers: &mut Drivers<'_>,
    storms: &Storms,
    random: &mut Random,
    kills: u32,
    tally: &mut Tally,
    from: &str,
    to: &str,
) -> anyhow::Result<()> {
    let run = tally.migrations;
    let began = Instant::now();
    let (killed_before, restarted_before) = (tally.killed, tally.restarted);
    drivers.begin(run, from, to)?;
    let mut lease = Duration::ZERO;
    loop {
        let after = lease + Duration::from_millis(200 + random.below(KILL_WITHIN_MS));
        let limit = if tally.killed < kills { after } else { DRIVE_WITHIN };
        let mut ended = wait(drivers, limit)?;
        if ended.is_none() && tally.killed < kills {
            drivers.kill()?;
            tally.killed += 1;
            let ms = after.as_millis();
            say(&format!("killed {} of {kills}, {ms} ms into a drive from {from} to {to}", tally.killed));
            drivers.take_up()?;
            lease = LEASE;
            continue;
        }
        if ended.is_none() {
            say("the driver takes long: no more storms until it ends");
            ended = storms.in_calm(|| wait(drivers, CALM_DRIVE_WITHIN))?;
        }
        match ended {
            None => bail!("its driver does not end, {} s after the last fault", CALM_DRIVE_WITHIN.as_secs()),
            Some(Ended::Complete) => break,
            Some(Ended::Otherwise(how)) => bail!("it ended {how}; faults then: {}", storms.since(began)),
            Some(Ended::CouldNotBegin(why)) if storms.is_rough() => {
                tally.restarted += 1;
                say(&format!("a driver could not begin ({}): {why}", storms.now()));
                std::thread::sleep(RESTART_AFTER);
                drivers.take_up()?;
            }
            Some(Ended::CouldNotBegin(why)) => bail!("its driver does not begin, in calm: {why}"),
            Some(Ended::GaveUp(why)) => bail!("its driver gave up: {why}; faults: {}", storms.since(began)),
        }
    }
    say(&format!(
        "migration {run} from {from} to {to}: complete in {} s, {} kills, {} restarts, faults: {}",
        began.elapsed().as_secs(),
        tally.killed - killed_before,
        tally.restarted - restarted_before,
        storms.since(began)
    ));
    Ok(())
}

fn wait(drivers: &mut Drivers<'_>, limit: Duration) -> anyhow::Result<Option<Ended>> {
    let until = Instant::now() + limit;
    while Instant::now() < until {
        if let Some(ended) = drivers.ended()? {
            return Ok(Some(ended));
        }
        std::thread::sleep(LOOK_EVERY);
    }
    Ok(None)
}

/// The lab's clusters as crossfade's options.
fn contexts() -> &'static str {
    "--context blue=eks-blueprint-blue --context green=eks-blueprint-green"
}

/// Everything is where the migration wanted it, in annotations and in records.
fn check_end(bench: &Bench, from: &str, to: &str) -> anyhow::Result<()> {
    let script = format!("$cf status {} -o json", contexts());
    let output = bench.sh(&script);
    let document: serde_json::Value =
        serde_json::from_slice(&output.stdout).with_context(|| printed(&output))?;
    let mut hosts = 0;
    for group in document["groups"].as_array().into_iter().flatten() {
        for host in group["hosts"].as_array().into_iter().flatten() {
            hosts += 1;
            for (cluster, weight) in [(from, 0), (to, 100)] {
                let seen = &host["clusters"][cluster];
                if seen["declared"] != weight || seen["record"] != weight {
                    bail!("{} in {cluster}: {seen}, not {weight}", host["host"]);
                }
            }
        }
    }
    if hosts == 0 {
        bail!("no hosts are left: {document}");
    }
    Ok(())
}
