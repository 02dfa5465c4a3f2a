//! Add-ons as the metadata of a cluster names them: a label that enables one, annotations that tell it its namespace,
//! service account and role.
//!
//! Which chart an add-on is, and at which version, is said in the add-ons repository and never here.

use std::collections::BTreeMap;

use crate::text::{KeyPart, LabelKey, ObjectName, PlainValue, TextError};

/// Before an add-on's name in the label that says whether it is on.
pub const ENABLE_PREFIX: &str = "enable_";

/// The add-ons of the pattern, and any other.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AddOn {
    /// Certificates by ACME.
    CertManager,
    /// Storage classes for EBS volumes.
    EbsResources,
    /// Container metrics to CloudWatch.
    CloudwatchMetrics,
    /// Records from Ingresses.
    ExternalDns,
    /// Secrets from Secrets Manager.
    ExternalSecrets,
    /// Load balancers from Ingresses.
    LoadBalancerController,
    /// Logs to CloudWatch.
    ForFluentbit,
    /// Nodes on demand.
    Karpenter,
    /// Ingresses behind nginx.
    IngressNginx,
    /// Policies.
    Kyverno,
    /// Usage of pods and nodes.
    MetricsServer,
    /// One of the user's own: the label is `enable_<name>`.
    Other(KeyPart),
}

/// Where an add-on with a role on AWS runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Before the names of its annotations.
    pub prefix: &'static str,
    /// Its namespace.
    pub namespace: &'static str,
    /// Its service account.
    pub service_account: &'static str,
}

impl AddOn {
    /// Those that the pattern enables.
    pub fn of_the_pattern() -> Vec<AddOn> {
        vec![
            AddOn::CertManager,
            AddOn::EbsResources,
            AddOn::CloudwatchMetrics,
            AddOn::ExternalDns,
            AddOn::ExternalSecrets,
            AddOn::LoadBalancerController,
            AddOn::ForFluentbit,
            AddOn::Karpenter,
            AddOn::IngressNginx,
            AddOn::Kyverno,
            AddOn::MetricsServer,
        ]
    }

    /// The add-on that a label enables, by what follows `enable_`.
    pub fn of_label(name: KeyPart) -> AddOn {
        AddOn::of_the_pattern()
            .into_iter()
            .find(|known| known.label_name() == name.as_str())
            .unwrap_or(AddOn::Other(name))
    }

    /// What follows `enable_` in the label.
    pub fn label_name(&self) -> &str {
        match self {
            AddOn::CertManager => "cert_manager",
            AddOn::EbsResources => "aws_ebs_csi_resources",
            AddOn::CloudwatchMetrics => "aws_cloudwatch_metrics",
            AddOn::ExternalDns => "external_dns",
            AddOn::ExternalSecrets => "external_secrets",
            AddOn::LoadBalancerController => "aws_load_balancer_controller",
            AddOn::ForFluentbit => "aws_for_fluentbit",
            AddOn::Karpenter => "karpenter",
            AddOn::IngressNginx => "ingress_nginx",
            AddOn::Kyverno => "kyverno",
            AddOn::MetricsServer => "metrics_server",
            AddOn::Other(name) => name.as_str(),
        }
    }

    /// The label that says whether it is on: `enable_external_dns`.
    pub fn label(&self) -> String {
        format!("{ENABLE_PREFIX}{}", self.label_name())
    }

    /// The annotation that says a property of it: `external_dns_namespace`.
    pub fn annotation_key(&self, property: &str) -> String {
        let prefix = self.identity().map_or(self.label_name(), |identity| identity.prefix);
        format!("{prefix}_{property}")
    }

    /// Its namespace and service account, when its annotations tell them.
    pub fn identity(&self) -> Option<Identity> {
        let (prefix, namespace, service_account) = match self {
            AddOn::CertManager => ("cert_manager", "cert-manager", "cert-manager"),
            AddOn::CloudwatchMetrics => {
                ("aws_cloudwatch_metrics", "amazon-cloudwatch", "aws-cloudwatch-metrics")
            }
            AddOn::ExternalDns => ("external_dns", "external-dns", "external-dns-sa"),
            AddOn::ExternalSecrets => ("external_secrets", "external-secrets", "external-secrets-sa"),
            AddOn::LoadBalancerController => ("aws_load_balancer_controller", "kube-system", "aws-lb-sa"),
            AddOn::ForFluentbit => ("aws_for_fluentbit", "kube-system", "aws-for-fluent-bit-sa"),
            AddOn::Karpenter => ("karpenter", "karpenter", "karpenter"),
            AddOn::EbsResources
            | AddOn::IngressNginx
            | AddOn::Kyverno
            | AddOn::MetricsServer
            | AddOn::Other(_) => return None,
        };
        Some(Identity { prefix, namespace, service_account })
    }
}

