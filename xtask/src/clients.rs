//! The lab under programs that nobody here wrote: kubectl, aws, dig, curl, external-dns.
//!
//! A check is a shell script and what it has to print. Every program is used as it is, with the environment that
//! `crossfade lab env` gives to anybody.

mod aws;
mod cloudwatch;
mod curl;
mod dig;
mod external_dns;
mod faults;
mod git;
mod kubectl;
mod migration;
mod record_sets;
mod secrets;

pub(crate) use external_dns::external_dns_arguments;

use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

use crate::{say, tools, workspace};

/// What comes later than the call that asked for it (a load balancer, a record) comes within this time.
const EVENTUALLY_WITHIN: Duration = Duration::from_secs(15);

/// One check.
pub(crate) struct Check {
    /// The behaviour.
    pub name: &'static str,
    /// Run by bash with `pipefail`; `kb` and `kg` are kubectl for blue and green, `DOMAIN` is the lab's,
    /// `meet WORDS -- COMMAND` runs a command until its output has had all words.
    pub script: &'static str,
    /// How it ends.
    pub ends: Ends,
    /// Each is in what it prints, stdout and stderr together.
    pub words: &'static [&'static str],
}

/// How a script ends.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ends {
    /// Exit code 0.
    Well,
    /// Exit code 0 and the words, at the latest after a while.
    WellInTheEnd,
    /// Another exit code: the refusal is what is checked.
    Refused,
}

/// A lab, and the count of what held. The lab ends with it.
pub(crate) struct Bench {
    crossfade: PathBuf,
    dir: PathBuf,
    /// Waits for the end of its input, which comes however this process ends, and then ends the lab.
    guard: Child,
    /// What every script begins with, beside the lab's environment.
    prelude: String,
    passed: usize,
    failed: usize,
}

/// Parts of the checks.
#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Part {
    /// kubectl, aws, dig, curl, faults, a migration.
    Lab,
    /// ExternalDNS beside and under crossfade.
    ExternalDns,
    /// The actuator `route53`.
    RecordSets,
    /// Private repositories and registries of charts.
    Git,
}

/// Runs all checks, or one part; true when every one held.
pub(crate) fn run(crossfade: Option<PathBuf>, only: Option<Part>) -> anyhow::Result<bool> {
    let wants = |part: Part| only.is_none_or(|only| only == part);
    if wants(Part::ExternalDns) {
        tools::check_present(&[tools::EXTERNAL_DNS])?;
    }
    if wants(Part::Git) {
        tools::check_present(git::PROGRAMS)?;
    }
    let crossfade = program(crossfade)?;
    let scratch = std::env::temp_dir().join(format!("crossfade-clients-{}", std::process::id()));
    let began = Instant::now();
    let mut bench = Bench::up(&crossfade, &scratch.join("lab"), &[MANIFESTS])?;
    let foreign =
        wants(Part::ExternalDns).then(|| external_dns::ForeignMigration::begin(&crossfade, &scratch));
    if wants(Part::Lab) {
        for checks in [
            kubectl::CHECKS,
            aws::CHECKS,
            secrets::CHECKS,
            cloudwatch::CHECKS,
            dig::CHECKS,
            curl::CHECKS,
            faults::CHECKS,
        ] {
            bench.all(checks);
        }
    }
    if wants(Part::ExternalDns)
        && let Err(error) = external_dns::run(&mut bench, &scratch)
    {
        bench.count("external-dns can be driven at all", Some(format!("  {error:#}")));
    }
    if wants(Part::Lab) {
        bench.all(migration::CHECKS);
        bench.all(kubectl::LAST_CHECKS);
        bench.count_in(&counted(&crossfade, &scratch)?);
    }
    if wants(Part::RecordSets) {
        bench.count_in(&record_sets(&crossfade, &scratch)?);
    }
    if wants(Part::Git) {
        bench.count_in(&git::run(&crossfade, &scratch)?);
    }
    match foreign {
        Some(Ok(foreign)) => foreign.end(&mut bench),
        Some(Err(error)) => {
            bench.count("a migration through external-dns begins", Some(format!("  {error:#}")));
        }
        None => {}
    }
    let (passed, failed) = bench.counts();
    drop(bench);
    let _ = std::fs::remove_dir_all(&scratch);
    say(&format!("took {} s", began.elapsed().as_secs()));
    say(&format!("{passed} passed, {failed} failed"));
    Ok(failed == 0)
}

