//! Who we are: the answers to requests about our addresses themselves. Pure: from a request to a payload.

use jid::BareJid;
use xmpp_parsers::{minidom::Element, stanza_error::DefinedCondition};

use super::{
    outgoing::{self, Card, Identity, Item, Node},
    stanza::Request,
};
use crate::helpdesk::{Avatar, Desk, Helpdesk};

/// The software's name: what the domain is called, and what a version request is told.
pub(super) const SOFTWARE: &str = "Deskbridge";

/// Our addresses: the domain and its desks.
#[derive(Clone, Debug)]
pub(super) struct Directory<'a> {
    pub domain: &'a str,
    pub desks: Vec<&'a Desk>,
}

impl<'a> Directory<'a> {
    pub(super) fn of(helpdesk: &'a Helpdesk) -> Self {
        Self { domain: helpdesk.domain(), desks: helpdesk.desks().iter().map(|desk| -> &Desk { desk }).collect() }
    }

    /// The desk at an address, or `None` for the domain itself.
    ///
    /// # Errors
    /// `item-not-found` where nothing is.
    pub(super) fn at(&self, address: &BareJid) -> Result<Option<&'a Desk>, DefinedCondition> {
        match address.node() {
            None => Ok(None),
            Some(name) => {
                let desk = self.desks.iter().copied().find(|desk| desk.name == name.as_str());
                desk.map(Some).ok_or(DefinedCondition::ItemNotFound)
            }
        }
    }

    /// How an address shows itself.
    ///
    /// # Errors
    /// `item-not-found` where nothing is.
    pub(super) fn card(&self, address: &'a BareJid) -> Result<Card<'a>, DefinedCondition> {
        Ok(match self.at(address)? {
            Some(desk) => Card {
                address,
                identity: Identity::Desk,
                name: (&*desk.title).into(),
                description: (&*desk.description).into(),
                avatar: desk.avatar.clone(),
            },
            None => Card {
                address,
                identity: Identity::Domain,
                name: SOFTWARE.into(),
                description: format!("The desks at {}.", self.domain).into(),
                avatar: Avatar::default(),
            },
        })
    }

    /// The payload that answers a request about an address, or `None` if the request is about something else.
    ///
    /// # Errors
    /// `item-not-found` for an address, node or item that is not there.
    pub(super) fn answer(&self, to: &'a BareJid, request: &Request) -> Result<Option<Element>, DefinedCondition> {
        let card = self.card(to)?;
        Ok(Some(match request {
            Request::DiscoInfo { node } => info(&card, node.as_deref())?,
            Request::DiscoItems { node } => self.items(&card, node.as_deref())?,
            Request::VCard => card.vcard(),
            Request::VCard4 => card.vcard4(),
            Request::Items { node, ids } => {
                let node = published_at(&card, node.as_deref())?;
                if !ids.is_empty() && !ids.iter().any(|id| id == node.item_id(&card)) {
                    return Err(DefinedCondition::ItemNotFound);
                }
                outgoing::published(&card, node)
            }
            Request::Ping | Request::Version | Request::Time | Request::Command(_) | Request::Unknown => {
                return Ok(None);
            }
        }))
    }

    fn items(&self, card: &Card<'_>, node: Option<&str>) -> Result<Element, DefinedCondition> {
        if node.is_some() {
            // The one item that the node has (XEP-0060 §5.5).
            let at = published_at(card, node)?;
            let item = Item { jid: card.address, node: None, name: Some(at.item_id(card)) };
            return Ok(outgoing::disco_items([item], node));
        }
        if card.identity == Identity::Desk {
            let nodes = Node::ALL.map(|node| Item { jid: card.address, node: Some(node.name()), name: None });
            return Ok(outgoing::disco_items(nodes, None));
        }
        let address = |desk: &Desk| BareJid::new(&format!("{}@{}", desk.name, self.domain)).ok();
        let desks: Vec<_> = self.desks.iter().filter_map(|desk| Some((address(desk)?, &*desk.title))).collect();
        let desks = desks.iter().map(|(jid, title)| Item { jid, node: None, name: Some(title) });
        Ok(outgoing::disco_items(desks, None))
    }
}

fn info(card: &Card<'_>, node: Option<&str>) -> Result<Element, DefinedCondition> {
    match node {
        None => Ok(outgoing::disco_info(card, None)),
        Some(name) => match published_at(card, node) {
            Ok(node) => Ok(outgoing::node_info(node)),
            // The node of the caps, which stands for the whole (XEP-0115 §6.2).
            Err(_) if card.badge().caps() == name => Ok(outgoing::disco_info(card, node)),
            Err(nothing) => Err(nothing),
        },
    }
}

/// The node of this name, if the address has it: the domain publishes nothing.
fn published_at(card: &Card<'_>, node: Option<&str>) -> Result<Node, DefinedCondition> {
    let node = node.filter(|_| card.identity == Identity::Desk).and_then(Node::named);
    node.ok_or(DefinedCondition::ItemNotFound)
}

#[cfg(test)]
mod tests;
