//! The one place where a failure becomes a status and
//! `{"error":{"code","message","timestamp","requestId"}}`.
//!
//! An answer 409 to somebody who was overtaken has the ticket as it is now beside the error, under `ticket`.
//!
//! A handler returns an [`ApiError`]; it travels in the response's extensions to `request::frame`, which knows the
//! request's id and renders it. A value that is well formed but not acceptable is 422 in a body and 400 in a
//! query string; the message names it either way.

use axum::{
    Json,
    http::{
        HeaderValue, StatusCode,
        header::{CONNECTION, ETAG, RETRY_AFTER, WWW_AUTHENTICATE},
    },
    response::{IntoResponse, Response},
};
use serde::Serialize;
use utoipa::ToSchema;

use super::{if_match, ticket::TicketOut, token::TokenError, wire::Timestamp};
use crate::helpdesk::{Caller, Error, Helpdesk};

/// When to come again after an answer that says that it was too much at once.
const RETRY_SECONDS: u64 = 5;

/// Why a request failed.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ApiError {
    /// 400: the request cannot be read; the text says what is wrong with it.
    #[error("{0}")]
    BadRequest(String),
    /// 401: no token, or one that does not hold.
    #[error(transparent)]
    Unauthorized(TokenError),
    /// 403: the caller may not do this.
    #[error("{0}")]
    Forbidden(String),
    /// 404: there is no such thing, or the caller may not know of it.
    #[error("{0}")]
    NotFound(String),
    /// 405: the route has other methods, which `Allow` lists.
    #[error("this route does not have this method; the header Allow lists those it has")]
    MethodNotAllowed,
    /// 408: the body did not arrive in time.
    #[error("the request's body did not arrive in time")]
    BodyTimeout,
    /// 409: the ticket is in a state that does not allow this.
    #[error("{0}")]
    Conflict(String),
    /// 409: another was faster. The body has the ticket as it is now, beside the error.
    #[error("{reason}")]
    Overtaken {
        /// What has happened.
        reason: String,
        /// As the caller may see it.
        ticket: Box<TicketOut>,
    },
    /// 413: the body is larger than [`MAX_REQUEST`](super::MAX_REQUEST).
    #[error("the request's body is larger than {} bytes", super::MAX_REQUEST)]
    TooLarge,
    /// 415: the body is not declared as JSON.
    #[error("the body must be JSON, with the header Content-Type: application/json")]
    UnsupportedMediaType,
    /// 409: the first request with this key has not ended yet.
    #[error("a request with this Idempotency-Key is still running; please try again in a few seconds")]
    StillRunning,
    /// 422: the key belongs to another request.
    #[error("this Idempotency-Key was used for another request: a new request needs a new key")]
    KeyReused,
    /// 422: a value of the body is not acceptable; the text names it.
    #[error("{0}")]
    Invalid(String),
    /// 429: a limit of the desk.
    #[error("{0}")]
    TooMany(String),
    /// 429: the caller reads so much at once that this had no place.
    #[error("this caller reads too much at once; please try again in a few seconds")]
    Crowded,
    /// 429: more requests than the caller may make.
    #[error("too many requests; please try again in {seconds} s")]
    TooFast {
        /// When there is one to spare again.
        seconds: u64,
    },
    /// 500: our fault. The text is for the log only.
    #[error("{0}")]
    Internal(String),
    /// 503: stopping, or too busy, or what is asked for cannot be made now.
    #[error("{0}")]
    Unavailable(String),
    /// 504: it is still being made; the same request gets it a little later.
    #[error("{0}")]
    NotReady(String),
}

impl From<TokenError> for ApiError {
    /// Another token would not help who has no role, and this one may be sound although it cannot be checked now.
    fn from(error: TokenError) -> Self {
        match error {
            TokenError::NoRole => Self::Forbidden(error.to_string()),
            TokenError::Unavailable => Self::Unavailable(error.to_string()),
            other => Self::Unauthorized(other),
        }
    }
}

impl From<Error> for ApiError {
    fn from(error: Error) -> Self {
        match error {
            Error::NotFound(_) => Self::NotFound(error.to_string()),
            Error::Forbidden(reason) => Self::Forbidden(reason),
            Error::Invalid { .. } => Self::Invalid(error.to_string()),
            Error::Conflict(reason) | Error::Overtaken { reason, .. } => Self::Conflict(reason),
            Error::Repeated | Error::GoesOn { .. } => Self::Conflict(error.to_string()),
            Error::Limited(reason) => Self::TooMany(reason),
            Error::Stopping | Error::Busy | Error::Unavailable(_) => Self::Unavailable(error.to_string()),
            Error::NotReady => Self::NotReady(error.to_string()),
            Error::Database(_) | Error::WriteFailed(_) => Self::Internal(error.to_string()),
        }
    }
}

