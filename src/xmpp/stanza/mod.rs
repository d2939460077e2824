//! From a stanza to a value: `&Element` in, [`Inbound`] or a named reason to ignore it out.
//!
//! Everything here is written by strangers, so nothing is taken for granted: what is ill-typed is left out rather
//! than refused (`xmpp-parsers` would refuse the whole stanza), and nothing panics. No clock, no database, no
//! network.

mod iq;
mod message;
mod presence;
mod reply;
mod room;
#[cfg(test)]
mod tests;

use jid::{BareJid, Jid};
use thiserror::Error;
use xmpp_parsers::{
    minidom::{Element, NSChoice},
    ns,
};

pub(in crate::xmpp) use self::{
    iq::VCARD4,
    message::{CHAT_MARKERS, REPLY, RETRACT, condition},
    room::{MUC_ADMIN, MUC_USER},
};
use crate::helpdesk::is_settled;

pub use self::{
    iq::{Iq, IqKind, IqReply, Malformed, Request},
    message::{Bounce, Chat, ChatState, Marker, MarkerKind, Reactions, Receipt, Retraction, State},
    presence::{Presence, PresenceKind, Show},
    reply::{Refusal, error_for_rejected, error_reply},
    room::{Occupant, Subject, listed},
};

/// The longest id, thread or the like that is kept, in bytes; a longer one counts as absent. UUIDs have 36.
pub const MAX_ID_BYTES: usize = 512;

/// `jabber:component:accept` is what comes on our stream; the others are forgiven.
const STANZA_NAMESPACES: NSChoice<'static> = NSChoice::AnyOf(&[ns::COMPONENT, "jabber:client", "jabber:server"]);

/// What a stanza says.
#[derive(Debug, Clone, PartialEq)]
pub enum Inbound {
    /// Somebody wrote to a desk.
    Chat(Box<Chat>),
    /// Somebody wrote in a room (XEP-0045), if the sender is one: anybody can make such a message.
    RoomLine(Box<Chat>),
    /// A room has a subject, if the sender is a room.
    RoomSubject(Subject),
    /// Who is in a room, if the sender is one.
    Occupant(Occupant),
    /// Somebody took a message back (XEP-0424).
    Retraction(Retraction),
    /// Somebody reacted to a message (XEP-0444).
    Reactions(Reactions),
    /// Somebody types, or has stopped (XEP-0085).
    ChatState(ChatState),
    /// One of our messages has arrived (XEP-0184).
    Receipt(Receipt),
    /// One of our messages was read, or more (XEP-0333).
    Marker(Marker),
    /// One of our messages came back.
    Bounce(Bounce),
    /// Somebody's presence, or a question about ours.
    Presence(Presence),
    /// A request that must be answered.
    Iq(Iq),
    /// The answer to a request of ours.
    IqReply(IqReply),
    /// A request that must be answered with `bad-request`.
    Malformed(Malformed),
}

/// What a stanza says of whether its sender's client is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sighting<'a> {
    /// It is logged in and talks.
    Here(&'a Jid),
    /// It has gone.
    Gone(&'a Jid),
}

impl Inbound {
    /// Whether the sender's client has shown itself, or has gone. Requests and bounces show nothing: servers make them in
    /// their users' names, and a client may ask before it takes messages.
    #[must_use]
    pub fn sighting(&self) -> Option<Sighting<'_>> {
        let here = match self {
            Self::Chat(chat) => &chat.from,
            Self::Retraction(retraction) => &retraction.from,
            Self::Reactions(reactions) => &reactions.from,
            Self::ChatState(state) => &state.from,
            Self::Receipt(receipt) => &receipt.from,
            Self::Marker(marker) => &marker.from,
            Self::Presence(Presence { from, kind: PresenceKind::Available { .. }, .. }) => from,
            Self::Presence(Presence { from, kind: PresenceKind::Unavailable, .. }) => {
                return Some(Sighting::Gone(from));
            }
            _ => return None,
        };
        Some(Sighting::Here(here))
    }
}

/// Why a stanza means nothing to us. The text holds nothing of the stanza's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Error)]
#[non_exhaustive]
pub enum Ignored {
    /// Neither message nor presence nor iq.
    #[error("not a stanza")]
    NotAStanza,
    /// `from` is missing or no address.
    #[error("no valid sender")]
    NoSender,
    /// `to` is missing or no address.
    #[error("no valid recipient")]
    NoRecipient,
    /// `to` is not on our domain.
    #[error("not for our domain")]
    NotOurs,
    /// `from` is on our domain: our own words came back.
    #[error("our own echo")]
    OwnEcho,
    /// A message or a presence of a room that is none of ours.
    #[error("a room that is none of ours")]
    Room,
    /// A message of type headline: nobody waits for an answer.
    #[error("a headline")]
    Headline,
    /// A copy out of an archive (XEP-0313) or of another conversation (XEP-0280).
    #[error("an archived or forwarded copy")]
    Archived,
    /// A message without text or anything else we know.
    #[error("no body")]
    NoBody,
    /// A presence of an unknown type.
    #[error("unknown type")]
    UnknownType,
    /// An answer that names no request.
    #[error("no id")]
    NoId,
}

/// Translates one stanza that came to `own_domain`.
///
/// # Errors
/// [`Ignored`] says why the stanza means nothing to us. Nothing is to be answered then.
pub fn inbound(stanza: &Element, own_domain: &str) -> Result<Inbound, Ignored> {
    if !stanza.has_ns(STANZA_NAMESPACES) {
        return Err(Ignored::NotAStanza);
    }
    match stanza.name() {
        "message" => message::inbound(stanza, &Envelope::read(stanza, own_domain)?.not_from(own_domain)?, own_domain),
        "presence" => presence::inbound(stanza, Envelope::read(stanza, own_domain)?.not_from(own_domain)?),
        "iq" => iq::inbound(stanza, Envelope::read(stanza, own_domain)?),
        _ => Err(Ignored::NotAStanza),
    }
}

/// Who wrote to which of our addresses.
#[derive(Debug, Clone)]
struct Envelope {
    from: Jid,
    to: BareJid,
}

impl Envelope {
    fn read(stanza: &Element, own_domain: &str) -> Result<Self, Ignored> {
        let from = address(stanza, "from").ok_or(Ignored::NoSender)?;
        let to = address(stanza, "to").ok_or(Ignored::NoRecipient)?;
        if !is_on(&to, own_domain) {
            return Err(Ignored::NotOurs);
        }
        Ok(Self { from, to: to.into_bare() })
    }

    fn not_from(self, own_domain: &str) -> Result<Self, Ignored> {
        if is_on(&self.from, own_domain) { Err(Ignored::OwnEcho) } else { Ok(self) }
    }
}

fn is_on(jid: &Jid, domain: &str) -> bool {
    jid.domain().as_str().eq_ignore_ascii_case(domain)
}

fn address(stanza: &Element, attribute: &str) -> Option<Jid> {
    Jid::new(stanza.attr(attribute)?).ok().filter(is_settled)
}

/// A non-empty attribute that is short enough to be an id.
fn id_of<'a>(element: &'a Element, attribute: &'static str) -> Option<&'a str> {
    element.attr(attribute).filter(|id| is_id(id))
}

/// PostgreSQL takes no NUL in text. XML cannot hold one, but trees are not only made by parsers.
fn is_id(id: &str) -> bool {
    !id.is_empty() && id.len() <= MAX_ID_BYTES && !id.contains('\0')
}
