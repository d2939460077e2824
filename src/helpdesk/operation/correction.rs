//! The customer corrects a line (XEP-0308).
//!
//! The correction is a line of its own, at the end, so that a reader of the history sees when it came; the line that
//! it corrects is superseded, and neither customers nor the assistant see that any more. What cannot be corrected,
//! because it is unknown, another's or of another ticket, leaves the correction a plain new line.

use uuid::Uuid;

use crate::helpdesk::unit::Unit;

/// A line that is corrected.
pub(super) struct Corrected {
    /// The version that stood until now.
    pub version: Uuid,
    /// The line as it was first written.
    pub origin: Uuid,
    /// Nothing of the customer's came after it.
    pub was_newest: bool,
    /// The ticket began with it.
    pub was_first: bool,
}

/// The line of the ticket's customer that `corrects` names. The ticket is one that its customer writes to, so nobody
/// reaches another's lines.
pub(super) fn corrected(unit: &Unit, ticket: Uuid, corrects: Option<&str>) -> Option<Corrected> {
    let line = unit.line_with(ticket, corrects?)?;
    Some(Corrected {
        version: line.id,
        origin: line.origin(),
        was_newest: unit.is_newest_line(ticket, line.id),
        was_first: unit.is_first_line(ticket, line),
    })
}
