//! The operations: each reads its input, and refuses members that it does not know.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use crate::secrets_manager::error::Refusal;
use crate::secrets_manager::store::{CURRENT, Deletion, Held, Secret, Store, Version};

const SECRET_BYTES_MAX: usize = 65_536;
const NAME_LENGTH_MAX: usize = 512;
const RECOVERY_DAYS: std::ops::RangeInclusive<u32> = 7..=30;
const SECONDS_A_DAY: f64 = 86_400.0;
const PAGE_MAX: usize = 100;

const OPERATIONS: &[(&str, Operation)] = &[
    ("CreateSecret", create),
    ("PutSecretValue", put),
    ("GetSecretValue", get),
    ("DescribeSecret", describe),
    ("ListSecrets", list),
    ("DeleteSecret", delete),
    ("RestoreSecret", restore),
];

type Operation = fn(&mut Store, Value, f64) -> Result<Value, Refusal>;

/// The operation of a name, where there is one.
pub(super) fn name_of(operation: &str) -> Option<&'static str> {
    OPERATIONS.iter().map(|(name, _)| *name).find(|name| *name == operation)
}

/// Runs one that [`name_of`] knows.
pub(super) fn run(name: &str, store: &mut Store, input: Value, now: f64) -> Result<Value, Refusal> {
    let operation = OPERATIONS.iter().find(|(known, _)| *known == name);
    operation.map_or(Err(Refusal::UnknownOperation), |(_, operation)| operation(store, input, now))
}

