//! Presence stanzas.

use jid::{BareJid, Jid};
use rxml::xml_ncname;
use xmpp_parsers::{minidom::Element, ns};

use super::{addressed, text_element};
use crate::xmpp::stanza::PresenceKind;

/// What an address's presence carries beside its words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Badge {
    /// Whose presence.
    pub from: BareJid,
    /// What people call it.
    pub nick: String,
    /// XEP-0115: what software this is, as a URI.
    pub caps_node: String,
    /// XEP-0115: the hash of what disco#info says.
    pub caps_ver: String,
    /// XEP-0153: the hash of the picture.
    pub avatar: String,
}

impl Badge {
    /// The node by which disco#info is asked for what [`Self::caps_ver`] stands for (XEP-0115 §6.2).
    #[must_use]
    pub fn caps(&self) -> String {
        format!("{}#{}", self.caps_node, self.caps_ver)
    }
}

/// A presence stanza. `Error` gives `None`: nobody is answered with it.
///
/// What is available says what it can do (XEP-0115) and how it looks (XEP-0153). The name goes into the request for a
/// subscription, so that a roster shows it, and nowhere else (XEP-0172 §4.1).
#[must_use]
pub fn presence(badge: &Badge, to: &Jid, kind: &PresenceKind) -> Option<Element> {
    let mut presence = addressed("presence", &badge.from, to);
    let word = match kind {
        PresenceKind::Available { show, status, priority } => {
            if let Some(show) = show {
                presence = presence.append(text_element("show", show.name()));
            }
            if let Some(status) = status {
                presence = presence.append(text_element("status", status));
            }
            if *priority != 0 {
                presence = presence.append(text_element("priority", &priority.to_string()));
            }
            return Some(presence.append(caps(badge)).append(update(badge)).build());
        }
        PresenceKind::Unavailable => "unavailable",
        PresenceKind::Subscribe => {
            presence = presence.append(Element::builder("nick", ns::NICK).append(&*badge.nick).build());
            "subscribe"
        }
        PresenceKind::Subscribed => "subscribed",
        PresenceKind::Unsubscribe => "unsubscribe",
        PresenceKind::Unsubscribed => "unsubscribed",
        PresenceKind::Probe => "probe",
        PresenceKind::Error => return None,
    };
    Some(presence.attr(xml_ncname!("type").to_owned(), word).build())
}

fn caps(badge: &Badge) -> Element {
    Element::builder("c", ns::CAPS)
        .attr(xml_ncname!("hash").to_owned(), "sha-1")
        .attr(xml_ncname!("node").to_owned(), &badge.caps_node)
        .attr(xml_ncname!("ver").to_owned(), &badge.caps_ver)
        .build()
}

fn update(badge: &Badge) -> Element {
    let photo = Element::builder("photo", ns::VCARD_UPDATE).append(&*badge.avatar).build();
    Element::builder("x", ns::VCARD_UPDATE).append(photo).build()
}
