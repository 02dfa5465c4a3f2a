//! Annotations and labels that crossfade reads or writes, and what ExternalDNS's annotations mean.
//!
//! ExternalDNS changed its prefix in v0.22 and reads exactly one; here both are read, and where they disagree the newer one
//! wins and the object's report says so. Unlike there, a weight that is none is an error of the object and not a 0.

use std::collections::BTreeMap;

use crossfade_core::Weight;
use crossfade_core::dns::{OtherProperties, RecordError, RecordName, SetIdentifier};
use crossfade_core::weight::WeightError;

/// ExternalDNS's prefix up to v0.21.
pub const EXTERNAL_DNS_ALPHA_PREFIX: &str = "external-dns.alpha.kubernetes.io/";
/// ExternalDNS's prefix from v0.22.
pub const EXTERNAL_DNS_PREFIX: &str = "external-dns.kubernetes.io/";

/// Hosts of a Service, or more hosts of an Ingress; a comma list.
pub const HOSTNAME: &str = "hostname";
/// Targets instead of the load balancer's; a comma list.
pub const TARGET: &str = "target";
/// Seconds, or a duration as Go writes it.
pub const TTL: &str = "ttl";
/// Which controller an object is for.
pub const CONTROLLER: &str = "controller";
/// The only value of [`CONTROLLER`] that means a DNS controller.
pub const CONTROLLER_VALUE: &str = "dns-controller";
/// Tells the record sets of one name apart.
pub const SET_IDENTIFIER: &str = "set-identifier";
/// `true` makes an alias to another record of the zone.
pub const ALIAS: &str = "alias";
/// Which hosts of an Ingress count.
pub const INGRESS_HOSTNAME_SOURCE: &str = "ingress-hostname-source";
/// The weight: 0 to 255.
pub const AWS_WEIGHT: &str = "aws-weight";
/// What is left of the key becomes the property `aws/…`.
pub const AWS_PREFIX: &str = "aws-";

/// The class of an Ingress before `spec.ingressClassName`.
pub const INGRESS_CLASS: &str = "kubernetes.io/ingress.class";

/// Shares one load balancer between Ingresses.
pub const ALB_GROUP_NAME: &str = "alb.ingress.kubernetes.io/group.name";
/// Ports of the load balancer, as JSON.
pub const ALB_LISTEN_PORTS: &str = "alb.ingress.kubernetes.io/listen-ports";
/// The port to which HTTP is redirected.
pub const ALB_SSL_REDIRECT: &str = "alb.ingress.kubernetes.io/ssl-redirect";
/// Where the load balancer checks its targets.
pub const ALB_HEALTHCHECK_PATH: &str = "alb.ingress.kubernetes.io/healthcheck-path";
/// `internet-facing` or `internal`.
pub const ALB_SCHEME: &str = "alb.ingress.kubernetes.io/scheme";

/// Argo CD's mark on what it has applied: an annotation, when tracking by annotation.
pub const ARGOCD_TRACKING_ID: &str = "argocd.argoproj.io/tracking-id";
/// Argo CD's mark on what it has applied: a label, when tracking by label. Helm writes it as well.
pub const ARGOCD_INSTANCE_LABEL: &str = "app.kubernetes.io/instance";
/// Argo CD's older label of its own, where it is configured.
pub const ARGOCD_OWN_INSTANCE_LABEL: &str = "argocd.argoproj.io/instance";
/// Flux's mark on what a Kustomization has applied (a label).
pub const FLUX_KUSTOMIZE_NAME_LABEL: &str = "kustomize.toolkit.fluxcd.io/name";
/// Flux's mark on what a HelmRelease has applied (a label).
pub const FLUX_HELM_NAME_LABEL: &str = "helm.toolkit.fluxcd.io/name";
/// Field managers of GitOps agents.
pub const AGENT_FIELD_MANAGERS: [&str; 4] =
    ["argocd-controller", "argocd-application-controller", "kustomize-controller", "helm-controller"];
/// Terraform's field manager.
pub const TERRAFORM_FIELD_MANAGER: &str = "HashiCorp";

/// ExternalDNS: 1 to 2^31 - 1 seconds; everything else is "not configured".
const TTL_SECONDS_MAX: u64 = i32::MAX as u64;

/// An annotation that cannot be what it says.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AnnotationError {
    /// The weight is none.
    #[error("annotation {key}: {source}")]
    Weight {
        /// The annotation's key.
        key: String,
        /// What is wrong with it.
        source: WeightError,
    },
    /// The set identifier or a host is none.
    #[error("annotation {key}: {source}")]
    Record {
        /// The annotation's key.
        key: String,
        /// What is wrong with it.
        source: RecordError,
    },
}

/// Which hosts of an Ingress count (`ingress-hostname-source`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HostnameSource {
    /// Rules, TLS and the annotation.
    All,
    /// Rules and TLS.
    DefinedHostsOnly,
    /// The annotation.
    AnnotationOnly,
    /// ExternalDNS takes any other value for "none at all".
    None,
}