/// An add-on that is on, and what the cluster's stack made for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnabledAddOn {
    /// Which one.
    pub add_on: AddOn,
    /// Its role on AWS. Without one the annotation is absent, as with the pattern's cert-manager.
    pub iam_role_arn: Option<PlainValue>,
    /// Instead of the pattern's namespace.
    pub namespace: Option<ObjectName>,
    /// Instead of the pattern's service account.
    pub service_account: Option<ObjectName>,
    /// Annotations of its own: `sqs_queue_name` becomes `karpenter_sqs_queue_name`.
    properties: BTreeMap<KeyPart, PlainValue>,
}

impl EnabledAddOn {
    /// On, with the pattern's namespace and service account, and nothing made for it.
    pub fn plain(add_on: AddOn) -> Self {
        EnabledAddOn {
            add_on,
            iam_role_arn: None,
            namespace: None,
            service_account: None,
            properties: BTreeMap::new(),
        }
    }

    /// Says something about it: its `namespace`, `service_account` or `iam_role_arn`, or an annotation of its own; refused when
    /// the value is none for that, or the name with the add-on's would be no annotation's.
    pub fn set_property(&mut self, key: KeyPart, value: PlainValue) -> Result<(), TextError> {
        match key.as_str() {
            "namespace" => self.namespace = Some(ObjectName::parse(value.as_str())?),
            "service_account" => self.service_account = Some(ObjectName::parse(value.as_str())?),
            "iam_role_arn" => self.iam_role_arn = Some(value),
            own => {
                LabelKey::parse(&self.annotation_key(own))?;
                self.properties.insert(key, value);
            }
        }
        Ok(())
    }

    /// Whether pods of it ask AWS for something, for which they need a role. The pattern's cert-manager has none.
    pub fn needs_role(&self) -> bool {
        self.add_on != AddOn::CertManager && self.add_on.identity().is_some()
    }

    /// The annotation that says a property: `external_dns_iam_role_arn`.
    pub fn annotation_key(&self, property: &str) -> String {
        self.add_on.annotation_key(property)
    }

    /// Its label on the cluster secret.
    pub fn label(&self) -> String {
        self.add_on.label()
    }

    /// Its annotations on the cluster secret.
    pub fn annotations(&self) -> BTreeMap<String, String> {
        let identity = self.add_on.identity();
        let namespace = self.namespace.as_ref().map(ObjectName::as_str);
        let service_account = self.service_account.as_ref().map(ObjectName::as_str);
        let known = [
            ("namespace", namespace.or(identity.map(|identity| identity.namespace))),
            ("service_account", service_account.or(identity.map(|identity| identity.service_account))),
            ("iam_role_arn", self.iam_role_arn.as_ref().map(PlainValue::as_str)),
        ];
        let own = self.properties.iter().map(|(key, value)| (key.as_str(), Some(value.as_str())));
        own.chain(known)
            .filter_map(|(key, value)| Some((self.annotation_key(key), value?.to_owned())))
            .collect()
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_about_an_add_on_takes_the_place_of_the_patterns() {
        let mut add_on = EnabledAddOn::plain(AddOn::ExternalDns);
        let mut set =
            |key, value| add_on.set_property(KeyPart::parse(key).unwrap(), PlainValue::parse(value).unwrap());
        set("namespace", "dns").unwrap();
        set("service_account", "mine").unwrap();
        set("iam_role_arn", "arn:aws:iam::111122223333:role/dns").unwrap();
        set("zone_type", "public").unwrap();
        assert!(set("namespace", "Not.One").is_err());
        let said: Vec<String> =
            add_on.annotations().into_iter().map(|(key, value)| format!("{key}={value}")).collect();
        assert_eq!(
            said,
            [
                "external_dns_iam_role_arn=arn:aws:iam::111122223333:role/dns",
                "external_dns_namespace=dns",
                "external_dns_service_account=mine",
                "external_dns_zone_type=public",
            ]
        );
    }
}
