//! A driver of migrations under the access control of a real API server: with the rights of `examples/rights.yaml`, which has
//! none to define resources, to make namespaces or to see Secrets.

use crate::clients::Check;
use crate::clients::Ends::{Refused, Well};

/// For the user `driver`. Whoever installs crossfade makes the namespace and the definition.
const MANIFESTS: &str = include_str!("../../../examples/rights.yaml");

/// `grant`: gives both clusters the namespace, and the user what it needs.
pub(super) fn function() -> String {
    format!(
        "grant() {{ local side; for side in blue green; do kubectl --context real-$side apply --server-side -f - <<'END' || return; done\n{MANIFESTS}\nEND\n}}\n"
    )
}

pub(super) const CHECKS: &[Check] = &[
    Check {
        name: "a user without rights is told which it lacks",
        ends: Refused,
        words: &["no rights to list", "User \"driver\" cannot list resource"],
        script: "$cf migrate --from blue --to green $drivers --yes",
    },
    Check {
        name: "somebody gives the rights",
        ends: Well,
        words: &["rolebinding.rbac.authorization.k8s.io/crossfade-migrations serverside-applied"],
        script: "grant",
    },
    Check {
        name: "without the definition and without the right to it, the way out is printed",
        ends: Refused,
        words: &["does not know Migrations", "crossfade migration definition | kubectl --context"],
        script: "$cf migrate --from blue --to green $drivers --yes",
    },
    Check {
        name: "nothing was written by all that",
        ends: Well,
        words: &["blue declared 100 records 100\ngreen declared 0 records 0", "definition is there"],
        script: "weights && $cf migration definition | rg apply --server-side -f - && \
                 rg wait --for=condition=Established crd/migrations.crossfade.dev --timeout=10s && echo definition is there",
    },
];
