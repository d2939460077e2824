//! What is older than it need be goes: tickets by their desk's rule, and what grows beside them.

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::{
    Error, Helpdesk, lifecycle,
    operation::retention::{ForgetRows, ForgetTickets, Old},
    query,
};

/// How long is kept what belongs to no ticket; `None` is for ever.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Retention {
    /// Single calls to the language model, and the sums of months before.
    pub usage: Option<Duration>,
    /// Rooms of the XMPP server after their end, and who was in them after leaving.
    pub rooms: Option<Duration>,
    /// What the staff did.
    pub audit: Option<Duration>,
}

/// Tickets that one commit removes, each with all its messages.
const TICKETS_AT_ONCE: u64 = 50;
/// Commits of one sweep: the next one goes on.
const COMMITS: u32 = 20;

impl Helpdesk {
    /// Removes what was kept long enough, in bounded commits. Gives how many tickets that were.
    pub(super) async fn forget_old(&self) -> Result<u64, Error> {
        let now = self.clock.now();
        let before = |kept: Option<Duration>| kept.map(|kept| now - lifecycle::delta(kept));
        let mut forgotten = 0;
        for desk in self.desks() {
            if let Some(before) = before(desk.retention) {
                forgotten += self.forget_tickets(&desk.name, before).await?;
            }
        }
        let Retention { usage, rooms, audit } = self.retention;
        let old = Old { usage: before(usage), rooms: before(rooms), audit: before(audit) };
        if old != Old::default() {
            self.writer.write(ForgetRows { old }).await?;
        }
        if forgotten > 0 {
            self.store.scrub().await;
        }
        Ok(forgotten)
    }

    async fn forget_tickets(&self, desk: &str, before: DateTime<Utc>) -> Result<u64, Error> {
        let mut forgotten = 0;
        for _ in 0..COMMITS {
            let tickets = query::closed_before(&self.store, desk, before, TICKETS_AT_ONCE).await?;
            let some = tickets.len() as u64;
            if some == 0 {
                break;
            }
            forgotten += self.writer.write(ForgetTickets { tickets, before }).await?;
            if some < TICKETS_AT_ONCE {
                break;
            }
        }
        Ok(forgotten)
    }
}
