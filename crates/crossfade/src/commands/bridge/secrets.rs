//! Secrets of the bridge as files: what is read here goes to the cluster and nowhere else.

use std::path::{Path, PathBuf};

use clap::Args;
use crossfade_kube::Cluster;
use crossfade_kube::bridge::{AdminPasswordState, admin_password_state, hash_password};
use crossfade_stack::bridge::{
    ARGOCD_NAMESPACE, AdminPassword, BridgeInput, GitCredential, RepositoryCredential,
};
use crossfade_stack::text::ObjectName;

use crate::exit::user_error;
use crate::printer::note;

/// Where secrets are read.
#[derive(Clone, Debug, Args)]
pub struct SecretOptions {
    /// A private key with which Argo CD reads both repositories.
    #[arg(long, value_name = "FILE", conflicts_with = "git_username", help_heading = "Secrets")]
    git_ssh_key_file: Option<PathBuf>,
    /// A user name with which Argo CD reads both repositories over HTTPS.
    #[arg(long, value_name = "NAME", requires = "git_password_file", help_heading = "Secrets")]
    git_username: Option<String>,
    /// That user's password or token.
    #[arg(long, value_name = "FILE", requires = "git_username", help_heading = "Secrets")]
    git_password_file: Option<PathBuf>,
    /// Argo CD's admin password. It is hashed once and stays as it is while it is the right one.
    #[arg(long, value_name = "FILE", help_heading = "Secrets")]
    admin_password_file: Option<PathBuf>,
}

impl SecretOptions {
    /// Adds what the files hold.
    pub async fn add_to(&self, input: &mut BridgeInput, cluster: &Cluster) -> anyhow::Result<()> {
        if let Some(credential) = self.git_credential()? {
            for (name, url) in [("git-addons", &input.add_ons.url), ("git-workloads", &input.workloads.url)] {
                input.credentials.push(RepositoryCredential {
                    name: ObjectName::parse(name)?,
                    url: url.clone(),
                    credential: credential.clone(),
                });
            }
        }
        if let Some(file) = &self.admin_password_file {
            input.admin_password = admin_password(&read_line(file)?, cluster).await?;
        }
        Ok(())
    }

    fn git_credential(&self) -> anyhow::Result<Option<GitCredential>> {
        if let Some(file) = &self.git_ssh_key_file {
            let private_key = read(file)?;
            if !private_key.contains("PRIVATE KEY-----") {
                return Err(user_error(
                    format!("{} holds no private key", file.display()),
                    "give the file without .pub, in PEM or OpenSSH form",
                ));
            }
            return Ok(Some(GitCredential::Ssh { private_key }));
        }
        let (Some(username), Some(file)) = (&self.git_username, &self.git_password_file) else {
            return Ok(None);
        };
        Ok(Some(GitCredential::Basic { username: username.clone(), password: read_line(file)? }))
    }
}

/// A hash to apply, or none when the password is set already.
async fn admin_password(password: &str, cluster: &Cluster) -> anyhow::Result<Option<AdminPassword>> {
    match admin_password_state(cluster, ARGOCD_NAMESPACE, password).await? {
        AdminPasswordState::Verifies => return Ok(None),
        AdminPasswordState::Differs => note("Argo CD's admin password is replaced; sessions end"),
        AdminPasswordState::Absent => note("Argo CD's admin password is set"),
    }
    let hash = hash_password(password)
        .map_err(|error| user_error(error.to_string(), "give another --admin-password-file"))?;
    let now = jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    Ok(Some(AdminPassword::parse(&hash, &now)?))
}

fn read(file: &Path) -> anyhow::Result<String> {
    std::fs::read_to_string(file).map_err(|error| {
        user_error(
            format!("cannot read {}: {error}", file.display()),
            "is the path right, and may you read it?",
        )
    })
}

/// A file's text without the line's end that editors put there.
fn read_line(file: &Path) -> anyhow::Result<String> {
    Ok(read(file)?.trim_end_matches(['\n', '\r']).to_owned())
}
