//! From a request to the handler: authentication, authorization, paths.

use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, USER_AGENT};
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;

use super::answer::{self, Answer};
use super::call::{Call, Query, decode};
use super::{Context, discovery, logs, reading, reviews, scale, watching, writing};
use crate::error::{ApiError, Reason};
use crate::resource::{ResourceId, ResourceType};
use crate::{Access, User};
use std::sync::Arc;

/// Request bodies, as `--max-request-body-bytes` of a real server has it.
const BODY_BYTES_MAX: usize = 3 * 1024 * 1024;

/// A path below a group and version, with the resource it names.
pub(super) struct Place {
    pub(super) resource: Arc<ResourceType>,
    pub(super) version: String,
    pub(super) namespace: Option<String>,
    pub(super) name: Option<String>,
    pub(super) subresource: Option<String>,
}

impl Place {
    pub(super) fn id(&self) -> &ResourceId {
        &self.resource.id
    }

    /// Namespace for the store, which is empty for cluster-scoped objects.
    pub(super) fn namespace_text(&self) -> &str {
        self.namespace.as_deref().unwrap_or_default()
    }

    pub(super) fn name_text(&self) -> &str {
        self.name.as_deref().unwrap_or_default()
    }
}

pub(super) async fn answer(context: &Arc<Context>, request: Request<Incoming>) -> Answer {
    match handle(context, request).await {
        Ok(answer) => answer,
        Err(error) => answer::refusal(&error),
    }
}

async fn handle(context: &Arc<Context>, request: Request<Incoming>) -> Result<Answer, ApiError> {
    let (head, body) = request.into_parts();
    let header =
        |name| head.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
    let path = head.uri.path().to_owned();
    let authorization = header(AUTHORIZATION);
    // Probes of health and version need no credentials, as on a real server.
    if head.method == Method::GET && is_public(&path) && authorization.is_empty() {
        return Ok(public(context, &path));
    }
    let user = authenticate(context, &authorization)?;
    let body = read_body(body).await?;
    let call = Call {
        method: head.method.clone(),
        segments: path.split('/').filter(|part| !part.is_empty()).map(|part| decode(part, false)).collect(),
        query: Query::parse(head.uri.query().unwrap_or_default()),
        accept: header(ACCEPT),
        content_type: header(CONTENT_TYPE),
        user_agent: header(USER_AGENT),
        user,
        body,
        path,
    };
    let answer = route(context, &call);
    if let Err(error) = &answer
        && matches!(
            error.reason(),
            Reason::MethodNotAllowed | Reason::UnsupportedMediaType | Reason::NotAcceptable
        )
    {
        tracing::info!(method = %call.method, path = call.path, %error, "a request this server does not support");
    }
    answer
}

pub(super) fn is_public(path: &str) -> bool {
    path == "/version" || ["/healthz", "/livez", "/readyz"].iter().any(|prefix| path.starts_with(prefix))
}

fn public(context: &Context, path: &str) -> Answer {
    if path.trim_end_matches('/') == "/version" {
        return discovery::version(context);
    }
    answer::text(StatusCode::OK, "text/plain; charset=utf-8", Bytes::from_static(b"ok"))
}

fn authenticate(context: &Context, authorization: &str) -> Result<User, ApiError> {
    authorization
        .strip_prefix("Bearer ")
        .and_then(|token| {
            context.users.iter().find(|user| same(user.token.as_bytes(), token.trim().as_bytes()))
        })
        .cloned()
        .ok_or_else(|| ApiError::new(Reason::Unauthorized, "Unauthorized"))
}

/// Compares without an early exit, so that timing says nothing about a token.
fn same(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && a.iter().zip(b).fold(0, |difference, (x, y)| difference | (x ^ y)) == 0
}

async fn read_body(body: Incoming) -> Result<Bytes, ApiError> {
    match Limited::new(body, BODY_BYTES_MAX).collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.is::<http_body_util::LengthLimitError>() => Err(ApiError::new(
            Reason::RequestEntityTooLarge,
            format!("Request entity too large: limit is {BODY_BYTES_MAX}"),
        )),
        Err(error) => Err(ApiError::bad_request(format!("error reading the request body: {error}"))),
    }
}

