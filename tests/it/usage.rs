//! What the model costs is noted, also when nothing came of it, and bounded.

use std::time::Duration;

use deskbridge::helpdesk::{Call, Drafted, Fate, Outcome, Role};
use deskbridge_entity::llm_call::{Outcome as CallOutcome, Purpose};
use serde_json::json;

use crate::support::{
    client::Client,
    database::Database,
    eventually,
    model::{Model, Reply},
    scenario,
    server::{Kind, Server},
    stage::{DESK, Setting, token},
};

scenario!(every_call_is_noted_and_an_erased_customer_is_not_in_it);

const CALLS: &str = "SELECT purpose || ' ' || outcome || CASE WHEN estimated THEN ' estimated ' ELSE ' ' END || \
    CASE WHEN prompt_tokens > 9 THEN 'some' ELSE 'none' END || CASE WHEN ticket_id IS NULL THEN ' of nobody' ELSE '' END \
    FROM llm_call ORDER BY id";

mod scenarios {
    use super::*;

    pub async fn every_call_is_noted_and_an_erased_customer_is_not_in_it(database: Database) {
        let server = Server::start(Kind::Prosody).await;
        let model = Model::start(Reply::Answer("Fine.".into())).await;
        model.then(Reply::Hang);
        let app = Setting::new(&server, &database, Some(&model)).start().await;
        let mut alice = Client::login(&server, "alice", "phone").await;
        alice.say(DESK, "What does tea cost?").await;
        eventually("the model is asked", || async { (model.requests().len() == 1).then_some(()) }).await;
        alice.say(DESK, "Green tea").await;
        assert_eq!(alice.answer_text().await, "Fine.");
        eventually("the connection is closed", || async { (model.dropped() == 1).then_some(()) }).await;
        model.then(Reply::Status(404));
        alice.say(DESK, "And black tea?").await;
        alice.answer().await;
        let noted = ["answer cancelled estimated some", "answer ok some", "answer rejected none"];
        eventually("all calls are noted", || async { (database.texts(CALLS).await == noted).then_some(()) }).await;
        let sums = "SELECT scope || ' ' || CAST(tokens > 15 AS TEXT) FROM token_count ORDER BY scope";
        let counted = database.texts(sums).await;
        assert_eq!(counted.len(), 2, "{counted:?}");
        let [customer, desk] = [&counted[0], &counted[1]];
        assert_eq!((customer.split(' ').next(), desk.split(' ').next()), (Some("customer"), Some("desk")));
        let ticket = app.rest.ticket_in("alice@localhost", "ESCALATED").await["ticket_id"].as_str().unwrap().to_owned();

        alice.say(DESK, "/erase confirm").await;
        alice.answer().await;
        let gone = noted.map(|call| format!("{call} of nobody"));
        assert_eq!(database.texts(CALLS).await, gone);
        assert_eq!(database.texts("SELECT DISTINCT COALESCE(customer_key, '-') FROM llm_call").await, ["-"]);
        assert_eq!(database.texts("SELECT scope FROM token_count").await, ["desk"]);
        let id = ticket.replace('-', "").to_uppercase();
        let traces = [database.find(&ticket).await, database.find(&id).await].concat();
        let traces: Vec<_> = traces.iter().filter(|row| row.starts_with("llm_call")).collect();
        assert!(traces.is_empty(), "{traces:?}");

        // A draft that was under way when the customer went: it is void, and its cost is the desk's alone.
        let call = Call {
            desk: "support".into(),
            endpoint: "main".into(),
            model: "scripted".into(),
            purpose: Purpose::Answer,
            prompt_tokens: 10,
            completion_tokens: 5,
            estimated: false,
            latency: Duration::from_secs(1),
            outcome: CallOutcome::Ok,
        };
        let late = Drafted { calls: vec![call.clone()], ..Drafted::of(Outcome::Answer { body: "Late.".into() }) };
        let helpdesk = app.helpdesk.as_ref().unwrap();
        let fate = helpdesk.commit_draft(ticket.parse().unwrap(), 1, late.clone()).await.unwrap();
        assert_eq!(fate, Fate::Stale);
        assert_eq!(database.texts(CALLS).await.last().unwrap(), "answer ok some of nobody");
        assert_eq!(database.texts("SELECT scope FROM token_count").await, ["desk"]);
        // One that the conversation has overtaken is noted with its ticket.
        alice.say(DESK, "Hello again").await;
        alice.answer().await;
        let ticket = app.rest.ticket_in("alice@localhost", "PENDING").await["ticket_id"].as_str().unwrap().to_owned();
        assert_eq!(helpdesk.commit_draft(ticket.parse().unwrap(), 0, late).await.unwrap(), Fate::Stale);
        assert_eq!(database.texts(CALLS).await.last().unwrap(), "answer ok some");
        helpdesk.record_calls(None, vec![Call { purpose: Purpose::Query, ..call }]).await.unwrap();
        assert_eq!(database.texts(CALLS).await.last().unwrap(), "query ok some of nobody");
        app.stop().await;
    }
}

