//! Who is there, as webhooks and those who listen are told of it.

use crate::support::scenario;

scenario!(who_comes_and_goes_is_told_to_webhooks_and_listeners);
scenario!(a_new_link_is_no_news_until_it_has_settled);

/// Only there several processes share a database.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_processes_tell_each_change_once() {
    scenarios::two_processes(crate::support::database::Database::postgres().await).await;
}

mod scenarios {
    use std::{collections::BTreeSet, time::Duration};

    use deskbridge::helpdesk::{Caller, Helpdesk, Presence, Role};
    use jid::{BareJid, Jid};
    use serde_json::{Value, json};

    use crate::support::{
        client::Client,
        database::Database,
        eventually,
        listening::Stream,
        receiver::{LOCAL, Receiver},
        served::serve,
        server::{Kind, Server},
        stage::{DESK, Setting, token},
    };

    const ALICE: &str = "alice@localhost";
    const BOB: &str = "bob@localhost";

    /// What a webhook was told of somebody.
    fn of(receiver: &Receiver, jid: &str) -> Vec<Value> {
        let told = receiver.heard().into_iter().map(|letter| letter.json()["data"].clone());
        told.filter(|data| data["jid"] == jid).collect()
    }

    async fn told(receiver: &Receiver, jid: &str, count: usize) -> Value {
        let what = format!("{jid} is told of {count} times");
        eventually(&what, || async { of(receiver, jid).get(count - 1).cloned() }).await
    }

    pub async fn who_comes_and_goes_is_told_to_webhooks_and_listeners(database: Database) {
        let (server, receiver) = (Server::start(Kind::Prosody).await, Receiver::start().await);
        let desk = "agents = [\"bob@localhost\"]\n".to_owned();
        let app = Setting { desk, webhooks: LOCAL, ..Setting::new(&server, &database, None) }.start().await;
        let root = token(Role::Admin, "root");
        let hook = json!({ "url": receiver.url, "events": ["presence.updated"] });
        let made = app.rest.post(&root, "/api/v1/xmpp/webhooks", &hook).await;
        assert_eq!(made.status, 201, "{}", made.json);
        let port = app.rest.port();
        let mut stream = Stream::open(port, &root, None, None).await.unwrap();

        // Without a ticket she is nobody's business.
        let mut alice = Client::login(&server, "alice", "phone").await;
        alice.befriend(DESK).await;
        let mut bob = Client::login(&server, "bob", "desk").await;
        bob.befriend(DESK).await;
        let came = told(&receiver, BOB, 1).await;
        let expected = json!({
            "jid": BOB, "status": "available", "source": "xmpp", "agent_id": BOB, "on_duty": true, "desks": ["support"]
        });
        assert_eq!(came, expected);
        let shown = told(&receiver, DESK, 1).await;
        assert_eq!((&shown["show"], &shown["source"], &shown["on_duty"]), (&Value::Null, &json!("duty"), &json!(true)));
        alice.say(DESK, "Let me talk to a human!").await;
        alice.answer().await;
        assert_eq!(of(&receiver, ALICE), [] as [Value; 0]);
        alice.send("<presence><show>away</show><status>at tea</status></presence>").await;
        let expected =
            json!({ "jid": ALICE, "status": "available", "show": "away", "source": "xmpp", "desks": ["support"] });
        assert_eq!(told(&receiver, ALICE, 1).await, expected);

        app.clock.advance(Duration::from_secs(60));
        bob.send("<presence><show>dnd</show></presence>").await;
        let gone = told(&receiver, BOB, 2).await;
        assert_eq!(
            (&gone["status"], &gone["show"], &gone["on_duty"]),
            (&json!("available"), &json!("dnd"), &json!(false))
        );
        let shown = told(&receiver, DESK, 2).await;
        assert_eq!((&shown["status"], &shown["show"]), (&json!("available"), &json!("away")));
        assert!(shown["text"].as_str().is_some_and(|text| !text.is_empty()), "{shown}");
        alice.leave().await;
        let left = told(&receiver, ALICE, 2).await;
        assert_eq!((&left["status"], &left["source"]), (&json!("unavailable"), &json!("xmpp")));

        let mut heard = BTreeSet::new();
        while heard.len() < 6 {
            let (id, kind, data) = stream.next().await.unwrap();
            if kind == "presence" {
                assert_eq!(id, None);
                heard.insert([data["jid"].to_string(), data["status"].to_string(), data["show"].to_string()]);
            }
        }
        let letters: Vec<String> = receiver.heard().into_iter().map(|letter| letter.body).collect();
        assert!(letters.iter().all(|body| !body.contains("/phone") && !body.contains("at tea")), "{letters:?}");
        assert_eq!((of(&receiver, ALICE).len(), of(&receiver, BOB).len()), (2, 2));
        app.stop().await;
    }

