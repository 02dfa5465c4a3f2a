//! How bytes flow through a load balancer: from a listener to a target and back, with the pages that an application
//! load balancer answers by itself.

use std::collections::{HashMap, HashSet};
use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::header::{CONNECTION, CONTENT_TYPE, HOST, HeaderName, HeaderValue, LOCATION, SERVER, UPGRADE};
use http::{Request, Response, StatusCode};
use http_body_util::{Either, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::SendRequest;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use rustls::ServerConfig;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::{AbortHandle, JoinSet};
use tokio_rustls::TlsAcceptor;

use super::rules::{Action, Protocol, Target, TargetGroup};
use super::{Balancer, Settings, lock};

/// Connections of one listener at one time; more wait, as they do in a full backlog.
const CONNECTIONS_MAX: usize = 1024;
/// Idle connections kept per target.
const IDLE_MAX: usize = 16;
/// A TLS handshake on loopback takes milliseconds; a client that is slower than this has gone.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// ALB's default idle timeout, for clients and for targets.
const IDLE_TIMEOUT: Duration = Duration::from_mins(1);
/// ALB gives a target 10 s to accept a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

type Body = Either<Full<Bytes>, Incoming>;

/// A connection that waits for its next request.
#[derive(Debug)]
struct Idle {
    since: Instant,
    sender: SendRequest<Incoming>,
}

/// Idle connections to targets.
#[derive(Debug, Default)]
pub(super) struct Connections {
    idle: Mutex<HashMap<SocketAddr, Vec<Idle>>>,
}

impl Connections {
    /// Closes idle connections to pods that are no target any more.
    pub(super) fn keep_only(&self, settings: &Settings) {
        let mut wanted: HashSet<SocketAddr> = HashSet::new();
        for listener in settings.listeners.values() {
            for action in listener.rules.iter().map(|rule| &rule.action).chain([&listener.default]) {
                if let Action::Forward(group) = action {
                    wanted.extend(group.targets.iter().map(|target| target.socket));
                }
            }
        }
        lock(&self.idle).retain(|socket, _| wanted.contains(socket));
    }

    fn take(&self, socket: SocketAddr) -> Option<SendRequest<Incoming>> {
        let mut idle = lock(&self.idle);
        let connections = idle.get_mut(&socket)?;
        while let Some(connection) = connections.pop() {
            if connection.sender.is_ready() && connection.since.elapsed() < IDLE_TIMEOUT {
                return Some(connection.sender);
            }
        }
        None
    }

    fn give(&self, socket: SocketAddr, sender: SendRequest<Incoming>) {
        let mut idle = lock(&self.idle);
        let connections = idle.entry(socket).or_default();
        if connections.len() < IDLE_MAX {
            connections.push(Idle { since: Instant::now(), sender });
        }
    }
}

/// Opens a loopback port for `port` of the load balancer. Aborting the task closes it and all its connections.
pub(super) fn listen(
    balancer: Arc<Balancer>,
    port: u16,
    protocol: Protocol,
    tls: Option<Arc<ServerConfig>>,
) -> std::io::Result<(SocketAddr, AbortHandle)> {
    let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    listener.set_nonblocking(true)?;
    let socket = listener.local_addr()?;
    let listener = TcpListener::from_std(listener)?;
    let front = Front { balancer, port, protocol };
    let tls = match protocol {
        Protocol::Https => tls.map(TlsAcceptor::from),
        Protocol::Http | Protocol::Tcp => None,
    };
    let task = tokio::spawn(accept(listener, Arc::new(front), tls));
    Ok((socket, task.abort_handle()))
}

async fn accept(listener: TcpListener, front: Arc<Front>, tls: Option<TlsAcceptor>) {
    let permits = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let mut connections = JoinSet::new();
    loop {
        while connections.try_join_next().is_some() {}
        let Ok(permit) = Arc::clone(&permits).acquire_owned().await else { return };
        let (stream, peer) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::debug!(%error, "load balancer: accept failed");
                tokio::task::yield_now().await;
                continue;
            }
        };
        let (front, tls) = (Arc::clone(&front), tls.clone());
        connections.spawn(async move {
            let _ = stream.set_nodelay(true);
            match (front.protocol, tls) {
                (Protocol::Tcp, _) => front.pass_bytes(stream).await,
                (Protocol::Https, Some(tls)) => {
                    // A failed handshake is the client's affair; ALB does not answer it either.
                    if let Ok(Ok(stream)) = tokio::time::timeout(HANDSHAKE_TIMEOUT, tls.accept(stream)).await
                    {
                        front.serve_http(TokioIo::new(stream), peer).await;
                    }
                }
                (Protocol::Http, _) => front.serve_http(TokioIo::new(stream), peer).await,
                (Protocol::Https, None) => {}
            }
            drop(permit);
        });
    }
}

