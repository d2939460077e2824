//! The same on ejabberd: the round trip, a server that dies and comes back, and of each area what the other tests see on
//! Prosody. ejabberd is slow to start: scenarios share one, each with a database of its own.

use crate::{
    afterthought::scenarios as afterthoughts,
    agents::scenarios as agents,
    commands::scenarios as commands,
    manners::scenarios as manners,
    rooms::scenarios as rooms,
    support::{
        client::{Client, body, chat_state},
        contact::Shown,
        database::Database,
        eventually,
        model::{Model, Reply},
        server::{Kind, Server},
        stage::{DESK, Setting, lines},
    },
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_chat_is_answered_and_goes_on_after_the_server_was_killed() {
    let mut server = Server::start(Kind::Ejabberd).await;
    let database = Database::sqlite();
    let model = Model::start(Reply::Answer("Two days.".into())).await;
    let app = Setting::new(&server, &database, Some(&model)).start().await;
    let mut alice = Client::login(&server, "alice", "phone").await;
    assert_eq!(alice.befriend(DESK).await, Shown::available());
    app.rest.knows("alice@localhost/phone", "available").await;

    let id = alice.say(DESK, "How long does shipping take?").await;
    alice.receipt(&id).await;
    alice.expect("a typing notice", |stanza| chat_state(stanza) == Some("composing")).await;
    let answer = alice.answer().await;
    assert_eq!((body(&answer).as_deref(), answer.attr("to")), (Some("Two days."), Some("alice@localhost/phone")));
    let answer_id = answer.attr("id").unwrap().to_owned();
    alice
        .send(&format!(
            "<message to='{DESK}' type='chat'><received xmlns='urn:xmpp:receipts' id='{answer_id}'/></message>"
        ))
        .await;
    let conversation = app.rest.ticket_in("alice@localhost", "PENDING").await;
    let ticket = conversation["ticket_id"].as_str().unwrap();
    app.rest.reached(ticket, &answer_id, "delivered_at").await;

    // A bounce, as ejabberd words it.
    let (lost, lost_id) = app.rest.approach("nobody@localhost", "Are you there?").await;
    app.rest.reached(&lost, &lost_id, "failed_at").await;

    server.kill();
    eventually("the link is down", || async { (app.rest.health().await.0 == 503).then_some(()) }).await;
    let reply = app.rest.reply(ticket, "Written meanwhile.").await;
    server.restart().await;
    app.rest.healthy().await;
    // The login comes after the routing: of two at the same time the reply was sometimes never shown, and it is not
    // established why.
    app.rest.reached(ticket, &reply, "sent_at").await;
    let mut alice = Client::login(&server, "alice", "phone").await;
    let came = alice.answer().await;
    assert_eq!((came.attr("id"), body(&came).as_deref()), (Some(reply.as_str()), Some("Written meanwhile.")));
    let id = alice.say("billing@help.localhost", "And what does it cost?").await;
    alice.receipt(&id).await;
    assert_eq!(alice.answer_text().await, "Two days.");
    let conversation = app.rest.sync_as_agent(ticket).await;
    assert_eq!(lines(&conversation).len(), 3);
    app.stop().await;
}

/// What a scenario has left behind is nothing to the next: contacts, and messages for who was away.
async fn tidy(server: &Server) {
    for name in ["alice", "bob", "carol"] {
        let mut client = Client::login(server, name, "tidy").await;
        client.open_roster().await;
        let item = format!("<item jid='{DESK}' subscription='remove'/>");
        client.send(&format!("<iq type='set' id='remove'><query xmlns='jabber:iq:roster'>{item}</query></iq>")).await;
        client.expect("the end of a contact", |stanza| stanza.attr("id") == Some("remove")).await;
        client.leave().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tickets_are_taken_to_rooms() {
    let server = Server::start(Kind::Ejabberd).await;
    rooms::a_ticket_is_taken_to_a_room_and_the_room_ends_with_it(&server, Database::sqlite()).await;
    tidy(&server).await;
    rooms::a_room_outlives_a_restart(&server, Database::sqlite()).await;
    tidy(&server).await;
    rooms::who_has_the_ticket_no_longer_is_sent_out_of_its_room(&server, Database::sqlite()).await;
    tidy(&server).await;
    rooms::what_a_room_repeats_only_the_room_says_and_its_lines_count(&server, Database::sqlite()).await;
    tidy(&server).await;
    rooms::a_room_ends_with_its_customer_and_with_the_assistant(&server, Database::sqlite()).await;
    tidy(&server).await;
    rooms::what_cannot_be_a_room_is_told_to_the_agent(&server, Database::sqlite()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn contacts_agents_corrections_and_forms_are_as_on_prosody() {
    let server = Server::start(Kind::Ejabberd).await;
    manners::subscribers_see_what_a_desk_shows_and_others_do_not(&server, Database::sqlite()).await;
    tidy(&server).await;
    agents::an_agent_with_nothing_but_a_chat_client_helps_a_customer(&server, Database::sqlite()).await;
    tidy(&server).await;
    afterthoughts::a_corrected_question_is_answered_once_and_as_corrected(&server, Database::sqlite()).await;
    tidy(&server).await;
    commands::a_customer_uses_forms(&server, Database::sqlite()).await;
    tidy(&server).await;
    commands::an_agent_uses_forms(&server, Database::sqlite()).await;
}
