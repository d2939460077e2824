//! Requests and their answers.

use super::*;

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
    assert_eq!(get("<vcard xmlns='urn:ietf:params:xml:ns:vcard-4.0'/>"), Request::VCard4);
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
fn a_request_for_items_names_its_node_and_the_items_wanted() {
    let get = |payload: &str| {
        let payload = format!("<pubsub xmlns='http://jabber.org/protocol/pubsub'>{payload}</pubsub>");
        match read(&format!("<iq type='get' id='q'>{payload}</iq>")) {
            Ok(Inbound::Iq(Iq { kind: IqKind::Get(request), .. })) => request,
            other => panic!("{other:?}"),
        }
    };
    let items = |node: Option<&str>, ids: &[&str]| Request::Items {
        node: node.map(str::to_owned),
        ids: ids.iter().map(|&id| id.to_owned()).collect(),
    };
    assert_eq!(get("<items node='n'/>"), items(Some("n"), &[]));
    assert_eq!(get("<items node='n'><item id='a'/><other/><item id='b'/></items>"), items(Some("n"), &["a", "b"]));
    assert_eq!(get("<items><item/></items>"), items(None, &[""]));
    assert_eq!(get("<subscriptions/>"), Request::Unknown);
    let Request::Items { node: Some(node), ids } =
        get(&format!("<items node='{}'>{}</items>", "é".repeat(2000), "<item id='x'/>".repeat(99)))
    else {
        panic!()
    };
    assert!(node.len() <= 1023 && ids.len() <= 16);
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
