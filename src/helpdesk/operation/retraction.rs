//! The customer takes a line back (XEP-0424).

use super::{attachment, hand_off::tell_holder, line::subject_of, webhook_delivery};
use crate::helpdesk::{
    Error, lifecycle, lifecycle_feedback,
    unit::{Conversation, Needs, Unit},
    writer::Operation,
};

/// Hides a line of the customer, in the conversation's latest ticket.
pub(in crate::helpdesk) struct Retract {
    pub conversation: Conversation,
    /// The id that the customer's client gave the line.
    pub stanza_id: String,
}

impl Operation for Retract {
    /// Whether there was such a line.
    type Output = bool;

    fn needs(&self, needs: &mut Needs) {
        needs.recent.insert(self.conversation.clone());
        needs.people = true;
    }

    fn apply(&self, unit: &mut Unit) -> Result<bool, Error> {
        let Some(ticket) = unit.current(&self.conversation).map(|row| row.id) else { return Ok(false) };
        let Some(line) = unit.line_with(ticket, &self.stanza_id).cloned() else { return Ok(false) };
        let was_first = unit.is_first_line(ticket, &line);
        let upto = unit.ticket(ticket).and_then(|row| row.context_summary_upto);
        let changes_summary = unit.is_summarised(ticket, line.origin(), upto);
        unit.retract(ticket, line.origin());
        attachment::take_back(unit, ticket, line.origin());
        webhook_delivery::take_back(unit, ticket);
        let unanswered = unit.has_unanswered(ticket);
        unit.change(ticket, |row, _| {
            lifecycle_feedback::customer_retracted(row, unanswered);
            if changes_summary {
                lifecycle::forget_context(row);
            }
            if was_first && !row.subject_is_named {
                // The subject was made of it.
                row.subject = subject_of("");
            }
        });
        unit.learn_anew(ticket);
        tell_holder(unit, ticket, None, "The customer has taken a line back.".to_owned());
        unit.event("message.retracted", Some(ticket), Some(line.id), serde_json::json!({}));
        Ok(true)
    }
}
