//! How a command ends: exit codes as scripts read them, and one message with a hint for people.

use std::fmt;
use std::process::ExitCode;

use crate::printer::{Paint, note};

/// Why a command did not do all it was asked to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// All done.
    Done,
    /// What was asked cannot be done: the user has to change something.
    UserFailure,
    /// Something of ours, or of a service, broke.
    OurFailure,
    /// The weights are what they were before.
    RolledBack,
    /// Somebody has to decide.
    Paused,
    /// Ctrl-C; weights stay.
    Interrupted,
    /// SIGTERM; weights stay.
    Terminated,
    /// SIGHUP; weights stay.
    HungUp,
}

impl Exit {
    /// The number that the shell sees.
    pub fn code(self) -> u8 {
        match self {
            Exit::Done => 0,
            Exit::UserFailure => 1,
            Exit::OurFailure => 2,
            Exit::RolledBack => 3,
            Exit::Paused => 4,
            Exit::Interrupted => 130,
            Exit::Terminated => 143,
            Exit::HungUp => 129,
        }
    }
}

/// A failure that is the user's to mend, with the way out.
#[derive(Debug)]
pub struct UserError {
    /// One or more lines, each naming its place.
    pub message: String,
    /// What to do.
    pub hint: Option<String>,
}

impl fmt::Display for UserError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for UserError {}

/// A user's failure as an error to return.
pub fn user_error(message: impl Into<String>, hint: impl Into<String>) -> anyhow::Error {
    UserError { message: message.into(), hint: Some(hint.into()) }.into()
}

/// Prints what went wrong and gives the exit code.
pub fn report(result: anyhow::Result<Exit>) -> ExitCode {
    let exit = match result {
        Ok(exit) => exit,
        Err(error) => {
            let (exit, hint) = classify(&error);
            let paint = Paint::stderr();
            note(&format!("{} {}", paint.bad("error:"), chain(&error)));
            if let Some(hint) = hint {
                note(&format!("{} {hint}", paint.good("hint:")));
            }
            exit
        }
    };
    ExitCode::from(exit.code())
}

/// The message and its causes; a cause that the message already ends with is not said twice.
fn chain(error: &anyhow::Error) -> String {
    let mut text = String::new();
    for cause in error.chain() {
        let cause = cause.to_string();
        if text.is_empty() {
            text = cause;
        } else if !text.contains(&cause) {
            text = format!("{text}: {cause}");
        }
    }
    text
}

fn classify(error: &anyhow::Error) -> (Exit, Option<String>) {
    use crossfade_controller::migration::DriverError;
    use crossfade_kube::KubeError;
    let driver = error.downcast_ref::<DriverError>();
    let kube = error.downcast_ref::<KubeError>().or(match driver {
        Some(DriverError::Kube(error)) => Some(error),
        _ => None,
    });
    let aws = error.downcast_ref::<crossfade_aws::AwsError>().or(match driver {
        Some(DriverError::Aws(error)) => Some(error),
        _ => None,
    });
    if let Some(user) = error.downcast_ref::<UserError>() {
        return (Exit::UserFailure, user.hint.clone());
    }
    if let Some(kube) = kube {
        let ours = kube.is_temporary() || matches!(kube, KubeError::Conflict { .. });
        let exit = if ours { Exit::OurFailure } else { Exit::UserFailure };
        return (exit, kube.hint().map(ToOwned::to_owned));
    }
    if let Some(aws) = aws {
        let exit = if aws.is_temporary() { Exit::OurFailure } else { Exit::UserFailure };
        return (exit, aws.hint().map(ToOwned::to_owned));
    }
    match driver {
        Some(DriverError::Deleted { .. } | DriverError::Spec { .. } | DriverError::OtherSpec { .. }) => {
            (Exit::UserFailure, None)
        }
        _ => (Exit::OurFailure, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_is_said_once() {
        let error = anyhow::anyhow!("disk full").context("cannot write: disk full");
        assert_eq!(chain(&error), "cannot write: disk full");
    }
}
