//! Route 53's errors: code, text, and HTTP status. This is the crate's one error type; it never leaves the crate but as
//! an answer of the API.

use http::StatusCode;

/// An error that the API answers with.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ApiError {
    #[error("[{}]", .messages.join(", "))]
    InvalidChangeBatch { messages: Vec<String> },
    #[error("{message}")]
    InvalidInput { message: String },
    #[error("{name} is not a valid domain name")]
    InvalidDomainName { name: String },
    #[error("No hosted zone found with ID: {id}")]
    NoSuchHostedZone { id: String },
    #[error("A change with id {id} does not exist.")]
    NoSuchChange { id: String },
    #[error("A health check with id {id} does not exist.")]
    NoSuchHealthCheck { id: String },
    #[error("A hosted zone has already been created with the specified caller reference.")]
    HostedZoneAlreadyExists,
    #[error(
        "The specified hosted zone contains non-required resource record sets  and so cannot be deleted."
    )]
    HostedZoneNotEmpty,
    #[error("Limits Exceeded: MAX_HOSTED_ZONES_BY_OWNER - Cannot create more hosted zones.")]
    TooManyHostedZones,
    #[error("The request was rejected because Route 53 was still processing a prior request.")]
    PriorRequestNotComplete,
    #[error("Rate exceeded")]
    Throttling,
    #[error("Missing Authentication Token")]
    MissingAuthenticationToken,
    #[error("Credential should be scoped to correct service: '{service}'. ")]
    SignatureDoesNotMatch { service: &'static str },
    #[error("Unable to find operation {method} {path}: the lab's endpoint does not support it")]
    UnknownOperation { method: String, path: String },
    #[error("The lab's endpoint does not support {service}: {method} {path}")]
    OtherService { service: String, method: String, path: String },
    #[error("Could not find operation {action} for version {version}")]
    InvalidAction { action: String, version: String },
    #[error("Request must arrive in time and be smaller than {limit} bytes")]
    RequestTooLarge { limit: usize },
    #[error("{text}")]
    Injected { code: String, text: &'static str },
}

impl ApiError {
    /// An `InvalidInput` in the form that AWS's request validation has.
    pub(crate) fn constraint(value: &str, member: &str, constraint: &str) -> Self {
        Self::InvalidInput {
            message: format!(
                "1 validation error detected: Value '{value}' at '{member}' failed to satisfy constraint: Member must \
                 {constraint}"
            ),
        }
    }

    /// An `InvalidInput` for a body that is not the XML document expected.
    pub(crate) fn invalid_xml(detail: impl std::fmt::Display) -> Self {
        Self::InvalidInput { message: format!("Invalid XML ; {detail}") }
    }

    /// The error that a fault knob asked for by code.
    pub(crate) fn injected(code: &str) -> Self {
        match code {
            "Throttling" => Self::Throttling,
            "PriorRequestNotComplete" => Self::PriorRequestNotComplete,
            other => Self::Injected {
                code: other.to_owned(),
                text: match other {
                    "ThrottlingException" => "Rate exceeded",
                    "AccessDenied" => "User is not authorized to perform this operation",
                    "ServiceUnavailable" => "Service is unavailable. Please try again.",
                    "InternalFailure" | "InternalError" => "An internal error occurred.",
                    _ => "This error was injected into the lab.",
                },
            },
        }
    }

    /// The error code, as clients match it.
    pub(crate) fn code(&self) -> &str {
        match self {
            Self::InvalidChangeBatch { .. } => "InvalidChangeBatch",
            Self::InvalidInput { .. } | Self::RequestTooLarge { .. } => "InvalidInput",
            Self::InvalidDomainName { .. } => "InvalidDomainName",
            Self::NoSuchHostedZone { .. } => "NoSuchHostedZone",
            Self::NoSuchChange { .. } => "NoSuchChange",
            Self::NoSuchHealthCheck { .. } => "NoSuchHealthCheck",
            Self::HostedZoneAlreadyExists => "HostedZoneAlreadyExists",
            Self::HostedZoneNotEmpty => "HostedZoneNotEmpty",
            Self::TooManyHostedZones => "TooManyHostedZones",
            Self::PriorRequestNotComplete => "PriorRequestNotComplete",
            Self::Throttling => "Throttling",
            Self::MissingAuthenticationToken => "MissingAuthenticationToken",
            Self::SignatureDoesNotMatch { .. } => "SignatureDoesNotMatch",
            Self::UnknownOperation { .. } | Self::OtherService { .. } => "UnknownOperationException",
            Self::InvalidAction { .. } => "InvalidAction",
            Self::Injected { code, .. } => code,
        }
    }

    /// The HTTP status that goes with the code.
    pub(crate) fn status(&self) -> StatusCode {
        match self {
            Self::NoSuchHostedZone { .. }
            | Self::NoSuchChange { .. }
            | Self::NoSuchHealthCheck { .. }
            | Self::UnknownOperation { .. }
            | Self::OtherService { .. } => StatusCode::NOT_FOUND,
            Self::HostedZoneAlreadyExists => StatusCode::CONFLICT,
            Self::MissingAuthenticationToken | Self::SignatureDoesNotMatch { .. } => StatusCode::FORBIDDEN,
            Self::Injected { code, .. } => match code.as_str() {
                "ServiceUnavailable" => StatusCode::SERVICE_UNAVAILABLE,
                "InternalFailure" | "InternalError" => StatusCode::INTERNAL_SERVER_ERROR,
                "AccessDenied" => StatusCode::FORBIDDEN,
                _ => StatusCode::BAD_REQUEST,
            },
            _ => StatusCode::BAD_REQUEST,
        }
    }

    /// Whose fault the error document says it is.
    pub(crate) fn fault(&self) -> &'static str {
        if self.status().is_server_error() { "Receiver" } else { "Sender" }
    }
}
