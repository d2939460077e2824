//! The model fails in every way it can, or is overtaken: one honest line, a person gets the ticket, nobody else notices.

use std::{sync::Arc, time::Duration};

use deskbridge::helpdesk::Role;
use serde_json::{Value, json};
use tokio::sync::Notify;

use crate::support::{
    client::{Client, body},
    database::Database,
    eventually,
    model::{Model, Reply},
    scenario,
    server::{Kind, Server},
    stage::{DESK, Rest, Running, Setting, lines, token},
};

const SORRY: &str = "Sorry, I cannot answer this right now. A person will reply to you here. You are next in line.";

scenario!(an_error_of_the_model_is_one_line_and_a_hand_off);
scenario!(a_new_line_ends_the_running_request_and_one_answer_covers_both);
scenario!(a_draft_that_an_agent_overtakes_is_never_sent);

/// One way to fail a line: its name, what the model does, what the agent reads, and whether the endpoint counts as down.
macro_rules! failures {
    ($($name:ident: $reply:expr, $reason:literal, $is_outage:literal;)*) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $name() {
            fails(&Database::sqlite(), $reply, $reason, $is_outage).await;
        }
    )*};
}

failures! {
    too_many_requests: Reply::Status(429), "limiting our requests", true;
    too_many_requests_for_a_day: Reply::StatusWith(429, "retry-after", "86400".into()), "limiting our requests", true;
    too_many_requests_for_ages: Reply::StatusWith(429, "retry-after", "9".repeat(30)), "limiting our requests", true;
    an_unknown_model: Reply::Status(404), "HTTP status 404", true;
    a_wrong_key: Reply::Status(401), "HTTP status 401", true;
    a_redirect: Reply::StatusWith(302, "location", "/v1/models".into()), "HTTP status 302", true;
    an_answer_that_comes_too_late: Reply::Slow(Duration::from_secs(20), "Too late.".into()), "did not answer within 1.5 s", true;
    a_model_that_hangs: Reply::Hang, "did not answer within 1.5 s", true;
    half_a_body_and_then_nothing: Reply::Stall, "did not answer within 1.5 s", true;
    a_web_page_instead_of_an_answer: Reply::Page("<html><body>502 Bad Gateway</body></html>"), "cannot be used", false;
    a_body_that_breaks_off: Reply::Raw("{\"choices\":[{\"message\":"), "cannot be used", false;
    a_body_without_choices: Reply::Raw("{\"choices\":[]}"), "no choices", false;
    an_object_that_breaks_off: Reply::Content("{\"reply\": \"You can return it within".into()), "broken JSON", false;
    an_answer_of_which_nothing_is_left: Reply::Answer("https://evil.example/a\u{200B}".into()), "nothing is left of it", false;
    an_empty_answer: Reply::Content("  ".into()), "empty", false;
    tools_that_nobody_offered: Reply::Raw(TOOL_CALL), "tools that it does not have", false;
    an_action_that_nobody_offered: draft("Done.", "refund", json!({})), "an unknown action", false;
}

const TOOL_CALL: &str = r#"{"choices":[{"index":0,"finish_reason":"tool_calls","message":{"role":"assistant","content":null,
    "tool_calls":[{"id":"1","type":"function","function":{"name":"refund","arguments":"{}"}}]}}]}"#;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_short_wait_is_waited_for() {
    let database = Database::sqlite();
    let model = Model::start(Reply::Answer("Fine.".into())).await;
    model.then(Reply::StatusWith(429, "retry-after", "1".into()));
    let (_server, app, mut alice) = stage(&database, &model).await;
    alice.say(DESK, "How are you?").await;
    assert_eq!(alice.answer_text().await, "Fine.");
    assert_eq!(model.requests().len(), 2);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn half_the_headers_and_then_nothing() {
    let (server, database) = (Server::start(Kind::Prosody).await, Database::sqlite());
    let model = Model::stuck().await;
    let app = Setting { timeout: "1500ms", ..Setting::new(&server, &database, Some(&model)) }.launch().await;
    app.rest.becomes("xmpp", "healthy").await;
    let mut alice = Client::login(&server, "alice", "phone").await;
    alice.say(DESK, "Hello?").await;
    assert_eq!(alice.answer_text().await, SORRY);
    escalated(&app.rest, "alice@localhost", SORRY, "did not answer within 1.5 s").await;
    app.rest.becomes("assistant", "unhealthy").await;
    app.stop().await;
}

