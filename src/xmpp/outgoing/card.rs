//! How one of our addresses shows itself: its name, what it is, its picture. As vCard (XEP-0054), as vCard4 (XEP-0292),
//! and in what its presence carries.

use std::borrow::Cow;

use base64::{Engine, engine::general_purpose::STANDARD};
use jid::BareJid;
use xmpp_parsers::{minidom::Element, ns};

use super::{Badge, Identity, caps, disco_info, sanitize};
use crate::{helpdesk::Avatar, xmpp::stanza::VCARD4};

/// An address of ours, as others see it.
#[derive(Clone, Debug)]
pub struct Card<'a> {
    /// The domain, or an address on it.
    pub address: &'a BareJid,
    /// What it is.
    pub identity: Identity,
    /// What people call it.
    pub name: Cow<'a, str>,
    /// What it is for; may be empty.
    pub description: Cow<'a, str>,
    /// Its picture.
    pub avatar: Avatar,
}

impl Card<'_> {
    /// What its presence carries.
    #[must_use]
    pub fn badge(&self) -> Badge {
        Badge {
            from: self.address.clone(),
            nick: sanitize(&self.name).into_owned(),
            caps_node: caps_node(self.address),
            caps_ver: caps::ver(&disco_info(self, None)),
            avatar: self.avatar.sha1().to_owned(),
        }
    }

    /// The payload that answers a vCard request (XEP-0054).
    #[must_use]
    pub fn vcard(&self) -> Element {
        let part = |tag, text: &str| Element::builder(tag, ns::VCARD).append(text).build();
        let name = sanitize(&self.name);
        let photo = Element::builder("PHOTO", ns::VCARD)
            .append(part("TYPE", self.avatar.media_type()))
            .append(part("BINVAL", &STANDARD.encode(self.avatar.bytes())));
        Element::builder("vCard", ns::VCARD)
            .append(part("FN", &name))
            .append(part("NICKNAME", &name))
            .append(photo)
            .append(part("JABBERID", self.address.as_str()))
            .append_all(self.has_description().then(|| part("DESC", &sanitize(&self.description))))
            .build()
    }

    /// The same as vCard4 (XEP-0292). It is an application's (XEP-0292 §6, RFC 6473).
    #[must_use]
    pub fn vcard4(&self) -> Element {
        let part = |tag, kind, text: &str| {
            let value = Element::builder(kind, VCARD4).append(text).build();
            Element::builder(tag, VCARD4).append(value).build()
        };
        let name = sanitize(&self.name);
        let photo = format!("data:{};base64,{}", self.avatar.media_type(), STANDARD.encode(self.avatar.bytes()));
        Element::builder("vcard", VCARD4)
            .append(part("fn", "text", &name))
            .append(part("nickname", "text", &name))
            .append(part("photo", "uri", &photo))
            .append(part("impp", "uri", &format!("xmpp:{}", self.address)))
            .append(part("kind", "text", "application"))
            .append_all(self.has_description().then(|| part("note", "text", &sanitize(&self.description))))
            .build()
    }

    fn has_description(&self) -> bool {
        !self.description.trim().is_empty()
    }
}

/// The address of the service stands for the software that runs it: it is an URI, and tells more when it is asked.
fn caps_node(address: &BareJid) -> String {
    format!("xmpp:{}", address.domain())
}
