//! The repositories that `crossfade export gitops` writes, rendered by crossfade and by helm, and certificates of charts under
//! openssl.

use crate::clients::Check;
use crate::clients::Ends::Well;

pub(super) const CHECKS: &[Check] = &[
    Check {
        name: "every chart that is exported renders as helm renders it, and helm has nothing against it",
        ends: Well,
        words: &["15 of 15 charts"],
        script: "$cf export gitops $scratch/gitops --hosted-zone $zone --workloads-url git@git.example.org:w --addons-url git@git.example.org:a >/dev/null 2>&1
values=\"spec.ingress.host=$DOMAIN,spec.ingress.route53_weight=100,spec.ingress.burnham_route53_weight=0,zone=$DOMAIN,owner=blue\"
charts=($(find $scratch/gitops -name Chart.yaml -printf '%h\\n')); same=0
for chart in ${charts[@]}; do
    helm lint --strict --quiet --set $values $chart && text=$(helm template x $chart --set $values) && [ ${#text} -gt 100 ] &&
        diff <(echo \"$text\") <($cf render $chart --name x --set $values) && same=$((same + 1))
done
echo $same of ${#charts[@]} charts",
    },
    Check {
        name: "openssl trusts the certificates that a chart asks for",
        ends: Well,
        words: &["webhook: OK", "self: OK", "webhook.default.svc", "DNS:webhook, DNS:*.default.svc", "IP Address:10.0.0.1", "notAfter", "again: OK", "one key"],
        script: "chart=$scratch/certificates; mkdir -p $chart/templates; printf 'apiVersion: v2\\nname: certificates\\nversion: 1.0.0\\n' >$chart/Chart.yaml
cat >$chart/templates/secret.yaml <<'END'
{{- $ca := genCA \"an authority\" 30 }}
{{- $cert := genSignedCert \"webhook.default.svc\" (list \"10.0.0.1\") (list \"webhook\" \"*.default.svc\") 10 $ca }}
{{- $self := genSelfSignedCert \"self\" nil (list \"self\") 10 }}
{{- $given := buildCustomCert (b64enc $ca.Cert) (b64enc $ca.Key) }}
{{- $again := genSignedCert \"again\" nil (list \"again\") 10 $given }}
ca: {{ b64enc $ca.Cert }}
webhook: {{ b64enc $cert.Cert }}
key: {{ b64enc $cert.Key }}
self: {{ b64enc $self.Cert }}
again: {{ b64enc $again.Cert }}
END
$cf render $chart >$scratch/rendered; for name in ca webhook key self again; do sed -n \"s/^$name: //p\" $scratch/rendered | base64 -d >$chart/$name; done; cd $chart
openssl verify -CAfile ca webhook && openssl verify -CAfile ca again && openssl verify -CAfile self self && openssl x509 -in webhook -noout -subject -ext subjectAltName -dates
[ \"$(openssl x509 -in webhook -noout -pubkey)\" = \"$(openssl pkey -in key -pubout)\" ] && echo one key",
    },
];
