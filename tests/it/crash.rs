//! Nothing acknowledged is lost or doubled, and every committed answer arrives, whatever is killed and whenever.

use crate::support::scenario;

scenario!(killed_in_mid_load_it_loses_and_doubles_nothing);
scenario!(stopped_in_mid_load_it_ends_in_time_and_loses_nothing);
scenario!(the_xmpp_server_is_killed_in_mid_load);
scenario!(what_a_restarted_server_keeps_for_a_customer_is_not_overtaken);
scenario!(what_the_server_never_read_is_sent_again_when_both_were_killed);
scenario!(what_the_killed_server_still_had_in_its_buffers_is_sent_again);
scenario!(a_question_whose_draft_was_running_at_the_crash_is_answered);
scenario!(a_question_whose_draft_was_running_at_the_stop_is_answered_at_once);

mod scenarios {
    use std::{
        sync::Arc,
        time::{Duration, Instant},
    };

    use deskbridge::helpdesk::Role;
    use deskbridge_entity::message;
    use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
    use serde_json::json;
    use tokio::sync::RwLock;
    use xmpp_parsers::minidom::Element;

    use crate::support::{
        PATIENCE,
        client::{Client, body},
        database::Database,
        eventually,
        load::{Crowd, four},
        model::{Model, Reply},
        server::{Kind, Server},
        stage::{DESK, Process, Setting, token},
    };

    /// Lines between one kill and the next.
    const STRETCH: usize = 60;

    /// A place in the stretch with this number, never the same in two runs.
    fn somewhere_in(stretch: usize) -> usize {
        stretch * STRETCH + rand::random_range(5..STRETCH - 5)
    }

    pub async fn killed_in_mid_load_it_loses_and_doubles_nothing(database: Database) {
        let server = Arc::new(RwLock::new(Server::start(Kind::Prosody).await));
        let model = Model::start(Reply::Counted(Duration::from_millis(15))).await;
        let guard = server.read().await;
        let setting = Setting { quiet_window: "10ms", limits: false, ..Setting::new(&guard, &database, Some(&model)) };
        let mut app = setting.spawn().await;
        let mut crowd = Crowd::start(&server, &four(30)).await;
        for kill in 0..5 {
            crowd.acknowledged(somewhere_in(kill)).await;
            app.kill();
            app = setting.spawn().await;
        }
        crowd.settle(&app.rest, &database).await;
        app.kill();
    }

    pub async fn stopped_in_mid_load_it_ends_in_time_and_loses_nothing(database: Database) {
        let server = Arc::new(RwLock::new(Server::start(Kind::Prosody).await));
        let model = Model::start(Reply::Counted(Duration::from_millis(15))).await;
        let guard = server.read().await;
        let setting = Setting { quiet_window: "10ms", limits: false, ..Setting::new(&guard, &database, Some(&model)) };
        let mut app = setting.spawn().await;
        let mut crowd = Crowd::start(&server, &four(20)).await;
        for stop in 0..3 {
            crowd.acknowledged(somewhere_in(stop)).await;
            let began = Instant::now();
            assert_eq!(app.terminate().await.code(), Some(0));
            assert!(began.elapsed() < Duration::from_secs(10), "it took {:?} to stop", began.elapsed());
            app = setting.spawn().await;
        }
        crowd.settle(&app.rest, &database).await;
        assert_eq!(app.terminate().await.code(), Some(0));
    }

    pub async fn the_xmpp_server_is_killed_in_mid_load(database: Database) {
        let server = Arc::new(RwLock::new(Server::start(Kind::Prosody).await));
        let model = Model::start(Reply::Counted(Duration::from_millis(15))).await;
        let app = {
            let guard = server.read().await;
            let setting =
                Setting { quiet_window: "10ms", limits: false, ..Setting::new(&guard, &database, Some(&model)) };
            setting.start().await
        };
        let mut crowd = Crowd::start(&server, &four(30)).await;
        for kill in 0..4 {
            crowd.acknowledged(somewhere_in(kill)).await;
            let mut server = server.write().await;
            server.kill();
            server.restart().await;
        }
        crowd.settle(&app.rest, &database).await;
        app.stop().await;
    }

    pub async fn what_a_restarted_server_keeps_for_a_customer_is_not_overtaken(database: Database) {
        let mut server = Server::start(Kind::Prosody).await;
        let model = Model::start(Reply::Answer("Yes.".into())).await;
        let app = Setting::new(&server, &database, Some(&model)).start().await;
        let mut alice = Client::login(&server, "alice", "phone").await;
        alice.say(DESK, "Do you sell tea?").await;
        alice.answer().await;
        let conversation = app.rest.ticket_in("alice@localhost", "PENDING").await;
        let ticket = conversation["ticket_id"].as_str().unwrap();
        let sent = async |text: &str| {
            let id = app.rest.reply(ticket, text).await;
            app.rest.reached(ticket, &id, "sent_at").await;
        };
        server.kill();
        server.restart().await;
        sent("First.").await;
        // Her client has a session again, but is not available yet.
        let mut alice = Client::login_silently(&server, "alice", "phone").await;
        sent("Second.").await;
        alice.send("<presence/>").await;
        let mut heard = Vec::new();
        while heard.len() < 2 {
            // What the server confirmed shortly before the kill comes again.
            heard.extend(Some(alice.answer_text().await).filter(|text| text != "Yes."));
        }
        assert_eq!(heard, ["First.", "Second."]);
        // Who has said something is answered where it was said.
        let id = alice.say(DESK, "Thank you, Eve").await;
        alice.receipt(&id).await;
        sent("You are welcome.").await;
        assert_eq!(alice.answer().await.attr("to"), Some("alice@localhost/phone"));
        app.stop().await;
    }

