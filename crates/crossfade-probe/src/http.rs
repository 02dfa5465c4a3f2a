//! HTTP requests to an address of the caller's choice, with Host and SNI of another name.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Empty, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use crate::ProbeError;

/// Users give up later, load balancers earlier: what takes longer is broken for our purpose.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);
/// Enough of a body to recognise who answered.
const BODY_BYTES_MAX: usize = 64 * 1024;
/// A proxy's answer to CONNECT is a status line and a few headers.
const PROXY_ANSWER_BYTES_MAX: usize = 8 * 1024;

/// What a server answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpAnswer {
    /// 200, 301, ...
    pub status: u16,
    /// The body, or its beginning.
    pub body: String,
}

/// Where and what to ask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpTarget {
    /// The load balancer's address.
    pub address: SocketAddr,
    /// Host header, and SNI with TLS.
    pub host: String,
    /// With the leading slash.
    pub path: String,
    /// HTTPS or plain HTTP.
    pub tls: bool,
}

/// Makes requests. Cheap to clone.
#[derive(Clone)]
pub struct HttpProbe {
    tls: TlsConnector,
    proxy: Option<SocketAddr>,
}

impl HttpProbe {
    /// Trusts the system's certificates and those of `ca_file`. With a proxy, every connection is made through CONNECT.
    pub fn new(ca_file: Option<&Path>, proxy: Option<SocketAddr>) -> Result<Self, ProbeError> {
        let mut roots = RootCertStore::empty();
        // A machine without a store can still trust the given file; without either every handshake says so.
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        if let Some(file) = ca_file {
            let wrong =
                |message: String| ProbeError::Roots { message: format!("{}: {message}", file.display()) };
            let certificates =
                CertificateDer::pem_file_iter(file).map_err(|error| wrong(error.to_string()))?;
            for certificate in certificates {
                let certificate = certificate.map_err(|error| wrong(error.to_string()))?;
                roots.add(certificate).map_err(|error| wrong(error.to_string()))?;
            }
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| ProbeError::Roots { message: error.to_string() })?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(HttpProbe { tls: TlsConnector::from(Arc::new(config)), proxy })
    }

    /// One GET on a connection of its own.
    pub async fn get(&self, target: &HttpTarget) -> Result<HttpAnswer, ProbeError> {
        let late = || ProbeError::TimedOut {
            server: target.address.to_string(),
            what: format!("{}{}", target.host, target.path),
        };
        timeout(ANSWER_WITHIN, self.exchange(target)).await.map_err(|_| late())?
    }

    /// Whether a TCP connection comes about.
    pub async fn connect(&self, address: SocketAddr) -> Result<(), ProbeError> {
        let late = || ProbeError::TimedOut { server: address.to_string(), what: "a connection".to_owned() };
        timeout(ANSWER_WITHIN, self.open(address)).await.map_err(|_| late())?.map(drop)
    }

    async fn exchange(&self, target: &HttpTarget) -> Result<HttpAnswer, ProbeError> {
        let stream = self.open(target.address).await?;
        if !target.tls {
            return request(stream, target).await;
        }
        let tls = |source| ProbeError::Tls {
            server: target.address.to_string(),
            host: target.host.clone(),
            source,
        };
        let name =
            ServerName::try_from(target.host.clone()).map_err(|error| tls(std::io::Error::other(error)))?;
        request(self.tls.connect(name, stream).await.map_err(tls)?, target).await
    }

    async fn open(&self, address: SocketAddr) -> Result<TcpStream, ProbeError> {
        let to = self.proxy.unwrap_or(address);
        let io = |source| ProbeError::Io { server: to.to_string(), source };
        let mut stream = TcpStream::connect(to).await.map_err(io)?;
        stream.set_nodelay(true).map_err(io)?;
        let Some(proxy) = self.proxy else { return Ok(stream) };
        let ask = format!("CONNECT {address} HTTP/1.1\r\nHost: {address}\r\n\r\n");
        stream.write_all(ask.as_bytes()).await.map_err(io)?;
        let head = read_head(&mut stream).await.map_err(io)?;
        let status = head.lines().next().unwrap_or_default();
        if status.split(' ').nth(1) == Some("200") {
            return Ok(stream);
        }
        Err(ProbeError::ProxyRefused { proxy, target: address, status: status.to_owned() })
    }
}

