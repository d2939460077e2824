//! The customer types, or has stopped (XEP-0085).

use crate::helpdesk::{
    Error, lifecycle_feedback,
    unit::{Conversation, Needs, Unit},
    writer::Operation,
};

/// Moves the time when an answer is due, if one is owed and nobody has begun it.
pub(in crate::helpdesk) struct NoteTyping {
    pub conversation: Conversation,
    pub typing: bool,
}

impl Operation for NoteTyping {
    type Output = ();

    fn needs(&self, needs: &mut Needs) {
        needs.conversations.insert(self.conversation.clone());
    }

    fn apply(&self, unit: &mut Unit) -> Result<(), Error> {
        let desk = unit.desk(&self.conversation.0);
        let Some(row) = unit.current(&self.conversation) else { return Ok(()) };
        if let Some(due) = lifecycle_feedback::due_while(row, self.typing, unit.now, &desk.rules) {
            let ticket = row.id;
            unit.move_due(ticket, due);
        }
        Ok(())
    }
}
