//! What Secrets Manager refuses, by the names of its model. No text has a secret in it.

/// A refusal.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Refusal {
    #[error("The operation is not supported.")]
    UnknownOperation,
    #[error("{0}")]
    Serialization(String),
    #[error("{0}")]
    Validation(String),
    #[error("{0}")]
    InvalidParameter(String),
    #[error("{0}")]
    InvalidRequest(String),
    #[error("{0}")]
    InvalidNextToken(String),
    #[error("{0}")]
    Missing(String),
    #[error("{0}")]
    Exists(String),
}

impl Refusal {
    /// The shape of the error.
    pub(super) fn shape(&self) -> &'static str {
        match self {
            Refusal::UnknownOperation => "UnknownOperationException",
            Refusal::Serialization(_) => "SerializationException",
            Refusal::Validation(_) => "ValidationException",
            Refusal::InvalidParameter(_) => "InvalidParameterException",
            Refusal::InvalidRequest(_) => "InvalidRequestException",
            Refusal::InvalidNextToken(_) => "InvalidNextTokenException",
            Refusal::Missing(_) => "ResourceNotFoundException",
            Refusal::Exists(_) => "ResourceExistsException",
        }
    }
}
