//! Agents with nothing but a chat client.

use crate::support::{scenario, scenario_on_any_server};

scenario_on_any_server!(an_agent_with_nothing_but_a_chat_client_helps_a_customer);
scenario!(who_comes_on_duty_learns_what_waits);
scenario!(an_agents_second_thoughts_reach_the_customer_as_such);
scenario!(a_reply_names_what_it_answers_on_both_sides);
scenario!(what_was_taken_back_before_it_was_sent_is_never_sent);
scenario!(what_a_removed_agent_had_goes_back_to_the_queue);
scenario!(what_agents_were_told_is_not_kept_for_ever);
scenario!(strangers_find_nothing_at_a_tickets_address);

pub mod scenarios {
    use std::time::Duration;

    use deskbridge::helpdesk::{AgentStanza, Role};
    use deskbridge_entity::notice;
    use reqwest::Method;
    use sea_orm::{ColumnTrait, EntityTrait, IntoActiveModel, PaginatorTrait, QueryFilter};
    use serde_json::{Value, json};
    use uuid::Uuid;

    use crate::support::{
        client::{Client, body, error_condition},
        database::Database,
        eventually,
        model::{Model, Reply},
        server::{Kind, Server},
        stage::{DESK, Setting, lines, token},
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
        assert!(refused.contains("Bob has this ticket"), "{refused}");
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
        let (address, told) = notice(&mut bob).await;
        assert!(told.starts_with("alice@localhost waits for a person at support: Let me talk"), "{told}");
        bob.say(&address, "/history").await;
        assert!(notice(&mut bob).await.1.contains("Let me talk"), "it is the ticket's own address");
        // Not at each change of the status.
        bob.send("<presence><show>away</show></presence><presence/>").await;
        bob.ping(DESK).await;
        let more = bob.drain(Duration::from_millis(500)).await;
        assert!(more.iter().all(|stanza| body(stanza).is_none()), "{more:?}");
        app.stop().await;
    }

    /// Bob's line, in place of an earlier one.
    async fn correct(agent: &mut Client, address: &str, id: &str, of: &str, text: &str) {
        let replace = format!("<body>{text}</body><replace xmlns='urn:xmpp:message-correct:0' id='{of}'/>");
        agent.send(&format!("<message type='chat' to='{address}' id='{id}'>{replace}</message>")).await;
    }

    async fn retract(agent: &mut Client, address: &str, of: &str) {
        let retract = format!("<retract xmlns='urn:xmpp:message-retract:1' id='{of}'/><body>/me took it back</body>");
        agent.send(&format!("<message type='chat' to='{address}' id='r-{of}'>{retract}</message>")).await;
    }

    fn child_id(stanza: &xmpp_parsers::minidom::Element, name: &str, namespace: &str) -> Option<String> {
        Some(stanza.get_child(name, namespace)?.attr("id")?.to_owned())
    }

    /// What the message replaces.
    fn replaces(stanza: &xmpp_parsers::minidom::Element) -> Option<String> {
        child_id(stanza, "replace", "urn:xmpp:message-correct:0")
    }

    /// A reply as clients send it, with the quote that others need.
    fn reply(id: &str, to: &str, (answered, whose): (&str, &str), quote: &str, text: &str) -> String {
        format!(
            "<message type='chat' to='{to}' id='{id}'><body>&gt; {quote}\n{text}</body>\
             <reply xmlns='urn:xmpp:reply:0' to='{whose}' id='{answered}'/>\
             <fallback xmlns='urn:xmpp:fallback:0' for='urn:xmpp:reply:0'><body start='0' end='{}'/></fallback></message>",
            quote.chars().count() + 3
        )
    }

    /// Whose message a stanza answers, its id, and the text behind the part that only repeats it.
    fn replied(stanza: &xmpp_parsers::minidom::Element) -> (Option<(String, String)>, String) {
        let text = body(stanza).unwrap();
        let Some(named) = stanza.children().find(|child| child.is("reply", "urn:xmpp:reply:0")) else {
            return (None, text);
        };
        let range = stanza.get_child("fallback", "urn:xmpp:fallback:0").unwrap().children().next().unwrap();
        let end: usize = range.attr("end").unwrap().parse().unwrap();
        let named = (named.attr("to").unwrap().to_owned(), named.attr("id").unwrap().to_owned());
        (Some(named), text.chars().skip(end).collect())
    }

