//! Where answers go, and what their way back tells.

use crate::support::scenario;

scenario!(an_answer_goes_to_the_resource_that_wrote_last);
scenario!(when_that_resource_has_gone_the_answer_finds_another);
scenario!(a_presence_told_over_rest_counts_as_well);
scenario!(receipts_and_markers_of_the_customer_are_noted);
scenario!(a_bounce_marks_the_message_as_failed);
scenario!(reports_about_anothers_message_change_nothing);
scenario!(who_was_offline_gets_the_answer_at_login);
scenario!(the_assistant_is_silent_once_an_agent_has_replied);

mod scenarios {
    use serde_json::{Value, json};

    use crate::support::{
        client::{Client, body},
        contact::texts,
        database::Database,
        model::{Model, Reply},
        server::{Kind, Server},
        stage::{DESK, Running, Setting, lines},
    };

    /// A server, an application with a model that says "Yes.", and a model to look at.
    async fn stage(database: &Database) -> (Server, Model, Running) {
        let server = Server::start(Kind::Prosody).await;
        let model = Model::start(Reply::Answer("Yes.".into())).await;
        let app = Setting::new(&server, database, Some(&model)).start().await;
        (server, model, app)
    }

    /// Asks and is answered; gives the ticket's and the answer's id.
    async fn ask(app: &Running, customer: &mut Client) -> (String, String) {
        customer.say(DESK, "Do you sell tea?").await;
        let answer = customer.answer().await;
        let jid = customer.jid.split('/').next().unwrap();
        let tickets = app.rest.tickets_of(jid).await;
        assert_eq!(tickets.len(), 1, "{tickets:?}");
        (tickets[0]["id"].as_str().unwrap().to_owned(), answer.attr("id").unwrap().to_owned())
    }

    pub async fn an_answer_goes_to_the_resource_that_wrote_last(database: Database) {
        let (server, _model, app) = stage(&database).await;
        let mut phone = Client::login(&server, "alice", "phone").await;
        let mut laptop = Client::login(&server, "alice", "laptop").await;
        for turn in 0..2 {
            let (asks, rests) = if turn == 0 { (&mut phone, &mut laptop) } else { (&mut laptop, &mut phone) };
            asks.say(DESK, "Do you sell tea?").await;
            assert_eq!(asks.answer().await.attr("to"), Some(asks.jid.as_str()));
            assert_eq!(texts(&rests.seen_until_pong(DESK).await), Vec::<String>::new());
        }
        app.stop().await;
    }

    pub async fn when_that_resource_has_gone_the_answer_finds_another(database: Database) {
        let (server, _model, app) = stage(&database).await;
        let mut laptop = Client::login(&server, "alice", "laptop").await;
        laptop.befriend(DESK).await;
        let mut phone = Client::login(&server, "alice", "phone").await;
        app.rest.knows("alice@localhost/phone", "available").await;
        let (ticket, _) = ask(&app, &mut phone).await;
        phone.leave().await;
        app.rest.knows("alice@localhost/phone", "unavailable").await;
        let id = app.rest.reply(&ticket, "And coffee.").await;
        let reply = laptop.answer().await;
        assert_eq!((reply.attr("id"), reply.attr("to")), (Some(id.as_str()), Some("alice@localhost")));
        app.stop().await;
    }

    pub async fn a_presence_told_over_rest_counts_as_well(database: Database) {
        let (server, _model, app) = stage(&database).await;
        let mut phone = Client::login(&server, "alice", "phone").await;
        let mut laptop = Client::login(&server, "alice", "laptop").await;
        let (ticket, _) = ask(&app, &mut phone).await;
        app.rest.tell_presence(json!({ "jid": "alice@localhost/phone", "status": "unavailable" })).await;
        app.rest.reply(&ticket, "And coffee.").await;
        // To the bare JID: every resource has it.
        for client in [&mut laptop, &mut phone] {
            let reply = client.answer().await;
            assert_eq!((body(&reply).as_deref(), reply.attr("to")), (Some("And coffee."), Some("alice@localhost")));
        }
        app.rest.tell_presence(json!({ "jid": "alice@localhost/phone", "status": "available" })).await;
        app.rest.reply(&ticket, "And cups.").await;
        assert_eq!(phone.answer().await.attr("to"), Some("alice@localhost/phone"));
        app.stop().await;
    }

