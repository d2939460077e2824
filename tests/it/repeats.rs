//! Commands whose stanza comes again: as after a reconnect, or from an archive.

use crate::support::scenario;

scenario!(a_repeated_command_of_a_customer_changes_nothing);
scenario!(a_repeated_command_of_an_agent_changes_nothing);

mod scenarios {
    use std::time::Duration;

    use deskbridge::helpdesk::Role;
    use serde_json::Value;

    use crate::support::{
        client::{Client, body},
        database::Database,
        server::{Kind, Server},
        stage::{DESK, Running, Setting, lines, token},
    };

    const JID: &str = "alice@localhost";

    /// All that is kept of Alice's tickets.
    async fn kept(app: &Running) -> Vec<Value> {
        let mut kept = Vec::new();
        for ticket in app.rest.tickets_of(JID).await {
            kept.push(app.rest.sync(&token(Role::Admin, "root"), ticket["id"].as_str().unwrap()).await);
            kept.push(ticket);
        }
        // When they were sent, which is known a moment later, is no change.
        for message in kept.iter_mut().filter_map(|part| part.get_mut("messages")?.as_array_mut()).flatten() {
            for time in ["sent_at", "delivered_at", "read_at"] {
                message[time].take();
            }
        }
        kept
    }

    /// Sends a line, waits for its receipt, sends it again, and finds everything as it was.
    async fn twice(app: &Running, client: &mut Client, to: &str, text: &str) -> String {
        let id = client.say(to, text).await;
        client.receipt(&id).await;
        client.drain(Duration::from_millis(200)).await;
        again(app, client, &id, to, text).await;
        id
    }

    async fn again(app: &Running, client: &mut Client, id: &str, to: &str, text: &str) {
        let before = kept(app).await;
        client.say_as(id, to, text).await;
        client.receipt(id).await;
        let told: Vec<_> = client.drain(Duration::from_millis(200)).await.iter().filter_map(body).collect();
        assert!(told.is_empty(), "{text} is followed again: {told:?}");
        assert_eq!(kept(app).await, before, "{text} counts twice");
    }

    pub async fn a_repeated_command_of_a_customer_changes_nothing(database: Database) {
        let server = Server::start(Kind::Prosody).await;
        let desk = "assistant = false\n".to_owned();
        let app = Setting { desk, limits: false, ..Setting::new(&server, &database, None) }.start().await;
        let mut alice = Client::login(&server, "alice", "phone").await;
        let first = twice(&app, &mut alice, DESK, "/new My parcel is late").await;
        let second = twice(&app, &mut alice, DESK, "/new My invoice is wrong").await;
        again(&app, &mut alice, &first, DESK, "/new My parcel is late").await;
        assert_eq!(app.rest.tickets_of(JID).await.len(), 2);
        let human = twice(&app, &mut alice, DESK, "/human It is urgent").await;
        let waiting = twice(&app, &mut alice, DESK, "/human").await;
        let resolve = twice(&app, &mut alice, DESK, "/resolve").await;
        // The same words again are a new wish.
        twice(&app, &mut alice, DESK, "/human It is urgent").await;
        for (id, text) in
            [(&second, "/new My invoice is wrong"), (&human, "/human It is urgent"), (&resolve, "/resolve")]
        {
            again(&app, &mut alice, id, DESK, text).await;
        }
        twice(&app, &mut alice, DESK, "/resolve").await;
        again(&app, &mut alice, &waiting, DESK, "/human").await;
        twice(&app, &mut alice, DESK, "/reopen").await;
        again(&app, &mut alice, &resolve, DESK, "/resolve").await;
        let anew = twice(&app, &mut alice, DESK, "/new").await;
        twice(&app, &mut alice, DESK, "That is another matter").await;
        again(&app, &mut alice, &anew, DESK, "/new").await;
        let erase = twice(&app, &mut alice, DESK, "/erase confirm").await;
        twice(&app, &mut alice, DESK, "Hello again").await;
        again(&app, &mut alice, &erase, DESK, "/erase confirm").await;
        // For a day.
        app.clock.advance(Duration::from_hours(25));
        alice.say_as(&erase, DESK, "/erase confirm").await;
        assert_eq!(alice.answer_text().await, "Everything is erased. Conversations: 1.");
        app.stop().await;
    }

    pub async fn a_repeated_command_of_an_agent_changes_nothing(database: Database) {
        let server = Server::start(Kind::Prosody).await;
        let desk = "agents = [\"bob@localhost\"]\n".to_owned();
        let app = Setting { desk, ..Setting::new(&server, &database, None) }.start().await;
        let mut alice = Client::login(&server, "alice", "phone").await;
        let id = alice.say(DESK, "/human My parcel is late").await;
        alice.receipt(&id).await;
        let conversation = app.rest.ticket_in(JID, "ESCALATED").await;
        let id = conversation["ticket_id"].as_str().unwrap().replace('-', "");
        let ticket = &*format!("t-{}@help.localhost", &id[20..]);
        let mut bob = Client::login(&server, "bob", "desk").await;
        let claim = twice(&app, &mut bob, ticket, "/claim").await;
        for text in ["/note Angry", "//Angry", "// Angry", "/reply I look it up.", "/tags late", "/snooze 2h"] {
            twice(&app, &mut bob, ticket, text).await;
        }
        let release = twice(&app, &mut bob, ticket, "/release queue").await;
        again(&app, &mut bob, &claim, ticket, "/claim").await;
        twice(&app, &mut bob, ticket, "/claim").await;
        again(&app, &mut bob, &release, ticket, "/release queue").await;
        let resolve = twice(&app, &mut bob, ticket, "/resolve").await;
        twice(&app, &mut bob, ticket, "/reopen").await;
        again(&app, &mut bob, &resolve, ticket, "/resolve").await;
        let said = lines(&app.rest.ticket_in(JID, "OPEN").await);
        assert_eq!(said.iter().filter(|(_, text)| text == "Angry").count(), 3);
        assert_eq!(said.iter().filter(|(_, text)| text == "I look it up.").count(), 1);
        app.stop().await;
    }
}