/// One port of a load balancer, as its connections see it.
struct Front {
    balancer: Arc<Balancer>,
    port: u16,
    protocol: Protocol,
}

impl Front {
    async fn pass_bytes(&self, mut client: TcpStream) {
        let settings = self.balancer.settings();
        let target = match settings.listeners.get(&self.port).map(|listener| &listener.default) {
            Some(Action::Forward(group)) => group.choose(),
            _ => None,
        };
        let Some(target) = target else { return };
        if let Ok(Ok(mut server)) =
            tokio::time::timeout(CONNECT_TIMEOUT, TcpStream::connect(target.socket)).await
        {
            self.balancer.count(None);
            let _ = copy_bidirectional(&mut client, &mut server).await;
        }
    }

    async fn serve_http<Io>(self: Arc<Self>, io: Io, peer: SocketAddr)
    where
        Io: hyper::rt::Read + hyper::rt::Write + Unpin + 'static,
    {
        let service = service_fn(move |request| {
            let front = Arc::clone(&self);
            async move {
                let response = front.answer(request, peer).await;
                front.balancer.count(Some(response.status()));
                Ok::<_, Infallible>(response)
            }
        });
        // Its errors are broken connections, which the client sees as well as we do.
        let _ = hyper::server::conn::http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(IDLE_TIMEOUT)
            .serve_connection(io, service)
            .await;
    }

    async fn answer(&self, request: Request<Incoming>, peer: SocketAddr) -> Response<Body> {
        let settings = self.balancer.settings();
        let Some(listener) = settings.listeners.get(&self.port) else {
            return page(StatusCode::SERVICE_UNAVAILABLE);
        };
        let host = request
            .headers()
            .get(HOST)
            .and_then(|host| host.to_str().ok())
            .or_else(|| request.uri().host())
            .unwrap_or_default();
        let host = host.split(':').next().unwrap_or_default().to_ascii_lowercase();
        match listener.action(&host, request.uri().path()) {
            Action::Fixed { status, body } => fixed(*status, body),
            Action::RedirectToHttps { port } => redirect(&host, *port, &request),
            Action::Forward(group) => self.forward(group, request, peer).await,
        }
    }

    async fn forward(
        &self,
        group: &TargetGroup,
        mut request: Request<Incoming>,
        peer: SocketAddr,
    ) -> Response<Body> {
        let Some(target) = group.choose() else { return page(StatusCode::SERVICE_UNAVAILABLE) };
        self.prepare(&mut request, peer);
        match self.send(target, request).await {
            Ok(response) => {
                let mut response = response.map(Either::Right);
                remove_hop_headers(response.headers_mut());
                response
            }
            Err(failure) => page(failure),
        }
    }

    async fn send(
        &self,
        target: Target,
        mut request: Request<Incoming>,
    ) -> Result<Response<Incoming>, StatusCode> {
        let timed_out = |_| StatusCode::GATEWAY_TIMEOUT;
        // Each idle connection may turn out to be closed by its target; the one after them is new.
        for _ in 0..=IDLE_MAX {
            let mut connection = self.connection(target).await?;
            let sending = connection.try_send_request(request);
            let mut error = match tokio::time::timeout(IDLE_TIMEOUT, sending).await.map_err(timed_out)? {
                Ok(response) => {
                    // Given back while the body is on its way: `take` hands out only those that are ready again.
                    self.balancer.connections.give(target.socket, connection);
                    return Ok(response);
                }
                Err(error) => error,
            };
            let Some(unsent) = error.take_message() else {
                let error = error.into_error();
                tracing::debug!(pod = %target.pod_ip, port = target.port, %error, "target failed");
                return Err(StatusCode::BAD_GATEWAY);
            };
            request = unsent;
        }
        Err(StatusCode::BAD_GATEWAY)
    }

