//! A registry of OCI artifacts, as far as charts need it: tags, a manifest, one blob, and the token that is asked for.
//!
//! <https://github.com/opencontainers/distribution-spec>, and Docker's token authentication. A blob is what its digest says.

use std::collections::HashMap;
use std::sync::Mutex;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::StatusCode;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::http::{Answer, Ask, Client, joined};
use super::{ARCHIVE_BYTES_MAX, Failure};
use crate::encoding::{hexadecimal, percent_encoded};
use crate::keyring::Access;
use crate::lock::lock;
use crate::object::{list, text};

/// What helm calls the layer of a chart, now and before.
const CHART_LAYERS: [&str; 2] =
    ["application/vnd.cncf.helm.chart.content.v1.tar+gzip", "application/tar+gzip"];
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
/// The specification says that registries take at least this much.
const MANIFEST_BYTES_MAX: usize = 4 << 20;
/// A token is some kilobytes; a page of a thousand tags some ten.
const ANSWER_BYTES_MAX: usize = 1 << 20;
/// Pages of tags: a hundred thousand.
const PAGES_MAX: usize = 100;

/// One registry, with the path that its repositories begin with.
pub(super) struct Oci {
    client: Client,
    /// `https://host`
    origin: String,
    path: String,
    access: Access,
    /// `Authorization` by repository, as it was last let in.
    let_in: Mutex<HashMap<String, String>>,
}

impl Oci {
    /// `url` is `host/path`, with or without `oci://`.
    pub(super) fn new(url: &str, access: &Access) -> Oci {
        let url = url.strip_prefix("oci://").unwrap_or(url).trim_end_matches('/');
        let url = url.strip_prefix("https://").unwrap_or(url);
        let (host, path) = url.split_once('/').unwrap_or((url, ""));
        // What everybody calls by the one name answers at the other.
        let host = if host == "docker.io" { "registry-1.docker.io" } else { host };
        let scheme = if access.is_plain_http { "http" } else { "https" };
        Oci {
            client: Client::new(access),
            origin: format!("{scheme}://{host}"),
            path: path.to_owned(),
            access: access.clone(),
            let_in: Mutex::default(),
        }
    }

    /// All tags of a chart; `+` of a version is `_` in a tag.
    pub(super) async fn tags(&self, chart: &str) -> Result<Vec<String>, Failure> {
        let repository = self.repository(chart)?;
        let mut url = format!("{}/v2/{repository}/tags/list?n=1000", self.origin);
        let mut tags = Vec::new();
        for _ in 0..PAGES_MAX {
            let answer = self.get(&repository, &url, "application/json", ANSWER_BYTES_MAX).await?;
            let page: Value = serde_json::from_slice(&answer.body)
                .map_err(|error| Failure::refused(format!("GET \"{url}\": {error}")))?;
            tags.extend(list(&page["tags"]).iter().map(|tag| text(tag).replace('_', "+")));
            let next = answer.header("link").and_then(|link| link.split_once('<')?.1.split_once('>'));
            let Some((next, _)) = next else { return Ok(tags) };
            let next = joined(&url, next);
            // Credentials go with it.
            if !next.starts_with(&format!("{}/", self.origin)) {
                return Err(Failure::refused(format!("GET \"{url}\": the next page is at {next}")));
            }
            url = next;
        }
        Ok(tags)
    }

    /// The archive of a chart in a version.
    pub(super) async fn archive(&self, chart: &str, version: &str) -> Result<Bytes, Failure> {
        let repository = self.repository(chart)?;
        let tag = version.replace('+', "_");
        let url = format!("{}/v2/{repository}/manifests/{tag}", self.origin);
        let answer = self.get(&repository, &url, MANIFEST, MANIFEST_BYTES_MAX).await?;
        let (digest, size) = chart_layer(&answer.body).map_err(Failure::refused)?;
        if size > ARCHIVE_BYTES_MAX as u64 {
            return Err(Failure::refused(format!(
                "the chart has {size} bytes, more than {ARCHIVE_BYTES_MAX}"
            )));
        }
        let url = format!("{}/v2/{repository}/blobs/{digest}", self.origin);
        let answer = self.get(&repository, &url, "", ARCHIVE_BYTES_MAX).await?;
        let found = format!("sha256:{}", hexadecimal(&Sha256::digest(&answer.body)));
        if found != digest {
            return Err(Failure::refused(format!("the blob is {found} and not {digest}")));
        }
        Ok(answer.body)
    }

    fn repository(&self, chart: &str) -> Result<String, Failure> {
        let name = if self.path.is_empty() { chart.to_owned() } else { format!("{}/{chart}", self.path) };
        let is_plain = |step: &str| {
            let mut letters = step.bytes();
            letters.all(|letter| letter.is_ascii_alphanumeric() || b"._-".contains(&letter))
                && !step.trim_matches('.').is_empty()
        };
        if name.split('/').all(is_plain) {
            Ok(name)
        } else {
            Err(Failure::refused(format!("invalid reference: invalid repository {name:?}")))
        }
    }

    /// One answer that is well, after showing credentials where they are asked for.
    async fn get(
        &self,
        repository: &str,
        url: &str,
        accept: &str,
        bytes_max: usize,
    ) -> Result<Answer, Failure> {
        let known = self.let_in().get(repository).cloned();
        let mut answer = self.ask(url, accept, known.as_deref(), bytes_max).await?;
        if answer.status == StatusCode::UNAUTHORIZED
            && let Some(challenge) = answer.header("www-authenticate")
            && let Some(authorization) = self.authorization(challenge, repository).await?
        {
            answer = self.ask(url, accept, Some(&authorization), bytes_max).await?;
            if answer.status.is_success() {
                self.let_in().insert(repository.to_owned(), authorization);
            }
        }
        if answer.status.is_success() {
            return Ok(answer);
        }
        Err(Failure::refused(format!("GET \"{url}\": {}", refusal(&answer))))
    }

