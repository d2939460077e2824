//! What surrounds every request: its id, its time limit, its log line, its headers, and the rendering of errors.

use std::{
    any::Any,
    time::{Duration, Instant},
};

use axum::{
    extract::{MatchedPath, Request, State},
    http::{
        HeaderMap, HeaderName, HeaderValue, StatusCode,
        header::{ALLOW, CACHE_CONTROL, X_CONTENT_TYPE_OPTIONS},
    },
    middleware::Next,
    response::{IntoResponse, Response},
};
use tracing::Instrument;
use uuid::Uuid;

use super::{Api, ApiError, rates::Standing, wire::Timestamp};
use crate::traces;

/// The caller's trace (W3C Trace Context §3.2).
const TRACE_PARENT: HeaderName = HeaderName::from_static("traceparent");
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// The longest request id that is taken over from the caller, in characters.
const LONGEST_ID: usize = 64;

/// The outermost layer: gives the request its id, renders an error, sets the headers, writes the log line.
pub(super) async fn frame(State(api): State<Api>, request: Request, next: Next) -> Response {
    let begun = Instant::now();
    let id = request_id(request.headers());
    let method = request.method().clone();
    // The template, not the path: paths and query strings can hold addresses.
    let route = request.extensions().get::<MatchedPath>().cloned();
    let template = route.as_ref().map_or("none", MatchedPath::as_str);
    let span = traces::request(&id, method.as_str(), template);
    if api.proxies.vouches_for(&request) {
        traces::adopt(&span, request.headers().get(TRACE_PARENT).and_then(|value| value.to_str().ok()));
    }
    let response = next.run(request).instrument(span.clone()).await;
    let standing = response.extensions().get::<Standing>().copied();
    let now = api.helpdesk.clock().now();
    let mut response = rendered(response, Timestamp(now), &id);
    let headers = response.headers_mut();
    if let Some(standing) = standing {
        standing.note(headers, now);
        if let Some(role) = standing.refused() {
            api.metrics.http.refused(role);
        }
    }
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if let Ok(value) = HeaderValue::from_str(&id) {
        headers.insert(REQUEST_ID, value);
    }
    let (status, took) = (response.status().as_u16(), begun.elapsed());
    api.metrics.http.answered(method.as_str(), template, status, took);
    traces::answered(&span, method.as_str(), template, status);
    tracing::info!(
        %method,
        route = template,
        status,
        duration_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
        request_id = id,
        "answered a request"
    );
    response
}

/// The caller's own id if it is harmless in logs and headers, else a new one.
fn request_id(headers: &HeaderMap) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte);
    headers
        .get(REQUEST_ID)
        .and_then(|value| value.to_str().ok())
        .filter(|id| (1..=LONGEST_ID).contains(&id.len()) && id.bytes().all(is_plain))
        .map_or_else(|| Uuid::now_v7().to_string(), ToOwned::to_owned)
}

/// Replaces an error's empty response by its envelope, and whatever a library answered in its own words, too.
fn rendered(response: Response, at: Timestamp, id: &str) -> Response {
    let status = response.status();
    let error = match response.extensions().get::<ApiError>() {
        Some(error) => error.clone(),
        None if is_foreign_failure(&response) => foreign(status),
        None => return response,
    };
    let allow = response.headers().get(ALLOW).cloned();
    let mut envelope = error.render(at, id);
    if let Some(allow) = allow {
        envelope.headers_mut().insert(ALLOW, allow);
    }
    envelope
}

/// A failure that is not ours; `/healthz` answers 503 with a JSON body of its own.
fn is_foreign_failure(response: &Response) -> bool {
    let status = response.status();
    let is_json = response.headers().get("content-type").is_some_and(|value| value == "application/json");
    (status.is_client_error() || status.is_server_error()) && !is_json
}

fn foreign(status: StatusCode) -> ApiError {
    match status {
        StatusCode::NOT_FOUND => ApiError::NotFound("this was not found".to_owned()),
        StatusCode::METHOD_NOT_ALLOWED => ApiError::MethodNotAllowed,
        StatusCode::PAYLOAD_TOO_LARGE => ApiError::TooLarge,
        StatusCode::UNSUPPORTED_MEDIA_TYPE => ApiError::UnsupportedMediaType,
        other if other.is_client_error() => ApiError::BadRequest("the request cannot be read".to_owned()),
        other => ApiError::Internal(format!("a layer answered {other}")),
    }
}

/// Bounds the time of a request. What it had already handed to the helpdesk is stored all the same.
pub(super) async fn limit_time(State(limit): State<Duration>, request: Request, next: Next) -> Response {
    tokio::time::timeout(limit, next.run(request)).await.unwrap_or_else(|_| {
        let reason = "the request took too long; it may have been carried out all the same";
        ApiError::Unavailable(reason.to_owned()).into_response()
    })
}

/// A handler panicked. The text is left to the panic hook: it can quote what the handler worked on.
pub(super) fn panicked(_: Box<dyn Any + Send>) -> Response {
    ApiError::Internal("the handler panicked".to_owned()).into_response()
}
