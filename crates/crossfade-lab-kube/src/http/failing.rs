//! Requests that fail because a fault is on, in the words of a real API server. Which ones is decided in `faults`.

use std::sync::Arc;

use http::header::{HeaderValue, RETRY_AFTER};
use http::{Request, StatusCode};
use hyper::body::Incoming;
use serde_json::{Value, json};

use super::answer::{self, Answer};
use super::{Context, dispatch};
use crate::faults::Failure;

/// What storage that starts asks clients to wait, in seconds.
const RETRY_AFTER_SECONDS: u16 = 1;

/// Answers a request, late or not at all as it should, while faults are on.
pub(super) async fn answer(context: &Arc<Context>, request: Request<Incoming>) -> Answer {
    context.faults.wait().await;
    // Health and version are answered by the process itself, not by what is behind it.
    let failure = match request.uri().path() {
        path if dispatch::is_public(path) => None,
        _ => context.faults.next_failure(),
    };
    match failure {
        None => dispatch::answer(context, request).await,
        Some(Failure::InternalButDone) => {
            let done = dispatch::answer(context, request).await;
            // Who was refused anyway hears why.
            if done.status().is_success() { refusal(Failure::InternalButDone) } else { done }
        }
        Some(failure) => refusal(failure),
    }
}

fn refusal(failure: Failure) -> Answer {
    match failure {
        // An error that the API server does not know has a message and no reason.
        Failure::Internal | Failure::InternalButDone => answer::json(
            StatusCode::INTERNAL_SERVER_ERROR,
            &status(500, None, "etcdserver: request timed out", &json!({})),
        ),
        Failure::Unavailable => answer::json(
            StatusCode::SERVICE_UNAVAILABLE,
            &status(
                503,
                Some("ServiceUnavailable"),
                "the server is currently unable to handle the request",
                &json!({}),
            ),
        ),
        Failure::TooMany => {
            let details = json!({ "retryAfterSeconds": RETRY_AFTER_SECONDS });
            let body = status(429, Some("TooManyRequests"), "storage is (re)initializing", &details);
            let mut answer = answer::json(StatusCode::TOO_MANY_REQUESTS, &body);
            answer.headers_mut().insert(RETRY_AFTER, HeaderValue::from(RETRY_AFTER_SECONDS));
            answer
        }
    }
}

fn status(code: u16, reason: Option<&str>, message: &str, details: &Value) -> Value {
    let mut status = json!({
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": message,
        "code": code,
    });
    if let Some(reason) = reason {
        status["reason"] = reason.into();
        status["details"] = details.clone();
    }
    status
}