/// Members of another type, and those that are not supported, are named; what they hold is not.
fn parse<T: DeserializeOwned>(input: Value, members: &[&str]) -> Result<T, Refusal> {
    let unknown = input
        .as_object()
        .and_then(|given| given.keys().find(|member| !members.contains(&member.as_str())).cloned());
    if let Some(member) = unknown {
        return Err(Refusal::InvalidParameter(format!("{member} is not supported.")));
    }
    serde_json::from_value(input).map_err(|_| {
        Refusal::Validation(format!(
            "A member is missing or of another type; known are {}.",
            members.join(", ")
        ))
    })
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Create {
    name: String,
    client_request_token: Option<String>,
    description: Option<String>,
    #[serde(default)]
    tags: Value,
    secret_string: Option<String>,
    secret_binary: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Put {
    secret_id: String,
    client_request_token: Option<String>,
    secret_string: Option<String>,
    secret_binary: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Get {
    secret_id: String,
    version_id: Option<String>,
    version_stage: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct One {
    secret_id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct List {
    max_results: Option<usize>,
    next_token: Option<String>,
    include_planned_deletion: Option<bool>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Delete {
    secret_id: String,
    recovery_window_in_days: Option<u32>,
    force_delete_without_recovery: Option<bool>,
}

fn create(store: &mut Store, input: Value, now: f64) -> Result<Value, Refusal> {
    let members = ["Name", "ClientRequestToken", "Description", "Tags", "SecretString", "SecretBinary"];
    let input: Create = parse(input, &members)?;
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || "-/_+=.@!".contains(c);
    if input.name.is_empty() || input.name.len() > NAME_LENGTH_MAX || !input.name.chars().all(is_allowed) {
        return Err(Refusal::Validation(
            "Invalid name. Must be a valid name containing alphanumeric characters, or any of the following: -/_+=.@!"
                .to_owned(),
        ));
    }
    let held = held(input.secret_string, input.secret_binary)?;
    match store.by_name(&input.name) {
        Some(known) if known.deletion.is_some() => {
            return Err(Refusal::InvalidRequest(
                "You can't create this secret because a secret with this name is already scheduled for deletion."
                    .to_owned(),
            ));
        }
        Some(_) => {
            let name = &input.name;
            return Err(Refusal::Exists(format!(
                "The operation failed because the secret {name} already exists."
            )));
        }
        None => store.add(&input.name, input.description, input.tags, now),
    }
    let secret = store.find(&input.name)?;
    let mut output = named(secret);
    if let Some(held) = held {
        let version = secret.put(&token(input.client_request_token), held, now)?;
        output.insert("VersionId".to_owned(), version.id.as_str().into());
    }
    Ok(Value::Object(output))
}

fn put(store: &mut Store, input: Value, now: f64) -> Result<Value, Refusal> {
    let members = ["SecretId", "ClientRequestToken", "SecretString", "SecretBinary"];
    let input: Put = parse(input, &members)?;
    let secret = store.find(&input.secret_id)?.while_kept()?;
    let held = held(input.secret_string, input.secret_binary)?.ok_or_else(|| {
        Refusal::InvalidParameter("You must provide either SecretString or SecretBinary.".to_owned())
    })?;
    let mut output = named(secret);
    let version = secret.put(&token(input.client_request_token), held, now)?;
    output.insert("VersionId".to_owned(), version.id.as_str().into());
    output.insert("VersionStages".to_owned(), json!(version.stages));
    Ok(Value::Object(output))
}

fn get(store: &mut Store, input: Value, _: f64) -> Result<Value, Refusal> {
    let input: Get = parse(input, &["SecretId", "VersionId", "VersionStage"])?;
    let secret = store.find(&input.secret_id)?.while_kept()?;
    let stage = match (&input.version_id, &input.version_stage) {
        (_, Some(stage)) => Some(stage.as_str()),
        (Some(_), None) => None,
        (None, None) => Some(CURRENT),
    };
    let is_meant = |version: &&Version| {
        input.version_id.as_ref().is_none_or(|id| version.id == *id)
            && stage.is_none_or(|stage| version.stages.contains(&stage))
    };
    let version = secret.versions.iter().find(is_meant).ok_or_else(|| {
        Refusal::Missing(match (&input.version_id, stage) {
            (Some(id), _) => {
                format!("Secrets Manager can't find the specified secret value for VersionId: {id}")
            }
            (None, stage) => format!(
                "Secrets Manager can't find the specified secret value for staging label: {}",
                stage.unwrap_or(CURRENT)
            ),
        })
    })?;
    let mut output = named(secret);
    output.insert("VersionId".to_owned(), version.id.as_str().into());
    output.insert("VersionStages".to_owned(), json!(version.stages));
    output.insert("CreatedDate".to_owned(), json!(version.created_at));
    match &version.held {
        Held::Text(text) => output.insert("SecretString".to_owned(), text.as_str().into()),
        Held::Binary(bytes) => output.insert("SecretBinary".to_owned(), bytes.as_str().into()),
    };
    Ok(Value::Object(output))
}

fn describe(store: &mut Store, input: Value, _: f64) -> Result<Value, Refusal> {
    let input: One = parse(input, &["SecretId"])?;
    let secret = store.find(&input.secret_id)?;
    let mut output = described(secret);
    output.insert("VersionIdsToStages".to_owned(), stages(secret));
    Ok(Value::Object(output))
}

fn list(store: &mut Store, input: Value, _: f64) -> Result<Value, Refusal> {
    let input: List = parse(input, &["MaxResults", "NextToken", "IncludePlannedDeletion"])?;
    let page = input.max_results.unwrap_or(PAGE_MAX);
    if page == 0 || page > PAGE_MAX {
        return Err(Refusal::InvalidParameter(format!("MaxResults is between 1 and {PAGE_MAX}.")));
    }
    let after = input.next_token.unwrap_or_default();
    if !after.is_empty() && store.by_name(&after).is_none() {
        return Err(Refusal::InvalidNextToken("The NextToken value is invalid.".to_owned()));
    }
    let includes_deleted = input.include_planned_deletion.unwrap_or(false);
    let mut found = store.after(&after).filter(|secret| includes_deleted || secret.deletion.is_none());
    let secrets: Vec<&Secret> = found.by_ref().take(page).collect();
    let entry = |secret: &&Secret| {
        let mut entry = described(secret);
        entry.insert("SecretVersionsToStages".to_owned(), stages(secret));
        Value::Object(entry)
    };
    let mut output = json!({ "SecretList": secrets.iter().map(entry).collect::<Vec<_>>() });
    if let (Some(last), Some(_)) = (secrets.last(), found.next()) {
        output["NextToken"] = last.name.as_str().into();
    }
    Ok(output)
}

fn delete(store: &mut Store, input: Value, now: f64) -> Result<Value, Refusal> {
    let members = ["SecretId", "RecoveryWindowInDays", "ForceDeleteWithoutRecovery"];
    let input: Delete = parse(input, &members)?;
    let at_once = input.force_delete_without_recovery.unwrap_or(false);
    if at_once && input.recovery_window_in_days.is_some() {
        return Err(Refusal::InvalidParameter(
            "You can't use ForceDeleteWithoutRecovery in conjunction with RecoveryWindowInDays.".to_owned(),
        ));
    }
    let days = input.recovery_window_in_days.unwrap_or(*RECOVERY_DAYS.end());
    if !RECOVERY_DAYS.contains(&days) {
        return Err(Refusal::InvalidParameter(
            "The RecoveryWindowInDays value must be between 7 and 30 days (inclusive).".to_owned(),
        ));
    }
    let secret = store.find(&input.secret_id)?;
    let mut output = named(secret);
    let name = secret.name.clone();
    let goes_at = if at_once { now } else { now + f64::from(days) * SECONDS_A_DAY };
    output.insert("DeletionDate".to_owned(), json!(goes_at));
    if at_once {
        store.remove(&name);
    } else {
        secret.while_kept()?.deletion = Some(Deletion { marked_at: now, goes_at });
    }
    Ok(Value::Object(output))
}

fn restore(store: &mut Store, input: Value, _: f64) -> Result<Value, Refusal> {
    let input: One = parse(input, &["SecretId"])?;
    let secret = store.find(&input.secret_id)?;
    secret.deletion = None;
    Ok(Value::Object(named(secret)))
}

/// What a version is to hold, where anything was sent.
fn held(text: Option<String>, binary: Option<String>) -> Result<Option<Held>, Refusal> {
    let held = match (text, binary) {
        (Some(_), Some(_)) => {
            return Err(Refusal::InvalidParameter(
                "You can't specify both a binary secret value and a string secret value in the same secret."
                    .to_owned(),
            ));
        }
        (Some(text), None) => Held::Text(text),
        (None, Some(bytes)) => Held::Binary(bytes),
        (None, None) => return Ok(None),
    };
    let length = match &held {
        Held::Text(text) => text.len(),
        // Four characters of base64 are three bytes.
        Held::Binary(bytes) => bytes.len() / 4 * 3,
    };
    if length == 0 || length > SECRET_BYTES_MAX {
        return Err(Refusal::Validation(format!("A secret has 1 to {SECRET_BYTES_MAX} bytes.")));
    }
    Ok(Some(held))
}

/// The version's id: what the client calls it, so that a repeated request makes no second one.
fn token(given: Option<String>) -> String {
    given.unwrap_or_else(|| {
        let bits = fastrand::u128(..);
        format!(
            "{:08x}-{:04x}-4{:03x}-8{:03x}-{:012x}",
            bits >> 96,
            (bits >> 80) & 0xffff,
            (bits >> 68) & 0xfff,
            (bits >> 56) & 0xfff,
            bits & 0xffff_ffff_ffff
        )
    })
}

fn named(secret: &Secret) -> Map<String, Value> {
    let members = [("ARN", &secret.arn), ("Name", &secret.name)];
    members.into_iter().map(|(key, value)| (key.to_owned(), value.as_str().into())).collect()
}

fn described(secret: &Secret) -> Map<String, Value> {
    let mut output = named(secret);
    output.insert("CreatedDate".to_owned(), json!(secret.created_at));
    output.insert("LastChangedDate".to_owned(), json!(secret.changed_at));
    if let Some(description) = &secret.description {
        output.insert("Description".to_owned(), description.as_str().into());
    }
    if let Some(deletion) = secret.deletion {
        output.insert("DeletedDate".to_owned(), json!(deletion.marked_at));
    }
    if secret.tags.is_array() {
        output.insert("Tags".to_owned(), secret.tags.clone());
    }
    output
}

fn stages(secret: &Secret) -> Value {
    secret
        .versions
        .iter()
        .map(|version| (version.id.clone(), json!(version.stages)))
        .collect::<Map<_, _>>()
        .into()
}
