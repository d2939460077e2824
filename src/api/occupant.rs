//! `/api/v1/occupants`, and those of one room: the XMPP server tells who comes and goes, and agents look who is there.

use axum::{
    extract::{Path, State, rejection::PathRejection},
    http::Uri,
    response::IntoResponse,
};
use deskbridge_entity::server_occupant::{Model, Role as RoomRole};
use jid::Jid;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    Api, ApiError,
    extract::Parameters,
    feed::{self, About, Answered, Deed, Event, Refused, Teller, Telling, WordOut},
    list,
    wire::Timestamp,
};
use crate::helpdesk::{Caller, Came, Left, OccupantFilter, Turned};

/// The longest name in a room, in bytes: a resource (RFC 7622 §3.4).
const MAX_NICK: usize = 1023;
/// The longest e-mail address, in bytes (RFC 5321 §4.5.3.1).
const MAX_EMAIL: usize = 320;
/// The longest URL or client's name, in bytes.
const MAX_TEXT: usize = 2048;
/// The longest IP address, with a zone.
const MAX_IP: usize = 64;

#[derive(Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = OccupantRole)]
enum RoleWord {
    Participant,
    Moderator,
}

impl From<RoleWord> for RoomRole {
    fn from(word: RoleWord) -> Self {
        match word {
            RoleWord::Participant => Self::Participant,
            RoleWord::Moderator => Self::Moderator,
        }
    }
}

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct ComeIn {
    jid: String,
    room_jid: String,
    nick: String,
    role: RoleWord,
    email: Option<String>,
    avatar: Option<String>,
    user_agent: Option<String>,
    ip: Option<String>,
    /// When it happened, by the server's clock; without it, now.
    at: Option<String>,
}

impl Event for ComeIn {
    const ABOUT: About = About::Occupant;
}

impl ComeIn {
    fn checked(self) -> Result<Came, ApiError> {
        Ok(Came {
            jid: feed::address("jid", &self.jid)?,
            room: feed::room_address("roomJid", &self.room_jid)?,
            nick: feed::text("nick", self.nick, MAX_NICK)?,
            role: self.role.into(),
            email: feed::maybe("email", self.email, MAX_EMAIL)?,
            avatar: feed::maybe("avatar", self.avatar, MAX_TEXT)?,
            user_agent: feed::maybe("userAgent", self.user_agent, MAX_TEXT)?,
            ip: feed::maybe("ip", self.ip, MAX_IP)?,
            at: feed::at(self.at.as_deref())?,
        })
    }
}

/// Somebody came into a room.
#[utoipa::path(
    post, path = "/api/v1/occupants", operation_id = "occupant_come", tag = "server events",
    request_body = ComeIn,
    responses(
        (status = 200, description = "It is stored", body = WordOut),
        (status = 400, description = "It was stored before, or its room or occupant is not known", body = WordOut),
        (status = 422, description = "It makes no sense", body = WordOut),
    )
)]
pub(super) async fn come(State(api): State<Api>, Teller(caller): Teller, Telling(input): Telling<ComeIn>) -> Answered {
    let came = input.checked().map_err(refused)?;
    feed::answer(Deed::Come, api.helpdesk.occupant_came(&caller, came).await)
}

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct TurnIn {
    room_jid: String,
    nick: Option<String>,
    role: Option<RoleWord>,
    email: Option<String>,
    at: Option<String>,
}

impl Event for TurnIn {
    const ABOUT: About = About::Occupant;
}

impl TurnIn {
    fn checked(self, jid: Jid) -> Result<Turned, ApiError> {
        Ok(Turned {
            jid,
            room: feed::room_address("roomJid", &self.room_jid)?,
            nick: self.nick.map(|nick| feed::text("nick", nick, MAX_NICK)).transpose()?,
            role: self.role.map(RoomRole::from),
            // An empty one takes it away.
            email: self.email.map(|email| feed::maybe("email", Some(email), MAX_EMAIL)).transpose()?,
            at: feed::at(self.at.as_deref())?,
        })
    }
}

/// Something about an occupant changed.
#[utoipa::path(
    put, path = "/api/v1/occupants/{jid}", operation_id = "occupant_turn", tag = "server events",
    params(("jid" = String, Path, description = "The occupant's real JID, percent-encoded")), request_body = TurnIn,
    responses(
        (status = 200, description = "It is stored", body = WordOut),
        (status = 400, description = "It was stored before, or its room or occupant is not known", body = WordOut),
        (status = 422, description = "It makes no sense", body = WordOut),
    )
)]
pub(super) async fn turn(
    State(api): State<Api>,
    Teller(caller): Teller,
    jid: Result<Path<String>, PathRejection>,
    Telling(input): Telling<TurnIn>,
) -> Answered {
    let turned = named(jid).and_then(|jid| input.checked(jid)).map_err(refused)?;
    feed::answer(Deed::Turn, api.helpdesk.occupant_turned(&caller, turned).await)
}

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct GoIn {
    room_jid: String,
    at: Option<String>,
}

