//! `/api/v1/xmpp/webhooks/{id}/deliveries`: what was, and is to be, told to a webhook. For admins.

use axum::{
    Json,
    extract::{Path, State, rejection::PathRejection},
    http::{StatusCode, Uri},
    response::IntoResponse,
};
use deskbridge_entity::{
    webhook,
    webhook_delivery::{Model, State as Stands},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::{
    Api, ApiError,
    change::Ask,
    extract::{Id, Parameters},
    list,
    wire::{EventWord, Timestamp},
};
use crate::helpdesk::{Caller, DeliveryFilter};

#[derive(Serialize, ToSchema)]
pub(super) struct DeliveryOut {
    /// The `webhook-id`.
    id: Uuid,
    #[schema(value_type = EventWord)]
    event: String,
    seq: Option<i64>,
    ticket_id: Option<Uuid>,
    message_id: Option<Uuid>,
    /// `pending`, `delivered` or `failed`.
    state: &'static str,
    tries: i32,
    last_try_at: Option<Timestamp>,
    /// Of the last answer.
    last_status: Option<i32>,
    last_error: Option<String>,
    /// While it is pending.
    next_try_at: Option<Timestamp>,
    /// When it was delivered, or given up.
    ended_at: Option<Timestamp>,
    created_at: Timestamp,
}

impl From<Model> for DeliveryOut {
    fn from(row: Model) -> Self {
        Self {
            id: row.id,
            event: row.kind,
            seq: row.seq,
            ticket_id: row.ticket_id,
            message_id: row.message_id,
            state: state(row.state),
            tries: row.tries,
            last_try_at: row.tried_at.map(Timestamp),
            last_status: row.status,
            last_error: row.error,
            next_try_at: (row.state == Stands::Pending).then_some(Timestamp(row.due_at)),
            ended_at: row.ended_at.map(Timestamp),
            created_at: Timestamp(row.created_at),
        }
    }
}

fn state(state: Stands) -> &'static str {
    match state {
        Stands::Pending => "pending",
        Stands::Delivered => "delivered",
        Stands::Failed => "failed",
    }
}

/// Reads what [`state`] writes.
fn read_state(word: &str) -> Option<Stands> {
    [Stands::Pending, Stands::Delivered, Stands::Failed].into_iter().find(|known| state(*known) == word)
}

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct ListIn {
    /// `pending`, `delivered` or `failed`.
    state: Option<String>,
    /// How many at most.
    #[param(value_type = Option<u64>, minimum = 1, maximum = 100)]
    limit: Option<String>,
    /// Where the page before ended, as its `Link` says.
    cursor: Option<String>,
}

impl ListIn {
    fn filter(&self) -> Result<DeliveryFilter, ApiError> {
        let state = self.state.as_deref().map(|word| {
            let problem = "must be pending, delivered or failed";
            read_state(word).ok_or_else(|| ApiError::bad_parameter("state", problem))
        });
        Ok(DeliveryFilter {
            state: state.transpose()?,
            after: list::cursor(self.cursor.as_deref())?,
            limit: list::limit(self.limit.as_deref(), list::PAGE, list::LARGEST_PAGE)?,
        })
    }
}

/// The log of a webhook's deliveries.
#[utoipa::path(
    get, path = "/api/v1/xmpp/webhooks/{id}/deliveries", operation_id = "delivery_list", tag = "webhooks",
    params(Id<webhook::Model>, ListIn),
    responses((status = 200, description = "A page of deliveries, the newest first", body = Vec<DeliveryOut>, headers(("Link" = String, description = "The next page, if there is one (RFC 8288)"))))
)]
pub(super) async fn list(
    ask: Ask<webhook::Model>,
    uri: Uri,
    Parameters(input): Parameters<ListIn>,
) -> Result<impl IntoResponse, ApiError> {
    let page = ask.helpdesk().deliveries(&ask.caller, ask.id, &input.filter()?).await?;
    let filters = [("state", &input.state), ("limit", &input.limit)];
    let rows: Vec<DeliveryOut> = page.items.into_iter().map(DeliveryOut::from).collect();
    Ok(list::answer(&uri, &filters, page.next, rows))
}

/// The delivery that a path names.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Path)]
pub(super) struct OneDelivery {
    /// The webhook's.
    id: Uuid,
    /// The delivery's.
    delivery: Uuid,
}

/// Has something delivered once more, or now instead of later, under the same id.
#[utoipa::path(
    post, path = "/api/v1/xmpp/webhooks/{id}/deliveries/{delivery}/replay", operation_id = "delivery_replay", tag = "webhooks",
    params(OneDelivery),
    responses((status = 202, description = "It is due", body = DeliveryOut))
)]
pub(super) async fn replay(
    State(api): State<Api>,
    caller: Caller,
    path: Result<Path<OneDelivery>, PathRejection>,
) -> Result<(StatusCode, Json<DeliveryOut>), ApiError> {
    let Path(OneDelivery { id, delivery }) = path.map_err(|_| ApiError::NotFound("delivery not found".to_owned()))?;
    let row = api.helpdesk.replay_delivery(&caller, id, delivery).await?;
    Ok((StatusCode::ACCEPTED, Json(row.into())))
}
