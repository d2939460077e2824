use proptest::{prelude::*, sample::select};
use xmpp_parsers::stanza_error::DefinedCondition;

use super::*;
use crate::xmpp::gate::{Head, Reason, Rejected};

const DOMAIN: &str = "help.example";

fn element(xml: &str) -> Element {
    let stream = format!("<stream xmlns='jabber:component:accept'>{xml}</stream>").parse::<Element>().unwrap();
    stream.children().next().unwrap().clone()
}

/// Adds addresses to a stanza that is written without them.
fn read(xml: &str) -> Result<Inbound, Ignored> {
    let xml = xml.replacen(' ', " from='alice@home.example/phone' to='support@help.example' ", 1);
    inbound(&element(&xml), DOMAIN)
}

fn chat(inner: &str) -> Chat {
    match read(&format!("<message type='chat' id='m1'>{inner}</message>")) {
        Ok(Inbound::Chat(chat)) => *chat,
        other => panic!("{other:?}"),
    }
}

fn body(inner: &str) -> String {
    chat(inner).body
}

#[test]
fn a_plain_chat() {
    let chat = chat("<body>Hello</body>");
    assert_eq!(chat.from.as_str(), "alice@home.example/phone");
    assert_eq!(chat.to.as_str(), "support@help.example");
    assert_eq!(chat.id.as_deref(), Some("m1"));
    assert_eq!(chat.body, "Hello");
    assert!(!chat.wants_receipt && !chat.markable && !chat.supports_chat_states && !chat.encrypted);
    assert_eq!((chat.stamp, chat.thread, chat.reply_to, chat.replaces), (None, None, None, None));
    assert_eq!((chat.archive_id, chat.origin_id), (None, None));
}

#[test]
fn what_a_client_really_sends() {
    let chat = chat(
        "<body>Hi</body><request xmlns='urn:xmpp:receipts'/><markable xmlns='urn:xmpp:chat-markers:0'/>\
         <active xmlns='http://jabber.org/protocol/chatstates'/><origin-id xmlns='urn:xmpp:sid:0' id='o1'/>\
         <stanza-id xmlns='urn:xmpp:sid:0' id='s1' by='alice@home.example'/><thread>t1</thread>\
         <delay xmlns='urn:xmpp:delay' stamp='2026-01-02T03:04:05.678+01:00'/>\
         <replace xmlns='urn:xmpp:message-correct:0' id='m0'/>",
    );
    assert!(chat.wants_receipt && chat.markable && chat.supports_chat_states);
    assert_eq!(chat.origin_id.as_deref(), Some("o1"));
    assert_eq!(chat.archive_id.as_deref(), Some("alice@home.example s1"));
    assert_eq!(chat.thread.as_deref(), Some("t1"));
    assert_eq!(chat.replaces.as_deref(), Some("m0"));
    assert_eq!(chat.stamp.unwrap().to_rfc3339(), "2026-01-02T02:04:05.678+00:00");
}

#[test]
fn types_that_count_and_types_that_do_not() {
    for kind in ["", "type='chat'", "type='normal'", "type='bogus'"] {
        assert!(matches!(read(&format!("<message {kind}><body>x</body></message>")), Ok(Inbound::Chat(_))), "{kind}");
    }
    assert_eq!(read("<message type='headline'><body>x</body></message>"), Err(Ignored::Headline));
    assert_eq!(read("<message type='groupchat'><body>x</body></message>"), Err(Ignored::Groupchat));
    assert!(matches!(read("<message type='error'><body>x</body></message>"), Ok(Inbound::Bounce(_))));
}

#[test]
fn addresses_must_be_there_and_right() {
    let go = |attributes: &str| inbound(&element(&format!("<message {attributes}><body>x</body></message>")), DOMAIN);
    assert_eq!(go("to='help.example'"), Err(Ignored::NoSender));
    assert_eq!(go("to='help.example' from='@@'"), Err(Ignored::NoSender));
    // Normalised once it is another's address, and that is normalised again.
    assert_eq!(go("to='help.example' from='\u{1F130}lice@b'"), Err(Ignored::NoSender));
    assert_eq!(go("from='a@b'"), Err(Ignored::NoRecipient));
    assert_eq!(go("from='a@b' to='x@elsewhere.example'"), Err(Ignored::NotOurs));
    assert_eq!(go("from='a@help.example' to='help.example'"), Err(Ignored::OwnEcho));
    let Ok(Inbound::Chat(chat)) = go("from='b.example' to='Help.Example/res'") else { panic!() };
    assert_eq!((chat.from.as_str(), chat.to.as_str()), ("b.example", "help.example"));
}