    pub async fn receipts_and_markers_of_the_customer_are_noted(database: Database) {
        let (server, _model, app) = stage(&database).await;
        let mut alice = Client::login(&server, "alice", "phone").await;
        let (ticket, id) = ask(&app, &mut alice).await;
        let sent = app.rest.reached(&ticket, &id, "sent_at").await;
        let fresh = app.rest.message(&ticket, &id).await;
        assert_eq!((&fresh["delivered_at"], &fresh["read_at"]), (&Value::Null, &Value::Null), "{fresh}");

        let receipt =
            format!("<message to='{DESK}' type='chat'><received xmlns='urn:xmpp:receipts' id='{id}'/></message>");
        alice.send(&receipt).await;
        let delivered = app.rest.reached(&ticket, &id, "delivered_at").await;
        alice
            .send(&format!(
                "<message to='{DESK}' type='chat'><displayed xmlns='urn:xmpp:chat-markers:0' id='{id}'/></message>"
            ))
            .await;
        let read = app.rest.reached(&ticket, &id, "read_at").await;
        // A second resource confirms, too: the first time stays. The next receipt is the fence.
        alice.send(&receipt).await;
        let fence = alice.say(DESK, "Fine.").await;
        alice.receipt(&fence).await;
        let after = app.rest.message(&ticket, &id).await;
        assert_eq!(
            [&after["sent_at"], &after["delivered_at"], &after["read_at"], &after["failed_at"]],
            [&sent, &delivered, &read, &Value::Null]
        );
        app.stop().await;
    }

    pub async fn a_bounce_marks_the_message_as_failed(database: Database) {
        let (_server, model, app) = stage(&database).await;
        let (ticket, id) = app.rest.approach("nobody@localhost", "Are you there?").await;
        app.rest.reached(&ticket, &id, "failed_at").await;
        let message = app.rest.message(&ticket, &id).await;
        assert_eq!((&message["delivered_at"], &message["read_at"]), (&Value::Null, &Value::Null), "{message}");
        assert_eq!(model.requests().len(), 0);
        app.stop().await;
    }

    pub async fn reports_about_anothers_message_change_nothing(database: Database) {
        let (server, _model, app) = stage(&database).await;
        let mut alice = Client::login(&server, "alice", "phone").await;
        let mut bob = Client::login(&server, "bob", "phone").await;
        let (ticket, id) = ask(&app, &mut alice).await;
        app.rest.reached(&ticket, &id, "sent_at").await;
        let before = app.rest.message(&ticket, &id).await;
        for report in [
            format!("<message to='{DESK}' type='chat'><received xmlns='urn:xmpp:receipts' id='{id}'/></message>"),
            format!("<message to='{DESK}'><displayed xmlns='urn:xmpp:chat-markers:0' id='{id}'/></message>"),
            format!("<message to='{DESK}'><acknowledged xmlns='urn:xmpp:chat-markers:0' id='{id}'/></message>"),
            format!(
                "<message to='{DESK}' type='error' id='{id}'><error type='cancel'>\
                 <item-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></message>"
            ),
        ] {
            bob.send(&report).await;
        }
        // Stored behind the reports.
        let fence = bob.say(DESK, "Hello").await;
        bob.receipt(&fence).await;
        assert_eq!(app.rest.message(&ticket, &id).await, before);
        app.stop().await;
    }

    pub async fn who_was_offline_gets_the_answer_at_login(database: Database) {
        let (server, model, app) = stage(&database).await;
        let mut alice = Client::login(&server, "alice", "phone").await;
        let (ticket, _) = ask(&app, &mut alice).await;
        alice.leave().await;
        let ids = [app.rest.reply(&ticket, "First.").await, app.rest.reply(&ticket, "Second.").await];
        app.rest.reached(&ticket, &ids[1], "sent_at").await;
        let mut alice = Client::login(&server, "alice", "laptop").await;
        for (id, text) in ids.iter().zip(["First.", "Second."]) {
            let reply = alice.answer().await;
            assert_eq!((reply.attr("id"), body(&reply).as_deref()), (Some(id.as_str()), Some(text)));
            assert!(reply.get_child("delay", "urn:xmpp:delay").is_some(), "{}", String::from(&reply));
        }
        assert_eq!(model.requests().len(), 1);
        app.stop().await;
    }

    pub async fn the_assistant_is_silent_once_an_agent_has_replied(database: Database) {
        let (server, model, app) = stage(&database).await;
        let mut alice = Client::login(&server, "alice", "phone").await;
        let mut bob = Client::login(&server, "bob", "phone").await;
        let (ticket, _) = ask(&app, &mut alice).await;
        app.rest.reply(&ticket, "This is Eve.").await;
        assert_eq!(alice.answer_text().await, "This is Eve.");
        let id = alice.say(DESK, "Hello Eve, and who was that before?").await;
        alice.receipt(&id).await;
        alice.seen_until_pong(DESK).await;
        // Bob's question came later and is due later: when he is answered, Alice would have been.
        ask(&app, &mut bob).await;
        let came = alice.seen_until_pong(DESK).await;
        assert!(came.is_empty(), "{:?}", came.iter().map(String::from).collect::<Vec<_>>());
        assert_eq!(model.requests().len(), 2, "one for Alice's first question, one for Bob's");
        let conversation = app.rest.ticket_in("alice@localhost", "OPEN").await;
        assert_eq!(conversation["handler"], "agent");
        let authors: Vec<_> = lines(&conversation).into_iter().map(|(author, _)| author).collect();
        assert_eq!(authors, ["customer", "assistant", "agent", "customer"]);
        app.stop().await;
    }
}
