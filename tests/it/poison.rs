//! Hostile stanzas: whatever one customer sends, the others do not notice.

use crate::support::scenario;

scenario!(poison_is_not_noticed_by_others);
scenario!(a_flood_of_one_is_not_noticed_by_others);
scenario!(what_a_model_emits_is_made_harmless);

/// Stanzas that a user of the same server can send; most of them end a naive component's stream or process.
fn from_a_user(to: &str) -> Vec<(&'static str, String)> {
    let chat = |inside: &str| format!("<message to='{to}' type='chat' id='p'><body>poison</body>{inside}</message>");
    let nested = |depth: usize| format!("<a xmlns='x'>{}{}</a>", "<a>".repeat(depth), "</a>".repeat(depth));
    let xhtml = |style: &str| {
        chat(&format!(
            "<html xmlns='http://jabber.org/protocol/xhtml-im'><body xmlns='http://www.w3.org/1999/xhtml'>\
             <p style='{style}'><img src='data:,' style='{style}'/><a href='javascript:1'>x</a></p></body></html>"
        ))
    };
    let many = |count: usize| (0..count).map(|n| format!(" a{n}='v'")).collect::<String>();
    let long = |bytes: usize| "y".repeat(bytes);
    vec![
        ("type=bogus", format!("<message to='{to}' type='bogus' id='p'><body>x</body></message>")),
        ("two bodies", format!("<message to='{to}' type='chat'><body>one</body><body>two</body></message>")),
        (
            "two bodies in one language",
            format!("<message to='{to}' type='chat'><body xml:lang='en'>1</body><body xml:lang='en'>2</body></message>"),
        ),
        ("two threads", chat("<thread>1</thread><thread>2</thread>")),
        ("two subjects", chat("<subject>1</subject><subject>2</subject>")),
        ("a body with a child", format!("<message to='{to}' type='chat'><body>x<b>y</b></body></message>")),
        ("loose text", format!("<message to='{to}' type='chat'>loose<body>x</body>text</message>")),
        ("a bad delay", chat("<delay xmlns='urn:xmpp:delay' stamp='garbage'/>")),
        ("a far delay", chat("<delay xmlns='urn:xmpp:delay' stamp='9999-12-31T23:59:60Z'/>")),
        ("a delay before all", chat("<delay xmlns='urn:xmpp:delay' stamp='-0001-01-01T00:00:00Z'/>")),
        ("an empty id", format!("<message to='{to}' type='chat' id=''><body>x</body></message>")),
        ("an id of 4 KB", format!("<message to='{to}' type='chat' id='{}'><body>x</body></message>", long(4000))),
        ("an id of 9,000 bytes", format!("<message to='{to}' id='{}'><body>x</body></message>", long(9000))),
        ("an error without an error", format!("<message to='{to}' type='error' id='p'><body>x</body></message>")),
        ("bad show", format!("<presence to='{to}'><show>bogus</show></presence>")),
        ("bad priority", format!("<presence to='{to}'><priority>1000</priority></presence>")),
        ("empty priority", format!("<presence to='{to}'><priority/></presence>")),
        ("two shows", format!("<presence to='{to}'><show>away</show><show>dnd</show></presence>")),
        ("a long status", format!("<presence to='{to}'><status>{}</status></presence>", long(100_000))),
        ("presence type=bogus", format!("<presence to='{to}' type='bogus'/>")),
        ("an iq without payload", format!("<iq to='{to}' type='get' id='q1'/>")),
        ("an iq with two payloads", format!("<iq to='{to}' type='get' id='q2'><a xmlns='x'/><b xmlns='x'/></iq>")),
        ("an iq without id", format!("<iq to='{to}' type='get'><ping xmlns='urn:xmpp:ping'/></iq>")),
        ("an iq error without error", format!("<iq to='{to}' type='error' id='q4'/>")),
        (
            "an iq error of no known kind",
            format!(
                "<iq to='{to}' type='error' id='q5'><error type='cancel'>\
                 <bogus xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>"
            ),
        ),
        ("iq type=foo", format!("<iq to='{to}' type='foo' id='q6'><a xmlns='x'/></iq>")),
        ("a forged fence", format!("<iq to='{to}' type='result' id='fence-00000000-0'/>")),
        ("nested 60 deep", chat(&nested(60))),
        ("nested 500 deep", chat(&nested(500))),
        ("nested 4,000 deep", chat(&nested(4000))),
        ("nested 30,000 deep", chat(&nested(30_000))),
        ("nested in a presence", format!("<presence to='{to}'>{}</presence>", nested(4000))),
        ("nested in an iq", format!("<iq to='{to}' type='get' id='deep'>{}</iq>", nested(4000))),
        ("1,900 elements", chat(&format!("<a xmlns='x'>{}</a>", "<b/>".repeat(1900)))),
        ("20,000 elements", chat(&format!("<a xmlns='x'>{}</a>", "<b/>".repeat(20_000)))),
        ("an attribute of 7,900 bytes", chat(&format!("<a xmlns='x' b='{}'/>", long(7900)))),
        ("an attribute of 9,000 bytes", chat(&format!("<a xmlns='x' b='{}'/>", long(9000)))),
        ("an attribute of 200,000 bytes", chat(&format!("<a xmlns='x' b='{}'/>", long(200_000)))),
        ("a name of 9,000 bytes", chat(&format!("<{} xmlns='x'/>", long(9000)))),
        ("a namespace of 9,000 bytes", chat(&format!("<a xmlns='{}'/>", long(9000)))),
        ("3,000 attributes", chat(&format!("<a xmlns='x'{}/>", many(3000)))),
        ("a body of 250 KB", format!("<message to='{to}' type='chat'><body>{}</body></message>", long(250_000))),
        (
            "a body of references",
            format!("<message to='{to}' type='chat'><body>{}</body></message>", "&#x1F4A9;".repeat(12_000)),
        ),
        ("control characters by reference", chat("<a xmlns='x' b='t&#9;n&#10;r&#13;'>&#13;&#9;</a>")),
        ("NUL by reference", chat("<a xmlns='x' b='&#0;'>&#0;</a>")),
        ("U+0001 by reference", chat("<a xmlns='x' b='&#1;'>&#1;</a>")),
        ("a lone surrogate by reference", chat("<a xmlns='x'>&#xD800;</a>")),
        ("U+FFFE", format!("<message to='{to}' type='chat'><body>a\u{fffe}b\u{ffff}</body></message>")),
        ("U+FFFE in an attribute", chat("<a xmlns='x' b='\u{fffe}\u{ffff}'>\u{fffe}</a>")),
        ("C1 controls", chat("<a xmlns='x' b='\u{85}\u{80}\u{9f}'>\u{85}</a>")),
        ("the last code point", chat("<a xmlns='x' b='\u{1F600}'>\u{10FFFF}</a>")),
        (
            "right to left and zero width",
            format!(
                "<message to='{to}' type='chat' id='rtl'><body>\u{202e}\u{2066}abc\u{200f}\u{feff}\u{200d}👩‍👩‍👧‍👦 \
                 e\u{301}\u{301}\u{301} שלום</body></message>"
            ),
        ),
        ("nothing but zero width", format!("<message to='{to}' type='chat'><body>\u{200b}\u{feff}</body></message>")),
        ("a prefix", chat("<p:a xmlns:p='urn:p' p:b='1'><p:c/></p:a>")),
        ("xml: attributes", chat("<a xmlns='x' xml:space='preserve' xml:base='q' xml:lang='en'/>")),
        ("names beyond ASCII", chat("<é xmlns='x' ü='1'/>")),
        ("names with punctuation", chat("<a.b-c_d xmlns='x' e.f-g_h='1'/>")),
        ("an empty namespace", chat("<a xmlns=''><b xmlns='x'/></a>")),
        ("a message in a message", chat("<message xmlns='jabber:client'/>")),
        ("quotes and ]]&gt;", chat("<a xmlns='x' b=\"it's &quot;q&quot; &lt;&gt;&amp;\">&lt;&amp;]]&gt;</a>")),
        ("the same attribute twice by prefix", chat("<a xmlns='x' xmlns:p='u1' xmlns:q='u2' p:z='1' q:z='2'/>")),
        ("the same attribute twice", chat("<a xmlns='x' xmlns:p='u1' xmlns:q='u1' p:z='1' q:z='2'/>")),
        ("a namespace full of punctuation", chat("<a xmlns='http://x/y?z&amp;w=&apos;'/>")),
        ("a stream error", chat("<stream:error xmlns:stream='http://etherx.jabber.org/streams'/>")),
        ("an undeclared prefix", chat("<nobody:a/>")),
        ("a CDATA section", format!("<message to='{to}'><body><![CDATA[<&]]></body></message>")),
        ("a comment", chat("<!-- -- -->")),
        ("an instruction", chat("<?php exit; ?>")),
        (
            "a billion laughs",
            "<!DOCTYPE lolz [<!ENTITY a 'lol'><!ENTITY b '&a;&a;&a;&a;&a;&a;&a;&a;'>]><message><body>&b;</body></message>"
                .to_owned(),
        ),
        ("an entity nobody declared", chat("<a xmlns='x'>&lol;</a>")),
        ("an end tag too many", "</message></message>".to_owned()),
        ("XHTML-IM with an odd style", xhtml("color:red;;:;background:url(x);font-size")),
        ("XHTML-IM with an empty style", xhtml(" ; ")),
        ("XHTML-IM with a colon", xhtml(":")),
        (
            "unknown MUC status codes",
            chat(
                "<x xmlns='http://jabber.org/protocol/muc#user'><status code='99999'/><status code='x'/><status/>\
                 <item affiliation='bogus' role='none' jid='@@'/></x>",
            ),
        ),
        (
            "unknown MUC status codes in a presence",
            format!(
                "<presence to='{to}'><x xmlns='http://jabber.org/protocol/muc#user'><status code='-1'/>\
                 <item affiliation='x' role='y'/></x></presence>"
            ),
        ),
        (
            "a stanza-id that is none",
            chat("<stanza-id xmlns='urn:xmpp:sid:0' by='@@@' id=''/><origin-id xmlns='urn:xmpp:sid:0'/>"),
        ),
        (
            "a forwarded copy",
            chat(
                "<received xmlns='urn:xmpp:carbons:2'><forwarded xmlns='urn:xmpp:forward:0'>\
                 <message xmlns='jabber:client' from='alice@localhost'><body>x</body></message></forwarded></received>",
            ),
        ),
        (
            "odd fallback ranges",
            chat(
                "<reply xmlns='urn:xmpp:reply:0' id='x' to='@'/><fallback xmlns='urn:xmpp:fallback:0' \
                 for='urn:xmpp:reply:0'><body start='-5' end='99999999999999999999'/><body start='5' end='1'/></fallback>",
            ),
        ),
        ("OMEMO of nothing", chat("<encrypted xmlns='eu.siacs.conversations.axolotl'><payload/></encrypted>")),
        ("a data form of nothing", chat("<x xmlns='jabber:x:data' type='bogus'><field/><field var=''/></x>")),
        ("an empty correction", chat("<replace xmlns='urn:xmpp:message-correct:0'/>")),
        ("an empty reaction", chat("<reactions xmlns='urn:xmpp:reactions:0' id=''/>")),
        ("an empty retraction", chat("<retract xmlns='urn:xmpp:message-retract:1'/>")),
    ]
}

