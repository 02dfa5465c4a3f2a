//! Many seeds, one report.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::run::{Ending, RunReport, run_seed, tick_millis};
use crate::users::Requests;

/// What many seeds showed.
#[derive(Clone, Debug, Default)]
pub struct CampaignReport {
    /// Seeds played.
    pub seeds: u64,
    /// How many ended how.
    pub endings: BTreeMap<Ending, u64>,
    /// Runs in which a rule was broken.
    pub failed: Vec<RunReport>,
    /// Phases and stages that were passed through, all together.
    pub transitions: BTreeSet<String>,
    /// Runs that met each kind of fault.
    pub faults: BTreeMap<&'static str, u64>,
    /// Of all users.
    pub requests: Requests,
    /// Virtual time played, milliseconds.
    pub virtual_millis: u64,
}

/// Plays `seeds` seeds from `first` on.
pub fn run_campaign(first: u64, seeds: u64) -> CampaignReport {
    let mut report = CampaignReport { seeds, ..CampaignReport::default() };
    for seed in first..first.saturating_add(seeds) {
        report.add(run_seed(seed, None));
    }
    report
}

impl CampaignReport {
    fn add(&mut self, run: RunReport) {
        *self.endings.entry(run.ending).or_default() += 1;
        self.transitions.extend(run.transitions.iter().cloned());
        for fault in &run.faults {
            *self.faults.entry(fault).or_default() += 1;
        }
        self.requests.sent += run.requests.sent;
        self.requests.failed += run.requests.failed;
        self.virtual_millis += run.virtual_millis;
        if !run.violations.is_empty() {
            self.failed.push(run);
        }
    }
}

impl fmt::Display for CampaignReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hours = self.virtual_millis / 3_600_000;
        writeln!(f, "{} migrations, {hours} virtual hours in ticks of {} ms", self.seeds, tick_millis())?;
        for (ending, count) in &self.endings {
            writeln!(f, "  {ending:?}: {count}")?;
        }
        let Requests { sent, failed, .. } = self.requests;
        writeln!(f, "requests of users: {sent}, {failed} of them to load balancers that were broken")?;
        let faults: Vec<String> = self.faults.iter().map(|(kind, count)| format!("{kind} {count}")).collect();
        writeln!(f, "faults met (runs): {}", faults.join(", "))?;
        let transitions: Vec<&str> = self.transitions.iter().map(String::as_str).collect();
        writeln!(f, "phases and stages: {}", transitions.join(", "))?;
        for run in &self.failed {
            writeln!(f, "seed {}:", run.seed)?;
            for violation in &run.violations {
                writeln!(f, "  {} after {} ms: {}", violation.rule, violation.at_millis, violation.what)?;
            }
            for line in &run.events {
                writeln!(f, "    {line}")?;
            }
        }
        write!(f, "{} runs with violations", self.failed.len())
    }
}
