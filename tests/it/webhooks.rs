//! A receiver gets each event at least once under one id, whatever it does and whatever is killed.

use crate::support::scenario;

scenario!(one_that_fails_stalls_and_redirects_gets_the_same_bytes_until_it_takes_them);
scenario!(one_that_is_down_for_a_day_gets_everything);
scenario!(one_that_is_gone_is_switched_off_and_one_that_stalls_holds_up_nobody);
scenario!(killed_before_and_in_the_middle_of_a_delivery);
scenario!(what_was_erased_or_taken_back_meanwhile_goes_out_no_more);

/// Only there several processes share a database.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_processes_tell_each_event_once_whichever_knows_the_webhook() {
    scenarios::two_processes(crate::support::database::Database::postgres().await).await;
}

mod scenarios {
    use std::{collections::BTreeSet, time::Duration};

    use deskbridge::helpdesk::Role;
    use serde_json::{Value, json};
    use standardwebhooks::Webhook;

    use crate::support::{
        PATIENCE,
        client::Client,
        database::Database,
        eventually,
        model::{Model, Reply},
        receiver::{Answer, LOCAL, Letter, Receiver},
        server::{Kind, Server, free_port},
        stage::{DESK, Rest, Setting, token},
    };

    const WEBHOOKS: &str = "/api/v1/xmpp/webhooks";

    fn root() -> String {
        token(Role::Admin, "root")
    }

    /// Makes a webhook; gives its id and its secret.
    async fn hook(rest: &Rest, receiver: &Receiver, events: &[&str]) -> (String, String) {
        let made = rest.post(&root(), WEBHOOKS, &json!({ "url": receiver.url, "events": events })).await;
        assert_eq!(made.status, 201, "{}", made.json);
        let text = |name: &str| made.json[name].as_str().unwrap().to_owned();
        (text("id"), text("secret"))
    }

    async fn deliveries(rest: &Rest, hook: &str, query: &str) -> Vec<Value> {
        let answer = rest.get(&root(), &format!("{WEBHOOKS}/{hook}/deliveries?limit=100{query}")).await;
        assert_eq!(answer.status, 200, "{}", answer.json);
        answer.json.as_array().unwrap().clone()
    }

    /// Opens a ticket; gives its id.
    async fn open(rest: &Rest, jid: &str) -> String {
        let opening = json!({ "jid": jid, "message": "Is the tea hot?" });
        let opened = rest.post(&token(Role::Customer, jid), "/api/v1/xmpp/tickets", &opening).await;
        assert_eq!(opened.status, 201, "{}", opened.json);
        opened.json["ticket_id"].as_str().unwrap().to_owned()
    }

    async fn heard(receiver: &Receiver, count: usize) -> Vec<Letter> {
        eventually(&format!("{count} requests"), || async {
            let heard = receiver.heard();
            (heard.len() >= count).then_some(heard)
        })
        .await
    }

    async fn settled(rest: &Rest, hook: &str, tries: i64) -> Value {
        eventually(&format!("try {tries} has ended"), || async {
            let rows = deliveries(rest, hook, "").await;
            rows.into_iter().find(|row| row["tries"] == tries)
        })
        .await
    }

    /// As the public library does it, now.
    fn verify(letter: &Letter, secret: &str) -> bool {
        let mut headers = http::HeaderMap::new();
        for name in ["webhook-id", "webhook-timestamp", "webhook-signature"] {
            headers.insert(name, letter.headers[name].parse().unwrap());
        }
        Webhook::new(secret).unwrap().verify(letter.body.as_bytes(), &headers).is_ok()
    }

    /// The same at a time that a moved clock made.
    fn verify_then(letter: &Letter, secret: &str) -> bool {
        let at = letter.headers["webhook-timestamp"].parse().unwrap();
        let signed = Webhook::new(secret).unwrap().sign(letter.id(), at, letter.body.as_bytes()).unwrap();
        letter.headers["webhook-signature"].split(' ').any(|one| one == signed)
    }

