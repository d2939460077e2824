//! `GET /api/v1/xmpp/queue`: the tickets that wait for a person.

use axum::{Json, extract::State};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Api, ApiError, error::Envelope, extract::Parameters, list, ticket::TicketOut};
use crate::helpdesk::{Caller, Helpdesk, Queued};

/// Tickets when the caller does not say.
const TICKETS: u64 = 100;
/// The most tickets.
const MOST: u64 = 500;

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct QueueQuery {
    desk: Option<String>,
    /// How many at most.
    #[param(value_type = Option<u64>, minimum = 1, maximum = 500)]
    limit: Option<String>,
}

impl QueueQuery {
    fn limit(&self) -> Result<u64, ApiError> {
        list::limit(self.limit.as_deref(), TICKETS, MOST)
    }
}

#[derive(Serialize, ToSchema)]
pub(super) struct QueuedOut {
    /// Its place at its desk, from 1.
    position: u64,
    waiting_seconds: u64,
    reason: Option<String>,
    #[serde(flatten)]
    ticket: TicketOut,
}

impl QueuedOut {
    fn new(queued: Queued, reader: &Caller, helpdesk: &Helpdesk) -> Self {
        let Queued { ticket, position, waiting_seconds } = queued;
        let reason = ticket.hand_off_reason.clone();
        Self { position, waiting_seconds, reason, ticket: TicketOut::new(ticket, reader, helpdesk) }
    }
}

/// Tickets that wait for a person, in the order in which they should be taken.
#[utoipa::path(
    get, path = "/api/v1/xmpp/queue", operation_id = "queue_list", tag = "desks",
    params(QueueQuery),
    responses(
        (status = 200, description = "Who waits", body = Vec<QueuedOut>),
        (status = 404, description = "There is no such desk", body = Envelope),
    )
)]
pub(super) async fn list(
    State(api): State<Api>,
    caller: Caller,
    Parameters(query): Parameters<QueueQuery>,
) -> Result<Json<Vec<QueuedOut>>, ApiError> {
    let queue = api.helpdesk.queue(&caller, query.desk.as_deref(), query.limit()?).await?;
    Ok(Json(queue.into_iter().map(|queued| QueuedOut::new(queued, &caller, &api.helpdesk)).collect()))
}