#[test]
fn what_is_no_stanza_is_ignored() {
    for xml in
        ["<handshake/>", "<message xmlns='x' from='a@b' to='help.example'/>", "<bogus from='a@b' to='help.example'/>"]
    {
        assert_eq!(inbound(&element(xml), DOMAIN), Err(Ignored::NotAStanza), "{xml}");
    }
    assert_eq!(Ignored::NotAStanza.to_string(), "not a stanza");
}

#[test]
fn the_best_body_is_taken() {
    assert_eq!(body("<body xml:lang='de'>a</body><body>b</body><body xml:lang='en'>c</body>"), "b");
    assert_eq!(body("<body xml:lang='de'>a</body><body xml:lang='en'>c</body>"), "c");
    assert_eq!(body("<body xml:lang='de'>a</body><body xml:lang='fr'>c</body>"), "a");
    assert_eq!(body("<body>one</body><body>two</body>"), "one");
    assert_eq!(body("<body xml:lang='en'>one</body><body xml:lang='en'>two</body>"), "one");
    assert_eq!(body("<body> </body><body xml:lang='de'>a</body>"), "a");
    assert_eq!(body("<body xmlns='other'>a</body><body>b</body>"), "b");
}

#[test]
fn a_body_is_trimmed_at_its_end_only() {
    assert_eq!(body("<body>  a\n b \n\t </body>"), "  a\n b");
    assert_eq!(body("<body>x<b>y</b></body>"), "x");
    assert_eq!(body("loose text<body>x</body>"), "x");
    for blank in ["", "<body/>", "<body> \n\u{A0}</body>", "<subject>s</subject>"] {
        assert_eq!(read(&format!("<message type='chat'>{blank}</message>")), Err(Ignored::NoBody), "{blank}");
    }
    let mut nul = element("<message from='a@b' to='help.example'><body/></message>");
    nul.children_mut().next().unwrap().append_text_node("a\0b\0");
    let Ok(Inbound::Chat(chat)) = inbound(&nul, DOMAIN) else { panic!() };
    assert_eq!(chat.body, "ab");
}

#[test]
fn a_receipt_is_due_only_for_what_has_an_id() {
    let wants = |attributes: &str| {
        let request = "<body>x</body><request xmlns='urn:xmpp:receipts'/>";
        match read(&format!("<message {attributes}>{request}</message>")) {
            Ok(Inbound::Chat(chat)) => chat.wants_receipt,
            other => panic!("{other:?}"),
        }
    };
    assert!(wants("id='1'"));
    assert!(!wants(""));
    assert!(!wants("id=''"));
    assert!(!wants(&format!("id='{}'", "i".repeat(MAX_ID_BYTES + 1))));
}

#[test]
fn copies_are_ignored() {
    for copy in [
        "<result xmlns='urn:xmpp:mam:2'/>",
        "<sent xmlns='urn:xmpp:carbons:2'/>",
        "<received xmlns='urn:xmpp:carbons:2'/>",
    ] {
        let xml = format!("<message id='1'><body>x</body><request xmlns='urn:xmpp:receipts'/>{copy}</message>");
        assert_eq!(read(&xml), Err(Ignored::Archived));
    }
}

#[test]
fn only_archives_on_the_way_are_believed() {
    let by = |archives: &[&str]| {
        let ids: String =
            archives.iter().map(|by| format!("<stanza-id xmlns='urn:xmpp:sid:0' id='7' by='{by}'/>")).collect();
        chat(&format!("<body>x</body>{ids}")).archive_id
    };
    for good in ["support@help.example", "help.example", "alice@home.example", "home.example", "ALICE@home.example"] {
        assert_eq!(by(&[good]), Some(format!("{} 7", good.to_lowercase())));
    }
    for bad in ["eve@home.example", "evil.example", "alice@home.example/phone", "", "@@"] {
        assert_eq!(by(&[bad]), None, "{bad}");
    }
    assert_eq!(by(&["home.example", "evil.example", "support@help.example"]).unwrap(), "support@help.example 7");
    assert_eq!(chat("<body>x</body><stanza-id xmlns='urn:xmpp:sid:0' by='home.example'/>").archive_id, None);
}