    pub async fn what_the_server_never_read_is_sent_again_when_both_were_killed(database: Database) {
        let mut server = Server::start(Kind::Prosody).await;
        let model = Model::start(Reply::Hang).await;
        let app = Setting::new(&server, &database, Some(&model)).spawn().await;
        let eve = token(Role::Agent, "eve");
        server.freeze();
        let texts: Vec<_> = (0..5).map(|number| format!("{number} bottles")).collect();
        for text in &texts {
            let opening = json!({ "jid": "alice@localhost", "message": text });
            let opened = app.rest.post(&eve, "/api/v1/xmpp/tickets", &opening).await;
            assert!(opened.status == 201 || opened.status == 200, "{}", opened.json);
        }
        let ticket = &app.rest.tickets(&eve).await[0];
        let conversation = app.rest.sync(&eve, ticket["id"].as_str().unwrap()).await;
        for message in conversation["messages"].as_array().unwrap() {
            assert!(message["sent_at"].is_null(), "written is not sent: {message}");
        }
        app.kill();
        server.kill();
        server.restart().await;
        let mut alice = Client::login(&server, "alice", "phone").await;
        let app = Setting::new(&server, &database, Some(&model)).spawn().await;
        for text in texts {
            assert_eq!(alice.answer_text().await, text);
        }
        app.kill();
    }

    pub async fn what_the_killed_server_still_had_in_its_buffers_is_sent_again(database: Database) {
        /// More than the sockets between the server and a client hold.
        const MESSAGES: usize = 100;
        let mut server = Server::start(Kind::Prosody).await;
        let model = Model::start(Reply::Hang).await;
        let app = Setting::new(&server, &database, Some(&model)).start().await;
        let eve = token(Role::Agent, "eve");
        let mut alice = Client::login(&server, "alice", "phone").await;
        let opening = json!({ "jid": "alice@localhost", "message": "0 Hello" });
        let opened = app.rest.post(&eve, "/api/v1/xmpp/tickets", &opening).await;
        let ticket = opened.json["ticket_id"].as_str().unwrap();
        alice.answer().await;
        // She is in a tunnel from now on: her client reads nothing.
        for number in 1..MESSAGES {
            let content = json!({ "content": format!("{number} {}", "long ".repeat(12_000)) });
            let path = format!("/api/v1/xmpp/tickets/{ticket}/messages");
            assert_eq!(app.rest.post(&eve, &path, &content).await.status, 201);
        }
        let connection = database.connect().await;
        eventually("the server has taken everything", || async {
            let unsent = message::Entity::find().filter(message::Column::SentAt.is_null());
            unsent.one(&connection).await.unwrap().is_none().then_some(())
        })
        .await;
        connection.close().await.unwrap();
        server.kill();
        let mut arrived = vec!["0".to_owned()];
        // What the sockets held still comes.
        while let Ok(Some(stanza)) = alice.next(PATIENCE).await {
            arrived.extend(number_of(&stanza));
        }
        let before = arrived.len();
        assert!(before < MESSAGES, "nothing was left in the server's buffers");
        server.restart().await;
        let mut alice = Client::login(&server, "alice", "phone").await;
        while arrived.len() < MESSAGES {
            let stanza = alice.expect("the rest", |stanza| number_of(stanza).is_some()).await;
            arrived.extend(number_of(&stanza).filter(|number| !arrived.contains(number)));
        }
        let expected: Vec<_> = (0..MESSAGES).map(|number| number.to_string()).collect();
        assert_eq!(arrived, expected, "{before} came before the kill");
        app.stop().await;
    }

    /// The number that one of the long messages begins with.
    fn number_of(stanza: &Element) -> Option<String> {
        Some(body(stanza)?.split_once(' ')?.0.to_owned())
    }

    pub async fn a_question_whose_draft_was_running_at_the_crash_is_answered(database: Database) {
        // Alone on its database it knows that the lease is a dead process's; else it waits for the lease's end.
        let patience = if database.url.starts_with("sqlite:") { 5 } else { 20 };
        let waited = asked_again_after(&database, |app| async { app.kill() }).await;
        assert!(waited < Duration::from_secs(patience), "answered after {waited:?}");
    }

    pub async fn a_question_whose_draft_was_running_at_the_stop_is_answered_at_once(database: Database) {
        let waited = asked_again_after(&database, |app| async {
            assert_eq!(app.terminate().await.code(), Some(0));
        })
        .await;
        assert!(waited < Duration::from_secs(5), "answered after {waited:?}");
    }

    /// How long a customer waits for an answer after the next start when the first process ended during the draft.
    async fn asked_again_after<F: Future<Output = ()>>(
        database: &Database,
        end: impl FnOnce(Process) -> F,
    ) -> Duration {
        let server = Server::start(Kind::Prosody).await;
        let model = Model::start(Reply::Hang).await;
        let setting = Setting::new(&server, database, Some(&model));
        let app = setting.spawn().await;
        let mut alice = Client::login(&server, "alice", "phone").await;
        alice.say(DESK, "Do you ship to Norway?").await;
        eventually("the model is asked", || async { (model.requests().len() == 1).then_some(()) }).await;
        end(app).await;
        model.always(Reply::Answer("We do.".into()));
        let app = setting.spawn().await;
        let began = Instant::now();
        assert_eq!(alice.answer_text().await, "We do.");
        let waited = began.elapsed();
        app.rest.ticket_in("alice@localhost", "PENDING").await;
        assert_eq!(model.requests().len(), 2);
        app.kill();
        waited
    }
}