/// Weights in the zone itself, on a lab of its own without DNS controllers.
fn record_sets(crossfade: &Path, scratch: &Path) -> anyhow::Result<Bench> {
    let mut bench = Bench::up(crossfade, &scratch.join("record-sets"), &[MANIFESTS, "--without", "dns"])?;
    bench.all(&record_sets::checks());
    Ok(bench)
}

/// Migrations that look at what load balancers count, on a lab of its own.
fn counted(crossfade: &Path, scratch: &Path) -> anyhow::Result<Bench> {
    let mut bench = Bench::up(crossfade, &scratch.join("counted"), &[MANIFESTS])?;
    bench.all(cloudwatch::MIGRATIONS);
    Ok(bench)
}

/// The crossfade to test: the given one, or a debug build of this checkout.
pub(crate) fn program(given: Option<PathBuf>) -> anyhow::Result<PathBuf> {
    match given {
        Some(path) => Ok(std::path::absolute(path)?),
        None => build(),
    }
}

fn build() -> anyhow::Result<PathBuf> {
    let output = Command::new("cargo")
        .args(["build", "--package", "crossfade", "--message-format", "json"])
        .current_dir(workspace())
        .stderr(Stdio::inherit())
        .output()
        .context("cannot run cargo")?;
    let text = String::from_utf8_lossy(&output.stdout);
    let executables = text.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
    let built =
        executables.filter_map(|message| message["executable"].as_str().map(PathBuf::from)).next_back();
    built.context("crossfade does not build")
}

/// Workloads are applied: weights are annotations of Ingresses, which stay as kubectl writes them.
pub(crate) const MANIFESTS: &str = "--delivery=manifests";
/// Workloads come from Git: weights are annotations of the cluster secret.
pub(crate) const GITOPS: &str = "--delivery=gitops";

impl Bench {
    /// Starts a lab in `dir`.
    pub(crate) fn up(crossfade: &Path, dir: &Path, more: &[&str]) -> anyhow::Result<Bench> {
        // First, so that no lab is ever without it. In a group of its own: Ctrl-C leaves it its work.
        let guard = Command::new("bash")
            .args(["-c", "read -r; exec \"$0\" lab down --dir \"$1\" >/dev/null"])
            .args([crossfade, dir])
            .stdin(Stdio::piped())
            .process_group(0)
            .spawn()
            .context("bash does not start")?;
        let bench = Bench {
            crossfade: crossfade.to_owned(),
            dir: dir.to_owned(),
            guard,
            prelude: String::new(),
            passed: 0,
            failed: 0,
        };
        let output = Command::new(crossfade)
            .args(["lab", "up", "--detach", "--ttl", "3", "--dir"])
            .arg(dir)
            .args(more)
            .output()
            .with_context(|| crossfade.display().to_string())?;
        if !output.status.success() {
            bail!("the lab does not come up: {}", printed(&output));
        }
        Ok(bench)
    }

    /// Adds what another bench counted.
    fn count_in(&mut self, other: &Bench) {
        self.passed += other.passed;
        self.failed += other.failed;
    }

    /// Lets every further script begin with this.
    pub(crate) fn begin_scripts_with(&mut self, prelude: String) {
        self.prelude = prelude;
    }

    /// How many checks held, and how many did not.
    pub(crate) fn counts(&self) -> (usize, usize) {
        (self.passed, self.failed)
    }

    /// Runs checks in their order.
    pub(crate) fn all(&mut self, checks: &[Check]) {
        for check in checks {
            self.one(check);
        }
    }

    /// Runs one.
    fn one(&mut self, check: &Check) {
        let until = Instant::now() + EVENTUALLY_WITHIN;
        loop {
            let output = self.sh(check.script);
            let problem = problem_of(check, &output);
            if check.ends == Ends::WellInTheEnd && problem.is_some() && Instant::now() < until {
                std::thread::sleep(Duration::from_millis(200));
                continue;
            }
            return self.count(check.name, problem);
        }
    }

