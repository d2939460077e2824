use proptest::prelude::*;

use super::*;
use crate::xmpp::stanza::{Inbound, PresenceKind, Show, inbound};

fn desk() -> BareJid {
    BareJid::new("support@help.example").unwrap()
}

fn customer() -> Jid {
    Jid::new("alice@home.example/phone").unwrap()
}

fn badge() -> Badge {
    Badge {
        from: desk(),
        nick: "Support".to_owned(),
        caps_node: "xmpp:help.example".to_owned(),
        caps_ver: "QgayPKawpkPSDYmwT/WM94uAlu0=".to_owned(),
        avatar: "a9993e364706816aba3e25717850c26c9cd0d89d".to_owned(),
    }
}

fn encoded(stanza: &Element) -> String {
    let mut out = BytesMut::new();
    encode(stanza, &mut out).unwrap();
    String::from_utf8(out.to_vec()).unwrap()
}

fn parsed(xml: &str) -> Element {
    let stream: Element = format!("<stream xmlns='jabber:component:accept'>{xml}</stream>").parse().unwrap();
    stream.children().next().unwrap().clone()
}

fn answer<'a>(from: &'a BareJid, to: &'a Jid, body: &'a str) -> Answer<'a> {
    Answer {
        id: Uuid::from_u128(7),
        from,
        to,
        body,
        thread: Some("t"),
        chat_states: true,
        link: None,
        replaces: None,
        reply: None,
    }
}

#[test]
fn an_answer_asks_for_what_we_need() {
    let xml = encoded(&message(&answer(&desk(), &customer(), "a < b & c")));
    let id = "00000000-0000-0000-0000-000000000007";
    let expected = parsed(&format!(
        "<message type='chat' id='{id}' from='support@help.example' to='alice@home.example/phone'><body>a &lt; b &amp; c</body>\
         <request xmlns='urn:xmpp:receipts'/><markable xmlns='urn:xmpp:chat-markers:0'/><origin-id xmlns='urn:xmpp:sid:0' id='{id}'/>\
         <thread>t</thread><active xmlns='http://jabber.org/protocol/chatstates'/></message>"
    ));
    assert_eq!(parsed(&xml), expected);
    assert!(xml.starts_with("<message "), "{xml}");
    assert!(!xml.contains("jabber:component:accept"), "the stream has declared it: {xml}");
}

#[test]
fn a_correction_names_what_it_replaces_and_a_retraction_what_it_takes_back() {
    let (desk, customer) = (desk(), customer());
    let first = Uuid::from_u128(3);
    let corrected = message(&Answer { replaces: Some(first), ..answer(&desk, &customer, "x") });
    let replace = corrected.get_child("replace", "urn:xmpp:message-correct:0").unwrap();
    assert_eq!(replace.attr("id"), Some("00000000-0000-0000-0000-000000000003"));
    let xml = encoded(&retraction(Uuid::from_u128(7), &desk, &customer, first, "Gone."));
    let id = "00000000-0000-0000-0000-000000000007";
    let expected = parsed(&format!(
        "<message type='chat' id='{id}' from='support@help.example' to='alice@home.example/phone'>\
         <retract xmlns='urn:xmpp:message-retract:1' id='00000000-0000-0000-0000-000000000003'/>\
         <fallback xmlns='urn:xmpp:fallback:0' for='urn:xmpp:message-retract:1'/><body>Gone.</body>\
         <origin-id xmlns='urn:xmpp:sid:0' id='{id}'/><store xmlns='urn:xmpp:hints'/></message>"
    ));
    assert_eq!(parsed(&xml), expected);
    assert!(!retraction(Uuid::from_u128(7), &desk, &customer, first, "").has_child("body", "jabber:component:accept"));
}

