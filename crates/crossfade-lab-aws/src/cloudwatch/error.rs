//! What CloudWatch refuses, by the names and codes of its model.

/// A refusal.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Refusal {
    #[error("The operation is not supported.")]
    UnknownOperation,
    #[error("The request body cannot be read: {0}")]
    Serialization(String),
    #[error("{0}")]
    MissingParameter(String),
    #[error("{0}")]
    InvalidParameterValue(String),
    #[error("{0}")]
    InvalidParameterCombination(String),
    #[error("{0}")]
    InvalidNextToken(String),
}

impl Refusal {
    /// The shape of the error.
    pub(super) fn shape(&self) -> &'static str {
        match self {
            Refusal::UnknownOperation => "UnknownOperationException",
            Refusal::Serialization(_) => "SerializationException",
            Refusal::MissingParameter(_) => "MissingRequiredParameterException",
            Refusal::InvalidParameterValue(_) => "InvalidParameterValueException",
            Refusal::InvalidParameterCombination(_) => "InvalidParameterCombinationException",
            Refusal::InvalidNextToken(_) => "InvalidNextToken",
        }
    }

    /// The code that the query protocol had for it, which clients still show.
    pub(super) fn code(&self) -> &'static str {
        match self {
            Refusal::MissingParameter(_) => "MissingParameter",
            Refusal::InvalidParameterValue(_) => "InvalidParameterValue",
            Refusal::InvalidParameterCombination(_) => "InvalidParameterCombination",
            Refusal::UnknownOperation | Refusal::Serialization(_) | Refusal::InvalidNextToken(_) => {
                self.shape()
            }
        }
    }
}
