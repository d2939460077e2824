//! What the routes of the XMPP server's event feed share: who may tell, in which words they are answered, and how their
//! lists are paged.
//!
//! The words and codes are the feed's own (`{"status", "message"}`); what has nothing to do with an event, such as a bad token,
//! is answered as everywhere else.

use axum::{
    Json,
    extract::{FromRequest, FromRequestParts, Request},
    http::{StatusCode, request::Parts},
    response::{IntoResponse, Response},
};
use chrono::{DateTime, Utc};
use jid::{BareJid, Jid};
use serde::{Serialize, de::DeserializeOwned};
use utoipa::ToSchema;

use super::{
    Api, ApiError,
    extract::{self, Body},
    wire,
};
use crate::helpdesk::{Caller, Told, is_settled};

/// What an event is about.
#[derive(Clone, Copy, Debug)]
pub(super) enum About {
    Room,
    Occupant,
}

/// What a route does when it succeeds.
#[derive(Clone, Copy, Debug)]
pub(super) enum Deed {
    MakeRoom,
    EndRoom,
    Come,
    Turn,
    Go,
}

impl Deed {
    fn about(self) -> About {
        match self {
            Self::MakeRoom | Self::EndRoom => About::Room,
            Self::Come | Self::Turn | Self::Go => About::Occupant,
        }
    }

    fn done(self) -> &'static str {
        match self {
            Self::MakeRoom => "room created successfully",
            Self::EndRoom => "room ended successfully",
            Self::Come => "occupant created successfully",
            Self::Turn => "occupant updated successfully",
            Self::Go => "occupant destroyed successfully",
        }
    }
}

/// An answer in the feed's words.
#[derive(Debug)]
pub(super) struct Word(StatusCode, &'static str, &'static str);

#[derive(Serialize, ToSchema)]
pub(super) struct WordOut {
    status: &'static str,
    message: &'static str,
}

impl Word {
    fn of(deed: Deed, told: Told) -> Self {
        let bad = StatusCode::BAD_REQUEST;
        match (told, deed.about()) {
            (Told::Done, _) => Self(StatusCode::OK, "success", deed.done()),
            (Told::Duplicate, About::Room) => Self(bad, "duplicate", "room already exist with same session ID"),
            (Told::Duplicate, About::Occupant) => Self(bad, "duplicate", "occupant already exist with same JID"),
            (Told::NoRoom, About::Room) => Self::no_session(),
            (Told::NoRoom, About::Occupant) => Self(bad, "no-room", "Cannot find room with roomJid"),
            (Told::NoOccupant, _) => Self(bad, "no-occupant", "Cannot find occupant with jid"),
        }
    }

    fn no_session() -> Self {
        Self(StatusCode::NOT_FOUND, "no-room", "room record with session not exist")
    }

    fn invalid(about: About) -> Self {
        let message = match about {
            About::Room => "room inputs validation fail",
            About::Occupant => "occupant inputs validation fail",
        };
        Self(StatusCode::UNPROCESSABLE_ENTITY, "invalid", message)
    }
}

impl IntoResponse for Word {
    fn into_response(self) -> Response {
        let Self(code, status, message) = self;
        (code, Json(WordOut { status, message })).into_response()
    }
}

/// Why an event was not taken.
#[derive(Debug)]
pub(super) enum Refused {
    Word(Word),
    Api(ApiError),
}

impl Refused {
    /// An event that makes no sense is refused in the feed's words, which do not say why; the log does.
    pub(super) fn of(about: About, error: impl Into<ApiError>) -> Self {
        match error.into() {
            ApiError::BadRequest(problem) | ApiError::Invalid(problem) => {
                tracing::warn!(problem, "an event of the XMPP server was refused");
                Self::Word(Word::invalid(about))
            }
            other => Self::Api(other),
        }
    }

    /// A session that cannot even be read.
    pub(super) fn no_session() -> Self {
        Self::Word(Word::no_session())
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        match self {
            Self::Word(word) => word.into_response(),
            Self::Api(error) => error.into_response(),
        }
    }
}

/// The answer to an event.
pub(super) type Answered = Result<Word, Refused>;

pub(super) fn answer(deed: Deed, told: Result<Told, crate::helpdesk::Error>) -> Answered {
    told.map(|told| Word::of(deed, told)).map_err(|error| Refused::of(deed.about(), error))
}

/// A program that may tell of rooms.
pub(super) struct Teller(pub Caller);

impl FromRequestParts<Api> for Teller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, ApiError> {
        let caller = Caller::from_request_parts(parts, api).await?;
        caller.require_feed()?;
        Ok(Self(caller))
    }
}

/// A body of the feed.
pub(super) trait Event: DeserializeOwned {
    /// What it is about.
    const ABOUT: About;
}

/// As [`Body`], refused in the feed's words.
pub(super) struct Telling<T>(pub T);

impl<T: Event> FromRequest<Api> for Telling<T> {
    type Rejection = Refused;

    async fn from_request(request: Request, api: &Api) -> Result<Self, Refused> {
        let Body(event) = Body::from_request(request, api).await.map_err(|error| Refused::of(T::ABOUT, error))?;
        Ok(Self(event))
    }
}

/// A text that is needed: not blank, without control characters, and of so many bytes at most.
pub(super) fn text(field: &str, text: String, longest: usize) -> Result<String, ApiError> {
    if text.trim().is_empty() || text.len() > longest || text.chars().any(char::is_control) {
        return Err(ApiError::invalid(field, format!("must have 1 to {longest} bytes and no control characters")));
    }
    extract::text(field, text)
}

/// A text that may be missing, which an empty one is, too.
pub(super) fn maybe(field: &str, value: Option<String>, longest: usize) -> Result<Option<String>, ApiError> {
    value.filter(|value| !value.is_empty()).map(|value| text(field, value, longest)).transpose()
}

pub(super) fn address(field: &str, text: &str) -> Result<Jid, ApiError> {
    let jid = extract::address(field, text)?;
    if !is_settled(&jid) {
        return Err(ApiError::invalid(field, "is not in its normal form"));
    }
    Ok(jid)
}

pub(super) fn room_address(field: &str, text: &str) -> Result<BareJid, ApiError> {
    let jid = address(field, text)?;
    jid.try_into_full().map_or_else(Ok, |_| Err(ApiError::invalid(field, "must be without a resource")))
}

/// When it happened, by the server's clock.
pub(super) fn at(text: Option<&str>) -> Result<Option<DateTime<Utc>>, ApiError> {
    text.map(|text| wire::moment("at", text)).transpose()
}

pub(super) fn yes_or_no(name: &str, word: Option<&str>) -> Result<Option<bool>, ApiError> {
    let read = |word: &str| word.parse().map_err(|_| ApiError::bad_parameter(name, "must be true or false"));
    word.map(read).transpose()
}
