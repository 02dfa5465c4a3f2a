//! curl through the lab's proxy, as `crossfade lab env` sets it up.

use crate::clients::Check;
use crate::clients::Ends::{Refused, Well};

pub(crate) const CHECKS: &[Check] = &[
    Check {
        name: "HTTP is redirected to HTTPS",
        ends: Well,
        words: &["301", "https://burnham.eks-blueprint.eks.example.org"],
        script: "curl -sI http://burnham.$DOMAIN/",
    },
    Check {
        name: "HTTPS answers with a certificate of the lab's authority",
        ends: Well,
        words: &["Hello EKS Blueprint", "SSL certificate verify ok"],
        script: "curl -sv https://burnham.$DOMAIN/",
    },
    Check {
        name: "the pattern's pipeline prints the cluster",
        ends: Well,
        words: &["eks-blueprint-blue"],
        script: "URL=$(echo -n https://; kb get ing -n team-burnham burnham-ingress -o jsonpath='{.spec.rules[0].host}')
curl -s $URL | grep CLUSTER_NAME | awk -F '<span>|</span>' '{print $4}'",
    },
    Check {
        name: "both hosts of one Ingress answer",
        ends: Well,
        words: &["200 200"],
        script: "echo $(curl -so /dev/null -w '%{http_code}' https://skiff.$DOMAIN/) $(curl -so /dev/null -w '%{http_code}' https://harbour.$DOMAIN/)",
    },
    Check {
        name: "a load balancer asked for another host answers 404",
        ends: Well,
        words: &["404"],
        script: "lb=$(ask 1 +short burnham.$DOMAIN A | head -1)
curl -sk -o /dev/null -w '%{http_code}' --connect-to ::$lb:443 https://other.$DOMAIN/",
    },
    Check {
        name: "the proxy leads nowhere else",
        ends: Refused,
        words: &["403"],
        script: "curl -sSv https://example.com/",
    },
];
