//! A machine answers us.

use deskbridge_entity::{
    message::{Author, Visibility},
    ticket::{Handler, Status},
};
use uuid::Uuid;

use super::{hand_off::tell_waits, new_message};
use crate::helpdesk::{
    Error, lifecycle,
    unit::{Needs, Unit},
    writer::Operation,
};

/// Ends an exchange with a machine: people get the ticket, and the other side gets no word, which it would answer.
pub(in crate::helpdesk) struct StopEcho {
    pub ticket: Uuid,
}

const REASON: &str = "another program seems to answer the assistant";

impl Operation for StopEcho {
    /// Whether the assistant had the ticket.
    type Output = bool;

    fn needs(&self, needs: &mut Needs) {
        needs.tickets.insert(self.ticket);
        needs.people = true;
    }

    fn apply(&self, unit: &mut Unit) -> Result<bool, Error> {
        let Some(row) = unit.ticket(self.ticket) else { return Ok(false) };
        if row.handler != Handler::Assistant || !matches!(row.status, Status::Open | Status::Pending) {
            return Ok(false);
        }
        unit.change(self.ticket, |row, now| lifecycle::handed_off(row, REASON, now));
        let text = format!(
            "Handed off: {REASON}. Several lines in a row came faster after an answer than a person writes. The customer \
             was not told, so that it ends.\nNext step: look whether a person is there."
        );
        let mut note = new_message(self.ticket, Author::System, text, unit.now);
        note.visibility = Visibility::Internal;
        unit.say(note);
        tell_waits(unit, self.ticket);
        Ok(true)
    }
}
