//! The link to the server: why it is down, and that it comes back.

use crate::support::{
    client::{Client, body},
    component,
    database::Database,
    model::{Model, Reply},
    server::{DOMAIN, ELSEWHERE, Kind, SECRET, Server},
    stage::{DESK, Setting, lines},
};

/// Everything works: a question is answered.
async fn chats(server: &Server) {
    let mut alice = Client::login(server, "alice", "phone").await;
    let id = alice.say(DESK, "Hello").await;
    alice.receipt(&id).await;
    alice.answer().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_secret_is_named_and_recovers_when_the_server_is_mended() {
    let mut server = Server::start_with(Kind::Prosody, "another secret", &[DOMAIN, ELSEWHERE]).await;
    let database = Database::sqlite();
    let app = Setting::new(&server, &database, None).launch().await;
    app.rest.link_is_down_by("wrong secret").await;
    server.secret = SECRET;
    server.kill();
    server.restart().await;
    app.rest.healthy().await;
    chats(&server).await;
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unknown_host_is_named_and_recovers_when_the_server_is_mended() {
    let mut server = Server::start_with(Kind::Prosody, SECRET, &[ELSEWHERE]).await;
    let database = Database::sqlite();
    let app = Setting::new(&server, &database, None).launch().await;
    app.rest.link_is_down_by("unknown host").await;
    server.domains.push(DOMAIN);
    server.kill();
    server.restart().await;
    app.rest.healthy().await;
    chats(&server).await;
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_conflict_is_named_and_ends_with_the_other_connection() {
    let server = Server::start(Kind::Prosody).await;
    let database = Database::sqlite();
    let other = component::connect(&server, DOMAIN).await;
    let app = Setting::new(&server, &database, None).launch().await;
    app.rest.link_is_down_by("conflict").await;
    other.leave().await;
    app.rest.healthy().await;
    chats(&server).await;
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_not_there_is_waited_for() {
    let mut server = Server::start(Kind::Prosody).await;
    server.kill();
    let database = Database::sqlite();
    let app = Setting::new(&server, &database, None).launch().await;
    app.rest.link_is_down_by("unreachable").await;
    server.restart().await;
    app.rest.healthy().await;
    chats(&server).await;
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_written_while_the_server_is_down_arrives_in_order() {
    let mut server = Server::start(Kind::Prosody).await;
    let database = Database::sqlite();
    let model = Model::start(Reply::Answer("Yes.".into())).await;
    let app = Setting::new(&server, &database, Some(&model)).start().await;
    chats(&server).await;
    let conversation = app.rest.ticket_in("alice@localhost", "PENDING").await;
    let ticket = conversation["ticket_id"].as_str().unwrap();

    server.kill();
    eventually_down(&app.rest).await;
    let texts: Vec<String> = (1..=20).map(|number| format!("Line {number}")).collect();
    for text in &texts {
        app.rest.reply(ticket, text).await;
    }
    server.restart().await;
    let mut alice = Client::login(&server, "alice", "phone").await;
    app.rest.healthy().await;
    // At least once: the same message may come twice, but then under the same id.
    let mut came: Vec<(String, String)> = Vec::new();
    while came.last().is_none_or(|(_, text)| *text != texts[19]) {
        let answer = alice.answer().await;
        let line = (answer.attr("id").unwrap().to_owned(), body(&answer).unwrap());
        if !came.contains(&line) {
            came.push(line);
        }
    }
    came.retain(|(_, text)| text != "Yes.");
    assert_eq!(came.into_iter().map(|(_, text)| text).collect::<Vec<_>>(), texts);
    let conversation = app.rest.ticket_in("alice@localhost", "PENDING").await;
    assert_eq!(lines(&conversation).len(), 22);
    assert_eq!(model.requests().len(), 1);
    app.stop().await;
}

async fn eventually_down(rest: &crate::support::stage::Rest) {
    crate::support::eventually("the link is down", || async { (rest.health().await.0 == 503).then_some(()) }).await;
}
