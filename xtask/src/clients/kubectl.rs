//! kubectl, as people use it on the pattern's objects.

use crate::clients::Check;
use crate::clients::Ends::{Refused, Well, WellInTheEnd};

/// Everything that leaves the workloads as they were.
pub(crate) const CHECKS: &[Check] = &[
    Check { name: "kubectl version", ends: Well, words: &["Server Version: v1.33"], script: "kb version" },
    Check {
        name: "kubectl api-resources names kinds, short names and scope",
        ends: Well,
        words: &["ingresses", "networking.k8s.io/v1", "true", "configmaps", "cm"],
        script: "kb api-resources",
    },
    Check {
        name: "kubectl get deployment shows three of three ready",
        ends: Well,
        words: &["READY", "UP-TO-DATE", "burnham", "3/3"],
        script: "kb get deployment -n team-burnham -l app=burnham",
    },
    Check {
        name: "kubectl get pods shows them running",
        ends: Well,
        words: &["Running", "1/1", "NODE", "10."],
        script: "kb get pods -n team-burnham -l app=burnham -o wide",
    },
    Check {
        name: "kubectl get ingress shows host and load balancer",
        ends: Well,
        words: &["k8s-burnham-838b6affb4", "burnham.eks-blueprint.eks.example.org", "alb"],
        script: "kb get ingress -A",
    },
    Check {
        name: "kubectl get with yaml, json and jsonpath",
        ends: Well,
        words: &["kind: Ingress", "\"kind\": \"Ingress\"", "eks-blueprint-blue"],
        script: "kb get ing -n team-burnham burnham-ingress -o yaml
kb get ing -n team-burnham burnham-ingress -o json
kb get ing -n team-burnham burnham-ingress -o jsonpath='{.metadata.annotations.external-dns\\.alpha\\.kubernetes\\.io/set-identifier}'",
    },
    Check {
        name: "kubectl get of what is not there",
        ends: Refused,
        words: &["Error from server (NotFound): ingresses.networking.k8s.io \"nowhere\" not found"],
        script: "kb get ing -n team-burnham nowhere",
    },
    Check {
        name: "kubectl apply creates, leaves alone and configures",
        ends: Well,
        words: &["configmap/notes created", "configmap/notes unchanged", "configmap/notes configured", "three"],
        script: "m() { printf 'apiVersion: v1\\nkind: ConfigMap\\nmetadata: {name: notes, namespace: default}\\ndata: {a: %s}\\n' $1; }
m one | kb apply -f - && m one | kb apply -f - && m three | kb apply -f - && kb get cm notes -o yaml",
    },
    Check {
        name: "kubectl diff shows what would change",
        ends: Refused,
        words: &["-  a: three", "+  a: four"],
        script: "printf 'apiVersion: v1\\nkind: ConfigMap\\nmetadata: {name: notes, namespace: default}\\ndata: {a: four}\\n' | kb diff -f -",
    },
    Check {
        name: "kubectl apply --server-side conflicts with another manager's field",
        ends: Refused,
        words: &["Apply failed with 1 conflict", ".data.a"],
        script: "printf 'apiVersion: v1\\nkind: ConfigMap\\nmetadata: {name: notes, namespace: default}\\ndata: {a: five}\\n' \
                 | kb apply --server-side --field-manager other -f -",
    },
    Check {
        name: "kubectl patch: merge, json and strategic",
        ends: Well,
        words: &["merged", "replaced"],
        script: "kb patch cm notes --type merge -p '{\"data\":{\"b\":\"merged\"}}' && \
                 kb patch cm notes --type json -p '[{\"op\":\"replace\",\"path\":\"/data/a\",\"value\":\"replaced\"}]' && \
                 kb patch deployment burnham -n team-burnham -p '{\"metadata\":{\"labels\":{\"seen\":\"yes\"}}}' && \
                 kb get cm notes -o jsonpath='{.data}'",
    },
    Check {
        name: "a stale resource version conflicts",
        ends: Refused,
        words: &["Operation cannot be fulfilled on configmaps \"notes\": the object has been modified"],
        script: "kb annotate cm notes x=y --resource-version=1",
    },
    Check {
        name: "kubectl delete and wait for it",
        ends: Well,
        words: &["configmap \"notes\" deleted", "condition met"],
        script: "(sleep 1; kb delete cm notes) & kb wait --for=delete cm/notes --timeout=20s && wait",
    },
    Check {
        name: "kubectl describe ingress shows rules, backends and events",
        ends: Well,
        words: &["burnham.eks-blueprint.eks.example.org", "burnham:80 (10.", "SuccessfullyReconciled"],
        script: "kb describe ingress -n team-burnham burnham-ingress",
    },
    Check {
        name: "kubectl describe deployment and pod",
        ends: Well,
        words: &["3 desired | 3 updated | 3 total | 3 available", "CLUSTER_NAME:", "eks-blueprint-blue", "ScalingReplicaSet"],
        script: "kb describe deployment -n team-burnham burnham && kb describe pod -n team-burnham -l app=burnham",
    },
    Check {
        name: "kubectl logs shows the sample's line of a request",
        ends: WellInTheEnd,
        words: &["{url: / }, cluster: eks-blueprint-blue }"],
        script: "curl -s https://burnham.$DOMAIN/ >/dev/null; kb logs -n team-burnham -l app=burnham --tail=-1",
    },
    Check {
        name: "kubectl logs of the DNS controller that runs as a process",
        ends: Well,
        words: &["Desired change:"],
        script: "kb logs -n external-dns -l app.kubernetes.io/name=external-dns --tail=-1",
    },
    Check {
        name: "kubectl scale, rollout status and wait",
        ends: Well,
        words: &["successfully rolled out", "condition met", "4/4"],
        script: "kb scale deployment compass -n team-compass --replicas=4 && \
                 kb rollout status deployment compass -n team-compass --timeout=20s && \
                 kb wait --for=condition=Available deployment/compass -n team-compass --timeout=20s && \
                 kb get deployment compass -n team-compass && kb scale deployment compass -n team-compass --replicas=2",
    },
    Check {
        name: "kubectl waits for a Job, shows it, its log and its pod",
        ends: Well,
        words: &["condition met", "STATUS", "COMPLETIONS", "DURATION", "Complete", "1/1", "runs no container images", "Completed"],
        script: "kb create job done --image=busybox -- true && kb wait --for=condition=complete job/done --timeout=20s && \
                 kb get jobs done && kb logs -f job/done && kb get pods -l batch.kubernetes.io/job-name=done",
    },
    Check {
        name: "kubectl describe job shows how it went, and that nothing was run",
        ends: Well,
        words: &["0 Active (0 Ready) / 1 Succeeded / 0 Failed", "SuccessfulCreate", "NotRun", "Completed"],
        script: "kb describe job done",
    },
    Check {
        name: "a Job that is to fail fails",
        ends: Well,
        words: &["condition met", "BackoffLimitExceeded", "Error"],
        script: "kb apply -f - <<'END' && kb wait --for=condition=failed job/broken --timeout=20s
apiVersion: batch/v1
kind: Job
metadata: {name: broken, namespace: default, annotations: {lab.crossfade.dev/exit-code: \"1\"}}
spec: {backoffLimit: 0, template: {spec: {restartPolicy: Never, containers: [{name: a, image: busybox}]}}}
END
kb get job broken -o jsonpath='{.status.conditions[*].reason}' && kb get pods -l job-name=broken",
    },
    Check {
        name: "kubectl delete job takes its pods along, in front and behind",
        ends: Well,
        words: &["job.batch \"done\" deleted", "job.batch \"broken\" deleted", "job.batch \"cut\" deleted", "No resources found"],
        script: "kb create job cut --image=busybox >/dev/null; kb delete job cut --cascade=foreground --timeout=20s && \
                 kb delete job broken --cascade=foreground --timeout=20s && kb delete job done --timeout=20s && \
                 kb get jobs,pods -n default",
    },
    Check {
        name: "kubectl get --watch sees a change",
        ends: Well,
        words: &["watched"],
        script: "kb create configmap seen --from-literal=a=1 >/dev/null
(sleep 1; kb label configmap seen state=watched >/dev/null) &
timeout 4 kubectl --context eks-blueprint-blue get configmap seen --watch --show-labels; wait; kb delete configmap seen",
    },
    Check {
        name: "an invalid Ingress is refused with the real message",
        ends: Refused,
        words: &["pathType: Required value: pathType must be specified"],
        script: "kb apply -f - <<'END'
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: bad, namespace: default}
spec: {rules: [{host: bad.example.org, http: {paths: [{path: /, backend: {service: {name: a, port: {number: 80}}}}]}}]}
END",
    },
    Check {
        name: "an unknown field is refused",
        ends: Refused,
        words: &["unknown field \"spec.repliccas\""],
        script: "kb apply -f - <<'END'
apiVersion: apps/v1
kind: Deployment
metadata: {name: bad, namespace: default}
spec: {repliccas: 1, selector: {matchLabels: {a: b}}, template: {metadata: {labels: {a: b}}, spec: {containers: [{name: a, image: nginx}]}}}
END",
    },
    Check {
        name: "a namespace that is not there is named",
        ends: Refused,
        words: &["namespaces \"nowhere\" not found"],
        script: "kb create configmap a -n nowhere",
    },
    Check {
        name: "the read-only user may look",
        ends: Well,
        words: &["burnham"],
        script: "kubectl --context eks-blueprint-blue-viewer get pods -n team-burnham",
    },
    Check {
        name: "the read-only user may not write",
        ends: Refused,
        words: &["configmaps is forbidden: User \"viewer\" cannot create resource \"configmaps\""],
        script: "kubectl --context eks-blueprint-blue-viewer create configmap a",
    },
    Check {
        name: "kubectl auth can-i tells the two apart",
        ends: Well,
        words: &["yes\nno"],
        script: "kb auth can-i patch ingresses -n team-burnham; kubectl --context eks-blueprint-blue-viewer auth can-i patch ingresses || true",
    },
];

/// What takes something away, after everything else.
pub(crate) const LAST_CHECKS: &[Check] = &[
    Check {
        name: "a deleted Ingress takes its load balancer and its records along",
        ends: WellInTheEnd,
        words: &["gone 0 0"],
        script:
            "kb delete ingress -n team-compass compass --ignore-not-found --wait=true --timeout=20s >/dev/null
balancers=$($cf lab status --dir \"$CROSSFADE_LAB_DIR\" | grep eks-blueprint-blue | grep -c compass)
records=$(aws route53 list-resource-record-sets --hosted-zone-id $(zone) \
  --query \"length(ResourceRecordSets[?SetIdentifier=='eks-blueprint-blue' && contains(Name,'compass')])\")
echo gone $balancers $records",
    },
    Check {
        name: "green's records of the same host are still there",
        ends: Well,
        words: &["5"],
        script: "aws route53 list-resource-record-sets --hosted-zone-id $(zone) \
  --query \"length(ResourceRecordSets[?SetIdentifier=='eks-blueprint-green' && contains(Name,'compass')])\"",
    },
    Check {
        name: "a deleted namespace takes everything in it along",
        ends: WellInTheEnd,
        words: &["No resources found"],
        script: "kb delete ns team-skiff --ignore-not-found --timeout=20s; kb get all,ing -n team-skiff",
    },
];
