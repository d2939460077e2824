//! Who answers: agents from the configuration and those that an admin bound to a JID.

use std::collections::HashSet;

use deskbridge_entity::{
    agent::{self, Duty, Role as AgentRole, Source},
    presence,
};
use jid::BareJid;
use sea_orm::{ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryOrder};

use super::{
    Caller, Error, Helpdesk, MAX_JID, Role, check_jid,
    operation::agent::{BindAgent, NameConfigured, RemoveAgent, SetDuty},
    without_nul,
};

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

    /// The desks that it concerns whether the agent is there; `None` is every desk.
    #[must_use]
    pub fn concerned(&self) -> Option<&[String]> {
        self.desks.as_deref().filter(|_| self.role != AgentRole::Admin)
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

/// An agent as an admin describes one.
#[derive(Clone, Debug)]
pub struct NewAgent {
    /// As in a token's `sub`.
    pub id: String,
    /// The bare JID the agent chats from.
    pub jid: Option<BareJid>,
    /// The name that customers see.
    pub name: Option<String>,
    /// The desks the agent answers at; `None` is every desk.
    pub desks: Option<Vec<String>>,
    /// Whether the agent also assigns and closes tickets.
    pub is_admin: bool,
    /// Whether the agent is told of tickets that wait.
    pub duty: Duty,
}

impl Helpdesk {
    /// All agents, by id.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn agents(&self) -> Result<Vec<Agent>, Error> {
        Ok(load(self.store.read()).await?)
    }

    /// The agent who chats from this address.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn agent_at(&self, jid: &BareJid) -> Result<Option<Agent>, Error> {
        Ok(self.agents().await?.into_iter().find(|agent| agent.jid.as_ref() == Some(jid)))
    }

    /// Whether somebody is on duty at a desk; `None` when nobody is known to answer there.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn on_duty(&self, desk: &str) -> Result<Option<bool>, Error> {
        Ok(on_duty(&self.agents().await?, desk))
    }

    /// Makes the configured agents known, and gives back to the queue what those have who are configured no longer. Once at
    /// every start.
    ///
    /// # Errors
    /// [`Error::WriteFailed`].
    pub async fn name_configured_agents(&self) -> Result<(), Error> {
        let mut rows: Vec<agent::Model> = Vec::new();
        for desk in self.desks() {
            for configured in &desk.agents {
                let id = configured.jid.to_string();
                let desks = |row: &agent::Model| row.desks.clone().and_then(|names| serde_json::from_value(names).ok());
                match rows.iter_mut().find(|row| row.id == id) {
                    Some(row) => {
                        let mut names: Vec<String> = desks(row).unwrap_or_default();
                        names.push(desk.name.clone());
                        row.desks = Some(names.into());
                        row.name = row.name.take().or_else(|| configured.name.clone());
                    }
                    None => rows.push(agent::Model {
                        jid: Some(id.clone()),
                        id,
                        name: configured.name.clone(),
                        desks: Some(vec![desk.name.clone()].into()),
                        role: AgentRole::Agent,
                        duty: Duty::Auto,
                        source: Source::Config,
                        updated_at: self.clock.now(),
                    }),
                }
            }
        }
        let known = self.agents().await?.into_iter().filter(|agent| agent.source == Source::Config);
        let known = known.map(|agent| agent.id).collect();
        self.writer.write(NameConfigured { agents: rows, known }).await
    }

    /// Binds an agent to a JID. Admins only.
    ///
    /// # Errors
    /// [`Error::Forbidden`], [`Error::Invalid`] for an unknown desk or an address of ours, [`Error::Conflict`] when
    /// the JID is another agent's.
    pub async fn bind_agent(&self, caller: &Caller, new: NewAgent) -> Result<(), Error> {
        caller.require_admin("bind agents")?;
        if new.id.trim().is_empty() || new.id.len() > MAX_JID {
            return Err(Error::invalid("id", format!("must have 1 to {} bytes", MAX_JID)));
        }
        if let Some(jid) = &new.jid {
            check_jid(jid)?;
            if jid.domain().as_str() == &*self.domain || jid.node().is_none() {
                return Err(Error::invalid("jid", "must be a person's address on another domain than ours"));
            }
        }
        for name in new.desks.iter().flatten() {
            self.known_desk(name).map_err(|_| Error::invalid("desks", format!("there is no desk '{name}'")))?;
        }
        let agent = agent::Model {
            id: without_nul(new.id),
            jid: new.jid.map(|jid| jid.to_string()),
            name: new.name.map(without_nul),
            desks: new.desks.map(Into::into),
            role: if new.is_admin { AgentRole::Admin } else { AgentRole::Agent },
            duty: new.duty,
            source: Source::Rest,
            updated_at: self.clock.now(),
        };
        self.writer.write(BindAgent { caller: caller.clone(), agent }).await
    }

    /// Forgets an agent that was bound over REST; what it has goes back to the queue. Admins only.
    ///
    /// # Errors
    /// [`Error::Forbidden`], [`Error::NotFound`], [`Error::Conflict`] for one from the configuration.
    pub async fn remove_agent(&self, caller: &Caller, id: &str) -> Result<(), Error> {
        caller.require_admin("remove agents")?;
        self.writer.write(RemoveAgent { caller: caller.clone(), id: id.to_owned() }).await
    }

    /// Says whether an agent is told of waiting tickets: oneself, or an admin for others.
    ///
    /// # Errors
    /// [`Error::Forbidden`], [`Error::NotFound`].
    pub async fn set_duty(&self, caller: &Caller, id: &str, duty: Duty) -> Result<(), Error> {
        if !(caller.role == Role::Agent && caller.id == id) {
            caller.require_admin("set the duty of others")?;
        }
        self.writer.write(SetDuty { caller: caller.clone(), id: id.to_owned(), duty }).await
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
