//! Service discovery (XEP-0030): what we are, what we can do, and what else there is.

use jid::BareJid;
use rxml::xml_ncname;
use xmpp_parsers::{
    minidom::{Element, element::ElementBuilder},
    ns,
};

use super::{Card, Node, node_name, sanitize};
use crate::xmpp::{
    command::adhoc::COMMANDS,
    stanza::{CHAT_MARKERS, REPLY, RETRACT, VCARD4},
};

/// A protocol that we take part in, and say so.
#[derive(Clone, Copy, Debug)]
pub struct Feature {
    /// What disco#info calls it.
    pub var: &'static str,
    /// The number of the XEP that defines it.
    pub xep: u16,
    /// Whether the domain has it as well; desks have all.
    pub everywhere: bool,
}

const fn everywhere(xep: u16, var: &'static str) -> Feature {
    Feature { var, xep, everywhere: true }
}

const fn at_desks(xep: u16, var: &'static str) -> Feature {
    Feature { var, xep, everywhere: false }
}

/// Everything that we say we support, by the number of its XEP. Whoever implements one adds it here and in `doap.xml`; a
/// test holds the two together.
pub const FEATURES: &[Feature] = &[
    at_desks(4, ns::DATA_FORMS),
    everywhere(30, ns::DISCO_INFO),
    everywhere(30, ns::DISCO_ITEMS),
    at_desks(50, COMMANDS),
    everywhere(54, ns::VCARD),
    at_desks(66, ns::OOB),
    at_desks(85, ns::CHATSTATES),
    everywhere(92, ns::VERSION),
    at_desks(115, ns::CAPS),
    at_desks(184, ns::RECEIPTS),
    everywhere(199, ns::PING),
    everywhere(202, ns::TIME),
    everywhere(292, VCARD4),
    at_desks(308, ns::MESSAGE_CORRECT),
    at_desks(333, CHAT_MARKERS),
    at_desks(393, "urn:xmpp:styling:0"),
    at_desks(424, RETRACT),
    at_desks(444, ns::REACTIONS),
    at_desks(461, REPLY),
];

/// What an address of ours is (XEP-0030 §3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Identity {
    /// The component's own address.
    Domain,
    /// A desk.
    Desk,
}

impl Identity {
    /// Category and type, as the registry has them.
    #[must_use]
    pub const fn category_and_type(self) -> (&'static str, &'static str) {
        match self {
            Self::Domain => ("component", "generic"),
            Self::Desk => ("client", "bot"),
        }
    }

    /// The features that such an address has.
    pub fn features(self) -> impl Iterator<Item = &'static str> {
        let has = move |feature: &&Feature| self == Self::Desk || feature.everywhere;
        FEATURES.iter().filter(has).map(|feature| feature.var)
    }
}

/// The payload that answers disco#info (XEP-0030 §3). `node` is the request's: none, or that of the caps (XEP-0115 §6.2).
#[must_use]
pub fn disco_info(card: &Card<'_>, node: Option<&str>) -> Element {
    let (category, kind) = card.identity.category_and_type();
    let name = sanitize(&card.name);
    info(identity(category, kind).attr(xml_ncname!("name").to_owned(), &*name).build(), card.identity.features(), node)
}

/// The payload that answers disco#info of a node that a desk publishes (XEP-0060 §5.3).
#[must_use]
pub fn node_info(node: Node) -> Element {
    info(identity("pubsub", "leaf").build(), [ns::PUBSUB].into_iter(), Some(node.name()))
}

/// The payload that answers disco#info of a command or of their list (XEP-0050 §3.1): `kind` is `command-node` or
/// `command-list`.
#[must_use]
pub fn command_info(node: &str, kind: &str, name: &str) -> Element {
    let name = Some(sanitize(name)).filter(|name| !name.is_empty());
    let identity = identity("automation", kind).attr(xml_ncname!("name").to_owned(), name.as_deref());
    info(identity.build(), [ns::DATA_FORMS, COMMANDS].into_iter(), Some(node))
}

/// The payload that answers disco#info of a ticket's own address, to an agent who may see it.
#[must_use]
pub fn ticket_info(name: &str) -> Element {
    let identity = identity("client", "bot").attr(xml_ncname!("name").to_owned(), &*sanitize(name));
    let features = [
        ns::DATA_FORMS,
        ns::DISCO_INFO,
        ns::DISCO_ITEMS,
        COMMANDS,
        ns::CHATSTATES,
        ns::RECEIPTS,
        ns::MESSAGE_CORRECT,
        RETRACT,
    ];
    info(identity.build(), features.into_iter(), None)
}

fn identity(category: &str, kind: &str) -> ElementBuilder {
    Element::builder("identity", ns::DISCO_INFO)
        .attr(xml_ncname!("category").to_owned(), category)
        .attr(xml_ncname!("type").to_owned(), kind)
}

fn info(identity: Element, features: impl Iterator<Item = &'static str>, node: Option<&str>) -> Element {
    let feature = |var| Element::builder("feature", ns::DISCO_INFO).attr(xml_ncname!("var").to_owned(), var).build();
    query(ns::DISCO_INFO, node).append(identity).append_all(features.map(feature)).build()
}

/// Something that disco#items lists.
#[derive(Clone, Copy, Debug)]
pub struct Item<'a> {
    /// Where it is.
    pub jid: &'a BareJid,
    /// Which part of that address, if not the whole.
    pub node: Option<&'a str>,
    /// What people call it, if they do.
    pub name: Option<&'a str>,
}

/// The payload that answers disco#items (XEP-0030 §4). `node` is the request's.
#[must_use]
pub fn disco_items<'a>(items: impl IntoIterator<Item = Item<'a>>, node: Option<&str>) -> Element {
    let items = items.into_iter().map(|item| {
        Element::builder("item", ns::DISCO_ITEMS)
            .attr(xml_ncname!("jid").to_owned(), item.jid.as_str())
            .attr(node_name(), item.node)
            .attr(xml_ncname!("name").to_owned(), item.name.map(|name| sanitize(name).into_owned()))
            .build()
    });
    query(ns::DISCO_ITEMS, node).append_all(items).build()
}

fn query(namespace: &str, node: Option<&str>) -> ElementBuilder {
    Element::builder("query", namespace).attr(node_name(), node)
}

#[cfg(test)]
mod tests;
