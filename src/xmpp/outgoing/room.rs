//! Rooms (XEP-0045) and the ways into them (XEP-0249).

use jid::{BareJid, FullJid, Jid};
use rxml::xml_ncname;
use uuid::Uuid;
use xmpp_parsers::{
    minidom::{Element, element::ElementBuilder},
    ns,
};

use super::{addressed, iq, sanitize, text_element};
use crate::xmpp::stanza::{MUC_ADMIN, MUC_USER};

/// XEP-0045.
const MUC: &str = "http://jabber.org/protocol/muc";
const MUC_OWNER: &str = "http://jabber.org/protocol/muc#owner";
/// What a room's configuration form calls itself (XEP-0045 §15.5.3).
const ROOM_CONFIG: &str = "http://jabber.org/protocol/muc#roomconfig";
/// XEP-0249.
pub(in crate::xmpp) const CONFERENCE: &str = "jabber:x:conference";

/// How much of what was said before we came a room repeats, in messages.
const HISTORY: &str = "100";

/// What somebody is to a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Affiliation {
    /// May come in.
    Member,
    /// May not; who is in is sent away (XEP-0045 §9.4).
    None,
}

impl Affiliation {
    const fn name(self) -> &'static str {
        match self {
            Self::Member => "member",
            Self::None => "none",
        }
    }
}

/// Enters a room under a name, or makes it (XEP-0045 §7.2, §10.1).
#[must_use]
pub fn join(from: &BareJid, as_whom: &FullJid) -> Element {
    let history = Element::builder("history", MUC).attr(xml_ncname!("maxstanzas").to_owned(), HISTORY).build();
    let join = Element::builder("x", MUC).append(history).build();
    addressed("presence", from, &as_whom.clone().into()).append(join).build()
}

/// Leaves a room.
#[must_use]
pub fn leave(from: &BareJid, as_whom: &FullJid) -> Element {
    let presence = addressed("presence", from, &as_whom.clone().into());
    presence.attr(xml_ncname!("type").to_owned(), "unavailable").build()
}

/// Makes a new room one for members only that nobody finds and that stays when all have left, where only we see who
/// somebody really is (XEP-0045 §10.1.3). Whether it keeps a public log is left to the service where
/// `mentions_log` is false: ejabberd refuses the whole form over that field when it has no such logs.
#[must_use]
pub fn configure(from: &BareJid, room: &BareJid, id: &str, title: &str, mentions_log: bool) -> Element {
    let title = sanitize(title);
    let fields = [
        ("FORM_TYPE", ROOM_CONFIG),
        ("muc#roomconfig_roomname", &title),
        ("muc#roomconfig_membersonly", "1"),
        // In a moderated room ejabberd 23.01 remembers the voice of who was sent away, and lets its owner in by it.
        ("muc#roomconfig_moderatedroom", "0"),
        ("muc#roomconfig_persistentroom", "1"),
        ("muc#roomconfig_publicroom", "0"),
        ("muc#roomconfig_whois", "moderators"),
        ("muc#roomconfig_allowinvites", "0"),
        ("muc#roomconfig_changesubject", "0"),
    ];
    let log = mentions_log.then_some(("muc#roomconfig_enablelogging", "0"));
    let field = |(var, value): (&str, &str)| {
        let value = Element::builder("value", ns::DATA_FORMS).append(value).build();
        Element::builder("field", ns::DATA_FORMS).attr(xml_ncname!("var").to_owned(), var).append(value).build()
    };
    let form = Element::builder("x", ns::DATA_FORMS)
        .attr(xml_ncname!("type").to_owned(), "submit")
        .append_all(fields.into_iter().chain(log).map(field));
    query(from, room, id, MUC_OWNER, form)
}

/// Lets somebody into a room, or takes that away (XEP-0045 §9.3, §9.4). One at a time: Prosody reads the first only.
#[must_use]
pub fn grant(from: &BareJid, room: &BareJid, id: &str, to: &BareJid, affiliation: Affiliation) -> Element {
    let item = Element::builder("item", MUC_ADMIN)
        .attr(xml_ncname!("affiliation").to_owned(), affiliation.name())
        .attr(xml_ncname!("jid").to_owned(), to.as_str());
    query(from, room, id, MUC_ADMIN, item)
}

/// Asks a room who was let in, as `member` or as `admin` (XEP-0045 §9.5, §10.8).
#[must_use]
pub fn list(from: &BareJid, room: &BareJid, id: &str, affiliation: &str) -> Element {
    let item = Element::builder("item", MUC_ADMIN).attr(xml_ncname!("affiliation").to_owned(), affiliation).build();
    let query = Element::builder("query", MUC_ADMIN).append(item).build();
    iq(from, &room.clone().into(), id, "get").append(query).build()
}

/// Ends a room; all who are in it read why (XEP-0045 §10.9).
#[must_use]
pub fn destroy(from: &BareJid, room: &BareJid, id: &str, reason: &str) -> Element {
    let reason = Element::builder("reason", MUC_OWNER).append(&*sanitize(reason)).build();
    query(from, room, id, MUC_OWNER, Element::builder("destroy", MUC_OWNER).append(reason))
}

fn query(from: &BareJid, room: &BareJid, id: &str, namespace: &str, payload: ElementBuilder) -> Element {
    let query = Element::builder("query", namespace).append(payload.build()).build();
    iq(from, &room.clone().into(), id, "set").append(query).build()
}

