//! Taking one message's text out of the database.

use deskbridge_entity::ticket;
use uuid::Uuid;

use super::{Caller, Error, Helpdesk, operation::redact::Redact, query, without_nul};

/// The longest reason, in characters.
const MAX_REASON: usize = 500;

impl Helpdesk {
    /// Redacts a message: its text is overwritten in all its versions, its files go, and what was made of it is dropped
    /// (summaries, suggestions, proposals that wait, notices, notes of the assistant). The row stays. What went to the customer
    /// is taken back there. For agents and admins of the desk, whoever has the ticket; the `reason` becomes a note. One that is
    /// redacted already stays as it is.
    ///
    /// # Errors
    /// [`Error::NotFound`] unless the caller may see it; [`Error::Forbidden`] unless it is of the staff; [`Error::Invalid`]
    /// for an empty or oversized reason.
    pub async fn redact(
        &self,
        caller: &Caller,
        ticket: Uuid,
        message: Uuid,
        reason: String,
    ) -> Result<ticket::Model, Error> {
        self.ticket(caller, ticket).await?;
        if !caller.is_staff() {
            return Err(Error::Forbidden("this is for the staff".to_owned()));
        }
        let reason = without_nul(reason).trim().to_owned();
        if reason.is_empty() || reason.chars().count() > MAX_REASON {
            return Err(Error::invalid("reason", format!("must have 1 to {MAX_REASON} characters")));
        }
        let missing = || Error::NotFound(format!("message {message}"));
        let (origin, versions) = query::versions(&self.store, ticket, message).await?.ok_or_else(missing)?;
        let caller = caller.clone();
        let row = self.writer.write(Redact { ticket, message, origin, versions, reason, caller }).await?;
        self.store.scrub().await;
        Ok(row)
    }
}
