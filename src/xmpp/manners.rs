//! Being a good contact: requests are answered, subscriptions accepted, presence shown.

use std::{collections::HashMap, pin::Pin, sync::Arc};

use jid::{BareJid, Jid};
use tokio::sync::{broadcast::error::RecvError, mpsc};
use xmpp_parsers::{minidom::Element, stanza_error::DefinedCondition};

use super::{
    command::serve::Commands,
    identity::{Directory, SOFTWARE},
    outgoing::{self, Badge},
    outlet::{Outlet, SendError},
    pace::Pace,
    stanza::{self, Iq, IqKind, Presence, PresenceKind, Refusal, Show, State},
};
use crate::helpdesk::{self, Helpdesk, Signal};

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
    pub commands: Commands,
}

impl Manners {
    /// Answers requests in order, until the link is down.
    pub(super) async fn answer(self, mut requests: mpsc::Receiver<Asked>) {
        while let Some(Asked { iq, stanza }) = requests.recv().await {
            if let Iq { kind: IqKind::Set(stanza::Request::Command(ask)), from, to, id } = iq {
                self.commands.answer(from, to, id, *ask, stanza);
                continue;
            }
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

    /// Shows what is told but not stored, as typing is, and what the desks show: first to everybody, then each change.
    /// `contacts` are asked for a sign. These must be from before the session: a probe that overtakes a new contact's
    /// consent makes Prosody forget that we asked for it.
    pub(super) async fn show(self, contacts: Vec<(BareJid, Vec<BareJid>)>) {
        let mut signals = self.helpdesk.signals();
        let mut commits = self.helpdesk.commits();
        let mut last = HashMap::new();
        if self.greet(contacts, &mut last).await == Err(SendError::Down) {
            return;
        }
        loop {
            let done = tokio::select! {
                signal = signals.recv() => match signal {
                    Ok(Signal::Typing { desk, to, typing }) => self.show_typing(&desk, &to, typing).await,
                    Ok(Signal::Reading { desk, to, stanza_id }) => self.show_read(&desk, &to, &stanza_id).await,
                    Ok(Signal::DeskPresence { desk }) => {
                        last.remove(&desk);
                        self.show_change(&desk, &mut last).await
                    }
                    Ok(Signal::Forgotten { desk, contact }) => self.part(&desk, &contact.into()).await,
                    Err(RecvError::Lagged(missed)) => {
                        tracing::warn!(missed, "typing notices were dropped");
                        Ok(())
                    }
                    Err(RecvError::Closed) => return,
                },
                commit = commits.recv() => match commit {
                    Ok(commit) if !commit.duty => Ok(()),
                    // Somebody has come on duty or left; what was missed may have been that.
                    Ok(_) | Err(RecvError::Lagged(_)) => self.show_changes(&mut last).await,
                    Err(RecvError::Closed) => return,
                },
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

    async fn greet(
        &self,
        contacts: Vec<(BareJid, Vec<BareJid>)>,
        last: &mut HashMap<String, PresenceKind>,
    ) -> Result<(), SendError> {
        self.show_changes(last).await?;
        for (address, contacts) in contacts {
            let Some(badge) = self.badge(&address) else { continue };
            for contact in contacts {
                self.send_presence(&badge, &contact.into(), &PresenceKind::Probe).await?;
            }
        }
        Ok(())
    }

    /// At its end: nobody is there any more.
    pub(super) async fn take_leave(&self) -> Result<(), SendError> {
        for desk in self.helpdesk.desks() {
            self.show_all(&desk.name, &PresenceKind::Unavailable).await?;
        }
        Ok(())
    }

    async fn reply(&self, iq: &Iq, stanza: &Element) -> Result<(), SendError> {
        let payload = match &iq.kind {
            IqKind::Get(request) => self.payload(&iq.from, &iq.to, request).await,
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

    async fn payload(&self, from: &Jid, to: &BareJid, request: &stanza::Request) -> Result<Option<Element>, Refusal> {
        if let Some(payload) = self.commands.browse(from, to, request).await? {
            return Ok(Some(payload));
        }
        if let Some(payload) = Directory::of(&self.helpdesk).answer(to, request)? {
            return Ok(Some(payload));
        }
        match request {
            stanza::Request::Ping => Ok(None),
            stanza::Request::Version => Ok(Some(outgoing::version(SOFTWARE, env!("CARGO_PKG_VERSION")))),
            stanza::Request::Time => Ok(Some(outgoing::time(self.helpdesk.clock().now()))),
            _ => Err(DefinedCondition::ServiceUnavailable.into()),
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

    async fn show_read(&self, desk: &str, to: &Jid, id: &str) -> Result<(), SendError> {
        let Ok(from) = self.helpdesk.desk_address(desk) else { return Ok(()) };
        self.outlet.send(&outgoing::displayed(&from, to, id)).await
    }

    async fn show_typing(&self, desk: &str, to: &Jid, typing: bool) -> Result<(), SendError> {
        let Ok(from) = self.helpdesk.desk_address(desk) else { return Ok(()) };
        let state = if typing { State::Composing } else { State::Paused };
        self.outlet.send(&outgoing::chat_state(&from, to, state)).await
    }

    /// A contact sees a desk's presence no longer, and the desk not the contact's.
    async fn part(&self, desk: &str, contact: &Jid) -> Result<(), SendError> {
        let Ok(address) = self.helpdesk.desk_address(desk) else { return Ok(()) };
        let Some(badge) = self.badge(&address) else { return Ok(()) };
        for kind in [PresenceKind::Unavailable, PresenceKind::Unsubscribed, PresenceKind::Unsubscribe] {
            self.send_presence(&badge, contact, &kind).await?;
        }
        Ok(())
    }

    async fn show_changes(&self, last: &mut HashMap<String, PresenceKind>) -> Result<(), SendError> {
        for desk in self.helpdesk.desks() {
            self.show_change(&desk.name, last).await?;
        }
        Ok(())
    }

    /// Tells everybody who may see it what a desk shows now, unless that is what they were told `last`.
    async fn show_change(&self, desk: &str, last: &mut HashMap<String, PresenceKind>) -> Result<(), SendError> {
        let Some(kind) = self.shown(desk).await else { return Ok(()) };
        if last.get(desk) == Some(&kind) {
            return Ok(());
        }
        self.show_all(desk, &kind).await?;
        last.insert(desk.to_owned(), kind);
        Ok(())
    }

    async fn show_all(&self, desk: &str, kind: &PresenceKind) -> Result<(), SendError> {
        let Ok(address) = self.helpdesk.desk_address(desk) else { return Ok(()) };
        let Some(badge) = self.badge(&address) else { return Ok(()) };
        for contact in subscribers(&self.helpdesk, desk).await {
            self.send_presence(&badge, &contact.into(), kind).await?;
        }
        Ok(())
    }

    async fn show_to(&self, desk: &str, badge: &Badge, to: &Jid) -> Result<(), SendError> {
        match self.shown(desk).await {
            Some(kind) => self.send_presence(badge, to, &kind).await,
            None => Ok(()),
        }
    }

    /// What a desk shows now; `None` when that cannot be told.
    async fn shown(&self, desk: &str) -> Option<PresenceKind> {
        match self.helpdesk.desk_presence(desk).await {
            Ok(presence) if presence.available => Some(PresenceKind::Available {
                show: presence.show.as_deref().and_then(Show::named),
                status: presence.text,
                priority: 0,
            }),
            Ok(_) => Some(PresenceKind::Unavailable),
            Err(error) => {
                tracing::error!(%error, "a desk's presence could not be read");
                None
            }
        }
    }

    fn badge(&self, address: &BareJid) -> Option<Badge> {
        Directory::of(&self.helpdesk).card(address).ok().map(|card| card.badge())
    }

    async fn send_presence(&self, badge: &Badge, to: &Jid, kind: &PresenceKind) -> Result<(), SendError> {
        match outgoing::presence(badge, to, kind) {
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
