//! Agents, what they are told, and who waits for them.

use deskbridge_entity::{
    notice,
    ticket::{self, Handler},
};
use jid::BareJid;
use uuid::Uuid;

use super::Unit;
use crate::helpdesk::{Agent, Desk, agents, texts::Wait, ticket_node};

impl Unit {
    /// The agent with this id. Needs `people`, as everything about agents does.
    pub(in crate::helpdesk) fn agent(&self, id: &str) -> Option<&Agent> {
        self.agents.iter().find(|agent| agent.id == id)
    }

    /// The agent who has the ticket.
    pub(in crate::helpdesk) fn holder(&self, row: &ticket::Model) -> Option<&Agent> {
        row.agent.as_deref().filter(|_| row.handler == Handler::Agent).and_then(|id| self.agent(id))
    }

    /// What a customer who waits behind `ahead` others can be told. Needs `people`.
    pub(in crate::helpdesk) fn wait<'a>(&self, desk: &'a Desk, ahead: u64) -> Wait<'a> {
        // Of a desk whose people use nothing but REST, nobody knows who is there.
        let on_duty = agents::on_duty(&self.agents, &desk.name).unwrap_or(true);
        Wait { ahead: Some(ahead), hours: &desk.hours, now: self.now, on_duty }
    }

    /// How many tickets wait for a person at a desk.
    pub(in crate::helpdesk) fn waiting(&self, desk: &str) -> u64 {
        self.waiting.get(desk).copied().unwrap_or_default()
    }

    /// The desks of an agent where somebody waits, and how many do.
    pub(in crate::helpdesk) fn waiting_at(&self, agent: &Agent) -> Vec<(String, u64)> {
        let served = self.waiting.iter().filter(|(desk, waiting)| **waiting > 0 && agent.serves(desk));
        let mut served: Vec<_> = served.map(|(desk, waiting)| (desk.clone(), *waiting)).collect();
        served.sort_unstable();
        served
    }

    /// One more waits, or one less.
    pub(super) fn count_waiting(&mut self, desk: &str, joins: bool) {
        let waiting = self.waiting.entry(desk.to_owned()).or_default();
        *waiting = if joins { *waiting + 1 } else { waiting.saturating_sub(1) };
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
            body,
            created_at: self.now,
            sent_at: None,
        });
    }
}
