//! Messages: chat, receipts, markers, chat states, bounces.

mod body;
mod bounce;
mod change;
mod emoji;
mod file;
mod signal;

use chrono::{DateTime, Utc};
use jid::{BareJid, Jid};
use xmpp_parsers::{minidom::Element, ns};

use self::body::Body;
use super::{Envelope, Ignored, Inbound, STANZA_NAMESPACES, Subject, id_of, is_id};

pub use self::{
    bounce::Bounce,
    change::{Reactions, Retraction},
    signal::{ChatState, Marker, MarkerKind, Receipt, State},
};
pub(in crate::xmpp) use self::{bounce::condition, change::RETRACT};

/// XEP-0333. `xmpp-parsers` has the types but no name for the namespace.
pub(in crate::xmpp) const CHAT_MARKERS: &str = "urn:xmpp:chat-markers:0";
/// XEP-0461.
pub(in crate::xmpp) const REPLY: &str = "urn:xmpp:reply:0";
/// XEP-0447.
const SFS: &str = "urn:xmpp:sfs:0";
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
    /// [`encrypted`](Self::encrypted), or if there are only [`files`](Self::files).
    pub body: String,
    /// An XEP-0184 receipt is due once the message is stored.
    pub wants_receipt: bool,
    /// The sender would like to know when it was read (XEP-0333).
    pub markable: bool,
    /// The sender understands chat states (XEP-0085 §5.1).
    pub supports_chat_states: bool,
    /// When it was written, if it was delayed (XEP-0203). It is the sender's or its server's claim; in a room, the room's.
    pub stamp: Option<DateTime<Utc>>,
    /// The conversation's name (RFC 6121 §5.2.5), to be repeated in answers.
    pub thread: Option<String>,
    /// The id of the message it replies to (XEP-0461).
    pub reply_to: Option<String>,
    /// The real text is encrypted (XEP-0380, OMEMO, OpenPGP, OTR): [`body`](Self::body) is not what the sender said.
    pub encrypted: bool,
    /// The id of the sender's own message that this one corrects (XEP-0308).
    pub corrects: Option<String>,
    /// Where files that come with it are (XEP-0066, XEP-0447, XEP-0385): a few http and https URLs, not looked into.
    pub files: Vec<String>,
}

impl Chat {
    /// What is said, with every file's URL in it.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = self.body.clone();
        for url in self.files.iter().filter(|url| !self.body.contains(url.as_str())) {
            if !text.is_empty() {
                text.push('\n');
            }
            text.push_str(url);
        }
        text
    }
}

pub(super) fn inbound(stanza: &Element, envelope: &Envelope, own_domain: &str) -> Result<Inbound, Ignored> {
    // An unknown type is to be treated as normal (RFC 6121 §5.2.2).
    match stanza.attr("type") {
        Some("error") => return Ok(Inbound::Bounce(bounce::bounce(stanza, envelope))),
        // An announcement of the room itself says nothing.
        Some("groupchat") => return groupchat(stanza, envelope, own_domain).ok_or(Ignored::NoBody),
        Some("headline") => return Err(Ignored::Headline),
        _ => {}
    }
    let is_copy = |name, ns| stanza.has_child(name, ns);
    if is_copy("result", ns::MAM) || is_copy("sent", CARBONS) || is_copy("received", CARBONS) {
        return Err(Ignored::Archived);
    }
    if let Some(retraction) = change::retraction(stanza, envelope) {
        return Ok(Inbound::Retraction(retraction));
    }
    if let Some(chat) = chat(stanza, envelope, own_domain) {
        return Ok(Inbound::Chat(Box::new(chat)));
    }
    // Words beside a reaction are words first: they must not be lost.
    match change::reactions(stanza, envelope) {
        Some(reactions) => Ok(Inbound::Reactions(reactions)),
        None => signal::signal(stanza, envelope).ok_or(Ignored::NoBody),
    }
}

fn groupchat(stanza: &Element, envelope: &Envelope, own_domain: &str) -> Option<Inbound> {
    let Some(line) = chat(stanza, envelope, own_domain) else {
        let has_subject = stanza.has_child("subject", STANZA_NAMESPACES);
        return has_subject
            .then(|| Inbound::RoomSubject(Subject { at: envelope.from.clone(), to: envelope.to.clone() }));
    };
    let room = envelope.from.to_bare();
    // Only the room knows that it repeats a line (XEP-0045 §7.2.13): anybody can write that one is late.
    let stamp = stamp(stanza, |delay| delay.attr("from").is_some_and(|by| BareJid::new(by).is_ok_and(|by| by == room)));
    line.from.resource().is_some().then(|| Inbound::RoomLine(Box::new(Chat { stamp, ..line })))
}

fn chat(stanza: &Element, envelope: &Envelope, own_domain: &str) -> Option<Chat> {
    let body = Body::of(stanza);
    let ciphertext = has_ciphertext(stanza);
    let mut files = file::urls(stanza);
    if files.is_empty() {
        files.extend(body.as_ref().and_then(|body| file::encrypted(&body.text)));
    }
    if body.is_none() && !ciphertext && files.is_empty() {
        return None;
    }
    let body = body.map(|body| body.text).unwrap_or_default();
    // Clients that know no XEP-0066 show the body; to us it says nothing that the URL does not.
    let body = if files.iter().any(|url| url == body.trim()) { String::new() } else { body };
    let id = id_of(stanza, "id").map(str::to_owned);
    Some(Chat {
        archive_id: archive_id(stanza, envelope, own_domain),
        origin_id: child_id(stanza, "origin-id", ns::SID),
        files,
        encrypted: ciphertext || stanza.has_child("encryption", ns::EME) || body.starts_with("?OTR"),
        body,
        wants_receipt: id.is_some() && stanza.has_child("request", ns::RECEIPTS),
        markable: stanza.has_child("markable", CHAT_MARKERS),
        supports_chat_states: signal::state(stanza).is_some(),
        stamp: stamp(stanza, |_| true),
        thread: thread(stanza),
        reply_to: child_id(stanza, "reply", REPLY),
        corrects: child_id(stanza, "replace", ns::MESSAGE_CORRECT),
        from: envelope.from.clone(),
        to: envelope.to.clone(),
        id,
    })
}

/// The `id` of the first such child that has a usable one.
fn child_id(stanza: &Element, name: &str, namespace: &str) -> Option<String> {
    stanza.children().filter(|child| child.is(name, namespace)).find_map(|child| id_of(child, "id")).map(str::to_owned)
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

fn stamp(stanza: &Element, counts: impl Fn(&Element) -> bool) -> Option<DateTime<Utc>> {
    let delays = stanza.children().filter(|child| child.is("delay", ns::DELAY));
    delays
        .filter(|delay| counts(delay))
        .filter_map(|delay| DateTime::parse_from_rfc3339(delay.attr("stamp")?.trim()).ok())
        .map(|stamp| stamp.to_utc())
        .next()
}

fn thread(stanza: &Element) -> Option<String> {
    let threads = stanza.children().filter(|child| child.is("thread", STANZA_NAMESPACES));
    threads.map(|thread| thread.text().trim().to_owned()).find(|thread| is_id(thread))
}