#[test]
fn ill_typed_extras_are_left_out() {
    assert_eq!(chat("<body>x</body><delay xmlns='urn:xmpp:delay' stamp='garbage'/>").stamp, None);
    assert_eq!(chat("<body>x</body><delay xmlns='urn:xmpp:delay'/>").stamp, None);
    assert_eq!(chat("<body>x</body><thread>1</thread><thread>2</thread>").thread.as_deref(), Some("1"));
    assert_eq!(chat("<body>x</body><thread> </thread>").thread, None);
    assert_eq!(chat("<body>x</body><replace xmlns='urn:xmpp:message-correct:0'/>").replaces, None);
    assert_eq!(body("<body>x</body><subject>1</subject><subject>2</subject>"), "x");
    let long = "i".repeat(MAX_ID_BYTES + 1);
    assert_eq!(chat(&format!("<body>x</body><origin-id xmlns='urn:xmpp:sid:0' id='{long}'/>")).origin_id, None);
}

#[test]
fn a_reply_s_quote_is_stripped() {
    let reply = |body: &str, fallback: &str| {
        let chat = chat(&format!(
            "<body>{body}</body><reply xmlns='urn:xmpp:reply:0' to='support@help.example' id='q'/>{fallback}"
        ));
        assert_eq!(chat.reply_to.as_deref(), Some("q"));
        chat.body
    };
    let range = |start: &str, end: &str| {
        format!(
            "<fallback xmlns='urn:xmpp:fallback:0' for='urn:xmpp:reply:0'><body start='{start}' end='{end}'/></fallback>"
        )
    };
    let quote = "&gt; é😀\nYes";
    assert_eq!(reply(quote, &range("0", "5")), "Yes");
    assert_eq!(reply(quote, ""), "> é😀\nYes");
    // Ranges that make no sense.
    for (start, end) in
        [("5", "0"), ("-1", "5"), ("x", "5"), ("0", "y"), ("3", "3"), ("900", "1000"), ("0", "99999999999999999999999")]
    {
        assert_eq!(reply(quote, &range(start, end)), "> é😀\nYes", "{start}-{end}");
    }
    assert_eq!(reply(quote, &range("4", "900")), "> é😀");
    // All of it: then the words are not only a quote.
    assert_eq!(reply(quote, &range("0", "900")), "> é😀\nYes");
    assert_eq!(reply(quote, "<fallback xmlns='urn:xmpp:fallback:0' for='urn:xmpp:reply:0'/>"), "> é😀\nYes");
    // Several, overlapping and out of order.
    assert_eq!(reply("abcdefgh", &format!("{}{}{}", range("4", "6"), range("0", "2"), range("1", "3"))), "dgh");
    // For something else, or without a reply.
    assert_eq!(reply("abc", &range("0", "1").replace("reply:0", "other:0")), "abc");
    assert_eq!(body(&format!("<body>abc</body>{}", range("0", "1"))), "abc");
}

#[test]
fn a_reaction_s_fallback_is_no_question() {
    let reaction = "<body>👍</body><reactions xmlns='urn:xmpp:reactions:0' id='q'><reaction>👍</reaction></reactions>\
                    <fallback xmlns='urn:xmpp:fallback:0' for='urn:xmpp:reactions:0'><body/></fallback>";
    assert_eq!(read(&format!("<message type='chat'>{reaction}</message>")), Err(Ignored::NoBody));
}

