//! Messages: chat, receipts, markers, chat states, bounces.

mod body;

use chrono::{DateTime, Utc};
use jid::{BareJid, Jid};
use xmpp_parsers::{minidom::Element, ns};

use self::body::Body;
use super::{Envelope, Ignored, Inbound, STANZA_NAMESPACES, id_of, is_id};

/// XEP-0424 in its present form.
const RETRACT: &str = "urn:xmpp:message-retract:1";
/// XEP-0424 before 2023, wrapped in XEP-0422.
const RETRACT_OLD: &str = "urn:xmpp:message-retract:0";
const FASTEN: &str = "urn:xmpp:fasten:0";
/// XEP-0333. `xmpp-parsers` has the types but no name for the namespace.
pub(in crate::xmpp) const CHAT_MARKERS: &str = "urn:xmpp:chat-markers:0";
const REPLY: &str = "urn:xmpp:reply:0";
const CARBONS: &str = "urn:xmpp:carbons:2";
/// How many archives' ids are looked at: the sender's, ours and a few on the way.
const MAX_ARCHIVES: usize = 8;

/// What somebody wrote to a desk.
#[derive(Debug, Clone, PartialEq)]
pub struct Chat {
    /// The sender, with the resource it wrote from.
    pub from: Jid,
    /// The desk's address; without a localpart it is the component's own.
    pub to: BareJid,
    /// The sender's id of the message. Only as unique as the sender cares to make it.
    pub id: Option<String>,
    /// An archive's id for the message (XEP-0359 §3): the archive's address, a space, the id. Only ids by the
    /// desk, our domain, the sender or the sender's server are taken. Count it only together with the sender, since
    /// not every server keeps its users from making one up.
    pub archive_id: Option<String>,
    /// The sender's other id (XEP-0359 §4), stable over re-sending.
    pub origin_id: Option<String>,
    /// The text without a quoted fallback (XEP-0428) and without white space at its end. Empty only if
    /// [`encrypted`](Self::encrypted).
    pub body: String,
    /// An XEP-0184 receipt is due once the message is stored.
    pub wants_receipt: bool,
    /// The sender would like to know when it was read (XEP-0333).
    pub markable: bool,
    /// The sender understands chat states (XEP-0085 §5.1).
    pub supports_chat_states: bool,
    /// When it was written, if it was delayed (XEP-0203). It is the sender's or its server's claim.
    pub stamp: Option<DateTime<Utc>>,
    /// The conversation's name (RFC 6121 §5.2.5), to be repeated in answers.
    pub thread: Option<String>,
    /// The id of the message it replies to (XEP-0461).
    pub reply_to: Option<String>,
    /// The real text is encrypted (XEP-0380, OMEMO, OpenPGP, OTR): [`body`](Self::body) is not what the sender said.
    pub encrypted: bool,
    /// The id of the sender's own message that this one corrects (XEP-0308).
    pub replaces: Option<String>,
}

/// Somebody took a message back (XEP-0424).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Retraction {
    /// Who took it back; only the message's own author may.
    pub from: Jid,
    /// The desk's address.
    pub to: BareJid,
    /// The id of the message that was taken back.
    pub retracts: String,
}

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
    pub(super) const ALL: [Self; 5] = [Self::Active, Self::Composing, Self::Paused, Self::Inactive, Self::Gone];

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

/// A message of ours that came back (RFC 6120 §8.3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bounce {
    /// For whom the message was.
    pub from: Jid,
    /// The id of our message.
    pub id: Option<String>,
    /// One of the conditions of RFC 6120 §8.3.3; `undefined-condition` if it is missing or unknown.
    pub condition: &'static str,
    /// The error's text, if any, at most 512 bytes.
    pub text: Option<String>,
    /// The error's type is `wait`: trying again later may help.
    pub temporary: bool,
}

/// RFC 6120 §8.3.3.
const CONDITIONS: [&str; 22] = [
    "bad-request",
    "conflict",
    "feature-not-implemented",
    "forbidden",
    "gone",
    "internal-server-error",
    "item-not-found",
    "jid-malformed",
    "not-acceptable",
    "not-allowed",
    "not-authorized",
    "policy-violation",
    "recipient-unavailable",
    "redirect",
    "registration-required",
    "remote-server-not-found",
    "remote-server-timeout",
    "resource-constraint",
    "service-unavailable",
    "subscription-required",
    "undefined-condition",
    "unexpected-request",
];

pub(super) fn inbound(stanza: &Element, envelope: &Envelope, own_domain: &str) -> Result<Inbound, Ignored> {
    // An unknown type is to be treated as normal (RFC 6121 §5.2.2).
    match stanza.attr("type") {
        Some("error") => return Ok(Inbound::Bounce(bounce(stanza, envelope))),
        Some("groupchat") => return Err(Ignored::Groupchat),
        Some("headline") => return Err(Ignored::Headline),
        _ => {}
    }
    let is_copy = |name, ns| stanza.has_child(name, ns);
    if is_copy("result", ns::MAM) || is_copy("sent", CARBONS) || is_copy("received", CARBONS) {
        return Err(Ignored::Archived);
    }
    if let Some(retracts) = retracts(stanza) {
        let Envelope { from, to } = envelope.clone();
        return Ok(Inbound::Retraction(Retraction { from, to, retracts }));
    }
    match chat(stanza, envelope, own_domain) {
        Some(chat) => Ok(Inbound::Chat(Box::new(chat))),
        None => signal(stanza, envelope).ok_or(Ignored::NoBody),
    }
}

