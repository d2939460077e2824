//! One customer asks for more than a desk gives.

use std::time::Duration;

use crate::support::{
    client::{Client, body, error_condition},
    database::Database,
    model::{Model, Reply},
    server::{Kind, Server},
    stage::{DESK, Setting, lines},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn too_many_lines_are_refused_with_one_warning_and_others_are_served() {
    let (server, database) = (Server::start(Kind::Prosody).await, Database::sqlite());
    let model = Model::start(Reply::Answer("Fine.".into())).await;
    let desk = "limits = { messages_per_minute = 5 }\n".to_owned();
    let app = Setting { desk, quiet_window: "1s", ..Setting::new(&server, &database, Some(&model)) }.start().await;
    let mut alice = Client::login(&server, "alice", "phone").await;
    for number in 0..20 {
        alice.say(DESK, &format!("line {number}")).await;
    }
    alice.ping(DESK).await;
    assert_eq!(
        alice.answer_text().await,
        "That was more than 5 messages in a minute, so what you wrote beyond that did not reach us. Please send it again in a minute."
    );
    assert_eq!(alice.answer_text().await, "Fine.");
    let came = alice.drain(Duration::from_millis(500)).await;
    assert!(came.iter().all(|stanza| body(stanza).is_none() || error_condition(stanza).is_some()), "one warning");
    let refused = came.iter().filter(|stanza| error_condition(stanza).as_deref() == Some("policy-violation")).count();
    assert_eq!(refused, 15);
    let mut bob = Client::login(&server, "bob", "phone").await;
    bob.say(DESK, "How are you?").await;
    assert_eq!(bob.answer_text().await, "Fine.");
    let conversation = app.rest.ticket_in("alice@localhost", "PENDING").await;
    assert_eq!(lines(&conversation).iter().filter(|(author, _)| author == "customer").count(), 5);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn too_many_tickets_a_day_are_refused_until_tomorrow() {
    let (server, database) = (Server::start(Kind::Prosody).await, Database::sqlite());
    let model = Model::start(Reply::Answer("Fine.".into())).await;
    let desk = "limits = { new_tickets_per_day = 2 }\n".to_owned();
    let app = Setting { desk, ..Setting::new(&server, &database, Some(&model)) }.start().await;
    let mut alice = Client::login(&server, "alice", "phone").await;
    alice.say(DESK, "How are you?").await;
    alice.answer().await;
    alice.say(DESK, "/new").await;
    assert_eq!(alice.answer_text().await, "This is a new conversation. What is it about?");
    alice.say(DESK, "Where is my parcel?").await;
    assert_eq!(alice.answer_text().await, "Fine.");
    alice.say(DESK, "/new").await;
    let refused = alice.answer_text().await;
    assert!(refused.starts_with("You have opened 2 conversations today"), "{refused}");
    assert_eq!(app.rest.tickets_of("alice@localhost").await.len(), 2);
    app.clock.advance(Duration::from_hours(25));
    alice.say(DESK, "/new").await;
    assert_eq!(alice.answer_text().await, "This is a new conversation. What is it about?");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn words_and_forms_count_together() {
    let (server, database) = (Server::start(Kind::Prosody).await, Database::sqlite());
    let desk = "limits = { messages_per_minute = 5 }\n".to_owned();
    let app = Setting { desk, ..Setting::new(&server, &database, None) }.start().await;
    let mut alice = Client::login(&server, "alice", "phone").await;
    let command = |node: &str, more: &str| {
        let (attributes, content) = more.split_once('|').unwrap_or((more, ""));
        format!("<command xmlns='http://jabber.org/protocol/commands' node='{node}' {attributes}>{content}</command>")
    };
    for _ in 0..2 {
        alice.say(DESK, "/status").await;
        alice.answer_text().await;
        let reply = alice.ask(DESK, "set", &command("status", "")).await;
        assert_eq!(reply.attr("type"), Some("result"));
    }
    let form = alice.ask(DESK, "set", &command("erase", "")).await;
    let session = form.children().next().unwrap().attr("sessionid").unwrap();
    // The fifth has begun; going on with it is no sixth.
    let fill = format!("sessionid='{session}' action='complete'|<x xmlns='jabber:x:data' type='submit'/>");
    let done = alice.ask(DESK, "set", &command("erase", &fill)).await;
    assert_eq!(done.attr("type"), Some("result"), "{}", String::from(&done));
    let refused = alice.ask(DESK, "set", &command("status", "")).await;
    assert_eq!(error_condition(&refused).as_deref(), Some("policy-violation"));
    assert!(alice.answer_text().await.starts_with("That was more than 5 messages in a minute"));
    let id = alice.say(DESK, "/status").await;
    let fits =
        |stanza: &xmpp_parsers::minidom::Element| stanza.attr("id") == Some(&id) && error_condition(stanza).is_some();
    alice.expect("the refusal of a word", fits).await;
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_asks_for_a_person_in_turn_does_not_ring_without_end() {
    let (server, database) = (Server::start(Kind::Prosody).await, Database::sqlite());
    let desk = "agents = [\"bob@localhost\"]\n".to_owned();
    let app = Setting { desk, limits: false, ..Setting::new(&server, &database, None) }.start().await;
    let mut bob = Client::login(&server, "bob", "desk").await;
    bob.say(DESK, "/on").await;
    bob.answer_text().await;
    let mut alice = Client::login(&server, "alice", "phone").await;
    for _ in 0..6 {
        for words in ["/human It burns", "/resolve"] {
            let id = alice.say(DESK, words).await;
            alice.receipt(&id).await;
        }
    }
    let id = alice.say(DESK, "/human").await;
    alice.receipt(&id).await;
    let waits = |stanza: &xmpp_parsers::minidom::Element| {
        body(stanza).is_some_and(|text| text.starts_with("alice@localhost waits for a person"))
    };
    let told = bob.drain(Duration::from_secs(1)).await.iter().filter(|stanza| waits(stanza)).count();
    assert_eq!(told, 3);
    // It waits all the same, and that is told when it is not too much.
    let tickets = app.rest.tickets_of("alice@localhost").await;
    assert_eq!(tickets[0]["status"], "ESCALATED", "{tickets:?}");
    let helpdesk = app.helpdesk.as_ref().unwrap();
    assert_eq!(helpdesk.sweep().await.unwrap().told, 0);
    app.clock.advance(Duration::from_mins(11));
    assert_eq!(helpdesk.sweep().await.unwrap().told, 1);
    bob.expect("a late notice", waits).await;
    assert_eq!(helpdesk.sweep().await.unwrap().told, 0);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn erasing_does_not_lift_the_limit_of_new_tickets() {
    let (server, database) = (Server::start(Kind::Prosody).await, Database::sqlite());
    let desk = "limits = { new_tickets_per_day = 2 }\n".to_owned();
    let app = Setting { desk, ..Setting::new(&server, &database, None) }.start().await;
    let mut alice = Client::login(&server, "alice", "phone").await;
    for _ in 0..2 {
        alice.say(DESK, "/human My parcel is late").await;
        assert!(alice.answer_text().await.starts_with("A person will answer you here."));
        alice.say(DESK, "/erase confirm").await;
        assert_eq!(alice.answer_text().await, "Everything is erased. Conversations: 1.");
    }
    // Nothing in the database names her.
    let found = database.find("alice").await;
    assert!(found.is_empty(), "{found:?}");
    let id = alice.say(DESK, "My parcel is late").await;
    let refused = alice.expect("a refusal", |stanza| stanza.attr("id") == Some(&id)).await;
    assert_eq!(error_condition(&refused).as_deref(), Some("policy-violation"));
    alice.say(DESK, "/new").await;
    assert!(alice.answer_text().await.starts_with("You have opened 2 conversations today"));
    app.clock.advance(Duration::from_hours(25));
    alice.say(DESK, "/new").await;
    assert_eq!(alice.answer_text().await, "This is a new conversation. What is it about?");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn erasing_does_not_let_notices_ring_without_end() {
    let (server, database) = (Server::start(Kind::Prosody).await, Database::sqlite());
    let desk = "agents = [\"bob@localhost\"]\n".to_owned();
    let app = Setting { desk, limits: false, ..Setting::new(&server, &database, None) }.start().await;
    let mut bob = Client::login(&server, "bob", "desk").await;
    bob.say(DESK, "/on").await;
    bob.answer_text().await;
    let mut alice = Client::login(&server, "alice", "phone").await;
    for _ in 0..6 {
        alice.say(DESK, "/human It burns").await;
        assert!(alice.answer_text().await.starts_with("A person will answer you here."));
        alice.say(DESK, "/erase confirm").await;
        assert_eq!(alice.answer_text().await, "Everything is erased. Conversations: 1.");
    }
    let told = bob.drain(Duration::from_secs(1)).await;
    let told = told.iter().filter_map(body).filter(|text| text.starts_with("alice@localhost waits")).count();
    assert!(told <= 3, "{told} notices");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reactions_count_as_lines_and_ring_seldom() {
    let (server, database) = (Server::start(Kind::Prosody).await, Database::sqlite());
    let desk = "agents = [\"bob@localhost\"]\nlimits = { messages_per_minute = 10 }\n".to_owned();
    let app = Setting { desk, ..Setting::new(&server, &database, None) }.start().await;
    let mut bob = Client::login(&server, "bob", "desk").await;
    bob.say(DESK, "/on").await;
    bob.answer_text().await;
    let mut alice = Client::login(&server, "alice", "phone").await;
    alice.say(DESK, "/human It burns").await;
    let line = alice.answer().await;
    let line = line.attr("id").unwrap();
    let waits = |stanza: &xmpp_parsers::minidom::Element| {
        body(stanza).is_some_and(|text| text.starts_with("alice@localhost waits"))
    };
    let address = bob.expect("a notice", waits).await.attr("from").unwrap().to_owned();
    bob.say(&address, "/claim").await;
    let has_it =
        |stanza: &xmpp_parsers::minidom::Element| body(stanza).is_some_and(|text| text.starts_with("You have it"));
    bob.expect("the ticket", has_it).await;
    let faces: Vec<char> = ('😀'..='😯').collect();
    for face in &faces {
        let list =
            format!("<reactions xmlns='urn:xmpp:reactions:0' id='{line}'><reaction>{face}</reaction></reactions>");
        alice.send(&format!("<message type='chat' to='{DESK}'>{list}<store xmlns='urn:xmpp:hints'/></message>")).await;
    }
    // One warning, as for lines.
    let warned = |stanza: &xmpp_parsers::minidom::Element| {
        body(stanza).is_some_and(|text| text.starts_with("That was more than 10 messages in a minute"))
    };
    alice.expect("a warning", warned).await;
    let told = bob.drain(Duration::from_secs(1)).await;
    let told: Vec<_> = told.iter().filter_map(body).filter(|text| text.contains("reacts with")).collect();
    assert!((1..=2).contains(&told.len()), "{told:?}");
    let id = app.rest.tickets_of("alice@localhost").await[0]["id"].as_str().unwrap().to_owned();
    let kept = app.rest.message(&id, line).await["reaction"].as_str().unwrap().chars().next();
    let place = faces.iter().position(|face| Some(*face) == kept).unwrap();
    assert!(place < 20, "{place} of {} reactions were taken", faces.len());
    app.stop().await;
}