impl ApiError {
    /// The same as by `From`, with the ticket that somebody else has changed as `reader` may see it.
    pub(super) fn told(error: Error, reader: &Caller, helpdesk: &Helpdesk) -> Self {
        match error {
            Error::Overtaken { reason, current } if reader.may_read(&current) => {
                Self::Overtaken { reason, ticket: Box::new(TicketOut::new(*current, reader, helpdesk)) }
            }
            other => other.into(),
        }
    }

    /// A value in a query string that is not acceptable.
    pub(super) fn bad_parameter(name: &str, problem: impl std::fmt::Display) -> Self {
        Self::BadRequest(format!("{name}: {problem}"))
    }

    /// A value in a body that is not acceptable.
    pub(super) fn invalid(field: &str, problem: impl std::fmt::Display) -> Self {
        Self::Invalid(format!("{field}: {problem}"))
    }

    fn status_and_code(&self) -> (StatusCode, &'static str) {
        match self {
            Self::BadRequest(_) => (StatusCode::BAD_REQUEST, "BAD_REQUEST"),
            Self::Unauthorized(_) => (StatusCode::UNAUTHORIZED, "UNAUTHORIZED"),
            Self::Forbidden(_) => (StatusCode::FORBIDDEN, "FORBIDDEN"),
            Self::NotFound(_) => (StatusCode::NOT_FOUND, "NOT_FOUND"),
            Self::MethodNotAllowed => (StatusCode::METHOD_NOT_ALLOWED, "METHOD_NOT_ALLOWED"),
            Self::BodyTimeout => (StatusCode::REQUEST_TIMEOUT, "REQUEST_TIMEOUT"),
            Self::Conflict(_) | Self::Overtaken { .. } => (StatusCode::CONFLICT, "CONFLICT"),
            Self::StillRunning => (StatusCode::CONFLICT, "IDEMPOTENCY_KEY_IN_USE"),
            Self::KeyReused => (StatusCode::UNPROCESSABLE_ENTITY, "IDEMPOTENCY_KEY_REUSED"),
            Self::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "PAYLOAD_TOO_LARGE"),
            Self::UnsupportedMediaType => (StatusCode::UNSUPPORTED_MEDIA_TYPE, "UNSUPPORTED_MEDIA_TYPE"),
            Self::Invalid(_) => (StatusCode::UNPROCESSABLE_ENTITY, "INVALID"),
            Self::TooMany(_) | Self::Crowded | Self::TooFast { .. } => (StatusCode::TOO_MANY_REQUESTS, "RATE_LIMITED"),
            Self::Internal(_) => (StatusCode::INTERNAL_SERVER_ERROR, "INTERNAL_ERROR"),
            Self::Unavailable(_) => (StatusCode::SERVICE_UNAVAILABLE, "UNAVAILABLE"),
            Self::NotReady(_) => (StatusCode::GATEWAY_TIMEOUT, "NOT_READY"),
        }
    }

    /// The envelope, for the request with this id. An internal error is logged here, once.
    pub(super) fn render(&self, at: Timestamp, request_id: &str) -> Response {
        let (status, code) = self.status_and_code();
        let message = match self {
            Self::Internal(cause) => {
                tracing::error!(request_id, cause, "a request failed");
                "something went wrong on our side; the log has more under the requestId".to_owned()
            }
            other => other.to_string(),
        };
        let error = Details { code, message, timestamp: at, request_id };
        let ticket = if let Self::Overtaken { ticket, .. } = self { Some(ticket.as_ref()) } else { None };
        let mut response = (status, Json(Envelope { error, ticket })).into_response();
        if let Some(tag) = ticket.and_then(|ticket| if_match::tag(ticket.version())) {
            response.headers_mut().insert(ETAG, tag);
        }
        if let Self::Unauthorized(reason) = self {
            response.headers_mut().insert(WWW_AUTHENTICATE, challenge(*reason));
            // Who has no token has no use for the connection.
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        match self {
            Self::Unavailable(_) | Self::Crowded | Self::StillRunning => {
                response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(RETRY_SECONDS));
            }
            Self::TooFast { seconds } => {
                response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(*seconds));
            }
            _ => {}
        }
        response
    }
}

/// A failure.
#[derive(Serialize, ToSchema)]
#[schema(as = Failure)]
pub(super) struct Envelope<'a> {
    error: Details<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ticket: Option<&'a TicketOut>,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Details<'a> {
    code: &'static str,
    message: String,
    timestamp: Timestamp,
    request_id: &'a str,
}

/// RFC 6750 §3: no error code for a request without a token.
fn challenge(reason: TokenError) -> HeaderValue {
    HeaderValue::from_static(match reason {
        TokenError::Missing => "Bearer",
        TokenError::Expired => r#"Bearer error="invalid_token", error_description="the token has expired""#,
        _ => r#"Bearer error="invalid_token""#,
    })
}

impl IntoResponse for ApiError {
    /// Only the status and this error as an extension: `request::frame` makes the rest.
    fn into_response(self) -> Response {
        let mut response = self.status_and_code().0.into_response();
        response.extensions_mut().insert(self);
        response
    }
}
