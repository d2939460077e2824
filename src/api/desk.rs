//! `GET /api/v1/xmpp/desks`: where one can write to, and for its staff what goes on there.

use axum::{Json, extract::State};
use chrono::{DateTime, FixedOffset};
use serde::Serialize;

use super::{Api, ApiError};
use crate::helpdesk::{Agent, Caller, DeskInside, DeskState, Presence};

#[derive(Serialize)]
pub(super) struct DeskOut {
    name: String,
    title: String,
    address: String,
    open: bool,
    /// In the desk's own zone.
    next_opening: Option<DateTime<FixedOffset>>,
    #[serde(flatten)]
    inside: Option<InsideOut>,
}

/// For the desk's staff.
#[derive(Serialize)]
struct InsideOut {
    hours: String,
    /// How many of the agents are on duty.
    on_duty: usize,
    agents: Vec<AgentOut>,
    waiting: u64,
    presence: PresenceOut,
}

#[derive(Serialize)]
struct AgentOut {
    id: String,
    name: String,
    on_duty: bool,
}

#[derive(Serialize)]
struct PresenceOut {
    status: &'static str,
    show: Option<String>,
    text: Option<String>,
}

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
            presence: PresenceOut { status: if available { "available" } else { "unavailable" }, show, text },
        }
    }
}

impl From<&Agent> for AgentOut {
    fn from(agent: &Agent) -> Self {
        Self { id: agent.id.clone(), name: agent.display_name(), on_duty: agent.is_on_duty() }
    }
}
