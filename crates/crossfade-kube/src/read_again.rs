//! Reads that a server in trouble could not answer are made again, a few times and within two seconds.
//!
//! The client itself waits out 429, 503 and 504. A 500 or 502 may come after a write was carried out, so only reads are
//! repeated here. A server that cannot be reached at all is not asked again: whoever asked decides, and soon.

use std::time::Duration;

use http::{Method, Request, Response, StatusCode};
use kube::client::Body;
use tokio::time::{Sleep, sleep};
use tower::retry::Policy;

/// Five questions in all: one of three fails in a bad hour, so fewer than one of a hundred fails five times.
const AGAIN_MAX: u32 = 4;
/// First wait, doubled each time: 1.5 s in all, a tenth of a lease.
const FIRST_WAIT: Duration = Duration::from_millis(100);

/// Whether and when one request is made again.
#[derive(Clone, Debug, Default)]
pub(crate) struct ReadAgain {
    times: u32,
}

impl<B, E> Policy<Request<Body>, Response<B>, E> for ReadAgain {
    type Future = Sleep;

    fn retry(&mut self, _request: &mut Request<Body>, result: &mut Result<Response<B>, E>) -> Option<Sleep> {
        let status = result.as_ref().ok()?.status();
        let is_in_trouble = matches!(status, StatusCode::INTERNAL_SERVER_ERROR | StatusCode::BAD_GATEWAY);
        if !is_in_trouble || self.times >= AGAIN_MAX {
            return None;
        }
        self.times += 1;
        Some(sleep(FIRST_WAIT * 2_u32.pow(self.times - 1)))
    }

    fn clone_request(&mut self, request: &Request<Body>) -> Option<Request<Body>> {
        if !is_read(request) {
            return None;
        }
        let mut copy = Request::new(request.body().try_clone()?);
        *copy.method_mut() = request.method().clone();
        *copy.uri_mut() = request.uri().clone();
        *copy.version_mut() = request.version();
        *copy.headers_mut() = request.headers().clone();
        *copy.extensions_mut() = request.extensions().clone();
        Some(copy)
    }
}

/// A question about rights is posted, but makes nothing.
fn is_read(request: &Request<Body>) -> bool {
    let is_question = request.uri().path().ends_with("/selfsubjectaccessreviews");
    request.method() == Method::GET || (request.method() == Method::POST && is_question)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mk_request(method: Method) -> Request<Body> {
        let mut request = Request::new(Body::empty());
        *request.method_mut() = method;
        request
    }

    fn answered(status: StatusCode) -> Response<()> {
        let mut response = Response::new(());
        *response.status_mut() = status;
        response
    }

    #[tokio::test]
    async fn a_read_is_made_again_a_few_times() {
        let mut policy = ReadAgain::default();
        let mut request = mk_request(Method::GET);
        let mut trouble = Ok::<_, ()>(answered(StatusCode::INTERNAL_SERVER_ERROR));
        for _ in 0..AGAIN_MAX {
            assert!(policy.retry(&mut request, &mut trouble).is_some());
        }
        assert!(policy.retry(&mut request, &mut trouble).is_none());
    }

    #[tokio::test]
    async fn what_is_answered_or_out_of_reach_is_not_asked_again() {
        let mut request = mk_request(Method::GET);
        for mut result in [Ok(answered(StatusCode::OK)), Ok(answered(StatusCode::NOT_FOUND)), Err(())] {
            assert!(ReadAgain::default().retry(&mut request, &mut result).is_none(), "{result:?}");
        }
    }

    #[test]
    fn a_write_is_never_made_again() {
        let copied = |method| {
            let request = mk_request(method);
            <ReadAgain as Policy<_, Response<()>, ()>>::clone_request(&mut ReadAgain::default(), &request)
        };
        assert!(copied(Method::GET).is_some());
        let mut question = mk_request(Method::POST);
        *question.uri_mut() =
            http::Uri::from_static("/apis/authorization.k8s.io/v1/selfsubjectaccessreviews");
        assert!(is_read(&question));
        for method in [Method::POST, Method::PUT, Method::PATCH, Method::DELETE] {
            assert!(copied(method.clone()).is_none(), "{method}");
        }
    }
}
