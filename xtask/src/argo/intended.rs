//! Where the lab's agent, or what is around it, is not meant to be as the real ones are.

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
        path: &["Application argocd/team-riker", "status", "conditions", "ComparisonError", "message", "$"],
        reason: "the words of helm, and the agent renders without it; the kind of the condition is compared",
    },
    Excused {
        path: &["Application", "status", "operationState", "retryCount"],
        reason: "how often a sync was tried until the namespace that another Application makes was there is chance",
    },
    Excused {
        path: &["Application", "status", "operationState", "syncResult", "resources", "Role", "message", "$"],
        reason: "kubectl says rule by rule how it reconciles roles and role bindings",
    },
    Excused {
        path: &["Application argocd/hard-commit", "status", "conditions", "ComparisonError", "message", "$"],
        reason: "two programs of git say the same, and which is heard first is chance",
    },
    Excused {
        path: &["Application argocd/odd-skipped", "status", "operationState", "message", "$"],
        reason: "kubectl names the temporary file that it was given",
    },
    Excused {
        path: &[
            "Application argocd/odd-skipped",
            "status",
            "operationState",
            "syncResult",
            "resources",
            "Later",
            "message",
            "$",
        ],
        reason: "the same",
    },
    Excused {
        path: &["Application argocd/odd-skipped", "status", "conditions", "SyncError", "message", "$"],
        reason: "the same",
    },
];