/// ExternalDNS's annotations of one object.
#[derive(Clone, Copy, Debug)]
pub struct ExternalDnsAnnotations<'a> {
    annotations: &'a BTreeMap<String, String>,
}

impl<'a> ExternalDnsAnnotations<'a> {
    /// A view of an object's annotations.
    pub fn new(annotations: &'a BTreeMap<String, String>) -> Self {
        ExternalDnsAnnotations { annotations }
    }

    /// The key under which `suffix` is set: the newer prefix where both are.
    pub fn key(&self, suffix: &str) -> Option<String> {
        [EXTERNAL_DNS_PREFIX, EXTERNAL_DNS_ALPHA_PREFIX]
            .into_iter()
            .map(|prefix| format!("{prefix}{suffix}"))
            .find(|key| self.annotations.contains_key(key))
    }

    /// The value of `suffix` under either prefix.
    pub fn get(&self, suffix: &str) -> Option<&'a str> {
        self.annotations.get(&self.key(suffix)?).map(String::as_str)
    }

    /// One sentence per suffix that is set under both prefixes with different values.
    pub fn disagreements(&self) -> Vec<String> {
        self.annotations
            .iter()
            .filter_map(|(key, value)| {
                let suffix = key.strip_prefix(EXTERNAL_DNS_PREFIX)?;
                let older_key = format!("{EXTERNAL_DNS_ALPHA_PREFIX}{suffix}");
                let older = self.annotations.get(&older_key)?;
                (older != value).then(|| format!("{key}={value} is followed, {older_key}={older} is not"))
            })
            .collect()
    }

    /// False for an object that is meant for another controller.
    pub fn is_for_dns_controller(&self) -> bool {
        self.get(CONTROLLER).is_none_or(|controller| controller == CONTROLLER_VALUE)
    }

    /// The hosts of the `hostname` annotation.
    pub fn hostnames(&self) -> Result<Vec<RecordName>, AnnotationError> {
        let Some(key) = self.key(HOSTNAME) else { return Ok(Vec::new()) };
        list(self.get(HOSTNAME))
            .map(|host| {
                RecordName::parse(&host)
                    .map_err(|source| AnnotationError::Record { key: key.clone(), source })
            })
            .collect()
    }

    /// The targets of the `target` annotation, without trailing dots.
    pub fn targets(&self) -> Vec<String> {
        list(self.get(TARGET)).map(|target| target.trim_end_matches('.').to_owned()).collect()
    }

    /// The TTL, or a sentence about why there is none although one was asked for.
    pub fn ttl_seconds(&self) -> Result<Option<u32>, String> {
        let Some(text) = self.get(TTL) else { return Ok(None) };
        let seconds = go_duration_seconds(text).or_else(|| text.parse().ok());
        match seconds {
            Some(0) => Ok(None),
            Some(seconds) if seconds <= TTL_SECONDS_MAX => Ok(u32::try_from(seconds).ok()),
            _ => Err(format!(
                "the TTL `{text}` is none and has no effect: 1 to {TTL_SECONDS_MAX} seconds are possible"
            )),
        }
    }

    /// The set identifier; `None` for simple routing.
    pub fn set_identifier(&self) -> Result<Option<SetIdentifier>, AnnotationError> {
        let text = self.get(SET_IDENTIFIER).filter(|text| !text.is_empty());
        text.map(SetIdentifier::parse).transpose().map_err(|source| AnnotationError::Record {
            key: self.key(SET_IDENTIFIER).unwrap_or_default(),
            source,
        })
    }

    /// The weight; `None` when none is asked for.
    pub fn weight(&self) -> Result<Option<Weight>, AnnotationError> {
        self.get(AWS_WEIGHT).map(str::parse).transpose().map_err(|source| AnnotationError::Weight {
            key: self.key(AWS_WEIGHT).unwrap_or_default(),
            source,
        })
    }

    /// Every other property: `alias` and `aws/…`.
    pub fn properties(&self) -> OtherProperties {
        let mut properties = BTreeMap::new();
        if self.get(ALIAS) == Some("true") {
            properties.insert(OtherProperties::ALIAS.to_owned(), "true".to_owned());
        }
        // The older prefix first, so that the newer one replaces it.
        for prefix in [EXTERNAL_DNS_ALPHA_PREFIX, EXTERNAL_DNS_PREFIX] {
            for (key, value) in self.annotations {
                let suffix = key.strip_prefix(prefix).filter(|suffix| *suffix != AWS_WEIGHT);
                if let Some(attribute) = suffix.and_then(|suffix| suffix.strip_prefix(AWS_PREFIX)) {
                    properties.insert(format!("aws/{attribute}"), value.clone());
                }
            }
        }
        OtherProperties(properties)
    }

    /// Which hosts of an Ingress count.
    pub fn hostname_source(&self) -> HostnameSource {
        match self.get(INGRESS_HOSTNAME_SOURCE).map(str::to_ascii_lowercase).as_deref() {
            None => HostnameSource::All,
            Some("defined-hosts-only") => HostnameSource::DefinedHostsOnly,
            Some("annotation-only") => HostnameSource::AnnotationOnly,
            Some(_) => HostnameSource::None,
        }
    }
}

