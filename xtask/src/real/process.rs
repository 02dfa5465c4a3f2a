//! A process that ends with this one, however this one ends, and whose words are kept in a file.

use std::fs::File;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::Context;

/// Runs its arguments until they end or the end of its input comes, which comes however its parent ends. What it runs keeps
/// nothing that anybody needs, so it is killed.
const GUARD: &str = r#"exec 3<&0
"$@" </dev/null 3<&- & child=$!
{ read -r _ <&3; kill -KILL "$child"; } & reader=$!
wait "$child"; code=$?
kill "$reader" 2>/dev/null
exit "$code""#;

/// One process and its log. The process ends when this value does.
pub(crate) struct Process {
    name: String,
    log: PathBuf,
    guard: Child,
}

impl Process {
    /// Starts `command`; what it prints goes to `NAME.log` in `logs`.
    pub(crate) fn start(name: &str, command: &Command, logs: &Path) -> anyhow::Result<Process> {
        let log = logs.join(format!("{name}.log"));
        let file = File::create(&log).with_context(|| log.display().to_string())?;
        let mut guard = Command::new("bash");
        guard.args(["-c", GUARD, name]).arg(command.get_program()).args(command.get_args());
        for (key, value) in command.get_envs() {
            match value {
                Some(value) => guard.env(key, value),
                None => guard.env_remove(key),
            };
        }
        // In a group of its own: Ctrl-C reaches it as the end of its input.
        let guard = guard
            .stdin(Stdio::piped())
            .stdout(file.try_clone().context("a log can be written by two")?)
            .stderr(file)
            .process_group(0)
            .spawn()
            .with_context(|| format!("{name} does not start"))?;
        Ok(Process { name: name.to_owned(), log, guard })
    }

    /// The name that it was started under.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Resident memory, KiB, without its guard's; 0 when it has ended.
    pub(crate) fn resident_kib(&self) -> u64 {
        children_of(self.guard.id()).into_iter().filter(|id| !is_shell(*id)).map(resident_kib).sum()
    }

    /// What it has said so far.
    pub(crate) fn said(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// What to tell when it has ended though nobody asked it to.
    pub(crate) fn ended(&mut self) -> Option<String> {
        let status = self.guard.try_wait().ok().flatten()?;
        Some(format!("{} ended ({status})", self.name))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // `wait` closes the guard's input first.
        if let Err(error) = self.guard.wait() {
            crate::say(&format!("{} does not end: {error}", self.name));
        }
    }
}

/// Resident memory of a process, KiB; 0 when there is none.
pub(crate) fn resident_kib(process_id: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process_id}/status")).unwrap_or_default();
    let resident = status.lines().find(|line| line.starts_with("VmRSS:"));
    resident.and_then(|line| line.split_whitespace().nth(1)?.parse().ok()).unwrap_or(0)
}

fn children_of(process_id: u32) -> Vec<u32> {
    let path = format!("/proc/{process_id}/task/{process_id}/children");
    let children = std::fs::read_to_string(path).unwrap_or_default();
    children.split_whitespace().filter_map(|id| id.parse().ok()).collect()
}

fn is_shell(process_id: u32) -> bool {
    std::fs::read_to_string(format!("/proc/{process_id}/comm")).is_ok_and(|name| name.trim() == "bash")
}
