//! `/api/v1/xmpp/events`: what happens, as it happens, as Server-Sent Events (HTML Living Standard §9.2).
//!
//! The stream is the log that `sync` pages through, told by number. A listener is never waited for: what it has not taken
//! lies in a ring that all share (`hub`), and whoever falls behind the ring reads on from the log, or is cut off and comes
//! again with `Last-Event-ID`. `frame` renders, `seats` says how many may listen.

mod frame;
mod hub;
mod listener;
mod seats;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::{
    Extension,
    body::Body,
    extract::{FromRequestParts, State},
    http::{HeaderMap, HeaderName, HeaderValue, header::CONTENT_TYPE, request::Parts},
    response::{AppendHeaders, IntoResponse, Response},
};
use futures::stream;
use serde::Deserialize;
use tokio::time::Instant;
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{RefOr, Schema},
};

use super::{
    Api, ApiError,
    extract::{self, Parameters},
    portion::Portions,
    serve::Connection,
    token,
};
use crate::helpdesk::{Caller, Error};

use frame::{AppearanceOut, DraftOut, TypingOut};
use hub::Hub;
use listener::{Listener, Place};
use seats::Seats;

pub(super) use seats::LISTENERS;

/// How long somebody listens with a key that has no time of its own.
const REVOCABLE: Duration = Duration::from_secs(60);
/// The longest that anybody listens; tokens end sooner.
const LONGEST: Duration = Duration::from_secs(7 * 24 * 60 * 60);

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
const ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

/// Who listens. Clones share everything.
#[derive(Clone, Debug)]
pub(super) struct Events {
    hub: Hub,
    seats: Seats,
    portions: Portions,
}

impl Events {
    /// Who is behind reads the log by one of these.
    pub(super) fn new(portions: Portions) -> Self {
        Self { hub: Hub::default(), seats: Seats::default(), portions }
    }
}

/// Behind which event it begins.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
struct EventsQuery {
    /// As the header `Last-Event-ID`, which counts where both are there: the number of the last event that is known; 0 for all.
    #[param(value_type = Option<i64>, minimum = 0)]
    after: Option<String>,
    /// The same.
    #[param(value_type = Option<i64>, minimum = 0)]
    last_event_id: Option<String>,
}

/// Where the listener was; what a browser says when it comes again counts more than the address that it was given first.
pub(super) struct Since(Option<i64>);

impl FromRequestParts<Api> for Since {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, ApiError> {
        let Parameters(query) = Parameters::<EventsQuery>::from_request_parts(parts, api).await?;
        let header = parts.headers.get(LAST_EVENT_ID).map(|value| value.to_str().unwrap_or("?").to_owned());
        let given = [
            ("Last-Event-ID", header.filter(|text| !text.is_empty())),
            ("last_event_id", query.last_event_id),
            ("after", query.after),
        ];
        let given = given.into_iter().find_map(|(name, text)| Some((name, text?)));
        let number = given.map(|(name, text)| {
            let number = text.parse().ok().filter(|number| *number >= 0);
            number.ok_or_else(|| ApiError::bad_parameter(name, "must be the number of an event"))
        });
        number.transpose().map(Self)
    }
}

/// The schemas of `data`.
pub(super) fn schemas() -> Vec<(String, RefOr<Schema>)> {
    let mut schemas = vec![
        (TypingOut::name().into_owned(), TypingOut::schema()),
        (DraftOut::name().into_owned(), DraftOut::schema()),
        (AppearanceOut::name().into_owned(), AppearanceOut::schema()),
    ];
    TypingOut::schemas(&mut schemas);
    DraftOut::schemas(&mut schemas);
    AppearanceOut::schemas(&mut schemas);
    schemas
}

/// What happens in all tickets, as it happens: Server-Sent Events.
///
/// Each has its number as `id`, its type as `event` and a change of the log as `data`: a `ChangeOut` in JSON. `typing`
/// (`TypingEvent`) and, for staff and programs, `draft` (`DraftEvent`) and `presence` (`PresenceEvent`) have no number. These are
/// schemas of this document.
#[utoipa::path(
    get, path = "/api/v1/xmpp/events", operation_id = "event_listen", tag = "sync",
    params(
        EventsQuery,
        ("Last-Event-ID" = Option<i64>, Header, minimum = 0, description = "The number of the last event that is known"),
    ),
    responses((status = 200, description = "A stream that ends with the token", body = String, content_type = "text/event-stream"))
)]
pub(super) async fn listen(
    State(api): State<Api>,
    Extension(events): Extension<Events>,
    connection: Option<Extension<Connection>>,
    caller: Caller,
    Since(since): Since,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    caller.require_reader()?;
    let seat = events.seats.take(&caller, &api.metrics.events)?;
    let joined = events.hub.join(&api.helpdesk).await?;
    let (seen, told) = match since {
        None => (joined.1, api.helpdesk.newest_known(&caller, joined.1).await?),
        Some(seq) => {
            let seen = api.helpdesk.mark(&caller, seq).await.map_err(|error| match error {
                Error::Invalid { field, problem } => ApiError::bad_parameter(field, problem),
                other => other.into(),
            })?;
            (seen, seq)
        }
    };
    let connection = connection.map(|Extension(connection)| connection).unwrap_or_default();
    let place = Place { hub: events.hub, portions: events.portions, connection, seat, until: until(&headers) };
    let listener = Listener::new(api, caller, place, joined, (seen, told));
    let body = Body::from_stream(stream::unfold(listener, Listener::next));
    let stream = (CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    // Else nginx keeps events until it has a buffer full.
    let at_once = (ACCEL_BUFFERING, HeaderValue::from_static("no"));
    Ok((AppendHeaders([stream, at_once]), body).into_response())
}

/// When the token's time is over. One without a time may be revoked, so it is looked at again before long.
fn until(headers: &HeaderMap) -> Instant {
    let ends = extract::bearer(headers).ok().and_then(token::holds_until);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Instant::now() + ends.map_or(REVOCABLE, |ends| Duration::from_secs(ends).saturating_sub(now).min(LONGEST))
}
