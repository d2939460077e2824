//! A receipt means: on disk. And what else is owed to the one who writes, or is not.

use crate::support::scenario;

scenario!(a_receipt_waits_for_the_commit);
scenario!(a_message_that_is_refused_gets_an_error_and_no_ticket);
scenario!(a_receipt_goes_to_who_asks_for_one_and_again_for_a_duplicate);
scenario!(typing_is_shown_once_and_only_to_clients_that_know_it);

mod scenarios {
    use std::time::Duration;

    use sea_orm::{ConnectionTrait, TransactionTrait};

    use crate::support::{
        client::{Client, body, chat_state, error_condition, receipt_for},
        database::Database,
        model::{Model, Reply},
        server::{Kind, Server},
        stage::{DESK, Setting},
    };

    pub async fn a_receipt_waits_for_the_commit(database: Database) {
        let server = Server::start(Kind::Prosody).await;
        let app = Setting::new(&server, &database, None).start().await;
        let mut alice = Client::login(&server, "alice", "phone").await;
        // Every commit of a line numbers its events here: nobody gets past a held row (or, on SQLite, a held database).
        let other = database.connect().await;
        let hold = other.begin().await.unwrap();
        hold.execute_unprepared("UPDATE counter SET value = value").await.unwrap();
        let id = alice.say(DESK, "Hello").await;
        // The line has been read by then, and a receipt that did not wait would have come before the pong or soon after.
        for _ in 0..20 {
            let came = alice.seen_until_pong(DESK).await;
            assert!(came.is_empty(), "{:?}", came.iter().map(String::from).collect::<Vec<_>>());
        }
        hold.rollback().await.unwrap();
        alice.receipt(&id).await;
        assert_eq!(app.rest.tickets_of("alice@localhost").await.len(), 1);
        app.stop().await;
    }

    pub async fn a_message_that_is_refused_gets_an_error_and_no_ticket(database: Database) {
        let server = Server::start(Kind::Prosody).await;
        let app = Setting::new(&server, &database, None).start().await;
        let mut alice = Client::login(&server, "alice", "phone").await;
        let long = "ä".repeat(32 * 1024) + "!";
        for (to, text, condition) in
            [("sales@help.localhost", "Hello", "item-not-found"), (DESK, long.as_str(), "not-acceptable")]
        {
            let id = alice.say(to, text).await;
            let error = alice.expect("an error", |stanza| stanza.attr("type") == Some("error")).await;
            assert_eq!((error.attr("id"), error.attr("from")), (Some(id.as_str()), Some(to)));
            assert_eq!(error_condition(&error).as_deref(), Some(condition));
        }
        let came = alice.seen_until_pong(DESK).await;
        assert!(came.is_empty(), "{:?}", came.iter().map(String::from).collect::<Vec<_>>());
        assert!(app.rest.tickets_of("alice@localhost").await.is_empty());
        // One byte less is taken.
        let id = alice.say(DESK, &long[..long.len() - 1]).await;
        alice.receipt(&id).await;
        assert_eq!(app.rest.tickets_of("alice@localhost").await.len(), 1);
        app.stop().await;
    }

    pub async fn a_receipt_goes_to_who_asks_for_one_and_again_for_a_duplicate(database: Database) {
        let server = Server::start(Kind::Prosody).await;
        let model = Model::start(Reply::Answer("Yes.".into())).await;
        let app = Setting::new(&server, &database, Some(&model)).start().await;
        let mut alice = Client::login(&server, "alice", "phone").await;
        alice.send(&format!("<message type='chat' to='{DESK}' id='silent'><body>One</body></message>")).await;
        // Without an id there is nothing to confirm.
        alice
            .send(&format!(
                "<message type='chat' to='{DESK}'><body>Two</body><request xmlns='urn:xmpp:receipts'/></message>"
            ))
            .await;
        // Receipts come in the order of the lines: the first to come is this one's.
        alice.say_as("asked", DESK, "Three").await;
        let first = alice.expect("a receipt", |stanza| receipt_for(stanza).is_some()).await;
        assert_eq!(receipt_for(&first).as_deref(), Some("asked"));
        assert_eq!(first.attr("to"), Some("alice@localhost/phone"));
        alice.say_as("asked", DESK, "Three").await;
        alice.receipt("asked").await;
        alice.answer().await;
        alice.say_as("asked", DESK, "Three").await;
        alice.receipt("asked").await;
        let conversation = app.rest.ticket_in("alice@localhost", "PENDING").await;
        assert_eq!(conversation["messages"].as_array().unwrap().len(), 4, "{conversation:#}");
        assert_eq!(model.requests().len(), 1);
        app.stop().await;
    }

    pub async fn typing_is_shown_once_and_only_to_clients_that_know_it(database: Database) {
        let server = Server::start(Kind::Prosody).await;
        let model = Model::start(Reply::Slow(Duration::from_millis(500), "Yes.".into())).await;
        let app = Setting::new(&server, &database, Some(&model)).start().await;
        let mut alice = Client::login(&server, "alice", "phone").await;
        let mut bob = Client::login(&server, "bob", "phone").await;
        alice.say(DESK, "Hello").await;
        bob.send(&format!("<message type='chat' to='{DESK}' id='plain'><body>Hello</body></message>")).await;

        let answer = alice.answer().await;
        assert_eq!((body(&answer).as_deref(), chat_state(&answer)), (Some("Yes."), Some("active")));
        let came = alice.seen_until_pong(DESK).await;
        let states: Vec<_> = came.iter().filter_map(chat_state).collect();
        assert_eq!(states, ["composing"]);

        let answer = bob.answer().await;
        assert_eq!((body(&answer).as_deref(), chat_state(&answer)), (Some("Yes."), None));
        let came = bob.seen_until_pong(DESK).await;
        assert!(came.is_empty(), "{:?}", came.iter().map(String::from).collect::<Vec<_>>());
        app.stop().await;
    }
}