#[test]
fn a_reply_names_what_it_answers_and_its_quote_can_be_cut_out_again() {
    let (desk, customer) = (desk(), customer());
    let author = customer.to_bare();
    let text = "Wie geht\r\n\n\u{0}das? 🫖\n3\n4";
    let reply = Reply { to: &author, id: Some("q7"), text };
    let mut stanza = message(&Answer { reply: Some(reply), ..answer(&desk, &customer, "So: 🫖") });
    let body = stanza.get_child("body", "jabber:component:accept").unwrap().text();
    assert_eq!(body, "> Wie geht\n> \u{fffd}das? 🫖\n> 3\nSo: 🫖");
    let named = stanza.get_child("reply", "urn:xmpp:reply:0").unwrap();
    assert_eq!((named.attr("to"), named.attr("id")), (Some("alice@home.example"), Some("q7")));
    for (name, value) in [("from", "alice@home.example/phone"), ("to", "support@help.example")] {
        stanza.set_attr(rxml::Namespace::NONE, name.try_into().unwrap(), value);
    }
    let Inbound::Chat(read) = inbound(&parsed(&encoded(&stanza)), "help.example").unwrap() else { panic!("a chat") };
    assert_eq!((read.body.as_str(), read.reply_to.as_deref()), ("So: 🫖", Some("q7")));
    // Where the other side does not know the message, the quote is all that it has.
    let unknown = message(&Answer { reply: Some(Reply { id: None, ..reply }), ..answer(&desk, &customer, "So.") });
    assert!(unknown.get_child("body", "jabber:component:accept").unwrap().text().ends_with("> 3\nSo."));
    assert!(!unknown.children().any(|child| child.name() == "reply" || child.name() == "fallback"));
}

#[test]
fn an_answer_without_extras_has_none() {
    let (desk, customer) = (desk(), customer());
    let plain = message(&Answer { thread: None, chat_states: false, ..answer(&desk, &customer, "x") });
    assert_eq!(plain.children().map(Element::name).collect::<Vec<_>>(), ["body", "request", "markable", "origin-id"]);
}

#[test]
fn signals_read_back_as_what_they_are() {
    let swap = |mut stanza: Element| {
        // As if the customer had sent it to us.
        for (name, value) in [("from", "alice@home.example/phone"), ("to", "support@help.example")] {
            stanza.set_attr(rxml::Namespace::NONE, name.try_into().unwrap(), value);
        }
        inbound(&parsed(&encoded(&stanza)), "help.example").unwrap()
    };
    assert!(matches!(swap(receipt(&desk(), &customer(), "m")), Inbound::Receipt(receipt) if receipt.id == "m"));
    assert!(matches!(swap(displayed(&desk(), &customer(), "m")), Inbound::Marker(marker) if marker.id == "m"));
    let typing = swap(chat_state(&desk(), &customer(), State::Composing));
    assert!(matches!(typing, Inbound::ChatState(state) if state.state == State::Composing));
    for kind in [
        PresenceKind::Available { show: Some(Show::Away), status: Some("back at nine".into()), priority: 3 },
        PresenceKind::Available { show: None, status: None, priority: 0 },
        PresenceKind::Unavailable,
        PresenceKind::Subscribe,
        PresenceKind::Subscribed,
        PresenceKind::Unsubscribe,
        PresenceKind::Unsubscribed,
        PresenceKind::Probe,
    ] {
        let Inbound::Presence(got) = swap(presence(&badge(), &customer(), &kind).unwrap()) else { panic!() };
        assert_eq!(got.kind, kind);
    }
    assert_eq!(presence(&badge(), &customer(), &PresenceKind::Error), None);
}

#[test]
fn what_is_available_says_what_it_can_do_and_how_it_looks() {
    let away = PresenceKind::Available { show: Some(Show::Away), status: None, priority: 0 };
    let xml = encoded(&presence(&badge(), &customer(), &away).unwrap());
    let expected = "<presence from='support@help.example' to='alice@home.example/phone'><show>away</show>\
         <c xmlns='http://jabber.org/protocol/caps' hash='sha-1' node='xmpp:help.example' ver='QgayPKawpkPSDYmwT/WM94uAlu0='/>\
         <x xmlns='vcard-temp:x:update'><photo>a9993e364706816aba3e25717850c26c9cd0d89d</photo></x></presence>";
    assert_eq!(parsed(&xml), parsed(expected));
}

