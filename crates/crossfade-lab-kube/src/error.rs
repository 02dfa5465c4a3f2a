//! Refusals, in the words of a Kubernetes API server.
//!
//! An [`ApiError`] is what a `metav1.Status` with `status: Failure` says: an HTTP code, a reason, a message
//! and details. Nothing here invents reasons: the list is that of `k8s.io/apimachinery/pkg/api/errors`.

use serde_json::{Value, json};

use crate::resource::ResourceId;

/// Why a call was refused; `reason` of a `metav1.Status`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// No valid credentials (401).
    Unauthorized,
    /// The user may not do this (403).
    Forbidden,
    /// No such object or path (404).
    NotFound,
    /// The verb does not exist for this resource (405).
    MethodNotAllowed,
    /// The client accepts no form the server has (406).
    NotAcceptable,
    /// An object of this name exists (409).
    AlreadyExists,
    /// The object has changed since the client read it, or a field manager disagrees (409).
    Conflict,
    /// The history asked for is gone (410, `Expired`).
    Expired,
    /// The body is too large (413).
    RequestEntityTooLarge,
    /// The body has a form the server does not read (415).
    UnsupportedMediaType,
    /// The object breaks a rule (422).
    Invalid,
    /// The request cannot be understood (400).
    BadRequest,
    /// The server cannot answer within the time it has (504).
    Timeout,
    /// A limit of the server is reached (429).
    TooManyRequests,
    /// The server failed (500).
    InternalError,
    /// Something within the server failed, and it has no word for how (500).
    Unknown,
}

impl Reason {
    fn code_and_text(self) -> (u16, &'static str) {
        match self {
            Reason::Unauthorized => (401, "Unauthorized"),
            Reason::Forbidden => (403, "Forbidden"),
            Reason::NotFound => (404, "NotFound"),
            Reason::MethodNotAllowed => (405, "MethodNotAllowed"),
            Reason::NotAcceptable => (406, "NotAcceptable"),
            Reason::AlreadyExists => (409, "AlreadyExists"),
            Reason::Conflict => (409, "Conflict"),
            Reason::Expired => (410, "Expired"),
            Reason::RequestEntityTooLarge => (413, "RequestEntityTooLarge"),
            Reason::UnsupportedMediaType => (415, "UnsupportedMediaType"),
            Reason::Invalid => (422, "Invalid"),
            Reason::BadRequest => (400, "BadRequest"),
            Reason::Timeout => (504, "Timeout"),
            Reason::TooManyRequests => (429, "TooManyRequests"),
            Reason::InternalError => (500, "InternalError"),
            Reason::Unknown => (500, ""),
        }
    }
}

/// One cause inside `details.causes`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cause {
    /// `FieldValueRequired`, `FieldManagerConflict` and so on.
    pub reason: String,
    /// The sentence for people.
    pub message: String,
    /// Path of the field, as `spec.rules[0].host`.
    pub field: String,
}

/// A refused call. Renders as the `metav1.Status` a real server sends.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{message}")]
pub struct ApiError {
    reason: Reason,
    message: String,
    details: Value,
}

impl ApiError {
    /// Whether the object (or its type, or its namespace) does not exist.
    pub fn is_not_found(&self) -> bool {
        self.reason == Reason::NotFound
    }

    /// Whether the object has changed since it was read, or another field manager owns a field.
    pub fn is_conflict(&self) -> bool {
        self.reason == Reason::Conflict
    }

    /// Whether an object of this name exists already.
    pub fn is_already_exists(&self) -> bool {
        self.reason == Reason::AlreadyExists
    }

    /// Why the call was refused.
    pub fn reason(&self) -> Reason {
        self.reason
    }

    /// The HTTP status code.
    pub fn code(&self) -> u16 {
        self.reason.code_and_text().0
    }

    /// The `metav1.Status` document.
    pub fn status(&self) -> Value {
        let (code, reason) = self.reason.code_and_text();
        let mut status = json!({
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": self.message,
            "code": code,
        });
        if !reason.is_empty() {
            status["reason"] = reason.into();
        }
        if !self.details.is_null() {
            status["details"] = self.details.clone();
        }
        status
    }

    pub(crate) fn new(reason: Reason, message: impl Into<String>) -> Self {
        ApiError { reason, message: message.into(), details: Value::Null }
    }

    pub(crate) fn bad_request(message: impl Into<String>) -> Self {
        ApiError::new(Reason::BadRequest, message)
    }