    async fn ask(
        &self,
        url: &str,
        accept: &str,
        authorization: Option<&str>,
        bytes_max: usize,
    ) -> Result<Answer, Failure> {
        let ask = Ask { url, accept, authorization, known_tag: None, bytes_max };
        self.client.get(&ask).await.map_err(|cause| Failure::out_of_reach(format!("Get \"{url}\": {cause}")))
    }

    /// What a challenge is answered with; `None` when there is nothing to answer.
    async fn authorization(&self, challenge: &str, repository: &str) -> Result<Option<String>, Failure> {
        let (scheme, parameters) = challenge.split_once(' ').unwrap_or((challenge, ""));
        if scheme.eq_ignore_ascii_case("basic") {
            return Ok(basic(&self.access));
        }
        if !scheme.eq_ignore_ascii_case("bearer") {
            return Ok(None);
        }
        let Some(realm) = parameter(parameters, "realm") else { return Ok(None) };
        if !realm.starts_with("https://") && !self.access.is_plain_http {
            return Err(Failure::refused(format!("its tokens are at {realm}, which is not encrypted")));
        }
        let scope = parameter(parameters, "scope").unwrap_or_else(|| format!("repository:{repository}:pull"));
        let service = parameter(parameters, "service").unwrap_or_default();
        let query = format!("service={}&scope={}", percent_encoded(&service), percent_encoded(&scope));
        let url = format!("{realm}{}{query}", if realm.contains('?') { '&' } else { '?' });
        let authorization = basic(&self.access);
        let answer = self.ask(&url, "application/json", authorization.as_deref(), ANSWER_BYTES_MAX).await?;
        if !answer.status.is_success() {
            return Err(Failure::refused(format!("GET \"{realm}\": {}", refusal(&answer))));
        }
        let said: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        let token = ["token", "access_token"].map(|field| text(&said[field]).to_owned());
        Ok(token.into_iter().find(|token| !token.is_empty()).map(|token| format!("Bearer {token}")))
    }

    fn let_in(&self) -> std::sync::MutexGuard<'_, HashMap<String, String>> {
        lock(&self.let_in)
    }
}

/// `Authorization` of a name and a password; `None` without them.
pub(super) fn basic(access: &Access) -> Option<String> {
    let is_there = !access.username.is_empty() || !access.password.is_empty();
    is_there.then(|| format!("Basic {}", STANDARD.encode(format!("{}:{}", access.username, access.password))))
}

/// Digest and size of the layer that is the chart.
fn chart_layer(manifest: &[u8]) -> Result<(String, u64), String> {
    let manifest: Value = serde_json::from_slice(manifest).map_err(|error| error.to_string())?;
    let mut layers = list(&manifest["layers"]).iter();
    let layer = layers.find(|layer| CHART_LAYERS.contains(&text(&layer["mediaType"])));
    let layer = layer.ok_or_else(|| {
        "manifest does not contain a layer with mediatype application/vnd.cncf.helm.chart.content.v1.tar+gzip"
            .to_owned()
    })?;
    let digest = text(&layer["digest"]);
    let digits = digest.strip_prefix("sha256:").unwrap_or_default();
    if digits.len() != 64 || !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return Err(format!("unsupported digest {digest:?}"));
    }
    Ok((digest.to_owned(), layer["size"].as_u64().unwrap_or(u64::MAX)))
}

/// `name="value"` of a challenge.
fn parameter(parameters: &str, name: &str) -> Option<String> {
    let start = format!("{name}=\"");
    let after = parameters.split_once(&start)?.1;
    Some(after.split_once('"')?.0.to_owned())
}

/// What a registry says with a refusal.
fn refusal(answer: &Answer) -> String {
    let said: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    let message = list(&said["errors"]).first().map(|error| text(&error["message"]).to_owned());
    let status = answer.status;
    let message = message.filter(|message| !message.is_empty());
    let message = message.unwrap_or_else(|| status.canonical_reason().unwrap_or_default().to_lowercase());
    format!("response status code {}: {message}", status.as_u16())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn challenges_and_names_are_read() {
        let parameters =
            "realm=\"https://auth.example.org/token\",service=\"reg\",scope=\"repository:a/b:pull\"";
        assert_eq!(parameter(parameters, "realm").as_deref(), Some("https://auth.example.org/token"));
        assert_eq!(parameter(parameters, "scope").as_deref(), Some("repository:a/b:pull"));
        assert_eq!(parameter(parameters, "none"), None);
        let oci = Oci::new("oci://public.ecr.aws/karpenter/", &Access::default());
        assert_eq!(oci.repository("karpenter").ok().as_deref(), Some("karpenter/karpenter"));
        for name in ["../x", "a//b", "a b", "a?x=1", ""] {
            assert!(oci.repository(name).is_err(), "{name}");
        }
    }

    #[test]
    fn a_manifest_without_a_chart_is_refused() {
        let digest = format!("sha256:{}", "a".repeat(64));
        let of = |media: &str, digest: &str| {
            let manifest = serde_json::json!({"layers": [{"mediaType": media, "digest": digest, "size": 7}]});
            chart_layer(manifest.to_string().as_bytes())
        };
        assert_eq!(of(CHART_LAYERS[0], &digest), Ok((digest.clone(), 7)));
        assert!(of("application/octet-stream", &digest).is_err());
        assert!(of(CHART_LAYERS[0], "sha256:../../x").is_err());
        assert!(of(CHART_LAYERS[0], "md5:abc").is_err());
    }
}
