//! Agents with nothing but a chat client.

use crate::support::{scenario, scenario_on_any_server};

scenario_on_any_server!(an_agent_with_nothing_but_a_chat_client_helps_a_customer);
scenario!(who_comes_on_duty_learns_what_waits);
scenario!(strangers_find_nothing_at_a_tickets_address);

pub mod scenarios {
    use std::time::Duration;

    use crate::support::{
        client::{Client, body, error_condition},
        database::Database,
        eventually,
        model::{Model, Reply},
        server::{Kind, Server},
        stage::{DESK, Setting, lines},
    };

    const AGENTS: &str = "agents = [{ jid = \"bob@localhost\", name = \"Bob\" }, \"carol@localhost\"]\n";

    /// The next message from a ticket's own address: the address, and the text.
    async fn notice(agent: &mut Client) -> (String, String) {
        let stanza = agent
            .expect("a notice", |stanza| {
                body(stanza).is_some() && stanza.attr("from").is_some_and(|from| from.starts_with("t-"))
            })
            .await;
        (stanza.attr("from").unwrap().to_owned(), body(&stanza).unwrap())
    }

    /// Adds the desk as a contact, so that it learns who is there.
    async fn on_duty(agent: &mut Client, app: &crate::support::stage::Running) {
        agent.send(&format!("<presence type='subscribe' to='{DESK}'/>")).await;
        agent.expect("the desk asks back", |stanza| stanza.attr("type") == Some("subscribe")).await;
        agent.send(&format!("<presence type='subscribed' to='{DESK}'/>")).await;
        let bare = agent.jid.split('/').next().unwrap().to_owned();
        eventually("the agent is on duty", || async {
            let agents = app.helpdesk.as_ref().unwrap().agents().await.unwrap();
            agents.iter().any(|known| known.id == bare && known.is_on_duty()).then_some(())
        })
        .await;
    }

    pub async fn an_agent_with_nothing_but_a_chat_client_helps_a_customer(server: &Server, database: Database) {
        let model = Model::start(Reply::Answer("Two to three working days.".into())).await;
        let app = Setting { desk: AGENTS.into(), ..Setting::new(server, &database, Some(&model)) }.start().await;
        let mut bob = Client::login(server, "bob", "desk").await;
        let mut carol = Client::login(server, "carol", "desk").await;
        on_duty(&mut bob, &app).await;
        on_duty(&mut carol, &app).await;
        let mut alice = Client::login(server, "alice", "phone").await;
        alice.say(DESK, "My kettle explodes. Let me talk to a human!").await;
        let line = alice.answer_text().await;
        assert_eq!(line, "A person will answer you here. You are next in line.");

        // Everybody on duty is told; the claim of one tells the others.
        let (address, told) = notice(&mut bob).await;
        assert!(told.contains("alice@localhost") && told.contains("My kettle explodes"), "{told}");
        assert_eq!(notice(&mut carol).await, (address.clone(), told));
        let id = bob.say(&address, "Hello, this is Bob. Does it steam?").await;
        bob.receipt(&id).await;
        assert_eq!(alice.answer_text().await, "Hello, this is Bob. Does it steam?");
        let (_, told) = notice(&mut carol).await;
        assert!(told.starts_with("Bob has taken it"), "{told}");

        // A repeated stanza counts once; a note stays inside.
        bob.say_as(&id, &address, "Hello, this is Bob. Does it steam?").await;
        bob.receipt(&id).await;
        let note = bob.say(&address, "// sounds like model 3").await;
        bob.receipt(&note).await;
        alice.say(DESK, "It does!").await;
        assert_eq!(notice(&mut bob).await, (address.clone(), "It does!".to_owned()));
        assert_eq!(model.requests().len(), 0, "the assistant is silent");
        bob.say(&address, "Model 3, then.").await;

        // What the customer thinks of it, and on second thought.
        let said = alice.answer().await;
        let thumb = "<reactions xmlns='urn:xmpp:reactions:0' id='{}'><reaction>👍</reaction></reactions>";
        let thumb = thumb.replace("{}", said.attr("id").unwrap());
        alice
            .send(&format!("<message type='chat' to='{DESK}' id='up'>{thumb}<store xmlns='urn:xmpp:hints'/></message>"))
            .await;
        assert_eq!(notice(&mut bob).await.1, "alice@localhost reacts with 👍 to: Model 3, then.");
        alice.say_as("typo", DESK, "It is reed").await;
        assert_eq!(notice(&mut bob).await.1, "It is reed");
        let replace = "<body>It is red</body><replace xmlns='urn:xmpp:message-correct:0' id='typo'/>";
        alice.send(&format!("<message type='chat' to='{DESK}' id='fixed'>{replace}</message>")).await;
        assert_eq!(notice(&mut bob).await.1, "(corrected) It is red");

        // A colleague cannot talk over him.
        carol.say(&address, "I know better").await;
        let (_, refused) = notice(&mut carol).await;
        assert!(refused.contains("a colleague has this ticket"), "{refused}");
        let said = alice.drain(Duration::from_millis(300)).await;
        assert!(said.iter().all(|stanza| body(stanza).is_none()), "{said:?}");
        let conversation = app.rest.ticket_in("alice@localhost", "OPEN").await;
        let notes: Vec<_> = lines(&conversation).into_iter().map(|(_, text)| text).collect();
        assert!(notes.contains(&"sounds like model 3".to_owned()), "{notes:?}");
        assert_eq!(notes.iter().filter(|text| text.starts_with("Hello, this is Bob")).count(), 1);
        app.stop().await;
    }