#[test]
fn encryption_is_seen() {
    let omemo = "<encrypted xmlns='eu.siacs.conversations.axolotl'><header/><payload>aGk=</payload></encrypted>";
    let hint = "<encryption xmlns='urn:xmpp:eme:0' namespace='eu.siacs.conversations.axolotl'/>";
    assert!(chat(&format!("<body>I sent you an OMEMO message</body>{omemo}{hint}")).encrypted);
    assert!(chat(&format!("<body>x</body>{hint}")).encrypted);
    let bare = chat(omemo);
    assert!(bare.encrypted && bare.body.is_empty());
    assert!(chat("<body>x</body><x xmlns='jabber:x:encrypted'>aGk=</x>").encrypted);
    assert!(chat("<openpgp xmlns='urn:xmpp:openpgp:0'>aGk=</openpgp>").encrypted);
    assert!(chat("<body>?OTRv23?</body>").encrypted);
    // Only keys, or only a hint: nobody has said anything.
    for nothing in ["<encrypted xmlns='eu.siacs.conversations.axolotl'><header/></encrypted>", hint] {
        assert_eq!(read(&format!("<message type='chat'>{nothing}</message>")), Err(Ignored::NoBody));
    }
}

#[test]
fn receipts_markers_and_states() {
    let go = |inner: &str| read(&format!("<message type='chat' id='x'>{inner}</message>"));
    let Ok(Inbound::Receipt(receipt)) = go("<received xmlns='urn:xmpp:receipts' id='a'/>") else { panic!() };
    assert_eq!((receipt.id.as_str(), receipt.from.as_str()), ("a", "alice@home.example/phone"));
    for (name, kind) in [
        ("received", MarkerKind::Received),
        ("displayed", MarkerKind::Displayed),
        ("acknowledged", MarkerKind::Acknowledged),
    ] {
        let Ok(Inbound::Marker(marker)) = go(&format!("<{name} xmlns='urn:xmpp:chat-markers:0' id='a'/>")) else {
            panic!()
        };
        assert_eq!((marker.id.as_str(), marker.kind), ("a", kind));
    }
    for state in State::ALL {
        let xml = format!("<{} xmlns='http://jabber.org/protocol/chatstates'/>", state.name());
        let Ok(Inbound::ChatState(got)) = go(&xml) else { panic!() };
        assert_eq!(got.state, state);
    }
    for nothing in [
        "<received xmlns='urn:xmpp:receipts'/>",
        "<displayed xmlns='urn:xmpp:chat-markers:0' id=''/>",
        "<bogus xmlns='http://jabber.org/protocol/chatstates'/>",
    ] {
        assert_eq!(go(nothing), Err(Ignored::NoBody));
    }
}

#[test]
fn retractions_never_become_text() {
    for retract in [
        "<retract xmlns='urn:xmpp:message-retract:1' id='a'/>",
        "<apply-to xmlns='urn:xmpp:fasten:0' id='a'><retract xmlns='urn:xmpp:message-retract:0'/></apply-to>",
    ] {
        let Ok(Inbound::Retraction(got)) =
            read(&format!("<message type='chat'>{retract}<body>/me retracted</body></message>"))
        else {
            panic!()
        };
        assert_eq!(got.retracts, "a");
    }
}

#[test]
fn bounces_say_why() {
    let go = |inner: &str| match read(&format!("<message type='error' id='a'>{inner}</message>")) {
        Ok(Inbound::Bounce(bounce)) => bounce,
        other => panic!("{other:?}"),
    };
    let stanzas = "urn:ietf:params:xml:ns:xmpp-stanzas";
    let full = go(&format!(
        "<body>mine</body><error type='wait'><text xmlns='{stanzas}'> later </text><resource-constraint xmlns='{stanzas}'/></error>"
    ));
    assert_eq!(
        (full.id.as_deref(), full.condition, full.text.as_deref()),
        (Some("a"), "resource-constraint", Some("later"))
    );
    assert!(full.temporary);
    for odd in ["", "<error/>", &format!("<error type='x'><bogus xmlns='{stanzas}'/></error>")] {
        let bounce = go(odd);
        assert_eq!((bounce.condition, bounce.text, bounce.temporary), ("undefined-condition", None, false));
    }
    let long = go(&format!("<error><text xmlns='{stanzas}'>{}</text></error>", "é".repeat(1000)));
    assert_eq!(long.text.unwrap().len(), 512);
}

fn presence(xml: &str) -> PresenceKind {
    match read(xml) {
        Ok(Inbound::Presence(presence)) => presence.kind,
        other => panic!("{other:?}"),
    }
}

