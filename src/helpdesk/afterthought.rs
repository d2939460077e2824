//! What a customer's client tells about messages that are there already, and about its user.

use jid::BareJid;
use uuid::Uuid;

use super::{
    Error, Helpdesk,
    operation::{echo::StopEcho, reaction::React, retraction::Retract},
    query,
};

/// The longest text of reactions that is kept, in bytes.
const MAX_REACTION: usize = 512;

impl Helpdesk {
    /// A customer takes back the line that its client gave this id (XEP-0424). It is marked, not erased: nobody is
    /// shown its text any more, the assistant least of all. Waits in the queue with the customer's lines, so it comes
    /// after the line itself.
    ///
    /// # Errors
    /// [`Error::NotFound`] for an unknown desk, [`Error::Stopping`].
    pub async fn retract(&self, desk: &str, customer: &BareJid, stanza_id: String) -> Result<(), Error> {
        let conversation = self.conversation_of(desk, customer)?;
        self.writer.queue(Retract { conversation, stanza_id }).await.map(drop)
    }

    /// Notes a customer's reactions to a message of ours (XEP-0444); none if they were taken back. From anybody but
    /// the customer it went to they change nothing.
    ///
    /// # Errors
    /// [`Error::Stopping`].
    pub async fn react(&self, message: Uuid, from: &BareJid, mut emojis: Vec<String>) -> Result<(), Error> {
        let mut length = 0;
        emojis.retain(|emoji| {
            length += emoji.len();
            length <= MAX_REACTION
        });
        self.writer.queue(React { message, from: from.to_string(), emojis }).await.map(drop)
    }

    /// Another program answers the assistant in this ticket: people get it, and the other side gets no word.
    ///
    /// # Errors
    /// [`Error::WriteFailed`].
    pub async fn stop_echo(&self, ticket: Uuid) -> Result<(), Error> {
        if self.writer.write(StopEcho { ticket }).await? {
            tracing::warn!(ticket.id = %ticket, "another program seems to answer the assistant; it is silent now");
        }
        Ok(())
    }

    /// The id of the customer's line that the message with this number answers, if the customer's client would like to
    /// know when it was read (XEP-0333). Only the first answer finds it.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn markable_line_before(&self, ticket: Uuid, seq: i64) -> Result<Option<String>, Error> {
        query::markable_line_before(&self.store, ticket, seq).await
    }
}