fn chat(stanza: &Element, envelope: &Envelope, own_domain: &str) -> Option<Chat> {
    let body = Body::of(stanza);
    let ciphertext = has_ciphertext(stanza);
    if body.is_none() && !ciphertext {
        return None;
    }
    let body = body.map(|body| body.text).unwrap_or_default();
    let id = id_of(stanza, "id").map(str::to_owned);
    Some(Chat {
        archive_id: archive_id(stanza, envelope, own_domain),
        origin_id: child_id(stanza, "origin-id", ns::SID),
        encrypted: ciphertext || stanza.has_child("encryption", ns::EME) || body.starts_with("?OTR"),
        body,
        wants_receipt: id.is_some() && stanza.has_child("request", ns::RECEIPTS),
        markable: stanza.has_child("markable", CHAT_MARKERS),
        supports_chat_states: state(stanza).is_some(),
        stamp: stamp(stanza),
        thread: thread(stanza),
        reply_to: child_id(stanza, "reply", REPLY),
        replaces: child_id(stanza, "replace", ns::MESSAGE_CORRECT),
        from: envelope.from.clone(),
        to: envelope.to.clone(),
        id,
    })
}

/// What a message without text may be.
fn signal(stanza: &Element, envelope: &Envelope) -> Option<Inbound> {
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

fn state(stanza: &Element) -> Option<State> {
    let name = stanza.children().find(|child| child.has_ns(ns::CHATSTATES))?.name();
    State::ALL.into_iter().find(|state| state.name() == name)
}

/// The `id` of the first such child that has a usable one.
fn child_id(stanza: &Element, name: &str, namespace: &str) -> Option<String> {
    stanza.children().filter(|child| child.is(name, namespace)).find_map(|child| id_of(child, "id")).map(str::to_owned)
}

fn retracts(stanza: &Element) -> Option<String> {
    child_id(stanza, "retract", RETRACT).or_else(|| {
        let mut fastened = stanza.children().filter(|child| child.is("apply-to", FASTEN));
        let retract = fastened.find(|child| child.has_child("retract", RETRACT_OLD))?;
        id_of(retract, "id").map(str::to_owned)
    })
}

/// Ciphertext itself, not only the hint that there is some (XEP-0380). An OMEMO message without a payload only moves
/// keys: there is nothing to answer.
fn has_ciphertext(stanza: &Element) -> bool {
    stanza.children().any(|child| {
        let omemo = child.is("encrypted", ns::LEGACY_OMEMO)
            || child.is("encrypted", "urn:xmpp:omemo:1")
            || child.is("encrypted", "urn:xmpp:omemo:2");
        (omemo && child.children().any(|part| part.name() == "payload"))
            || child.is("openpgp", "urn:xmpp:openpgp:0")
            || child.is("x", "jabber:x:encrypted")
    })
}

/// The id by the archive nearest to us, among those that may have one.
fn archive_id(stanza: &Element, envelope: &Envelope, own_domain: &str) -> Option<String> {
    let claims: Vec<(BareJid, &str)> = stanza
        .children()
        .filter(|child| child.is("stanza-id", ns::SID))
        .take(MAX_ARCHIVES)
        .filter_map(|child| Some((BareJid::new(child.attr("by")?).ok()?, id_of(child, "id")?)))
        .collect();
    let sender = envelope.from.to_bare();
    let trusted = [envelope.to.as_str(), own_domain, sender.as_str(), envelope.from.domain().as_str()];
    let (by, id) = trusted.iter().find_map(|archive| claims.iter().find(|(by, _)| by.as_str() == *archive))?;
    // No address holds a space (RFC 7622 §3.3.1), so the two parts cannot be confused.
    Some(format!("{by} {id}"))
}

fn stamp(stanza: &Element) -> Option<DateTime<Utc>> {
    let delays = stanza.children().filter(|child| child.is("delay", ns::DELAY));
    delays
        .filter_map(|delay| DateTime::parse_from_rfc3339(delay.attr("stamp")?.trim()).ok())
        .map(|stamp| stamp.to_utc())
        .next()
}

fn thread(stanza: &Element) -> Option<String> {
    let threads = stanza.children().filter(|child| child.is("thread", STANZA_NAMESPACES));
    threads.map(|thread| thread.text().trim().to_owned()).find(|thread| is_id(thread))
}

fn bounce(stanza: &Element, envelope: &Envelope) -> Bounce {
    let error = stanza.children().find(|child| child.is("error", STANZA_NAMESPACES));
    let parts = || error.into_iter().flat_map(Element::children).filter(|part| part.has_ns(ns::XMPP_STANZAS));
    let condition = parts().find_map(|part| CONDITIONS.into_iter().find(|condition| *condition == part.name()));
    let text = parts().find(|part| part.name() == "text").map(|text| text.text().trim().replace('\0', ""));
    Bounce {
        from: envelope.from.clone(),
        id: id_of(stanza, "id").map(str::to_owned),
        condition: condition.unwrap_or("undefined-condition"),
        text: text.filter(|text| !text.is_empty()).map(|mut text| {
            text.truncate(text.floor_char_boundary(512));
            text
        }),
        temporary: error.is_some_and(|error| error.attr("type") == Some("wait")),
    }
}
