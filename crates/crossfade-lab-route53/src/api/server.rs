//! The HTTP server: reads a request whole, finds its operation, and answers with a document.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::api::document::{Document, ROUTE53_NAMESPACE};
use crate::api::identity::{self, QueryAction, STS_NAMESPACE};
use crate::api::operation::Operation;
use crate::api::other::{OtherAnswer, OtherServices};
use crate::api::request::ApiRequest;
use crate::api::{records, tags, zones};
use crate::counters::CounterCells;
use crate::error::ApiError;
use crate::faults::{Faults, Refusal};
use crate::store::Store;

/// Bytes of a request's body. A batch may hold 32,000 characters in 1,000 values; with their markup and escapes that is
/// well below this.
const BODY_BYTES_MAX: usize = 2 * 1024 * 1024;
/// Connections open at once; further ones wait. A laptop has a handful of clients.
const CONNECTIONS_MAX: usize = 512;
/// How long a client may take to send its request's head, and then its body.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);

/// Pause after a connection could not be accepted: most likely no file descriptor is free, and others have to close some.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// The API over the store.
pub(crate) struct Api {
    account_id: String,
    store: Arc<Store>,
    faults: Faults,
    counters: Arc<CounterCells>,
    others: OtherServices,
    requests: AtomicU64,
}

/// A document and the status it is sent with.
struct Answer {
    status: StatusCode,
    body: String,
    /// The id of a zone that was created.
    created: Option<String>,
}

impl Answer {
    fn ok(body: String) -> Self {
        Self { status: StatusCode::OK, body, created: None }
    }
}

impl Api {
    pub(crate) fn new(
        account_id: String,
        store: Arc<Store>,
        faults: Faults,
        counters: Arc<CounterCells>,
        others: OtherServices,
    ) -> Self {
        Self { account_id, store, faults, counters, others, requests: AtomicU64::new(0) }
    }

    /// Accepts connections until the future is dropped.
    pub(crate) async fn serve(self: Arc<Self>, listener: TcpListener) {
        let permits = Arc::new(Semaphore::new(CONNECTIONS_MAX));
        let mut connections = JoinSet::new();
        loop {
            let Ok(permit) = Arc::clone(&permits).acquire_owned().await else {
                return;
            };
            let Ok((stream, _)) = listener.accept().await else {
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            };
            while connections.try_join_next().is_some() {}
            let api = Arc::clone(&self);
            connections.spawn(async move {
                let _permit = permit;
                api.serve_connection(stream).await;
            });
        }
    }

    async fn serve_connection(self: Arc<Self>, stream: TcpStream) {
        // Answers are small and written whole, so waiting for more to send would only slow them down.
        let _ = stream.set_nodelay(true);
        let service = service_fn(move |request| {
            let api = Arc::clone(&self);
            async move { Ok::<_, Infallible>(api.respond(request).await) }
        });
        // A connection that breaks is the client's business.
        let _ = hyper::server::conn::http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(REQUEST_TIMEOUT)
            .serve_connection(TokioIo::new(stream), service)
            .await;
    }

    async fn respond(&self, request: http::Request<Incoming>) -> Response<Full<Bytes>> {
        let number = self.requests.fetch_add(1, Ordering::Relaxed) + 1;
        let request_id = format!("00000000-0000-4000-8000-{number:012x}");
        let (parts, body) = request.into_parts();
        let body = Limited::new(body, BODY_BYTES_MAX).collect();
        let Ok(Ok(body)) = tokio::time::timeout(REQUEST_TIMEOUT, body).await else {
            let error = ApiError::RequestTooLarge { limit: BODY_BYTES_MAX };
            return self.refuse(&error, "Unknown", ROUTE53_NAMESPACE, &request_id);
        };
        let body = body.to_bytes();
        let request = ApiRequest::new(&parts, body.clone());
        let other = request.signed_for().ok().and_then(|service| self.others.answer(service, &parts, &body));
        if let Some(answer) = other {
            return self.respond_for_other(answer, &request_id);
        }
        if let Some(action) = QueryAction::of(&request) {
            return self.respond_to_query(action, &request, &request_id);
        }
        let latency = self.faults.latency();
        if !latency.is_zero() {
            tokio::time::sleep(latency).await;
        }
        let operation = Operation::of(&request);
        let name = operation.as_ref().map_or("Unknown", Operation::name);
        self.counters.count_call(name);
        match self.run(operation, &request) {
            Ok(answer) => {
                let mut response = respond_with(answer.status, answer.body, &request_id);
                let location = answer.created.and_then(|id| {
                    HeaderValue::from_str(&format!(
                        "https://route53.amazonaws.com/2013-04-01/hostedzone/{id}"
                    ))
                    .ok()
                });
                if let Some(location) = location {
                    response.headers_mut().insert(header::LOCATION, location);
                }
                response
            }
            Err(error) => self.refuse(&error, name, ROUTE53_NAMESPACE, &request_id),
        }
    }

