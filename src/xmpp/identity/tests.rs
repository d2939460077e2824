use super::*;
use crate::xmpp::{
    outgoing::{FEATURES, ver},
    stanza::{Inbound, Iq, IqKind, inbound},
};

fn desks() -> [Desk; 2] {
    let avatar = Avatar::new(b"\xff\xd8\xff any picture").unwrap();
    let tea = Desk { description: "Ask <us>\u{1}".into(), avatar, ..Desk::new("support", "Tea & Support") };
    [tea, Desk::new("billing", "Billing")]
}

/// The answer to `payload` at `to`, or the name of the error.
fn ask(to: &str, payload: &str) -> Result<Element, String> {
    let desks = desks();
    let xml = format!(
        "<stream xmlns='jabber:component:accept'>\
         <iq type='get' id='q' from='alice@home.example/phone' to='{to}'>{payload}</iq></stream>"
    );
    let stream: Element = xml.parse().unwrap();
    let stanza = stream.children().next().unwrap();
    let Ok(Inbound::Iq(Iq { to, kind: IqKind::Get(request), .. })) = inbound(stanza, "help.example") else {
        panic!("{payload}")
    };
    let answer = Directory { domain: "help.example", desks: desks.iter().collect() }.answer(&to, &request);
    answer.map(|answer| answer.expect("an answer")).map_err(|condition| Element::from(condition).name().to_owned())
}

fn xml(text: &str) -> Element {
    text.parse().unwrap()
}

fn info(node: &str) -> String {
    format!("<query xmlns='http://jabber.org/protocol/disco#info'{node}/>")
}

fn items(node: &str) -> String {
    format!("<query xmlns='http://jabber.org/protocol/disco#items'{node}/>")
}

fn published(node: &str, item: &str) -> String {
    format!("<pubsub xmlns='http://jabber.org/protocol/pubsub'><items node='{node}'>{item}</items></pubsub>")
}

const HASH: &str = "87d72ffc8f40cf3755c3fc231ea9635416a47105";
const PICTURE: &str = "/9j/IGFueSBwaWN0dXJl";

#[test]
fn an_address_says_what_it_is_and_what_it_can_do() {
    let says = |to: &str| {
        let info = ask(to, &info("")).unwrap();
        let identity = info.get_child("identity", "http://jabber.org/protocol/disco#info").unwrap();
        let identity = ["category", "type", "name"].map(|name| identity.attr(name).unwrap().to_owned());
        (identity, info.children().filter_map(|child| child.attr("var").map(str::to_owned)).collect::<Vec<_>>())
    };
    let (identity, features) = says("support@help.example");
    assert_eq!(identity, ["client", "bot", "Tea & Support"]);
    assert_eq!(features, FEATURES.iter().map(|feature| feature.var).collect::<Vec<_>>());
    let (identity, features) = says("help.example");
    assert_eq!(identity, ["component", "generic", "Deskbridge"]);
    let everywhere = FEATURES.iter().filter(|feature| feature.everywhere);
    assert_eq!(features, everywhere.map(|feature| feature.var).collect::<Vec<_>>());
    assert_eq!(ask("sales@help.example", &info("")), Err("item-not-found".into()));
}

#[test]
fn the_hash_in_the_presence_can_be_asked_for() {
    let (desks, address) = (desks(), BareJid::new("support@help.example").unwrap());
    let badge = Directory { domain: "help.example", desks: desks.iter().collect() }.card(&address).unwrap().badge();
    let caps = badge.caps();
    assert!(caps.starts_with("xmpp:help.example#") && caps.ends_with(&badge.caps_ver), "{caps}");
    let answer = ask("support@help.example", &info(&format!(" node='{caps}'"))).unwrap();
    assert_eq!(answer.attr("node"), Some(&*caps));
    assert_eq!(ver(&answer), badge.caps_ver);
    assert_eq!(badge.avatar, HASH);
    // Another desk has another name, and so another hash.
    assert_eq!(ask("billing@help.example", &info(&format!(" node='{caps}'"))), Err("item-not-found".into()));
}