/// Invites somebody directly (XEP-0249).
#[must_use]
pub fn invite(from: &BareJid, to: &BareJid, room: &BareJid, reason: &str) -> Element {
    let invitation = Element::builder("x", CONFERENCE)
        .attr(xml_ncname!("jid").to_owned(), room.as_str())
        .attr(xml_ncname!("reason").to_owned(), &*sanitize(reason));
    let id = Uuid::now_v7().to_string();
    let message = addressed("message", from, &to.clone().into()).attr(xml_ncname!("id").to_owned(), id);
    message.append(invitation.build()).build()
}

/// Lets the room invite somebody (XEP-0045 §7.8.2), for clients that know nothing else.
#[must_use]
pub fn invite_by_room(from: &BareJid, to: &BareJid, room: &BareJid, reason: &str) -> Element {
    let reason = Element::builder("reason", MUC_USER).append(&*sanitize(reason)).build();
    let invite = Element::builder("invite", MUC_USER).attr(xml_ncname!("to").to_owned(), to.as_str()).append(reason);
    let told = Element::builder("x", MUC_USER).append(invite.build()).build();
    addressed("message", from, &room.clone().into()).append(told).build()
}

/// Something said in a room.
#[must_use]
pub fn room_line(from: &BareJid, room: &BareJid, body: &str) -> Element {
    groupchat(from, room).append(text_element("body", body)).build()
}

/// A new subject of a room.
#[must_use]
pub fn room_subject(from: &BareJid, room: &BareJid, subject: &str) -> Element {
    groupchat(from, room).append(text_element("subject", subject)).build()
}

fn groupchat(from: &BareJid, room: &BareJid) -> ElementBuilder {
    let id = Uuid::now_v7().to_string();
    addressed("message", from, &Jid::from(room.clone()))
        .attr(xml_ncname!("type").to_owned(), "groupchat")
        .attr(xml_ncname!("id").to_owned(), id)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn element(xml: &str) -> Element {
        let stream = format!("<stream xmlns='jabber:component:accept'>{xml}</stream>").parse::<Element>().unwrap();
        stream.children().next().unwrap().clone()
    }

    #[test]
    fn what_a_room_is_asked_for() {
        let from: BareJid = "support@help.example".parse().unwrap();
        let room: BareJid = "t-1@rooms.example".parse().unwrap();
        let alice: BareJid = "alice@home.example".parse().unwrap();
        let nick = room.with_resource_str("Tea Support").unwrap();
        for (stanza, expected) in [
            (
                join(&from, &nick),
                "<presence from='support@help.example' to='t-1@rooms.example/Tea Support'>\
                 <x xmlns='http://jabber.org/protocol/muc'><history maxstanzas='100'/></x></presence>",
            ),
            (
                leave(&from, &nick),
                "<presence from='support@help.example' to='t-1@rooms.example/Tea Support' type='unavailable'/>",
            ),
            (
                grant(&from, &room, "7", &alice, Affiliation::Member),
                "<iq from='support@help.example' to='t-1@rooms.example' id='7' type='set'>\
                 <query xmlns='http://jabber.org/protocol/muc#admin'>\
                 <item affiliation='member' jid='alice@home.example'/></query></iq>",
            ),
            (
                grant(&from, &room, "7", &alice, Affiliation::None),
                "<iq from='support@help.example' to='t-1@rooms.example' id='7' type='set'>\
                 <query xmlns='http://jabber.org/protocol/muc#admin'>\
                 <item affiliation='none' jid='alice@home.example'/></query></iq>",
            ),
            (
                list(&from, &room, "7", "admin"),
                "<iq from='support@help.example' to='t-1@rooms.example' id='7' type='get'>\
                 <query xmlns='http://jabber.org/protocol/muc#admin'><item affiliation='admin'/></query></iq>",
            ),
            (
                destroy(&from, &room, "8", "Over\u{0}"),
                "<iq from='support@help.example' to='t-1@rooms.example' id='8' type='set'>\
                 <query xmlns='http://jabber.org/protocol/muc#owner'><destroy><reason>Over\u{fffd}</reason></destroy>\
                 </query></iq>",
            ),
            (
                invite_by_room(&from, &alice, &room, "Come"),
                "<message from='support@help.example' to='t-1@rooms.example'>\
                 <x xmlns='http://jabber.org/protocol/muc#user'><invite to='alice@home.example'><reason>Come</reason>\
                 </invite></x></message>",
            ),
        ] {
            assert_eq!(stanza, element(expected));
        }
        let direct = invite(&from, &alice, &room, "Come");
        let invitation = direct.get_child("x", CONFERENCE).unwrap();
        assert_eq!((invitation.attr("jid"), invitation.attr("reason")), (Some("t-1@rooms.example"), Some("Come")));
        let form = configure(&from, &room, "9", "A & B", true);
        let form = form.get_child("query", MUC_OWNER).unwrap().get_child("x", ns::DATA_FORMS).unwrap();
        let value = |var: &str| {
            let field = form.children().find(|field| field.attr("var") == Some(var)).unwrap();
            field.get_child("value", ns::DATA_FORMS).unwrap().text()
        };
        assert_eq!(form.attr("type"), Some("submit"));
        assert_eq!((value("FORM_TYPE").as_str(), value("muc#roomconfig_membersonly").as_str()), (ROOM_CONFIG, "1"));
        assert_eq!(value("muc#roomconfig_roomname"), "A & B");
    }
}
