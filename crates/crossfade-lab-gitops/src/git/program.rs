//! Calls of the git program: no shell, nothing of others before `--`, no questions, an end after a while.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use super::session::Session;
use crate::keyring::Access;

/// A listing is a small answer: a host that is out of reach is told of soon.
const LIST_WITHIN: Duration = Duration::from_secs(20);
/// A fetch of a repository of ordinary size over a slow line.
const CALL_WITHIN: Duration = Duration::from_mins(1);
/// What is said of a failure, in conditions.
const REASON_LENGTH_MAX: usize = 400;

/// What git says in its environment for those who look for a fault: headers with credentials are in it.
const TRACES: [&str; 5] =
    ["GIT_TRACE", "GIT_TRACE_CURL", "GIT_CURL_VERBOSE", "GIT_TRACE_PACKET", "GIT_TRACE_SETUP"];

/// Git with a bare repository of its own.
pub(super) struct Program {
    dir: PathBuf,
    /// Where credentials lie while a call runs.
    calls: PathBuf,
    access: Access,
}

impl Program {
    pub(super) fn new(dir: PathBuf, calls: &Path, access: Access) -> Program {
        Program { dir, calls: calls.to_owned(), access }
    }

    /// Where the bare repository is.
    #[cfg(test)]
    pub(super) fn dir(&self) -> &Path {
        &self.dir
    }

    fn session(&self, location: &str) -> Result<Session, String> {
        Session::open(&self.calls, location, &self.access)
    }

    pub(super) async fn make_bare(&self) -> Result<(), String> {
        if self.dir.join("HEAD").exists() {
            return Ok(());
        }
        let dir = self.dir.display().to_string();
        run(&["init", "--quiet", "--bare", "--", &dir], &[], &Session::of_user(), CALL_WITHIN).await.map(drop)
    }

    pub(super) async fn list_remote(&self, location: &str) -> Result<String, String> {
        let session = self.session(location)?;
        let said = run(&["ls-remote", "--symref", "--", location], &[], &session, LIST_WITHIN).await?;
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
        self.run_with(&self.session(location)?, &arguments, &[]).await.map(drop)
    }

    pub(super) async fn fetch_commit(&self, location: &str, commit: &str) -> Result<(), String> {
        let arguments = ["fetch", "--quiet", "--no-tags", "--", location, commit];
        self.run_with(&self.session(location)?, &arguments, &[]).await.map(drop)
    }

    /// Calls git on the bare repository; nothing is asked of others.
    pub(super) async fn run_here(&self, arguments: &[&str], input: &[u8]) -> Result<Vec<u8>, String> {
        self.run_with(&Session::of_user(), arguments, input).await
    }

    async fn run_with(&self, session: &Session, arguments: &[&str], input: &[u8]) -> Result<Vec<u8>, String> {
        let dir = format!("--git-dir={}", self.dir.display());
        let arguments: Vec<&str> = std::iter::once(dir.as_str()).chain(arguments.iter().copied()).collect();
        run(&arguments, input, session, CALL_WITHIN).await
    }
}

async fn run(
    arguments: &[&str],
    input: &[u8],
    session: &Session,
    within: Duration,
) -> Result<Vec<u8>, String> {
    let mut command = Command::new("git");
    for name in TRACES.iter().chain(session.removed) {
        command.env_remove(name);
    }
    command
        .args(["-c", "core.hooksPath=/dev/null", "-c", "gc.auto=0", "-c", "core.askPass="])
        .args(&session.arguments)
        .args(arguments)
        .env("GIT_TERMINAL_PROMPT", "0")
        .env("GIT_ALLOW_PROTOCOL", "file:https:ssh")
        .env("GIT_SSH_COMMAND", &session.ssh_command)
        .env_remove("GIT_ASKPASS")
        .env_remove("SSH_ASKPASS")
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
    let waited = tokio::time::timeout(within, async { tokio::join!(written, child.wait_with_output()).1 });
    let output = match waited.await {
        Ok(output) => output.map_err(|error| format!("git cannot be waited for: {error}"))?,
        Err(_) => return Err(format!("git took longer than {} s", within.as_secs())),
    };
    if output.status.success() {
        Ok(output.stdout)
    } else {
        let said = String::from_utf8_lossy(&output.stderr);
        Err(if arguments.contains(&"fetch") { whole(&said) } else { reason(&said) })
    }
}

/// Words of git, ssh and the TLS libraries that git is built with, and what Argo CD says in their place.
const CAUSES: &[(&[&str], &str)] = &[
    (&["could not read Username"], "authentication required"),
    (&["could not read Password"], "authentication required"),
    (&["Authentication failed"], "authentication required"),
    (&["The requested URL returned error: 401"], "authentication required"),
    (&["The requested URL returned error: 403"], "authorization failed"),
    (&["REMOTE HOST IDENTIFICATION HAS CHANGED"], "ssh: handshake failed: knownhosts: key mismatch"),
    (&["host key is known for"], "ssh: handshake failed: knownhosts: key is unknown"),
    (&["Host key verification failed"], "ssh: handshake failed: knownhosts: key is unknown"),
    (
        &["Permission denied (publickey"],
        "ssh: handshake failed: ssh: unable to authenticate, attempted methods [none publickey], no supported methods remain",
    ),
    (&["error in libcrypto"], "ssh: no key found"),
    (&["certificate verification failed"], UNKNOWN_AUTHORITY),
    (&["SSL certificate problem"], UNKNOWN_AUTHORITY),
];
const UNKNOWN_AUTHORITY: &str =
    "tls: failed to verify certificate: x509: certificate signed by unknown authority";

/// All that git says: Argo CD repeats it where it calls git itself.
fn whole(said: &str) -> String {
    said.trim().chars().take(REASON_LENGTH_MAX).collect()
}

/// What git's complaint is in Argo CD's words.
fn reason(said: &str) -> String {
    const GONE: [&str; 4] =
        ["does not exist", "does not appear to be a git repository", "Repository not found", "' not found"];
    if GONE.iter().any(|words| said.contains(words)) {
        return "repository not found".to_owned();
    }
    let known = CAUSES.iter().find(|(words, _)| words.iter().all(|words| said.contains(words)));
    if let Some((_, told)) = known {
        return (*told).to_owned();
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
            (
                "No ED25519 host key is known for [127.0.0.1]:22 and you have requested strict checking.\r\n\
                 Host key verification failed.\r\nfatal: Could not read from remote repository.",
                "ssh: handshake failed: knownhosts: key is unknown",
            ),
            (
                "git@x: Permission denied (publickey).\r\nfatal: Could not read from remote repository.",
                "ssh: handshake failed: ssh: unable to authenticate, attempted methods [none publickey], no supported methods remain",
            ),
            (
                "fatal: unable to access 'https://x/': server certificate verification failed. CAfile: none CRLfile: none",
                UNKNOWN_AUTHORITY,
            ),
            ("warning: x\nfatal: bad object abc\n", "bad object abc"),
            ("", "git failed and said nothing"),
        ] {
            assert_eq!(reason(said), told);
        }
    }
}
