//! `/api/v1/xmpp/agents`: who answers, and who is on duty.

use axum::{Json, extract::State, http::StatusCode};
use deskbridge_entity::agent::{Duty, Role as AgentRole, Source};
use jid::BareJid;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    Api, ApiError,
    extract::{self, AgentId, Body},
};
use crate::helpdesk::{Agent, Caller, Error, NewAgent, Role};

/// The longest name, in characters: it stands before lines in a chat.
const MAX_NAME: usize = 100;

#[derive(Serialize, ToSchema)]
pub(super) struct AgentOut {
    id: String,
    name: String,
    /// Null is every desk.
    desks: Option<Vec<String>>,
    role: &'static str,
    duty: &'static str,
    on_duty: bool,
    /// `config` or `rest`: who named the agent.
    source: &'static str,
    /// For admins and oneself.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    jid: Option<Option<String>>,
}

impl AgentOut {
    fn new(agent: Agent, reader: &Caller) -> Self {
        let is_shown = reader.role == Role::Admin || agent.id == reader.id;
        Self {
            name: agent.display_name(),
            on_duty: agent.is_on_duty(),
            duty: match agent.duty {
                Duty::Auto => "auto",
                Duty::On => "on",
                Duty::Off => "off",
            },
            role: match agent.role {
                AgentRole::Agent => "agent",
                AgentRole::Admin => "admin",
            },
            source: match agent.source {
                Source::Config => "config",
                Source::Rest => "rest",
            },
            jid: is_shown.then(|| agent.jid.map(|jid| jid.to_string())),
            id: agent.id,
            desks: agent.desks,
        }
    }
}

/// Who answers, and who is on duty.
#[utoipa::path(
    get, path = "/api/v1/xmpp/agents", operation_id = "agent_list", tag = "agents",
    responses((status = 200, description = "The agents whom the caller works with", body = Vec<AgentOut>))
)]
pub(super) async fn list(State(api): State<Api>, caller: Caller) -> Result<Json<Vec<AgentOut>>, ApiError> {
    let agents = api.helpdesk.colleagues(&caller).await?;
    Ok(Json(agents.into_iter().map(|agent| AgentOut::new(agent, &caller)).collect()))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct AgentIn {
    jid: Option<String>,
    name: Option<String>,
    desks: Option<Vec<String>>,
    #[serde(default)]
    role: RoleWord,
    #[serde(default)]
    duty: DutyWord,
}

#[derive(Clone, Copy, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum RoleWord {
    #[default]
    Agent,
    Admin,
}

#[derive(Clone, Copy, Default, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum DutyWord {
    #[default]
    Auto,
    On,
    Off,
}

impl From<DutyWord> for Duty {
    fn from(word: DutyWord) -> Self {
        match word {
            DutyWord::Auto => Self::Auto,
            DutyWord::On => Self::On,
            DutyWord::Off => Self::Off,
        }
    }
}

impl AgentIn {
    fn checked(self, id: String) -> Result<NewAgent, ApiError> {
        if id.chars().any(char::is_control) {
            return Err(ApiError::invalid("id", "must not hold control characters"));
        }
        if self.desks.as_ref().is_some_and(Vec::is_empty) {
            return Err(ApiError::invalid(
                "desks",
                "must name one at least; without it the agent answers at every desk",
            ));
        }
        Ok(NewAgent {
            id,
            jid: self.jid.as_deref().map(bare).transpose()?,
            name: self.name.map(name).transpose()?,
            desks: self.desks,
            is_admin: self.role == RoleWord::Admin,
            duty: self.duty.into(),
        })
    }
}

fn bare(text: &str) -> Result<BareJid, ApiError> {
    let jid = extract::address("jid", text)?;
    jid.try_into_full().map_or_else(Ok, |_| Err(ApiError::invalid("jid", "must be without a resource")))
}

fn name(text: String) -> Result<String, ApiError> {
    let name = text.trim();
    if name.is_empty() || name.chars().count() > MAX_NAME || name.chars().any(char::is_control) {
        return Err(ApiError::invalid("name", format!("must have 1 to {MAX_NAME} characters and no line breaks")));
    }
    extract::text("name", name.to_owned())
}

/// Binds an agent to an address.
#[utoipa::path(
    put, path = "/api/v1/xmpp/agents/{id}", operation_id = "agent_bind", tag = "agents",
    params(AgentId), request_body = AgentIn,
    responses(
        (status = 201, description = "A new agent", body = AgentOut),
        (status = 200, description = "The agent is changed", body = AgentOut),
    )
)]
pub(super) async fn bind(
    State(api): State<Api>,
    caller: Caller,
    AgentId(id): AgentId,
    Body(input): Body<AgentIn>,
) -> Result<(StatusCode, Json<AgentOut>), ApiError> {
    caller.require_admin("bind agents")?;
    let is_new = matches!(api.helpdesk.colleague(&caller, &id).await, Err(Error::NotFound(_)));
    api.helpdesk.bind_agent(&caller, input.checked(id.clone())?).await?;
    let agent = api.helpdesk.colleague(&caller, &id).await?;
    let status = if is_new { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, Json(AgentOut::new(agent, &caller))))
}

/// Forgets an agent; the tickets go back to the queue.
#[utoipa::path(
    delete, path = "/api/v1/xmpp/agents/{id}", operation_id = "agent_remove", tag = "agents",
    params(AgentId),
    responses((status = 204, description = "Forgotten"))
)]
pub(super) async fn remove(
    State(api): State<Api>,
    caller: Caller,
    AgentId(id): AgentId,
) -> Result<StatusCode, ApiError> {
    api.helpdesk.remove_agent(&caller, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct DutyIn {
    duty: DutyWord,
}

/// Says whether an agent is told of waiting tickets: oneself, or an admin of anybody.
#[utoipa::path(
    post, path = "/api/v1/xmpp/agents/{id}/duty", operation_id = "agent_set_duty", tag = "agents",
    params(AgentId), request_body = DutyIn,
    responses((status = 200, description = "The agent", body = AgentOut))
)]
pub(super) async fn set_duty(
    State(api): State<Api>,
    caller: Caller,
    AgentId(id): AgentId,
    Body(input): Body<DutyIn>,
) -> Result<Json<AgentOut>, ApiError> {
    api.helpdesk.set_duty(&caller, &id, input.duty.into()).await?;
    let agent = api.helpdesk.colleague(&caller, &id).await?;
    Ok(Json(AgentOut::new(agent, &caller)))
}