/// The whole course of a failure: alice and carol meet it, bob does not.
async fn fails(database: &Database, reply: Reply, reason: &str, is_outage: bool) {
    let timeout = match reply {
        Reply::Hang | Reply::Stall | Reply::Slow(..) => "1500ms",
        // Not to be mistaken for a failure on a busy machine.
        _ => "15s",
    };
    let server = Server::start(Kind::Prosody).await;
    let model = Model::start(Reply::Answer("Fine.".into())).await;
    model.whenever("kettle", reply);
    let app = Setting { timeout, ..Setting::new(&server, database, Some(&model)) }.start().await;
    let mut alice = Client::login(&server, "alice", "phone").await;
    let mut bob = Client::login(&server, "bob", "phone").await;
    let mut carol = Client::login(&server, "carol", "phone").await;

    alice.say(DESK, "My kettle is broken").await;
    eventually("the model is asked", || async { (model.asked("kettle") > 0).then_some(()) }).await;
    bob.say(DESK, "How are you?").await;
    assert_eq!(bob.answer_text().await, "Fine.", "the failure of one is not the others'");
    assert_eq!(alice.answer_text().await, SORRY);
    escalated(&app.rest, "alice@localhost", SORRY, reason).await;

    carol.say(DESK, "My kettle is broken, too").await;
    // The second to wait at this desk.
    assert_eq!(carol.answer_text().await, SORRY.replace("You are next in line.", "Before you in line: 1."));
    let health = app.rest.health_of("assistant").await;
    assert_eq!(health, if is_outage { "unhealthy" } else { "healthy" });

    // From now on a person owes the answer. Bob's question is due later than alice's line would be.
    let asked = model.asked("kettle");
    let more = alice.say(DESK, "Is anybody there?").await;
    alice.receipt(&more).await;
    bob.say(DESK, "And now?").await;
    assert_eq!(bob.answer_text().await, "Fine.");
    app.rest.becomes("assistant", "healthy").await;
    silent(&mut alice).await;
    assert_eq!(model.asked("kettle"), asked);
    app.rest.ticket_in("alice@localhost", "ESCALATED").await;
    app.stop().await;
}

/// Nothing more for this customer to read.
async fn silent(client: &mut Client) {
    client.ping(DESK).await;
    let texts: Vec<_> = client.drain(Duration::ZERO).await.iter().filter_map(body).collect();
    assert_eq!(texts, [""; 0]);
}