    /// Gives the bare JID.
    async fn note(helpdesk: &Helpdesk, jid: &str, available: bool, show: Option<&str>) -> BTreeSet<String> {
        let (jid, show) = (Jid::new(jid).unwrap(), show.map(str::to_owned));
        let of = BTreeSet::from([jid.to_bare().to_string()]);
        helpdesk.note_presence(Presence { jid, available, show, text: None }).await.unwrap();
        // The note is only queued; this waits for the commit that it has at the latest.
        helpdesk.resend_unconfirmed(Duration::ZERO).await.unwrap();
        of
    }

    async fn show(helpdesk: &Helpdesk, jid: &str, available: bool, show: Option<&str>) {
        let of = note(helpdesk, jid, available, show).await;
        helpdesk.tell_appearances(of).await.unwrap();
    }

    async fn events(database: &Database) -> Vec<String> {
        let sql = "SELECT (data ->> 'jid') || ' ' || (data ->> 'available') FROM event \
             WHERE kind = 'presence.updated' ORDER BY seq";
        // The databases spell it differently.
        let spell = |row: String| row.replace(" 1", " true").replace(" 0", " false");
        database.texts(sql).await.into_iter().map(spell).collect()
    }

    async fn open(helpdesk: &Helpdesk, jid: &str) {
        let customer = BareJid::new(jid).unwrap();
        let jid = Jid::from(customer.clone());
        helpdesk.open(&Caller::customer(&customer), "support", &jid, None, "Tea?".to_owned()).await.unwrap();
    }

    pub async fn a_new_link_is_no_news_until_it_has_settled(database: Database) {
        let (_, helpdesk) = serve(&database).await;
        for name in ["ann", "bob"] {
            open(&helpdesk, &format!("{name}@example.com")).await;
            show(&helpdesk, &format!("{name}@example.com/phone"), true, None).await;
        }
        let told = ["ann@example.com true", "bob@example.com true"];
        assert_eq!(events(&database).await, told);
        helpdesk.forget_xmpp_presence().await.unwrap();
        show(&helpdesk, "ann@example.com/tablet", true, Some("xa")).await;
        show(&helpdesk, "ann@example.com/phone", true, None).await;
        assert_eq!(events(&database).await, told);
        let next = helpdesk.next_appearance().await.unwrap().unwrap();
        assert!(next > helpdesk.clock().now());
        helpdesk.clock().advance(Duration::from_secs(61));
        assert_eq!(helpdesk.tell_appearances(BTreeSet::new()).await.unwrap(), None);
        assert_eq!(events(&database).await[2..], ["bob@example.com false"]);
        let rest = database.texts("SELECT jid FROM presence_told WHERE look_at IS NOT NULL").await;
        assert!(rest.is_empty(), "{rest:?}");
    }

    pub async fn two_processes(database: Database) {
        let ((_, one), (_, other)) = (serve(&database).await, serve(&database).await);
        open(&one, "ann@example.com").await;
        for round in 0..10_u32 {
            let of = note(&one, "ann@example.com/phone", round.is_multiple_of(2), None).await;
            for helpdesk in [&one, &other] {
                helpdesk.clock().advance(Duration::from_secs(60));
            }
            let (first, second) = tokio::join!(one.tell_appearances(of.clone()), other.tell_appearances(of));
            first.unwrap();
            second.unwrap();
        }
        let told = events(&database).await;
        let expected: Vec<String> =
            (0..10_u32).map(|round| format!("ann@example.com {}", round.is_multiple_of(2))).collect();
        assert_eq!(told, expected);
    }
}