    pub async fn one_that_fails_stalls_and_redirects_gets_the_same_bytes_until_it_takes_them(database: Database) {
        let (server, receiver, elsewhere) =
            (Server::start(Kind::Prosody).await, Receiver::start().await, Receiver::start().await);
        let setting = Setting { webhooks: LOCAL, quiet_window: "1h", ..Setting::new(&server, &database, None) };
        let app = setting.start().await;
        let (id, secret) = hook(&app.rest, &receiver, &["ticket.created"]).await;
        let troubles =
            [Answer::Status(500), Answer::Stall, Answer::Redirect(elsewhere.url.clone()), Answer::Status(404)];
        receiver.plan(troubles);
        let ticket = open(&app.rest, "ann@example.com").await;
        // Meanwhile its ticket changes; the body does not.
        let failures = [
            "it answered 500",
            "no answer in time",
            "it answered 302: a redirection, which is not followed",
            "it answered 404",
        ];
        for ((tries, pause), words) in [(1, 6), (2, 6 * 60), (3, 40 * 60), (4, 3 * 3600)].into_iter().zip(failures) {
            let row = settled(&app.rest, &id, tries).await;
            assert_eq!(row["state"], "pending", "{row}");
            assert!(row["last_error"] == words && row["next_try_at"].is_string(), "{row}");
            let tags = json!({ "tags": [format!("try-{tries}")] });
            let tagged = app.rest.post(&root(), &format!("/api/v1/xmpp/tickets/{ticket}/tags"), &tags).await;
            assert_eq!(tagged.status, 200, "{}", tagged.json);
            if tries == 4 {
                // The receiver learns the new secret while the old one is still good.
                let path = format!("{WEBHOOKS}/{id}/rotate");
                let rotated = app.rest.post(&root(), &path, &json!({})).await;
                assert_eq!(rotated.status, 200, "{}", rotated.json);
                app.clock.advance(Duration::from_secs(pause));
                let letters = heard(&receiver, 5).await;
                let new = rotated.json["secret"].as_str().unwrap();
                assert!(verify_then(&letters[4], &secret) && verify_then(&letters[4], new));
                assert!(!verify_then(&letters[3], new));
            } else {
                app.clock.advance(Duration::from_secs(pause));
            }
        }
        let row = settled(&app.rest, &id, 5).await;
        assert_eq!(
            (&row["state"], &row["last_status"], &row["last_error"]),
            (&json!("delivered"), &json!(200), &Value::Null)
        );
        let letters = receiver.heard();
        assert_eq!(letters.len(), 5);
        assert!(letters.iter().all(|letter| letter.id() == row["id"] && letter.body == letters[0].body));
        assert!(verify(&letters[0], &secret), "by a public library");
        assert!(letters.iter().all(|letter| verify_then(letter, &secret)));
        assert!(elsewhere.heard().is_empty(), "no redirection is followed");
        let told = letters[0].json();
        assert_eq!((&told["id"], &told["event"]), (&row["id"], &json!("ticket.created")));
        assert_eq!((&told["data"]["ticket"]["id"], &told["data"]["ticket"]["tags"]), (&json!(ticket), &json!([])));
        assert_eq!(letters[0].headers["x-deskbridge-event"], "ticket.created");
        app.stop().await;
    }

