//! Calls of the git program: no shell, nothing of others before `--`, no questions, an end after a while.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::process::Command;

/// A fetch of a repository of ordinary size over a slow line.
const CALL_WITHIN: Duration = Duration::from_mins(1);
/// What is said of a failure, in conditions.
const REASON_LENGTH_MAX: usize = 400;

/// Git with a bare repository of its own.
pub(super) struct Program {
    dir: PathBuf,
}

impl Program {
    pub(super) fn new(dir: PathBuf) -> Program {
        Program { dir }
    }

    pub(super) async fn make_bare(&self) -> Result<(), String> {
        if self.dir.join("HEAD").exists() {
            return Ok(());
        }
        let dir = self.dir.display().to_string();
        run(&["init", "--quiet", "--bare", "--", &dir], &[]).await.map(drop)
    }

    pub(super) async fn list_remote(&self, location: &str) -> Result<String, String> {
        let said = run(&["ls-remote", "--symref", "--", location], &[]).await?;
        Ok(String::from_utf8_lossy(&said).into_owned())
    }

    pub(super) async fn has_commit(&self, commit: &str) -> bool {
        let object = format!("{commit}^{{commit}}");
        self.run_here(&["cat-file", "-e", &object], &[]).await.is_ok()
    }

    pub(super) async fn fetch_all(&self, location: &str) -> Result<(), String> {
        let refs = ["+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*"];
        let arguments =
            ["fetch", "--quiet", "--force", "--prune", "--no-tags", "--", location, refs[0], refs[1]];
        self.run_here(&arguments, &[]).await.map(drop)
    }

    pub(super) async fn fetch_commit(&self, location: &str, commit: &str) -> Result<(), String> {
        self.run_here(&["fetch", "--quiet", "--no-tags", "--", location, commit], &[]).await.map(drop)
    }

    /// Calls git on the bare repository.
    pub(super) async fn run_here(&self, arguments: &[&str], input: &[u8]) -> Result<Vec<u8>, String> {
        let dir = format!("--git-dir={}", self.dir.display());
        let arguments: Vec<&str> = std::iter::once(dir.as_str()).chain(arguments.iter().copied()).collect();
        run(&arguments, input).await
    }
}

async fn run(arguments: &[&str], input: &[u8]) -> Result<Vec<u8>, String> {
    let mut command = Command::new("git");
    command
        .args(["-c", "core.hooksPath=/dev/null", "-c", "gc.auto=0", "-c", "core.askPass="])
        .args(arguments)
        .env("GIT_TERMINAL_PROMPT", "0")
        .env("GIT_ALLOW_PROTOCOL", "file:https:ssh")
        .env("GIT_SSH_COMMAND", "ssh -o BatchMode=yes")
        .env("LC_ALL", "C")
        .env_remove("GIT_DIR")
        .env_remove("GIT_WORK_TREE")
        .env_remove("GIT_INDEX_FILE")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    let mut child = command.spawn().map_err(|error| format!("git cannot be started: {error}"))?;
    let stdin = child.stdin.take();
    let written = async {
        if let Some(mut stdin) = stdin {
            // Git says itself what was wrong when it stops reading.
            let _ = stdin.write_all(input).await;
        }
    };
    let waited =
        tokio::time::timeout(CALL_WITHIN, async { tokio::join!(written, child.wait_with_output()).1 });
    let output = match waited.await {
        Ok(output) => output.map_err(|error| format!("git cannot be waited for: {error}"))?,
        Err(_) => return Err(format!("git took longer than {} s", CALL_WITHIN.as_secs())),
    };
    if output.status.success() {
        Ok(output.stdout)
    } else {
        Err(reason(&String::from_utf8_lossy(&output.stderr)))
    }
}

/// What git's complaint is in Argo CD's words.
fn reason(said: &str) -> String {
    const GONE: [&str; 4] =
        ["does not exist", "does not appear to be a git repository", "Repository not found", "' not found"];
    if GONE.iter().any(|words| said.contains(words)) {
        return "repository not found".to_owned();
    }
    if said.contains("could not read Username") || said.contains("Authentication failed") {
        return "authentication required".to_owned();
    }
    let line = said.lines().find(|line| line.starts_with("fatal:")).or_else(|| said.lines().last());
    let line = line.unwrap_or("git failed and said nothing").trim_start_matches("fatal: ");
    line.chars().take(REASON_LENGTH_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn complaints_are_told_in_argo_cds_words() {
        for (said, told) in [
            (
                "fatal: '/nowhere' does not appear to be a git repository\nfatal: Could not read",
                "repository not found",
            ),
            (
                "fatal: could not read Username for 'https://x': terminal prompts disabled",
                "authentication required",
            ),
            ("warning: x\nfatal: bad object abc\n", "bad object abc"),
            ("", "git failed and said nothing"),
        ] {
            assert_eq!(reason(said), told);
        }
    }
}