    pub(crate) fn internal(message: impl std::fmt::Display) -> Self {
        ApiError::new(Reason::InternalError, format!("Internal error occurred: {message}"))
    }

    /// A failure that a server passes on as it is.
    pub(crate) fn without_reason(message: impl Into<String>) -> Self {
        ApiError::new(Reason::Unknown, message)
    }

    fn about(reason: Reason, message: String, id: &ResourceId, name: &str) -> Self {
        let mut details = json!({ "kind": id.plural });
        if !name.is_empty() {
            details["name"] = name.into();
        }
        if !id.group.is_empty() {
            details["group"] = id.group.as_str().into();
        }
        ApiError { reason, message, details }
    }

    pub(crate) fn not_found(id: &ResourceId, name: &str) -> Self {
        ApiError::about(Reason::NotFound, format!("{id} \"{name}\" not found"), id, name)
    }

    /// What a server says about a path it does not serve.
    pub(crate) fn no_such_path() -> Self {
        ApiError {
            reason: Reason::NotFound,
            message: "the server could not find the requested resource".into(),
            details: json!({}),
        }
    }

    pub(crate) fn already_exists(id: &ResourceId, name: &str) -> Self {
        ApiError::about(Reason::AlreadyExists, format!("{id} \"{name}\" already exists"), id, name)
    }

    pub(crate) fn conflict(id: &ResourceId, name: &str, why: &str) -> Self {
        let message = format!("Operation cannot be fulfilled on {id} \"{name}\": {why}");
        ApiError::about(Reason::Conflict, message, id, name)
    }

    /// The stale-version conflict that every client knows.
    pub(crate) fn modified(id: &ResourceId, name: &str) -> Self {
        ApiError::conflict(
            id,
            name,
            "the object has been modified; please apply your changes to the latest version and try again",
        )
    }

    /// A server-side apply that another field manager's ownership forbids.
    pub(crate) fn apply_conflict(message: String, causes: &[Cause]) -> Self {
        ApiError { reason: Reason::Conflict, message, details: json!({ "causes": causes_value(causes) }) }
    }

    pub(crate) fn forbidden(id: &ResourceId, name: &str, why: &str) -> Self {
        let subject = if name.is_empty() { id.to_string() } else { format!("{id} \"{name}\"") };
        ApiError::about(Reason::Forbidden, format!("{subject} is forbidden: {why}"), id, name)
    }

    pub(crate) fn with_causes(mut self, causes: &[Cause]) -> Self {
        self.details["causes"] = causes_value(causes);
        self
    }

    pub(crate) fn method_not_allowed() -> Self {
        ApiError {
            reason: Reason::MethodNotAllowed,
            message: "the server does not allow this method on the requested resource".into(),
            details: json!({}),
        }
    }

    pub(crate) fn too_old(wanted: u64, oldest: u64) -> Self {
        ApiError::new(Reason::Expired, format!("too old resource version: {wanted} ({oldest})"))
    }

    pub(crate) fn invalid(group: &str, kind: &str, name: &str, problems: &[Problem]) -> Self {
        let qualified = if group.is_empty() { kind.to_owned() } else { format!("{kind}.{group}") };
        let texts: Vec<String> = problems.iter().map(Problem::text).collect();
        let listed = match texts.as_slice() {
            [only] => only.clone(),
            many => format!("[{}]", many.join(", ")),
        };
        let causes: Vec<Cause> = problems
            .iter()
            .map(|problem| Cause {
                reason: problem.kind.reason().into(),
                message: problem.body(),
                field: problem.field.clone(),
            })
            .collect();
        let mut details = json!({ "name": name, "kind": kind, "causes": causes_value(&causes) });
        if !group.is_empty() {
            details["group"] = group.into();
        }
        ApiError {
            reason: Reason::Invalid,
            message: format!("{qualified} \"{name}\" is invalid: {listed}"),
            details,
        }
    }
}

fn causes_value(causes: &[Cause]) -> Value {
    causes
        .iter()
        .map(|cause| json!({ "reason": cause.reason, "message": cause.message, "field": cause.field }))
        .collect()
}

/// How one field breaks a rule; `field.ErrorType` of apimachinery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ProblemKind {
    Required,
    Invalid,
    NotSupported,
    Duplicate,
    NotFound,
    Forbidden,
    TooLong,
    TooMany,
    TypeInvalid,
}

