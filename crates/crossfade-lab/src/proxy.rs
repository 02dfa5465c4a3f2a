//! The HTTP proxy through which clients reach the lab's load balancers on their usual ports.
//!
//! `CONNECT host:443` and `GET http://host/` are resolved by the lab's own resolver. An address of a load balancer leads
//! to its listener for that port; everything else is refused: the proxy never opens a connection out of the lab.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use hickory_proto::op::ResponseCode;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::balancer::{Balancers, is_balancer_address};
use crate::dns::{self, DnsError, Recursion};
use crate::ingress::Infrastructure;

/// A request's head is a few hundred bytes; this is what common servers accept.
const HEAD_BYTES_MAX: usize = 16 << 10;
/// A client that has not sent its head by then is gone.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// Connections at one time; well above what simulated users and probes need, well below the files a process may open.
const CONNECTIONS_MAX: usize = 2048;

/// Serves until dropped.
pub(crate) async fn serve(listener: TcpListener, infrastructure: Arc<Infrastructure>, resolver: SocketAddr) {
    let permits = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let mut connections = JoinSet::new();
    loop {
        while connections.try_join_next().is_some() {}
        let Ok(permit) = Arc::clone(&permits).acquire_owned().await else { return };
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::debug!(%error, "proxy: accept failed");
                tokio::task::yield_now().await;
                continue;
            }
        };
        let infrastructure = Arc::clone(&infrastructure);
        connections.spawn(async move {
            if let Err(error) = connection(stream, &infrastructure.balancers, resolver).await {
                tracing::trace!(%error, "proxy: connection ended");
            }
            drop(permit);
        });
    }
}

async fn connection(
    mut client: TcpStream,
    balancers: &Balancers,
    resolver: SocketAddr,
) -> std::io::Result<()> {
    client.set_nodelay(true)?;
    let Ok(head) = tokio::time::timeout(HEAD_TIMEOUT, read_head(&mut client)).await else {
        return refuse(&mut client, Refusal::bad_request("no request in time")).await;
    };
    let Some((head, rest)) = head? else {
        return refuse(&mut client, Refusal::bad_request("no HTTP request")).await;
    };
    let request = match ProxyRequest::parse(&head) {
        Ok(request) => request,
        Err(refusal) => return refuse(&mut client, refusal).await,
    };
    let mut server = match open(&request, balancers, resolver).await {
        Ok(server) => server,
        Err(refusal) => return refuse(&mut client, refusal).await,
    };
    server.set_nodelay(true)?;
    match &request.forward {
        Forward::Tunnel => client.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").await?,
        Forward::Head(head) => server.write_all(head.as_bytes()).await?,
    }
    server.write_all(&rest).await?;
    copy_bidirectional(&mut client, &mut server).await.map(drop)
}

/// The head up to the empty line, and what came after it already.
async fn read_head(client: &mut TcpStream) -> std::io::Result<Option<(String, Vec<u8>)>> {
    let mut bytes = Vec::with_capacity(1024);
    loop {
        if client.read_buf(&mut bytes).await? == 0 || bytes.len() > HEAD_BYTES_MAX {
            return Ok(None);
        }
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            let rest = bytes.split_off(end + 4);
            return Ok(String::from_utf8(bytes).ok().map(|head| (head, rest)));
        }
    }
}

async fn open(
    request: &ProxyRequest,
    balancers: &Balancers,
    resolver: SocketAddr,
) -> Result<TcpStream, Refusal> {
    let host = &request.host;
    let address = match host.parse::<Ipv4Addr>() {
        Ok(address) => address,
        Err(_) => dns::addresses(resolver, host, Recursion::Desired)
            .await
            .map_err(|error| unresolved(host, &error))?
            .addresses
            .first()
            .copied()
            .ok_or_else(|| Refusal::bad_gateway(format!("cannot resolve {host}")))?,
    };
    if !is_balancer_address(address) {
        return Err(Refusal::forbidden(format!(
            "{host} is no load balancer of the lab ({address}); the lab's proxy leads nowhere else"
        )));
    }
    let port = request.port;
    let Some(listener) = balancers.listener(address, port) else {
        return Err(Refusal::bad_gateway(format!("connection to {address}:{port} ({host}) refused")));
    };
    TcpStream::connect(listener)
        .await
        .map_err(|error| Refusal::bad_gateway(format!("connection to {address}:{port} ({host}): {error}")))
}

/// A name in the lab's zones that has no address is a mistake; any other name is none of the lab's business.
fn unresolved(host: &str, error: &DnsError) -> Refusal {
    match error {
        DnsError::Code { code: ResponseCode::Refused, .. } => Refusal::forbidden(format!(
            "{host} is in no zone of the lab; the lab's proxy leads to its load balancers and nowhere else"
        )),
        error => Refusal::bad_gateway(format!("cannot resolve {host}: {error}")),
    }
}