    pub async fn a_reply_names_what_it_answers_on_both_sides(database: Database) {
        let server = Server::start(Kind::Prosody).await;
        let app = Setting { desk: AGENTS.into(), ..Setting::new(&server, &database, None) }.start().await;
        let mut bob = Client::login(&server, "bob", "desk").await;
        on_duty(&mut bob, &app).await;
        let mut alice = Client::login(&server, "alice", "phone").await;
        alice.say(DESK, "My kettle explodes. Let me talk to a human!").await;
        let handed_off = alice.answer().await;
        let (address, _) = notice(&mut bob).await;
        let asked = bob.say(&address, "Does it steam? 🫖").await;
        bob.receipt(&asked).await;
        let seen = alice.answer().await.attr("id").unwrap().to_owned();
        let told = async |bob: &mut Client| {
            bob.expect("a notice", |stanza| stanza.attr("from") == Some(&address) && body(stanza).is_some()).await
        };
        let names = |whose: &str, id: &str| Some((whose.to_owned(), id.to_owned()));

        // Each side has ids of its own.
        alice.send(&reply("a2", DESK, (&seen, DESK), "Does it steam? 🫖", "It does!")).await;
        let line = told(&mut bob).await;
        assert_eq!(body(&line).unwrap(), "> Does it steam? 🫖\nIt does!");
        assert_eq!(replied(&line), (names("bob@localhost", &asked), "It does!".to_owned()));
        let line = line.attr("id").unwrap();
        bob.send(&reply("b2", &address, (line, &address), "It does!", "Unplug it.")).await;
        assert_eq!(replied(&alice.answer().await), (names("alice@localhost", "a2"), "Unplug it.".to_owned()));
        bob.send(&reply("b3", &address, (&asked, "bob@localhost"), "Does it steam?", "Still?")).await;
        assert_eq!(replied(&alice.answer().await), (names(DESK, &seen), "Still?".to_owned()));
        alice.send(&reply("a3", DESK, ("a2", "alice@localhost"), "It does!", "Less now")).await;
        assert_eq!(replied(&told(&mut bob).await), (names(&address, line), "Less now".to_owned()));

        // What the agent has never got has no id there, and a note none at the customer's.
        let answered = (handed_off.attr("id").unwrap(), DESK);
        alice.send(&reply("a4", DESK, answered, "A person will answer", "When?")).await;
        let quote = "> A person will answer you here. You are next in line.\nWhen?".to_owned();
        assert_eq!(replied(&told(&mut bob).await), (None, quote));
        let note = bob.say(&address, "// model 3").await;
        bob.receipt(&note).await;
        bob.send(&reply("b4", &address, (&note, "bob@localhost"), "// model 3", "Now.")).await;
        assert_eq!(replied(&alice.answer().await), (None, "Now.".to_owned()));
        app.stop().await;
    }

