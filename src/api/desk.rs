//! `GET /api/v1/xmpp/desks`: where one can write to, and for its staff what goes on there.

use axum::{Json, extract::State};
use chrono::{DateTime, FixedOffset};
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    Api, ApiError,
    wire::{self, Timestamp},
};
use crate::helpdesk::{Agent, Caller, DeskInside, DeskState, Presence};

#[derive(Serialize, ToSchema)]
pub(super) struct DeskOut {
    name: String,
    title: String,
    address: String,
    open: bool,
    /// In the desk's own zone.
    #[schema(value_type = Option<Timestamp>)]
    next_opening: Option<DateTime<FixedOffset>>,
    #[serde(flatten)]
    #[schema(value_type = InsideOut)]
    inside: Option<InsideOut>,
}

/// For the desk's staff.
#[derive(Serialize, ToSchema)]
#[schema(as = DeskInside)]
struct InsideOut {
    #[schema(required = false)]
    hours: String,
    /// How many of the agents are on duty.
    #[schema(required = false)]
    on_duty: usize,
    #[schema(required = false)]
    agents: Vec<AgentOut>,
    #[schema(required = false)]
    waiting: u64,
    #[schema(required = false)]
    presence: PresenceOut,
}

#[derive(Serialize, ToSchema)]
#[schema(as = DeskAgentOut)]
struct AgentOut {
    id: String,
    name: String,
    on_duty: bool,
}

#[derive(Serialize, ToSchema)]
#[schema(as = DeskPresenceOut)]
struct PresenceOut {
    status: &'static str,
    show: Option<String>,
    text: Option<String>,
}

/// The desks; for their staff also what goes on there.
#[utoipa::path(
    get, path = "/api/v1/xmpp/desks", operation_id = "desk_list", tag = "desks",
    responses((status = 200, description = "All desks", body = Vec<DeskOut>))
)]
pub(super) async fn list(State(api): State<Api>, caller: Caller) -> Result<Json<Vec<DeskOut>>, ApiError> {
    let desks = api.helpdesk.desk_states(&caller).await?;
    Ok(Json(desks.into_iter().map(DeskOut::from).collect()))
}

impl From<DeskState> for DeskOut {
    fn from(desk: DeskState) -> Self {
        Self {
            name: desk.name,
            title: desk.title,
            address: desk.address.to_string(),
            open: desk.is_open,
            next_opening: desk.next_opening,
            inside: desk.inside.map(InsideOut::from),
        }
    }
}

impl From<DeskInside> for InsideOut {
    fn from(inside: DeskInside) -> Self {
        let Presence { available, show, text, .. } = inside.presence;
        Self {
            hours: inside.hours,
            on_duty: inside.agents.iter().filter(|agent| agent.is_on_duty()).count(),
            agents: inside.agents.iter().map(AgentOut::from).collect(),
            waiting: inside.waiting,
            presence: PresenceOut { status: wire::availability(available), show, text },
        }
    }
}

impl From<&Agent> for AgentOut {
    fn from(agent: &Agent) -> Self {
        Self { id: agent.id.clone(), name: agent.display_name(), on_duty: agent.is_on_duty() }
    }
}
