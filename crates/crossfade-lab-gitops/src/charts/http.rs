//! Requests to registries: one connection each, redirects followed a few times, sizes and times limited.
//!
//! Credentials are shown to the origin that they are for and to nobody that it redirects to. Proxies are not used.

mod tls;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode, Uri};
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls_pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use crate::keyring::Access;

/// Name, connection and handshake. Whoever takes longer is out of reach.
const CONNECT_WITHIN: Duration = Duration::from_secs(10);
/// All of one request with its redirects: the largest indexes are some 30 MB.
const ANSWER_WITHIN: Duration = Duration::from_mins(1);
/// As Go's client.
const REDIRECTS_MAX: usize = 10;

/// One thing that is asked for.
#[derive(Clone, Debug, Default)]
pub(super) struct Ask<'a> {
    pub(super) url: &'a str,
    /// What the answer may be.
    pub(super) accept: &'a str,
    /// `Authorization`, for the origin of `url` alone.
    pub(super) authorization: Option<&'a str>,
    /// `ETag` of what is known already.
    pub(super) known_tag: Option<&'a str>,
    pub(super) bytes_max: usize,
}

/// What came back; any status is an answer.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Answer {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

/// Makes requests. Cheap to clone.
#[derive(Clone)]
pub(super) struct Client {
    tls: Result<TlsConnector, String>,
}

impl Client {
    pub(super) fn new(access: &Access) -> Client {
        let tls = tls::config(access).map(|config| TlsConnector::from(Arc::new(config)));
        Client { tls: tls.map_err(|error| format!("tls: failed to verify certificate: {error}")) }
    }

    /// One GET; the error is the cause in Go's words, without the URL.
    pub(super) async fn get(&self, ask: &Ask<'_>) -> Result<Answer, String> {
        timeout(ANSWER_WITHIN, self.follow(ask))
            .await
            .unwrap_or_else(|_| Err("context deadline exceeded (Client.Timeout exceeded)".to_owned()))
    }

    async fn follow(&self, ask: &Ask<'_>) -> Result<Answer, String> {
        let first = parsed(ask.url)?;
        let mut at = first.clone();
        for _ in 0..=REDIRECTS_MAX {
            let is_own = is_same_origin(&first, &at);
            let answer = self.exchange(&at, ask, is_own).await?;
            let target = answer.header("location").filter(|_| answer.status.is_redirection());
            let Some(target) = target else { return Ok(answer) };
            let next = parsed(&joined(&at.to_string(), target))?;
            if at.scheme_str() == Some("https") && next.scheme_str() != Some("https") {
                return Err(format!("it redirects to {next}, which is not encrypted"));
            }
            at = next;
        }
        Err(format!("stopped after {REDIRECTS_MAX} redirects"))
    }

    async fn exchange(&self, url: &Uri, ask: &Ask<'_>, with_credentials: bool) -> Result<Answer, String> {
        let host = url.host().unwrap_or_default();
        let is_tls = url.scheme_str() == Some("https");
        let port = url.port_u16().unwrap_or(if is_tls { 443 } else { 80 });
        let request = request(url, ask, with_credentials)?;
        let late = || format!("dial tcp {host}:{port}: i/o timeout");
        let bare_host = host.trim_start_matches('[').trim_end_matches(']');
        if !is_tls {
            let stream = timeout(CONNECT_WITHIN, connect(bare_host, port)).await.map_err(|_| late())??;
            return send(stream, request, ask.bytes_max).await;
        }
        let connected = async {
            let connector = self.tls.as_ref().map_err(Clone::clone)?;
            let name = ServerName::try_from(bare_host.to_owned()).map_err(|error| format!("tls: {error}"))?;
            let stream = connect(bare_host, port).await?;
            connector.connect(name, stream).await.map_err(|error| tls::cause(&error))
        };
        let stream = timeout(CONNECT_WITHIN, connected).await.map_err(|_| late())??;
        send(stream, request, ask.bytes_max).await
    }
}

fn parsed(url: &str) -> Result<Uri, String> {
    let uri: Uri = url.parse().map_err(|error| format!("parse {url:?}: {error}"))?;
    let is_known = matches!(uri.scheme_str(), Some("http" | "https")) && uri.host().is_some();
    is_known.then_some(uri).ok_or_else(|| format!("unsupported protocol scheme in {url:?}"))
}

/// Scheme, host and port.
fn is_same_origin(one: &Uri, other: &Uri) -> bool {
    one.scheme() == other.scheme() && one.authority() == other.authority()
}

