//! Chat messages.

use super::*;

#[test]
fn a_plain_chat() {
    let chat = chat("<body>Hello</body>");
    assert_eq!(chat.from.as_str(), "alice@home.example/phone");
    assert_eq!(chat.to.as_str(), "support@help.example");
    assert_eq!(chat.id.as_deref(), Some("m1"));
    assert_eq!(chat.body, "Hello");
    assert!(!chat.wants_receipt && !chat.markable && !chat.supports_chat_states && !chat.encrypted);
    assert_eq!((chat.stamp, chat.thread, chat.reply_to, chat.corrects), (None, None, None, None));
    assert!(chat.files.is_empty());
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
    assert_eq!(chat.corrects.as_deref(), Some("m0"));
    assert_eq!(chat.stamp.unwrap().to_rfc3339(), "2026-01-02T02:04:05.678+00:00");
}

#[test]
fn types_that_count_and_types_that_do_not() {
    for kind in ["", "type='chat'", "type='normal'", "type='bogus'"] {
        assert!(matches!(read(&format!("<message {kind}><body>x</body></message>")), Ok(Inbound::Chat(_))), "{kind}");
    }
    assert_eq!(read("<message type='headline'><body>x</body></message>"), Err(Ignored::Headline));
    assert!(matches!(read("<message type='groupchat'><body>x</body></message>"), Ok(Inbound::RoomLine(_))));
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
    assert_eq!(chat("<body>x</body><replace xmlns='urn:xmpp:message-correct:0'/>").corrects, None);
    assert_eq!(body("<body>x</body><subject>1</subject><subject>2</subject>"), "x");
    let long = "i".repeat(MAX_ID_BYTES + 1);
    assert_eq!(chat(&format!("<body>x</body><origin-id xmlns='urn:xmpp:sid:0' id='{long}'/>")).origin_id, None);
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
fn every_known_way_of_encryption_is_seen() {
    for namespace in ["eu.siacs.conversations.axolotl", "urn:xmpp:omemo:1", "urn:xmpp:omemo:2"] {
        let omemo = format!("<encrypted xmlns='{namespace}'><header/><payload>aGk=</payload></encrypted>");
        assert!(chat(&omemo).encrypted, "{namespace}");
        assert!(chat(&format!("{omemo}<body>fallback</body>")).encrypted, "{namespace}");
    }
    // Whatever the hint names: what we do not know of we cannot read either.
    for namespace in ["urn:xmpp:otr:0", "jabber:x:encrypted", "urn:xmpp:openpgp:0", "urn:xmpp:omemo:2", "urn:new:1", ""]
    {
        let hint = format!("<body>x</body><encryption xmlns='urn:xmpp:eme:0' namespace='{namespace}'/>");
        assert!(chat(&hint).encrypted, "{namespace}");
    }
    for otr in ["?OTR:AAMD", "?OTR,1,3,abc,", "?OTR|5a73a599|27e31597,00001,00003,abc,", "?OTRv2?"] {
        assert!(chat(&format!("<body>{otr}</body>")).encrypted, "{otr}");
    }
    // Spaces at the end of plain words only offer OTR.
    let offer = " \t  \t\t\t\t \t \t \t  ";
    assert!(!chat(&format!("<body>Hello{offer}</body>")).encrypted);
}

#[test]
fn a_file_is_known_by_its_url() {
    let oob = |url: &str| format!("<x xmlns='jabber:x:oob'><url>{url}</url></x>");
    let photo = "https://up.example/a/photo.jpg";
    // As clients send an upload: the URL is the body, too.
    let sent = chat(&format!("<body>{photo}</body>{}", oob(photo)));
    assert_eq!((sent.body.as_str(), sent.files), ("", vec![photo.to_owned()]));
    let sent = chat(&oob(photo));
    assert_eq!((sent.body.as_str(), sent.files), ("", vec![photo.to_owned()]));
    let sent = chat(&format!("<body>Look: {photo}</body>{}", oob(photo)));
    assert_eq!((sent.body, sent.files), (format!("Look: {photo}"), vec![photo.to_owned()]));
    assert!(chat(&format!("<body>{photo}</body>")).files.is_empty());
    // XEP-0447 and XEP-0385 with a URL each; the first source of a file is enough.
    let source = |url: &str| format!("<url-data xmlns='http://jabber.org/protocol/url-data' target='{url}'/>");
    let sfs = format!(
        "<file-sharing xmlns='urn:xmpp:sfs:0'><sources>{}{}</sources></file-sharing>",
        source(photo),
        source("https://mirror.example/photo.jpg")
    );
    let sims = format!(
        "<reference xmlns='urn:xmpp:reference:0' type='data'><media-sharing xmlns='urn:xmpp:sims:1'><sources>\
         <reference xmlns='urn:xmpp:reference:0' type='data' uri='xmpp:up@example?jingle'/>\
         <reference xmlns='urn:xmpp:reference:0' type='data' uri='{photo}'/></sources></media-sharing></reference>"
    );
    for way in [sfs, sims] {
        let sent = chat(&format!("<body>{photo}</body>{way}{}", oob(photo)));
        assert_eq!((sent.body.as_str(), sent.files), ("", vec![photo.to_owned()]), "{way}");
        let sent = chat(&format!(
            "<body>{photo}</body>{way}<fallback xmlns='urn:xmpp:fallback:0' for='urn:xmpp:sfs:0'><body/></fallback>"
        ));
        assert_eq!((sent.body.as_str(), sent.files), ("", vec![photo.to_owned()]), "{way}");
    }
    // What is no address of the web is no file.
    for odd in ["", " ", "file:///etc/passwd", "photo.jpg", "ftp://up.example/a", "https://a b", "javascript:alert(1)"]
    {
        assert!(chat(&format!("<body>x</body>{}", oob(odd))).files.is_empty(), "{odd}");
    }
    assert!(chat(&format!("<body>x</body>{}", oob(&format!("https://{}", "a".repeat(2048))))).files.is_empty());
    let many: String = (0..20).map(|n| oob(&format!("https://up.example/{n}"))).collect();
    assert_eq!(chat(&many).files.len(), 8);
    let quoted = chat(&format!(
        "<body>&gt; Show me\n{photo}</body><reply xmlns='urn:xmpp:reply:0' to='support@help.example' id='q'/>\
         <fallback xmlns='urn:xmpp:fallback:0' for='urn:xmpp:reply:0'><body start='0' end='10'/></fallback>{}",
        oob(photo)
    ));
    assert_eq!((quoted.body.as_str(), quoted.files.len(), quoted.reply_to.as_deref()), ("", 1, Some("q")));
}

#[test]
fn the_text_names_every_file() {
    let oob = "<x xmlns='jabber:x:oob'><url>https://up.example/a</url></x>";
    assert_eq!(chat(oob).text(), "https://up.example/a");
    assert_eq!(chat(&format!("<body>Look</body>{oob}")).text(), "Look\nhttps://up.example/a");
    assert_eq!(chat(&format!("<body>See https://up.example/a!</body>{oob}")).text(), "See https://up.example/a!");
    assert_eq!(chat("<body>Hello</body>").text(), "Hello");
}
