//! Processes of our own: the lab, DNS controllers and drivers each run as one, and end when their parent does.

use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use anyhow::Context;
use tokio::process::{Child, ChildStdin, Command};

use crate::parent::ENDS_WITH_PARENT;

/// A child and the pipe whose end ends it.
pub struct Running {
    child: Child,
    // Not left in `child`, because waiting for a child closes the pipe that is in it.
    pipe: Option<ChildStdin>,
}

impl Running {
    /// Its process id while it runs.
    pub fn id(&self) -> Option<u32> {
        self.child.id()
    }

    /// How it ended, if it has.
    pub fn try_wait(&mut self) -> std::io::Result<Option<ExitStatus>> {
        self.child.try_wait()
    }

    /// Waits until it ends by itself.
    pub async fn wait(&mut self) -> std::io::Result<ExitStatus> {
        self.child.wait().await
    }

    /// Ends it kindly: closing its pipe is the signal, killing is what follows when it does not listen.
    pub async fn end(mut self) {
        /// A controller finishes the request under way; none takes longer than its client's own limit.
        const ENDS_WITHIN: Duration = Duration::from_secs(2);
        drop(self.pipe.take());
        if tokio::time::timeout(ENDS_WITHIN, self.child.wait()).await.is_err() {
            let _ = self.child.kill().await;
        }
    }
}

/// This program with other arguments, its logs appended to `log`. `env` is for the child alone.
pub fn spawn(args: &[String], env: &[(String, String)], log: &Path) -> anyhow::Result<Running> {
    let file = std::fs::OpenOptions::new().create(true).append(true).open(log);
    let file = file.with_context(|| format!("cannot open the log {}", log.display()))?;
    let mut child = command(args, env)?
        .env(ENDS_WITH_PARENT, "1")
        .stdin(Stdio::piped())
        .stdout(file.try_clone().context("cannot share the log")?)
        .stderr(file)
        .kill_on_drop(true)
        .spawn()
        .with_context(|| format!("cannot start `crossfade {}`", args.join(" ")))?;
    let pipe = child.stdin.take();
    Ok(Running { child, pipe })
}

/// This program with other arguments, in a process group of its own, outliving us.
pub fn detach(args: &[String], log: &Path) -> anyhow::Result<Child> {
    let file = std::fs::OpenOptions::new().create(true).append(true).open(log);
    let file = file.with_context(|| format!("cannot open the log {}", log.display()))?;
    command(args, &[])?
        .env_remove(ENDS_WITH_PARENT)
        .stdin(Stdio::null())
        .stdout(file.try_clone().context("cannot share the log")?)
        .stderr(file)
        .process_group(0)
        .spawn()
        .with_context(|| format!("cannot start `crossfade {}`", args.join(" ")))
}

fn command(args: &[String], env: &[(String, String)]) -> anyhow::Result<Command> {
    let program = std::env::current_exe().context("the path of this program is unknown")?;
    let mut command = Command::new(program);
    command.args(args).envs(env.iter().map(|(key, value)| (key, value)));
    Ok(command)
}
