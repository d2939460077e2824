//! Small things that customers write: "ok", 👍, a command with a word too many, and a person asked for again.

use crate::support::scenario;

scenario!(small_talk_calls_nobody_and_reopens_nothing);
scenario!(who_waits_while_nobody_is_there_is_told_what_can_be_done);
scenario!(agents_are_told_what_was_asked_last);

mod scenarios {
    use std::time::Duration;

    use crate::support::{
        client::{Client, body},
        database::Database,
        eventually,
        server::{Kind, Server},
        stage::{DESK, Setting, lines},
    };

    const UNKNOWN: &str = "Do you repair bicycles?";

    async fn told(client: &mut Client, words: &str) -> String {
        let id = client.say(DESK, words).await;
        client.receipt(&id).await;
        client.answer_text().await
    }

    pub async fn small_talk_calls_nobody_and_reopens_nothing(database: Database) {
        let server = Server::start(Kind::Prosody).await;
        let app = Setting::new(&server, &database, None).start().await;
        let mut alice = Client::login(&server, "alice", "phone").await;
        assert!(told(&mut alice, "How long is a gift card valid?").await.contains("gift"));
        for (words, line) in [
            ("👍", "Good. If anything else comes up, just write."),
            ("Ok great", "Good. If anything else comes up, just write."),
            ("Danke schön, tschüss", "You are welcome!"),
            ("alles klar, bye", "Goodbye!"),
        ] {
            // So that it is no program that answers.
            app.clock.advance(Duration::from_secs(60));
            assert_eq!(told(&mut alice, words).await, line, "{words}");
        }
        assert_eq!(app.rest.ticket_in("alice@localhost", "PENDING").await["status"], "PENDING");
        told(&mut alice, "/resolve").await;
        for words in ["ok", "👍", "❤️", "bye", "ok thanks bye"] {
            let id = alice.say(DESK, words).await;
            alice.receipt(&id).await;
        }
        let resolved = app.rest.ticket_in("alice@localhost", "RESOLVED").await;
        assert!(lines(&resolved).contains(&("customer".to_owned(), "ok thanks bye".to_owned())), "{resolved}");
        // A question with such words in it is one.
        app.clock.advance(Duration::from_secs(60));
        told(&mut alice, "ok, and how long is a gift card valid?").await;
        app.rest.ticket_in("alice@localhost", "PENDING").await;
        app.stop().await;
    }

    pub async fn who_waits_while_nobody_is_there_is_told_what_can_be_done(database: Database) {
        let server = Server::start(Kind::Prosody).await;
        let desk = "agents = [\"bob@localhost\"]\n".to_owned();
        let app = Setting { desk, ..Setting::new(&server, &database, None) }.start().await;
        let mut alice = Client::login(&server, "alice", "phone").await;
        let offer = "With /new you can ask me something else; this question then no longer waits.";
        let handed_off = told(&mut alice, UNKNOWN).await;
        assert!(handed_off.contains("You are next in line. Nobody is on duty right now"), "{handed_off}");
        assert!(handed_off.ends_with(offer), "{handed_off}");

        // Who has just been told need not be told again.
        let asks = "I want to talk to a person";
        let id = alice.say(DESK, asks).await;
        alice.receipt(&id).await;
        app.clock.advance(Duration::from_mins(4));
        let again = told(&mut alice, asks).await;
        assert!(again.starts_with("A person will answer you here. You are next in line."), "{again}");
        let id = alice.say(DESK, asks).await;
        alice.receipt(&id).await;

        // A command with a text that it does not take is answered, and no line.
        assert_eq!(
            told(&mut alice, "/status of my order").await,
            "/status takes no text, so this did not reach us. Write /status alone, or your message without the slash."
        );
        assert!(
            told(&mut alice, "/status now please").await.starts_with(&format!("“{UNKNOWN}”: waiting for a person."))
        );
        let said = lines(&app.rest.ticket_in("alice@localhost", "ESCALATED").await);
        assert!(!said.iter().any(|(_, text)| text.starts_with('/')), "{said:?}");
        assert_eq!(said.iter().filter(|(_, text)| *text == again).count(), 1, "{said:?}");

        assert_eq!(
            told(&mut alice, "/new").await,
            format!("This is a new conversation; “{UNKNOWN}” no longer waits for a person. What is it about?")
        );
        let standing = told(&mut alice, "/status").await;
        assert!(standing.starts_with("“a conversation without a question yet”: waiting for you."), "{standing}");
        assert!(told(&mut alice, "How long is a gift card valid?").await.contains("gift"));
        // With the question behind the command nobody asks for it.
        app.clock.advance(Duration::from_mins(4));
        assert!(told(&mut alice, UNKNOWN).await.contains("A person will answer you here."));
        let anew = "/new How long is a gift card valid?";
        let gone = "“How long is a gift card valid?” no longer waits for a person.";
        assert_eq!(told(&mut alice, anew).await, gone);
        assert!(alice.answer_text().await.contains("gift"));
        app.clock.advance(Duration::from_mins(4));
        assert!(told(&mut alice, anew).await.contains("gift"));
        assert_eq!(told(&mut alice, "/löschen bestätigen").await, "Everything is erased. Conversations: 4.");
        app.stop().await;
    }

    pub async fn agents_are_told_what_was_asked_last(database: Database) {
        let server = Server::start(Kind::Prosody).await;
        let desk = "agents = [\"bob@localhost\"]\n".to_owned();
        let app = Setting { desk, ..Setting::new(&server, &database, None) }.start().await;
        let mut bob = Client::login(&server, "bob", "desk").await;
        let duty = bob.say(DESK, "/on").await;
        bob.receipt(&duty).await;
        bob.answer().await;
        let mut alice = Client::login(&server, "alice", "phone").await;
        told(&mut alice, "How long is a gift card valid?").await;
        told(&mut alice, UNKNOWN).await;
        let begins = |stanza: &_, text: &str| body(stanza).is_some_and(|body| body.starts_with(text));
        let waits = |who: &str, what: &str| format!("{who}@localhost waits for a person at support: {what}\n");
        bob.expect("the newest question", |stanza| begins(stanza, &waits("alice", UNKNOWN))).await;
        let waiting = app.rest.ticket_in("alice@localhost", "ESCALATED").await;
        let note = "\nIssue: Do you repair bicycles?\n";
        let ticket = waiting["ticket_id"].as_str().unwrap();
        assert!(app.rest.sync_as_agent(ticket).await.to_string().contains(&note.replace('\n', "\\n")), "{waiting}");
        let mut carol = Client::login(&server, "carol", "phone").await;
        told(&mut carol, "Hello").await;
        let id = carol.say(DESK, "/human The pot is broken").await;
        carol.receipt(&id).await;
        bob.expect("what came with it", |stanza| begins(stanza, &waits("carol", "The pot is broken"))).await;
        // A greeting names no ticket.
        assert_eq!(app.rest.ticket_in("carol@localhost", "ESCALATED").await["subject"], "The pot is broken");

        // An agent is not told of itself.
        bob.say(DESK, "Do you sell horses?").await;
        eventually("the agent's own ticket waits", || async {
            let rows = app.rest.tickets_of("bob@localhost").await;
            rows.iter().any(|row| row["status"] == "ESCALATED").then_some(())
        })
        .await;
        bob.ping(DESK).await;
        let came = bob.drain(Duration::from_millis(300)).await;
        assert!(!came.iter().any(|stanza| begins(stanza, "bob@localhost waits")), "{came:?}");
        app.stop().await;
    }
}
