//! Who types in which ticket (XEP-0085): told to those who watch and to those who talk, stored nowhere.

use std::collections::HashMap;

use deskbridge_entity::{
    message::Author,
    ticket::{self, Handler},
};
use jid::{BareJid, Jid};
use uuid::Uuid;

use super::{Error, Helpdesk, Reach, Signal, lifecycle, operation::typing::NoteTyping, query};

impl Helpdesk {
    /// A customer types, or has stopped: an answer that is owed waits for it, within bounds, and who has the ticket hears of it.
    ///
    /// # Errors
    /// [`Error::NotFound`] for an unknown desk, [`Error::Stopping`].
    pub async fn note_typing(&self, desk: &str, customer: &BareJid, typing: bool) -> Result<(), Error> {
        let conversation = self.conversation_of(desk, customer)?;
        self.writer.queue(NoteTyping { conversation, typing, signals: self.signals.clone() }).await.map(drop)
    }

    /// Tells a ticket's customer that an answer is being written, or no longer, if the client can show it; and those who watch
    /// the ticket.
    pub fn announce_typing(&self, ticket: &ticket::Model, typing: bool) {
        self.announce_writing(ticket.id, Reach::of(ticket), Author::Assistant, typing);
        let Some(to) = shown_at(ticket) else { return };
        // Without a link there is nobody to show it.
        let _ = self.signals.send(Signal::Typing { desk: ticket.desk.clone(), to, typing });
    }

    /// Tells those who watch a ticket that somebody writes in it, or no longer.
    pub fn announce_writing(&self, ticket: Uuid, reach: Reach, author: Author, typing: bool) {
        let _ = self.signals.send(Signal::Writes { ticket, reach, author, typing });
    }

    /// Which agent has each of these tickets, of those that run and are with one.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn holders(&self, tickets: Vec<Uuid>) -> Result<HashMap<Uuid, String>, Error> {
        let rows = query::with_ids(&self.store, tickets).await?;
        Ok(rows.into_iter().filter_map(|row| Some((row.id, holder(&row)?.to_owned()))).collect())
    }
}

/// The agent who has the ticket while it runs: nobody else speaks in it.
#[must_use]
pub fn holder(ticket: &ticket::Model) -> Option<&str> {
    let is_held = ticket.handler == Handler::Agent && lifecycle::is_live(ticket.status);
    ticket.agent.as_deref().filter(|_| is_held)
}

/// Where a ticket's customer is shown that somebody types, if its client shows that.
#[must_use]
pub fn shown_at(ticket: &ticket::Model) -> Option<Jid> {
    client_of(ticket).filter(|_| ticket.customer_has_chat_states)
}

/// Where the customer wrote from last.
pub(super) fn client_of(ticket: &ticket::Model) -> Option<Jid> {
    let bare = BareJid::new(&ticket.customer).ok()?;
    let full = ticket.customer_resource.as_deref().and_then(|part| bare.with_resource_str(part).ok());
    Some(full.map_or_else(|| Jid::from(bare), Jid::from))
}

#[cfg(test)]
mod tests {
    use deskbridge_entity::ticket::Status;

    use super::*;
    use crate::helpdesk::unit::new_ticket;

    #[test]
    fn a_ticket_is_held_while_it_runs_and_an_agent_has_it() {
        let now = chrono::DateTime::UNIX_EPOCH;
        let mut ticket = new_ticket(Uuid::nil(), "support", "ann@example.org", "Hello", now);
        assert_eq!(holder(&ticket), None);
        lifecycle::claimed(&mut ticket, "bob", now);
        assert_eq!(holder(&ticket), Some("bob"));
        ticket.status = Status::Resolved;
        assert_eq!(holder(&ticket), None);
        ticket.status = Status::Escalated;
        ticket.handler = Handler::None;
        assert_eq!(holder(&ticket), None);
    }

    #[test]
    fn only_a_client_that_knows_chat_states_is_shown_one() {
        let mut ticket = new_ticket(Uuid::nil(), "support", "ann@example.org", "Hello", chrono::DateTime::UNIX_EPOCH);
        assert_eq!(shown_at(&ticket), None);
        ticket.customer_has_chat_states = true;
        assert_eq!(shown_at(&ticket), Some(Jid::new("ann@example.org").unwrap()));
        ticket.customer_resource = Some("phone".to_owned());
        assert_eq!(shown_at(&ticket), Some(Jid::new("ann@example.org/phone").unwrap()));
    }
}
