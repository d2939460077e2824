//! What we send: builders of stanzas, and the way from an [`Element`] to bytes.
//!
//! The server ends the stream over one illegal character or one oversized stanza, and models emit both, so every text
//! goes through [`sanitize`] and every stanza through an encoder of its own.
//!
//! Messages are here. `card` is how an address shows itself, `disco` and `caps` what it can do, `presence` whether it is
//! there, `pubsub` what it publishes.

mod caps;
mod card;
mod disco;
mod presence;
mod pubsub;
mod reply;
mod room;

use std::borrow::Cow;

use bytes::BytesMut;
use chrono::{DateTime, SecondsFormat, Utc};
use jid::{BareJid, Jid};
use rxml::{
    NcName,
    writer::{Encoder, SimpleNamespaces, TrackNamespace},
    xml_ncname,
};
use thiserror::Error;
use uuid::Uuid;
use xmpp_parsers::{
    minidom::{Element, element::ElementBuilder},
    ns,
};
use xso::AsXml;

use super::{
    gate::is_xml_char,
    stanza::{CHAT_MARKERS, RETRACT, State},
};

pub use self::{
    caps::ver,
    card::Card,
    disco::{FEATURES, Feature, Identity, Item, command_info, disco_info, disco_items, node_info, ticket_info},
    presence::{Badge, presence},
    pubsub::{Node, published},
    reply::Reply,
    room::{
        Affiliation, configure, destroy, grant, invite, invite_by_room, join, leave, list, room_line, room_subject,
    },
};

/// The longest text of one message, in bytes. Servers close the stream from 256 KiB on, and escaping may make five
/// bytes of one.
pub const MAX_TEXT_BYTES: usize = 60_000;

/// XEP-0428.
const FALLBACK: &str = "urn:xmpp:fallback:0";
/// XEP-0334.
const HINTS: &str = "urn:xmpp:hints";

/// Makes a text fit for XML 1.0 §2.2 and for a message: an illegal character becomes U+FFFD, `\r\n` and `\r` become `\n`
/// (a parser would make them so), and what is longer than [`MAX_TEXT_BYTES`] ends with an ellipsis.
#[must_use]
pub fn sanitize(text: &str) -> Cow<'_, str> {
    let fine = |c: char| c != '\r' && is_xml_char(c);
    if text.len() <= MAX_TEXT_BYTES && text.chars().all(fine) {
        return Cow::Borrowed(text);
    }
    let mut clean = String::with_capacity(text.len().min(MAX_TEXT_BYTES) + 4);
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        if clean.len() > MAX_TEXT_BYTES {
            break;
        }
        clean.push(match c {
            '\r' if chars.peek() == Some(&'\n') => continue,
            '\r' => '\n',
            c if is_xml_char(c) => c,
            _ => char::REPLACEMENT_CHARACTER,
        });
    }
    if clean.len() > MAX_TEXT_BYTES {
        clean.truncate(clean.floor_char_boundary(MAX_TEXT_BYTES - '…'.len_utf8()));
        clean.push('…');
    }
    Cow::Owned(clean)
}

/// A stanza cannot be written as XML.
#[derive(Debug, Error)]
#[error("the stanza cannot be written: {0}")]
pub struct EncodeError(xso::error::Error);

/// Appends a stanza as it stands inside a component stream.
///
/// # Errors
/// [`EncodeError`] if a name or a text is illegal in XML; `out` is then as it was before.
pub fn encode(stanza: &Element, out: &mut BytesMut) -> Result<(), EncodeError> {
    let start = out.len();
    // One encoder per stanza: one that has failed leaves its element open for ever.
    let mut encoder = Encoder::<SimpleNamespaces>::new();
    let namespaces = encoder.ns_tracker_mut();
    namespaces.declare_fixed(Some(xml_ncname!("stream")), ns::STREAM.into());
    namespaces.declare_fixed(None, ns::COMPONENT.into());
    // The stream header has declared these two: without this, every stanza would again.
    namespaces.push();
    let mut write = || {
        for item in stanza.as_xml_iter()? {
            encoder.encode_into_bytes(item?.as_rxml_item(), out).map_err(xso::error::Error::XmlError)?;
        }
        Ok(())
    };
    write().map_err(|error| {
        out.truncate(start);
        EncodeError(error)
    })
}

/// A message of a desk to a customer.
#[derive(Debug, Clone, Copy)]
pub struct Answer<'a> {
    /// Stanza id and origin-id: the same on every retry.
    pub id: Uuid,
    /// The desk.
    pub from: &'a BareJid,
    /// The customer, or one of its resources.
    pub to: &'a Jid,
    /// The text; it is [sanitised](sanitize).
    pub body: &'a str,
    /// The thread of the customer's messages, if they had one.
    pub thread: Option<&'a str>,
    /// Whether the customer's client understands chat states: then the message ends our `composing`.
    pub chat_states: bool,
    /// The URL of a file that goes with it (XEP-0066 §3); it stands in the text, too.
    pub link: Option<&'a str>,
    /// The message that it replaces (XEP-0308): always the first one, however often it is corrected.
    pub replaces: Option<Uuid>,
    /// The message that it answers (XEP-0461).
    pub reply: Option<Reply<'a>>,
}

