//! `/api/v1/xmpp/tickets`: opening and listing.

use axum::{
    Extension, Json,
    extract::State,
    http::{StatusCode, Uri},
    response::IntoResponse,
};
use deskbridge_entity::{server_occupant, ticket::Model};
use jid::{BareJid, Jid, ResourcePart};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{
    Api, ApiError,
    error::Envelope,
    extract::{self, Body, Parameters},
    idempotency::Once,
    list, message,
    occupant::ParticipantOut,
    wire::{self, HandlerWord, PriorityWord, StatusWord, Timestamp},
};
use crate::helpdesk::{Caller, Filter, Helpdesk, Role, ticket_node};

#[derive(Deserialize, ToSchema)]
pub(super) struct TicketIn {
    jid: String,
    message: String,
    resource: Option<String>,
    desk: Option<String>,
    /// What the caller's program knows the message by: the same again, with the same content, is the same message.
    #[schema(min_length = 1, max_length = 255)]
    client_message_id: Option<String>,
}

/// What a ticket is opened with, once it is checked.
struct Opening {
    customer: Jid,
    message: String,
    resource: Option<String>,
    desk: String,
}

impl TicketIn {
    fn checked(self, helpdesk: &Helpdesk) -> Result<Opening, ApiError> {
        let customer = extract::address("jid", &self.jid)?;
        if customer.node().is_none() {
            return Err(ApiError::invalid("jid", "a customer has something before the @"));
        }
        // A desk that wrote to a desk would be answered by itself, for ever.
        if customer.domain().as_str() == helpdesk.domain() {
            return Err(ApiError::invalid("jid", "this is one of our own addresses, not a customer's"));
        }
        let resource = self.resource.as_deref().map(resource).transpose()?;
        let first = || helpdesk.desks().first().map(|desk| desk.name.clone()).unwrap_or_default();
        let desk = self.desk.unwrap_or_else(first);
        Ok(Opening { customer, message: extract::text("message", self.message)?, resource, desk })
    }
}

fn resource(text: &str) -> Result<String, ApiError> {
    let part = ResourcePart::new(text).map_err(|error| ApiError::invalid("resource", error))?;
    Ok(part.as_str().to_owned())
}

#[derive(Serialize, ToSchema)]
pub(super) struct OpenedOut {
    success: bool,
    ticket_id: Uuid,
    subject: String,
    #[schema(value_type = StatusWord)]
    status: &'static str,
    message_id: Uuid,
    desk: String,
    #[schema(value_type = HandlerWord)]
    handler: &'static str,
    /// Whether the message opened the ticket; else it went into the conversation's live one.
    opened: bool,
}

/// Writes as a customer: opens a ticket, or goes on in the one that is live.
#[utoipa::path(
    post, path = "/api/v1/xmpp/tickets", operation_id = "ticket_open", tag = "tickets",
    request_body = TicketIn,
    responses(
        (status = 201, description = "A ticket is open", body = OpenedOut),
        (status = 200, description = "The message went into the live ticket, or is there already", body = OpenedOut),
        (status = 404, description = "There is no such desk", body = Envelope),
    )
)]
pub(super) async fn open(
    State(api): State<Api>,
    caller: Caller,
    once: Option<Extension<Once>>,
    Body(mut input): Body<TicketIn>,
) -> Result<(StatusCode, Json<OpenedOut>), ApiError> {
    let client_id = message::client_id(&caller, input.client_message_id.take(), once.as_deref())?;
    let is_named = client_id.as_ref().is_some_and(|by| by.id().is_some());
    let Opening { customer, message, resource, desk } = input.checked(&api.helpdesk)?;
    let received = api.helpdesk.open_as(&caller, &desk, &customer, resource, message, client_id).await;
    let received = received.map_err(|error| ApiError::told(error, &caller, &api.helpdesk))?;
    let ticket = api.helpdesk.ticket(&caller, received.ticket).await?;
    let is_new = received.opened && !(received.is_duplicate && is_named);
    let status = if is_new { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, Json(OpenedOut::new(ticket, received.message, received.opened))))
}

impl OpenedOut {
    fn new(ticket: Model, message: Uuid, opened: bool) -> Self {
        Self {
            success: true,
            ticket_id: ticket.id,
            subject: ticket.subject,
            status: wire::status(ticket.status),
            message_id: message,
            desk: ticket.desk,
            handler: wire::handler(ticket.handler),
            opened,
        }
    }
}

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct ListIn {
    jid: Option<String>,
    status: Option<String>,
    /// How many at most.
    #[param(value_type = Option<u64>, minimum = 1, maximum = 100)]
    limit: Option<String>,
    /// Where the page before ended, as its `Link` says.
    cursor: Option<String>,
}

