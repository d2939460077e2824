//! Messages without text: chat states, receipts, markers.

use jid::{BareJid, Jid};
use xmpp_parsers::{minidom::Element, ns};

use super::{CHAT_MARKERS, child_id};
use crate::xmpp::stanza::{Envelope, Inbound};

/// A chat state without text (XEP-0085).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChatState {
    /// Whose state.
    pub from: Jid,
    /// The desk's address.
    pub to: BareJid,
    /// The state.
    pub state: State,
}

/// The five states of XEP-0085.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum State {
    /// Attends to the chat.
    Active,
    /// Types.
    Composing,
    /// Has stopped typing.
    Paused,
    /// Does not attend.
    Inactive,
    /// Has left.
    Gone,
}

impl State {
    pub(in crate::xmpp::stanza) const ALL: [Self; 5] =
        [Self::Active, Self::Composing, Self::Paused, Self::Inactive, Self::Gone];

    /// The element's name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Composing => "composing",
            Self::Paused => "paused",
            Self::Inactive => "inactive",
            Self::Gone => "gone",
        }
    }
}

/// A delivery receipt (XEP-0184).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// Who has it. Several resources may each send one.
    pub from: Jid,
    /// The id of our message.
    pub id: String,
}

/// A chat marker (XEP-0333): it counts for that message and all before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Marker {
    /// Who sent it.
    pub from: Jid,
    /// The id of our message.
    pub id: String,
    /// What happened to it.
    pub kind: MarkerKind,
}

/// What a marker says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MarkerKind {
    /// It arrived.
    Received,
    /// It was shown to the customer.
    Displayed,
    /// The customer confirmed it.
    Acknowledged,
}

impl MarkerKind {
    /// The strongest first: a stanza that carries several counts once.
    const ALL: [(&'static str, Self); 3] =
        [("acknowledged", Self::Acknowledged), ("displayed", Self::Displayed), ("received", Self::Received)];
}

/// What a message without text may be.
pub(super) fn signal(stanza: &Element, envelope: &Envelope) -> Option<Inbound> {
    let Envelope { from, to } = envelope.clone();
    if let Some(id) = child_id(stanza, "received", ns::RECEIPTS) {
        return Some(Inbound::Receipt(Receipt { from, id }));
    }
    for (name, kind) in MarkerKind::ALL {
        if let Some(id) = child_id(stanza, name, CHAT_MARKERS) {
            return Some(Inbound::Marker(Marker { from, id, kind }));
        }
    }
    state(stanza).map(|state| Inbound::ChatState(ChatState { from, to, state }))
}

pub(super) fn state(stanza: &Element) -> Option<State> {
    let name = stanza.children().find(|child| child.has_ns(ns::CHATSTATES))?.name();
    State::ALL.into_iter().find(|state| state.name() == name)
}
