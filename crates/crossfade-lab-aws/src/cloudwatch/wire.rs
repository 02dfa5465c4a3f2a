//! The two protocols: Smithy RPC v2 CBOR and AWS JSON 1.0. Inside, both are JSON values with times as seconds since 1970.

use bytes::Bytes;
use ciborium::value::Value as Cbor;
use http::request::Parts;
use http::{HeaderName, HeaderValue, Response, StatusCode, header};
use http_body_util::Full;
use serde_json::{Map, Value, json};

use crate::cloudwatch::error::Refusal;

/// The service's name in paths and targets.
const SERVICE: &str = "GraniteServiceVersion20100801";
/// CBOR's tag for seconds since 1970 (RFC 8949 3.4.2).
const EPOCH_TAG: u64 = 1;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Protocol {
    RpcV2Cbor,
    Json10,
}

/// Which operation is asked for, and how.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) protocol: Protocol,
    pub(super) operation: String,
}

impl Call {
    /// `None` for other protocols.
    pub(super) fn of(parts: &Parts) -> Option<Call> {
        let header = |name: &str| parts.headers.get(name).and_then(|value| value.to_str().ok());
        if header("smithy-protocol") == Some("rpc-v2-cbor") {
            let path = parts.uri.path().strip_prefix("/service/")?;
            let (service, operation) = path.split_once("/operation/")?;
            return (service == SERVICE)
                .then(|| Call { protocol: Protocol::RpcV2Cbor, operation: operation.to_owned() });
        }
        let (service, operation) = header("x-amz-target")?.split_once('.')?;
        (service == SERVICE).then(|| Call { protocol: Protocol::Json10, operation: operation.to_owned() })
    }
}

/// The input; an empty body is an empty structure.
pub(super) fn read(protocol: Protocol, body: &[u8]) -> Result<Value, Refusal> {
    if body.is_empty() {
        return Ok(json!({}));
    }
    match protocol {
        Protocol::Json10 => {
            serde_json::from_slice(body).map_err(|error| Refusal::Serialization(error.to_string()))
        }
        Protocol::RpcV2Cbor => {
            let value: Cbor =
                ciborium::from_reader(body).map_err(|error| Refusal::Serialization(error.to_string()))?;
            to_json(value)
        }
    }
}

fn to_json(value: Cbor) -> Result<Value, Refusal> {
    Ok(match value {
        Cbor::Null => Value::Null,
        Cbor::Bool(truth) => json!(truth),
        Cbor::Integer(number) => i64::try_from(number).map_or(Value::Null, Value::from),
        Cbor::Float(number) => json!(number),
        Cbor::Text(text) => json!(text),
        Cbor::Tag(EPOCH_TAG, inner) => to_json(*inner)?,
        Cbor::Array(items) => Value::Array(items.into_iter().map(to_json).collect::<Result<_, _>>()?),
        Cbor::Map(entries) => {
            let mut map = Map::new();
            for (key, value) in entries {
                let key =
                    key.into_text().map_err(|_| Refusal::Serialization("a key is no text".to_owned()))?;
                map.insert(key, to_json(value)?);
            }
            Value::Object(map)
        }
        other => return Err(Refusal::Serialization(format!("{other:?} has no place in a request"))),
    })
}

/// Members that are times have these names in all outputs.
fn is_time(name: &str) -> bool {
    matches!(name, "Timestamp" | "Timestamps")
}

fn to_cbor(value: &Value, in_time: bool) -> Cbor {
    match value {
        Value::Null => Cbor::Null,
        Value::Bool(truth) => Cbor::Bool(*truth),
        Value::String(text) => Cbor::Text(text.clone()),
        Value::Number(number) if in_time => Cbor::Tag(EPOCH_TAG, Box::new(to_cbor(&json!(number), false))),
        Value::Number(number) => match number.as_i64() {
            Some(number) => Cbor::Integer(number.into()),
            None => Cbor::Float(number.as_f64().unwrap_or_default()),
        },
        Value::Array(items) => Cbor::Array(items.iter().map(|item| to_cbor(item, in_time)).collect()),
        Value::Object(map) => {
            let entries =
                map.iter().map(|(key, value)| (Cbor::Text(key.clone()), to_cbor(value, is_time(key))));
            Cbor::Map(entries.collect())
        }
    }
}

/// An output.
pub(super) fn write(protocol: Protocol, output: &Value) -> Response<Full<Bytes>> {
    respond(protocol, StatusCode::OK, output)
}

/// An error.
pub(super) fn refuse(protocol: Protocol, refusal: &Refusal) -> Response<Full<Bytes>> {
    let body = json!({
        "__type": format!("com.amazonaws.cloudwatch#{}", refusal.shape()),
        "message": refusal.to_string()
    });
    let mut response = respond(protocol, StatusCode::BAD_REQUEST, &body);
    // Clients that know the query protocol's codes find them here.
    if let Ok(value) = HeaderValue::from_str(&format!("{};Sender", refusal.code())) {
        response.headers_mut().insert(HeaderName::from_static("x-amzn-query-error"), value);
    }
    response
}

fn respond(protocol: Protocol, status: StatusCode, body: &Value) -> Response<Full<Bytes>> {
    let (content_type, bytes) = match protocol {
        Protocol::Json10 => ("application/x-amz-json-1.0", body.to_string().into_bytes()),
        Protocol::RpcV2Cbor => {
            let mut bytes = Vec::new();
            // Writing to memory does not fail.
            let _ = ciborium::into_writer(&to_cbor(body, false), &mut bytes);
            ("application/cbor", bytes)
        }
    };
    let mut response = Response::new(Full::new(Bytes::from(bytes)));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    if protocol == Protocol::RpcV2Cbor {
        headers.insert("smithy-protocol", HeaderValue::from_static("rpc-v2-cbor"));
    }
    response
}
