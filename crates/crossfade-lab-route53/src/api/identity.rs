//! `GetCallerIdentity` of STS, which tells a client the account it is in.

use crate::api::document::Document;
use crate::api::request::{ApiRequest, form};
use crate::error::ApiError;

/// The namespace of STS's documents.
pub(crate) const STS_NAMESPACE: &str = "https://sts.amazonaws.com/doc/2011-06-15/";

/// The only identity of the lab.
const USER_ID: &str = "AIDACROSSFADELAB00000";

/// The action of a request in AWS's query protocol, with its version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct QueryAction {
    pub(crate) action: String,
    pub(crate) version: String,
}

impl QueryAction {
    /// The action in a request's form or query; `None` when there is none.
    pub(crate) fn of(request: &ApiRequest) -> Option<Self> {
        if !request.path.is_empty() {
            return None;
        }
        let mut fields = form(std::str::from_utf8(&request.body).ok()?);
        fields.extend(request.query.clone());
        Some(Self { action: fields.remove("Action")?, version: fields.remove("Version").unwrap_or_default() })
    }
}

/// `GetCallerIdentity`.
pub(crate) fn caller_identity(
    action: QueryAction,
    service: &str,
    account_id: &str,
    request_id: &str,
) -> Result<String, ApiError> {
    if action.action != "GetCallerIdentity" {
        return Err(ApiError::InvalidAction { action: action.action, version: action.version });
    }
    if service != "sts" {
        return Err(ApiError::SignatureDoesNotMatch { service: "sts" });
    }
    Ok(Document::write("GetCallerIdentityResponse", STS_NAMESPACE, |document| {
        document.element("GetCallerIdentityResult", |document| {
            document.leaf("Arn", format!("arn:aws:iam::{account_id}:user/crossfade-lab"));
            document.leaf("UserId", USER_ID);
            document.leaf("Account", account_id);
        });
        document.element("ResponseMetadata", |document| {
            document.leaf("RequestId", request_id);
        });
    }))
}