/// Byte by byte up to the empty line, so that nothing of the tunnel is taken.
async fn read_head(stream: &mut TcpStream) -> std::io::Result<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") && head.len() < PROXY_ANSWER_BYTES_MAX {
        head.push(stream.read_u8().await?);
    }
    Ok(String::from_utf8_lossy(&head).into_owned())
}

async fn request<S>(stream: S, target: &HttpTarget) -> Result<HttpAnswer, ProbeError>
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
{
    let http = |source| ProbeError::Http { server: target.address.to_string(), source };
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(http)?;
    let driver = tokio::spawn(connection);
    let request = ::http::Request::get(&target.path)
        .header("host", &target.host)
        .header("user-agent", concat!("crossfade/", env!("CARGO_PKG_VERSION")))
        .body(Empty::<Bytes>::new())
        .map_err(|source| ProbeError::Request {
            host: target.host.clone(),
            path: target.path.clone(),
            source,
        })?;
    let response = sender.send_request(request).await.map_err(http)?;
    let status = response.status().as_u16();
    // A body that is too long or breaks off is no failure of the answer: its status came.
    let body = Limited::new(response.into_body(), BODY_BYTES_MAX).collect().await;
    let body = body.map(|body| String::from_utf8_lossy(&body.to_bytes()).into_owned()).unwrap_or_default();
    driver.abort();
    Ok(HttpAnswer { status, body })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]
mod tests {
    use std::io::Write;

    use rcgen::{CertifiedKey, generate_simple_self_signed};
    use rustls_pki_types::PrivateKeyDer;
    use tokio::net::TcpListener;

    use super::*;

    const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\ngreen";

    fn mk_target(address: SocketAddr, host: &str) -> HttpTarget {
        HttpTarget { address, host: host.to_owned(), path: "/".to_owned(), tls: true }
    }

    /// An HTTPS server for `burnham.example.org`, and the file that makes it trusted.
    async fn mk_server() -> (SocketAddr, std::path::PathBuf) {
        let CertifiedKey { cert, signing_key } =
            generate_simple_self_signed(vec!["burnham.example.org".to_owned()]).unwrap();
        let key = PrivateKeyDer::try_from(signing_key.serialize_der()).unwrap();
        let config =
            rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
                .with_safe_default_protocol_versions()
                .unwrap()
                .with_no_client_auth()
                .with_single_cert(vec![cert.der().clone()], key)
                .unwrap();
        let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let Ok(mut stream) = acceptor.accept(stream).await else { continue };
                let mut buffer = [0; 1024];
                let _ = stream.read(&mut buffer).await;
                let _ = stream.write_all(ANSWER).await;
                let _ = stream.shutdown().await;
            }
        });
        let path = std::env::temp_dir().join(format!(
            "crossfade-probe-{}-{}.pem",
            std::process::id(),
            address.port()
        ));
        std::fs::File::create(&path).unwrap().write_all(cert.pem().as_bytes()).unwrap();
        (address, path)
    }

    #[tokio::test]
    async fn asks_an_address_for_another_name() {
        let (address, ca) = mk_server().await;
        let probe = HttpProbe::new(Some(&ca), None).unwrap();
        std::fs::remove_file(ca).unwrap();
        let answer = probe.get(&mk_target(address, "burnham.example.org")).await.unwrap();
        assert_eq!((answer.status, answer.body.as_str()), (200, "green"));
        let error = probe.get(&mk_target(address, "skiff.example.org")).await.unwrap_err();
        assert!(error.chain().contains("not valid for name"), "{}", error.chain());
    }

    #[tokio::test]
    async fn a_refusing_proxy_is_named() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let proxy = listener.local_addr().unwrap();
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let head = read_head(&mut stream).await.unwrap();
            assert!(head.starts_with("CONNECT 127.64.0.1:443 HTTP/1.1\r\n"));
            stream.write_all(b"HTTP/1.1 403 Forbidden\r\n\r\n").await.unwrap();
        });
        let probe = HttpProbe::new(None, Some(proxy)).unwrap();
        let error = probe.get(&mk_target("127.64.0.1:443".parse().unwrap(), "x.org")).await.unwrap_err();
        assert!(matches!(error, ProbeError::ProxyRefused { .. }), "{}", error.chain());
    }

    #[test]
    fn a_missing_ca_file_is_named() {
        let error = HttpProbe::new(Some(Path::new("/nonexistent/ca.pem")), None).err().unwrap();
        assert!(error.to_string().contains("/nonexistent/ca.pem"));
    }
}
