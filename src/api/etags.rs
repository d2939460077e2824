//! Every GET that answers JSON has an entity tag, made of the answer's bytes; who has that answer already gets 304
//! (RFC 9110 §13.1.2).
//!
//! It saves the wire and no query. Large answers (`portion`) do the same by themselves, before they are on their way.

use axum::{
    body::{Body, to_bytes},
    extract::Request,
    http::{
        HeaderValue, Method, StatusCode,
        header::{CONTENT_LENGTH, CONTENT_TYPE, ETAG, IF_NONE_MATCH},
    },
    middleware::Next,
    response::{IntoResponse, Response},
};

use super::{
    ApiError,
    entity_tag::EntityTags,
    if_none_match::{self, IfNoneMatch},
};

/// The largest answer that is gathered for its tag, in bytes; lists are pages, so none is.
const ANSWER: usize = 16 * 1024 * 1024;

/// The version of one thing, which its entity tag begins with, so that the tag is good for `If-Match`, too.
#[derive(Clone, Copy, Debug)]
pub(super) struct Version(pub i64);

/// In front of handlers.
pub(super) async fn tag(request: Request, next: Next) -> Result<Response, ApiError> {
    if request.method() != Method::GET {
        return Ok(next.run(request).await);
    }
    let tags = EntityTags::of(request.headers(), &IF_NONE_MATCH).map(IfNoneMatch::from);
    let response = next.run(request).await;
    let headers = response.headers();
    let is_json = headers.get(CONTENT_TYPE).is_some_and(|kind| kind == "application/json");
    if response.status() != StatusCode::OK || !is_json {
        return Ok(response);
    }
    let Some(known) = tags else { return Err(if_none_match::malformed()) };
    // What has a tag of its own keeps it.
    if let Some(own) = headers.get(ETAG).cloned() {
        let tag = own.to_str().unwrap_or_default().trim_matches('"').to_owned();
        return Ok(if known.has(&tag) { (StatusCode::NOT_MODIFIED, [(ETAG, own)]).into_response() } else { response });
    }
    let version = response.extensions().get::<Version>().map(|Version(version)| format!("{version}-"));
    let (mut head, body) = response.into_parts();
    let bytes = to_bytes(body, ANSWER).await.map_err(|error| ApiError::Internal(error.to_string()))?;
    let tag = version.unwrap_or_default() + &if_none_match::tag(&bytes);
    if let Ok(quoted) = HeaderValue::try_from(format!("\"{tag}\"")) {
        head.headers.insert(ETAG, quoted);
    }
    if known.has(&tag) {
        head.status = StatusCode::NOT_MODIFIED;
        head.headers.remove(CONTENT_TYPE);
        head.headers.remove(CONTENT_LENGTH);
        return Ok((head.status, head.headers).into_response());
    }
    Ok(Response::from_parts(head, Body::from(bytes)))
}
