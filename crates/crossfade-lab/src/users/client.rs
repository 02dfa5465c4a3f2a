//! One request of one user: a tunnel through the proxy to a load balancer's address, TLS, one page.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use bytes::Bytes;
use http::header::{CONNECTION, HOST, USER_AGENT};
use http::{Request, StatusCode};
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::sample_app::cluster_of_page;

/// The proxy's answer to CONNECT is a few lines.
const PROXY_ANSWER_BYTES_MAX: usize = 4096;
/// Read of a page: more than the sample program shows.
const PAGE_BYTES_MAX: usize = 256 << 10;

#[derive(Debug, thiserror::Error)]
pub(super) enum ClientError {
    #[error("the proxy is not there: {0}")]
    Proxy(std::io::Error),
    #[error("connection failed: {0}")]
    Refused(String),
    #[error("`{0}` is no host name")]
    Name(String),
    #[error("TLS failed: {0}")]
    Tls(std::io::Error),
    #[error("HTTP failed: {0}")]
    Http(hyper::Error),
    #[error("the page broke off: {0}")]
    Body(String),
}

/// What came back.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Page {
    /// The cluster that the page names.
    pub(super) cluster: Option<String>,
    /// Set for server errors.
    pub(super) failure: Option<String>,
}

pub(super) struct Client {
    proxy: SocketAddr,
    tls: TlsConnector,
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client").field("proxy", &self.proxy).finish_non_exhaustive()
    }
}

impl Client {
    pub(super) fn new(proxy: SocketAddr, tls: rustls::ClientConfig) -> Client {
        Client { proxy, tls: TlsConnector::from(Arc::new(tls)) }
    }

    pub(super) async fn page(&self, address: Ipv4Addr, host: &str) -> Result<Page, ClientError> {
        let tunnel = self.tunnel(address).await?;
        let name = ServerName::try_from(host.to_owned()).map_err(|_| ClientError::Name(host.to_owned()))?;
        let stream = self.tls.connect(name, tunnel).await.map_err(ClientError::Tls)?;
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(ClientError::Http)?;
        let request = Request::get("/")
            .header(HOST, host)
            .header(USER_AGENT, "crossfade-simulated-user")
            .header(CONNECTION, "close")
            .body(Empty::<Bytes>::new())
            .map_err(|_| ClientError::Name(host.to_owned()))?;
        let connection = tokio::spawn(connection);
        let response = sender.send_request(request).await.map_err(ClientError::Http)?;
        let status = response.status();
        let body = Limited::new(response.into_body(), PAGE_BYTES_MAX)
            .collect()
            .await
            .map_err(|error| ClientError::Body(error.to_string()))?
            .to_bytes();
        connection.abort();
        Ok(Page { cluster: cluster_in(&body), failure: failure_of(status) })
    }

    async fn tunnel(&self, address: Ipv4Addr) -> Result<TcpStream, ClientError> {
        let mut stream = TcpStream::connect(self.proxy).await.map_err(ClientError::Proxy)?;
        let _ = stream.set_nodelay(true);
        let request = format!("CONNECT {address}:443 HTTP/1.1\r\nHost: {address}:443\r\n\r\n");
        stream.write_all(request.as_bytes()).await.map_err(ClientError::Proxy)?;
        let mut answer = Vec::with_capacity(256);
        // The load balancer says nothing before we do, so nothing after the head can be lost.
        while !answer.ends_with(b"\r\n\r\n") && answer.len() < PROXY_ANSWER_BYTES_MAX {
            if stream.read_buf(&mut answer).await.map_err(ClientError::Proxy)? == 0 {
                break;
            }
        }
        let answer = String::from_utf8_lossy(&answer);
        if answer.split(' ').nth(1) == Some("200") {
            return Ok(stream);
        }
        let text = answer.split("\r\n\r\n").nth(1).unwrap_or_default().trim();
        Err(ClientError::Refused(text.to_owned()))
    }
}

fn cluster_in(body: &[u8]) -> Option<String> {
    let page = std::str::from_utf8(body).ok()?;
    cluster_of_page(page).filter(|cluster| !cluster.is_empty()).map(str::to_owned)
}

fn failure_of(status: StatusCode) -> Option<String> {
    status.is_server_error().then(|| format!("status {status}"))
}
