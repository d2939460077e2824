//! Messages without text, and bounces.

use super::*;

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
