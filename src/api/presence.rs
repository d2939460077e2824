//! `/api/v1/xmpp/presence`: telling and asking who is there.

use axum::{Json, extract::State};
use deskbridge_entity::presence::Model;
use jid::Jid;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    Api, ApiError,
    extract::{self, Body, Parameters},
    wire::{Timestamp, availability as status},
};
use crate::helpdesk::{Caller, Presence, main_row};

/// The longest free text, in bytes: it goes to every subscriber.
const MAX_TEXT: usize = 1024;

#[derive(Deserialize, ToSchema)]
pub(super) struct PresenceIn {
    jid: String,
    status: Availability,
    show: Option<Show>,
    text: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum Availability {
    Available,
    Unavailable,
}

/// RFC 6121 §4.7.2.1.
#[derive(Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum Show {
    Chat,
    Away,
    Dnd,
    Xa,
}

impl Show {
    fn word(self) -> &'static str {
        match self {
            Self::Chat => "chat",
            Self::Away => "away",
            Self::Dnd => "dnd",
            Self::Xa => "xa",
        }
    }
}

impl PresenceIn {
    fn checked(self) -> Result<Presence, ApiError> {
        let available = self.status == Availability::Available;
        if self.show.is_some() && !available {
            return Err(ApiError::invalid("show", "goes with the status available only"));
        }
        if self.text.as_ref().is_some_and(|text| text.len() > MAX_TEXT) {
            return Err(ApiError::invalid("text", format!("must not be longer than {MAX_TEXT} bytes")));
        }
        let text = self.text.map(|text| extract::text("text", text)).transpose()?;
        let show = self.show.map(|show| show.word().to_owned());
        Ok(Presence { jid: extract::address("jid", &self.jid)?, available, show, text })
    }
}

#[derive(Serialize, ToSchema)]
pub(super) struct PresenceSetOut {
    success: bool,
    jid: String,
    status: &'static str,
    show: Option<String>,
    text: Option<String>,
}

/// Says who is there: a customer as a program knows, or a desk as its staff want.
#[utoipa::path(
    post, path = "/api/v1/xmpp/presence", operation_id = "presence_set", tag = "presence",
    request_body = PresenceIn,
    responses((status = 200, description = "It is noted, and told to whom it concerns", body = PresenceSetOut))
)]
pub(super) async fn set(
    State(api): State<Api>,
    caller: Caller,
    Body(input): Body<PresenceIn>,
) -> Result<Json<PresenceSetOut>, ApiError> {
    let presence = input.checked()?;
    api.helpdesk.set_presence(&caller, presence.clone()).await?;
    let Presence { jid, available, show, text } = presence;
    Ok(Json(PresenceSetOut { success: true, jid: jid.to_string(), status: status(available), show, text }))
}

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct PresenceQuery {
    jid: Option<String>,
}

impl PresenceQuery {
    fn jid(&self) -> Result<Jid, ApiError> {
        let text = self.jid.as_deref().ok_or_else(|| ApiError::bad_parameter("jid", "is needed"))?;
        Jid::new(text).map_err(|_| ApiError::bad_parameter("jid", extract::NO_ADDRESS))
    }
}

#[derive(Serialize, ToSchema)]
pub(super) struct PresenceOut {
    jid: String,
    /// `available`, `unavailable`, or `unknown` when nobody has told us.
    status: &'static str,
    show: Option<String>,
    text: Option<String>,
    /// When something was told of it last.
    updated_at: Option<Timestamp>,
    resources: Vec<ResourceOut>,
}

#[derive(Serialize, ToSchema)]
struct ResourceOut {
    resource: String,
    status: &'static str,
    show: Option<String>,
    text: Option<String>,
    updated_at: Timestamp,
}

/// Asks whether somebody is there.
#[utoipa::path(
    get, path = "/api/v1/xmpp/presence", operation_id = "presence_show", tag = "presence",
    params(PresenceQuery),
    responses((status = 200, description = "What is known", body = PresenceOut))
)]
pub(super) async fn show(
    State(api): State<Api>,
    caller: Caller,
    Parameters(query): Parameters<PresenceQuery>,
) -> Result<Json<PresenceOut>, ApiError> {
    let jid = query.jid()?;
    let known = api.helpdesk.presence(&caller, &jid).await?;
    let mut out = PresenceOut::new(&jid, known);
    if let Some(desk) = desk_of(&api, &jid) {
        // What its subscribers see, which need not be what was set last.
        let Presence { available, show, text, .. } = api.helpdesk.desk_presence(&desk).await?;
        (out.status, out.show, out.text) = (status(available), show, text);
    }
    Ok(Json(out))
}

/// The desk that has this address.
fn desk_of(api: &Api, jid: &Jid) -> Option<String> {
    let name = jid.node().filter(|_| jid.domain().as_str() == api.helpdesk.domain())?;
    api.helpdesk.desk(name.as_str()).map(|desk| desk.name.clone())
}

impl PresenceOut {
    /// From rows with the newest first.
    fn new(jid: &Jid, known: Vec<Model>) -> Self {
        let main = main_row(&known);
        Self {
            jid: jid.to_string(),
            status: main.map_or("unknown", |row| status(row.available)),
            show: main.and_then(|row| row.show.clone()),
            text: main.and_then(|row| row.text.clone()),
            updated_at: main.map(|row| Timestamp(row.updated_at)),
            resources: known.into_iter().filter_map(ResourceOut::new).collect(),
        }
    }
}

impl ResourceOut {
    /// `None` for what was told about a bare JID.
    fn new(row: Model) -> Option<Self> {
        let resource = row.jid.strip_prefix(&row.bare)?.strip_prefix('/')?.to_owned();
        Some(Self {
            resource,
            status: status(row.available),
            show: row.show,
            text: row.text,
            updated_at: Timestamp(row.updated_at),
        })
    }
}
