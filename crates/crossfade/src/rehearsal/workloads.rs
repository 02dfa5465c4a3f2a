//! The manifests of a rehearsal: the examples that come with the program, or the user's own.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::Context;
use crossfade_kube::Cluster;
use crossfade_kube::apply::{Manifest, apply, parse};
use crossfade_kube::groups::knobs;
use crossfade_lab::LabAddresses;

use crate::exit::user_error;
use crate::rehearsal::context_of;

/// The examples, inside the program so that it needs no checkout.
const EXAMPLES: [(&str, &str); 3] = [
    ("examples/workloads/burnham.yaml", include_str!("../../../../examples/workloads/burnham.yaml")),
    ("examples/workloads/skiff.yaml", include_str!("../../../../examples/workloads/skiff.yaml")),
    ("examples/workloads/compass.yaml", include_str!("../../../../examples/workloads/compass.yaml")),
];

/// Where manifests come from.
#[derive(Clone, Debug)]
pub enum Workloads {
    /// Those that come with the program.
    Examples,
    /// `*.yaml` and `*.yml` of a directory, in the order of their names.
    Dir(PathBuf),
}

impl Workloads {
    /// Applies all manifests to one cluster.
    pub async fn apply(
        &self,
        cluster: &Cluster,
        side: &str,
        addresses: &LabAddresses,
        weight: u8,
    ) -> anyhow::Result<()> {
        let values = [
            ("CLUSTER_NAME", context_of(side)),
            ("ENV", side.to_owned()),
            ("DOMAIN", addresses.domain.clone()),
            ("WEIGHT", weight.to_string()),
        ];
        let mut manifests = Vec::new();
        for (place, text) in self.texts()? {
            let text = fill_in(&place, &text, &values)?;
            manifests.extend(parse(&place, &text)?);
        }
        if manifests.is_empty() {
            return Err(user_error(
                format!("{self} holds no manifests"),
                "give a directory with *.yaml files",
            ));
        }
        Ok(apply(cluster, &namespaces_first(manifests)).await?)
    }

    fn texts(&self) -> anyhow::Result<Vec<(PathBuf, String)>> {
        match self {
            Workloads::Examples => {
                Ok(EXAMPLES.iter().map(|(place, text)| (PathBuf::from(place), (*text).to_owned())).collect())
            }
            Workloads::Dir(dir) => read_dir(dir),
        }
    }
}

impl std::fmt::Display for Workloads {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Workloads::Examples => f.write_str("examples/workloads"),
            Workloads::Dir(dir) => write!(f, "{}", dir.display()),
        }
    }
}

/// A namespace has to be there before what is in it, whatever the order of the files.
fn namespaces_first(mut manifests: Vec<Manifest>) -> Vec<Manifest> {
    manifests
        .sort_by_key(|manifest| manifest.object.types.as_ref().is_none_or(|types| types.kind != "Namespace"));
    manifests
}

fn read_dir(dir: &Path) -> anyhow::Result<Vec<(PathBuf, String)>> {
    let unreadable = |error: std::io::Error| {
        user_error(
            format!("cannot read {}: {error}", dir.display()),
            "--workloads takes a directory of manifests",
        )
    };
    let mut paths: Vec<PathBuf> = std::fs::read_dir(dir)
        .map_err(unreadable)?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml"))
        .collect();
    paths.sort();
    paths
        .into_iter()
        .map(|path| {
            let text = std::fs::read_to_string(&path);
            let text = text.with_context(|| format!("cannot read {}", path.display()))?;
            Ok((path, text))
        })
        .collect()
}

/// Replaces `${NAME}` as envsubst does, but refuses names that have no value.
fn fill_in(place: &Path, text: &str, values: &[(&str, String)]) -> anyhow::Result<String> {
    let mut filled = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        let Some((name, behind)) = after.split_once('}') else { break };
        let Some((_, value)) = values.iter().find(|(known, _)| *known == name) else {
            let line = text.len() - rest.len() + before.len();
            let line = text.get(..line).unwrap_or_default().lines().count().max(1);
            return Err(user_error(
                format!("{}:{line}: ${{{name}}} has no value", place.display()),
                "CLUSTER_NAME, ENV, DOMAIN and WEIGHT have one",
            ));
        };
        filled.push_str(before);
        filled.push_str(value);
        rest = behind;
    }
    filled.push_str(rest);
    Ok(filled)
}

/// Every host that the clusters' knobs name.
pub async fn hosts_of(clusters: &[Cluster]) -> anyhow::Result<Vec<String>> {
    let mut hosts = BTreeSet::new();
    for cluster in clusters {
        hosts.extend(knobs(cluster).await?.into_iter().flat_map(|knob| knob.hosts));
    }
    Ok(hosts.into_iter().collect())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]
mod tests {
    use super::*;

    #[test]
    fn fills_in_like_envsubst() {
        let values = [("ENV", "blue".to_owned())];
        assert_eq!(fill_in(Path::new("x"), "a: ${ENV}\nb: $ENV", &values).unwrap(), "a: blue\nb: $ENV");
    }

    #[test]
    fn names_the_line_of_an_unknown_name() {
        let error = fill_in(Path::new("x.yaml"), "a: 1\nb: ${NAME}\n", &[]).unwrap_err();
        assert_eq!(error.to_string(), "x.yaml:2: ${NAME} has no value");
    }

    #[test]
    fn examples_are_readable() {
        let values = [
            ("CLUSTER_NAME", "eks-blueprint-blue"),
            ("ENV", "blue"),
            ("DOMAIN", "example.org"),
            ("WEIGHT", "100"),
        ]
        .map(|(name, value)| (name, value.to_owned()));
        for (place, text) in EXAMPLES {
            let text = fill_in(Path::new(place), text, &values).unwrap();
            assert!(!parse(Path::new(place), &text).unwrap().is_empty());
        }
    }
}
