//! How one call of git shows credentials: in files that only the user can read, in a directory that goes with the call.
//!
//! Nothing secret is in arguments, in the environment or in a URL. Basic credentials go through git's own helper `store`,
//! which gives them to the host that they are for and to no other it redirects to; a token goes as a header, and then
//! redirects are not followed at all.

use std::fmt::Write as _;
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use crate::encoding::percent_encoded;
use crate::keyring::{Access, is_over_ssh};

/// A host that does not answer within this time is taken for one that is not there.
const CONNECT_SECONDS: u32 = 10;

/// The directory of one call; it goes with this value.
pub(super) struct Session {
    dir: Option<PathBuf>,
    /// Given to git before everything else.
    pub(super) arguments: Vec<String>,
    /// `GIT_SSH_COMMAND`
    pub(super) ssh_command: String,
    /// What of the user's environment would win over the cluster's trust.
    pub(super) removed: &'static [&'static str],
}

const TRUST_OF_USER: [&str; 5] =
    ["GIT_SSL_CAINFO", "GIT_SSL_CAPATH", "GIT_SSL_NO_VERIFY", "GIT_SSL_CERT", "GIT_SSL_KEY"];

impl Session {
    /// Without credentials and trust of the cluster's: the user's own configuration stands.
    pub(super) fn of_user() -> Session {
        let ssh_command =
            format!("ssh -o BatchMode=yes -o ConnectTimeout={CONNECT_SECONDS} -o StrictHostKeyChecking=yes");
        Session { dir: None, arguments: Vec::new(), ssh_command, removed: &[] }
    }

    /// With what the cluster has for a URL. `parent` is a directory that only the user can enter.
    pub(super) fn open(parent: &Path, url: &str, access: &Access) -> Result<Session, String> {
        let mut session = Session::of_user();
        if access.is_default() {
            return Ok(session);
        }
        session
            .fill(parent, url, access)
            .map_err(|error| format!("credentials cannot be handed to git: {error}"))?;
        Ok(session)
    }

    fn fill(&mut self, parent: &Path, url: &str, access: &Access) -> std::io::Result<()> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let dir = parent.join(format!("call-{}-{count}", std::process::id()));
        std::fs::DirBuilder::new().mode(0o700).create(&dir)?;
        self.dir = Some(dir.clone());
        if is_over_ssh(url) {
            self.ssh_command = ssh_command(&dir, access)?;
            return Ok(());
        }
        let config = write(&dir, "config", &https_config(&dir, url, access)?)?;
        if access.authorities.is_some() || !access.client_certificate.is_empty() {
            self.removed = &TRUST_OF_USER;
        }
        self.arguments = vec!["-c".to_owned(), format!("include.path={}", config.display())];
        Ok(())
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        if let Some(dir) = &self.dir
            && let Err(error) = std::fs::remove_dir_all(dir)
        {
            tracing::warn!(dir = %dir.display(), %error, "credentials of a call are still there");
        }
    }
}

fn ssh_command(dir: &Path, access: &Access) -> std::io::Result<String> {
    let mut command = format!("ssh -o BatchMode=yes -o ConnectTimeout={CONNECT_SECONDS}");
    let mut option = |name: &str, value: &str| {
        // Writing to a text cannot fail.
        let _ = write!(command, " -o {name}={value}");
    };
    if !access.ssh_private_key.is_empty() {
        // Only the cluster's key is shown: neither the user's nor an agent's.
        option("IdentitiesOnly", "yes");
        option("IdentityAgent", "none");
        option("IdentityFile", &for_ssh(&write(dir, "key", &with_line_end(&access.ssh_private_key))?));
        option("PreferredAuthentications", "publickey");
    }
    match &access.known_hosts {
        _ if access.takes_any_host_key => {
            option("StrictHostKeyChecking", "no");
            option("UserKnownHostsFile", "/dev/null");
            option("GlobalKnownHostsFile", "/dev/null");
        }
        Some(hosts) => {
            option("StrictHostKeyChecking", "yes");
            option("UserKnownHostsFile", &for_ssh(&write(dir, "known_hosts", &with_line_end(hosts))?));
            option("GlobalKnownHostsFile", "/dev/null");
        }
        // The lab is on somebody's machine: hosts that are known to the user are.
        None => option("StrictHostKeyChecking", "yes"),
    }
    Ok(command)
}

fn https_config(dir: &Path, url: &str, access: &Access) -> std::io::Result<String> {
    let mut config = String::from("[http]\n");
    let mut line = |text: &str| {
        config.push_str(text);
        config.push('\n');
    };
    let path = |path: &Path| value(&path.display().to_string());
    if access.takes_any_certificate {
        line("sslVerify = false");
    }
    if let Some(pem) = &access.authorities {
        line(&format!("sslCAInfo = {}", path(&write(dir, "authorities.pem", pem)?)));
    }
    if !access.client_certificate.is_empty() && !access.client_key.is_empty() {
        line(&format!("sslCert = {}", path(&write(dir, "client.pem", &access.client_certificate)?)));
        line(&format!("sslKey = {}", path(&write(dir, "client-key.pem", &access.client_key)?)));
    }
    let authority = url.strip_prefix("https://").unwrap_or(url).split('/').next().unwrap_or_default();
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    if !access.bearer_token.is_empty() {
        line("followRedirects = false");
        line(&format!("[http {}]", value(&format!("https://{host}/"))));
        line(&format!("extraHeader = {}", value(&format!("Authorization: Bearer {}", access.bearer_token))));
    } else if access.has_credentials() {
        let entry = format!(
            "https://{}:{}@{host}\n",
            percent_encoded(&access.username),
            percent_encoded(&access.password)
        );
        let store = write(dir, "store", &entry)?;
        line("[credential]");
        // An empty one takes away the user's own.
        line("helper =");
        line(&format!("helper = {}", value(&format!("store --file={}", quoted(&store)))));
    }
    Ok(config)
}

