//! What can go wrong with AWS, by what has to be done about it.

use std::error::Error;

use aws_credential_types::provider::error::CredentialsError;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::display::DisplayErrorContext;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

use crate::SecretProblem;

/// A request to AWS that did not do what it should.
#[derive(Debug, thiserror::Error)]
pub enum AwsError {
    /// Too many requests of the whole account, or an earlier change of the zone is still being processed.
    #[error("AWS has throttled {operation} ({code})")]
    Throttled {
        /// The API operation.
        operation: &'static str,
        /// AWS's code.
        code: String,
    },
    /// A batch that Route 53 takes as a whole or not at all, and did not take.
    #[error("Route 53 has refused the change batch for zone {zone_id}: {}", messages.join("; "))]
    Refused {
        /// The zone.
        zone_id: String,
        /// What is wrong, one message per change at fault.
        messages: Vec<String>,
    },
    /// The zone or change is not there.
    #[error("{operation}: {message}")]
    NotFound {
        /// The API operation.
        operation: &'static str,
        /// AWS's message, which names what is missing.
        message: String,
    },
    /// A secret of Secrets Manager that cannot be had.
    #[error("the secret {name} of Secrets Manager in {region}: {problem}")]
    Secret {
        /// The name or ARN asked for.
        name: String,
        /// The region asked in.
        region: String,
        /// Why not.
        problem: SecretProblem,
    },
    /// No credentials were found.
    #[error("there are no AWS credentials for {operation}")]
    NoCredentials {
        /// The API operation.
        operation: &'static str,
        /// Why.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// The credentials are wrong or do not allow this.
    #[error("AWS does not allow {operation} ({code}): {message}")]
    Denied {
        /// The API operation.
        operation: &'static str,
        /// AWS's code.
        code: String,
        /// AWS's message.
        message: String,
    },
    /// No answer.
    #[error("AWS could not be reached for {operation}: {problem}")]
    Unreachable {
        /// The API operation.
        operation: &'static str,
        /// What happened on the way.
        problem: String,
    },
    /// An answer that cannot be understood.
    #[error("the answer to {operation} cannot be read: {problem}")]
    Unreadable {
        /// The API operation.
        operation: &'static str,
        /// What is wrong with it.
        problem: String,
    },
    /// Anything else that AWS says.
    #[error("AWS has failed {operation} ({code}): {message}")]
    Failed {
        /// The API operation.
        operation: &'static str,
        /// AWS's code.
        code: String,
        /// AWS's message.
        message: String,
    },
}

impl AwsError {
    /// What may help, apart from the message.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            AwsError::NoCredentials { .. } => {
                Some("set AWS_PROFILE or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or run with a role")
            }
            AwsError::Denied { .. } => Some(
                "the role needs route53:ListHostedZones, route53:ListResourceRecordSets, \
                 route53:ChangeResourceRecordSets and route53:GetChange, and for counts cloudwatch:ListMetrics and \
                 cloudwatch:GetMetricData",
            ),
            AwsError::Secret { problem, .. } => Some(secret_hint(problem)),
            AwsError::Unreachable { .. } => Some("check the network, AWS_ENDPOINT_URL and AWS_REGION"),
            AwsError::Throttled { .. } => Some(
                "Route 53 allows five requests a second for the whole account; try again, or list less often",
            ),
            _ => None,
        }
    }

    /// True when the same request may succeed later without anything being changed.
    pub fn is_temporary(&self) -> bool {
        matches!(self, AwsError::Throttled { .. } | AwsError::Unreachable { .. })
    }
}

fn secret_hint(problem: &SecretProblem) -> &'static str {
    match problem {
        SecretProblem::Missing => {
            "`aws secretsmanager list-secrets --region REGION` shows those that are there; --region chooses another"
        }
        SecretProblem::Denied(_) => {
            "the role needs secretsmanager:GetSecretValue on the secret, and kms:Decrypt where its key is your own"
        }
        SecretProblem::Deleted => "`aws secretsmanager restore-secret --secret-id NAME` brings it back",
        SecretProblem::Encrypted(_) => {
            "the role needs kms:Decrypt on the secret's key, and the key has to be enabled"
        }
        SecretProblem::Binary => {
            "store it as a text: `aws secretsmanager put-secret-value --secret-string file://FILE`"
        }
    }
}

const THROTTLING_CODES: [&str; 5] = [
    "Throttling",
    "ThrottlingException",
    "PriorRequestNotComplete",
    "TooManyRequestsException",
    "RequestLimitExceeded",
];

pub(crate) const DENIED_CODES: [&str; 9] = [
    "AccessDenied",
    "AccessDeniedException",
    "NotAuthorizedException",
    "UnauthorizedOperation",
    "InvalidClientTokenId",
    "SignatureDoesNotMatch",
    "ExpiredToken",
    "UnrecognizedClientException",
    "OptInRequired",
];

pub(crate) fn from_sdk<E, R>(operation: &'static str, error: SdkError<E, R>) -> AwsError
where
    E: ProvideErrorMetadata + Error + Send + Sync + 'static,
    R: std::fmt::Debug + Send + Sync + 'static,
{
    if let SdkError::ServiceError(service) = &error {
        let meta = service.err().meta();
        let code = meta.code().unwrap_or("unknown error").to_owned();
        let message = meta.message().unwrap_or("no message").to_owned();
        return if THROTTLING_CODES.contains(&code.as_str()) {
            AwsError::Throttled { operation, code }
        } else if DENIED_CODES.contains(&code.as_str()) {
            AwsError::Denied { operation, code, message }
        } else if code.starts_with("NoSuch") {
            AwsError::NotFound { operation, message }
        } else {
            AwsError::Failed { operation, code, message }
        };
    }
    if has_credentials_error(&error) {
        return AwsError::NoCredentials { operation, source: Box::new(error) };
    }
    let problem = DisplayErrorContext(&error).to_string();
    match error {
        SdkError::ResponseError(_) => AwsError::Unreadable { operation, problem },
        _ => AwsError::Unreachable { operation, problem: innermost(&error) },
    }
}

fn has_credentials_error(error: &(dyn Error + 'static)) -> bool {
    let mut cause = Some(error);
    while let Some(current) = cause {
        if current.is::<CredentialsError>() {
            return true;
        }
        cause = current.source();
    }
    false
}

/// The outer layers say only that a layer has failed.
fn innermost(error: &(dyn Error + 'static)) -> String {
    let mut cause = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    cause.to_string()
}
