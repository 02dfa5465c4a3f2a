//! Where the lab's agent, or what is around it, is not meant to be as the real ones are, and where it is not yet.

use crate::argo::difference::Excused;

/// With reasons; all are printed with the number of fields that they covered.
pub(super) const INTENDED: &[Excused] = &[
    Excused {
        path: &["Deployment", "metadata", "annotations", "deployment.kubernetes.io/revision"],
        reason: "the Deployment controller writes it, and beside the real API server there is none",
    },
    Excused {
        path: &["Ingress", "metadata", "finalizers"],
        reason: "the lab's load balancer controller writes it; the real cluster gets its results only",
    },
    Excused { path: &["Service", "spec", "clusterIP"], reason: "drawn by each API server" },
    Excused { path: &["Service", "spec", "ports", "*", "nodePort"], reason: "drawn by each API server" },
    Excused {
        path: &["ApplicationSet", "status", "resources", "*", "health"],
        reason: "Argo CD repeats here what an Application said when the ApplicationSet was last looked at, minutes ago; the agent keeps it current",
    },
    Excused {
        path: &["ApplicationSet", "status", "resources", "*", "status"],
        reason: "the same for whether it is synced",
    },
    Excused {
        path: &["Application", "status", "operationState", "syncResult", "resources", "Namespace geordie"],
        reason: "two Applications make this namespace; which comes first is chance",
    },
    Excused {
        path: &["Application", "status", "conditions", "ComparisonError", "message", "$"],
        reason: "the words of git and helm, and the agent renders without helm; the kind of the condition is compared",
    },
    Excused {
        path: &["Application argocd/odd-undefined", "operation"],
        reason: "between two retries, or in one, when it is looked at",
    },
    Excused {
        path: &["Application", "status", "operationState", "retryCount"],
        reason: "how often a sync was tried until the namespace that another Application makes was there is chance",
    },
];

/// What the agent, or the lab's API server, still owes.
pub(super) const NOT_YET: &[Excused] = &[
    Excused { path: &["ApplicationSet", "status", "resourcesCount"], reason: "not yet: 0 is left out" },
    Excused {
        path: &["ApplicationSet", "status", "resources", "$"],
        reason: "not yet: an empty list is left out",
    },
    Excused {
        path: &["Application", "status", "operationState", "syncResult", "revision", "$"],
        reason: "not yet: several sources have an empty revision beside `revisions`",
    },
    Excused {
        path: &["Application", "status", "operationState", "syncResult", "source", "$"],
        reason: "not yet: several sources have a source with an empty repoURL beside `sources`",
    },
    Excused {
        path: &["Application", "status", "sync", "comparedTo", "source", "$"],
        reason: "not yet: the same",
    },
    Excused {
        path: &["Application", "status", "operationState", "syncResult", "resources", "PriorityClass ", "$"],
        reason: "not yet: what has no namespace is listed with the destination's",
    },
    Excused {
        path: &["Application", "status", "operationState", "syncResult", "resources", "StorageClass ", "$"],
        reason: "not yet: the same",
    },
    Excused {
        path: &["Application", "status", "operationState", "syncResult", "resources", "Namespace ", "$"],
        reason: "not yet: the same",
    },
    Excused { path: &["Application", "status", "summary", "isAppOfApps"], reason: "not yet: is left out" },
    Excused { path: &["Application", "status", "summary", "externalURLs"], reason: "not yet: is left out" },
    Excused {
        path: &["PriorityClass", "globalDefault"],
        reason: "not yet: the lab's API server keeps `false`",
    },
    Excused {
        path: &[
            "Secret argocd/aws-public-ecr",
            "metadata",
            "annotations",
            "kubectl.kubernetes.io/last-applied-configuration",
        ],
        reason: "not yet: stringData is applied as it is in Git, and becomes data in comparisons only",
    },
    Excused {
        path: &["Application", "status", "operationState", "syncResult", "resources", "*", "images"],
        reason: "not yet: what is pruned is listed with its images as well",
    },
    Excused {
        path: &["Application", "status", "resources", "*", "requiresPruning"],
        reason: "not yet: while nothing can be rendered, what is there is marked so (and not pruned)",
    },
    Excused {
        path: &["Application", "status", "sourceType"],
        reason: "not yet: while nothing can be rendered, there is none",
    },
    Excused {
        path: &["Application", "status", "sync", "revision", "$"],
        reason: "not yet: while nothing can be rendered, it is the target's name",
    },
    Excused {
        path: &["ApplicationSet argocd/missing-key", "status"],
        reason: "not yet: in messages the template's name is `base`",
    },
    Excused {
        path: &["Application argocd/odd-", "status", "sourceHydrator", "$"],
        reason: "not yet: is written with the first successful comparison that found something",
    },
    Excused { path: &["Application argocd/odd-", "status", "summary", "$"], reason: "not yet: the same" },
    Excused {
        path: &["Application argocd/odd-undefined", "status", "health", "status"],
        reason: "not yet: Missing, where a kind that is not defined counts as a missing object",
    },
    Excused {
        path: &["Application argocd/odd-undefined", "status", "operationState", "message"],
        reason: "not yet: a whole group that is not defined has a message of its own",
    },
    Excused {
        path: &[
            "Application argocd/odd-undefined",
            "status",
            "operationState",
            "syncResult",
            "resources",
            "Unheard odd/of",
        ],
        reason: "not yet: a task that is not valid has no hookPhase",
    },
    Excused {
        path: &["Application argocd/odd-undefined", "status", "resources", "ConfigMap odd/heard", "status"],
        reason: "not yet: nothing is applied while one task is not valid",
    },
    Excused {
        path: &[
            "Application argocd/odd-undefined",
            "status",
            "operationState",
            "syncResult",
            "resources",
            "ConfigMap odd/heard",
            "$",
        ],
        reason: "not yet: the same",
    },
    Excused { path: &["ConfigMap odd/heard", "$"], reason: "not yet: the same" },
];
