//! One cluster as a client that knows what people call it.

use std::path::Path;

use crossfade_core::ClusterName;
use kube::client::ClientBuilder;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use tower::buffer::BufferLayer;
use tower::retry::RetryLayer;

use crate::KubeError;
use crate::read_again::ReadAgain;

/// Reads may take this long; a server that is slower counts as out of reach.
const READ_WITHIN: std::time::Duration = std::time::Duration::from_secs(30);

/// Requests that wait for their turn to be sent: more than all groups of a large cluster have at once; the client's own
/// queue has this length.
const REQUESTS_AT_ONCE: usize = 1_024;

/// A cluster that takes part. Cheap to clone.
#[derive(Clone)]
pub struct Cluster {
    /// What people call it: `blue`.
    pub name: ClusterName,
    /// The kubeconfig's context.
    pub context: String,
    /// The URL of its API server, as the kubeconfig has it.
    pub server: String,
    /// Speaks to its API server.
    pub client: Client,
}

impl Cluster {
    /// A client for a context of a kubeconfig: that file, else `KUBECONFIG`, else `~/.kube/config`. No request is made yet.
    pub async fn connect(
        name: ClusterName,
        context: &str,
        file: Option<&Path>,
    ) -> Result<Cluster, KubeError> {
        let kubeconfig = match file {
            Some(file) => Kubeconfig::read_from(file),
            None => Kubeconfig::read(),
        };
        let kubeconfig = kubeconfig.map_err(KubeError::Kubeconfig)?;
        if !kubeconfig.contexts.iter().any(|known| known.name == context) {
            let known: Vec<&str> = kubeconfig.contexts.iter().map(|known| known.name.as_str()).collect();
            return Err(KubeError::UnknownContext { context: context.to_owned(), known: known.join(", ") });
        }
        let options = KubeConfigOptions { context: Some(context.to_owned()), ..KubeConfigOptions::default() };
        let mut config =
            Config::from_custom_kubeconfig(kubeconfig, &options).await.map_err(KubeError::Kubeconfig)?;
        let server = config.cluster_url.to_string().trim_end_matches('/').to_owned();
        config.connect_timeout = Some(READ_WITHIN);
        let builder =
            ClientBuilder::try_from(config).map_err(|error| KubeError::of(&name.0, "connect", error))?;
        let client = builder
            .with_layer(&BufferLayer::new(REQUESTS_AT_ONCE))
            .with_layer(&RetryLayer::new(ReadAgain::default()))
            .build();
        Ok(Cluster { name, context: context.to_owned(), server, client })
    }

    pub(crate) fn error(&self, action: impl Into<String>, error: kube::Error) -> KubeError {
        KubeError::of(&self.name.0, action, error)
    }
}

/// The contexts of the kubeconfig.
pub fn contexts() -> Result<Vec<String>, KubeError> {
    let kubeconfig = Kubeconfig::read().map_err(KubeError::Kubeconfig)?;
    Ok(kubeconfig.contexts.into_iter().map(|context| context.name).collect())
}
