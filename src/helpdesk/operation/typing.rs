//! The customer types, or has stopped (XEP-0085).

use std::sync::Arc;

use deskbridge_entity::{agent::Duty, message::Author};
use tokio::sync::broadcast;

use crate::helpdesk::{
    Error, Reach, Signal, lifecycle, lifecycle_feedback,
    unit::{Conversation, Needs, Unit},
    writer::Operation,
};

/// Moves the time when an answer is due, if one is owed and nobody has begun it.
pub(in crate::helpdesk) struct NoteTyping {
    pub conversation: Conversation,
    pub typing: bool,
    /// Tells those who watch the ticket, and who has it.
    pub signals: broadcast::Sender<Signal>,
}

impl Operation for NoteTyping {
    type Output = ();

    fn needs(&self, needs: &mut Needs) {
        needs.conversations.insert(self.conversation.clone());
    }

    fn apply(&self, unit: &mut Unit) -> Result<(), Error> {
        let desk = unit.desk(&self.conversation.0);
        let Some(row) = unit.current(&self.conversation) else { return Ok(()) };
        if lifecycle::is_live(row.status) {
            let (author, typing) = (Author::Customer, self.typing);
            // Nothing is stored, so nothing has to be committed first.
            let _ = self.signals.send(Signal::Writes { ticket: row.id, reach: Reach::of(row), author, typing });
            let holder = unit.holder(row).filter(|agent| agent.duty != Duty::Off);
            if let Some(agent) = holder.and_then(|agent| agent.jid.clone()) {
                let ticket = Arc::new(row.clone());
                let _ = self.signals.send(Signal::CustomerTypes { ticket, agent, typing });
            }
        }
        if let Some(due) = lifecycle_feedback::due_while(row, self.typing, unit.now, &desk.rules) {
            let ticket = row.id;
            unit.move_due(ticket, due);
        }
        Ok(())
    }
}
