//! Messages of ours that came back.

use jid::Jid;
use xmpp_parsers::{minidom::Element, ns};

use crate::xmpp::stanza::{Envelope, STANZA_NAMESPACES, id_of};

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

fn error_of(stanza: &Element) -> Option<&Element> {
    stanza.children().find(|child| child.is("error", STANZA_NAMESPACES))
}

fn parts(error: Option<&Element>) -> impl Iterator<Item = &Element> {
    error.into_iter().flat_map(Element::children).filter(|part| part.has_ns(ns::XMPP_STANZAS))
}

/// The condition of a stanza error, one of those of RFC 6120 §8.3.3; `undefined-condition` if it is missing or unknown.
pub(in crate::xmpp) fn condition(stanza: &Element) -> &'static str {
    let known = |part: &Element| CONDITIONS.into_iter().find(|condition| *condition == part.name());
    parts(error_of(stanza)).find_map(known).unwrap_or("undefined-condition")
}

pub(super) fn bounce(stanza: &Element, envelope: &Envelope) -> Bounce {
    let error = error_of(stanza);
    let parts = || parts(error);
    let text = parts().find(|part| part.name() == "text").map(|text| text.text().trim().replace('\0', ""));
    Bounce {
        from: envelope.from.clone(),
        id: id_of(stanza, "id").map(str::to_owned),
        condition: condition(stanza),
        text: text.filter(|text| !text.is_empty()).map(|mut text| {
            text.truncate(text.floor_char_boundary(512));
            text
        }),
        temporary: error.is_some_and(|error| error.attr("type") == Some("wait")),
    }
}
