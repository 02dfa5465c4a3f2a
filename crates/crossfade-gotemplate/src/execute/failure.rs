//! How an execution ends early. Never shown as it is: the public error is made from it.

/// An execution that failed.
#[derive(Clone, Debug)]
pub(crate) struct ExecutionFailure {
    /// Go's text for it.
    pub text: String,
}

impl ExecutionFailure {
    /// A failure outside of any template.
    pub fn other(text: String) -> Self {
        Self { text }
    }
}

/// What stops a list of nodes.
pub(super) enum Interrupt {
    Break,
    Continue,
    Failed(ExecutionFailure),
}
