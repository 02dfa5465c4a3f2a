//! Pausing and promoting: a wish in the object, and what whoever drives makes of it.
//!
//! Neither drives. A wish that cannot be followed as the migration stands is refused before it is written.

use std::time::Duration;

use clap::Args;
use crossfade_core::migration::{Phase, Stage, Status};
use crossfade_kube::Cluster;
use crossfade_kube::lease::{LEASE_DURATION, holder};
use crossfade_kube::presence::announced;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use crate::commands::migrate::{Migrated, ways};
use crate::commands::migration::home::Kept;
use crate::commands::migration::{OneArgs, progress_of};
use crate::exit::{Exit, user_error};
use crate::printer::note;

/// Between two looks at the object and the leases.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Options of `crossfade migration promote`.
#[derive(Clone, Debug, Args)]
pub struct PromoteArgs {
    #[command(flatten)]
    one: OneArgs,
    /// Skip to the last step.
    #[arg(long)]
    full: bool,
}

/// Ends a pause among the steps.
pub async fn promote(args: PromoteArgs) -> anyhow::Result<Exit> {
    let kept = args.one.find().await?;
    let how = args.one.how(&kept).await;
    let progress = begun(&kept, &how)?;
    if (progress.phase, progress.stage) != (Phase::Progressing, Stage::AwaitingPromotion) {
        return Err(refusal("promote", &kept, &progress, &how));
    }
    let promotions = kept.migration.spec.promotions.max(progress.promotions) + 1;
    let wish = json!({ "promotions": promotions, "promoteToEnd": args.full });
    let is_followed = |status: &Status| status.promotions >= promotions;
    wait_for(&args.one, &kept, &wish, "promoted", is_followed, &how).await
}

/// Stops after what is under way.
pub async fn pause(args: OneArgs) -> anyhow::Result<Exit> {
    let kept = args.find().await?;
    let how = args.how(&kept).await;
    let progress = begun(&kept, &how)?;
    if progress.phase != Phase::Progressing {
        return Err(refusal("pause", &kept, &progress, &how));
    }
    let is_followed = |status: &Status| status.phase == Phase::Paused;
    wait_for(&args, &kept, &json!({ "wish": "pause" }), "paused; weights stay", is_followed, &how).await
}

fn begun(kept: &Kept, how: &str) -> anyhow::Result<Status> {
    progress_of(&kept.migration).ok_or_else(|| {
        user_error(
            format!("Migration {} has not begun", kept.name()),
            format!("`crossfade migration get {} {how}` shows it", kept.name()),
        )
    })
}

/// What a migration waits for instead, and the command for that.
fn refusal(what: &str, kept: &Kept, progress: &Status, how: &str) -> anyhow::Error {
    let name = kept.name();
    let failure = progress.failure.as_ref();
    let why = failure.map(|failure| format!("{}: {}", failure.reason, failure.message)).unwrap_or_default();
    let get = format!("`crossfade migration get {name} {how}` shows where it is");
    let (stands, hint) = match progress.phase {
        Phase::Complete | Phase::RolledBack => (
            format!("it has ended ({:?})", progress.phase),
            "`crossfade migrate` moves traffic again, in either direction".to_owned(),
        ),
        Phase::Paused => (
            format!("it is paused ({why})"),
            format!("there are these ways\n{}", ways::on(&Migrated { name, how, status: progress }, &[])),
        ),
        Phase::RollingBack => (format!("it is on its way back ({why})"), get),
        Phase::Draining => {
            ("its last step is proven; the TTL and the keep-warm time run out".to_owned(), get)
        }
        Phase::Progressing => {
            let message = kept.migration.status.as_ref().map(|status| status.message.clone());
            let message = message.filter(|message| !message.is_empty());
            (message.unwrap_or_else(|| "a step is under way".to_owned()), get)
        }
    };
    user_error(format!("there is nothing to {what} in Migration {name}: {stands}"), hint)
}

/// Writes a wish, and watches until it is followed or nobody is there to follow it.
async fn wait_for(
    one: &OneArgs,
    kept: &Kept,
    wish: &Value,
    done: &str,
    is_followed: impl Fn(&Status) -> bool,
    how: &str,
) -> anyhow::Result<Exit> {
    let (migrations, name) = (kept.migrations(), kept.name());
    migrations.patch_spec(name, wish).await?;
    let controller = announced(&kept.home, &kept.migration.spec.zone).await?;
    let clusters = one.reachable(kept).await;
    let mut leases = Leases::default();
    let until = Instant::now() + LEASE_DURATION;
    let nobody = loop {
        let progress = migrations.get(name).await?.as_ref().and_then(progress_of);
        if progress.is_some_and(|progress| is_followed(&progress)) {
            note(done);
            return Ok(Exit::Done);
        }
        if controller.is_none() && leases.are_free(&clusters, &kept.migration.spec.zone).await {
            break true;
        }
        if Instant::now() >= until {
            break !leases.has_moved && !clusters.is_empty();
        }
        sleep(LOOK_EVERY).await;
    };
    if nobody {
        note(&format!(
            "noted, and nobody drives {name} now; to go on:  crossfade migration resume {name} {how}"
        ));
    } else {
        note(&format!("noted; its driver has not come to it yet (crossfade migration watch {name} {how})"));
    }
    Ok(Exit::Done)
}

/// The leases of a zone, as they move.
#[derive(Default)]
struct Leases {
    seen: Vec<(String, String)>,
    has_moved: bool,
}

impl Leases {
    /// No cluster that can be asked has a holder. A lease whose holder died looks held until it has not moved for its time.
    async fn are_free(&mut self, clusters: &[Cluster], zone: &str) -> bool {
        let mut found = Vec::new();
        for cluster in clusters {
            match holder(cluster, zone).await {
                Ok(held) => found.extend(held),
                // Unknown: somebody may be there.
                Err(_) => return false,
            }
        }
        self.has_moved |= !self.seen.is_empty() && self.seen != found;
        let is_free = found.is_empty();
        self.seen = found;
        is_free && !clusters.is_empty()
    }
}
