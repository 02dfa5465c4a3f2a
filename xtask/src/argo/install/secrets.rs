//! Secrets that moto keeps, brought by the aws program, in Argo CD's hands: read, hashed once, and shown to nobody.

use crate::clients::Check;
use crate::clients::Ends::{Refused, Well};

/// In the real blue, with the release of the checks before.
pub(super) const CHECKS: &[Check] = &[
    Check {
        name: "aws creates the pattern's secrets, and some that are wrong",
        ends: Well,
        words: &["7 secrets"],
        script: "umask 077; (ssh-keygen -q -t ed25519 -N '' -C '' -f $scratch/key && openssl rand -base64 12 | tr -d '\\n' >$scratch/password) </dev/null
make() { aws secretsmanager create-secret --name \"$@\" >/dev/null; }
make github-blueprint-ssh-key --secret-string file://$scratch/key && make argocd-admin-secret.eks-blueprint --secret-string file://$scratch/password &&
make bytes --secret-binary fileb://$scratch/password && make gone --secret-string x && aws secretsmanager delete-secret --secret-id gone >/dev/null &&
make keys-and-values --secret-string '{\"password\":\"x\"}' && make no-key --secret-string 'ssh-ed25519 AAAA' && make empty --secret-string ' ' &&
make elsewhere --secret-string x --region us-west-2 &&
echo $(aws secretsmanager list-secrets --include-planned-deletion | jq '.SecretList | length') secrets",
    },
    Check {
        name: "the bridge reads them",
        ends: Well,
        words: &["Argo CD's admin password is set", "objects are applied to real-blue"],
        script: "CROSSFADE_LOG=trace bridge blue --git-ssh-key-secret github-blueprint-ssh-key --admin-password-secret argocd-admin-secret.eks-blueprint \
  >$scratch/out 2>$scratch/err & watched=$!
while kill -0 $watched 2>/dev/null; do cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ 2>/dev/null | tr '\\0' '\\n' >>$scratch/processes; sleep 0.05; done
wait $watched; code=$?; grep -v -E 'TRACE|DEBUG' $scratch/err | tail -5; exit $code",
    },
    Check {
        name: "kubectl shows the key for both repositories",
        ends: Well,
        words: &["git-addons the same", "git-workloads the same"],
        script: "for name in git-addons git-workloads; do
rb get secret $name -n argocd -o jsonpath='{.data.sshPrivateKey}' | base64 -d | cmp - $scratch/key && echo $name the same; done",
    },
    Check {
        name: "htpasswd takes the password for the hash",
        ends: Well,
        words: &["Password for user admin correct"],
        script: "(umask 077; echo \"admin:$(own blue admin.password)\" >$scratch/htpasswd); htpasswd -vi $scratch/htpasswd admin <$scratch/password",
    },
    Check {
        name: "the cluster secret names the key that was read, or another when told",
        ends: Well,
        words: &["github-blueprint-ssh-key", "then for-add-ons"],
        script: "named() { rb get secret eks-blueprint-blue -n argocd -o jsonpath='{.metadata.annotations.aws_secret_manager_git_private_ssh_key_name}'; }
named && bridge blue --git-ssh-key-secret github-blueprint-ssh-key --git-key-secret-name for-add-ons 2>/dev/null && echo then $(named)",
    },
    Check {
        name: "a second time the hash stays",
        ends: Well,
        words: &["the same hash"],
        script: "before=$(own blue admin.password)$(own blue admin.passwordMtime)
bridge blue --admin-password-secret argocd-admin-secret.eks-blueprint && [ \"$(own blue admin.password)$(own blue admin.passwordMtime)\" = \"$before\" ] && echo the same hash",
    },
    Check {
        name: "an upgrade by helm keeps the hash, and what Argo CD itself has written",
        ends: Well,
        words: &["all kept"],
        script: "before=$(own blue admin.password)
rb patch secret argocd-secret -n argocd --patch '{\"stringData\":{\"server.secretkey\":\"a key\"}}' --field-manager argocd-server >/dev/null
install blue --server-service cluster-ip && install blue --chart-version 99.0.0 --yes && [ \"$(own blue admin.password)\" = \"$before\" ] &&
[ \"$(own blue server.secretkey)\" = 'a key' ] && echo all kept",
    },
    Check {
        name: "no output, log, argument, environment or release of helm's has a secret",
        ends: Well,
        words: &["watched", "shown nowhere"],
        script: "(umask 077; { grep -v -e ----- $scratch/key; cat $scratch/password; echo; own blue admin.password; echo
base64 -w0 $scratch/key | fold -w 40; echo; base64 -w0 $scratch/password; echo; own blue admin.password | base64 -w0; echo; } | grep . >$scratch/secrets)
grep -q 'admin-password-secret' $scratch/processes && grep -q TRACE $scratch/err && echo watched
hb get all argo-cd >$scratch/release
! grep -F -f $scratch/secrets $scratch/out $scratch/err $scratch/processes $scratch/release && echo shown nowhere",
    },
    Check {
        name: "a dry run tells what changes, and after it all is as before",
        ends: Well,
        words: &["secret/eks-blueprint-blue configured (server dry run)", "annotation aws_vpc_id: (none) → vpc-1", "nothing else", "the same"],
        script: "before=$(rb get secrets,namespaces,applicationsets,resourcequotas,clusterroles -A -o json --show-managed-fields | sha256sum)
bridge blue --vpc vpc-1 --dry-run >$scratch/dry && cat $scratch/dry && [ \"$(grep -c unchanged $scratch/dry) $(grep -c '→' $scratch/dry)\" = '42 1' ] && echo nothing else
[ \"$(rb get secrets,namespaces,applicationsets,resourcequotas,clusterroles -A -o json --show-managed-fields | sha256sum)\" = \"$before\" ] && echo the same",
    },
    Check {
        name: "what the bridge says of itself again is unchanged, and kubectl finds no difference",
        ends: Well,
        words: &["43 unchanged", "no difference"],
        script: "bridge blue --no-teams >/dev/null && echo $(bridge blue | grep -c unchanged) unchanged
bridge blue --dry-run >$scratch/dry && ! grep -v unchanged $scratch/dry && echo no difference",
    },
    Check {
        name: "another cluster's name in this one is refused, and so is a weight that would move traffic",
        ends: Well,
        words: &["is eks-blueprint-blue to Argo CD", "the bridge does not move traffic", "the same"],
        script: "before=$(rb get secrets -n argocd -o json | sha256sum)
$cf bridge apply --service green --context real-blue --hosted-zone $zone; bridge blue --app-weight yelb=1
[ \"$(rb get secrets -n argocd -o json | sha256sum)\" = \"$before\" ] && echo the same",
    },
    Check {
        name: "what cannot be had is named, with its region and the way out",
        ends: Well,
        words: &[
            "the secret nowhere of Secrets Manager in eu-west-1: not found",
            "the secret elsewhere of Secrets Manager in eu-west-1: not found",
            "hint: `aws secretsmanager list-secrets --region REGION`",
            "the secret bytes of Secrets Manager in eu-west-1: binary",
            "the secret gone of Secrets Manager in eu-west-1: marked for deletion",
            "restore-secret",
            "the secret no-key of Secrets Manager holds no private key",
            "the secret keys-and-values of Secrets Manager holds keys and values",
            "all refused",
        ],
        script: "before=$(rb get secrets -n argocd -o json | sha256sum)
for name in nowhere elsewhere bytes gone no-key; do bridge blue --region eu-west-1 --git-ssh-key-secret $name; [ $? = 1 ] || exit; done
bridge blue --region eu-west-1 --admin-password-secret keys-and-values; [ $? = 1 ] && [ \"$(rb get secrets -n argocd -o json | sha256sum)\" = \"$before\" ] && echo all refused",
    },
    Check {
        name: "another region has other secrets",
        ends: Well,
        words: &["objects are applied"],
        script: "bridge blue --region us-west-2 --admin-password-secret elsewhere",
    },
    Check {
        name: "two places for one secret",
        ends: Refused,
        words: &["cannot be used with"],
        script: "bridge blue --git-ssh-key-secret github-blueprint-ssh-key --git-ssh-key-file $scratch/key",
    },
];