#[test]
fn the_domain_lists_the_desks_and_a_desk_its_nodes() {
    assert_eq!(
        ask("help.example", &items("")).unwrap(),
        xml("<query xmlns='http://jabber.org/protocol/disco#items'>\
             <item jid='support@help.example' name='Tea &amp; Support'/>\
             <item jid='billing@help.example' name='Billing'/></query>")
    );
    assert_eq!(
        ask("support@help.example", &items("")).unwrap(),
        xml("<query xmlns='http://jabber.org/protocol/disco#items'>\
             <item jid='support@help.example' node='urn:xmpp:avatar:data'/>\
             <item jid='support@help.example' node='urn:xmpp:avatar:metadata'/>\
             <item jid='support@help.example' node='urn:xmpp:vcard4'/></query>")
    );
    assert_eq!(
        ask("support@help.example", &items(" node='urn:xmpp:avatar:data'")).unwrap(),
        xml(&format!(
            "<query xmlns='http://jabber.org/protocol/disco#items' node='urn:xmpp:avatar:data'>\
             <item jid='support@help.example' name='{HASH}'/></query>"
        ))
    );
    assert_eq!(
        ask("support@help.example", &info(" node='urn:xmpp:vcard4'")).unwrap(),
        xml("<query xmlns='http://jabber.org/protocol/disco#info' node='urn:xmpp:vcard4'>\
             <identity category='pubsub' type='leaf'/><feature var='http://jabber.org/protocol/pubsub'/></query>")
    );
}

#[test]
fn an_unknown_node_is_not_found() {
    let long = format!(" node='{}'", "x".repeat(5000));
    for to in ["help.example", "support@help.example"] {
        for query in [info(" node='x'"), items(" node='x'"), info(" node=''"), info(&long), published("x", "")] {
            assert_eq!(ask(to, &query), Err("item-not-found".into()), "{to} {query}");
        }
    }
    assert_eq!(ask("help.example", &info(" node='urn:xmpp:avatar:data'")), Err("item-not-found".into()));
    assert_eq!(ask("help.example", &published("urn:xmpp:avatar:data", "")), Err("item-not-found".into()));
}

#[test]
fn a_desk_has_a_card() {
    assert_eq!(
        ask("support@help.example", "<vCard xmlns='vcard-temp'/>").unwrap(),
        xml(&format!(
            "<vCard xmlns='vcard-temp'><FN>Tea &amp; Support</FN><NICKNAME>Tea &amp; Support</NICKNAME>\
             <PHOTO><TYPE>image/jpeg</TYPE><BINVAL>{PICTURE}</BINVAL></PHOTO>\
             <JABBERID>support@help.example</JABBERID><DESC>Ask &lt;us&gt;\u{FFFD}</DESC></vCard>"
        ))
    );
    let plain = ask("billing@help.example", "<vCard xmlns='vcard-temp'/>").unwrap();
    assert!(!plain.has_child("DESC", "vcard-temp") && plain.has_child("PHOTO", "vcard-temp"));
    let domain = ask("help.example", "<vCard xmlns='vcard-temp'/>").unwrap();
    assert_eq!(domain.get_child("FN", "vcard-temp").unwrap().text(), "Deskbridge");
}

#[test]
fn the_newer_card_says_the_same_by_request_and_by_node() {
    let card = ask("support@help.example", "<vcard xmlns='urn:ietf:params:xml:ns:vcard-4.0'/>").unwrap();
    assert_eq!(
        card,
        xml(&format!(
            "<vcard xmlns='urn:ietf:params:xml:ns:vcard-4.0'><fn><text>Tea &amp; Support</text></fn>\
             <nickname><text>Tea &amp; Support</text></nickname>\
             <photo><uri>data:image/jpeg;base64,{PICTURE}</uri></photo>\
             <impp><uri>xmpp:support@help.example</uri></impp><kind><text>application</text></kind>\
             <note><text>Ask &lt;us&gt;\u{FFFD}</text></note></vcard>"
        ))
    );
    let answer = ask("support@help.example", &published("urn:xmpp:vcard4", "")).unwrap();
    let item = answer.children().next().unwrap().children().next().unwrap();
    assert_eq!((item.attr("id"), item.children().next()), (Some("current"), Some(&card)));
}

#[test]
fn the_picture_is_published_as_people_publish_theirs() {
    let answer = |node: &str, payload: &str| {
        xml(&format!(
            "<pubsub xmlns='http://jabber.org/protocol/pubsub'><items node='{node}'><item id='{HASH}'>{payload}</item>\
             </items></pubsub>"
        ))
    };
    let metadata = format!(
        "<metadata xmlns='urn:xmpp:avatar:metadata'><info bytes='15' id='{HASH}' type='image/jpeg'/></metadata>"
    );
    let data = format!("<data xmlns='urn:xmpp:avatar:data'>{PICTURE}</data>");
    for item in [String::new(), format!("<item id='other'/><item id='{HASH}'/>")] {
        let ask = |node: &str| ask("support@help.example", &published(node, &item)).unwrap();
        assert_eq!(ask("urn:xmpp:avatar:metadata"), answer("urn:xmpp:avatar:metadata", &metadata));
        assert_eq!(ask("urn:xmpp:avatar:data"), answer("urn:xmpp:avatar:data", &data));
    }
    let gone = published("urn:xmpp:avatar:data", "<item id='0123456789012345678901234567890123456789'/>");
    assert_eq!(ask("support@help.example", &gone), Err("item-not-found".into()));
}
