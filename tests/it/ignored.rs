//! What must not open a ticket.

use crate::support::scenario;

scenario!(an_encrypted_message_is_explained_once_and_opens_no_ticket);
scenario!(what_is_no_chat_opens_no_ticket_and_gets_no_answer);

mod scenarios {
    use std::time::Duration;

    use deskbridge::helpdesk::{Caller, Role};
    use deskbridge_entity::hint;
    use jid::BareJid;
    use sea_orm::{EntityTrait, PaginatorTrait};

    use crate::support::{
        client::Client,
        contact::texts,
        database::Database,
        model::{Model, Reply},
        server::{Kind, Server},
        stage::{DESK, Setting, lines},
    };

    pub async fn an_encrypted_message_is_explained_once_and_opens_no_ticket(database: Database) {
        let server = Server::start(Kind::Prosody).await;
        let model = Model::start(Reply::Answer("Yes.".into())).await;
        let app = Setting::new(&server, &database, Some(&model)).start().await;
        let mut alice = Client::login(&server, "alice", "phone").await;
        let encrypted = |id: &str| {
            format!(
                "<message type='chat' to='{DESK}' id='{id}'>\
                 <encrypted xmlns='eu.siacs.conversations.axolotl'><header sid='1'><iv>AAAA</iv></header>\
                 <payload>c2VjcmV0</payload></encrypted>\
                 <encryption xmlns='urn:xmpp:eme:0' name='OMEMO' namespace='eu.siacs.conversations.axolotl'/>\
                 <body>I sent you an OMEMO encrypted message.</body>\
                 <request xmlns='urn:xmpp:receipts'/><store xmlns='urn:xmpp:hints'/></message>"
            )
        };
        for id in ["e1", "e2", "e3"] {
            alice.send(&encrypted(id)).await;
        }
        let hint = alice.answer_text().await;
        assert!(hint.contains("encrypted") && hint.contains("switch"), "{hint}");

        // In plain text it goes on as with everybody.
        let id = alice.say(DESK, "Now in plain text").await;
        alice.receipt(&id).await;
        assert_eq!(alice.answer_text().await, "Yes.");
        let conversation = app.rest.ticket_in("alice@localhost", "PENDING").await;
        assert_eq!(lines(&conversation)[0].1, "Now in plain text");
        assert_eq!(lines(&conversation).len(), 2);
        assert!(!model.requests()[0].to_string().contains("OMEMO"));
        app.stop().await;

        // Not again after a restart, unless the customer is a new one to us.
        let app = Setting::new(&server, &database, Some(&model)).start().await;
        alice.send(&encrypted("e4")).await;
        let came = texts(&alice.drain(Duration::from_millis(500)).await);
        assert_eq!(came, Vec::<String>::new());
        let helpdesk = app.helpdesk.clone().unwrap();
        let connection = database.connect().await;
        assert_eq!(hint::Entity::find().count(&connection).await.unwrap(), 1);
        let admin = Caller { id: "root".into(), name: None, role: Role::Admin, desks: None, scopes: vec![] };
        helpdesk.erase_customer(&admin, &BareJid::new("alice@localhost").unwrap()).await.unwrap();
        assert_eq!(hint::Entity::find().count(&connection).await.unwrap(), 0);
        connection.close().await.unwrap();
        drop(helpdesk);
        app.stop().await;
    }

    pub async fn what_is_no_chat_opens_no_ticket_and_gets_no_answer(database: Database) {
        let server = Server::start(Kind::Prosody).await;
        let model = Model::start(Reply::Answer("Yes.".into())).await;
        let app = Setting::new(&server, &database, Some(&model)).start().await;
        let mut alice = Client::login(&server, "alice", "phone").await;
        for (kind, inside) in [
            ("headline", "<body>News</body>"),
            ("groupchat", "<body>All</body>"),
            ("error", "<body>Came back</body>"),
            ("error", "<body>Came back</body><error type='cancel'/>"),
            ("chat", ""),
            ("chat", "<body/>"),
            ("chat", "<body> \n\t </body>"),
            ("normal", "<subject>Only a subject</subject>"),
            ("chat", "<composing xmlns='http://jabber.org/protocol/chatstates'/>"),
            ("chat", "<received xmlns='urn:xmpp:receipts' id='nothing-of-yours'/>"),
            ("chat", "<displayed xmlns='urn:xmpp:chat-markers:0' id='nothing-of-yours'/>"),
            ("chat", "<request xmlns='urn:xmpp:receipts'/>"),
            ("chat", "<x xmlns='jabber:x:conference' jid='room@localhost'/>"),
        ] {
            alice.send(&format!("<message type='{kind}' to='{DESK}' id='no-chat'>{inside}</message>")).await;
        }
        let came = alice.seen_until_pong(DESK).await;
        assert!(came.is_empty(), "{:?}", came.iter().map(String::from).collect::<Vec<_>>());
        // A line to another desk, stored after all that: it alone is there.
        let id = alice.say("billing@help.localhost", "Hello").await;
        alice.receipt(&id).await;
        alice.answer().await;
        let tickets = app.rest.tickets_of("alice@localhost").await;
        assert_eq!(tickets.len(), 1, "{tickets:?}");
        assert_eq!(tickets[0]["desk"], "billing");
        assert_eq!(model.requests().len(), 1);
        app.stop().await;
    }
}
