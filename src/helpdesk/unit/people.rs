//! Agents, and what they are told.

use deskbridge_entity::{
    notice,
    ticket::{self, Handler},
};
use jid::BareJid;
use uuid::Uuid;

use super::Unit;
use crate::helpdesk::{Agent, shown, ticket_node};

impl Unit {
    /// The agent with this id. Needs `people`, as everything about agents does.
    pub(in crate::helpdesk) fn agent(&self, id: &str) -> Option<&Agent> {
        self.agents.iter().find(|agent| agent.id == id)
    }

    /// The agent who has the ticket.
    pub(in crate::helpdesk) fn holder(&self, row: &ticket::Model) -> Option<&Agent> {
        row.agent.as_deref().filter(|_| row.handler == Handler::Agent).and_then(|id| self.agent(id))
    }

    /// Queues a message to an agent.
    pub(in crate::helpdesk) fn tell(&mut self, recipient: &BareJid, ticket: Uuid, message: Option<Uuid>, body: String) {
        let Some(row) = self.ticket(ticket) else { return };
        let sender = ticket_node(&row.short_id);
        self.notify(sender, recipient, Some(ticket), message, body);
    }

    /// Queues the end of a message to the ticket's customer (XEP-0424), with words for clients that know no better.
    pub(in crate::helpdesk) fn take_back(&mut self, ticket: Uuid, message: Uuid, body: String) {
        let Some(row) = self.ticket(ticket) else { return };
        self.notices.push(notice::Model {
            id: Uuid::now_v7(),
            seq: 0,
            ticket_id: Some(ticket),
            message_id: None,
            retracts: Some(message),
            sender: row.desk.clone(),
            // All of the customer's clients may have it by now.
            recipient: row.customer.clone(),
            body,
            created_at: self.now,
            sent_at: None,
        });
    }

    /// Queues a message to an agent from a localpart of ours.
    pub(in crate::helpdesk) fn notify(
        &mut self,
        sender: String,
        recipient: &BareJid,
        ticket_id: Option<Uuid>,
        message_id: Option<Uuid>,
        body: String,
    ) {
        self.notices.push(notice::Model {
            id: Uuid::now_v7(),
            seq: 0,
            ticket_id,
            message_id,
            retracts: None,
            sender,
            recipient: recipient.to_string(),
            body: shown(&body).into_owned(),
            created_at: self.now,
            sent_at: None,
        });
    }
}