    pub async fn an_agents_second_thoughts_reach_the_customer_as_such(database: Database) {
        let server = Server::start(Kind::Prosody).await;
        let app = Setting { desk: AGENTS.into(), ..Setting::new(&server, &database, None) }.start().await;
        let mut bob = Client::login(&server, "bob", "desk").await;
        let mut carol = Client::login(&server, "carol", "desk").await;
        on_duty(&mut bob, &app).await;
        let mut alice = Client::login(&server, "alice", "phone").await;
        alice.say(DESK, "Let me talk to a human!").await;
        alice.answer().await;
        let (address, _) = notice(&mut bob).await;

        // The correction is in the outbox behind what it corrects, sent or not.
        bob.say_as("b1", &address, "It is blue").await;
        correct(&mut bob, &address, "b2", "b1", "It is red").await;
        let first = alice.answer().await;
        assert_eq!((body(&first).as_deref(), replaces(&first)), (Some("It is blue"), None));
        let first = first.attr("id").unwrap().to_owned();
        let second = alice.answer().await;
        assert_eq!((body(&second).as_deref(), replaces(&second)), (Some("It is red"), Some(first.clone())));
        assert_ne!(second.attr("id"), Some(first.as_str()));
        // Clients name the first version or the last; the customer's client knows all by the first.
        alice.say_as("a2", DESK, "And does it float?").await;
        app.rest.ticket_in("alice@localhost", "OPEN").await;
        correct(&mut bob, &address, "b3", "b2", "It is green").await;
        let third = alice.answer().await;
        assert_eq!((body(&third).as_deref(), replaces(&third)), (Some("It is green"), Some(first.clone())));
        // What she has asked since is not answered by that.
        let seen = app.rest.ticket_in("alice@localhost", "OPEN").await;
        assert!(seen["waiting_since"].is_string(), "{seen:#}");

        // A note stays one; what has gone out does not become one; nobody corrects what is not their own.
        bob.say_as("n1", &address, "// a difficult one").await;
        correct(&mut bob, &address, "n2", "n1", "an impossible one").await;
        correct(&mut bob, &address, "b4", "b1", "// it is grey, really").await;
        assert_eq!(notice(&mut bob).await.1, "And does it float?");
        let (_, told) = notice(&mut bob).await;
        assert!(told.starts_with("Not done: the customer has that line"), "{told}");
        correct(&mut carol, &address, "c1", "b1", "It is pink").await;
        let (_, told) = notice(&mut carol).await;
        assert!(told.starts_with("Not done: the line that this corrects"), "{told}");
        retract(&mut carol, &address, "b1").await;
        let (_, told) = notice(&mut carol).await;
        assert!(told.starts_with("Not done: you have no such line"), "{told}");
        let came = alice.drain(Duration::from_millis(300)).await;
        assert!(came.iter().all(|stanza| body(stanza).is_none()), "{came:?}");

        retract(&mut bob, &address, "b1").await;
        retract(&mut bob, &address, "n1").await;
        let gone = alice.answer().await;
        assert_eq!(child_id(&gone, "retract", "urn:xmpp:message-retract:1"), Some(first));
        let fallback = gone.get_child("fallback", "urn:xmpp:fallback:0").unwrap();
        assert_eq!(fallback.attr("for"), Some("urn:xmpp:message-retract:1"));
        correct(&mut bob, &address, "b5", "b1", "It is white").await;
        let (_, told) = notice(&mut bob).await;
        assert!(told.starts_with("Not done: the line that this corrects"), "{told}");

        // The history keeps all versions for the staff, but not what was said in them.
        let seen = app.rest.ticket_in("alice@localhost", "OPEN").await;
        let of_bob: Vec<&Value> =
            seen["messages"].as_array().unwrap().iter().filter(|message| message["author"] == "agent").collect();
        let shown = |flag: &str| of_bob.iter().map(|message| message[flag] == true).collect::<Vec<_>>();
        assert_eq!(of_bob.iter().map(|message| &message["content"]).collect::<Vec<_>>(), [""; 5]);
        assert_eq!(shown("edited"), [false, true, true, false, true]);
        assert_eq!(shown("superseded"), [true, true, false, true, false]);
        assert_eq!(shown("retracted"), [true; 5]);
        app.stop().await;
    }

    pub async fn what_was_taken_back_before_it_was_sent_is_never_sent(database: Database) {
        let mut server = Server::start(Kind::Prosody).await;
        let app = Setting { desk: AGENTS.into(), ..Setting::new(&server, &database, None) }.start().await;
        let mut alice = Client::login(&server, "alice", "phone").await;
        alice.say(DESK, "Let me talk to a human!").await;
        alice.answer().await;
        let seen = app.rest.ticket_in("alice@localhost", "ESCALATED").await;
        let ticket: Uuid = seen["ticket_id"].as_str().unwrap().parse().unwrap();
        server.kill();
        let helpdesk = app.helpdesk.clone().unwrap();
        let bob = helpdesk.agent_at(&"bob@localhost".parse().unwrap()).await.unwrap().unwrap().caller();
        for (id, text) in [("b1", "The password is hunter2"), ("b2", "Hello")] {
            let stanza = AgentStanza { id: Some(id.to_owned()), corrects: None, reply_to: None };
            helpdesk.reply_from_chat(&bob, ticket, text.to_owned(), None, stanza).await.unwrap();
        }
        helpdesk.take_back(&bob, ticket, "b1".to_owned()).await.unwrap();
        server.restart().await;
        let mut alice = Client::login(&server, "alice", "phone").await;
        let is_retraction = |stanza: &xmpp_parsers::minidom::Element| {
            child_id(stanza, "retract", "urn:xmpp:message-retract:1").is_some()
        };
        alice.expect("a retraction", is_retraction).await;
        let came: Vec<_> = alice.drain(Duration::from_millis(300)).await.iter().filter_map(body).collect();
        assert!(came.contains(&"Hello".to_owned()), "{came:?}");
        assert!(!came.iter().any(|text| text.contains("hunter2")), "{came:?}");
        drop(helpdesk);
        app.stop().await;
    }

