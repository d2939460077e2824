//! Error answers (RFC 6120 §8.3).

use std::borrow::Cow;

use jid::Jid;
use rxml::{Namespace, xml_ncname};
use xmpp_parsers::{
    minidom::Element,
    ns,
    stanza_error::{DefinedCondition, ErrorType},
};

use super::{address, is_on};
use crate::xmpp::gate::{Reason, Rejected};

/// Why something is refused, for the other side's program and for the person behind it.
#[derive(Debug, Clone, PartialEq)]
pub struct Refusal {
    condition: DefinedCondition,
    kind: ErrorType,
    text: Cow<'static, str>,
}

impl Refusal {
    /// There is nobody at the address.
    pub const NO_DESK: Self = Self::fixed(
        DefinedCondition::ItemNotFound,
        ErrorType::Cancel,
        "There is no such desk here. The service discovery of this domain lists the desks.",
    );
    /// An agent writes to a ticket that is not there, or not for this agent.
    pub const NO_TICKET: Self = Self::fixed(
        DefinedCondition::ItemNotFound,
        ErrorType::Cancel,
        "There is no ticket at this address: it was erased, or belongs to a desk that is not yours. /queue and /mine, \
         written to a desk, list those that there are.",
    );
    /// A node was asked about.
    pub const NO_NODE: Self =
        Self::fixed(DefinedCondition::ItemNotFound, ErrorType::Cancel, "This address has no such node.");
    /// A line could not be stored.
    pub const NOT_STORED: Self = Self::fixed(
        DefinedCondition::ResourceConstraint,
        ErrorType::Wait,
        "Your message could not be stored just now. Please send it again in a minute.",
    );
    /// Somebody in a room wrote to us alone.
    pub const IN_THE_ROOM: Self = Self::fixed(
        DefinedCondition::NotAcceptable,
        ErrorType::Modify,
        "Please write in the room itself, or to the desk from your own address.",
    );
    /// The sender has sent too much.
    pub const TOO_MUCH: Self = Self::fixed(
        DefinedCondition::PolicyViolation,
        ErrorType::Wait,
        "You send more than we can take from one sender. Please wait a few seconds, then send this again.",
    );

    const fn fixed(condition: DefinedCondition, kind: ErrorType, text: &'static str) -> Self {
        Self { condition, kind, text: Cow::Borrowed(text) }
    }

    /// A refusal with a text of its own, in English, for the person on the other side.
    pub fn new(condition: DefinedCondition, text: impl Into<Cow<'static, str>>) -> Self {
        Self { kind: type_of(&condition), condition, text: text.into() }
    }

    /// The same for what may be sent again later (RFC 6120 §8.3.2: `wait`).
    #[must_use]
    pub fn for_now(self) -> Self {
        Self { kind: ErrorType::Wait, ..self }
    }
}

impl From<DefinedCondition> for Refusal {
    /// With a text that says what the condition means here.
    fn from(condition: DefinedCondition) -> Self {
        let text = text_of(&condition);
        Self::new(condition, text)
    }
}

/// The error that answers `stanza`, or `None` where none is due: to an error, a result, a presence, a headline or a
/// room (RFC 6120 §8.3.1, RFC 6121 §8.1), to a request without an id, and to what did not come to `own_domain` (the server
/// ends the whole stream over a foreign `from`).
#[must_use]
pub fn error_reply(stanza: &Element, own_domain: &str, refusal: Refusal) -> Option<Element> {
    let asked = Asked {
        name: stanza.name(),
        kind: stanza.attr("type"),
        id: stanza.attr("id"),
        from: address(stanza, "from"),
        to: address(stanza, "to"),
    };
    asked.error(own_domain, refusal)
}