fn request(url: &Uri, ask: &Ask<'_>, with_credentials: bool) -> Result<Request<Empty<Bytes>>, String> {
    let path = url.path_and_query().map_or("/", |path| path.as_str());
    let authority = url.authority().map(http::uri::Authority::as_str).unwrap_or_default();
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let mut request = Request::get(path)
        .header("host", host)
        .header("user-agent", concat!("crossfade/", env!("CARGO_PKG_VERSION")));
    if !ask.accept.is_empty() {
        request = request.header("accept", ask.accept);
    }
    if let Some(authorization) = ask.authorization.filter(|_| with_credentials) {
        let mut value = http::HeaderValue::from_str(authorization)
            .map_err(|_| "the credentials make no header".to_owned())?;
        value.set_sensitive(true);
        request = request.header("authorization", value);
    }
    if let Some(tag) = ask.known_tag {
        request = request.header("if-none-match", tag);
    }
    request.body(Empty::new()).map_err(|error| error.to_string())
}

async fn connect(host: &str, port: u16) -> Result<TcpStream, String> {
    let found = tokio::net::lookup_host((host, port)).await;
    let addresses = found.map_err(|_| format!("dial tcp: lookup {host}: no such host"))?;
    let mut last = format!("dial tcp: lookup {host}: no such host");
    for address in addresses {
        match TcpStream::connect(address).await {
            Ok(stream) => return Ok(stream),
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionRefused => {
                last = format!("dial tcp {address}: connect: connection refused");
            }
            Err(error) => last = format!("dial tcp {address}: connect: {error}"),
        }
    }
    Err(last)
}

async fn send<S>(stream: S, request: Request<Empty<Bytes>>, bytes_max: usize) -> Result<Answer, String>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (mut sender, connection) =
        http1::handshake(TokioIo::new(stream)).await.map_err(|error| error.to_string())?;
    let mut driver = tokio::task::JoinSet::new();
    driver.spawn(connection);
    let response = sender.send_request(request).await.map_err(|error| error.to_string())?;
    let (head, body) = response.into_parts();
    let body = Limited::new(body, bytes_max).collect().await.map_err(|error| {
        if error.is::<http_body_util::LengthLimitError>() {
            format!("the answer is larger than {bytes_max} bytes")
        } else {
            format!("unexpected EOF: {error}")
        }
    })?;
    Ok(Answer { status: head.status, headers: head.headers, body: body.to_bytes() })
}

/// A reference as it is meant in a document at `base`.
pub(super) fn joined(base: &str, reference: &str) -> String {
    if reference.contains("://") {
        return reference.to_owned();
    }
    let (scheme, rest) = base.split_once("://").unwrap_or(("https", base));
    if let Some(rest) = reference.strip_prefix("//") {
        return format!("{scheme}://{rest}");
    }
    let rest = rest.split(['?', '#']).next().unwrap_or_default();
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    let (reference, query) = match reference.split_once('?') {
        Some((path, query)) => (path, format!("?{query}")),
        None => (reference, String::new()),
    };
    let dir = if reference.starts_with('/') { "" } else { path.rsplit_once('/').map_or("", |(dir, _)| dir) };
    let mut steps: Vec<&str> = Vec::new();
    for step in dir.split('/').chain(reference.split('/')) {
        match step {
            "" | "." => {}
            ".." => drop(steps.pop()),
            step => steps.push(step),
        }
    }
    let end = if reference.ends_with('/') && !steps.is_empty() { "/" } else { "" };
    format!("{scheme}://{authority}/{}{end}{query}", steps.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_meant_from_where_they_stand() {
        let base = "https://charts.example.org:8443/stable/index.yaml?x=1";
        for (reference, expected) in [
            ("a-1.0.0.tgz", "https://charts.example.org:8443/stable/a-1.0.0.tgz"),
            ("charts/a-1.0.0.tgz?sig=x", "https://charts.example.org:8443/stable/charts/a-1.0.0.tgz?sig=x"),
            ("../a.tgz", "https://charts.example.org:8443/a.tgz"),
            ("../../../a.tgz", "https://charts.example.org:8443/a.tgz"),
            ("/a.tgz", "https://charts.example.org:8443/a.tgz"),
            ("//cdn.example.com/a.tgz", "https://cdn.example.com/a.tgz"),
            ("http://cdn.example.com/a.tgz", "http://cdn.example.com/a.tgz"),
        ] {
            assert_eq!(joined(base, reference), expected, "{reference}");
        }
    }

    #[test]
    fn an_origin_is_scheme_host_and_port() {
        let same = |one: &str, other: &str| {
            parsed(one).is_ok_and(|one| parsed(other).is_ok_and(|other| is_same_origin(&one, &other)))
        };
        assert!(same("https://a.org/x", "https://a.org/y"));
        for other in ["http://a.org/x", "https://a.org:8443/x", "https://b.org/x", "https://a.org.evil.com/x"]
        {
            assert!(!same("https://a.org/x", other), "{other}");
        }
        assert!(parsed("file:///etc/passwd").is_err());
    }
}
