//! A request taken apart: who, what path, which options, which form of answer.

use bytes::Bytes;
use http::Method;
use serde_json::Value;

use crate::User;
use crate::error::{ApiError, Problem, ProblemKind, Reason};
use crate::store::{FieldValidation, WriteOptions};

/// A manager name is a label for people; a real server takes no more either.
const MANAGER_LENGTH_MAX: usize = 128;

/// One request, body read.
pub(super) struct Call {
    pub(super) method: Method,
    pub(super) path: String,
    /// Decoded parts of the path.
    pub(super) segments: Vec<String>,
    pub(super) query: Query,
    pub(super) accept: String,
    pub(super) content_type: String,
    pub(super) user_agent: String,
    pub(super) user: User,
    pub(super) body: Bytes,
}

/// The form an answer takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Whole,
    Table,
    Metadata,
}

/// Decoded query parameters.
#[derive(Debug, Default)]
pub(super) struct Query(Vec<(String, String)>);

impl Query {
    pub(super) fn parse(text: &str) -> Query {
        Query(
            text.split('&')
                .filter(|part| !part.is_empty())
                .map(|part| {
                    let (name, value) = part.split_once('=').unwrap_or((part, ""));
                    (decode(name, true), decode(value, true))
                })
                .collect(),
        )
    }

    /// The first value of a parameter; empty ones count as absent.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, value)| key == name && !value.is_empty()).map(|(_, value)| value.as_str())
    }

    pub(super) fn is_true(&self, name: &str) -> bool {
        self.0.iter().any(|(key, value)| {
            key == name && matches!(value.as_str(), "true" | "1" | "t" | "T" | "True" | "TRUE")
        })
    }

    pub(super) fn number(&self, name: &str) -> Result<Option<u64>, ApiError> {
        let Some(text) = self.get(name) else { return Ok(None) };
        text.parse().map(Some).map_err(|_| {
            ApiError::bad_request(format!(
                "{name}: Invalid value: {text:?}: strconv.ParseUint: parsing {text:?}: invalid syntax"
            ))
        })
    }
}

/// Percent-decoding. Bytes that are no UTF-8 become replacement characters, which match no name.
pub(super) fn decode(text: &str, plus_is_space: bool) -> String {
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut index = 0;
    while index < bytes.len() {
        let hex = |offset: usize| bytes.get(index + offset).and_then(|byte| char::from(*byte).to_digit(16));
        match (bytes[index], hex(1), hex(2)) {
            (b'%', Some(high), Some(low)) => {
                decoded.push(u8::try_from(high * 16 + low).unwrap_or(b'?'));
                index += 3;
            }
            (b'+', _, _) if plus_is_space => {
                decoded.push(b' ');
                index += 1;
            }
            (byte, _, _) => {
                decoded.push(byte);
                index += 1;
            }
        }
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

impl Call {
    /// The first form of those the client accepts that the server has.
    pub(super) fn form(&self) -> Result<Form, ApiError> {
        if self.accept.is_empty() {
            return Ok(Form::Whole);
        }
        for range in self.accept.split(',') {
            let mut parts = range.split(';').map(str::trim);
            let media = parts.next().unwrap_or_default();
            if !matches!(media, "application/json" | "*/*" | "application/*") {
                continue;
            }
            let parameters: Vec<&str> = parts.collect();
            match parameters.iter().find_map(|parameter| parameter.strip_prefix("as=")) {
                None => return Ok(Form::Whole),
                Some("Table") if parameters.contains(&"v=v1") => return Ok(Form::Table),
                Some("PartialObjectMetadata" | "PartialObjectMetadataList")
                    if parameters.contains(&"v=v1") =>
                {
                    return Ok(Form::Metadata);
                }
                Some(_) => {}
            }
        }
        Err(ApiError::new(
            Reason::NotAcceptable,
            "only the following media types are accepted: application/json",
        ))
    }

    /// The body as an object, from JSON, YAML or a protocol buffer.
    pub(super) fn object(&self) -> Result<Value, ApiError> {
        let media = self.content_type.split(';').next().unwrap_or_default().trim();
        match media {
            "" | "application/json" => self.json(),
            "application/yaml" => self.yaml(),
            "application/vnd.kubernetes.protobuf" => crate::protobuf::read(&self.body),
            _ => Err(ApiError::new(
                Reason::UnsupportedMediaType,
                "the body of the request was in an unknown format - accepted media types include: application/json, \
                 application/yaml, application/vnd.kubernetes.protobuf",
            )),
        }
    }

    pub(super) fn json(&self) -> Result<Value, ApiError> {
        serde_json::from_slice(&self.body).map_err(|error| {
            ApiError::bad_request(format!("couldn't get version/kind; json parse error: {error}"))
        })
    }

    /// YAML, of which JSON is the common case.
    pub(super) fn yaml(&self) -> Result<Value, ApiError> {
        if let Ok(value) = serde_json::from_slice(&self.body) {
            return Ok(value);
        }
        serde_saphyr::from_slice(&self.body)
            .map_err(|error| ApiError::bad_request(format!("error decoding YAML: {error}")))
    }

    /// What the request says about a write, whatever the verb.
    pub(super) fn write_options(&self, version: &str) -> Result<WriteOptions, ApiError> {
        let validation = match self.query.get("fieldValidation") {
            None | Some("Warn") => FieldValidation::Warn,
            Some("Ignore") => FieldValidation::Ignore,
            Some("Strict") => FieldValidation::Strict,
            Some(other) => {
                let problem = Problem::unsupported("fieldValidation", other, &["Ignore", "Strict", "Warn"]);
                return Err(ApiError::invalid("meta.k8s.io", "CreateOptions", "", &[problem]));
            }
        };
        let manager = match self.query.get("fieldManager") {
            Some(name) => name,
            // What a real server calls a manager that does not introduce itself.
            None => self.user_agent.split('/').next().filter(|name| !name.is_empty()).unwrap_or("unknown"),
        };
        Ok(WriteOptions {
            manager: manager.chars().take(MANAGER_LENGTH_MAX).collect(),
            version: version.to_owned(),
            validation,
            dry_run: self.dry_run()?,
            force: self.query.is_true("force"),
            wants_resource_version: true,
        })
    }

    pub(super) fn dry_run(&self) -> Result<bool, ApiError> {
        match self.query.get("dryRun") {
            None => Ok(false),
            Some("All") => Ok(true),
            Some(other) => {
                let problem = Problem::new(
                    ProblemKind::NotSupported,
                    "dryRun",
                    Value::Array(vec![other.into()]),
                    "supported values: \"All\"",
                );
                Err(ApiError::invalid("meta.k8s.io", "CreateOptions", "", &[problem]))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn query_parameters_are_decoded() {
        let query = Query::parse("labelSelector=app%3Dweb%2Ctier+in+%28a%29&watch=1&empty=");
        assert_eq!(query.get("labelSelector"), Some("app=web,tier in (a)"));
        assert!(query.is_true("watch"));
        assert_eq!(query.get("empty"), None);
        assert!(Query::parse("limit=x").number("limit").is_err());
    }
}
