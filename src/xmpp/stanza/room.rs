//! What a room says of who is in it (XEP-0045 §7.1, §17), and who may be (§9.5).
//!
//! `xmpp-parsers` refuses the whole presence over a status code that it does not know; here it is left out.

use jid::{BareJid, Jid};
use xmpp_parsers::minidom::Element;

use super::{Envelope, address};

/// What rooms say of their occupants.
pub(in crate::xmpp) const MUC_USER: &str = "http://jabber.org/protocol/muc#user";

/// What rooms say of who may come in.
pub(in crate::xmpp) const MUC_ADMIN: &str = "http://jabber.org/protocol/muc#admin";

/// The room says: this is your own presence.
const SELF: &str = "110";
/// The room says: you have made this room.
const CREATED: &str = "201";

/// Somebody is in a room, or has left it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Occupant {
    /// The room, with the occupant's name in it as the resource. It is a room's word only if the sender is a room.
    pub at: Jid,
    /// The address of ours that was told.
    pub to: BareJid,
    /// Still there.
    pub is_there: bool,
    /// Who it really is, if the room tells us.
    pub jid: Option<BareJid>,
    /// That is ourselves.
    pub is_self: bool,
    /// The room was made by our coming.
    pub is_created: bool,
    /// The occupant is an owner of the room.
    pub is_owner: bool,
}

/// Those of a list of members or admins (XEP-0045 §9.5, §10.8); none in any other answer.
#[must_use]
pub fn listed(answer: &Element) -> Vec<BareJid> {
    let queries = answer.children().filter(|child| child.is("query", MUC_ADMIN));
    let items = queries.flat_map(Element::children).filter(|child| child.is("item", MUC_ADMIN));
    items.filter_map(|item| address(item, "jid")).map(Jid::into_bare).collect()
}

/// A room's subject, which it tells those who come after what was said before, and what is said comes behind it
/// (XEP-0045 §7.2.15).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    /// The room, or somebody in it. It is a room's word only if the sender is a room.
    pub at: Jid,
    /// The address of ours that was told.
    pub to: BareJid,
}

/// Reads a presence by which a room shows an occupant; `None` for any other.
pub(super) fn occupant(stanza: &Element, envelope: &Envelope) -> Option<Occupant> {
    let is_there = match stanza.attr("type") {
        None => true,
        Some("unavailable") => false,
        Some(_) => return None,
    };
    let told = stanza.children().find(|child| child.is("x", MUC_USER))?;
    envelope.from.resource()?;
    let has = |code| told.children().any(|child| child.is("status", MUC_USER) && child.attr("code") == Some(code));
    let item = told.children().find(|child| child.is("item", MUC_USER));
    Some(Occupant {
        at: envelope.from.clone(),
        to: envelope.to.clone(),
        is_there,
        jid: item.and_then(|item| address(item, "jid")).map(Jid::into_bare),
        is_self: has(SELF),
        is_created: has(CREATED),
        is_owner: item.is_some_and(|item| item.attr("affiliation") == Some("owner")),
    })
}
