//! A migration whose driver is killed again and again, while curl keeps asking: right weights at the end, no failed request.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

use crate::clients::{Bench, printed};
use crate::say;

/// Between two requests: many enough to meet every moment of a migration, few enough for curl.
const ASK_EVERY: Duration = Duration::from_millis(50);
/// A killed driver's leases: the one that follows does nothing until they are over, and is killed after that.
const LEASE: Duration = Duration::from_millis(14_500);
/// A driver that follows a killed one waits for its leases (15 s) before it goes on.
const DRIVE_WITHIN: Duration = Duration::from_secs(90);

/// Kills `kills` drivers; true when nothing was lost.
pub(crate) fn run(crossfade: Option<PathBuf>, kills: u32, seed: u64) -> anyhow::Result<bool> {
    let crossfade = crate::clients::program(crossfade)?;
    let dir = std::env::temp_dir().join(format!("crossfade-faults-{}", std::process::id()));
    let bench = Bench::up(&crossfade, &dir, &[])?;
    let result = campaign(&bench, kills, seed);
    drop(bench);
    let _ = std::fs::remove_dir_all(&dir);
    result
}

fn campaign(bench: &Bench, kills: u32, seed: u64) -> anyhow::Result<bool> {
    let users = Users::start(bench)?;
    let mut random = seed;
    let mut killed = 0;
    let mut runs = 0;
    let mut from_blue = true;
    while killed < kills {
        let mut lease = Duration::ZERO;
        let (from, to) = if from_blue { ("blue", "green") } else { ("green", "blue") };
        runs += 1;
        let mut driver = drive(bench, &begin(from, to, runs))?;
        loop {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let after = lease + Duration::from_millis(200 + (random >> 33) % 6_000);
            if killed < kills && !ends_within(&mut driver, after)? {
                driver.kill().context("kill")?;
                driver.wait().context("wait")?;
                killed += 1;
                say(&format!(
                    "killed {killed} of {kills}, {} ms into a drive from {from} to {to}",
                    after.as_millis()
                ));
                driver = drive(bench, &resume(from, to, runs))?;
                lease = LEASE;
                continue;
            }
            if !ends_within(&mut driver, DRIVE_WITHIN)? {
                bail!("the driver of migration {runs} does not end");
            }
            break;
        }
        check_end(bench, from, to)?;
        from_blue = !from_blue;
    }
    let (asked, failed) = users.stop();
    say(&format!("{runs} migrations, {killed} drivers killed, {asked} requests, {failed} failed"));
    say(&format!("{} passed, {} failed", u64::from(failed == 0) * u64::from(runs), failed));
    Ok(failed == 0 && asked > 0)
}

fn contexts() -> &'static str {
    "--context blue=eks-blueprint-blue --context green=eks-blueprint-green"
}

fn begin(from: &str, to: &str, run: u32) -> String {
    let contexts = contexts();
    format!(
        "exec $cf migrate --from {from} --to {to} {contexts} --yes --draws 500 --name run-{run} --home green"
    )
}

/// A driver killed before it made its object has nothing to take up: then it is begun again.
fn resume(from: &str, to: &str, run: u32) -> String {
    let contexts = contexts();
    format!(
        "if kg get migration run-{run} -n crossfade >/dev/null 2>&1; then \
         exec $cf migration resume run-{run} --home-context eks-blueprint-green {contexts}; else {}; fi",
        begin(from, to, run)
    )
}

fn drive(bench: &Bench, script: &str) -> anyhow::Result<Child> {
    let mut command = bench.command(script);
    command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().context("cannot start the driver")
}

fn ends_within(child: &mut Child, limit: Duration) -> anyhow::Result<bool> {
    let until = Instant::now() + limit;
    while Instant::now() < until {
        if child.try_wait().context("cannot look at the driver")?.is_some() {
            return Ok(true);
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(false)
}

/// Everything is where the migration wanted it, in annotations and in records.
fn check_end(bench: &Bench, from: &str, to: &str) -> anyhow::Result<()> {
    let script = format!("$cf status {} -o json", contexts());
    let output = bench.sh(&script);
    let document: serde_json::Value =
        serde_json::from_slice(&output.stdout).with_context(|| printed(&output))?;
    for group in document["groups"].as_array().into_iter().flatten() {
        for host in group["hosts"].as_array().into_iter().flatten() {
            for (cluster, weight) in [(from, 0), (to, 100)] {
                let seen = &host["clusters"][cluster];
                if seen["declared"] != weight || seen["record"] != weight {
                    bail!("{} in {cluster}: {seen}, not {weight}", host["host"]);
                }
            }
        }
    }
    Ok(())
}

/// curl, again and again.
pub(crate) struct Users {
    stop: Arc<AtomicBool>,
    asked: Arc<AtomicU64>,
    failed: Arc<AtomicU64>,
    thread: JoinHandle<()>,
}

impl Users {
    /// Begins to ask.
    pub(crate) fn start(bench: &Bench) -> anyhow::Result<Users> {
        let output = bench.sh("echo $CURL_HOME; echo https://burnham.$DOMAIN/");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let mut lines = text.lines().map(ToOwned::to_owned);
        let (curl_home, url) = lines.next().zip(lines.next()).context("the lab has no environment")?;
        let (stop, asked, failed) = (Arc::new(AtomicBool::new(false)), Arc::default(), Arc::default());
        let (stopped, all, bad): (_, Arc<AtomicU64>, Arc<AtomicU64>) =
            (Arc::clone(&stop), Arc::clone(&asked), Arc::clone(&failed));
        let thread = std::thread::spawn(move || {
            while !stopped.load(Ordering::Relaxed) {
                let asked = Command::new("curl")
                    .args(["-sf", "-o", "/dev/null", "--max-time", "5", &url])
                    .env("CURL_HOME", &curl_home)
                    .status();
                all.fetch_add(1, Ordering::Relaxed);
                if !asked.is_ok_and(|status| status.success()) {
                    bad.fetch_add(1, Ordering::Relaxed);
                }
                std::thread::sleep(ASK_EVERY);
            }
        });
        Ok(Users { stop, asked, failed, thread })
    }

    /// Ends; how many requests there were, and how many failed.
    pub(crate) fn stop(self) -> (u64, u64) {
        self.stop.store(true, Ordering::Relaxed);
        // A thread that panicked has counted what it asked until then.
        let _ = self.thread.join();
        (self.asked.load(Ordering::Relaxed), self.failed.load(Ordering::Relaxed))
    }
}
