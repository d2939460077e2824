//! What a dashboard shows besides tickets: desks, colleagues, and the queue.

use std::collections::HashMap;

use chrono::{DateTime, FixedOffset};
use deskbridge_entity::ticket;
use jid::BareJid;

use super::{Agent, Caller, Desk, Error, Helpdesk, Presence, Role, query};

/// A desk as a caller may see it.
#[derive(Debug)]
pub struct DeskState {
    /// The localpart of its address.
    pub name: String,
    /// What people call it.
    pub title: String,
    /// Where customers write to.
    pub address: BareJid,
    /// Whether it is within its hours.
    pub is_open: bool,
    /// When it opens next, in its own zone, if it is closed and ever opens.
    pub next_opening: Option<DateTime<FixedOffset>>,
    /// For its staff only.
    pub inside: Option<DeskInside>,
}

/// What only a desk's staff sees of it.
#[derive(Debug)]
pub struct DeskInside {
    /// Its hours in a line; empty when it is always open.
    pub hours: String,
    /// Who answers there, by id.
    pub agents: Vec<Agent>,
    /// How many tickets wait for a person.
    pub waiting: u64,
    /// What it shows to its subscribers.
    pub presence: Presence,
}

/// A ticket that waits for a person.
#[derive(Debug)]
pub struct Queued {
    /// The ticket.
    pub ticket: ticket::Model,
    /// Its place at its desk, from 1.
    pub position: u64,
    /// How long the customer has waited, in seconds.
    pub waiting_seconds: u64,
}

impl Helpdesk {
    /// All desks, each as far as the caller may see it.
    ///
    /// # Errors
    /// [`Error::Forbidden`] for a program without the scope, [`Error::Database`].
    pub async fn desk_states(&self, caller: &Caller) -> Result<Vec<DeskState>, Error> {
        caller.require_reader()?;
        let mut inside = self.insides(caller).await?;
        let now = self.clock.now();
        let states = self.desks().iter().map(|desk| {
            Ok(DeskState {
                name: desk.name.clone(),
                title: desk.title.clone(),
                address: self.desk_address(&desk.name)?,
                is_open: desk.hours.is_open(now),
                next_opening: desk.hours.next_opening(now).map(|at| at.fixed_offset()),
                inside: inside.remove(&desk.name),
            })
        });
        states.collect()
    }

    /// The inside of every desk that the caller answers at.
    async fn insides(&self, caller: &Caller) -> Result<HashMap<String, DeskInside>, Error> {
        let served: Vec<&Desk> =
            self.desks().iter().map(AsRef::as_ref).filter(|desk| caller.serves(&desk.name)).collect();
        if served.is_empty() {
            return Ok(HashMap::new());
        }
        let agents = self.agents().await?;
        let waiting = query::waiting_counts(&self.store, caller, self.clock.now()).await?;
        let mut insides = HashMap::with_capacity(served.len());
        for desk in served {
            let inside = DeskInside {
                hours: desk.hours.describe(),
                agents: agents.iter().filter(|agent| agent.serves(&desk.name)).cloned().collect(),
                waiting: waiting.get(&desk.name).copied().unwrap_or_default(),
                presence: self.desk_presence(&desk.name).await?,
            };
            insides.insert(desk.name.clone(), inside);
        }
        Ok(insides)
    }

    /// The agents that the caller may know: oneself and those of the same desks; all for an admin.
    ///
    /// # Errors
    /// [`Error::Forbidden`] unless the caller is of the staff, [`Error::Database`].
    pub async fn colleagues(&self, caller: &Caller) -> Result<Vec<Agent>, Error> {
        require_staff(caller)?;
        let mut agents = self.agents().await?;
        agents.retain(|agent| {
            let shares = || self.desks().iter().any(|desk| caller.serves(&desk.name) && agent.serves(&desk.name));
            caller.role == Role::Admin || agent.id == caller.id || shares()
        });
        Ok(agents)
    }

    /// One agent that the caller may know.
    ///
    /// # Errors
    /// [`Error::NotFound`]; else as [`Helpdesk::colleagues`].
    pub async fn colleague(&self, caller: &Caller, id: &str) -> Result<Agent, Error> {
        let found = self.colleagues(caller).await?.into_iter().find(|agent| agent.id == id);
        found.ok_or_else(|| Error::NotFound(format!("agent '{id}'")))
    }

    /// The tickets that wait for a person, at one desk or at all of the caller's, at most `limit`: the most urgent
    /// first, and among those the one that waits longest. What is snoozed is left out.
    ///
    /// # Errors
    /// [`Error::Forbidden`] unless the caller answers at the desk, [`Error::NotFound`] for an unknown desk.
    pub async fn queue(&self, caller: &Caller, desk: Option<&str>, limit: u64) -> Result<Vec<Queued>, Error> {
        require_staff(caller)?;
        if let Some(desk) = desk {
            caller.require_desk(desk)?;
            self.known_desk(desk)?;
        }
        let now = self.clock.now();
        let rows = query::queue(&self.store, caller, desk, now, limit).await?;
        let mut places: HashMap<String, u64> = HashMap::new();
        let queued = rows.into_iter().map(|ticket| {
            let position = places.entry(ticket.desk.clone()).and_modify(|place| *place += 1).or_insert(1);
            let waited = ticket.waiting_since.map_or(0, |since| (now - since).num_seconds());
            Queued { position: *position, waiting_seconds: waited.try_into().unwrap_or_default(), ticket }
        });
        Ok(queued.collect())
    }
}

fn require_staff(caller: &Caller) -> Result<(), Error> {
    if caller.is_staff() {
        return Ok(());
    }
    Err(Error::Forbidden("this is for the staff".to_owned()))
}
