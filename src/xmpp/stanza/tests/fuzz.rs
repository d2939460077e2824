//! Whatever tree comes.

use proptest::{prelude::*, sample::select};
use xmpp_parsers::stanza_error::DefinedCondition;

use super::*;

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
        "reaction",
        "url",
        "file-sharing",
        "sources",
        "url-data",
        "reference",
        "media-sharing",
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
        "urn:xmpp:omemo:2",
        "urn:xmpp:message-retract:0",
        "jabber:x:oob",
        "urn:xmpp:sfs:0",
        "urn:xmpp:sims:1",
        "urn:xmpp:reference:0",
        "http://jabber.org/protocol/url-data",
        "",
        "x",
    ]);
    let attribute =
        select(vec!["from", "to", "id", "type", "by", "target", "uri", "stamp", "start", "end", "for", "node", "a"]);
    let value = prop_oneof![
        4 => select(vec![
            "a@b/c", "support@help.example", "help.example", "chat", "error", "get", "set", "result", "subscribe", "bogus", "", "1", "-1",
            "0", "99999999999999999999", "2026-01-01T00:00:00Z", "2026-13-01T00:00:60Z", "urn:xmpp:reply:0", "urn:xmpp:reactions:0",
            "urn:xmpp:sfs:0", "jabber:x:oob", "https://a.example/b",
        ])
        .prop_map(str::to_owned),
        1 => any::<String>(),
    ];
    let text = prop_oneof![
        select(vec!["", " ", "hello", "é😀\n> x", "xa", "👍🏽", "https://a.example/b", "-129", "?OTR", "\0"])
            .prop_map(str::to_owned),
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
                prop_assert!(chat.encrypted || !chat.text().trim().is_empty());
                prop_assert!(chat.files.len() <= 8 && chat.files.iter().all(|url| url.starts_with("http")));
                prop_assert!(!chat.body.contains('\0'));
                prop_assert!(!chat.wants_receipt || chat.id.is_some());
            }
            Ok(Inbound::Reactions(reactions)) => {
                prop_assert!(!reactions.id.is_empty() && reactions.emojis.len() <= 8);
                prop_assert!(reactions.emojis.iter().all(|emoji| !emoji.is_empty() && !emoji.contains('\0')));
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