#[test]
fn presence_in_all_its_kinds() {
    let plain = PresenceKind::Available { show: None, status: None, priority: 0 };
    assert_eq!(presence("<presence />"), plain);
    assert_eq!(
        presence("<presence ><show>xa</show><status> gone </status><priority>-5</priority></presence>"),
        PresenceKind::Available { show: Some(Show::Xa), status: Some("gone".into()), priority: -5 }
    );
    for show in Show::ALL {
        let PresenceKind::Available { show: got, .. } =
            presence(&format!("<presence ><show>{}</show></presence>", show.name()))
        else {
            panic!()
        };
        assert_eq!(got, Some(show));
    }
    for odd in [
        "<show>bogus</show>",
        "<show/>",
        "<priority>1000</priority>",
        "<priority/>",
        "<priority>x</priority>",
        "<status/>",
        "loose",
    ] {
        assert_eq!(presence(&format!("<presence >{odd}</presence>")), plain, "{odd}");
    }
    for (kind, expected) in [
        ("unavailable", PresenceKind::Unavailable),
        ("subscribe", PresenceKind::Subscribe),
        ("subscribed", PresenceKind::Subscribed),
        ("unsubscribe", PresenceKind::Unsubscribe),
        ("unsubscribed", PresenceKind::Unsubscribed),
        ("probe", PresenceKind::Probe),
        ("error", PresenceKind::Error),
    ] {
        assert_eq!(presence(&format!("<presence type='{kind}'/>")), expected);
    }
    assert_eq!(read("<presence type='bogus'/>"), Err(Ignored::UnknownType));
}

#[test]
fn requests_are_known_by_their_payload() {
    let get = |payload: &str| match read(&format!("<iq type='get' id='q'>{payload}</iq>")) {
        Ok(Inbound::Iq(Iq { kind: IqKind::Get(request), id, .. })) if id == "q" => request,
        other => panic!("{other:?}"),
    };
    assert_eq!(get("<query xmlns='http://jabber.org/protocol/disco#info'/>"), Request::DiscoInfo { node: None });
    assert_eq!(
        get("<query xmlns='http://jabber.org/protocol/disco#items' node='n'/>"),
        Request::DiscoItems { node: Some("n".into()) }
    );
    assert_eq!(get("<ping xmlns='urn:xmpp:ping'/>"), Request::Ping);
    assert_eq!(get("<query xmlns='jabber:iq:version'/>"), Request::Version);
    assert_eq!(get("<time xmlns='urn:xmpp:time'/>"), Request::Time);
    assert_eq!(get("<vCard xmlns='vcard-temp'/>"), Request::VCard);
    assert_eq!(get("loose <a xmlns='x'/> text"), Request::Unknown);
    assert!(matches!(
        read("<iq type='set' id='q'><a xmlns='x'/></iq>"),
        Ok(Inbound::Iq(Iq { kind: IqKind::Set(Request::Unknown), .. }))
    ));
    assert!(
        matches!(read("<iq type='get' id=''><ping xmlns='urn:xmpp:ping'/></iq>"), Ok(Inbound::Iq(Iq { id, .. })) if id.is_empty())
    );
}

#[test]
fn malformed_requests_can_be_answered() {
    for xml in [
        "<iq type='get' id='q'/>",
        "<iq type='get' id='q'><a xmlns='x'/><b xmlns='x'/></iq>",
        "<iq type='foo' id='q'><a xmlns='x'/></iq>",
        "<iq id='q'/>",
    ] {
        let Ok(Inbound::Malformed(got)) = read(xml) else { panic!("{xml}") };
        assert_eq!(got.id.as_deref(), Some("q"));
    }
    let Ok(Inbound::Malformed(got)) = read("<iq type='get'><ping xmlns='urn:xmpp:ping'/></iq>") else { panic!() };
    assert_eq!(got.id, None);
}

#[test]
fn answers_to_our_requests() {
    let go = |xml: &str| match read(xml) {
        Ok(Inbound::IqReply(reply)) => (reply.id, reply.is_error),
        other => panic!("{other:?}"),
    };
    assert_eq!(go("<iq type='result' id='q'/>"), ("q".into(), false));
    assert_eq!(go("<iq type='error' id='q4'/>"), ("q4".into(), true));
    assert_eq!(
        go(
            "<iq type='error' id='q5'><error type='cancel'><bogus xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>"
        ),
        ("q5".into(), true)
    );
    assert_eq!(read("<iq type='result'/>"), Err(Ignored::NoId));
}

