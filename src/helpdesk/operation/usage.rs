//! Noting what the language model cost.

use uuid::Uuid;

use crate::helpdesk::{
    Error,
    unit::{Needs, Unit},
    usage::Call,
    writer::Operation,
};

/// Notes calls, with the ticket they were made for if it is still there.
pub(in crate::helpdesk) struct RecordCalls {
    pub ticket: Option<Uuid>,
    pub calls: Vec<Call>,
}

impl Operation for RecordCalls {
    type Output = ();

    fn needs(&self, needs: &mut Needs) {
        // Under lock, so that an erasure comes before or behind, and finds the rows in either case.
        needs.tickets.extend(self.ticket);
    }

    fn apply(&self, unit: &mut Unit) -> Result<(), Error> {
        unit.record(self.ticket, &self.calls);
        Ok(())
    }
}
