//! `/api/v1/rooms`: the XMPP server tells of its rooms, and agents look at them.

use axum::{
    extract::{Path, State, rejection::PathRejection},
    http::Uri,
    response::IntoResponse,
};
use deskbridge_entity::server_room;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    Api, ApiError,
    extract::{NO_ADDRESS, Parameters},
    feed::{self, About, Answered, Deed, Event, Refused, Teller, Telling, WordOut},
    list,
    wire::Timestamp,
};
use crate::helpdesk::{Caller, RoomEnded, RoomFilter, RoomMade};

/// The longest session, in bytes: it is a key of an index.
const MAX_SESSION: usize = 255;
/// The longest name, in bytes: a room's localpart is not longer (RFC 7622 §3.3).
const MAX_NAME: usize = 1023;

#[derive(Deserialize, ToSchema)]
pub(super) struct RoomIn {
    name: String,
    session: String,
    jid: String,
    /// When it happened, by the server's clock; without it, now.
    at: Option<String>,
}

impl Event for RoomIn {
    const ABOUT: About = About::Room;
}

impl RoomIn {
    fn checked(self) -> Result<RoomMade, ApiError> {
        Ok(RoomMade {
            session: feed::text("session", self.session, MAX_SESSION)?,
            jid: feed::room_address("jid", &self.jid)?,
            name: feed::text("name", self.name, MAX_NAME)?,
            at: feed::at(self.at.as_deref())?,
        })
    }
}

/// The server made a room.
#[utoipa::path(
    post, path = "/api/v1/rooms", operation_id = "room_make", tag = "server events",
    request_body = RoomIn,
    responses(
        (status = 200, description = "It is stored", body = WordOut),
        (status = 400, description = "It was stored before", body = WordOut),
        (status = 422, description = "It makes no sense", body = WordOut),
    )
)]
pub(super) async fn make(State(api): State<Api>, Teller(caller): Teller, Telling(input): Telling<RoomIn>) -> Answered {
    let made = input.checked().map_err(|error| Refused::of(About::Room, error))?;
    feed::answer(Deed::MakeRoom, api.helpdesk.room_made(&caller, made).await)
}

#[derive(Deserialize, ToSchema)]
pub(super) struct EndIn {
    jid: String,
    at: Option<String>,
}

impl Event for EndIn {
    const ABOUT: About = About::Room;
}

impl EndIn {
    fn checked(self, session: String) -> Result<RoomEnded, ApiError> {
        Ok(RoomEnded { session, jid: feed::room_address("jid", &self.jid)?, at: feed::at(self.at.as_deref())? })
    }
}

/// A room of the server is gone.
#[utoipa::path(
    delete, path = "/api/v1/rooms/{session}", operation_id = "room_end", tag = "server events",
    params(("session" = String, Path, description = "The server's name of this life of the room")), request_body = EndIn,
    responses(
        (status = 200, description = "It is stored", body = WordOut),
        (status = 400, description = "It was stored before", body = WordOut),
        (status = 404, description = "Nobody told of this room", body = WordOut),
        (status = 422, description = "It makes no sense", body = WordOut),
    )
)]
pub(super) async fn end(
    State(api): State<Api>,
    Teller(caller): Teller,
    session: Result<Path<String>, PathRejection>,
    Telling(input): Telling<EndIn>,
) -> Answered {
    let Path(session) = session.map_err(|_| Refused::no_session())?;
    // What cannot be the name of a session names none.
    let session = feed::text("session", session, MAX_SESSION).map_err(|_| Refused::no_session())?;
    let ended = input.checked(session).map_err(|error| Refused::of(About::Room, error))?;
    feed::answer(Deed::EndRoom, api.helpdesk.room_ended(&caller, ended).await)
}

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct ListIn {
    jid: Option<String>,
    active: Option<String>,
    /// How many at most.
    #[param(value_type = Option<u64>, minimum = 1, maximum = 100)]
    limit: Option<String>,
    /// Where the page before ended, as its `Link` says.
    cursor: Option<String>,
}

impl ListIn {
    fn filter(&self) -> Result<RoomFilter, ApiError> {
        let jid = self
            .jid
            .as_deref()
            .map(|text| jid::BareJid::new(text).map_err(|_| ApiError::bad_parameter("jid", NO_ADDRESS)));
        Ok(RoomFilter {
            jid: jid.transpose()?,
            active: feed::yes_or_no("active", self.active.as_deref())?,
            after: list::cursor(self.cursor.as_deref())?,
            limit: list::limit(self.limit.as_deref(), list::PAGE, list::LARGEST_PAGE)?,
        })
    }
}

#[derive(Serialize, ToSchema)]
pub(super) struct RoomOut {
    session: String,
    jid: String,
    name: String,
    created_at: Option<Timestamp>,
    /// Null while the room is there.
    ended_at: Option<Timestamp>,
}

impl From<server_room::Model> for RoomOut {
    fn from(row: server_room::Model) -> Self {
        Self {
            session: row.session,
            jid: row.jid,
            name: row.name,
            created_at: row.created_at.map(Timestamp),
            ended_at: row.ended_at.map(Timestamp),
        }
    }
}

/// The server's rooms, the last told of first.
#[utoipa::path(
    get, path = "/api/v1/rooms", operation_id = "room_list", tag = "server events",
    params(ListIn),
    responses((status = 200, description = "A page of rooms", body = Vec<RoomOut>, headers(("Link" = String, description = "The next page, if there is one (RFC 8288)"))))
)]
pub(super) async fn list(
    State(api): State<Api>,
    caller: Caller,
    uri: Uri,
    Parameters(input): Parameters<ListIn>,
) -> Result<impl IntoResponse, ApiError> {
    let page = api.helpdesk.server_rooms(&caller, &input.filter()?).await?;
    let filters = [("jid", &input.jid), ("active", &input.active), ("limit", &input.limit)];
    let rooms: Vec<RoomOut> = page.items.into_iter().map(RoomOut::from).collect();
    Ok(list::answer(&uri, &filters, page.next, rooms))
}
