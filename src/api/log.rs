//! `/api/v1/xmpp/sync`: what happened in all tickets that the caller may read, page by page, for programs that keep a copy.

use axum::{Extension, extract::State, response::Response};
use deskbridge_entity::event;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;
use uuid::Uuid;

use super::{
    Api, ApiError,
    extract::Parameters,
    if_none_match::IfNoneMatch,
    list,
    message::{MessageOut, View},
    portion::Portions,
    ticket::TicketOut,
    wire::{ChangeWord, Timestamp, Values},
};
use crate::helpdesk::{Caller, Changes, Error, Helpdesk, Mark, Role};

/// Changes a page when the caller does not say.
const PAGE: u64 = 100;
/// The most changes a page.
pub const LARGEST_PAGE: u16 = 500;
/// What is shown of the values that an event notes; all else is the log's own.
const SHOWN: [&str; 9] =
    ["status", "handler", "priority", "version", "author", "by", "reaction", "feedback", "attachment"];

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct LogQuery {
    /// `next_cursor` of the page before.
    cursor: Option<String>,
    /// How many at most.
    #[param(value_type = Option<u64>, minimum = 1, maximum = 500)]
    limit: Option<String>,
}

impl LogQuery {
    fn after(&self) -> Result<Mark, ApiError> {
        let mark = self.cursor.as_deref().map(|word| {
            let problem = "is none that this route gave: leave it out to begin anew";
            Mark::decode(word).ok_or_else(|| ApiError::bad_parameter("cursor", problem))
        });
        Ok(mark.transpose()?.unwrap_or_default())
    }

    fn limit(&self) -> Result<u64, ApiError> {
        list::limit(self.limit.as_deref(), PAGE, u64::from(LARGEST_PAGE))
    }
}

#[derive(Serialize, ToSchema)]
pub(super) struct LogOut {
    changes: Vec<ChangeOut>,
    next_cursor: String,
    has_more: bool,
    /// Whose view of the log this is: the same with each token of one caller, another when its role or desks have changed. What
    /// several readers were given does not fit together.
    reader: String,
}

/// One thing that happened, as one reader is told of it.
#[derive(Serialize, ToSchema)]
pub(super) struct ChangeOut {
    seq: i64,
    /// Later versions may have more.
    #[serde(rename = "type")]
    #[schema(value_type = ChangeWord)]
    kind: String,
    timestamp: Timestamp,
    ticket_id: Option<Uuid>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message_id: Option<Uuid>,
    /// What it changed to then.
    #[serde(skip_serializing_if = "Map::is_empty")]
    #[schema(value_type = Values, required = false)]
    data: Map<String, Value>,
    /// As it is now, where it is the ticket that changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    ticket: Option<TicketOut>,
    /// As it is now, if the caller is still shown it.
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<MessageOut>,
}

/// What happened in all tickets, in order: for programs that keep a copy.
#[utoipa::path(
    get, path = "/api/v1/xmpp/sync", operation_id = "log_sync", tag = "sync",
    params(LogQuery),
    responses((status = 200, description = "A page of changes", body = LogOut))
)]
pub(super) async fn sync(
    State(api): State<Api>,
    Extension(portions): Extension<Portions>,
    caller: Caller,
    Parameters(query): Parameters<LogQuery>,
    known: IfNoneMatch,
) -> Result<Response, ApiError> {
    let (after, limit) = (query.after()?, query.limit()?);
    let portion = portions.take(&caller).await?;
    let page = api.helpdesk.changes(&caller, after, limit).await.map_err(|error| match error {
        Error::Invalid { field, problem } => ApiError::bad_parameter(field, problem),
        other => other.into(),
    })?;
    portion.serve(&LogOut::new(page, &caller, &api.helpdesk), &known)
}

impl LogOut {
    fn new(mut page: Changes, reader: &Caller, helpdesk: &Helpdesk) -> Self {
        let events = std::mem::take(&mut page.events);
        Self {
            changes: events.into_iter().map(|event| ChangeOut::new(event, &page, reader, helpdesk)).collect(),
            next_cursor: page.cursor.encode(),
            has_more: page.has_more,
            reader: reader.reader(),
        }
    }
}

impl ChangeOut {
    pub(super) fn new(event: event::Model, page: &Changes, reader: &Caller, helpdesk: &Helpdesk) -> Self {
        let ticket = event.ticket_id.and_then(|id| page.tickets.get(&id));
        let message = event.message_id.and_then(|id| page.message_for(reader, id));
        let message = ticket
            .zip(message)
            .map(|(ticket, message)| View::new(ticket, reader, helpdesk).message(message.clone(), &page.attachments));
        let ticket = ticket.filter(|_| event.message_id.is_none());
        let mut data = if let Value::Object(data) = event.data { data } else { Map::new() };
        if reader.role == Role::Customer && event.message_id.is_none() {
            // What was noted before there were two versions is left out.
            let version = data.remove("shown_version").unwrap_or_default();
            data.insert("version".to_owned(), version);
        }
        data.retain(|name, value| SHOWN.contains(&name.as_str()) && !value.is_null());
        Self {
            seq: event.seq,
            kind: event.kind,
            timestamp: Timestamp(event.created_at),
            ticket_id: event.ticket_id,
            message_id: event.message_id,
            data,
            ticket: ticket.map(|ticket| TicketOut::new(ticket.clone(), reader, helpdesk)),
            message,
        }
    }
}
