//! The real Argo CD on a real API server beside the lab's agent on the lab's: the same repositories, the same bridge, the same
//! changes, and then every field of every Application and of every object that it manages.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::argo::difference::{Difference, differences, unexcused};
use crate::argo::intended::INTENDED;
use crate::argo::programs::ArgoCd;
use crate::argo::snapshot::Snapshot;
use crate::argo::stages::{FUNCTIONS, STAGES, Stage};
use crate::argo::{Run, carried, hard, must, odd, prelude};
use crate::clients::{Bench, GITOPS};
use crate::real::servers::Servers;
use crate::say;

/// Both have settled within this time after a change; the real one takes some seconds, and more on a busy machine.
const SETTLED_WITHIN: Duration = Duration::from_mins(1);
/// Between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// Lines of differences that are printed for one check.
const PRINTED_DIFFERENCES: usize = 60;

/// Runs all stages; what held and what did not.
pub(super) fn run(run: &Run<'_>) -> anyhow::Result<(usize, usize)> {
    let mut servers = Servers::start(&run.scratch.join("servers"), run.logs)?;
    // Dropped before the servers, as Argo CD is before both.
    let mut bench = Bench::up(run.crossfade, &run.scratch.join("lab"), &[GITOPS])?;
    servers.wait_until_ready()?;
    bench.begin_scripts_with(format!(
        "{}{FUNCTIONS}{}{}",
        prelude(&servers.kubeconfig, run.scratch),
        odd::FUNCTIONS,
        hard::FUNCTIONS
    ));
    let _argo_cd = ArgoCd::start(&bench, &servers, "blue", run.scratch, run.logs)?;
    must(&bench, "bridge blue 100")?;
    let mut seen = BTreeMap::new();
    for stage in STAGES.iter().chain(hard::STAGES).chain(odd::STAGES) {
        one(&mut bench, stage, &mut seen)?;
    }
    say("differences that are meant to be:");
    for (place, excused) in INTENDED.iter().enumerate() {
        let count = seen.get(&place).copied().unwrap_or_default();
        say(&format!("  {count:>4}  {}: {}", excused.path.join(" > "), excused.reason));
    }
    Ok(bench.counts())
}

fn one(bench: &mut Bench, stage: &Stage, seen: &mut BTreeMap<usize, usize>) -> anyhow::Result<()> {
    must(bench, stage.change)?;
    let began = Instant::now();
    loop {
        carried::carry(bench, "blue")?;
        let theirs = Snapshot::take(bench, "real-blue")?;
        let ours = Snapshot::take(bench, "eks-blueprint-blue")?;
        let mut seen_now = seen.clone();
        let left = compared(&theirs, &ours, &mut seen_now);
        let arrived = ((stage.leads_to)(&theirs), (stage.leads_to)(&ours));
        let is_settled = arrived == (true, true) && left.iter().all(|(_, found)| found.is_empty());
        if !is_settled && began.elapsed() < SETTLED_WITHIN {
            std::thread::sleep(LOOK_EVERY);
            continue;
        }
        say(&format!("{}: after {:.1} s", stage.name, began.elapsed().as_secs_f64()));
        for (who, arrived) in [("Argo CD", arrived.0), ("the lab's agent", arrived.1)] {
            let problem = (!arrived).then(|| "  its Applications do not show it".to_owned());
            bench.count(&format!("{}: {who} carries it out", stage.name), problem);
        }
        for (what, found) in left {
            bench.count(&format!("{}: {what} are equal", stage.name), problem_of(&found));
        }
        *seen = seen_now;
        return Ok(());
    }
}

/// The differences that are not meant to be, and what they are of.
fn compared(
    theirs: &Snapshot,
    ours: &Snapshot,
    seen: &mut BTreeMap<usize, usize>,
) -> Vec<(String, Vec<Difference>)> {
    let pairs = [
        ("ApplicationSets", &theirs.sets, &ours.sets),
        ("Applications", &theirs.applications, &ours.applications),
        ("managed objects", &theirs.managed, &ours.managed),
    ];
    let compare = |(what, theirs, ours): (&str, _, _)| {
        let theirs: &crate::argo::snapshot::Objects = theirs;
        (format!("{} {what}", theirs.len()), unexcused(differences(theirs, ours), INTENDED, seen))
    };
    pairs.into_iter().map(compare).collect()
}

fn problem_of(found: &[Difference]) -> Option<String> {
    let lines: Vec<String> =
        found.iter().take(PRINTED_DIFFERENCES).map(|found| format!("  {found}")).collect();
    (!found.is_empty()).then(|| format!("  {} fields differ\n{}", found.len(), lines.join("\n")))
}