/// What another server could send, which lets its users do more.
fn from_another_server(to: &str) -> Vec<(&'static str, String)> {
    let local = "l".repeat(1010);
    let resource = "r".repeat(1010);
    let mut poison: Vec<(&'static str, String)> = from_a_user(to)
        .into_iter()
        .filter(|(_, xml)| xml.starts_with("<message") || xml.starts_with("<presence") || xml.starts_with("<iq"))
        .map(|(name, xml)| (name, xml.replacen(" to=", " from='mallory@elsewhere.localhost/x' to=", 1)))
        .collect();
    for (name, from) in [
        ("a long localpart", format!("{local}@elsewhere.localhost")),
        ("a long resource", format!("mallory@elsewhere.localhost/{resource}")),
        ("both long", format!("{local}@elsewhere.localhost/{resource}")),
        ("no localpart", "elsewhere.localhost".to_owned()),
        (
            "a resource full of punctuation",
            "mallory@elsewhere.localhost/&lt;&quot;&apos;&amp; 🍵 \u{202e}/@/".to_owned(),
        ),
        ("an empty resource", "mallory@elsewhere.localhost/".to_owned()),
    ] {
        for kind in ["subscribe", "unsubscribe", "probe", "unavailable"] {
            poison.push((name, format!("<presence from='{from}' to='{to}' type='{kind}'/>")));
        }
        poison.push((name, format!("<presence from='{from}' to='{to}'/>")));
        poison.push((name, format!("<message from='{from}' to='{to}' id='p'><body>x</body></message>")));
        poison
            .push((name, format!("<iq from='{from}' to='{to}' type='get' id='p'><ping xmlns='urn:xmpp:ping'/></iq>")));
    }
    for desk in ["@help.localhost", "support@help.localhost/a/b/c", "SUPPORT@HELP.LOCALHOST", "help.localhost/x"] {
        poison.push((
            "an odd address of ours",
            format!("<message from='mallory@elsewhere.localhost' to='{desk}' id='p'><body>x</body></message>"),
        ));
    }
    poison
}

mod scenarios {
    use std::{
        sync::{
            Arc,
            atomic::{AtomicBool, Ordering},
        },
        time::{Duration, Instant},
    };

    use super::{from_a_user, from_another_server};
    use crate::support::{
        client::{Client, body, error_condition},
        component,
        contact::Shown,
        database::Database,
        model::{Model, Reply},
        server::{ELSEWHERE, Kind, Server},
        stage::{DESK, Setting},
    };

    /// So long a round trip is a hang, on the busiest machine. How long they take is what `make poison` measures.
    const HANG: Duration = Duration::from_secs(30);

    /// Pings `to` until told to stop, and if it is the desk, chats now and then. Gives all round trips, and the client.
    async fn ping_until(mut client: Client, to: &'static str, stop: Arc<AtomicBool>) -> (Vec<Duration>, Client) {
        let mut trips = Vec::new();
        while !stop.load(Ordering::Relaxed) {
            let began = Instant::now();
            client.ping(to).await;
            trips.push(began.elapsed());
            if to == DESK && trips.len() % 50 == 0 {
                let id = client.say("billing@help.localhost", "Still there?").await;
                client.receipt(&id).await;
            }
            assert!(began.elapsed() < HANG, "{:?} for a round trip", began.elapsed());
        }
        (trips, client)
    }

    fn spread(mut trips: Vec<Duration>) -> String {
        trips.sort_unstable();
        let at = |share: usize| trips[(trips.len() - 1) * share / 100];
        format!("{} round trips: p50 {:?}, p99 {:?}, max {:?}", trips.len(), at(50), at(99), at(100))
    }

    pub async fn poison_is_not_noticed_by_others(database: Database) {
        let server = Server::start(Kind::Prosody).await;
        let model = Model::start(Reply::Answer("Yes.".into())).await;
        // All of it comes from two senders, and all of it should come through.
        let app = Setting { limits: false, ..Setting::new(&server, &database, Some(&model)) }.start().await;
        let mut alice = Client::login(&server, "alice", "phone").await;
        assert_eq!(alice.befriend(DESK).await, Shown::available());

        // Undisturbed first, to compare with.
        let stop = Arc::new(AtomicBool::new(false));
        let quiet = tokio::spawn(ping_until(alice, DESK, Arc::clone(&stop)));
        tokio::time::sleep(Duration::from_secs(1)).await;
        stop.store(true, Ordering::Relaxed);
        let (quiet, alice) = quiet.await.unwrap();

        let stop = Arc::new(AtomicBool::new(false));
        let disturbed = tokio::spawn(ping_until(alice, DESK, Arc::clone(&stop)));
        // What the server itself costs, without us.
        let dave = Client::login(&server, "dave", "phone").await;
        let beside = tokio::spawn(ping_until(dave, "localhost", Arc::clone(&stop)));
        let mut ended = Vec::new();
        for (name, xml) in from_a_user(DESK) {
            let mut bob = Client::login(&server, "bob", "phone").await;
            bob.send_unsure(&xml).await;
            // The desk has seen it by then, or the server has thrown Bob out for it.
            if !bob.survives(DESK).await {
                ended.push(name);
            }
        }
        let poison = from_another_server(DESK);
        let mut other = component::connect(&server, ELSEWHERE).await;
        for (name, xml) in &poison {
            other.send_unsure(xml).await;
            if !other.survives_as("fence@elsewhere.localhost", DESK).await {
                ended.push(name);
                other = component::connect(&server, ELSEWHERE).await;
            }
        }
        stop.store(true, Ordering::Relaxed);
        let (disturbed, mut alice) = disturbed.await.unwrap();
        let (beside, _) = beside.await.unwrap();
        eprintln!("to the desk, undisturbed: {}", spread(quiet));
        eprintln!("to the desk, under poison: {}", spread(disturbed));
        eprintln!("to the server alone, under poison: {}", spread(beside));
        eprintln!("the server itself ended the sender's stream over: {ended:?}");

        // A link that had been lost would have shown the desk anew to its subscriber.
        let came = alice.seen_until_met(DESK).await;
        let presences: Vec<_> = came.iter().filter(|stanza| stanza.name() == "presence").map(String::from).collect();
        assert!(presences.is_empty(), "{presences:?}");
        assert_eq!(app.rest.health().await.0, 200);
        // Most of it must have come as far as the desk, or this test tests the server.
        assert!(ended.len() < 40, "{ended:?}");
        let mut carol = Client::login(&server, "carol", "phone").await;
        let id = carol.say(DESK, "Is anybody there?").await;
        carol.receipt(&id).await;
        assert_eq!(carol.answer_text().await, "Yes.");
        app.stop().await;
    }

    /// How long others wait is `scripts/poison`'s to measure, with a release build; here they must only get through.
    pub async fn a_flood_of_one_is_not_noticed_by_others(database: Database) {
        let server = Server::start(Kind::Prosody).await;
        let app = Setting::new(&server, &database, None).start().await;
        let mut alice = Client::login(&server, "alice", "phone").await;
        assert_eq!(alice.befriend(DESK).await, Shown::available());
        let mut mallory = component::connect(&server, ELSEWHERE).await;
        let from = "from='mallory@elsewhere.localhost'";
        let stop = Arc::new(AtomicBool::new(false));
        let disturbed = tokio::spawn(ping_until(alice, DESK, Arc::clone(&stop)));
        for stanza in [
            format!("<message {from} to='{DESK}' id='N' type='chat'><body>x</body></message>"),
            format!(
                "<iq {from} to='{DESK}' id='N' type='get'><query xmlns='http://jabber.org/protocol/disco#info'/></iq>"
            ),
            format!("<presence {from} to='{DESK}' type='subscribe'/><presence {from} to='{DESK}' type='unsubscribe'/>"),
            format!("<message {from} to='{DESK}' id='N'><a xmlns='x'>{}</a></message>", "<b/>".repeat(2500)),
        ] {
            for number in 0..6_000_usize.div_ceil(stanza.len() / 100) {
                mallory.send(&stanza.replace("'N'", &format!("'n{number}'"))).await;
            }
        }
        // Who floods is told so, now and then, and may go on later.
        for told in ["more than 20 messages in a minute", "wait a few seconds"] {
            let refused = mallory
                .expect(told, |stanza| {
                    error_condition(stanza).as_deref() == Some("policy-violation")
                        && String::from(stanza).contains(told)
                })
                .await;
            let error = refused.get_child("error", "jabber:component:accept").unwrap();
            assert_eq!(error.attr("type"), Some("wait"), "{}", String::from(&refused));
        }
        stop.store(true, Ordering::Relaxed);
        let (disturbed, mut alice) = disturbed.await.unwrap();
        eprintln!("under a flood: {}", spread(disturbed));
        let id = alice.say(DESK, "Is anybody there?").await;
        alice.receipt(&id).await;
        // The link has stood all the time.
        let came = alice.seen_until_met(DESK).await;
        assert!(came.iter().all(|stanza| stanza.name() != "presence"), "{came:?}");
        app.stop().await;
    }

    pub async fn what_a_model_emits_is_made_harmless(database: Database) {
        let server = Server::start(Kind::Prosody).await;
        let model = Model::start(Reply::Answer("Yes.".into())).await;
        let app = Setting { limits: false, ..Setting::new(&server, &database, Some(&model)) }.start().await;
        let mut alice = Client::login(&server, "alice", "phone").await;
        let mut bob = Client::login(&server, "bob", "phone").await;
        assert_eq!(bob.befriend(DESK).await, Shown::available());
        let controls: String = (0..0x20).filter_map(char::from_u32).collect();
        // The assistant drops control characters; the link replaces what else XML cannot hold.
        for (emitted, expected) in [
            ("a\u{1}b\u{fffe}c\u{ffff}d\u{b}e", Some("ab\u{fffd}c\u{fffd}de")),
            // Entities are Markdown's, too (CommonMark §2.5).
            ("x ]]> <script>alert('1')</script> &amp; &lt; \"", Some("x ]]> <script>alert('1')</script> & < \"")),
            ("</body></message></stream:stream>", Some("</body></message></stream:stream>")),
            ("one\r\ntwo", Some("one\ntwo")),
            ("👩‍👩‍👧‍👦 \u{202e}abc\u{10ffff}", Some("👩‍👩‍👧‍👦 abc\u{10ffff}")),
            ("nul\u{0}nul", Some("nulnul")),
            (&format!("a{controls}b"), None),
            (&"<&>".repeat(70_000), None),
            (&"🍵".repeat(50_000), None),
        ] {
            model.then(Reply::Answer(emitted.to_owned()));
            let id = alice.say(DESK, "And now?").await;
            alice.receipt(&id).await;
            let answer = body(&alice.answer().await).unwrap();
            if let Some(expected) = expected {
                assert_eq!(answer, expected);
            }
            assert!(answer.len() <= 60_000 && !answer.is_empty(), "{} bytes", answer.len());
            bob.ping(DESK).await;
        }
        let came = bob.seen_until_met(DESK).await;
        assert!(came.is_empty(), "{:?}", came.iter().map(String::from).collect::<Vec<_>>());
        assert_eq!(app.rest.health().await.0, 200);
        app.stop().await;
    }
}
