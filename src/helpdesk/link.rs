//! What the XMPP link takes from the domain and tells it.

use std::time::Duration;

use deskbridge_entity::{notice, presence::Source};
use jid::BareJid;
use uuid::Uuid;

use super::{
    Error, Helpdesk, Outgoing, Presence, Replied, Report, check_jid,
    operation::{
        delivery::{MarkSent, NoteReport, Resend},
        hint::HintOnce,
        presence::{ForgetXmppPresence, SetPresence, SetSubscription},
    },
    query,
};

impl Helpdesk {
    /// Unsent messages behind `after` in commit order.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn unsent(&self, after: i64, limit: u64) -> Result<Vec<Outgoing>, Error> {
        query::unsent(&self.store, after, limit).await
    }

    /// Unsent notices to agents behind `after` in commit order, with what they answer.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn unsent_notices(&self, after: i64, limit: u64) -> Result<Vec<(notice::Model, Option<Replied>)>, Error> {
        query::unsent_notices(&self.store, after, limit).await
    }

    /// The server has confirmed these messages and notices.
    ///
    /// # Errors
    /// [`Error::WriteFailed`].
    pub async fn mark_sent(&self, messages: Vec<Uuid>, notices: Vec<Uuid>) -> Result<(), Error> {
        // If it cannot be stored they go out once more, under the same ids: nobody needs to wait for it.
        self.writer.queue(MarkSent { messages, notices }).await.map(drop)
    }

    /// Puts messages back into the outbox that the server confirmed within this time but no customer's client
    /// did: for when the server broke off and may have lost them.
    ///
    /// # Errors
    /// [`Error::WriteFailed`].
    pub async fn resend_unconfirmed(&self, confirmed_within: Duration) -> Result<(), Error> {
        self.writer.write(Resend { confirmed_within }).await
    }

    /// Notes what the customer's side reported about a message of ours. Reports from anybody but the customer
    /// it went to change nothing.
    ///
    /// # Errors
    /// [`Error::WriteFailed`].
    pub async fn note_report(&self, message: Uuid, from: &BareJid, report: Report) -> Result<(), Error> {
        // In order with the rest, but nobody needs to wait for it.
        self.writer.queue(NoteReport { message, from: from.to_string(), report }).await.map(drop)
    }

    /// Whether a contact of a desk is now told for the first time that encrypted messages are not read there.
    ///
    /// # Errors
    /// [`Error::NotFound`] for an unknown desk, [`Error::WriteFailed`].
    pub async fn hint_once(&self, desk: &str, contact: &BareJid) -> Result<bool, Error> {
        let conversation = self.conversation_of(desk, contact)?;
        self.writer.write(HintOnce { conversation }).await
    }

    /// Notes what the XMPP server says of a customer's resource.
    ///
    /// # Errors
    /// [`Error::Stopping`].
    pub async fn note_presence(&self, presence: Presence) -> Result<(), Error> {
        if check_jid(&presence.jid.to_bare()).is_err() {
            return Ok(());
        }
        self.writer.queue(SetPresence { presence, source: Source::Xmpp, at_once: false, deed: None }).await.map(drop)
    }

    /// A new link has no knowledge of who is there.
    ///
    /// # Errors
    /// [`Error::WriteFailed`].
    pub async fn forget_xmpp_presence(&self) -> Result<(), Error> {
        self.writer.write(ForgetXmppPresence).await
    }

    /// Lets a contact see a desk's presence, or no longer, in the order of the calls. The future it returns ends when
    /// that is on disk: many share a commit.
    ///
    /// # Errors
    /// [`Error::NotFound`] for an unknown desk; the returned future fails when it could not be stored.
    pub async fn set_subscription(
        &self,
        desk: &str,
        contact: BareJid,
        subscribed: bool,
    ) -> Result<impl Future<Output = Result<(), Error>> + Send + 'static, Error> {
        let desk = self.known_desk(desk)?.name.clone();
        check_jid(&contact)?;
        let answer = self.writer.queue(SetSubscription { desk, contact, subscribed }).await?;
        Ok(async move { answer.await.map_err(|_| Error::Stopping)? })
    }

    /// Whether a contact sees a desk's presence.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn is_subscribed(&self, desk: &str, contact: &BareJid) -> Result<bool, Error> {
        query::is_subscribed(&self.store, desk, contact).await
    }

    /// Everybody who sees a desk's presence.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn subscribers(&self, desk: &str) -> Result<Vec<BareJid>, Error> {
        query::subscribers(&self.store, desk).await
    }
}
