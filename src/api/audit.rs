//! `GET /api/v1/xmpp/audit`: what the staff did. For admins.

use axum::{extract::State, http::Uri, response::IntoResponse};
use chrono::{DateTime, Utc};
use deskbridge_entity::audit::{Model, Role, Way};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{
    Api, ApiError,
    extract::Parameters,
    list,
    wire::{Timestamp, Values},
};
use crate::helpdesk::{AuditFilter, Caller};

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct ListIn {
    /// The id of an agent, admin or program, or a customer's hash.
    actor: Option<String>,
    /// A word such as `ticket.claim`, or the part before its dot.
    action: Option<String>,
    #[param(value_type = Option<Uuid>)]
    ticket_id: Option<String>,
    /// At this moment or later.
    #[param(value_type = Option<String>, format = DateTime)]
    from: Option<String>,
    /// Before this moment.
    #[param(value_type = Option<String>, format = DateTime)]
    to: Option<String>,
    /// How many at most.
    #[param(value_type = Option<u64>, minimum = 1, maximum = 100)]
    limit: Option<String>,
    /// Where the page before ended.
    cursor: Option<String>,
}

impl ListIn {
    fn filter(&self) -> Result<AuditFilter, ApiError> {
        let ticket = self.ticket_id.as_deref().map(|id| {
            Uuid::parse_str(id).map_err(|_| ApiError::bad_parameter("ticket_id", "must be the id of a ticket"))
        });
        Ok(AuditFilter {
            actor: self.actor.clone().map(|actor| storable("actor", actor)).transpose()?,
            action: self.action.clone().map(|action| storable("action", action)).transpose()?,
            ticket: ticket.transpose()?,
            from: self.from.as_deref().map(|text| moment("from", text)).transpose()?,
            to: self.to.as_deref().map(|text| moment("to", text)).transpose()?,
            after: list::cursor(self.cursor.as_deref())?,
            limit: list::limit(self.limit.as_deref(), list::PAGE, list::LARGEST_PAGE)?,
        })
    }
}

fn moment(name: &str, text: &str) -> Result<DateTime<Utc>, ApiError> {
    let moment = DateTime::parse_from_rfc3339(text.trim()).ok().map(|moment| moment.to_utc());
    // Beyond them, no database knows.
    let is_ours = |moment: &DateTime<Utc>| ("2000".."2200").contains(&moment.format("%Y").to_string().as_str());
    moment
        .filter(is_ours)
        .ok_or_else(|| ApiError::bad_parameter(name, "must be a moment as in RFC 3339, such as 2030-01-31T09:00:00Z"))
}

/// PostgreSQL's text holds no NUL.
fn storable(name: &str, text: String) -> Result<String, ApiError> {
    if text.contains('\0') {
        return Err(ApiError::bad_parameter(name, "must not have the character U+0000"));
    }
    Ok(text)
}

#[derive(Serialize, ToSchema)]
pub(super) struct ActOut {
    id: Uuid,
    at: Timestamp,
    /// `agent`, `admin`, `service`, or `customer`, whose id is the hash of its address.
    role: &'static str,
    actor: String,
    /// `rest`, `chat` or `cli`.
    way: &'static str,
    action: String,
    desk: Option<String>,
    ticket_id: Option<Uuid>,
    target: Option<String>,
    request_id: Option<String>,
    #[schema(value_type = Values)]
    details: Value,
}

impl From<Model> for ActOut {
    fn from(row: Model) -> Self {
        let role = match row.role {
            Role::Customer => "customer",
            Role::Agent => "agent",
            Role::Admin => "admin",
            Role::Service => "service",
        };
        let way = match row.way {
            Way::Chat => "chat",
            Way::Rest => "rest",
            Way::Cli => "cli",
        };
        Self {
            id: row.id,
            at: Timestamp(row.at),
            role,
            actor: row.actor,
            way,
            action: row.action,
            desk: row.desk,
            ticket_id: row.ticket_id,
            target: row.target,
            request_id: row.request_id,
            details: row.details,
        }
    }
}

/// What the staff did, newest first.
#[utoipa::path(
    get, path = "/api/v1/xmpp/audit", operation_id = "audit_list", tag = "audit",
    params(ListIn),
    responses((status = 200, description = "A page of acts", body = Vec<ActOut>, headers(("Link" = String, description = "The next page, if there is one (RFC 8288)"))))
)]
pub(super) async fn list(
    State(api): State<Api>,
    caller: Caller,
    uri: Uri,
    Parameters(input): Parameters<ListIn>,
) -> Result<impl IntoResponse, ApiError> {
    let page = api.helpdesk.audit(&caller, &input.filter()?).await?;
    let ListIn { actor, action, ticket_id, from, to, limit, .. } = &input;
    let filters =
        [("actor", actor), ("action", action), ("ticket_id", ticket_id), ("from", from), ("to", to), ("limit", limit)];
    let acts: Vec<ActOut> = page.items.into_iter().map(ActOut::from).collect();
    Ok(list::answer(&uri, &filters, page.next, acts))
}
