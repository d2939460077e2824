//! From requests to typed values. Each extractor fails with an [`ApiError`] that names what is wrong.

use std::{marker::PhantomData, time::Duration};

use axum::{
    body::Bytes,
    extract::{FromRequest, FromRequestParts, Path, Query, Request},
    http::{
        HeaderMap, StatusCode,
        header::{AUTHORIZATION, CONTENT_TYPE},
        request::Parts,
    },
    response::IntoResponse,
};
use deskbridge_entity::ticket;
use jid::Jid;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;
use utoipa::{
    IntoParams,
    openapi::{
        KnownFormat, ObjectBuilder, Required, SchemaFormat, Type,
        path::{Parameter, ParameterBuilder, ParameterIn},
    },
};
use uuid::Uuid;

use super::{Api, ApiError, BODY_TIMEOUT, TokenError, change::Subject, complaint, visitor};
use crate::helpdesk::Caller;

impl FromRequestParts<Api> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &Api) -> Result<Self, ApiError> {
        visitor::caller(&parts.extensions)
    }
}

/// RFC 6750 §2.1; the scheme in any case (RFC 9110 §11.1). Two headers are refused: which one counts?
pub(super) fn bearer(headers: &HeaderMap) -> Result<&str, TokenError> {
    let mut headers = headers.get_all(AUTHORIZATION).iter();
    let header = headers.next().ok_or(TokenError::Missing)?;
    let (scheme, token) = header.to_str().ok().and_then(|text| text.split_once(' ')).ok_or(TokenError::Unreadable)?;
    if headers.next().is_some() || !scheme.eq_ignore_ascii_case("bearer") {
        return Err(TokenError::Unreadable);
    }
    Ok(token.trim())
}

/// A JSON body. Fields that the type does not have are refused with `deny_unknown_fields`; without that, in the types of the
/// reference's routes, they are ignored, as its clients may send some.
pub(super) struct Body<T>(pub T);

impl<T: DeserializeOwned> FromRequest<Api> for Body<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, api: &Api) -> Result<Self, ApiError> {
        if !is_json(&request) {
            return Err(ApiError::UnsupportedMediaType);
        }
        parse(&read(request, api, BODY_TIMEOUT).await?).map(Self)
    }
}

pub(super) async fn read(request: Request, api: &Api, patience: Duration) -> Result<Bytes, ApiError> {
    let reading = Bytes::from_request(request, api);
    let read = tokio::time::timeout(patience, reading).await.map_err(|_| ApiError::BodyTimeout)?;
    read.map_err(|rejection| match rejection.into_response().status() {
        StatusCode::PAYLOAD_TOO_LARGE => ApiError::TooLarge,
        _ => ApiError::BadRequest("the request's body broke off".to_owned()),
    })
}

/// `application/json`, or a type built on it (RFC 6839 §3.1).
fn is_json(request: &Request) -> bool {
    let Some(Ok(header)) = request.headers().get(CONTENT_TYPE).map(|value| value.to_str()) else { return false };
    let essence = header.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json"))
}

/// In two steps: what is no JSON cannot be read, whatever the type; what does not fit the type has a name.
fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, ApiError> {
    let value: Value = serde_json::from_slice(bytes).map_err(|error| {
        ApiError::BadRequest(format!("body: is not JSON: {}", complaint::brief(&error.to_string())))
    })?;
    if !value.is_object() {
        // A list would pass for an object's fields in their order.
        return Err(ApiError::invalid("body", "must be an object"));
    }
    serde_path_to_error::deserialize(&value)
        .map_err(|error| complaint::of(&error.path().to_string(), &error.inner().to_string(), &value))
}

/// As [`Body`], but there need be none: then every field is missing.
pub(super) struct MaybeBody<T>(pub T);

impl<T: DeserializeOwned + Default> FromRequest<Api> for MaybeBody<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, api: &Api) -> Result<Self, ApiError> {
        let is_json = is_json(&request);
        match &read(request, api, BODY_TIMEOUT).await? {
            bytes if bytes.is_empty() => Ok(Self(T::default())),
            _ if !is_json => Err(ApiError::UnsupportedMediaType),
            bytes => parse(bytes).map(Self),
        }
    }
}

/// The body of a route that has none: nothing, or an object without a field.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NoBody {}

/// A query string. What the route does not know is refused before ([`parameters`](super::parameters)).
pub(super) struct Parameters<T>(pub T);

impl<T: DeserializeOwned> FromRequestParts<Api> for Parameters<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &Api) -> Result<Self, ApiError> {
        let Query(value) = Query::try_from_uri(&parts.uri).map_err(|e| ApiError::BadRequest(e.body_text()))?;
        Ok(Self(value))
    }
}

/// The desk that the path names.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Path)]
pub(super) struct OfDesk {
    /// The desk's name.
    pub desk: String,
}

/// The thing that the path names. What is no id names none.
pub(super) struct Id<T> {
    pub id: Uuid,
    of: PhantomData<T>,
}

/// The ticket that the path names.
pub(super) type TicketId = Id<ticket::Model>;

impl<T: Subject> FromRequestParts<Api> for Id<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, ApiError> {
        let unknown = || ApiError::NotFound(format!("{} not found", T::WHAT));
        let Path(id) = Path::<String>::from_request_parts(parts, api).await.map_err(|_| unknown())?;
        let id = Uuid::parse_str(&id).map_err(|_| unknown())?;
        Ok(Self { id, of: PhantomData })
    }
}

impl<T> IntoParams for Id<T> {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let id = ParameterBuilder::new().name("id").parameter_in(ParameterIn::Path).required(Required::True);
        let uuid = ObjectBuilder::new().schema_type(Type::String);
        let uuid = uuid.format(Some(SchemaFormat::KnownFormat(KnownFormat::Uuid)));
        vec![id.schema(Some(uuid)).build()]
    }
}

/// The agent that the path names: as in a token's `sub`.
#[derive(utoipa::IntoParams)]
#[into_params(names("id"), parameter_in = Path)]
pub(super) struct AgentId(pub String);

impl FromRequestParts<Api> for AgentId {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, ApiError> {
        let Path(id) = Path::<String>::from_request_parts(parts, api)
            .await
            .map_err(|_| ApiError::NotFound("agent not found".to_owned()))?;
        Ok(Self(id))
    }
}

/// What a text that is no address should be (RFC 7622 §3.1).
pub(super) const NO_ADDRESS: &str = "must be an address such as user@example.org";

/// An address in a body, in its normal form.
pub(super) fn address(field: &str, text: &str) -> Result<Jid, ApiError> {
    Jid::new(text).map_err(|_| ApiError::invalid(field, NO_ADDRESS))
}

/// A text in a body: only what XML can carry to the other side (XML 1.0 §2.2), which is also what both
/// databases can store.
pub(super) fn text(field: &str, text: String) -> Result<String, ApiError> {
    let is_carried =
        |c: char| !matches!(c, '\0'..='\x08' | '\x0b' | '\x0c' | '\x0e'..='\x1f' | '\u{fffe}' | '\u{ffff}');
    match text.chars().find(|c| !is_carried(*c)) {
        Some(c) => Err(ApiError::invalid(field, format!("XMPP cannot carry the character U+{:04X}", u32::from(c)))),
        None => Ok(text),
    }
}