#[test]
fn an_error_answers_what_may_be_answered() {
    let asked = element("<iq from='a@b/c' to='support@help.example' type='get' id='q&apos;'/>");
    let reply = error_reply(&asked, DOMAIN, DefinedCondition::ServiceUnavailable.into()).unwrap();
    let expected = element(
        "<iq from='support@help.example' to='a@b/c' type='error' id=\"q'\"><error type='cancel'>\
         <service-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>\
         <text xmlns='urn:ietf:params:xml:ns:xmpp-stanzas' xml:lang='en'>This address does not offer that service. You \
         can write to it.</text></error></iq>",
    );
    assert_eq!(reply, expected);
    let condition = |xml: &str| error_reply(&element(xml), DOMAIN, DefinedCondition::BadRequest.into());
    assert!(condition("<message from='a@b' to='help.example'/>").unwrap().attr("id").is_none());
    for never in [
        "<iq from='a@b' to='help.example' type='result' id='q'/>",
        "<iq from='a@b' to='help.example' type='error' id='q'/>",
        "<iq from='a@b' to='help.example' type='get'/>",
        "<message from='a@b' to='help.example' type='error'/>",
        "<message from='a@b' to='help.example' type='headline'/>",
        "<message from='a@b' to='help.example' type='groupchat'/>",
        "<message from='a@b' to='foreign.example'/>",
        "<message from='x@help.example' to='help.example'/>",
        "<message to='help.example'/>",
        "<presence from='a@b' to='help.example'/>",
        "<handshake from='a@b' to='help.example'/>",
    ] {
        assert_eq!(condition(never), None, "{never}");
    }
}

#[test]
fn a_kept_back_stanza_is_answered_alike() {
    let head = |name: &str, kind: Option<&str>, id: Option<&str>| Head {
        name: name.into(),
        from: Jid::new("eve@evil.example/x").ok(),
        to: Jid::new("support@help.example").ok(),
        id: id.map(Into::into),
        kind: kind.map(Into::into),
    };
    let go = |reason, head| error_for_rejected(&Rejected { reason, head, unreported: 0 }, DOMAIN);
    let reply = go(Reason::TooLarge, Some(head("message", Some("chat"), Some("m")))).unwrap();
    let expected = element(
        "<message from='support@help.example' to='eve@evil.example/x' type='error' id='m'><error type='modify'>\
         <policy-violation xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>\
         <text xmlns='urn:ietf:params:xml:ns:xmpp-stanzas' xml:lang='en'>Your message or request was not taken: the \
         stanza is too large.</text></error></message>",
    );
    assert_eq!(reply, expected);
    // Who sends too much may try again later.
    let reply = go(Reason::TooMuch, Some(head("message", None, Some("m")))).unwrap();
    assert_eq!(reply.children().next().unwrap().attr("type"), Some("wait"));
    let reply = go(Reason::Malformed, Some(head("iq", Some("set"), Some("m")))).unwrap();
    assert!(reply.children().next().unwrap().has_child("bad-request", ns::XMPP_STANZAS));
    assert_eq!(go(Reason::TooLarge, Some(head("iq", Some("get"), None))), None);
    assert_eq!(go(Reason::TooLarge, Some(head("message", Some("error"), None))), None);
    assert_eq!(go(Reason::OutsideStanza, None), None);
}

