//! Headers of answers, described once for all routes. Which ones an answer has follows from what it is.

use std::collections::BTreeMap;

use axum::http::StatusCode;
use utoipa::{
    ToSchema,
    openapi::{Content, Header, Object, Ref, RefOr, Response, Type, path::Operation},
};

use super::super::{proposal::ProposalOut, ticket::TicketOut, webhook::WebhookOut};

const ETAG: &str = "ETag";
const REPLAYED: &str = "Idempotency-Replayed";
const RETRY_AFTER: &str = "Retry-After";
const WWW_AUTHENTICATE: &str = "WWW-Authenticate";
const LIMIT: &str = "X-RateLimit-Limit";
const REMAINING: &str = "X-RateLimit-Remaining";
const RESET: &str = "X-RateLimit-Reset";
const REQUEST_ID: &str = "X-Request-Id";

/// What each says.
pub(super) fn described() -> BTreeMap<String, RefOr<Header>> {
    let all = [
        (
            ETAG,
            Type::String,
            "For `If-None-Match`. That of one thing is its version, or begins with it, and is good for `If-Match`, too. At 409 that \
             of `ticket`, where that is in the answer",
        ),
        (REPLAYED, Type::String, "`true` in an answer that is given again"),
        (RETRY_AFTER, Type::Integer, "After how many seconds to come again"),
        (WWW_AUTHENTICATE, Type::String, "What is wrong with the token (RFC 6750 §3)"),
        (LIMIT, Type::Integer, "Requests a second on the long run; where there is a limit, like the two that follow"),
        (REMAINING, Type::Integer, "Requests that may come at once now"),
        (RESET, Type::Integer, "When that is the whole burst again, in seconds since 1970"),
        (REQUEST_ID, Type::String, "The request's id, as in the log"),
    ];
    let described = |(name, kind, about): (&str, Type, &str)| {
        let mut header = Header::new(Object::with_type(kind));
        header.description = Some(about.to_owned());
        (name.to_owned(), RefOr::T(header))
    };
    all.map(described).into()
}

/// Adds to all answers of an operation the headers that they have, or may have. `has_key` is of those that may be asked twice,
/// `of_ticket` of those about one ticket.
pub(super) fn add(operation: &mut Operation, has_token: bool, has_key: bool, of_ticket: bool) {
    let answers = &mut operation.responses.responses;
    let is_tagged = answers.contains_key(StatusCode::NOT_MODIFIED.as_str());
    for (status, answer) in answers {
        let (Ok(status), RefOr::T(answer)) = (status.parse::<StatusCode>(), answer) else { continue };
        let mut names = vec![REQUEST_ID];
        if has_token {
            names.extend([LIMIT, REMAINING, RESET]);
            let has_tag = match status {
                StatusCode::OK | StatusCode::NOT_MODIFIED if is_tagged => true,
                StatusCode::CONFLICT => of_ticket,
                _ => status.is_success() && has_version(answer),
            };
            names.extend(has_tag.then_some(ETAG));
            names.extend(match status {
                StatusCode::UNAUTHORIZED => Some(WWW_AUTHENTICATE),
                StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => Some(RETRY_AFTER),
                // Another request with the same key still runs.
                StatusCode::CONFLICT if has_key => Some(RETRY_AFTER),
                _ if status.is_success() && has_key => Some(REPLAYED),
                _ => None,
            });
        }
        let header = |name: &str| RefOr::Ref(Ref::new(format!("#/components/headers/{name}")));
        answer.headers.extend(names.into_iter().map(|name| (name.to_owned(), header(name))));
    }
}

/// Whether it shows one thing that has a version.
fn has_version(answer: &Response) -> bool {
    let names = [TicketOut::name(), ProposalOut::name(), WebhookOut::name()];
    let things = names.map(|name| RefOr::Ref(Ref::from_schema_name(name)));
    answer
        .content
        .values()
        .any(|content| matches!(content, RefOr::T(Content { schema: Some(schema), .. }) if things.contains(schema)))
}
