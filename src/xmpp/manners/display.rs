//! What the desks show: their presence, and what is told but not stored.

use std::collections::HashMap;

use deskbridge_entity::ticket;
use jid::{BareJid, Jid};
use tokio::{sync::broadcast::error::RecvError, time::Instant};
use xmpp_parsers::minidom::Element;

use super::Manners;
use crate::{
    helpdesk::{Helpdesk, Signal, ticket_node},
    xmpp::{
        composing::{LONGEST, Shown},
        identity::Directory,
        outgoing::{self, Badge},
        outlet::SendError,
        stanza::{PresenceKind, Show, State},
    },
};

impl Manners {
    /// Shows what is told but not stored, as typing is, and what the desks show: first to everybody, then each change.
    /// `contacts` are asked for a sign. These must be from before the session: a probe that overtakes a new contact's
    /// consent makes Prosody forget that we asked for it.
    pub(in crate::xmpp) async fn show(self, contacts: Vec<(BareJid, Vec<BareJid>)>) {
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
                    Ok(Signal::CustomerTypes { ticket, agent, typing }) => {
                        self.show_customer(&ticket, &agent, typing).await
                    }
                    Ok(Signal::Writes { .. } | Signal::Drafts { .. } | Signal::Appears(_)) => Ok(()),
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
    pub(in crate::xmpp) async fn contacts(helpdesk: &Helpdesk) -> Vec<(BareJid, Vec<BareJid>)> {
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
    pub(in crate::xmpp) async fn take_leave(&self) -> Result<(), SendError> {
        for desk in self.helpdesk.desks() {
            self.show_all(&desk.name, &PresenceKind::Unavailable).await?;
        }
        Ok(())
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

    /// The agent of a ticket sees that the customer types, from the ticket's own address, if the client shows that.
    async fn show_customer(&self, ticket: &ticket::Model, agent: &BareJid, types: bool) -> Result<(), SendError> {
        let Ok(customer) = BareJid::new(&ticket.customer) else { return Ok(()) };
        if !types {
            let ended = self.composing.end_at(&ticket.desk, &customer);
            return self.tell(ended.and_then(|shown| shown.stanza(State::Paused))).await;
        }
        let (Ok(from), Some(to)) =
            (self.helpdesk.desk_address(&ticket_node(&ticket.short_id)), self.composing.client(agent))
        else {
            return Ok(());
        };
        let shown = Shown {
            typist: customer.into(),
            at: ticket.desk.clone(),
            ticket: ticket.id,
            agent: ticket.agent.clone().unwrap_or_default(),
            to: Some((from, to)),
            // Those who watch the ticket are told by the domain.
            reach: None,
            until: Instant::now() + LONGEST,
            is_gone: false,
        };
        let stanza = shown.stanza(State::Composing);
        self.tell(stanza.filter(|_| self.composing.begin(shown))).await
    }

    async fn tell(&self, stanza: Option<Element>) -> Result<(), SendError> {
        match stanza {
            Some(stanza) => self.outlet.send(&stanza).await,
            None => Ok(()),
        }
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

    pub(in crate::xmpp) async fn show_to(&self, desk: &str, badge: &Badge, to: &Jid) -> Result<(), SendError> {
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

    pub(super) fn badge(&self, address: &BareJid) -> Option<Badge> {
        Directory::of(&self.helpdesk).card(address).ok().map(|card| card.badge())
    }

    pub(in crate::xmpp) async fn send_presence(
        &self,
        badge: &Badge,
        to: &Jid,
        kind: &PresenceKind,
    ) -> Result<(), SendError> {
        match outgoing::presence(badge, to, kind) {
            Some(stanza) => {
                self.outlet.send(&stanza).await?;
                self.pace.keep(&self.outlet).await
            }
            None => Ok(()),
        }
    }
}

async fn subscribers(helpdesk: &Helpdesk, desk: &str) -> Vec<BareJid> {
    let contacts = helpdesk.subscribers(desk).await;
    contacts.inspect_err(|error| tracing::error!(%error, "subscribers could not be read")).unwrap_or_default()
}
