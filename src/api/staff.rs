//! `/api/v1/xmpp/tickets/{id}/…`: what people do with a ticket. Each answers with the ticket as it is then.

use axum::{
    Extension, Json,
    extract::{Path, State, rejection::PathRejection},
};
use chrono::{DateTime, SubsecRound, Utc};
use serde::{Deserialize, Deserializer};
use utoipa::ToSchema;
use uuid::Uuid;

use super::{
    Api, ApiError,
    change::{Ask, OneTicket},
    etags::Version,
    extract::{self, Body, TicketId},
    if_match::IfMatch,
    ticket::TicketOut,
    wire::{self, PriorityWord},
};
use crate::helpdesk::Caller;

/// One ticket.
#[utoipa::path(
    get, path = "/api/v1/xmpp/tickets/{id}", operation_id = "ticket_show", tag = "tickets",
    params(TicketId),
    responses((status = 200, description = "The ticket as it is then", body = TicketOut))
)]
pub(super) async fn show(ask: Ask) -> Result<(Extension<Version>, Json<TicketOut>), ApiError> {
    let ticket = ask.helpdesk().ticket(&ask.caller, ask.id).await?;
    let there = ask.helpdesk().participants(&ticket).await?;
    let OneTicket(shown) = ask.show(Ok(ticket)).await?;
    // The answer holds more than the version stands for.
    Ok((Extension(Version(shown.version())), Json(shown.with_participants(there))))
}

/// Takes a ticket.
#[utoipa::path(
    post, path = "/api/v1/xmpp/tickets/{id}/claim", operation_id = "ticket_claim", tag = "tickets",
    params(TicketId, IfMatch),
    responses((status = 200, description = "The ticket as it is then", body = TicketOut))
)]
pub(super) async fn claim(ask: Ask) -> Result<OneTicket, ApiError> {
    ask.show(ask.change().claim(&ask.caller, ask.id, ask.expected).await).await
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ReleaseIn {
    to: Receiver,
    summary: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum Receiver {
    Assistant,
    Queue,
}

/// Gives a ticket back, to the assistant or to the queue.
#[utoipa::path(
    post, path = "/api/v1/xmpp/tickets/{id}/release", operation_id = "ticket_release", tag = "tickets",
    params(TicketId, IfMatch), request_body = ReleaseIn,
    responses((status = 200, description = "The ticket as it is then", body = TicketOut))
)]
pub(super) async fn release(ask: Ask, Body(input): Body<ReleaseIn>) -> Result<OneTicket, ApiError> {
    let to_assistant = input.to == Receiver::Assistant;
    if input.summary.is_some() && !to_assistant {
        return Err(ApiError::invalid("summary", "is for the assistant only; colleagues read notes"));
    }
    let summary = input.summary.map(|text| extract::text("summary", text)).transpose()?;
    ask.show(ask.change().release(&ask.caller, ask.id, ask.expected, to_assistant, summary).await).await
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct AssignIn {
    agent: String,
}

/// Gives a ticket to an agent.
#[utoipa::path(
    post, path = "/api/v1/xmpp/tickets/{id}/assign", operation_id = "ticket_assign", tag = "tickets",
    params(TicketId, IfMatch), request_body = AssignIn,
    responses((status = 200, description = "The ticket as it is then", body = TicketOut))
)]
pub(super) async fn assign(ask: Ask, Body(input): Body<AssignIn>) -> Result<OneTicket, ApiError> {
    ask.show(ask.change().assign(&ask.caller, ask.id, ask.expected, input.agent).await).await
}

/// Says that a ticket is done.
#[utoipa::path(
    post, path = "/api/v1/xmpp/tickets/{id}/resolve", operation_id = "ticket_resolve", tag = "tickets",
    params(TicketId, IfMatch),
    responses((status = 200, description = "The ticket as it is then", body = TicketOut))
)]
pub(super) async fn resolve(ask: Ask) -> Result<OneTicket, ApiError> {
    ask.show(ask.change().resolve(&ask.caller, ask.id, ask.expected).await).await
}

/// Takes up a resolved ticket again.
#[utoipa::path(
    post, path = "/api/v1/xmpp/tickets/{id}/reopen", operation_id = "ticket_reopen", tag = "tickets",
    params(TicketId, IfMatch),
    responses((status = 200, description = "The ticket as it is then", body = TicketOut))
)]
pub(super) async fn reopen(ask: Ask) -> Result<OneTicket, ApiError> {
    ask.show(ask.change().reopen(&ask.caller, ask.id, ask.expected).await).await
}

