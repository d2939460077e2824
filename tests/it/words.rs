//! Words that begin with a slash: unknown ones, German ones, and going on with what was resolved.

use crate::support::scenario;

scenario!(an_unknown_word_gets_one_line);
scenario!(at_a_german_desk_everything_is_german);
scenario!(a_customer_goes_on_with_what_was_resolved);
scenario!(what_came_with_a_command_is_corrected_without_it);

mod scenarios {
    use std::time::Duration;

    use crate::support::{
        client::{Client, body},
        database::Database,
        eventually,
        server::{Kind, Server},
        stage::{DESK, Running, Setting, lines},
    };

    async fn told(client: &mut Client, to: &str, words: &str) -> String {
        let id = client.say(to, words).await;
        client.receipt(&id).await;
        client.answer_text().await
    }

    pub async fn an_unknown_word_gets_one_line(database: Database) {
        let server = Server::start(Kind::Prosody).await;
        let desk = "agents = [\"bob@localhost\"]\n".to_owned();
        let app = Setting { desk, ..Setting::new(&server, &database, None) }.start().await;
        let mut alice = Client::login(&server, "alice", "phone").await;
        let mut bob = Client::login(&server, "bob", "desk").await;
        let unknown = "I do not know /foo. /help lists what I know.";
        assert_eq!(told(&mut alice, DESK, "/foo").await, unknown);
        let near =
            |word: &str, near: &str| format!("I do not know /{word}. Did you mean /{near}? /help lists what I know.");
        assert_eq!(told(&mut alice, DESK, "/Humna").await, near("humna", "human"));
        // What is the staff's is no hint to a customer.
        assert_eq!(told(&mut alice, DESK, "/queu").await, "I do not know /queu. /help lists what I know.");
        assert_eq!(told(&mut bob, DESK, "/queu").await, near("queu", "queue"));
        assert!(app.rest.tickets_of("alice@localhost").await.is_empty());
        app.stop().await;
    }

    pub async fn at_a_german_desk_everything_is_german(database: Database) {
        let server = Server::start(Kind::Prosody).await;
        let desk = "language = \"de\"\nagents = [\"bob@localhost\"]\n".to_owned();
        let app = Setting { desk, ..Setting::new(&server, &database, None) }.start().await;
        let mut alice = Client::login(&server, "alice", "phone").await;
        let help = told(&mut alice, DESK, "/hilfe").await;
        let words =
            ["/mensch", "/stand", "/neu", "/gespräche", "/erledigt", "/fortsetzen", "/daten", "/löschen", "/hilfe"];
        for word in words {
            assert!(help.contains(&format!("\n{word}: ")), "{word} is missing: {help}");
        }
        assert_eq!(told(&mut alice, DESK, "/help").await, help);
        let mut bob = Client::login(&server, "bob", "desk").await;
        assert!(told(&mut bob, DESK, "/hilfe").await.starts_with(&format!("{help}\n\nFür Mitarbeiter:\n/queue: ")));
        let near = "/mensh kenne ich nicht. Meinten Sie /mensch? /hilfe zeigt, was ich kenne.";
        assert_eq!(told(&mut alice, DESK, "/mensh").await, near);
        assert_eq!(told(&mut alice, DESK, "/neu").await, "Das ist ein neues Gespräch. Worum geht es?");
        let answer = told(&mut alice, DESK, "/mensch Mein Paket fehlt").await;
        assert!(answer.starts_with("Ein Mensch wird Ihnen hier antworten."), "{answer}");
        let standing = told(&mut alice, DESK, "/stand").await;
        assert!(standing.starts_with("„Mein Paket fehlt“: wartet auf einen Menschen."), "{standing}");
        assert!(told(&mut alice, DESK, "/gespräche").await.contains("Mein Paket fehlt"));
        assert!(told(&mut alice, DESK, "/erledigt").await.starts_with("Als erledigt abgeschlossen."));
        let again = told(&mut alice, DESK, "/fortsetzen").await;
        assert_eq!(again, "„Mein Paket fehlt“ ist wieder offen. Was fehlt noch?");
        assert!(told(&mut alice, DESK, "/daten").await.contains("Mein Paket fehlt"));
        assert!(told(&mut alice, DESK, "/löschen").await.ends_with("schreiben Sie: /löschen ja"));
        let items =
            "<query xmlns='http://jabber.org/protocol/disco#items' node='http://jabber.org/protocol/commands'/>";
        let list = alice.ask(DESK, "get", items).await;
        let mut names: Vec<_> =
            list.children().next().unwrap().children().filter_map(|item| item.attr("name")).collect();
        names.sort_unstable();
        let expected = [
            "Als erledigt abschließen",
            "Ein neues Gespräch beginnen",
            "Erledigtes fortsetzen",
            "Hilfe",
            "Meine Daten exportieren",
            "Meine Daten löschen",
            "Meine Gespräche",
            "Mit einem Menschen sprechen",
            "Wie steht es?",
        ];
        assert_eq!(names, expected);
        assert_eq!(told(&mut alice, DESK, "/löschen ja").await, "Alles ist gelöscht. Gespräche: 1.");
        app.stop().await;
    }