/// A comma list; spaces anywhere are no part of it.
fn list(text: Option<&str>) -> impl Iterator<Item = String> {
    let compact = text.unwrap_or_default().replace(' ', "");
    compact.split(',').filter(|item| !item.is_empty()).map(str::to_owned).collect::<Vec<_>>().into_iter()
}

/// Go's `time.ParseDuration` as far as whole seconds go; `None` for what it refuses, a bare number among it.
fn go_duration_seconds(text: &str) -> Option<u64> {
    const UNITS: [(&str, f64); 8] = [
        ("ns", 1e-9),
        ("us", 1e-6),
        ("\u{b5}s", 1e-6),
        ("\u{3bc}s", 1e-6),
        ("ms", 1e-3),
        ("s", 1.0),
        ("m", 60.0),
        ("h", 3600.0),
    ];
    if text == "0" {
        return Some(0);
    }
    let mut rest = text.strip_prefix('+').unwrap_or(text);
    let mut seconds = 0.0;
    while !rest.is_empty() {
        let number_end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').filter(|end| *end > 0)?;
        let (number, tail) = rest.split_at(number_end);
        let unit_end = tail.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(unit_end);
        let (_, factor) = UNITS.iter().find(|(name, _)| *name == unit)?;
        seconds += number.parse::<f64>().ok()? * factor;
        rest = tail;
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "saturates, and is checked by the caller"
    )]
    (!text.is_empty()).then_some(seconds as u64)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failing test may panic")]

    use super::*;

    fn mk_annotations(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn reads_both_prefixes_and_prefers_the_newer() {
        let annotations = mk_annotations(&[
            ("external-dns.alpha.kubernetes.io/aws-weight", "100"),
            ("external-dns.kubernetes.io/aws-weight", "90"),
            ("external-dns.alpha.kubernetes.io/set-identifier", "blue"),
            ("external-dns.alpha.kubernetes.io/aws-evaluate-target-health", "false"),
            ("external-dns.kubernetes.io/aws-evaluate-target-health", "true"),
        ]);
        let read = ExternalDnsAnnotations::new(&annotations);
        assert_eq!(read.weight().unwrap(), Some(Weight::new(90)));
        assert_eq!(read.key(AWS_WEIGHT).unwrap(), "external-dns.kubernetes.io/aws-weight");
        assert_eq!(read.set_identifier().unwrap().unwrap().as_str(), "blue");
        assert_eq!(read.properties().0, mk_annotations(&[("aws/evaluate-target-health", "true")]));
        assert_eq!(read.disagreements().len(), 2);
    }

    #[test]
    fn refuses_a_weight_that_is_none() {
        for text in ["300", "-1", "", "ten", "1.5", "100 "] {
            let annotations = mk_annotations(&[("external-dns.alpha.kubernetes.io/aws-weight", text)]);
            let error = ExternalDnsAnnotations::new(&annotations).weight().unwrap_err();
            assert!(
                error.to_string().starts_with("annotation external-dns.alpha.kubernetes.io/aws-weight: "),
                "{error}"
            );
        }
    }

    #[test]
    fn reads_ttls_as_go_does() {
        let ttl = |text: &str| {
            let annotations = mk_annotations(&[("external-dns.kubernetes.io/ttl", text)]);
            ExternalDnsAnnotations::new(&annotations).ttl_seconds()
        };
        let read = [("10", 10), ("10m", 600), ("1h30m", 5400), ("1.5s", 1), ("2147483647", 2_147_483_647)];
        for (text, seconds) in read {
            assert_eq!(ttl(text), Ok(Some(seconds)), "{text}");
        }
        assert_eq!(ttl("0"), Ok(None));
        for text in ["2147483648", "-1", "soon", "", "10x", "m", "99999999h"] {
            assert!(ttl(text).is_err(), "{text}");
        }
    }

    #[test]
    fn splits_lists_as_external_dns_does() {
        let annotations = mk_annotations(&[
            ("external-dns.kubernetes.io/hostname", " a.example.org ,B.example.org., "),
            ("external-dns.kubernetes.io/target", "10.0.0.1, lb.example.org."),
        ]);
        let read = ExternalDnsAnnotations::new(&annotations);
        let hosts: Vec<_> = read.hostnames().unwrap().iter().map(RecordName::to_string).collect();
        assert_eq!(hosts, ["a.example.org.", "b.example.org."]);
        assert_eq!(read.targets(), ["10.0.0.1", "lb.example.org"]);
    }

    #[test]
    fn leaves_objects_of_other_controllers_alone() {
        let of = |value: &str| mk_annotations(&[("external-dns.kubernetes.io/controller", value)]);
        assert!(ExternalDnsAnnotations::new(&of("dns-controller")).is_for_dns_controller());
        assert!(!ExternalDnsAnnotations::new(&of("other")).is_for_dns_controller());
        assert!(ExternalDnsAnnotations::new(&mk_annotations(&[])).is_for_dns_controller());
    }
}
