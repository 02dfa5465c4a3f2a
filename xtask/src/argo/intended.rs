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
pub(super) const NOT_YET: &[Excused] = &[];