/// The ticket waits for a person; the staff reads why, the customer does not. Gives what the staff sees.
async fn escalated(rest: &Rest, jid: &str, line: &str, reason: &str) -> Value {
    let staff = rest.ticket_in(jid, "ESCALATED").await;
    assert_eq!(staff["handler"], "none");
    assert!(staff["waiting_since"].is_string());
    let told = staff["hand_off_reason"].as_str().unwrap();
    assert!(told.contains(reason), "{told}");
    let messages = staff["messages"].as_array().unwrap();
    let sorry: Vec<_> = messages.iter().filter(|message| message["author"] == "system").collect();
    assert_eq!(sorry.len(), 1, "{staff:#}");
    assert_eq!((&sorry[0]["content"], &sorry[0]["visibility"]), (&line.into(), &"public".into()));
    let notes: Vec<_> = messages.iter().filter(|message| message["visibility"] == "internal").collect();
    assert_eq!(notes.len(), 1, "{staff:#}");
    assert!(notes[0]["content"].as_str().unwrap().contains(reason), "{}", notes[0]);

    let own = rest.sync(&token(Role::Customer, jid), staff["ticket_id"].as_str().unwrap()).await;
    let read = lines(&own);
    assert!(read.iter().all(|(author, text)| author != "assistant" && !text.contains(reason)), "{own:#}");
    assert!(own.get("hand_off_reason").is_none() && own.get("waiting_since").is_none(), "{own:#}");
    staff
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_listens_where_the_model_should_be() {
    let (server, database) = (Server::start(Kind::Prosody).await, Database::sqlite());
    let model = Model::down(Reply::Answer("Here I am.".into()));
    let app = Setting::new(&server, &database, Some(&model)).launch().await;
    app.rest.becomes("xmpp", "healthy").await;
    app.rest.becomes("assistant", "unhealthy").await;
    let mut alice = Client::login(&server, "alice", "phone").await;
    alice.say(DESK, "Hello?").await;
    assert_eq!(alice.answer_text().await, SORRY);
    escalated(&app.rest, "alice@localhost", SORRY, "cannot be reached").await;

    model.up().await;
    let mut bob = Client::login(&server, "bob", "phone").await;
    bob.say(DESK, "Hello?").await;
    assert_eq!(bob.answer_text().await, "Here I am.");
    app.rest.healthy().await;
    app.stop().await;
}

/// An application with a model of this mind, and alice.
async fn stage(database: &Database, model: &Model) -> (Server, Running, Client) {
    let server = Server::start(Kind::Prosody).await;
    let app = Setting::new(&server, database, Some(model)).start().await;
    let alice = Client::login(&server, "alice", "phone").await;
    (server, app, alice)
}

fn draft(reply: &str, action: &str, more: Value) -> Reply {
    let mut object = json!({ "reply": reply, "action": action, "reason": "", "citations": [] });
    object.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    Reply::Object(object)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_model_hands_off() {
    let database = Database::sqlite();
    let model = Model::start(draft("I will get somebody.", "hand_off", json!({ "reason": "very upset" }))).await;
    let (_server, app, mut alice) = stage(&database, &model).await;
    alice.say(DESK, "I have had it with this kettle!").await;
    assert_eq!(alice.answer_text().await, "I will get somebody. You are next in line.");
    escalated(&app.rest, "alice@localhost", "I will get somebody. You are next in line.", "very upset").await;
    silent(&mut alice).await;
    assert_eq!(model.requests().len(), 1);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_asks_for_a_person_gets_one_without_the_model() {
    let database = Database::sqlite();
    let model = Model::start(Reply::Answer("I am a person, too!".into())).await;
    let (_server, app, mut alice) = stage(&database, &model).await;
    alice.say(DESK, "Let me talk to a human, please").await;
    assert_eq!(alice.answer_text().await, "A person will answer you here. You are next in line.");
    escalated(
        &app.rest,
        "alice@localhost",
        "A person will answer you here. You are next in line.",
        "asked for a person",
    )
    .await;
    silent(&mut alice).await;
    assert_eq!(model.requests().len(), 0);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_model_a_page_is_quoted_or_a_person_asked_for() {
    let (server, database) = (Server::start(Kind::Prosody).await, Database::sqlite());
    let app = Setting::new(&server, &database, None).start().await;
    let mut alice = Client::login(&server, "alice", "phone").await;
    alice.say(DESK, "How long is a gift card valid?").await;
    let quoted = alice.answer_text().await;
    assert!(quoted.starts_with("No language model is configured here, so I quote our help pages.\n\n"), "{quoted}");
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/knowledge/support/gift-cards.md");
    let page = std::fs::read_to_string(page).unwrap();
    let (passage, source) = quoted.split_once("\n\n").unwrap().1.rsplit_once("\n\n[1] ").unwrap();
    let sentence = passage.lines().next().unwrap();
    assert!(page.contains(sentence), "quoted, not written: {sentence}");
    assert!(source.to_lowercase().contains("gift card"), "{source}");
    app.rest.ticket_in("alice@localhost", "PENDING").await;

    let mut bob = Client::login(&server, "bob", "phone").await;
    bob.say(DESK, "Quantum chromodynamics lecture schedule?").await;
    let line = bob.answer_text().await;
    assert!(line.contains("A person will answer you here."), "{line}");
    escalated(&app.rest, "bob@localhost", &line, "no answer").await;
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn subject_and_priority_come_from_the_model_and_a_priority_only_rises() {
    let database = Database::sqlite();
    let model = Model::start(Reply::Answer("Anything else?".into())).await;
    let (_server, app, mut alice) = stage(&database, &model).await;
    model.then(draft("Tell me more.", "clarify", json!({ "priority": "urgent" })));
    alice.say(DESK, "My tea has glass in it").await;
    alice.answer().await;
    let first = app.rest.ticket_in("alice@localhost", "PENDING").await;
    assert_eq!((&first["subject"], &first["priority"]), (&"My tea has glass in it".into(), &"HIGH".into()));

    let subject = "Glass in a tin of tea that was bought in the shop in Kettle Lane last week";
    model.then(draft("Do not drink it.", "continue", json!({ "priority": "low", "subject": subject })));
    alice.say(DESK, "A splinter, an inch long").await;
    alice.answer().await;
    let second = app.rest.ticket_in("alice@localhost", "PENDING").await;
    assert_eq!(second["priority"], "HIGH");
    let named = second["subject"].as_str().unwrap();
    assert!(named.starts_with("Glass in a tin of tea") && named.chars().count() <= 60, "{named}");

    // A ticket that has its name keeps it.
    model.then(draft("Yes.", "continue", json!({ "subject": "Something else" })));
    alice.say(DESK, "Do I get a new tin?").await;
    alice.answer().await;
    assert_eq!(app.rest.ticket_in("alice@localhost", "PENDING").await["subject"], named);
    app.stop().await;
}

mod scenarios {
    use super::*;

    pub async fn an_error_of_the_model_is_one_line_and_a_hand_off(database: Database) {
        fails(&database, Reply::Status(500), "HTTP status 500", true).await;
    }

    pub async fn a_new_line_ends_the_running_request_and_one_answer_covers_both(database: Database) {
        let model = Model::start(Reply::Answer("Both.".into())).await;
        model.then(Reply::Hang);
        let (_server, app, mut alice) = stage(&database, &model).await;
        alice.say(DESK, "Where is my parcel?").await;
        eventually("the model is asked", || async { (model.requests().len() == 1).then_some(()) }).await;
        alice.say(DESK, "It is the green one").await;
        assert_eq!(alice.answer_text().await, "Both.");
        eventually("the first request is given up", || async { (model.dropped() == 1).then_some(()) }).await;
        assert_eq!(model.requests().len(), 2);
        let second = model.requests()[1].to_string();
        assert!(second.contains("Where is my parcel?") && second.contains("It is the green one"), "{second}");
        let conversation = app.rest.ticket_in("alice@localhost", "PENDING").await;
        assert_eq!(lines(&conversation).len(), 3, "{conversation:#}");
        silent(&mut alice).await;
        app.stop().await;
    }

    pub async fn a_draft_that_an_agent_overtakes_is_never_sent(database: Database) {
        let model = Model::start(Reply::Answer("Fine.".into())).await;
        let (server, app, mut alice) = stage(&database, &model).await;
        let eve = token(Role::Agent, "eve");
        let messages = |ticket: &str| format!("/api/v1/xmpp/tickets/{ticket}/messages");

        // For certain: the agent replies, and only then the model.
        let gate = Arc::new(Notify::new());
        model.then(Reply::Gated(Arc::clone(&gate), "A draft.".into()));
        alice.say(DESK, "Who is faster?").await;
        eventually("the model is asked", || async { (model.asked("Who is faster?") == 1).then_some(()) }).await;
        let open = app.rest.ticket_in("alice@localhost", "OPEN").await;
        let id = open["ticket_id"].as_str().unwrap();
        assert_eq!(app.rest.post(&eve, &messages(id), &json!({ "content": "I am." })).await.status, 201);
        assert_eq!(alice.answer_text().await, "I am.");
        eventually("the request is given up", || async { (model.dropped() == 1).then_some(()) }).await;
        gate.notify_one();

        // Close: both at about the same moment, now the one first, now the other.
        let mut overtaken = 0;
        let mut rounds = Vec::new();
        for round in 0..30_u64 {
            let (gate, question) = (Arc::new(Notify::new()), format!("Question number {round}?"));
            model.then(Reply::Gated(Arc::clone(&gate), format!("Draft {round}.")));
            let jid = format!("r{round}@elsewhere.localhost");
            let opened = json!({ "jid": jid, "message": question });
            let opened = app.rest.post(&token(Role::Customer, &jid), "/api/v1/xmpp/tickets", &opened).await;
            let id = opened.json["ticket_id"].as_str().unwrap().to_owned();
            eventually("the model is asked", || async { (model.asked(&question) == 1).then_some(()) }).await;
            let head_start = Duration::from_micros(round / 2 * 200);
            let reply = async {
                if round % 2 == 0 {
                    tokio::time::sleep(head_start).await;
                }
                app.rest.post(&eve, &messages(&id), &json!({ "content": "From Eve." })).await.status
            };
            let release = async {
                if round % 2 == 1 {
                    tokio::time::sleep(head_start).await;
                }
                gate.notify_one();
            };
            assert_eq!(tokio::join!(reply, release).0, 201);
            rounds.push(jid);
        }
        // Whatever drafts were running, this one was begun and ended after them.
        let mut bob = Client::login(&server, "bob", "phone").await;
        bob.say(DESK, "Is it over?").await;
        assert_eq!(bob.answer_text().await, "Fine.");
        for jid in rounds {
            let conversation = app.rest.ticket_in(&jid, "PENDING").await;
            assert_eq!(conversation["handler"], "agent");
            let authors: Vec<String> = lines(&conversation).into_iter().map(|(author, _)| author).collect();
            match authors.iter().map(String::as_str).collect::<Vec<_>>()[..] {
                ["customer", "agent"] => overtaken += 1,
                ["customer", "assistant", "agent"] => {}
                _ => panic!("the assistant has spoken after the agent: {authors:?}"),
            }
        }
        eprintln!("the agent was faster in {overtaken} of 30 rounds");
        silent(&mut alice).await;
        app.stop().await;
    }
}
