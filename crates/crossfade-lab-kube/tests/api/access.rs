//! Who may do what.

use k8s_openapi::api::authorization::v1::{
    ResourceAttributes, SelfSubjectAccessReview, SelfSubjectAccessReviewSpec,
};
use k8s_openapi::api::core::v1::Namespace;
use kube::Api;
use kube::api::{DeleteParams, ListParams, PostParams};

use crate::lab::{Lab, refusal};

#[tokio::test]
async fn a_viewer_reads_and_writes_nothing() {
    let lab = Lab::start().await;
    let namespaces: Api<Namespace> = Api::all(lab.client("viewer").await);
    assert_eq!(namespaces.list(&ListParams::default()).await.unwrap().items.len(), 4);
    let error = namespaces.delete("default", &DeleteParams::default()).await.unwrap_err();
    assert_eq!(
        refusal(error),
        (
            403,
            "Forbidden".into(),
            "namespaces \"default\" is forbidden: User \"viewer\" cannot delete resource \"namespaces\" in API group \"\" at \
             the cluster scope"
                .into()
        )
    );
    let reviews: Api<SelfSubjectAccessReview> = Api::all(lab.client("viewer").await);
    for (verb, allowed) in [("list", true), ("delete", false)] {
        let attributes = ResourceAttributes { verb: Some(verb.into()), ..ResourceAttributes::default() };
        let review = SelfSubjectAccessReview {
            spec: SelfSubjectAccessReviewSpec { resource_attributes: Some(attributes), ..Default::default() },
            ..SelfSubjectAccessReview::default()
        };
        let answer = reviews.create(&PostParams::default(), &review).await.unwrap();
        assert_eq!(answer.status.unwrap().allowed, allowed, "{verb}");
    }
}

#[tokio::test]
async fn an_unknown_token_is_unauthorized() {
    let lab = Lab::start().await;
    let namespaces: Api<Namespace> = Api::all(lab.client("nobody").await);
    let error = namespaces.get("default").await.unwrap_err();
    assert_eq!(refusal(error), (401, "Unauthorized".into(), "Unauthorized".into()));
}

#[tokio::test]
async fn discovery_finds_what_is_served() {
    let lab = Lab::start().await;
    let client = lab.admin().await;
    assert_eq!(client.apiserver_version().await.unwrap().git_version, "v1.33.0");
    let discovery = kube::Discovery::new(client).run().await.unwrap();
    let (resource, capabilities) =
        discovery.resolve_gvk(&kube::core::GroupVersionKind::gvk("apps", "v1", "Deployment")).unwrap();
    assert_eq!(resource.plural, "deployments");
    assert!(capabilities.subresources.iter().any(|(subresource, _)| subresource.plural == "scale"));
}
