//! The main way: a chat becomes a ticket and is answered.

use crate::support::scenario;

scenario!(a_chat_becomes_a_ticket_and_is_answered);
scenario!(a_client_that_counts_its_ids_from_one_is_heard_again_the_next_day);
scenario!(a_burst_a_duplicate_and_a_replay_give_one_answer);

mod scenarios {
    use std::time::Duration;

    use deskbridge::helpdesk::Role;

    use crate::support::{
        client::{Client, chat_state},
        database::Database,
        model::{Model, Reply},
        server::{Kind, Server},
        stage::{DESK, Setting, lines, token},
    };

    pub async fn a_chat_becomes_a_ticket_and_is_answered(database: Database) {
        let server = Server::start(Kind::Prosody).await;
        let model = Model::start(Reply::Answer("Two to three working days.".into())).await;
        let app = Setting::new(&server, &database, Some(&model)).start().await;
        let mut alice = Client::login(&server, "alice", "phone").await;

        let id = alice.say(DESK, "How long does shipping take?").await;
        alice.receipt(&id).await;
        let typing = alice.expect("a typing notice", |stanza| chat_state(stanza) == Some("composing")).await;
        assert_eq!(typing.attr("from"), Some(DESK));
        let answer = alice.answer().await;
        assert_eq!(answer.attr("to"), Some("alice@localhost/phone"));
        assert_eq!(crate::support::client::body(&answer).unwrap(), "Two to three working days.");

        let conversation = app.rest.ticket_in("alice@localhost", "PENDING").await;
        assert_eq!(
            lines(&conversation),
            [
                ("customer".to_owned(), "How long does shipping take?".to_owned()),
                ("assistant".to_owned(), "Two to three working days.".to_owned())
            ]
        );
        assert_eq!(conversation["messages"][1]["id"].as_str(), answer.attr("id"));

        // The customer reads the same over REST, with names from the customer's place.
        let own = token(Role::Customer, "alice@localhost");
        let mine = app.rest.sync(&own, conversation["ticket_id"].as_str().unwrap()).await;
        assert_eq!(
            (&mine["messages"][0]["sender"], &mine["messages"][1]["sender"]),
            (&"You".into(), &"AI Assistant".into())
        );
        app.stop().await;
    }

    pub async fn a_burst_a_duplicate_and_a_replay_give_one_answer(database: Database) {
        let server = Server::start(Kind::Prosody).await;
        let model = Model::start(Reply::Answer("All four at once.".into())).await;
        let app = Setting { quiet_window: "700ms", ..Setting::new(&server, &database, Some(&model)) }.start().await;
        let mut alice = Client::login(&server, "alice", "phone").await;
        let burst = ["Hello", "my parcel is late", "it is the green one", "where is it?"];
        for (id, text) in [("b0", burst[0]), ("b1", burst[1]), ("b2", burst[2]), ("b3", burst[3]), ("b3", burst[3])] {
            alice.say_as(id, DESK, text).await;
        }
        assert_eq!(alice.answer_text().await, "All four at once.");
        // A client that reconnects sends again what it has no receipt for.
        let mut again = Client::login(&server, "alice", "laptop").await;
        again.say_as("b3", DESK, "where is it?").await;
        again.receipt("b3").await;
        again.ping(DESK).await;
        let conversation = app.rest.ticket_in("alice@localhost", "PENDING").await;
        let customers = lines(&conversation).into_iter().filter(|(author, _)| author == "customer").count();
        assert_eq!((customers, lines(&conversation).len()), (4, 5), "{conversation:#}");
        let requests = model.requests();
        assert_eq!(requests.len(), 1);
        let asked = requests[0]["messages"].as_array().unwrap().last().unwrap()["content"].as_str().unwrap();
        assert!(asked.contains(&format!("The customer writes:\n{}\n", burst.join("\n"))), "{asked}");
        app.stop().await;
    }

    pub async fn a_client_that_counts_its_ids_from_one_is_heard_again_the_next_day(database: Database) {
        let server = Server::start(Kind::Prosody).await;
        let model = Model::start(Reply::Answer("Good day.".into())).await;
        let app = Setting::new(&server, &database, Some(&model)).start().await;
        let mut alice = Client::login(&server, "alice", "phone").await;
        for _ in 0..2 {
            alice.say_as("1", DESK, "Hello").await;
            alice.receipt("1").await;
        }
        alice.answer().await;
        app.clock.advance(Duration::from_hours(25));
        alice.say_as("1", DESK, "Hello").await;
        alice.answer().await;
        let conversation = app.rest.ticket_in("alice@localhost", "PENDING").await;
        let authors: Vec<String> = lines(&conversation).into_iter().map(|(author, _)| author).collect();
        assert_eq!(authors, ["customer", "assistant", "customer", "assistant"]);
        app.stop().await;
    }
}