/// Names, namespaces, attributes and texts of XMPP, and some that are not.
fn tree() -> impl Strategy<Value = Element> {
    let name = select(vec![
        "message",
        "presence",
        "iq",
        "body",
        "subject",
        "thread",
        "show",
        "status",
        "priority",
        "error",
        "text",
        "gone",
        "received",
        "request",
        "markable",
        "displayed",
        "active",
        "composing",
        "delay",
        "stanza-id",
        "origin-id",
        "replace",
        "reply",
        "fallback",
        "retract",
        "apply-to",
        "encrypted",
        "payload",
        "encryption",
        "openpgp",
        "x",
        "query",
        "ping",
        "time",
        "vCard",
        "result",
        "reactions",
        "q",
    ]);
    let namespace = select(vec![
        "jabber:component:accept",
        "jabber:component:accept",
        "jabber:client",
        "urn:xmpp:receipts",
        "urn:xmpp:chat-markers:0",
        "http://jabber.org/protocol/chatstates",
        "urn:xmpp:delay",
        "urn:xmpp:sid:0",
        "urn:xmpp:message-correct:0",
        "urn:xmpp:reply:0",
        "urn:xmpp:fallback:0",
        "urn:xmpp:message-retract:1",
        "urn:xmpp:fasten:0",
        "eu.siacs.conversations.axolotl",
        "urn:xmpp:eme:0",
        "urn:ietf:params:xml:ns:xmpp-stanzas",
        "http://jabber.org/protocol/disco#info",
        "urn:xmpp:ping",
        "urn:xmpp:reactions:0",
        "",
        "x",
    ]);
    let attribute = select(vec!["from", "to", "id", "type", "by", "stamp", "start", "end", "for", "node", "a"]);
    let value = prop_oneof![
        4 => select(vec![
            "a@b/c", "support@help.example", "help.example", "chat", "error", "get", "set", "result", "subscribe", "bogus", "", "1", "-1",
            "0", "99999999999999999999", "2026-01-01T00:00:00Z", "2026-13-01T00:00:60Z", "urn:xmpp:reply:0", "urn:xmpp:reactions:0",
        ])
        .prop_map(str::to_owned),
        1 => any::<String>(),
    ];
    let text = prop_oneof![
        select(vec!["", " ", "hello", "é😀\n> x", "xa", "-129", "?OTR", "\0"]).prop_map(str::to_owned),
        any::<String>()
    ];
    let attributes = prop::collection::vec((attribute, value), 0..5);
    let shape = move |children: Vec<Element>,
                      (name, namespace, attributes, text): (&str, &str, Vec<(&str, String)>, String)| {
        let mut element = Element::bare(name, namespace);
        for (name, value) in attributes {
            element.attrs_mut().insert(rxml::Namespace::NONE, name.try_into().unwrap(), value);
        }
        element.append_text_node(text);
        for child in children {
            element.append_child(child);
        }
        element
    };
    let head = (name, namespace, attributes, text).boxed();
    let leaf = head.clone().prop_map(move |head| shape(Vec::new(), head));
    leaf.prop_recursive(3, 24, 6, move |inner| {
        (prop::collection::vec(inner, 0..6), head.clone()).prop_map(move |(children, head)| shape(children, head))
    })
}

/// A tree made a stanza with valid addresses, so that it is looked into.
fn stanza() -> impl Strategy<Value = Element> {
    (
        select(vec!["message", "message", "presence", "iq"]),
        prop::option::of(select(vec!["chat", "error", "get", "set", "result", "bogus"])),
        prop::collection::vec(tree(), 0..6),
    )
        .prop_map(|(name, kind, children)| {
            let kind = kind.map(|kind| format!("type='{kind}'")).unwrap_or_default();
            let mut stanza =
                element(&format!("<{name} from='alice@home.example/phone' to='support@help.example' id='1' {kind}/>"));
            for child in children {
                stanza.append_child(child);
            }
            stanza
        })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_tree_makes_it_panic(tree in prop_oneof![tree(), stanza()]) {
        match inbound(&tree, DOMAIN) {
            Ok(Inbound::Chat(chat)) => {
                prop_assert!(chat.encrypted || !chat.body.trim().is_empty());
                prop_assert!(!chat.body.contains('\0'));
                prop_assert!(!chat.wants_receipt || chat.id.is_some());
            }
            Ok(other) => drop(format!("{other:?}")),
            Err(ignored) => prop_assert!(!ignored.to_string().is_empty()),
        }
        if let Some(reply) = error_reply(&tree, DOMAIN, DefinedCondition::BadRequest.into()) {
            prop_assert_eq!(reply.attr("type"), Some("error"));
            prop_assert_eq!(error_reply(&reply, "b", DefinedCondition::BadRequest.into()), None);
        }
    }
}