    /// Counts one result; `problem` is `None` when it held.
    pub(crate) fn count(&mut self, name: &str, problem: Option<String>) {
        match problem {
            None => {
                self.passed += 1;
                say(&format!("ok      {name}"));
            }
            Some(problem) => {
                self.failed += 1;
                say(&format!("FAILED  {name}\n{problem}"));
            }
        }
    }

    /// A script with the lab's environment.
    pub(crate) fn sh(&self, script: &str) -> Output {
        self.command(script).output().unwrap_or_else(|error| Output {
            status: std::process::ExitStatus::default(),
            stdout: Vec::new(),
            stderr: format!("bash does not start: {error}").into_bytes(),
        })
    }

    /// The same, not started.
    pub(crate) fn command(&self, script: &str) -> Command {
        let prelude = format!(
            "set -o pipefail\ncf={}\neval \"$($cf lab env --dir {})\"\nDOMAIN=$CROSSFADE_ZONE\n\
             kb() {{ kubectl --context eks-blueprint-blue \"$@\"; }}\nkg() {{ kubectl --context eks-blueprint-green \"$@\"; }}\n\
             server() {{ echo \"$CROSSFADE_DNS_SERVERS\" | cut -d, -f\"$1\"; }}\n\
             ask() {{ local at; at=$(server \"$1\"); shift; command dig \"@${{at%:*}}\" -p \"${{at#*:}}\" \"$@\"; }}\n\
             meet() {{ local words=() left said word i; while [ \"$1\" != -- ]; do words+=(\"$1\"); shift; done; shift\n\
               for i in $(seq 60); do said=$(\"$@\" 2>&1); left=()\n\
                 for word in \"${{words[@]}}\"; do case \"$said\" in *\"$word\"*) echo \"$said\";; *) left+=(\"$word\");; esac; done\n\
                 words=(\"${{left[@]}}\"); [ \"${{#words[@]}}\" -gt 0 ] || return 0; done\n\
               echo \"not met in $i runs: ${{words[*]}}; last: $said\"; return 1; }}\n\
             zone() {{ aws route53 list-hosted-zones-by-name --dns-name \"$DOMAIN\" --query 'HostedZones[0].Id' --output text; }}\n",
            self.crossfade.display(),
            self.dir.display(),
        );
        let mut command = Command::new("bash");
        command.arg("-c").arg(format!("{prelude}{}{script}", self.prelude)).stdin(Stdio::null());
        command
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        // `wait` closes the guard's input first.
        if !self.guard.wait().is_ok_and(|status| status.success()) {
            say(&format!("the lab in {} did not end", self.dir.display()));
        }
    }
}

/// A process of somebody else's that runs beside the checks and ends with this value.
pub(crate) struct Beside(pub Child);

impl Drop for Beside {
    fn drop(&mut self) {
        let killed = self.0.kill().and_then(|()| self.0.wait());
        if let Err(error) = killed {
            say(&format!("process {} does not end: {error}", self.0.id()));
        }
    }
}

/// Both streams.
pub(crate) fn printed(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// What is wrong with a result, or `None`.
fn problem_of(check: &Check, output: &Output) -> Option<String> {
    let text = printed(output);
    let ended_well = output.status.success();
    let missing: Vec<&str> = check.words.iter().filter(|word| !text.contains(**word)).copied().collect();
    if ended_well == (check.ends != Ends::Refused) && missing.is_empty() {
        return None;
    }
    Some(format!(
        "  script:  {}\n  ended:   {}\n  missing: {missing:?}\n  printed: {}",
        check.script.trim().replace('\n', "\n           "),
        output.status,
        text.trim().replace('\n', "\n           ")
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ran(script: &str) -> Output {
        Command::new("sh").arg("-c").arg(script).output().unwrap_or_else(|error| panic!("{error}"))
    }

    #[test]
    fn a_missing_word_and_a_wrong_end_are_problems() {
        let check = |ends| Check { name: "x", script: "x", ends, words: &["green"] };
        assert!(problem_of(&check(Ends::Well), &ran("echo green")).is_none());
        assert!(problem_of(&check(Ends::Well), &ran("echo blue")).is_some());
        assert!(problem_of(&check(Ends::Well), &ran("echo green; exit 1")).is_some());
        assert!(problem_of(&check(Ends::Refused), &ran("echo green >&2; exit 1")).is_none());
        assert!(problem_of(&check(Ends::Refused), &ran("echo green")).is_some());
    }
}
