//! Whose turn it is: what customers are told of the queue is what the staff sees of it.

use crate::support::scenario;

scenario!(a_customer_s_place_is_the_place_in_the_staff_s_queue);

mod scenarios {
    use deskbridge::helpdesk::Role;
    use serde_json::{Value, json};

    use crate::support::{
        client::Client,
        database::Database,
        server::{Kind, Server},
        stage::{DESK, Running, Setting, token},
    };

    async fn told(client: &mut Client, words: &str) -> String {
        let id = client.say(DESK, words).await;
        client.receipt(&id).await;
        client.answer_text().await
    }

    /// The queue, as customers and places.
    async fn queue(app: &Running) -> Vec<(String, u64)> {
        let answer = app.rest.get(&token(Role::Admin, "root"), "/api/v1/xmpp/queue?desk=support").await;
        let queued = answer.json.as_array().unwrap_or_else(|| panic!("{}", answer.json)).clone();
        let text = |entry: &Value| entry["jid"].as_str().unwrap_or_else(|| panic!("{entry}")).to_owned();
        queued.iter().map(|entry| (text(entry), entry["position"].as_u64().unwrap())).collect()
    }

    async fn change(app: &Running, customer: &str, what: &str, body: Value) {
        let ticket = app.rest.tickets_of(customer).await[0]["id"].as_str().unwrap().to_owned();
        let root = token(Role::Admin, "root");
        let answer = app.rest.post(&root, &format!("/api/v1/xmpp/tickets/{ticket}/{what}"), &body).await;
        assert_eq!(answer.status, 200, "{}", answer.json);
    }

    fn place(ahead: u64) -> String {
        match ahead {
            0 => "You are next in line.".to_owned(),
            _ => format!("Before you in line: {ahead}."),
        }
    }

    pub async fn a_customer_s_place_is_the_place_in_the_staff_s_queue(database: Database) {
        let server = Server::start(Kind::Prosody).await;
        let app = Setting::new(&server, &database, None).start().await;
        let mut alice = Client::login(&server, "alice", "phone").await;
        let mut dave = Client::login(&server, "dave", "phone").await;
        let mut carol = Client::login(&server, "carol", "phone").await;
        assert!(told(&mut alice, "/human One").await.ends_with(&place(0)));
        assert!(told(&mut dave, "/human Two").await.ends_with(&place(1)));
        change(&app, "alice@localhost", "priority", json!({ "priority": "LOW" })).await;
        // Who is less urgent is taken later, however long the wait.
        assert!(told(&mut carol, "/human Three").await.ends_with(&place(1)));
        change(&app, "carol@localhost", "priority", json!({ "priority": "URGENT" })).await;
        let names = ["carol@localhost", "dave@localhost", "alice@localhost"];
        let queued: Vec<_> = names.iter().zip(1..).map(|(name, place)| ((*name).to_owned(), place)).collect();
        assert_eq!(queue(&app).await, queued);
        for (client, ahead) in [(&mut carol, 0), (&mut dave, 1), (&mut alice, 2)] {
            for words in ["/status", "/human"] {
                let standing = told(client, words).await;
                assert!(standing.ends_with(&place(ahead)), "{words}: {standing}");
            }
        }
        // What is snoozed is in nobody's way, and has no place.
        change(&app, "carol@localhost", "snooze", json!({ "for": "2h" })).await;
        let standing = told(&mut carol, "/status").await;
        assert!(!standing.contains("in line"), "{standing}");
        assert!(told(&mut dave, "/status").await.ends_with(&place(0)));
        let mut bob = Client::login(&server, "bob", "phone").await;
        assert!(told(&mut bob, "/human Four").await.ends_with(&place(1)), "behind dave, before alice");
        assert_eq!(queue(&app).await.last(), Some(&("alice@localhost".to_owned(), 3)));
        assert!(told(&mut alice, "/status").await.ends_with(&place(2)));
        app.stop().await;
    }
}
