//! Reading migrations: the list, one as a tree, and what happened in one.

use std::time::Duration;

use clap::Args;
use crossfade_api::migration::Migration;
use crossfade_kube::Cluster;
use crossfade_kube::migrations::Migrations;
use jiff::Timestamp;
use serde_json::json;

use crate::commands::migrate::{Output, clock};
use crate::commands::migration::home::HomeOptions;
use crate::commands::migration::{OneArgs, progress_of, tree};
use crate::exit::Exit;
use crate::fill::paragraph;
use crate::printer::{data, note};
use crate::table::Table;

/// Options of `crossfade migration list`.
#[derive(Clone, Debug, Args)]
pub struct ListArgs {
    #[command(flatten)]
    home: HomeOptions,
    /// How they are printed.
    #[arg(long, short, value_enum, default_value_t)]
    output: Output,
}

/// Options of `crossfade migration get`.
#[derive(Clone, Debug, Args)]
pub struct GetArgs {
    #[command(flatten)]
    one: OneArgs,
    /// Show it again and again until it ends.
    #[arg(long, short)]
    watch: bool,
    /// How it is printed.
    #[arg(long, short, value_enum, default_value_t)]
    output: Output,
}

/// Options of `crossfade migration history`.
#[derive(Clone, Debug, Args)]
pub struct HistoryArgs {
    #[command(flatten)]
    one: OneArgs,
    /// How it is printed.
    #[arg(long, short, value_enum, default_value_t)]
    output: Output,
}

/// Every migration of every home that can be read.
pub async fn list(args: ListArgs) -> anyhow::Result<Exit> {
    let homes = args.home.homes().await?;
    let mut all: Vec<(Cluster, Migration)> = Vec::new();
    for home in &homes {
        match Migrations::new(home).list().await {
            Ok(found) => all.extend(found.into_iter().map(|migration| (home.clone(), migration))),
            Err(error) if error.is_not_found() => {}
            Err(error) if homes.len() > 1 => note(&format!("{} cannot be read: {error}", home.context)),
            Err(error) => return Err(error.into()),
        }
    }
    if args.output == Output::Json {
        let migrations: Vec<&Migration> = all.iter().map(|(_, migration)| migration).collect();
        data(&serde_json::to_string(&migrations)?);
        return Ok(Exit::Done);
    }
    let mut table = Table::new(&["NAME", "HOME", "FROM", "TO", "PHASE", "STEP", "AGE", "DRIVER"]);
    for (home, migration) in &all {
        let context = home.context.as_str();
        table.row(row_of(context, migration, args.home.driver_of(home, migration).await.in_a_word()));
    }
    if table.is_empty() {
        let contexts: Vec<&str> = homes.iter().map(|home| home.context.as_str()).collect();
        note(&format!("no migrations in {}", contexts.join(" and ")));
    } else {
        data(&table.to_string());
        all.iter().filter_map(|(_, migration)| said(migration)).for_each(|text| data(&text));
    }
    Ok(Exit::Done)
}

/// Why it is where it is, below the table: such texts are longer than a column may be.
fn said(migration: &Migration) -> Option<String> {
    let status = migration.status.as_ref().filter(|status| !status.message.is_empty())?;
    let reason = if status.reason.is_empty() { String::new() } else { format!("{}: ", status.reason) };
    let name = migration.metadata.name.as_deref().unwrap_or_default();
    Some(paragraph(&format!("{name}: {reason}{}", status.message), "", "  "))
}

fn row_of(home: &str, migration: &Migration, driver: String) -> Vec<String> {
    let status = migration.status.clone().unwrap_or_default();
    let created = migration.metadata.creation_timestamp.as_ref().map(|created| created.0);
    vec![
        migration.metadata.name.clone().unwrap_or_default(),
        home.to_owned(),
        migration.spec.from.clone(),
        migration.spec.to.clone(),
        status.phase,
        status.step,
        created.map_or_else(String::new, |created| age(Timestamp::now().duration_since(created).as_secs())),
        driver,
    ]
}

/// As kubectl writes ages, in the largest unit that leaves a figure or two.
fn age(seconds: i64) -> String {
    match seconds {
        ..120 => format!("{}s", seconds.max(0)),
        120..7_200 => format!("{}m", seconds / 60),
        7_200..172_800 => format!("{}h", seconds / 3_600),
        _ => format!("{}d", seconds / 86_400),
    }
}

/// One, as a tree of its weights.
pub async fn get(args: GetArgs) -> anyhow::Result<Exit> {
    /// As often as a person can follow.
    const EVERY: Duration = Duration::from_secs(1);
    loop {
        let kept = args.one.find().await?;
        let driver = args.one.home.driver_of(&kept.home, &kept.migration).await;
        let how = args.one.how(&kept).await;
        let migration = kept.migration;
        let has_ended = progress_of(&migration).is_some_and(|status| status.phase.is_end());
        if args.output == Output::Json {
            data(&serde_json::to_string(&migration)?);
        } else {
            data(&tree::render(&migration, driver.in_a_line(&migration, &how).as_deref()));
        }
        if !args.watch || has_ended {
            return Ok(Exit::Done);
        }
        tokio::time::sleep(EVERY).await;
    }
}

/// What happened in one so far.
pub async fn history(args: HistoryArgs) -> anyhow::Result<Exit> {
    let kept = args.one.find().await?;
    let history = progress_of(&kept.migration).map(|status| status.history).unwrap_or_default();
    if args.output == Output::Json {
        data(&json!({ "migration": kept.name(), "history": history }).to_string());
        return Ok(Exit::Done);
    }
    for entry in history {
        data(&format!("{}  {}", clock(entry.at.0), entry.message));
    }
    Ok(Exit::Done)
}

#[cfg(test)]
mod tests {
    use super::age;

    #[test]
    fn ages_are_short() {
        assert_eq!([age(-1), age(59), age(119), age(120)], ["0s", "59s", "119s", "2m"]);
        assert_eq!([age(7_199), age(7_200), age(172_800)], ["119m", "2h", "2d"]);
    }
}