/// The error that answers a stanza the gate kept back, by the rules of [`error_reply`].
#[must_use]
pub fn error_for_rejected(rejected: &Rejected, own_domain: &str) -> Option<Element> {
    let condition = match rejected.reason {
        Reason::Malformed | Reason::NotAllowed => DefinedCondition::BadRequest,
        _ => DefinedCondition::PolicyViolation,
    };
    let refusal = match rejected.reason {
        Reason::TooMuch => Refusal::TOO_MUCH,
        reason => Refusal::new(condition, format!("Your message or request was not taken: {reason}.")),
    };
    let head = rejected.head.as_ref()?;
    let asked = Asked {
        name: &head.name,
        kind: head.kind.as_deref(),
        id: head.id.as_deref(),
        from: head.from.clone(),
        to: head.to.clone(),
    };
    asked.error(own_domain, refusal)
}

struct Asked<'a> {
    name: &'a str,
    kind: Option<&'a str>,
    id: Option<&'a str>,
    from: Option<Jid>,
    to: Option<Jid>,
}

impl Asked<'_> {
    fn error(self, own_domain: &str, refusal: Refusal) -> Option<Element> {
        let due = match (self.name, self.kind) {
            (_, Some("error" | "result")) => false,
            ("message", kind) => !matches!(kind, Some("headline" | "groupchat")),
            ("iq", _) => self.id.is_some(),
            _ => false,
        };
        let (from, to) = (self.from?, self.to?);
        // Answering ourselves would be the beginning of a loop.
        if !due || !is_on(&to, own_domain) || is_on(&from, own_domain) {
            return None;
        }
        let text = Element::builder("text", ns::XMPP_STANZAS)
            .attr_ns(Namespace::xml().clone(), xml_ncname!("lang").to_owned(), "en")
            .append(&*refusal.text)
            .build();
        let error = Element::builder("error", ns::COMPONENT)
            .attr(xml_ncname!("type").to_owned(), refusal.kind)
            .append(Element::from(refusal.condition))
            .append(text)
            .build();
        let mut reply = Element::builder(self.name, ns::COMPONENT)
            .attr(xml_ncname!("type").to_owned(), "error")
            .attr(xml_ncname!("from").to_owned(), to)
            .attr(xml_ncname!("to").to_owned(), from);
        if let Some(id) = self.id {
            reply = reply.attr(xml_ncname!("id").to_owned(), id);
        }
        Some(reply.append(error).build())
    }
}

/// What a condition means here (RFC 6120 §8.3.2: a text for people beside the condition).
fn text_of(condition: &DefinedCondition) -> &'static str {
    match condition {
        DefinedCondition::BadRequest => "We do not understand this request: it is not well made.",
        DefinedCondition::Conflict => "This cannot be done in the present state of the conversation.",
        DefinedCondition::Forbidden => "You may not do this.",
        DefinedCondition::ItemNotFound => "There is nothing at this address.",
        DefinedCondition::NotAcceptable => "We cannot take this message as it is.",
        DefinedCondition::ResourceConstraint => "We cannot do this just now. Please try again in a minute.",
        DefinedCondition::ServiceUnavailable => "This address does not offer that service. You can write to it.",
        _ => "This is not possible here.",
    }
}

/// The type that RFC 6120 §8.3.3 recommends for a condition.
fn type_of(condition: &DefinedCondition) -> ErrorType {
    match condition {
        DefinedCondition::BadRequest
        | DefinedCondition::Gone { .. }
        | DefinedCondition::JidMalformed
        | DefinedCondition::NotAcceptable
        | DefinedCondition::PolicyViolation
        | DefinedCondition::Redirect { .. } => ErrorType::Modify,
        DefinedCondition::Forbidden
        | DefinedCondition::NotAuthorized
        | DefinedCondition::RegistrationRequired
        | DefinedCondition::SubscriptionRequired => ErrorType::Auth,
        DefinedCondition::RecipientUnavailable
        | DefinedCondition::RemoteServerTimeout
        | DefinedCondition::ResourceConstraint
        | DefinedCondition::UnexpectedRequest => ErrorType::Wait,
        _ => ErrorType::Cancel,
    }
}
