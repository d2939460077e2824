//! Being a good contact: requests are answered, subscriptions accepted, presence shown.

use std::{pin::Pin, sync::Arc};

use jid::{BareJid, Jid};
use tokio::sync::{broadcast::error::RecvError, mpsc};
use xmpp_parsers::{minidom::Element, stanza_error::DefinedCondition};

use super::{
    outgoing::{self, Identity},
    outlet::{Outlet, SendError},
    pace::Pace,
    stanza::{self, Iq, IqKind, Presence, PresenceKind, Refusal, Show, State},
};
use crate::helpdesk::{self, Desk, Helpdesk, Signal};

/// Requests, and as many presences, that may wait for their answer.
pub(super) const WAITING: usize = 4096;

/// What somebody asks of us.
pub(super) struct Asked {
    /// What is asked.
    pub iq: Iq,
    /// The stanza it came in, for an error answer.
    pub stanza: Element,
}

/// Somebody's presence that is due an answer, when what it changed is on disk.
pub(super) struct Met {
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

/// The polite side of a session.
#[derive(Clone)]
pub(super) struct Manners {
    pub helpdesk: Helpdesk,
    pub outlet: Outlet,
    pub pace: Arc<Pace>,
}

impl Manners {
    /// Answers requests in order, until the link is down.
    pub(super) async fn answer(self, mut requests: mpsc::Receiver<Asked>) {
        while let Some(Asked { iq, stanza }) = requests.recv().await {
            if self.reply(&iq, &stanza).await == Err(SendError::Down) {
                return;
            }
        }
    }

    /// Notes presences in order, without waiting for the disk: many share a commit.
    pub(super) async fn meet(self, mut presences: mpsc::Receiver<Presence>, meetings: mpsc::Sender<Met>) {
        while let Some(presence) = presences.recv().await {
            if let Some(met) = self.note(presence).await
                && meetings.send(met).await.is_err()
            {
                return;
            }
        }
    }

    /// Answers presences in order, each after its change is on disk.
    pub(super) async fn respond(self, mut met: mpsc::Receiver<Met>) {
        while let Some(met) = met.recv().await {
            if self.respond_to(met).await == Err(SendError::Down) {
                return;
            }
        }
    }

    /// Shows what is told but not stored: typing, and changes of a desk's presence.
    pub(super) async fn show(self) {
        let mut signals = self.helpdesk.signals();
        loop {
            let done = match signals.recv().await {
                Ok(Signal::Typing { desk, to, typing }) => self.show_typing(&desk, &to, typing).await,
                Ok(Signal::DeskPresence { desk }) => self.show_desk(&desk).await,
                Err(RecvError::Lagged(missed)) => {
                    tracing::warn!(missed, "typing notices were dropped");
                    Ok(())
                }
                Err(RecvError::Closed) => return,
            };
            if done == Err(SendError::Down) {
                return;
            }
        }
    }

    /// Each desk's address with everybody who sees its presence, as it is stored now.
    pub(super) async fn contacts(helpdesk: &Helpdesk) -> Vec<(BareJid, Vec<BareJid>)> {
        let mut contacts = Vec::new();
        for desk in helpdesk.desks() {
            let Ok(address) = helpdesk.desk_address(&desk.name) else { continue };
            contacts.push((address, subscribers(helpdesk, &desk.name).await));
        }
        contacts
    }

    /// At the beginning of a session: everybody learns that the desks are there, and `contacts` are asked for a sign.
    /// These must be from before the session: a probe that overtakes a new contact's consent makes Prosody forget
    /// that we asked for it.
    pub(super) async fn greet(&self, contacts: Vec<(BareJid, Vec<BareJid>)>) -> Result<(), SendError> {
        for desk in self.helpdesk.desks() {
            self.show_desk(&desk.name).await?;
        }
        for (address, contacts) in contacts {
            for contact in contacts {
                self.send_presence(&address, &contact.into(), &PresenceKind::Probe).await?;
            }
        }
        Ok(())
    }

    /// At its end: nobody is there any more.
    pub(super) async fn take_leave(&self) -> Result<(), SendError> {
        for desk in self.helpdesk.desks() {
            let Ok(address) = self.helpdesk.desk_address(&desk.name) else { continue };
            for contact in self.subscribers(&desk.name).await {
                self.send_presence(&address, &contact.into(), &PresenceKind::Unavailable).await?;
            }
        }
        Ok(())
    }

    async fn reply(&self, iq: &Iq, stanza: &Element) -> Result<(), SendError> {
        let payload = match &iq.kind {
            IqKind::Get(request) => self.payload(&iq.to, request),
            IqKind::Set(_) => Err(DefinedCondition::ServiceUnavailable.into()),
        };
        let reply = match payload {
            Ok(payload) => Some(outgoing::result(&iq.to, &iq.from, &iq.id, payload)),
            Err(refusal) => stanza::error_reply(stanza, self.helpdesk.domain(), refusal),
        };
        match reply {
            Some(reply) => self.outlet.send(&reply).await,
            None => Ok(()),
        }
    }

