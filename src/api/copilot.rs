//! `/api/v1/xmpp/tickets/{id}/suggestion` and `/summary`: what the assistant makes for agents.

use std::time::Duration;

use axum::Json;
use deskbridge_entity::copilot::{Kind, Source};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::{
    ApiError, REQUEST_TIMEOUT,
    change::Ask,
    error::Envelope,
    extract::{self, MaybeBody, TicketId},
    wire::{Timestamp, Values},
};
use crate::helpdesk::Aid;

/// How long a request waits for the model: less than any may take, so that it ends in an answer of its own.
pub(super) const PATIENCE: Duration = REQUEST_TIMEOUT.saturating_sub(Duration::from_secs(5));

#[derive(Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct SuggestionIn {
    /// What the agent wants to say.
    hint: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(super) struct AidOut {
    id: String,
    kind: &'static str,
    text: String,
    #[schema(value_type = Vec<Values>)]
    citations: Value,
    /// `model`, or `rules` where none is configured.
    source: &'static str,
    /// The state of the conversation that it is about; another one after each line, correction, retraction and note.
    based_on: String,
    cached: bool,
    created_at: Timestamp,
}

/// Asks the assistant for a draft that an agent may send.
#[utoipa::path(
    post, path = "/api/v1/xmpp/tickets/{id}/suggestion", operation_id = "copilot_suggest", tag = "copilot",
    params(TicketId), request_body = Option<SuggestionIn>,
    responses(
        (status = 200, description = "The suggestion, made now or before", body = AidOut),
        (status = 504, description = "It is still being made: ask again", body = Envelope),
    )
)]
pub(super) async fn suggest(ask: Ask, MaybeBody(input): MaybeBody<SuggestionIn>) -> Result<Json<AidOut>, ApiError> {
    let hint = input.hint.map(|text| extract::text("hint", text)).transpose()?;
    show(&ask, Kind::Suggestion, hint).await
}

/// Asks the assistant what a ticket is about.
#[utoipa::path(
    post, path = "/api/v1/xmpp/tickets/{id}/summary", operation_id = "copilot_summarise", tag = "copilot",
    params(TicketId),
    responses(
        (status = 200, description = "The summary, made now or before", body = AidOut),
        (status = 504, description = "It is still being made: ask again", body = Envelope),
    )
)]
pub(super) async fn summarise(ask: Ask) -> Result<Json<AidOut>, ApiError> {
    show(&ask, Kind::Summary, None).await
}

async fn show(ask: &Ask, kind: Kind, hint: Option<String>) -> Result<Json<AidOut>, ApiError> {
    let aid = ask.helpdesk().ask_copilot(&ask.caller, ask.id, kind, hint, PATIENCE).await?;
    Ok(Json(aid.into()))
}

impl From<Aid> for AidOut {
    fn from(Aid { row, is_cached }: Aid) -> Self {
        Self {
            id: row.id.to_string(),
            kind: match row.kind {
                Kind::Suggestion => "suggestion",
                Kind::Summary => "summary",
            },
            text: row.text.unwrap_or_default(),
            citations: row.citations,
            source: row.source.map_or("rules", source),
            based_on: row.based_on,
            cached: is_cached,
            created_at: Timestamp(row.done_at.unwrap_or(row.created_at)),
        }
    }
}

pub(super) fn source(source: Source) -> &'static str {
    match source {
        Source::Model => "model",
        Source::Rules => "rules",
    }
}
