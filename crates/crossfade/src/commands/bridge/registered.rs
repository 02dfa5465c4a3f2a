//! Whose the cluster secret is, and whether this Argo CD knows its cluster already: what a mistyped context or a name that is
//! somebody else's would break.
//!
//! Addresses are looked at; credentials are never read.

use crossfade_kube::apply::Prepared;
use crossfade_kube::bridge::{ClusterSecret, Registration, SecretOwner, secret_owner};
use crossfade_stack::bridge::ARGOCD_NAMESPACE;
use crossfade_stack::bridge::cluster_secret::IN_CLUSTER_SERVER;
use crossfade_stack::text::ObjectName;

use crate::exit::user_error;
use crate::shell::word;

/// A second secret of one cluster would have Argo CD make every Application twice, for two names of it.
pub fn refuse_second(
    name: &ObjectName,
    environment: &ObjectName,
    context: &str,
    registrations: &[Registration],
) -> anyhow::Result<()> {
    let is_other = |seen: &&Registration| seen.is_in_cluster() && seen.name != name.as_str();
    let Some(other) = registrations.iter().find(is_other) else { return Ok(()) };
    let service = other.name.strip_prefix(&format!("{environment}-"));
    let own = service.map_or_else(
        || "its own --environment and --service".to_owned(),
        |service| format!("--service {service}"),
    );
    Err(user_error(
        format!(
            "the cluster of context {context} is {other} to Argo CD (secret {ARGOCD_NAMESPACE}/{other} for {IN_CLUSTER_SERVER}), \
             not {name}",
            other = other.name,
        ),
        format!(
            "pass {own}, or the --context of {name}; only to give it another name, with all its Applications: \
             kubectl --context {} -n {ARGOCD_NAMESPACE} delete secret {}",
            word(context),
            word(&other.name)
        ),
    ))
}

/// A secret of our name that registers something else, or lets Argo CD in by other means than its own account.
pub fn refuse_foreign(registration: &Registration, context: &str) -> anyhow::Result<()> {
    let name = &registration.name;
    let what = match &registration.server {
        Some(server) if !registration.is_in_cluster() => {
            format!("is for {server}, not for {IN_CLUSTER_SERVER}")
        }
        _ if registration.has_credentials => "has credentials (config), which would be lost".to_owned(),
        _ => return Ok(()),
    };
    Err(user_error(
        format!("the cluster secret {ARGOCD_NAMESPACE}/{name} of context {context} {what}"),
        format!(
            "pass another --environment or --service, or the --context of {name}; only if nobody needs it: \
             kubectl --context {} -n {ARGOCD_NAMESPACE} delete secret {}",
            word(context),
            word(name)
        ),
    ))
}

/// A cluster secret that Terraform puts back.
pub fn refuse_terraform(existing: &ClusterSecret, will_edit: bool) -> anyhow::Result<()> {
    match &existing.owner {
        SecretOwner::Terraform { manager } if !will_edit => Err(user_error(
            format!("the cluster secret {} is Terraform's (field manager {manager})", existing.name),
            "say the same in main.tf and pass --i-will-edit-main-tf, or leave the bridge to Terraform",
        )),
        SecretOwner::Terraform { .. } | SecretOwner::Nobody => Ok(()),
    }
}

/// Objects of teams and credentials that Terraform puts back.
pub fn refuse_terraform_objects(objects: &[Prepared<'_>], will_edit: bool) -> anyhow::Result<()> {
    let owned = objects.iter().filter_map(|object| match secret_owner(object.overwritten()?) {
        SecretOwner::Terraform { manager } => Some((object.what(), manager)),
        SecretOwner::Nobody => None,
    });
    let owned: Vec<(&str, String)> = owned.collect();
    match owned.first() {
        Some((_, manager)) if !will_edit => {
            let names: Vec<&str> = owned.iter().map(|(what, _)| *what).collect();
            Err(user_error(
                format!(
                    "{} of Terraform's (field manager {manager}): {}",
                    count(names.len()),
                    names.join(", ")
                ),
                "say the same in main.tf and pass --i-will-edit-main-tf; --no-teams leaves out those of teams",
            ))
        }
        _ => Ok(()),
    }
}

fn count(objects: usize) -> String {
    if objects == 1 { "an object is".to_owned() } else { format!("{objects} objects are") }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::exit::UserError;

    fn mk_registration(name: &str, server: &str) -> Registration {
        Registration { name: name.to_owned(), server: Some(server.to_owned()), ..Registration::default() }
    }

    fn refused(result: anyhow::Result<()>) -> String {
        let error = result.unwrap_err();
        format!("{error}; {}", error.downcast_ref::<UserError>().unwrap().hint.as_deref().unwrap())
    }

    #[test]
    fn one_cluster_has_one_secret() {
        let (name, environment) =
            (ObjectName::parse("eks-blueprint-blue").unwrap(), ObjectName::parse("eks-blueprint").unwrap());
        let second =
            |registrations: &[Registration]| refuse_second(&name, &environment, "ctx", registrations);
        let ours = mk_registration("eks-blueprint-blue", IN_CLUSTER_SERVER);
        assert!(second(&[ours.clone(), mk_registration("hub", "https://hub.example")]).is_ok());
        let said = refused(second(&[
            ours,
            mk_registration("eks-blueprint-green", "https://kubernetes.default.svc/"),
        ]));
        for word in [
            "argocd/eks-blueprint-green",
            "pass --service green",
            "-n argocd delete secret eks-blueprint-green",
        ] {
            assert!(said.contains(word), "`{word}` is not in: {said}");
        }
        let said = refused(second(&[mk_registration("in-cluster", IN_CLUSTER_SERVER)]));
        assert!(said.contains("pass its own --environment"), "{said}");
    }

    #[test]
    fn a_secret_of_another_origin_is_not_ours() {
        let mut seen = mk_registration("x", IN_CLUSTER_SERVER);
        assert!(refuse_foreign(&seen, "ctx").is_ok());
        seen.has_credentials = true;
        assert!(refused(refuse_foreign(&seen, "ctx")).contains("has credentials"));
        assert!(
            refused(refuse_foreign(&mk_registration("x", "https://hub.example"), "ctx"))
                .contains("https://hub.example")
        );
        let nothing = Registration { server: None, ..mk_registration("x", "") };
        assert!(refuse_foreign(&nothing, "ctx").is_ok());
    }

    #[test]
    fn terraform_is_asked_first() {
        let mut secret = ClusterSecret {
            name: "x".to_owned(),
            labels: BTreeMap::new(),
            annotations: BTreeMap::new(),
            resource_version: "7".to_owned(),
            owner: SecretOwner::Nobody,
        };
        assert!(refuse_terraform(&secret, false).is_ok());
        secret.owner = SecretOwner::Terraform { manager: "HashiCorp".to_owned() };
        assert!(refused(refuse_terraform(&secret, false)).contains("HashiCorp"));
        assert!(refuse_terraform(&secret, true).is_ok());
    }
}