    pub async fn what_a_removed_agent_had_goes_back_to_the_queue(database: Database) {
        let server = Server::start(Kind::Prosody).await;
        let model = Model::start(Reply::Answer("Two days.".into())).await;
        let setting = Setting { desk: AGENTS.into(), ..Setting::new(&server, &database, Some(&model)) };
        let app = setting.start().await;
        let mut bob = Client::login(&server, "bob", "desk").await;
        let mut carol = Client::login(&server, "carol", "desk").await;
        on_duty(&mut bob, &app).await;
        on_duty(&mut carol, &app).await;
        let mut alice = Client::login(&server, "alice", "phone").await;
        alice.say(DESK, "Let me talk to a human!").await;
        let (address, _) = notice(&mut bob).await;
        bob.say(&address, "/claim").await;
        let seen = app.rest.ticket_in("alice@localhost", "OPEN").await;
        let ticket = seen["ticket_id"].as_str().unwrap().to_owned();
        app.stop().await;
        let told = async |carol: &mut Client| {
            let waits = "Reason: the agent who had it is gone.";
            carol.expect("the ticket waits again", |stanza| body(stanza).is_some_and(|text| text.contains(waits))).await
        };

        // Gone from the configuration.
        let setting = Setting { desk: "agents = [\"carol@localhost\"]\n".into(), ..setting };
        let app = setting.start().await;
        app.rest.ticket_in("alice@localhost", "ESCALATED").await;
        told(&mut carol).await;

        // Removed over REST.
        let root = token(Role::Admin, "root");
        let agent = "/api/v1/xmpp/agents/sue";
        let bound = app.rest.request(Method::PUT, agent).bearer_auth(&root).json(&json!({ "desks": ["support"] }));
        assert_eq!(app.rest.ask(bound).await.status, 201);
        let claim = format!("/api/v1/xmpp/tickets/{ticket}/claim");
        assert_eq!(app.rest.post(&token(Role::Agent, "sue"), &claim, &json!({})).await.status, 200);
        let removed = app.rest.request(Method::DELETE, agent).bearer_auth(&root);
        assert_eq!(app.rest.ask(removed).await.status, 204);
        app.rest.ticket_in("alice@localhost", "ESCALATED").await;
        told(&mut carol).await;

        // What is done is nobody's then: who takes it up again does not wait for her.
        let bound = app.rest.request(Method::PUT, agent).bearer_auth(&root).json(&json!({ "desks": ["support"] }));
        assert_eq!(app.rest.ask(bound).await.status, 201);
        let sue = token(Role::Agent, "sue");
        let say = format!("/api/v1/xmpp/tickets/{ticket}/messages");
        assert_eq!(app.rest.post(&sue, &say, &json!({ "content": "Here I am." })).await.status, 201);
        let resolve = format!("/api/v1/xmpp/tickets/{ticket}/resolve");
        assert_eq!(app.rest.post(&sue, &resolve, &json!({})).await.status, 200);
        let removed = app.rest.request(Method::DELETE, agent).bearer_auth(&root);
        assert_eq!(app.rest.ask(removed).await.status, 204);
        alice.say(DESK, "How long does shipping take?").await;
        let seen = app.rest.ticket_in("alice@localhost", "PENDING").await;
        assert_eq!(seen["handler"], "assistant");
        app.stop().await;
    }

    pub async fn what_agents_were_told_is_not_kept_for_ever(database: Database) {
        let server = Server::start(Kind::Prosody).await;
        let app = Setting::new(&server, &database, None).start().await;
        let helpdesk = app.helpdesk.clone().unwrap();
        let connection = database.connect().await;
        let now = app.clock.now();
        let told = |seq: i64, sent: bool| notice::Model {
            id: Uuid::now_v7(),
            // Far from those that are made here.
            seq: 1_000_000 + seq,
            ticket_id: None,
            message_id: None,
            retracts: None,
            sender: "support".to_owned(),
            recipient: "bob@localhost".to_owned(),
            body: "One ticket waits.".to_owned(),
            created_at: now,
            sent_at: sent.then_some(now),
        };
        for part in 0..3 {
            let rows = (0..500).map(|row| told(part * 500 + row, true).into_active_model());
            notice::Entity::insert_many(rows).exec(&connection).await.unwrap();
        }
        let kept = || async {
            let sent = notice::Entity::find().filter(notice::Column::SentAt.is_not_null());
            sent.count(&connection).await.unwrap()
        };
        app.clock.advance(Duration::from_hours(6 * 24));
        helpdesk.sweep().await.unwrap();
        assert_eq!(kept().await, 1500);
        app.clock.advance(Duration::from_hours(2 * 24));
        helpdesk.sweep().await.unwrap();
        assert_eq!(kept().await, 500, "a sweep has its measure");
        helpdesk.sweep().await.unwrap();
        assert_eq!(kept().await, 0);
        connection.close().await.unwrap();
        drop(helpdesk);
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
