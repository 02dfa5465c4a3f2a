//! How one goes on after a pause or an interruption, as commands to paste.

use crossfade_core::migration::{GroupStatus, Phase, Status};

/// A migration that somebody has to go on with.
pub struct Migrated<'a> {
    /// Its name.
    pub name: &'a str,
    /// The options by which commands find it.
    pub how: &'a str,
    /// How it stands.
    pub status: &'a Status,
}

/// Every way on, one a line. `puts_back` are commands that undo what other hands have done.
pub fn on(migrated: &Migrated<'_>, puts_back: &[String]) -> String {
    let Migrated { name, how, status } = migrated;
    let command = |what: &str, more: &str| format!("crossfade migration {what} {name}{more} {how}");
    let is_held = status.phase == Phase::Paused && status.groups.iter().any(GroupStatus::is_held);
    let is_on_way_back = status.current_step().is_some_and(|step| step.target == "rollback");
    let mut ways: Vec<(&str, String)> = Vec::new();
    if is_held {
        let over = " --overwrite";
        if !is_on_way_back {
            ways.push(("to go on over these weights:", command("resume", over)));
        }
        ways.push(("to return them, these too:", command("rollback", over)));
        if !is_on_way_back && status.groups.iter().any(|group| !group.is_held()) {
            ways.push(("to return all but these:", command("rollback", "")));
        }
        for command in puts_back {
            ways.push(("to put back what was there:", command.clone()));
        }
        let what = if is_on_way_back { "rollback" } else { "resume" };
        ways.push(("after that, to go on:", command(what, "")));
    } else {
        ways.push(("to go on:", command("resume", "")));
        ways.push(("to return them:", command("rollback", "")));
    }
    let width = ways.iter().map(|(title, _)| title.len()).max().unwrap_or(0);
    let lines: Vec<String> =
        ways.iter().map(|(title, command)| format!("{title:<width$}  {command}")).collect();
    lines.join("\n")
}
