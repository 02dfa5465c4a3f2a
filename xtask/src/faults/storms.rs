//! Storms: one or several faults of the lab that are on for some seconds. Plans are drawn from a seed; every kind of
//! fault comes at least once, and never are both clusters' APIs down.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::clients::{Bench, printed};
use crate::say;

use super::random::Random;

/// Shortest and longest storm.
const LASTS_MS: (u64, u64) = (1_000, 8_000);
/// Shortest time between two, and the longest when nobody is killed: long enough that some drivers begin in calm.
const CALM_MS: (u64, u64) = (2_000, 12_000);
/// What a kill takes: the leases of the one that was killed, and some seconds of its successor's work.
const KILL_MS: u64 = 18_000;
/// For how long a storm that is over still explains that a driver could not begin: it asked during the storm and gave up
/// after it.
const NOT_LONG: Duration = Duration::from_secs(10);
/// Faults at once.
const AT_ONCE_MAX: u64 = 3;

/// What can go wrong, as `crossfade lab inject` calls it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    ApiErrors,
    ApiDown,
    WatchCut,
    ApiLatency,
    Route53Throttle,
    Route53Errors,
    Route53Latency,
    NameServerDown,
    SlowSync,
}

const KINDS: [Kind; 9] = [
    Kind::ApiErrors,
    Kind::ApiDown,
    Kind::WatchCut,
    Kind::ApiLatency,
    Kind::Route53Throttle,
    Kind::Route53Errors,
    Kind::Route53Latency,
    Kind::NameServerDown,
    Kind::SlowSync,
];

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Kind::ApiErrors => "api-errors",
            Kind::ApiDown => "api-down",
            Kind::WatchCut => "watch-cut",
            Kind::ApiLatency => "latency",
            Kind::Route53Throttle => "route53 throttle",
            Kind::Route53Errors => "route53 api-errors",
            Kind::Route53Latency => "route53 latency",
            Kind::NameServerDown => "route53 name-server-down",
            Kind::SlowSync => "route53 slow-sync",
        }
    }
}

/// One fault: what `lab inject` is told to begin and to end it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Fault {
    kind: Kind,
    on: String,
    off: String,
}

impl Fault {
    fn draw(kind: Kind, random: &mut Random) -> Fault {
        let side = ["blue", "green"][usize::from(random.below(2) == 1)];
        let place = if kind.name().starts_with("route53") { "" } else { side };
        let words = format!("{place} {}", kind.name()).trim().to_owned();
        let number = match kind {
            Kind::ApiDown => None,
            Kind::ApiErrors | Kind::Route53Throttle | Kind::Route53Errors => Some(2 + random.below(3)),
            Kind::WatchCut => Some(200 + random.below(800)),
            Kind::ApiLatency | Kind::Route53Latency => Some(200 + random.below(1_800)),
            Kind::NameServerDown => Some(1 + random.below(4)),
            Kind::SlowSync => Some(2_000 + random.below(6_000)),
        };
        let on = number.map_or_else(|| words.clone(), |number| format!("{words} {number}"));
        let off = if kind == Kind::NameServerDown { format!("{on} --off") } else { format!("{words} --off") };
        Fault { kind, on, off }
    }
}

#[derive(Clone, Debug)]
struct Storm {
    calm_before: Duration,
    lasts: Duration,
    faults: Vec<Fault>,
}

