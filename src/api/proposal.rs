//! `/api/v1/xmpp/desks/{desk}/proposals` and `/api/v1/xmpp/proposals/{id}/…`: what a desk may learn, and who decides.

use axum::{
    Json,
    extract::{Path, State},
    http::header::ETAG,
    response::{AppendHeaders, IntoResponse, Response},
};
use deskbridge_entity::proposal::{Model, State as Stands};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::{
    Api, ApiError,
    change::{Ask, Subject},
    copilot,
    error::Envelope,
    extract::{self, Id, MaybeBody, OfDesk, Parameters},
    if_match::{self, IfMatch},
    list,
    wire::Timestamp,
};
use crate::helpdesk::{Caller, Edits, Error, Helpdesk};

#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ProposalOut {
    id: String,
    desk: String,
    /// Null when its customer was erased.
    ticket_id: Option<String>,
    state: &'static str,
    title: Option<String>,
    question: Option<String>,
    answer: Option<String>,
    /// `model`, or `rules`: quoted from the ticket as it was said.
    source: Option<&'static str>,
    reason: Option<String>,
    /// Its path in the desk's knowledge folder.
    page: Option<String>,
    similar_to: Option<String>,
    version: i64,
    created_at: Timestamp,
    decided_at: Option<Timestamp>,
    decided_by: Option<String>,
}

/// One proposal, with its version as its entity tag.
pub(super) struct OneProposal(ProposalOut);

impl IntoResponse for OneProposal {
    fn into_response(self) -> Response {
        let tag = if_match::tag(self.0.version).map(|tag| (ETAG, tag));
        (AppendHeaders(tag), Json(self.0)).into_response()
    }
}

impl Subject for Model {
    const WHAT: &'static str = "proposal";

    async fn find(helpdesk: &Helpdesk, caller: &Caller, id: Uuid) -> Result<Self, Error> {
        helpdesk.proposal(caller, id).await
    }

    fn version(&self, _: &Caller) -> i64 {
        self.version
    }
}

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct ListIn {
    state: Option<String>,
    /// How many at most.
    #[param(value_type = Option<u64>, minimum = 1, maximum = 100)]
    limit: Option<String>,
}

/// Pages that are proposed from what agents answered.
#[utoipa::path(
    get, path = "/api/v1/xmpp/desks/{desk}/proposals", operation_id = "proposal_list", tag = "knowledge",
    params(OfDesk, ListIn),
    responses((status = 200, description = "The proposals, the newest first", body = Vec<ProposalOut>))
)]
pub(super) async fn list(
    State(api): State<Api>,
    caller: Caller,
    Path(OfDesk { desk }): Path<OfDesk>,
    Parameters(input): Parameters<ListIn>,
) -> Result<Json<Vec<ProposalOut>>, ApiError> {
    let state = input.state.map(|word| {
        let problem = "must be proposed, approved, rejected or discarded";
        read_state(&word).ok_or_else(|| ApiError::bad_parameter("state", problem))
    });
    let limit = list::limit(input.limit.as_deref(), list::PAGE, list::LARGEST_PAGE)?;
    let rows = api.helpdesk.proposals(&caller, &desk, state.transpose()?, limit).await?;
    Ok(Json(rows.into_iter().map(ProposalOut::from).collect()))
}

#[derive(Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct ApprovalIn {
    title: Option<String>,
    question: Option<String>,
    answer: Option<String>,
}

/// Makes a page of a proposal.
#[utoipa::path(
    post, path = "/api/v1/xmpp/proposals/{id}/approve", operation_id = "proposal_approve", tag = "knowledge",
    params(Id<Model>, IfMatch),
    request_body = Option<ApprovalIn>,
    responses(
        (status = 200, description = "The page is on the shelf", body = ProposalOut),
        (status = 504, description = "It is still being made: ask again", body = Envelope),
    )
)]
pub(super) async fn approve(ask: Ask<Model>, MaybeBody(input): MaybeBody<ApprovalIn>) -> Result<OneProposal, ApiError> {
    let carried = |field, text: Option<String>| text.map(|text| extract::text(field, text)).transpose();
    let edits = Edits {
        title: carried("title", input.title)?,
        question: carried("question", input.question)?,
        answer: carried("answer", input.answer)?,
    };
    let row = ask.helpdesk().approve_proposal(&ask.caller, ask.id, ask.expected, edits, copilot::PATIENCE).await?;
    Ok(OneProposal(row.into()))
}

#[derive(Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct RejectionIn {
    reason: Option<String>,
}

/// Says no to a proposal.
#[utoipa::path(
    post, path = "/api/v1/xmpp/proposals/{id}/reject", operation_id = "proposal_reject", tag = "knowledge",
    params(Id<Model>, IfMatch),
    request_body = Option<RejectionIn>,
    responses((status = 200, description = "It is rejected", body = ProposalOut))
)]
pub(super) async fn reject(ask: Ask<Model>, MaybeBody(input): MaybeBody<RejectionIn>) -> Result<OneProposal, ApiError> {
    let reason = input.reason.map(|text| extract::text("reason", text)).transpose()?;
    Ok(OneProposal(ask.helpdesk().reject_proposal(&ask.caller, ask.id, ask.expected, reason).await?.into()))
}

impl From<Model> for ProposalOut {
    fn from(row: Model) -> Self {
        Self {
            id: row.id.to_string(),
            desk: row.desk,
            ticket_id: row.ticket_id.map(|id| id.to_string()),
            state: state(row.state),
            title: row.title,
            question: row.question,
            answer: row.answer,
            source: row.source.map(copilot::source),
            reason: row.reason,
            page: row.page,
            similar_to: row.similar_to,
            version: row.version,
            created_at: Timestamp(row.created_at),
            decided_at: row.decided_at.map(Timestamp),
            decided_by: row.decided_by,
        }
    }
}

fn state(state: Stands) -> &'static str {
    match state {
        Stands::Due => "due",
        Stands::Proposed => "proposed",
        Stands::Approved => "approved",
        Stands::Rejected => "rejected",
        Stands::Discarded => "discarded",
    }
}

/// Reads what [`state`] writes. What is due is nobody's business yet.
fn read_state(word: &str) -> Option<Stands> {
    let all = [Stands::Proposed, Stands::Approved, Stands::Rejected, Stands::Discarded];
    all.into_iter().find(|known| state(*known) == word)
}
