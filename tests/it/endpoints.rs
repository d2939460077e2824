//! Several endpoints of a model, and the breaker before each.

use std::time::Duration;

use crate::support::{
    client::Client,
    database::Database,
    eventually,
    model::{Model, Reply},
    scenario,
    server::{Kind, Server},
    stage::{DESK, Setting},
};

scenario!(what_one_endpoint_cannot_another_can);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_endpoint_that_is_down_is_not_asked_until_its_time_is_over() {
    let (server, database) = (Server::start(Kind::Prosody).await, Database::sqlite());
    let model = Model::start(Reply::Status(401)).await;
    let app = Setting::new(&server, &database, Some(&model)).start().await;
    let mut clients = Vec::new();
    for name in ["alice", "bob", "carol"] {
        let mut client = Client::login(&server, name, "phone").await;
        client.say(DESK, &format!("This is {name}")).await;
        assert!(client.answer_text().await.starts_with("Sorry, "));
        clients.push(client);
    }
    assert_eq!(model.asked("This is"), 3);
    let (status, health) = app.rest.health().await;
    assert_eq!(status, 503);
    let details = health["details"]["assistant"].as_str().unwrap();
    assert!(details.starts_with("the model's endpoint is down since 20"), "{details}");

    // The same customer begins anew: nobody is asked any more, and the agent reads why.
    let mut alice = clients.remove(0);
    alice.say(DESK, "/new").await;
    alice.answer().await;
    alice.say(DESK, "This is the fourth").await;
    assert!(alice.answer_text().await.starts_with("Sorry, "));
    let reasons = "SELECT hand_off_reason FROM ticket WHERE hand_off_reason LIKE '%down since%'";
    assert_eq!(database.texts(reasons).await.len(), 1);
    assert_eq!(model.asked("This is"), 3);

    model.always(Reply::Answer("Here I am again.".into()));
    app.clock.advance(Duration::from_secs(40));
    alice.say(DESK, "/new").await;
    alice.answer().await;
    alice.say(DESK, "This is the fifth").await;
    assert_eq!(alice.answer_text().await, "Here I am again.");
    app.rest.healthy().await;
    app.stop().await;
}

mod scenarios {
    use super::*;

    pub async fn what_one_endpoint_cannot_another_can(database: Database) {
        let server = Server::start(Kind::Prosody).await;
        let (first, second) =
            (Model::start(Reply::Hang).await, Model::start(Reply::Answer("From the spare.".into())).await);
        let failures = [
            ("hangs", Reply::Hang, "timeout"),
            ("stalls", Reply::Stall, "timeout"),
            ("refuses", Reply::Status(401), "rejected"),
            ("forgets", Reply::Status(404), "rejected"),
            ("waits", Reply::StatusWith(429, "retry-after", "86400".into()), "rate_limited"),
            ("moves", Reply::StatusWith(302, "location", "/v1/models".into()), "rejected"),
            ("babbles", Reply::Content("{\"reply\":".into()), "malformed malformed"),
        ];
        let share = "[[assistant.endpoints]]\nname = \"first\"\nmodel = \"m\"\ntimeout = \"400ms\"\n";
        let assistant = format!("{share}base_url = \"{}\"\n{}", first.url, second.endpoint("spare", ""));
        let app = Setting { assistant, limits: false, ..Setting::new(&server, &database, None) };
        let app = Setting { knowledge: None, timeout: "30s", ..app }.start().await;
        let mut alice = Client::login(&server, "alice", "phone").await;
        let mut expected = Vec::new();
        for (word, reply, outcome) in failures {
            // Each failure is the first in a row, so that the breaker stays closed.
            first.whenever(word, reply);
            first.whenever("all well", Reply::Answer("From the first.".into()));
            alice.say(DESK, "all well now").await;
            assert_eq!(alice.answer_text().await, "From the first.");
            alice.say(DESK, "/new").await;
            alice.answer().await;
            alice.say(DESK, &format!("It {word}")).await;
            assert_eq!(alice.answer_text().await, "From the spare.", "{word}");
            alice.say(DESK, "/new").await;
            alice.answer().await;
            expected.push("first ok".to_owned());
            expected.extend(outcome.split(' ').map(|outcome| format!("first {outcome}")));
            expected.push("spare ok".to_owned());
        }
        let calls = "SELECT endpoint || ' ' || outcome FROM llm_call ORDER BY id";
        assert_eq!(database.texts(calls).await, expected);
        eventually("the requests that took too long are given up", || async { (first.dropped() == 1).then_some(()) })
            .await;
        app.rest.healthy().await;
        app.stop().await;
    }
}