    fn payload(&self, to: &BareJid, request: &stanza::Request) -> Result<Option<Element>, Refusal> {
        let desk = self.addressed(to)?;
        let (identity, title) = match desk {
            Some(desk) => (Identity::Desk, desk.title.as_str()),
            None => (Identity::Domain, "Deskbridge"),
        };
        // A node names a part of us, and we have none (XEP-0030 §3.2).
        let whole = |node: &Option<String>| node.is_none().then_some(()).ok_or(Refusal::NO_NODE);
        Ok(Some(match request {
            stanza::Request::DiscoInfo { node } => {
                whole(node)?;
                outgoing::disco_info(identity, title, None)
            }
            stanza::Request::DiscoItems { node } => {
                whole(node)?;
                let desks = if desk.is_some() { &[] } else { self.helpdesk.desks() };
                let items: Vec<(BareJid, &str)> = desks
                    .iter()
                    .filter_map(|desk| Some((self.helpdesk.desk_address(&desk.name).ok()?, desk.title.as_str())))
                    .collect();
                outgoing::disco_items(items.iter().map(|(jid, title)| (jid, *title)), None)
            }
            stanza::Request::Ping => return Ok(None),
            stanza::Request::Version => outgoing::version("Deskbridge", env!("CARGO_PKG_VERSION")),
            stanza::Request::Time => outgoing::time(self.helpdesk.clock().now()),
            stanza::Request::VCard => outgoing::vcard(title, ""),
            stanza::Request::Unknown => return Err(DefinedCondition::ServiceUnavailable.into()),
        }))
    }

    /// The desk at an address, or `None` for the domain itself.
    fn addressed(&self, to: &BareJid) -> Result<Option<&Desk>, Refusal> {
        match to.node() {
            None => Ok(None),
            Some(name) => self.helpdesk.desk(name.as_str()).map(Some).ok_or(Refusal::NO_DESK),
        }
    }

    /// Takes note of a presence; gives what is due an answer.
    async fn note(&self, presence: Presence) -> Option<Met> {
        let Presence { from, to: address, kind } = presence;
        let desk = self.addressed(&address).ok().flatten()?.name.clone();
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
        let contact = Jid::from(from.to_bare());
        match wish {
            Wish::Subscribe(stored) => {
                if is_stored(stored).await {
                    self.send_presence(&address, &contact, &PresenceKind::Subscribed).await?;
                    // Asked back: only then does the server tell us which resources are there.
                    self.send_presence(&address, &contact, &PresenceKind::Subscribe).await?;
                    self.show_desk_to(&desk, &address, &contact).await?;
                }
            }
            Wish::Unsubscribe(stored) => {
                if is_stored(stored).await {
                    self.send_presence(&address, &contact, &PresenceKind::Unsubscribed).await?;
                    self.send_presence(&address, &contact, &PresenceKind::Unavailable).await?;
                }
            }
            Wish::Probe => {
                // Who is not subscribed learns nothing (RFC 6121 §4.3.2).
                let is_subscribed = self.helpdesk.is_subscribed(&desk, &from.to_bare()).await;
                if is_subscribed
                    .inspect_err(|error| tracing::error!(%error, "a subscription could not be read"))
                    .unwrap_or(false)
                {
                    self.show_desk_to(&desk, &address, &from).await?;
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

    async fn subscribers(&self, desk: &str) -> Vec<BareJid> {
        subscribers(&self.helpdesk, desk).await
    }

    async fn show_typing(&self, desk: &str, to: &Jid, typing: bool) -> Result<(), SendError> {
        let Ok(from) = self.helpdesk.desk_address(desk) else { return Ok(()) };
        let state = if typing { State::Composing } else { State::Paused };
        self.outlet.send(&outgoing::chat_state(&from, to, state)).await
    }

    async fn show_desk(&self, desk: &str) -> Result<(), SendError> {
        let Ok(address) = self.helpdesk.desk_address(desk) else { return Ok(()) };
        for contact in self.subscribers(desk).await {
            self.show_desk_to(desk, &address, &contact.into()).await?;
        }
        Ok(())
    }

    async fn show_desk_to(&self, desk: &str, address: &BareJid, to: &Jid) -> Result<(), SendError> {
        let kind = match self.helpdesk.desk_presence(desk).await {
            Ok(presence) if presence.available => PresenceKind::Available {
                show: presence.show.as_deref().and_then(Show::named),
                status: presence.text,
                priority: 0,
            },
            Ok(_) => PresenceKind::Unavailable,
            Err(error) => {
                tracing::error!(%error, "a desk's presence could not be read");
                return Ok(());
            }
        };
        self.send_presence(address, to, &kind).await
    }

    async fn send_presence(&self, from: &BareJid, to: &Jid, kind: &PresenceKind) -> Result<(), SendError> {
        match outgoing::presence(from, to, kind) {
            Some(stanza) => {
                self.outlet.send(&stanza).await?;
                self.pace.keep(&self.outlet).await
            }
            None => Ok(()),
        }
    }
}

async fn is_stored(stored: Stored) -> bool {
    stored.await.inspect_err(|error| tracing::error!(%error, "a subscription could not be stored")).is_ok()
}

async fn subscribers(helpdesk: &Helpdesk, desk: &str) -> Vec<BareJid> {
    let contacts = helpdesk.subscribers(desk).await;
    contacts.inspect_err(|error| tracing::error!(%error, "subscribers could not be read")).unwrap_or_default()
}
