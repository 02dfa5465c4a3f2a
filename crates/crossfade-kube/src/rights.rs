//! What we may do in a cluster, asked before anything is written (`SelfSubjectAccessReview`).

use k8s_openapi::api::authorization::v1::{
    ResourceAttributes, SelfSubjectAccessReview, SelfSubjectAccessReviewSpec,
};
use kube::Api;
use kube::api::PostParams;

use crate::{Cluster, KubeError};

/// One thing to be allowed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Right {
    /// `get`, `patch`, ...
    pub verb: &'static str,
    /// API group; empty for core.
    pub group: &'static str,
    /// Plural.
    pub resource: &'static str,
    /// Where; `None` = cluster-wide.
    pub namespace: Option<String>,
}

impl std::fmt::Display for Right {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.verb, self.resource)?;
        match &self.namespace {
            Some(namespace) => write!(f, " in namespace {namespace}"),
            None => Ok(()),
        }
    }
}

/// Those of `rights` that we do not have.
pub async fn missing(cluster: &Cluster, rights: &[Right]) -> Result<Vec<Right>, KubeError> {
    let api: Api<SelfSubjectAccessReview> = Api::all(cluster.client.clone());
    let mut missing = Vec::new();
    for right in rights {
        let attributes = ResourceAttributes {
            verb: Some(right.verb.to_owned()),
            group: Some(right.group.to_owned()),
            resource: Some(right.resource.to_owned()),
            namespace: right.namespace.clone(),
            ..ResourceAttributes::default()
        };
        let spec =
            SelfSubjectAccessReviewSpec { resource_attributes: Some(attributes), ..Default::default() };
        let review = SelfSubjectAccessReview { spec, ..SelfSubjectAccessReview::default() };
        let answer = api.create(&PostParams::default(), &review).await;
        let answer = answer.map_err(|error| cluster.error("ask for our rights", error))?;
        if !answer.status.is_some_and(|status| status.allowed) {
            missing.push(right.clone());
        }
    }
    Ok(missing)
}
