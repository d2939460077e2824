//! What webhooks are told: the reference's envelope around the shapes of REST, as a program with `tickets:read` sees them.

use serde::Serialize;
use serde_json::{Map, Value, json};
use utoipa::ToSchema;
use uuid::Uuid;

use super::{
    message::{MessageOut, View},
    occupant::OccupantOut,
    room::RoomOut,
    ticket::TicketOut,
    wire::{self, EventWord, Timestamp, Values},
};
use crate::helpdesk::{Caller, Helpdesk, Occurrence, Role, SCOPE_READ};

/// What is shown of the values that an event notes; all else is the log's own.
const SHOWN: [&str; 19] = [
    "status",
    "handler",
    "priority",
    "version",
    "author",
    "by",
    "reaction",
    "feedback",
    "attachment",
    "desk",
    "customer",
    "jid",
    "show",
    "text",
    "source",
    "agent_id",
    "on_duty",
    "desks",
    "webhook_id",
];

/// What a webhook gets.
#[derive(Serialize, ToSchema)]
#[schema(as = WebhookEvent)]
pub(super) struct Envelope<'a> {
    /// The `webhook-id`, the same on every try.
    id: Uuid,
    #[schema(value_type = EventWord)]
    event: &'a str,
    timestamp: Timestamp,
    /// Orders events; those of one commit may share the time, never the number.
    #[serde(skip_serializing_if = "Option::is_none")]
    seq: Option<i64>,
    data: Data,
}

/// What there is depends on the event; docs/webhooks.md has a table.
#[derive(Serialize, ToSchema)]
#[schema(as = WebhookData)]
struct Data {
    /// What it changed to then.
    #[serde(flatten)]
    #[schema(value_type = Values)]
    noted: Map<String, Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ticket_id: Option<Uuid>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message_id: Option<Uuid>,
    /// As it is when this is first sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    ticket: Option<TicketOut>,
    /// As it is when this is first sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<MessageOut>,
    #[serde(skip_serializing_if = "Option::is_none")]
    room: Option<RoomOut>,
    #[serde(skip_serializing_if = "Option::is_none")]
    participant: Option<OccupantOut>,
}

/// The body of a delivery.
#[must_use]
pub fn body(helpdesk: &Helpdesk, told: &Occurrence) -> String {
    let reader = Caller {
        id: "webhook".to_owned(),
        name: None,
        role: Role::Service,
        desks: None,
        scopes: vec![SCOPE_READ.to_owned()],
    };
    let Occurrence { ticket, message, attachments, .. } = told.clone();
    let message = ticket
        .as_ref()
        .zip(message)
        .map(|(ticket, message)| View::new(ticket, &reader, helpdesk).message(message, &attachments));
    let envelope = Envelope {
        id: told.id,
        event: &told.kind,
        timestamp: Timestamp(told.at),
        seq: told.seq,
        data: Data {
            noted: noted(told),
            ticket_id: told.ticket_id,
            message_id: told.message.as_ref().map(|message| message.id),
            ticket: ticket.map(|ticket| TicketOut::new(ticket, &reader, helpdesk)),
            message,
            room: told.room.clone().map(RoomOut::from),
            participant: told.occupant.clone().map(OccupantOut::from),
        },
    };
    // Of what is made of strings and numbers alone.
    serde_json::to_string(&envelope).unwrap_or_default()
}

fn noted(told: &Occurrence) -> Map<String, Value> {
    let mut noted = told.data.as_object().cloned().unwrap_or_default();
    // In the words of the presence routes.
    if let Some(available) = noted.get("available").and_then(Value::as_bool) {
        noted.insert("status".to_owned(), json!(wire::availability(available)));
    }
    noted.retain(|name, value| SHOWN.contains(&name.as_str()) && !value.is_null());
    noted
}