    pub async fn one_that_is_down_for_a_day_gets_everything(database: Database) {
        let (server, mut receiver) = (Server::start(Kind::Prosody).await, Receiver::start().await);
        let app = Setting { webhooks: LOCAL, ..Setting::new(&server, &database, None) }.start().await;
        let (id, _) = hook(&app.rest, &receiver, &["*"]).await;
        receiver.down().await;
        let people = ["ann@example.com", "bob@example.com", "eve@example.com"];
        for jid in people {
            open(&app.rest, jid).await;
        }
        for _ in 0..24 {
            app.clock.advance(Duration::from_secs(3600));
            tokio::time::sleep(Duration::from_millis(150)).await;
        }
        let waiting = deliveries(&app.rest, &id, "").await;
        assert!(waiting.len() >= 6 && waiting.iter().all(|row| row["state"] == "pending"), "{waiting:?}");
        receiver.up().await;
        let began = tokio::time::Instant::now();
        loop {
            let left = deliveries(&app.rest, &id, "&state=pending").await;
            if left.is_empty() {
                break;
            }
            assert!(began.elapsed() < PATIENCE, "{left:?}");
            // Each has its own next try.
            app.clock.advance(Duration::from_secs(1800));
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        let ids = |rows: &[Value]| -> BTreeSet<String> {
            rows.iter().map(|row| row["id"].as_str().unwrap().to_owned()).collect()
        };
        let letters = receiver.heard();
        let told: BTreeSet<String> = letters.iter().map(|letter| letter.id().to_owned()).collect();
        assert!(ids(&waiting).is_subset(&told));
        assert_eq!(ids(&deliveries(&app.rest, &id, "&state=delivered").await), told);
        let created = letters.iter().filter(|letter| letter.event() == "ticket.created");
        let created: BTreeSet<String> =
            created.map(|letter| letter.json()["data"]["ticket"]["jid"].as_str().unwrap().to_owned()).collect();
        assert_eq!(created, people.map(str::to_owned).into());
        // What the numbers say is a whole: nothing between two of them is missing.
        let mut numbers: Vec<i64> = letters.iter().map(|letter| letter.json()["seq"].as_i64().unwrap()).collect();
        numbers.sort_unstable();
        numbers.dedup();
        let first = numbers[0];
        assert_eq!(numbers, (first..first + numbers.len() as i64).collect::<Vec<_>>());
        app.stop().await;
    }

    pub async fn one_that_is_gone_is_switched_off_and_one_that_stalls_holds_up_nobody(database: Database) {
        let (server, gone, slow, good) = (
            Server::start(Kind::Prosody).await,
            Receiver::start().await,
            Receiver::start().await,
            Receiver::start().await,
        );
        let webhooks = LOCAL.replace("\"1s\"", "\"20s\"");
        let setting = Setting { webhooks: &webhooks, quiet_window: "1h", ..Setting::new(&server, &database, None) };
        let app = setting.start().await;
        let (gone_id, _) = hook(&app.rest, &gone, &["ticket.*"]).await;
        let (slow_id, _) = hook(&app.rest, &slow, &["ticket.created"]).await;
        let (good_id, _) = hook(&app.rest, &good, &["ticket.created"]).await;
        gone.plan([Answer::Status(410)]);
        slow.plan(std::iter::repeat_n(Answer::Stall, 100));
        for number in 0..20 {
            open(&app.rest, &format!("ann{number}@example.com")).await;
        }
        heard(&good, 20).await;
        eventually("all of them are noted", || async {
            (deliveries(&app.rest, &good_id, "&state=delivered").await.len() == 20).then_some(())
        })
        .await;
        let waiting = deliveries(&app.rest, &slow_id, "&state=pending").await;
        assert_eq!(waiting.len(), 20);
        assert!((1..=4).contains(&slow.heard().len()), "{}", slow.heard().len());
        let off = eventually("it is switched off", || async {
            let hook = app.rest.get(&root(), &format!("{WEBHOOKS}/{gone_id}")).await.json;
            (hook["enabled"] == false).then_some(hook)
        })
        .await;
        assert_eq!((&off["disabled_reason"], &off["last_failure"]), (&json!("gone"), &json!("it answered 410")));
        let before = gone.heard().len();
        open(&app.rest, "late@example.com").await;
        heard(&good, 21).await;
        assert_eq!(gone.heard().len(), before);
        app.stop().await;
    }

    pub async fn killed_before_and_in_the_middle_of_a_delivery(database: Database) {
        let (server, mut receiver) = (Server::start(Kind::Prosody).await, Receiver::start().await);
        let setting = Setting { webhooks: LOCAL, quiet_window: "1h", ..Setting::new(&server, &database, None) };
        let app = setting.spawn().await;
        let (id, secret) = hook(&app.rest, &receiver, &["ticket.created"]).await;
        receiver.plan([Answer::Stall]);
        open(&app.rest, "ann@example.com").await;
        heard(&receiver, 1).await;
        app.kill();
        receiver.down().await;

        // Committed, and killed before anybody could be told.
        let app = setting.spawn().await;
        open(&app.rest, "bob@example.com").await;
        app.kill();
        receiver.plan([]);
        receiver.up().await;
        let app = setting.spawn().await;
        eventually("both are delivered", || async {
            (deliveries(&app.rest, &id, "&state=delivered").await.len() == 2).then_some(())
        })
        .await;
        let letters = receiver.heard();
        let of = |jid: &str| -> Vec<&Letter> {
            letters.iter().filter(|letter| letter.json()["data"]["ticket"]["jid"] == jid).collect()
        };
        let (ann, bob) = (of("ann@example.com"), of("bob@example.com"));
        assert!(ann.len() >= 2 && !bob.is_empty());
        for letters in [&ann, &bob] {
            assert!(letters.iter().all(|letter| letter.id() == letters[0].id() && letter.body == letters[0].body));
            assert!(letters.iter().all(|letter| verify(letter, &secret)));
        }
        assert_ne!(ann[0].id(), bob[0].id());
        app.kill();
    }

    pub async fn what_was_erased_or_taken_back_meanwhile_goes_out_no_more(database: Database) {
        let (server, mut receiver) = (Server::start(Kind::Prosody).await, Receiver::start().await);
        let model = Model::start(Reply::Answer("Yes.".into())).await;
        let app = Setting { webhooks: LOCAL, ..Setting::new(&server, &database, Some(&model)) }.start().await;
        let (id, _) = hook(&app.rest, &receiver, &["*"]).await;
        receiver.down().await;
        let mut alice = Client::login(&server, "alice", "phone").await;
        let secret = "My PIN is 4711 0815";
        alice
            .send(&format!("<message to='{DESK}' type='chat' id='m1'><body>{secret}</body><origin-id xmlns='urn:xmpp:sid:0' id='m1'/></message>"))
            .await;
        alice.answer().await;
        eventually("its bodies were made", || async {
            let found = database.find(secret).await;
            found.iter().any(|row| row.starts_with("webhook_delivery")).then_some(())
        })
        .await;
        alice
            .send(&format!(
                "<message to='{DESK}' type='chat' id='r1'><retract xmlns='urn:xmpp:message-retract:1' id='m1'/></message>"
            ))
            .await;
        eventually("none of them has it any more", || async {
            let found = database.find(secret).await;
            (!found.iter().any(|row| row.starts_with("webhook_delivery"))).then_some(())
        })
        .await;
        receiver.up().await;
        eventually("all are delivered", || async {
            app.clock.advance(Duration::from_secs(600));
            deliveries(&app.rest, &id, "&state=pending").await.is_empty().then_some(())
        })
        .await;
        let letters = receiver.heard();
        assert!(letters.iter().any(|letter| letter.event() == "message.retracted"));
        assert!(letters.iter().any(|letter| letter.json()["data"]["message"]["retracted"] == true));
        assert!(letters.iter().all(|letter| !letter.body.contains("4711")));

        // She leaves for good: of what was told no copy stays, and what is still to be told is not.
        receiver.down().await;
        alice.say(DESK, "One more thing").await;
        alice.answer().await;
        let caller = deskbridge::helpdesk::Caller::customer(&"alice@localhost".parse().unwrap());
        let helpdesk = app.helpdesk.as_ref().unwrap();
        helpdesk.erase_customer(&caller, &"alice@localhost".parse().unwrap()).await.unwrap();
        let left = database.find("alice@localhost").await;
        assert!(!left.iter().any(|row| row.starts_with("webhook_delivery")), "{left:?}");
        let before = receiver.heard().len();
        receiver.up().await;
        eventually("the end is told", || async {
            app.clock.advance(Duration::from_secs(600));
            receiver.heard().iter().any(|letter| letter.event() == "ticket.erased").then_some(())
        })
        .await;
        for letter in &receiver.heard()[before..] {
            assert!(!letter.body.contains("alice") && !letter.body.contains("One more thing"), "{}", letter.body);
        }
        app.stop().await;
    }

    pub async fn two_processes(database: Database) {
        let (server, receiver) = (Server::start(Kind::Prosody).await, Receiver::start().await);
        let setting = Setting { webhooks: LOCAL, quiet_window: "1h", ..Setting::new(&server, &database, None) };
        let first = setting.start().await;
        let setting = Setting { http: free_port(), ..setting };
        let second = setting.launch().await;
        // The second has written before, and so knows that there is none.
        open(&second.rest, "early@example.com").await;
        let (id, _) = hook(&first.rest, &receiver, &["ticket.created"]).await;
        for number in 0..30 {
            let rest = if number % 2 == 0 { &first.rest } else { &second.rest };
            open(rest, &format!("ann{number}@example.com")).await;
        }
        eventually("all are delivered", || async {
            (deliveries(&second.rest, &id, "&state=delivered").await.len() == 30).then_some(())
        })
        .await;
        let letters = receiver.heard();
        let ids: BTreeSet<&str> = letters.iter().map(Letter::id).collect();
        assert_eq!((letters.len(), ids.len()), (30, 30));
        // One that is removed here is told nothing by the other.
        let request = second.rest.request(reqwest::Method::DELETE, &format!("{WEBHOOKS}/{id}")).bearer_auth(root());
        assert_eq!(second.rest.ask(request).await.status, 204);
        let opened = open(&first.rest, "late@example.com").await;
        assert!(!opened.is_empty() && receiver.heard().len() == 30);
        second.stop().await;
        first.stop().await;
    }
}
