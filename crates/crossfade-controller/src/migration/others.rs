//! Migrations of the same traffic, in whichever cluster their objects live. Read before a new one begins; nothing is written.

use std::collections::BTreeSet;

use crossfade_api::migration::{Migration, MigrationSpec};
use crossfade_core::migration::{Admitted, Claim, Overlap, Unfinished, overlaps};
use crossfade_kube::migrations::Migrations;
use crossfade_kube::{Cluster, KubeError};

/// What an admission looks for others with.
pub struct Asking<'a> {
    /// The clusters of the pair and the home.
    pub homes: &'a [Cluster],
    /// What is asked for.
    pub spec: &'a MigrationSpec,
    /// Its own object, where there is one already.
    pub own: Option<&'a Migration>,
}

/// Every unfinished migration that has any of these groups. A home that cannot be read is an error: what is unknown holds.
pub async fn overlapping(asking: &Asking<'_>, admitted: &[Admitted]) -> Result<Vec<Overlap>, KubeError> {
    let mut others = Vec::new();
    let mut contexts = BTreeSet::new();
    for home in asking.homes {
        if !contexts.insert(&home.context) {
            continue;
        }
        let found = match Migrations::new(home).list().await {
            Ok(found) => found,
            // No such resource there, so nobody has one.
            Err(error) if error.is_not_found() => continue,
            Err(error) => return Err(error),
        };
        let in_the_way = found.iter().filter(|other| is_in_the_way(other, asking));
        others.extend(in_the_way.map(|other| unfinished(other, home)));
    }
    Ok(overlaps(admitted, &others))
}

fn is_in_the_way(other: &Migration, asking: &Asking<'_>) -> bool {
    let uid = |migration: &Migration| migration.metadata.uid.clone();
    if has_ended(other) || asking.own.is_some_and(|own| uid(own) == uid(other)) {
        return false;
    }
    if progress(other).is_some() {
        return true;
    }
    // Neither has begun: the older one goes first, and sees no other in its way.
    let age = |migration: &Migration| {
        let created = migration.metadata.creation_timestamp.as_ref().map(|created| created.0);
        (created, uid(migration))
    };
    let zone = |spec: &MigrationSpec| spec.zone.trim_end_matches('.').to_owned();
    let is_older = asking.own.is_none_or(|own| age(other) < age(own));
    is_older && zone(&other.spec) == zone(asking.spec)
}

fn progress(migration: &Migration) -> Option<&crossfade_core::migration::Status> {
    migration.status.as_ref()?.progress.as_ref()
}

/// Complete, rolled back, or refused as it is.
pub fn has_ended(migration: &Migration) -> bool {
    match (progress(migration), &migration.status) {
        (Some(progress), _) => progress.phase.is_end(),
        (None, Some(status)) => {
            !status.phase.is_empty() && status.observed_generation == migration.metadata.generation
        }
        (None, None) => false,
    }
}

fn unfinished(migration: &Migration, home: &Cluster) -> Unfinished {
    let claim = match progress(migration) {
        Some(progress) => {
            let groups = progress.groups.iter().map(|group| (group.name.clone(), group.hosts.clone()));
            Claim::Groups(groups.collect())
        }
        None => Claim::Selected(migration.spec.selection()),
    };
    Unfinished {
        name: migration.metadata.name.clone().unwrap_or_default(),
        home: home.context.clone(),
        phase: progress(migration)
            .map_or_else(|| "not begun".to_owned(), |progress| format!("{:?}", progress.phase)),
        claim,
    }
}