/// Asks until the budget is spent; gives the line and the reason.
async fn spend(limits: &str, answered: usize) -> (Database, crate::support::stage::Running, Client, Model, Server) {
    let (server, database) = (Server::start(Kind::Prosody).await, Database::sqlite());
    let model = Model::start(Reply::Answer("Fine.".into())).await;
    let desk = format!("[desk.limits]\n{limits}\n");
    let app = Setting { desk, ..Setting::new(&server, &database, Some(&model)) }.start().await;
    let mut alice = Client::login(&server, "alice", "phone").await;
    for _ in 0..answered {
        alice.say(DESK, "And then?").await;
        assert_eq!(alice.answer_text().await, "Fine.");
    }
    alice.say(DESK, "And then?").await;
    let sorry = "Sorry, I cannot answer this right now. A person will reply to you here. You are next in line.";
    assert_eq!(alice.answer_text().await, sorry);
    assert_eq!(model.requests().len(), answered, "the last one was not asked");
    (database, app, alice, model, server)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_answers_of_a_ticket_are_counted_from_the_last_hand_over() {
    let (_database, app, mut alice, model, _server) = spend("answers_per_ticket = 2", 2).await;
    let ticket = app.rest.ticket_in("alice@localhost", "ESCALATED").await;
    let reason = ticket["hand_off_reason"].as_str().unwrap();
    assert!(reason.contains("answers_per_ticket") && reason.contains('2'), "{reason}");
    let id = ticket["ticket_id"].as_str().unwrap();
    let eve = token(Role::Agent, "eve");
    let path = |what: &str| format!("/api/v1/xmpp/tickets/{id}/{what}");
    assert_eq!(app.rest.post(&eve, &path("claim"), &json!({})).await.status, 200);
    assert_eq!(app.rest.post(&eve, &path("release"), &json!({ "to": "assistant" })).await.status, 200);
    assert_eq!(alice.answer_text().await, "Fine.");
    assert_eq!(model.requests().len(), 3);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_customers_tokens_come_anew_each_day() {
    // Each answer costs 15.
    let (database, app, mut alice, model, _server) = spend("tokens_per_customer_day = 20", 2).await;
    let reason = database.texts("SELECT hand_off_reason FROM ticket").await;
    assert!(reason[0].contains("tokens_per_customer_day"), "{reason:?}");
    app.clock.advance(Duration::from_hours(24));
    alice.say(DESK, "/new").await;
    alice.answer().await;
    alice.say(DESK, "And then?").await;
    assert_eq!(alice.answer_text().await, "Fine.");
    assert_eq!(model.requests().len(), 3);
    app.helpdesk.as_ref().unwrap().sweep().await.unwrap();
    let days = database.texts("SELECT period FROM token_count WHERE scope = 'customer'").await;
    assert_eq!(days.len(), 1, "yesterday is forgotten: {days:?}");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_desks_tokens_are_everybodys() {
    let (database, app, _alice, model, server) = spend("tokens_per_desk_month = 1", 1).await;
    let mut bob = Client::login(&server, "bob", "phone").await;
    bob.say(DESK, "And I?").await;
    assert!(bob.answer_text().await.starts_with("Sorry, "));
    assert_eq!(model.requests().len(), 1);
    let reasons = database.texts("SELECT hand_off_reason FROM ticket").await;
    assert!(reasons.iter().all(|reason| reason.contains("tokens_per_desk_month")), "{reasons:?}");
    app.stop().await;
}
