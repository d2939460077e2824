//! `/api/v1/xmpp/tickets/{id}/sync`: reading a ticket, whole or what is newer.

use axum::{Extension, extract::State, response::Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::{
    Api, ApiError,
    extract::{Parameters, TicketId},
    if_none_match::IfNoneMatch,
    message::{MessageOut, View},
    portion::Portions,
    ticket::Inside,
    wire::{self, HandlerWord, PriorityWord, StatusWord, Timestamp},
};
use crate::helpdesk::{Caller, Conversation, Error, Helpdesk, Role};

#[derive(Serialize, ToSchema)]
pub(super) struct SyncOut {
    ticket_id: Uuid,
    #[schema(value_type = StatusWord)]
    status: &'static str,
    subject: String,
    messages: Vec<MessageOut>,
    /// For `?before=`, when there are messages before these.
    #[serde(skip_serializing_if = "Option::is_none")]
    earlier: Option<i64>,
    /// For `?after=`: what is newer than this answer.
    seq: i64,
    /// After `?after=`: messages that the reader is shown no more.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    removed: Vec<Uuid>,
    /// After `?after=`: whether there is more that is newer.
    #[serde(skip_serializing_if = "Option::is_none")]
    has_more: Option<bool>,
    updated_at: Timestamp,
    #[schema(value_type = HandlerWord)]
    handler: &'static str,
    #[schema(value_type = PriorityWord)]
    priority: &'static str,
    version: i64,
    jid: String,
    desk: String,
    #[serde(flatten)]
    #[schema(value_type = Inside)]
    inside: Option<Inside>,
}

/// Which part of a conversation.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct SyncQuery {
    before: Option<String>,
    after: Option<String>,
}

enum Part {
    /// The newest messages, or those before a number.
    Before(Option<i64>),
    /// What is newer than an event.
    After(i64),
}

impl SyncQuery {
    fn part(&self) -> Result<Part, ApiError> {
        let number = |name, digits: &str| {
            let number = digits.parse().ok().filter(|number| *number >= 0);
            number.ok_or_else(|| ApiError::bad_parameter(name, "must be a number"))
        };
        match (&self.before, &self.after) {
            (Some(_), Some(_)) => Err(ApiError::bad_parameter("after", "does not go with before")),
            (None, Some(digits)) => Ok(Part::After(number("after", digits)?)),
            (before, None) => {
                let before = before.as_deref().map(|digits| number("before", digits));
                Ok(Part::Before(before.transpose()?))
            }
        }
    }
}

/// A ticket with its messages: the newest part, what comes before it, or what is newer than a `seq`.
#[utoipa::path(
    get, path = "/api/v1/xmpp/tickets/{id}/sync", operation_id = "ticket_sync", tag = "messages",
    params(TicketId, SyncQuery),
    responses((status = 200, description = "The conversation, or a part of it", body = SyncOut))
)]
pub(super) async fn sync(
    State(api): State<Api>,
    Extension(portions): Extension<Portions>,
    caller: Caller,
    TicketId { id, .. }: TicketId,
    Parameters(query): Parameters<SyncQuery>,
    known: IfNoneMatch,
) -> Result<Response, ApiError> {
    let part = query.part()?;
    let portion = portions.take(&caller).await?;
    let (read, is_news) = match part {
        Part::Before(before) => (api.helpdesk.conversation(&caller, id, before).await, false),
        Part::After(seq) => (api.helpdesk.news(&caller, id, seq).await, true),
    };
    let read = read.map_err(|error| match error {
        Error::Invalid { field, problem } => ApiError::bad_parameter(field, problem),
        other => other.into(),
    })?;
    portion.serve(&SyncOut::new(read, is_news, &caller, &api.helpdesk), &known)
}

impl SyncOut {
    fn new(read: Conversation, is_news: bool, reader: &Caller, helpdesk: &Helpdesk) -> Self {
        let Conversation { ticket, messages, attachments, earlier, seq, removed, has_more } = read;
        let view = View::new(&ticket, reader, helpdesk);
        let messages = messages.into_iter().map(|message| view.message(message, &attachments)).collect();
        Self {
            ticket_id: ticket.id,
            status: wire::status(ticket.status),
            inside: Inside::of(&ticket, reader, helpdesk),
            messages,
            earlier,
            seq,
            removed,
            has_more: is_news.then_some(has_more),
            updated_at: Timestamp(if reader.role == Role::Customer { ticket.shown_at } else { ticket.updated_at }),
            handler: wire::handler(ticket.handler),
            priority: wire::priority(ticket.priority),
            version: reader.role.version_of(&ticket),
            subject: ticket.subject,
            jid: ticket.customer,
            desk: ticket.desk,
        }
    }
}
