//! Being a good contact: requests are answered, subscriptions accepted, presence shown.

use std::collections::HashMap;

use jid::{BareJid, Jid};
use tokio::sync::{broadcast::error::RecvError, mpsc};
use xmpp_parsers::{minidom::Element, stanza_error::DefinedCondition};

use super::{
    command::serve::Commands,
    identity::{Directory, SOFTWARE},
    outgoing::{self, Badge},
    outlet::{Outlet, SendError},
    stanza::{self, Iq, IqKind, Presence, PresenceKind, Show, State},
};
use crate::helpdesk::{self, Helpdesk, Signal};

/// Requests that may wait for their answer.
pub(super) const WAITING: usize = 4096;

/// What somebody asks of us.
pub(super) enum Request {
    /// A request proper, with the stanza it came in.
    Iq {
        /// What is asked.
        iq: Iq,
        /// For an error answer.
        stanza: Element,
    },
    /// Somebody's presence, or a question about ours.
    Presence(Presence),
}

/// The polite side of a session.
#[derive(Clone)]
pub(super) struct Manners {
    pub helpdesk: Helpdesk,
    pub outlet: Outlet,
    pub commands: Commands,
}

impl Manners {
    /// Answers requests in order, until the link is down.
    pub(super) async fn answer(self, mut requests: mpsc::Receiver<Request>) {
        while let Some(request) = requests.recv().await {
            let done = match request {
                Request::Iq { iq: Iq { kind: IqKind::Set(stanza::Request::Command(ask)), from, to, id }, stanza } => {
                    self.commands.answer(from, to, id, *ask, stanza);
                    Ok(())
                }
                Request::Iq { iq, stanza } => self.reply(&iq, &stanza).await,
                Request::Presence(presence) => self.meet(presence).await,
            };
            if done == Err(SendError::Down) {
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
            IqKind::Set(_) => Err(DefinedCondition::ServiceUnavailable),
        };
        let reply = match payload {
            Ok(payload) => Some(outgoing::result(&iq.to, &iq.from, &iq.id, payload)),
            Err(condition) => stanza::error_reply(stanza, self.helpdesk.domain(), condition),
        };
        match reply {
            Some(reply) => self.outlet.send(&reply).await,
            None => Ok(()),
        }
    }

    async fn payload(
        &self,
        from: &Jid,
        to: &BareJid,
        request: &stanza::Request,
    ) -> Result<Option<Element>, DefinedCondition> {
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
            _ => Err(DefinedCondition::ServiceUnavailable),
        }
    }

    async fn meet(&self, presence: Presence) -> Result<(), SendError> {
        let Presence { from, to, kind } = presence;
        let directory = Directory::of(&self.helpdesk);
        let Ok(Some(desk)) = directory.at(&to).map(|desk| desk.map(|desk| desk.name.clone())) else {
            return Ok(());
        };
        let Some(badge) = self.badge(&to) else { return Ok(()) };
        match kind {
            PresenceKind::Available { show, status, .. } => self.note(from, true, show, status).await,
            PresenceKind::Unavailable => self.note(from, false, None, None).await,
            PresenceKind::Subscribe => {
                let contact = from.to_bare();
                if self.subscribe(&desk, contact.clone(), true).await {
                    let contact = Jid::from(contact);
                    self.send_presence(&badge, &contact, &PresenceKind::Subscribed).await?;
                    // Asked back: only then does the server tell us which resources are there.
                    self.send_presence(&badge, &contact, &PresenceKind::Subscribe).await?;
                    self.show_to(&desk, &badge, &contact).await?;
                }
            }
            PresenceKind::Unsubscribe => {
                let contact = from.to_bare();
                if self.subscribe(&desk, contact.clone(), false).await {
                    let contact = Jid::from(contact);
                    self.send_presence(&badge, &contact, &PresenceKind::Unsubscribed).await?;
                    self.send_presence(&badge, &contact, &PresenceKind::Unavailable).await?;
                }
            }
            PresenceKind::Probe => {
                // Who is not subscribed learns nothing (RFC 6121 §4.3.2).
                let is_subscribed = self.helpdesk.is_subscribed(&desk, &from.to_bare()).await;
                if is_subscribed
                    .inspect_err(|error| tracing::error!(%error, "a subscription could not be read"))
                    .unwrap_or(false)
                {
                    self.show_to(&desk, &badge, &from).await?;
                }
            }
            PresenceKind::Subscribed | PresenceKind::Unsubscribed | PresenceKind::Error => {}
        }
        Ok(())
    }

    async fn note(&self, jid: Jid, available: bool, show: Option<Show>, text: Option<String>) {
        let presence = helpdesk::Presence { jid, available, show: show.map(|show| show.name().to_owned()), text };
        if let Err(error) = self.helpdesk.note_presence(presence).await {
            tracing::error!(%error, "a presence could not be stored");
        }
    }

    async fn subscribe(&self, desk: &str, contact: BareJid, subscribed: bool) -> bool {
        let stored = self.helpdesk.set_subscription(desk, contact, subscribed).await;
        stored.inspect_err(|error| tracing::error!(%error, "a subscription could not be stored")).is_ok()
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
            Some(stanza) => self.outlet.send(&stanza).await,
            None => Ok(()),
        }
    }
}

async fn subscribers(helpdesk: &Helpdesk, desk: &str) -> Vec<BareJid> {
    let contacts = helpdesk.subscribers(desk).await;
    contacts.inspect_err(|error| tracing::error!(%error, "subscribers could not be read")).unwrap_or_default()
}
