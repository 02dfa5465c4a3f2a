//! The names that the AWS Load Balancer Controller gives to load balancers: pure functions of what a cluster declares.
//!
//! Source of the rules: aws-load-balancer-controller v2.6 `pkg/ingress/model_build_load_balancer.go` and
//! `pkg/service/model_build_load_balancer.go`. Nothing here knows an address or a state.

use std::fmt::{self, Write as _};

use sha2::{Digest, Sha256};

/// Characters of an explicit group's name that a load balancer's name keeps.
const GROUP_CHARACTERS_MAX: usize = 17;
/// Characters of a namespace, an Ingress or a Service that a load balancer's name keeps.
const PART_CHARACTERS_MAX: usize = 8;
/// Hexadecimal digits of the hash at the end of a load balancer's name.
const HASH_CHARACTERS: usize = 10;

/// Where a load balancer can be reached from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// From the internet.
    InternetFacing,
    /// From inside the VPC; the controller's default.
    Internal,
}

impl Scheme {
    /// The word that annotations and hashes use.
    pub const fn as_str(self) -> &'static str {
        match self {
            Scheme::InternetFacing => "internet-facing",
            Scheme::Internal => "internal",
        }
    }
}

/// What shares one load balancer: Ingresses that name a group, or one Ingress by itself.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum GroupId {
    /// Named by `alb.ingress.kubernetes.io/group.name`; spans namespaces.
    Explicit(String),
    /// One Ingress without a group.
    Implicit {
        /// The Ingress's namespace.
        namespace: String,
        /// The Ingress's name.
        name: String,
    },
}

impl GroupId {
    /// The finalizer that keeps an Ingress of this group until its load balancer is gone.
    pub fn finalizer(&self) -> String {
        match self {
            GroupId::Explicit(group) => format!("group.ingress.k8s.aws/{group}"),
            GroupId::Implicit { .. } => "ingress.k8s.aws/resources".to_owned(),
        }
    }
}

impl fmt::Display for GroupId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            GroupId::Explicit(group) => f.write_str(group),
            GroupId::Implicit { namespace, name } => write!(f, "{namespace}/{name}"),
        }
    }
}

/// The name of the application load balancer that `cluster` gets for `group`.
pub fn application_load_balancer_name(cluster: &str, group: &GroupId, scheme: Scheme) -> String {
    let hash = hash_of(&[cluster, &group.to_string(), scheme.as_str()]);
    match group {
        GroupId::Explicit(group) => format!("k8s-{}-{hash}", alphanumeric(group, GROUP_CHARACTERS_MAX)),
        GroupId::Implicit { namespace, name } => format!(
            "k8s-{}-{}-{hash}",
            alphanumeric(namespace, PART_CHARACTERS_MAX),
            alphanumeric(name, PART_CHARACTERS_MAX)
        ),
    }
}

/// The name of the network load balancer that `cluster` gets for a Service of type LoadBalancer.
pub fn network_load_balancer_name(
    cluster: &str,
    namespace: &str,
    service: &str,
    service_uid: &str,
    scheme: Scheme,
) -> String {
    let hash = hash_of(&[cluster, service_uid, scheme.as_str()]);
    format!(
        "k8s-{}-{}-{hash}",
        alphanumeric(namespace, PART_CHARACTERS_MAX),
        alphanumeric(service, PART_CHARACTERS_MAX)
    )
}

/// The DNS name of an application load balancer. AWS appends a number of its own; ours comes from the name and the
/// lab's seed, so that a rehearsal can be repeated.
pub fn application_dns_name(load_balancer: &str, region: &str, seed: u64) -> String {
    let digest = Sha256::digest(format!("{load_balancer}/{seed}"));
    let number = digest.iter().take(8).fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
    // Nine or ten digits, as AWS's numbers have.
    format!("{load_balancer}-{}.{region}.elb.amazonaws.com", 100_000_000 + number % 2_000_000_000)
}