impl ProblemKind {
    fn reason(self) -> &'static str {
        match self {
            ProblemKind::Required => "FieldValueRequired",
            ProblemKind::Invalid => "FieldValueInvalid",
            ProblemKind::NotSupported => "FieldValueNotSupported",
            ProblemKind::Duplicate => "FieldValueDuplicate",
            ProblemKind::NotFound => "FieldValueNotFound",
            ProblemKind::Forbidden => "FieldValueForbidden",
            ProblemKind::TooLong => "FieldValueTooLong",
            ProblemKind::TooMany => "FieldValueTooMany",
            ProblemKind::TypeInvalid => "FieldValueTypeInvalid",
        }
    }

    fn text(self) -> &'static str {
        match self {
            ProblemKind::Required => "Required value",
            ProblemKind::Invalid | ProblemKind::TypeInvalid => "Invalid value",
            ProblemKind::NotSupported => "Unsupported value",
            ProblemKind::Duplicate => "Duplicate value",
            ProblemKind::NotFound => "Not found",
            ProblemKind::Forbidden => "Forbidden",
            ProblemKind::TooLong => "Too long",
            ProblemKind::TooMany => "Too many",
        }
    }
}

/// One broken rule of one field; `field.Error` of apimachinery.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Problem {
    pub(crate) kind: ProblemKind,
    pub(crate) field: String,
    pub(crate) value: Value,
    pub(crate) detail: String,
}

impl Problem {
    pub(crate) fn new(
        kind: ProblemKind,
        field: impl Into<String>,
        value: Value,
        detail: impl Into<String>,
    ) -> Self {
        Problem { kind, field: field.into(), value, detail: detail.into() }
    }

    pub(crate) fn required(field: impl Into<String>, detail: impl Into<String>) -> Self {
        Problem::new(ProblemKind::Required, field, Value::Null, detail)
    }

    pub(crate) fn invalid(
        field: impl Into<String>,
        value: impl Into<Value>,
        detail: impl Into<String>,
    ) -> Self {
        Problem::new(ProblemKind::Invalid, field, value.into(), detail)
    }

    /// `Unsupported value: "x": supported values: "a", "b"`.
    pub(crate) fn unsupported(field: impl Into<String>, value: impl Into<Value>, supported: &[&str]) -> Self {
        let listed: Vec<String> = supported.iter().map(|item| format!("\"{item}\"")).collect();
        Problem::new(
            ProblemKind::NotSupported,
            field,
            value.into(),
            format!("supported values: {}", listed.join(", ")),
        )
    }

    fn body(&self) -> String {
        let head = self.kind.text();
        let shows_value = !matches!(
            self.kind,
            ProblemKind::Required | ProblemKind::Forbidden | ProblemKind::TooLong | ProblemKind::TooMany
        );
        let mut text = if shows_value { format!("{head}: {}", shown(&self.value)) } else { head.to_owned() };
        if !self.detail.is_empty() {
            text.push_str(": ");
            text.push_str(&self.detail);
        }
        text
    }

    fn text(&self) -> String {
        format!("{}: {}", self.field, self.body())
    }
}

/// A value as apimachinery prints it in an error.
fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => format!("{text:?}"),
        // Maps of labels, as Go writes them.
        Value::Object(map) if !map.is_empty() && map.values().all(Value::is_string) => {
            let parts: Vec<String> = map.iter().map(|(key, value)| format!("{key:?}:{value}")).collect();
            format!("map[string]string{{{}}}", parts.join(", "))
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_the_resource_and_group_as_the_real_server_does() {
        let error = ApiError::modified(&ResourceId::new("networking.k8s.io", "ingresses"), "x");
        assert_eq!(
            error.to_string(),
            "Operation cannot be fulfilled on ingresses.networking.k8s.io \"x\": the object has been modified; \
             please apply your changes to the latest version and try again"
        );
        assert_eq!(error.status()["reason"], "Conflict");
        assert_eq!(error.status()["details"]["group"], "networking.k8s.io");
    }

    #[test]
    fn lists_several_problems_in_brackets() {
        let problems =
            [Problem::required("spec.a", "must be set"), Problem::unsupported("spec.b", "x", &["y", "z"])];
        let error = ApiError::invalid("apps", "Deployment", "web", &problems);
        assert_eq!(
            error.to_string(),
            "Deployment.apps \"web\" is invalid: [spec.a: Required value: must be set, \
             spec.b: Unsupported value: \"x\": supported values: \"y\", \"z\"]"
        );
        assert_eq!(error.status()["details"]["causes"][0]["reason"], "FieldValueRequired");
    }
}