impl ListIn {
    fn filter(&self) -> Result<Filter, ApiError> {
        let customer = self.jid.as_deref().map(|text| {
            let jid = Jid::new(text).map_err(|_| ApiError::bad_parameter("jid", extract::NO_ADDRESS))?;
            Ok::<BareJid, ApiError>(jid.to_bare())
        });
        let status = self.status.as_deref().map(|word| {
            let words = "must be OPEN, PENDING, ESCALATED, RESOLVED or CLOSED";
            wire::read_status(word).ok_or_else(|| ApiError::bad_parameter("status", words))
        });
        Ok(Filter {
            customer: customer.transpose()?,
            status: status.transpose()?,
            after: list::cursor(self.cursor.as_deref())?,
            limit: list::limit(self.limit.as_deref(), list::PAGE, list::LARGEST_PAGE)?,
        })
    }
}

/// A ticket as lists and changes show it.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct TicketOut {
    id: Uuid,
    subject: String,
    #[schema(value_type = StatusWord)]
    status: &'static str,
    #[schema(value_type = PriorityWord)]
    priority: &'static str,
    jid: String,
    created_at: Timestamp,
    last_message: Timestamp,
    desk: String,
    #[schema(value_type = HandlerWord)]
    handler: &'static str,
    version: i64,
    #[serde(flatten)]
    #[schema(value_type = Inside)]
    inside: Option<Inside>,
}

/// What customers do not see of a ticket: an agent's id can be a private address.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(super) struct Inside {
    agent: Option<String>,
    waiting_since: Option<Timestamp>,
    hand_off_reason: Option<String>,
    #[schema(value_type = Vec<String>, required = false)]
    tags: Value,
    snoozed_until: Option<Timestamp>,
    /// How it was resolved: `agent`, `customer`, `assistant` or `idle`.
    resolution: Option<String>,
    previous_ticket_id: Option<Uuid>,
    /// Where its agent talks.
    #[schema(required = false)]
    address: String,
    /// The room that it was taken to.
    room: Option<String>,
    /// Who is there, where one ticket is asked for; null when nobody tells.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<ParticipantOut>>)]
    participants: Option<Option<Vec<ParticipantOut>>>,
}

impl Inside {
    /// For everybody but customers.
    pub(super) fn of(ticket: &Model, reader: &Caller, helpdesk: &Helpdesk) -> Option<Self> {
        (reader.role != Role::Customer).then(|| Self {
            agent: ticket.agent.clone(),
            waiting_since: ticket.waiting_since.map(Timestamp),
            hand_off_reason: ticket.hand_off_reason.clone(),
            tags: ticket.tags.clone(),
            snoozed_until: ticket.snoozed_until.map(Timestamp),
            resolution: ticket.resolution.clone(),
            previous_ticket_id: ticket.previous_ticket_id,
            address: format!("{}@{}", ticket_node(&ticket.short_id), helpdesk.domain()),
            room: ticket.room.clone(),
            participants: None,
        })
    }
}

impl TicketOut {
    pub(super) fn new(ticket: Model, reader: &Caller, helpdesk: &Helpdesk) -> Self {
        Self {
            inside: Inside::of(&ticket, reader, helpdesk),
            version: reader.role.version_of(&ticket),
            id: ticket.id,
            subject: ticket.subject,
            status: wire::status(ticket.status),
            priority: wire::priority(ticket.priority),
            jid: ticket.customer,
            created_at: Timestamp(ticket.created_at),
            last_message: Timestamp(ticket.last_message_at),
            desk: ticket.desk,
            handler: wire::handler(ticket.handler),
        }
    }

    /// The same with those who are in its room, for everybody who sees that it has one.
    pub(super) fn with_participants(mut self, there: Option<Vec<server_occupant::Model>>) -> Self {
        if let Some(inside) = &mut self.inside {
            inside.participants = Some(there.map(|rows| rows.into_iter().map(ParticipantOut::from).collect()));
        }
        self
    }

    pub(super) fn version(&self) -> i64 {
        self.version
    }
}

/// Tickets, the latest message first.
#[utoipa::path(
    get, path = "/api/v1/xmpp/tickets", operation_id = "ticket_list", tag = "tickets",
    params(ListIn),
    responses((status = 200, description = "A page of tickets", body = Vec<TicketOut>, headers(("Link" = String, description = "The next page, if there is one (RFC 8288)"))))
)]
pub(super) async fn list(
    State(api): State<Api>,
    caller: Caller,
    uri: Uri,
    Parameters(input): Parameters<ListIn>,
) -> Result<impl IntoResponse, ApiError> {
    let page = api.helpdesk.tickets(&caller, &input.filter()?).await?;
    let filters = [("jid", &input.jid), ("status", &input.status), ("limit", &input.limit)];
    let shown = |ticket| TicketOut::new(ticket, &caller, &api.helpdesk);
    let tickets: Vec<TicketOut> = page.items.into_iter().map(shown).collect();
    Ok(list::answer(&uri, &filters, page.next, tickets))
}