/// Writes a file that only the user can read.
fn write(dir: &Path, name: &str, text: &str) -> std::io::Result<PathBuf> {
    let path = dir.join(name);
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
    file.write_all(text.as_bytes())?;
    Ok(path)
}

/// OpenSSH does not read a key whose last line has no end.
fn with_line_end(text: &str) -> String {
    format!("{}\n", text.trim_end())
}

/// For an option of ssh behind the shell: it takes `%` for a sign and a blank for the next file.
fn for_ssh(path: &Path) -> String {
    let path = path.display().to_string().replace('\\', "\\\\").replace('"', "\\\"").replace('%', "%%");
    quoted(Path::new(&format!("\"{path}\"")))
}

/// For the shell.
fn quoted(path: &Path) -> String {
    format!("'{}'", path.display().to_string().replace('\'', "'\\''"))
}

/// For a file in git's configuration format.
fn value(text: &str) -> String {
    let mut quoted = String::from("\"");
    for letter in text.chars() {
        match letter {
            '"' | '\\' => quoted.extend(['\\', letter]),
            '\n' => quoted.push_str("\\n"),
            '\r' => {}
            _ => quoted.push(letter),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn mk_parent() -> PathBuf {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let dir = std::env::temp_dir().join(format!("crossfade session's {}-{count}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        dir
    }

    /// What git itself makes of the session, asked for a host.
    fn filled(session: &Session, host: &str) -> String {
        let mut child = std::process::Command::new("git")
            .args(&session.arguments)
            .args(["credential", "fill"])
            .env("GIT_TERMINAL_PROMPT", "0")
            .env("GIT_ASKPASS", "/bin/false")
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::null())
            .spawn()
            .unwrap();
        let asked = format!("protocol=https\nhost={host}\n\n");
        child.stdin.take().unwrap().write_all(asked.as_bytes()).unwrap();
        String::from_utf8_lossy(&child.wait_with_output().unwrap().stdout).into_owned()
    }

    #[test]
    fn a_password_is_for_its_host_alone_and_in_no_argument() {
        let parent = mk_parent();
        let access =
            Access { username: "me@x".to_owned(), password: "p:/ \"'%w".to_owned(), ..Access::default() };
        let session = Session::open(&parent, "https://git.example.org:8443/a/b", &access).unwrap();
        assert!(!format!("{:?} {}", session.arguments, session.ssh_command).contains("p:/"));
        let found = filled(&session, "git.example.org:8443");
        assert!(found.contains("username=me@x\n") && found.contains("password=p:/ \"'%w\n"), "{found}");
        for other in ["git.example.org", "evil.example.com"] {
            assert!(!filled(&session, other).contains("password="), "{other}");
        }
        drop(session);
        assert_eq!(std::fs::read_dir(&parent).unwrap().count(), 0, "nothing is left of a call");
        std::fs::remove_dir_all(parent).unwrap();
    }

    #[test]
    fn files_are_the_users_alone() {
        let parent = mk_parent();
        let access = Access {
            ssh_private_key: "KEY".to_owned(),
            known_hosts: Some("host key".to_owned()),
            ..Access::default()
        };
        let session = Session::open(&parent, "git@git.example.org:a", &access).unwrap();
        let dir = session.dir.clone().unwrap();
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&dir), 0o700);
        for name in ["key", "known_hosts"] {
            assert_eq!(mode(&dir.join(name)), 0o600, "{name}");
        }
        assert_eq!(std::fs::read_to_string(dir.join("key")).unwrap(), "KEY\n");
        assert!(session.ssh_command.contains("StrictHostKeyChecking=yes"), "{}", session.ssh_command);
        assert!(!session.ssh_command.contains("KEY"), "{}", session.ssh_command);
        drop(session);
        std::fs::remove_dir_all(parent).unwrap();
    }

    #[test]
    fn a_token_is_a_header_for_its_host_that_follows_no_redirect() {
        let parent = mk_parent();
        let access = Access { bearer_token: "t0ken".to_owned(), ..Access::default() };
        let session = Session::open(&parent, "https://git.example.org/a", &access).unwrap();
        let asked = |arguments: &[&str]| {
            let output =
                std::process::Command::new("git").args(&session.arguments).args(arguments).output().unwrap();
            String::from_utf8_lossy(&output.stdout).trim().to_owned()
        };
        let header = ["config", "--get-urlmatch", "http.extraHeader"];
        let of = |url: &str| asked(&[header[0], header[1], header[2], url]);
        assert_eq!(of("https://git.example.org/a/info/refs"), "Authorization: Bearer t0ken");
        assert_eq!(of("https://evil.example.com/a/info/refs"), "");
        assert_eq!(asked(&["config", "http.followRedirects"]), "false");
        drop(session);
        std::fs::remove_dir_all(parent).unwrap();
    }

    #[test]
    fn a_repository_without_a_secret_is_opened_as_the_user_opens_it() {
        let session =
            Session::open(Path::new("/nowhere"), "https://git.example.org/a", &Access::default()).unwrap();
        assert!(session.dir.is_none() && session.arguments.is_empty());
        assert!(session.ssh_command.contains("StrictHostKeyChecking=yes"));
    }
}