/// A chat message that asks for a receipt (XEP-0184) and can be marked (XEP-0333).
#[must_use]
pub fn message(answer: &Answer<'_>) -> Element {
    let id = answer.id.to_string();
    let quote = answer.reply.map(|reply| reply.quote()).unwrap_or_default();
    let mut message = chat(answer.from, answer.to)
        .attr(xml_ncname!("id").to_owned(), &id)
        .append(text_element("body", &format!("{quote}{}", answer.body)))
        .append(Element::bare("request", ns::RECEIPTS))
        .append(Element::bare("markable", CHAT_MARKERS))
        .append(with_id("origin-id", ns::SID, &id));
    if let Some(thread) = answer.thread {
        message = message.append(text_element("thread", thread));
    }
    if let Some(url) = answer.link {
        let url = Element::builder("url", ns::OOB).append(&*sanitize(url)).build();
        message = message.append(Element::builder("x", ns::OOB).append(url).build());
    }
    if let Some(first) = answer.replaces {
        message = message.append(with_id("replace", ns::MESSAGE_CORRECT, &first.to_string()));
    }
    if let Some(reply) = answer.reply {
        message = message.append_all(reply.elements(&quote));
    }
    if answer.chat_states {
        message = message.append(active());
    }
    message.build()
}

/// A chat message that answers a command: for now, so that no archive needs to keep it (XEP-0334), and without a wish
/// to hear of it again.
#[must_use]
pub fn notice(from: &BareJid, to: &Jid, body: &str, thread: Option<&str>) -> Element {
    let id = Uuid::now_v7().to_string();
    chat(from, to)
        .attr(xml_ncname!("id").to_owned(), &id)
        .append(text_element("body", body))
        .append(with_id("origin-id", ns::SID, &id))
        .append(Element::bare("no-permanent-store", HINTS))
        .append_all(thread.map(|thread| text_element("thread", thread)))
        .build()
}

/// Takes the message `retracts` back (XEP-0424 §3). `body` is for clients that do not know what that is, and says nothing
/// if it is empty.
#[must_use]
pub fn retraction(id: Uuid, from: &BareJid, to: &Jid, retracts: Uuid, body: &str) -> Element {
    let id = id.to_string();
    let fallback = Element::builder("fallback", FALLBACK).attr(xml_ncname!("for").to_owned(), RETRACT).build();
    let mut message = chat(from, to).attr(xml_ncname!("id").to_owned(), &id).append(with_id(
        "retract",
        RETRACT,
        &retracts.to_string(),
    ));
    if !body.is_empty() {
        message = message.append(fallback).append(text_element("body", body));
    }
    message.append(with_id("origin-id", ns::SID, &id)).append(Element::bare("store", HINTS)).build()
}

/// The receipt for the message `id` (XEP-0184). Send it when the message is stored, not before.
#[must_use]
pub fn receipt(from: &BareJid, to: &Jid, id: &str) -> Element {
    chat(from, to).append(with_id("received", ns::RECEIPTS, id)).append(Element::bare("store", HINTS)).build()
}

/// Tells that the message `id` and all before it were read (XEP-0333).
#[must_use]
pub fn displayed(from: &BareJid, to: &Jid, id: &str) -> Element {
    chat(from, to).append(with_id("displayed", CHAT_MARKERS, id)).append(Element::bare("store", HINTS)).build()
}

/// What a message has that ends our `composing`, and says that we know chat states (XEP-0085 §5.2).
#[must_use]
pub fn active() -> Element {
    Element::bare(State::Active.name(), ns::CHATSTATES)
}

/// A chat state by itself (XEP-0085), which no archive needs to keep.
#[must_use]
pub fn chat_state(from: &BareJid, to: &Jid, state: State) -> Element {
    chat(from, to).append(Element::bare(state.name(), ns::CHATSTATES)).append(Element::bare("no-store", HINTS)).build()
}

/// A ping (XEP-0199): keep-alive, and the fence behind a batch.
#[must_use]
pub fn ping(from: &BareJid, to: &Jid, id: &str) -> Element {
    iq(from, to, id, "get").append(Element::bare("ping", ns::PING)).build()
}

/// The answer to a request. Without a payload it says: done (as to a ping).
#[must_use]
pub fn result(from: &BareJid, to: &Jid, id: &str, payload: Option<Element>) -> Element {
    iq(from, to, id, "result").append_all(payload).build()
}

/// The payload that answers a version request (XEP-0092).
#[must_use]
pub fn version(name: &str, version: &str) -> Element {
    let part = |tag, text| Element::builder(tag, ns::VERSION).append(&*sanitize(text)).build();
    Element::builder("query", ns::VERSION).append(part("name", name)).append(part("version", version)).build()
}

/// The payload that answers a time request (XEP-0202): we live in UTC.
#[must_use]
pub fn time(now: DateTime<Utc>) -> Element {
    let part = |tag, text: &str| Element::builder(tag, ns::TIME).append(text).build();
    Element::builder("time", ns::TIME)
        .append(part("tzo", "+00:00"))
        .append(part("utc", &now.to_rfc3339_opts(SecondsFormat::Secs, true)))
        .build()
}

fn addressed(name: &str, from: &BareJid, to: &Jid) -> ElementBuilder {
    Element::builder(name, ns::COMPONENT)
        .attr(xml_ncname!("from").to_owned(), from.as_str())
        .attr(xml_ncname!("to").to_owned(), to.as_str())
}

fn chat(from: &BareJid, to: &Jid) -> ElementBuilder {
    addressed("message", from, to).attr(xml_ncname!("type").to_owned(), "chat")
}

fn iq(from: &BareJid, to: &Jid, id: &str, kind: &str) -> ElementBuilder {
    addressed("iq", from, to).attr(xml_ncname!("id").to_owned(), id).attr(xml_ncname!("type").to_owned(), kind)
}

fn node_name() -> NcName {
    xml_ncname!("node").to_owned()
}

fn with_id(name: &str, namespace: &str, id: &str) -> Element {
    Element::builder(name, namespace).attr(xml_ncname!("id").to_owned(), id).build()
}

fn text_element(name: &str, text: &str) -> Element {
    Element::builder(name, ns::COMPONENT).append(&*sanitize(text)).build()
}

#[cfg(test)]
mod tests;
