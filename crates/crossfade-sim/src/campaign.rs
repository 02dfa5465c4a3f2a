//! Many seeds, one report.

use std::collections::BTreeMap;
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
    /// Runs that went from each phase and stage to each next one.
    pub transitions: BTreeMap<String, u64>,
    /// Runs of each kind of world, and in which people did what.
    pub sights: BTreeMap<&'static str, u64>,
    /// Runs that met each kind of fault.
    pub faults: BTreeMap<&'static str, u64>,
    /// Of all users.
    pub requests: Requests,
    /// Virtual time played, milliseconds.
    pub virtual_millis: u64,
}

/// Seeds are independent of each other; more threads than cores cost nothing, and this asks no machine how many it has.
const THREADS: usize = 4;

/// Plays `seeds` seeds from `first` on. The report is the same whatever the machine does meanwhile.
pub fn run_campaign(first: u64, seeds: u64) -> CampaignReport {
    let play = |thread: usize| {
        let mut report = CampaignReport::default();
        for offset in (0..seeds).skip(thread).step_by(THREADS) {
            report.add(run_seed(first.wrapping_add(offset), None));
        }
        report
    };
    let mut report = CampaignReport::default();
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS).map(|thread| scope.spawn(move || play(thread))).collect();
        for thread in threads {
            match thread.join() {
                Ok(part) => report.merge(part),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
    });
    report.failed.sort_by_key(|run| run.seed);
    report
}

impl CampaignReport {
    fn add(&mut self, run: RunReport) {
        let one = CampaignReport {
            seeds: 1,
            endings: BTreeMap::from([(run.ending, 1)]),
            transitions: run.transitions.iter().map(|transition| (transition.clone(), 1)).collect(),
            sights: run.sights.iter().map(|sight| (*sight, 1)).collect(),
            faults: run.faults.iter().map(|fault| (*fault, 1)).collect(),
            requests: run.requests,
            virtual_millis: run.virtual_millis,
            failed: if run.violations.is_empty() { Vec::new() } else { vec![run] },
        };
        self.merge(one);
    }

    fn merge(&mut self, other: CampaignReport) {
        self.seeds += other.seeds;
        add_counts(&mut self.endings, other.endings);
        add_counts(&mut self.transitions, other.transitions);
        add_counts(&mut self.sights, other.sights);
        add_counts(&mut self.faults, other.faults);
        self.requests.add(other.requests);
        self.virtual_millis += other.virtual_millis;
        self.failed.extend(other.failed);
    }
}

fn add_counts<K: Ord>(to: &mut BTreeMap<K, u64>, from: BTreeMap<K, u64>) {
    for (key, count) in from {
        *to.entry(key).or_default() += count;
    }
}

fn listed<K: fmt::Display>(counts: &BTreeMap<K, u64>) -> String {
    let each: Vec<String> = counts.iter().map(|(key, count)| format!("{key} {count}")).collect();
    each.join(", ")
}

impl fmt::Display for CampaignReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hours = self.virtual_millis / 3_600_000;
        writeln!(f, "{} migrations, {hours} virtual hours in ticks of {} ms", self.seeds, tick_millis())?;
        for (ending, count) in &self.endings {
            writeln!(f, "  {ending:?}: {count}")?;
        }
        let Requests { sent, failed, by_zero_weight, fail_open, overstayed, retried, .. } = self.requests;
        writeln!(f, "requests of users: {sent}, {failed} of them to load balancers that were broken")?;
        writeln!(
            f,
            "  {by_zero_weight} to records of weight 0, {overstayed} to answers older than their TTL; answers: \
             {fail_open} with all unhealthy, {retried} after a silent name server"
        )?;
        writeln!(f, "worlds and people (runs): {}", listed(&self.sights))?;
        writeln!(f, "faults met (runs): {}", listed(&self.faults))?;
        writeln!(f, "transitions (runs): {}", listed(&self.transitions))?;
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
