//! Being a good contact: requests answered, subscriptions accepted, presence shown.

use crate::support::{scenario, scenario_on_any_server};

scenario_on_any_server!(subscribers_see_what_a_desk_shows_and_others_do_not);
scenario!(the_contacts_see_a_stop_and_a_start);
scenario!(a_desk_shows_whether_people_are_there);
scenario!(a_desk_without_an_assistant_is_there_when_people_are);
scenario!(resources_without_end_are_forgotten);

mod requests {
    use xmpp_parsers::minidom::Element;

    use crate::support::{
        client::{Client, error_condition},
        database::Database,
        server::{DOMAIN, Kind, Server},
        stage::{DESK, Setting},
    };

    fn attributes<'a>(payload: &'a Element, child: &'a str, names: [&'static str; 2]) -> Vec<[Option<&'a str>; 2]> {
        let children = payload.children().filter(move |element| element.name() == child);
        children.map(|element| names.map(|name| element.attr(name))).collect()
    }

    fn payload(reply: &Element) -> &Element {
        assert_eq!(reply.attr("type"), Some("result"), "{}", String::from(reply));
        reply.children().next().expect("a payload")
    }

    fn text(payload: &Element, child: &str) -> String {
        payload.children().find(|element| element.name() == child).map(Element::text).unwrap_or_default()
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn every_request_gets_the_answer_it_is_due() {
        let server = Server::start(Kind::Prosody).await;
        let database = Database::sqlite();
        let app = Setting::new(&server, &database, None).start().await;
        let mut alice = Client::login(&server, "alice", "phone").await;

        let info = "<query xmlns='http://jabber.org/protocol/disco#info'/>";
        for (to, identity) in [(DOMAIN, ["component", "generic"]), (DESK, ["client", "bot"])] {
            let reply = alice.ask(to, "get", info).await;
            assert_eq!(reply.attr("from"), Some(to));
            let reply = payload(&reply);
            assert_eq!(attributes(reply, "identity", ["category", "type"]), [identity.map(Some)]);
            let features: Vec<_> =
                attributes(reply, "feature", ["var", "var"]).iter().filter_map(|[var, _]| *var).collect();
            for feature in ["http://jabber.org/protocol/disco#info", "urn:xmpp:ping", "jabber:iq:version"] {
                assert!(features.contains(&feature), "{to}: {features:?}");
            }
            assert_eq!(features.contains(&"urn:xmpp:receipts"), to == DESK, "{features:?}");
        }

        let items = "<query xmlns='http://jabber.org/protocol/disco#items'/>";
        let reply = alice.ask(DOMAIN, "get", items).await;
        assert_eq!(
            attributes(payload(&reply), "item", ["jid", "name"]),
            [[Some("support@help.localhost"), Some("Tea Support")], [Some("billing@help.localhost"), Some("Billing")]]
        );
        // What a desk publishes (XEP-0084).
        let reply = alice.ask(DESK, "get", items).await;
        assert_eq!(
            attributes(payload(&reply), "item", ["jid", "node"]),
            ["urn:xmpp:avatar:data", "urn:xmpp:avatar:metadata", "urn:xmpp:vcard4"]
                .map(|node| [Some(DESK), Some(node)])
        );

        for to in [DOMAIN, DESK] {
            let pong = alice.ask(to, "get", "<ping xmlns='urn:xmpp:ping'/>").await;
            assert_eq!((pong.attr("type"), pong.children().count()), (Some("result"), 0));
            let version = alice.ask(to, "get", "<query xmlns='jabber:iq:version'/>").await;
            assert_eq!(text(payload(&version), "name"), "Deskbridge");
            assert_eq!(text(payload(&version), "version"), env!("CARGO_PKG_VERSION"));
            let time = alice.ask(to, "get", "<time xmlns='urn:xmpp:time'/>").await;
            assert_eq!(text(payload(&time), "tzo"), "+00:00");
            let utc = text(payload(&time), "utc");
            assert!(chrono::DateTime::parse_from_rfc3339(&utc).is_ok() && utc.ends_with('Z'), "{utc}");
        }
        for (to, name) in [(DOMAIN, "Deskbridge"), (DESK, "Tea Support")] {
            let card = alice.ask(to, "get", "<vCard xmlns='vcard-temp'/>").await;
            assert_eq!(text(payload(&card), "FN"), name);
        }

        let ping = "<ping xmlns='urn:xmpp:ping'/>";
        let unknown = "<query xmlns='urn:example:nobody-knows'/>";
        let node = "<query xmlns='http://jabber.org/protocol/disco#info' node='urn:example:part'/>";
        for (to, kind, payload, condition) in [
            ("sales@help.localhost", "get", ping, "item-not-found"),
            ("sales@help.localhost", "get", info, "item-not-found"),
            (DESK, "get", unknown, "service-unavailable"),
            (DESK, "set", unknown, "service-unavailable"),
            (DESK, "set", ping, "service-unavailable"),
            (DOMAIN, "get", unknown, "service-unavailable"),
            (DESK, "get", node, "item-not-found"),
            (DOMAIN, "get", node, "item-not-found"),
            (DESK, "set", "<vCard xmlns='vcard-temp'><FN>Mine</FN></vCard>", "service-unavailable"),
        ] {
            let reply = alice.ask(to, kind, payload).await;
            assert_eq!((reply.attr("type"), reply.attr("from")), (Some("error"), Some(to)), "{kind} {payload}");
            assert_eq!(error_condition(&reply).as_deref(), Some(condition), "{kind} {to} {payload}");
        }
        app.stop().await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_malformed_request_is_a_bad_request() {
        let server = Server::start(Kind::Prosody).await;
        let database = Database::sqlite();
        let app = Setting::new(&server, &database, None).start().await;
        let mut alice = Client::login(&server, "alice", "phone").await;
        for (kind, payload) in
            [("get", ""), ("set", ""), ("get", "<ping xmlns='urn:xmpp:ping'/><ping xmlns='urn:xmpp:ping'/>")]
        {
            let reply = alice.ask(DESK, kind, payload).await;
            assert_eq!(reply.attr("type"), Some("error"), "{kind} {payload:?}");
            assert_eq!(error_condition(&reply).as_deref(), Some("bad-request"), "{kind} {payload:?}");
        }
        // Answers are never answered, however strange: that would be the beginning of a loop.
        for kind in ["result", "error"] {
            alice.send(&format!("<iq type='{kind}' to='{DESK}' id='never-asked'/>")).await;
        }
        alice.send(&format!("<iq type='error' to='{DESK}' id=''><error type='bogus'/></iq>")).await;
        let came = alice.seen_until_pong(DESK).await;
        assert!(came.is_empty(), "{:?}", came.iter().map(String::from).collect::<Vec<_>>());
        app.stop().await;
    }
}

pub mod scenarios {
    use std::time::Duration;

    use serde_json::json;

    use crate::support::{
        client::Client,
        component,
        contact::Shown,
        database::Database,
        server::{ELSEWHERE, Kind, Server},
        stage::{DESK, Setting},
    };

    pub async fn subscribers_see_what_a_desk_shows_and_others_do_not(server: &Server, database: Database) {
        let app = Setting::new(server, &database, None).start().await;
        let mut alice = Client::login(server, "alice", "phone").await;
        let mut bob = Client::login(server, "bob", "phone").await;
        let mut carol = Client::login(server, "carol", "phone").await;
        assert_eq!(alice.befriend(DESK).await, Shown::available());
        assert_eq!(bob.befriend(DESK).await, Shown::available());
        // Asked back and allowed: the desk knows who is there.
        app.rest.knows("alice@localhost/phone", "available").await;

        // A probe of a stranger learns nothing; a subscriber's is answered, as at each login.
        carol.send(&format!("<presence type='probe' to='{DESK}'/>")).await;
        let came = carol.seen_until_met(DESK).await;
        assert!(came.is_empty(), "{:?}", came.iter().map(String::from).collect::<Vec<_>>());
        let mut laptop = Client::login(server, "alice", "laptop").await;
        assert_eq!(laptop.shown(DESK).await, Shown::available());
        app.rest.knows("alice@localhost/laptop", "available").await;
        laptop.leave().await;
        app.rest.knows("alice@localhost/laptop", "unavailable").await;

        // What is told over REST is shown.
        app.rest
            .tell_presence(json!({ "jid": DESK, "status": "available", "show": "away", "text": "Back at 9 & <sober>" }))
            .await;
        let away =
            || Shown { kind: None, show: Some("away".to_owned()), status: Some("Back at 9 & <sober>".to_owned()) };
        assert_eq!(alice.shown(DESK).await, away());
        assert_eq!(bob.shown(DESK).await, away());
        let mut tablet = Client::login(server, "alice", "tablet").await;
        assert_eq!(tablet.shown(DESK).await, away());
        app.rest.tell_presence(json!({ "jid": DESK, "status": "unavailable" })).await;
        assert_eq!(alice.shown(DESK).await, Shown::unavailable());
        assert_eq!(bob.shown(DESK).await, Shown::unavailable());

        // Who has ended the subscription sees nothing more.
        alice.send(&format!("<presence type='unsubscribe' to='{DESK}'/>")).await;
        assert_eq!(alice.shown(DESK).await, Shown::unavailable());
        alice.seen_until_met(DESK).await;
        app.rest.tell_presence(json!({ "jid": DESK, "status": "available", "show": "dnd" })).await;
        assert_eq!(bob.shown(DESK).await.show.as_deref(), Some("dnd"));
        let came = alice.seen_until_met(DESK).await;
        assert!(came.is_empty(), "{:?}", came.iter().map(String::from).collect::<Vec<_>>());
        app.stop().await;
    }

    pub async fn the_contacts_see_a_stop_and_a_start(database: Database) {
        let server = Server::start(Kind::Prosody).await;
        let app = Setting::new(&server, &database, None).start().await;
        let mut alice = Client::login(&server, "alice", "phone").await;
        assert_eq!(alice.befriend(DESK).await, Shown::available());
        app.rest.tell_presence(json!({ "jid": DESK, "status": "available", "show": "chat", "text": "Ask us" })).await;
        let shown = alice.shown(DESK).await;
        assert_eq!(shown.status.as_deref(), Some("Ask us"));
        app.stop().await;
        assert_eq!(alice.shown(DESK).await, Shown::unavailable());

        let app = Setting::new(&server, &database, None).start().await;
        assert_eq!(alice.shown(DESK).await, shown);
        // The new link has asked who is there.
        app.rest.knows("alice@localhost/phone", "available").await;
        app.stop().await;
    }
    fn saying(show: &str, status: &str) -> Shown {
        Shown { kind: None, show: Some(show.to_owned()), status: Some(status.to_owned()) }
    }

    pub async fn a_desk_shows_whether_people_are_there(database: Database) {
        let server = Server::start(Kind::Prosody).await;
        let mut setting = Setting::new(&server, &database, None);
        setting.desk = "agents = [\"bob@localhost\"]\n[desk.texts]\nstatus_away = \"Only the assistant\"\n".to_owned();
        let app = setting.start().await;
        let away = || saying("away", "Only the assistant");
        let mut alice = Client::login(&server, "alice", "phone").await;
        assert_eq!(alice.befriend(DESK).await, away());
        // A desk that has no people shows nothing about them.
        assert_eq!(alice.befriend("billing@help.localhost").await, Shown::available());

        let mut bob = Client::login(&server, "bob", "laptop").await;
        bob.befriend(DESK).await;
        assert_eq!(alice.shown(DESK).await, Shown::available());
        // Once is enough: what changes nothing is not told again.
        bob.send("<presence><show>away</show></presence>").await;
        app.rest.knows("bob@localhost/laptop", "available").await;
        bob.send("<presence><show>dnd</show></presence>").await;
        assert_eq!(alice.shown(DESK).await, away());
        bob.send("<presence/>").await;
        assert_eq!(alice.shown(DESK).await, Shown::available());
        bob.leave().await;
        assert_eq!(alice.shown(DESK).await, away());

        // What is told over REST counts more.
        app.rest.tell_presence(json!({ "jid": DESK, "status": "available", "show": "chat" })).await;
        assert_eq!(alice.shown(DESK).await.show.as_deref(), Some("chat"));
        let came = alice.seen_until_met("billing@help.localhost").await;
        assert!(came.is_empty(), "{:?}", came.iter().map(String::from).collect::<Vec<_>>());
        app.stop().await;
    }

    pub async fn a_desk_without_an_assistant_is_there_when_people_are(database: Database) {
        let server = Server::start(Kind::Prosody).await;
        let mut setting = Setting::new(&server, &database, None);
        setting.desk = "assistant = false\nagents = [\"bob@localhost\"]\n\
                        [desk.texts]\nstatus_off = \"Leave a message\"\n"
            .to_owned();
        let app = setting.start().await;
        let mut alice = Client::login(&server, "alice", "phone").await;
        assert_eq!(alice.befriend(DESK).await, saying("xa", "Leave a message"));
        let mut bob = Client::login(&server, "bob", "laptop").await;
        bob.befriend(DESK).await;
        assert_eq!(alice.shown(DESK).await, Shown::available());
        bob.leave().await;
        assert_eq!(alice.shown(DESK).await, saying("xa", "Leave a message"));
        app.stop().await;
    }

    pub async fn resources_without_end_are_forgotten(database: Database) {
        let server = Server::start(Kind::Prosody).await;
        let app = Setting::new(&server, &database, None).start().await;
        let mut mallory = component::connect(&server, ELSEWHERE).await;
        let bare = format!("mallory@{ELSEWHERE}");

        for number in 0..80 {
            mallory.send(&format!("<presence from='{bare}/r{number}' to='{DESK}'/>")).await;
        }
        // Confirmed when it is on disk, and so is all that came before it.
        let leave = format!("<presence type='unsubscribe' from='{bare}' to='{DESK}'/>");
        mallory.send(&leave).await;
        mallory.presence(DESK, "unavailable").await;
        assert_eq!(app.rest.resources_of(&bare).await.len(), 32);

        mallory.send(&format!("<presence from='{bare}/newest' to='{DESK}'/>{leave}")).await;
        mallory.presence(DESK, "unavailable").await;
        let resources = app.rest.resources_of(&bare).await;
        assert!(resources.len() == 32 && resources.contains(&("newest".into(), "available".into())), "{resources:?}");

        // Who has gone is remembered for a day, and as long as there is room.
        mallory.send(&format!("<presence type='unavailable' from='{bare}/newest' to='{DESK}'/>{leave}")).await;
        mallory.presence(DESK, "unavailable").await;
        let resources = app.rest.resources_of(&bare).await;
        assert!(resources.len() == 32 && resources.contains(&("newest".into(), "unavailable".into())), "{resources:?}");
        let (stays, _) = resources.iter().find(|(_, status)| status == "available").unwrap();
        app.clock.advance(Duration::from_hours(25));
        mallory.send(&format!("<presence from='{bare}/{stays}' to='{DESK}'/>{leave}")).await;
        mallory.presence(DESK, "unavailable").await;
        let resources = app.rest.resources_of(&bare).await;
        assert!(resources.len() == 31 && resources.iter().all(|(_, status)| status == "available"), "{resources:?}");
        app.stop().await;
    }
}
