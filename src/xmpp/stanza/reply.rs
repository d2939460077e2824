//! Error answers (RFC 6120 §8.3).

use jid::Jid;
use rxml::xml_ncname;
use xmpp_parsers::{
    minidom::Element,
    ns,
    stanza_error::{DefinedCondition, ErrorType},
};

use super::{address, is_on};
use crate::xmpp::gate::{Reason, Rejected};

/// The error that answers `stanza`, or `None` where none is due: to an error, a result, a presence, a headline or a
/// room (RFC 6120 §8.3.1, RFC 6121 §8.1), to a request without an id, and to what did not come to `own_domain` (the server
/// ends the whole stream over a foreign `from`).
#[must_use]
pub fn error_reply(stanza: &Element, own_domain: &str, condition: DefinedCondition) -> Option<Element> {
    let asked = Asked {
        name: stanza.name(),
        kind: stanza.attr("type"),
        id: stanza.attr("id"),
        from: address(stanza, "from"),
        to: address(stanza, "to"),
    };
    asked.error(own_domain, condition)
}

/// The error that answers a stanza the gate kept back, by the rules of [`error_reply`].
#[must_use]
pub fn error_for_rejected(rejected: &Rejected, own_domain: &str) -> Option<Element> {
    let condition = match rejected.reason {
        Reason::Malformed | Reason::NotAllowed => DefinedCondition::BadRequest,
        _ => DefinedCondition::PolicyViolation,
    };
    let head = rejected.head.as_ref()?;
    let asked = Asked {
        name: &head.name,
        kind: head.kind.as_deref(),
        id: head.id.as_deref(),
        from: head.from.clone(),
        to: head.to.clone(),
    };
    asked.error(own_domain, condition)
}

struct Asked<'a> {
    name: &'a str,
    kind: Option<&'a str>,
    id: Option<&'a str>,
    from: Option<Jid>,
    to: Option<Jid>,
}

impl Asked<'_> {
    fn error(self, own_domain: &str, condition: DefinedCondition) -> Option<Element> {
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
        let error = Element::builder("error", ns::COMPONENT)
            .attr(xml_ncname!("type").to_owned(), type_of(&condition))
            .append(Element::from(condition))
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
