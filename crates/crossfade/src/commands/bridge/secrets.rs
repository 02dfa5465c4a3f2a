//! Secrets of the bridge, from files or from Secrets Manager: what is read here goes to the cluster and nowhere else.

use std::path::{Path, PathBuf};

use clap::Args;
use crossfade_aws::{Aws, AwsOptions};
use crossfade_kube::Cluster;
use crossfade_kube::bridge::{AdminPasswordState, admin_password_state, hash_password};
use crossfade_stack::bridge::credentials::one_line;
use crossfade_stack::bridge::{
    ARGOCD_NAMESPACE, AdminPassword, BridgeInput, CredentialError, GitCredential, RepositoryCredential,
};
use crossfade_stack::text::{ObjectName, PlainValue};
use serde_json::Value;

use crate::exit::user_error;

/// Where secrets are read.
#[derive(Clone, Debug, Args)]
pub struct SecretOptions {
    /// A private key with which Argo CD reads both repositories.
    #[arg(long, value_name = "FILE", conflicts_with = "git_username", help_heading = "Secrets")]
    git_ssh_key_file: Option<PathBuf>,
    /// The same from Secrets Manager in --region: `github-blueprint-ssh-key`. The cluster secret then names it for add-ons.
    #[arg(
        long,
        value_name = "NAME",
        conflicts_with_all = ["git_ssh_key_file", "git_username"],
        help_heading = "Secrets"
    )]
    git_ssh_key_secret: Option<PlainValue>,
    /// A user name with which Argo CD reads both repositories over HTTPS.
    #[arg(long, value_name = "NAME", requires = "git_password_file", help_heading = "Secrets")]
    git_username: Option<String>,
    /// That user's password or token.
    #[arg(long, value_name = "FILE", requires = "git_username", help_heading = "Secrets")]
    git_password_file: Option<PathBuf>,
    /// Argo CD's admin password. It is hashed once and stays as it is while it is the right one.
    #[arg(long, value_name = "FILE", help_heading = "Secrets")]
    admin_password_file: Option<PathBuf>,
    /// The same from Secrets Manager in --region: `argocd-admin-secret.eks-blueprint`.
    #[arg(long, value_name = "NAME", conflicts_with = "admin_password_file", help_heading = "Secrets")]
    admin_password_secret: Option<PlainValue>,
}

impl SecretOptions {
    /// The key's secret, which add-ons may read as well.
    pub fn key_name(&self) -> Option<&PlainValue> {
        self.git_ssh_key_secret.as_ref()
    }

    /// Adds what files and Secrets Manager hold, and returns what there is to say about it. Everything is read before the cluster
    /// is asked.
    pub async fn add_to(
        &self,
        input: &mut BridgeInput,
        cluster: &Cluster,
        region: &PlainValue,
    ) -> anyhow::Result<Option<&'static str>> {
        let credential = self.git_credential(region).await?;
        let password = self.admin_password(region).await?;
        if let Some(credential) = credential {
            for (name, url) in [("git-addons", &input.add_ons.url), ("git-workloads", &input.workloads.url)] {
                input.credentials.push(RepositoryCredential {
                    name: ObjectName::parse(name)?,
                    url: url.clone(),
                    credential: credential.clone(),
                });
            }
        }
        let Some(password) = password else { return Ok(None) };
        let (password, said) = admin_password(&password, cluster).await?;
        input.admin_password = password;
        Ok(said)
    }

    async fn git_credential(&self, region: &PlainValue) -> anyhow::Result<Option<GitCredential>> {
        let key = match (&self.git_ssh_key_file, &self.git_ssh_key_secret) {
            (Some(file), _) => Some((file.display().to_string(), read(file)?)),
            (None, Some(name)) => Some((named(name), text_of_secret(name, region).await?)),
            (None, None) => None,
        };
        if let Some((place, private_key)) = key {
            return GitCredential::ssh(private_key).map(Some).map_err(|error| {
                let way = match error {
                    CredentialError::Encrypted => {
                        "make a key without one for Argo CD: `ssh-keygen -t ed25519 -N '' -f FILE`"
                    }
                    _ => "give the file without .pub, in PEM or OpenSSH form, and nothing around it",
                };
                user_error(format!("{place} {error}"), way)
            });
        }
        let (Some(username), Some(file)) = (&self.git_username, &self.git_password_file) else {
            return Ok(None);
        };
        let password = read_line(file)?;
        checked("--git-username", username)?;
        checked(&file.display().to_string(), &password)?;
        Ok(Some(GitCredential::Basic { username: username.clone(), password }))
    }

    async fn admin_password(&self, region: &PlainValue) -> anyhow::Result<Option<String>> {
        if let Some(file) = &self.admin_password_file {
            let password = read_line(file)?;
            checked(&file.display().to_string(), &password)?;
            return Ok(Some(password));
        }
        let Some(name) = &self.admin_password_secret else { return Ok(None) };
        let text = text_of_secret(name, region).await?;
        if serde_json::from_str::<Value>(&text).is_ok_and(|value| value.is_object()) {
            return Err(user_error(
                format!("{} holds keys and values, not a password alone", named(name)),
                "store the password as plain text: `aws secretsmanager put-secret-value --secret-string file://FILE`",
            ));
        }
        let password = without_line_end(&text);
        checked(&named(name), &password)?;
        Ok(Some(password))
    }
}

fn named(secret: &PlainValue) -> String {
    format!("the secret {secret} of Secrets Manager")
}

async fn text_of_secret(name: &PlainValue, region: &PlainValue) -> anyhow::Result<String> {
    let options = AwsOptions { region: Some(region.to_string()), ..AwsOptions::default() };
    let aws = Aws::with_options(options).await?;
    Ok(aws.secrets().text(name.as_str()).await?.into_text())
}

/// A hash to apply, or none when the password is set already, and what applying it does.
async fn admin_password(
    password: &str,
    cluster: &Cluster,
) -> anyhow::Result<(Option<AdminPassword>, Option<&'static str>)> {
    let said = match admin_password_state(cluster, ARGOCD_NAMESPACE, password).await? {
        AdminPasswordState::Verifies => return Ok((None, None)),
        AdminPasswordState::Differs => "Argo CD's admin password is replaced; sessions end",
        AdminPasswordState::Absent => "Argo CD's admin password is set",
    };
    let hash = hash_password(password)
        .map_err(|error| user_error(error.to_string(), "give another admin password"))?;
    let now = jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    Ok((Some(AdminPassword::parse(&hash, &now)?), Some(said)))
}

fn checked(place: &str, text: &str) -> anyhow::Result<()> {
    let wrong = |error| user_error(format!("{place} {error}"), "one line is needed, and nothing around it");
    one_line(text).map(drop).map_err(wrong)
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
    Ok(without_line_end(&read(file)?))
}

fn without_line_end(text: &str) -> String {
    text.trim_end_matches(['\n', '\r']).to_owned()
}
