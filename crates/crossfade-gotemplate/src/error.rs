//! What can go wrong between a chart and its documents, in the words that Go's template engine and helm use.

use thiserror::Error;

/// How a function refuses: Go reports it as `error calling NAME: …`.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct CallError(pub String);

impl CallError {
    /// It ran and failed.
    pub fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }
}

/// Every error of this crate.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Error {
    /// A template is not one: `template: NAME:LINE: …`.
    #[error("{0}")]
    Parse(String),
    /// A template failed while it ran: `template: NAME:LINE:COLUMN: executing "NAME" at <…>: …`.
    #[error("{0}")]
    Execution(String),
    /// A YAML document cannot be read.
    #[error("error converting YAML to JSON: yaml: {0}")]
    Yaml(String),
    /// A YAML document holds what JSON cannot.
    #[error("error converting YAML to JSON: {0}")]
    YamlValue(String),
    /// A JSON document cannot be read.
    #[error("{0}")]
    Json(String),
    /// A chart's files do not make a chart.
    #[error("{0}")]
    Chart(String),
    /// A `--set` text cannot be read.
    #[error("failed parsing --set data: {0}")]
    Set(String),
    /// A `--set-string` text cannot be read.
    #[error("failed parsing --set-string data: {0}")]
    SetString(String),
    /// Values do not fit the chart: its schema, its dependencies.
    #[error("{0}")]
    Values(String),
    /// A rendered document is no YAML.
    #[error("YAML parse error on {path}: {reason}")]
    Manifest {
        /// The template that printed it.
        path: String,
        /// What is wrong with it.
        reason: String,
    },
}