async fn refuse(client: &mut TcpStream, refusal: Refusal) -> std::io::Result<()> {
    let Refusal { status, text } = refusal;
    let answer = format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: {}\r\n\
         Connection: close\r\n\r\n{text}\n",
        text.len() + 1
    );
    client.write_all(answer.as_bytes()).await?;
    client.shutdown().await
}

#[derive(Debug, PartialEq, Eq)]
struct Refusal {
    status: &'static str,
    text: String,
}

impl Refusal {
    fn bad_request(text: &str) -> Refusal {
        Refusal { status: "400 Bad Request", text: text.to_owned() }
    }

    fn forbidden(text: String) -> Refusal {
        Refusal { status: "403 Forbidden", text }
    }

    fn bad_gateway(text: String) -> Refusal {
        Refusal { status: "502 Bad Gateway", text }
    }
}

/// What a client wants: where to, and what the server is to be told.
#[derive(Debug, PartialEq, Eq)]
struct ProxyRequest {
    host: String,
    port: u16,
    forward: Forward,
}

#[derive(Debug, PartialEq, Eq)]
enum Forward {
    /// Bytes pass as they are (CONNECT).
    Tunnel,
    /// The request in origin form; one per connection.
    Head(String),
}

impl ProxyRequest {
    fn parse(head: &str) -> Result<ProxyRequest, Refusal> {
        let mut lines = head.split("\r\n");
        let mut words = lines.next().unwrap_or_default().split(' ');
        let (Some(method), Some(target), Some(version)) = (words.next(), words.next(), words.next()) else {
            return Err(Refusal::bad_request("no HTTP request"));
        };
        if method == "CONNECT" {
            let (host, port) = authority(target, None)?;
            return Ok(ProxyRequest { host, port, forward: Forward::Tunnel });
        }
        let Some(rest) = target.strip_prefix("http://") else {
            return Err(Refusal::bad_request("this is a proxy: use CONNECT or an absolute http:// address"));
        };
        let (name, path) = rest.find('/').map_or((rest, "/"), |slash| rest.split_at(slash));
        let (host, port) = authority(name, Some(80))?;
        let mut forwarded = format!("{method} {path} {version}\r\n");
        for line in lines.take_while(|line| !line.is_empty()) {
            let field = line.split(':').next().unwrap_or_default().to_ascii_lowercase();
            if !matches!(
                field.as_str(),
                "connection" | "proxy-connection" | "proxy-authorization" | "keep-alive"
            ) {
                forwarded.push_str(line);
                forwarded.push_str("\r\n");
            }
        }
        // One request per connection: the next one might be for another host.
        forwarded.push_str("Connection: close\r\n\r\n");
        Ok(ProxyRequest { host, port, forward: Forward::Head(forwarded) })
    }
}

fn authority(text: &str, default_port: Option<u16>) -> Result<(String, u16), Refusal> {
    let wrong = || Refusal::bad_request("the address to connect to needs the form host:port");
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) => (host, port.parse().map_err(|_| wrong())?),
        None => (text, default_port.ok_or_else(wrong)?),
    };
    if host.is_empty() || host.contains(['/', '@', '[', ']']) {
        return Err(wrong());
    }
    Ok((host.to_owned(), port))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn connect_names_host_and_port() {
        let request =
            ProxyRequest::parse("CONNECT burnham.example.org:443 HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
        assert_eq!((request.host.as_str(), request.port), ("burnham.example.org", 443));
        assert_eq!(request.forward, Forward::Tunnel);
        assert!(ProxyRequest::parse("CONNECT burnham.example.org HTTP/1.1\r\n\r\n").is_err());
    }

    #[test]
    fn absolute_addresses_become_origin_form() {
        let head = "GET http://a.example.org/x?y=1 HTTP/1.1\r\nHost: a.example.org\r\nProxy-Connection: Keep-Alive\r\n\r\n";
        let request = ProxyRequest::parse(head).unwrap();
        assert_eq!((request.host.as_str(), request.port), ("a.example.org", 80));
        let expected = "GET /x?y=1 HTTP/1.1\r\nHost: a.example.org\r\nConnection: close\r\n\r\n";
        assert_eq!(request.forward, Forward::Head(expected.to_owned()));
    }

    #[test]
    fn requests_to_the_proxy_itself_are_refused() {
        assert!(ProxyRequest::parse("GET / HTTP/1.1\r\n\r\n").is_err());
        assert!(ProxyRequest::parse("GET https://a/ HTTP/1.1\r\n\r\n").is_err());
    }
}
