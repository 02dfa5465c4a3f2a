//! Replies: JSON, text, and streams.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderValue, WARNING};
use http::{Response, StatusCode};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Frame};
use serde::Serialize;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::error::ApiError;

pub(super) type Answer = Response<BoxBody<Bytes, Infallible>>;

/// Pieces a stream may be ahead of its reader.
const STREAM_PIECES: usize = 16;

/// A reply of any content type.
pub(super) fn text(status: StatusCode, content_type: &'static str, body: impl Into<Bytes>) -> Answer {
    let mut response = Response::new(Full::new(body.into()).boxed());
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

/// A JSON reply. Ends with a line break, as those of real servers do.
pub(super) fn json(status: StatusCode, body: &impl Serialize) -> Answer {
    json_as(status, "application/json", body)
}

pub(super) fn json_as(status: StatusCode, content_type: &'static str, body: &impl Serialize) -> Answer {
    match serde_json::to_vec(body) {
        Ok(mut bytes) => {
            bytes.push(b'\n');
            text(status, content_type, bytes)
        }
        Err(error) => refusal(&ApiError::internal(error)),
    }
}

/// A `Status` with `status: Failure`.
pub(super) fn refusal(error: &ApiError) -> Answer {
    let status = StatusCode::from_u16(error.code()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    json(status, &error.status())
}

/// What a real server's last handler says, which is none of the API's.
pub(super) fn page_not_found() -> Answer {
    text(StatusCode::NOT_FOUND, "text/plain; charset=utf-8", "404 page not found\n")
}

/// A `Status` with `status: Success`.
pub(super) fn success(status: StatusCode, details: &Value) -> Answer {
    json(
        status,
        &json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details}),
    )
}

/// Adds warnings, which `kubectl` prints.
pub(super) fn warn(mut answer: Answer, warnings: &[String]) -> Answer {
    for warning in warnings {
        let escaped = warning.replace('\\', "\\\\").replace('"', "\\\"");
        if let Ok(value) = HeaderValue::from_str(&format!("299 - \"{escaped}\"")) {
            answer.headers_mut().append(WARNING, value);
        }
    }
    answer
}

/// A reply whose body is written while it is read. The sender sees the end of the connection as a closed
/// channel.
pub(super) fn stream(content_type: &'static str) -> (Answer, mpsc::Sender<Bytes>) {
    let (sender, receiver) = mpsc::channel(STREAM_PIECES);
    let mut response = Response::new(Pieces(receiver).boxed());
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    (response, sender)
}

struct Pieces(mpsc::Receiver<Bytes>);

impl Body for Pieces {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.0.poll_recv(cx).map(|piece| piece.map(|bytes| Ok(Frame::data(bytes))))
    }
}
