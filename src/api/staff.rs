//! `/api/v1/xmpp/tickets/{id}/…`: what people do with a ticket. Each answers with the ticket as it is then.

use axum::extract::{Path, State, rejection::PathRejection};
use chrono::{DateTime, SubsecRound, Utc};
use serde::{Deserialize, Deserializer};
use uuid::Uuid;

use super::{
    Api, ApiError,
    change::{Ask, OneTicket},
    extract::{self, Body},
    ticket::TicketOut,
    wire,
};
use crate::helpdesk::Caller;

pub(super) async fn show(ask: Ask) -> Result<OneTicket, ApiError> {
    let ticket = ask.helpdesk().ticket(&ask.caller, ask.ticket).await?;
    let there = ask.helpdesk().participants(&ticket).await?;
    let OneTicket(shown) = ask.show(Ok(ticket))?;
    Ok(OneTicket(shown.with_participants(there)))
}

pub(super) async fn claim(ask: Ask) -> Result<OneTicket, ApiError> {
    ask.show(ask.helpdesk().claim(&ask.caller, ask.ticket, ask.expected).await)
}

#[derive(Deserialize)]
pub(super) struct ReleaseIn {
    to: Receiver,
    summary: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Receiver {
    Assistant,
    Queue,
}

pub(super) async fn release(ask: Ask, Body(input): Body<ReleaseIn>) -> Result<OneTicket, ApiError> {
    let to_assistant = input.to == Receiver::Assistant;
    if input.summary.is_some() && !to_assistant {
        return Err(ApiError::invalid("summary", "is for the assistant only; colleagues read notes"));
    }
    let summary = input.summary.map(|text| extract::text("summary", text)).transpose()?;
    ask.show(ask.helpdesk().release(&ask.caller, ask.ticket, ask.expected, to_assistant, summary).await)
}

#[derive(Deserialize)]
pub(super) struct AssignIn {
    agent: String,
}

pub(super) async fn assign(ask: Ask, Body(input): Body<AssignIn>) -> Result<OneTicket, ApiError> {
    ask.show(ask.helpdesk().assign(&ask.caller, ask.ticket, ask.expected, input.agent).await)
}

pub(super) async fn resolve(ask: Ask) -> Result<OneTicket, ApiError> {
    ask.show(ask.helpdesk().resolve(&ask.caller, ask.ticket, ask.expected).await)
}

pub(super) async fn reopen(ask: Ask) -> Result<OneTicket, ApiError> {
    ask.show(ask.helpdesk().reopen(&ask.caller, ask.ticket, ask.expected).await)
}

pub(super) async fn close(ask: Ask) -> Result<OneTicket, ApiError> {
    ask.show(ask.helpdesk().close(&ask.caller, ask.ticket, ask.expected).await)
}

#[derive(Deserialize)]
pub(super) struct SnoozeIn {
    /// A moment, or null for now; missing is something else than null.
    #[serde(default, deserialize_with = "present")]
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

pub(super) async fn snooze(ask: Ask, Body(input): Body<SnoozeIn>) -> Result<OneTicket, ApiError> {
    let until = input.until(ask.helpdesk().clock().now())?;
    ask.show(ask.helpdesk().snooze(&ask.caller, ask.ticket, ask.expected, until).await)
}

#[derive(Deserialize)]
pub(super) struct NoteIn {
    content: String,
}

pub(super) async fn note(ask: Ask, Body(input): Body<NoteIn>) -> Result<OneTicket, ApiError> {
    let content = extract::text("content", input.content)?;
    ask.show(ask.helpdesk().note_on(&ask.caller, ask.ticket, ask.expected, content).await)
}

#[derive(Deserialize)]
pub(super) struct PriorityIn {
    priority: String,
}

pub(super) async fn prioritise(ask: Ask, Body(input): Body<PriorityIn>) -> Result<OneTicket, ApiError> {
    let priority = wire::read_priority(&input.priority)
        .ok_or_else(|| ApiError::invalid("priority", "must be LOW, NORMAL, HIGH or URGENT"))?;
    ask.show(ask.helpdesk().set_priority(&ask.caller, ask.ticket, ask.expected, priority).await)
}

#[derive(Deserialize)]
pub(super) struct TagsIn {
    tags: Vec<String>,
}

pub(super) async fn tag(ask: Ask, Body(input): Body<TagsIn>) -> Result<OneTicket, ApiError> {
    let tags = input.tags.into_iter().map(|tag| extract::text("tags", tag)).collect::<Result<_, _>>()?;
    ask.show(ask.helpdesk().set_tags(&ask.caller, ask.ticket, ask.expected, tags).await)
}

#[derive(Deserialize)]
pub(super) struct RedactIn {
    reason: String,
}

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