    fn respond_for_other(&self, answer: OtherAnswer, request_id: &str) -> Response<Full<Bytes>> {
        self.counters.count_call(answer.operation);
        let mut response = answer.response;
        if !response.status().is_success() {
            tracing::info!(
                operation = answer.operation,
                status = response.status().as_u16(),
                "AWS call refused"
            );
        }
        if let Ok(request_id) = HeaderValue::from_str(request_id) {
            response.headers_mut().insert("x-amzn-requestid", request_id);
        }
        response
    }

    fn respond_to_query(
        &self,
        action: QueryAction,
        request: &ApiRequest,
        request_id: &str,
    ) -> Response<Full<Bytes>> {
        let name = action.action.clone();
        self.counters.count_call(if name == "GetCallerIdentity" { &name } else { "Unknown" });
        let answered = request
            .signed_for()
            .and_then(|service| identity::caller_identity(action, service, &self.account_id, request_id));
        match answered {
            Ok(body) => respond_with(StatusCode::OK, body, request_id),
            Err(error) => self.refuse(&error, &name, STS_NAMESPACE, request_id),
        }
    }

    fn run(&self, operation: Option<Operation>, request: &ApiRequest) -> Result<Answer, ApiError> {
        let method = request.method.to_string();
        let path = format!("/{}", request.path.join("/"));
        let service = request.signed_for()?;
        let Some(operation) = operation else {
            return Err(if service == "route53" {
                ApiError::UnknownOperation { method, path }
            } else {
                let service = service.to_owned();
                ApiError::OtherService { service, method, path }
            });
        };
        if service != "route53" {
            return Err(ApiError::SignatureDoesNotMatch { service: "route53" });
        }
        match self.faults.refuse_call(&operation, Instant::now()) {
            None => self.carry_out(operation, request),
            Some(Refusal::Before(code)) => Err(ApiError::injected(&code)),
            // Who was refused anyway hears why.
            Some(Refusal::After(code)) => {
                self.carry_out(operation, request)?;
                Err(ApiError::injected(&code))
            }
        }
    }

    fn carry_out(&self, operation: Operation, request: &ApiRequest) -> Result<Answer, ApiError> {
        let store = &*self.store;
        match operation {
            Operation::CreateHostedZone => {
                let (body, id) = zones::create(store, request)?;
                return Ok(Answer { status: StatusCode::CREATED, body, created: Some(id) });
            }
            Operation::GetHostedZone { zone } => zones::get(store, &zone),
            Operation::ListHostedZones => zones::list(store, request),
            Operation::ListHostedZonesByName => zones::list_by_name(store, request),
            Operation::DeleteHostedZone { zone } => zones::delete(store, &zone),
            Operation::UpdateHostedZoneComment { zone } => zones::update_comment(store, &zone, request),
            Operation::GetHostedZoneCount => Ok(zones::count(store)),
            Operation::ListResourceRecordSets { zone } => records::list(store, &zone, request),
            Operation::ChangeResourceRecordSets { zone } => records::change(store, &zone, request),
            Operation::GetChange { change } => records::get_change(store, &change),
            Operation::ListTagsForResource { kind, resource } => tags::list_one(store, &kind, &resource),
            Operation::ListTagsForResources { kind } => tags::list_several(store, &kind, request),
            Operation::ChangeTagsForResource { kind, resource } => {
                tags::change(store, &kind, &resource, request)
            }
        }
        .map(Answer::ok)
    }

    fn refuse(
        &self,
        error: &ApiError,
        operation: &str,
        namespace: &str,
        request_id: &str,
    ) -> Response<Full<Bytes>> {
        self.counters.count_refusal(error.code());
        tracing::info!(operation, code = error.code(), %error, "AWS call refused");
        if let ApiError::OtherService { .. } = error {
            return refuse_in_json(error, request_id);
        }
        let body = Document::write("ErrorResponse", namespace, |document| {
            document.element("Error", |document| {
                document.leaf("Type", error.fault());
                document.leaf("Code", error.code());
                document.leaf("Message", error.to_string());
            });
            document.leaf("RequestId", request_id);
        });
        respond_with(error.status(), body, request_id)
    }
}

/// Services other than Route 53 and those of the query protocol speak JSON, and their clients look for the code in a
/// header or in `__type`.
fn refuse_in_json(error: &ApiError, request_id: &str) -> Response<Full<Bytes>> {
    let escaped: String = error
        .to_string()
        .chars()
        .filter(|character| !character.is_control())
        .flat_map(|character| {
            let escape = matches!(character, '"' | '\\').then_some('\\');
            escape.into_iter().chain([character])
        })
        .collect();
    let code = error.code();
    let body = format!("{{\"__type\":\"{code}\",\"message\":\"{escaped}\"}}");
    let mut response = respond_with(error.status(), body, request_id);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/x-amz-json-1.1"));
    headers.insert("x-amzn-errortype", HeaderValue::from_static("UnknownOperationException"));
    response
}

fn respond_with(status: StatusCode, body: String, request_id: &str) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/xml"));
    if let Ok(request_id) = HeaderValue::from_str(request_id) {
        headers.insert("x-amzn-requestid", request_id);
    }
    response
}
