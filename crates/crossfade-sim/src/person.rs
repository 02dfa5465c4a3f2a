//! The person at the wheel: promotes, pauses and goes on, decides what follows a pause.

use std::collections::BTreeSet;

use crossfade_core::migration::{Phase, Stage, Status, Wish, agree_to_others, resume};

use crate::checker::Checker;
use crate::driver::{index_of, index_of_group};
use crate::events::Event;
use crate::random::Random;
use crate::world::World;

/// After so many decisions a migration that pauses again is left alone.
const DECISIONS_MAX: u32 = 3;

/// What this person is about.
#[derive(Default)]
pub(crate) struct Person {
    /// Ends a pause of their own then.
    pub(crate) goes_on_at: Option<u64>,
    /// Acts upon what they see then.
    acts_at: Option<u64>,
    decisions: u32,
    /// Leaves the migration paused.
    pub(crate) has_left: bool,
    pub(crate) has_wished_rollback: bool,
    /// For the report.
    pub(crate) did: BTreeSet<&'static str>,
}

impl Person {
    pub(crate) fn tick(&mut self, world: &mut World, checker: &mut Checker, random: &mut Random) {
        let now = world.now;
        if self.goes_on_at.is_some_and(|at| now >= at) {
            self.goes_on_at = None;
            if world.object.spec.wish == Wish::Pause {
                self.does("goes on", world, checker);
                change_wish(world, Wish::Advance);
                let is_own = reason(world) == Some("PausedByUser");
                if is_own {
                    resume_object(world);
                }
            }
        }
        if !self.is_asked(world) {
            self.acts_at = None;
            return;
        }
        let at = *self.acts_at.get_or_insert_with(|| now + random.between(2_000, 30_000));
        if now >= at {
            self.acts_at = None;
            self.act(world, checker, random);
        }
    }

    fn does(&mut self, what: &'static str, world: &World, checker: &mut Checker) {
        self.did.insert(what);
        checker.event(world, Event::Person(what));
    }

    /// Something waits for this person.
    fn is_asked(&self, world: &World) -> bool {
        let Some(status) = &world.object.status else { return false };
        match status.phase {
            Phase::Paused => !self.has_left && self.goes_on_at.is_none(),
            Phase::Progressing => {
                status.stage == Stage::AwaitingPromotion && world.object.spec.promotions <= status.promotions
            }
            _ => false,
        }
    }

    fn act(&mut self, world: &mut World, checker: &mut Checker, random: &mut Random) {
        if world.object.status.as_ref().is_some_and(|status| status.phase == Phase::Progressing) {
            world.object.spec.promotions += 1;
            world.object.spec.promote_to_end = random.chance(15);
            let to_end = world.object.spec.promote_to_end;
            self.does(if to_end { "promotes to the end" } else { "promotes" }, world, checker);
            world.object.version += 1;
            return;
        }
        self.decisions += 1;
        let choice = if self.decisions > DECISIONS_MAX { 0 } else { random.below(5) };
        let agrees = self.decisions <= DECISIONS_MAX && random.chance(50);
        match choice {
            0 | 1 => {
                self.does("leaves it paused", world, checker);
                self.has_left = true;
            }
            2 if !agrees => {
                self.does("wants the weights back", world, checker);
                self.has_wished_rollback = true;
                change_wish(world, Wish::Rollback);
            }
            3 => {
                self.does("wants the weights back, whoever wrote them", world, checker);
                self.has_wished_rollback = true;
                checker.is_forced = true;
                world.object.spec.force = true;
                change_wish(world, Wish::Rollback);
            }
            2 => {
                self.does("agrees to others' weights and wants them back", world, checker);
                self.has_wished_rollback = true;
                agree(world, checker);
                change_wish(world, Wish::Rollback);
            }
            4 if agrees => {
                self.does("agrees to others' weights and resumes", world, checker);
                agree(world, checker);
                change_wish(world, Wish::Advance);
                resume_object(world);
            }
            _ => {
                self.does("mends the weights and resumes", world, checker);
                mend(world, checker);
                change_wish(world, Wish::Advance);
                resume_object(world);
            }
        }
    }
}

fn reason(world: &World) -> Option<&str> {
    let status = world.object.status.as_ref().filter(|status| status.phase == Phase::Paused)?;
    status.failure.as_ref().map(|failure| failure.reason.as_str())
}

fn change_wish(world: &mut World, wish: Wish) {
    world.object.spec.wish = wish;
    world.object.version += 1;
}

/// As `crossfade migration resume` does before it drives.
fn resume_object(world: &mut World) {
    let now = world.at();
    if let Some(status) = &mut world.object.status {
        resume(status, now);
        world.object.version += 1;
    }
}

/// As `--overwrite` does.
fn agree(world: &mut World, checker: &mut Checker) {
    if let Some(status) = &mut world.object.status {
        checker.agreed(status);
        agree_to_others(status);
        world.object.version += 1;
    }
}

/// Puts every knob to where the migration wants it.
fn mend(world: &mut World, checker: &mut Checker) {
    let Some(status) = world.object.status.clone() else { return };
    for (group, cluster, target) in targets(&status) {
        let now = world.now;
        if world.clusters[cluster].knobs[group].weight() != target {
            world.clusters[cluster].knobs[group].set(now, target);
            checker.mended(world, group, cluster);
        }
    }
}

/// Where the migration wants each knob: group, cluster, weight. Third clusters' are what they were.
pub(crate) fn targets(status: &Status) -> Vec<(usize, usize, u8)> {
    let of_group = |group: &crossfade_core::migration::GroupStatus| -> Vec<(usize, usize, u8)> {
        let index = index_of_group(&group.name);
        let clusters = group.clusters.iter().take(2);
        clusters.map(|cluster| (index, index_of(&cluster.name), cluster.target.get())).collect()
    };
    status.groups.iter().flat_map(of_group).collect()
}
