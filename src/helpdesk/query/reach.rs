//! Who may know of an event, without asking the database: for those who listen, of whom there are many.
//!
//! `changes::visible_to` says the same in SQL; a test of the API holds the two against each other.

use deskbridge_entity::{event, message::Visibility, ticket};
use serde_json::Value;

use super::changes::{Changes, ERASED, INSIDE};
use crate::helpdesk::{
    caller::{Caller, Role},
    usage::customer_key,
};

/// Who may know of something that happened in a ticket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Whoever may read the ticket.
    Ticket {
        /// Its desk.
        desk: String,
        /// Its customer's bare JID.
        customer: String,
        /// Whether that includes the customer.
        is_public: bool,
    },
    /// Whoever could read it, of one that is gone.
    Gone {
        /// Its desk.
        desk: String,
        /// What is left of its customer.
        customer: String,
    },
    /// The staff of these desks, and programs; `None` is every desk's.
    Staff {
        /// The desks' names.
        desks: Option<Vec<String>>,
    },
}

impl Reach {
    /// Of what a ticket's customer may know, too.
    #[must_use]
    pub fn of(ticket: &ticket::Model) -> Self {
        Self::Ticket { desk: ticket.desk.clone(), customer: ticket.customer.clone(), is_public: true }
    }

    /// Of what its customer may not know.
    #[must_use]
    pub fn inside(ticket: &ticket::Model) -> Self {
        Self::Ticket { desk: ticket.desk.clone(), customer: ticket.customer.clone(), is_public: false }
    }

    /// Whether the caller is one of them.
    #[must_use]
    pub fn includes(&self, caller: &Caller) -> bool {
        match caller.role {
            Role::Customer => match self {
                Self::Ticket { customer, is_public, .. } => *is_public && caller.id == *customer,
                Self::Gone { customer, .. } => customer_key(&caller.id) == *customer,
                Self::Staff { .. } => false,
            },
            Role::Agent | Role::Admin => match self {
                Self::Ticket { desk, .. } | Self::Gone { desk, .. } => caller.serves(desk),
                Self::Staff { desks } => {
                    desks.as_ref().is_none_or(|desks| desks.iter().any(|desk| caller.serves(desk)))
                }
            },
            Role::Service => caller.require_reader().is_ok(),
        }
    }
}

impl Changes {
    /// Who may know of one of these events, which were read for somebody who may know of all; `None` of one whose ticket went
    /// while they were read.
    #[must_use]
    pub fn reach(&self, event: &event::Model) -> Option<Reach> {
        if event.kind == ERASED {
            let word = |name: &str| event.data.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
            return Some(Reach::Gone { desk: word("desk"), customer: word("customer") });
        }
        let ticket = self.tickets.get(&event.ticket_id?)?;
        let is_said_to_all = |id| self.messages.get(&id).is_some_and(|row| row.visibility == Visibility::Public);
        let is_public = event.message_id.map_or(event.data.get(INSIDE).is_none(), is_said_to_all);
        Some(Reach::Ticket { desk: ticket.desk.clone(), customer: ticket.customer.clone(), is_public })
    }
}
