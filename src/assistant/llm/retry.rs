//! How often a request is sent again.

use std::{future::Future, pin::Pin};

use async_openai::{
    error::OpenAIError,
    middleware::{HttpRequestFactory, retry::SimpleRetryPolicy},
};
use reqwest::{Response, header::RETRY_AFTER};
use tower::retry::Policy;

/// The longest `Retry-After` that is waited for, in seconds. Who is told to wait for longer asks another endpoint, or a
/// person.
const MAX_RETRY_AFTER: u64 = 5;

/// The library's policy (three times, on 429, 5xx and failed connections), which by itself would obey any `Retry-After`.
#[derive(Clone, Default)]
pub(super) struct Patience(SimpleRetryPolicy);

impl Policy<HttpRequestFactory, Response, OpenAIError> for Patience {
    type Future = Pin<Box<dyn Future<Output = ()> + Send + 'static>>;

    fn retry(
        &mut self,
        request: &mut HttpRequestFactory,
        result: &mut Result<Response, OpenAIError>,
    ) -> Option<Self::Future> {
        let after = result.as_ref().ok().and_then(|response| response.headers().get(RETRY_AFTER));
        let seconds = after.and_then(|value| value.to_str().ok()?.trim().parse::<u128>().ok());
        if seconds.is_some_and(|seconds| seconds > u128::from(MAX_RETRY_AFTER)) {
            return None;
        }
        self.0.retry(request, result)
    }

    fn clone_request(&mut self, request: &HttpRequestFactory) -> Option<HttpRequestFactory> {
        self.0.clone_request(request)
    }
}