    pub async fn a_customer_goes_on_with_what_was_resolved(database: Database) {
        let server = Server::start(Kind::Prosody).await;
        let desk = "assistant = false\nagents = [\"bob@localhost\"]\n".to_owned();
        let app = Setting { desk, limits: false, ..Setting::new(&server, &database, None) }.start().await;
        let mut alice = Client::login(&server, "alice", "phone").await;
        let too_late = "There is nothing that could be reopened. Just write to begin a new conversation.";
        assert_eq!(told(&mut alice, DESK, "/reopen").await, too_late);
        told(&mut alice, DESK, "My parcel is late").await;
        assert_eq!(told(&mut alice, DESK, "/reopen").await, "“My parcel is late” is open. Just write.");
        told(&mut alice, DESK, "/resolve").await;
        let again = "“My parcel is late” is open again. What is left?";
        assert_eq!(told(&mut alice, DESK, "/reopen").await, again);
        app.rest.ticket_in("alice@localhost", "PENDING").await;
        // What is left is the people's here.
        assert!(told(&mut alice, DESK, "It is broken, too").await.starts_with("A person will answer you here."));

        // The agent who had it has it still, and is told.
        let ticket = ticket_address(&app, "ESCALATED").await;
        let mut bob = Client::login(&server, "bob", "desk").await;
        bob.say(&ticket, "/claim").await;
        assert!(bob.answer_text().await.starts_with("You have it"));
        bob.say(&ticket, "/resolve").await;
        assert_eq!(bob.answer_text().await, "Resolved.");
        alice.drain(Duration::from_millis(200)).await;
        let reopened =
            alice.ask(DESK, "set", "<command xmlns='http://jabber.org/protocol/commands' node='reopen'/>").await;
        assert_eq!(reopened.children().next().unwrap().attr("status"), Some("completed"));
        let told_to_bob = "The customer has reopened this ticket, and it is yours: My parcel is late";
        bob.expect("a notice", |stanza| body(stanza).as_deref() == Some(told_to_bob)).await;
        let conversation = app.rest.ticket_in("alice@localhost", "PENDING").await;
        assert_eq!(conversation["handler"], "agent", "{conversation}");
        assert_eq!(lines(&conversation).iter().filter(|(_, text)| text == again).count(), 2);

        // A week is the longest.
        bob.say(&ticket, "/resolve").await;
        assert_eq!(bob.answer_text().await, "Resolved.");
        alice.drain(Duration::from_millis(200)).await;
        app.clock.advance(Duration::from_hours(7 * 24 + 1));
        assert_eq!(told(&mut alice, DESK, "/reopen").await, too_late);
        app.stop().await;
    }

    pub async fn what_came_with_a_command_is_corrected_without_it(database: Database) {
        let server = Server::start(Kind::Prosody).await;
        let app = Setting::new(&server, &database, None).start().await;
        let mut alice = Client::login(&server, "alice", "phone").await;
        alice.say_as("typo", DESK, "/human It burms").await;
        alice.receipt("typo").await;
        let replace = "<body>/human It burns</body><replace xmlns='urn:xmpp:message-correct:0' id='typo'/>";
        alice.send(&format!("<message type='chat' to='{DESK}' id='fixed'>{replace}</message>")).await;
        alice.ping(DESK).await;
        eventually("the correction", || async {
            let conversation = app.rest.ticket_in("alice@localhost", "ESCALATED").await;
            let is_said = lines(&conversation).contains(&("customer".to_owned(), "It burns".to_owned()));
            // Ticket and lines are read one after the other.
            (is_said && conversation["subject"] == "It burns").then_some(())
        })
        .await;
        app.stop().await;
    }

    async fn ticket_address(app: &Running, status: &str) -> String {
        let ticket = app.rest.ticket_in("alice@localhost", status).await;
        let id = ticket["ticket_id"].as_str().unwrap().replace('-', "");
        format!("t-{}@help.localhost", &id[20..])
    }
}
