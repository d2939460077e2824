//! What somebody does to a message that is there already: takes it back, or reacts to it.

use jid::{BareJid, Jid};
use xmpp_parsers::{minidom::Element, ns};

use super::{child_id, emoji::is_emoji};
use crate::xmpp::stanza::{Envelope, id_of};

/// XEP-0424 in its present form.
pub(in crate::xmpp) const RETRACT: &str = "urn:xmpp:message-retract:1";
/// XEP-0424 before 2023, wrapped in XEP-0422.
const RETRACT_OLD: &str = "urn:xmpp:message-retract:0";
const FASTEN: &str = "urn:xmpp:fasten:0";
/// Reactions of one person to one message that are looked at.
const MAX_REACTIONS: usize = 4;

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

/// Somebody reacted to a message (XEP-0444). What is listed counts instead of what was listed before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reactions {
    /// Who reacted.
    pub from: Jid,
    /// The desk's address.
    pub to: BareJid,
    /// The id of the message it is about.
    pub id: String,
    /// At most four, each once; none if all were taken back. What is no emoji is left out.
    pub emojis: Vec<String>,
}

pub(super) fn retraction(stanza: &Element, envelope: &Envelope) -> Option<Retraction> {
    let retracts = retracts(stanza)?;
    let Envelope { from, to } = envelope.clone();
    Some(Retraction { from, to, retracts })
}

pub(super) fn reactions(stanza: &Element, envelope: &Envelope) -> Option<Reactions> {
    let reactions = stanza.children().filter(|child| child.is("reactions", ns::REACTIONS));
    let (id, reactions) = reactions.filter_map(|list| Some((id_of(list, "id")?, list))).next()?;
    let mut emojis: Vec<String> = Vec::new();
    for reaction in reactions.children().filter(|child| child.is("reaction", ns::REACTIONS)) {
        let text = reaction.text().trim().to_owned();
        if is_emoji(&text) && !emojis.contains(&text) {
            emojis.push(text);
        }
        if emojis.len() == MAX_REACTIONS {
            break;
        }
    }
    let Envelope { from, to } = envelope.clone();
    Some(Reactions { from, to, id: id.to_owned(), emojis })
}

fn retracts(stanza: &Element) -> Option<String> {
    child_id(stanza, "retract", RETRACT).or_else(|| {
        let mut fastened = stanza.children().filter(|child| child.is("apply-to", FASTEN));
        let retract = fastened.find(|child| child.has_child("retract", RETRACT_OLD))?;
        id_of(retract, "id").map(str::to_owned)
    })
}