#[test]
fn the_name_is_in_a_request_for_a_subscription_and_nowhere_else() {
    let xml = encoded(&presence(&badge(), &customer(), &PresenceKind::Subscribe).unwrap());
    let expected = "<presence type='subscribe' from='support@help.example' to='alice@home.example/phone'>\
         <nick xmlns='http://jabber.org/protocol/nick'>Support</nick></presence>";
    assert_eq!(parsed(&xml), parsed(expected));
    for kind in [PresenceKind::Unavailable, PresenceKind::Subscribed, PresenceKind::Unsubscribed, PresenceKind::Probe] {
        assert_eq!(presence(&badge(), &customer(), &kind).unwrap().children().count(), 0, "{kind:?}");
    }
}

#[test]
fn other_payloads() {
    let desk = desk();
    let text =
        |element: &Element| element.children().map(|child| (child.name().to_owned(), child.text())).collect::<Vec<_>>();
    assert_eq!(
        text(&version("Deskbridge", "0.1")),
        [("name".into(), "Deskbridge".into()), ("version".into(), "0.1".into())]
    );
    let now = DateTime::from_timestamp(1_767_225_600, 5).unwrap();
    assert_eq!(text(&time(now)), [("tzo".into(), "+00:00".to_owned()), ("utc".into(), "2026-01-01T00:00:00Z".into())]);
    let fence = ping(&desk, &Jid::new("home.example").unwrap(), "fence-1");
    assert_eq!(encoded(&fence).matches("urn:xmpp:ping").count(), 1);
}

#[test]
fn only_what_is_illegal_is_replaced() {
    assert!(matches!(sanitize("plain\n\té😀\u{FFFD}"), Cow::Borrowed(_)));
    assert_eq!(
        sanitize("a\u{0}b\u{1}c\u{b}d\u{1f}e\u{FFFE}f\u{FFFF}"),
        "a\u{FFFD}b\u{FFFD}c\u{FFFD}d\u{FFFD}e\u{FFFD}f\u{FFFD}"
    );
    assert_eq!(sanitize("a\r\nb\rc\r\r\nd\r"), "a\nb\nc\n\nd\n");
}

#[test]
fn a_long_text_is_cut_at_a_character() {
    let fits = "é".repeat(MAX_TEXT_BYTES / 2);
    assert!(matches!(sanitize(&fits), Cow::Borrowed(_)));
    for text in [
        "é".repeat(MAX_TEXT_BYTES),
        "😀".repeat(20_000),
        "a".repeat(MAX_TEXT_BYTES + 1),
        "\u{1}".repeat(MAX_TEXT_BYTES),
    ] {
        let cut = sanitize(&text);
        assert!(cut.len() <= MAX_TEXT_BYTES && cut.len() > MAX_TEXT_BYTES - 8, "{}", cut.len());
        assert!(cut.ends_with('…'));
    }
}

#[test]
fn a_failure_leaves_the_buffer_as_it_was() {
    let mut out = BytesMut::from("before");
    let mut bad = Element::bare("message", ns::COMPONENT);
    bad.append_text_node("fine");
    bad.append_child(text_element("body", "fine"));
    bad.append_text_node("\u{1}");
    assert!(encode(&bad, &mut out).is_err());
    assert!(encode(&Element::bare("no name", ns::COMPONENT), &mut out).is_err());
    assert_eq!(out, "before");
    encode(&Element::bare("presence", ns::COMPONENT), &mut out).unwrap();
    assert_eq!(out, "before<presence></presence>");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_is_said_arrives(
        chars in prop::collection::vec(prop_oneof![any::<char>(), prop::char::range('\0', ' '), prop::char::range('\u{FFF0}', '\u{FFFF}')], 0..80),
        id in "[a-z&<'\" \n]{1,20}",
    ) {
        let text: String = chars.into_iter().collect();
        let (desk, customer) = (desk(), customer());
        let xml = encoded(&message(&answer(&desk, &customer, &text)));
        let back = parsed(&xml);
        prop_assert_eq!(back.get_child("body", ns::COMPONENT).unwrap().text(), sanitize(&text));
        let once = sanitize(&text);
        prop_assert_eq!(sanitize(&once), once.as_ref());
        let receipt = parsed(&encoded(&receipt(&desk, &customer, &id)));
        prop_assert_eq!(receipt.get_child("received", ns::RECEIPTS).unwrap().attr("id"), Some(&*id));
    }
}
