//! What we answer to what we do not take.

use xmpp_parsers::stanza_error::DefinedCondition;

use super::*;
use crate::xmpp::gate::{Head, Reason, Rejected};

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