/// `count` storms, spread over the time that `kills` kills take.
fn plan(seed: u64, count: u32, kills: u32) -> Vec<Storm> {
    // Another stream than that of the kills.
    let mut random = Random::new(seed ^ 0x5707_2a55);
    let each_ms = u64::from(kills) * KILL_MS / u64::from(count.max(1));
    let mean_ms = each_ms.saturating_sub(LASTS_MS.0.midpoint(LASTS_MS.1));
    let calm_ms = (CALM_MS.0, CALM_MS.1.max((2 * mean_ms).saturating_sub(CALM_MS.0)));
    let mut deck = Vec::new();
    let mut missing = KINDS.len();
    let between = |random: &mut Random, (least, most): (u64, u64)| {
        Duration::from_millis(least + random.below(most - least + 1))
    };
    (0..count)
        .map(|number| {
            let needed = missing.div_ceil((count - number) as usize);
            let drawn = usize::try_from(1 + random.below(AT_ONCE_MAX)).unwrap_or(1).max(needed);
            let mut kinds: Vec<Kind> = Vec::new();
            while kinds.len() < drawn.min(KINDS.len()) {
                if deck.is_empty() {
                    deck = KINDS.to_vec();
                    random.shuffle(&mut deck);
                }
                // A storm has no kind twice: so never are both APIs down.
                kinds.extend(deck.pop().filter(|kind| !kinds.contains(kind)));
            }
            missing = missing.saturating_sub(kinds.len());
            Storm {
                calm_before: between(&mut random, calm_ms),
                lasts: between(&mut random, LASTS_MS),
                faults: kinds.into_iter().map(|kind| Fault::draw(kind, &mut random)).collect(),
            }
        })
        .collect()
}

/// A storm that was.
#[derive(Clone, Debug)]
struct Past {
    ended: Option<Instant>,
    faults: Vec<Fault>,
}

/// Storms on their way.
pub(super) struct Storms {
    sky: Arc<Sky>,
    thread: JoinHandle<()>,
}

#[derive(Default)]
struct Sky {
    /// Held while something is wrong.
    weather: Mutex<()>,
    to_come: AtomicU32,
    stop: AtomicBool,
    past: Mutex<Vec<Past>>,
}

impl Storms {
    pub(super) fn start(bench: &Bench, seed: u64, count: u32, kills: u32) -> Storms {
        let storms = plan(seed, count, kills);
        let sky = Arc::new(Sky { to_come: AtomicU32::new(count), ..Sky::default() });
        let above = Arc::clone(&sky);
        let scripts: Vec<(Storm, Command, Command)> = storms
            .into_iter()
            .map(|storm| {
                let all = |words: fn(&Fault) -> &str| {
                    let lines: Vec<String> =
                        storm.faults.iter().map(|fault| format!("$cf lab inject {}", words(fault))).collect();
                    lines.join(" && ")
                };
                let (on, off) = (all(|fault| &fault.on), all(|fault| &fault.off));
                (storm.clone(), bench.command(&on), bench.command(&off))
            })
            .collect();
        let thread = std::thread::spawn(move || {
            for (number, (storm, on, off)) in scripts.into_iter().enumerate() {
                above.sleep(storm.calm_before);
                if above.stop.load(Ordering::Relaxed) {
                    break;
                }
                above.blow(number + 1, count, storm, on, off);
            }
            above.to_come.store(0, Ordering::Relaxed);
        });
        Storms { sky, thread }
    }

    pub(super) fn are_to_come(&self) -> bool {
        self.sky.to_come.load(Ordering::Relaxed) > 0
    }

    /// Does something while no storm is and none begins.
    pub(super) fn in_calm<T>(&self, action: impl FnOnce() -> T) -> T {
        let _calm = self.sky.weather.lock().unwrap_or_else(PoisonError::into_inner);
        action()
    }

    /// Whether there is a storm, or was one not long ago.
    pub(super) fn is_rough(&self) -> bool {
        self.sky.past().iter().any(|past| past.ended.is_none_or(|ended| ended.elapsed() <= NOT_LONG))
    }

    /// What goes wrong, or did not long ago.
    pub(super) fn now(&self) -> String {
        Instant::now().checked_sub(NOT_LONG).map_or_else(String::new, |then| self.since(then))
    }

