//! Commands from a chat are carried out once, however often their stanza comes: clients send again what they have no
//! receipt for, and archives and carbons repeat it.

use jid::BareJid;

use super::{Error, Helpdesk, operation::line::fingerprint, query};

/// The stanza that a command came in.
#[derive(Clone, Copy, Debug)]
pub struct Origin<'a> {
    /// Who sent it: nobody can make another's command look like a repeated one.
    pub sender: &'a BareJid,
    /// Which of our addresses it came to.
    pub to: &'a BareJid,
    /// The id that the sender's client gave it.
    pub stanza_id: Option<&'a str>,
    /// The id that an archive gave it (XEP-0359), with the archive's name in it.
    pub archive_id: Option<&'a str>,
    /// Its text. Some clients count their ids from one: the same id with other words is another command.
    pub body: &'a str,
}

impl Origin<'_> {
    fn keys(&self) -> Vec<String> {
        let (sender, to) = (self.sender.as_str(), self.to.as_str());
        let by_sender = self.stanza_id.map(|id| fingerprint(&["command", "id", sender, to, id, self.body]));
        let by_archive = self.archive_id.map(|id| fingerprint(&["command", "archive", sender, to, id]));
        by_sender.into_iter().chain(by_archive).collect()
    }
}

impl Helpdesk {
    /// The same domain, whose changes are this stanza's: the first one that goes through is the only one for 24 hours,
    /// all others are [`Error::Repeated`]. A stanza without ids is new each time.
    #[must_use]
    pub fn once(&self, origin: &Origin<'_>) -> Self {
        Self { writer: self.writer.once(origin.keys()), ..self.clone() }
    }

    /// For what looks things up that its own change has changed: whether the stanza of [`Helpdesk::once`] is to be carried
    /// out.
    ///
    /// # Errors
    /// [`Error::Repeated`] when it was, [`Error::Database`].
    pub async fn check_unheard(&self) -> Result<(), Error> {
        if query::is_heard(&self.store, self.writer.keys(), self.clock.now()).await? {
            return Err(Error::Repeated);
        }
        Ok(())
    }

    /// Notes that the stanza of [`Helpdesk::once`] has come, where what it asks for is no change of the domain.
    ///
    /// # Errors
    /// [`Error::Repeated`], [`Error::WriteFailed`].
    pub async fn hear(&self) -> Result<(), Error> {
        self.writer.write(super::operation::Hear).await
    }
}
