//! The secrets of one region, with their versions.

use std::collections::BTreeMap;

use crate::secrets_manager::error::Refusal;

/// The version that is read when nothing else is said.
pub(super) const CURRENT: &str = "AWSCURRENT";
/// The one before.
pub(super) const PREVIOUS: &str = "AWSPREVIOUS";
/// Characters at the end of an ARN, so that a secret made again is another one.
const SUFFIX_LENGTH: usize = 6;

pub(super) struct Store {
    region: String,
    account_id: String,
    secrets: BTreeMap<String, Secret>,
}

pub(super) struct Secret {
    pub(super) name: String,
    pub(super) arn: String,
    pub(super) description: Option<String>,
    /// As they were sent.
    pub(super) tags: serde_json::Value,
    /// Seconds since 1970, as all times here.
    pub(super) created_at: f64,
    pub(super) changed_at: f64,
    /// When it was marked for deletion, and when it goes.
    pub(super) deletion: Option<Deletion>,
    /// The oldest first.
    pub(super) versions: Vec<Version>,
}

#[derive(Clone, Copy)]
pub(super) struct Deletion {
    pub(super) marked_at: f64,
    pub(super) goes_at: f64,
}

pub(super) struct Version {
    pub(super) id: String,
    pub(super) held: Held,
    pub(super) created_at: f64,
    pub(super) stages: Vec<&'static str>,
}

/// What is kept.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Held {
    Text(String),
    /// Bytes in base64, as they were sent.
    Binary(String),
}

impl Store {
    pub(super) fn new(region: &str, account_id: &str) -> Store {
        Store { region: region.to_owned(), account_id: account_id.to_owned(), secrets: BTreeMap::new() }
    }

    /// Lets go of those whose recovery window is over.
    pub(super) fn forget_deleted(&mut self, now: f64) {
        self.secrets.retain(|_, secret| secret.deletion.is_none_or(|deletion| deletion.goes_at > now));
    }

    pub(super) fn by_name(&self, name: &str) -> Option<&Secret> {
        self.secrets.get(name)
    }

    /// All after a name, in order.
    pub(super) fn after<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Secret> {
        self.secrets.values().filter(move |secret| secret.name.as_str() > name)
    }

    /// By name, ARN, or ARN without its suffix.
    pub(super) fn find(&mut self, id: &str) -> Result<&mut Secret, Refusal> {
        let is_meant = |secret: &Secret| {
            let without_suffix = secret.arn.len() - SUFFIX_LENGTH - 1;
            secret.name == id || secret.arn == id || &secret.arn[..without_suffix] == id
        };
        let missing = || Refusal::Missing("Secrets Manager can't find the specified secret.".to_owned());
        self.secrets.values_mut().find(|secret| is_meant(secret)).ok_or_else(missing)
    }

    pub(super) fn add(&mut self, name: &str, description: Option<String>, tags: serde_json::Value, now: f64) {
        let suffix: String = (0..SUFFIX_LENGTH).map(|_| fastrand::alphanumeric()).collect();
        let arn =
            format!("arn:aws:secretsmanager:{}:{}:secret:{name}-{suffix}", self.region, self.account_id);
        let secret = Secret {
            name: name.to_owned(),
            arn,
            description,
            tags,
            created_at: now,
            changed_at: now,
            deletion: None,
            versions: Vec::new(),
        };
        self.secrets.insert(name.to_owned(), secret);
    }

    pub(super) fn remove(&mut self, name: &str) {
        self.secrets.remove(name);
    }
}

impl Secret {
    /// What can be done with it only while it is not marked for deletion.
    pub(super) fn while_kept(&mut self) -> Result<&mut Secret, Refusal> {
        if self.deletion.is_some() {
            return Err(Refusal::InvalidRequest(
                "You can't perform this operation on the secret because it was marked for deletion."
                    .to_owned(),
            ));
        }
        Ok(self)
    }

    /// Adds a version, which is the current one from now on. The same once more changes nothing.
    pub(super) fn put(&mut self, id: &str, held: Held, now: f64) -> Result<&Version, Refusal> {
        if let Some(index) = self.versions.iter().position(|version| version.id == id) {
            let known = &self.versions[index];
            return if known.held == held {
                Ok(known)
            } else {
                Err(Refusal::Exists(
                    "You can't use a ClientRequestToken that was used with other content.".to_owned(),
                ))
            };
        }
        // A version without a stage is deprecated, and Secrets Manager lets it go.
        for version in &mut self.versions {
            version.stages = if version.stages.contains(&CURRENT) { vec![PREVIOUS] } else { Vec::new() };
        }
        self.versions.retain(|version| !version.stages.is_empty());
        self.versions.push(Version { id: id.to_owned(), held, created_at: now, stages: vec![CURRENT] });
        self.changed_at = now;
        Ok(&self.versions[self.versions.len() - 1])
    }
}