impl Event for GoIn {
    const ABOUT: About = About::Occupant;
}

impl GoIn {
    fn checked(self, jid: Jid) -> Result<Left, ApiError> {
        Ok(Left { jid, room: feed::room_address("roomJid", &self.room_jid)?, at: feed::at(self.at.as_deref())? })
    }
}

/// Somebody left a room.
#[utoipa::path(
    delete, path = "/api/v1/occupants/{jid}", operation_id = "occupant_go", tag = "server events",
    params(("jid" = String, Path, description = "The occupant's real JID, percent-encoded")), request_body = GoIn,
    responses(
        (status = 200, description = "It is stored", body = WordOut),
        (status = 400, description = "It was stored before, or its room or occupant is not known", body = WordOut),
        (status = 422, description = "It makes no sense", body = WordOut),
    )
)]
pub(super) async fn go(
    State(api): State<Api>,
    Teller(caller): Teller,
    jid: Result<Path<String>, PathRejection>,
    Telling(input): Telling<GoIn>,
) -> Answered {
    let left = named(jid).and_then(|jid| input.checked(jid)).map_err(refused)?;
    feed::answer(Deed::Go, api.helpdesk.occupant_left(&caller, left).await)
}

fn refused(error: ApiError) -> Refused {
    Refused::of(About::Occupant, error)
}

/// The address that the path names, percent-decoded.
fn named(path: Result<Path<String>, PathRejection>) -> Result<Jid, ApiError> {
    let Path(text) = path.map_err(|error| ApiError::invalid("jid", error.body_text()))?;
    feed::address("jid", &text)
}

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct ListIn {
    present: Option<String>,
    /// How many at most.
    #[param(value_type = Option<u64>, minimum = 1, maximum = 100)]
    limit: Option<String>,
    /// Where the page before ended, as its `Link` says.
    cursor: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub(super) struct OccupantOut {
    jid: String,
    nick: String,
    role: &'static str,
    email: Option<String>,
    avatar: Option<String>,
    user_agent: Option<String>,
    ip: Option<String>,
    /// The latest coming.
    joined_at: Option<Timestamp>,
    /// Null while the occupant is there.
    left_at: Option<Timestamp>,
}

fn role_word(role: RoomRole) -> &'static str {
    match role {
        RoomRole::Participant => "participant",
        RoomRole::Moderator => "moderator",
    }
}

impl From<Model> for OccupantOut {
    fn from(row: Model) -> Self {
        Self {
            jid: row.jid,
            nick: row.nick,
            role: role_word(row.role),
            email: row.email,
            avatar: row.avatar,
            user_agent: row.user_agent,
            ip: row.ip,
            joined_at: row.joined_at.map(Timestamp),
            left_at: row.left_at.map(Timestamp),
        }
    }
}

/// Who is or was in a room, the last told of first.
#[utoipa::path(
    get, path = "/api/v1/rooms/{session}/occupants", operation_id = "occupant_list", tag = "server events",
    params(("session" = String, Path, description = "The server's name of this life of the room"), ListIn),
    responses((status = 200, description = "A page of occupants", body = Vec<OccupantOut>, headers(("Link" = String, description = "The next page, if there is one (RFC 8288)"))))
)]
pub(super) async fn list(
    State(api): State<Api>,
    caller: Caller,
    session: Result<Path<String>, PathRejection>,
    uri: Uri,
    Parameters(input): Parameters<ListIn>,
) -> Result<impl IntoResponse, ApiError> {
    let Path(session) = session.map_err(|_| ApiError::NotFound("room not found".to_owned()))?;
    let filter = OccupantFilter {
        present: feed::yes_or_no("present", input.present.as_deref())?,
        after: list::cursor(input.cursor.as_deref())?,
        limit: list::limit(input.limit.as_deref(), list::PAGE, list::LARGEST_PAGE)?,
    };
    let page = api.helpdesk.server_occupants(&caller, &session, &filter).await?;
    let filters = [("present", &input.present), ("limit", &input.limit)];
    let occupants: Vec<OccupantOut> = page.items.into_iter().map(OccupantOut::from).collect();
    Ok(list::answer(&uri, &filters, page.next, occupants))
}

/// Somebody who is in a ticket's room.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(super) struct ParticipantOut {
    jid: String,
    nick: String,
    role: &'static str,
    joined_at: Option<Timestamp>,
}

impl From<Model> for ParticipantOut {
    fn from(row: Model) -> Self {
        Self { jid: row.jid, nick: row.nick, role: role_word(row.role), joined_at: row.joined_at.map(Timestamp) }
    }
}
