//! Where a cluster is and what it runs: what it says of itself, or the environment's credentials say.

use crossfade_aws::Aws;
use crossfade_kube::Cluster;
use crossfade_stack::text::{LabelValue, PlainValue};

use super::keep::Before;
use crate::exit::user_error;

/// The account whose credentials the environment has: roles of add-ons are of the same one.
pub async fn account() -> anyhow::Result<PlainValue> {
    let hint = "pass --account, or credentials (AWS_PROFILE)";
    let aws = Aws::from_environment().await?;
    let id = aws.account_id().await.map_err(|error| user_error(error.to_string(), hint))?;
    PlainValue::parse(&id).map_err(|error| user_error(error.to_string(), hint))
}

/// Of a cluster whose region was not given.
pub async fn region(on_eks: Option<&str>, before: &Before) -> anyhow::Result<PlainValue> {
    let before = before.annotations.get("aws_region").map(String::as_str);
    let known = match on_eks.or(before) {
        Some(known) => known.to_owned(),
        None => Aws::from_environment().await?.chosen_region().map(str::to_owned).ok_or_else(|| {
            user_error(
                "the cluster's region is not known",
                "pass --region, or set AWS_REGION or a profile's region",
            )
        })?,
    };
    PlainValue::parse(&known).map_err(|error| user_error(error.to_string(), "pass --region"))
}

/// The region of an API server of EKS: `https://0123ABCD.gr7.eu-west-1.eks.amazonaws.com`.
pub fn eks_region(server: &str) -> Option<&str> {
    let host = server.strip_prefix("https://")?;
    let host = host.split([':', '/']).next()?;
    let suffixes = [".eks.amazonaws.com", ".eks.amazonaws.com.cn", ".eks.api.aws"];
    let front = suffixes.iter().find_map(|suffix| host.strip_suffix(suffix))?;
    front.rsplit('.').next().filter(|region| region.contains('-'))
}

/// The version that the cluster says of itself.
pub async fn server_version(cluster: &Cluster) -> anyhow::Result<LabelValue> {
    let version = cluster.client.apiserver_version().await;
    let version =
        version.map_err(|error| crossfade_kube::KubeError::of(&cluster.name.0, "read the version", error))?;
    let digits = |text: &str| text.chars().take_while(char::is_ascii_digit).collect::<String>();
    let text = format!("{}.{}", digits(&version.major), digits(&version.minor));
    LabelValue::parse(&text).map_err(|error| user_error(error.to_string(), "give --kubernetes-version"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_of_eks_says_its_region() {
        for (server, region) in [
            ("https://0123ABCD.gr7.eu-west-1.eks.amazonaws.com", Some("eu-west-1")),
            ("https://0123ABCD.yl4.us-gov-west-1.eks.amazonaws.com:443/", Some("us-gov-west-1")),
            ("https://0123ABCD.gr7.cn-north-1.eks.amazonaws.com.cn", Some("cn-north-1")),
            ("https://127.0.0.1:6443", None),
            ("https://eks.amazonaws.com.example.org", None),
            ("https://x.eks.amazonaws.com", None),
        ] {
            assert_eq!(eks_region(server), region, "{server}");
        }
    }
}
