//! What can go wrong with a cluster: each text names the cluster and what was tried.

use kube::core::Status;

/// Whether an answer says that something is not there. A kind that the server does not know is answered with a plain text,
/// which carries no reason for `Status::is_not_found` to see.
pub(crate) fn is_absent(status: &Status) -> bool {
    status.code == NOT_FOUND
}

/// The HTTP status of what is not there.
const NOT_FOUND: u16 = 404;

/// The server wants to be asked later.
const TOO_MANY_REQUESTS: u16 = 429;
/// From here on codes tell of the server, not of the request.
const SERVER_ERRORS: u16 = 500;

/// A request that did not do what it should.
#[derive(Debug, thiserror::Error)]
pub enum KubeError {
    /// No such context.
    #[error("context `{context}` is not in the kubeconfig; it has: {known}")]
    UnknownContext {
        /// The context asked for.
        context: String,
        /// Those that exist.
        known: String,
    },
    /// The kubeconfig is missing or broken.
    #[error("the kubeconfig cannot be used")]
    Kubeconfig(#[source] kube::config::KubeconfigError),
    /// Authentication is missing.
    #[error("{cluster}: no rights to {action}: {message}")]
    Forbidden {
        /// The cluster.
        cluster: String,
        /// What was tried.
        action: String,
        /// The server's words.
        message: String,
    },
    /// The Migration resource is not defined and we may not define it.
    #[error("{cluster} (context {context}) does not know Migrations, and we may not teach it: {message}")]
    DefinitionMissing {
        /// The cluster.
        cluster: String,
        /// Its context.
        context: String,
        /// The server's words.
        message: String,
    },
    /// Somebody else wrote in between.
    #[error("{cluster}: {action}: it changed in between")]
    Conflict {
        /// The cluster.
        cluster: String,
        /// What was tried.
        action: String,
    },
    /// It is not there.
    #[error("{cluster}: {action}: not found: {message}")]
    NotFound {
        /// The cluster.
        cluster: String,
        /// What was tried.
        action: String,
        /// The server's words.
        message: String,
    },
    /// The server answered with another error.
    #[error("{cluster}: {action}: {message}")]
    Refused {
        /// The cluster.
        cluster: String,
        /// What was tried.
        action: String,
        /// The server's words.
        message: String,
    },
    /// The server says that it cannot answer now (429, 5xx).
    #[error("{cluster}: {action}: the API server fails: {message}")]
    Failing {
        /// The cluster.
        cluster: String,
        /// What was tried.
        action: String,
        /// The server's words.
        message: String,
    },
    /// No answer.
    #[error("{cluster}: {action}: the API server cannot be reached")]
    Unreachable {
        /// The cluster.
        cluster: String,
        /// What was tried.
        action: String,
        /// Why not.
        #[source]
        source: Box<kube::Error>,
    },
    /// A manifest that cannot be read.
    #[error("{place}: {message}")]
    Manifest {
        /// File and document.
        place: String,
        /// What is wrong.
        message: String,
    },
}

impl KubeError {
    /// Sorts an error of the client by what can be done about it.
    pub fn of(cluster: &str, action: impl Into<String>, error: kube::Error) -> Self {
        let (cluster, action) = (cluster.to_owned(), action.into());
        let status = match error {
            kube::Error::Api(status) => status,
            kube::Error::Discovery(missing) => {
                return KubeError::NotFound { cluster, action, message: missing.to_string() };
            }
            other => return KubeError::Unreachable { cluster, action, source: Box::new(other) },
        };
        let message = status.message.clone();
        if status.code == TOO_MANY_REQUESTS || status.code >= SERVER_ERRORS {
            KubeError::Failing { cluster, action, message }
        } else if status.is_forbidden() || status.code == 401 {
            KubeError::Forbidden { cluster, action, message }
        } else if status.is_conflict() {
            KubeError::Conflict { cluster, action }
        } else if is_absent(&status) {
            KubeError::NotFound { cluster, action, message }
        } else {
            KubeError::Refused { cluster, action, message }
        }
    }

    /// The way out, where there is one to name.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            KubeError::UnknownContext { .. } => Some("`kubectl config get-contexts` lists them"),
            KubeError::Kubeconfig(_) => {
                Some("set KUBECONFIG, or run `eval \"$(crossfade lab env)\"` for the lab's")
            }
            KubeError::Forbidden { .. } => {
                Some("`kubectl auth can-i --list --context CTX` shows what you may do")
            }
            KubeError::Failing { .. } | KubeError::Unreachable { .. } => {
                Some("does `kubectl --context CTX version` answer?")
            }
            KubeError::DefinitionMissing { .. } => Some(
                "somebody with the rights runs: crossfade migration definition | kubectl --context CTX apply -f -",
            ),
            KubeError::Conflict { .. } => Some(
                "somebody else writes it as well; run the command again, and it begins from what is there then",
            ),
            KubeError::NotFound { .. } | KubeError::Refused { .. } | KubeError::Manifest { .. } => None,
        }
    }

    /// True when the same request may succeed later without anything being changed.
    pub fn is_temporary(&self) -> bool {
        matches!(self, KubeError::Failing { .. } | KubeError::Unreachable { .. })
    }

    /// True when the object is not there.
    pub fn is_not_found(&self) -> bool {
        matches!(self, KubeError::NotFound { .. })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(code: u16) -> KubeError {
        let status = Status::failure("etcdserver: request timed out", "").with_code(code);
        KubeError::of("blue", "set the weight", kube::Error::Api(status.boxed()))
    }

    #[test]
    fn what_a_server_cannot_do_now_may_succeed_later() {
        for code in [429, 500, 502, 503, 504] {
            assert!(answered(code).is_temporary(), "{code}");
        }
        for code in [400, 413, 422] {
            assert!(!answered(code).is_temporary(), "{code}");
        }
    }

    #[test]
    fn an_unknown_kind_is_not_found_either() {
        // What kube makes of the plain text that a server answers with for a kind that it does not know.
        let text = Status::failure("404 page not found", "Failed to parse error data").with_code(404);
        let error = KubeError::of("blue", "list applications", kube::Error::Api(text.boxed()));
        assert!(error.is_not_found(), "{error}");
    }
}
