//! What a desk publishes, for clients that ask for it as they ask people's accounts: nodes of personal eventing (XEP-0163)
//! that are only read, each with one item. Nobody subscribes to them; the picture's hash in the presence is the notice.

use base64::{Engine, engine::general_purpose::STANDARD};
use rxml::xml_ncname;
use xmpp_parsers::{minidom::Element, ns};

use super::{Card, node_name};

/// A node that every desk has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Node {
    /// XEP-0084: the picture.
    AvatarData,
    /// XEP-0084: what the picture is.
    AvatarMetadata,
    /// XEP-0292.
    VCard4,
}

impl Node {
    /// All there are.
    pub const ALL: [Self; 3] = [Self::AvatarData, Self::AvatarMetadata, Self::VCard4];

    /// Its name on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::AvatarData => ns::AVATAR_DATA,
            Self::AvatarMetadata => ns::AVATAR_METADATA,
            Self::VCard4 => "urn:xmpp:vcard4",
        }
    }

    /// The one of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|node| node.name() == name)
    }

    /// The id of its item: a picture's hash (XEP-0084 §3.1), or that of an item that is alone (XEP-0060 §12.20).
    #[must_use]
    pub fn item_id<'a>(self, card: &'a Card<'_>) -> &'a str {
        match self {
            Self::AvatarData | Self::AvatarMetadata => card.avatar.sha1(),
            Self::VCard4 => "current",
        }
    }

    fn payload(self, card: &Card<'_>) -> Element {
        match self {
            Self::AvatarData => {
                Element::builder("data", ns::AVATAR_DATA).append(STANDARD.encode(card.avatar.bytes())).build()
            }
            Self::AvatarMetadata => {
                let info = Element::builder("info", ns::AVATAR_METADATA)
                    .attr(xml_ncname!("bytes").to_owned(), card.avatar.bytes().len().to_string())
                    .attr(xml_ncname!("id").to_owned(), card.avatar.sha1())
                    .attr(xml_ncname!("type").to_owned(), card.avatar.media_type())
                    .build();
                Element::builder("metadata", ns::AVATAR_METADATA).append(info).build()
            }
            Self::VCard4 => card.vcard4(),
        }
    }
}

/// The payload that answers a request for a node's items (XEP-0060 §6.5).
#[must_use]
pub fn published(card: &Card<'_>, node: Node) -> Element {
    let item = Element::builder("item", ns::PUBSUB)
        .attr(xml_ncname!("id").to_owned(), node.item_id(card))
        .append(node.payload(card));
    let items = Element::builder("items", ns::PUBSUB).attr(node_name(), node.name()).append(item);
    Element::builder("pubsub", ns::PUBSUB).append(items).build()
}
