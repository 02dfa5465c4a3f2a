//! A request as far as the API looks at it: method, path, query, body, and the scope of its signature.

use std::collections::BTreeMap;

use bytes::Bytes;
use http::{HeaderMap, Method, header};

use crate::error::ApiError;

/// A request whose body has been read.
#[derive(Clone, Debug)]
pub(crate) struct ApiRequest {
    pub(crate) method: Method,
    /// The parts of the path between slashes, percent-decoded; no empty ones.
    pub(crate) path: Vec<String>,
    pub(crate) query: BTreeMap<String, String>,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl ApiRequest {
    /// Takes a request apart.
    pub(crate) fn new(parts: &http::request::Parts, body: Bytes) -> Self {
        let path = parts.uri.path().split('/').filter(|part| !part.is_empty()).map(percent_decoded).collect();
        Self {
            method: parts.method.clone(),
            path,
            query: form(parts.uri.query().unwrap_or_default()),
            headers: parts.headers.clone(),
            body,
        }
    }

    /// The service that the request is signed for: the fourth part of the credential's scope in a Signature Version 4
    /// header (`Credential=KEY/20261124/eu-west-1/route53/aws4_request`).
    pub(crate) fn signed_for(&self) -> Result<&str, ApiError> {
        let authorization =
            self.headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
        authorization
            .split_once("Credential=")
            .and_then(|(_, rest)| rest.split([',', ' ']).next())
            .and_then(|scope| scope.rsplit('/').nth(1))
            .ok_or(ApiError::MissingAuthenticationToken)
    }

    /// A parameter of the query; an empty one counts as absent.
    pub(crate) fn parameter(&self, name: &str) -> Option<&str> {
        self.query.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// The page size asked for, at most `maximum`, which is also the default unless another is given.
    pub(crate) fn max_items(&self, default: usize, maximum: usize) -> Result<usize, ApiError> {
        let Some(text) = self.parameter("maxitems") else {
            return Ok(default);
        };
        match text.parse::<usize>() {
            Ok(0) | Err(_) => Err(ApiError::InvalidInput {
                message: format!("The maxitems parameter '{text}' is not a positive number."),
            }),
            Ok(number) => Ok(number.min(maximum)),
        }
    }
}

/// The fields of a query or a form.
pub(crate) fn form(text: &str) -> BTreeMap<String, String> {
    text.split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let decoded = |text: &str| percent_decoded(&text.replace('+', " "));
            (decoded(name), decoded(value))
        })
        .collect()
}

fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let code = tail
            .get(..2)
            .filter(|digits| *first == b'%' && digits.iter().all(u8::is_ascii_hexdigit))
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        bytes.push(code.unwrap_or(*first));
        rest = if code.is_some() { &tail[2..] } else { tail };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests {
    use super::*;

    fn mk_request(uri: &str, authorization: Option<&str>) -> ApiRequest {
        let mut builder = http::Request::builder().uri(uri);
        if let Some(authorization) = authorization {
            builder = builder.header("authorization", authorization);
        }
        let (parts, ()) = builder.body(()).unwrap().into_parts();
        ApiRequest::new(&parts, Bytes::new())
    }

    #[test]
    fn decodes_path_and_query() {
        let request = mk_request("/2013-04-01/hostedzone/Z1/rrset/?name=%5C052.a&type=A&x", None);
        assert_eq!(request.path, ["2013-04-01", "hostedzone", "Z1", "rrset"]);
        assert_eq!(request.parameter("name"), Some("\\052.a"));
        assert_eq!(request.parameter("x"), None);
        assert_eq!(form("a=1+2&b=%zz%2")["b"], "%zz%2");
    }

    #[test]
    fn finds_the_service_in_the_credential_scope() {
        let header = "AWS4-HMAC-SHA256 Credential=KEY/20261124/us-east-1/route53/aws4_request, SignedHeaders=host, \
                      Signature=00";
        assert_eq!(mk_request("/", Some(header)).signed_for().unwrap(), "route53");
        assert!(mk_request("/", None).signed_for().is_err());
        assert!(mk_request("/", Some("Basic eDp5")).signed_for().is_err());
    }

    #[test]
    fn page_sizes_are_cut_to_the_maximum() {
        let items = |query: &str| mk_request(query, None).max_items(100, 300);
        assert_eq!(items("/").unwrap(), 100);
        assert_eq!(items("/?maxitems=1000").unwrap(), 300);
        assert!(items("/?maxitems=0").is_err());
        assert!(items("/?maxitems=x").is_err());
    }
}
