//! Where a repository is: a mapped clone, a path, or a remote of one of the transports that are allowed.

use std::path::PathBuf;

use sha2::{Digest, Sha256};

use crate::encoding::hexadecimal;

/// Where a repository is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Location {
    Local(PathBuf),
    Remote(String),
}

impl Location {
    /// As git takes it.
    pub(super) fn argument(&self) -> &str {
        match self {
            // A path that is no text cannot have come from an object.
            Location::Local(dir) => dir.to_str().unwrap_or_default(),
            Location::Remote(url) => url,
        }
    }
}

/// Finds the location of a URL; `mapped` wins over everything.
pub(super) fn locate(url: &str, mapped: &[(String, PathBuf)]) -> Result<Location, String> {
    let wanted = normalized(url);
    if let Some((_, dir)) = mapped.iter().find(|(known, _)| normalized(known) == wanted) {
        return Ok(Location::Local(dir.clone()));
    }
    if let Some(path) = url.strip_prefix("file://") {
        return Ok(Location::Local(PathBuf::from(path)));
    }
    if url.starts_with('/') {
        return Ok(Location::Local(PathBuf::from(url)));
    }
    let is_scp_like = !url.contains("://") && url.contains('@') && url.contains(':');
    if !url.starts_with('-') && (url.starts_with("https://") || url.starts_with("ssh://") || is_scp_like) {
        return Ok(Location::Remote(url.to_owned()));
    }
    Err(format!("repository {url:?} cannot be initialized: repo URL is invalid"))
}

/// The same text for every way to write one repository: `git@host:path`, `https://host/path.git`, `ssh://git@host/path`.
fn normalized(url: &str) -> String {
    let url = url.trim().trim_end_matches('/');
    let url = url.strip_suffix(".git").unwrap_or(url);
    let (rest, is_scp_like) = match url.split_once("://") {
        Some((_, rest)) => (rest, false),
        None => (url, !url.starts_with('/')),
    };
    let (host, path) = if is_scp_like {
        rest.split_once(':').or_else(|| rest.split_once('/')).unwrap_or((rest, ""))
    } else {
        rest.split_once('/').unwrap_or((rest, ""))
    };
    let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
    format!("{}/{}", host.to_lowercase(), path.trim_start_matches('/').to_lowercase())
}

/// A name for the clone's directory that no other location has, and none that is opened otherwise.
pub(super) fn directory_name(location: &Location, fingerprint: &str) -> String {
    let digest = Sha256::digest(format!("{}\n{fingerprint}", location.argument()).as_bytes());
    hexadecimal(&digest[..12])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_repository_has_one_name() {
        let forms = [
            "git@github.com:aws-samples/eks-blueprints-workloads",
            "git@github.com:aws-samples/eks-blueprints-workloads.git",
            "https://github.com/aws-samples/eks-blueprints-workloads",
            "https://GitHub.com/aws-samples/eks-blueprints-workloads.git/",
            "ssh://git@github.com/aws-samples/eks-blueprints-workloads",
        ];
        let mapped =
            [("https://github.com/aws-samples/eks-blueprints-workloads".to_owned(), "/clone".into())];
        for form in forms {
            assert_eq!(locate(form, &mapped), Ok(Location::Local("/clone".into())), "{form}");
        }
        assert_eq!(
            locate("https://github.com/aws-samples/other", &mapped),
            Ok(Location::Remote("https://github.com/aws-samples/other".to_owned()))
        );
    }

    #[test]
    fn other_transports_are_refused() {
        for url in ["ext::sh -c x", "--upload-pack=x", "http://host/x", "git://host/x", ""] {
            assert!(locate(url, &[]).is_err(), "{url}");
        }
        assert_eq!(locate("file:///srv/git/a", &[]), Ok(Location::Local("/srv/git/a".into())));
    }
}
