//! How the desks are doing, for those who watch over them.

use std::time::Duration;

use chrono::{DateTime, Utc};
use deskbridge_entity::ticket::Status;

use super::{Counts, Error, Helpdesk, query};

/// What there is and what waits.
#[derive(Debug)]
pub struct Measured {
    /// Tickets by desk and status, for every desk and status but `CLOSED`.
    pub tickets: Vec<(String, Status, u64)>,
    /// What waits, by what for.
    pub queues: [Backlog; 6],
}

/// Rows that wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backlog {
    /// What for, in a word: `answers`, `people`, `messages`, `notices`, `files`, `webhooks`.
    pub name: &'static str,
    /// How many.
    pub length: u64,
    /// How long the first of them has waited.
    pub oldest: Duration,
}

impl Backlog {
    fn new(name: &'static str, (length, since): query::measure::Waiting, now: DateTime<Utc>) -> Self {
        let oldest = since.and_then(|since| (now - since).to_std().ok()).unwrap_or_default();
        Self { name, length: length.try_into().unwrap_or_default(), oldest }
    }
}

impl Helpdesk {
    /// Counts tickets and queues, by indexes, on the connections that the desk itself reads by.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn measure(&self) -> Result<Measured, Error> {
        use query::measure;
        let (store, now) = (&self.store, self.clock.now());
        let found = measure::tickets(store).await?;
        // Those of desks that are no longer configured are nobody's to answer.
        let pairs = self.desks.iter().flat_map(|desk| measure::COUNTED.map(|status| (desk.name.clone(), status)));
        let tickets = pairs.map(|(desk, status)| {
            let row = found.iter().find(|(of, is, _)| *of == desk && *is == status);
            (desk, status, row.map_or(0, |(_, _, count)| count.cast_unsigned()))
        });
        let queues = [
            Backlog::new("answers", measure::answers(store, now).await?, now),
            Backlog::new("people", measure::people(store, now).await?, now),
            Backlog::new("messages", measure::unsent(store).await?, now),
            Backlog::new("notices", measure::unsent_notices(store).await?, now),
            Backlog::new("files", measure::files(store).await?, now),
            Backlog::new("webhooks", measure::deliveries(store).await?, now),
        ];
        Ok(Measured { tickets: tickets.collect(), queues })
    }

    /// What this process has stored since it began.
    #[must_use]
    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    /// Whether changes can still be stored: the writer ends with a panic, and with the process.
    #[must_use]
    pub fn is_writing(&self) -> bool {
        self.writer.is_open()
    }
}