    pub async fn who_comes_on_duty_learns_what_waits(database: Database) {
        let server = Server::start(Kind::Prosody).await;
        let app = Setting { desk: AGENTS.into(), ..Setting::new(&server, &database, None) }.start().await;
        let mut bob = Client::login(&server, "bob", "desk").await;
        on_duty(&mut bob, &app).await;
        let mut alice = Client::login(&server, "alice", "phone").await;
        alice.say(DESK, "Let me talk to a human!").await;
        assert_eq!(alice.answer_text().await, "A person will answer you here. You are next in line.");
        notice(&mut bob).await;
        bob.send("<presence type='unavailable'/>").await;
        let presence = |stanza: &xmpp_parsers::minidom::Element| stanza.attr("type") == Some("unavailable");
        bob.expect("his own absence", presence).await;
        bob.send("<presence/>").await;
        let told =
            bob.expect("a word of the desk", |stanza| stanza.attr("from") == Some(DESK) && body(stanza).is_some());
        assert_eq!(body(&told.await).unwrap(), "One ticket waits for a person here. /queue shows it.");
        // Not at each change of the status.
        bob.send("<presence><show>away</show></presence><presence/>").await;
        bob.ping(DESK).await;
        let more = bob.drain(Duration::from_millis(500)).await;
        assert!(more.iter().all(|stanza| body(stanza).is_none()), "{more:?}");
        app.stop().await;
    }

    pub async fn strangers_find_nothing_at_a_tickets_address(database: Database) {
        let server = Server::start(Kind::Prosody).await;
        let model = Model::start(Reply::Answer("Fine.".into())).await;
        let desk = "agents = [\"bob@localhost\"]\n".to_owned();
        let app = Setting { desk, ..Setting::new(&server, &database, Some(&model)) }.start().await;
        let mut alice = Client::login(&server, "alice", "phone").await;
        alice.say(DESK, "How are you?").await;
        alice.answer().await;
        let conversation = app.rest.ticket_in("alice@localhost", "PENDING").await;
        let id = conversation["ticket_id"].as_str().unwrap().replace('-', "");
        let address = format!("t-{}@help.localhost", &id[20..]);
        // Not even the customer whose ticket it is.
        for name in ["alice", "carol"] {
            let mut stranger = Client::login(&server, name, "other").await;
            stranger.say(&address, "Let me in").await;
            let error = stranger.expect("an error", |stanza| stanza.attr("type") == Some("error")).await;
            assert_eq!(error_condition(&error).as_deref(), Some("item-not-found"));
        }
        let mut bob = Client::login(&server, "bob", "desk").await;
        bob.say("t-0123456789ab@help.localhost", "Anybody?").await;
        let error = bob.expect("an error", |stanza| stanza.attr("type") == Some("error")).await;
        assert_eq!(error_condition(&error).as_deref(), Some("item-not-found"));
        let conversation = app.rest.ticket_in("alice@localhost", "PENDING").await;
        assert_eq!(lines(&conversation).len(), 2);
        app.stop().await;
    }
}