    /// What went wrong since then.
    pub(super) fn since(&self, then: Instant) -> String {
        let past = self.sky.past();
        let faults = past.iter().filter(|past| past.ended.is_none_or(|ended| ended >= then));
        let words: Vec<&str> = faults.flat_map(|past| &past.faults).map(|fault| fault.on.as_str()).collect();
        if words.is_empty() { "none".to_owned() } else { words.join(", ") }
    }

    /// Waits for the storm that is, begins no other, and says what there was.
    pub(super) fn stop(self) -> String {
        self.sky.stop.store(true, Ordering::Relaxed);
        // What a thread that panicked has switched on ends with the lab.
        let _ = self.thread.join();
        let past = self.sky.past();
        let mut kinds: BTreeMap<Kind, u32> = BTreeMap::new();
        for fault in past.iter().flat_map(|past| &past.faults) {
            *kinds.entry(fault.kind).or_default() += 1;
        }
        let mut text = past.len().to_string();
        for (index, (kind, count)) in kinds.iter().enumerate() {
            let separator = if index == 0 { ": " } else { ", " };
            let _ = write!(text, "{separator}{} {count}", kind.name());
        }
        text
    }
}

impl Sky {
    fn past(&self) -> Vec<Past> {
        self.past.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn sleep(&self, time: Duration) {
        let until = Instant::now() + time;
        while Instant::now() < until && !self.stop.load(Ordering::Relaxed) {
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn blow(&self, number: usize, count: u32, storm: Storm, mut on: Command, mut off: Command) {
        let _storm = self.weather.lock().unwrap_or_else(PoisonError::into_inner);
        let words: Vec<&str> = storm.faults.iter().map(|fault| fault.on.as_str()).collect();
        say(&format!("storm {number} of {count}, {} ms: {}", storm.lasts.as_millis(), words.join(", ")));
        self.past
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(Past { ended: None, faults: storm.faults });
        run(&mut on);
        self.sleep(storm.lasts);
        run(&mut off);
        if let Some(past) = self.past.lock().unwrap_or_else(PoisonError::into_inner).last_mut() {
            past.ended = Some(Instant::now());
        }
        self.to_come.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A lab that does not obey shows in what is checked; here it is only said.
fn run(command: &mut Command) {
    match command.output() {
        Ok(output) if output.status.success() => {}
        Ok(output) => say(&format!("FAULT NOT SET  {}", printed(&output).trim())),
        Err(error) => say(&format!("FAULT NOT SET  {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_comes_and_no_storm_has_one_twice() {
        for seed in 0..50 {
            for count in [1, 2, 8, 40] {
                let storms = plan(seed, count, 0);
                assert_eq!(storms.len(), count as usize);
                let mut seen: Vec<Kind> = Vec::new();
                for storm in &storms {
                    let mut kinds: Vec<Kind> = storm.faults.iter().map(|fault| fault.kind).collect();
                    kinds.sort_unstable();
                    let all = kinds.len();
                    kinds.dedup();
                    assert_eq!(kinds.len(), all, "{storm:?}");
                    assert!(all > 0 && storm.lasts <= Duration::from_secs(8), "{storm:?}");
                    seen.extend(kinds);
                }
                seen.sort_unstable();
                seen.dedup();
                assert_eq!(seen, KINDS, "seed {seed}, {count} storms");
            }
        }
    }

    #[test]
    fn storms_are_spread_over_the_kills() {
        let seconds = |kills| {
            plan(1, 100, kills)
                .iter()
                .map(|storm| storm.calm_before + storm.lasts)
                .sum::<Duration>()
                .as_secs()
        };
        assert!((900..1_500).contains(&seconds(0)), "{}", seconds(0));
        assert!((2_100..3_300).contains(&seconds(150)), "{}", seconds(150));
    }

    #[test]
    fn a_seed_is_a_plan() {
        let faults = |seed| plan(seed, 8, 10).into_iter().flat_map(|storm| storm.faults).collect::<Vec<_>>();
        assert_eq!(faults(7), faults(7));
        assert_ne!(faults(7), faults(8));
    }
}
