//! Rooms.

use super::*;

fn told(inner: &str) -> Option<Occupant> {
    let xml = format!("<presence from='r@rooms.example/Alice' to='support@help.example'{inner}</presence>");
    match inbound(&element(&xml), DOMAIN) {
        Ok(Inbound::Occupant(occupant)) => Some(occupant),
        Ok(Inbound::Presence(_)) => None,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_room_tells_who_is_there() {
    let occupant = told(
        "><x xmlns='http://jabber.org/protocol/muc#user'><item affiliation='member' role='participant' \
         jid='alice@home.example/phone'/><status code='4711'/><status/></x>",
    );
    let expected = Occupant {
        at: "r@rooms.example/Alice".parse().unwrap(),
        to: "support@help.example".parse().unwrap(),
        is_there: true,
        jid: Some("alice@home.example".parse().unwrap()),
        is_self: false,
        is_created: false,
        is_owner: false,
    };
    assert_eq!(occupant, Some(expected.clone()));
    let own = told(
        "><x xmlns='http://jabber.org/protocol/muc#user'><item affiliation='owner' role='moderator'/>\
         <status code='201'/><status code='110'/></x>",
    );
    assert_eq!(own, Some(Occupant { jid: None, is_self: true, is_created: true, is_owner: true, ..expected.clone() }));
    let gone = told(" type='unavailable'><x xmlns='http://jabber.org/protocol/muc#user'><item jid='@'/></x>");
    assert_eq!(gone, Some(Occupant { jid: None, is_there: false, ..expected }));
    assert_eq!(told(" type='error'><x xmlns='http://jabber.org/protocol/muc#user'/>"), None);
    assert_eq!(told("><x xmlns='http://jabber.org/protocol/muc'/>"), None);
}

#[test]
fn what_is_said_in_a_room_is_no_chat() {
    let said = |from: &str, inner: &str| {
        let xml = format!("<message from='{from}' to='support@help.example' type='groupchat' id='1'>{inner}</message>");
        inbound(&element(&xml), DOMAIN)
    };
    let Ok(Inbound::RoomLine(line)) = said("r@rooms.example/Alice", "<body>Hello</body>") else { panic!() };
    assert_eq!((line.body.as_str(), line.id.as_deref(), line.stamp), ("Hello", Some("1"), None));
    // Only the room itself can say that it was said before.
    for (by, counts) in [("", false), ("from='r@rooms.example'", true), ("from='alice@home.example'", false)] {
        let delayed = format!("<body>Hello</body><delay xmlns='urn:xmpp:delay' {by} stamp='2026-11-23T00:00:00Z'/>");
        let Ok(Inbound::RoomLine(line)) = said("r@rooms.example/Alice", &delayed) else { panic!() };
        assert_eq!(line.stamp.is_some(), counts, "{by}");
    }
    // The room itself, and a new subject.
    assert_eq!(said("r@rooms.example", "<body>Locked</body>"), Err(Ignored::NoBody));
    for from in ["r@rooms.example/Alice", "r@rooms.example"] {
        let subject = Subject { at: from.parse().unwrap(), to: "support@help.example".parse().unwrap() };
        assert_eq!(said(from, "<subject/>"), Ok(Inbound::RoomSubject(subject)));
    }
}

#[test]
fn a_room_lists_who_may_come_in() {
    let answer = element(
        "<iq from='r@rooms.example' to='support@help.example' type='result' id='1'>\
         <query xmlns='http://jabber.org/protocol/muc#admin'><item affiliation='member' jid='ann@home.example'/>\
         <item jid='@'/><item/><bogus jid='bob@home.example'/></query></iq>",
    );
    assert_eq!(listed(&answer), ["ann@home.example".parse::<BareJid>().unwrap()]);
    assert!(listed(&element("<iq type='result'/>")).is_empty());
}
