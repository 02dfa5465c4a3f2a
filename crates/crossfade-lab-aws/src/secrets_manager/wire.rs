//! AWS JSON 1.1, and what of a signature says the region.

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderValue, Response, StatusCode, header};
use http_body_util::Full;
use serde_json::{Value, json};

use crate::secrets_manager::error::Refusal;

/// The service's name in targets.
const SERVICE: &str = "secretsmanager";

/// Which operation is asked for; `None` for other protocols.
pub(super) fn operation_of(parts: &Parts) -> Option<&str> {
    let target = parts.headers.get("x-amz-target")?.to_str().ok()?;
    let (service, operation) = target.split_once('.')?;
    (service == SERVICE).then_some(operation)
}

/// The region of the signature's scope: `Credential=KEY/DATE/REGION/SERVICE/aws4_request`.
pub(super) fn region_of(parts: &Parts) -> Option<&str> {
    let signature = parts.headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (_, scope) = signature.split_once("Credential=")?;
    scope.split('/').nth(2).filter(|region| !region.is_empty())
}

/// The input; an empty body is an empty structure.
pub(super) fn read(body: &[u8]) -> Result<Value, Refusal> {
    if body.is_empty() {
        return Ok(json!({}));
    }
    // The parser's words may have a part of the body in them.
    serde_json::from_slice(body)
        .map_err(|_| Refusal::Serialization("The request body is no JSON.".to_owned()))
}

/// An output.
pub(super) fn write(output: &Value) -> Response<Full<Bytes>> {
    respond(StatusCode::OK, output)
}

/// An error.
pub(super) fn refuse(refusal: &Refusal) -> Response<Full<Bytes>> {
    respond(StatusCode::BAD_REQUEST, &json!({ "__type": refusal.shape(), "Message": refusal.to_string() }))
}

fn respond(status: StatusCode, body: &Value) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body.to_string())));
    *response.status_mut() = status;
    let json = HeaderValue::from_static("application/x-amz-json-1.1");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    response
}