    async fn connection(&self, target: Target) -> Result<SendRequest<Incoming>, StatusCode> {
        match self.balancer.connections.take(target.socket) {
            Some(connection) => Ok(connection),
            None => connect(target).await,
        }
    }

    /// The headers that an application load balancer adds for its targets.
    fn prepare(&self, request: &mut Request<Incoming>, peer: SocketAddr) {
        let scheme = match self.protocol {
            Protocol::Https => "https",
            Protocol::Http | Protocol::Tcp => "http",
        };
        let seconds = jiff::Timestamp::now().as_second();
        let trace = format!("Root=1-{seconds:08x}-{:024x}", self.balancer.next_request());
        let headers = request.headers_mut();
        remove_hop_headers(headers);
        for (name, value) in [
            ("x-forwarded-for", peer.ip().to_string()),
            ("x-forwarded-proto", scheme.to_owned()),
            ("x-forwarded-port", self.port.to_string()),
            ("x-amzn-trace-id", trace),
        ] {
            if let Ok(value) = HeaderValue::from_str(&value) {
                headers.insert(HeaderName::from_static(name), value);
            }
        }
    }
}

async fn connect(target: Target) -> Result<SendRequest<Incoming>, StatusCode> {
    let stream = tokio::time::timeout(CONNECT_TIMEOUT, TcpStream::connect(target.socket))
        .await
        .map_err(|_| StatusCode::GATEWAY_TIMEOUT)?
        .map_err(|_| StatusCode::BAD_GATEWAY)?;
    let _ = stream.set_nodelay(true);
    let (sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .map_err(|_| StatusCode::BAD_GATEWAY)?;
    // Ends when its sender is dropped or the target closes it.
    tokio::spawn(connection);
    Ok(sender)
}

/// Headers that concern one connection only (RFC 9110 7.6.1). Upgrades are not supported.
fn remove_hop_headers(headers: &mut http::HeaderMap) {
    headers.remove(CONNECTION);
    headers.remove(UPGRADE);
    headers.remove("keep-alive");
}

fn redirect(host: &str, port: u16, request: &Request<Incoming>) -> Response<Body> {
    let path = request.uri().path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
    let mut response = page(StatusCode::MOVED_PERMANENTLY);
    // ALB names the port also where it is the usual one.
    if let Ok(location) = HeaderValue::from_str(&format!("https://{host}:{port}{path}")) {
        response.headers_mut().insert(LOCATION, location);
    }
    response
}

fn fixed(status: u16, body: &'static str) -> Response<Body> {
    let mut response = Response::new(Either::Left(Full::new(Bytes::from_static(body.as_bytes()))));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    headers.insert(SERVER, HeaderValue::from_static("awselb/2.0"));
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}

/// The page with which an application load balancer says what happened.
fn page(status: StatusCode) -> Response<Body> {
    let words = match status {
        StatusCode::SERVICE_UNAVAILABLE => "503 Service Temporarily Unavailable",
        StatusCode::GATEWAY_TIMEOUT => "504 Gateway Time-out",
        StatusCode::MOVED_PERMANENTLY => "301 Moved Permanently",
        _ => "502 Bad Gateway",
    };
    let text = format!(
        "<html>\r\n<head><title>{words}</title></head>\r\n<body>\r\n<center><h1>{words}</h1></center>\r\n\
         </body>\r\n</html>\r\n"
    );
    let mut response = Response::new(Either::Left(Full::new(Bytes::from(text))));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(SERVER, HeaderValue::from_static("awselb/2.0"));
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html"));
    response
}

#[cfg(test)]
#[path = "serve_tests.rs"]
mod tests;
