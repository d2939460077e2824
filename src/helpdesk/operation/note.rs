//! What was done outside of the database, to be noted in it.

use crate::helpdesk::{
    Error,
    audit::Deed,
    unit::{Needs, Unit},
    writer::Operation,
};

/// Changes nothing but that it is noted.
pub(in crate::helpdesk) struct NoteDeed {
    pub deed: Deed,
}

impl Operation for NoteDeed {
    type Output = ();

    fn needs(&self, _: &mut Needs) {}

    fn apply(&self, _: &mut Unit) -> Result<(), Error> {
        Ok(())
    }

    fn deed(&self, (): &(), _: &Unit) -> Option<Deed> {
        Some(self.deed.clone())
    }
}
