//! What can keep a probe from getting an answer.

use std::net::SocketAddr;

/// A question without a usable answer.
#[derive(Debug, thiserror::Error)]
pub enum ProbeError {
    /// The text is no DNS name.
    #[error("`{name}` is no DNS name")]
    Name {
        /// The text.
        name: String,
    },
    /// Socket trouble.
    #[error("no exchange with {server}")]
    Io {
        /// Whom we spoke to.
        server: String,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// Nothing came in time.
    #[error("no answer from {server} for {what} in time")]
    TimedOut {
        /// Whom we asked.
        server: String,
        /// For what.
        what: String,
    },
    /// The server answered that it will not or cannot say.
    #[error("{server} answers {code} for {name}")]
    NotAnswered {
        /// Whom we asked.
        server: SocketAddr,
        /// For what.
        name: String,
        /// `REFUSED`, `SERVFAIL`, ...
        code: hickory_proto::op::ResponseCode,
    },
    /// What came is no DNS message.
    #[error("{server} sent no readable DNS answer")]
    Malformed {
        /// Whom we asked.
        server: SocketAddr,
        /// Why not.
        #[source]
        source: hickory_proto::serialize::binary::DecodeError,
    },
    /// TLS failed, most often because the certificate does not carry the host's name.
    #[error("TLS with {server} for {host}")]
    Tls {
        /// The address.
        server: String,
        /// The name asked for.
        host: String,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// A certificate file or the system's store cannot be used.
    #[error("trusted certificates cannot be read: {message}")]
    Roots {
        /// What and where.
        message: String,
    },
    /// The proxy said no.
    #[error("proxy {proxy} refused the way to {target}: {status}")]
    ProxyRefused {
        /// The proxy.
        proxy: SocketAddr,
        /// The target.
        target: SocketAddr,
        /// Its status line.
        status: String,
    },
    /// HTTP was not spoken.
    #[error("{server} did not answer as HTTP")]
    Http {
        /// The address.
        server: String,
        /// Why not.
        #[source]
        source: hyper::Error,
    },
    /// The request cannot be formed.
    #[error("no request can be made for {host}{path}")]
    Request {
        /// The host.
        host: String,
        /// The path.
        path: String,
        /// Why not.
        #[source]
        source: ::http::Error,
    },
}

impl ProbeError {
    /// The text with its causes, on one line.
    pub fn chain(&self) -> String {
        let mut text = self.to_string();
        let mut source = std::error::Error::source(self);
        while let Some(cause) = source {
            text.push_str(": ");
            text.push_str(&cause.to_string());
            source = cause.source();
        }
        text
    }
}
