//! Who answers: agents from the configuration and those that an admin bound to a JID.

use std::collections::HashSet;

use deskbridge_entity::{
    agent::{self, Duty, Role as AgentRole, Source},
    presence,
};
use jid::BareJid;
use sea_orm::{ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryOrder};

use super::{Caller, Role};

/// An agent, with what is known of whether somebody sits there.
#[derive(Clone, Debug)]
pub struct Agent {
    /// As in a token's `sub`; a configured agent's is the bare JID.
    pub id: String,
    /// The bare JID the agent chats from.
    pub jid: Option<BareJid>,
    /// The name that customers see.
    pub name: Option<String>,
    /// The desks the agent answers at; `None` is every desk.
    pub desks: Option<Vec<String>>,
    /// What the agent may do.
    pub role: AgentRole,
    /// What the agent has said about being told of tickets.
    pub duty: Duty,
    /// Who named the agent.
    pub source: Source,
    /// Whether a client of the agent is there and wants to be talked to (RFC 6121 §4.7.2.1: neither `dnd` nor `xa`).
    pub is_present: bool,
}

impl Agent {
    /// Whether the agent is told of tickets that wait.
    #[must_use]
    pub fn is_on_duty(&self) -> bool {
        match self.duty {
            Duty::On => true,
            Duty::Off => false,
            Duty::Auto => self.is_present,
        }
    }

    /// Whether the agent answers at `desk`.
    #[must_use]
    pub fn serves(&self, desk: &str) -> bool {
        self.role == AgentRole::Admin || self.desks.as_ref().is_none_or(|desks| desks.iter().any(|name| name == desk))
    }

    /// The agent as one who asks for something.
    #[must_use]
    pub fn caller(&self) -> Caller {
        Caller {
            id: self.id.clone(),
            name: self.name.clone(),
            role: if self.role == AgentRole::Admin { Role::Admin } else { Role::Agent },
            desks: self.desks.clone(),
            scopes: Vec::new(),
        }
    }

    /// The name that people see.
    #[must_use]
    pub fn display_name(&self) -> String {
        self.caller().display_name()
    }
}

/// Whether somebody is on duty at a desk; `None` when nobody is known to answer there.
pub(super) fn on_duty(agents: &[Agent], desk: &str) -> Option<bool> {
    let mut serving = agents.iter().filter(|agent| agent.serves(desk)).peekable();
    serving.peek().is_some().then(|| serving.any(Agent::is_on_duty))
}

/// Whether who shows this wants to be talked to (RFC 6121 §4.7.2.1).
pub(super) fn wants_talk(show: Option<&str>) -> bool {
    !matches!(show, Some("dnd" | "xa"))
}

/// All agents, by id.
pub(super) async fn load(connection: &impl ConnectionTrait) -> Result<Vec<Agent>, DbErr> {
    let rows = agent::Entity::find().order_by_asc(agent::Column::Id).all(connection).await?;
    let jids: Vec<&String> = rows.iter().filter_map(|row| row.jid.as_ref()).collect();
    if jids.is_empty() {
        return Ok(rows.into_iter().map(|row| from_row(row, &HashSet::new())).collect());
    }
    let present = presence::Entity::find()
        .filter(presence::Column::Bare.is_in(jids))
        .filter(presence::Column::Available.eq(true))
        // What a program tells over REST puts nobody on duty.
        .filter(presence::Column::Source.eq(presence::Source::Xmpp))
        .all(connection)
        .await?;
    let present: HashSet<String> =
        present.into_iter().filter(|row| wants_talk(row.show.as_deref())).map(|row| row.bare).collect();
    Ok(rows.into_iter().map(|row| from_row(row, &present)).collect())
}

fn from_row(row: agent::Model, present: &HashSet<String>) -> Agent {
    Agent {
        is_present: row.jid.as_ref().is_some_and(|jid| present.contains(jid)),
        // Stored ones were parsed before; a broken one must not stop the others.
        jid: row.jid.and_then(|jid| BareJid::new(&jid).ok()),
        desks: row.desks.and_then(|names| serde_json::from_value(names).ok()),
        id: row.id,
        name: row.name,
        role: row.role,
        duty: row.duty,
        source: row.source,
    }
}