fn route(context: &Arc<Context>, call: &Call) -> Result<Answer, ApiError> {
    let segments: Vec<&str> = call.segments.iter().map(String::as_str).collect();
    let (group, version, rest) = match segments.as_slice() {
        ["api", version, rest @ ..] if !rest.is_empty() => ("", *version, rest),
        ["apis", group, version, rest @ ..] if !rest.is_empty() => (*group, *version, rest),
        _ => return discovery::answer(context, call, &segments),
    };
    if let Some(answer) = reviews::answer(context, call, group, version, rest) {
        return answer;
    }
    let place = match place(context, group, version, rest) {
        Ok(place) => place,
        Err(error) => {
            tracing::info!(method = %call.method, path = call.path, "no such resource");
            return if is_built_in(group) { Err(error) } else { Ok(answer::page_not_found()) };
        }
    };
    authorize(call, &place)?;
    match (place.subresource.as_deref(), &call.method) {
        (None, &Method::GET) if call.query.is_true("watch") => watching::watch(context, call, &place),
        (None | Some("status"), &Method::GET) if place.name.is_some() => reading::get(context, call, &place),
        (None, &Method::GET) => reading::list(context, call, &place),
        (None, &Method::POST) if place.name.is_none() => writing::create(context, call, &place),
        (None | Some("status"), &Method::PUT) if place.name.is_some() => {
            writing::replace(context, call, &place)
        }
        (None | Some("status"), &Method::PATCH) if place.name.is_some() => {
            writing::patch(context, call, &place)
        }
        (None, &Method::DELETE) if place.name.is_some() => writing::delete(context, call, &place),
        (None, &Method::DELETE) => writing::delete_collection(context, call, &place),
        (Some("scale"), _) if place.name.is_some() => scale::answer(context, call, &place),
        (Some("log"), &Method::GET) if place.resource.is("", "pods") => logs::answer(context, call, &place),
        (Some("eviction"), &Method::POST) if place.resource.is("", "pods") => {
            writing::evict(context, call, &place)
        }
        (Some("finalize"), &Method::PUT) if place.resource.is("", "namespaces") => {
            writing::finalize(context, call, &place)
        }
        (None | Some("status"), _) => Err(ApiError::method_not_allowed()),
        (Some(subresource), _) => {
            tracing::info!(method = %call.method, path = call.path, subresource, "no such subresource");
            Err(ApiError::no_such_path())
        }
    }
}

fn place(context: &Context, group: &str, version: &str, rest: &[&str]) -> Result<Place, ApiError> {
    let (namespace, plural, after) = match rest {
        ["namespaces", namespace, plural, after @ ..]
            if !matches!(*plural, "status" | "finalize") || !group.is_empty() =>
        {
            (Some((*namespace).to_owned()), *plural, after)
        }
        [plural, after @ ..] => (None, *plural, after),
        [] => return Err(ApiError::no_such_path()),
    };
    let registry = context.store.registry();
    let resource =
        registry.get(&ResourceId::new(group, plural)).cloned().ok_or_else(ApiError::no_such_path)?;
    let served = resource.version(version).ok_or_else(ApiError::no_such_path)?;
    let (name, subresource) = match after {
        [] => (None, None),
        [name] => (Some((*name).to_owned()), None),
        [name, subresource] => (Some((*name).to_owned()), Some((*subresource).to_owned())),
        _ => return Err(ApiError::no_such_path()),
    };
    if subresource.as_deref() == Some("status") && !served.status {
        return Err(ApiError::no_such_path());
    }
    let scope_fits =
        if resource.namespaced { namespace.is_some() || name.is_none() } else { namespace.is_none() };
    if !scope_fits {
        return Err(ApiError::no_such_path());
    }
    Ok(Place { version: version.to_owned(), resource, namespace, name, subresource })
}

/// Whether a real server has this group without any definition. It answers for every path of it with a `Status`, and for
/// what it does not know in other groups with a plain text.
fn is_built_in(group: &str) -> bool {
    !group.contains('.') || group.ends_with(".k8s.io")
}

/// The verb of authorization.
fn verb(call: &Call, place: &Place) -> &'static str {
    match (call.method.as_str(), place.name.is_some()) {
        ("GET" | "HEAD", _) if call.query.is_true("watch") => "watch",
        ("GET" | "HEAD", true) => "get",
        ("GET" | "HEAD", false) => "list",
        ("POST", _) => "create",
        ("PUT", _) => "update",
        ("PATCH", _) => "patch",
        ("DELETE", true) => "delete",
        ("DELETE", false) => "deletecollection",
        _ => "unknown",
    }
}

fn authorize(call: &Call, place: &Place) -> Result<(), ApiError> {
    let verb = verb(call, place);
    if call.user.access == Access::Admin || matches!(verb, "get" | "list" | "watch") {
        return Ok(());
    }
    let id = place.id();
    let resource = match &place.subresource {
        Some(subresource) => format!("{}/{subresource}", id.plural),
        None => id.plural.clone(),
    };
    let scope = match &place.namespace {
        Some(namespace) => format!("in the namespace \"{namespace}\""),
        None => "at the cluster scope".to_owned(),
    };
    let why = format!(
        "User \"{}\" cannot {verb} resource \"{resource}\" in API group \"{}\" {scope}",
        call.user.name, id.group
    );
    Err(ApiError::forbidden(id, place.name_text(), &why))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_compared_whole() {
        assert!(same(b"abc", b"abc"));
        assert!(!same(b"abc", b"abd"));
        assert!(!same(b"abc", b"ab"));
    }
}
