//! Requests to us, and answers to ours (RFC 6120 §8.2.3).

use jid::{BareJid, Jid};
use xmpp_parsers::{minidom::Element, ns};

use super::{Envelope, Ignored, Inbound, id_of};
use crate::xmpp::command::adhoc::{Ask, COMMANDS};

/// The longest node of a request that is kept, in bytes (RFC 7622's size of a part).
const MAX_NODE_BYTES: usize = 1023;
/// The most items that one request may name; no node of ours has more than one.
const MAX_ITEMS: usize = 16;
/// XEP-0292.
pub(in crate::xmpp) const VCARD4: &str = "urn:ietf:params:xml:ns:vcard-4.0";

/// A request: it must be answered, if only with `service-unavailable`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Iq {
    /// Who asks.
    pub from: Jid,
    /// The desk's address, or our domain.
    pub to: BareJid,
    /// To be repeated in the answer. May be empty: Prosody adds an empty one where it was missing.
    pub id: String,
    /// What is asked.
    pub kind: IqKind,
}

/// Whether something is asked for or told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IqKind {
    /// Asks for something.
    Get(Request),
    /// Wants something changed.
    Set(Request),
}

/// The requests we know by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// XEP-0030: what are you?
    DiscoInfo {
        /// The part that is asked about; it must be repeated in the answer.
        node: Option<String>,
    },
    /// XEP-0030: what else is there?
    DiscoItems {
        /// The part that is asked about; it must be repeated in the answer.
        node: Option<String>,
    },
    /// XEP-0199.
    Ping,
    /// XEP-0092.
    Version,
    /// XEP-0202.
    Time,
    /// XEP-0054.
    VCard,
    /// XEP-0292, asked for directly (its §6) rather than at its node.
    VCard4,
    /// XEP-0060 §6.5: what is published?
    Items {
        /// At which node; `None` names none that we could have.
        node: Option<String>,
        /// These items only, if there are any; an id that is too long to be one of ours counts as one that is not there.
        ids: Vec<String>,
    },
    /// XEP-0050.
    Command(Box<Ask>),
    /// Anything else: `service-unavailable`.
    Unknown,
}

/// An answer to a request of ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IqReply {
    /// Who answers.
    pub from: Jid,
    /// The id of our request.
    pub id: String,
    /// It went wrong.
    pub is_error: bool,
}

/// A request that breaks the rules of RFC 6120 §8.2.3; answer it with `bad-request` by [`error_reply`](super::error_reply).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Malformed {
    /// Who asks.
    pub from: Jid,
    /// The desk's address, or our domain.
    pub to: BareJid,
    /// Without one no answer is possible.
    pub id: Option<String>,
}

pub(super) fn inbound(stanza: &Element, envelope: Envelope) -> Result<Inbound, Ignored> {
    let Envelope { from, to } = envelope;
    let id = stanza.attr("id").map(str::to_owned);
    let is_set = match stanza.attr("type") {
        Some(kind @ ("result" | "error")) => {
            let id = id_of(stanza, "id").ok_or(Ignored::NoId)?.to_owned();
            return Ok(Inbound::IqReply(IqReply { from, id, is_error: kind == "error" }));
        }
        Some("get") => false,
        Some("set") => true,
        _ => return Ok(Inbound::Malformed(Malformed { from, to, id })),
    };
    let mut payloads = stanza.children();
    match (id, payloads.next(), payloads.next()) {
        (Some(id), Some(payload), None) => {
            let request = request(payload);
            let kind = if is_set { IqKind::Set(request) } else { IqKind::Get(request) };
            Ok(Inbound::Iq(Iq { from, to, id, kind }))
        }
        (id, _, _) => Ok(Inbound::Malformed(Malformed { from, to, id })),
    }
}

fn request(payload: &Element) -> Request {
    let node = || node_of(payload);
    match payload.name() {
        "query" if payload.has_ns(ns::DISCO_INFO) => Request::DiscoInfo { node: node() },
        "query" if payload.has_ns(ns::DISCO_ITEMS) => Request::DiscoItems { node: node() },
        "query" if payload.has_ns(ns::VERSION) => Request::Version,
        "ping" if payload.has_ns(ns::PING) => Request::Ping,
        "time" if payload.has_ns(ns::TIME) => Request::Time,
        "vCard" if payload.has_ns(ns::VCARD) => Request::VCard,
        "vcard" if payload.has_ns(VCARD4) => Request::VCard4,
        "command" if payload.has_ns(COMMANDS) => Request::Command(Box::new(Ask::read(payload))),
        "pubsub" if payload.has_ns(ns::PUBSUB) => match payload.get_child("items", ns::PUBSUB) {
            Some(items) => Request::Items { node: node_of(items), ids: ids(items) },
            None => Request::Unknown,
        },
        _ => Request::Unknown,
    }
}

/// What is cut off was too long to be a node of ours, and is none now either.
fn node_of(element: &Element) -> Option<String> {
    let node = element.attr("node")?;
    Some(node[..node.floor_char_boundary(MAX_NODE_BYTES)].to_owned())
}

fn ids(items: &Element) -> Vec<String> {
    let items = items.children().filter(|child| child.is("item", ns::PUBSUB)).take(MAX_ITEMS);
    items.map(|item| id_of(item, "id").unwrap_or_default().to_owned()).collect()
}