/// The DNS name of a network load balancer, `<name>-<16 hexadecimal digits>.elb.<region>.amazonaws.com`.
pub fn network_dns_name(load_balancer: &str, region: &str, seed: u64) -> String {
    let digest = hex(&Sha256::digest(format!("{load_balancer}/{seed}")));
    format!("{load_balancer}-{}.elb.{region}.amazonaws.com", &digest[..16])
}

/// How CloudWatch calls the application load balancer of a DNS name, `app/NAME/ID`; `None` for network load balancers. AWS
/// makes the id up; ours comes from the DNS name.
pub fn application_dimension(dns_name: &str) -> Option<String> {
    let host = dns_name.strip_suffix(".elb.amazonaws.com")?.split('.').next()?;
    let (load_balancer, _) = host.rsplit_once('-')?;
    let digest = hex(&Sha256::digest(dns_name));
    Some(format!("app/{load_balancer}/{}", &digest[..16]))
}

fn hash_of(parts: &[&str]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part.as_bytes());
    }
    let mut digits = hex(&hash.finalize());
    digits.truncate(HASH_CHARACTERS);
    digits
}

fn alphanumeric(text: &str, characters_max: usize) -> String {
    text.chars().filter(char::is_ascii_alphanumeric).take(characters_max).collect()
}

/// Lower-case hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mk_implicit(namespace: &str, name: &str) -> GroupId {
        GroupId::Implicit { namespace: namespace.to_owned(), name: name.to_owned() }
    }

    fn name_in(color: &str, group: &GroupId) -> String {
        application_load_balancer_name(&format!("eks-blueprint-{color}"), group, Scheme::InternetFacing)
    }

    #[test]
    fn names_are_those_of_the_pattern() {
        let burnham = GroupId::Explicit("burnham".to_owned());
        assert_eq!(name_in("blue", &burnham), "k8s-burnham-838b6affb4");
        assert_eq!(name_in("green", &burnham), "k8s-burnham-c27a6f9b57");
        let vectors = [
            ("team-riker", "ingress-2048", "teamrike-ingress2", "9ca6364751", "3ae7fafb44"),
            ("team-riker", "riker-ingress", "teamrike-rikering", "7a2f9ab4b3", "15ab736ad2"),
            ("geordie", "ho11y-ingress", "geordie-ho11ying", "3943723685", "29b0a906be"),
            ("geordie", "yelb-ingress", "geordie-yelbingr", "8800b78573", "19c4c34541"),
        ];
        for (namespace, ingress, middle, blue, green) in vectors {
            let group = mk_implicit(namespace, ingress);
            assert_eq!(name_in("blue", &group), format!("k8s-{middle}-{blue}"));
            assert_eq!(name_in("green", &group), format!("k8s-{middle}-{green}"));
        }
    }

    #[test]
    fn the_scheme_is_part_of_the_name() {
        let group = mk_implicit("default", "web");
        assert_ne!(
            application_load_balancer_name("c", &group, Scheme::Internal),
            application_load_balancer_name("c", &group, Scheme::InternetFacing)
        );
    }

    #[test]
    fn dns_names_repeat_with_the_seed_and_have_the_region() {
        let name = application_dns_name("k8s-burnham-838b6affb4", "eu-west-1", 7);
        assert_eq!(name, application_dns_name("k8s-burnham-838b6affb4", "eu-west-1", 7));
        assert_ne!(name, application_dns_name("k8s-burnham-838b6affb4", "eu-west-1", 8));
        assert!(
            name.starts_with("k8s-burnham-838b6affb4-") && name.ends_with(".eu-west-1.elb.amazonaws.com")
        );
    }

    #[test]
    fn finalizers_tell_groups_from_single_ingresses() {
        assert_eq!(GroupId::Explicit("burnham".to_owned()).finalizer(), "group.ingress.k8s.aws/burnham");
        assert_eq!(mk_implicit("a", "b").finalizer(), "ingress.k8s.aws/resources");
    }
}