/// Closes a ticket for good.
#[utoipa::path(
    post, path = "/api/v1/xmpp/tickets/{id}/close", operation_id = "ticket_close", tag = "tickets",
    params(TicketId, IfMatch),
    responses((status = 200, description = "The ticket as it is then", body = TicketOut))
)]
pub(super) async fn close(ask: Ask) -> Result<OneTicket, ApiError> {
    ask.show(ask.change().close(&ask.caller, ask.id, ask.expected).await).await
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SnoozeIn {
    /// A moment, or null for now; missing is something else than null.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>, format = DateTime)]
    until: Option<Option<String>>,
    #[serde(rename = "for")]
    period: Option<String>,
}

fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<String>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

impl SnoozeIn {
    fn until(self, now: DateTime<Utc>) -> Result<Option<DateTime<Utc>>, ApiError> {
        match (self.until, self.period) {
            (Some(None), None) => Ok(None),
            (Some(Some(moment)), None) => wire::moment("until", &moment).map(Some),
            (None, Some(period)) => behind(now, &period).map(Some),
            _ => Err(ApiError::invalid("until", "either this or 'for' is needed, and not both")),
        }
    }
}

fn behind(now: DateTime<Utc>, period: &str) -> Result<DateTime<Utc>, ApiError> {
    let problem = || ApiError::invalid("for", "must be a time such as 30m, 2h or 1day 12h");
    let period = humantime::parse_duration(period.trim()).ok().filter(|period| !period.is_zero());
    let period = chrono::TimeDelta::from_std(period.ok_or_else(problem)?).map_err(|_| problem())?;
    Ok(now.checked_add_signed(period).ok_or_else(problem)?.trunc_subsecs(6))
}

/// Puts a ticket off until a moment, or for a time.
#[utoipa::path(
    post, path = "/api/v1/xmpp/tickets/{id}/snooze", operation_id = "ticket_snooze", tag = "tickets",
    params(TicketId, IfMatch), request_body = SnoozeIn,
    responses((status = 200, description = "The ticket as it is then", body = TicketOut))
)]
pub(super) async fn snooze(ask: Ask, Body(input): Body<SnoozeIn>) -> Result<OneTicket, ApiError> {
    let until = input.until(ask.helpdesk().clock().now())?;
    ask.show(ask.change().snooze(&ask.caller, ask.id, ask.expected, until).await).await
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NoteIn {
    content: String,
}

/// Adds a note that the customer does not see.
#[utoipa::path(
    post, path = "/api/v1/xmpp/tickets/{id}/notes", operation_id = "ticket_note", tag = "tickets",
    params(TicketId, IfMatch), request_body = NoteIn,
    responses((status = 200, description = "The ticket as it is then", body = TicketOut))
)]
pub(super) async fn note(ask: Ask, Body(input): Body<NoteIn>) -> Result<OneTicket, ApiError> {
    let content = extract::text("content", input.content)?;
    ask.show(ask.change().note_on(&ask.caller, ask.id, ask.expected, content).await).await
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PriorityIn {
    #[schema(value_type = PriorityWord)]
    priority: String,
}

/// Sets the priority.
#[utoipa::path(
    method(post, put), path = "/api/v1/xmpp/tickets/{id}/priority", operation_id = "ticket_prioritise", tag = "tickets",
    params(TicketId, IfMatch), request_body = PriorityIn,
    responses((status = 200, description = "The ticket as it is then", body = TicketOut))
)]
pub(super) async fn prioritise(ask: Ask, Body(input): Body<PriorityIn>) -> Result<OneTicket, ApiError> {
    let priority = wire::read_priority(&input.priority)
        .ok_or_else(|| ApiError::invalid("priority", "must be LOW, NORMAL, HIGH or URGENT"))?;
    ask.show(ask.change().set_priority(&ask.caller, ask.id, ask.expected, priority).await).await
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct TagsIn {
    tags: Vec<String>,
}

/// Sets all tags.
#[utoipa::path(
    method(post, put), path = "/api/v1/xmpp/tickets/{id}/tags", operation_id = "ticket_tag", tag = "tickets",
    params(TicketId, IfMatch), request_body = TagsIn,
    responses((status = 200, description = "The ticket as it is then", body = TicketOut))
)]
pub(super) async fn tag(ask: Ask, Body(input): Body<TagsIn>) -> Result<OneTicket, ApiError> {
    let tags = input.tags.into_iter().map(|tag| extract::text("tags", tag)).collect::<Result<_, _>>()?;
    ask.show(ask.change().set_tags(&ask.caller, ask.id, ask.expected, tags).await).await
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RedactIn {
    /// For colleagues: it becomes a note.
    reason: String,
}

/// Takes a message's text out of the database, in all its versions and with what was made of it; what went to the customer is
/// taken back there.
#[utoipa::path(
    post, path = "/api/v1/xmpp/tickets/{id}/messages/{message}/redact", operation_id = "message_redact", tag = "messages",
    params(TicketId, ("message" = Uuid, Path, description = "The message")), request_body = RedactIn,
    responses((status = 200, description = "The ticket as it is then", body = TicketOut))
)]
pub(super) async fn redact(
    State(api): State<Api>,
    caller: Caller,
    path: Result<Path<(String, String)>, PathRejection>,
    Body(input): Body<RedactIn>,
) -> Result<OneTicket, ApiError> {
    let reason = extract::text("reason", input.reason)?;
    let unknown = || ApiError::NotFound("message not found".to_owned());
    let Path((ticket, message)) = path.map_err(|_| unknown())?;
    let ticket = Uuid::parse_str(&ticket).map_err(|_| ApiError::NotFound("ticket not found".to_owned()))?;
    let message = Uuid::parse_str(&message).map_err(|_| unknown())?;
    let ticket = api.helpdesk.redact(&caller, ticket, message, reason).await?;
    Ok(OneTicket(TicketOut::new(ticket, &caller, &api.helpdesk)))
}
