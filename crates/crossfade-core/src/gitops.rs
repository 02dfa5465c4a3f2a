//! What both ends of the GitOps bridge call things: who writes the cluster secret, and who moves a weight on it.

/// Where Argo CD lives and reads its objects.
pub const ARGOCD_NAMESPACE: &str = "argocd";
/// The annotation that moves every application without a weight of its own.
pub const ROUTE53_WEIGHT: &str = "route53_weight";
/// What the annotation of one application's own weight ends in.
pub const WEIGHT_SUFFIX: &str = "_route53_weight";

/// How whoever keeps a cluster secret is told, when that is Terraform: the first word.
pub const TERRAFORM: &str = "Terraform";

/// The annotation and the Helm value of one application's own weight: `burnham_route53_weight`.
pub fn weight_key(app: &str) -> String {
    format!("{app}{WEIGHT_SUFFIX}")
}
