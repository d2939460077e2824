//! One room, as we know it.

use std::collections::{HashMap, HashSet};

use deskbridge_entity::ticket::Model;
use jid::{BareJid, FullJid, ResourcePart};
use tokio::time::Instant;
use uuid::Uuid;

use crate::helpdesk::{Agent, Desk, ticket_node};

/// How far a room has got.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// We are on our way in.
    Joining,
    /// We have made it; the answer to its configuration is due.
    Configuring {
        /// The request's id.
        id: String,
        /// Whether it said anything about logs, which some services refuse.
        mentions_log: bool,
    },
    /// The lists of who was let in are due, in the answers of these ids.
    Listing {
        /// The requests' ids.
        due: HashSet<String>,
        /// Who was let in.
        found: HashSet<BareJid>,
    },
    /// These answers are due before the others may come.
    Granting(HashSet<String>),
    /// People talk.
    Open,
    /// It is being destroyed; the answer of this id is due.
    Ending(String),
}

/// A ticket's room.
#[derive(Clone, Debug)]
pub(super) struct Room {
    pub ticket: Uuid,
    /// The room itself.
    pub jid: BareJid,
    /// Our name in it.
    pub nick: ResourcePart,
    /// The desk's address, which is the room's owner.
    pub desk: BareJid,
    /// The ticket's own address, from which its agent is told how it goes.
    pub address: BareJid,
    pub customer: BareJid,
    pub subject: String,
    /// Who has the ticket.
    pub agent: Option<Agent>,
    pub step: Step,
    /// When the step began.
    pub since: Instant,
    /// An agent has just asked for it: the ticket does not have it yet.
    pub is_new: bool,
    /// Whether customer and agent are to be invited when they may come.
    pub invites: bool,
    /// Who is there by which name.
    pub occupants: HashMap<String, BareJid>,
    /// Whether the room may still be repeating what was said before we came.
    pub is_catching_up: bool,
    /// Whether it was said there that nobody can read encrypted messages.
    pub has_explained: bool,
}

impl Room {
    /// The room of a ticket at a service, if its addresses are addresses.
    pub fn of(row: &Model, desk: &Desk, domain: &str, jid: BareJid, agent: Option<Agent>) -> Option<Self> {
        let nick = ResourcePart::new(&desk.title).or_else(|_| ResourcePart::new(&desk.name)).ok()?;
        Some(Self {
            ticket: row.id,
            jid,
            nick: nick.into_owned(),
            desk: BareJid::new(&format!("{}@{domain}", desk.name)).ok()?,
            address: BareJid::new(&format!("{}@{domain}", ticket_node(&row.short_id))).ok()?,
            customer: BareJid::new(&row.customer).ok()?,
            subject: row.subject.clone(),
            agent,
            step: Step::Joining,
            since: Instant::now(),
            is_new: false,
            invites: false,
            occupants: HashMap::new(),
            is_catching_up: true,
            has_explained: false,
        })
    }

    /// Our own place in it.
    pub fn own_place(&self) -> FullJid {
        self.jid.with_resource(&self.nick)
    }

    pub fn enter(&mut self, step: Step) {
        self.step = step;
        self.since = Instant::now();
    }

    /// Whether people talk in it, or will.
    pub fn is_in_use(&self) -> bool {
        !matches!(self.step, Step::Ending(_))
    }

    /// Whether this is the agent for whom it is open, by the same address.
    pub fn is_with(&self, holder: Option<&Agent>) -> bool {
        let known = self.agent.as_ref().map(|agent| (&agent.id, &agent.jid));
        known == holder.map(|agent| (&agent.id, &agent.jid))
    }

    /// Whether the agent who has the ticket is there.
    pub fn agent_is_there(&self) -> bool {
        let jid = self.agent.as_ref().and_then(|agent| agent.jid.as_ref());
        jid.is_some_and(|jid| self.occupants.values().any(|there| there == jid))
    }

    /// An answer of the room has come; whether it was the last one that the step waits for.
    pub fn has_answered(&mut self, id: &str) -> bool {
        match &mut self.step {
            Step::Configuring { id: due, .. } | Step::Ending(due) => due == id,
            Step::Listing { due, .. } | Step::Granting(due) => due.remove(id) && due.is_empty(),
            Step::Joining | Step::Open => false,
        }
    }

    /// Whether the step waits for the answer of this id.
    pub fn awaits(&self, id: &str) -> bool {
        match &self.step {
            Step::Configuring { id: due, .. } | Step::Ending(due) => due == id,
            Step::Listing { due, .. } | Step::Granting(due) => due.contains(id),
            Step::Joining | Step::Open => false,
        }
    }
}
