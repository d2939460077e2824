//! Presence as REST callers set and read it.

use std::{collections::BTreeSet, sync::Arc};

use chrono::{DateTime, Utc};
use deskbridge_entity::presence::{Model as PresenceRow, Source};
use jid::Jid;

use super::{
    Appearance, Caller, Desk, Error, Helpdesk, Presence, Role, Signal,
    appearance::Teller,
    audit::Deed,
    check_jid,
    operation::{appearance::TellAppearances, presence::SetPresence},
    query, without_nul,
};

/// What a desk shows by itself, with a status line: `away` while the assistant is alone, `xa` while nobody answers at all.
/// `on_duty` is `None` where no person is meant to answer: there the assistant alone is all there is.
fn by_itself(desk: &Desk, on_duty: Option<bool>) -> (Option<&'static str>, Option<String>) {
    match (desk.assistant, on_duty) {
        (_, Some(true)) | (true, None) => (None, None),
        (true, Some(false)) => (Some("away"), Some(desk.texts.status_away())),
        (false, _) => (Some("xa"), Some(desk.texts.status_off())),
    }
}

/// What a desk shows to its subscribers, and who decides that: what was set over REST (`row`), else what follows from who is
/// there to answer.
pub(super) fn seen_of(desk: &Desk, jid: Jid, row: Option<&PresenceRow>, on_duty: Option<bool>) -> (Presence, Teller) {
    match row {
        Some(row) if !row.available || row.show.is_some() || row.text.is_some() => {
            let PresenceRow { available, show, text, .. } = row.clone();
            (Presence { jid, available, show, text }, Teller::Rest)
        }
        // Plainly available says nothing of its own.
        _ => {
            let (show, text) = by_itself(desk, on_duty);
            (Presence { jid, available: true, show: show.map(str::to_owned), text }, Teller::Duty)
        }
    }
}

impl Helpdesk {
    /// Sets a presence as told over REST. A desk's subscribers are told, too.
    ///
    /// # Errors
    /// [`Error::Forbidden`] unless it is the caller's own JID, or a desk's or customer's told by its staff;
    /// [`Error::NotFound`] for a JID of our domain that is no desk.
    pub async fn set_presence(&self, caller: &Caller, presence: Presence) -> Result<(), Error> {
        check_jid(&presence.jid.to_bare())?;
        let presence = Presence { text: presence.text.map(without_nul), ..presence };
        if presence.jid.domain().as_str() != &*self.domain {
            if caller.is_staff() {
                self.require_customer_of(caller, &presence.jid).await?;
            } else {
                caller.require_voice_of(presence.jid.to_bare().as_str())?;
            }
            let customer = presence.jid.to_bare();
            let deed = caller.is_staff().then(|| Deed::of(caller, "presence.set").of_customer(customer.as_str()));
            // Of itself somebody may say as much as a client shows, and no more often.
            let at_once = caller.role != Role::Customer;
            let told = self.writer.write(SetPresence { presence, source: Source::Rest, at_once, deed }).await?;
            self.announce_appearances(told);
            return Ok(());
        }
        let desk = self.known_desk(presence.jid.node().map_or("", |node| node.as_str()))?.name.clone();
        caller.require_desk(&desk)?;
        let jid = Jid::from(presence.jid.to_bare());
        let presence = Presence { jid, ..presence };
        let deed = Some(Deed::of(caller, "presence.set").at_desk(&desk));
        self.writer.write(SetPresence { presence, source: Source::Rest, at_once: false, deed }).await?;
        // Without a link nobody is told now; a new link begins by telling everybody.
        let _ = self.signals.send(Signal::DeskPresence { desk });
        Ok(())
    }

    /// What is known of a JID, newest first: its resources for a bare one.
    ///
    /// # Errors
    /// [`Error::Forbidden`] for a customer who asks about others than itself and the desks.
    pub async fn presence(&self, caller: &Caller, jid: &Jid) -> Result<Vec<PresenceRow>, Error> {
        let ours = jid.domain().as_str() == &*self.domain;
        if caller.role == Role::Customer && !ours && caller.id != jid.to_bare().as_str() {
            return Err(Error::Forbidden("a customer's token reads its own presence and the desks' only".to_owned()));
        }
        caller.require_reader()?;
        if !ours {
            self.require_customer_of(caller, jid).await?;
        }
        query::presence(&self.store, jid).await
    }

    /// What a desk shows to its subscribers: what was set over REST, else what follows from who is there to answer.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn desk_presence(&self, desk: &str) -> Result<Presence, Error> {
        let known = self.known_desk(desk)?;
        let jid = Jid::from(self.desk_address(desk)?);
        let rows = query::presence(&self.store, &jid).await?;
        Ok(seen_of(known, jid, rows.first(), self.on_duty(desk).await?).0)
    }

    /// Tells what has changed in what desks and agents show, and the customers among these bare JIDs. Gives when to look
    /// again without a change.
    ///
    /// # Errors
    /// [`Error::WriteFailed`], [`Error::Database`].
    pub async fn tell_appearances(&self, of: BTreeSet<String>) -> Result<Option<DateTime<Utc>>, Error> {
        let addresses = self.desks.iter().map(|desk| Ok((Arc::clone(desk), self.desk_address(&desk.name)?.into())));
        let desks = addresses.collect::<Result<_, Error>>()?;
        self.announce_appearances(self.writer.write(TellAppearances { of, desks }).await?);
        self.next_appearance().await
    }

    /// Of whom of these bare JIDs anybody is told: all others' presence is nobody's business.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn concerned(&self, of: &BTreeSet<String>) -> Result<BTreeSet<String>, Error> {
        query::concerned(&self.store, of).await
    }

    /// When what somebody shows is to be looked at again.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn next_appearance(&self) -> Result<Option<DateTime<Utc>>, Error> {
        query::next_appearance(&self.store).await
    }

    /// Tells those who listen, beside the log; of whom no desk is concerned with, nobody.
    fn announce_appearances(&self, told: impl IntoIterator<Item = Appearance>) {
        let told = told.into_iter().filter(|seen| seen.desks.as_ref().is_none_or(|desks| !desks.is_empty()));
        let told: Arc<[_]> = told.collect();
        if !told.is_empty() {
            // Nobody need listen.
            let _ = self.signals.send(Signal::Appears(told));
        }
    }

    /// An agent who is limited to desks has to do with their customers only.
    async fn require_customer_of(&self, caller: &Caller, jid: &Jid) -> Result<(), Error> {
        let Some(desks) = caller.desks.as_deref().filter(|_| caller.role == Role::Agent) else { return Ok(()) };
        if query::is_customer_of(&self.store, &jid.to_bare(), desks).await? {
            return Ok(());
        }
        Err(Error::Forbidden("this JID has no ticket at the desks of this token".to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_desk_shows_who_is_there() {
        let shows = |assistant, on_duty| {
            let desk = Desk { assistant, ..Desk::new("support", "Support") };
            let (show, text) = by_itself(&desk, on_duty);
            assert_eq!(show.is_some(), text.is_some_and(|text| !text.is_empty()));
            show
        };
        assert_eq!(shows(true, None), None);
        assert_eq!(shows(true, Some(true)), None);
        assert_eq!(shows(true, Some(false)), Some("away"));
        // People alone are a desk, too.
        assert_eq!(shows(false, Some(true)), None);
        assert_eq!(shows(false, Some(false)), Some("xa"));
        assert_eq!(shows(false, None), Some("xa"));
    }
}
