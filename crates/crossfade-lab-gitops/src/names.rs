//! Names that Argo CD gives to groups, labels, annotations and finalizers.

/// The API group of Applications.
pub(crate) const GROUP: &str = "argoproj.io";
/// `apiVersion` of Argo CD's kinds.
pub(crate) const API_VERSION: &str = "argoproj.io/v1alpha1";
/// Where Argo CD lives.
pub(crate) const NAMESPACE: &str = "argocd";
/// Who writes objects, in managed fields.
pub(crate) const FIELD_MANAGER: &str = "argocd-controller";
/// Who writes Applications from ApplicationSets.
pub(crate) const SET_MANAGER: &str = "argocd-applicationset-controller";
/// The address of the cluster that Argo CD runs in.
pub(crate) const IN_CLUSTER_SERVER: &str = "https://kubernetes.default.svc";
/// Its name when no Secret gives it another.
pub(crate) const IN_CLUSTER_NAME: &str = "in-cluster";

pub(crate) const SECRET_TYPE_LABEL: &str = "argocd.argoproj.io/secret-type";
pub(crate) const TRACKING_ID: &str = "argocd.argoproj.io/tracking-id";
/// The label that marks an Application's objects where labels do.
pub(crate) const DEFAULT_INSTANCE_LABEL: &str = "app.kubernetes.io/instance";
/// Argo CD's settings: kind, namespace, name.
pub(crate) const SETTINGS: (&str, &str, &str) = ("ConfigMap", NAMESPACE, "argocd-cm");
pub(crate) const INSTALLATION_ID: &str = "argocd.argoproj.io/installation-id";
pub(crate) const REFRESH: &str = "argocd.argoproj.io/refresh";
pub(crate) const HYDRATE: &str = "argocd.argoproj.io/hydrate";
pub(crate) const SET_REFRESH: &str = "argocd.argoproj.io/application-set-refresh";
pub(crate) const SYNC_OPTIONS: &str = "argocd.argoproj.io/sync-options";
pub(crate) const COMPARE_OPTIONS: &str = "argocd.argoproj.io/compare-options";
pub(crate) const SYNC_WAVE: &str = "argocd.argoproj.io/sync-wave";
pub(crate) const HOOK: &str = "argocd.argoproj.io/hook";
pub(crate) const HOOK_FINALIZER: &str = "argocd.argoproj.io/hook-finalizer";
pub(crate) const HOOK_DELETE_POLICY: &str = "argocd.argoproj.io/hook-delete-policy";
pub(crate) const SKIP_RECONCILE: &str = "argocd.argoproj.io/skip-reconcile";
pub(crate) const IGNORE_HEALTH: &str = "argocd.argoproj.io/ignore-healthcheck";
pub(crate) const LINK_PREFIX: &str = "link.argocd.argoproj.io/";
pub(crate) const IGNORE_DEFAULT_LINKS: &str = "argocd.argoproj.io/ignore-default-links";
pub(crate) const NOTIFIED: &str = "notified.notifications.argoproj.io";
pub(crate) const HELM_HOOK: &str = "helm.sh/hook";
pub(crate) const HELM_HOOK_WEIGHT: &str = "helm.sh/hook-weight";
pub(crate) const HELM_HOOK_DELETE_POLICY: &str = "helm.sh/hook-delete-policy";
pub(crate) const RESOURCE_POLICY: &str = "helm.sh/resource-policy";
pub(crate) const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

pub(crate) const RESOURCES_FINALIZER: &str = "resources-finalizer.argocd.argoproj.io";
pub(crate) const FOREGROUND_FINALIZER: &str = "resources-finalizer.argocd.argoproj.io/foreground";
pub(crate) const BACKGROUND_FINALIZER: &str = "resources-finalizer.argocd.argoproj.io/background";
