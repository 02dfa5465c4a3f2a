//! Questions about oneself: `kubectl auth can-i` and `kubectl auth whoami`. Answered from the caller's
//! [`Access`]; nothing is stored.

use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::Context;
use super::answer::{self, Answer};
use super::call::Call;
use crate::Access;
use crate::error::ApiError;
use crate::meta;

/// The kinds that exist only as questions, with their group and plural.
pub(super) const REVIEWS: [(&str, &str, &str); 4] = [
    ("authentication.k8s.io", "selfsubjectreviews", "SelfSubjectReview"),
    ("authorization.k8s.io", "selfsubjectaccessreviews", "SelfSubjectAccessReview"),
    ("authorization.k8s.io", "selfsubjectrulesreviews", "SelfSubjectRulesReview"),
    ("authentication.k8s.io", "tokenreviews", "TokenReview"),
];

/// The answer when the path is one of a review.
pub(super) fn answer(
    context: &Context,
    call: &Call,
    group: &str,
    version: &str,
    rest: &[&str],
) -> Option<Result<Answer, ApiError>> {
    let [plural] = rest else { return None };
    let (_, _, kind) =
        REVIEWS.iter().find(|(known, name, _)| *known == group && name == plural && version == "v1")?;
    if call.method != Method::POST {
        return Some(Err(ApiError::method_not_allowed()));
    }
    Some(call.object().map(|mut review| {
        let status = match *kind {
            "SelfSubjectReview" => json!({"userInfo": user_info(&call.user)}),
            "SelfSubjectRulesReview" => rules(call.user.access),
            "TokenReview" => token(context, &review),
            _ => access(call, &review),
        };
        let fields = meta::as_map_mut(&mut review);
        fields.insert("kind".into(), (*kind).into());
        fields.insert("apiVersion".into(), format!("{group}/v1").into());
        fields.insert("status".into(), status);
        meta::child_mut(&mut review, "metadata").insert("creationTimestamp".into(), Value::Null);
        answer::json(StatusCode::CREATED, &review)
    }))
}

fn user_info(user: &crate::User) -> Value {
    json!({"username": user.name, "groups": user.groups})
}

fn token(context: &Context, review: &Value) -> Value {
    let token = review["spec"]["token"].as_str().unwrap_or_default();
    match context.users.iter().find(|user| user.token == token) {
        Some(user) => json!({"authenticated": true, "user": user_info(user)}),
        None => json!({"authenticated": false}),
    }
}

fn access(call: &Call, review: &Value) -> Value {
    let spec = &review["spec"];
    let verb = spec["resourceAttributes"]["verb"]
        .as_str()
        .or_else(|| spec["nonResourceAttributes"]["verb"].as_str())
        .unwrap_or_default();
    let allowed = call.user.access == Access::Admin || matches!(verb, "get" | "list" | "watch");
    json!({"allowed": allowed})
}

fn rules(access: Access) -> Value {
    let verbs = match access {
        Access::Admin => json!(["*"]),
        Access::ReadOnly => json!(["get", "list", "watch"]),
    };
    json!({
        "resourceRules": [{"verbs": verbs, "apiGroups": ["*"], "resources": ["*"]}],
        "nonResourceRules": [{"verbs": ["get"], "nonResourceURLs": ["*"]}],
        "incomplete": false,
    })
}
