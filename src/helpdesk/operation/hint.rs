//! What is worth saying only once.

use crate::helpdesk::{
    Error,
    unit::{Conversation, Needs, Unit},
    writer::Operation,
};

/// Notes that a contact is told that a desk reads no encrypted messages.
pub(in crate::helpdesk) struct HintOnce {
    pub conversation: Conversation,
}

impl Operation for HintOnce {
    /// Whether it was not told before.
    type Output = bool;

    fn needs(&self, needs: &mut Needs) {
        needs.hints.insert(self.conversation.clone());
    }

    fn apply(&self, unit: &mut Unit) -> Result<bool, Error> {
        Ok(unit.hint(&self.conversation))
    }
}
