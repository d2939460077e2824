//! The REST surface of the running application, over a real socket.

use std::{collections::BTreeSet, time::Duration};

use deskbridge::helpdesk::Role;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{
    client::Client,
    database::Database,
    model::{Model, Reply},
    scenario,
    server::{Kind, Server},
    stage::{Rest, Setting, lines, token},
};

const TICKETS: &str = "/api/v1/xmpp/tickets";

scenario!(the_documents_calls_give_its_shapes);
scenario!(while_the_link_is_down_rest_takes_messages_that_arrive_later);
scenario!(rest_and_xmpp_are_two_doors_to_one_conversation);
scenario!(pages_follow_each_other_by_link);

fn said(content: &str) -> Value {
    json!({ "content": content })
}

/// A moment as the document writes it.
fn is_moment(value: &Value) -> bool {
    value.as_str().is_some_and(|text| text.ends_with('Z') && chrono::DateTime::parse_from_rfc3339(text).is_ok())
}

fn is_id(value: &Value) -> bool {
    value.as_str().is_some_and(|text| uuid::Uuid::try_parse(text).is_ok())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_failure_has_the_envelope() {
    let (server, database) = (Server::start(Kind::Prosody).await, Database::sqlite());
    let model = Model::start(Reply::Answer("Fine.".into())).await;
    let app = Setting::new(&server, &database, Some(&model)).start().await;
    let rest = &app.rest;
    let (ann, bob) = (token(Role::Customer, "ann@example.com"), token(Role::Customer, "bob@example.com"));
    let opened = rest.post(&ann, TICKETS, &json!({ "jid": "ann@example.com", "message": "Hi" })).await;
    let sync = format!("{TICKETS}/{}/sync", opened.json["ticket_id"].as_str().unwrap());
    let send = |method, path: &str| rest.request(method, path).bearer_auth(&ann);
    let post = |body: String| send(Method::POST, TICKETS).header("content-type", "application/json").body(body);
    let too_large = json!({ "jid": "ann@example.com", "message": "x".repeat(1 << 20) }).to_string();
    let mut ids = BTreeSet::new();
    for (what, request, status, code) in [
        ("no token", rest.request(Method::GET, TICKETS), 401, "UNAUTHORIZED"),
        ("a bad token", rest.request(Method::GET, TICKETS).bearer_auth(format!("{ann}x")), 401, "UNAUTHORIZED"),
        ("another's ticket", rest.request(Method::GET, &sync).bearer_auth(&bob), 404, "NOT_FOUND"),
        ("another's voice", post(json!({ "jid": "bob@example.com", "message": "Hi" }).to_string()), 403, "FORBIDDEN"),
        ("an unknown route", send(Method::GET, "/api/v1/xmpp/tockets"), 404, "NOT_FOUND"),
        ("a wrong method", send(Method::DELETE, TICKETS), 405, "METHOD_NOT_ALLOWED"),
        ("bad JSON", post("{\"jid\":".into()), 400, "BAD_REQUEST"),
        ("a missing field", post("{\"jid\":\"ann@example.com\"}".into()), 422, "INVALID"),
        ("no JSON", send(Method::POST, TICKETS).body("jid=ann"), 415, "UNSUPPORTED_MEDIA_TYPE"),
        ("too large", post(too_large), 413, "PAYLOAD_TOO_LARGE"),
        ("a bad filter", send(Method::GET, "/api/v1/xmpp/tickets?limit=1000"), 400, "BAD_REQUEST"),
    ] {
        let answer = rest.ask(request).await;
        let error = &answer.json["error"];
        assert_eq!((answer.status, error["code"].as_str()), (status, Some(code)), "{what}: {}", answer.json);
        assert!(error["message"].as_str().is_some_and(|text| !text.is_empty()), "{what}: {error}");
        assert!(is_moment(&error["timestamp"]), "{what}: {error}");
        assert!(ids.insert(error["requestId"].as_str().unwrap().to_owned()), "{what}: {error}");
        assert_eq!(answer.headers["content-type"], "application/json", "{what}");
    }
    app.stop().await;
}

/// What the next page's address is, if there is one.
fn next(headers: &reqwest::header::HeaderMap) -> Option<String> {
    let link = headers.get("link")?.to_str().unwrap();
    Some(link.strip_prefix('<').unwrap().strip_suffix(">; rel=\"next\"").unwrap().to_owned())
}

async fn open(rest: &Rest, token: &str, jid: &str, message: &str) -> String {
    let opened = rest.post(token, TICKETS, &json!({ "jid": jid, "message": message })).await;
    assert!(opened.status == 201 || opened.status == 200, "{}", opened.json);
    opened.json["ticket_id"].as_str().unwrap().to_owned()
}

mod scenarios {
    use super::*;

    pub async fn the_documents_calls_give_its_shapes(database: Database) {
        let server = Server::start(Kind::Prosody).await;
        let model = Model::start(Reply::Answer("Great! Here are the steps...".into())).await;
        model.then(Reply::Object(json!({
            "reply": "I'll help you configure your email client. What email service are you using?", "action": "clarify",
            "reason": "", "citations": [], "subject": "Email Client Configuration Help", "priority": "normal"
        })));
        let app = Setting::new(&server, &database, Some(&model)).start().await;
        let (rest, jid) = (&app.rest, "user@example.com");
        let user = token(Role::Customer, jid);

        let message = "I need help configuring my email client";
        let body = json!({ "jid": jid, "message": message, "resource": "desktop" });
        let created = rest.post(&user, TICKETS, &body).await;
        assert_eq!(created.status, 201, "{}", created.json);
        assert_eq!((&created.json["success"], &created.json["status"]), (&true.into(), &"OPEN".into()));
        assert!(is_id(&created.json["ticket_id"]) && created.json["subject"].is_string(), "{}", created.json);
        let id = created.json["ticket_id"].as_str().unwrap();
        rest.ticket_in(jid, "PENDING").await;

        let paths = ["", "?jid=user@example.com", "?status=PENDING&limit=10", "?jid=user@example.com/desktop"];
        for query in paths {
            let listed = rest.get(&user, &format!("{TICKETS}{query}")).await;
            let tickets = listed.json.as_array().unwrap();
            assert_eq!((listed.status, tickets.len()), (200, 1), "{query}: {}", listed.json);
            let ticket = &tickets[0];
            assert_eq!(
                (&ticket["id"], &ticket["subject"], &ticket["status"], &ticket["priority"], &ticket["jid"]),
                (
                    &id.into(),
                    &"Email Client Configuration Help".into(),
                    &"PENDING".into(),
                    &"NORMAL".into(),
                    &jid.into()
                )
            );
            assert!(is_moment(&ticket["created_at"]) && is_moment(&ticket["last_message"]), "{ticket}");
        }
        assert_eq!(rest.get(&user, &format!("{TICKETS}?status=OPEN&limit=10")).await.json, json!([]));

        let line = json!({ "content": "I am using Thunderbird on Ubuntu 22.04", "jid": jid });
        let sent = rest.post(&user, &format!("{TICKETS}/{id}/messages"), &line).await;
        assert_eq!((sent.status, &sent.json["success"]), (201, &true.into()), "{}", sent.json);
        assert!(is_id(&sent.json["message_id"]) && is_moment(&sent.json["timestamp"]), "{}", sent.json);
        rest.ticket_in(jid, "PENDING").await;

        let synced = rest.sync(&user, id).await;
        assert_eq!(
            (&synced["ticket_id"], &synced["status"], &synced["subject"]),
            (&id.into(), &"PENDING".into(), &"Email Client Configuration Help".into())
        );
        assert!(is_moment(&synced["updated_at"]), "{synced:#}");
        let messages = synced["messages"].as_array().unwrap();
        let seen: Vec<_> = messages
            .iter()
            .map(|message| {
                assert!(is_id(&message["id"]) && is_moment(&message["timestamp"]), "{message}");
                let text = |key: &str| message[key].as_str().unwrap();
                (text("content"), text("sender"), message["is_agent"].as_bool().unwrap())
            })
            .collect();
        assert_eq!(
            seen,
            [
                (message, "You", false),
                ("I'll help you configure your email client. What email service are you using?", "AI Assistant", true),
                ("I am using Thunderbird on Ubuntu 22.04", "You", false),
                ("Great! Here are the steps...", "AI Assistant", true)
            ]
        );
        assert_eq!(messages[2]["id"], sent.json["message_id"]);

        let presence = json!({ "jid": jid, "status": "available", "show": "chat" });
        let shown = rest.post(&user, "/api/v1/xmpp/presence", &presence).await;
        assert_eq!(shown.status, 200, "{}", shown.json);
        for (key, value) in [("success", json!(true)), ("jid", json!(jid)), ("status", json!("available"))] {
            assert_eq!(shown.json[key], value);
        }
        app.stop().await;
    }

    pub async fn while_the_link_is_down_rest_takes_messages_that_arrive_later(database: Database) {
        let mut server = Server::start(Kind::Prosody).await;
        let model = Model::start(Reply::Answer("It is on its way.".into())).await;
        let app = Setting::new(&server, &database, Some(&model)).start().await;
        let (rest, eve) = (&app.rest, token(Role::Agent, "eve"));
        server.kill();
        rest.becomes("xmpp", "unhealthy").await;
        assert_eq!(
            (rest.health_of("database").await, rest.health_of("assistant").await),
            ("healthy".into(), "healthy".into())
        );

        // An agent writes to alice, twice; bob asks over REST and the assistant answers.
        let ticket = open(rest, &eve, "alice@localhost", "Your parcel has come back to us.").await;
        let path = format!("{TICKETS}/{ticket}/messages");
        assert_eq!(rest.post(&eve, &path, &said("Where shall we send it?")).await.status, 201);
        open(rest, &token(Role::Customer, "bob@localhost"), "bob@localhost", "Where is my parcel?").await;
        let answered = rest.ticket_in("bob@localhost", "PENDING").await;
        assert_eq!(answered["messages"][1]["sent_at"], Value::Null, "there is no link to send it on");

        server.restart().await;
        let mut alice = Client::login(&server, "alice", "phone").await;
        let mut bob = Client::login(&server, "bob", "phone").await;
        assert_eq!(alice.answer_text().await, "Your parcel has come back to us.");
        assert_eq!(alice.answer_text().await, "Where shall we send it?");
        let answer = bob.answer().await;
        assert_eq!(answer.attr("id"), answered["messages"][1]["id"].as_str());
        rest.healthy().await;
        app.stop().await;
    }

    pub async fn rest_and_xmpp_are_two_doors_to_one_conversation(database: Database) {
        let server = Server::start(Kind::Prosody).await;
        let model = Model::start(Reply::Answer("We open at nine.".into())).await;
        let app = Setting::new(&server, &database, Some(&model)).start().await;
        let rest = &app.rest;
        let (own, eve) = (token(Role::Customer, "alice@localhost"), token(Role::Agent, "eve@localhost"));
        let mut alice = Client::login(&server, "alice", "phone").await;

        let ticket = open(rest, &own, "alice@localhost", "When do you open?").await;
        let answer = alice.answer().await;
        assert_eq!(answer.attr("type"), Some("chat"));
        let after = rest.ticket_in("alice@localhost", "PENDING").await;
        assert_eq!(after["messages"][1]["id"].as_str(), answer.attr("id"));

        let path = format!("{TICKETS}/{ticket}/messages");
        let replied = rest.post(&eve, &path, &said("On Sundays at ten.")).await;
        let reply = alice.answer().await;
        assert_eq!(reply.attr("id"), replied.json["message_id"].as_str());
        // The agent has the ticket now: lines through either door reach her, and the model is not asked again.
        let line = alice.say(crate::support::stage::DESK, "And on Mondays?").await;
        alice.receipt(&line).await;
        assert_eq!(rest.post(&own, &path, &said("I mean bank holidays.")).await.status, 201);
        let conversation = rest.sync(&eve, &ticket).await;
        assert_eq!((&conversation["status"], &conversation["handler"]), (&"OPEN".into(), &"agent".into()));
        let expected = [
            ("customer", "When do you open?"),
            ("assistant", "We open at nine."),
            ("agent", "On Sundays at ten."),
            ("customer", "And on Mondays?"),
            ("customer", "I mean bank holidays."),
        ];
        assert_eq!(lines(&conversation), expected.map(|(author, text)| (author.to_owned(), text.to_owned())));
        assert_eq!(conversation["messages"][2]["sender"], "You");
        let mine = rest.sync(&own, &ticket).await;
        assert_eq!((&mine["messages"][2]["sender"], &mine["messages"][3]["sender"]), (&"eve".into(), &"You".into()));

        // Bob's question is due later than hers would be.
        let mut bob = Client::login(&server, "bob", "phone").await;
        bob.say(crate::support::stage::DESK, "Hello").await;
        bob.answer().await;
        alice.ping(crate::support::stage::DESK).await;
        assert!(
            alice.wait_for(Duration::ZERO, |stanza| crate::support::client::body(stanza).is_some()).await.is_none()
        );
        assert_eq!(model.asked("When do you open?"), 1);
        app.stop().await;
    }

    pub async fn pages_follow_each_other_by_link(database: Database) {
        let server = Server::start(Kind::Prosody).await;
        let model = Model::start(Reply::Hang).await;
        let app = Setting::new(&server, &database, Some(&model)).start().await;
        let rest = &app.rest;
        let mut opened = Vec::new();
        for number in 0..7 {
            let jid = format!("r{number}@example.com");
            opened.push(open(rest, &token(Role::Customer, &jid), &jid, "Hello?").await);
        }
        let admin = token(Role::Admin, "root");
        let (mut listed, mut sizes) = (Vec::new(), Vec::new());
        let mut path = Some(format!("{TICKETS}?status=OPEN&limit=3"));
        while let Some(address) = path {
            let page = rest.get(&admin, &address).await;
            assert_eq!(page.status, 200, "{}", page.json);
            let tickets = page.json.as_array().unwrap();
            sizes.push(tickets.len());
            listed.extend(tickets.iter().map(|ticket| ticket["id"].as_str().unwrap().to_owned()));
            path = next(&page.headers);
            // New activity between two pages neither hides nor repeats what is still to come.
            if sizes.len() == 1 {
                open(rest, &token(Role::Customer, "late@example.com"), "late@example.com", "Me, too!").await;
            }
        }
        assert_eq!(sizes, [3, 3, 1]);
        opened.reverse();
        assert_eq!(listed, opened, "newest activity first");
        app.stop().await;
    }
}

/// With the limits that a configuration without a word about them has.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_caller_gets_its_share_and_neither_others_nor_the_chat_wait() {
    let (server, database) = (Server::start(Kind::Prosody).await, Database::sqlite());
    let app = Setting { rates: "", ..Setting::new(&server, &database, None) }.start().await;
    let (rest, greedy, other) = (&app.rest, token(Role::Agent, "eve"), token(Role::Agent, "max"));
    let began = std::time::Instant::now();
    let refused = loop {
        let answer = rest.get(&greedy, TICKETS).await;
        assert!(began.elapsed() < Duration::from_secs(60), "never refused");
        assert_eq!(answer.headers["x-ratelimit-limit"], "20");
        if answer.status == 429 {
            break answer;
        }
    };
    assert_eq!(
        (&refused.json["error"]["code"], &refused.headers["retry-after"]),
        (&"RATE_LIMITED".into(), &"1".parse().unwrap())
    );
    assert_eq!(rest.get(&other, TICKETS).await.status, 200);
    rest.healthy().await;
    // What XMPP allows is counted by itself.
    let mut alice = Client::login(&server, "alice", "phone").await;
    let line = alice.say(crate::support::stage::DESK, "How long does shipping take?").await;
    alice.receipt(&line).await;
    alice.answer().await;
    app.stop().await;
}
