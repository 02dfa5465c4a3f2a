//! The files of the lab's directory: kubeconfig, certificate authority, curl's settings.
//!
//! Files with secrets are readable by their owner alone and appear whole or not at all. The certificate authority's
//! key is never written: a new lab makes a new authority.

use std::fmt::Write as _;
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::error::LabError;

/// One entry of the kubeconfig: a context that is named as its user is.
#[derive(Clone, Debug)]
pub(crate) struct Context {
    pub(crate) name: String,
    pub(crate) cluster: String,
    pub(crate) token: String,
}

/// Writes `bytes` to `path` for the owner alone (0600), through a file beside it.
pub(crate) fn write_private(path: &Path, bytes: &[u8]) -> Result<(), LabError> {
    let failed = |source| LabError::File { action: "write", path: path.to_path_buf(), source };
    let mut beside = path.as_os_str().to_owned();
    beside.push(".new");
    let beside = PathBuf::from(beside);
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    // A file left by a crash may have other rights than those asked for here.
    match std::fs::remove_file(&beside) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(failed(error)),
        _ => {}
    }
    let mut file = options.open(&beside).map_err(failed)?;
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(failed)?;
    std::fs::rename(&beside, path).map_err(failed)
}

/// Makes the directory and those above it; what is made here belongs to the owner alone (0700).
pub(crate) fn create_dir(path: &Path) -> Result<(), LabError> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path).map_err(|source| LabError::File {
        action: "create",
        path: path.to_path_buf(),
        source,
    })
}

/// A kubeconfig for `servers` (name, address); the first context is current.
pub(crate) fn kubeconfig(servers: &[(String, SocketAddr)], contexts: &[Context], ca_pem: &str) -> String {
    let ca = STANDARD.encode(ca_pem);
    let mut text = String::from("apiVersion: v1\nkind: Config\npreferences: {}\n");
    if let Some(first) = contexts.first() {
        let _ = writeln!(text, "current-context: {}", quoted(&first.name));
    }
    text.push_str("clusters:\n");
    for (name, address) in servers {
        let _ = writeln!(
            text,
            "- name: {}\n  cluster:\n    server: https://{address}\n    certificate-authority-data: {ca}",
            quoted(name)
        );
    }
    text.push_str("contexts:\n");
    for context in contexts {
        let name = quoted(&context.name);
        let _ = writeln!(
            text,
            "- name: {name}\n  context:\n    cluster: {}\n    user: {name}\n    namespace: default",
            quoted(&context.cluster)
        );
    }
    text.push_str("users:\n");
    for context in contexts {
        let _ = writeln!(
            text,
            "- name: {}\n  user:\n    token: {}",
            quoted(&context.name),
            quoted(&context.token)
        );
    }
    text
}

/// Settings with which curl reaches the lab's load balancers: the proxy resolves names, as it must.
pub(crate) fn curlrc(proxy: SocketAddr, ca: &Path) -> String {
    format!(
        "# Used by curl when CURL_HOME is this directory.\nproxy = \"http://{proxy}\"\ncacert = \"{}\"\n",
        ca.display().to_string().replace('\\', "\\\\").replace('"', "\\\"")
    )
}

/// A JSON string is a YAML string.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    #[cfg(unix)]
    fn private_files_are_for_the_owner_alone() {
        use std::os::unix::fs::PermissionsExt as _;
        let dir = std::env::temp_dir().join(format!("crossfade-home-{}", std::process::id()));
        create_dir(&dir).unwrap();
        let path = dir.join("lab.json");
        write_private(&path, b"{}").unwrap();
        write_private(&path, b"[]").unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(std::fs::read(&path).unwrap(), b"[]");
        assert_eq!(std::fs::read_dir(&dir).unwrap().count(), 1, "nothing is left beside it");
        std::fs::remove_dir_all(&dir).unwrap();
    }

    #[test]
    fn a_kubeconfig_names_what_it_holds() {
        let address: SocketAddr = "127.0.0.1:6443".parse().unwrap();
        let contexts =
            [Context { name: "blue".to_owned(), cluster: "blue".to_owned(), token: "secret".to_owned() }];
        let text = kubeconfig(&[("blue".to_owned(), address)], &contexts, "PEM");
        for line in ["current-context: \"blue\"", "server: https://127.0.0.1:6443", "token: \"secret\""] {
            assert!(text.contains(line), "{line} is missing in:\n{text}");
        }
    }
}
