//! Drivers: `crossfade migrate` and `crossfade migration resume`, or `crossfade controller`, one process after the other.

use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::Context;

use crate::clients::{Bench, printed};

use super::{Options, contexts};

/// Between two questions for the phase of an object.
const ASK_EVERY: Duration = Duration::from_millis(500);
/// A controller defines the resource when it starts, and takes as long as what fails lets it.
const APPLY_WITHIN: Duration = Duration::from_mins(1);

/// Who drives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Kind {
    /// `crossfade migrate`.
    Cli,
    /// `crossfade controller`.
    Controller,
}

/// How a drive ended.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Ended {
    Complete,
    /// Rolled back or paused.
    Otherwise(&'static str),
    /// The process ended with an error before it had said anything of the migration.
    CouldNotBegin(String),
    /// The process ended with an error in the middle.
    GaveUp(String),
}

/// One migration.
struct Run {
    number: u32,
    from: String,
    to: String,
}

/// The process that drives, and what follows it. It ends with this value.
pub(super) struct Drivers<'a> {
    bench: &'a Bench,
    dir: PathBuf,
    kind: Kind,
    /// What an object says about where weights are written; the command line finds out itself.
    actuator: &'static str,
    run: Run,
    child: Option<Child>,
    log: PathBuf,
    started: u32,
    asked_at: Instant,
}

impl<'a> Drivers<'a> {
    pub(super) fn new(bench: &'a Bench, dir: &Path, options: &Options) -> Drivers<'a> {
        let run = Run { number: 0, from: String::new(), to: String::new() };
        let log = PathBuf::new();
        let dir = dir.to_owned();
        let actuator = options.delivery.actuator();
        let kind = options.driver;
        Drivers { bench, dir, kind, actuator, run, child: None, log, started: 0, asked_at: Instant::now() }
    }

    /// Begins a migration.
    pub(super) fn begin(&mut self, number: u32, from: &str, to: &str) -> anyhow::Result<()> {
        self.run = Run { number, from: from.to_owned(), to: to.to_owned() };
        match self.kind {
            Kind::Cli => self.start(&self.run.begin()),
            Kind::Controller => {
                if self.child.is_none() {
                    self.start(&controller())?;
                }
                self.apply()
            }
        }
    }

    /// Starts the driver that follows one which is gone.
    pub(super) fn take_up(&mut self) -> anyhow::Result<()> {
        match self.kind {
            Kind::Cli => self.start(&self.run.resume()),
            Kind::Controller => self.start(&controller()),
        }
    }

    /// As `kill -9`.
    pub(super) fn kill(&mut self) -> anyhow::Result<()> {
        if let Some(mut child) = self.child.take() {
            child.kill().context("kill")?;
            child.wait().context("wait")?;
        }
        Ok(())
    }

    /// How the migration ended, if it has, or why nobody drives it.
    pub(super) fn ended(&mut self) -> anyhow::Result<Option<Ended>> {
        let Some(child) = &mut self.child else { return Ok(None) };
        if let Some(status) = child.try_wait().context("cannot look at the driver")? {
            self.child = None;
            return Ok(Some(self.how(status)));
        }
        if self.kind == Kind::Cli || self.asked_at.elapsed() < ASK_EVERY {
            return Ok(None);
        }
        self.asked_at = Instant::now();
        let script = format!(
            "kg get migration run-{} -n crossfade --request-timeout 2s -o jsonpath='{{.status.phase}}'",
            self.run.number
        );
        Ok(match String::from_utf8_lossy(&self.bench.sh(&script).stdout).trim() {
            "Complete" => Some(Ended::Complete),
            "RolledBack" => Some(Ended::Otherwise("rolled back")),
            "Paused" => Some(Ended::Otherwise("paused")),
            "Refused" => Some(Ended::Otherwise("refused")),
            _ => None,
        })
    }

    fn how(&self, status: ExitStatus) -> Ended {
        let said = std::fs::read_to_string(&self.log).unwrap_or_default();
        let errors: Vec<&str> =
            said.lines().filter(|line| line.starts_with("error:") || line.contains("panicked")).collect();
        let why = match (status.signal(), errors.is_empty()) {
            (Some(signal), _) => format!("signal {signal}"),
            (None, true) => format!("{status}; its log is {}", self.log.display()),
            (None, false) => errors.join("; "),
        };
        match status.code() {
            Some(0) if self.kind == Kind::Cli => Ended::Complete,
            Some(3) => Ended::Otherwise("rolled back"),
            Some(4) => Ended::Otherwise("paused"),
            // It tells its progress from the first look on.
            _ if said.contains("waiting for ") || said.contains(" step ") => Ended::GaveUp(why),
            _ => Ended::CouldNotBegin(why),
        }
    }

    fn start(&mut self, script: &str) -> anyhow::Result<()> {
        self.started += 1;
        self.log = self.dir.join("logs").join(format!("driver-{}-{}.log", self.run.number, self.started));
        let log = std::fs::File::create(&self.log).context("cannot make the driver's log")?;
        let mut command = self.bench.command(script);
        command.env("CROSSFADE_LOG", "info").stdout(Stdio::null()).stderr(log);
        self.child = Some(command.spawn().context("cannot start the driver")?);
        Ok(())
    }

    /// As a person does it: again until it works.
    fn apply(&mut self) -> anyhow::Result<()> {
        let until = Instant::now() + APPLY_WITHIN;
        let Run { number, from, to } = &self.run;
        let actuator = self.actuator;
        let script = format!(
            "sed \"s/ZONE/$DOMAIN/\" <<'END' | kg apply --request-timeout 5s -f -\n\
             {{\"apiVersion\": \"crossfade.dev/v1alpha1\", \"kind\": \"Migration\",\n\
             \"metadata\": {{\"name\": \"run-{number}\", \"namespace\": \"crossfade\"}},\n\
             \"spec\": {{\"from\": \"{from}\", \"to\": \"{to}\", \"zone\": \"ZONE\", \"draws\": 500, \"actuator\": \"{actuator}\"}}}}\nEND"
        );
        loop {
            let output = self.bench.sh(&script);
            if output.status.success() {
                return Ok(());
            }
            if Instant::now() > until {
                anyhow::bail!("the Migration cannot be applied: {}", printed(&output));
            }
            let is_gone = match &mut self.child {
                Some(child) => child.try_wait().context("cannot look at the controller")?.is_some(),
                None => true,
            };
            if is_gone {
                self.start(&controller())?;
            }
            std::thread::sleep(ASK_EVERY);
        }
    }
}

impl Drop for Drivers<'_> {
    fn drop(&mut self) {
        if let Err(error) = self.kill() {
            crate::say(&format!("the driver does not end: {error:#}"));
        }
    }
}

impl Run {
    fn begin(&self) -> String {
        let Run { number, from, to } = self;
        let contexts = contexts();
        format!(
            "exec $cf migrate --from {from} --to {to} {contexts} --yes --draws 500 --name run-{number} --home green"
        )
    }

    /// A driver killed before it made its object has nothing to take up: then it is begun again. An API that fails says
    /// nothing about the object.
    fn resume(&self) -> String {
        let contexts = contexts();
        let number = self.number;
        format!(
            "if said=$(kg get migration run-{number} -n crossfade --request-timeout 5s 2>&1) || \
             ! grep -qE \"NotFound|doesn't have a resource type\" <<<\"$said\"; then \
             exec $cf migration resume run-{number} --home-context eks-blueprint-green {contexts}; else {}; fi",
            self.begin()
        )
    }
}

fn controller() -> String {
    format!("exec $cf controller --home-context eks-blueprint-green {}", contexts())
}
