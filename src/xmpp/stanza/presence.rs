//! Presence: who is there, and who wants to know.

use jid::{BareJid, Jid};
use xmpp_parsers::minidom::Element;

use super::{Envelope, Ignored, Inbound, STANZA_NAMESPACES, room};

/// The longest status text that is kept, in bytes.
const MAX_STATUS_BYTES: usize = 1024;

/// A presence stanza.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Presence {
    /// Whose presence, or who asks.
    pub from: Jid,
    /// The desk's address.
    pub to: BareJid,
    /// What it says.
    pub kind: PresenceKind,
}

/// What a presence stanza says (RFC 6121 §4.7.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PresenceKind {
    /// The resource is there.
    Available {
        /// How much so; `None` is plainly available.
        show: Option<Show>,
        /// Free text, at most 1024 bytes.
        status: Option<String>,
        /// 0 if it was missing or no number from -128 to 127.
        priority: i8,
    },
    /// The resource, or with a bare sender all of them, has gone.
    Unavailable,
    /// Asks to see our presence.
    Subscribe,
    /// Lets us see theirs.
    Subscribed,
    /// Will no longer see ours.
    Unsubscribe,
    /// No longer lets us see theirs.
    Unsubscribed,
    /// Asks for our presence now.
    Probe,
    /// A presence stanza of ours came back.
    Error,
}

/// RFC 6121 §4.7.2.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Show {
    /// Would like to chat.
    Chat,
    /// Away for a while.
    Away,
    /// Does not want to be disturbed.
    Dnd,
    /// Away for long.
    Xa,
}

impl Show {
    /// The one that a word means.
    #[must_use]
    pub fn named(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|show| show.name() == word)
    }

    pub(super) const ALL: [Self; 4] = [Self::Chat, Self::Away, Self::Dnd, Self::Xa];

    /// The word on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Chat => "chat",
            Self::Away => "away",
            Self::Dnd => "dnd",
            Self::Xa => "xa",
        }
    }
}

pub(super) fn inbound(stanza: &Element, envelope: Envelope) -> Result<Inbound, Ignored> {
    if let Some(occupant) = room::occupant(stanza, &envelope) {
        return Ok(Inbound::Occupant(occupant));
    }
    let kind = match stanza.attr("type") {
        None => available(stanza),
        Some("unavailable") => PresenceKind::Unavailable,
        Some("subscribe") => PresenceKind::Subscribe,
        Some("subscribed") => PresenceKind::Subscribed,
        Some("unsubscribe") => PresenceKind::Unsubscribe,
        Some("unsubscribed") => PresenceKind::Unsubscribed,
        Some("probe") => PresenceKind::Probe,
        Some("error") => PresenceKind::Error,
        Some(_) => return Err(Ignored::UnknownType),
    };
    let Envelope { from, to } = envelope;
    Ok(Inbound::Presence(Presence { from, to, kind }))
}

fn available(stanza: &Element) -> PresenceKind {
    let text = |name| stanza.children().find(|child| child.is(name, STANZA_NAMESPACES)).map(Element::text);
    let show = text("show").and_then(|word| Show::named(word.trim()));
    let status = text("status").map(|mut status| {
        status.retain(|c| c != '\0');
        status.truncate(status.floor_char_boundary(MAX_STATUS_BYTES));
        status.trim().to_owned()
    });
    let priority = text("priority").and_then(|number| number.trim().parse().ok()).unwrap_or(0);
    PresenceKind::Available { show, status: status.filter(|status| !status.is_empty()), priority }
}
