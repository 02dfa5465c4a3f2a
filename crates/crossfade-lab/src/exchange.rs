//! One HTTP request on a connection of its own, to a server of the lab on loopback.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

/// No answer of the lab's own servers takes longer.
const TIMEOUT: Duration = Duration::from_secs(10);
/// A status of a large lab is some hundred kilobytes.
const BODY_BYTES_MAX: usize = 16 << 20;

/// Sends `request` to `address` and reads the whole answer.
pub(crate) async fn exchange(
    address: SocketAddr,
    request: Request<Full<Bytes>>,
) -> std::io::Result<Response<Bytes>> {
    tokio::time::timeout(TIMEOUT, async {
        let stream = TcpStream::connect(address).await?;
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
            .await
            .map_err(std::io::Error::other)?;
        let connection = tokio::spawn(connection);
        let response = sender.send_request(request).await.map_err(std::io::Error::other)?;
        let (head, body) = response.into_parts();
        let body = Limited::new(body, BODY_BYTES_MAX).collect().await.map_err(std::io::Error::other)?;
        connection.abort();
        Ok(Response::from_parts(head, body.to_bytes()))
    })
    .await
    .map_err(|_| std::io::Error::from(std::io::ErrorKind::TimedOut))?
}
