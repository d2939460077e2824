//! Presences of others: noted, and answered when what they change is on disk.

use std::pin::Pin;

use jid::{BareJid, Jid};
use tokio::sync::mpsc;

use super::Manners;
use crate::{
    helpdesk,
    xmpp::{
        identity::Directory,
        outlet::SendError,
        stanza::{Presence, PresenceKind, Show},
    },
};

/// Somebody's presence that is due an answer, when what it changed is on disk.
pub(in crate::xmpp) struct Met {
    desk: String,
    address: BareJid,
    from: Jid,
    wish: Wish,
}

enum Wish {
    /// To see the desk's presence from now on.
    Subscribe(Stored),
    /// To see it no longer.
    Unsubscribe(Stored),
    /// To see it now.
    Probe,
}

/// A change on its way to the disk.
type Stored = Pin<Box<dyn Future<Output = Result<(), helpdesk::Error>> + Send>>;

impl Manners {
    /// Notes presences in order, without waiting for the disk: many share a commit.
    pub(in crate::xmpp) async fn meet(self, mut presences: mpsc::Receiver<Presence>, meetings: mpsc::Sender<Met>) {
        while let Some(presence) = presences.recv().await {
            if let Some(met) = self.note(presence).await
                && meetings.send(met).await.is_err()
            {
                return;
            }
        }
    }

    /// Answers presences in order, each after its change is on disk.
    pub(in crate::xmpp) async fn respond(self, mut met: mpsc::Receiver<Met>) {
        while let Some(met) = met.recv().await {
            if self.respond_to(met).await == Err(SendError::Down) {
                return;
            }
        }
    }

    /// Takes note of a presence; gives what is due an answer.
    async fn note(&self, presence: Presence) -> Option<Met> {
        let Presence { from, to: address, kind } = presence;
        let desk = Directory::of(&self.helpdesk).at(&address).ok().flatten()?.name.clone();
        let wish = match kind {
            PresenceKind::Available { show, status, .. } => {
                self.note_presence(from, true, show, status).await;
                return None;
            }
            PresenceKind::Unavailable => {
                self.note_presence(from, false, None, None).await;
                return None;
            }
            PresenceKind::Subscribe => Wish::Subscribe(self.subscribe(&desk, from.to_bare(), true).await?),
            PresenceKind::Unsubscribe => Wish::Unsubscribe(self.subscribe(&desk, from.to_bare(), false).await?),
            PresenceKind::Probe => Wish::Probe,
            PresenceKind::Subscribed | PresenceKind::Unsubscribed | PresenceKind::Error => return None,
        };
        Some(Met { desk, address, from, wish })
    }

    async fn respond_to(&self, met: Met) -> Result<(), SendError> {
        let Met { desk, address, from, wish } = met;
        let Some(badge) = self.badge(&address) else { return Ok(()) };
        let contact = Jid::from(from.to_bare());
        match wish {
            Wish::Subscribe(stored) => {
                if is_stored(stored).await {
                    self.send_presence(&badge, &contact, &PresenceKind::Subscribed).await?;
                    // Asked back: only then does the server tell us which resources are there.
                    self.send_presence(&badge, &contact, &PresenceKind::Subscribe).await?;
                    self.show_to(&desk, &badge, &contact).await?;
                }
            }
            Wish::Unsubscribe(stored) => {
                if is_stored(stored).await {
                    self.send_presence(&badge, &contact, &PresenceKind::Unsubscribed).await?;
                    self.send_presence(&badge, &contact, &PresenceKind::Unavailable).await?;
                }
            }
            Wish::Probe => {
                // Who is not subscribed learns nothing (RFC 6121 §4.3.2).
                let is_subscribed = self.helpdesk.is_subscribed(&desk, &from.to_bare()).await;
                if is_subscribed
                    .inspect_err(|error| tracing::error!(%error, "a subscription could not be read"))
                    .unwrap_or(false)
                {
                    self.show_to(&desk, &badge, &from).await?;
                }
            }
        }
        Ok(())
    }

    async fn note_presence(&self, jid: Jid, available: bool, show: Option<Show>, text: Option<String>) {
        let presence = helpdesk::Presence { jid, available, show: show.map(|show| show.name().to_owned()), text };
        if let Err(error) = self.helpdesk.note_presence(presence).await {
            tracing::error!(%error, "a presence could not be stored");
        }
    }

    async fn subscribe(&self, desk: &str, contact: BareJid, subscribed: bool) -> Option<Stored> {
        match self.helpdesk.set_subscription(desk, contact, subscribed).await {
            Ok(stored) => Some(Box::pin(stored)),
            Err(error) => {
                tracing::error!(%error, "a subscription could not be stored");
                None
            }
        }
    }
}

async fn is_stored(stored: Stored) -> bool {
    stored.await.inspect_err(|error| tracing::error!(%error, "a subscription could not be stored")).is_ok()
}
