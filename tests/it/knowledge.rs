//! From a desk's folder to the chat.

use std::fs;

use deskbridge::helpdesk::Role;

use crate::support::{
    client::Client,
    database::Database,
    eventually,
    model::{Model, Reply},
    server::{Kind, Server},
    stage::{DESK, Rest, Setting, token},
};

const PAGES: &str = "/api/v1/xmpp/desks/support/knowledge";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_changed_page_counts_and_one_for_agents_reaches_neither_customer_nor_model() {
    let (server, database) = (Server::start(Kind::Prosody).await, Database::sqlite());
    let folder = tempfile::tempdir().unwrap();
    let hours = folder.path().join("hours.md");
    fs::write(&hours, "# Opening hours\n\nThe shop is open on Saturdays.").unwrap();
    let fraud = "---\naudience: agents\n---\n# Stolen vouchers\n\nBlock stolen vouchers by the code okapi.";
    fs::write(folder.path().join("fraud.md"), fraud).unwrap();
    let knowledge = Some(folder.path().to_owned());
    let app = Setting { knowledge: knowledge.clone(), ..Setting::new(&server, &database, None) }.start().await;
    let mut alice = Client::login(&server, "alice", "phone").await;
    alice.say(DESK, "When is the shop open?").await;
    assert!(alice.answer_text().await.contains("open on Saturdays"));

    let page = app.rest.request(reqwest::Method::PUT, &format!("{PAGES}/hours.md"));
    let page = page.bearer_auth(token(Role::Admin, "root")).body("# Opening hours\n\nThe shop is open on Sundays.");
    assert_eq!(app.rest.ask(page).await.status, 200);
    assert!(fs::read_to_string(&hours).unwrap().contains("Sundays"), "what is uploaded is in the folder");
    alice.say(DESK, "When is the shop open?").await;
    assert!(alice.answer_text().await.contains("open on Sundays"));

    fs::write(&hours, "# Opening hours\n\nThe shop is open on Mondays.").unwrap();
    eventually("the folder's change", async || finds(&app.rest, "mondays").await.then_some(())).await;
    // Another customer: three quick lines of one would be taken for a machine's.
    let mut bob = Client::login(&server, "bob", "phone").await;
    bob.say(DESK, "When is the shop open?").await;
    assert!(bob.answer_text().await.contains("open on Mondays"));

    assert!(finds(&app.rest, "stolen vouchers").await, "agents find it");
    let mut carol = Client::login(&server, "carol", "phone").await;
    carol.say(DESK, "What about stolen vouchers?").await;
    let answer = carol.answer_text().await;
    assert!(answer.contains("A person will answer you here.") && !answer.contains("okapi"), "{answer}");
    app.stop().await;

    let model = Model::start(Reply::Answer("I do not know.".into())).await;
    let app = Setting { knowledge, ..Setting::new(&server, &database, Some(&model)) }.start().await;
    // Who gets no answer gets a person, so each asks for itself.
    let mut dave = Client::login(&server, "dave", "phone").await;
    for (customer, question) in [(&mut dave, "What about stolen vouchers?"), (&mut bob, "When is the shop open?")] {
        customer.say(DESK, question).await;
        customer.answer().await;
    }
    let prompts = format!("{:?}", model.requests());
    assert!(prompts.contains("Mondays") && !prompts.contains("okapi"), "{prompts}");
    app.stop().await;
}

/// Whether an agent finds an answer.
async fn finds(rest: &Rest, words: &str) -> bool {
    let path = format!("{PAGES}/search?q={}", words.replace(' ', "+"));
    rest.get(&token(Role::Agent, "eve"), &path).await.json["found"] == true
}
