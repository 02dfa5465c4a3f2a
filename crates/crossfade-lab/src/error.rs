//! What can go wrong while a lab starts or is asked for something.

use std::path::PathBuf;

/// A failure of the lab. The text says what was tried; the cause is the source.
#[derive(Debug, thiserror::Error)]
pub enum LabError {
    /// A file of the lab's directory could not be read or written.
    #[error("cannot {action} `{}`", path.display())]
    File {
        /// `read`, `write`, `create`, …
        action: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// A file of the lab's directory is not what it should be.
    #[error("`{}` is no description of a lab", path.display())]
    Description {
        /// The file.
        path: PathBuf,
        /// Where its JSON is wrong.
        #[source]
        source: serde_json::Error,
    },
    /// A socket on loopback could not be opened.
    #[error("cannot listen on loopback for {what}")]
    Listen {
        /// What was to be served there.
        what: String,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// A key or certificate could not be made.
    #[error("cannot make the certificate for {subject}")]
    Certificate {
        /// Whom it was for.
        subject: String,
        /// What the library said.
        #[source]
        source: rcgen::Error,
    },
    /// TLS could not be set up with a certificate of the lab.
    #[error("cannot set up TLS for {what}")]
    Tls {
        /// What was to be served or asked.
        what: String,
        /// What the library said.
        #[source]
        source: rustls::Error,
    },
    /// The system gave no random bytes for keys and tokens.
    #[error("the system gives no random bytes")]
    Randomness,
    /// An option has no sensible meaning.
    #[error("{0}")]
    Option(String),
    /// A request to a part of the lab failed on its way.
    #[error("the lab's {part} at {address} does not answer")]
    Unreachable {
        /// `control port`, `AWS endpoint`, …
        part: &'static str,
        /// Where it was asked.
        address: std::net::SocketAddr,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// A part of the lab refused a request.
    #[error("the lab's {part} refused the request with status {status}: {text}")]
    Refused {
        /// `control port`, `AWS endpoint`, …
        part: &'static str,
        /// HTTP status.
        status: u16,
        /// What it said.
        text: String,
    },
    /// A cluster's API refused what the lab itself needs there.
    #[error("cluster {cluster} refused {what}: {text}")]
    Cluster {
        /// The cluster's name.
        cluster: String,
        /// What was to be created.
        what: String,
        /// The API's message.
        text: String,
    },
}
